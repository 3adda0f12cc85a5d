/** The suggestion behind "unknown word": which known word was probably meant. */

/** Longer words are not looked at: nobody mistypes one, and the comparison is quadratic. */
const MAX_LENGTH = 64;

/**
 * The known word closest to `word` by edit distance (insert, delete, replace, swap neighbours), ignoring case; the first
 * of equals. Words further away than a third of the length do not count; then a known word that begins with `word`, or
 * that `word` begins with, is taken (three letters at least).
 * @returns `null` when nothing is near.
 */
export function nearest(word: string, known: Iterable<string>): string | null {
  const wanted = word.toLowerCase();
  if (wanted === "" || wanted.length > MAX_LENGTH) return null;
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | null = null;
  let bestDistance = Math.min(limit + 1, wanted.length);
  let related: string | null = null;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    if (lower.length > MAX_LENGTH) continue;
    const apart = distance(wanted, lower);
    if (apart < bestDistance) {
      best = candidate;
      bestDistance = apart;
    }
    const shorter = Math.min(wanted.length, lower.length);
    if (shorter >= 3 && (lower.startsWith(wanted) || wanted.startsWith(lower))) related ??= candidate;
  }
  return best ?? related;
}

/** Damerau-Levenshtein distance, in its form that edits no part twice (optimal string alignment). */
function distance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + replaced,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, (twoBack[column - 2] ?? 0) + 1);
      }
      current.push(least);
    }
    twoBack = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
