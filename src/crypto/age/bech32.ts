/** Bech32 as age uses it for keys: the checksum and alphabet of BIP 173, without its limit of 90 characters. */

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_CHARACTERS = 6;

/** What was read, or what is wrong with the text in a few words that repeat nothing of it. */
export type Bech32 = { readonly prefix: string; readonly bytes: Uint8Array } | { readonly problem: string };

/**
 * Reads Bech32 text strictly: one case throughout, right checksum, whole bytes, zero padding bits.
 *
 * @param text - `prefix`, `1`, data and checksum; not trimmed.
 * @returns `prefix` in the case it was written in, without the `1`.
 *
 * Source: BIP 173.
 */
export function decodeBech32(text: string): Bech32 {
  if (!/^[\x21-\x7e]*$/.test(text)) return { problem: "unexpected character" };
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return { problem: "mixed case" };
  const separator = text.lastIndexOf("1");
  if (separator < 1 || text.length - separator - 1 < CHECKSUM_CHARACTERS) return { problem: "incomplete" };
  const prefix = lower.slice(0, separator);
  const groups: number[] = [];
  for (const character of lower.slice(separator + 1)) groups.push(ALPHABET.indexOf(character));
  if (groups.includes(-1)) return { problem: "unexpected character" };
  if (polymod([...expand(prefix), ...groups]) !== 1) return { problem: "wrong checksum" };
  const bytes = toBytes(groups.slice(0, -CHECKSUM_CHARACTERS));
  if (bytes === null) return { problem: "wrong padding" };
  return { prefix: text.slice(0, separator), bytes };
}

/**
 * @param prefix - Lower case.
 * @returns Lower case text.
 */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const groups = toGroups(bytes);
  const checksum = polymod([...expand(prefix), ...groups, 0, 0, 0, 0, 0, 0]) ^ 1;
  for (let shift = 25; shift >= 0; shift -= 5) groups.push((checksum >>> shift) & 31);
  return `${prefix}1${groups.map((group) => ALPHABET[group]).join("")}`;
}

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (let bit = 0; bit < 5; bit++) if ((top >>> bit) & 1) sum ^= GENERATOR[bit] ?? 0;
  }
  return sum;
}

/** The prefix as it enters the checksum: high bits, a zero, low bits. */
function expand(prefix: string): number[] {
  const high: number[] = [];
  const low: number[] = [];
  for (const character of prefix) {
    high.push(character.charCodeAt(0) >>> 5);
    low.push(character.charCodeAt(0) & 31);
  }
  return [...high, 0, ...low];
}

function toGroups(bytes: Uint8Array): number[] {
  const groups: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      groups.push((held >>> bits) & 31);
    }
  }
  if (bits > 0) groups.push((held << (5 - bits)) & 31);
  return groups;
}

/** `null` when bits are left over that are not zero, or a whole group of them. */
function toBytes(groups: readonly number[]): Uint8Array | null {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const group of groups) {
    held = ((held << 5) | group) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >>> bits) & 255);
    }
  }
  return bits >= 5 || (held & ((1 << bits) - 1)) !== 0 ? null : new Uint8Array(bytes);
}
