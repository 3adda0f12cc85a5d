import type { Comment, Entry, Item, List, Mapping, Node, Passing } from "./document.ts";
import type { Selection } from "./selection.ts";

/** What a walk tells its caller. */
export interface Visitor {
  /**
   * One value that is not null, or one comment.
   * @param pathText - keys from the top, each followed by a colon: what the associated data is made of. For a comment, the
   * path of its container.
   * @param isSelected - the rule seals it.
   * @param path - the keys; the array is reused, so copy it to keep it.
   */
  entry(entry: Entry, pathText: string, isSelected: boolean, path: readonly string[]): void;
  /** Before the first and after the last entry of a container that has a place in the text. */
  enter?(container: Mapping | List, pathText: string): void;
  leave?(container: Mapping | List, pathText: string): void;
}

/** How a walk reads the tree. */
export interface WalkOptions {
  readonly selection: Selection;
  /**
   * For encrypted files: whether a list element is a sealed comment, which sops writes as an ordinary string. Such an
   * element counts as a comment for comment rules (sops issue 2281).
   */
  readonly isSealedComment?: (text: string | Uint8Array) => boolean;
}

/**
 * The one walk: depth first, in document order, over all documents; decides for each entry whether the selection rule
 * seals it. Encrypting, decrypting, digests and listings all go this way, so that they agree.
 *
 * Source: SOPS sops.go.
 */
export function walk(roots: readonly (Mapping | Passing)[], options: WalkOptions, visitor: Visitor): void {
  const walker = new Walker(options, visitor);
  for (const root of roots) walker.mapping(root, "", false);
}

/** Comments seen in one container since its last real item, as far as a comment rule cares. */
interface Pending {
  hits: number;
  lastIsHit: boolean;
}

class Walker {
  readonly #options: WalkOptions;
  readonly #selection: Selection;
  readonly #visitor: Visitor;
  readonly #path: string[] = [];

  constructor(options: WalkOptions, visitor: Visitor) {
    this.#options = options;
    this.#selection = options.selection;
    this.#visitor = visitor;
  }

  /** @param isHit - a key on the path, or a pending comment of an outer container, is hit by the rule. */
  mapping(map: Mapping | Passing, pathText: string, isHit: boolean): void {
    const pending: Pending = { hits: 0, lastIsHit: false };
    if (map.at !== null) this.#visitor.enter?.(map, pathText);
    for (const member of map.members) {
      if (member.kind === "comment") this.#comment(member, pathText, isHit, pending);
      else {
        this.#item(member, pathText, isHit || pending.hits > 0);
        pending.hits = 0;
      }
    }
    if (map.at !== null) this.#visitor.leave?.(map, pathText);
  }

  #item(item: Item, pathText: string, isHit: boolean): void {
    this.#path.push(item.key);
    const hit = isHit || (!this.#selection.byComment && this.#selection.hits(item.key));
    this.#node(item.value, `${pathText}${item.key}:`, hit);
    this.#path.pop();
  }

  #list(list: List, pathText: string, isHit: boolean): void {
    const pending: Pending = { hits: 0, lastIsHit: false };
    if (list.at !== null) this.#visitor.enter?.(list, pathText);
    for (const element of list.elements) {
      if (element.kind === "comment") this.#comment(element, pathText, isHit, pending);
      else if (element.kind === "leaf" && this.#options.isSealedComment?.(element.scalar.text) === true) {
        this.#comment(element, pathText, isHit, pending);
      } else {
        this.#node(element, pathText, isHit || pending.hits > 0);
        pending.hits = 0;
      }
    }
    if (list.at !== null) this.#visitor.leave?.(list, pathText);
  }

  #node(node: Node, pathText: string, isHit: boolean): void {
    if (node.kind === "mapping") this.mapping(node, pathText, isHit);
    else if (node.kind === "list") this.#list(node, pathText, isHit);
    else if (node.scalar.type !== "null") {
      this.#visitor.entry(node, pathText, isHit === this.#selection.sealsHits, this.#path);
    }
  }

  #comment(comment: Entry, pathText: string, isHit: boolean, pending: Pending): void {
    let hit = isHit;
    if (this.#selection.byComment) {
      pending.lastIsHit = this.#selection.hits(textOf(comment));
      if (pending.lastIsHit) pending.hits++;
      // A comment that asks for sealing is not itself sealed by its own words.
      const counted = this.#selection.sealsHits && pending.lastIsHit ? pending.hits - 1 : pending.hits;
      hit = isHit || counted > 0;
    }
    this.#visitor.entry(comment, pathText, hit === this.#selection.sealsHits, this.#path);
  }
}

function textOf(comment: Entry): string {
  const { text } = comment.scalar as Comment["scalar"];
  return typeof text === "string" ? text : "";
}
