import { aadOf, SPELLING_AAD } from "./crypto/aad.ts";
import { type Recovery, type UnwrappedKeys, unwrapDataKey } from "./crypto/data-key.ts";
import {
  type EnvelopeInPlace,
  isEncryptedValueOf,
  type OpenEnvelope,
  parseEncryptedValue,
} from "./crypto/encrypted-value.ts";
import { Digest } from "./crypto/mac.ts";
import { runtime } from "./crypto/runtime.ts";
import { scalarFromBytes } from "./crypto/scalar-bytes.ts";
import {
  type Comment,
  type Document,
  type Edit,
  type Entry,
  type Item,
  type Leaf,
  type List,
  type Mapping,
  type Node,
  type Passing,
  passingRoots,
  type Scalar,
  type TreePath,
} from "./document/document.ts";
import { EditList } from "./document/edits.ts";
import { type Metadata, parseMetadata } from "./document/metadata.ts";
import { isSameNode, isSameScalar } from "./document/same.ts";
import { compileSelection, EVERYTHING, type Selection } from "./document/selection.ts";
import { decodeSpellings, namedVariants, type Spellings } from "./document/spelling.ts";
import { walk } from "./document/walk.ts";
import { KeyleafError, lineAndColumn, lineCounter, pathText } from "./errors.ts";
import type { Format, FormatId, PrintOptions } from "./formats/format.ts";
import { formatOf } from "./formats/registry.ts";
import type { Host } from "./host.ts";

export interface DecryptOptions {
  readonly format: FormatId;
  /** The plaintext's format; the same as `format` unless given. Another one is printed anew. */
  readonly outputFormat?: FormatId;
  /** Do not compare the MAC. Tags are checked all the same. */
  readonly ignoreMac?: boolean;
  /** Give one node only: keys and list positions from the top of the first document. */
  readonly extract?: TreePath;
  /** Comments in lists count as elements in `extract`, as in the reference. Absent: they do not. */
  readonly countsComments?: boolean;
  /**
   * What a result looks like, in the file's own format and in YAML. `own` (also when absent): the text stays. `reference`:
   * it is printed anew. `found`: `reference` if the encrypted file may be from the reference, else `own`: its layout is that
   * of the reference, and it has neither a record of spellings nor an encrypted comment at the end of a line.
   */
  readonly layout?: "own" | "reference" | "found";
  /** For what is printed anew, and for `extract`. */
  readonly print?: PrintOptions;
  /** Of a run over many files: what it has unwrapped already. */
  readonly unwrapped?: UnwrappedKeys;
  /** Gives `source` away: it may be empty once it is parsed, so that of a large file not both bytes and text stay in memory. */
  readonly transfer?: boolean;
  readonly recovery?: Recovery;
  /** Absolute path of the file, for the audit; absent or `null`: it has none. */
  readonly file?: string | null;
}

export interface DecryptResult {
  readonly output: Uint8Array;
  /** What the user should know, without any value. */
  readonly notices: readonly string[];
}

/**
 * Decrypts a file. Every tag and the MAC are checked before anything is returned.
 *
 * @throws `INPUT_*`, `INPUT_NOT_ENCRYPTED`, `INPUT_METADATA`, `KEY_UNAVAILABLE`, `INTEGRITY_TAG`, `INTEGRITY_MAC`,
 * `INPUT_PATH_NOT_FOUND`, `OUTPUT_UNREPRESENTABLE`, `AUDIT_FAILED`.
 */
export async function decrypt(source: Uint8Array, options: DecryptOptions, host: Host): Promise<DecryptResult> {
  const outputFormat = await formatOf(options.outputFormat ?? options.format);
  const extract = options.extract ?? [];
  const { layout = "own", print = {} } = options;
  const isPrintedAnew = extract.length > 0 || options.format !== outputFormat.id || layout === "reference";
  const isTree = async (file: ParsedFile): Promise<boolean> =>
    (await import("./printed-anew.ts")).hasReferenceLayout(file, print);
  const opened = await openAs(source, options, host, layout === "found" && !isPrintedAnew ? isTree : isPrintedAnew);
  const { doc, notices } = opened;
  if (opened.text !== null) return { output: await opened.text(), notices };
  const { lossesOf, nodeAt } = await import("./printed-anew.ts");
  if (extract.length > 0) {
    const node = nodeAt(doc, extract, options.countsComments === true);
    return { output: outputFormat.printNode(node, print), notices };
  }
  const output = outputFormat.print(doc.roots, print);
  return {
    output,
    notices: options.format === outputFormat.id ? notices : [...notices, ...lossesOf(doc, outputFormat)],
  };
}

/** How a file is opened, whatever is then done with it. */
export type OpenAsOptions = Pick<
  DecryptOptions,
  "format" | "ignoreMac" | "unwrapped" | "transfer" | "recovery" | "layout" | "file"
>;

/** A file before it is opened. */
export interface ParsedFile {
  readonly doc: Document;
  readonly metadata: Metadata;
  readonly format: Format;
}

/**
 * Parses a file, recovers its data key, opens every value, and checks every tag and the MAC.
 * @param isTree - whether the opened values are wanted in the tree, or as text
 * @throws as {@link decrypt} does, but for what is about its output.
 */
export async function openAs(
  source: Uint8Array,
  options: OpenAsOptions,
  host: Host,
  isTree: boolean | ((file: ParsedFile) => Promise<boolean>),
): Promise<(OpenedTree | OpenedText) & { readonly doc: Document }> {
  const format = await formatOf(options.format);
  const doc = await format.parse(source);
  if (options.transfer === true) letGo(source);
  const metadata = metadataOf(doc);
  const wantsTree = typeof isTree === "boolean" ? isTree : await isTree({ doc, metadata, format });
  const dataKey = await dataKeyOf(doc, metadata, options, host);
  try {
    await host.audit?.("decrypt", options.file ?? null);
    const opened = wantsTree
      ? await openTree(doc, metadata, dataKey, options)
      : await openText(doc, metadata, format, dataKey, options);
    return { ...opened, doc };
  } finally {
    dataKey.fill(0);
  }
}

/** Bytes from which on it is worth while to have the garbage collector look for them. */
const LARGE = 1024 * 1024;

/** Frees memory at once that would otherwise wait for the garbage collector, unless it is little or others have a part in it. */
function letGo({ buffer, length }: Uint8Array): void {
  if (length <= SMALL_LENGTH || !(buffer instanceof ArrayBuffer) || buffer.byteLength !== length) return;
  structuredClone(buffer, { transfer: [buffer] });
  if (length >= LARGE) runtime.collect();
}

/**
 * Recovers the data key of a parsed file.
 * @returns a new array, to be overwritten by the caller.
 * @throws as `unwrapDataKey` does.
 */
export function dataKeyOf(
  doc: Document,
  metadata: Metadata,
  { unwrapped, recovery }: Pick<DecryptOptions, "unwrapped" | "recovery">,
  host: Host,
): Promise<Uint8Array> {
  const check = (dataKey: Uint8Array): Promise<boolean> => opensAnything(doc, metadata, dataKey);
  return unwrapDataKey(metadata.keyGroups, host, unwrapped, { threshold: metadata.shamirThreshold, check }, recovery);
}

/** Whether a data key opens the MAC or any value. One that opens neither belongs to another file. */
async function opensAnything(doc: Document, metadata: Metadata, dataKey: Uint8Array): Promise<boolean> {
  const { openingWith } = await import("./crypto/open-envelope.ts");
  const open = openingWith(dataKey);
  let isRight = open(metadata.mac, metadata.lastModified) !== null;
  const entry = ({ scalar: { text } }: Entry, path: string): void => {
    if (!isRight && typeof text === "string") isRight = open(text, aadOf(path)) !== null;
  };
  if (!isRight) walk(passingRoots(doc), { selection: EVERYTHING }, { entry });
  return isRight;
}

/** An encrypted document of which every value has been opened. */
interface Opened {
  /** Hex of the digest over the opened values; checked against the MAC already, unless that was waived. */
  readonly digest: string;
  readonly notices: readonly string[];
}

interface OpenedTree extends Opened {
  readonly text: null;
}

export interface OpenedText extends Opened {
  /** The plaintext in the document's own format. To be asked for once. */
  text(): Promise<Uint8Array>;
}

/** Learns of every entry that is opened, for who seals it again. */
export interface Observer {
  /**
   * In document order, before `scalar` takes the place of the envelope in the entry.
   * @param aad - the associated data that it was opened with
   */
  entry(entry: Entry, pathText: string, aad: string, scalar: Scalar): void;
  /**
   * While the plaintext is made.
   * @param edit - what brings the entry's value into the text
   * @param isSpelled - it is written by the record of original spellings
   */
  edit(entry: Entry, edit: Edit, isSpelled: boolean): void;
  /** @param text - what the record of original spellings says */
  record(text: string, envelope: string): void;
}

/**
 * Opens every value of a parsed document for its text, and checks every tag and the MAC.
 * @throws `INTEGRITY_TAG`, `INTEGRITY_MAC`
 */
export async function openText(
  doc: Document,
  metadata: Metadata,
  format: Format,
  dataKey: Uint8Array,
  options: Pick<DecryptOptions, "ignoreMac">,
  observer?: Observer,
): Promise<OpenedText> {
  const changes = new Changes(doc, format, observer);
  const opened = await openEntries(doc, passingRoots(doc), metadata, dataKey, options, changes, observer);
  return { ...opened, text: () => changes.apply() };
}

/** The same for its tree, `roots`, whose entries hold the opened values afterwards. */
async function openTree(
  doc: Document,
  metadata: Metadata,
  dataKey: Uint8Array,
  options: Pick<DecryptOptions, "ignoreMac" | "layout">,
): Promise<OpenedTree> {
  return { ...(await openEntries(doc, doc.roots, metadata, dataKey, options, null)), text: null };
}

/** @param changes - gathers what becomes of the text; `null`: only the entries are wanted. */
async function openEntries(
  doc: Document,
  roots: readonly (Mapping | Passing)[],
  metadata: Metadata,
  dataKey: Uint8Array,
  { ignoreMac = false, layout = "own" }: Pick<DecryptOptions, "ignoreMac" | "layout">,
  changes: Changes | null,
  observer?: Observer,
): Promise<Opened> {
  const selection = await compileSelection(metadata.selection, "ignore");
  const notices: string[] = [];
  const digest = new Digest(metadata.macOnlyEncrypted);
  const open = await envelopeOpener(doc, metadata, selection, dataKey);
  const opening = new Opening(doc, open, notices, observer);
  const spellings = readSpellings(metadata, open, notices, observer);
  if (changes !== null) changes.spellings = spellings;
  const starts: number[] = [];
  let index = 0;
  walk(
    roots,
    { selection, isSealedComment },
    {
      entry: (entry, path, isSelected, keys) => {
        if (isSelected && entry.scalar.text.length > 0) {
          const scalar = entry.kind === "comment" ? opening.comment(entry, path) : opening.value(entry, path, keys);
          if (scalar !== null) {
            entry.scalar = scalar;
            // The reference forgets where a comment stood that it opens.
            if (entry.kind === "comment" && layout !== "own") entry.inline = false;
            changes?.opened(entry, index, path);
          }
          index++;
        }
        const isValue = entry.scalar.type !== "comment";
        if (isValue && (isSelected || !metadata.macOnlyEncrypted)) digest.add(entry.scalar);
      },
      enter: () => starts.push(index),
      leave: (container, path) => {
        changes?.left(container, starts.pop() ?? index, path);
      },
    },
  );
  const hex = digest.finish();
  if (ignoreMac)
    notices.push("the MAC was not checked: values may have been removed, reordered or changed where they are clear");
  else checkMac(metadata, hex, open);
  return { digest: hex, notices };
}

/** The metadata of a parsed file. @throws `INPUT_NOT_ENCRYPTED`, `INPUT_METADATA` */
export function metadataOf(doc: Document): Metadata {
  return parseMetadata(blockOf(doc));
}

/** The metadata as it stands in the file. @throws `INPUT_NOT_ENCRYPTED` */
export function blockOf({ metadata }: Document): Mapping {
  if (metadata !== null) return metadata;
  throw new KeyleafError("INPUT_NOT_ENCRYPTED", "the file is not encrypted: it has no sops metadata");
}

/** Opens entries of one document. */
class Opening {
  readonly #doc: Document;
  readonly #open: OpenEnvelope;
  readonly #notices: string[];
  readonly #observer: Observer | undefined;
  readonly #line: (offset: number) => number;
  readonly #places = new Places();

  constructor(doc: Document, open: OpenEnvelope, notices: string[], observer: Observer | undefined) {
    this.#doc = doc;
    this.#open = open;
    this.#notices = notices;
    this.#observer = observer;
    this.#line = lineCounter(doc.source);
  }

  value(entry: Leaf, path: string, keys: readonly string[]): Scalar {
    const { text } = entry.scalar;
    const [aad = ""] = this.#places.of(entry, path);
    if (entry.scalar.type !== "str" || typeof text !== "string")
      throw tagError(this.#doc, entry, keys, "it is not encrypted, but should be");
    const opened = this.#open(text, aad);
    if (opened === null) {
      const isWellFormed = parseEncryptedValue(text) !== null;
      const why = isWellFormed
        ? "it was changed, moved, or belongs to another file"
        : "it is not a well-formed encrypted value";
      throw tagError(this.#doc, entry, keys, why);
    }
    const scalar = scalarFromBytes(opened.bytes, opened.type);
    if (scalar === null) throw tagError(this.#doc, entry, keys, "its type tag does not fit its content");
    // Only among list elements does sops keep a comment in place of a value.
    if (scalar.type === "comment" && (entry.at?.itemStart ?? -1) < 0) {
      throw tagError(this.#doc, entry, keys, "a comment stands in place of a value");
    }
    this.#observer?.entry(entry, path, aad, scalar);
    return scalar;
  }

  /**
   * A comment, or `null` where it stays as it is: comments are no part of the MAC, and files from before they were
   * sealed have clear ones.
   */
  comment(entry: Comment, path: string): Scalar | null {
    const { text } = entry.scalar;
    const places = this.#places.of(entry, path);
    if (typeof text !== "string" || parseEncryptedValue(text) === null) {
      this.#notices.push(`line ${this.#lineOf(entry)}: a comment that is not encrypted stands among encrypted ones`);
      return null;
    }
    for (const aad of places) {
      const opened = this.#open(text, aad);
      const scalar = opened === null ? null : scalarFromBytes(opened.bytes, opened.type);
      if (scalar?.type !== "comment" && scalar?.type !== "str") continue;
      const comment: Scalar = { type: "comment", text: scalar.text };
      this.#observer?.entry(entry, path, aad, comment);
      return comment;
    }
    this.#notices.push(`line ${this.#lineOf(entry)}: a comment could not be decrypted and stays as it is`);
    return null;
  }

  #lineOf({ at }: Entry): number {
    return at === null ? 0 : this.#line(at.start);
  }
}

/** The associated data that entries may be sealed with. To be asked for each entry to be opened, in document order. */
class Places {
  /** Path text of the newest value: a comment after it may belong to any container that ends there. */
  #lastPath = "";

  /** One place of a value. Which container a comment belongs to is a matter of the parser, so it has the near ones too. */
  of({ kind }: Entry, path: string): readonly string[] {
    if (kind === "comment") return [...new Set([...containersOf(path), ...containersOf(this.#lastPath)])].map(aadOf);
    this.#lastPath = path;
    return [aadOf(path)];
  }
}

function isSealedComment(text: string | Uint8Array): boolean {
  return isEncryptedValueOf(text, "comment");
}

/** Characters of a document that is small. All of its envelopes are opened at once, where the runtime can. */
const SMALL_LENGTH = 16 * 1024;

async function envelopeOpener(
  doc: Document,
  metadata: Metadata,
  selection: Selection,
  dataKey: Uint8Array,
): Promise<OpenEnvelope> {
  if (runtime.openAll !== null && doc.source.length <= SMALL_LENGTH)
    return runtime.openAll(envelopesIn(doc, metadata, selection), dataKey);
  // Loaded here only: see `runtime.ts`.
  const { openingWith } = await import("./crypto/open-envelope.ts");
  return openingWith(dataKey);
}

/** All that will be opened, in every place that will be tried. */
function envelopesIn(doc: Document, metadata: Metadata, selection: Selection): EnvelopeInPlace[] {
  const envelopes = [{ text: metadata.mac, aad: metadata.lastModified }];
  if (metadata.spelling !== null) envelopes.push({ text: metadata.spelling, aad: SPELLING_AAD });
  const places = new Places();
  const entry = (entry: Entry, path: string, isSelected: boolean): void => {
    const { text } = entry.scalar;
    if (!isSelected || text.length === 0) return;
    for (const aad of places.of(entry, path)) if (typeof text === "string") envelopes.push({ text, aad });
  };
  walk(passingRoots(doc), { selection, isSealedComment }, { entry });
  return envelopes;
}

/** A path text and all that it lies in, from the inside out. */
function containersOf(path: string): string[] {
  const containers = [path];
  for (let end = path.length; end > 0; ) {
    end = end < 2 ? 0 : path.lastIndexOf(":", end - 2) + 1;
    containers.push(path.slice(0, end));
  }
  return containers;
}

function tagError(doc: Document, entry: Entry, keys: readonly string[], why: string): KeyleafError {
  const line = entry.at === null ? undefined : lineAndColumn(doc.source, entry.at.start).line;
  return new KeyleafError(
    "INTEGRITY_TAG",
    `${line === undefined ? "" : `line ${line}: `}cannot decrypt ${pathText(keys)}: ${why}`,
    {
      details: { path: [...keys], ...(line === undefined ? {} : { line }) },
    },
  );
}

function checkMac(metadata: Metadata, computed: string, open: OpenEnvelope): void {
  if (metadata.mac === "") throw new KeyleafError("INTEGRITY_MAC", "the MAC is missing: the file cannot be trusted");
  const stored = open(metadata.mac, metadata.lastModified);
  if (stored === null) {
    throw new KeyleafError(
      "INTEGRITY_MAC",
      "the MAC cannot be decrypted: it was changed, or belongs to another file or time",
    );
  }
  if (Buffer.from(stored.bytes).toString("latin1") !== computed) {
    throw new KeyleafError("INTEGRITY_MAC", "the MAC does not match: a value was changed, added, removed or moved", {
      hint: "restore the file from version control; --ignore-mac shows what is there",
    });
  }
}

/** The record of original spellings; empty when there is none or it does not open, which never hinders decrypting. */
function readSpellings(
  { spelling }: Metadata,
  open: OpenEnvelope,
  notices: string[],
  observer: Observer | undefined,
): Spellings {
  const opened = spelling === null ? null : open(spelling, SPELLING_AAD);
  if (opened === null && spelling !== null)
    notices.push("sops.keyleaf.spelling was changed: values come back as they are printed, not as they were written");
  const text = opened === null ? "" : Buffer.from(opened.bytes).toString();
  if (opened !== null && spelling !== null) observer?.record(text, spelling);
  return decodeSpellings(text);
}

/** What a sealed value looks like. */
export const ANY_ENVELOPE: Scalar = { type: "str", text: "ENC[AES256_GCM,data:,iv:,tag:,type:str]" };

/** What becomes of a document's text as its entries are opened. */
class Changes {
  /** Recorded for the document: to be set before anything is opened. */
  spellings: Spellings = decodeSpellings("");
  readonly #doc: Document;
  readonly #format: Format;
  readonly #observer: Observer | undefined;
  readonly #values = new EditList();
  readonly #comments = new EditList();
  /** Aliases in the places of what they were written out to. */
  readonly #restored: Edit[] = [];
  /** Opened entries whose edits wait for all others, each with its recorded spelling. */
  readonly #waiting: { readonly entry: Entry; readonly spelling: string | null }[] = [];

  constructor(doc: Document, format: Format, observer: Observer | undefined) {
    this.#doc = doc;
    this.#format = format;
    this.#observer = observer;
  }

  /** @param index - the entry's number among those that are sealed. */
  opened(entry: Entry, index: number, path: string): void {
    const recorded = this.spellings.entries.get(index);
    const spelling = recorded?.pathText === path ? recorded.text : null;
    // Within what an alias was written out to, there will be nothing to edit.
    const mayGo = this.spellings.entries.size > 0 && this.#format.repeats !== undefined;
    if (spelling !== null || mayGo || !this.#write(entry)) this.#waiting.push({ entry, spelling });
  }

  /** @param first - the number of the first entry in the container. */
  left(container: Mapping | List, first: number, path: string): void {
    const { at } = container;
    const { entries } = this.spellings;
    if (at === null || entries.size === 0) return;
    // What stood behind an alias as a comment is at the head of the collection that was written out for it.
    for (let start = first; start <= first + leadingComments(container); start++) {
      const spelling = entries.get(start);
      if (spelling?.pathText !== path) continue;
      const repeated = this.#format.repeats?.(spelling.text, at, this.#doc) ?? null;
      if (repeated === null || !isSameNode(repeated, container)) continue;
      this.#restored.push({ start: at.start, end: at.end, text: spelling.text });
      return;
    }
  }

  /** The source with every opened entry written back and the metadata gone. */
  async apply(): Promise<Uint8Array> {
    const doc = this.#doc;
    const format = this.#format;
    const restored = new EditList(this.#restored);
    for (const { entry, spelling } of this.#waiting) {
      const { at, scalar } = entry;
      if (at === null || restored.isInside(at)) continue;
      // A spelling counts only if it still reads as exactly the value that was opened.
      const isTrue = spelling !== null && isSameScalar(await format.read(spelling, at, doc), scalar);
      // It stands in for the envelope, which may have taken less than the value would.
      const edit = isTrue
        ? { ...format.edit(entry, ANY_ENVELOPE, doc), text: spelling }
        : format.edit(entry, scalar, doc);
      this.#add(entry, edit, isTrue);
    }
    const edits = this.#values;
    edits.addAll(this.#comments.outside(edits));
    for (const [name, { start, end, sealed, isPlain }] of namedVariants(doc.variants ?? [])) {
      const text = this.spellings.variants.get(name);
      if (text !== undefined && doc.source.slice(start, end) === sealed && isPlain(text))
        edits.add({ start, end, text });
    }
    edits.addAll(format.metadataEdits(doc, null));
    return edits.applyTo(doc.source, this.#restored);
  }

  /** @returns `false` for what cannot be written: that is an error once the MAC has been checked. */
  #write(entry: Entry): boolean {
    try {
      if (entry.at !== null) this.#add(entry, this.#format.edit(entry, entry.scalar, this.#doc), false);
      return true;
    } catch (error) {
      if (!(error instanceof KeyleafError)) throw error;
      return false;
    }
  }

  #add(entry: Entry, edit: Edit, isSpelled: boolean): void {
    this.#observer?.edit(entry, edit, isSpelled);
    (entry.kind === "comment" ? this.#comments : this.#values).add(edit);
  }
}

function leadingComments(container: Mapping | List): number {
  const members: readonly (Item | Comment | Node)[] =
    container.kind === "list" ? container.elements : container.members;
  const first = members.findIndex((member) => member.kind !== "comment");
  return first === -1 ? members.length : first;
}
