import { ALIAS, type Item, type Node, type Place } from "../document/document.ts";
import { KeyleafError, malformed } from "../errors.ts";

/** What an alias repeats. */
export interface Anchor {
  readonly name: string;
  /** Range of the anchored node. */
  readonly start: number;
  readonly end: number;
  readonly node: Node;
  /** It names a key, which stays clear whatever is done to its aliases. */
  readonly isKey: boolean;
}

/** Values that aliases may add in all. */
const MAX_REPEATED = 100_000;

/** The anchors of a file, and what its aliases stand for. */
export class Anchors {
  /** Every anchor by its name, those of one name in the order of the text. */
  readonly all = new Map<string, Anchor[]>();
  /** Every alias with the range of what it repeats. */
  readonly aliases: { readonly at: Place; readonly target: { readonly start: number; readonly end: number } }[] = [];

  readonly #text: string;
  readonly #defined = new Map<string, Anchor>();
  readonly #open = new Set<string>();
  #repeated = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Anchors do not reach into the next document. */
  startDocument(): void {
    this.#defined.clear();
  }

  /** Marks an anchor as begun: an alias of it inside itself has no end. */
  open(name: string): void {
    this.#open.add(name);
  }

  define(anchor: Anchor): void {
    if (!/^[\w-]+$/.test(anchor.name)) {
      throw malformed("sops reads no anchor names but letters, digits, _ and -", this.#text, anchor.start);
    }
    this.#open.delete(anchor.name);
    this.#defined.set(anchor.name, anchor);
    const known = this.all.get(anchor.name);
    if (known === undefined) this.all.set(anchor.name, [anchor]);
    else known.push(anchor);
  }

  /** What an alias stands for: a copy, whose entries are authenticated under their own paths. */
  repeat(name: string, at: Place): Node {
    if (this.#open.has(name)) throw malformed("an alias repeats what it stands in", this.#text, at.start);
    const anchor = this.#defined.get(name);
    if (anchor === undefined) throw malformed("an alias has no anchor before it", this.#text, at.start);
    if (!anchor.isKey) this.aliases.push({ at, target: { start: anchor.start, end: anchor.end } });
    return this.#copy(anchor.node, anchor.node.kind === "leaf" ? at : { ...at, style: ALIAS });
  }

  #copy(node: Node, at: Place | null): Node {
    if (++this.#repeated > MAX_REPEATED) {
      throw new KeyleafError("INPUT_UNSUPPORTED", `aliases repeat more than ${MAX_REPEATED} values`);
    }
    switch (node.kind) {
      case "leaf":
        return { kind: "leaf", scalar: node.scalar, at };
      case "list": {
        const elements = node.elements.flatMap((element) =>
          element.kind === "comment" ? [] : [this.#copy(element, null)],
        );
        return { kind: "list", elements, at };
      }
      case "mapping": {
        const members = node.members.flatMap((member): Item[] =>
          member.kind === "comment" ? [] : [{ ...member, value: this.#copy(member.value, null) }],
        );
        return { kind: "mapping", members, at };
      }
    }
  }
}
