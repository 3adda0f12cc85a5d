import { type Comment, type Item, type List, leaf, list, type Mapping, mapping, type Node } from "./document.ts";
import { FORMAT_VERSION, type KeyEntry, type KeyListName, keyLists, type Metadata } from "./metadata.ts";
import type { SelectionKind } from "./selection.ts";

/** The `sops` block as it is written. What decrypting needs is in `metadata.ts`. */

/** Lists that are written in a key group even when empty. */
const ALWAYS_IN_GROUPS: readonly KeyListName[] = ["age", "hc_vault"];

/** What a block is made of; see {@link Metadata}. `selection` is `null` for binary files, which carry no rule. */
export type MetadataToWrite = Omit<Metadata, "version">;

/** The block as a tree, in the reference's (alphabetical) order. */
export function metadataBlock(metadata: MetadataToWrite): Mapping {
  const entries = new Map<string, Node>(fieldsOfKeys(metadata).filter(isPresent));
  if (metadata.macOnlyEncrypted) entries.set("mac_only_encrypted", leaf({ type: "bool", text: "True" }));
  if (metadata.selection !== null)
    entries.set(metadata.selection.rule satisfies SelectionKind, leaf(metadata.selection.pattern));
  for (const [name, node] of fieldsOfSeal(metadata).filter(isPresent)) entries.set(name, node);
  entries.set("version", leaf(FORMAT_VERSION));
  return mapping([...entries].sort(byName));
}

/** The fields that every change of the values changes. */
export type MetadataSeal = Pick<Metadata, "lastModified" | "mac" | "spelling">;
/** The fields that say who can open the file. */
export type MetadataKeys = Pick<Metadata, "keyGroups" | "shamirThreshold">;

/** The block of a file with other contents in some fields. All else, unknown fields too, stays as it is and where it is. */
export function changedBlock(block: Mapping, changes: Partial<MetadataSeal & MetadataKeys>): Mapping {
  const { keyGroups, shamirThreshold = 0, lastModified, mac, spelling = null } = changes;
  const fields = new Map<string, Node | null>([
    ...(keyGroups === undefined ? [] : fieldsOfKeys({ keyGroups, shamirThreshold })),
    ...(lastModified === undefined || mac === undefined ? [] : fieldsOfSeal({ lastModified, mac, spelling })),
  ]);
  const members: (Item | Comment)[] = [];
  for (const member of block.members) {
    const name = member.kind === "item" ? member.key.toLowerCase() : "";
    const value = fields.get(name);
    fields.delete(name);
    if (value === undefined) members.push(member);
    else if (value !== null && member.kind === "item") members.push({ ...member, value });
  }
  for (const [key, value] of fields) {
    if (value === null) continue;
    const behind = members.findIndex((member) => member.kind === "item" && member.key > key);
    members.splice(behind === -1 ? members.length : behind, 0, { kind: "item", key, value });
  }
  return { ...block, members };
}

/** A field that is to be there with that value, or not to be there. */
type Field = readonly [string, Node | null];

function isPresent(field: Field): field is readonly [string, Node] {
  return field[1] !== null;
}

function fieldsOfSeal({ lastModified, mac, spelling }: MetadataSeal): Field[] {
  return [
    ["lastmodified", leaf(lastModified)],
    ["mac", leaf(mac)],
    ["keyleaf", spelling === null ? null : mapping([["spelling", leaf(spelling)]])],
  ];
}

function fieldsOfKeys({ keyGroups, shamirThreshold }: MetadataKeys): Field[] {
  const [first, ...others] = keyGroups;
  const isFlat = first !== undefined && others.length === 0;
  return [
    ...keyLists.map((name): Field => [name, isFlat ? listOf(name, first) : null]),
    ["key_groups", isFlat ? null : list(keyGroups.map(groupNode))],
    ["shamir_threshold", shamirThreshold > 0 ? leaf({ type: "int", text: String(shamirThreshold) }) : null],
  ];
}

/** `null`: there are none. */
function listOf(name: KeyListName, keys: readonly KeyEntry[]): List | null {
  const elements = keys.filter((key) => key.list === name).map((key) => key.fields);
  return elements.length === 0 ? null : list(elements);
}

function groupNode(keys: readonly KeyEntry[]): Mapping {
  const entries = keyLists.flatMap((name): (readonly [string, Node])[] => {
    const entries = listOf(name, keys) ?? (ALWAYS_IN_GROUPS.includes(name) ? list([]) : null);
    return entries === null ? [] : [[name, entries]];
  });
  return mapping(entries.sort(byName));
}

function byName([a]: readonly [string, Node], [b]: readonly [string, Node]): number {
  return a < b ? -1 : 1;
}
