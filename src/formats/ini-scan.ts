import { KeyleafError, malformed } from "../errors.ts";
import { nextLine } from "./lines.ts";

/**
 * INI text as go-ini takes it apart, with the options sops gives it: sections, keys, values and comments, each with its
 * place. Sees no tree.
 *
 * Source: go-ini v1.67 parser.go.
 */

/** Its keys are the flattened metadata. */
export const METADATA_SECTION = "sops";
/** Keys before any header are in it. */
export const DEFAULT_SECTION = "DEFAULT";

// Go's unicode.IsSpace. What JavaScript trims has U+FEFF and lacks U+0085.
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** A stretch of source text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Text that go-ini takes for one comment. `joined`: its lines without indentation, line breaks included. */
export interface CommentText extends Span {
  readonly joined: string;
}

/** A value as it stands: from its first to its last character, quotes and continuation lines included. */
interface ValueText extends Span {
  readonly text: string;
  /** The comment on its last line, from the marker on, without blanks at the end. */
  readonly comment: Span | null;
  /** What go-ini skips behind the quotes of an empty value, which do not hide it when they are sealed. */
  readonly skipped: Span | null;
  /** Where the line after it begins. */
  readonly next: number;
}

/** A line `key = value`, and the lines its value goes on to. */
export interface KeyLine {
  /** Without quotes; `#1`, `#2`, ... for keys that are written as `-`. */
  readonly name: string;
  readonly value: ValueText;
  /** Comment lines above it, up to the key or header before. */
  readonly above: CommentText | null;
}

/** A header and what follows up to the next one. Two headers of one name are two sections. */
export interface Section {
  readonly name: string;
  /** Where the header line begins. */
  readonly start: number;
  /** Where the line after the last key, or after the header, begins. */
  end: number;
  /** From the first comment line above the header to the end of the header, a comment on its line included. */
  readonly comment: CommentText | null;
  readonly keys: KeyLine[];
  /** Comment lines that no key and no header follows. */
  readonly stray: CommentText[];
}

/** Sections in file order; the implicit one first. @throws `INPUT_MALFORMED` */
export function scan(source: string): Section[] {
  let at = source.startsWith("\ufeff") ? 1 : 0;
  let section: Section = { name: DEFAULT_SECTION, start: at, end: at, comment: null, keys: [], stray: [] };
  const sections = [section];
  let above = null as CommentText | null;
  /** Number of the next key that is written as `-`. */
  let autoKey = 1;
  while (at < source.length) {
    const next = nextLine(source, at);
    const start = skipSpace(source, at, next);
    const line = source.slice(start, next);
    at = next;
    if (line === "") continue;
    if (/^[#;]/.test(line)) {
      const end = start + trimEnd(line).length;
      above = { start: above?.start ?? start, end, joined: (above?.joined ?? "") + line };
    } else if (line.startsWith("[")) {
      const isMetadata = nameInHeader(source, line, start) === METADATA_SECTION;
      // What stands above the metadata belongs to the section before: it stays when the metadata goes.
      if (isMetadata && above !== null) lastReal(sections).stray.push(above);
      section = readHeader(source, line, start, isMetadata ? null : above);
      sections.push(section);
      above = null;
      autoKey = 1;
      section.end = next;
    } else {
      const key = readKey(source, line, start);
      const name = key.name === "-" ? `#${autoKey++}` : key.name;
      const value = readValue(source, key.valueAt);
      section.keys.push({ name, value, above });
      above = null;
      at = value.next;
      section.end = at;
    }
  }
  if (above !== null) lastReal(sections).stray.push(above);
  return sections;
}

function lastReal(sections: readonly Section[]): Section {
  return sections.findLast((section) => section.name !== METADATA_SECTION) as Section;
}

/** The name goes to the last bracket of the line, even if that is in a comment. */
function nameInHeader(source: string, line: string, start: number): string {
  const close = line.lastIndexOf("]");
  if (close === -1) throw malformed("the section header is not closed", source, start);
  if (close === 1) throw malformed("the section has no name", source, start);
  return line.slice(1, close);
}

function readHeader(source: string, line: string, start: number, above: CommentText | null): Section {
  const name = nameInHeader(source, line, start);
  const close = line.lastIndexOf("]") + 1;
  const marker = line.slice(close).search(/[#;]/);
  if (trim(line.slice(close, marker === -1 ? undefined : close + marker)) !== "")
    throw malformed("text behind a section header, which sops does not read", source, start + close);
  const beside = marker === -1 ? "" : trimEnd(line.slice(close + marker));
  const end = marker === -1 ? start + close : start + close + marker + beside.length;
  const joined = (above?.joined ?? "") + beside;
  const text = joined === "" ? null : { start: above?.start ?? start, end, joined };
  return { name, start, end, comment: text, keys: [], stray: [] };
}

/** The key of a line, and where its value may begin. */
export function readKey(source: string, line: string, start: number): { name: string; valueAt: number } {
  const quote = quoteOf(line, 6) ?? (line.startsWith('"') ? '"' : "");
  let nameEnd = -1;
  if (quote !== "") {
    nameEnd = line.indexOf(quote, quote.length);
    if (nameEnd === -1) throw malformed("the key's quote is not closed", source, start);
  }
  const delimiter = line.slice(nameEnd === -1 ? 0 : nameEnd + quote.length).search(/[=:]/);
  if (delimiter === -1) throw malformed("expected key = value, a [section] or a comment", source, start);
  const valueAt = (nameEnd === -1 ? 0 : nameEnd + quote.length) + delimiter + 1;
  const name = trim(line.slice(quote.length, nameEnd === -1 ? valueAt - 1 : nameEnd));
  if (name === "") throw malformed("the key is empty", source, start);
  return { name, valueAt: start + valueAt };
}

/** The quote that can go over several lines, if the text begins with one. Three double quotes count in text longer than `threeAbove`. */
function quoteOf(text: string, threeAbove: number): '"""' | "`" | null {
  if (text.length > threeAbove && text.startsWith('"""')) return '"""';
  return text.startsWith("`") ? "`" : null;
}

/** The value that begins at or after `at`, which is behind the delimiter. */
function readValue(source: string, at: number): ValueText {
  const next = nextLine(source, at);
  const start = skipSpace(source, at, next);
  if (start === next) {
    const empty = at + (/^[ \t]*/.exec(source.slice(at, next)) as RegExpExecArray)[0].length;
    return { text: "", start: empty, end: empty, comment: null, skipped: null, next };
  }
  const line = source.slice(start, next);
  // go-ini takes three quotes at the very end of a file for a value; whatever follows them would change what they are.
  const quote = quoteOf(line, 2);
  if (quote !== null) return readQuoted(source, start, next, quote);
  const trimmed = trimEnd(line);
  if (trimmed.endsWith("\\")) return readContinued(source, start, start + trimmed.length, next);
  const marker = trimmed.search(/[#;]/);
  const written = marker === -1 ? trimmed : trimEnd(trimmed.slice(0, marker));
  const comment = marker === -1 ? null : { start: start + marker, end: start + trimmed.length };
  const isQuoted = /^(?:'[^']*'|"[^"]*")$/s.test(written);
  const text = isQuoted ? written.slice(1, -1) : written;
  return { text, start, end: start + written.length, comment, skipped: null, next };
}

/**
 * Up to the last such quote on its first line, or else on the first later line that has one and does not end with a
 * backslash. What follows a closing quote is skipped.
 */
function readQuoted(source: string, start: number, next: number, quote: string): ValueText {
  const from = start + quote.length;
  let lineStart = from;
  let lineEnd = next;
  let close = source.slice(lineStart, lineEnd).lastIndexOf(quote);
  while (close === -1) {
    if (lineEnd === source.length) throw malformed("the value's quote is not closed", source, start);
    lineStart = lineEnd;
    lineEnd = nextLine(source, lineStart);
    const line = source.slice(lineStart, lineEnd);
    close = trimEnd(line).endsWith("\\") ? -1 : line.lastIndexOf(quote);
  }
  const text = source.slice(from, lineStart + close);
  const behind = trimEnd(source.slice(lineStart + close + quote.length, lineEnd));
  const closeEnd = lineStart + close + quote.length;
  const end = closeEnd + behind.length;
  if (text === "" && behind !== "") {
    const skipped = { start: skipSpace(source, closeEnd, end), end };
    return { text, start, end: closeEnd, comment: null, skipped, next: lineEnd };
  }
  // Only where the value has several lines is what follows looked at for a comment; else it is skipped text.
  const marker = lineStart === from ? -1 : behind.search(/[#;]/);
  if (marker === -1) return { text, start, end, comment: null, skipped: null, next: lineEnd };
  const comment = { start: closeEnd + marker, end };
  const valueEnd = start + trimEnd(source.slice(start, comment.start)).length;
  return { text, start, end: valueEnd, comment, skipped: null, next: lineEnd };
}

/** A value whose lines end with a backslash; `end` is behind the first one. A blank line or the end of the file ends it. */
function readContinued(source: string, start: number, end: number, next: number): ValueText {
  let text = source.slice(start, end - 1);
  let valueEnd = end;
  let at = next;
  while (at < source.length) {
    const from = at;
    at = nextLine(source, from);
    const line = trim(source.slice(from, at));
    if (line === "") break;
    text += line;
    valueEnd = from + trimEnd(source.slice(from, at)).length;
    if (!text.endsWith("\\")) break;
    text = text.slice(0, -1);
  }
  return { text, start, end: valueEnd, comment: null, skipped: null, next: at };
}

/** The first offset from `from` on that is not white space, at most `to`. */
export function skipSpace(source: string, from: number, to: number): number {
  let at = from;
  while (at < to && SPACE.test(source[at] as string)) at++;
  return at;
}

/** Text without white space at its end, as Go sees white space. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

/** Text without white space around it. */
export function trim(text: string): string {
  return trimEnd(text.slice(skipSpace(text, 0, text.length)));
}

/** What `read` gives; `null` where it refuses the text. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/** What `written` is read as before `behind`; `null` when it is not exactly one value. */
export function readExactly(written: string, behind: string): string | null {
  const value = orNull(() => readValue(written + behind, 0));
  return value?.start === 0 && value.end === written.length ? value.text : null;
}
