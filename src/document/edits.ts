import type { Edit } from "./document.ts";

/** Characters that are put together before they are set aside. */
const CHUNK = 64 * 1024;

/**
 * Source text with all edits applied, as UTF-8. Edits may come in any order but must not overlap; insertions at one
 * offset (`start === end`) keep the order they were given in.
 */
export function applyEdits(source: string, edits: readonly Edit[]): Uint8Array {
  const chunks: (string | Uint8Array)[] = [];
  let bytes = 0;
  let text = "";
  let at = 0;
  const add = (chunk: string | Uint8Array): void => {
    chunks.push(chunk);
    bytes += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
  };
  for (const edit of inOrder(edits)) {
    if (edit.start < at) throw new Error(`overlapping edits at offset ${edit.start}`);
    text += source.slice(at, edit.start);
    if (typeof edit.text === "string") text += edit.text;
    // One text of everything would be a tree of pieces as large again as the file.
    if (typeof edit.text !== "string" || text.length > CHUNK) {
      add(text);
      text = "";
      if (typeof edit.text !== "string") add(edit.text);
    }
    at = edit.end;
  }
  add(text);
  add(source.slice(at));
  // Not from the pool of small buffers, which others share.
  const output = Buffer.allocUnsafeSlow(bytes);
  let end = 0;
  for (const chunk of chunks) {
    if (typeof chunk === "string") end += output.write(chunk, end);
    else {
      output.set(chunk, end);
      end += chunk.length;
    }
  }
  return output;
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
