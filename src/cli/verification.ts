import type { EncryptOptions, EncryptResult } from "../encrypt.ts";
import { KeyleafError } from "../errors.ts";

/** Encrypted files are decrypted and compared before they count. */

const MOST_VERIFIED = 256 * 1024;

/**
 * Whether a result is verified before it goes to standard output: up to 256 KiB, and wherever more than values was written
 * anew. Files always are.
 */
export function isVerified(source: Uint8Array, { isRearranged }: Pick<EncryptResult, "isRearranged">): boolean {
  return isRearranged || source.length <= MOST_VERIFIED;
}

/** The check that an encrypted file comes back; byte for byte, unless it is in another format than it was. */
export function verification(
  verify: EncryptResult["verify"],
  { format, outputFormat = format }: Pick<EncryptOptions, "format" | "outputFormat">,
): (written: Uint8Array) => Promise<void> {
  return async (written) => {
    if ((await verify(written)) || outputFormat !== format) return;
    throw new KeyleafError("OUTPUT_VERIFY_FAILED", "it would not come back byte for byte", {
      hint: "please report the layout of the file; --input-type binary encrypts it as a whole",
    });
  };
}
