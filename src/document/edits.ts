import type { Edit } from "./document.ts";

/**
 * Source text with all edits applied, as UTF-8. Edits may come in any order but must not overlap; insertions at one
 * offset (`start === end`) keep the order they were given in.
 */
export function applyEdits(source: string, edits: readonly Edit[]): Uint8Array {
  const sorted = inOrder(edits);
  const chunks: Uint8Array[] = [];
  let text = "";
  let at = 0;
  for (const edit of sorted) {
    if (edit.start < at) throw new Error(`overlapping edits at offset ${edit.start}`);
    text += source.slice(at, edit.start);
    if (typeof edit.text === "string") text += edit.text;
    else {
      chunks.push(Buffer.from(text), edit.text);
      text = "";
    }
    at = edit.end;
  }
  text += source.slice(at);
  return chunks.length === 0 ? Buffer.from(text) : Buffer.concat([...chunks, Buffer.from(text)]);
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
