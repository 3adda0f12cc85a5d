import { KeyleafError } from "../errors.ts";
import { elementsOf, fieldOf, type Item, type Mapping, type Node, type Scalar } from "./document.ts";
import { DEFAULT_SELECTION, type SelectionRule, selectionKinds } from "./selection.ts";

/** Top-level key of the block; in INI the name of its section. */
export const METADATA_KEY = "sops";

/** Version written into new files: the release of sops whose format this is. Its command line refuses files without one. */
export const FORMAT_VERSION = "3.13.2";

/** Lists of wrapped keys that the format knows, in the order in which the reference loads them. */
export const keyLists = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"] as const;
export type KeyListName = (typeof keyLists)[number];

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
 * Source: SOPS stores/stores.go.
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
  return `${match[1]}${zone === "+00:00" || zone === "-00:00" ? "Z" : zone}`;
}

function isBefore330(version: string): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return major !== undefined && (Number(major) < 3 || (major === "3" && Number(minor) < 3));
}

function readKeyGroups(fields: ReadonlyMap<string, Node>, isOld: boolean): KeyEntry[][] {
  const flat = readKeys(fields, isOld);
  if (flat.length > 0) return [flat];
  const groups = entriesOf(fields.get("key_groups"), "key_groups").map((group) => {
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
    entriesOf(fields.get(name), name).map((entry): KeyEntry => {
      if (entry.kind !== "mapping") throw invalid(`an entry of ${name} is not a mapping`);
      return { list: name, fields: entry, ...(isOld && name === "kms" ? { hasOldContext: true } : {}) };
    }),
  );
}

function entriesOf(node: Node | undefined, name: string): Node[] {
  if (node === undefined) return [];
  if (node.kind === "list") return elementsOf(node);
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

/** The block as an item, for trees that are printed anew. */
export function metadataItem(block: Mapping): Item {
  return { kind: "item", key: METADATA_KEY, value: block };
}
