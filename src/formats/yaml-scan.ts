import { NULL } from "../crypto/scalar-bytes.ts";
import { type Comment, type Item, type Leaf, type List, type Node, type Scalar, str } from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { Comments, type Members } from "./yaml-comments.ts";
import { markLoneComment, stepOf, takeMetadata, type YamlDocument } from "./yaml-document.ts";
import { resolvePlain } from "./yaml-resolve.ts";

/**
 * Reads YAML in its most common layout without the package's parser: one document of block mappings and lists, values on
 * one line or in plain literal blocks, comments. Many times faster, and what a small file waits for. It decides nothing:
 * where a text has anything else, or could be wrong, it gives up, and the parser has its say. What it does read is, to
 * the last offset, what `yaml-parse.ts` makes of it; the tests compare the two.
 *
 * @returns `null` when it is not sure.
 */
export function scanYaml(text: string): YamlDocument | null {
  if (UNUSUAL.test(text)) return null;
  try {
    return new Scanner(text).document();
  } catch (error) {
    // V8 runs out of stack in a pattern that goes through millions of characters; the parser does not.
    if (error === UNSURE || error instanceof RangeError) return null;
    throw error;
  }
}

/** Thrown where the text is left to the parser. */
const UNSURE = Symbol("unsure");

/** Tabs, carriage returns, and what is a line break or not printable to some reader. */
const UNUSUAL = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/;

/** Levels that are read here; a stack has to bear them. */
const MAX_DEPTH = 64;

/** Mappings of fewer keys are searched for twins one by one. */
const FEW = 16;

const PLAIN_KEY = /[A-Za-z_/.$0-9][\w./$@+-]*(?: [\w./$@+-]+)*(?=:[ \n])/y;
/** Nothing in it is escaped. */
const QUOTED_KEY = /(?:"[^"\\\n]{1,256}"|'[^'\n]{1,256}')(?=:[ \n])/y;
/** What a plain value may begin with, if anything may follow, and if something but a blank has to. */
const PLAIN_START = /[A-Za-z0-9_./+$(\\^~<=;\u00a1-\uffff]|-(?=[^\s])/y;
const SINGLE_QUOTED = /'(?:[^'\n]|'')*'/y;
const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\["\\ntr])*"/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\"', '"'],
  ["\\\\", "\\"],
  ["\\n", "\n"],
  ["\\t", "\t"],
  ["\\r", "\r"],
]);

const SPACE = 0x20;
const HASH = 0x23;
const DASH = 0x2d;
const BAR = 0x7c;
const SINGLE = 0x27;
const DOUBLE = 0x22;

class Scanner {
  readonly #text: string;
  /** `null` where the text has none. */
  readonly #comments: Comments | null;
  /** Of the present line: offset of its first character that is no blank, its column, and where it ends. */
  #at = 0;
  #column = 0;
  #lineEnd = -1;
  #depth = 0;
  #hasBlocks = false;

  constructor(text: string) {
    this.#text = text;
    this.#comments = text.includes("#") ? new Comments(text) : null;
  }

  document(): YamlDocument {
    const text = this.#text;
    const members: (Item | Comment)[] = [];
    this.#comments?.startDocument();
    this.#next();
    if (text.startsWith("---\n", this.#at) && this.#column === 0) this.#next();
    this.#comments?.end(members, null, 0);
    const firstKey = this.#at;
    if (this.#column !== 0) throw UNSURE;
    const keys: number[] = [];
    this.#mapping(0, members, keys);
    // What is put behind a block that ends without a line break may become part of it.
    if (this.#at < text.length || (this.#hasBlocks && !text.endsWith("\n"))) throw UNSURE;
    this.#comments?.end(members, 0, text.length);
    this.#comments?.end(members, null, text.length);

    const items = members.filter((member) => member.kind === "item");
    // A wrapper around something else looks like that.
    if (items.length <= 2 && items.some(({ key }) => key === "data")) throw UNSURE;
    const flowItem = items.findIndex(({ key }) => key === METADATA_KEY);
    const metadata = takeMetadata(members);
    return {
      source: text,
      roots: [{ kind: "mapping", members, at: null }],
      metadata,
      hasLaterMetadata: false,
      lostAt: null,
      betweenAt: null,
      aliases: [],
      yamlRoots: [
        {
          column: 0,
          flow: null,
          end: text.length,
          firstKey,
          wrap: null,
          tags: "",
          metadata: metadata === null ? null : { key: keys[flowItem] ?? 0, flowItem },
          endsOpen: false,
        },
      ],
      anchors: new Map(),
      headerComments: new Map(),
      newline: "\n",
      variants: [],
      isWrapped: false,
      step: stepOf(text),
    };
  }

  /** Goes to the next line that has more than blanks and a comment; at the end of the text its column is -1. */
  #next(): void {
    const text = this.#text;
    for (;;) {
      const start = this.#lineEnd + 1;
      if (start >= text.length) {
        this.#column = -1;
        this.#at = text.length;
        this.#lineEnd = text.length;
        return;
      }
      const lineBreak = text.indexOf("\n", start);
      this.#lineEnd = lineBreak === -1 ? text.length : lineBreak;
      let at = start;
      while (text.charCodeAt(at) === SPACE) at++;
      if (at >= this.#lineEnd) continue;
      if (text.charCodeAt(at) === HASH) {
        this.#comment(at);
        continue;
      }
      this.#at = at;
      this.#column = at - start;
      // A marker of documents, or a directive.
      if (at === start && /^(?:---|\.\.\.|%)/.test(text.slice(at, at + 3)) && (start > 0 || text[at] !== "-"))
        throw UNSURE;
      return;
    }
  }

  /** A comment, up to the end of the line. */
  #comment(offset: number): void {
    this.#comments?.comment({ offset, source: this.#text.slice(offset, this.#lineEnd) });
  }

  /**
   * The members of a block mapping, from its first key on, which stands at the present place. Ends on the first line
   * that is indented less.
   * @param keys - gets the offsets of the keys
   */
  #mapping(column: number, members: (Item | Comment)[], keys: number[] | null): void {
    if (++this.#depth > MAX_DEPTH) throw UNSURE;
    this.#comments?.open(column, members);
    let seen: Set<string> | null = null;
    let count = 0;
    do {
      const start = this.#at;
      keys?.push(start);
      const key = this.#key(members);
      if (++count < FEW) {
        if (members.some((member) => member.kind === "item" && member.key === key)) throw UNSURE;
      } else {
        seen ??= new Set(members.flatMap((member) => (member.kind === "item" ? [member.key] : [])));
        if (seen.has(key)) throw UNSURE;
        seen.add(key);
      }
      const value = this.#value(column, members);
      members.push({ kind: "item", key, value });
    } while (this.#column === column);
    if (this.#column > column) throw UNSURE;
    this.#comments?.close();
    this.#depth--;
  }

  /** A key and its colon; ends behind that. */
  #key(members: Members): string {
    const text = this.#text;
    const start = this.#at;
    const first = text.charCodeAt(start);
    const isQuoted = first === DOUBLE || first === SINGLE;
    const pattern = isQuoted ? QUOTED_KEY : PLAIN_KEY;
    pattern.lastIndex = start;
    if (!pattern.test(text) || pattern.lastIndex - start > 256) throw UNSURE;
    const end = pattern.lastIndex;
    const key = isQuoted ? text.slice(start + 1, end - 1) : text.slice(start, end);
    if (!isQuoted && resolvePlain(key)?.type !== "str") throw UNSURE;
    this.#comments?.token("key", start, end, members);
    this.#comments?.token("colon", end, end + 1, members);
    this.#at = end + 1;
    return key;
  }

  /** What stands behind a colon: on its line, or below, or nothing. @param column - of the mapping */
  #value(column: number, members: Members): Node {
    const text = this.#text;
    const at = this.#skipBlanks(this.#at);
    if (at < this.#lineEnd && text.charCodeAt(at) !== HASH) return this.#leaf(at, column, -1, members);
    this.#endLine(at);
    // A list may stand in the column of its mapping.
    if (this.#column > column || (this.#column === column && this.#isDash(this.#at)))
      return this.#below(column, members);
    return { kind: "leaf", scalar: NULL, at: null };
  }

  /** A mapping or a list that begins on the present line. */
  #below(column: number, outer: Members): Node {
    const own = this.#column;
    if (this.#isDash(this.#at)) return this.#list(own, outer, own === column);
    const members: (Item | Comment)[] = [];
    this.#mapping(own, members, null);
    return { kind: "mapping", members, at: null };
  }

  #list(column: number, outer: Members, isUnindented: boolean): List {
    if (++this.#depth > MAX_DEPTH) throw UNSURE;
    const elements: (Node | Comment)[] = [];
    if (!isUnindented) this.#comments?.open(column, outer);
    do {
      const dash = this.#at;
      this.#comments?.token("dash", dash, dash + 1, elements);
      elements.push(this.#element(column, dash, elements));
    } while (this.#column === column && this.#isDash(this.#at));
    if (this.#column > column || (this.#column === column && !isUnindented)) throw UNSURE;
    if (!isUnindented) this.#comments?.close();
    markLoneComment(elements);
    this.#depth--;
    return { kind: "list", elements, at: null };
  }

  /** What stands behind a dash, on its line: a value, or the first key of a mapping. */
  #element(column: number, dash: number, elements: Members): Node {
    const text = this.#text;
    const at = this.#skipBlanks(dash + 1);
    if (at >= this.#lineEnd || text.charCodeAt(at) === HASH) throw UNSURE;
    PLAIN_KEY.lastIndex = at;
    QUOTED_KEY.lastIndex = at;
    if (!PLAIN_KEY.test(text) && !QUOTED_KEY.test(text)) return this.#leaf(at, column, dash, elements);
    this.#at = at;
    const members: (Item | Comment)[] = [];
    this.#mapping(column + at - dash, members, null);
    return { kind: "mapping", members, at: null };
  }

  /**
   * One value, and the rest of its line; ends on the next.
   * @param indent - column of the mapping or the list that it is in
   * @param itemStart - offset of the dash in front of it, or -1
   */
  #leaf(at: number, indent: number, itemStart: number, members: Members): Leaf {
    const text = this.#text;
    const code = text.charCodeAt(at);
    if (code === BAR) return this.#literal(at, indent, itemStart, members);
    let end: number;
    let style = "plain";
    let scalar: Scalar | null;
    if (code === SINGLE) {
      end = endOf(SINGLE_QUOTED, text, at);
      style = "single";
      scalar = str(text.slice(at + 1, end - 1).replaceAll("''", "'"));
    } else if (code === DOUBLE) {
      end = endOf(DOUBLE_QUOTED, text, at);
      style = "double";
      scalar = str(text.slice(at + 1, end - 1).replace(/\\./g, (written) => ESCAPES.get(written) ?? ""));
    } else {
      const plain = this.#plain(at);
      end = at + plain.length;
      scalar = resolvePlain(plain);
    }
    if (scalar === null) throw UNSURE;
    this.#comments?.token("scalar", at, end, members);
    this.#endLine(this.#skipBlanks(end), end);
    return { kind: "leaf", scalar, at: { start: at, end, style, indent, itemStart } };
  }

  /** A plain value on one line. */
  #plain(start: number): string {
    const text = this.#text;
    endOf(PLAIN_START, text, start);
    let end = this.#lineEnd;
    let plain = text.slice(start, end);
    // Nothing of what ends a value, or makes it a key, is in an envelope.
    if (plain.startsWith("ENC[AES256_GCM,data:") && plain.endsWith("]") && !plain.includes(" ")) return plain;
    const hash = plain.indexOf(" #");
    if (hash !== -1) end = start + hash;
    while (text.charCodeAt(end - 1) === SPACE) end--;
    plain = text.slice(start, end);
    if (plain.includes(": ") || plain.endsWith(":")) throw UNSURE;
    return plain;
  }

  /** A literal block without an indentation indicator; ends on the line after it. */
  #literal(at: number, indent: number, itemStart: number, members: Members): Leaf {
    const text = this.#text;
    const header = text.slice(at, this.#lineEnd);
    if (header !== "|" && header !== "|-") throw UNSURE;
    let own = -1;
    let body = "";
    let blank = "";
    let end = -1;
    for (let start = this.#lineEnd + 1; start < text.length; ) {
      const lineBreak = text.indexOf("\n", start);
      const first = this.#skipBlanks(start);
      // Readers differ about lines of blanks, and about what ends without a line break.
      if (lineBreak === -1 || (first === lineBreak && first > start)) throw UNSURE;
      if (first === start && first === lineBreak) blank += "\n";
      else {
        if (own === -1) own = first - start;
        if (first - start < own || own <= indent) break;
        body += `${end === -1 ? "" : "\n"}${blank}${text.slice(start + own, lineBreak)}`;
        blank = "";
        end = lineBreak;
      }
      start = lineBreak + 1;
    }
    if (end === -1) throw UNSURE;
    this.#hasBlocks = true;
    this.#comments?.token("scalar", at, this.#lineEnd, members);
    this.#comments?.token("scalar", this.#lineEnd + 1, end, members);
    this.#lineEnd = end;
    this.#next();
    const scalar = str(header === "|" ? `${body}\n` : body);
    return { kind: "leaf", scalar, at: { start: at, end, style: "literal", indent, itemStart } };
  }

  /**
   * The rest of a line, from its first character on that is no blank: a comment, or nothing; ends on the next.
   * @param before - where a value ends, from which a comment must be apart
   */
  #endLine(at: number, before = -1): void {
    if (at < this.#lineEnd) {
      if (this.#text.charCodeAt(at) !== HASH || at === before) throw UNSURE;
      this.#comment(at);
    }
    this.#next();
  }

  #skipBlanks(at: number): number {
    let end = at;
    while (this.#text.charCodeAt(end) === SPACE) end++;
    return end;
  }

  /** Whether a list item begins there. */
  #isDash(at: number): boolean {
    return this.#text.charCodeAt(at) === DASH && /[ \n]/.test(this.#text.charAt(at + 1));
  }
}

/** Where what a sticky pattern finds at an offset ends. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  if (!pattern.test(text)) throw UNSURE;
  return pattern.lastIndex;
}
