import type { CST } from "yaml";
import type { Comment, Variant } from "../document/document.ts";
import { malformed } from "../errors.ts";
import { lineStart } from "./lines.ts";
import { Comments, type Members, type TokenKind } from "./yaml-comments.ts";

/**
 * Goes with the parser through every token of a file, in the order of the text: tells {@link Comments} of it, and finds
 * what go-yaml cannot read, which no node shows.
 */
export class Tokens {
  readonly comments: Comments;
  /** The slashes that need another escape. */
  readonly variants: Variant[] = [];
  readonly #text: string;
  readonly #hasSlashes: boolean;
  #flowDepth = 0;
  /** Column of the block around a plain scalar, as long as nothing but blanks has followed it. */
  #plainIndent: number | null = null;

  constructor(text: string) {
    this.#text = text;
    this.comments = new Comments(text);
    this.#hasSlashes = text.includes("\\/") || text.includes("\\x2F");
  }

  /** What stands between values. @param colon - what a colon is here */
  tell(tokens: readonly CST.SourceToken[], members: Members, colon: TokenKind = "colon"): void {
    for (const [i, part] of tokens.entries()) {
      if (part.type !== "space" && part.type !== "newline") this.#plainIndent = null;
      if (part.type === "comment") this.comments.comment(part);
      else if (part.type === "space" && part.source.includes("\t")) this.#checkTab(part, tokens[i - 1], tokens[i + 1]);
      else {
        const kind = part.type === "map-value-ind" ? colon : KINDS.get(part.type);
        if (kind !== undefined) this.comments.token(kind, part.offset, part.offset + part.source.length, members);
      }
    }
  }

  /** A collection begins. @param outer - what it stands in */
  open(token: CST.Token, members: Members, outer: Members): void {
    if (token.type === "flow-collection") {
      this.#flowDepth++;
      this.comments.token("open", token.offset, token.offset + 1, outer, members);
    } else if ("indent" in token) this.comments.open(token.indent, token.type === "block-seq" ? outer : members);
  }

  /** It ends. @param isElement - it is a list element */
  close(token: CST.Token, members: Members, outer: Members, isElement: boolean): void {
    if (token.type !== "flow-collection") {
      this.comments.close();
      return;
    }
    this.#flowDepth--;
    const [bracket, ...after] = token.end;
    if (bracket !== undefined)
      this.comments.token("close", bracket.offset, bracket.offset + 1, outer, members, isElement);
    this.tell(after, outer);
  }

  /**
   * A scalar, and the comments behind it.
   * @returns the comment on a block scalar's header.
   */
  scalar(kind: "scalar" | "key", token: CST.Token | null | undefined, end: number, members: Members): Comment | null {
    if (token == null) return null;
    let comment: Comment | null = null;
    if (token.type === "block-scalar") {
      for (const part of token.props) {
        if (part.type === "block-scalar-header" && "source" in part)
          this.comments.token(kind, part.offset, part.offset + part.source.length, members);
        else if (part.type === "comment") comment = this.comments.comment(part as CST.SourceToken);
      }
      // The line break behind its last line is not yet a blank line.
      this.comments.token(kind, token.offset, Math.max(token.offset, end - 1), members);
    } else {
      if (this.#hasSlashes && token.type === "double-quoted-scalar") this.#slashes(token);
      if (token.type === "single-quoted-scalar" || token.type === "double-quoted-scalar") this.#checkClosed(token);
      this.comments.token(kind, token.offset, end, members);
      this.#plainIndent = token.type === "scalar" ? this.comments.column : null;
      this.tell("end" in token ? (token.end ?? []) : [], members);
    }
    return comment;
  }

  /** Where a key could begin, go-yaml takes no tab, nor below a plain value where a line is indented too little for it. */
  #checkTab(
    { offset, source }: CST.SourceToken,
    before: CST.SourceToken | undefined,
    after: CST.SourceToken | undefined,
  ): void {
    let line = offset;
    while (/[ \t]/.test(this.#text.charAt(line - 1))) line--;
    const isFirst = line === 0 || /[\n\ufeff]/.test(this.#text.charAt(line - 1));
    let isRefused = before?.type === "seq-item-ind" || before?.type === "explicit-key-ind";
    if (isFirst) {
      const column = offset - line + source.indexOf("\t");
      isRefused = this.#plainIndent === null ? this.#flowDepth === 0 : column <= this.#plainIndent;
    } else if (this.#flowDepth === 0 && before?.type === "map-value-ind" && after?.type !== "comment") {
      isRefused = this.#text.slice(lineStart(this.#text, offset), before.offset).trim() === "";
    }
    if (isRefused) throw malformed("a tab, which sops cannot read there", this.#text, offset, "write blanks instead");
  }

  /** Where a line is indented too little, `yaml` ends the value before it, and takes a quote that is escaped for its end. */
  #checkClosed({ type, source, offset }: CST.FlowScalar): void {
    const inner = source.slice(1, -1);
    const isSingle = type === "single-quoted-scalar";
    const isOpen = isSingle ? inner.replaceAll("''", "").includes("'") : trailingBackslashes(inner) % 2 === 1;
    if (source.length < 2 || isOpen) {
      throw malformed(`missing closing ${source.charAt(0)}quote`, this.#text, offset);
    }
  }

  /** go-yaml knows no escaped slash. */
  #slashes({ source, offset }: CST.FlowScalar): void {
    for (const { 0: text, index } of source.matchAll(/\\(?:x2F|.)/gs)) {
      if (text !== "\\/" && text !== "\\x2F") continue;
      const start = offset + index;
      this.variants.push({ kind: "slash", start, end: start + text.length, sealed: "\\x2F", isPlain: isSlash });
    }
  }
}

const KINDS: ReadonlyMap<string, TokenKind> = new Map([
  ["seq-item-ind", "dash"],
  ["explicit-key-ind", "dash"],
  ["comma", "comma"],
  ["anchor", "property"],
  ["tag", "property"],
]);

function isSlash(text: string): boolean {
  return text === "\\/";
}

function trailingBackslashes(text: string): number {
  let start = text.length;
  while (text.charAt(start - 1) === "\\") start--;
  return text.length - start;
}
