import {
  Alias,
  CST,
  isMap,
  isScalar,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
  type Scalar as YamlScalar,
} from "yaml";
import {
  type Comment,
  type Item,
  type List,
  type Mapping,
  type Node,
  type Place,
  type Scalar,
  type Variant,
  WRAPPER_KEY,
} from "../document/document.ts";
import { KeyleafError, located, malformed } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import { Anchors } from "./yaml-anchors.ts";
import { blockEnd, bodyIndentOf, lineStart } from "./yaml-block.ts";
import { Comments, type Members, type TokenKind } from "./yaml-comments.ts";
import { type ComposedDocument, composeYaml, MAX_DEPTH, tooDeep } from "./yaml-compose.ts";
import type { YamlDocument, YamlRoot } from "./yaml-document.ts";
import { resolvePlain, resolveTagged } from "./yaml-resolve.ts";
import { wrapperVariants, wrapping } from "./yaml-wrap.ts";

/** Style of the last element of a list that holds nothing but sealed comments. */
export const LONE_COMMENT = "lone-comment";

/** Parses a YAML file; `yaml` decides what is valid, this file what the reference sees in it. */
export function parseYaml(source: Uint8Array): YamlDocument {
  const text = decodeUtf8(source);
  // go-yaml takes a lone carriage return for a line break.
  const foreign = text.search(/\0|\r(?!\n)/);
  if (foreign !== -1)
    throw malformed(text[foreign] === "\0" ? "NUL character" : "a carriage return without a line feed", text, foreign);
  return new TreeBuilder(text).build();
}

class TreeBuilder {
  readonly #text: string;
  readonly #anchors: Anchors;
  readonly #comments: Comments;
  readonly #headerComments = new Map<number, Comment>();
  readonly #newline: string;
  readonly #hasSlashes: boolean;
  readonly #hasEscapedBreaks: boolean;
  readonly #variants: Variant[] = [];
  #isWrapped = false;
  #flowDepth = 0;
  /** Column of the block around a plain scalar, as long as nothing but blanks has followed it. */
  #plainIndent: number | null = null;
  #depth = 0;
  #isFirstDocument = true;
  /** Comments that the parser has not seen; from the end of the text. */
  #hidden: CST.SourceToken[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#anchors = new Anchors(text);
    this.#comments = new Comments(text);
    this.#hasSlashes = text.includes("\\/") || text.includes("\\x2F");
    this.#hasEscapedBreaks = /\\\r?\n[ \t]*\r?\n/.test(text);
    this.#newline = /\r?\n/.exec(text)?.[0] ?? "\n";
  }

  build(): YamlDocument {
    const { documents, before, hidden, lostAt } = composeYaml(this.#text);
    this.#hidden = hidden;
    const roots: Mapping[] = [];
    const yamlRoots: YamlRoot[] = [];
    let metadata: Mapping | null = null;
    let hasLaterMetadata = false;
    for (const [i, document] of documents.entries()) {
      this.#anchors.startDocument();
      this.#isFirstDocument = i === 0;
      const { mapping, root, metadata: block } = this.#root(document, i === 0 ? before : [], i);
      roots.push(mapping);
      yamlRoots.push(root);
      if (i === 0) metadata = block;
      else if (block !== null) hasLaterMetadata = true;
    }
    const [left] = this.#hidden;
    if (left !== undefined) throw misplaced(this.#text, left.offset);
    const indentation = /\n( {2,8})[^\s#]/.exec(this.#text)?.[1]?.length ?? 4;
    return {
      source: this.#text,
      roots,
      metadata,
      hasLaterMetadata,
      lostAt,
      aliases: this.#anchors.aliases,
      yamlRoots,
      anchors: this.#anchors.all,
      headerComments: this.#headerComments,
      newline: this.#newline,
      variants: this.#variants.toSorted((a, b) => a.start - b.start),
      isWrapped: this.#isWrapped,
      step: indentation,
    };
  }

  #root(
    document: ComposedDocument,
    before: readonly CST.SourceToken[],
    index: number,
  ): { mapping: Mapping; root: YamlRoot; metadata: Mapping | null } {
    const { token, contents, end } = document;
    const value = token.value;
    const members: (Item | Comment)[] = [];
    this.#comments.startDocument();
    this.#tokens([...before, ...token.start], members);
    this.#comments.end(members, null, 0);
    let column = 0;
    let firstKey = end;
    let wrap: YamlRoot["wrap"] = null;
    const { version, tags } = document.directives;
    if (version !== null)
      this.#variants.push({ kind: `version ${index}`, ...version, sealed: "1.1", isPlain: isVersion });
    const isWrapped = contents !== null && !isMap(contents) && !isEmptyNull(contents);
    if (isMap(contents) && value !== undefined && (value.type === "block-map" || value.type === "flow-collection")) {
      this.#mapping(contents, value, members, members, false);
      const first = contents.items[0];
      if (first !== undefined && value.type === "block-map") {
        firstKey = lineStart(
          this.#text,
          keyOffset(value.items.find((item) => item.key != null || item.sep !== undefined) ?? value.items[0]),
        );
        if (firstKey === 0 && this.#text.startsWith("\ufeff")) {
          firstKey = 1;
          if (value.indent > 0)
            throw located("INPUT_UNSUPPORTED", "a byte order mark stands before an indented key", this.#text, 1);
        }
        column = value.indent;
      }
    } else if (isWrapped) {
      const wrapped = this.#wrapped(contents, token, members, index);
      wrap = wrapped.wrap;
      firstKey = wrapped.start;
    }
    this.#tokens(token.end ?? [], members);
    this.#comments.end(members, value?.type === "block-map" || value?.type === "block-seq" ? column : null, end);
    this.#tokens(document.after, members);
    this.#comments.end(members, null, end);

    const at = members.findIndex((member) => member.kind === "item" && member.key === "sops");
    let metadata: Mapping | null = null;
    let position: YamlRoot["metadata"] = null;
    if (at !== -1) {
      const [item] = members.splice(at, 1) as [Item];
      if (item.value.kind !== "mapping") throw new KeyleafError("INPUT_METADATA", "the sops entry is not a mapping");
      if (members.some((member) => member.kind === "item" && member.key === "sops"))
        throw new KeyleafError("INPUT_METADATA", "two sops entries");
      metadata = item.value;
      position = this.#metadataPosition(contents as YAMLMap.Parsed);
    }
    if (isMap(contents) && (value?.type === "block-map" || value?.type === "flow-collection")) {
      const keys = contents.items.flatMap(({ key }) =>
        isScalar(key) && key.value !== "sops" ? [{ key: String(key.value), offset: key.range?.[0] ?? 0 }] : [],
      );
      this.#variants.push(...wrapperVariants(value, keys.slice(0, 2), index, this.#text));
    }
    const root: YamlRoot = {
      column,
      flow: value?.type === "flow-collection" ? value : null,
      end,
      firstKey,
      wrap,
      tags,
      metadata: position,
      endsOpen: value !== undefined && endsInOpenBlock(value, this.#text),
    };
    return { mapping: { kind: "mapping", members, at: null }, root, metadata };
  }

  #metadataPosition(map: YAMLMap.Parsed): YamlRoot["metadata"] {
    const flowItem = map.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === "sops");
    const pair = map.items[flowItem];
    return pair === undefined ? null : { key: pair.key.range[0], flowItem };
  }

  /** Offset of a top-level node that is no mapping, its tag and anchor included. */
  #startOfTop(token: CST.Document, node: ParsedNode): number {
    const first = token.start.findIndex((part) => part.type === "tag" || part.type === "anchor");
    const start = token.start[first]?.offset ?? node.range[0];
    const isCommented = first !== -1 && token.start.some((part, i) => i > first && part.type === "comment");
    const isList = token.value?.type === "block-seq";
    const isLed = isList && (first !== -1 || this.#text.slice(lineStart(this.#text, start), start).trim() !== "");
    if (node instanceof Alias || isCommented || isLed) {
      const what = "the top level is no mapping, and something stands in front of it on its line";
      throw located("INPUT_UNSUPPORTED", what, this.#text, start);
    }
    if (!isList) return start;
    const line = lineStart(this.#text, start);
    return line === 0 && this.#text.startsWith("\ufeff") ? 1 : line;
  }

  /** A top level that is no mapping. Comments are placed as if it were the value of a key `data` already. */
  #wrapped(
    contents: ParsedNode,
    document: CST.Document,
    members: (Item | Comment)[],
    index: number,
  ): { start: number; wrap: YamlRoot["wrap"] } {
    const start = this.#startOfTop(document, contents);
    const token = document.value;
    const isList = token?.type === "block-seq";
    if (isList) {
      this.#comments.open(0, members);
      this.#isListUnindented = token.indent === 0;
    }
    // What stands behind it stands outside of a flow mapping around it.
    const end = token !== undefined && "end" in token ? (token.end ?? []) : [];
    const own = end.filter((part) => part.type === "flow-seq-end");
    const bare = token !== undefined && "end" in token ? ({ ...token, end: own } as CST.Token) : token;
    const node = this.#node(contents, bare, document.start, { indent: 0, itemStart: -1, inFlow: true }, members);
    const at = node.kind === "leaf" ? node.at : null;
    if (at !== null && this.#headerComments.has(at.start))
      throw malformed("a comment stands on the header of a block that is the whole document", this.#text, start);
    const isNull = node.kind === "leaf" && node.scalar.type === "null";
    if (!isNull) {
      members.push({ kind: "item", key: WRAPPER_KEY, value: node });
      this.#isWrapped = true;
    }
    const range = { start, end: at?.end ?? contents.range[1] };
    const { variants, wrap } = wrapping(isList ? "list" : isNull ? "null" : "other", range, index, this.#newline);
    this.#variants.push(...variants);
    if (!isList) this.#comments.token("close", range.end, range.end, members);
    this.#tokens(end.slice(own.length), members);
    return { start, wrap };
  }

  /** Fills `members` with a mapping's items and comments. @param outer - what the mapping stands in */
  #mapping(
    map: YAMLMap.Parsed,
    token: CST.BlockMap | CST.FlowCollection,
    members: (Item | Comment)[],
    outer: Members,
    isElement: boolean,
  ): void {
    const seen = new Set<string>();
    const inFlow = token.type === "flow-collection";
    let next = 0;
    this.#open(token, members, outer);
    for (const item of token.items) {
      this.#tokens(item.start, members);
      const pair = map.items[next];
      if (pair === undefined || pair.srcToken !== item) continue;
      next++;
      const key = this.#key(pair.key as ParsedNode | null, item, inFlow, members);
      if (seen.has(key) && this.#isFirstDocument)
        throw malformed(`${nameOf(pair.key, key)} appears twice in one mapping`, this.#text, keyOffset(item));
      seen.add(key);
      const node = this.#valueNode(pair.value as ParsedNode | null, item, token, members);
      if (key === "<<" && isPlainScalar(pair.key)) this.#checkMerge(node, keyOffset(item));
      members.push({ kind: "item", key, value: node });
    }
    this.#close(token, members, outer, isElement);
  }

  /** The list that is built next has its dashes in the column of the mapping that holds it. */
  #isListUnindented = false;

  #valueNode(
    value: ParsedNode | null,
    item: CST.CollectionItem,
    block: CST.BlockMap | CST.FlowCollection,
    members: (Item | Comment)[],
  ): Node {
    const inFlow = block.type === "flow-collection";
    this.#tokens(item.sep ?? [], members, inFlow ? "flow-colon" : "colon");
    this.#isListUnindented = item.value?.type === "block-seq" && !inFlow && item.value.indent === block.indent;
    const where = { indent: inFlow ? 0 : block.indent, itemStart: -1, inFlow };
    return this.#node(value, item.value, item.sep ?? [], where, members);
  }

  /** Comments that the parser has not seen, in front of a value. They stand behind a colon or a dash, and nowhere else. */
  #hiddenComments(token: CST.Token | null | undefined, props: readonly CST.SourceToken[]): void {
    const end = token?.offset ?? 0;
    const indicator = props.findLast(({ type }) => type === "seq-item-ind" || type === "map-value-ind");
    for (let last = this.#hidden.at(-1); last !== undefined && last.offset < end; last = this.#hidden.at(-1)) {
      if (indicator === undefined || last.offset < indicator.offset) throw misplaced(this.#text, last.offset);
      this.#hidden.pop();
      this.#comments.comment(last);
    }
  }

  /**
   * @param props - tokens before the value: its tag and anchor are among them.
   * @param members - what the node stands in.
   */
  #node(
    node: ParsedNode | null,
    token: CST.Token | null | undefined,
    props: readonly CST.SourceToken[],
    where: Where,
    members: Members,
  ): Node {
    if (++this.#depth > MAX_DEPTH) throw tooDeep();
    this.#hiddenComments(token, props);
    try {
      const name = node === null || node instanceof Alias ? undefined : node.anchor;
      const slot = name === undefined ? null : this.#anchors.open(name);
      const built = this.#build(node, token, props, where, members);
      if (slot !== null && node !== null) {
        // A tag may stand before the anchor, and is sealed with the value.
        const start =
          built.kind === "leaf" && built.at !== null ? Math.min(built.at.start, node.range[0]) : node.range[0];
        this.#anchors.define(slot, { start, end: node.range[1], node: built, isKey: false });
      }
      return built;
    } finally {
      this.#depth--;
    }
  }

  #build(
    node: ParsedNode | null,
    token: CST.Token | null | undefined,
    props: readonly CST.SourceToken[],
    where: Where,
    members: Members,
  ): Node {
    if (node === null) return { kind: "leaf", scalar: { type: "null", text: "" }, at: null };
    if (node instanceof Alias || isScalar(node)) {
      if (node instanceof Alias) return this.#alias(node as Alias.Parsed, token, where, members);
      const comment = this.#scalarToken("scalar", token, node.range[1], members);
      const scalar = this.#scalar(node, node.range[0]);
      const at = this.#place(node, scalar, token, props, where);
      if (token?.type === "block-scalar") {
        this.#checkBlanks(token, node, where);
        const rest = this.#text.slice(at.end, node.range[1]).indexOf("\t");
        if (rest !== -1) throw malformed("a tab, which sops cannot read there", this.#text, at.end + rest);
      }
      if (comment !== null) this.#headerComments.set(at.start, comment);
      return { kind: "leaf", scalar, at };
    }
    if (token?.type !== "block-map" && token?.type !== "block-seq" && token?.type !== "flow-collection") {
      throw new Error(`collection without a token (${token?.type})`);
    }
    const isElement = where.itemStart >= 0;
    if (!isMap(node)) return this.#list(node, token as CST.BlockSequence | CST.FlowCollection, members, isElement);
    const inner: (Item | Comment)[] = [];
    this.#mapping(node, token as CST.BlockMap | CST.FlowCollection, inner, members, isElement);
    return { kind: "mapping", members: inner, at: flowPlace(token) };
  }

  #list(seq: YAMLSeq.Parsed, token: CST.BlockSequence | CST.FlowCollection, outer: Members, isElement: boolean): List {
    const elements: (Node | Comment)[] = [];
    const inFlow = token.type === "flow-collection";
    const isUnindented = this.#isListUnindented;
    let next = 0;
    if (!isUnindented) this.#open(token, elements, outer);
    for (const item of token.items) {
      this.#tokens(item.start, elements);
      const dash = item.start.find((part) => part.type === "seq-item-ind");
      const isReal = inFlow
        ? item.key != null ||
          item.sep !== undefined ||
          item.value != null ||
          item.start.some((part) => part.type === "anchor" || part.type === "tag" || part.type === "explicit-key-ind")
        : dash !== undefined;
      if (!isReal) continue;
      const element = seq.items[next++] as ParsedNode | null;
      this.#isListUnindented = false;
      const itemStart = dash?.offset ?? (item.value ?? item.key)?.offset ?? -1;
      const where: Where = { indent: inFlow ? 0 : token.indent, itemStart, inFlow };
      const isPair = item.key != null || item.sep !== undefined;
      const node = isPair
        ? this.#impliedPairOf(element as unknown as YAMLMap.Parsed, item, token as CST.FlowCollection)
        : this.#node(element, item.value, item.start, where, elements);
      if (item.value == null && !isPair) this.#comments.emptyItem();
      elements.push(node);
    }
    if (!isUnindented) this.#close(token, elements, outer, isElement);
    markLoneComment(elements);
    return { kind: "list", elements, at: flowPlace(token) };
  }

  #open(token: CST.Token, members: Members, outer: Members): void {
    if (token.type === "flow-collection") {
      this.#flowDepth++;
      this.#comments.token("open", token.offset, token.offset + 1, outer, members);
    } else if ("indent" in token) this.#comments.open(token.indent, token.type === "block-seq" ? outer : members);
  }

  /** @param isElement - what ends is a list element */
  #close(token: CST.Token, members: Members, outer: Members, isElement: boolean): void {
    if (token.type !== "flow-collection") {
      this.#comments.close();
      return;
    }
    this.#flowDepth--;
    const [bracket, ...after] = token.end;
    if (bracket !== undefined)
      this.#comments.token("close", bracket.offset, bracket.offset + 1, outer, members, isElement);
    this.#tokens(after, outer);
  }

  /**
   * Tells a scalar or an alias, and the comments behind it.
   * @returns the comment on a block scalar's header.
   */
  #scalarToken(
    kind: "scalar" | "key",
    token: CST.Token | null | undefined,
    end: number,
    members: Members,
  ): Comment | null {
    if (token == null) return null;
    let comment: Comment | null = null;
    if (token.type === "block-scalar") {
      for (const part of token.props) {
        if (part.type === "block-scalar-header" && "source" in part)
          this.#comments.token(kind, part.offset, part.offset + part.source.length, members);
        else if (part.type === "comment") comment = this.#comments.comment(part as CST.SourceToken);
      }
      // The line break behind its last line is not yet a blank line.
      this.#comments.token(kind, token.offset, Math.max(token.offset, end - 1), members);
    } else {
      if (this.#hasSlashes && token.type === "double-quoted-scalar") this.#slashes(token);
      this.#comments.token(kind, token.offset, end, members);
      this.#plainIndent = token.type === "scalar" ? this.#comments.column : null;
      this.#tokens("end" in token ? (token.end ?? []) : [], members);
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

  /** go-yaml knows no escaped slash. */
  #slashes({ source, offset }: CST.FlowScalar): void {
    for (const { 0: text, index } of source.matchAll(/\\(?:x2F|.)/gs)) {
      if (text !== "\\/" && text !== "\\x2F") continue;
      const start = offset + index;
      this.#variants.push({ kind: "slash", start, end: start + text.length, sealed: "\\x2F", isPlain: isSlash });
    }
  }

  /** Tells what stands between values. @param colon - what a colon is here */
  #tokens(tokens: readonly CST.SourceToken[], members: Members, colon: TokenKind = "colon"): void {
    for (const [i, part] of tokens.entries()) {
      if (part.type !== "space" && part.type !== "newline") this.#plainIndent = null;
      if (part.type === "comment") this.#comments.comment(part);
      else if (part.type === "space" && part.source.includes("\t")) this.#checkTab(part, tokens[i - 1], tokens[i + 1]);
      else {
        const kind = part.type === "map-value-ind" ? colon : KINDS.get(part.type);
        if (kind !== undefined) this.#comments.token(kind, part.offset, part.offset + part.source.length, members);
      }
    }
  }

  /** `[a: b]`: a mapping of one pair, written without braces. */
  #impliedPairOf(map: YAMLMap.Parsed, item: CST.CollectionItem, token: CST.FlowCollection): Mapping {
    const members: (Item | Comment)[] = [];
    const pair = map.items[0];
    const key = this.#key((pair?.key ?? null) as ParsedNode | null, item, true, members);
    const node = this.#valueNode((pair?.value ?? null) as ParsedNode | null, item, token, members);
    members.push({ kind: "item", key, value: node });
    return { kind: "mapping", members, at: null };
  }

  #key(key: ParsedNode | null, item: CST.CollectionItem, inFlow: boolean, members: Members): string {
    this.#scalarToken("key", item.key, key?.range[1] ?? 0, members);
    const offset = keyOffset(item);
    let scalar: Scalar | null = null;
    if (isScalar(key)) {
      scalar = this.#scalar(key, offset);
      if (inFlow && key.type === "PLAIN" && key.source?.startsWith("?") === true) {
        throw malformed("readers differ about a key that begins with ?", this.#text, offset, "put it in quotes");
      }
      const colon = item.sep?.find((part) => part.type === "map-value-ind")?.offset;
      if (inFlow && key.type === "PLAIN" && colon !== undefined && /[,\]}]/.test(this.#text.charAt(colon + 1))) {
        throw malformed(
          "readers differ about a colon right before , ] or }",
          this.#text,
          colon,
          "write a blank between",
        );
      }
      // A key stays clear, and so may an alias of it.
      if (key.anchor !== undefined) {
        this.#anchors.define(this.#anchors.open(key.anchor), {
          start: key.range[0],
          end: key.range[1],
          node: { kind: "leaf", scalar, at: null },
          isKey: true,
        });
      }
    } else if (key instanceof Alias) {
      const [start, end] = key.range;
      // Never written out: a key stays as it is, so the value it repeats must stay clear.
      const node = this.#anchors.repeat(key.source, { start, end, style: "plain", indent: 0, itemStart: -1 });
      if (node.kind === "leaf") scalar = node.scalar;
    } else if (key !== null) throw malformed("a mapping or list cannot be a key", this.#text, offset);
    if (scalar === null || scalar.type !== "str" || typeof scalar.text !== "string") {
      const what = `a key is of type ${scalar?.type ?? "null"}; only strings can be keys`;
      throw located("INPUT_UNSUPPORTED_VALUE", what, this.#text, offset, "put it in quotes");
    }
    return scalar.text;
  }

  #scalar(node: YamlScalar, offset: number): Scalar {
    const isQuoted = node.type !== "PLAIN";
    const text = this.#valueText(node);
    if (node.tag === undefined) {
      if (isQuoted) return { type: "str", text };
      const scalar = resolvePlain(text);
      if (scalar !== null) return scalar;
      throw located(
        "INPUT_UNSUPPORTED_VALUE",
        "an integer beyond 64 bits cannot be encrypted",
        this.#text,
        offset,
        "put it in quotes",
      );
    }
    const scalar = resolveTagged(node.tag, text, isQuoted);
    if (scalar === null) throw malformed("the value is not of the type that its tag names", this.#text, offset);
    return scalar;
  }

  /** Behind a block with an indentation indicator, `yaml` drops a line of blanks that belongs to the value. */
  #checkBlanks(token: CST.BlockScalar, node: YamlScalar.Parsed, { indent }: Where): void {
    const own = this.#text.slice(node.range[0], node.range[1]);
    const indicator = /^[|>][-+]?(\d)/.exec(own)?.[1];
    if (indicator === undefined) return;
    const after = /^(?: *\r?\n)* *(?=\r?\n|$)/.exec(this.#text.slice(node.range[1]))?.[0] ?? "";
    const blanks = own.slice(own.trimEnd().length);
    const width = Math.max(indent, 0) + Number(indicator);
    if (`${blanks}\n${after}`.split("\n").some((line) => line.replace("\r", "").length > width)) {
      throw malformed(
        "readers differ about blanks at the end of a block with an indentation indicator",
        this.#text,
        token.offset,
      );
    }
  }

  /** Text of a scalar, before its type is told. Where the file ends inside a block, go-yaml adds no line break; `yaml` does. */
  #valueText(node: YamlScalar): string {
    const text = node.type === "QUOTE_DOUBLE" ? this.#doubleQuotedText(node) : (node.source ?? "");
    const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
    const isCut = isBlock && node.range?.[1] === this.#text.length && this.#endsInContent(node.range[0]);
    return isCut && text.endsWith("\n") ? text.slice(0, -1) : text;
  }

  /** Whether the last line of a block scalar, and of the file, has no line break but something of the value. */
  #endsInContent(start: number): boolean {
    const line = this.#text.slice(lineStart(this.#text, this.#text.length));
    if (line.trim() !== "") return true;
    const text = this.#text.slice(start);
    const indentation = bodyIndentOf(text, 0);
    // Blanks beyond the indentation are part of the value; a lone line of them is nothing.
    return indentation === null ? text.indexOf("\n") === text.lastIndexOf("\n") : line.length > indentation;
  }

  /** Behind an escaped line break, `yaml` loses the blank lines. */
  #doubleQuotedText(node: YamlScalar): string {
    const [start = 0, end = 0] = node.range ?? [];
    const text = node.source ?? "";
    if (!this.#hasEscapedBreaks) return text;
    const source = this.#text.slice(start, end);
    const escaped = source.replace(
      /(?<!\\)((?:\\\\)*)\\(?:\r?\n)((?:[ \t]*\r?\n)+)[ \t]*/g,
      (_, before: string, blank: string) => {
        return `${before}${"\\n".repeat(blank.split("\n").length - 1)}`;
      },
    );
    if (escaped === source) return text;
    return CST.resolveAsScalar({ type: "double-quoted-scalar", offset: 0, indent: 0, source: escaped }).value;
  }

  #place(
    node: YamlScalar.Parsed,
    scalar: Scalar,
    token: CST.Token | null | undefined,
    props: readonly CST.SourceToken[],
    where: Where,
  ): Place {
    // Tag and anchor belong to the value's text: an envelope must not carry `!!int`, and an anchor may stand behind that.
    const isProperty = (part: CST.SourceToken): boolean => part.type === "tag" || part.type === "anchor";
    const first = props.findIndex(isProperty);
    const last = props.findLast(isProperty);
    const isCommented =
      last !== undefined &&
      (props.some((part, i) => i > first && part.type === "comment") ||
        this.#text.slice(last.offset + last.source.length, node.range[0]).includes("#"));
    const tag = props.find((part) => part.type === "tag");
    const isTyped =
      node.tag?.startsWith("tag:yaml.org,2002:") === true || resolvePlain(node.source)?.type !== scalar.type;
    if (isCommented && tag !== undefined && node.source !== "" && isTyped)
      throw malformed(
        "a comment stands between a tag and the value that it gives another type",
        this.#text,
        tag.offset,
      );
    const start = isCommented ? node.range[0] : (props[first]?.offset ?? node.range[0]);
    const inFlow = where.inFlow ? "-flow" : "";
    const style = STYLES.get(node.type ?? "PLAIN") ?? "plain";
    const end = token?.type === "block-scalar" ? blockEnd(token, node, this.#text) : node.range[1];
    return { start, end, style: `${style}${inFlow}`, indent: where.indent, itemStart: where.itemStart };
  }

  #alias(alias: Alias.Parsed, token: CST.Token | null | undefined, where: Where, members: Members): Node {
    const [start, end] = alias.range;
    const style = where.inFlow ? "plain-flow" : "plain";
    const at: Place = { start, end, style, indent: where.indent, itemStart: where.itemStart };
    const node = this.#anchors.repeat(alias.source, at);
    // Written out, it is a flow collection, with a comment behind it.
    const inside = node.kind === "leaf" ? members : node.kind === "list" ? node.elements : node.members;
    const kind = node.kind === "leaf" ? "scalar" : "close";
    this.#comments.token(kind, start, end, members, inside, where.itemStart >= 0);
    this.#tokens(token != null && "end" in token ? (token.end ?? []) : [], members);
    return node;
  }

  #checkMerge(node: Node, offset: number): void {
    const isFine =
      node.kind === "mapping" || (node.kind === "list" && node.elements.every((element) => element.kind !== "leaf"));
    if (!isFine && this.#isFirstDocument)
      throw malformed("a merge key needs a mapping or a list of mappings", this.#text, offset);
  }
}

/** A flow collection can go back to being the alias that it was written out from. */
function flowPlace(token: CST.BlockMap | CST.BlockSequence | CST.FlowCollection): Place | null {
  if (token.type !== "flow-collection") return null;
  const close = token.end.find((part) => part.type === "flow-map-end" || part.type === "flow-seq-end");
  return { start: token.offset, end: (close?.offset ?? token.offset) + 1, style: "flow", indent: 0, itemStart: -1 };
}

/** Surroundings of a value; see {@link Place}. */
interface Where {
  readonly indent: number;
  readonly itemStart: number;
  readonly inFlow: boolean;
}

const STYLES: ReadonlyMap<string, string> = new Map([
  ["PLAIN", "plain"],
  ["QUOTE_SINGLE", "single"],
  ["QUOTE_DOUBLE", "double"],
  ["BLOCK_LITERAL", "literal"],
  ["BLOCK_FOLDED", "folded"],
]);

/** Marks the last of a list's sealed comments where it has nothing else, so that opening them leaves a list. */
function markLoneComment(elements: (Node | Comment)[]): void {
  const isSealedComment = (element: Node | Comment): boolean =>
    element.kind === "leaf" &&
    typeof element.scalar.text === "string" &&
    /^ENC\[AES256_GCM,.*,type:comment\]$/.test(element.scalar.text);
  const last = elements.at(-1);
  if (last?.kind !== "leaf" || last.at === null || !elements.every(isSealedComment)) return;
  elements[elements.length - 1] = { ...last, at: { ...last.at, style: LONE_COMMENT } };
}

const KINDS: ReadonlyMap<string, TokenKind> = new Map([
  ["seq-item-ind", "dash"],
  ["explicit-key-ind", "dash"],
  ["comma", "comma"],
  ["anchor", "property"],
  ["tag", "property"],
]);

function misplaced(text: string, offset: number): KeyleafError {
  return malformed("a comment that is indented less than the value it stands in", text, offset);
}

/** A key in a message. What an alias repeats may be a value that is to be sealed. */
function nameOf(node: unknown, key: string): string {
  return node instanceof Alias ? "the key that an alias repeats" : `key ${JSON.stringify(key)}`;
}

function isSlash(text: string): boolean {
  return text === "\\/";
}

function isVersion(text: string): boolean {
  return /^\d+\.\d+$/.test(text);
}

/** Nothing at all, which reads as null. */
function isEmptyNull(node: ParsedNode): boolean {
  return (
    isScalar(node) && node.source === "" && node.type === "PLAIN" && node.tag === undefined && node.anchor === undefined
  );
}

function isPlainScalar(node: unknown): boolean {
  return isScalar(node) && node.type === "PLAIN";
}

function keyOffset(item: CST.CollectionItem | undefined): number {
  if (item === undefined) return 0;
  const first = item.start.find(
    (part) => part.type === "explicit-key-ind" || part.type === "anchor" || part.type === "tag",
  );
  return first?.offset ?? item.key?.offset ?? item.sep?.[0]?.offset ?? item.start[0]?.offset ?? 0;
}

/** Whether the text ends inside a block scalar, without a line break: more text would become part of it, or add one to it. */
function endsInOpenBlock(token: CST.Token, text: string): boolean {
  if (text.endsWith("\n")) return false;
  let last: CST.Token | null | undefined = token;
  while (last?.type === "block-map" || last?.type === "block-seq") last = last.items.at(-1)?.value;
  return last?.type === "block-scalar";
}
