import { jsonText } from "../crypto/scalar-bytes.ts";
import {
  type Document,
  type Edit,
  type Entry,
  type Mapping,
  mapping,
  type Node,
  type Place,
  type Scalar,
  type Variant,
  WRAPPER_KEY,
} from "../document/document.ts";
import { KeyleafError, lineAndColumn } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import type { PrintOptions, SyncFormat } from "./format.ts";
import { isText, type Layout, printJson, quote, referenceLayout } from "./json-print.ts";
import { scanJson, scanScalar, skipBlank, skipBlankBack } from "./json-scanner.ts";

/**
 * JSON. Places cover a value with its quotes; their style is `string` or `literal`. What the reference refuses is written
 * otherwise into sealed files: a byte order mark is left out, and what is no object at the top becomes the value of a key
 * `data`.
 *
 * Source: RFC 8259; SOPS stores/json/store.go.
 */
export const json: SyncFormat = {
  id: "json",
  parse,
  edit,
  read: (text) => scanScalar(text),
  metadataEdits,
  printNode,
  print,
};

interface JsonDocument extends Document {
  /** Range of the top-level value. */
  readonly top: { readonly start: number; readonly end: number };
}

const isNothing = (text: string): boolean => text === "";
const isMark = (text: string): boolean => text === "\ufeff";
const WRAPPER = `{${JSON.stringify(WRAPPER_KEY)}: `;

function parse(bytes: Uint8Array): JsonDocument {
  const source = decodeUtf8(bytes);
  const { top, start, end, metadata } = scanJson(source);
  const isWrapped = top.kind !== "mapping";
  const variants: Variant[] = [
    {
      kind: "mark",
      start: 0,
      end: source.startsWith("\ufeff") ? 1 : 0,
      sealed: "",
      isPlain: isMark,
    },
  ];
  if (isWrapped) {
    const { newline } = shapeOf(source, { start, end }).layout;
    variants.push({ kind: "open", start, end: start, sealed: WRAPPER, isPlain: isNothing });
    variants.push({ kind: "close", start: end, end, sealed: `${newline}}`, isPlain: isNothing });
  } else if (source.startsWith(WRAPPER, start) && top.members.length === 1) {
    // This may be such a wrapper.
    const close = skipBlankBack(source, end - 1);
    variants.push({ kind: "open", start, end: start + WRAPPER.length, sealed: WRAPPER, isPlain: isNothing });
    variants.push({ kind: "close", start: close, end, sealed: source.slice(close, end), isPlain: isNothing });
  }
  const root = isWrapped ? mapping([[WRAPPER_KEY, top]]) : top;
  return { source, roots: [root], metadata, variants, isWrapped, top: { start, end } };
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

  const { top } = doc as JsonDocument;
  const { lastEnd, isEmpty, layout, indent } = shapeOf(source, top);
  const member = `"sops":${layout.blank}${printJson(block, layout, indent)}`;
  if (place !== null) return [{ start: place.start, end: place.end, text: member }];
  if (doc.isWrapped === true) {
    return [
      { start: top.end, end: top.end, text: `,${layout.newline === "" ? " " : layout.newline + indent}${member}` },
    ];
  }
  const gap = layout.newline === "" ? (isEmpty ? "" : layout.blank) : layout.newline + indent;
  return [{ start: lastEnd, end: lastEnd, text: `${isEmpty ? "" : ","}${gap}${member}` }];
}

function memberRemoval(source: string, at: Place): Edit {
  const before = skipBlankBack(source, at.start) - 1;
  if (source.charAt(before) === ",") return { start: before, end: at.end, text: "" };
  const after = skipBlank(source, at.end);
  if (source.charAt(after) === ",") return { start: at.start, end: skipBlank(source, after + 1), text: "" };
  return { start: before + 1, end: at.end, text: "" };
}

/** How a file is laid out at its top level: offset behind its last value, and manner of writing. */
function shapeOf(
  source: string,
  top: { readonly start: number; readonly end: number },
): { lastEnd: number; isEmpty: boolean; layout: Layout; indent: string } {
  const close = top.end - 1;
  const lastEnd = skipBlankBack(source, close);
  const first = skipBlank(source, top.start + 1);
  const isEmpty = first === close;
  const line = /(\r\n|\n|\r)([\t ]*)$/.exec(source.slice(top.start + 1, Math.min(first, top.end)));
  if (line === null) {
    const isMinified = !isEmpty && /^"[^"\\]*(?:\\.[^"\\]*)*":\S/.test(source.slice(first));
    return { lastEnd, isEmpty, layout: { newline: "", unit: "", blank: isMinified ? "" : " " }, indent: "" };
  }
  const [, newline = "\n", lineIndent = ""] = line;
  const outer = /[\r\n]([\t ]*)$/.exec(source.slice(lastEnd, close))?.[1] ?? "";
  const indent = isEmpty ? `${outer}\t` : lineIndent;
  const unit = indent.startsWith(outer) ? indent.slice(outer.length) : indent;
  return { lastEnd, isEmpty, layout: { newline, unit, blank: " " }, indent };
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
