import type { RecipientOptions } from "../crypto/keys/provider.ts";
import { KeyleafError } from "../errors.ts";
import type { Flags } from "./context.ts";

/**
 * The AWS encryption context that a flag gives: `name:value,name2:value2`.
 * @throws `USAGE_BAD_CONTEXT`
 */
export function encryptionContext(flags: Flags): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const text = flags.text("encryption-context") ?? "";
  for (const part of text === "" ? [] : text.split(",")) {
    const [name = "", value, ...more] = part.split(":");
    if (name.trim() === "" || value === undefined || more.length > 0) {
      throw new KeyleafError(
        "USAGE_BAD_CONTEXT",
        "bad --encryption-context: each part must be name:value, with one colon",
      );
    }
    pairs.set(name, value);
  }
  return pairs;
}

/** What flags say about AWS keys that others name. @throws `USAGE_BAD_CONTEXT` */
export function recipientOptions(flags: Flags): Required<RecipientOptions> {
  return { awsProfile: flags.text("aws-profile") ?? "", encryptionContext: encryptionContext(flags) };
}
