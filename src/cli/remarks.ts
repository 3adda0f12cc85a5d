import type { Context } from "./context.ts";
import { line } from "./report.ts";

/** What there is to say about files of which nothing failed. */

/**
 * Says something about one file.
 * @param shared - what can be said of several files at once; the same as `text` unless given
 */
export type Say = (style: "note" | "warning", text: string, shared?: string) => void;

export interface Remark {
  readonly style: "note" | "warning";
  readonly text: string;
  readonly shared: string | undefined;
  /** The file; `null` where there is one only. */
  readonly name: string | null;
}

/** Gathers remarks about one file, which are not to be said before all has gone well. */
export class Remarks {
  readonly all: Remark[] = [];
  readonly say: Say = (style, text) => void this.all.push({ style, text, shared: undefined, name: null });
}

/** Lines about one of many files; where there are more, those are put together that say the same. */
const MOST_REMARKS = 10;

/** What is said under the name of the program: the reference says nothing of what it has done. */
export function unlessUnsaid(remarks: readonly Remark[], { program }: Context): readonly Remark[] {
  return program === "sops" ? remarks.filter(({ style }) => style === "warning") : remarks;
}

/** Says everything there is to say about files: of one all of it, of many in few lines. */
export function sayAll(context: Context, remarks: readonly Remark[]): void {
  const isShort = remarks.length <= MOST_REMARKS || remarks.every(({ name }) => name === null);
  if (isShort) {
    for (const { style, name, text } of remarks) line(context, style, name === null ? text : `${name}: ${text}`);
    return;
  }
  const groups = new Map<string, Remark[]>();
  for (const remark of remarks) {
    const id = `${remark.style} ${remark.shared ?? remark.text}`;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [remark]);
    else group.push(remark);
  }
  const all = [...groups.values()];
  for (const group of all.slice(0, MOST_REMARKS)) sayOfGroup(context, group);
  const others = filesOf(all.slice(MOST_REMARKS).flat());
  if (others > 0) line(context, "note", `and the like about ${filesText(others, "more file")}`);
}

function sayOfGroup(context: Context, group: readonly Remark[]): void {
  const [first] = group;
  if (first === undefined) return;
  const { style, name, text, shared = text } = first;
  const others = filesOf(group) - 1;
  if (others === 0) line(context, style, `${name}: ${text}`);
  else line(context, style, `${name} and ${filesText(others, "more file")}: ${shared}`);
}

function filesOf(remarks: readonly Remark[]): number {
  return new Set(remarks.map(({ name }) => name)).size;
}

/** `1,000 files`, `1 file` */
export function filesText(count: number, what = "file"): string {
  return `${counted(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** A number as people read it: `1,000`. */
export function counted(count: number): string {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
}
