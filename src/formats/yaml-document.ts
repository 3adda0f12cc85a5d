import type { CST } from "yaml";
import type { Comment, Document } from "../document/document.ts";
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
