import type { Comment, Document, Edit, Entry, Item, Mapping, Place, Scalar } from "../document/document.ts";
import { str } from "../document/document.ts";
import { KeyleafError } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import { onText, unescapeNewlines, unflattenMetadata } from "./flatten.ts";
import type { SyncFormat } from "./format.ts";
import { metadataRows, print, printNode, quotedText, rowsText } from "./ini-print.ts";
import {
  type CommentText,
  type KeyLine,
  METADATA_SECTION,
  orNull,
  readExactly,
  type Section,
  type Span,
  scan,
  skipSpace,
  trim,
  trimEnd,
} from "./ini-scan.ts";
import { nextLine } from "./lines.ts";

/**
 * INI as sops reads it through go-ini, quirks included: the tree has one mapping a section, `DEFAULT` (keys before any
 * header) always first, and the comment of a key behind its key. Text that go-ini skips (values that a later key of the
 * same name replaces, what stands behind an empty value in quotes, comments that belong to nothing) must not stay clear,
 * but may not be seen in the tree either: it comes as comments at the end of its section, where it governs no value and
 * is no part of the MAC.
 *
 * Styles: `value`; `replaced` and `skipped` for such text other than comments; `comment`; and `odd` for comments that
 * must not stay clear, as sops crashes when it is to print them. What kind of comment one is shows in the text around it.
 *
 * Source: SOPS stores/ini/store.go; go-ini v1.67 parser.go, file.go.
 */
export const ini: SyncFormat = {
  id: "ini",
  parse,
  edit,
  whyNotClear,
  read,
  metadataEdits,
  printNode,
  print,
};

function whyNotClear({ at }: Entry): string | null {
  if (at?.style === "replaced") return "sops cannot read a value that a later key of the same name replaces";
  if (at?.style === "skipped") return "sops cannot read text behind an empty quoted value";
  return at?.style === "odd" ? "sops cannot read a comment whose first line is markers only" : null;
}

/** What sops strips from the front of a comment: the first marker, and more of the same or blanks. */
const MARKER = /^(?:;[; ]*|#[# ]*)/;

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
    const { skipped } = line.value;
    if (skipped !== null) unseen.push(comment(skipped, source.slice(skipped.start, skipped.end), "skipped"));
    if (lastOf.get(line.name) === line) continue;
    unseen.push(...commentsOf(line, source));
    if (line.value.text !== "") unseen.push(comment(line.value, line.value.text, "replaced"));
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
    comments.push(comment(above, isBare ? trim(above.joined) : text, isBare ? "odd" : styleOf(above)));
  }
  if (value.comment !== null) {
    const { start, end } = value.comment;
    comments.push({ ...comment(value.comment, textOf(source.slice(start, end)), "comment"), inline: true });
  }
  return comments;
}

function commentOf(text: CommentText): Comment {
  return comment(text, textOf(text.joined), styleOf(text));
}

type Style = "value" | "replaced" | "skipped" | "comment" | "odd";

function comment(span: Span, text: string, style: Style): Comment {
  return { kind: "comment", scalar: { type: "comment", text }, inline: false, at: place(span, style) };
}

function place({ start, end }: Span, style: Style): Place {
  return { start, end, style, indent: 0, itemStart: -1 };
}

/** A comment as sops has it: without the leading marker; lines after the first keep theirs. */
function textOf(joined: string): string {
  const text = trim(joined).replace(MARKER, "");
  return text.startsWith("\n") ? text.slice(1) : text;
}

/** sops crashes when it is to print a comment whose first line holds nothing but markers. Sealed, that line is left out. */
function styleOf({ joined }: CommentText): Style {
  return trim(joined).replace(MARKER, "").startsWith("\n") ? "odd" : "comment";
}

function edit(entry: Entry, value: Scalar, doc: Document): Edit {
  const at = entry.at as Place;
  const { start, end } = at;
  if (isValue(at)) return { start, end, text: quotedText(value) };
  if (at.style === "skipped") return { start, end, text: value.text };
  const kind = commentKind(at, doc);
  const here = doc.source.slice(start, end);
  const marker = MARKER.exec(here)?.[0] ?? "; ";
  const text = onText(value.text, (lines) => marker + withMarkers(lines));
  if (kind !== "header") return { start, end, text };
  // A comment cannot be sealed on the header's own line: go-ini would take the envelope's bracket for the header's.
  const { above, header } = headerParts(here);
  return { start, end, text: onText(text, (lines) => lines + above + header) };
}

function isValue({ style }: Place): boolean {
  return style === "value" || style === "replaced";
}

/** What a comment's place holds: comment lines, a comment beside a key, or comments and a section header. */
function commentKind(at: Place, { source }: Document): "lines" | "beside" | "header" {
  const here = source.slice(at.start, at.end);
  const lineStart = source.lastIndexOf("\n", at.start - 1) + 1;
  const isOwnLine = trim(source.slice(lineStart, at.start).replace("\ufeff", "")) === "";
  if (!isOwnLine) return "beside";
  return headerParts(here).header === "" ? "lines" : "header";
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

function read(text: string, at: Place, doc: Document): Scalar | null {
  if (isValue(at)) {
    // The rest of the line and the next one decide about comments and continuation.
    const behind = doc.source.slice(at.end, nextLine(doc.source, nextLine(doc.source, at.end)));
    const value = readExactly(text, behind);
    return value === null ? null : { type: at.style === "value" ? "str" : "comment", text: value };
  }
  if (at.style === "skipped") {
    const isSkipped = text !== "" && trim(text) === text && !/["`\n]/.test(text);
    return isSkipped ? { type: "comment", text } : null;
  }
  const kind = commentKind(at, doc);
  if (kind === "beside" && /\n|\\$/.test(text)) return null;
  const joined = kind === "header" ? readHeaderComment(text, at, doc) : readLines(text);
  if (joined === null) return null;
  // An empty comment is never sealed: what is asked about is one of markers only.
  return { type: "comment", text: textOf(joined) || trim(joined) };
}

/** The comment in a text of nothing but comment lines. */
function readLines(text: string): string | null {
  const [only, ...others] = orNull(() => scan(text)) ?? [];
  const lines = only?.stray[0];
  if (lines === undefined || others.length > 0 || only?.keys.length !== 0) return null;
  return lines.start === 0 && lines.end === text.length ? lines.joined : null;
}

/** The comment of a header of the same name, in a text that holds nothing else. */
function readHeaderComment(text: string, at: Place, { source }: Document): string | null {
  const [first, section, ...others] = orNull(() => scan(text)) ?? [];
  if (section === undefined || others.length > 0 || first?.keys.length !== 0 || section.keys.length !== 0) return null;
  if (section.name !== headerParts(source.slice(at.start, at.end)).name) return null;
  const { comment } = section;
  return comment?.start === 0 && comment.end === text.length ? comment.joined : null;
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
export function removalOf(section: Section, source: string): Edit {
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
