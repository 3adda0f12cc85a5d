import { boolScalar, floatScalar, intScalar, NULL } from "../crypto/scalar-bytes.ts";
import type { Item, Leaf, List, Mapping, Node, Scalar } from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { KeyleafError, lineAndColumn, located, malformed, pathText } from "../errors.ts";

/**
 * Strict JSON (RFC 8259) to a tree whose leaves know their offsets, in one pass. Unlike `JSON.parse` it keeps duplicate
 * keys, key order and all digits.
 */

/** Nesting that is accepted; well below what the stack of a reader could bear. */
const MAX_DEPTH = 1000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NOT_PLAIN = /[\\\x00-\x1f]/;
const HEX = /[\da-fA-F]{4}/y;
const WORDS: readonly (readonly [string, Scalar])[] = [
  ["true", boolScalar(true)],
  ["false", boolScalar(false)],
  ["null", NULL],
];
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** A JSON file: the top-level value with its range, and the `sops` member apart. */
export interface ScannedJson {
  readonly top: Node;
  readonly start: number;
  readonly end: number;
  /** `at` covers the whole member, from the quote of its key to the end of its value. */
  readonly metadata: Mapping | null;
}

/** Where the values of a file and their keys stand: offsets, `end` exclusive. A place of a leaf says the same of it. */
export interface JsonSpans {
  readonly values: Map<Node, { readonly start: number; readonly end: number }>;
  /** Of an object's values: its key with the quotes. */
  readonly keys: Map<Node, { readonly start: number; readonly end: number }>;
}

/**
 * A whole file.
 *
 * @param spans - filled, if given
 * @throws `INPUT_MALFORMED`, `INPUT_UNSUPPORTED` (nested too deeply, a number that no float64 can hold), `INPUT_METADATA`
 * (two `sops` members, or one that is not an object).
 */
export function scanJson(source: string, spans: JsonSpans | null = null): ScannedJson {
  return new Scanner(source, spans).file();
}

/** The value of a text that is one JSON string, number, boolean or null, with nothing around it; else `null`. */
export function scanScalar(text: string): Scalar | null {
  try {
    return new Scanner(text).onlyScalar();
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/** Offset of the first character from `at` on that is not white space. */
export function skipBlank(source: string, at: number): number {
  for (let end = at; ; end++) if (!isBlank(source.charCodeAt(end))) return end;
}

/** Offset behind the last character before `at` that is not white space. */
export function skipBlankBack(source: string, at: number): number {
  for (let start = at; ; start--) if (!isBlank(source.charCodeAt(start - 1))) return start;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/**
 * Value of a number literal. One without fraction and exponent that fits int64 is an int, as sops reads it since 3.13.2.
 * @returns `null` when it is out of float64's range.
 */
function numberScalar(text: string): Scalar | null {
  if (text.length <= 20 && !/[.eE]/.test(text)) {
    // Up to 18 digits always fit, and JSON has no leading zeros: the literal is the canonical text, apart from `-0`.
    if (text.length <= 18 && text !== "-0") return { type: "int", text };
    const int = intScalar(BigInt(text));
    if (int !== null) return int;
  }
  const value = Number(text);
  return Number.isFinite(value) ? floatScalar(value) : null;
}

class Scanner {
  readonly #source: string;
  readonly #path: string[] = [];
  #at = 0;
  #metadata: Mapping | null = null;
  readonly #spans: JsonSpans | null;

  constructor(source: string, spans: JsonSpans | null = null) {
    this.#source = source;
    this.#spans = spans;
  }

  file(): ScannedJson {
    if (this.#source.startsWith("\ufeff")) this.#at = 1;
    this.#skipBlank();
    if (this.#at === this.#source.length) throw malformed("the file is empty", this.#source, 0);
    const start = this.#at;
    const top = this.#value(1, false);
    const end = this.#at;
    this.#skipBlank();
    if (this.#at < this.#source.length) throw this.#expected("the end of the file");
    return { top, start, end, metadata: this.#metadata };
  }

  onlyScalar(): Scalar | null {
    const first = this.#source.charCodeAt(0);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) return null;
    const node = this.#value(1, false);
    return node.kind === "leaf" && this.#at === this.#source.length ? node.scalar : null;
  }

  #value(depth: number, inList: boolean): Node {
    const start = this.#at;
    const node = this.#node(depth, inList);
    this.#spans?.values.set(node, { start, end: this.#at });
    return node;
  }

  #node(depth: number, inList: boolean): Node {
    const code = this.#source.charCodeAt(this.#at);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (depth > MAX_DEPTH) throw this.#unsupported(`nested more than ${MAX_DEPTH} levels deep`);
      return code === OPEN_BRACE ? this.#object(depth) : this.#array(depth);
    }
    const start = this.#at;
    const isString = code === QUOTE;
    const scalar: Scalar = isString ? { type: "str", text: this.#string() } : this.#literal();
    return this.#leaf(scalar, start, isString ? "string" : "literal", inList);
  }

  #leaf(scalar: Scalar, start: number, style: string, inList: boolean): Leaf {
    return { kind: "leaf", scalar, at: { start, end: this.#at, style, indent: 0, itemStart: inList ? start : -1 } };
  }

  #object(depth: number): Mapping {
    const members: Item[] = [];
    this.#at++;
    this.#skipBlank();
    if (this.#takes(CLOSE_BRACE)) return { kind: "mapping", members, at: null };
    for (;;) {
      const start = this.#at;
      if (this.#code() !== QUOTE)
        throw this.#expected(members.length === 0 ? 'a key in quotes or "}"' : "a key in quotes");
      const key = this.#string();
      const keyEnd = this.#at;
      this.#skipBlank();
      if (!this.#takes(COLON)) throw this.#expected('":"');
      this.#skipBlank();
      this.#path.push(key);
      const value = this.#value(depth + 1, false);
      this.#path.pop();
      this.#spans?.keys.set(value, { start, end: keyEnd });
      if (depth === 1 && key === METADATA_KEY) this.#takeMetadata(value, start);
      else members.push({ kind: "item", key, value });
      this.#skipBlank();
      if (this.#takes(CLOSE_BRACE)) return { kind: "mapping", members, at: null };
      if (!this.#takes(COMMA)) throw this.#expected('"," or "}"');
      this.#skipBlank();
    }
  }

  #array(depth: number): List {
    const elements: Node[] = [];
    this.#at++;
    this.#skipBlank();
    if (this.#takes(CLOSE_BRACKET)) return { kind: "list", elements, at: null };
    for (;;) {
      elements.push(this.#value(depth + 1, true));
      this.#skipBlank();
      if (this.#takes(CLOSE_BRACKET)) return { kind: "list", elements, at: null };
      if (!this.#takes(COMMA)) throw this.#expected('"," or "]"');
      this.#skipBlank();
    }
  }

  #takeMetadata(value: Node, start: number): void {
    const { line } = lineAndColumn(this.#source, start);
    const refuse = (what: string): KeyleafError =>
      new KeyleafError("INPUT_METADATA", `line ${line}: ${what}`, { details: { line, path: [METADATA_KEY] } });
    if (value.kind !== "mapping") throw refuse("the sops entry is not an object");
    if (this.#metadata !== null) throw refuse("a second sops entry");
    this.#metadata = { ...value, at: { start, end: this.#at, style: "member", indent: 0, itemStart: -1 } };
  }

  #literal(): Scalar {
    const code = this.#code();
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number();
    for (const [word, scalar] of WORDS) {
      if (!this.#source.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return scalar;
    }
    throw this.#expected("a value");
  }

  #number(): Scalar {
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#source)) throw this.#expected("a value");
    const text = this.#source.slice(this.#at, NUMBER.lastIndex);
    const scalar = numberScalar(text);
    if (scalar === null) {
      throw this.#unsupported("a number is out of range", "put it in quotes");
    }
    this.#at += text.length;
    return scalar;
  }

  /** From its opening quote; ends behind the closing one. */
  #string(): string {
    const start = this.#at + 1;
    const end = this.#source.indexOf('"', start);
    const text = this.#source.slice(start, end);
    if (end === -1 || NOT_PLAIN.test(text)) return this.#escapedString(start);
    this.#at = end + 1;
    return text;
  }

  #escapedString(start: number): string {
    const source = this.#source;
    let text = "";
    let from = start;
    for (let at = start; ; ) {
      const code = source.charCodeAt(at);
      if (code === BACKSLASH) {
        text += source.slice(from, at) + this.#escape(at + 1);
        at = this.#at;
        from = at;
      } else if (code === QUOTE) {
        text += source.slice(from, at);
        this.#at = at + 1;
        // With the u flag a surrogate matches only where it has no partner. Go reads those as U+FFFD.
        return text.replace(/\p{Surrogate}/gu, "\ufffd");
      } else if (code >= 0x20) at++;
      else throw this.#badInString(at);
    }
  }

  /** What follows a backslash; ends behind it. */
  #escape(at: number): string {
    const letter = this.#source.charAt(at);
    const plain = ESCAPES.get(letter);
    if (plain !== undefined) {
      this.#at = at + 1;
      return plain;
    }
    HEX.lastIndex = at + 1;
    if (letter !== "u" || !HEX.test(this.#source))
      throw malformed("an escape that JSON does not have", this.#source, at - 1);
    this.#at = at + 5;
    return String.fromCharCode(Number.parseInt(this.#source.slice(at + 1, at + 5), 16));
  }

  /** Past the end of the text `charCodeAt` gives NaN, which is not at least a blank either. */
  #badInString(at: number): KeyleafError {
    if (at >= this.#source.length) return malformed("the file ends inside a string", this.#source, at);
    return malformed("a control character in a string", this.#source, at, "write line breaks as \\n and tabs as \\t");
  }

  #skipBlank(): void {
    this.#at = skipBlank(this.#source, this.#at);
  }

  #code(): number {
    return this.#source.charCodeAt(this.#at);
  }

  #takes(code: number): boolean {
    if (this.#source.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  /** Says what should stand here, never what does: it may be part of a secret. */
  #expected(what: string): KeyleafError {
    const next = this.#source.charAt(this.#at);
    if (next === "") return malformed(`the file ends where ${what} should follow`, this.#source, this.#at);
    const hint = this.#hintFor(next);
    return malformed(`expected ${what}`, this.#source, this.#at, hint);
  }

  #hintFor(next: string): string | undefined {
    if (next === "/" || next === "#") return "JSON has no comments";
    if (next === "'") return "JSON has double quotes only";
    const isAfterComma = this.#source.charAt(skipBlankBack(this.#source, this.#at) - 1) === ",";
    return isAfterComma && (next === "}" || next === "]") ? "JSON has no comma after the last entry" : undefined;
  }

  #unsupported(what: string, hint?: string): KeyleafError {
    const path = this.#path.length === 0 ? "" : ` (${pathText(this.#path)})`;
    return located("INPUT_UNSUPPORTED", `${what}${path}`, this.#source, this.#at, hint);
  }
}
