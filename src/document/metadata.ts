import { KeyleafError } from "../errors.ts";
import {
  type Comment,
  fieldOf,
  type Item,
  type List,
  leaf,
  list,
  type Mapping,
  mapping,
  type Node,
  type Scalar,
} from "./document.ts";
import { DEFAULT_SELECTION, type SelectionKind, type SelectionRule, selectionKinds } from "./selection.ts";

/** Top-level key of the block; in INI the name of its section. */
export const METADATA_KEY = "sops";

/** Version written into new files: the release of sops whose format this is. Its command line refuses files without one. */
export const FORMAT_VERSION = "3.13.2";

/** Lists of wrapped keys that the format knows, in the order in which the reference loads them. */
export const keyLists = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"] as const;
export type KeyListName = (typeof keyLists)[number];

/** Lists that are written in a key group even when empty. */
const ALWAYS_IN_GROUPS: readonly KeyListName[] = ["age", "hc_vault"];

/** One entry of a key list. */
export interface KeyEntry {
  readonly list: KeyListName;
  /** The fields as they stand in the file. */
  readonly fields: Mapping;
  /** Of AWS KMS, by sops before 3.3.0: the context in the file may not be the one that the key was wrapped with. */
  readonly hasOldContext?: true;
}

/** The `sops` block. */
export interface Metadata {
  /** At least one group with at least one key. With two or more, each holds a share of the data key. */
  readonly keyGroups: readonly (readonly KeyEntry[])[];
  /** Groups that are needed; 0 where the file does not say. */
  readonly shamirThreshold: number;
  /** RFC 3339, whole seconds, `Z` for a zero offset: this text is the MAC's associated data. */
  readonly lastModified: string;
  /** The sealed digest; `""` when missing. */
  readonly mac: string;
  /** `null`: everything is sealed. */
  readonly selection: SelectionRule | null;
  readonly macOnlyEncrypted: boolean;
  /** `""` only in files of rops. */
  readonly version: string;
  /** The sealed record of original spellings (`keyleaf.spelling`); `null` when there is none. */
  readonly spelling: string | null;
}

function invalid(what: string, hint?: string): KeyleafError {
  return new KeyleafError("INPUT_METADATA", `sops metadata: ${what}`, hint === undefined ? {} : { hint });
}

/**
 * Reads the block. Field names in any case, weak typing and single objects for lists as the reference reads them.
 * @throws `INPUT_METADATA`
 *
 * Source: sops-format 9.
 */
export function parseMetadata(block: Mapping): Metadata {
  const fields = new Map<string, Node>();
  for (const member of block.members) if (member.kind === "item") fields.set(member.key.toLowerCase(), member.value);

  const lastModified = fields.get("lastmodified");
  if (lastModified === undefined) throw invalid("lastmodified is missing");
  const version = textOf(fields.get("version"), "version");
  const rules = selectionKinds.flatMap((rule): SelectionRule[] => {
    const pattern = textOf(fields.get(rule), rule);
    return pattern === "" ? [] : [{ rule, pattern }];
  });
  if (rules.length > 1) throw invalid(`more than one selection rule (${rules.map((rule) => rule.rule).join(", ")})`);
  checkVersion(version, rules.length > 0 && !isTime(lastModified));

  return {
    keyGroups: readKeyGroups(fields, isBefore330(version)),
    shamirThreshold: thresholdOf(fields.get("shamir_threshold")),
    lastModified: macTime(lastModified, version),
    mac: textOf(fields.get("mac"), "mac"),
    // rops has no rule of its own: without one, it seals everything.
    selection: rules[0] ?? (version === "" ? null : DEFAULT_SELECTION),
    macOnlyEncrypted: boolOf(fields.get("mac_only_encrypted")),
    version,
    spelling: spellingOf(fields.get("keyleaf")),
  };
}

/** The reference's command line refuses a missing or short version. Files of rops have none: they carry no rule, or a bare time. */
function checkVersion(version: string, hasMarksOfSops: boolean): void {
  if (version === "" && !hasMarksOfSops) return;
  if (version === "") throw invalid("version is missing");
  if (!/^v?\d+\.\d+\.\d+([-+].*)?$/.test(version) && !version.startsWith("1.")) {
    throw invalid("version is not of the form MAJOR.MINOR.PATCH");
  }
}

function isTime(node: Node): boolean {
  return node.kind === "leaf" && node.scalar.type === "time";
}

function macTime(node: Node, version: string): string {
  // An unquoted time is not a string, and refused as the reference does; rops, which leaves the version out, writes it so.
  if (isTime(node) && version !== "") throw invalid("lastmodified is not a string (put it in quotes)");
  const text = textOf(node, "lastmodified");
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) throw invalid("lastmodified is not an RFC 3339 time");
  const zone = match[2] as string;
  return `${match[1]}${/^[+-]00:00$/.test(zone) ? "Z" : zone}`;
}

function isBefore330(version: string): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return major !== undefined && (Number(major) < 3 || (major === "3" && Number(minor) < 3));
}

function readKeyGroups(fields: ReadonlyMap<string, Node>, isOld: boolean): KeyEntry[][] {
  const flat = readKeys(fields, isOld);
  if (flat.length > 0) return [flat];
  const groups = elementsOf(fields.get("key_groups"), "key_groups").map((group) => {
    if (group.kind !== "mapping") throw invalid("a key group is not a mapping");
    const inGroup = new Map<string, Node>();
    for (const member of group.members) if (member.kind === "item") inGroup.set(member.key.toLowerCase(), member.value);
    return readKeys(inGroup, isOld);
  });
  if (groups.length === 0) throw invalid("no keys found");
  if (groups.some((group) => group.length === 0)) throw invalid("a key group is empty");
  return groups;
}

function readKeys(fields: ReadonlyMap<string, Node>, isOld: boolean): KeyEntry[] {
  return keyLists.flatMap((name) =>
    elementsOf(fields.get(name), name).map((entry): KeyEntry => {
      if (entry.kind !== "mapping") throw invalid(`an entry of ${name} is not a mapping`);
      return { list: name, fields: entry, ...(isOld && name === "kms" ? { hasOldContext: true } : {}) };
    }),
  );
}

function elementsOf(node: Node | undefined, name: string): Node[] {
  if (node === undefined) return [];
  if (node.kind === "list") return node.elements.filter((element): element is Node => element.kind !== "comment");
  if (node.kind === "mapping") return node.members.length === 0 ? [] : [node];
  if (node.scalar.type === "null" || node.scalar.text === "") return [];
  throw invalid(`${name} is not a list`);
}

function textOf(node: Node | undefined, name: string): string {
  if (node === undefined) return "";
  if (node.kind !== "leaf") throw invalid(`${name} is not a text`);
  return scalarText(node.scalar);
}

function scalarText(scalar: Scalar): string {
  if (typeof scalar.text !== "string") throw invalid("a field is not UTF-8");
  return scalar.text;
}

/** Text of one field of a key entry; `""` when it is missing or not a text. */
export function fieldText(entry: Mapping, name: string): string {
  const value = fieldOf(entry, name);
  return value?.kind === "leaf" ? scalarText(value.scalar) : "";
}

/**
 * A whole number in any spelling that the reference reads, as text too. It cuts fractions off in YAML, and takes a negative
 * number for no threshold; nothing writes such, and what was meant cannot be told. Source: sops 3.11.0, by running it.
 */
function thresholdOf(node: Node | undefined): number {
  if (node === undefined) return 0;
  const text = node.kind === "leaf" ? scalarText(node.scalar) : " ";
  if (text === "") return 0;
  // Fractions are cut off, as in the reference's YAML.
  const value = text.trim() === "" ? Number.NaN : Math.trunc(Number(text));
  if (Number.isSafeInteger(value) && value >= 0) return value || 0;
  throw invalid("shamir_threshold is not a number of 0 or more", "restore the file from version control");
}

function boolOf(node: Node | undefined): boolean {
  const text = textOf(node, "mac_only_encrypted").toLowerCase();
  if (text === "true" || text === "1" || text === "t") return true;
  if (text === "" || text === "false" || text === "0" || text === "f") return false;
  throw invalid("mac_only_encrypted is neither true nor false");
}

function spellingOf(node: Node | undefined): string | null {
  if (node?.kind !== "mapping") return null;
  return fieldText(node, "spelling") || null;
}

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

/** The block as an item, for trees that are printed anew. */
export function metadataItem(block: Mapping): Item {
  return { kind: "item", key: METADATA_KEY, value: block };
}
