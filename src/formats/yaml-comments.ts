import type { Comment, Item, Node, Place } from "../document/document.ts";
import { columnOf } from "./yaml-block.ts";

/**
 * To which mapping or list a comment belongs. A sealed comment is authenticated under that container's path, so this has
 * to be what the reference computes, which is neither the comment's column nor what stands next to it alone.
 *
 * The parser tells every token in the order of the text. A comment on the line on which a token ends goes with that
 * token. Those on lines of their own wait for the next token: groups of them that a change of column or a blank line sets
 * apart are foot comments and go with the token before, or with the block whose column they have; the rest are head
 * comments of the next token.
 *
 * Source: go-yaml v3.0.4 scannerc.go, parserc.go, decode.go.
 */
export class Comments {
  readonly #text: string;
  #block: Block | null = null;
  #prior: Prior | null = null;
  #run: CommentToken[] = [];
  /** Head comments that wait for a token that takes them; those of a list item stay in the list if it has a value. */
  #heads: { readonly tokens: CommentToken[]; members: Members | null } | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** A document begins: what stands before its first token is at its top. */
  startDocument(): void {
    this.#block = null;
    this.#prior = null;
  }

  /**
   * A block collection begins, before its first token. A list in the column of its mapping is none to go-yaml.
   * @param members - container that a comment belongs to that stands below it in its column: for a list, the one it is in.
   */
  open(column: number, members: Members): void {
    this.#block = { column, members, outer: this.#block };
  }

  /** Column of the innermost block collection; -1: there is none. */
  get column(): number {
    return this.#block?.column ?? -1;
  }

  close(): void {
    this.#block = this.#block?.outer ?? null;
  }

  /**
   * Any token but a comment.
   * @param members - container that a comment beside it belongs to; for a bracket, the one it stands in.
   * @param inside - for brackets: what is between them.
   * @param isElement - for a closing bracket: what it closes is a list element.
   */
  token(
    kind: TokenKind,
    start: number,
    end: number,
    members: Members,
    inside: Members = members,
    isElement = false,
  ): void {
    // A comma says nothing: a comment behind it goes with what it follows. Nor does an anchor that a comment stands above.
    if (kind === "comma" || (kind === "property" && this.#run.length > 0)) {
      if (this.#prior !== null && this.#run.length === 0) {
        this.#prior.end = end;
        this.#prior.isOver = kind === "comma";
      }
      return;
    }
    // A dash inside of an item: so it has a value.
    if (kind === "dash" && this.#heads !== null && this.#heads.members !== null) this.#placeHeads(this.#heads.members);
    if (this.#run.length > 0) {
      this.#resolve({ kind, start, column: columnOf(this.#text, start), members: kind === "open" ? inside : members });
    }
    if (!WAITING.has(kind)) this.#placeHeads(kind === "open" ? inside : members);
    else if (this.#heads !== null && kind === "dash") this.#heads.members ??= members;
    this.#prior = { kind, end, members, inside, block: this.#block, isElement, isOver: false };
  }

  /** @param members - where they go unless they belong to a list item */
  #placeHeads(members: Members): void {
    for (const token of this.#heads?.tokens ?? []) put(token, this.#heads?.members ?? members);
    this.#heads = null;
  }

  /** The list item that began last has no value: what stands above it goes with the next token. */
  emptyItem(): void {
    if (this.#heads !== null) this.#heads.members = null;
  }

  /** @returns the comment, if it goes with the token before. */
  comment(token: CommentToken): Comment | null {
    const prior = this.#prior;
    const isWaiting = prior === null || this.#run.length > 0 || !TAKES_COMMENT.has(prior.kind);
    if (isWaiting || this.#text.slice(prior.end, token.offset).includes("\n")) {
      this.#run.push(token);
      return null;
    }
    const comment = commentOf(token, prior.kind === "scalar");
    // Behind a collection that is the value of a key, it is the first thing in it; else it stands before what it is behind.
    if (prior.kind === "close" && !prior.isElement) prior.inside.unshift(comment);
    else {
      const members: (Item | Comment | Node)[] = prior.kind === "close" ? prior.members : prior.inside;
      members.splice(prior.isOver ? -1 : members.length, 0, comment);
    }
    return comment;
  }

  /**
   * A document ends.
   * @param column - where the key `sops` of a sealed file stands after it, or `null` when nothing follows.
   * @param start - offset of that key.
   */
  end(root: Members, column: number | null, start: number): void {
    this.#block = null;
    if (this.#run.length > 0) this.#resolve({ kind: "key", start, column, members: root });
    this.token("key", start, start, root);
    this.#prior = null;
  }

  /** Puts the comments that have waited where they belong. */
  #resolve(next: Next): void {
    const run = this.#run;
    this.#run = [];
    const prior = this.#prior;
    const indent = prior?.block?.column ?? 0;
    const nextColumn = next.column ?? -1;
    // Nothing takes a foot comment there.
    const isFootless = prior === null || prior.kind === "property" || WAITING.has(prior.kind);
    const isBelow = prior !== null && !this.#isBlankBetween(prior.end, run[0]?.offset ?? 0);
    let canCloseAtBlank = isBelow;
    let isFirst = true;
    let group: CommentToken[] = [];
    let column = 0;

    const closeGroup = (members: Members): void => {
      for (const token of group) put(token, members);
      group = [];
      isFirst = false;
    };
    const leaveToNext = (): void => {
      if (!WAITING.has(next.kind)) {
        closeGroup(next.members);
        return;
      }
      const tokens = this.#heads?.tokens ?? [];
      for (const token of group) tokens.push(token);
      this.#heads = { tokens, members: next.kind === "dash" ? next.members : null };
      group = [];
      isFirst = false;
    };
    // The block in that column, if it ends here.
    const ended = (): Members | null => {
      const block = nextColumn < column ? blockOf(prior?.block ?? null, column) : null;
      return block === null ? null : block.members;
    };
    // Only the first group can go with the token before; behind a colon, if the mapping ends there.
    const closeAsFoot = (): void => {
      if (!isFirst || prior === null) closeGroup(ended() ?? next.members);
      else if (!isFootless || (prior.kind === "colon" && !isWithin(this.#block, prior.block)))
        closeGroup(prior.members);
      else closeGroup(next.members);
    };
    const atBlank = (): void => {
      if (!canCloseAtBlank || group.length === 0) return;
      canCloseAtBlank = false;
      const outer = column < indent ? ended() : null;
      if (outer !== null) closeGroup(outer);
      else if (column < indent) leaveToNext();
      else if (isFirst && !isFootless) closeAsFoot();
    };

    let end = 0;
    for (const token of run) {
      if (end > 0 && this.#isBlankBehind(end, token.offset)) atBlank();
      const own = columnOf(this.#text, token.offset);
      if (group.length > 0 && own < indent && own !== column) closeAsFoot();
      if (group.length === 0) column = own;
      group.push(token);
      end = token.offset + token.source.length;
    }
    if (next.column === null || this.#isBlankBehind(end, next.start)) atBlank();
    const isDedented = next.column !== null && next.column < indent && next.column !== column;
    if (next.kind === "close" || isDedented) closeAsFoot();
    else leaveToNext();
  }

  #isBlankBetween(start: number, end: number): boolean {
    return /\n[ \t\r]*\n/.test(this.#text.slice(start, end));
  }

  /** The same behind a comment. There go-yaml takes the two characters of a line break for two line breaks. */
  #isBlankBehind(start: number, end: number): boolean {
    if (this.#text.charAt(start) === "\r" || this.#isBlankBetween(start, end)) return true;
    // At the end of the text, the key `sops` of a sealed file begins on a line of its own.
    return end === this.#text.length && /\n[ \t]+$/.test(this.#text.slice(start));
  }
}

/** A comment as it stands in the text, its marker included. */
interface CommentToken {
  readonly offset: number;
  readonly source: string;
}

/** What a mapping or a list has in it. */
export type Members = (Item | Comment)[] | (Node | Comment)[];

/** `scalar` is a value or an alias, `colon` that of a block mapping, `property` an anchor or a tag. */
export type TokenKind = "scalar" | "key" | "colon" | "flow-colon" | "dash" | "open" | "close" | "comma" | "property";

/** With these a comment on their line goes; behind others it is like one on a line of its own. */
const TAKES_COMMENT: ReadonlySet<TokenKind> = new Set(["scalar", "key", "colon", "open", "close"]);

/** Behind these something must come that a comment can go with. */
const WAITING: ReadonlySet<TokenKind> = new Set(["dash", "colon", "flow-colon", "property"]);

/** A block collection and those around it. */
interface Block {
  readonly column: number;
  readonly members: Members;
  readonly outer: Block | null;
}

/** The token before. */
interface Prior {
  readonly kind: TokenKind;
  end: number;
  readonly members: Members;
  readonly inside: Members;
  readonly block: Block | null;
  /** A closing bracket of a list element. */
  readonly isElement: boolean;
  /** A comma has followed. */
  isOver: boolean;
}

/** The token after; at the end of the text, where there is none, `column` is `null`. */
interface Next {
  readonly kind: TokenKind;
  readonly start: number;
  readonly column: number | null;
  readonly members: Members;
}

function put(token: CommentToken, members: Members): void {
  members.push(commentOf(token, false));
}

function commentOf({ offset, source }: CommentToken, inline: boolean): Comment {
  const at: Place = { start: offset, end: offset + source.length, style: "comment", indent: 0, itemStart: -1 };
  return { kind: "comment", scalar: { type: "comment", text: source.slice(1) }, inline, at };
}

/** Whether a block is another one or stands in it. */
function isWithin(inner: Block | null, outer: Block | null): boolean {
  let block = inner;
  while (block !== null && block !== outer) block = block.outer;
  return block === outer;
}

/** The block in that column, from the inside out. */
function blockOf(block: Block | null, column: number): Block | null {
  let found = block;
  while (found !== null && found.column !== column) found = found.outer;
  return found;
}
