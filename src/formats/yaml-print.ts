import { yamlText } from "../crypto/scalar-bytes.ts";
import type { Comment, Item, List, Mapping, Node, Scalar } from "../document/document.ts";
import { resolvePlain } from "./yaml-resolve.ts";

/**
 * How a scalar is written: the style it is to have, where the style can hold it. `reference` is what go-yaml makes of a
 * text without a style, but for what it could not read again.
 */
export interface ScalarContext {
  readonly style: "plain" | "single" | "double" | "literal" | "folded" | "reference";
  /** Inside `{}` or `[]`: one line, and some characters need quotes. */
  readonly inFlow: boolean;
  /** What follows, on the same line or as a comment further in, would become part of a block. */
  readonly isFollowed: () => boolean;
  /** Column of a block scalar's text. */
  readonly bodyIndent: number;
  /** Column of the mapping or the list item that holds the value; what an indentation indicator counts from. */
  readonly parentIndent: number;
  /** Line break of the file. */
  readonly newline: string;
}

/** Text of a value in YAML, in the wanted style or the nearest one that can hold it. Bytes become `!!binary`. */
export function scalarText(scalar: Scalar, context: ScalarContext): string {
  if (typeof scalar.text !== "string") return binaryText(Buffer.from(scalar.text).toString("base64"), context);
  if (scalar.type !== "str") return yamlText(scalar);
  const { text } = scalar;
  switch (context.style) {
    case "single":
      return isOneLine(text) ? singleQuoted(text) : doubleQuoted(text);
    case "double":
      return doubleQuoted(text);
    case "folded":
      return canBeBlock(text, context) && !/^[ \t]|\n[ \t\n]/.test(text.replace(/\n+$/, ""))
        ? block(">", text.replace(/([^\n]\n+)(?=[^\n])/g, "$1\n"), context)
        : literalOrQuoted(text, context);
    case "literal":
      return literalOrQuoted(text, context);
    case "reference":
      return referenceText(text, context);
    default:
      return plainOrQuoted(text, context);
  }
}

/** Characters of base64 on a line of go-yaml's. */
const BASE64_LINE = 70;

function binaryText(base64: string, context: ScalarContext): string {
  if (context.style !== "reference" || base64.length < BASE64_LINE) return `!!binary ${base64}`;
  return `!!binary ${block("|", base64.replace(new RegExp(`.{1,${BASE64_LINE}}`, "g"), "$&\n"), context)}`;
}

/** Source: go-yaml v3, encode.go and emitterc.go (`yaml_emitter_analyze_scalar`). */
function referenceText(text: string, context: ScalarContext): string {
  if (text === "=") return text;
  const canBeLiteral = /[^\n]/.test(text) && !/[\ud800-\udfff]|^\n*\t| \n| $/.test(text);
  if (text.includes("\n") && canBeLiteral && !context.isFollowed() && isOneLine(text.replaceAll("\n", ""))) {
    return block("|", text, context, /^[ \n]/.test(text));
  }
  if (/[\ud800-\udfff]/.test(text)) return doubleQuoted(text).replace(/[\ud800-\udbff][\udc00-\udfff]/g, escapedPair);
  return text.includes("\n") ? doubleQuoted(text) : plainOrQuoted(text, context);
}

/** go-yaml knows no character beyond U+FFFF to be printable. */
function escapedPair(pair: string): string {
  return `\\U${(pair.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(8, "0")}`;
}

function plainOrQuoted(text: string, context: ScalarContext): string {
  if (text.startsWith("ENC[") && !context.inFlow && isEnvelopeText(text)) return text;
  if (text.includes("\n") && canBeBlock(text, context)) return block("|", text, context);
  if (!isOneLine(text) || text.includes("\t")) return doubleQuoted(text);
  if (text === "" || readsAsOther(text)) return doubleQuoted(text);
  return isPlainSafe(text, context.inFlow) ? text : singleQuoted(text);
}

// The hot path of encrypting: base64 and commas need no other check.
function isEnvelopeText(text: string): boolean {
  return text.endsWith("]") && !text.includes("\n") && !text.includes(": ") && !text.includes(" #");
}

function literalOrQuoted(text: string, context: ScalarContext): string {
  return canBeBlock(text, context) ? block("|", text, context) : doubleQuoted(text);
}

/** Printable, not only line breaks, and safe from what follows. */
function canBeBlock(text: string, context: ScalarContext): boolean {
  if (context.inFlow || !/[^\n]/.test(text) || !isOneLine(text.replaceAll("\n", ""))) return false;
  // A line that begins with a tab is refused by go-yaml; readers differ about a last line of blanks.
  return !/^\t|\n\t|(?:^|\n)[ \t]+\n*$/.test(text) && !context.isFollowed();
}

/**
 * A block scalar without the line break that ends its last line: that one stands in the text already.
 * @param isIndicated - the header says how far the text is indented; needed where it begins with a blank
 */
function block(
  indicator: "|" | ">",
  text: string,
  context: ScalarContext,
  isIndicated: boolean = /^\n* /.test(text),
): string {
  const trailing = /\n*$/.exec(text)?.[0].length ?? 0;
  const chomping = trailing === 0 ? "-" : trailing === 1 ? "" : "+";
  const indentation = isIndicated ? String(context.bodyIndent - Math.max(context.parentIndent, 0)) : "";
  const pad = " ".repeat(context.bodyIndent);
  const lines = (trailing === 0 ? text : text.slice(0, -1)).split("\n");
  const body = lines.map((line) => (line === "" ? "" : pad + line)).join(context.newline);
  return `${indicator}${indentation}${chomping}${context.newline}${body}`;
}

/** Printable characters only, so that it can stand on a line as it is. */
function isOneLine(text: string): boolean {
  return !/[^\t -~\u00a0-\u2027\u202a-\ufefe\uff00-\uffff]/.test(text);
}

export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\0", "\\0"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\v", "\\v"],
  ["\f", "\\f"],
  ["\r", "\\r"],
  ["\x1b", "\\e"],
  ["\x85", "\\N"],
  ["\u2028", "\\L"],
  ["\u2029", "\\P"],
]);

export function doubleQuoted(text: string): string {
  const escaped = text.replace(/["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]/g, (character) => {
    const code = character.charCodeAt(0);
    return (
      ESCAPES.get(character) ??
      (code > 0xff
        ? `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`
        : `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`)
    );
  });
  return `"${escaped}"`;
}

const OLD_BOOLS = /^(y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/;
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

/** Whether a reader, an old one included, would take the plain text for something other than a string. */
function readsAsOther(text: string): boolean {
  if (resolvePlain(text)?.type !== "str" || text === "<<" || text === "=") return true;
  // Most values need neither pattern.
  return (text.length <= 3 && OLD_BOOLS.test(text)) || (text.includes(":") && BASE_60.test(text));
}

function isPlainSafe(text: string, inFlow: boolean): boolean {
  if (/^[\s,[\]{}#&*!|>'"%@`]|\s$|^[-?:](?:\s|$)|^(?:---|\.\.\.)|:(?:\s|$)|\s#/.test(text)) return false;
  return !inFlow || !(/[,[\]{}]/.test(text) || /^[-?:]/.test(text) || text.includes(":,"));
}

/** A key of a block or flow mapping on one line. */
function keyText(key: string, inFlow: boolean): string {
  if (key === "<<") return "!!merge <<";
  const write = inFlow ? plainOrQuoted : referenceText;
  return write(key, {
    style: "plain",
    inFlow,
    isFollowed: () => true,
    bodyIndent: 0,
    parentIndent: 0,
    newline: "\n",
  });
}

/** A node on one line, with every value of the type it has. Comments have no place there. */
export function flowText(node: Node): string {
  switch (node.kind) {
    case "leaf":
      if (node.scalar.type === "float") return floatText(node.scalar);
      return scalarText(node.scalar, {
        style: "plain",
        inFlow: true,
        isFollowed: () => true,
        bodyIndent: 0,
        parentIndent: 0,
        newline: "\n",
      });
    case "list":
      return `[${node.elements.flatMap((element) => (element.kind === "comment" ? [] : [flowText(element)])).join(", ")}]`;
    case "mapping":
      return `{${node.members.flatMap((member) => (member.kind === "comment" ? [] : [flowItem(member)])).join(", ")}}`;
  }
}

/** The reference prints whole floats as integers, which will do only where nothing depends on the type. */
export function floatText(scalar: Scalar): string {
  const text = yamlText(scalar);
  return resolvePlain(text)?.type === "float" ? text : `${text}.0`;
}

/** `key: value` on one line. */
export function flowItem(item: Item): string {
  return `${item.key === "<<" ? "<<" : keyText(item.key, true)}: ${flowText(item.value)}`;
}

/** How a file that people write differs from what the reference prints. */
export interface OwnManner {
  /** Dashes stand in the column of the mapping that holds the list. */
  readonly hasUnindentedLists: boolean;
}

/** Prints trees in block style as the reference does. */
export class BlockPrinter {
  readonly #step: number;
  readonly #newline: string;
  readonly #manner: OwnManner | null;

  /**
   * @param step - blanks a level, 2 to 9.
   * @param manner - for part of a file that stands in its own manner: every level has the step, and whole floats stay floats
   */
  constructor(step: number, newline: string, manner: OwnManner | null = null) {
    this.#step = step;
    this.#newline = newline;
    this.#manner = manner;
  }

  /** Lines of a mapping's members at a column, each ended by a line break. */
  members(map: Mapping, column: number): string {
    return this.#withComments(map.members, column, (item, inline) => this.#item(item, column, inline));
  }

  #item(item: Item, column: number, inline: string): string {
    return `${keyText(item.key, false)}:${this.#value(item.value, column, inline)}`;
  }

  /** Lines of a list's elements at a column, each ended by a line break. */
  elements(list: List, column: number): string {
    return this.#withComments(list.elements, column, (element, inline) => `-${this.#element(element, column, inline)}`);
  }

  /** What follows `key:`, the line break included. */
  #value(node: Node, column: number, inline: string): string {
    const child = this.#childColumn(column);
    if (node.kind === "leaf") return ` ${this.#leaf(node.scalar, column, child, inline)}`;
    if (isEmpty(node))
      return ` ${node.kind === "mapping" ? "{}" : "[]"}${inline}${this.#newline}${this.#leftovers(node, child)}`;
    const isUnindented = this.#manner?.hasUnindentedLists === true;
    const body =
      node.kind === "mapping" ? this.members(node, child) : this.elements(node, isUnindented ? column : child);
    return `${inline}${this.#newline}${body}`;
  }

  /** What follows `-`. A mapping or list begins on the same line, two columns on. */
  #element(node: Node, column: number, inline: string): string {
    const child = column + 2;
    if (node.kind === "leaf") return ` ${this.#leaf(node.scalar, column, child, inline)}`;
    if (isEmpty(node))
      return ` ${node.kind === "mapping" ? "{}" : "[]"}${inline}${this.#newline}${this.#leftovers(node, child)}`;
    const body = node.kind === "mapping" ? this.members(node, child) : this.elements(node, child);
    return ` ${body.slice(child)}`;
  }

  #leaf(scalar: Scalar, parentIndent: number, bodyIndent: number, inline: string): string {
    if (scalar.type === "float" && this.#manner !== null) return `${floatText(scalar)}${inline}${this.#newline}`;
    const isFollowed = (): boolean => inline !== "";
    const text = scalarText(scalar, {
      style: "reference",
      inFlow: false,
      isFollowed,
      bodyIndent,
      parentIndent,
      newline: this.#newline,
    });
    return `${text}${inline}${this.#newline}`;
  }

  /** Comments of a container that has nothing else. */
  #leftovers(node: Mapping | List, column: number): string {
    const comments = (node.kind === "mapping" ? node.members : node.elements) as readonly (Comment | Item | Node)[];
    return comments.map((comment) => (comment.kind === "comment" ? this.#commentLine(comment, column) : "")).join("");
  }

  #withComments<T extends Item | Node>(
    members: readonly (T | Comment)[],
    column: number,
    print: (member: T, inline: string) => string,
  ): string {
    const pad = " ".repeat(column);
    let text = "";
    let inline = "";
    for (const member of members) {
      if (member.kind === "comment") {
        if (member.inline) inline += ` #${textOf(member as Comment).replaceAll("\n", " ")}`;
        else text += this.#commentLine(member as Comment, column);
      } else if (member.kind === "leaf" && member.scalar.type === "comment") {
        text += `${pad}#${member.scalar.text}${this.#newline}`;
      } else {
        text += `${pad}${print(member as T, inline)}`;
        inline = "";
      }
    }
    return inline === "" ? text : `${text}${pad}${inline.trimStart()}${this.#newline}`;
  }

  /** A comment from INI may have several lines, of which the later ones keep their own marker. */
  #commentLine(comment: Comment, column: number): string {
    const [first = "", ...others] = textOf(comment).split("\n");
    const lines = [`#${first}`, ...others.map((line) => (line.startsWith("#") ? line : `# ${line}`))];
    return lines.map((line) => `${" ".repeat(column)}${line}${this.#newline}`).join("");
  }

  /** The next multiple of the step, as go-yaml indents. */
  #childColumn(column: number): number {
    if (this.#manner !== null) return column + this.#step;
    return Math.floor((column + this.#step) / this.#step) * this.#step;
  }
}

function textOf(comment: Comment): string {
  return typeof comment.scalar.text === "string" ? comment.scalar.text : "";
}

/** Without values: sealed comments that opened as list elements do not count. */
function isEmpty(node: Mapping | List): boolean {
  const members = (node.kind === "mapping" ? node.members : node.elements) as readonly (Comment | Item | Node)[];
  return members.every(
    (member) => member.kind === "comment" || (member.kind === "leaf" && member.scalar.type === "comment"),
  );
}
