import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";
import { KeyleafError, lineAndColumn } from "./errors.ts";
import { nearest } from "./nearest.ts";

/**
 * `.sops.yaml`, text in, no file access: creation rules, destination rules and store options (SOPS config/config.go). The reference ignores keys it
 * does not know, so that a misspelt `encrypted_regex` encrypts something else; here they are errors. The one exception
 * are top-level keys that only hold anchors, which is how shared recipients are written.
 */

/** What `.sops.yaml` says. */
export interface Config {
  /** As it was given, for messages. */
  readonly fileName: string;
  /** `null`: the key is missing, the file speaks of other things. Empty: there are rules, and none matches. */
  readonly creationRules: readonly CreationRule[] | null;
  /** Where files are published to; `null`: the key is missing. */
  readonly destinationRules: readonly DestinationRule[] | null;
  readonly stores: {
    readonly yaml?: StoreOptions;
    readonly json?: StoreOptions;
    /** The envelope of binary files. */
    readonly jsonBinary?: StoreOptions;
  };
}

/** How a format is printed. */
export interface StoreOptions {
  /** Blanks a level, or (JSON only) a tab. */
  readonly indent: number | "tab";
}

/** Which values a new file gets sealed. Structurally the rule of `document/selection.ts`. */
export interface ConfigSelection {
  readonly rule: (typeof SELECTION_KEYS)[number];
  /** Suffix or RE2 pattern, not empty; patterns are not compiled here. */
  readonly pattern: string;
}

/** Recipients and selection for new files whose path matches. */
export interface CreationRule {
  /** Where the rule begins, from 1. */
  readonly line: number;
  /** `null` matches every file. */
  readonly pathRegex: string | null;
  /**
   * At least one group; a group may be empty (no recipients, which is for the caller to refuse). Merged groups are
   * flattened in front of a group's own entries; duplicates are still there.
   */
  readonly keyGroups: readonly (readonly RawRecipient[])[];
  /** 0: as many as there are groups. */
  readonly shamirThreshold: number;
  /** `null`: the rule does not say. */
  readonly selection: ConfigSelection | null;
  readonly macOnlyEncrypted: boolean;
}

/** Where files whose path matches are published to. */
export interface DestinationRule {
  /** Where the rule begins, from 1. */
  readonly line: number;
  /** `null` matches every file. */
  readonly pathRegex: string | null;
  readonly destination: Destination;
  /** The name there is without the file's last extension. */
  readonly omitExtensions: boolean;
  /** How files are encrypted anew before they go there; `null`: they go as they are. Its `pathRegex` has no effect. */
  readonly recreation: CreationRule | null;
}

/** A place that files are published to. The name of a file follows right behind `prefix` or `path`. */
export type Destination =
  | { readonly kind: "s3" | "gcs"; readonly bucket: string; readonly prefix: string }
  | {
      readonly kind: "vault";
      /** `""`: the one of the environment. */
      readonly address: string;
      /** Where the engine is mounted, with a slash at its end only. */
      readonly mount: string;
      /** Of the KV engine. */
      readonly version: 1 | 2;
      /** Of the folder in the engine, with a slash at its end only; `""`: its top. */
      readonly path: string;
    };

/** One entry under a key type, not interpreted yet. */
export interface RawRecipient {
  /** As in the file: `age`, `kms`, `hc_vault_transit_uri` (flat), `hc_vault` (in a group), ... */
  readonly ruleKey: string;
  /** Flat keys and groups have different names and shapes for the same type. */
  readonly place: "flat" | "group";
  /** Flat: one trimmed, non-empty item of a comma list. In a group: the list's element, for `age` perhaps a comma list. */
  readonly value: string | RawMapping;
  /** The rule's `aws_profile` for flat `kms` entries, otherwise `""` (in groups it is part of the mapping). */
  readonly awsProfile: string;
  /** From 1. */
  readonly line: number;
}

/** An entry such as `{arn, role, context}`: only known keys, in file order; absent and null values are not in it. */
export type RawMapping = ReadonlyMap<string, string | ReadonlyMap<string, string>>;

const TOP_KEYS = ["creation_rules", "destination_rules", "stores"];

const SELECTION_KEYS = [
  "unencrypted_suffix",
  "encrypted_suffix",
  "unencrypted_regex",
  "encrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
] as const;

/** Key types in the order their entries get. `list`: the reference takes no comma list there. */
const FLAT_KEYS: readonly { readonly key: string; readonly shape: "text" | "list" }[] = [
  { key: "age", shape: "text" },
  { key: "pgp", shape: "text" },
  { key: "kms", shape: "text" },
  { key: "gcp_kms", shape: "text" },
  { key: "hckms", shape: "list" },
  { key: "azure_keyvault", shape: "text" },
  { key: "hc_vault_transit_uri", shape: "text" },
];

/** The same in key groups. `members`: elements are mappings with these keys, otherwise text. */
const GROUP_KEYS: readonly { readonly key: string; readonly members: readonly string[] | null }[] = [
  { key: "age", members: null },
  { key: "pgp", members: null },
  { key: "kms", members: ["arn", "role", "context", "aws_profile"] },
  { key: "gcp_kms", members: ["resource_id"] },
  { key: "hckms", members: ["key_id"] },
  { key: "azure_keyvault", members: ["vaultUrl", "key", "version"] },
  { key: "hc_vault", members: null },
];

const RULE_KEYS = [
  "path_regex",
  ...FLAT_KEYS.map(({ key }) => key),
  "aws_profile",
  "key_groups",
  "shamir_threshold",
  ...SELECTION_KEYS,
  "mac_only_encrypted",
];

const DESTINATION_KEYS = [
  "path_regex",
  "s3_bucket",
  "s3_prefix",
  "gcs_bucket",
  "gcs_prefix",
  "vault_path",
  "vault_address",
  "vault_kv_mount_name",
  "vault_kv_version",
  "omit_extensions",
  "recreation_rule",
];

/** Nodes that are looked at, counted again each time an alias leads to them: enough for any config, not for a bomb. */
const MAX_NODES = 100_000;

/** How deep merges may go into each other; an alias to what it stands in would go on for ever. */
const MAX_MERGES = 100;

/** What becomes of keys that nobody knows. */
export type UnknownKeys = "refuse" | "pass over";

/** The file being read. */
interface Source {
  readonly text: string;
  readonly fileName: string;
  readonly lines: LineCounter;
  readonly targets: Map<Alias, Node>;
  readonly unknownKeys: UnknownKeys;
  nodes: number;
}

/** A value, aliases resolved; `node` is `null` when nothing or null is written there. `offset` is for messages. */
interface Value {
  readonly node: Node | null;
  readonly offset: number;
}

/** An item of a mapping, with the offset of its key. */
interface Field {
  readonly key: string;
  readonly keyOffset: number;
  readonly value: Value;
}

/**
 * Reads the first document of the text. Null and empty values count as absent. Anchors, aliases and `<<` are followed.
 *
 * @param text - a leading byte order mark is allowed.
 * @param fileName - for messages.
 * @param unknownKeys - `pass over` is what the reference does.
 * @throws `CONFIG_MALFORMED` with file, line and column: not YAML, a duplicate or unknown key, a wrong type, two
 *   selection settings in one rule.
 */
export function parseConfig(text: string, fileName: string, unknownKeys: UnknownKeys = "refuse"): Config {
  const { file, top } = parse(text.replace(/^\uFEFF/, ""), fileName, unknownKeys);
  const fields = fieldsOf(file, top, "a .sops.yaml file", null);
  if (unknownKeys === "refuse") checkTopKeys(file, fields);
  const rules = listOf(file, valueAt(fields, "creation_rules"), "creation_rules");
  const destinations = listOf(file, valueAt(fields, "destination_rules"), "destination_rules");
  return {
    fileName,
    creationRules: rules === null ? null : rules.map((rule) => creationRule(file, rule)),
    destinationRules: destinations === null ? null : destinations.map((rule) => destinationRule(file, rule)),
    stores: stores(file, valueAt(fields, "stores")),
  };
}

/** `compilePattern` of `document/pattern.ts`. */
type Compile = (pattern: string) => Promise<(text: string) => boolean>;

/**
 * The first creation rule whose `path_regex` is found in the path.
 *
 * @param path - relative to the config's directory, or absolute for files outside it.
 * @throws `CONFIG_NO_RULE`; `CONFIG_MALFORMED` when the search comes to a pattern that does not compile.
 */
export function matchRule(config: Config, path: string, compile: Compile): Promise<CreationRule> {
  return firstMatch(config, "creation", config.creationRules, path, compile);
}

/** The same among the destination rules. */
export function matchDestination(config: Config, path: string, compile: Compile): Promise<DestinationRule> {
  return firstMatch(config, "destination", config.destinationRules, path, compile);
}

async function firstMatch<Rule extends { readonly line: number; readonly pathRegex: string | null }>(
  { fileName }: Config,
  kind: string,
  rules: readonly Rule[] | null,
  path: string,
  compile: Compile,
): Promise<Rule> {
  for (const rule of rules ?? []) {
    if (rule.pathRegex === null) return rule;
    let matches: (text: string) => boolean;
    try {
      matches = await compile(rule.pathRegex);
    } catch (error) {
      if (!(error instanceof KeyleafError)) throw error;
      throw new KeyleafError(error.code, `${fileName}: line ${rule.line}: path_regex: ${error.message}`, {
        details: { file: fileName, line: rule.line },
        hint: error.hint,
        cause: error,
      });
    }
    if (matches(path)) return rule;
  }
  throw new KeyleafError("CONFIG_NO_RULE", `${fileName}: no ${kind} rule matches ${path}`, {
    hint: "rules are tried from top to bottom; one without path_regex at the end matches every file",
    details: { file: fileName },
  });
}

function creationRule(file: Source, value: Value): CreationRule {
  const fields = fieldsOf(file, value, "a creation rule", RULE_KEYS);
  const groups = listOf(file, valueAt(fields, "key_groups"), "key_groups") ?? [];
  const flat = flatGroup(file, fields);
  return {
    line: lineAt(file, value),
    pathRegex: textOf(file, valueAt(fields, "path_regex"), "path_regex") || null,
    keyGroups: groups.length === 0 ? [flat] : groups.map((group) => keyGroup(file, group, 0)),
    shamirThreshold: threshold(file, valueAt(fields, "shamir_threshold")),
    selection: selection(file, fields),
    macOnlyEncrypted: boolOf(file, valueAt(fields, "mac_only_encrypted"), "mac_only_encrypted"),
  };
}

function destinationRule(file: Source, value: Value): DestinationRule {
  const fields = fieldsOf(file, value, "a destination rule", DESTINATION_KEYS);
  const text = (key: string): string => textOf(file, valueAt(fields, key), key);
  const kinds = ["s3_bucket", "gcs_bucket", "vault_path"].filter((key) => text(key) !== "");
  const [kind] = kinds;
  if (kind === undefined) {
    throw fail(
      file,
      value.offset,
      "a destination rule names no destination",
      "it needs s3_bucket, gcs_bucket or vault_path",
    );
  }
  if (kinds.length > 1)
    throw fail(file, value.offset, `${kinds.join(" and ")} in one destination rule`, "keep one of them");
  const again = valueAt(fields, "recreation_rule");
  const recreation = again.node === null ? null : creationRule(file, again);
  if (recreation?.keyGroups.every((group) => group.length === 0) === true) {
    throw fail(file, again.offset, "recreation_rule names no recipients", "leave it out to publish files as they are");
  }
  if (recreation !== null && kind === "vault_path") {
    throw fail(file, again.offset, "recreation_rule has no meaning for vault_path", "values go there decrypted");
  }
  return {
    line: lineAt(file, value),
    pathRegex: text("path_regex") || null,
    destination: kind === "vault_path" ? vaultDestination(file, fields) : bucketDestination(kind, text),
    omitExtensions: boolOf(file, valueAt(fields, "omit_extensions"), "omit_extensions"),
    recreation,
  };
}

function bucketDestination(key: string, text: (key: string) => string): Destination {
  const kind = key === "s3_bucket" ? "s3" : "gcs";
  return { kind, bucket: text(key), prefix: text(`${kind}_prefix`) };
}

function vaultDestination(file: Source, fields: ReadonlyMap<string, Field>): Destination {
  const text = (key: string): string => textOf(file, valueAt(fields, key), key);
  const folder = (path: string): string => path.replace(/^\/+|\/+$/g, "").replace(/.$/, "$&/");
  const number = valueAt(fields, "vault_kv_version");
  const version = intOf(file, number, "vault_kv_version") ?? 2;
  if (version !== 1 && version !== 2) throw fail(file, number.offset, "vault_kv_version must be 1 or 2");
  const mount = folder(text("vault_kv_mount_name")) || "secret/";
  return { kind: "vault", address: text("vault_address"), mount, version, path: folder(text("vault_path")) };
}

function flatGroup(file: Source, fields: ReadonlyMap<string, Field>): RawRecipient[] {
  const profile = textOf(file, valueAt(fields, "aws_profile"), "aws_profile");
  const group: RawRecipient[] = [];
  for (const { key, shape } of FLAT_KEYS) {
    const value = valueAt(fields, key);
    if (value.node === null) continue;
    const texts = isSeq(value.node) || shape === "list" ? (elementsOf(file, value, key) ?? []) : [value];
    for (const text of texts) {
      const line = lineAt(file, text);
      for (const item of properTextOf(file, text, key).split(",")) {
        const trimmed = item.trim();
        if (trimmed === "") continue;
        const awsProfile = key === "kms" ? profile : "";
        group.push({ ruleKey: key, place: "flat", value: trimmed, awsProfile, line });
      }
    }
  }
  return group;
}

function keyGroup(file: Source, value: Value, depth: number): RawRecipient[] {
  if (depth > MAX_MERGES) throw fail(file, value.offset, "key groups are merged into each other too deeply");
  const fields = fieldsOf(file, value, "a key group", ["merge", ...GROUP_KEYS.map(({ key }) => key)]);
  const group: RawRecipient[] = [];
  for (const merged of listOf(file, valueAt(fields, "merge"), "merge") ?? []) {
    for (const recipient of keyGroup(file, merged, depth + 1)) group.push(recipient);
  }
  for (const { key, members } of GROUP_KEYS) {
    for (const element of listOf(file, valueAt(fields, key), key) ?? []) {
      const raw = members === null ? textOf(file, element, key) : entry(file, element, key, members);
      group.push({ ruleKey: key, place: "group", value: raw, awsProfile: "", line: lineAt(file, element) });
    }
  }
  return group;
}

/** One element of a list such as `kms`, a mapping with some of `members`. */
function entry(file: Source, value: Value, key: string, members: readonly string[]): RawMapping {
  const result = new Map<string, string | ReadonlyMap<string, string>>();
  for (const field of fieldsOf(file, value, `an element of ${key}`, members).values()) {
    if (field.value.node === null) continue;
    result.set(field.key, field.key === "context" ? context(file, field.value) : textOf(file, field.value, field.key));
  }
  return result;
}

/** An AWS encryption context: text to text. */
function context(file: Source, value: Value): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const field of fieldsOf(file, value, "context", null).values()) {
    if (field.value.node === null)
      throw fail(file, field.keyOffset, `context: ${JSON.stringify(field.key)} has no value`);
    result.set(field.key, textOf(file, field.value, field.key));
  }
  return result;
}

function selection(file: Source, fields: ReadonlyMap<string, Field>): ConfigSelection | null {
  let found: ConfigSelection | null = null;
  for (const field of fields.values()) {
    const rule = SELECTION_KEYS.find((key) => key === field.key);
    if (rule === undefined) continue;
    const pattern = textOf(file, field.value, rule);
    if (pattern === "") continue;
    if (found !== null) {
      throw fail(file, field.keyOffset, `${rule} and ${found.rule} in one creation rule`, "keep one of the two");
    }
    found = { rule, pattern };
  }
  return found;
}

function threshold(file: Source, value: Value): number {
  const number = intOf(file, value, "shamir_threshold") ?? 0;
  if (number < 0) throw fail(file, value.offset, "shamir_threshold is negative");
  return number;
}

function stores(file: Source, value: Value): Config["stores"] {
  const fields = fieldsOf(file, value, "stores", ["yaml", "json", "json_binary", "dotenv", "ini"]);
  for (const key of ["dotenv", "ini"]) fieldsOf(file, valueAt(fields, key), key, []);
  const yaml = indent(file, valueAt(fields, "yaml"), "yaml", 0);
  const json = indent(file, valueAt(fields, "json"), "json", -1);
  const jsonBinary = indent(file, valueAt(fields, "json_binary"), "json_binary", -1);
  return {
    ...(yaml === null ? {} : { yaml }),
    ...(json === null ? {} : { json }),
    ...(jsonBinary === null ? {} : { jsonBinary }),
  };
}

/** The reference's numbers: -1 is a tab in JSON, 0 in YAML is the default (`least` is 0 there). */
function indent(file: Source, value: Value, store: string, least: 0 | -1): StoreOptions | null {
  const field = valueAt(fieldsOf(file, value, store, ["indent"]), "indent");
  const blanks = intOf(file, field, "indent");
  if (blanks === null || (least === 0 && blanks === 0)) return null;
  if (blanks < least) throw fail(file, field.offset, `indent of ${store} is below ${least}`);
  return { indent: blanks === -1 ? "tab" : blanks };
}

/** Anchors need a place to stand: a key nobody knows may hold them, unless it looks like a misspelt one. */
function checkTopKeys(file: Source, fields: ReadonlyMap<string, Field>): void {
  for (const field of fields.values()) {
    if (TOP_KEYS.includes(field.key)) continue;
    const isMisspelt = nearest(field.key, TOP_KEYS) !== null;
    if (!isMisspelt && holdsAnchor(field.value.node)) continue;
    if (!isMisspelt && RULE_KEYS.includes(field.key)) {
      throw fail(
        file,
        field.keyOffset,
        `${field.key} stands outside of a rule`,
        "move it into a rule of creation_rules",
      );
    }
    throw unknownKey(file, field, "a .sops.yaml file", TOP_KEYS);
  }
}

function holdsAnchor(node: Node | null): boolean {
  let found = false;
  visit(node, {
    Value(_, { anchor }) {
      found ||= anchor !== undefined;
    },
  });
  return found;
}

/** The failsafe schema leaves all scalars as text; what they are is decided where they are used. */
function parse(text: string, fileName: string, unknownKeys: UnknownKeys): { file: Source; top: Value } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
    lineCounter: lines,
  });
  const file: Source = { text, fileName, lines, targets: new Map(), unknownKeys, nodes: 0 };
  const [error] = document.errors;
  if (error !== undefined) {
    const isDepth = error.code === "RESOURCE_EXHAUSTION";
    const what = isDepth ? "nested too deeply" : error.message.charAt(0).toLowerCase() + error.message.slice(1);
    throw fail(file, error.pos[0], what);
  }
  findTargets(file, document.contents);
  return { file, top: follow(file, document.contents, 0) };
}

/** An alias stands for the last node before it with that anchor. */
function findTargets(file: Source, contents: Node | null): void {
  const anchors = new Map<string, Node>();
  visit(contents, {
    Alias(_, alias) {
      const target = anchors.get(alias.source);
      if (target === undefined)
        throw fail(file, alias.range?.[0] ?? 0, `nothing before has the anchor ${JSON.stringify(alias.source)}`);
      file.targets.set(alias, target);
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
}

/** Aliases resolved, null made `null`. `offset`: where to point to when nothing is written. */
function follow(file: Source, written: unknown, offset: number): Value {
  file.nodes++;
  if (file.nodes > MAX_NODES) throw fail(file, offset, "aliases expand to too much");
  const node = isAlias(written) ? (file.targets.get(written) ?? null) : (written as Node | null);
  if (node === null || (isScalar(node) && isNull(node))) return { node: null, offset: node?.range?.[0] ?? offset };
  return { node, offset: node.range?.[0] ?? offset };
}

function isNull(scalar: Scalar): boolean {
  return scalar.type === "PLAIN" && scalar.tag === undefined && /^(?:|~|null|Null|NULL)$/.test(String(scalar.value));
}

/**
 * Items of a mapping, those that come in by `<<` last; none when nothing is written.
 *
 * @param known - the keys that may be there, `null` for any.
 */
function fieldsOf(
  file: Source,
  value: Value,
  what: string,
  known: readonly string[] | null,
): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>();
  addFields(file, value, what, fields, 0);
  if (known === null) return fields;
  for (const field of fields.values()) {
    if (known.includes(field.key)) continue;
    if (file.unknownKeys === "refuse") throw unknownKey(file, field, what, known);
    fields.delete(field.key);
  }
  return fields;
}

/** Adds the items that are not there yet: a mapping's own keys win over merged ones, earlier merged ones over later. */
function addFields(file: Source, value: Value, what: string, fields: Map<string, Field>, depth: number): void {
  if (depth > MAX_MERGES) throw fail(file, value.offset, "mappings are merged into each other too deeply");
  if (value.node === null) return;
  if (!isMap(value.node)) throw fail(file, value.offset, `${what} must be a mapping, not ${kindOf(value.node)}`);
  const own = new Set<string>();
  const merges: Value[] = [];
  for (const pair of value.node.items) {
    const key = follow(file, pair.key, value.offset);
    if (!isScalar(key.node)) throw fail(file, key.offset, `a key of ${what} is not text`);
    const name = String(key.node.value);
    if (own.has(name)) throw fail(file, key.offset, `${JSON.stringify(name)} is there twice`);
    own.add(name);
    const keyOffset = (pair.key as Node).range?.[0] ?? key.offset;
    const item = follow(file, pair.value, keyOffset);
    if (name === "<<" && key.node.type === "PLAIN") merges.push(item);
    else if (!fields.has(name)) fields.set(name, { key: name, keyOffset, value: item });
  }
  for (const merge of merges) {
    const sources = isSeq(merge.node) ? (listOf(file, merge, "<<") ?? []) : [merge];
    for (const merged of sources) addFields(file, merged, "what << merges", fields, depth + 1);
  }
}

function valueAt(fields: ReadonlyMap<string, Field>, key: string): Value {
  return fields.get(key)?.value ?? { node: null, offset: 0 };
}

/** Elements of a list, `null` when nothing is written. Like the reference, elements that are null are passed over. */
function listOf(file: Source, value: Value, what: string): Value[] | null {
  return elementsOf(file, value, what)?.filter(({ node }) => node !== null) ?? null;
}

function elementsOf(file: Source, value: Value, what: string): Value[] | null {
  if (value.node === null) return null;
  if (!isSeq(value.node)) throw fail(file, value.offset, `${what} must be a list, not ${kindOf(value.node)}`);
  return value.node.items.map((item) => follow(file, item, value.offset));
}

/** Text of any scalar as it is written, `""` when nothing is: numbers and booleans are text where text is wanted. */
function textOf(file: Source, value: Value, what: string): string {
  if (value.node === null) return "";
  if (!isScalar(value.node)) throw fail(file, value.offset, `${what} must be text, not ${kindOf(value.node)}`);
  return String(value.node.value);
}

/** Text that the reference reads as a string: in flat keys it refuses numbers and the like. */
function properTextOf(file: Source, value: Value, what: string): string {
  const text = textOf(file, value, what);
  const isText = isScalar(value.node) && (value.node.type !== "PLAIN" || value.node.tag !== undefined || isWord(text));
  if (!isText)
    throw fail(file, value.offset, `${what} must be text, not a number, a boolean or null`, "put it in quotes");
  return text;
}

function isWord(text: string): boolean {
  return !/^(?:true|True|TRUE|false|False|FALSE|[-+]?(?:\d[\d_]*\.?|\.\d)[\d_]*(?:[eE][-+]?\d+)?|[-+]?0[box][\da-fA-F_]+)$/.test(
    text,
  );
}

function intOf(file: Source, value: Value, what: string): number | null {
  if (value.node === null) return null;
  const text = textOf(file, value, what);
  const isPlain = isScalar(value.node) && value.node.type === "PLAIN";
  if (!isPlain || !/^[-+]?(?:0|[1-9]\d{0,8})$/.test(text))
    throw fail(file, value.offset, `${what} must be a whole number`);
  return Number(text);
}

/** Go's YAML takes the words of YAML 1.1 where a boolean is wanted. */
function boolOf(file: Source, value: Value, what: string): boolean {
  const text = textOf(file, value, what);
  if (/^(?:true|True|TRUE|y|Y|yes|Yes|YES|on|On|ON)$/.test(text)) return true;
  if (/^(?:|false|False|FALSE|n|N|no|No|NO|off|Off|OFF)$/.test(text)) return false;
  throw fail(file, value.offset, `${what} must be true or false`);
}

function kindOf(node: Node): string {
  if (isMap(node)) return "a mapping";
  return isSeq(node) ? "a list" : "text";
}

function unknownKey(file: Source, field: Field, what: string, known: readonly string[]): KeyleafError {
  const meant = nearest(field.key, known);
  const others = known.length === 0 ? "there are no keys here" : `keys here are ${known.join(", ")}`;
  const hint = meant === null ? others : `did you mean ${meant}`;
  return fail(file, field.keyOffset, `${JSON.stringify(field.key)} is not a key of ${what}`, hint);
}

function lineAt(file: Source, value: Value): number {
  return file.lines.linePos(value.offset).line;
}

function fail(file: Source, offset: number, what: string, hint?: string): KeyleafError {
  const { line, column } = lineAndColumn(file.text, offset);
  return new KeyleafError("CONFIG_MALFORMED", `${file.fileName}: line ${line}, column ${column}: ${what}`, {
    details: { file: file.fileName, line, column },
    hint,
  });
}
