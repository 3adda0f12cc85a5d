import type { Comment, List, Mapping, Node, Scalar } from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { KeyleafError, located, malformed, pathText } from "../errors.ts";
import { Lexer } from "./toml-lexer.ts";
import { Table, Tables } from "./toml-tables.ts";

/**
 * Strict TOML 1.0 to a tree whose leaves know their offsets, in one pass.
 *
 * A comment belongs to the table or array in which it stands. One above or beside a key comes in front of that key, in
 * the innermost table of a dotted one, so that it governs that value and no other; what stands above a header belongs to
 * the table before it, and what stands beside one to its own.
 */

/** Nesting that is accepted; well below what the stack of a reader could bear. */
const MAX_DEPTH = 500;

const COMMA = 0x2c;
const EQUALS = 0x3d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A stretch of source text. */
export interface Span {
  readonly start: number;
  end: number;
}

/** A TOML file: its values, and the `sops` table apart. */
export interface ScannedToml {
  readonly root: Mapping;
  readonly metadata: Mapping | null;
  /** Whole lines that the metadata stands in, in the order of the text. */
  readonly metadataSpans: readonly Span[];
}

/** What stands under one header, or before all of them. */
export interface TomlSection {
  readonly table: Mapping;
  /** Of its header; empty for the first one. */
  readonly keys: readonly string[];
  /** Where the line of its header begins. */
  readonly start: number;
  /** Where the line after its last key, or after the header, begins. */
  end: number;
}

/** Where what has no place in the tree stands. */
export interface TomlSpans {
  /** Of every value with a key: from the key's start to the value's end. */
  readonly pairs: Map<Node, Span>;
  /** Arrays and inline tables, with their brackets. */
  readonly brackets: Map<Node, Span>;
  /** In the order of the text. */
  readonly sections: TomlSection[];
}

/**
 * A whole file.
 *
 * @param spans - filled, if given
 * @throws `INPUT_MALFORMED`, `INPUT_UNSUPPORTED` (nested too deeply, a number that no float64 can hold), `INPUT_METADATA`
 * (a `sops` entry that is not a table).
 */
export function scanToml(source: string, spans: TomlSpans | null = null): ScannedToml {
  return new Scanner(source, spans).file();
}

/** The value of a text that is one string, number, boolean or date, with nothing around it; else `null`. */
export function scanScalar(text: string): Scalar | null {
  return whole(text, (lexer) => lexer.value());
}

/** The comment of a text that is one, with nothing around it; else `null`. */
export function scanComment(text: string): Scalar | null {
  return whole(text, (lexer) => lexer.comment(false));
}

function whole(text: string, read: (lexer: Lexer) => { readonly scalar: Scalar } | null): Scalar | null {
  const lexer = new Lexer(text);
  try {
    const found = read(lexer);
    return lexer.isAtEnd ? (found?.scalar ?? null) : null;
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

class Scanner {
  readonly #lexer: Lexer;
  readonly #tables = new Tables();
  /** The table of the newest header, and its keys. */
  #open = this.#tables.root;
  #openKeys: readonly string[] = [];
  /** Comments on lines of their own that no key has followed yet. */
  #above: Comment[] = [];
  readonly #metadataSpans: Span[] = [];
  /** The last of those, as long as only metadata has followed. */
  #metadataSpan: Span | null = null;
  readonly #spans: TomlSpans | null;

  constructor(source: string, spans: TomlSpans | null) {
    this.#lexer = new Lexer(source);
    this.#spans = spans;
  }

  file(): ScannedToml {
    const lexer = this.#lexer;
    if (lexer.source.startsWith("\ufeff")) lexer.at = 1;
    this.#spans?.sections.push({ table: this.#open.mapping, keys: [], start: lexer.at, end: lexer.at });
    while (!lexer.isAtEnd) this.#line();
    this.#open.add(this.#above);
    const metadata = this.#takeMetadata();
    this.#tables.finish();
    return { root: this.#tables.root.mapping, metadata, metadataSpans: this.#metadataSpans };
  }

  /** One line, or a key with its value over several. */
  #line(): void {
    const lexer = this.#lexer;
    const lineStart = lexer.at;
    lexer.skipBlank();
    const comment = lexer.comment(false);
    if (comment !== null) {
      this.#above.push(comment);
      lexer.endLine();
      return;
    }
    if (lexer.isAtEnd || lexer.takesLineBreak()) return;
    const topKey = lexer.code === OPEN_BRACKET ? this.#header(lineStart) : this.#keyAndValue();
    const section = this.#spans?.sections.at(-1);
    if (section !== undefined) section.end = lexer.at;
    if (topKey !== METADATA_KEY) this.#metadataSpan = null;
    else if (this.#metadataSpan !== null) this.#metadataSpan.end = lexer.at;
    else {
      this.#metadataSpan = { start: lineStart, end: lexer.at };
      this.#metadataSpans.push(this.#metadataSpan);
    }
  }

  /** @returns the first of its keys. */
  #header(lineStart: number): string | undefined {
    const lexer = this.#lexer;
    const start = lexer.at++;
    const isArray = lexer.takes(OPEN_BRACKET);
    const keys = lexer.key();
    if (!lexer.takes(CLOSE_BRACKET)) throw lexer.expected('"." or "]"');
    if (isArray && !lexer.takes(CLOSE_BRACKET)) throw lexer.expected('"]]"');
    this.#checkDepth(keys.length, start);
    this.#open.add(this.#above);
    const table = this.#tables.open(keys, isArray);
    if (table === null) throw this.#twice(keys, start);
    const comment = this.#endLine(false);
    if (comment !== null) table.add([comment]);
    this.#above = [];
    this.#open = table;
    this.#openKeys = keys;
    this.#spans?.sections.push({ table: table.mapping, keys, start: lineStart, end: lexer.at });
    return keys[0];
  }

  /** @returns the first of the keys that lead to it from the top. */
  #keyAndValue(): string | undefined {
    const start = this.#lexer.at;
    const { keys, value } = this.#pair(this.#openKeys.length);
    const comment = this.#endLine(true);
    const comments = comment === null ? this.#above : [...this.#above, comment];
    this.#above = [];
    if (!this.#tables.put(this.#open, keys, value, comments)) throw this.#twice([...this.#openKeys, ...keys], start);
    return this.#openKeys[0] ?? keys[0];
  }

  /** The rest of a line, which can only be a comment. */
  #endLine(isInline: boolean): Comment | null {
    this.#lexer.skipBlank();
    const comment = this.#lexer.comment(isInline);
    this.#lexer.endLine();
    return comment;
  }

  #pair(depth: number): { keys: string[]; value: Node } {
    const lexer = this.#lexer;
    const start = lexer.at;
    const keys = lexer.key();
    if (!lexer.takes(EQUALS)) throw lexer.expected('"="');
    lexer.skipBlank();
    this.#checkDepth(depth + keys.length, start);
    const value = this.#value(depth + keys.length);
    this.#spans?.pairs.set(value, { start, end: lexer.at });
    return { keys, value };
  }

  #value(depth: number): Node {
    const { code } = this.#lexer;
    if (code !== OPEN_BRACKET && code !== OPEN_BRACE) return this.#lexer.value();
    const start = this.#lexer.at;
    this.#checkDepth(depth + 1, start);
    const node = code === OPEN_BRACKET ? this.#array(depth + 1) : this.#inlineTable(depth + 1);
    this.#spans?.brackets.set(node, { start, end: this.#lexer.at });
    return node;
  }

  #array(depth: number): List {
    const lexer = this.#lexer;
    const elements: (Node | Comment)[] = [];
    lexer.at++;
    for (let isBeside = false; ; ) {
      this.#gap(elements, isBeside);
      if (lexer.takes(CLOSE_BRACKET)) break;
      elements.push(this.#value(depth));
      isBeside = !this.#gap(elements, true);
      if (lexer.takes(CLOSE_BRACKET)) break;
      if (!lexer.takes(COMMA)) throw lexer.expected('"," or "]"');
    }
    return { kind: "list", elements, at: null };
  }

  /**
   * Blanks, line breaks and comments between elements.
   * @param isBeside - on the line of the last element: a comment there comes in front of that, as one beside a key does.
   * @returns whether there was a line break.
   */
  #gap(elements: (Node | Comment)[], isBeside: boolean): boolean {
    const lexer = this.#lexer;
    let isLineEnded = false;
    for (;;) {
      lexer.skipBlank();
      const isInline = isBeside && !isLineEnded;
      const comment = lexer.comment(isInline);
      if (comment !== null && isInline) elements.splice(-1, 0, comment);
      else if (comment !== null) elements.push(comment);
      else if (!lexer.takesLineBreak()) return isLineEnded;
      else isLineEnded = true;
    }
  }

  #inlineTable(depth: number): Mapping {
    const lexer = this.#lexer;
    const table = new Table("inline");
    lexer.at++;
    lexer.skipBlank();
    if (lexer.takes(CLOSE_BRACE)) return table.mapping;
    const hint = "an inline table stands on one line, without a comma at its end";
    for (;;) {
      const start = lexer.at;
      const { keys, value } = this.#pair(depth);
      if (!this.#tables.put(table, keys, value, [])) throw this.#twice(keys, start);
      lexer.skipBlank();
      if (lexer.takes(CLOSE_BRACE)) return table.mapping;
      if (!lexer.takes(COMMA)) throw lexer.expected('"," or "}"', hint);
      lexer.skipBlank();
      if (lexer.code === CLOSE_BRACE) throw lexer.expected("a key", hint);
    }
  }

  #takeMetadata(): Mapping | null {
    const value = this.#tables.take(METADATA_KEY);
    if (value === null || value.kind === "mapping") return value;
    const { source } = this.#lexer;
    const start = this.#metadataSpans[0]?.start ?? 0;
    throw located("INPUT_METADATA", "the sops entry is not a table", source, start);
  }

  #twice(keys: readonly string[], offset: number): KeyleafError {
    return malformed(`${pathText(keys)} is defined already, or not as a table`, this.#lexer.source, offset);
  }

  #checkDepth(depth: number, offset: number): void {
    if (depth <= MAX_DEPTH) return;
    throw located("INPUT_UNSUPPORTED", `nested more than ${MAX_DEPTH} levels deep`, this.#lexer.source, offset);
  }
}
