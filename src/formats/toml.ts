import { isRfc3339, NULL } from "../crypto/scalar-bytes.ts";
import {
  type Document,
  type Edit,
  type Entry,
  fieldOf,
  type Mapping,
  type Node,
  type Scalar,
} from "../document/document.ts";
import { applyEdits } from "../document/edits.ts";
import { KeyleafError, located } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import type { SyncFormat } from "./format.ts";
import { COMMENT, type Style } from "./toml-lexer.ts";
import { commentText, metadataText, nodeText, printToml, valueText } from "./toml-print.ts";
import { type Span, scanComment, scanScalar, scanToml } from "./toml-scan.ts";

/**
 * TOML, which rops seals and sops does not know: files that are written here can be read by rops. Places cover a value
 * with its quotes, or a comment with its marker; styles are those of the lexer. Dates are strings, as for rops.
 *
 * Source: TOML 1.0.0; rops 0.1.7 src/file/format/toml.
 */
export const toml: SyncFormat = {
  id: "toml",
  parse,
  edit,
  whyNotClear,
  sealsEmpty: true,
  read: (text, at) => (at.style === COMMENT ? scanComment(text) : scanScalar(text)),
  metadataEdits,
  printNode,
  print,
};

interface TomlDocument extends Document {
  readonly metadataSpans: readonly Span[];
}

function parse(bytes: Uint8Array): TomlDocument {
  const source = decodeUtf8(bytes);
  const { root, metadata, metadataSpans } = scanToml(source);
  if (metadata !== null && fieldOf(metadata, "version") === null) {
    readNulls(root);
    markAsOfRops(metadata);
  }
  return { source, roots: [root], metadata, metadataSpans };
}

/** A block without a version is taken for one of rops if it has a rule and a bare time, as in YAML. In TOML the time is a string. */
function markAsOfRops(metadata: Mapping): void {
  const field = fieldOf(metadata, "lastmodified");
  if (field?.kind === "leaf" && isRfc3339(String(field.scalar.text))) field.scalar = { ...field.scalar, type: "time" };
}

/** In files of rops, the string `null` stands for what TOML does not have, sealed nowhere. */
function readNulls(node: Node): void {
  if (node.kind === "leaf") {
    if (isNullText(node.scalar)) node.scalar = NULL;
  } else if (node.kind === "mapping") {
    for (const member of node.members) if (member.kind === "item") readNulls(member.value);
  } else {
    for (const element of node.elements) if (element.kind !== "comment") readNulls(element);
  }
}

function isNullText({ type, text }: Scalar): boolean {
  return type === "str" && text === "null";
}

function edit(entry: Entry, value: Scalar, { source }: Document): Edit {
  const { at } = entry;
  if (at === null) throw new Error("a value without a place cannot be edited");
  const { start, end } = at;
  if (value.type === "comment") return { start, end, text: commentText(value) };
  try {
    return { start, end, text: valueText(value, at.style as Style, []) };
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw located("OUTPUT_UNREPRESENTABLE", "TOML cannot hold the value", source, start);
  }
}

/** rops reads the string `null` as nothing. */
function whyNotClear({ scalar }: Entry): string | null {
  return isNullText(scalar) ? 'rops cannot read the string "null"' : null;
}

/**
 * The block goes to the end, below a blank line, as rops writes it. The file ends with a line break if and only if it did
 * before, so that taking the block away gives the same bytes.
 */
function metadataEdits(doc: Document, block: Mapping | null): Edit[] {
  const { source } = doc;
  const spans = (doc as TomlDocument).metadataSpans;
  const edits = spans.map((span) => removalOf(span, source));
  if (block === null) return edits;

  const newline = newlineOf(source, spans[0]?.start ?? 0);
  const text = metadataText(block).replaceAll("\n", newline);
  const rest = Buffer.from(applyEdits(source, edits)).toString();
  const isEmpty = rest === "" || rest === "\ufeff";
  const isWhole = isEmpty || rest.endsWith("\n");
  const above = isEmpty ? "" : isWhole ? newline : newline + newline;
  const end = source.length;
  return [...edits, { start: end, end, text: above + (isWhole ? text : text.slice(0, -newline.length)) }];
}

/** Takes out whole lines, and one blank line: the one above where they stand last, else the one below. */
export function removalOf({ start, end }: Span, source: string): Edit {
  if (end < source.length) {
    const blankBelow = /^\r?\n/.exec(source.slice(end, end + 2))?.[0] ?? "";
    return { start, end: end + blankBelow.length, text: "" };
  }
  const lineBreak = lineBreakBefore(source, start);
  let from = start - lineBreak;
  const isBlankAbove = lineBreak > 0 && /^[\n\ufeff]?$/.test(source.slice(Math.max(0, from - 1), from));
  if (!isBlankAbove) return { start, end, text: "" };
  if (!source.endsWith("\n")) from -= lineBreakBefore(source, from);
  return { start: from, end, text: "" };
}

/** Length of the line break that ends at an offset; 0: there is none. */
function lineBreakBefore(source: string, at: number): number {
  if (source.charAt(at - 1) !== "\n") return 0;
  return source.charAt(at - 2) === "\r" ? 2 : 1;
}

/** The line break that comes first from an offset on. */
function newlineOf(source: string, from: number): "\n" | "\r\n" {
  const at = source.indexOf("\n", from);
  return source.charAt(at - 1) === "\r" ? "\r\n" : "\n";
}

function printNode(node: Node): Uint8Array {
  if (node.kind === "leaf" && node.scalar.type === "str") return Buffer.from(node.scalar.text);
  return Buffer.from(node.kind === "mapping" ? printToml(node) : `${nodeText(node)}\n`);
}

/** Only the first document. */
function print(roots: readonly Mapping[]): Uint8Array {
  const [first] = roots;
  if (first === undefined) throw new KeyleafError("OUTPUT_UNREPRESENTABLE", "there is no document to write");
  return Buffer.from(printToml(first));
}
