import type { Edit, Mapping } from "../document/document.ts";
import { metadataItem } from "../document/metadata.ts";
import { nextLine } from "./lines.ts";
import { closeOf } from "./yaml-block.ts";
import type { YamlDocument, YamlRoot } from "./yaml-document.ts";
import { BlockPrinter, flowItem } from "./yaml-print.ts";

/**
 * Edits that write (`block`), replace or remove (`null`) the `sops` entry of every document. What writing adds, removing
 * takes away again, byte for byte.
 */
export function yamlMetadataEdits(doc: YamlDocument, block: Mapping | null, like: YamlDocument | null): Edit[] {
  const step = like === null ? null : stepOf(like);
  return doc.yamlRoots.flatMap((root, i) => [
    // First, since it may stand where the old block begins.
    ...(block === null ? [] : insertion(doc, root, i === 0 ? block : withoutRecord(block), step ?? 4)),
    ...removal(doc, root, block !== null),
  ]);
}

/** Every document has the block, as in the reference. What only this program reads is in the first, where it looks for it. */
function withoutRecord(block: Mapping): Mapping {
  return { ...block, members: block.members.filter((member) => member.kind !== "item" || member.key !== "keyleaf") };
}

/** Columns a level of the first block; `null`: it is in one line. */
function stepOf({ source, yamlRoots: [root] }: YamlDocument): number | null {
  if (root === undefined || root.metadata === null || root.flow !== null) return null;
  const inner = /^[^\n]*\n( +)/.exec(source.slice(root.metadata.key))?.[1];
  const step = (inner?.length ?? 0) - root.column;
  return step > 0 ? step : null;
}

function insertion(doc: YamlDocument, root: YamlRoot, block: Mapping, step: number): Edit[] {
  if (root.wrap !== null) {
    const { at, separator } = root.wrap;
    return [{ start: at, end: at, text: `${separator}${flowItem(metadataItem(block))}` }];
  }
  if (root.flow !== null) return [flowInsertion(root.flow, root.metadata?.flowItem ?? -1, block)];
  const pad = " ".repeat(root.column);
  const printer = new BlockPrinter(step, doc.newline);
  const lines = printer.members({ kind: "mapping", members: [metadataItem(block)], at: null }, 0);
  const text = lines.replace(/^(?=.)/gm, pad);
  // After an open block scalar nothing can stand without changing its value, so the block goes first.
  if (root.endsOpen && root.end === doc.source.length) return [{ start: root.firstKey, end: root.firstKey, text }];
  const at = root.end;
  const isAtLineStart = at === 0 || doc.source.charAt(at - 1) === "\n" || (at === 1 && doc.source.startsWith("\ufeff"));
  return [{ start: at, end: at, text: isAtLineStart ? text : doc.newline + text.slice(0, -doc.newline.length) }];
}

/** Before the first entry: after the last one, a comment that stands there would become the block's. */
function flowInsertion(flow: NonNullable<YamlRoot["flow"]>, old: number, block: Mapping): Edit {
  const item = flowItem(metadataItem(block));
  const others =
    flow.items.filter((candidate) => candidate.key != null || candidate.sep !== undefined).length - (old < 0 ? 0 : 1);
  const isEmpty = others === 0;
  return { start: flow.offset + 1, end: flow.offset + 1, text: isEmpty ? item : `${item},` };
}

/** @param isReplaced - a new block follows at the same or another place. */
function removal(doc: YamlDocument, root: YamlRoot, isReplaced: boolean): Edit[] {
  if (root.metadata === null) return [];
  if (root.flow !== null) return [flowRemoval(root.flow, root.metadata.flowItem)];
  const { source } = doc;
  let start = source.lastIndexOf("\n", root.metadata.key - 1) + 1;
  if (start === 0 && source.startsWith("\ufeff")) start = 1;
  const column = root.metadata.key - start;
  const end = endOfBlock(source, root.metadata.key, column, root.end);
  if (end === source.length && !source.endsWith("\n") && start > 0) {
    start -= source.charAt(start - 2) === "\r" ? 2 : 1;
  }
  const isAll = source.slice(0, start).trim() === "" && source.slice(end).trim() === "";
  return [{ start, end, text: isAll && !isReplaced && doc.yamlRoots.length === 1 ? "{}\n" : "" }];
}

/** Offset after the last line that is indented deeper than the key. */
function endOfBlock(source: string, key: number, column: number, limit: number): number {
  let end = nextLine(source, key);
  for (let at = end; at < limit; ) {
    const next = nextLine(source, at);
    const line = source.slice(at, next);
    const indentation = /^ */.exec(line)?.[0].length ?? 0;
    if (line.trim() === "") {
      at = next;
      continue;
    }
    if (indentation <= column) break;
    at = next;
    end = next;
  }
  return Math.min(end, limit);
}

function flowRemoval(flow: NonNullable<YamlRoot["flow"]>, position: number): Edit {
  const real = flow.items.filter((candidate) => candidate.key != null || candidate.sep !== undefined);
  const item = real[position];
  if (item === undefined) throw new Error("the sops entry is not among the items of its mapping");
  const index = flow.items.indexOf(item);
  const previous = real[position - 1];
  const nextComma = flow.items[index + 1]?.start.find((part) => part.type === "comma");
  const ownComma = item.start.find((part) => part.type === "comma");
  const end = endOfItem(item);
  if (nextComma !== undefined) {
    const start = ownComma === undefined ? (item.key?.offset ?? end) : ownComma.offset + 1;
    return { start, end: nextComma.offset + 1, text: "" };
  }
  return { start: previous === undefined ? (item.key?.offset ?? end) : endOfItem(previous), end, text: "" };
}

type FlowItem = NonNullable<YamlRoot["flow"]>["items"][number];

const BLANK: ReadonlySet<string> = new Set(["space", "newline", "comment"]);

/** Offset after an item's value, or after its key where it has none. */
function endOfItem(item: FlowItem): number {
  const token = item.value ?? (item.sep === undefined ? item.key : null);
  if (token == null) {
    const last = item.sep?.findLast((part) => !BLANK.has(part.type)) ?? item.start.at(-1);
    return last === undefined ? 0 : last.offset + last.source.length;
  }
  if (token.type === "flow-collection") {
    const close = closeOf(token);
    return close === undefined ? token.offset : close.offset + close.source.length;
  }
  return "source" in token ? token.offset + token.source.length : token.offset;
}
