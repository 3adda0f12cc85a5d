import type { Document, Edit, Entry, List, Mapping, Node, Place, Scalar } from "../document/document.ts";

export type FormatId = "yaml" | "json" | "toml" | "dotenv" | "ini" | "binary";

/** How a whole tree is printed. */
export interface PrintOptions {
  /** Blanks a level; `"tab"` is for JSON only. Absent: the format's own default. */
  readonly indent?: number | "tab";
}

/** A format whose parser is all there once it is loaded. */
export interface SyncFormat extends Format {
  parse(source: Uint8Array): Document;
  read(text: string, at: Place, doc: Document): Scalar | null;
}

/** One file type: where the values are, and how one is written. Sees no key. */
export interface Format {
  readonly id: FormatId;
  /**
   * Strict. Entries and metadata block come apart. A promise where more of the parser has to be loaded for this file.
   * @throws `INPUT_MALFORMED` with line and column, `INPUT_EMPTY`, `INPUT_NO_DOCUMENT`, `INPUT_UNSUPPORTED` (for example a key that is not a
   * string), `INPUT_METADATA` (two `sops` blocks, or one that is not a mapping).
   */
  parse(source: Uint8Array): Document | Promise<Document>;
  /**
   * The edit that puts a value (or a comment, marker included) where `entry` stands, written in the style found there, so
   * quoted as place and style need. An envelope is written by the same function: it is a string. The text must depend
   * only on the value and on what sealing keeps of the place, so that the edit that opens gives back what was there.
   * A leaf whose new value is of type `comment` (a sealed comment that stands as a list element) becomes a comment.
   */
  edit(entry: Entry, value: Scalar, doc: Document): Edit;
  /** Text of a container whose alias has to be written out. Absent where the format has no aliases. */
  expand?(container: Mapping | List): string;
  /** What an alias would repeat at a place; `null` when the text is none. */
  repeats?(text: string, at: Place, doc: Document): Node | null;
  /** Empty strings are sealed like others; where that is not so, they have nothing to seal. */
  readonly sealsEmpty?: boolean;
  /** Why the reference could not read an entry as it is read here if it stayed clear, as a sentence; `null`: it can. */
  whyNotClear?(entry: Entry, doc: Document): string | null;
  /**
   * What a piece of source text would be read as in that place; `null` when it would not be exactly one value (or, for
   * the place of a comment, one comment). Used to check the sealed record of original spellings. A promise as in `parse`.
   */
  read(text: string, at: Place, doc: Document): Scalar | null | Promise<Scalar | null>;
  /**
   * Edits that write, replace (`block`) or remove (`null`) the metadata block, in every document of the file.
   * @param like - a file with a block, in whose indentation the new one is written. Absent: the format's own.
   */
  metadataEdits(doc: Document, block: Mapping | null, like?: Document): Edit[];
  /**
   * Text of one selected node, as `--extract` gives it: raw for strings, otherwise as the reference's emitter prints it.
   * @throws `OUTPUT_UNREPRESENTABLE`
   */
  printNode(node: Node, options: PrintOptions): Uint8Array;
  /**
   * A whole file printed anew, as the reference prints it: for conversion between formats.
   * @throws `OUTPUT_UNREPRESENTABLE` when the tree cannot be expressed, naming the path.
   */
  print(roots: readonly Mapping[], options: PrintOptions): Uint8Array;
}
