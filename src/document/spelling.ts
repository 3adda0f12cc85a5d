import type { Variant } from "./document.ts";

/**
 * The record of original spellings: where printing an opened value would not give back the very characters that stood
 * there (`0x1F`, `1.50`, `"a\x41"`), those characters are kept, sealed as one value, in the metadata. The reference
 * ignores the field and drops it when it writes.
 */
export interface Spelling {
  /**
   * Number of the entry, from 0, among those that are sealed, in the order of the walk. For an alias of a collection, that
   * of the first entry in what it was written out to.
   */
  readonly index: number;
  /** The entry's path text, or the collection's; must agree, so that a record never speaks about another entry. */
  readonly pathText: string;
  /** The source text that stood in the entry's place. */
  readonly text: string;
}

/** All that a record says. */
export interface Spellings {
  /** By the number of the entry. */
  readonly entries: ReadonlyMap<number, Spelling>;
  /** What stood in the places of variants, by their names (see {@link namedVariants}). */
  readonly variants: ReadonlyMap<string, string>;
}

/** Text of a record: rows of number, path and text for entries, of name and text for variants. */
export function encodeSpellings(entries: readonly Spelling[], variants: Iterable<readonly [string, string]>): string {
  return JSON.stringify([...variants, ...entries.map(({ index, pathText, text }) => [index, pathText, text])]);
}

/** What a record says. What cannot be read is left out: a broken record never hinders decrypting. */
export function decodeSpellings(record: string): Spellings {
  const entries = new Map<number, Spelling>();
  const variants = new Map<string, string>();
  for (const row of parseRows(record)) {
    if (!Array.isArray(row)) continue;
    const [first, second, third]: unknown[] = row;
    if (typeof second !== "string") continue;
    if (typeof first === "string") variants.set(first, second);
    else if (typeof first === "number" && typeof third === "string")
      entries.set(first, { index: first, pathText: second, text: third });
  }
  return { entries, variants };
}

/** Variants under the names that a record has for them: their kind, and their number among those of that kind. */
export function namedVariants(variants: readonly Variant[]): [string, Variant][] {
  const counts = new Map<string, number>();
  return variants.map((variant) => {
    const count = counts.get(variant.kind) ?? 0;
    counts.set(variant.kind, count + 1);
    return [count === 0 ? variant.kind : `${variant.kind} ${count}`, variant];
  });
}

function parseRows(text: string): readonly unknown[] {
  try {
    const rows: unknown = JSON.parse(text);
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}
