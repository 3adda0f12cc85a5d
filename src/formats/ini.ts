import { jsonText, plainText } from "../crypto/scalar-bytes.ts";
import type { Comment, Document, Edit, Entry, Item, Mapping, Node, Place, Scalar } from "../document/document.ts";
import { str } from "../document/document.ts";
import { KeyleafError, lineAndColumn, malformed, pathText } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import { escapeNewlines, flattenMetadata, unescapeNewlines, unflattenMetadata } from "./flatten.ts";
import type { Format } from "./format.ts";

/**
 * INI as sops reads it through go-ini, quirks included: the tree has one mapping a section, `DEFAULT` (keys before any
 * header) always first, and the comment of a key behind its key. Text that go-ini skips (values that a later key of the
 * same name replaces, comments that belong to nothing) must not stay clear, but may not be seen in the tree either: it
 * comes as comments at the end of its section, where it governs no value and is no part of the MAC.
 *
 * Styles: `value`, `comment`, and `odd` for comments that must not stay clear, as they are the text of a value, or as sops
 * crashes when it is to print them. What kind of comment one is shows in the text around it.
 *
 * Source: sops-format 6.5, 11.5, 12; SOPS stores/ini/store.go; go-ini v1.67 parser.go, file.go.
 */
export const ini: Format = { id: "ini", extensions: [".ini"], parse, edit, read, metadataEdits, printNode, print };

const METADATA_SECTION = "sops";
const DEFAULT_SECTION = "DEFAULT";
// Go's unicode.IsSpace. What JavaScript trims has U+FEFF and lacks U+0085.
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
/** What sops strips from the front of a comment: the first marker, and more of the same or blanks. */
const MARKER = /^(?:;[; ]*|#[# ]*)/;

/** A stretch of source text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Text that go-ini takes for one comment. `joined`: its lines without indentation, line breaks included. */
interface CommentText extends Span {
  readonly joined: string;
}

/** A value as it stands: from its first to its last character, quotes and continuation lines included. */
interface ValueText extends Span {
  readonly text: string;
  /** The comment on its last line, from the marker on, without blanks at the end. */
  readonly comment: Span | null;
  /** Where the line after it begins. */
  readonly next: number;
}

interface KeyLine {
  readonly name: string;
  readonly value: ValueText;
  /** Comment lines above it, up to the key or header before. */
  readonly above: CommentText | null;
}

interface Section {
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

function parse(bytes: Uint8Array): Document {
  const source = decodeUtf8(bytes);
  const members: Item[] = [];
  let metadata: Mapping | null = null;
  for (const section of scan(source)) {
    if (section.name !== METADATA_SECTION) {
      members.push({ kind: "item", key: section.name, value: mappingOf(section, source) });
    } else if (metadata === null) {
      metadata = unflattenMetadata(
        new Map(section.keys.map(({ name, value }) => [name, unescapeNewlines(value.text)] as const)),
      );
    } else throw new KeyleafError("INPUT_METADATA", "sops metadata: two sections are called sops");
  }
  return { source, roots: [{ kind: "mapping", members, at: null }], metadata };
}

function mappingOf(section: Section, source: string): Mapping {
  const members: (Item | Comment)[] = [];
  const unseen: Comment[] = [];
  if (section.comment !== null) members.push(commentOf(section.comment));
  // Of several lines with one name, the first gives the position, the last all else: a Map keeps both.
  const lastOf = new Map(section.keys.map((line) => [line.name, line]));
  for (const line of section.keys) {
    if (lastOf.get(line.name) === line) continue;
    unseen.push(...commentsOf(line, source));
    if (line.value.text !== "") unseen.push(comment(line.value, line.value.text, false, true));
  }
  for (const [key, line] of lastOf) {
    members.push({
      kind: "item",
      key,
      value: { kind: "leaf", scalar: str(line.value.text), at: place(line.value, "value") },
    });
    members.push(...commentsOf(line, source));
  }
  unseen.push(...section.stray.map(commentOf));
  return { kind: "mapping", members: [...members, ...unseen], at: null };
}

/** go-ini joins the comments above and beside a key; here they stand in two places, so they are two. */
function commentsOf({ above, value }: KeyLine, source: string): Comment[] {
  const comments: Comment[] = [];
  if (above !== null) {
    const text = textOf(above.joined);
    // Markers only, which sops reads as nothing: joined with what is beside the key, it would crash printing that.
    const isBare = text === "" && value.comment !== null;
    comments.push(comment(above, isBare ? trim(above.joined) : text, false, isBare || isOdd(above.joined)));
  }
  if (value.comment !== null) {
    const { start, end } = value.comment;
    comments.push(comment(value.comment, textOf(source.slice(start, end)), true, false));
  }
  return comments;
}

function commentOf(text: CommentText): Comment {
  return comment(text, textOf(text.joined), false, isOdd(text.joined));
}

function comment(span: Span, text: string, inline: boolean, odd: boolean): Comment {
  return { kind: "comment", scalar: { type: "comment", text }, inline, at: place(span, odd ? "odd" : "comment") };
}

function place({ start, end }: Span, style: "value" | "comment" | "odd"): Place {
  return { start, end, style, indent: 0, itemStart: -1 };
}

/** A comment as sops has it: without the leading marker; lines after the first keep theirs. */
function textOf(joined: string): string {
  const text = trim(joined).replace(MARKER, "");
  return text.startsWith("\n") ? text.slice(1) : text;
}

/** sops crashes when it is to print a comment whose first line holds nothing but markers. Sealed, that line is left out. */
function isOdd(joined: string): boolean {
  return trim(joined).replace(MARKER, "").startsWith("\n");
}

/** Sections in file order; the implicit one first. @throws `INPUT_MALFORMED` */
function scan(source: string): Section[] {
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
  const beside = marker === -1 ? "" : trimEnd(line.slice(close + marker));
  const end = marker === -1 ? start + close : start + close + marker + beside.length;
  const joined = (above?.joined ?? "") + beside;
  const text = joined === "" ? null : { start: above?.start ?? start, end, joined };
  return { name, start, end, comment: text, keys: [], stray: [] };
}

/** The key of a line, and where its value may begin. */
function readKey(source: string, line: string, start: number): { name: string; valueAt: number } {
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
    return { text: "", start: empty, end: empty, comment: null, next };
  }
  const line = source.slice(start, next);
  const quote = quoteOf(line, 3);
  if (quote !== null) return readQuoted(source, start, next, quote);
  const trimmed = trimEnd(line);
  if (trimmed.endsWith("\\")) return readContinued(source, start, start + trimmed.length, next);
  const marker = trimmed.search(/[#;]/);
  const written = marker === -1 ? trimmed : trimEnd(trimmed.slice(0, marker));
  const comment = marker === -1 ? null : { start: start + marker, end: start + trimmed.length };
  const isQuoted = /^(?:'[^']*'|"[^"]*")$/s.test(written);
  return { text: isQuoted ? written.slice(1, -1) : written, start, end: start + written.length, comment, next };
}

/** Up to the last such quote on its first line, or else on the first line that has one. What follows a closing quote is skipped. */
function readQuoted(source: string, start: number, next: number, quote: string): ValueText {
  const from = start + quote.length;
  let lineStart = from;
  let lineEnd = next;
  let close = source.slice(lineStart, lineEnd).lastIndexOf(quote);
  while (close === -1) {
    if (lineEnd === source.length) throw malformed("the value's quote is not closed", source, start);
    lineStart = lineEnd;
    lineEnd = nextLine(source, lineStart);
    close = source.slice(lineStart, lineEnd).lastIndexOf(quote);
  }
  const text = source.slice(from, lineStart + close);
  const behind = trimEnd(source.slice(lineStart + close + quote.length, lineEnd));
  const end = lineStart + close + quote.length + behind.length;
  if (text === "" && behind !== "") throw skippedText(source, start);
  // Only where the value has several lines is what follows looked at for a comment; else it is skipped text.
  const marker = lineStart === from ? -1 : behind.search(/[#;]/);
  if (marker === -1) return { text, start, end, comment: null, next: lineEnd };
  const comment = { start: end - behind.length + marker, end };
  return { text, start, end: start + trimEnd(source.slice(start, comment.start)).length, comment, next: lineEnd };
}

/** An empty value is not sealed, so that what is skipped behind it would stay clear. */
function skippedText(source: string, offset: number): KeyleafError {
  const { line } = lineAndColumn(source, offset);
  return new KeyleafError("INPUT_UNSUPPORTED", `line ${line}: there is text behind an empty quoted value`, {
    hint: "INI readers skip that text: remove it, or write it as a comment on a line of its own",
    details: { line },
  });
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
  return { text, start, end: valueEnd, comment: null, next: at };
}

function nextLine(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end === -1 ? source.length : end + 1;
}

function skipSpace(source: string, from: number, to: number): number {
  let at = from;
  while (at < to && SPACE.test(source[at] as string)) at++;
  return at;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

function trim(text: string): string {
  return trimEnd(text.slice(skipSpace(text, 0, text.length)));
}

function edit(entry: Entry, value: Scalar, doc: Document): Edit {
  const { start, end } = entry.at as Place;
  const kind = entry.kind === "leaf" ? "value" : commentKind(entry.at as Place, doc);
  if (kind === "value") return { start, end, text: valueText(value) };
  const here = doc.source.slice(start, end);
  const marker = MARKER.exec(here)?.[0] ?? "; ";
  const text = onText(value.text, (lines) => marker + withMarkers(lines));
  if (kind !== "header") return { start, end, text };
  // A comment cannot be sealed on the header's own line: go-ini would take the envelope's bracket for the header's.
  const { above, header } = headerParts(here);
  return { start, end, text: onText(text, (lines) => lines + above + header) };
}

/** What a comment's place holds: comment lines, a comment beside a key, comments and a section header, or a value. */
function commentKind(at: Place, { source }: Document): "lines" | "beside" | "header" | "value" {
  const here = source.slice(at.start, at.end);
  const lineStart = source.lastIndexOf("\n", at.start - 1) + 1;
  const isOwnLine = trim(source.slice(lineStart, at.start).replace("\ufeff", "")) === "";
  if (isOwnLine) return headerParts(here).header === "" ? "lines" : "header";
  return MARKER.test(here) ? "beside" : "value";
}

/** The header in a place of comment lines, without the comment beside it, and the white space above it; both empty where there is none. */
function headerParts(here: string): { above: string; header: string; name: string } {
  let commentEnd = 0;
  for (let at = 0; at < here.length; at = nextLine(here, at)) {
    const next = nextLine(here, at);
    const start = skipSpace(here, at, next);
    const line = here.slice(start, next);
    if (line.startsWith("[")) {
      const header = line.slice(0, line.lastIndexOf("]") + 1);
      return { above: commentEnd === 0 ? "\n" : here.slice(commentEnd, start), header, name: header.slice(1, -1) };
    }
    if (line !== "") commentEnd = start + trimEnd(line).length;
  }
  return { above: "", header: "", name: "" };
}

/** Lines after the first keep their markers; those that have none get one. */
function withMarkers(text: string): string {
  return text.replace(/\n(?![#;])/g, "\n; ");
}

/** The same change on text and on bytes that are not UTF-8; it may add and look at ASCII only. */
function onText(text: string | Uint8Array, change: (text: string) => string): string | Uint8Array {
  if (typeof text === "string") return change(text);
  return Buffer.from(change(Buffer.from(text).toString("latin1")), "latin1");
}

function valueText(value: Scalar): string | Uint8Array {
  if (value.type !== "str" && value.type !== "comment") return plainText(value);
  return onText(value.text, (text) => quotedValue(text) ?? emittedValue(text));
}

/** As go-ini writes a value. */
function emittedValue(text: string): string {
  if (/[\n`]/.test(text)) return `"""${text}"""`;
  if (/[#;]/.test(text)) return `\`${text}\``;
  return trim(text) === text ? text : `"${text}"`;
}

/** The same, but with other quotes where go-ini would not read its own text back; `null` when no quotes do. */
function quotedValue(text: string): string | null {
  const ways = [emittedValue(text), `\`${text}\``, `"""${text}"""`, `"${text}"`, `'${text}'`];
  return ways.find((written) => readExactly(written, "\n") === text) ?? null;
}

/** What `written` is read as before `behind`; `null` when it is not exactly one value. */
function readExactly(written: string, behind: string): string | null {
  try {
    const value = readValue(written + behind, 0);
    return value.start === 0 && value.end === written.length ? value.text : null;
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

function read(text: string, at: Place, doc: Document): Scalar | null {
  const kind = at.style === "value" ? "value" : commentKind(at, doc);
  if (kind === "value") {
    // The rest of the line and the next one decide about comments and continuation.
    const behind = doc.source.slice(at.end, nextLine(doc.source, nextLine(doc.source, at.end)));
    const value = readExactly(text, behind);
    return value === null ? null : { type: at.style === "value" ? "str" : "comment", text: value };
  }
  if (kind === "beside" && /\n|\\$/.test(text)) return null;
  const joined = kind === "header" ? readHeaderComment(text, at, doc) : readLines(text);
  if (joined === null) return null;
  // An empty comment is never sealed: what is asked about is one of markers only.
  return { type: "comment", text: textOf(joined) || trim(joined) };
}

/** The comment in a text of nothing but comment lines. */
function readLines(text: string): string | null {
  const [only, ...others] = scanOrNothing(text);
  const lines = only?.stray[0];
  if (lines === undefined || others.length > 0 || only?.keys.length !== 0) return null;
  return lines.start === 0 && lines.end === text.length ? lines.joined : null;
}

/** The comment of a header of the same name, in a text that holds nothing else. */
function readHeaderComment(text: string, at: Place, { source }: Document): string | null {
  const [first, section, ...others] = scanOrNothing(text);
  if (section === undefined || others.length > 0 || first?.keys.length !== 0 || section.keys.length !== 0) return null;
  if (section.name !== headerParts(source.slice(at.start, at.end)).name) return null;
  const { comment } = section;
  return comment?.start === 0 && comment.end === text.length ? comment.joined : null;
}

function scanOrNothing(text: string): Section[] {
  try {
    return scan(text);
  } catch (error) {
    if (error instanceof KeyleafError) return [];
    throw error;
  }
}

/**
 * The block goes to the end as sops writes it, below a blank line. The file ends with a line break if and only if it did
 * before, so that taking the block away gives the same bytes.
 */
function metadataEdits(doc: Document, block: Mapping | null): Edit[] {
  const { source } = doc;
  const edits: Edit[] = [];
  let rest = source;
  for (const section of scan(source)) {
    if (section.name !== METADATA_SECTION) continue;
    const removal = removalOf(section, source);
    edits.push(removal);
    rest = source.slice(0, removal.start) + source.slice(removal.end);
  }
  if (block !== null) {
    const text = `[${METADATA_SECTION}]\n${rowsText(metadataRows(block))}`;
    const isEmpty = rest === "" || rest === "\ufeff";
    const isWhole = isEmpty || rest.endsWith("\n");
    const above = isEmpty ? "" : isWhole ? "\n" : "\n\n";
    edits.push({ start: source.length, end: source.length, text: above + (isWhole ? text : text.slice(0, -1)) });
  }
  return edits;
}

/** The section with its comments, and one blank line: the one above where it stands last, else the one below. */
function removalOf(section: Section, source: string): Edit {
  const { end } = section;
  const start = Math.max(source.lastIndexOf("\n", section.start - 1) + 1, source.startsWith("\ufeff") ? 1 : 0);
  if (end < source.length) {
    const isBlankBelow = source.startsWith("\n", end) || source.startsWith("\r\n", end);
    return { start, end: isBlankBelow ? nextLine(source, end) : end, text: "" };
  }
  const before = source.slice(0, start);
  if (before !== "\n" && !before.endsWith("\n\n") && before !== "\ufeff\n") return { start, end, text: "" };
  return { start: start - (source.endsWith("\n") || start < 2 ? 1 : 2), end, text: "" };
}

/** One key as it is printed. */
interface Row {
  /** Lines, each with its line break. */
  readonly comment: string | Uint8Array;
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** Lines of one section, the delimiters below each other. */
function rowsBytes(rows: readonly Row[]): Buffer {
  const width = Math.max(0, ...rows.map(({ key }) => Buffer.byteLength(key)));
  const chunks: (string | Uint8Array)[] = [];
  for (const { comment, key, value } of rows) {
    chunks.push(comment, key, " ".repeat(width - Buffer.byteLength(key)), " = ", value, "\n");
  }
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
}

function rowsText(rows: readonly Row[]): string {
  return rowsBytes(rows).toString();
}

/** A newline is written as two characters: sops releases before 3.13 read only this. */
function metadataRows(block: Mapping): Row[] {
  return flattenMetadata(block).map(([name, text]) => {
    const path = [METADATA_SECTION, name];
    return { comment: "", key: keyText(name, path), value: valueAt(str(escapeNewlines(text)), path) };
  });
}

/** A key as go-ini writes it, or in other quotes where it would not read its own text back. */
function keyText(key: string, path: readonly string[]): string {
  const emitted = /["=:]/.test(key) ? `\`${key}\`` : key.includes("`") ? `"""${key}"""` : key;
  const written = [emitted, `\`${key}\``, `"""${key}"""`, `"${key}"`].find((text) => isKey(text, key));
  if (written === undefined) throw unrepresentable(path, "the key cannot be written in INI");
  return written;
}

function isKey(written: string, key: string): boolean {
  if (/^[#;[]|\n/.test(written) || key === "-") return false;
  const line = `${written} =`;
  try {
    const { name, valueAt } = readKey(line, line, 0);
    return name === key && valueAt === line.length;
  } catch (error) {
    if (error instanceof KeyleafError) return false;
    throw error;
  }
}

function valueAt(value: Scalar, path: readonly string[]): string | Uint8Array {
  const { text } = value;
  const isText = value.type === "str" || value.type === "comment";
  if (isText && quotedValue(typeof text === "string" ? text : Buffer.from(text).toString("latin1")) === null) {
    throw unrepresentable(path, "the value cannot be written in INI");
  }
  return valueText(value);
}

function printNode(node: Node): Uint8Array {
  if (node.kind === "mapping") return print([node]);
  if (node.kind === "leaf" && node.scalar.type === "str") return Buffer.from(node.scalar.text);
  return Buffer.from(compactJson(node));
}

/** As sops prints a single value that is not a string when the output is INI. */
function compactJson(node: Node): string {
  if (node.kind === "mapping") throw unrepresentable([], "a mapping in a list cannot be printed as INI");
  if (node.kind === "list") {
    const elements = node.elements.filter((element): element is Node => element.kind !== "comment");
    return `[${elements.map(compactJson).join(",")}]`;
  }
  const { type, text } = node.scalar;
  if (type === "str" || type === "time") return JSON.stringify(Buffer.from(text).toString());
  const json = jsonText(node.scalar);
  if (json === null) throw unrepresentable([], "the number cannot be printed as JSON");
  return json;
}

function print(roots: readonly Mapping[]): Uint8Array {
  const chunks: (string | Uint8Array)[] = [];
  const sections = roots.flatMap((root) => root.members.filter((member): member is Item => member.kind === "item"));
  for (const [i, { key, value }] of sections.entries()) {
    if (value.kind !== "mapping") throw unrepresentable([key], "the top level of an INI file holds sections only");
    const [first] = value.members;
    const rows = key === METADATA_SECTION ? metadataRows(value) : rowsOf(value, key);
    if (first?.kind === "comment") chunks.push(commentLines(first.scalar, false));
    const isDefault = i === 0 && key.toUpperCase() === DEFAULT_SECTION;
    if (isDefault && rows.length === 0) continue;
    if (!isDefault) chunks.push(headerText(key), "\n");
    chunks.push(rowsBytes(rows));
    if (i < sections.length - 1) chunks.push("\n");
  }
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
}

function headerText(name: string): string {
  if (name === "" || name.includes("\n")) throw unrepresentable([name], "the name cannot stand in a section header");
  return `[${name}]`;
}

/** A key's comment is the last one behind it; a Map keeps the first position of a key and its last value, as go-ini does. */
function rowsOf(section: Mapping, name: string): Row[] {
  const rows = new Map<string, Row>();
  let last = null as Row | null;
  for (const member of section.members) {
    if (member.kind === "item") {
      const path = [name, member.key];
      if (member.value.kind !== "leaf") throw unrepresentable(path, "an INI section holds no lists and no mappings");
      last = { comment: "", key: keyText(member.key, path), value: valueAt(member.value.scalar, path) };
    } else if (last !== null) last = { ...last, comment: commentLines(member.scalar, true) };
    if (last !== null) rows.set(last.key, last);
  }
  return [...rows.values()];
}

/** Lines of a comment as go-ini writes them; it trims those of keys, but not those of sections. */
function commentLines(comment: Scalar, isTrimmed: boolean): string | Uint8Array {
  if (comment.text.length === 0) return "";
  return onText(comment.text, (text) =>
    text
      .split("\n")
      .map((line) => (/^[#;]/.test(line) ? `${line[0]} ${trim(line.slice(1))}` : `; ${isTrimmed ? trim(line) : line}`))
      .join("\n")
      .concat("\n"),
  );
}

function unrepresentable(path: readonly string[], why: string): KeyleafError {
  return new KeyleafError("OUTPUT_UNREPRESENTABLE", `${pathText(path)}: ${why}`, { details: { path: [...path] } });
}
