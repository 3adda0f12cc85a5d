import type {
  Comment,
  Document,
  Edit,
  Entry,
  Item,
  Mapping,
  Node,
  Passing,
  Place,
  Scalar,
} from "../document/document.ts";
import { str } from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { KeyleafError, lineAndColumn, malformed, unrepresentable } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import {
  escapeNewlines,
  type FlatItem,
  flattenMetadata,
  onText,
  unescapeNewlines,
  unflattenMetadata,
  valueText,
} from "./flatten.ts";
import type { SyncFormat } from "./format.ts";

/**
 * dotenv as sops reads it: one `KEY=value` a line, everything verbatim (quotes, blanks, `export`, carriage returns), the
 * two characters `\n` for a newline. Two things are read that sops refuses, and are on one line once they are sealed:
 * quoted values over several lines (style `multiline`), and blank or indented comment lines (style `odd`). Neither may
 * stay clear in a file that sops is to read.
 *
 * Source: SOPS stores/dotenv/store.go.
 */
export const dotenv: SyncFormat = {
  id: "dotenv",
  parse,
  edit,
  whyNotClear: ({ at }) =>
    at?.style === "odd"
      ? "sops cannot read this line"
      : at?.style === "multiline"
        ? "sops cannot read a value over several lines"
        : null,
  read,
  metadataEdits,
  printNode,
  print,
};

const METADATA_PREFIX = "sops_";

interface DotenvDocument extends Document {
  /** Stretches of metadata lines, line breaks included. */
  readonly metadataRuns: readonly { readonly start: number; readonly end: number }[];
}

function parse(bytes: Uint8Array): DotenvDocument {
  const source = decodeUtf8(bytes);
  // Sealed files are read as sops reads them, so values end with their line.
  const isSealed = source.startsWith(METADATA_PREFIX) || source.includes(`\n${METADATA_PREFIX}`);
  const metadata: FlatItem[] = [];
  const metadataRuns: { start: number; end: number }[] = [];
  let openAt = -1;
  for (const lines = new Lines(source, !isSealed); lines.next(); ) {
    const { start, at } = lines;
    if (!isSealed && openAt === -1 && at.style === "value" && isOpen(source, at)) openAt = start;
    if (!isMetadata(source, start)) continue;
    metadata.push([source.slice(start + METADATA_PREFIX.length, at.start - 1), valueAt(source, at)]);
    const runEnd = Math.min(at.end + 1, source.length);
    const last = metadataRuns.at(-1);
    if (last?.end === start) last.end = runEnd;
    else metadataRuns.push({ start, end: runEnd });
  }
  const passing: Passing = {
    kind: "mapping",
    members: { [Symbol.iterator]: () => membersOf(source, !isSealed) },
    at: null,
  };
  let roots: readonly Mapping[] | null = null;
  return {
    source,
    get roots() {
      roots ??= [{ kind: "mapping", members: [...passing.members], at: null }];
      return roots;
    },
    passing: [passing],
    metadata: metadata.length === 0 ? null : unflattenMetadata(metadata),
    metadataRuns,
    doubts: openAt === -1 ? [] : [openQuote(source, openAt)],
  };
}

/** Whether a value opens a quote that its line does not close. */
function isOpen(source: string, { start, end }: Place): boolean {
  const opening = quoteAt(source, start);
  if (opening >= end || !isQuote(source[opening])) return false;
  const close = source.indexOf(source.charAt(opening), opening + 1);
  return close === -1 || close >= end;
}

function openQuote(source: string, at: number): string {
  const { line } = lineAndColumn(source, at);
  return `line ${line}: a quote that is not closed: what stands on the next lines is taken as keys, which stay readable`;
}

/** Goes through the lines that are not empty. A generator would take as long again. */
class Lines {
  /** Where the line begins, and the place of what it holds. */
  start = 0;
  at: Place = placeOf(0, -1, "value");
  #equals = -1;
  readonly #source: string;
  readonly #allowMultiline: boolean;

  constructor(source: string, allowMultiline: boolean) {
    this.#source = source;
    this.#allowMultiline = allowMultiline;
  }

  /** @returns whether there was one more line. */
  next(): boolean {
    const source = this.#source;
    let start = this.at.end + 1;
    while (source.startsWith("\n", start)) start++;
    if (start >= source.length) return false;
    // Not for each line, since there may be none for long.
    if (this.#equals < start) this.#equals = nextOf("=", source, start);
    this.start = start;
    this.at = placeIn(source, start, nextOf("\n", source, start), this.#equals, this.#allowMultiline);
    return true;
  }
}

/** Whether a line holds a piece of the `sops` block. */
function isMetadata(source: string, start: number): boolean {
  return source.startsWith(METADATA_PREFIX, start);
}

function* membersOf(source: string, allowMultiline: boolean): Generator<Item | Comment> {
  for (const lines = new Lines(source, allowMultiline); lines.next(); ) {
    const { start, at } = lines;
    if (at.start === start) {
      const text = commentText(source.slice(start, at.end));
      yield { kind: "comment", scalar: { type: "comment", text }, inline: false, at };
    } else if (!isMetadata(source, start)) {
      const key = source.slice(start, at.start - 1);
      yield { kind: "item", key, value: { kind: "leaf", scalar: str(valueAt(source, at)), at } };
    }
  }
}

function valueAt(source: string, { start, end }: Place): string {
  return unescapeNewlines(source.slice(start, end));
}

/** Offset of the next such character; the length when there is none. */
function nextOf(character: string, source: string, from: number): number {
  const at = source.indexOf(character, from);
  return at === -1 ? source.length : at;
}

/**
 * The place of what a line that is not empty holds, without the line break: a comment, which is the whole line, or a
 * value, which may go on over further lines.
 * @param equals - offset of the next `=`, which may be on a later line.
 */
function placeIn(source: string, start: number, end: number, equals: number, allowMultiline: boolean): Place {
  if (source.startsWith("#", start)) return placeOf(start, end, "comment");
  if (equals < end) {
    const multilineEnd = allowMultiline ? endOfMultiline(source, equals + 1, end) : -1;
    return multilineEnd === -1 ? placeOf(equals + 1, end, "value") : placeOf(equals + 1, multilineEnd, "multiline");
  }
  if (isOdd(source.slice(start, end))) return placeOf(start, end, "odd");
  throw malformed("expected KEY=value or a comment", source, start);
}

function placeOf(start: number, end: number, style: "value" | "multiline" | "comment" | "odd"): Place {
  return { start, end, style, indent: 0, itemStart: -1 };
}

/** Blanks only, or a comment that is indented or stands behind a byte order mark. */
function isOdd(line: string): boolean {
  return /^\s+(#.*)?$/s.test(line);
}

/** Text after the marker. Of an odd line, all of it: its own characters are then what is sealed. */
function commentText(line: string): string {
  return line.startsWith("#") ? line.slice(1) : line;
}

/**
 * Where a value ends that opens a quote on its first line and closes it at the end of a later one, a comment aside; -1
 * for every other value. Backslashes escape the quote. Source: motdotla/dotenv lib/main.js.
 */
function endOfMultiline(source: string, start: number, lineEnd: number): number {
  const opening = quoteAt(source, start);
  const quote = source[opening];
  if (opening >= lineEnd || !isQuote(quote)) return -1;
  let close = source.indexOf(quote, opening + 1);
  while (close !== -1 && source[close - 1] === "\\") close = source.indexOf(quote, close + 1);
  if (close === -1 || close < lineEnd) return -1;
  const end = nextOf("\n", source, close);
  return /^[ \t\r]*(#.*)?$/s.test(source.slice(close + 1, end)) ? end : -1;
}

/** Where a quote would stand that a value begins with. */
function quoteAt(source: string, start: number): number {
  let at = start;
  while (source[at] === " " || source[at] === "\t") at++;
  return at;
}

function isQuote(character: string | undefined): character is string {
  return character === '"' || character === "'" || character === "`";
}

function edit(entry: Entry, value: Scalar): Edit {
  const { start, end } = entry.at as Place;
  return { start, end, text: entry.kind === "comment" ? withMarker(value) : valueText(value, escapeNewlines) };
}

/** Every line of a comment gets its marker. */
function withMarker(comment: Scalar): string | Uint8Array {
  return onText(comment.text, (text) => `#${text.replaceAll("\n", "\n#")}`);
}

function read(text: string, at: Place): Scalar | null {
  const isOneLine = !text.includes("\n");
  if (at.style === "comment" || at.style === "odd") {
    const isComment = isOneLine && (text.startsWith("#") || isOdd(text));
    return isComment ? { type: "comment", text: commentText(text) } : null;
  }
  const isValue = isOneLine || endOfMultiline(text, 0, text.indexOf("\n")) === text.length;
  return isValue ? str(unescapeNewlines(text)) : null;
}

/**
 * The block goes to the end, and the file ends with a line break if and only if it did before, so that taking the block
 * away gives the same bytes. Lines end with LF even among CRLF: the carriage return would be part of the value.
 */
function metadataEdits(doc: Document, block: Mapping | null): Edit[] {
  const { source, metadataRuns } = doc as DotenvDocument;
  const edits: Edit[] = [];
  let rest = "";
  let kept = 0;
  for (const { start, end } of metadataRuns) {
    // What stands last in a file without a final line break takes the one before it along.
    const from = end === source.length && !source.endsWith("\n") && start > kept ? start - 1 : start;
    rest += source.slice(kept, from);
    edits.push({ start: from, end, text: "" });
    kept = end;
  }
  rest += source.slice(kept);
  if (block !== null) {
    const lines = metadataLines(block).join("\n");
    const isWhole = rest === "" || rest.endsWith("\n");
    edits.push({ start: source.length, end: source.length, text: isWhole ? `${lines}\n` : `\n${lines}` });
  }
  return edits;
}

function metadataLines(block: Mapping): string[] {
  return flattenMetadata(block).map(([name, value]) => `${METADATA_PREFIX}${name}=${escapeNewlines(value)}`);
}

function printNode(node: Node): Uint8Array {
  if (node.kind === "mapping") return print([node]);
  if (node.kind === "leaf" && node.scalar.type === "str") return Buffer.from(node.scalar.text);
  throw new KeyleafError("OUTPUT_UNREPRESENTABLE", "as dotenv, only a string can be printed by itself");
}

function print(roots: readonly Mapping[]): Uint8Array {
  const chunks: (string | Uint8Array)[] = [];
  for (const member of roots[0]?.members ?? []) {
    if (member.kind === "comment") chunks.push(withMarker(member.scalar), "\n");
    else if (member.key === METADATA_KEY && member.value.kind === "mapping") {
      for (const line of metadataLines(member.value)) chunks.push(line, "\n");
    } else chunks.push(`${keyText(member.key)}=`, itemText(member), "\n");
  }
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
}

/** sops would print these keys too, and read another one back. */
function keyText(key: string): string {
  if (/[=\n]|^#/.test(key)) throw unrepresentable([key], "the key cannot stand in a dotenv file");
  return key;
}

function itemText({ key, value }: Item): string | Uint8Array {
  if (value.kind !== "leaf") throw unrepresentable([key], "a dotenv file holds no lists and no mappings");
  return valueText(value.scalar, escapeNewlines);
}
