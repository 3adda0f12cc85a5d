import type { Edit } from "./document.ts";

/** Characters that are put together before they are set aside. */
const CHUNK = 64 * 1024;

/**
 * Source text with all edits applied, as UTF-8. Edits may come in any order but must not overlap; insertions at one
 * offset (`start === end`) keep the order they were given in.
 */
export function applyEdits(source: string, edits: readonly Edit[]): Uint8Array {
  const sorted = inOrder(edits);
  const output = new Output(lengthAfter(source, sorted));
  // Pieces are put together before they are encoded, but not all of them: that would be as large again as the file.
  let text = "";
  let at = 0;
  for (const edit of sorted) {
    if (edit.start < at) throw new Error(`overlapping edits at offset ${edit.start}`);
    text += source.slice(at, edit.start);
    if (typeof edit.text === "string") text += edit.text;
    if (typeof edit.text !== "string" || text.length > CHUNK) {
      output.add(text);
      text = "";
      if (typeof edit.text !== "string") output.add(edit.text);
    }
    at = edit.end;
  }
  output.add(text);
  output.add(source.slice(at));
  return output.bytes();
}

/** How long the text will be: bytes that are not ASCII count as if they were. */
function lengthAfter(source: string, edits: readonly Edit[]): number {
  return edits.reduce((length, { start, end, text }) => length + text.length - (end - start), source.length);
}

/** Bytes that are added one after the other. */
class Output {
  // Not from the pool of small buffers, which others share.
  #bytes: Buffer;
  #end = 0;

  /** @param length - how many there will be if all text is ASCII. */
  constructor(length: number) {
    this.#bytes = Buffer.allocUnsafeSlow(length);
  }

  add(chunk: string | Uint8Array): void {
    const end = this.#end + (typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length);
    if (end > this.#bytes.length) this.#grow(Math.max(end, this.#bytes.length * 1.5));
    if (typeof chunk === "string") this.#bytes.write(chunk, this.#end);
    else this.#bytes.set(chunk, this.#end);
    this.#end = end;
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
