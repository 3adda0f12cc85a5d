import {
  Alias,
  type CST,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import {
  type Edit,
  leaf,
  list,
  mapping,
  type Node,
  type Scalar,
  type TreePath,
  WRAPPER_KEY,
} from "../document/document.ts";
import { KeyleafError } from "../errors.ts";
import { type Brackets, insertion, removals } from "./brackets.ts";
import { type Changer, childrenOf, stepsText, type Task } from "./change.ts";
import { printJson } from "./json-print.ts";
import { commentsAbove, lineInsertion, lineRemoval, lineStart, nextLine } from "./lines.ts";
import { yaml } from "./yaml.ts";
import { blockEnd, closeOf, columnOf } from "./yaml-block.ts";
import { composeYaml } from "./yaml-compose.ts";
import type { YamlDocument } from "./yaml-document.ts";
import { keyOffset } from "./yaml-parse.ts";
import { BlockPrinter, doubleQuoted, flowItem, flowText, scalarText } from "./yaml-print.ts";

/**
 * Changes of YAML text. What is new stands in block style where its mapping or list does, and in flow style within
 * brackets. What aliases repeat is not changed: that would change two places.
 */
export const yamlChanger: Changer = {
  accept(value, path) {
    if (path.includes("<<")) throw refused(path, "a merge key brings in what stands elsewhere");
    return value;
  },
  ways(task, doc) {
    const file = new YamlFile(doc as YamlDocument);
    if (task.kind === "append") return file.appended(task);
    return task.kind === "replace" ? file.replaced(task) : file.removed(task);
  },
};

function refused(path: TreePath, why: string): KeyleafError {
  return new KeyleafError("OUTPUT_UNREPRESENTABLE", `${stepsText(path)}: ${why}`, {
    hint: "change it by hand: enc edit",
    details: { path: path.map(String) },
  });
}

/** A mapping or list as the parser has it. */
interface Container {
  readonly node: YAMLMap.Parsed | YAMLSeq.Parsed;
  readonly token: CST.BlockMap | CST.BlockSequence | CST.FlowCollection;
  readonly children: readonly Child[];
}

/** One value in a mapping or list. */
interface Child {
  readonly item: CST.CollectionItem;
  readonly node: ParsedNode | null;
  /** Where it begins: its key, its dash in block style, or in a flow list the value. */
  readonly start: number;
  /** Behind the colon or the dash; `null` where there is none. */
  readonly indicatorEnd: number | null;
  /** Behind that, and tag and anchor. */
  readonly headEnd: number;
  /** Behind the last character of the value. */
  readonly end: number;
}

class YamlFile {
  readonly #doc: YamlDocument;
  readonly #text: string;
  readonly #contents: ParsedNode | null;
  readonly #printer: BlockPrinter;

  constructor(doc: YamlDocument) {
    this.#doc = doc;
    this.#text = doc.source;
    const [first] = composeYaml(doc.source).documents;
    this.#contents = first?.contents ?? null;
    const manner = { hasUnindentedLists: hasUnindentedList(this.#contents) === true };
    this.#printer = new BlockPrinter(doc.step, doc.newline, manner);
  }

  *appended({ path, step, value }: Extract<Task, { kind: "append" }>): Iterable<Edit[]> {
    if (this.#contents === null || (isScalar(this.#contents) && this.#contents.source === "")) {
      yield* this.#firstKey(String(step), value);
      return;
    }
    const chain = this.#chain(path);
    const parent = chain.at(-1);
    const container = this.#container(parent === undefined ? this.#contents : parent.node, path);
    if (container === null) return;
    this.#checkAliases(container.token.offset, container.node.range[1], path);
    if (container.token.type !== "flow-collection") {
      const at = this.#endOfContainer(container);
      const text = this.#lines(step, value, container.token.indent);
      for (const isDeeper of [true, false])
        yield [lineInsertion(this.#text, this.#afterComments(at, container.token.indent, isDeeper), text)];
      return;
    }
    const brackets = this.#brackets(container);
    const isInFlow =
      chain.some(({ node }, i) => i < chain.length - 1 && isFlow(node)) || (isFlow(this.#contents) && chain.length > 0);
    if (container.children.length === 0 && !isInFlow && this.#isBlank(brackets.open, brackets.close)) {
      const inner = typeof step === "number" ? list([value]) : mapping([[step, value]]);
      yield* this.#intoBlock(chain, inner, container);
    }
    const print = (): string => this.#flowMember(container, step, value);
    yield insertion(this.#text, brackets, print, { kind: "inline", pad: "" }, " ");
  }

  *replaced({ path, old, value }: Extract<Task, { kind: "replace" }>): Iterable<Edit[]> {
    const chain = this.#chain(path);
    const child = chain.at(-1);
    if (child === undefined) return;
    this.#checkAliases(child.start, child.end, path);
    const parents = [this.#contents, ...chain.slice(0, -1).map(({ node }) => node)];
    const isInFlow = parents.some(isFlow);
    if (old.kind === "leaf" && value.kind === "leaf" && old.at !== null) {
      const edit = yaml.edit(old, value.scalar, this.#doc);
      const isWhole = value.scalar.type === "float" && !/[.en]/i.test(String(edit.text));
      yield [isWhole ? { ...edit, text: `${edit.text}.0` } : edit];
    }
    const line =
      value.kind === "leaf" && !isInFlow ? this.#scalar(value.scalar, child, parents.at(-1)) : flowText(value);
    if (isInFlow) {
      yield [this.#inPlace(child, line)];
      return;
    }
    const isEmpty = childrenOf(value).length === 0;
    if (!isEmpty) yield* this.#intoBlock(chain, value, null);
    if (isCollection(child.node) && !isFlow(child.node)) yield this.#blockToLine(child, line);
    yield [this.#inPlace(child, line)];
    yield [this.#inPlace(child, flowText(value))];
  }

  *removed({ path, takesCommentsAbove }: Extract<Task, { kind: "remove" }>): Iterable<Edit[]> {
    const chain = this.#chain(path);
    const child = chain.at(-1);
    if (child === undefined) return;
    this.#checkAliases(child.start, child.end, path);
    const parent = chain.at(-2);
    const container = this.#container(parent === undefined ? this.#contents : parent.node, path);
    if (container === null) return;
    const index = container.children.findIndex(({ start }) => start === child.start);
    const { token } = container;
    if (token.type === "flow-collection") {
      yield* removals(this.#text, this.#brackets(container), index);
      return;
    }
    const next = container.children[index + 1];
    const isLed = this.#text.slice(lineStart(this.#text, child.start), child.start).trim() !== "";
    if (container.children.length === 1) {
      yield* this.#emptied(container, parent, child, takesCommentsAbove);
      return;
    }
    if (isLed) {
      // It stands behind the dash of a list item, which the next key gets.
      if (next === undefined) return;
      yield [{ start: child.start, end: next.start, text: "" }];
      const rest = nextLine(this.#text, child.end);
      const blanks = /^\s*/.exec(this.#text.slice(rest))?.[0].length ?? 0;
      yield [{ start: child.start, end: rest + blanks, text: "" }];
      return;
    }
    yield* this.#lineRemovals(child, token.indent, takesCommentsAbove);
  }

  /** The key of a file that has none. */
  *#firstKey(key: string, value: Node): Iterable<Edit[]> {
    const { end = 0 } = this.#doc.yamlRoots[0] ?? {};
    yield [lineInsertion(this.#text, end, this.#lines(key, value, 0))];
  }

  /** Whole lines, with the comments below them that stand deeper if they are part of what is removed. */
  *#lineRemovals(child: Child, column: number, takesComments: boolean): Iterable<Edit[]> {
    const start = this.#removalStart(child, takesComments);
    for (const end of [this.#afterComments(child.end, column, true), nextLine(this.#text, child.end)])
      yield [lineRemoval(this.#text, start, end)];
  }

  #removalStart(child: Child, takesComments: boolean): number {
    const start = lineStart(this.#text, child.start);
    return takesComments ? commentsAbove(this.#text, start, /^#/) : start;
  }

  /** Of a mapping or list in block style that loses all that it has. */
  *#emptied(container: Container, parent: Child | undefined, child: Child, takesComments: boolean): Iterable<Edit[]> {
    const empty = isMap(container.node) ? "{}" : "[]";
    const start = this.#removalStart(child, takesComments);
    if (parent === undefined) {
      const end = nextLine(this.#text, child.end);
      yield [{ start, end, text: this.#text.endsWith("\n", end) ? empty + this.#doc.newline : empty }];
      return;
    }
    if (this.#isOnLine(parent.headEnd, child.start)) {
      yield [{ start: parent.headEnd, end: child.end, text: ` ${empty}` }];
      return;
    }
    const head = { start: parent.headEnd, end: parent.headEnd, text: ` ${empty}` };
    yield [head, lineRemoval(this.#text, start, nextLine(this.#text, child.end))];
    yield [head, lineRemoval(this.#text, start, this.#afterComments(child.end, container.token.indent - 1, true))];
  }

  /**
   * Puts a mapping or list in block style in the place of a value that stands in block style itself.
   * @param empty - the pair of brackets that it comes instead of; `null`: whatever stands there
   */
  *#intoBlock(chain: readonly Child[], value: Node, empty: Container | null): Iterable<Edit[]> {
    const child = chain.at(-1);
    if (child === undefined) {
      if (empty === null || value.kind !== "mapping") return;
      const { offset } = empty.token;
      if (offset !== lineStart(this.#text, offset)) return;
      const text = this.#printer.members(value, 0).slice(0, -this.#doc.newline.length);
      yield [{ start: offset, end: offset + 2, text }];
      return;
    }
    if (child.indicatorEnd === null) return;
    const column = columnOf(this.#text, child.start);
    const isElement = child.item.sep === undefined && child.item.key == null;
    const body = this.#body(value, column, isElement);
    const from = empty === null ? child.indicatorEnd : child.headEnd;
    if (isCollection(child.node) && !isFlow(child.node) && !this.#isOnLine(child.headEnd, child.node.range[0])) {
      yield [{ ...this.#blockBelow(child, column), text: this.#doc.newline + body }];
      return;
    }
    const lineBreak = this.#lineBreak(child.end);
    const isCommented = this.#text.slice(child.end, lineBreak).trim() !== "";
    if (isElement && !isCommented) yield [{ start: from, end: child.end, text: ` ${body.trimStart()}` }];
    else {
      yield [
        { start: from, end: child.end, text: "" },
        { start: lineBreak, end: lineBreak, text: this.#doc.newline + body },
      ];
    }
  }

  /** Lines of a mapping or list below its key, or behind its dash, without the last line break. */
  #body(value: Node, column: number, isElement: boolean): string {
    const text = isElement
      ? this.#printer.elements(list([value]), column).replace("-", " ")
      : this.#printer.members(mapping([["k", value]]), column).replace(/^ *k:\r?\n/, "");
    return text.slice(0, -this.#doc.newline.length);
  }

  /** A value on one line in the place of a block below its key. */
  #blockToLine(child: Child, line: string): Edit[] {
    if (this.#isOnLine(child.headEnd, child.node?.range[0] ?? child.end)) return [this.#inPlace(child, line)];
    const column = columnOf(this.#text, child.start);
    const head = child.indicatorEnd ?? child.headEnd;
    return [
      { start: head, end: child.headEnd, text: ` ${line}` },
      { ...this.#blockBelow(child, column), text: "" },
    ];
  }

  /** The lines below a key's or a dash's own that its value has, comments that stand deeper included. */
  #blockBelow(child: Child, column: number): { start: number; end: number } {
    const end = this.#afterComments(child.end, column, true);
    const lineBreak = /\r?\n$/.exec(this.#text.slice(0, end))?.[0].length ?? 0;
    return { start: this.#lineBreak(child.headEnd), end: end - lineBreak };
  }

  #inPlace(child: Child, text: string): Edit {
    const { item, indicatorEnd, end, start } = child;
    if (indicatorEnd !== null) return { start: indicatorEnd, end: Math.max(indicatorEnd, end), text: ` ${text}` };
    // A key in braces without a colon has no value yet.
    return item.key != null ? { start: end, end, text: `: ${text}` } : { start, end, text };
  }

  #scalar(scalar: Scalar, child: Child, parent: ParsedNode | null | undefined): string {
    if (scalar.type === "float") return flowText(leaf(scalar));
    const column = columnOf(this.#text, child.start);
    return scalarText(scalar, {
      style: "plain",
      inFlow: false,
      isFollowed: () => this.#text.slice(child.end, this.#lineBreak(child.end)).trim() !== "",
      bodyIndent: isSeq(parent) ? column + 2 : column + this.#doc.step,
      parentIndent: column,
      newline: this.#doc.newline,
    });
  }

  /** Lines of one new entry of a block, each with its line break. */
  #lines(step: string | number, value: Node, column: number): string {
    return typeof step === "number"
      ? this.#printer.elements(list([value]), column)
      : this.#printer.members(mapping([[step, value]]), column);
  }

  /** A new entry between brackets, in the manner of JSON where the last one is. */
  #flowMember({ children }: Container, step: string | number, value: Node): string {
    const key = children.at(-1)?.item.key;
    const isJson = key?.type === "double-quoted-scalar";
    const text = isJson ? printJson(value, { newline: "", unit: "", blank: " ", isExact: true }) : flowText(value);
    if (typeof step === "number") return text;
    if (!isJson) return flowItem({ kind: "item", key: step, value });
    const last = children.at(-1);
    const colon = this.#text.slice(key.offset + key.source.length, last?.headEnd);
    return `${doubleQuoted(step)}${/^ *:$/.test(colon) && this.#text[last?.headEnd ?? 0] !== " " ? colon : `${colon} `}${text}`;
  }

  #brackets({ token, children }: Container): Brackets {
    const close = closeOf(token as CST.FlowCollection)?.offset ?? token.offset + 1;
    return { open: token.offset + 1, close, members: children.map(({ start, end }) => ({ start, end })) };
  }

  /** The values that a path leads through; the last one is at its end. */
  #chain(path: TreePath): Child[] {
    const chain: Child[] = [];
    let node = this.#contents;
    const isWrapped = path[0] === WRAPPER_KEY && !isMap(node);
    for (const [i, step] of path.entries()) {
      if (i === 0 && isWrapped) continue;
      if (step === "<<") throw refused(path, "a merge key brings in what stands elsewhere");
      const container = this.#container(node, path);
      const child =
        typeof step === "number"
          ? container?.children[step]
          : container?.children.find((_, position) => keyOf(container.node, position) === step);
      if (child === undefined) throw refused(path, "it cannot be changed in the layout of this file");
      chain.push(child);
      node = child.node;
    }
    return chain;
  }

  /** @throws `OUTPUT_UNREPRESENTABLE` for an alias */
  #container(node: ParsedNode | null | undefined, path: TreePath): Container | null {
    if (node instanceof Alias) throw refused(path, "an alias stands on the way, and what it repeats stands elsewhere");
    if (node == null || !isCollection(node)) return null;
    const token = node.srcToken;
    if (token?.type !== "block-map" && token?.type !== "block-seq" && token?.type !== "flow-collection") return null;
    const inFlow = token.type === "flow-collection";
    const children: Child[] = [];
    if (isMap(node)) {
      for (const pair of node.items as YAMLMap.Parsed["items"]) {
        const item = pair.srcToken;
        if (item !== undefined) children.push(this.#child(item, pair.value as ParsedNode | null, keyOffset(item)));
      }
      return { node: node as YAMLMap.Parsed, token, children };
    }
    const elements = (node as YAMLSeq.Parsed).items as (ParsedNode | null)[];
    const real = (token.items as CST.CollectionItem[]).filter((item) => isRealElement(item, inFlow));
    for (const [i, item] of real.entries()) {
      const dash = item.start.find(({ type }) => type === "seq-item-ind")?.offset;
      children.push(this.#child(item, elements[i] ?? null, dash ?? keyOffset(item)));
    }
    return { node: node as YAMLSeq.Parsed, token, children };
  }

  #child(item: CST.CollectionItem, node: ParsedNode | null, offset: number): Child {
    const isPair = item.key != null || item.sep !== undefined;
    const props = isPair ? (item.sep ?? []) : item.start;
    const indicator = props.find(({ type }) => type === "map-value-ind" || type === "seq-item-ind");
    const lastProp = props.findLast(({ type }) => type === "tag" || type === "anchor" || type === indicator?.type);
    const start =
      isPair || indicator !== undefined
        ? offset
        : (item.start.find(({ type }) => type === "tag" || type === "anchor")?.offset ?? item.value?.offset ?? offset);
    const keyEnd = item.key == null ? start : item.key.offset + ("source" in item.key ? item.key.source.length : 0);
    const headEnd = lastProp === undefined ? keyEnd : lastProp.offset + lastProp.source.length;
    const own = isPair && isMap(node) && node.srcToken === undefined ? null : node;
    return {
      item,
      node,
      start,
      indicatorEnd: indicator === undefined ? null : indicator.offset + 1,
      headEnd,
      end: Math.max(headEnd, this.#endOf(own)),
    };
  }

  /** Behind the last character of a node; 0 for one that has none. */
  #endOf(node: ParsedNode | null): number {
    if (node === null) return 0;
    if (node instanceof Alias) return node.range[1];
    const token = node.srcToken;
    if (isScalar(node)) {
      if (token?.type === "block-scalar") return blockEnd(token, node, this.#text);
      return node.source === "" && node.type === "PLAIN" ? 0 : node.range[1];
    }
    if (token?.type === "flow-collection") return (closeOf(token)?.offset ?? token.offset) + 1;
    const container = this.#container(node, []);
    return container === null ? node.range[1] : this.#endOfContainer(container);
  }

  #endOfContainer({ token, children }: Container): number {
    return children.at(-1)?.end ?? token.offset;
  }

  /**
   * Where the line begins that follows an offset and the comments below it.
   * @param isDeeper - only those that stand deeper than the column; else those in it too
   */
  #afterComments(offset: number, column: number, isDeeper: boolean): number {
    let end = nextLine(this.#text, offset);
    for (let at = end; at < this.#text.length; at = nextLine(this.#text, at)) {
      const line = this.#text.slice(at, nextLine(this.#text, at));
      if (line.trim() === "") continue;
      const indent = line.search(/\S/);
      if (line[indent] !== "#" || indent < column || (isDeeper && indent === column)) break;
      end = nextLine(this.#text, at);
    }
    return end;
  }

  /** Where the line break comes that ends the line of an offset, or the text ends. */
  #lineBreak(offset: number): number {
    const end = this.#text.indexOf("\n", offset);
    if (end === -1) return this.#text.length;
    return this.#text[end - 1] === "\r" && end > offset ? end - 1 : end;
  }

  #isOnLine(from: number, to: number): boolean {
    return !this.#text.slice(from, to).includes("\n");
  }

  #isBlank(from: number, to: number): boolean {
    return this.#text.slice(from, to).trim() === "";
  }

  /** @throws `OUTPUT_UNREPRESENTABLE` when an alias elsewhere repeats some of what stands there, or all that it is in. */
  #checkAliases(start: number, end: number, path: TreePath): void {
    const repeats = this.#doc.aliases?.some(
      ({ at, target }) => target.start < end && target.end > start && !(at.start >= start && at.end <= end),
    );
    if (repeats === true) throw refused(path, "an alias repeats it in another place, which would change with it");
  }
}

function keyOf(map: Container["node"], position: number): string | null {
  if (!isMap(map)) return null;
  const key = map.items[position]?.key;
  return isScalar(key) ? String(key.value) : null;
}

function isFlow(node: ParsedNode | null | undefined): boolean {
  return node != null && isCollection(node) && node.srcToken?.type === "flow-collection";
}

/** The parser has items for what stands between elements, too. */
function isRealElement(item: CST.CollectionItem, inFlow: boolean): boolean {
  if (!inFlow) return item.start.some(({ type }) => type === "seq-item-ind");
  const isProperty = ({ type }: CST.SourceToken): boolean =>
    type === "anchor" || type === "tag" || type === "explicit-key-ind";
  return item.key != null || item.sep !== undefined || item.value != null || item.start.some(isProperty);
}

/** Whether the first list within a mapping stands in the column of that; `null`: there is none. */
function hasUnindentedList(node: ParsedNode | null): boolean | null {
  if (node === null || !isCollection(node)) return null;
  const token = node.srcToken;
  for (const entry of node.items) {
    const value = (isMap(node) ? (entry as YAMLMap.Parsed["items"][number]).value : entry) as ParsedNode | null;
    const inner = value !== null && !(value instanceof Alias) ? value.srcToken : undefined;
    if (token?.type === "block-map" && inner?.type === "block-seq") return inner.indent === token.indent;
    const found = hasUnindentedList(value);
    if (found !== null) return found;
  }
  return null;
}
