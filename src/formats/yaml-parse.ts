import {
  Alias,
  type CST,
  isMap,
  isScalar,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
  type Scalar as YamlScalar,
} from "yaml";
import type { Comment, Item, List, Mapping, Node, Place, Scalar } from "../document/document.ts";
import { KeyleafError, located, malformed } from "../errors.ts";
import { decodeUtf8 } from "./decode.ts";
import { Anchors } from "./yaml-anchors.ts";
import { blockEnd, columnOf, lineStart } from "./yaml-block.ts";
import { type ComposedDocument, composeYaml, MAX_DEPTH, tooDeep } from "./yaml-compose.ts";
import type { YamlDocument, YamlRoot } from "./yaml-document.ts";
import { resolvePlain, resolveTagged } from "./yaml-resolve.ts";

/** Style of the last element of a list that holds nothing but sealed comments. */
export const LONE_COMMENT = "lone-comment";

/** Parses a YAML file; `yaml` decides what is valid, this file what the reference sees in it. */
export function parseYaml(source: Uint8Array): YamlDocument {
  const text = decodeUtf8(source);
  const nul = text.indexOf("\0");
  if (nul !== -1) throw malformed("NUL character", text, nul);
  return new TreeBuilder(text).build();
}

class TreeBuilder {
  readonly #text: string;
  readonly #anchors: Anchors;
  #depth = 0;
  #isFirstDocument = true;

  constructor(text: string) {
    this.#text = text;
    this.#anchors = new Anchors(text);
  }

  build(): YamlDocument {
    const { documents, before, lostAt } = composeYaml(this.#text);
    const roots: Mapping[] = [];
    const yamlRoots: YamlRoot[] = [];
    let metadata: Mapping | null = null;
    let hasLaterMetadata = false;
    for (const [i, document] of documents.entries()) {
      this.#anchors.startDocument();
      this.#isFirstDocument = i === 0;
      const { mapping, root, metadata: block } = this.#root(document, i === 0 ? before : []);
      roots.push(mapping);
      yamlRoots.push(root);
      if (i === 0) metadata = block;
      else if (block !== null) hasLaterMetadata = true;
    }
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
      newline: /\r?\n/.exec(this.#text)?.[0] ?? "\n",
      step: indentation,
    };
  }

  #root(
    document: ComposedDocument,
    before: readonly CST.SourceToken[],
  ): { mapping: Mapping; root: YamlRoot; metadata: Mapping | null } {
    const { token, contents, end } = document;
    const value = token.value;
    const members: (Item | Comment)[] = [];
    this.#comments(before, members);
    this.#comments(token.start, members);
    let column = 0;
    let firstKey = end;
    let nullText: YamlRoot["nullText"] = null;
    if (isMap(contents) && value !== undefined && (value.type === "block-map" || value.type === "flow-collection")) {
      const inner: CST.SourceToken[] = this.#mapItems(contents, value, members);
      this.#comments(inner, members);
      const first = contents.items[0];
      if (first !== undefined && value.type === "block-map") {
        firstKey = lineStart(
          this.#text,
          keyOffset(value.items.find((item) => item.key != null || item.sep !== undefined) ?? value.items[0]),
        );
        if (firstKey === 0 && this.#text.startsWith("\ufeff")) firstKey = 1;
        column = value.indent;
      }
    } else if (contents !== null && !this.#isNull(contents)) {
      const what = isScalar(contents) || contents instanceof Alias ? "a single value" : "a list";
      throw located("INPUT_UNSUPPORTED", `the top level is ${what}, not a mapping`, this.#text, contents.range[0]);
    } else if (contents !== null && contents.range[1] > contents.range[0]) {
      nullText = { start: contents.range[0], end: contents.range[1] };
    }
    if (value !== undefined && "end" in value) this.#comments(value.end, members);
    this.#comments(token.end, members);
    this.#comments(document.after, members);

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
    const root: YamlRoot = {
      column,
      flow: value?.type === "flow-collection" ? value : null,
      end,
      firstKey,
      nullText,
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

  #isNull(node: ParsedNode): boolean {
    return isScalar(node) && this.#scalar(node, node.range[0]).type === "null";
  }

  /**
   * Fills `members` with a mapping's items and comments.
   * @returns comments at its end that are indented less than it: they belong further out.
   */
  #mapItems(
    map: YAMLMap.Parsed,
    token: CST.BlockMap | CST.FlowCollection,
    members: (Item | Comment)[],
  ): CST.SourceToken[] {
    const seen = new Set<string>();
    let next = 0;
    const spilled: CST.SourceToken[] = [];
    for (const item of token.items) {
      const pair = map.items[next];
      if (pair === undefined || pair.srcToken !== item) {
        for (const comment of this.#trailing(item.start, token, members)) spilled.push(comment);
        continue;
      }
      next++;
      this.#comments(item.start, members);
      const key = this.#key(pair.key as ParsedNode | null, item, token.type === "flow-collection");
      if (seen.has(key) && this.#isFirstDocument)
        throw malformed(`key ${JSON.stringify(key)} appears twice in one mapping`, this.#text, keyOffset(item));
      seen.add(key);
      this.#keyComments(item, members);
      const value = pair.value as ParsedNode | null;
      const node = this.#valueNode(value, item, token, members);
      if (key === "<<" && isPlainScalar(pair.key)) this.#checkMerge(node, keyOffset(item));
      members.push({ kind: "item", key, value: node });
      const rest = this.#spill;
      this.#spill = [];
      // What another entry of this mapping follows stands above that entry, however little it is indented.
      if (next < map.items.length) this.#comments(rest, members);
      else for (const comment of this.#trailing(rest, token, members)) spilled.push(comment);
    }
    return spilled;
  }

  /** The list that is built next has its dashes in the column of the mapping that holds it. */
  #isListUnindented = false;

  /** Comments handed out of the collection that was built last. */
  #spill: CST.SourceToken[] = [];

  /** Comments after the last entry: those indented at least as much as the block are its own, the others go outward. */
  #trailing(
    tokens: readonly CST.SourceToken[],
    block: { readonly type: string; readonly indent: number },
    into: (Item | Comment)[] | (Node | Comment)[],
  ): CST.SourceToken[] {
    const comments = tokens.filter((token) => token.type === "comment");
    if (block.type === "flow-collection") {
      this.#comments(comments, into);
      return [];
    }
    const firstOuter = comments.findIndex((comment) => columnOf(this.#text, comment.offset) < block.indent);
    const own = firstOuter === -1 ? comments : comments.slice(0, firstOuter);
    this.#comments(own, into);
    return comments.slice(own.length);
  }

  /** The value of a mapping's item, after the comments that stand between key and value. */
  #valueNode(
    value: ParsedNode | null,
    item: CST.CollectionItem,
    block: CST.BlockMap | CST.FlowCollection,
    members: (Item | Comment)[],
  ): Node {
    const between = item.sep ?? [];
    const isCollection =
      item.value?.type === "block-map" || item.value?.type === "block-seq" || item.value?.type === "flow-collection";
    const lineBreak = between.findIndex((token) => token.type === "newline");
    const onKeyLine = lineBreak === -1 ? between : between.slice(0, lineBreak);
    // Behind an anchor or a tag, a comment is the collection's own.
    const property = onKeyLine.findIndex((token) => token.type === "anchor" || token.type === "tag");
    const inside = isCollection && property !== -1 ? onKeyLine.slice(property) : [];
    this.#comments(onKeyLine.slice(0, onKeyLine.length - inside.length), members, !isCollection);
    const below = [...inside, ...(lineBreak === -1 ? [] : between.slice(lineBreak))];
    // Below a key without a value, comments may already belong further out.
    if (item.value == null) this.#spill = this.#trailing(below, block, members);
    else if (!isCollection) this.#comments(below, members);
    this.#isListUnindented =
      item.value?.type === "block-seq" && block.type === "block-map" && item.value.indent === block.indent;
    const indent = block.type === "block-map" ? block.indent : 0;
    const node = this.#node(
      value,
      item.value,
      between,
      { indent, itemStart: -1, inFlow: block.type === "flow-collection" },
      isCollection ? below : [],
    );
    if (!isCollection && item.value != null && "end" in item.value) this.#comments(item.value.end, members, true);
    return node;
  }

  /**
   * @param props - tokens before the value: its tag and anchor are among them.
   * @param head - comments that stand before a collection's first entry and belong into it.
   */
  #node(
    node: ParsedNode | null,
    token: CST.Token | null | undefined,
    props: readonly CST.SourceToken[],
    where: Where,
    head: readonly CST.SourceToken[],
  ): Node {
    if (++this.#depth > MAX_DEPTH) throw tooDeep();
    try {
      const name = node === null || node instanceof Alias ? undefined : node.anchor;
      if (name !== undefined) this.#anchors.open(name);
      const built = this.#build(node, token, props, where, head);
      if (name !== undefined && node !== null) {
        // A tag may stand before the anchor, and is sealed with the value.
        const start =
          built.kind === "leaf" && built.at !== null ? Math.min(built.at.start, node.range[0]) : node.range[0];
        this.#anchors.define({ name, start, end: node.range[1], node: built, isKey: false });
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
    head: readonly CST.SourceToken[],
  ): Node {
    if (node === null) return { kind: "leaf", scalar: { type: "null", text: "" }, at: null };
    if (node instanceof Alias) return this.#alias(node as Alias.Parsed, where);
    if (isScalar(node)) {
      const scalar = this.#scalar(node, node.range[0]);
      // A comment on a block's header is sealed with the block, unless that is empty and so never sealed.
      if (token?.type === "block-scalar" && scalar.text === "") {
        this.#spill.push(...token.props.filter((part): part is CST.SourceToken => part.type === "comment"));
      }
      if (token?.type === "block-scalar") this.#checkBlanks(token, node, where);
      return { kind: "leaf", scalar, at: this.#place(node, token, props, where) };
    }
    if (token?.type !== "block-map" && token?.type !== "block-seq" && token?.type !== "flow-collection") {
      throw new Error(`collection without a token (${token?.type})`);
    }
    return isMap(node)
      ? this.#mapping(node, token as CST.BlockMap | CST.FlowCollection, head)
      : this.#list(node, token as CST.BlockSequence | CST.FlowCollection, head);
  }

  #mapping(map: YAMLMap.Parsed, token: CST.BlockMap | CST.FlowCollection, head: readonly CST.SourceToken[]): Mapping {
    const members: (Item | Comment)[] = [];
    this.#comments(head, members);
    if (token.type === "flow-collection") this.#comments(token.end, members);
    const spilled = this.#mapItems(map, token, members);
    this.#spill = spilled;
    return { kind: "mapping", members, at: flowPlace(token) };
  }

  #list(seq: YAMLSeq.Parsed, token: CST.BlockSequence | CST.FlowCollection, head: readonly CST.SourceToken[]): List {
    const elements: (Node | Comment)[] = [];
    // Then a comment in that column after the last item belongs to the mapping's next key.
    const own =
      token.type === "block-seq" && this.#isListUnindented ? { type: token.type, indent: token.indent + 1 } : token;
    this.#comments(head, elements);
    const inFlow = token.type === "flow-collection";
    if (inFlow) this.#comments(token.end, elements);
    const spilled: CST.SourceToken[] = [];
    let next = 0;
    for (const item of token.items) {
      const dash = item.start.find((part) => part.type === "seq-item-ind");
      const isReal = inFlow
        ? item.key != null ||
          item.sep !== undefined ||
          item.value != null ||
          item.start.some((part) => part.type === "anchor" || part.type === "tag" || part.type === "explicit-key-ind")
        : dash !== undefined;
      if (!isReal) {
        for (const comment of this.#trailing(item.start, own, elements)) spilled.push(comment);
        continue;
      }
      const element = seq.items[next++] as ParsedNode | null;
      this.#comments(item.start, elements);
      const itemStart = dash?.offset ?? (item.value ?? item.key)?.offset ?? -1;
      const where: Where = { indent: inFlow ? 0 : token.indent, itemStart, inFlow };
      const isPair = item.key != null || item.sep !== undefined;
      const node = isPair
        ? this.#impliedPairOf(element as unknown as YAMLMap.Parsed, item, token as CST.FlowCollection)
        : this.#node(element, item.value, item.start, where, []);
      const inline: Comment[] = [];
      if (!isPair && item.value != null && "end" in item.value && item.value.type !== "flow-collection")
        this.#comments(item.value.end, inline, true);
      elements.push(...inline, node);
      const rest = this.#spill;
      this.#spill = [];
      if (next < seq.items.length) this.#comments(rest, elements);
      else for (const comment of this.#trailing(rest, own, elements)) spilled.push(comment);
    }
    this.#spill = spilled;
    return { kind: "list", elements: withLoneComment(elements), at: flowPlace(token) };
  }

  /** `[a: b]`: a mapping of one pair, written without braces. */
  #impliedPairOf(map: YAMLMap.Parsed, item: CST.CollectionItem, token: CST.FlowCollection): Mapping {
    const members: (Item | Comment)[] = [];
    const pair = map.items[0];
    const key = this.#key((pair?.key ?? null) as ParsedNode | null, item, true);
    this.#keyComments(item, members);
    const node = this.#valueNode((pair?.value ?? null) as ParsedNode | null, item, token, members);
    members.push({ kind: "item", key, value: node });
    return { kind: "mapping", members, at: null };
  }

  /** Comments between a key and its colon: behind an explicit key, or in a flow collection. */
  #keyComments({ key }: CST.CollectionItem, members: (Item | Comment)[]): void {
    if (key == null) return;
    if ("end" in key) this.#comments(key.end, members);
    if (key.type === "block-scalar") {
      this.#comments(
        key.props.filter((part): part is CST.SourceToken => part.type === "comment"),
        members,
      );
    }
  }

  #key(key: ParsedNode | null, item: CST.CollectionItem, inFlow: boolean): string {
    const offset = keyOffset(item);
    let scalar: Scalar | null = null;
    if (isScalar(key)) {
      scalar = this.#scalar(key, offset);
      if (inFlow && key.type === "PLAIN" && key.source?.startsWith("?") === true) {
        throw malformed("readers differ about a key that begins with ?", this.#text, offset, "put it in quotes");
      }
      // A key stays clear, and so may an alias of it.
      if (key.anchor !== undefined) {
        this.#anchors.define({
          name: key.anchor,
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
    const end = node.range[1];
    const indicator = /^[^\n]*?[|>][-+]?(\d)/.exec(this.#text.slice(node.range[0], end))?.[1];
    const blanks = /^( *)(?:\r?\n|$)/.exec(this.#text.slice(end, end + 1000))?.[1] ?? "";
    if (indicator !== undefined && blanks.length > Math.max(indent, 0) + Number(indicator)) {
      throw malformed(
        "readers differ about blanks at the end of a block with an indentation indicator",
        this.#text,
        token.offset,
      );
    }
  }

  /** Text of a scalar, before its type is told. Where the file ends inside a block, go-yaml adds no line break; `yaml` does. */
  #valueText(node: YamlScalar): string {
    const text = node.source ?? "";
    const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
    const isCut = isBlock && node.range?.[1] === this.#text.length && !this.#text.endsWith("\n");
    return isCut && text.endsWith("\n") ? text.slice(0, -1) : text;
  }

  #place(
    node: YamlScalar.Parsed,
    token: CST.Token | null | undefined,
    props: readonly CST.SourceToken[],
    where: Where,
  ): Place {
    // A tag belongs to the value's text: an envelope must not carry `!!int`.
    const tagAt = props.findIndex((part) => part.type === "tag");
    const tag = props[tagAt];
    if (tag !== undefined && node.source !== "" && props.some((part, i) => i > tagAt && part.type === "comment")) {
      throw malformed("a comment stands between a tag and its value", this.#text, tag.offset);
    }
    const start = tag?.offset ?? node.range[0];
    const inFlow = where.inFlow ? "-flow" : "";
    const style = STYLES.get(node.type ?? "PLAIN") ?? "plain";
    const end = token?.type === "block-scalar" ? blockEnd(token, node, this.#text) : node.range[1];
    return { start, end, style: `${style}${inFlow}`, indent: where.indent, itemStart: where.itemStart };
  }

  #alias(node: Alias.Parsed, where: Where): Node {
    const [start, end] = node.range;
    const style = where.inFlow ? "plain-flow" : "plain";
    return this.#anchors.repeat(node.source, { start, end, style, indent: where.indent, itemStart: where.itemStart });
  }

  #checkMerge(node: Node, offset: number): void {
    const isFine =
      node.kind === "mapping" || (node.kind === "list" && node.elements.every((element) => element.kind !== "leaf"));
    if (!isFine && this.#isFirstDocument)
      throw malformed("a merge key needs a mapping or a list of mappings", this.#text, offset);
  }

  #comments(
    tokens: readonly CST.SourceToken[] | undefined,
    into: (Item | Comment)[] | (Node | Comment)[],
    inline = false,
  ): void {
    for (const token of tokens ?? []) {
      if (token.type !== "comment") continue;
      const { offset, source } = token;
      const at: Place = { start: offset, end: offset + source.length, style: "comment", indent: 0, itemStart: -1 };
      into.push({ kind: "comment", scalar: { type: "comment", text: source.slice(1) }, inline, at });
      inline = false;
    }
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
function withLoneComment(elements: (Node | Comment)[]): (Node | Comment)[] {
  const isSealedComment = (element: Node | Comment): boolean =>
    element.kind === "leaf" &&
    typeof element.scalar.text === "string" &&
    /^ENC\[AES256_GCM,.*,type:comment\]$/.test(element.scalar.text);
  const last = elements.at(-1);
  if (last?.kind !== "leaf" || last.at === null || !elements.every(isSealedComment)) return elements;
  return [...elements.slice(0, -1), { ...last, at: { ...last.at, style: LONE_COMMENT } }];
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
