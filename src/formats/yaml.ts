import { yamlText } from "../crypto/scalar-bytes.ts";
import {
  type Document,
  type Edit,
  type Entry,
  itemOf,
  type Mapping,
  type Node,
  type Place,
  type Scalar,
  WRAPPER_KEY,
} from "../document/document.ts";
import { lowerBound } from "../document/edits.ts";
import { KeyleafError } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import type { Format, PrintOptions } from "./format.ts";
import type { Anchor } from "./yaml-anchors.ts";
import { bodyIndentOf } from "./yaml-block.ts";
import { LINE_SEPARATOR, LONE_COMMENT, type YamlDocument } from "./yaml-document.ts";
import { yamlMetadataEdits } from "./yaml-metadata.ts";
import { BlockPrinter, flowText, scalarText } from "./yaml-print.ts";
import { scanYaml } from "./yaml-scan.ts";

/** YAML, as go-yaml v3 reads it; the text that is not sealed stays as it was. */
export const yaml: Format = {
  id: "yaml",
  parse: (source) => parse(decodeUtf8(source)),
  edit,
  expand: flowText,
  repeats: (text, at, doc) => (text.startsWith("*") ? aliased(text.slice(1), at, doc as YamlDocument) : null),
  whyNotClear,
  read,
  metadataEdits: (doc, block, like) =>
    yamlMetadataEdits(doc as YamlDocument, block, (like ?? null) as YamlDocument | null),
  printNode,
  print,
};

/** Most files need no more than the scanner; what it leaves alone needs the package's parser. */
function parse(text: string): YamlDocument | Promise<YamlDocument> {
  return scanYaml(text) ?? parseWhole(text);
}

async function parseWhole(text: string): Promise<YamlDocument> {
  const { parseYaml } = await import("./yaml-parse.ts");
  return parseYaml(text);
}

function rangeOf(at: Place | null, doc: Document): { start: number; end: number } {
  return at === null ? { start: doc.source.length, end: doc.source.length } : { start: at.start, end: at.end };
}

function edit(entry: Entry, value: Scalar, document: Document): Edit {
  const doc = document as YamlDocument;
  const { start, end } = rangeOf(entry.at, doc);
  const { at } = entry;
  if (value.type === "comment") {
    const text = typeof value.text === "string" ? value.text : Buffer.from(value.text).toString();
    // A comment cannot hold a line break; nothing that was a comment here has one.
    const comment = `#${text.replaceAll("\n", " ")}`;
    if (entry.kind === "comment" || at === null) return { start, end, text: comment };
    return { start: at.itemStart, end, text: at.style === LONE_COMMENT ? `[] ${comment}` : comment };
  }
  if (at === null) return { start, end, text: flowText({ kind: "leaf", scalar: value, at: null }) };
  const text = withProperties(placedText(value, at, doc), at, doc);
  // What most values are.
  if (text.startsWith("ENC[")) return { start, end, text };
  // Lines that a `+` block keeps must all be its own.
  const isKept = text.includes("\n") && /^(?:&\S+ )?[|>]\d?\+/.test(text);
  return { start, end: isKept ? afterBlankLines(doc.source, end) : end, text };
}

/** What goes on standing with a value, whatever is done to it: its anchor, and a comment on the header of its block. */
function withProperties(text: string, at: Place, doc: YamlDocument): string {
  const properties = propertiesOf(at, doc);
  const anchor = properties === "" ? undefined : /(?:^|\s)(&\S+)/.exec(properties)?.[1];
  const comment = doc.headerComments.get(at.start);
  const commented =
    comment === undefined ? text : text.replace(/^[^\n\r]*/, (line) => `${line} #${comment.scalar.text}`);
  return anchor === undefined ? commented : `${anchor} ${commented}`;
}

/** Tag and anchor in front of a value, with the blanks behind them. */
function propertiesOf(at: Place, { source }: YamlDocument): string {
  const first = source.charAt(at.start);
  return first === "&" || first === "!" ? (/^(?:[&!]\S*\s+)+/.exec(source.slice(at.start, at.end))?.[0] ?? "") : "";
}

function placedText(value: Scalar, at: Place, doc: YamlDocument): string {
  const inFlow = at.style.endsWith("-flow");
  const written = inFlow ? at.style.slice(0, -"-flow".length) : at.style;
  // An envelope cannot be plain inside a flow collection, so there single quotes stand for plain.
  const style = written === "single" && inFlow ? "plain" : written;
  const isBlock = style === "literal" || style === "folded";
  const parentIndent = at.indent;
  const ownIndent = isBlock
    ? bodyIndentOf(doc.source.slice(at.start + propertiesOf(at, doc).length, at.end), parentIndent)
    : null;
  const bodyIndent = ownIndent ?? (at.itemStart >= 0 ? parentIndent + 2 : parentIndent + doc.step);
  return scalarText(value, {
    style: style as "plain" | "single" | "double" | "literal" | "folded",
    inFlow,
    isFollowed: () => !isBlock && isFollowed(doc.source, at.end, bodyIndent),
    bodyIndent,
    parentIndent,
    newline: doc.newline,
  });
}

/** Whether a block that ended there would take in what comes next: the rest of the line, or a comment as deep as its text. */
function isFollowed(source: string, end: number, bodyIndent: number): boolean {
  const lineBreak = source.indexOf("\n", end);
  if (source.slice(end, lineBreak === -1 ? source.length : lineBreak).trim() !== "") return true;
  for (let start = lineBreak + 1; start > 0 && start < source.length; ) {
    const next = source.indexOf("\n", start);
    const line = source.slice(start, next === -1 ? source.length : next);
    if (line.trim() !== "") return /^ *#/.test(line) && line.indexOf("#") >= bodyIndent;
    if (next === -1) return false;
    start = next + 1;
  }
  return false;
}

/** Offset of the line break that ends the last of the blank lines after `end`. */
function afterBlankLines(source: string, end: number): number {
  let last = end;
  for (let at = end; at < source.length; ) {
    const next = source.indexOf("\n", at);
    if (next === -1 || source.slice(at, next).trim() !== "") break;
    last = source.charAt(next - 1) === "\r" ? next - 1 : next;
    at = next + 1;
  }
  return last;
}

async function read(text: string, at: Place, document: Document): Promise<Scalar | null> {
  if (at.style === "comment") return /^#[^\n]*$/.test(text) ? { type: "comment", text: text.slice(1) } : null;
  if (text.startsWith("*")) {
    const node = aliased(text.slice(1), at, document as YamlDocument);
    return node?.kind === "leaf" ? node.scalar : null;
  }
  const doc = document as YamlDocument;
  const isFlow = at.style.endsWith("-flow");
  const isTop = doc.variants?.some((variant) => variant.end === at.start && variant.kind.startsWith("open")) === true;
  const end = isAtEnd(at, doc, isTop) ? "" : "\n";
  // What is on one line reads the same everywhere, and at the left margin it does not take the parser.
  const pad = text.includes("\n") ? " ".repeat(at.indent) : "";
  const tags = doc.yamlRoots.find((root) => root.end >= at.start)?.tags ?? "";
  const start = tags === "" ? "" : `${tags}---\n`;
  if (!isFlow) {
    const read = await onlyValue(`${start}${pad}k:${at.itemStart >= 0 ? `\n${pad}-` : ""} ${text}${end}`, "k");
    const leaf = at.itemStart >= 0 && read?.kind === "list" ? read.elements.at(-1) : read;
    return leaf?.kind === "leaf" ? leaf.scalar : null;
  }
  const read = await (isTop
    ? onlyValue(`${tags}--- ${text}${end}`, WRAPPER_KEY)
    : onlyValue(`${start}{k: ${text}\n}\n`, "k"));
  return read?.kind === "leaf" ? read.scalar : null;
}

/** The value of the one key of a text; `null` when it is not one document with that key alone. */
async function onlyValue(text: string, key: string): Promise<Node | null> {
  try {
    const { roots, headerComments } = await parse(text);
    const [root, ...others] = roots;
    const item = root === undefined || others.length > 0 ? null : itemOf(root, key);
    if (root === undefined || item === null) return null;
    // Only the header of a block can have a comment that is part of the value's text.
    const entries = root.members.length + (item.value.kind === "list" ? item.value.elements.length - 1 : 0);
    return entries === 1 + headerComments.size ? item.value : null;
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/**
 * Whether a value ends the plaintext, without a line break: only the metadata comes after it.
 * @param isTop - it is all that its document holds
 */
function isAtEnd(at: Place, doc: YamlDocument, isTop: boolean): boolean {
  const root = doc.yamlRoots.at(-1);
  if (doc.source.endsWith("\n") || root === undefined || root.end < doc.source.length) return false;
  if (isTop) {
    const close = doc.variants?.findLast(({ kind }) => kind.startsWith("close"));
    return at.start > (doc.yamlRoots.at(-2)?.end ?? -1) && close?.end === doc.source.length;
  }
  const key = root.metadata?.key ?? 0;
  return key > at.end ? /^\r?\n *$/.test(doc.source.slice(at.end, key)) : at.end === doc.source.length;
}

/** The node that an alias repeats there: the newest of that name before it. */
function aliased(name: string, at: Place, doc: YamlDocument): Node | null {
  const anchors = doc.anchors.get(name) ?? [];
  const first = lowerBound(anchors.length, (i) => (anchors[i] as Anchor).end > at.start);
  let newest = anchors[first - 1];
  // In the order in which they end, so that one inside of another stands before it.
  for (let i = first - 2; i >= 0; i--) {
    const anchor = anchors[i];
    if (anchor === undefined || newest === undefined || anchor.start < newest.start) break;
    newest = anchor;
  }
  return newest?.node ?? null;
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** go-yaml takes NEL, LS and PS for line breaks, finds no indentation before a tab, and takes a colon for an empty key. */
function whyNotClear({ at }: Entry, document: Document): string | null {
  if (at === null) return null;
  const doc = document as YamlDocument;
  const text = doc.source.slice(at.start + propertiesOf(at, doc).length, at.end);
  if (LINE_SEPARATOR.test(text)) return "sops cannot read a Unicode line separator";
  if (SURROGATE_ESCAPE.test(text) && at.style.startsWith("double"))
    return "sops cannot read a character that is escaped in two halves";
  if (/^[|>][-+]?(?:[ \t\r][^\n]*)?\n(?:[ \r]*\n)* *\t/.test(text) && /^(literal|folded)/.test(at.style))
    return "sops cannot read a block that begins with a tab";
  if (at.style === "plain-flow" && text.startsWith(":")) return "sops cannot read plain text that begins with a colon";
  return null;
}

function printNode(node: Node, options: PrintOptions): Uint8Array {
  if (node.kind === "leaf" && node.scalar.type === "str") return Buffer.from(node.scalar.text);
  if (node.kind === "mapping") return print([node], options);
  const printer = new BlockPrinter(stepOf(options), "\n");
  if (node.kind === "list") return Buffer.from(node.elements.length === 0 ? "[]\n" : printer.elements(node, 0));
  return Buffer.from(`${yamlText(node.scalar)}\n`);
}

function print(roots: readonly Mapping[], options: PrintOptions): Uint8Array {
  const printer = new BlockPrinter(stepOf(options), "\n");
  return Buffer.from(
    roots.map((root) => (root.members.length === 0 ? "{}\n" : printer.members(root, 0))).join("---\n"),
  );
}

/** go-yaml knows 2 to 9; anything else is 2, and 4 is what the reference asks for. */
function stepOf(options: PrintOptions): number {
  const { indent } = options;
  if (typeof indent !== "number" || indent === 0) return 4;
  return indent >= 2 && indent <= 9 ? indent : 2;
}
