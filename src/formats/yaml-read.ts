import { itemOf, type Node, type Place, type Scalar, WRAPPER_KEY } from "../document/document.ts";
import { KeyleafError } from "../errors.ts";
import { aliased, parse } from "./yaml.ts";
import type { YamlDocument } from "./yaml-document.ts";

/** The check of recorded spellings. Loaded only where there are such. */

/** What a piece of source text would be read as in that place. @see Format.read */
export async function readYaml(text: string, at: Place, doc: YamlDocument): Promise<Scalar | null> {
  if (at.style === "comment") return /^#[^\n]*$/.test(text) ? { type: "comment", text: text.slice(1) } : null;
  if (text.startsWith("*")) {
    const node = aliased(text.slice(1), at, doc);
    return node?.kind === "leaf" ? node.scalar : null;
  }
  const isFlow = at.style.endsWith("-flow");
  const isTop = doc.variants?.some((variant) => variant.end === at.start && variant.kind.startsWith("open")) === true;
  const end = isAtEnd(at, doc, isTop) ? "" : "\n";
  // What is on one line reads the same everywhere, and at the left margin it does not take the parser.
  const pad = text.includes("\n") ? " ".repeat(at.indent) : "";
  const tags = doc.yamlRoots.find((root) => root.end >= at.start)?.tags ?? "";
  const start = tags === "" ? "" : `${tags}---\n`;
  if (!isFlow) {
    const read = await onlyValue(`${start}${pad}k:${at.itemStart >= 0 ? `\n${pad}-` : ""} ${text}${end}`, "k");
    const leaf = at.itemStart >= 0 && read?.kind === "list" ? read.elements.at(-1) : read;
    return leaf?.kind === "leaf" ? leaf.scalar : null;
  }
  const read = await (isTop
    ? onlyValue(`${tags}--- ${text}${end}`, WRAPPER_KEY)
    : onlyValue(`${start}{k: ${text}\n}\n`, "k"));
  return read?.kind === "leaf" ? read.scalar : null;
}

/** The value of the one key of a text; `null` when it is not one document with that key alone. */
async function onlyValue(text: string, key: string): Promise<Node | null> {
  try {
    const { roots, headerComments } = await parse(text);
    const [root, ...others] = roots;
    const item = root === undefined || others.length > 0 ? null : itemOf(root, key);
    if (root === undefined || item === null) return null;
    // Only the header of a block can have a comment that is part of the value's text.
    const entries = root.members.length + (item.value.kind === "list" ? item.value.elements.length - 1 : 0);
    return entries === 1 + headerComments.size ? item.value : null;
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/**
 * Whether a value ends the plaintext, without a line break: only the metadata comes after it.
 * @param isTop - it is all that its document holds
 */
function isAtEnd(at: Place, doc: YamlDocument, isTop: boolean): boolean {
  const root = doc.yamlRoots.at(-1);
  if (doc.source.endsWith("\n") || root === undefined || root.end < doc.source.length) return false;
  if (isTop) {
    const close = doc.variants?.findLast(({ kind }) => kind.startsWith("close"));
    return at.start > (doc.yamlRoots.at(-2)?.end ?? -1) && close?.end === doc.source.length;
  }
  const key = root.metadata?.key ?? 0;
  return key > at.end ? /^\r?\n *$/.test(doc.source.slice(at.end, key)) : at.end === doc.source.length;
}
