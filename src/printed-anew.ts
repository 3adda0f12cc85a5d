import { isEncryptedValueOf } from "./crypto/encrypted-value.ts";
import { blockOf, type ParsedFile } from "./decrypt.ts";
import {
  type Document,
  type Entry,
  isComment,
  itemOf,
  type Node,
  type TreePath,
  WRAPPER_KEY,
} from "./document/document.ts";
import { metadataItem } from "./document/metadata.ts";
import { EVERYTHING } from "./document/selection.ts";
import { walk } from "./document/walk.ts";
import { KeyleafError, pathText } from "./errors.ts";
import type { Format, PrintOptions } from "./formats/format.ts";

/** What is only needed where a file, or a part of it, is printed anew. */

/**
 * Whether an encrypted file may be from the reference: it is laid out as the reference prints it, and has neither a record of
 * spellings nor an encrypted comment at the end of a line.
 */
export function hasReferenceLayout({ doc, metadata, format }: ParsedFile, options: PrintOptions): boolean {
  if (metadata.spelling !== null || hasSealedCommentAtLineEnd(doc)) return false;
  const item = metadataItem(blockOf(doc));
  const roots = doc.roots.map((root) => ({ ...root, members: [...root.members, item] }));
  return Buffer.from(format.print(roots, options)).toString() === doc.source;
}

function hasSealedCommentAtLineEnd({ roots }: Document): boolean {
  let isThere = false;
  const entry = (entry: Entry): void => {
    if (entry.kind === "comment" && entry.inline) isThere ||= isEncryptedValueOf(entry.scalar.text, "comment");
  };
  walk(roots, { selection: EVERYTHING }, { entry });
  return isThere;
}

/** What another format drops, as the reference does. */
export function lossesOf(doc: Document, { id }: Format): string[] {
  if (id === "yaml" || id === "binary") return [];
  const losses = doc.roots.length > 1 ? [`only the first of ${doc.roots.length} documents is in the output`] : [];
  let isText = true;
  const entry = ({ scalar }: Entry): void => {
    if (typeof scalar.text !== "string") isText = false;
  };
  walk(doc.roots.slice(0, 1), { selection: EVERYTHING }, { entry });
  return isText ? losses : [...losses, "bytes that are not UTF-8 are replaced in the output"];
}

/** The node at a path of the first document. */
export function nodeAt(doc: Document, path: TreePath, countsComments: boolean): Node {
  let node: Node | undefined = doc.roots[0];
  // A list at the top is the value of the one key `data` in a sealed file.
  const items = node?.members.filter(({ kind }) => kind === "item").length;
  if (typeof path[0] === "number" && node !== undefined && items === 1) node = itemOf(node, WRAPPER_KEY)?.value;
  for (const [i, step] of path.entries()) {
    let next: Node | undefined;
    if (node?.kind === "mapping" && typeof step === "string") {
      for (const member of node.members) if (member.kind === "item" && member.key === step) next ??= member.value;
    } else if (node?.kind === "list" && typeof step === "number") {
      const elements = countsComments ? node.elements : node.elements.filter((element) => !isComment(element));
      const element = elements[step];
      next = element === undefined || isComment(element) ? undefined : element;
    }
    if (next === undefined) {
      throw new KeyleafError(
        "INPUT_PATH_NOT_FOUND",
        `there is nothing at ${pathText(path.slice(0, i + 1).map(String))}`,
      );
    }
    node = next;
  }
  return node as Node;
}
