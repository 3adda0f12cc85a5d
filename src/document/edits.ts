import type { Edit } from "./document.ts";

/**
 * Source text with all edits applied, as UTF-8. Edits may come in any order but must not overlap; insertions at one
 * offset (`start === end`) keep the order they were given in.
 */
export function applyEdits(source: string, edits: readonly Edit[]): Uint8Array {
  const sorted = inOrder(edits);
  const output = new Output(lengthAfter(source, sorted));
  let at = 0;
  for (const { start, end, text } of sorted) {
    if (start < at) throw new Error(`overlapping edits at offset ${start}`);
    output.add(source.slice(at, start));
    output.add(text);
    at = end;
  }
  output.add(source.slice(at));
  return output.bytes();
}

/** How long the text will be: bytes that are not ASCII count as if they were. */
function lengthAfter(source: string, edits: readonly Edit[]): number {
  return edits.reduce((length, { start, end, text }) => length + text.length - (end - start), source.length);
}

/** Bytes that are added one after the other. Put together as text first, they would for a while be there twice. */
class Output {
  // Not from the pool of small buffers, which others share.
  #bytes: Buffer;
  #end = 0;

  /** @param length - how many there will be if all text is ASCII. */
  constructor(length: number) {
    this.#bytes = Buffer.allocUnsafeSlow(length);
  }

  add(piece: string | Uint8Array): void {
    const isText = typeof piece === "string";
    // Of text that would fit even at its longest, the bytes need not be counted.
    if (this.#end + piece.length * (isText ? 3 : 1) > this.#bytes.length) {
      const end = this.#end + (isText ? Buffer.byteLength(piece) : piece.length);
      if (end > this.#bytes.length) this.#grow(Math.max(end, this.#bytes.length * 1.5));
    }
    if (isText) this.#end += this.#bytes.write(piece, this.#end);
    else {
      this.#bytes.set(piece, this.#end);
      this.#end += piece.length;
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  #grow(length: number): void {
    // Filled with zeros: what is not used stays behind the end.
    const bytes = Buffer.alloc(length);
    this.#bytes.copy(bytes, 0, 0, this.#end);
    this.#bytes = bytes;
  }
}

function inOrder(edits: readonly Edit[]): readonly Edit[] {
  for (let i = 1; i < edits.length; i++) {
    if ((edits[i] as Edit).start < (edits[i - 1] as Edit).start) return edits.toSorted((a, b) => a.start - b.start);
  }
  return edits;
}

/** Tells of a range that is not empty whether it lies within one of those that edits replace, which must not overlap. */
export function insideOf(edits: readonly Edit[]): (range: Pick<Edit, "start" | "end">) => boolean {
  const sorted = inOrder(edits);
  return ({ start, end }) => {
    const before = lowerBound(sorted.length, (i) => (sorted[i] as Edit).start > start) - 1;
    return start < end && (sorted[before]?.end ?? 0) >= end;
  };
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
