/**
 * What client and server of the key service protocol say to each other, and how that relates to the entries of a file, by
 * their fields.
 *
 * Source: SOPS keyservice/keyservice.proto.
 */
import { fieldOf, leaf, type Mapping, mapping, type Node } from "../../document/document.ts";
import type { KeyListName } from "../../document/metadata.ts";
import { KeyleafError } from "../../errors.ts";
import { contextOf, isNull } from "../keys/fields.ts";
import { decodeMessage, encodeMessage, type Field, lastField } from "./protobuf.ts";

/** One key of any type: whose it is, without what it wraps. */
export interface ServiceKey {
  readonly list: KeyListName;
  /** Fields of the metadata by name; what is absent is empty. */
  readonly texts: ReadonlyMap<string, string>;
  /** AWS encryption context. */
  readonly context: ReadonlyMap<string, string>;
}

interface KeyType {
  readonly list: KeyListName;
  /** Number of its message in `Key`. */
  readonly number: number;
  /** Fields of the metadata, in the order of their numbers in the message, which begin with 1. */
  readonly names: readonly string[];
  /** The key as an element of a key group in a creation rule, which is what providers read. */
  readonly toGroup: (text: (name: string) => string) => Node;
}

/** Of the AWS message: the one field that is no text. */
const CONTEXT = "context";

const fieldsOf = (...pairs: (readonly [name: string, value: string])[]): Node =>
  mapping(pairs.filter(([, value]) => value !== "").map(([name, value]) => [name, leaf(value)]));

/** Every key type of the protocol. */
const keyTypes: readonly KeyType[] = [
  {
    list: "kms",
    number: 1,
    names: ["arn", "role", CONTEXT, "aws_profile"],
    toGroup: (text) => fieldsOf(["arn", text("arn")], ["role", text("role")], ["aws_profile", text("aws_profile")]),
  },
  { list: "pgp", number: 2, names: ["fp"], toGroup: (text) => leaf(text("fp")) },
  {
    list: "gcp_kms",
    number: 3,
    names: ["resource_id"],
    toGroup: (text) => fieldsOf(["resource_id", text("resource_id")]),
  },
  {
    list: "azure_kv",
    number: 4,
    names: ["vault_url", "name", "version"],
    toGroup: (text) => fieldsOf(["vaultUrl", text("vault_url")], ["key", text("name")], ["version", text("version")]),
  },
  {
    list: "hc_vault",
    number: 5,
    names: ["vault_address", "engine_path", "key_name"],
    toGroup: (text) => leaf(`${text("vault_address")}/v1/${text("engine_path")}/keys/${text("key_name")}`),
  },
  { list: "age", number: 6, names: ["recipient"], toGroup: (text) => leaf(text("recipient")) },
  {
    list: "hckms",
    number: 7,
    names: ["key_id"],
    toGroup: (text) => fieldsOf(["key_id", text("key_id")]),
  },
];

/**
 * The key that an entry of a file is for.
 * @throws `PROVIDER_FAILED` for an entry whose fields are not texts.
 */
export function keyOfEntry(list: KeyListName, fields: Mapping): ServiceKey {
  const texts = new Map<string, string>();
  let context: ReadonlyMap<string, string> = new Map();
  for (const name of typeOf(list).names) {
    const value = fieldOf(fields, name);
    if (name === CONTEXT) context = contextOf(value) ?? notTexts();
    else if (value !== null && !isNull(value)) texts.set(name, textOf(value, name));
  }
  return { list, texts, context };
}

/** Fields that a key may be without. */
const OPTIONAL: ReadonlySet<string> = new Set(["role", "aws_profile", CONTEXT]);

/** Whether a key service can be told what is meant: every part of the key's name is there. */
export function isWhole({ list, texts }: ServiceKey): boolean {
  return typeOf(list).names.every((name) => OPTIONAL.has(name) || (texts.get(name) ?? "") !== "");
}

/** The fields of an entry with what it wraps, for its provider to unwrap. */
export function wrappedFields({ texts, context }: ServiceKey, enc: string): Mapping {
  const fields = [...texts, ["enc", enc] as const].map(([name, text]) => [name, leaf(text)] as const);
  return mapping(context.size === 0 ? fields : [...fields, [CONTEXT, pairsOf(context)]]);
}

/** The key as an element of a key group in a creation rule. */
export function groupNode({ list, texts, context }: ServiceKey): Node {
  const node = typeOf(list).toGroup((name) => texts.get(name) ?? "");
  if (node.kind !== "mapping" || context.size === 0) return node;
  return mapping([
    ...node.members.flatMap((item) => (item.kind === "item" ? [[item.key, item.value] as const] : [])),
    [CONTEXT, pairsOf(context)],
  ]);
}

function pairsOf(context: ReadonlyMap<string, string>): Mapping {
  return mapping([...context].map(([name, value]) => [name, leaf(value)]));
}

/** @param content - the data key in the clear (`Encrypt`), or the text of `enc` (`Decrypt`) */
export function encodeRequest(key: ServiceKey, content: Uint8Array): Uint8Array {
  const { number, names } = typeOf(key.list);
  const fields = names.flatMap((name, i): Field[] => {
    if (name === CONTEXT) {
      return [...key.context].map(([one, value]) => [
        i + 1,
        encodeMessage([
          [1, utf8(one)],
          [2, utf8(value)],
        ]),
      ]);
    }
    const text = key.texts.get(name) ?? "";
    return text === "" ? [] : [[i + 1, utf8(text)]];
  });
  return encodeMessage([
    [1, encodeMessage([[number, encodeMessage(fields)]])],
    [2, content],
  ]);
}

/**
 * @returns `null`: no request. Its `key` is `null` where it names none, or one of a type that is not known.
 */
export function decodeRequest(bytes: Uint8Array): { key: ServiceKey | null; content: Uint8Array } | null {
  const request = decodeMessage(bytes);
  if (request === null) return null;
  const content = lastField(request, 2) ?? new Uint8Array();
  const outer = decodeMessage(lastField(request, 1) ?? new Uint8Array());
  if (outer === null) return null;
  // Of several the last one is meant.
  const found = outer.findLast(([number]) => keyTypes.some((type) => type.number === number));
  const type = keyTypes.find(({ number }) => number === found?.[0]);
  if (found === undefined || type === undefined) return { key: null, content };
  const fields = decodeMessage(found[1]);
  if (fields === null) return null;
  const texts = new Map<string, string>();
  const context = new Map<string, string>();
  for (const [number, value] of fields) {
    const name = type.names[number - 1];
    if (name === undefined) continue;
    if (name === CONTEXT) {
      const pair = decodeMessage(value);
      if (pair === null) return null;
      const [one, other] = [1, 2].map((half) => fromUtf8(lastField(pair, half) ?? new Uint8Array()));
      if (typeof one !== "string" || typeof other !== "string") return null;
      context.set(one, other);
      continue;
    }
    const text = fromUtf8(value);
    if (text === null) return null;
    texts.set(name, text);
  }
  return { key: { list: type.list, texts, context }, content };
}

/** @param content - the text of `enc` (`Encrypt`), or the data key in the clear (`Decrypt`) */
export function encodeAnswer(content: Uint8Array): Uint8Array {
  return encodeMessage([[1, content]]);
}

/** A copy of what is in an answer; `null`: this is none. */
export function decodeAnswer(bytes: Uint8Array): Uint8Array | null {
  const answer = decodeMessage(bytes);
  return answer === null ? null : Uint8Array.from(lastField(answer, 1) ?? []);
}

/** The text of bytes that are UTF-8; `null`: they are not. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function typeOf(list: KeyListName): KeyType {
  const type = keyTypes.find((one) => one.list === list);
  if (type === undefined) throw new Error(`no key type ${list}`);
  return type;
}

function notTexts(): never {
  throw new KeyleafError("PROVIDER_FAILED", "the context of the wrapped key is not a mapping of texts");
}

function textOf(node: Node, name: string): string {
  if (node.kind === "leaf" && typeof node.scalar.text === "string") return node.scalar.text;
  throw new KeyleafError("PROVIDER_FAILED", `${name} of the wrapped key is not a text`);
}

/** The text of `enc` of an entry, as a message has it. @throws `PROVIDER_FAILED` */
export function encOf(fields: Mapping): Uint8Array {
  const enc = fieldOf(fields, "enc");
  if (enc === null || isNull(enc)) throw new KeyleafError("PROVIDER_FAILED", "enc of the wrapped key is missing");
  return utf8(textOf(enc, "enc"));
}
