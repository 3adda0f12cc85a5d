import type { Edit } from "./document.ts";

/**
 * Source text with all edits applied, as UTF-8. Edits may come in any order but must not overlap; insertions at one
 * offset (`start === end`) keep the order they were given in.
 */
export function applyEdits(source: string, edits: Iterable<Edit>): Uint8Array {
  return new EditList(edits).applyTo(source);
}

/** Bytes that texts are kept in together. */
const PAGE_BYTES = 64 * 1024;
/** Characters or bytes from which on a text is kept as it is. */
const LONG = 4 * 1024;

const NO_PAGE = Buffer.alloc(0);

/**
 * Edits of one source text, which must not overlap. Short texts are kept as UTF-8, one behind the other: there may be an
 * edit for each line, and an object and a string each would take up several times as much memory.
 */
export class EditList {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Where the texts begin, counted over all pages, and how many bytes they take there. */
  readonly #textStarts: number[] = [];
  readonly #textLengths: number[] = [];
  readonly #pages: Buffer[] = [];
  /** Bytes of all pages up to the end of the last text. */
  #used = 0;
  /** By the edit's position. */
  readonly #longTexts = new Map<number, string | Uint8Array>();
  #isInOrder = true;
  /** Positions in the order of the source text, once that is another one. */
  #sorted: readonly number[] = [];

  constructor(edits: Iterable<Edit> = []) {
    this.addAll(edits);
  }

  get length(): number {
    return this.#starts.length;
  }

  add({ start, end, text }: Edit): void {
    const isLong = text.length >= LONG;
    if (isLong) this.#longTexts.set(this.length, text);
    const length = isLong ? 0 : this.#keep(text);
    this.#isInOrder &&= start >= (this.#starts.at(-1) ?? 0);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#textStarts.push(this.#used - length);
    this.#textLengths.push(length);
  }

  addAll(edits: Iterable<Edit>): void {
    for (const edit of edits) this.add(edit);
  }

  /** Whether a range that is not empty lies within one that is replaced. */
  isInside({ start, end }: Pick<Edit, "start" | "end">): boolean {
    const before = this.#firstFrom(start + 1) - 1;
    return start < end && before >= 0 && (this.#ends[this.#position(before)] as number) >= end;
  }

  /** The first offset, from `offset` on, at which something is replaced; `Infinity` when there is none. */
  nextStart(offset: number): number {
    const next = this.#firstFrom(offset);
    return next === this.length ? Number.POSITIVE_INFINITY : (this.#starts[this.#position(next)] as number);
  }

  /** Those that do not lie within one of another list, as they were added. */
  outside(outer: EditList): Edit[] {
    const edits: Edit[] = [];
    for (const [i, start] of this.#starts.entries()) {
      const range = { start, end: this.#ends[i] as number };
      if (!outer.isInside(range)) edits.push({ ...range, text: this.#text(i) });
    }
    return edits;
  }

  /**
   * The source text with all edits applied, as UTF-8; insertions at one offset keep the order they were added in.
   * @param more - at one offset they come before those of the list.
   */
  applyTo(source: string, more: readonly Edit[] = []): Uint8Array {
    const before = more.toSorted((a, b) => a.start - b.start);
    const output = new Output(source, this.#lengthAfter(source, before));
    let next = 0;
    for (let nth = 0; nth < this.length; nth++) {
      const i = this.#position(nth);
      const start = this.#starts[i] as number;
      for (let edit = before[next]; edit !== undefined && edit.start <= start; edit = before[++next]) {
        output.replace(edit);
      }
      output.skip(start, this.#ends[i] as number);
      this.#addText(i, output);
    }
    for (const edit of before.slice(next)) output.replace(edit);
    return output.finish();
  }

  /** How long the text will be: bytes that are not ASCII count as if they were, where they are not counted yet. */
  #lengthAfter(source: string, before: readonly Edit[]): number {
    let length = source.length;
    for (const { start, end, text } of before) length += text.length - (end - start);
    for (const [i, start] of this.#starts.entries()) {
      length += (this.#textLengths[i] as number) - ((this.#ends[i] as number) - start);
    }
    for (const text of this.#longTexts.values()) length += text.length;
    return length;
  }

  /** @returns how many bytes were added behind those that are used. */
  #keep(text: string | Uint8Array): number {
    const isText = typeof text === "string";
    const atMost = text.length * (isText ? 3 : 1);
    if (atMost === 0) return 0;
    if (this.#used + atMost > this.#pages.length * PAGE_BYTES) {
      this.#used = this.#pages.length * PAGE_BYTES;
      this.#pages.push(Buffer.allocUnsafeSlow(PAGE_BYTES));
    }
    const page = this.#pages.at(-1) as Buffer;
    const at = this.#used % PAGE_BYTES;
    if (!isText) page.set(text, at);
    const length = isText ? page.write(text, at) : text.length;
    this.#used += length;
    return length;
  }

  #text(i: number): string | Uint8Array {
    const start = this.#textStarts[i] as number;
    const from = start % PAGE_BYTES;
    return this.#longTexts.get(i) ?? this.#pageAt(start).subarray(from, from + (this.#textLengths[i] as number));
  }

  /** As `#text`, without the object that a part of a page is: it takes up more than most texts. */
  #addText(i: number, output: Output): void {
    const start = this.#textStarts[i] as number;
    const long = this.#longTexts.get(i);
    if (long !== undefined) output.add(long);
    else output.addFrom(this.#pageAt(start), start % PAGE_BYTES, this.#textLengths[i] as number);
  }

  /** The page of a byte; an empty one of one that is not there, where an empty text may be. */
  #pageAt(start: number): Buffer {
    return this.#pages[Math.floor(start / PAGE_BYTES)] ?? NO_PAGE;
  }

  /** The position of what comes `nth`, from 0, in the order of the source text. */
  #position(nth: number): number {
    if (this.#isInOrder) return nth;
    if (this.#sorted.length !== this.length) {
      const starts = this.#starts;
      this.#sorted = [...starts.keys()].sort((a, b) => (starts[a] as number) - (starts[b] as number));
    }
    return this.#sorted[nth] as number;
  }

  /** How many begin before an offset. */
  #firstFrom(offset: number): number {
    return lowerBound(this.length, (nth) => (this.#starts[this.#position(nth)] as number) >= offset);
  }
}

/** Text of which stretches are replaced, from the front. Put together as text first, it would for a while be there twice. */
class Output {
  readonly #source: string;
  /** Up to where the source is taken over. */
  #at = 0;
  // Not from the pool of small buffers, which others share.
  #bytes: Buffer;
  #end = 0;

  /** @param length - how many bytes there will be if all text is ASCII. */
  constructor(source: string, length: number) {
    this.#source = source;
    this.#bytes = Buffer.allocUnsafeSlow(length);
  }

  /** Takes the source over up to `start`; what is added next stands in for what is before `end`. */
  skip(start: number, end: number): void {
    if (start < this.#at) throw new Error(`overlapping edits at offset ${start}`);
    this.add(this.#source.slice(this.#at, start));
    this.#at = end;
  }

  replace({ start, end, text }: Edit): void {
    this.skip(start, end);
    this.add(text);
  }

  add(text: string | Uint8Array): void {
    if (typeof text === "string") {
      // Of text that would fit even at its longest, the bytes need not be counted.
      if (this.#end + text.length * 3 > this.#bytes.length) this.#makeRoom(Buffer.byteLength(text));
      this.#end += this.#bytes.write(text, this.#end);
    } else {
      this.#makeRoom(text.length);
      this.#bytes.set(text, this.#end);
      this.#end += text.length;
    }
  }

  /** Adds some of the bytes of a buffer. */
  addFrom(bytes: Buffer, from: number, length: number): void {
    this.#makeRoom(length);
    bytes.copy(this.#bytes, this.#end, from, from + length);
    this.#end += length;
  }

  finish(): Uint8Array {
    this.add(this.#source.slice(this.#at));
    return this.#bytes.subarray(0, this.#end);
  }

  #makeRoom(more: number): void {
    const length = this.#end + more;
    if (length <= this.#bytes.length) return;
    // Filled with zeros: what is not used stays behind the end.
    const bytes = Buffer.alloc(Math.max(length, this.#bytes.length * 1.5));
    this.#bytes.copy(bytes, 0, 0, this.#end);
    this.#bytes = bytes;
  }
}

/** The first position in a sorted list from which on `isBehind` holds; the list's length when it holds nowhere. */
export function lowerBound(length: number, isBehind: (position: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBehind(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
