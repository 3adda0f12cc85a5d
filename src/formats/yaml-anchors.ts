import { ALIAS, type Item, type Node, type Place } from "../document/document.ts";
import { KeyleafError, malformed } from "../errors.ts";

/** What an alias repeats. */
export interface Anchor {
  /** Range of the anchored node. */
  readonly start: number;
  readonly end: number;
  readonly node: Node;
  /** It names a key, which stays clear whatever is done to its aliases. */
  readonly isKey: boolean;
}

/** An anchor's name from where its node begins; `anchor` is `null` until that ends. */
export interface Slot {
  readonly name: string;
  anchor: Anchor | null;
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
  readonly #slots = new Map<string, Slot>();
  #repeated = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Anchors do not reach into the next document. */
  startDocument(): void {
    this.#slots.clear();
  }

  /**
   * Marks an anchor as begun. An alias of it inside itself has no end; of two that are open, the later one counts.
   * @returns where {@link define} puts it
   */
  open(name: string): Slot {
    const slot: Slot = { name, anchor: null };
    this.#slots.set(name, slot);
    return slot;
  }

  define(slot: Slot, anchor: Anchor): void {
    if (!/^[\w-]+$/.test(slot.name)) {
      throw malformed("sops reads no anchor names but letters, digits, _ and -", this.#text, anchor.start);
    }
    slot.anchor = anchor;
    const known = this.all.get(slot.name);
    if (known === undefined) this.all.set(slot.name, [anchor]);
    else known.push(anchor);
  }

  /** What an alias stands for: a copy, whose entries are authenticated under their own paths. */
  repeat(name: string, at: Place): Node {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw malformed("an alias has no anchor before it", this.#text, at.start);
    const { anchor } = slot;
    if (anchor === null) throw malformed("an alias repeats what it stands in", this.#text, at.start);
    const isNull = anchor.node.kind === "leaf" && anchor.node.scalar.type === "null";
    if (!anchor.isKey && !isNull) this.aliases.push({ at, target: { start: anchor.start, end: anchor.end } });
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
