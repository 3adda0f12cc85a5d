import {
  type Comment,
  type Item,
  isComment,
  type List,
  type Mapping,
  type Node,
  type Scalar,
} from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { unrepresentable } from "../errors.ts";
import { isDateText, type Style } from "./toml-lexer.ts";

/**
 * Trees and values as TOML text, in the layout of rops: values of a table first, then its tables under headers. Where a
 * table stands before a value, it is written with dotted keys instead, since the digest depends on the order.
 */

/** A value written in a style, or in one that can hold it. @throws `OUTPUT_UNREPRESENTABLE` */
export function valueText(value: Scalar, style: Style, path: readonly string[]): string {
  const { text, type } = value;
  if (typeof text !== "string") throw unrepresentable(path, "TOML holds no bytes that are not UTF-8");
  switch (type) {
    case "null":
      throw unrepresentable(path, "TOML has no null");
    case "bool":
      return text === "True" ? "true" : "false";
    case "int":
      return text;
    case "float":
      return floatText(text);
    case "time":
      return isDateText(text) ? text : quoted(text, "basic");
    default:
      return quoted(text, style);
  }
}

/** A comment on one line. */
export function commentText(value: Scalar): string {
  const text = typeof value.text === "string" ? value.text : Buffer.from(value.text).toString();
  // Nothing that was a comment here has such characters.
  return `#${text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, " ")}`;
}

function floatText(text: string): string {
  if (text === "NaN") return "nan";
  if (/inf$/i.test(text)) return text.startsWith("-") ? "-inf" : "inf";
  return text.includes(".") ? text : `${text}.0`;
}

function quoted(text: string, style: Style): string {
  const isOneLine = !text.includes("\n");
  const isPlain = !/[\x00-\x08\x0b-\x1f\x7f]/.test(text);
  // Text of several lines begins on a line of its own.
  const lead = isOneLine ? "" : "\n";
  if (style === "literal" && isPlain && isOneLine && !text.includes("'")) return `'${text}'`;
  if (style === "multi-literal" && isPlain && !text.includes("'''")) return `'''${lead}${text}'''`;
  if (style === "multi-basic") return `"""${lead}${escapeSome(text)}"""`;
  return `"${escapeAll(text)}"`;
}

/** JSON has the same escapes, but DEL needs none there. */
function escapeAll(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll("\x7f", "\\u007f");
}

/** Escapes that a string over several lines needs: of quotes, every third in a row. */
function escapeSome(text: string): string {
  return escapeAll(text)
    .replace(/\\(.)/g, (escaped, letter: string) => PLAIN_IN_LINES.get(letter) ?? escaped)
    .replaceAll('"""', '""\\"');
}

const PLAIN_IN_LINES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ['"', '"'],
]);

/** The style that rops would choose. */
function styleFor(text: string | Uint8Array): Style {
  if (typeof text !== "string") return "basic";
  const needsEscapes = /["\\]/.test(text);
  if (text.includes("\n")) return needsEscapes ? "multi-literal" : "multi-basic";
  return needsEscapes ? "literal" : "basic";
}

/** A whole file. @throws `OUTPUT_UNREPRESENTABLE`, naming the path. */
export function printToml(root: Mapping): string {
  const printer = new Printer();
  printer.table(root, []);
  return printer.text();
}

/** The metadata as tables of its own. */
export function metadataText(block: Mapping): string {
  const printer = new Printer();
  printer.section([METADATA_KEY], valuesFirst(block));
  return printer.text();
}

/** A table under its header, and those in it under theirs. */
export function tableText(keys: readonly string[], table: Mapping): string {
  const printer = new Printer();
  printer.section(keys, table);
  return printer.text();
}

/** One value on one or several lines, without a line break at the end. @throws `OUTPUT_UNREPRESENTABLE` */
export function nodeText(node: Node, path: readonly string[] = []): string {
  if (node.kind === "leaf") return valueText(node.scalar, styleFor(node.scalar.text), path);
  if (node.kind === "mapping") return inlineText(node, path);
  const isOneLine = node.elements.length < 2 && !node.elements.some(isComment);
  if (isOneLine) return inlineText(node, path);
  const lines = node.elements.map((element) =>
    isComment(element) ? `    ${commentText(element.scalar)}\n` : `    ${inlineText(element, path)},\n`,
  );
  return `[\n${lines.join("")}]`;
}

/** On one line, so without comments. @throws `OUTPUT_UNREPRESENTABLE` */
export function inlineText(node: Node, path: readonly string[]): string {
  if (node.kind === "leaf") {
    const style = styleFor(node.scalar.text);
    return valueText(node.scalar, style === "literal" ? style : "basic", path);
  }
  if (node.kind === "list") {
    const elements = node.elements.flatMap((element) => (isComment(element) ? [] : [inlineText(element, path)]));
    return `[${elements.join(", ")}]`;
  }
  const items = itemsOf(node).map(({ key, value }) => `${keyText([key])} = ${inlineText(value, [...path, key])}`);
  return items.length === 0 ? "{}" : `{ ${items.join(", ")} }`;
}

class Printer {
  readonly #lines: string[] = [];

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  /** What stands in a table, without its header. */
  table(map: Mapping, path: readonly string[]): void {
    const lastValue = map.members.findLastIndex((member) => member.kind === "item" && !isSection(member.value));
    for (const [i, member] of map.members.entries()) {
      if (member.kind === "comment") this.#comment(member);
      else {
        const keys = [...path, member.key];
        const value = keys.length === 1 && member.key === METADATA_KEY ? valuesFirst(member.value) : member.value;
        if (i <= lastValue) this.#entry([member.key], value, keys);
        else this.section(keys, value);
      }
    }
  }

  /** A table under its header, or an array of them. */
  section(path: readonly string[], value: Node): void {
    if (value.kind === "mapping") {
      // A header that nothing but other headers follow can be left out.
      const isNeeded = !value.members.some((member) => member.kind === "item") || !isOnlySections(value);
      if (isNeeded) this.#header(`[${keyText(path)}]`);
      this.table(value, path);
    } else if (value.kind === "list") {
      // Comments go below the header that follows: there they are in the same place for a reader as in the list.
      let comments: Scalar[] = [];
      for (const element of value.elements) {
        if (isComment(element)) comments.push(element.scalar);
        else if (element.kind === "mapping") {
          this.#header(`[[${keyText(path)}]]`);
          for (const scalar of comments) this.#lines.push(commentText(scalar));
          comments = [];
          this.table(element, path);
        }
      }
      for (const scalar of comments) this.#lines.push(commentText(scalar));
    }
  }

  #header(text: string): void {
    if (this.#lines.length > 0) this.#lines.push("");
    this.#lines.push(text);
  }

  #entry(keys: readonly string[], value: Node, path: readonly string[]): void {
    if (value.kind !== "mapping" || itemsOf(value).length === 0) {
      this.#lines.push(`${keyText(keys)} = ${nodeText(value, path)}`);
      return;
    }
    for (const member of value.members) {
      if (member.kind === "comment") this.#comment(member);
      else this.#entry([...keys, member.key], member.value, [...path, member.key]);
    }
  }

  #comment(comment: Comment): void {
    this.#lines.push(commentText(comment.scalar));
  }
}

/** Whether a value can stand under headers of its own. */
function isSection(node: Node): node is Mapping | List {
  if (node.kind !== "list") return node.kind === "mapping";
  const elements = node.elements.filter((element) => !isComment(element));
  return elements.length > 0 && elements.every((element) => element.kind === "mapping");
}

function isOnlySections(map: Mapping): boolean {
  return map.members.every((member) => member.kind === "item" && isSection(member.value));
}

/** The same values, those in front that need no header: for metadata, whose order means nothing. */
function valuesFirst<T extends Node>(node: T): T {
  if (node.kind === "list") {
    return { ...node, elements: node.elements.map((element) => (isComment(element) ? element : valuesFirst(element))) };
  }
  if (node.kind !== "mapping") return node;
  const items = itemsOf(node).map((item) => ({ ...item, value: valuesFirst(item.value) }));
  const sections = items.filter(({ value }) => isSection(value));
  return { ...node, members: [...items.filter(({ value }) => !isSection(value)), ...sections] };
}

function itemsOf(map: Mapping): Item[] {
  return map.members.filter((member): member is Item => member.kind === "item");
}

/** A dotted key, quoted where it has to be. */
export function keyText(keys: readonly string[]): string {
  return keys.map((key) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : `"${escapeAll(key)}"`)).join(".");
}
