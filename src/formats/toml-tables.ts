import type { Comment, Item, Mapping, Node } from "../document/document.ts";

/**
 * Tables while a file is read: which of them a header or a dotted key may still add to, and in which order their members
 * stand.
 *
 * Source: TOML 1.0.0; the order is that of toml_edit 0.22 src/parser/state.rs, on which rops is built.
 */

/**
 * How a table came about: by its own header, as part of a longer header, by a dotted key, or in braces, which close it for
 * good.
 */
export type Origin = "header" | "path" | "dotted" | "inline";

/** What a key of a table stands for. */
interface Slot {
  readonly item: Item;
  /** Position among the members. */
  index: number;
  /** The table, or the newest one of an array of tables; `null` for values, which nothing can be added to. */
  table: Table | null;
  readonly isArray: boolean;
}

/** Stands where a member was that has moved. */
const GAP: Comment = { kind: "comment", scalar: { type: "comment", text: "" }, inline: false, at: null };

/** A table that is being filled. */
export class Table {
  readonly mapping: Mapping = { kind: "mapping", members: [], at: null };
  readonly slots = new Map<string, Slot>();
  origin: Origin;

  constructor(origin: Origin) {
    this.origin = origin;
  }

  add(comments: readonly Comment[]): void {
    for (const comment of comments) this.mapping.members.push(comment);
  }

  put(item: Item, table: Table | null, isArray: boolean): void {
    this.slots.set(item.key, { item, index: this.mapping.members.length, table, isArray });
    this.mapping.members.push(item);
  }
}

/** All tables of a file. */
export class Tables {
  readonly root = new Table("header");
  readonly #withGaps = new Set<Mapping>();

  /** The table of a header `[keys]`, or, with `isArray`, a new one of `[[keys]]`; `null` where that is not allowed. */
  open(keys: readonly string[], isArray: boolean): Table | null {
    const parent = descend(this.root, keys, "path");
    const key = keys.at(-1);
    if (parent === null || key === undefined) return null;
    const slot = parent.slots.get(key);
    if (isArray) return append(parent, key, slot);
    if (slot === undefined) return addTable(parent, key, "header");
    if (slot.isArray || slot.table?.origin !== "path") return null;
    slot.table.origin = "header";
    // toml_edit takes the table out and puts it in again behind the others.
    this.#leaveGap(parent, slot);
    slot.index = parent.mapping.members.length;
    parent.mapping.members.push(slot.item);
    return slot.table;
  }

  /** Puts a value under a dotted key, comments in front of it; `false` where that is not allowed. */
  put(table: Table, keys: readonly string[], value: Node, comments: readonly Comment[]): boolean {
    const parent = descend(table, keys, "dotted");
    const key = keys.at(-1);
    if (parent === null || key === undefined || parent.slots.has(key)) return false;
    parent.add(comments);
    parent.put({ kind: "item", key, value }, null, false);
    return true;
  }

  /** Takes a key out of the root: its value, or `null`. */
  take(key: string): Node | null {
    const slot = this.root.slots.get(key);
    if (slot === undefined) return null;
    this.#leaveGap(this.root, slot);
    this.root.slots.delete(key);
    return slot.item.value;
  }

  /** Closes the gaps: once for all, since each time would take as long as the table is. */
  finish(): void {
    for (const { members } of this.#withGaps) {
      const kept = members.filter((member) => member !== GAP);
      members.length = 0;
      for (const member of kept) members.push(member);
    }
  }

  #leaveGap(parent: Table, slot: Slot): void {
    parent.mapping.members[slot.index] = GAP;
    this.#withGaps.add(parent.mapping);
  }
}

/** The table that holds the last of the keys; the ones on the way are made where they are missing. */
function descend(from: Table, keys: readonly string[], origin: "path" | "dotted"): Table | null {
  let table = from;
  for (const key of keys.slice(0, -1)) {
    const slot = table.slots.get(key);
    if (slot === undefined) table = addTable(table, key, origin);
    else if (slot.table === null || (origin === "dotted" && slot.table.origin !== "dotted")) return null;
    else table = slot.table;
  }
  return table;
}

function addTable(parent: Table, key: string, origin: Origin): Table {
  const table = new Table(origin);
  parent.put({ kind: "item", key, value: table.mapping }, table, false);
  return table;
}

/** A new table of an array of tables. */
function append(parent: Table, key: string, slot: Slot | undefined): Table | null {
  if (slot?.isArray === false) return null;
  const table = new Table("header");
  if (slot === undefined) {
    parent.put({ kind: "item", key, value: { kind: "list", elements: [table.mapping], at: null } }, table, true);
  } else if (slot.item.value.kind === "list") {
    slot.item.value.elements.push(table.mapping);
    slot.table = table;
  }
  return table;
}
