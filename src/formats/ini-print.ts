import { jsonText } from "../crypto/scalar-bytes.ts";
import { type Item, type Mapping, type Node, type Path, type Scalar, str } from "../document/document.ts";
import { unrepresentable } from "../errors.ts";
import { escapeNewlines, flattenMetadata, onText, valueText } from "./flatten.ts";
import { DEFAULT_SECTION, METADATA_SECTION, orNull, readExactly, readKey, trim } from "./ini-scan.ts";

/**
 * INI text as go-ini writes it: values in the quotes they need, delimiters of a section below each other.
 *
 * Source: SOPS stores/ini/store.go; go-ini v1.67 file.go.
 */

/** A value in the quotes it needs. An envelope needs none. */
export function quotedText(value: Scalar): string | Uint8Array {
  return valueText(value, (text) => quotedValue(text) ?? emittedValue(text));
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

/** One key as it is printed. */
interface Row {
  /** Lines, each with its line break. */
  readonly comment: string | Uint8Array;
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** Lines of one section, the delimiters below each other. */
function rowsBytes(rows: readonly Row[]): Buffer {
  const width = rows.reduce((widest, { key }) => Math.max(widest, Buffer.byteLength(key)), 0);
  const chunks: (string | Uint8Array)[] = [];
  for (const { comment, key, value } of rows) {
    chunks.push(comment, key, " ".repeat(width - Buffer.byteLength(key)), " = ", value, "\n");
  }
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
}

/** The same as text, for metadata. */
export function rowsText(rows: readonly Row[]): string {
  return rowsBytes(rows).toString();
}

/** The metadata, flat. A newline is written as the two characters `\n`, as sops does from 3.13.2 on and before 3.13. @throws `OUTPUT_UNREPRESENTABLE` */
export function metadataRows(block: Mapping): Row[] {
  return flattenMetadata(block).map(([name, text]) => {
    const path = [METADATA_SECTION, name];
    return { comment: "", key: keyText(name, path), value: valueAt(str(escapeNewlines(text)), path) };
  });
}

/** A key as go-ini writes it, or in other quotes where it would not read its own text back. @throws `OUTPUT_UNREPRESENTABLE` */
export function keyText(key: string, path: Path): string {
  const emitted = /["=:]/.test(key) ? `\`${key}\`` : key.includes("`") ? `"""${key}"""` : key;
  const written = [emitted, `\`${key}\``, `"""${key}"""`, `"${key}"`].find((text) => isKey(text, key));
  if (written === undefined) throw unrepresentable(path, "the key cannot be written in INI");
  return written;
}

function isKey(written: string, key: string): boolean {
  if (/^[#;[]|\n/.test(written) || key === "-") return false;
  const line = `${written} =`;
  const read = orNull(() => readKey(line, line, 0));
  return read?.name === key && read.valueAt === line.length;
}

/** A value in the quotes it needs. @throws `OUTPUT_UNREPRESENTABLE` when no quotes can hold it */
export function valueAt(value: Scalar, path: Path): string | Uint8Array {
  return valueText(value, (text) => {
    const written = quotedValue(text);
    if (written === null) throw unrepresentable(path, "the value cannot be written in INI");
    return written;
  });
}

/** @throws `OUTPUT_UNREPRESENTABLE` */
export function printNode(node: Node): Uint8Array {
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

/** All documents, one section after the other. @throws `OUTPUT_UNREPRESENTABLE` */
export function print(roots: readonly Mapping[]): Uint8Array {
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

/** @throws `OUTPUT_UNREPRESENTABLE` */
export function headerText(name: string): string {
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
