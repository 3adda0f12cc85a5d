/**
 * Strict standard base64: no blanks, no other alphabet, no spare bits set, padding exactly as asked. Node's own decoder
 * skips what it does not know, so the text is encoded again and compared.
 *
 * @param text - One line, without its end.
 * @param isPadded - Whether `=` must fill up the last group, or must not be there.
 * @returns `null` when it is not the one encoding of some bytes.
 */
export function decodeBase64(text: string, isPadded: boolean): Uint8Array | null {
  const bytes = Buffer.from(text, "base64");
  return (isPadded ? bytes.toString("base64") : encodeUnpadded(bytes)) === text ? bytes : null;
}

/** Standard base64 without `=`, as in age headers. */
export function encodeUnpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64").replaceAll("=", "");
}
