import { textOrBytes } from "../crypto/scalar-bytes.ts";
import {
  type Document,
  type Edit,
  type Entry,
  type Leaf,
  type Mapping,
  type Node,
  type Scalar,
  str,
} from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { isSameScalar } from "../document/same.ts";
import { KeyleafError } from "../errors.ts";
import type { Changer } from "./change.ts";
import type { PrintOptions, SyncFormat } from "./format.ts";
import { json } from "./json.ts";
import { printJson, quoteAsGo, referenceLayout } from "./json-print.ts";

/**
 * A whole file as one value under the key `data`. The sealed file is a JSON object of that value and the `sops` block.
 *
 * A plain file has one place, of style `whole`: all of it. Its source is the text, or where the bytes are not UTF-8 a
 * stand-in with one character for each byte, since editing replaces all of it anyhow. In a sealed file the place, of
 * style `envelope`, is what stands between the quotes: opening puts the bytes there and takes away what is around them.
 *
 * Source: SOPS stores/json/store.go (BinaryStore).
 */
export const binary: SyncFormat = {
  id: "binary",
  parse: (source) => parseSealed(source) ?? parsePlain(source),
  edit,
  read: (text) => str(text),
  metadataEdits,
  printNode,
  print,
};

const KEY = "data";
/** What a sealed file begins with; the reference's layout. */
const HEAD = `{\n\t${quoteAsGo(KEY)}: `;

function parsePlain(bytes: Uint8Array): Document {
  const content = textOrBytes(bytes);
  const source = typeof content === "string" ? content : Buffer.from(content).toString("latin1");
  const at = { start: 0, end: source.length, style: "whole", indent: 0, itemStart: -1 };
  return documentOf(source, { kind: "leaf", scalar: { type: "str", text: content }, at }, null);
}

function documentOf(source: string, value: Leaf, metadata: Mapping | null): Document {
  return { source, roots: [{ kind: "mapping", members: [{ kind: "item", key: KEY, value }], at: null }], metadata };
}

/** @returns `null` for everything that is not exactly the envelope: any file may be plaintext here. */
function parseSealed(bytes: Uint8Array): Document | null {
  if (!/^(\xef\xbb\xbf)?[ \t\r\n]*\{/.test(Buffer.from(bytes.subarray(0, 1000)).toString("latin1"))) return null;
  const doc = jsonOrNull(bytes);
  if (doc === null || doc.metadata === null || !isBlock(doc.metadata)) return null;
  const [member, ...others] = doc.roots[0]?.members ?? [];
  if (member?.kind !== "item" || member.key !== KEY || others.length > 0) return null;
  const { value } = member;
  if (value.kind !== "leaf" || value.scalar.type !== "str" || value.at === null) return null;
  const at = { ...value.at, start: value.at.start + 1, end: value.at.end - 1, style: "envelope" };
  // All that is JSON about it is needed to replace its block.
  return { ...doc, ...documentOf(doc.source, { ...value, at }, doc.metadata), variants: [] };
}

function jsonOrNull(bytes: Uint8Array): Document | null {
  try {
    return json.parse(bytes);
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/** Whether a `sops` member is more than a name: one without its MAC is a damaged block, an empty one is somebody's data. */
function isBlock(block: Mapping): boolean {
  const marks = ["mac", "lastmodified", "version"];
  return block.members.some((member) => member.kind === "item" && marks.includes(member.key.toLowerCase()));
}

function edit(entry: Entry, value: Scalar, doc: Document): Edit {
  const { at } = entry;
  if (at === null) throw new Error("a value without a place cannot be edited");
  if (value.type !== "str") throw notBytes();
  const { start, end } = at;
  if (at.style === "envelope") return { start, end, text: value.text };
  // The value that is there already, as a check of spelling asks for it: nothing changes.
  if (isSameScalar(value, entry.scalar)) return { start, end, text: doc.source };
  return { start, end, text: HEAD + quoteAsGo(value.text) };
}

function notBytes(): KeyleafError {
  return new KeyleafError("OUTPUT_UNREPRESENTABLE", "binary output needs exactly one string, under the key data", {
    hint: "choose another output type",
    details: { path: [KEY] },
  });
}

function metadataEdits(doc: Document, block: Mapping | null): Edit[] {
  const { source } = doc;
  const place = placeOf(doc);
  if (place.style === "envelope") {
    if (block !== null) return json.metadataEdits(doc, block);
    return [
      { start: 0, end: place.start, text: "" },
      { start: place.end, end: source.length, text: "" },
    ];
  }
  if (block === null) return [];
  // The edit that seals the value brings the head. An empty file has nothing to seal, so there is no such edit.
  const head = source === "" ? `${HEAD}""` : "";
  const text = `${head},\n\t"sops": ${printJson(block, referenceLayout({}), "\t")}\n}\n`;
  return [{ start: source.length, end: source.length, text }];
}

function placeOf(doc: Document): NonNullable<Leaf["at"]> {
  const member = doc.roots[0]?.members[0];
  const at = member?.kind === "item" ? member.value.at : null;
  if (at === null) throw new Error("not a binary document");
  return at;
}

function printNode(node: Node, _options: PrintOptions): Uint8Array {
  if (node.kind !== "leaf" || node.scalar.type !== "str") throw notBytes();
  return Buffer.from(node.scalar.text);
}

/** The bytes of `data`; a tree with a `sops` block in it is printed as the JSON that sealed files are. */
function print(roots: readonly Mapping[], options: PrintOptions): Uint8Array {
  const items = roots.length === 1 ? (roots[0]?.members ?? []).filter((member) => member.kind === "item") : [];
  if (items.some((item) => item.key === METADATA_KEY && item.value.kind === "mapping"))
    return json.print(roots, options);
  const data = items.find((item) => item.key === KEY);
  if (data === undefined) throw notBytes();
  return printNode(data.value, options);
}

/** All that can be changed is the whole content. Text goes in as it is. */
export const binaryChanger: Changer = {
  accept(value, path) {
    if (path.length !== 1 || path[0] !== KEY || value.kind !== "leaf" || value.scalar.type !== "str") throw notBytes();
    return value;
  },
  *ways(task, { source }) {
    if (task.kind !== "replace" || task.value.kind !== "leaf") throw notBytes();
    yield [{ start: 0, end: source.length, text: task.value.scalar.text }];
  },
};
