import { isEncryptedValueOf } from "../crypto/encrypted-value.ts";
import { type Comment, itemOf, type Mapping, type Node, type TreePath } from "../document/document.ts";
import { KeyleafError } from "../errors.ts";

/**
 * The path of a value by positions that count values only, for one by positions that count comments too, as the reference's
 * do. A position behind the end stays behind it.
 * @param root - of an encrypted file, in which comments in lists may stand as elements
 * @throws `INPUT_PATH_NOT_FOUND` where a comment stands
 *
 * Source: sops 3.11.0, by running it.
 */
export function withoutComments(root: Mapping | undefined, path: TreePath): TreePath {
  let node: Node | undefined = root;
  return path.map((step) => {
    if (node?.kind === "mapping" && typeof step === "string") {
      node = itemOf(node, step)?.value;
      return step;
    }
    if (node?.kind !== "list" || typeof step !== "number") {
      node = undefined;
      return step;
    }
    const { elements } = node;
    const element = elements[step];
    if (element !== undefined && isComment(element))
      throw new KeyleafError("INPUT_PATH_NOT_FOUND", `a comment stands at [${step}]`);
    node = element;
    return step - elements.slice(0, step).filter(isComment).length;
  });
}

function isComment(element: Node | Comment): element is Comment {
  return element.kind === "comment" || (element.kind === "leaf" && isEncryptedValueOf(element.scalar.text, "comment"));
}
