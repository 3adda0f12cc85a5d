import { diffArrays } from "diff";

/** Merging by lines, as version control does it, of texts that two people have made of one. */

/** Milliseconds that comparing two texts may take: what has no line in common takes quadratic time. */
const MOST_MS = 3000;

/** Lines of the base, from `start` up to `end`, that one side has replaced. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
}

/**
 * The base with the changes of both sides; line ends are parts of the lines.
 * @returns `null` where both have changed the same lines, or put something in the same place; or comparing takes too long.
 */
export function mergeLines(base: string, ours: string, theirs: string): string | null {
  const baseLines = linesOf(base);
  const [left, right] = [changesOf(baseLines, ours), changesOf(baseLines, theirs)];
  if (left === null || right === null) return null;
  const all = [...left, ...right.filter((one) => !left.some((other) => isSame(one, other)))];
  all.sort((a, b) => a.start - b.start || a.end - b.end);
  const merged: string[] = [];
  let at = 0;
  let before: Change | null = null;
  for (const change of all) {
    if (before !== null && doClash(before, change)) return null;
    merged.push(...baseLines.slice(at, change.start), ...change.lines);
    at = change.end;
    before = change;
  }
  return merged.concat(baseLines.slice(at)).join("");
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function changesOf(base: readonly string[], text: string): Change[] | null {
  const parts = diffArrays([...base], linesOf(text), { timeout: MOST_MS });
  if (parts === undefined) return null;
  const changes: Change[] = [];
  let at = 0;
  let open: { start: number; lines: string[] } | null = null;
  for (const { value, added, removed } of parts) {
    if (!added && !removed) {
      if (open !== null) changes.push({ ...open, end: at });
      open = null;
      at += value.length;
      continue;
    }
    open ??= { start: at, lines: [] };
    if (added) open.lines.push(...value);
    else at += value.length;
  }
  if (open !== null) changes.push({ ...open, end: at });
  return changes;
}

function isSame(a: Change, b: Change): boolean {
  return a.start === b.start && a.end === b.end && a.lines.join("") === b.lines.join("");
}

/**
 * Whether two changes, the first of which does not begin after the second, are about the same lines. Lines that follow
 * each other are not the same; what is put between two lines is about both of them.
 */
function doClash(first: Change, second: Change): boolean {
  const isBetween = first.start === first.end || second.start === second.end;
  return isBetween ? second.start <= first.end : second.start < first.end;
}
