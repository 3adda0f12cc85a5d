import type { Observer } from "./decrypt.ts";
import type { Document, Edit, Entry, Scalar } from "./document/document.ts";

/** One value as it was sealed in an earlier version of a file. */
export interface EarlierValue {
  readonly entry: Entry;
  /** What was opened. */
  readonly scalar: Scalar;
  /** The text of its encrypted value. */
  readonly envelope: string;
  /** The associated data it is sealed with. */
  readonly aad: string;
  /** `null` where it has no place of its own in the file. */
  written: Written | null;
}

/** How a value is written. */
interface Written {
  /** All that stands in its place in the encrypted file, quotes too. */
  readonly sealed: string;
  /** What stands in that place in the plaintext. */
  readonly plaintext: Edit["text"];
  /** The plaintext has it by the record of original spellings. */
  readonly isSpelled: boolean;
}

/**
 * Gives the next value that was there and has not been given yet: one that was written just so, else one with that
 * content. `null`: there is none.
 * @param text - what stands in its place in the plaintext; `null`: it has none
 */
export type TakeEarlier = (pathText: string, scalar: Scalar, text: string | null) => EarlierValue | null;

/**
 * The sealed values of a file that is opened, for a changed version of it: what is the same there keeps its ciphertext.
 * That reuses an iv under one data key only for the same plaintext and associated data, which gives the same bytes.
 */
export class EarlierValues implements Observer {
  /** In document order. */
  readonly all: EarlierValue[] = [];
  readonly #doc: Document;
  readonly #byContent = new Map<string, EarlierValue[]>();
  readonly #byText = new Map<string, EarlierValue[]>();
  readonly #byEntry = new Map<Entry, { readonly value: EarlierValue; readonly pathText: string }>();
  /** Text and envelope of the record of original spellings. */
  #record: { readonly text: string; readonly envelope: string } | null = null;

  /** @param doc - the encrypted file */
  constructor(doc: Document) {
    this.#doc = doc;
  }

  entry(entry: Entry, pathText: string, aad: string, scalar: Scalar): void {
    const value = { entry, scalar, envelope: entry.scalar.text as string, aad, written: null };
    this.all.push(value);
    this.#byEntry.set(entry, { value, pathText });
    add(this.#byContent, contentOf(pathText, scalar), value);
  }

  edit(entry: Entry, { start, end, text }: Edit, isSpelled: boolean): void {
    const known = this.#byEntry.get(entry);
    if (known === undefined) return;
    known.value.written = { sealed: this.#doc.source.slice(start, end), plaintext: text, isSpelled };
    if (typeof text === "string") add(this.#byText, placeOf(known.pathText, text), known.value);
  }

  record(text: string, envelope: string): void {
    this.#record = { text, envelope };
  }

  /** What the record of original spellings says; `null`: there is none. */
  get recordText(): string | null {
    return this.#record?.text ?? null;
  }

  /** The envelope of the record, if that says just this. */
  envelopeOfRecord(text: string): string | null {
    return this.#record?.text === text ? this.#record.envelope : null;
  }

  /** For one version of the file. */
  takeEach(): TakeEarlier {
    const taken = new Set<EarlierValue>();
    const next = (values: EarlierValue[] | undefined, at: Map<EarlierValue[], number>): EarlierValue | null => {
      if (values === undefined) return null;
      let place = at.get(values) ?? 0;
      while (place < values.length && taken.has(values[place] as EarlierValue)) place++;
      at.set(values, place + 1);
      return values[place] ?? null;
    };
    const places = new Map<EarlierValue[], number>();
    return (pathText, scalar, text) => {
      const value =
        (text === null ? null : next(this.#byText.get(placeOf(pathText, text)), places)) ??
        next(this.#byContent.get(contentOf(pathText, scalar)), places);
      if (value !== null) taken.add(value);
      return value;
    };
  }
}

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** With the length of the path in front, no two places run together. */
function placeOf(pathText: string, text: string): string {
  return `${pathText.length} ${pathText}${text}`;
}

function contentOf(pathText: string, { type, text }: Scalar): string {
  const isText = typeof text === "string";
  return `${type} ${isText} ${placeOf(pathText, isText ? text : Buffer.from(text).toString("latin1"))}`;
}
