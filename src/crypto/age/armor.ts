import { decodeBase64 } from "./base64.ts";
import { AgeFailure } from "./failure.ts";

const BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----";
const END = "-----END AGE ENCRYPTED FILE-----";
const COLUMNS = 64;
const BINARY_START = Buffer.from("age-encryption");

/**
 * The binary form of an age file that may be armored. Binary files are told by how they start; all else must be armor.
 * @throws `PROVIDER_FAILED` (armor)
 */
export function toBinary(file: Uint8Array): Uint8Array {
  return BINARY_START.equals(file.subarray(0, BINARY_START.length)) ? file : decodeArmor(file);
}

/**
 * Takes the armor off: 64-column padded base64 between two marker lines. Lines end in LF or CRLF, and blank space around
 * the whole is skipped; everything else is strict.
 *
 * @throws `PROVIDER_FAILED` (armor)
 *
 * Source: C2SP age.md, "ASCII armor".
 */
export function decodeArmor(file: Uint8Array): Uint8Array {
  const text = Buffer.from(file).toString("latin1");
  const lines = text.trim().replaceAll("\r\n", "\n").split("\n");
  if (lines.shift() !== BEGIN) throw new AgeFailure("armor", "first line is not the marker of an age file");
  if (lines.pop() !== END) throw new AgeFailure("armor", "last line is not the end marker");
  const hasRightLengths = lines.every((line, index) =>
    index < lines.length - 1 ? line.length === COLUMNS : line.length > 0 && line.length <= COLUMNS,
  );
  if (!hasRightLengths) throw new AgeFailure("armor", "lines are not 64 columns long");
  const bytes = decodeBase64(lines.join(""), true);
  if (bytes === null) throw new AgeFailure("armor", "not base64");
  return bytes;
}

/** Armor around a binary age file: LF line ends, one after the end marker too. */
export function encodeArmor(file: Uint8Array): string {
  const base64 = Buffer.from(file).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [BEGIN, ...lines, END, ""].join("\n");
}
