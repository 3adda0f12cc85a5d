import { type Entry, leaf, list, type Mapping, mapping, type Node, str } from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import type { SyncFormat } from "../../src/formats/format.ts";

/** A tree in short: `[key, value]` for items, `#` and text for comments. */
export type Short = string | [string, Short[] | string];

export function short(map: Mapping): Short[] {
  return map.members.map((member) =>
    member.kind === "comment" ? `#${member.scalar.text}` : [member.key, shortNode(member.value)],
  );
}

function shortNode(node: Node): Short[] | string {
  if (node.kind === "mapping") return short(node);
  if (node.kind === "list") throw new Error("flat formats have no lists");
  return String(node.scalar.text);
}

export function tree(format: SyncFormat, source: string): Short[] {
  return short(format.parse(Buffer.from(source)).roots[0] as Mapping);
}

/** Values and comments in document order. */
export function entriesOf(node: Node): Entry[] {
  if (node.kind === "leaf") return [node];
  const children = node.kind === "list" ? node.elements : node.members;
  return children.flatMap((child) =>
    child.kind === "comment" ? [child] : child.kind === "item" ? entriesOf(child.value) : entriesOf(child),
  );
}

/** A block with what makes writing it hard: newlines, an empty text, a pattern with INI's special characters. */
export const BLOCK: Mapping = mapping([
  [
    "age",
    list([
      mapping([
        ["enc", leaf("-----BEGIN\nx\n-----END\n")],
        ["recipient", leaf("age1x")],
      ]),
    ]),
  ],
  ["lastmodified", leaf("2025-01-02T03:04:05Z")],
  ["mac", leaf("ENC[mac]")],
  ["unencrypted_regex", leaf('^"(#|;)')],
]);

/**
 * Seals every entry that is not empty with a stand-in for an envelope, and opens all again, as the verbs do: a spelling
 * that is not the canonical one is kept aside and must read as the value in the sealed file.
 */
export function sealAndOpen(format: SyncFormat, source: string): { sealed: string; opened: string } {
  const doc = format.parse(Buffer.from(source));
  const kept: { scalar: Entry["scalar"]; spelling: string | null }[] = [];
  const edits = [];
  for (const entry of entriesOf(doc.roots[0] as Mapping)) {
    const { scalar } = entry;
    if (scalar.text.length === 0) continue;
    const envelope = `ENC[AES256_GCM,data:${kept.length},type:${scalar.type}]`;
    const edit = format.edit(
      entry,
      scalar.type === "comment" ? { type: "comment", text: envelope } : str(envelope),
      doc,
    );
    const original = doc.source.slice(edit.start, edit.end);
    kept.push({ scalar, spelling: format.edit(entry, scalar, doc).text === original ? null : original });
    edits.push(edit);
  }
  const sealed = Buffer.from(applyEdits(doc.source, [...edits, ...format.metadataEdits(doc, BLOCK)])).toString();
  return { sealed, opened: open(format, sealed, kept) };
}

function open(
  format: SyncFormat,
  sealed: string,
  kept: readonly { scalar: Entry["scalar"]; spelling: string | null }[],
): string {
  const doc = format.parse(Buffer.from(sealed));
  const edits = [];
  for (const entry of entriesOf(doc.roots[0] as Mapping)) {
    const index = /^ENC\[AES256_GCM,data:(\d+),/.exec(String(entry.scalar.text))?.[1];
    if (index === undefined) continue;
    const { scalar, spelling } = kept[Number(index)] as (typeof kept)[number];
    const edit = format.edit(entry, scalar, doc);
    if (spelling === null || entry.at === null) edits.push(edit);
    else {
      const read = format.read(spelling, entry.at, doc);
      if (read?.text !== scalar.text || read.type !== scalar.type)
        throw new Error(`spelling ${spelling} is not read back`);
      edits.push({ ...edit, text: spelling });
    }
  }
  return Buffer.from(applyEdits(doc.source, [...edits, ...format.metadataEdits(doc, null)])).toString();
}

/** `source` with the block written, and that with the block removed again. */
export function writeAndRemove(format: SyncFormat, source: string): { written: string; removed: string } {
  const written = Buffer.from(applyEdits(source, format.metadataEdits(format.parse(Buffer.from(source)), BLOCK)));
  const doc = format.parse(written);
  return {
    written: written.toString(),
    removed: Buffer.from(applyEdits(doc.source, format.metadataEdits(doc, null))).toString(),
  };
}

/** Text that a byte array holds. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
