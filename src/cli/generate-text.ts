import { KeyleafError } from "../errors.ts";
import { nearest } from "../nearest.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const ALNUM = LOWER.toUpperCase() + LOWER + DIGITS;

/** Alphabets by name; any other text stands for its own characters. */
export const alphabets: ReadonlyMap<string, string> = new Map([
  ["alnum", ALNUM],
  ["alpha", LOWER.toUpperCase() + LOWER],
  ["lower", LOWER],
  ["digits", DIGITS],
  ["hex", `${DIGITS}abcdef`],
  ["base64url", `${ALNUM}-_`],
  ["ascii", String.fromCharCode(...Array.from({ length: 94 }, (_, i) => i + 0x21))],
]);

/** More than anybody needs, and no mistake of a zero too many. */
const MOST_CHARACTERS = 4096;

/** A random byte tells apart so many characters. */
const BYTE_VALUES = 256;

/**
 * Random text: `32`, `32:hex`, or `12:ABC123` for characters of one's own. Every character is as likely as any other.
 * @param wanted - how many characters, and an alphabet: `alnum` unless given
 * @returns the text, and what can be said of it: how long it is, and how hard to guess, in bits.
 * @throws `USAGE`
 */
export function generateText(
  wanted: string,
  fillRandom: (bytes: Uint8Array) => void,
): { text: string; description: string } {
  const [, digits = "", name = "alnum"] = /^(\d{1,5})(?::(.*))?$/s.exec(wanted) ?? [];
  const length = Number(digits);
  if (length < 1 || length > MOST_CHARACTERS) {
    throw new KeyleafError("USAGE", `--generate takes a number of characters from 1 to ${MOST_CHARACTERS}`, {
      hint: "for example 32, or 32:hex",
    });
  }
  const characters = [...new Set(alphabets.get(name) ?? ownAlphabet(name))];
  const chosen: string[] = [];
  // Bytes beyond the last whole multiple would make the first characters likelier.
  const limit = BYTE_VALUES - (BYTE_VALUES % characters.length);
  const bytes = new Uint8Array(length);
  while (chosen.length < length) {
    fillRandom(bytes);
    for (const byte of bytes)
      if (byte < limit && chosen.length < length) chosen.push(characters[byte % characters.length] as string);
  }
  bytes.fill(0);
  const bits = Math.floor(length * Math.log2(characters.length));
  return { text: chosen.join(""), description: `made a random value: ${length} characters, ${bits} bits` };
}

function ownAlphabet(name: string): string {
  const names = [...alphabets.keys()];
  const meant = /^[a-z]{3,}\d*$/i.test(name) ? nearest(name, names) : null;
  if (meant !== null) throw new KeyleafError("USAGE", `unknown alphabet ${name}`, { hint: `did you mean ${meant}?` });
  const count = new Set(name).size;
  if (count < 2 || count > BYTE_VALUES) {
    throw new KeyleafError("USAGE", "an alphabet has 2 to 256 different characters", {
      hint: `or one of these names: ${names.join(", ")}`,
    });
  }
  return name;
}
