import { type ErrorCode, KeyleafError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { reportError } from "../report-error.ts";

/** What programs look for in the reference's messages. It stands on a line of its own in front of what failed. */
const phrases: ReadonlyMap<ErrorCode, string> = new Map([
  ["INPUT_NOT_ENCRYPTED", "sops metadata not found"],
  ["KEY_UNAVAILABLE", "Failed to get the data key required to decrypt the SOPS file."],
  ["INTEGRITY_MAC", "MAC mismatch."],
  ["OUTPUT_UNCHANGED", "File has not changed, exiting."],
  ["CONFIG_NO_RULE", "error loading config: no matching creation rules found"],
]);

/** Reports what failed. */
export function reportSopsError(context: Context, error: unknown): void {
  const phrase = error instanceof KeyleafError ? phrases.get(error.code) : undefined;
  if (phrase !== undefined) context.streams.stderr.write(`${phrase}\n`);
  reportError(context, error);
}
