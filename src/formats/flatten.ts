import { plainText } from "../crypto/scalar-bytes.ts";
import { leaf, list, type Mapping, mapping, type Node, type Scalar } from "../document/document.ts";
import { KeyleafError } from "../errors.ts";

/**
 * What the formats without nesting, dotenv and INI, have in common: text of values, and the `sops` block as flat names,
 * where `age[0].recipient` is `age__list_0__map_recipient`.
 *
 * Source: SOPS stores/flatten.go.
 */

const MAP_STEP = "__map_";
const LIST_STEP = "__list_";
const STEPS = /(__map_|__list_)/;

/** One name and its value as text, newlines as they are. */
export type FlatItem = readonly [name: string, value: string];

/** Names and values in the order in which the block is nested. Nulls and empty containers leave nothing behind. */
export function flattenMetadata(block: Mapping): FlatItem[] {
  const items: FlatItem[] = [];
  for (const member of block.members) if (member.kind === "item") flatten(member.value, member.key, items);
  return items;
}

function flatten(node: Node, name: string, items: FlatItem[]): void {
  if (node.kind === "mapping") {
    for (const member of node.members)
      if (member.kind === "item") flatten(member.value, `${name}${MAP_STEP}${member.key}`, items);
  } else if (node.kind === "list") {
    const nodes = node.elements.filter((element): element is Node => element.kind !== "comment");
    for (const [i, element] of nodes.entries()) flatten(element, `${name}${LIST_STEP}${i}`, items);
  } else if (node.scalar.type !== "null") {
    const { type, text } = node.scalar;
    items.push([name, type === "str" ? Buffer.from(text).toString() : plainText(node.scalar)]);
  }
}

/** A container that is still being filled: lists by position, since lines come in any order. */
interface Branch {
  readonly isList: boolean;
  readonly entries: Map<string, Branch | string>;
}

/**
 * The nested block; all leaves are strings.
 * @throws `INPUT_METADATA` when two names contradict each other or a list has gaps.
 */
export function unflattenMetadata(items: Iterable<FlatItem>): Mapping {
  const root: Branch = { isList: false, entries: new Map() };
  for (const [name, value] of items) insert(root, name, value);
  return toNode(root) as Mapping;
}

function insert(root: Branch, name: string, value: string): void {
  const [first = "", ...rest] = name.split(STEPS);
  let branch = root;
  let key = first;
  for (let i = 0; i < rest.length; i += 2) {
    const isList = rest[i] === LIST_STEP;
    const next = branch.entries.get(key) ?? { isList, entries: new Map() };
    if (typeof next === "string" || next.isList !== isList) {
      throw invalid(`${JSON.stringify(name)} and another name disagree about what is a list, a mapping and a value`);
    }
    branch.entries.set(key, next);
    branch = next;
    const step = rest[i + 1] as string;
    key = isList ? listPosition(step) : step;
  }
  if (branch.entries.has(key)) throw invalid(`${JSON.stringify(name)} is there twice`);
  branch.entries.set(key, value);
}

/** As the reference has it, what is not a number counts as 0. */
function listPosition(step: string): string {
  return /^[+-]?\d+$/.test(step) ? BigInt(step.replace("+", "")).toString() : "0";
}

function toNode(branch: Branch | string): Node {
  if (typeof branch === "string") return leaf(branch);
  const { isList, entries } = branch;
  if (!isList) return mapping([...entries].map(([key, value]) => [key, toNode(value)] as const));
  return list(
    Array.from({ length: entries.size }, (_, i) => {
      const element = entries.get(String(i));
      if (element === undefined) throw invalid("the positions of a list are not 0, 1, 2 and so on");
      return toNode(element);
    }),
  );
}

/** A newline as the two characters `\n`, so that a value stays on one line. There is no escape for these two themselves. */
export function escapeNewlines(text: string): string {
  return text.includes("\n") ? text.replaceAll("\n", "\\n") : text;
}

/** The two characters `\n` as a newline. */
export function unescapeNewlines(text: string): string {
  return text.includes("\\n") ? text.replaceAll("\\n", "\n") : text;
}

/** A value as it is written: strings as `spell` has them, all else as the reference prints it. */
export function valueText(value: Scalar, spell: (text: string) => string): string | Uint8Array {
  return value.type === "str" || value.type === "comment" ? onText(value.text, spell) : plainText(value);
}

/** The same change on text and on bytes that are not UTF-8; it may add and look at ASCII only. */
export function onText(text: string | Uint8Array, change: (text: string) => string): string | Uint8Array {
  if (typeof text === "string") return change(text);
  return Buffer.from(change(Buffer.from(text).toString("latin1")), "latin1");
}

function invalid(what: string): KeyleafError {
  return new KeyleafError("INPUT_METADATA", `sops metadata: ${what}`);
}
