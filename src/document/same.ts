import { type Item, itemsOf, type Node, type Scalar } from "./document.ts";

/** Whether two values are of one type and have one text. */
export function isSameScalar(a: Scalar | null, b: Scalar): boolean {
  if (a === null || a.type !== b.type) return false;
  if (typeof a.text === "string" && typeof b.text === "string") return a.text === b.text;
  return Buffer.compare(Buffer.from(a.text), Buffer.from(b.text)) === 0;
}

/** Whether two nodes have the same keys and values, in the same order; comments do not count. */
export function isSameNode(a: Node, b: Node): boolean {
  if (a.kind === "leaf") return b.kind === "leaf" && isSameScalar(a.scalar, b.scalar);
  if (a.kind === "list") {
    if (b.kind !== "list") return false;
    const [left, right] = [a, b].map((list) =>
      list.elements.filter((element): element is Node => element.kind !== "comment"),
    );
    return left?.length === right?.length && left?.every((node, i) => isSameNode(node, right?.[i] as Node)) === true;
  }
  if (b.kind !== "mapping") return false;
  const [left, right] = [itemsOf(a), itemsOf(b)];
  const isSameItem = ({ key, value }: Item, i: number): boolean =>
    key === right[i]?.key && isSameNode(value, (right[i] as Item).value);
  return left.length === right.length && left.every(isSameItem);
}
