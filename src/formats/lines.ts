/** Lines of a text. */

/** Offset at which the line of an offset begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Offset at which the line after that of an offset begins; the length of the text behind its last line. */
export function nextLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end + 1;
}

/** Blanks and tabs that the line of an offset begins with. */
export function indentAt(text: string, offset: number): string {
  return /^[\t ]*/.exec(text.slice(lineStart(text, offset)))?.[0] ?? "";
}

/** The line break that a text has first; a line feed where it has none. */
export function newlineOf(text: string): "\n" | "\r\n" {
  return /\r?\n/.exec(text)?.[0] === "\r\n" ? "\r\n" : "\n";
}

/**
 * The edit that takes out whole lines. At the end of a text that does not end with a line break, it takes the one before.
 * @param start - where a line begins
 * @param end - where one begins, or the text ends
 */
export function lineRemoval(text: string, start: number, end: number): { start: number; end: number; text: string } {
  if (end < text.length || text.endsWith("\n")) return { start, end, text: "" };
  return { start: start - (/\r?\n$/.exec(text.slice(0, start))?.[0].length ?? 0), end, text: "" };
}

/**
 * The edit that puts in whole lines. At the end of a text that does not end with a line break, the new one does not either.
 * @param at - where a line begins, or the text ends
 * @param lines - each with its line break
 */
export function lineInsertion(text: string, at: number, lines: string): { start: number; end: number; text: string } {
  if (at === 0 || /[\n\ufeff]/.test(text.charAt(at - 1))) return { start: at, end: at, text: lines };
  const newline = /\r?\n$/.exec(lines)?.[0] ?? "";
  return { start: at, end: at, text: newline + lines.slice(0, lines.length - newline.length) };
}

/** Where the comment lines begin that stand right above a line. @param marker - what a comment begins with */
export function commentsAbove(text: string, start: number, marker: RegExp): number {
  let from = start;
  while (from > 0) {
    const previous = lineStart(text, from - 1);
    if (!marker.test(text.slice(previous, from).trimStart())) break;
    from = previous;
  }
  return from;
}
