import { isEncryptedValueOf } from "../crypto/encrypted-value.ts";
import { type Comment, isComment, type Node, type TreePath } from "../document/document.ts";
import { detectFormat } from "../formats/detect.ts";
import { formatOf } from "../formats/registry.ts";

/**
 * Every place of the first document of an encrypted file, containers too, in the order of the text. Key names are not
 * encrypted, so no key is needed. None for a file that is not encrypted, or is encrypted as a whole.
 * @throws `INPUT_*`
 */
export async function keyPaths(source: Uint8Array, name: string): Promise<TreePath[]> {
  const id = await detectFormat(source, name);
  const { roots, metadata } = await (await formatOf(id)).parse(source);
  const [root] = roots;
  return id === "binary" || metadata === null || root === undefined ? [] : [...pathsBelow(root, [])];
}

function* pathsBelow(node: Node, path: TreePath): Generator<TreePath> {
  if (node.kind === "leaf") return;
  const inside: (readonly [string | number, Node])[] = [];
  if (node.kind === "list") {
    for (const element of node.elements) if (!isSealedOrClearComment(element)) inside.push([inside.length, element]);
  } else {
    for (const member of node.members) if (member.kind === "item") inside.push([member.key, member.value]);
  }
  for (const [step, value] of inside) {
    const at = [...path, step];
    yield at;
    yield* pathsBelow(value, at);
  }
}

/** Comments have no positions in the plaintext, and among elements a sealed one stands like a value. */
function isSealedOrClearComment(element: Node | Comment): element is Comment {
  return isComment(element) || (element.kind === "leaf" && isEncryptedValueOf(element.scalar.text, "comment"));
}

/**
 * As many of the paths as a list can show: whole levels from the top, and at least enough to tell two apart, so that one
 * can go on from there.
 */
export function upperPaths(paths: readonly TreePath[], most: number): readonly TreePath[] {
  let shown = paths;
  const depths = [...new Set(paths.map(({ length }) => length))].sort((a, b) => a - b);
  while (shown.length > most && depths.length > 1) {
    depths.pop();
    const upper = paths.filter(({ length }) => length <= (depths.at(-1) ?? 0));
    if (upper.length < 2) break;
    shown = upper;
  }
  return shown;
}
