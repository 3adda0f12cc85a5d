import {
  type Comment,
  type Document,
  type Edit,
  elementsOf,
  itemsOf,
  type List,
  list,
  type Mapping,
  mapping,
  type Node,
  type Scalar,
  type TreePath,
  WRAPPER_KEY,
} from "../document/document.ts";
import { applyEdits } from "../document/edits.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { isSameNode } from "../document/same.ts";
import { KeyleafError } from "../errors.ts";
import type { FormatId } from "./format.ts";
import { formatById, formatOf } from "./registry.ts";

/** What is to be done at a path. A value has no comments, and strings, numbers, booleans and nulls as its leaves. */
export type Change = { readonly kind: "set"; readonly value: Node } | { readonly kind: "unset" };

export interface ChangeOptions {
  /** A value on the way gives way to a mapping or list, as in the reference. Else that is refused: it would be lost. A null always does. */
  readonly replacesValues?: boolean;
  /** The comment lines right above what is removed go with it. Else they stay, so that none is lost. */
  readonly takesCommentsAbove?: boolean;
}

/** A change as its format gets it: one node is put in the place of another, added at the end of a container, or taken out. */
export type Task =
  | { readonly kind: "replace"; readonly path: TreePath; readonly old: Node; readonly value: Node }
  /** `path` leads to the container. For a list, `step` is its length. */
  | {
      readonly kind: "append";
      readonly path: TreePath;
      readonly container: Mapping | List;
      readonly step: string | number;
      readonly value: Node;
    }
  | {
      readonly kind: "remove";
      readonly path: TreePath;
      readonly container: Mapping | List;
      readonly old: Node;
      readonly takesCommentsAbove: boolean;
    };

/** How the text of a format is changed. Loaded only for that. */
export interface Changer {
  /**
   * A value as the format will have it: text for numbers, where all that it has are texts.
   * @param path - where it is to be
   * @throws `OUTPUT_UNREPRESENTABLE`
   */
  accept?(value: Node, path: TreePath, doc: Document): Node;
  /**
   * Ways to do it, the best first: each a list of edits of the text. The first that proves right is taken, so a way may be
   * wrong for an odd layout.
   * @throws `OUTPUT_UNREPRESENTABLE` for what the format cannot hold or must not be done.
   */
  ways(task: Task, doc: Document): Iterable<readonly Edit[]>;
}

/**
 * Changes one value of a plaintext file, and no more of its text than has to. What is replaced keeps its style where that
 * can hold the value; what is new is appended to its mapping or list in the file's own manner, missing levels with it; what
 * is removed goes with its lines and the comment at their end. Comment lines above it stay.
 *
 * The result is proved: read again, it has the old tree with that change, and every comment. A layout in which that cannot
 * be had is refused.
 *
 * @param source - the file, decrypted. Read, not kept.
 * @returns the changed file; `source` itself when the value is there already.
 * @throws `USAGE_BAD_PATH` for an empty path; `INPUT_PATH_NOT_FOUND` when there is nothing to remove; `INPUT_PATH_MISMATCH`
 * when what stands on the way has no such entries; `INPUT_ALREADY_ENCRYPTED` for the key of the metadata;
 * `OUTPUT_UNREPRESENTABLE`; `INPUT_*` as parsing does.
 */
export async function changeText(
  source: Uint8Array,
  format: FormatId,
  path: TreePath,
  change: Change,
  options: ChangeOptions = {},
): Promise<Uint8Array> {
  const [parser, changer] = await Promise.all([formatOf(format), changerOf(format)]);
  const doc = await parser.parse(source);
  const task = taskOf(doc, path, change, options, changer);
  if (task === null) return source;
  let second: Uint8Array | null = null;
  for (const edits of changer.ways(task, doc)) {
    const text = applyEdits(doc.source, edits);
    const verdict = judge(doc, await parsedOrNull(text), task, edits);
    if (verdict === "right") return text;
    if (verdict === "comments differ") second ??= text;
  }
  if (second !== null) return second;
  throw new KeyleafError("OUTPUT_UNREPRESENTABLE", `${stepsText(path)} cannot be changed in the layout of this file`, {
    hint: "change it by hand: enc edit",
    details: { path: path.map(String) },
  });

  async function parsedOrNull(text: Uint8Array): Promise<Document | null> {
    try {
      return await parser.parse(text);
    } catch (error) {
      if (error instanceof KeyleafError) return null;
      throw error;
    }
  }
}

async function changerOf(format: FormatId): Promise<Changer> {
  const known = formatById(format);
  if (known === null) throw new KeyleafError("USAGE", `there is no format ${JSON.stringify(format)}`);
  return known.loadChanger();
}

/** A path as messages show it: `db.hosts[0]`, quoted where a key is not a plain word. */
export function stepsText(path: TreePath): string {
  const text = path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${/^[\w-]+$/.test(step) ? step : JSON.stringify(step)}`))
    .join("");
  return text === "" ? "(top)" : text.replace(/^\./, "");
}

/** What a step leads to, or `undefined`. @throws `OUTPUT_UNREPRESENTABLE` for a key that is there twice. */
export function childOf(node: Node, step: string | number): Node | undefined {
  if (node.kind === "list" && typeof step === "number") return elementsOf(node)[step];
  if (node.kind !== "mapping" || typeof step !== "string") return undefined;
  const items = itemsOf(node).filter(({ key }) => key === step);
  // INI has such a section in the tree even where it is empty and another one of that name follows.
  if (items.length === 2 && step === "DEFAULT" && items.every(({ value }) => value.kind === "mapping")) {
    if (isEmptyMapping(items[0]?.value)) items.shift();
  }
  const [item, second] = items;
  if (second !== undefined) {
    throw new KeyleafError("OUTPUT_UNREPRESENTABLE", `the key ${JSON.stringify(step)} is there twice`, {
      hint: "remove one of the two: enc edit",
    });
  }
  return item?.value;
}

/** Values of a container, without comments. */
export function childrenOf(node: Node): Node[] {
  if (node.kind === "mapping") return itemsOf(node).map(({ value }) => value);
  return node.kind === "list" ? elementsOf(node) : [];
}

function isEmptyMapping(node: Node | undefined): boolean {
  return node?.kind === "mapping" && node.members.length === 0;
}

/** The task that a change comes to; `null`: it is so already. */
function taskOf(
  doc: Document,
  given: TreePath,
  change: Change,
  { replacesValues = false, takesCommentsAbove = false }: ChangeOptions,
  changer: Changer,
): Task | null {
  const top = doc.roots[0];
  if (given.length === 0 || top === undefined)
    throw new KeyleafError("USAGE_BAD_PATH", "the path is empty", { hint: "name a key, for example db.hosts[0]" });
  const path = fromTop(doc, top, given);
  if (path[0] === METADATA_KEY && change.kind === "set") {
    throw new KeyleafError("INPUT_ALREADY_ENCRYPTED", "the key sops is that of the metadata: it holds no values", {
      hint: "use another name",
    });
  }
  const accepted = (value: Node, at: TreePath): Node => changer.accept?.(value, at, doc) ?? value;
  let node: Node = top;
  for (const [i, step] of path.entries()) {
    const above = path.slice(0, i);
    const isFitting = node.kind === (typeof step === "string" ? "mapping" : "list");
    if (!isFitting) {
      const isNull = node.kind === "leaf" && node.scalar.type === "null";
      if (node.kind === "leaf" && change.kind === "set" && (isNull || replacesValues)) {
        const value = accepted(nested(path.slice(i), change.value), above);
        return { kind: "replace", path: above, old: node, value };
      }
      throw mismatch(node, above, step);
    }
    const container = node as Mapping | List;
    const next = childOf(container, step);
    if (next === undefined) {
      if (change.kind === "unset")
        throw new KeyleafError("INPUT_PATH_NOT_FOUND", `there is nothing at ${stepsText(path.slice(0, i + 1))}`);
      const end = container.kind === "list" ? elementsOf(container).length : step;
      const value = accepted(nested(path.slice(i + 1), change.value), [...above, end]);
      return { kind: "append", path: above, container, step: end, value };
    }
    if (i === path.length - 1) {
      if (change.kind === "unset") return { kind: "remove", path, container, old: next, takesCommentsAbove };
      const value = accepted(change.value, path);
      return isSameNode(next, value) ? null : { kind: "replace", path, old: next, value };
    }
    node = next;
  }
  throw new Error("a path ends at its last step");
}

/** The path from the root mapping, which a top level of another kind is wrapped in. */
function fromTop(doc: Document, top: Mapping, path: TreePath): TreePath {
  const items = itemsOf(top);
  const wrapped = items.length === 1 && items[0]?.key === WRAPPER_KEY ? items[0].value : null;
  if (typeof path[0] === "number" && wrapped?.kind === "list") return [WRAPPER_KEY, ...path];
  if (doc.isWrapped === true && path[0] !== WRAPPER_KEY) throw mismatch(wrapped ?? top, [], path[0] ?? "");
  return path;
}

function mismatch(node: Node, path: TreePath, step: string | number): KeyleafError {
  const what = node.kind === "leaf" ? "a single value" : node.kind === "list" ? "a list" : "a mapping";
  const hint =
    node.kind === "list"
      ? `name a position: ${stepsText([...path, 0])}`
      : node.kind === "mapping"
        ? `name a key: ${stepsText([...path, "key"])}`
        : "remove it first, or set the whole of it";
  const missing = typeof step === "string" ? `no key ${JSON.stringify(step)}` : `no position ${step}`;
  return new KeyleafError("INPUT_PATH_MISMATCH", `${stepsText(path)} is ${what}: it has ${missing}`, { hint });
}

/** A value with the missing levels around it. */
function nested(path: TreePath, value: Node): Node {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  return typeof step === "string" ? mapping([[step, nested(rest, value)]]) : list([nested(rest, value)]);
}

/** Whether the new text is the old one with the change. Comments may differ in what they belong to, but not be lost. */
function judge(
  before: Document,
  after: Document | null,
  task: Task,
  edits: readonly Edit[],
): "right" | "comments differ" | "wrong" {
  if (after === null || after.metadata !== null || after.roots.length !== before.roots.length) return "wrong";
  const target = task.kind === "append" ? [...task.path, task.step] : task.path;
  if (task.kind !== "remove") {
    const found = nodeOf(after, target);
    if (found === undefined || !isSameNode(found, task.value)) return "wrong";
  }
  const isIn = ({ at }: Comment): boolean =>
    at !== null && edits.some(({ start, end }) => start <= at.start && at.end <= end);
  const mayGo = ({ inline }: Comment): boolean => task.kind === "remove" && (inline || task.takesCommentsAbove);
  const old = outlineOf(before, task.kind === "append" ? null : { target, hidesKey: task.kind === "remove" }, isIn);
  if (!old.lost.every(mayGo)) return "wrong";
  const hidden = task.kind === "remove" ? null : { target, hidesKey: task.kind === "append" };
  const now = outlineOf(after, hidden, () => false);
  if (isSameList(old.all, now.all)) return "right";
  if (!isSameList(old.all.filter(isValue), now.all.filter(isValue))) return "wrong";
  return isSameList(linesOf(old.comments), linesOf(now.comments)) ? "comments differ" : "wrong";
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

function nodeOf(doc: Document, path: TreePath): Node | undefined {
  let node: Node | undefined = doc.roots[0];
  for (const step of path) node = node === undefined ? undefined : childOf(node, step);
  return node;
}

/** Formats join comments of several lines in their own ways. */
function linesOf(comments: readonly string[]): string[] {
  return comments.flatMap((text) => text.split("\n").map((line) => line.replace(/^[#;\s]+/, "").trim())).toSorted();
}

interface Outline {
  /** Each key, value and comment, in document order; what it is, is its first character. */
  readonly all: readonly string[];
  readonly comments: readonly string[];
  /** Comments outside of what is hidden that `isGone` holds for. */
  readonly lost: readonly Comment[];
}

const COMMENT = "#";

function isValue(line: string): boolean {
  return !line.startsWith(COMMENT);
}

function textOf({ text }: Scalar): string {
  return typeof text === "string" ? text : `bytes ${Buffer.from(text).toString("base64")}`;
}

/** What is in a document, but for one node, with or without its key. Of that, only comments that are not gone. */
function outlineOf(
  { roots }: Document,
  hidden: { readonly target: TreePath; readonly hidesKey: boolean } | null,
  isGone: (comment: Comment) => boolean,
): Outline {
  const all: string[] = [];
  const comments: string[] = [];
  const lost: Comment[] = [];
  let isHidden = false;
  const add = (line: string): void => {
    if (!isHidden) all.push(line);
  };
  const visitComment = (comment: Comment): void => {
    if (isGone(comment)) {
      if (!isHidden) lost.push(comment);
      return;
    }
    const text = textOf(comment.scalar);
    all.push(`${COMMENT}${comment.inline ? "beside" : "above"} ${text}`);
    comments.push(text);
  };
  /** @param rest - steps from here to what is hidden; `null`: it is not in here. */
  const visit = (node: Node, rest: TreePath | null): void => {
    const wasHidden = isHidden;
    isHidden ||= rest?.length === 0;
    if (node.kind === "leaf") add(`=${node.scalar.type} ${textOf(node.scalar)}`);
    else {
      add(node.kind === "list" ? "[" : "{");
      let position = 0;
      for (const member of node.kind === "mapping" ? node.members : node.elements) {
        if (member.kind === "comment") {
          visitComment(member);
          continue;
        }
        const step = member.kind === "item" ? member.key : position++;
        const inner = rest !== null && rest[0] === step ? rest.slice(1) : null;
        const hidesKey = inner?.length === 0 && hidden?.hidesKey === true;
        if (member.kind === "item" && !hidesKey) add(`.${member.key}`);
        visit(member.kind === "item" ? member.value : member, inner);
      }
      add("}");
    }
    isHidden = wasHidden;
  };
  for (const [i, root] of roots.entries()) visit(root, i === 0 ? (hidden?.target ?? null) : null);
  return { all, comments, lost };
}
