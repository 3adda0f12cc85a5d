import { makeDataKey } from "./crypto/wrap-data-key.ts";
import {
  type EncryptOptions,
  type EncryptResult,
  encryptApart,
  encryptWith,
  type NewFileKeys,
  wrappedFor,
} from "./encrypt.ts";
import type { Host } from "./host.ts";

/** A file that is going to be encrypted, when there is something to go into it. Nothing can fail then for want of a key. */
export interface NewFile {
  /** As `encrypt` does, always with the same data key. To be verified before the file is closed. */
  encrypt(source: Uint8Array, options: Omit<EncryptOptions, keyof NewFileKeys | "file">): Promise<EncryptResult>;
  /** As that of an `OpenFile`. */
  encryptApart(content: Uint8Array): Promise<Uint8Array>;
  /** Overwrites the data key. To be called in any case; nothing is encrypted after it. */
  close(): void;
}

/**
 * Makes a data key and wraps it for who is to open the file.
 * @throws as `wrapDataKey` does.
 */
export async function newFile(
  { file = null, ...keys }: NewFileKeys & Pick<EncryptOptions, "file">,
  host: Host,
): Promise<NewFile> {
  const dataKey = makeDataKey(host);
  try {
    const wrapped = await wrappedFor(dataKey, keys, host);
    let isClosed = false;
    const key = () => {
      // With an overwritten key it would be sealed for anybody.
      if (isClosed) throw new Error("the file is closed");
      return { dataKey, wrapped: async () => wrapped };
    };
    return {
      encrypt: async (source, options) => encryptWith(key(), source, { ...options, file }, host),
      encryptApart: async (content) => encryptApart(content, file, key(), host),
      close() {
        isClosed = true;
        dataKey.fill(0);
      },
    };
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}
