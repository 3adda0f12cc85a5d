import { jsonText } from "../crypto/scalar-bytes.ts";
import type { Document, Edit, Entry, Mapping, Node, Place, Scalar } from "../document/document.ts";
import { KeyleafError, lineAndColumn } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import type { Format, PrintOptions } from "./format.ts";
import { isText, type Layout, printJson, quote, referenceLayout } from "./json-print.ts";
import { scanJson, scanScalar, skipBlank, skipBlankBack } from "./json-scanner.ts";

/**
 * JSON. Places cover a value with its quotes; their style is `string` or `literal`. A byte order mark at the start is
 * read but not written into sealed files, which the reference would refuse: {@link Format.metadataEdits} takes it out,
 * and who opens the file puts it back.
 *
 * Source: RFC 8259; sops-format 11.3; SOPS stores/json/store.go.
 */
export const json: Format = {
  id: "json",
  extensions: [".json"],
  parse,
  edit,
  read: (text) => scanScalar(text),
  metadataEdits,
  printNode,
  print,
};

function parse(bytes: Uint8Array): Document {
  const source = decodeUtf8(bytes);
  const { root, metadata } = scanJson(source);
  return { source, roots: [root], metadata };
}

function edit(entry: Entry, value: Scalar, doc: Document): Edit {
  const { at } = entry;
  if (at === null) throw new Error("a value without a place cannot be edited");
  if (value.type === "comment" && at.itemStart >= 0) return elementRemoval(doc.source, at);
  const text = isText(value) ? quote(value.text) : jsonText(value);
  if (text === null) {
    const { line } = lineAndColumn(doc.source, at.start);
    throw new KeyleafError("OUTPUT_UNREPRESENTABLE", `line ${line}: JSON has no NaN and no infinity`, {
      details: { line },
    });
  }
  return { start: at.start, end: at.end, text };
}

/**
 * Takes out a list element that is a sealed comment: JSON has no comments. Each removal takes one comma with it, and
 * they must neither overlap nor leave one too many: the leading comments of a list take the comma behind them, all
 * others the one in front.
 */
function elementRemoval(source: string, at: Place): Edit {
  if (!isAmongLeadingComments(source, at.start)) {
    return { start: skipBlankBack(source, at.start) - 1, end: at.end, text: "" };
  }
  const after = skipBlank(source, at.end);
  return { start: at.start, end: source.charAt(after) === "," ? skipBlank(source, after + 1) : at.end, text: "" };
}

/**
 * Whether only sealed comments stand before the element in its list. They are all removed together: sealed comments
 * of one list are opened or left by the same rule. Envelopes hold no quotes, so going back from quote to quote is safe.
 */
function isAmongLeadingComments(source: string, start: number): boolean {
  const COMMENT_END = ',type:comment]"';
  for (let at = start; ; ) {
    const before = skipBlankBack(source, at) - 1;
    if (source.charAt(before) === "[") return true;
    const end = skipBlankBack(source, before);
    if (source.charAt(before) !== "," || !source.endsWith(COMMENT_END, end)) return false;
    at = source.lastIndexOf('"', end - 2);
    if (!source.startsWith('"ENC[', at)) return false;
  }
}

/**
 * The block goes in as the last member, directly behind the last value (or the opening brace), so that taking it out
 * with the comma in front gives back the very text that was there.
 */
function metadataEdits(doc: Document, block: Mapping | null): Edit[] {
  const { source } = doc;
  const place = doc.metadata?.at ?? null;
  if (block === null) return place === null ? [] : [memberRemoval(source, place)];

  const edits: Edit[] = source.startsWith("\ufeff") ? [{ start: 0, end: 1, text: "" }] : [];
  const { open, lastEnd, layout, indent } = shapeOf(source);
  const member = `"sops":${layout.blank}${printJson(block, layout, indent)}`;
  if (place !== null) edits.push({ start: place.start, end: place.end, text: member });
  else {
    const isEmpty = lastEnd === open + 1;
    const gap = layout.newline === "" ? (isEmpty ? "" : layout.blank) : layout.newline + indent;
    edits.push({ start: lastEnd, end: lastEnd, text: `${isEmpty ? "" : ","}${gap}${member}` });
  }
  return edits;
}

function memberRemoval(source: string, at: Place): Edit {
  const before = skipBlankBack(source, at.start) - 1;
  if (source.charAt(before) === ",") return { start: before, end: at.end, text: "" };
  const after = skipBlank(source, at.end);
  if (source.charAt(after) === ",") return { start: at.start, end: skipBlank(source, after + 1), text: "" };
  return { start: before + 1, end: at.end, text: "" };
}

/** How a file is laid out at its top level: offsets of its opening brace and behind its last value; manner of writing. */
function shapeOf(source: string): { open: number; lastEnd: number; layout: Layout; indent: string } {
  const open = source.indexOf("{");
  const close = skipBlankBack(source, source.length) - 1;
  const lastEnd = skipBlankBack(source, close);
  const first = skipBlank(source, open + 1);
  const isEmpty = first === close;
  const line = /(\r\n|\n|\r)([\t ]*)$/.exec(source.slice(open + 1, first));
  if (line === null) {
    const isMinified = !isEmpty && /^"[^"\\]*(?:\\.[^"\\]*)*":\S/.test(source.slice(first));
    return { open, lastEnd, layout: { newline: "", unit: "", blank: isMinified ? "" : " " }, indent: "" };
  }
  const [, newline = "\n", lineIndent = ""] = line;
  const outer = /[\r\n]([\t ]*)$/.exec(source.slice(lastEnd, close))?.[1] ?? "";
  const indent = isEmpty ? `${outer}\t` : lineIndent;
  const unit = indent.startsWith(outer) ? indent.slice(outer.length) : indent;
  return { open, lastEnd, layout: { newline, unit, blank: " " }, indent };
}

function printNode(node: Node, options: PrintOptions): Uint8Array {
  if (node.kind === "leaf" && node.scalar.type === "str") return Buffer.from(node.scalar.text);
  if (node.kind === "mapping") return print([node], options);
  return Buffer.from(printJson(node, referenceLayout(options)));
}

/** Only the first document, as the reference does. */
function print(roots: readonly Mapping[], options: PrintOptions): Uint8Array {
  const [first] = roots;
  if (first === undefined) throw new KeyleafError("OUTPUT_UNREPRESENTABLE", "there is no document to write");
  return Buffer.from(`${printJson(first, referenceLayout(options))}\n`);
}
