import { blockOf, type DecryptOptions, dataKeyOf, metadataOf, openText } from "./decrypt.ts";
import type { Document } from "./document/document.ts";
import type { Metadata } from "./document/metadata.ts";
import { changedBlock } from "./document/metadata-block.ts";
import { compileSelection, type Selection } from "./document/selection.ts";
import { EarlierValues } from "./earlier-values.ts";
import { type EncryptResult, encryptApart, parsePlaintext, sealPlaintext } from "./encrypt.ts";
import { KeyleafError } from "./errors.ts";
import type { Format } from "./formats/format.ts";
import { formatOf } from "./formats/registry.ts";
import type { Host } from "./host.ts";

export type OpenOptions = Pick<DecryptOptions, "format" | "ignoreMac" | "unwrapped" | "recovery" | "file">;

/** A changed version of an encrypted file. */
export interface Update extends Pick<EncryptResult, "sealed" | "clear"> {
  /** The encrypted file; the very bytes of the earlier one where nothing changed. Verified: it decrypts to the plaintext. */
  readonly output: Uint8Array;
  readonly isUnchanged: boolean;
}

/** An encrypted file that is open: what is in it, and a way to encrypt a changed plaintext in its place. */
export interface OpenFile {
  /** As `decrypt` gives it. */
  readonly plaintext: Uint8Array;
  /** What the user should know, without any value. */
  readonly notices: readonly string[];
  readonly metadata: Metadata;
  /**
   * Encrypts a changed plaintext for the same recipients and by the same rule. What has the same path and content keeps
   * its ciphertext, so that a diff shows what was changed and no more.
   * @throws as `encrypt` does, but not for a file in which nothing is left to be encrypted.
   */
  update(plaintext: Uint8Array): Promise<Update>;
  /**
   * Encrypts any bytes for the same recipients, as a binary file: what cannot take the place of the plaintext, and is not to
   * be lost.
   * @returns the encrypted file. Verified, as an {@link Update}.
   */
  encryptApart(content: Uint8Array): Promise<Uint8Array>;
  /** Overwrites the data key. To be called in any case; no update after it. */
  close(): void;
}

/**
 * Opens an encrypted file to change it. Every tag and the MAC are checked.
 * @throws as `decrypt` does.
 */
export async function openFile(source: Uint8Array, options: OpenOptions, host: Host): Promise<OpenFile> {
  const format = await formatOf(options.format);
  const doc = await format.parse(source);
  const metadata = metadataOf(doc);
  const dataKey = await dataKeyOf(doc, metadata, options, host);
  const path = options.file ?? null;
  try {
    await host.audit?.("decrypt", path);
    const earlier = new EarlierValues(doc);
    const opened = await openText(doc, metadata, format, dataKey, options, earlier);
    const plaintext = await opened.text();
    const selection = await compileSelection(metadata.selection, "ignore");
    const file: EarlierFile = { doc, source, metadata, format, selection, dataKey, earlier };
    let isClosed = false;
    const checkOpen = (): void => {
      // With an overwritten key it would be sealed for anybody.
      if (isClosed) throw new Error("the file is closed");
    };
    return {
      plaintext,
      notices: opened.notices,
      metadata,
      async update(changed) {
        checkOpen();
        if (Buffer.compare(changed, plaintext) === 0)
          return { output: source, isUnchanged: true, sealed: earlier.all.length, clear: [] };
        await host.audit?.("encrypt", path);
        return { ...(await encryptOver(file, changed, host)), isUnchanged: false };
      },
      async encryptApart(content) {
        checkOpen();
        return encryptApart(content, path, { dataKey, wrapped: async () => metadata }, host);
      },
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

interface EarlierFile {
  readonly doc: Document;
  readonly source: Uint8Array;
  readonly metadata: Metadata;
  readonly format: Format;
  readonly selection: Selection;
  readonly dataKey: Uint8Array;
  readonly earlier: EarlierValues;
}

async function encryptOver(file: EarlierFile, changed: Uint8Array, host: Host): Promise<Omit<Update, "isUnchanged">> {
  const { format, metadata, selection, dataKey, earlier } = file;
  const result = await sealPlaintext(
    {
      doc: await parsePlaintext(format, changed),
      source: changed,
      format,
      outputFormat: format,
      selection,
      macOnlyEncrypted: metadata.macOnlyEncrypted,
      dataKey,
      print: {},
      earlier,
      like: file.doc,
    },
    async (seal) => changedBlock(blockOf(file.doc), seal),
    host,
  );
  if (!(await result.verify(result.output))) {
    throw new KeyleafError("OUTPUT_VERIFY_FAILED", "it would not come back byte for byte", {
      hint: "please report the layout of the file",
    });
  }
  return result;
}
