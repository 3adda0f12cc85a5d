import { Alias, type CST, isMap, isScalar, type ParsedNode, type YAMLMap, type YAMLSeq } from "yaml";
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
import { METADATA_KEY } from "../document/metadata.ts";
import { type KeyleafError, located, malformed } from "../errors.ts";
import { lineStart } from "./lines.ts";
import { Anchors } from "./yaml-anchors.ts";
import { closeOf } from "./yaml-block.ts";
import type { Comments, Members } from "./yaml-comments.ts";
import { type ComposedDocument, composeYaml, MAX_DEPTH, tooDeep } from "./yaml-compose.ts";
import {
  LINE_SEPARATOR,
  markLoneComment,
  stepOf,
  takeMetadata,
  type YamlDocument,
  type YamlRoot,
} from "./yaml-document.ts";
import { Scalars, type Where } from "./yaml-scalar.ts";
import { Tokens } from "./yaml-tokens.ts";
import { wrapperVariants, wrapping } from "./yaml-wrap.ts";

/** Parses any YAML file; `yaml` decides what is valid, this file what the reference sees in it. */
export function parseYaml(text: string): YamlDocument {
  // go-yaml takes a lone carriage return for a line break.
  const foreign = text.search(/\0|\r(?!\n)/);
  if (foreign !== -1)
    throw malformed(text[foreign] === "\0" ? "NUL character" : "a carriage return without a line feed", text, foreign);
  return new TreeBuilder(text).build();
}

class TreeBuilder {
  readonly #text: string;
  readonly #anchors: Anchors;
  readonly #tokens: Tokens;
  readonly #comments: Comments;
  readonly #scalars: Scalars;
  readonly #headerComments = new Map<number, Comment>();
  readonly #newline: string;
  readonly #hasSeparators: boolean;
  readonly #variants: Variant[] = [];
  #isWrapped = false;
  #depth = 0;
  #isFirstDocument = true;
  /** Comments that the parser has not seen; from the end of the text. */
  #hidden: CST.SourceToken[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#anchors = new Anchors(text);
    this.#tokens = new Tokens(text);
    this.#comments = this.#tokens.comments;
    this.#scalars = new Scalars(text);
    this.#hasSeparators = LINE_SEPARATOR.test(text);
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
    return {
      source: this.#text,
      roots,
      metadata,
      hasLaterMetadata,
      lostAt,
      betweenAt: documents.slice(0, -1).find(({ after }) => after.length > 0)?.after[0]?.offset ?? null,
      aliases: this.#anchors.aliases,
      yamlRoots,
      anchors: this.#anchors.all,
      headerComments: this.#headerComments,
      newline: this.#newline,
      variants: [...this.#variants, ...this.#tokens.variants].toSorted((a, b) => a.start - b.start),
      isWrapped: this.#isWrapped,
      step: stepOf(this.#text),
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
    this.#tokens.tell([...before, ...token.start], members);
    this.#comments.end(members, null, 0);
    let column = 0;
    let firstKey = end;
    let wrap: YamlRoot["wrap"] = null;
    const { version, tags } = document.directives;
    if (version !== null)
      this.#variants.push({ kind: `version ${index}`, ...version, sealed: "1.1", isPlain: isVersion });
    const map = isMap(contents) && isCollection(value) ? { contents, value } : null;
    if (map !== null) {
      this.#mapping(map.contents, map.value, members, members, false);
      if (map.value.type === "block-map" && map.value.items.length > 0) {
        column = map.value.indent;
        firstKey = this.#firstKey(map.value);
      }
    } else if (contents !== null && !isEmptyNull(contents)) {
      const wrapped = this.#wrapped(contents, token, members, index);
      wrap = wrapped.wrap;
      firstKey = wrapped.start;
    }
    this.#tokens.tell(token.end ?? [], members);
    this.#comments.end(members, value?.type === "block-map" || value?.type === "block-seq" ? column : null, end);
    this.#tokens.tell(document.after, members);
    this.#comments.end(members, null, end);

    const metadata = takeMetadata(members);
    if (map !== null && map.contents.items.length <= 2) {
      const keys = map.contents.items.flatMap(({ key }) =>
        isScalar(key) && key.value !== METADATA_KEY ? [{ key: String(key.value), offset: key.range?.[0] ?? 0 }] : [],
      );
      this.#variants.push(...wrapperVariants(map.value, keys, index, this.#text));
    }
    const root: YamlRoot = {
      column,
      flow: value?.type === "flow-collection" ? value : null,
      end,
      firstKey,
      wrap,
      tags,
      metadata: metadata === null || map === null ? null : metadataPosition(map.contents),
      endsOpen: value !== undefined && endsInOpenBlock(value, this.#text),
    };
    return { mapping: { kind: "mapping", members, at: null }, root, metadata };
  }

  /** Offset of the line on which a block mapping begins. */
  #firstKey(map: CST.BlockMap): number {
    const first = map.items.find((item) => item.key != null || item.sep !== undefined) ?? map.items[0];
    const start = lineStart(this.#text, keyOffset(first));
    if (start > 0 || !this.#text.startsWith("\ufeff")) return start;
    if (map.indent === 0) return 1;
    throw located("INPUT_UNSUPPORTED", "a byte order mark stands before an indented key", this.#text, 1);
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
    if (isList) this.#comments.open(0, members);
    const where: Where = { indent: 0, itemStart: -1, inFlow: true, isUnindented: isList && token.indent === 0 };
    // What stands behind it stands outside of a flow mapping around it.
    const end = token !== undefined && "end" in token ? (token.end ?? []) : [];
    const own = end.filter((part) => part.type === "flow-seq-end");
    const bare = token !== undefined && "end" in token ? ({ ...token, end: own } as CST.Token) : token;
    const node = this.#node(contents, bare, document.start, where, members);
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
    this.#tokens.tell(end.slice(own.length), members);
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
    this.#tokens.open(token, members, outer);
    for (const item of token.items) {
      this.#tokens.tell(item.start, members);
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
    this.#tokens.close(token, members, outer, isElement);
  }

  #valueNode(
    value: ParsedNode | null,
    item: CST.CollectionItem,
    block: CST.BlockMap | CST.FlowCollection,
    members: (Item | Comment)[],
  ): Node {
    const inFlow = block.type === "flow-collection";
    this.#tokens.tell(item.sep ?? [], members, inFlow ? "flow-colon" : "colon");
    const isUnindented = item.value?.type === "block-seq" && !inFlow && item.value.indent === block.indent;
    const where: Where = { indent: inFlow ? 0 : block.indent, itemStart: -1, inFlow, isUnindented };
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
      const comment = this.#tokens.scalar("scalar", token, node.range[1], members);
      const scalar = this.#scalars.valueOf(node, node.range[0]);
      const at = this.#scalars.placeOf(node, scalar, token, props, where);
      if (comment !== null) this.#headerComments.set(at.start, comment);
      return { kind: "leaf", scalar, at };
    }
    if (token?.type !== "block-map" && token?.type !== "block-seq" && token?.type !== "flow-collection") {
      throw new Error(`collection without a token (${token?.type})`);
    }
    if (!isMap(node)) return this.#list(node, token as CST.BlockSequence | CST.FlowCollection, members, where);
    const inner: (Item | Comment)[] = [];
    this.#mapping(node, token as CST.BlockMap | CST.FlowCollection, inner, members, where.itemStart >= 0);
    return { kind: "mapping", members: inner, at: flowPlace(token) };
  }

  #list(seq: YAMLSeq.Parsed, token: CST.BlockSequence | CST.FlowCollection, outer: Members, where: Where): List {
    const elements: (Node | Comment)[] = [];
    const inFlow = token.type === "flow-collection";
    let next = 0;
    if (!where.isUnindented) this.#tokens.open(token, elements, outer);
    for (const item of token.items) {
      this.#tokens.tell(item.start, elements);
      const dash = item.start.find((part) => part.type === "seq-item-ind");
      const isReal = inFlow
        ? item.key != null ||
          item.sep !== undefined ||
          item.value != null ||
          item.start.some((part) => part.type === "anchor" || part.type === "tag" || part.type === "explicit-key-ind")
        : dash !== undefined;
      if (!isReal) continue;
      const element = seq.items[next++] as ParsedNode | null;
      const itemStart = dash?.offset ?? (item.value ?? item.key)?.offset ?? -1;
      const own: Where = { indent: inFlow ? 0 : token.indent, itemStart, inFlow, isUnindented: false };
      const isPair = item.key != null || item.sep !== undefined;
      const node = isPair
        ? this.#impliedPairOf(element as unknown as YAMLMap.Parsed, item, token as CST.FlowCollection)
        : this.#node(element, item.value, item.start, own, elements);
      if (item.value == null && !isPair) this.#comments.emptyItem();
      elements.push(node);
    }
    if (!where.isUnindented) this.#tokens.close(token, elements, outer, where.itemStart >= 0);
    markLoneComment(elements);
    return { kind: "list", elements, at: flowPlace(token) };
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
    this.#tokens.scalar("key", item.key, key?.range[1] ?? 0, members);
    const offset = keyOffset(item);
    let scalar: Scalar | null = null;
    if (isScalar(key)) {
      scalar = this.#scalars.valueOf(key, offset);
      if (this.#hasSeparators && LINE_SEPARATOR.test(this.#text.slice(offset, key.range[1])))
        throw malformed("a key with a Unicode line separator, which sops cannot read", this.#text, offset, "escape it");
      if (inFlow && key.type === "PLAIN") this.#checkFlowKey(key.source ?? "", item, offset);
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

  /** A plain key in a flow collection, which readers may take for another. */
  #checkFlowKey(key: string, item: CST.CollectionItem, offset: number): void {
    if (key.startsWith("?"))
      throw malformed("readers differ about a key that begins with ?", this.#text, offset, "put it in quotes");
    const colon = item.sep?.find((part) => part.type === "map-value-ind")?.offset;
    if (colon !== undefined && /[,\]}]/.test(this.#text.charAt(colon + 1)))
      throw malformed("readers differ about a colon right before , ] or }", this.#text, colon, "write a blank between");
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
    this.#tokens.tell(token != null && "end" in token ? (token.end ?? []) : [], members);
    return node;
  }

  #checkMerge(node: Node, offset: number): void {
    const isFine =
      node.kind === "mapping" || (node.kind === "list" && node.elements.every((element) => element.kind !== "leaf"));
    if (!isFine && this.#isFirstDocument)
      throw malformed("a merge key needs a mapping or a list of mappings", this.#text, offset);
  }
}

function isCollection(token: CST.Token | undefined): token is CST.BlockMap | CST.FlowCollection {
  return token?.type === "block-map" || token?.type === "flow-collection";
}

function metadataPosition(map: YAMLMap.Parsed): YamlRoot["metadata"] {
  const flowItem = map.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === METADATA_KEY);
  const pair = map.items[flowItem];
  return pair === undefined ? null : { key: pair.key.range[0], flowItem };
}

/** A flow collection can go back to being the alias that it was written out from. */
function flowPlace(token: CST.BlockMap | CST.BlockSequence | CST.FlowCollection): Place | null {
  if (token.type !== "flow-collection") return null;
  return {
    start: token.offset,
    end: (closeOf(token)?.offset ?? token.offset) + 1,
    style: "flow",
    indent: 0,
    itemStart: -1,
  };
}

function misplaced(text: string, offset: number): KeyleafError {
  return malformed("a comment that is indented less than the value it stands in", text, offset);
}

/** A key in a message. What an alias repeats may be a value that is to be sealed. */
function nameOf(node: unknown, key: string): string {
  return node instanceof Alias ? "the key that an alias repeats" : `key ${JSON.stringify(key)}`;
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

/** Where a key begins, its anchor or tag included. */
export function keyOffset(item: CST.CollectionItem | undefined): number {
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
