import { located } from "../errors.ts";

/**
 * Text of a file, strictly UTF-8: a replacement character would silently change a value nobody edits.
 *
 * @returns The text. A byte order mark stays, as U+FEFF at offset 0, so that the text encodes back to the same bytes.
 * @throws `INPUT_UNSUPPORTED` with line and column of the first byte that is not UTF-8.
 */
export function decodeUtf8(source: Uint8Array): string {
  const text = textOf(source);
  if (text !== null) return text;
  const offset = firstInvalid(source, 0);
  const before = asBuffer(source.subarray(0, offset)).toString("utf8");
  const hint = "save it as UTF-8, or encrypt it as a whole with --type binary";
  throw located("INPUT_UNSUPPORTED", "the file is not UTF-8 text", before, before.length, hint);
}

/**
 * Text of bytes that may not be UTF-8, with one U+FFFD for each byte that is no part of a valid sequence, as Go decodes.
 * For output that cannot hold bytes, such as JSON.
 */
export function decodeLossy(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  let text = "";
  for (let at = 0; at < buffer.length; at++) {
    const end = firstInvalid(buffer, at);
    text += buffer.toString("utf8", at, end);
    if (end < buffer.length) text += "\ufffd";
    at = end;
  }
  return text;
}

/** Text of bytes, `null` when they are not UTF-8: what is decoded to replacement characters is not the same when encoded. */
function textOf(bytes: Uint8Array): string | null {
  const text = asBuffer(bytes).toString("utf8");
  return !text.includes("\ufffd") || Buffer.from(text).equals(bytes) ? text : null;
}

/** The same bytes, not copied. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Offset, from `from` on, of the first byte that does not begin a valid sequence; the length when there is none. */
function firstInvalid(source: Uint8Array, from: number): number {
  let at = from;
  while (at < source.length) {
    const length = sequenceLength(source[at] as number);
    if (length === 0 || at + length > source.length || textOf(source.subarray(at, at + length)) === null) return at;
    at += length;
  }
  return at;
}

/** Bytes of the UTF-8 sequence that begins with `lead`; 0 when none does. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}
