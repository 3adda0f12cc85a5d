/**
 * A parsed file. A document is source text plus a tree whose leaves know where they stand in it, so that a change is a
 * list of edits and text nobody edits stays as it was. Trees are lists of members, not JavaScript objects: objects
 * reorder number-like keys, treat `__proto__` specially and cannot hold a key twice.
 */

/** The type tags of sealed values, plus `null`, which is never sealed. */
export type ScalarType = "str" | "int" | "float" | "bool" | "time" | "bytes" | "comment" | "null";

/**
 * One value. `text` is its canonical spelling, which is exactly what is sealed and digested (see `crypto/scalar-bytes.ts`):
 * `True`/`False`, integers in base 10, floats without exponent, times in RFC 3339, strings as they are.
 * A `Uint8Array` stands for a string that is not valid UTF-8. For `null` it is `""`.
 * No value passes through a JavaScript number on its way, apart from floats, which are float64 in every reader of the format.
 */
export interface Scalar {
  readonly type: ScalarType;
  readonly text: string | Uint8Array;
}

/**
 * Where an entry stands in the source: offsets in UTF-16 units, `end` exclusive.
 * `style` and `indent` belong to the format: what it needs to write another value in the same manner.
 */
export interface Place {
  readonly start: number;
  readonly end: number;
  /** The format's own word for how the value is written there, for example `double` or `literal` in YAML. */
  readonly style: string;
  /** Columns by which the surrounding block is indented; 0 where the format has no indentation. */
  readonly indent: number;
  /** Offset of the list item this value is (in YAML its `-`), or -1 when it is not a list element. */
  readonly itemStart: number;
}

/** A value. `at` is `null` in trees that have no text of their own (built for printing, or expanded from an alias). */
export interface Leaf {
  readonly kind: "leaf";
  scalar: Scalar;
  readonly at: Place | null;
}

/** A comment: the text after its marker (`#` or `;`), usually with a leading blank. */
export interface Comment {
  readonly kind: "comment";
  scalar: Scalar;
  /** At the end of a line that holds a value. */
  inline: boolean;
  readonly at: Place | null;
}

export interface Item {
  readonly kind: "item";
  readonly key: string;
  readonly value: Node;
}

/**
 * `at` is set where a format can put one piece of text for the whole container. Style {@link ALIAS}: an alias stands
 * there, and the entries within have no places of their own.
 */
export interface Mapping {
  readonly kind: "mapping";
  readonly members: (Item | Comment)[];
  readonly at: Place | null;
}

export interface List {
  readonly kind: "list";
  readonly elements: (Node | Comment)[];
  readonly at: Place | null;
}

/** Style of a place that repeats what stands elsewhere. */
export const ALIAS = "alias";

export type Node = Leaf | Mapping | List;

/**
 * A mapping of which nothing is kept: a walk makes each member when it comes to it, and the next walk makes it anew, so
 * that what is set on one is lost. A large file then takes up no more than its text.
 */
export interface Passing {
  readonly kind: "mapping";
  readonly members: Iterable<Item | Comment>;
  readonly at: null;
}

/** A value or a comment: what can be sealed. */
export type Entry = Leaf | Comment;

/** Where a value is: keys, and list positions from 0 (comments are no list elements), from the top of a document. */
export type TreePath = readonly (string | number)[];

/** The keys from the top of a document down to an entry; list positions are not part of it. */
export type Path = readonly string[];

/**
 * Text that is part of no value and that a sealed file must have in another form, so that the reference can read it: a
 * byte order mark, the escape `\\/` in a key, what stands around a top-level list.
 */
export interface Variant {
  /** What it is; several of one kind are counted in the order of the text. */
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  /** How it stands in a sealed file. */
  readonly sealed: string;
  /** Whether a text may stand there in the plaintext. */
  readonly isPlain: (text: string) => boolean;
}

/**
 * A file as its format's parser sees it. The `sops` block is not in `roots`: it is in `metadata`.
 */
export interface Document {
  /** The text, byte order mark included. Offsets of places refer to it. */
  readonly source: string;
  /** One mapping for each document of the file (only YAML has several). */
  readonly roots: readonly Mapping[];
  /**
   * The same for who looks at each entry once. Where it is there, `roots` are made when they are first asked for, and what
   * is set on their entries stays there.
   */
  readonly passing?: readonly Passing[];
  /** The `sops` block of the first document, unflattened; `null` when there is none. */
  readonly metadata: Mapping | null;
  /** In the order of the text. Those of one kind that stand outside of sealed values are the same in the plaintext and in the sealed file. */
  readonly variants?: readonly Variant[];
  /** What the reference shows otherwise than it stands in the text, for a notice. */
  readonly isWrapped?: boolean;
  /** What may be meant otherwise than it is read, without any value. */
  readonly doubts?: readonly string[];
  /** Where the parser lost text, such as a comment, that a file to be encrypted must not have; `null`: nowhere. */
  readonly lostAt?: number | null;
  /** A comment that stands between documents, which for the reference is in the one after it: no rule about comments can go by it. */
  readonly betweenAt?: number | null;
  /** A document after the first has a `sops` entry. */
  readonly hasLaterMetadata?: boolean;
  /** Aliases as they stand in the text, each with the range of what it repeats. */
  readonly aliases?: readonly {
    readonly at: Place;
    readonly target: { readonly start: number; readonly end: number };
  }[];
}

/** A change of source text: `[start, end)` is replaced. Bytes are for values that are not valid UTF-8. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string | Uint8Array;
}

/** The top levels for who looks at each entry once, and keeps none. */
export function passingRoots(doc: Document): readonly (Mapping | Passing)[] {
  return doc.passing ?? doc.roots;
}

/** Key that a top level takes in a sealed file when it is no mapping, and under which a binary file is. */
export const WRAPPER_KEY = "data";

/** Whether an element is a comment, or a value that was opened and turned out to be one. */
export function isComment(element: Node | Comment): element is Comment {
  return element.kind === "comment" || (element.kind === "leaf" && element.scalar.type === "comment");
}

/** Values of a list, without comments. */
export function elementsOf({ elements }: List): Node[] {
  return elements.filter((element): element is Node => !isComment(element));
}

/** Keys and values of a mapping, without comments. */
export function itemsOf({ members }: Mapping): Item[] {
  return members.filter((member) => member.kind === "item");
}

/** A string value. */
export function str(text: string): Scalar {
  return { type: "str", text };
}

/** A string leaf without a place, for trees that are built to be printed. */
export function leaf(scalar: Scalar | string): Leaf {
  return { kind: "leaf", scalar: typeof scalar === "string" ? str(scalar) : scalar, at: null };
}

/** A mapping without a place. */
export function mapping(entries: Iterable<readonly [string, Node]>): Mapping {
  const members: Item[] = [];
  for (const [key, value] of entries) members.push({ kind: "item", key, value });
  return { kind: "mapping", members, at: null };
}

/** A list without a place. */
export function list(elements: (Node | Comment)[]): List {
  return { kind: "list", elements, at: null };
}

/** Value of a field of the metadata, whose names are read in any case as the reference does; `null`: there is none. */
export function fieldOf(map: Mapping, name: string): Node | null {
  for (const member of map.members)
    if (member.kind === "item" && member.key.toLowerCase() === name) return member.value;
  return null;
}

/** The first item with that key, or `null`. */
export function itemOf(map: Mapping, key: string): Item | null {
  for (const member of map.members) if (member.kind === "item" && member.key === key) return member;
  return null;
}
