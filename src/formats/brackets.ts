import type { Edit } from "../document/document.ts";
import { lineStart, newlineOf, nextLine } from "./lines.ts";

/**
 * Members between brackets with commas between them, as JSON, inline TOML and YAML in flow style have them: how one is
 * added and how one is taken out.
 */
export interface Brackets {
  /** Offset behind the opening bracket. */
  readonly open: number;
  /** Offset of the closing bracket. */
  readonly close: number;
  /** Ranges of the members, from a key's start to its value's end. */
  readonly members: readonly { readonly start: number; readonly end: number }[];
}

/** Where the first member of an empty pair of brackets goes. */
export type EmptyLayout =
  /** What stands on either side. */
  | { readonly kind: "inline"; readonly pad: string }
  | { readonly kind: "lines"; readonly newline: string; readonly indent: string; readonly unit: string };

/** How members stand: each on a line of its own with that indentation, or `null`: several on one line. */
export function memberIndent(source: string, { members }: Brackets): string | null {
  const last = members.at(-1);
  if (last === undefined) return null;
  const before = source.slice(lineStart(source, last.start), last.start);
  return /^[\t ]*$/.test(before) ? before : null;
}

/**
 * Adds a member at the end.
 * @param print - its text, for a line with that indentation, or for one line (`null`)
 * @param blank - what stands behind a comma if that does not show
 */
export function insertion(
  source: string,
  brackets: Brackets,
  print: (indent: string | null) => string,
  empty: EmptyLayout,
  blank: string,
): Edit[] {
  const { open, close, members } = brackets;
  const last = members.at(-1);
  if (last === undefined) {
    if (empty.kind === "inline") return [{ start: open, end: close, text: `${empty.pad}${print(null)}${empty.pad}` }];
    const { newline, indent, unit } = empty;
    const inner = indent + unit;
    return [{ start: open, end: close, text: `${newline}${inner}${print(inner)}${newline}${indent}` }];
  }
  const indent = memberIndent(source, brackets);
  if (indent === null) {
    const previous = members.at(-2);
    const between = previous === undefined ? "" : source.slice(previous.end, last.start);
    const gap = /^[\t ]*,([\t ]*)$/.exec(between)?.[1] ?? blank;
    return [{ start: last.end, end: last.end, text: `,${gap}${print(null)}` }];
  }
  const newline = newlineOf(source);
  const comma = commaAfter(source, last.end, close);
  const text = `${newline}${indent}${print(indent)}`;
  const lineEnd = restOfLine(source, comma ?? last.end, close);
  if (comma !== null) {
    const at = lineEnd ?? comma;
    return [{ start: at, end: at, text: `${text},` }];
  }
  if (lineEnd === null || lineEnd === last.end) return [{ start: last.end, end: last.end, text: `,${text}` }];
  return [
    { start: last.end, end: last.end, text: "," },
    { start: lineEnd, end: lineEnd, text },
  ];
}

/** Ways to take out a member, the best first. */
export function* removals(source: string, { open, close, members }: Brackets, index: number): Iterable<Edit[]> {
  const member = members[index];
  if (member === undefined) throw new Error("there is no such member");
  const previous = members[index - 1];
  const next = members[index + 1];
  if (previous === undefined && next === undefined) yield [{ start: open, end: close, text: "" }];
  const comma = commaAfter(source, member.end, close);
  const start = lineStart(source, member.start);
  const lineEnd = restOfLine(source, comma ?? member.end, close);
  const isOnOwnLines = source.slice(start, member.start).trim() === "" && start > open && lineEnd !== null;
  if (isOnOwnLines) {
    const edits = [{ start, end: nextLine(source, lineEnd), text: "" }];
    const before = next === undefined && comma === null && previous !== undefined;
    const extra = before ? commaAfter(source, previous.end, member.start) : null;
    if (extra !== null) edits.push({ start: extra - 1, end: extra, text: "" });
    yield edits;
  }
  if (next !== undefined) yield [{ start: member.start, end: next.start, text: "" }];
  else if (previous !== undefined) yield [{ start: previous.end, end: member.end, text: "" }];
}

/** Offset behind the comma that comes next, comments and line breaks in front of it aside; `null`: none does. */
function commaAfter(source: string, from: number, to: number): number | null {
  const match = /^(?:\s|#[^\n]*)*,/.exec(source.slice(from, to));
  return match === null ? null : from + match[0].length;
}

/** Where a line ends that has no more than blanks and a comment left, without the line break; `null`: it has more, or no end. */
function restOfLine(source: string, from: number, to: number): number | null {
  const match = /^[\t ]*(?:#[^\n\r]*)?(?=\r?\n)/.exec(source.slice(from, to));
  return match === null ? null : from + match[0].length;
}
