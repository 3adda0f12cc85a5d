import type { CST } from "yaml";
import type { Comment, Document, Item, Mapping, Node } from "../document/document.ts";
import { METADATA_KEY } from "../document/metadata.ts";
import { KeyleafError } from "../errors.ts";
import type { Anchor } from "./yaml-anchors.ts";

/** One document of a file: what is needed to write its metadata block. */
export interface YamlRoot {
  /** Column of the root mapping's keys. */
  readonly column: number;
  /** The flow mapping that is the root, or `null` for block style and for an empty document. */
  readonly flow: CST.FlowCollection | null;
  /** Where a block can be put after everything else: before the `...`, the next `---` or the end of the text. */
  readonly end: number;
  /** Offset of the first key, for a block that has to stand first; `end` for an empty document. */
  readonly firstKey: number;
  /**
   * Where the block goes if the root is no mapping and becomes one in flow style: behind the value of a key `data`, or
   * in the place of an explicit `null`. `separator` stands in front of it.
   */
  readonly wrap: { readonly at: number; readonly separator: string } | null;
  /** Its `%TAG` directives. */
  readonly tags: string;
  /** The `sops` entry, if any: offset of its key and index in the flow mapping's items. */
  readonly metadata: { readonly key: number; readonly flowItem: number } | null;
  /** A block scalar ends the text without a line break, so nothing may be put after it. */
  readonly endsOpen: boolean;
}

/** A YAML file. */
export interface YamlDocument extends Document {
  readonly yamlRoots: readonly YamlRoot[];
  readonly anchors: ReadonlyMap<string, readonly Anchor[]>;
  /** Comments on the headers of block scalars, by the offset of the scalar's place, which they are part of. */
  readonly headerComments: ReadonlyMap<number, Comment>;
  /** Line break that the file uses. */
  readonly newline: string;
  /** Blanks a level, as found in the text; 4 where it does not show. */
  readonly step: number;
}

/** What is a line break to go-yaml and none to `yaml`. */
export const LINE_SEPARATOR = /[\x85\u2028\u2029]/;

/** Style of the last element of a list that holds nothing but sealed comments. */
export const LONE_COMMENT = "lone-comment";

/** Takes the metadata block out of the members of a document. @throws `INPUT_METADATA` */
export function takeMetadata(members: (Item | Comment)[]): Mapping | null {
  const isBlock = (member: Item | Comment): member is Item => member.kind === "item" && member.key === METADATA_KEY;
  const [item, second] = members.filter(isBlock);
  if (item === undefined) return null;
  if (item.value.kind !== "mapping") throw new KeyleafError("INPUT_METADATA", "the sops entry is not a mapping");
  if (second !== undefined) throw new KeyleafError("INPUT_METADATA", "two sops entries");
  members.splice(members.indexOf(item), 1);
  return item.value;
}

/** Marks the last of a list's sealed comments where it has nothing else, so that opening them leaves a list. */
export function markLoneComment(elements: (Node | Comment)[]): void {
  const isSealedComment = (element: Node | Comment): boolean =>
    element.kind === "leaf" &&
    typeof element.scalar.text === "string" &&
    /^ENC\[AES256_GCM,.*,type:comment\]$/.test(element.scalar.text);
  const last = elements.at(-1);
  if (last?.kind !== "leaf" || last.at === null || !elements.every(isSealedComment)) return;
  elements[elements.length - 1] = { ...last, at: { ...last.at, style: LONE_COMMENT } };
}

/** Blanks a level: those of the first line that is indented. */
export function stepOf(text: string): number {
  return /\n( {2,8})[^\s#]/.exec(text)?.[1]?.length ?? 4;
}
