import { jsonText } from "../crypto/scalar-bytes.ts";
import { isComment, type Node, type Scalar } from "../document/document.ts";
import { unrepresentable } from "../errors.ts";
import { decodeLossy } from "./decode.ts";
import type { PrintOptions } from "./format.ts";

/** Trees and values as JSON text. */

/** Where blanks and line breaks stand. */
export interface Layout {
  /** Line break between members; `""` for everything on one line. */
  readonly newline: string;
  /** Indentation of one level. */
  readonly unit: string;
  /** Stands after a colon, and on one line also after a comma. */
  readonly blank: "" | " ";
  /** Of every value its type, so whole floats with their `.0`, and no more escapes than JSON needs. Absent: as the reference. */
  readonly isExact?: boolean;
}

/** The reference's layout: one tab a level unless the options say otherwise. */
export function referenceLayout({ indent }: PrintOptions): Layout {
  return { newline: "\n", unit: typeof indent === "number" ? " ".repeat(indent) : "\t", blank: " " };
}

/**
 * A node as the reference prints it (Go's escapes), without comments and without a line break at the end.
 *
 * @param indent - what the line that the text begins on is indented by.
 * @throws `OUTPUT_UNREPRESENTABLE` for NaN and infinities, naming the path.
 */
export function printJson(node: Node, layout: Layout, indent = ""): string {
  return print(node, layout, indent, []);
}

function print(node: Node, layout: Layout, indent: string, path: string[]): string {
  if (node.kind === "leaf") return printScalar(node.scalar, layout, path);
  const inner = indent + layout.unit;
  const parts: string[] = [];
  if (node.kind === "mapping") {
    for (const member of node.members) {
      if (member.kind === "comment") continue;
      path.push(member.key);
      parts.push(`${keyText(member.key, layout)}:${layout.blank}${print(member.value, layout, inner, path)}`);
      path.pop();
    }
  } else {
    for (const element of node.elements) {
      if (isComment(element)) continue;
      parts.push(print(element, layout, inner, path));
    }
  }
  const [open, close] = node.kind === "mapping" ? "{}" : "[]";
  if (parts.length === 0) return `${open}${close}`;
  if (layout.newline === "") return `${open}${parts.join(`,${layout.blank}`)}${close}`;
  const gap = layout.newline + inner;
  return `${open}${gap}${parts.join(`,${gap}`)}${layout.newline}${indent}${close}`;
}

/** A key in quotes. */
export function keyText(key: string, { isExact = false }: Pick<Layout, "isExact">): string {
  return isExact ? quote(key) : quoteAsGo(key);
}

function printScalar(scalar: Scalar, { isExact = false }: Layout, path: readonly string[]): string {
  if (isText(scalar)) return isExact ? quote(scalar.text) : quoteAsGo(scalar.text);
  const text = jsonText(scalar);
  if (text === null) throw unrepresentable(path, "JSON has no NaN and no infinity");
  return isExact && scalar.type === "float" && !/[.eE]/.test(text) ? `${text}.0` : text;
}

/** Whether a value is a string in JSON. Times are, as there is no other way to write one. */
export function isText(scalar: Scalar): boolean {
  return scalar.type === "str" || scalar.type === "bytes" || scalar.type === "comment" || scalar.type === "time";
}

/** A string with no more escapes than JSON needs: what people write. */
export function quote(text: string | Uint8Array): string {
  // Exactly that is what JSON.stringify does: quote, backslash and control characters, `\b \f \n \r \t` by letter.
  return JSON.stringify(typeof text === "string" ? text : decodeLossy(text));
}

/** A string as Go's encoding/json writes it, safe inside HTML. Bytes that are not UTF-8 become U+FFFD. */
export function quoteAsGo(text: string | Uint8Array): string {
  return quote(text).replace(/[<>&\u2028\u2029]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
