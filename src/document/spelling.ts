/**
 * The record of original spellings: where printing an opened value would not give back the very characters that stood
 * there (`0x1F`, `1.50`, `"a\x41"`), those characters are kept, sealed as one value, in the metadata. The reference
 * ignores the field and drops it when it writes.
 */
export interface Spelling {
  /** Number of the entry, from 0, among those that are selected, in the order of the walk; -1: text before the document. */
  readonly index: number;
  /** The entry's path text; must agree, so that a record never speaks about another entry. */
  readonly pathText: string;
  /** The source text that stood in the entry's place. */
  readonly text: string;
}

/** Index of what stood before the document and may not stay there (a byte order mark in JSON). */
export const LEADING = -1;

export function encodeSpellings(spellings: readonly Spelling[]): string {
  return JSON.stringify(spellings.map(({ index, pathText, text }) => [index, pathText, text]));
}

/** Spellings by index. What cannot be read is left out: a broken record never hinders decrypting. */
export function decodeSpellings(text: string): ReadonlyMap<number, Spelling> {
  const spellings = new Map<number, Spelling>();
  for (const row of parseRows(text)) {
    if (!Array.isArray(row)) continue;
    const [index, pathText, spelled]: unknown[] = row;
    if (typeof index !== "number" || typeof pathText !== "string" || typeof spelled !== "string") continue;
    spellings.set(index, { index, pathText, text: spelled });
  }
  return spellings;
}

function parseRows(text: string): readonly unknown[] {
  try {
    const rows: unknown = JSON.parse(text);
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}
