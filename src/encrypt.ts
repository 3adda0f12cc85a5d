import { aadOf, SPELLING_AAD } from "./crypto/aad.ts";
import { IvPool, seal } from "./crypto/cipher.ts";
import type { KeyGroup, Recovery } from "./crypto/data-key.ts";
import { formatEncryptedValue } from "./crypto/encrypted-value.ts";
import { Digest } from "./crypto/mac.ts";
import { makeDataKey, neededOf, wrapDataKey } from "./crypto/wrap-data-key.ts";
import { ANY_ENVELOPE, metadataOf, openText } from "./decrypt.ts";
import {
  ALIAS,
  type Document,
  type Edit,
  type Entry,
  type List,
  type Mapping,
  passingRoots,
  type Scalar,
  str,
} from "./document/document.ts";
import { EditList } from "./document/edits.ts";
import { metadataItem } from "./document/metadata.ts";
import { type MetadataKeys, type MetadataSeal, metadataBlock } from "./document/metadata-block.ts";
import { compileSelection, DEFAULT_SELECTION, type Selection, type SelectionRule } from "./document/selection.ts";
import { encodeSpellings, namedVariants, type Spelling } from "./document/spelling.ts";
import { walk } from "./document/walk.ts";
import type { EarlierValue, EarlierValues, TakeEarlier } from "./earlier-values.ts";
import { KeyleafError, malformed, pathText } from "./errors.ts";
import type { Format, FormatId, PrintOptions } from "./formats/format.ts";
import { formatOf } from "./formats/registry.ts";
import type { Host } from "./host.ts";
import { timestamp } from "./timestamp.ts";

export interface EncryptOptions {
  readonly format: FormatId;
  /** The sealed file's format; the same as `format` unless given. Another one is printed anew. */
  readonly outputFormat?: FormatId;
  /** Who can open the file. */
  readonly keyGroups: readonly KeyGroup[];
  /** Groups that are needed; 0 or absent: all. */
  readonly shamirThreshold?: number;
  readonly recovery?: Recovery;
  /** Which values are sealed; absent: all but those under a key that ends in `_unencrypted`. Binary files ignore it. */
  readonly selection?: SelectionRule;
  /** Leave clear values out of the MAC. */
  readonly macOnlyEncrypted?: boolean;
  /** For another output format only. */
  readonly print?: PrintOptions;
  /** Absolute path of the file, for the audit; absent or `null`: it has none. */
  readonly file?: string | null;
}

export interface EncryptResult {
  /** The sealed file. */
  readonly output: Uint8Array;
  /** How many values are sealed; comments are not counted. */
  readonly sealed: number;
  /** What the user should know, without any value. */
  readonly notices: readonly string[];
  /** Paths of values that stay clear, as text; null and empty values have nothing to seal and are not listed. */
  readonly clear: readonly string[];
  /** More than values and metadata was written anew, since sops would not read it. Such a file is to be verified, however large it is. */
  readonly isRearranged: boolean;
  /**
   * Decrypts what was written and compares it with what went in. Until this result is gone, the data key is in memory.
   * @returns whether `source` comes back byte for byte; always so unless an odd tag or another output format is in play.
   * @throws `OUTPUT_VERIFY_FAILED` when values would not come back.
   */
  verify(written: Uint8Array): Promise<boolean>;
}

/**
 * Encrypts a file field by field: only the bytes of sealed values (and the `sops` block) differ from `source`.
 *
 * @throws `INPUT_*` for what cannot be encrypted, `INPUT_ALREADY_ENCRYPTED`, `INPUT_NOTHING_TO_ENCRYPT`, `KEY_*`,
 * `CONFIG_MALFORMED` for a pattern that does not compile, `OUTPUT_UNREPRESENTABLE`, `AUDIT_FAILED`.
 */
export async function encrypt(source: Uint8Array, options: EncryptOptions, host: Host): Promise<EncryptResult> {
  const dataKey = makeDataKey(host);
  try {
    return await encryptWith({ dataKey, wrapped: () => wrappedFor(dataKey, options, host) }, source, options, host);
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

/** Who can open a file that is to be made. */
export type NewFileKeys = Pick<EncryptOptions, "keyGroups" | "shamirThreshold" | "recovery">;

/** Wraps a data key for them. @throws as `wrapDataKey` does */
export async function wrappedFor(
  dataKey: Uint8Array,
  { keyGroups, shamirThreshold = 0, recovery }: NewFileKeys,
  host: Host,
): Promise<MetadataKeys> {
  return {
    keyGroups: await wrapDataKey(dataKey, keyGroups, host, shamirThreshold, recovery),
    // Of one group the reference writes what was given.
    shamirThreshold: neededOf(keyGroups.length, shamirThreshold) || shamirThreshold,
  };
}

/** A data key, and what the metadata says of it. */
interface KeyOfFile {
  /** Read; overwriting it is the caller's. */
  readonly dataKey: Uint8Array;
  /** Asked for once it is clear that there is something to encrypt. */
  wrapped(): Promise<MetadataKeys>;
}

/** As {@link encrypt}, with a data key of the caller's. */
export async function encryptWith(
  { dataKey, wrapped }: KeyOfFile,
  source: Uint8Array,
  options: Omit<EncryptOptions, keyof NewFileKeys>,
  host: Host,
): Promise<EncryptResult> {
  const format = await formatOf(options.format);
  const outputFormat = await formatOf(options.outputFormat ?? options.format);
  const doc = await parsePlaintext(format, source);
  const isBinary = format.id === "binary";
  const rule = isBinary ? DEFAULT_SELECTION : (options.selection ?? DEFAULT_SELECTION);
  // In a file, an empty pattern is none, so that the default rule would be read back.
  if (rule.pattern === "") throw new KeyleafError("CONFIG_MALFORMED", `${rule.rule} has an empty pattern`);
  const selection = await compileSelection(rule, "refuse");
  if (selection.byComment && doc.betweenAt != null)
    throw malformed("a comment between documents, which a rule about comments cannot go by", doc.source, doc.betweenAt);
  const macOnlyEncrypted = !isBinary && options.macOnlyEncrypted === true;
  await host.audit?.("encrypt", options.file ?? null);
  return sealPlaintext(
    { doc, source, format, outputFormat, selection, macOnlyEncrypted, dataKey, print: options.print ?? {} },
    async (seal) => {
      if (seal.isIdle) throw nothingSealed(seal.clear, rule);
      return metadataBlock({ ...(await wrapped()), ...seal, selection: isBinary ? null : rule, macOnlyEncrypted });
    },
    host,
  );
}

/**
 * Encrypts any bytes as a binary file.
 * @param file - what they belong to, for the audit
 * @returns the encrypted file. Verified: it decrypts to the bytes.
 */
export async function encryptApart(
  content: Uint8Array,
  file: string | null,
  key: KeyOfFile,
  host: Host,
): Promise<Uint8Array> {
  const { output, verify } = await encryptWith(key, content, { format: "binary", file }, host);
  await verify(output);
  return output;
}

/** A plaintext, and how it is sealed. */
export interface Sealable {
  readonly doc: Document;
  /** What `doc` was parsed from. */
  readonly source: Uint8Array;
  readonly format: Format;
  readonly outputFormat: Format;
  readonly selection: Selection;
  readonly macOnlyEncrypted: boolean;
  /** Read; overwriting it is the caller's. */
  readonly dataKey: Uint8Array;
  readonly print: PrintOptions;
  /** What was sealed before and is to be kept. */
  readonly earlier?: EarlierValues;
  /** The file it was sealed in. */
  readonly like?: Document;
}

/** What the metadata says of the values that were sealed. */
export interface Seal extends MetadataSeal {
  /** Nothing is sealed, or comments only, though there are values. */
  readonly isIdle: boolean;
  /** How many values stay clear. */
  readonly clear: number;
}

/** Seals a plaintext. @param blockOf - makes the metadata block that goes with it. */
export async function sealPlaintext(
  sealable: Sealable,
  blockOf: (seal: Seal) => Promise<Mapping>,
  host: Host,
): Promise<EncryptResult> {
  const { doc, source, format, outputFormat, dataKey, earlier, like } = sealable;
  const ivs = new IvPool((bytes) => host.fillRandom(bytes));
  const sealing = new Sealing(sealable, ivs);
  sealing.run(outputFormat !== format);
  const { edits, spellings, digest, sealed, clear, isIdle } = sealing;
  const variants = variantsToSeal(doc, edits);
  const hasSpellings = outputFormat === format && spellings.length + variants.texts.length > 0;
  const record = hasSpellings ? encodeSpellings(spellings, variants.texts) : null;

  const lastModified = timestamp(host.now());
  const sealText = (text: string, aad: string): string =>
    formatEncryptedValue(seal(text, dataKey, aad, ivs.next()), "str");
  const spelling = record === null ? null : (earlier?.envelopeOfRecord(record) ?? sealText(record, SPELLING_AAD));
  const block = await blockOf({
    lastModified,
    mac: sealText(digest, lastModified),
    spelling,
    isIdle,
    clear: clear.length,
  });

  let output: Uint8Array;
  if (outputFormat === format)
    output = edits.applyTo(doc.source, [...format.metadataEdits(doc, block, like), ...variants.edits]);
  else {
    const roots = doc.roots.map((root) => ({ ...root, members: [...root.members, metadataItem(block)] }));
    output = outputFormat.print(roots, sealable.print);
  }
  const verify = (written: Uint8Array): Promise<boolean> =>
    verifyWritten(written, source, outputFormat, format, digest, dataKey);
  if (outputFormat !== format) await checkConversion(verify(output), outputFormat);
  const wrapped = doc.isWrapped === true ? ["the file is no mapping: sops shows its content under the key data"] : [];
  const notices = [...wrapped, ...(doc.doubts ?? [])];
  const isRearranged = doc.isWrapped === true || variants.edits.length > 0;
  return { output, sealed, clear, notices, isRearranged, verify };
}

/** Another format may drop documents or comments, or spell clear values otherwise: then the MAC would not hold. */
async function checkConversion(verified: Promise<boolean>, outputFormat: Format): Promise<void> {
  try {
    await verified;
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw new KeyleafError(
      "OUTPUT_UNREPRESENTABLE",
      `the file cannot be expressed as ${outputFormat.id}: it would not decrypt`,
      {
        hint: "several documents, clear nulls and floats, comment rules, and comments of empty tables do not survive in every format",
        cause: error,
      },
    );
  }
}

async function verifyWritten(
  written: Uint8Array,
  source: Uint8Array,
  outputFormat: Format,
  format: Format,
  digest: string,
  dataKey: Uint8Array,
): Promise<boolean> {
  try {
    const doc = await outputFormat.parse(written);
    const opened = await openText(doc, metadataOf(doc), outputFormat, dataKey, {});
    // A comment may end up where its path is another one.
    const isWhole = outputFormat === format || opened.notices.length === 0;
    if (opened.digest === digest && isWhole)
      return outputFormat === format && Buffer.compare(await opened.text(), source) === 0;
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw new KeyleafError("OUTPUT_VERIFY_FAILED", `the encrypted file does not decrypt: ${error.message}`, {
      cause: error,
    });
  }
  throw new KeyleafError("OUTPUT_VERIFY_FAILED", "the encrypted file does not decrypt to what went in");
}

/** @throws `INPUT_*`, `INPUT_ALREADY_ENCRYPTED` */
export async function parsePlaintext(format: Format, source: Uint8Array): Promise<Document> {
  const already = (): KeyleafError =>
    new KeyleafError(
      "INPUT_ALREADY_ENCRYPTED",
      "the file already has sops metadata: it is encrypted, or uses the reserved name",
      {
        hint: "decrypt it first, or rename the key",
      },
    );
  let doc: Document;
  try {
    doc = await format.parse(source);
  } catch (error) {
    if (error instanceof KeyleafError && error.code === "INPUT_METADATA") throw already();
    throw error;
  }
  if (doc.metadata !== null || doc.hasLaterMetadata === true) throw already();
  // What is not in the tree would stay clear.
  if (doc.lostAt != null) {
    throw malformed(
      "a comment stands where it cannot be read reliably",
      doc.source,
      doc.lostAt,
      "move it, or give the key before it a value",
    );
  }
  return doc;
}

/** Edits that bring the variants outside of sealed values into the form that the reference reads, and what stood there. */
function variantsToSeal(
  { variants = [], source }: Document,
  edits: EditList,
): { edits: Edit[]; texts: [string, string][] } {
  const toSeal: { edits: Edit[]; texts: [string, string][] } = { edits: [], texts: [] };
  if (variants.length === 0) return toSeal;
  const outside = variants.filter((variant) => !edits.isInside(variant));
  for (const [name, { start, end, sealed }] of namedVariants(outside)) {
    const original = source.slice(start, end);
    if (original === sealed) continue;
    toSeal.edits.push({ start, end, text: sealed });
    toSeal.texts.push([name, original]);
  }
  return toSeal;
}

/** Whether just that text stands there. It is not cut out, since it mostly does. */
function isWritten(text: Edit["text"], { start, end }: Edit, { source }: Document): boolean {
  return typeof text === "string" && text.length === end - start && source.startsWith(text, start);
}

function nothingSealed(clear: number, rule: SelectionRule): KeyleafError {
  if (clear === 0)
    return new KeyleafError("INPUT_NOTHING_TO_ENCRYPT", "the file holds no value that could be encrypted");
  return new KeyleafError(
    "INPUT_NOTHING_TO_ENCRYPT",
    `nothing would be encrypted: ${rule.rule} leaves all ${clear} values clear`,
    {
      hint: `check the pattern ${JSON.stringify(rule.pattern)}`,
    },
  );
}

/** The walk that seals: what it gathers on its way. */
class Sealing {
  readonly edits = new EditList();
  readonly spellings: Spelling[] = [];
  readonly clear: string[] = [];
  sealed = 0;
  digest = "";

  readonly #doc: Document;
  readonly #format: Format;
  readonly #selection: Selection;
  readonly #dataKey: Uint8Array;
  readonly #ivs: IvPool;
  readonly #macOnlyEncrypted: boolean;
  readonly #takeEarlier: TakeEarlier | null;
  readonly #commentEdits = new EditList();
  #index = 0;
  #firstInAlias = 0;
  #sealedBeforeAlias = 0;

  constructor({ doc, format, selection, dataKey, macOnlyEncrypted, earlier }: Sealable, ivs: IvPool) {
    this.#doc = doc;
    this.#format = format;
    this.#selection = selection;
    this.#dataKey = dataKey;
    this.#ivs = ivs;
    this.#macOnlyEncrypted = macOnlyEncrypted;
    this.#takeEarlier = earlier?.takeEach() ?? null;
  }

  /** @param isForPrinting - the tree is to hold what is sealed. Of a large file it would be in memory twice. */
  run(isForPrinting: boolean): void {
    const digest = new Digest(this.#macOnlyEncrypted);
    walk(
      isForPrinting ? this.#doc.roots : passingRoots(this.#doc),
      { selection: this.#selection },
      {
        entry: (entry, path, isSelected, keys) => {
          const earlier = isSelected ? this.#earlierOf(entry, path) : null;
          // What stands there as it stood is what it was, though its type may not show: a number in a `.env` file.
          if (earlier !== null) entry.scalar = earlier.scalar;
          const isValue = entry.scalar.type !== "comment";
          if (isValue && (isSelected || !this.#macOnlyEncrypted)) digest.add(entry.scalar);
          if (entry.scalar.text.length === 0 && !(isValue && isSelected && this.#format.sealsEmpty === true)) return;
          if (isSelected) this.#seal(entry, path, earlier, isForPrinting);
          else this.#keepClear(entry, isValue, keys);
        },
        enter: (container) => {
          if (container.at?.style !== ALIAS) return;
          this.#firstInAlias = this.#index;
          this.#sealedBeforeAlias = this.sealed;
        },
        leave: (container, path) => this.#leave(container, path),
      },
    );
    this.digest = digest.finish();
    this.#checkAliases();
    // A comment on the header of a block that is sealed is written with the block.
    this.edits.addAll(this.#commentEdits.outside(this.edits));
  }

  #earlierOf(entry: Entry, path: string): EarlierValue | null {
    if (this.#takeEarlier === null) return null;
    const place = entry.at === null ? null : this.#format.edit(entry, ANY_ENVELOPE, this.#doc);
    return this.#takeEarlier(
      path,
      entry.scalar,
      place === null ? null : this.#doc.source.slice(place.start, place.end),
    );
  }

  #seal(entry: Entry, path: string, earlier: EarlierValue | null, isForPrinting: boolean): void {
    const plain = entry.scalar;
    const envelope =
      earlier?.envelope ??
      formatEncryptedValue(seal(plain.text, this.#dataKey, aadOf(path), this.#ivs.next()), plain.type);
    const isComment = plain.type === "comment";
    if (isComment && this.#selection.byComment && !this.#selection.sealsHits && this.#selection.hits(envelope)) {
      throw new KeyleafError(
        "INPUT_UNSUPPORTED_VALUE",
        "an encrypted comment happens to match unencrypted_comment_regex",
        {
          hint: "use a pattern that base64 text does not match",
        },
      );
    }
    const index = this.#index++;
    const sealed: Scalar = isComment ? { type: "comment", text: envelope } : str(envelope);
    if (entry.at !== null) {
      const canonical = this.#format.edit(entry, plain, this.#doc);
      let edit = this.#format.edit(entry, sealed, this.#doc);
      let isSpelled = !isWritten(canonical.text, edit, this.#doc);
      if (earlier?.written != null && isWritten(earlier.written.plaintext, edit, this.#doc)) {
        edit = { ...edit, text: earlier.written.sealed };
        isSpelled = earlier.written.isSpelled;
      }
      if (isSpelled) {
        const text = this.#doc.source.slice(edit.start, edit.end);
        this.spellings.push({ index, pathText: path, text });
      }
      (isComment ? this.#commentEdits : this.edits).add(edit);
    }
    // What an alias stands for is printed as well, and comments are where they are on the header of a block.
    if (isForPrinting || isComment || entry.at === null) entry.scalar = sealed;
    if (!isComment) this.sealed++;
  }

  /** Nothing is sealed, or comments only, though there are values. */
  get isIdle(): boolean {
    return this.#index === 0 || (this.sealed === 0 && this.clear.length > 0);
  }

  /** An alias under which something was sealed is written out: its entries are authenticated under their own paths. */
  #leave(container: Mapping | List, path: string): void {
    const { at } = container;
    if (at?.style !== ALIAS || this.sealed === this.#sealedBeforeAlias || this.#format.expand === undefined) return;
    const text = this.#doc.source.slice(at.start, at.end);
    this.spellings.push({ index: this.#firstInAlias, pathText: path, text });
    this.edits.add({ start: at.start, end: at.end, text: this.#format.expand(container) });
  }

  #keepClear(entry: Entry, isValue: boolean, keys: readonly string[]): void {
    const why = this.#format.whyNotClear?.(entry, this.#doc) ?? null;
    if (why !== null) {
      throw malformed(
        `${why}, and the selection rule leaves it clear`,
        this.#doc.source,
        entry.at?.start ?? 0,
        "write it another way, or let it be encrypted",
      );
    }
    if (isValue) this.clear.push(pathText(keys));
  }

  /** What an alias stands for must be sealed at both places or at none: one secret cannot be both open and closed. */
  #checkAliases(): void {
    const { aliases = [] } = this.#doc;
    if (aliases.length === 0) return;
    for (const { at, target } of aliases) {
      const isExpanded = this.edits.nextStart(at.start) === at.start;
      const isTargetSealed = this.edits.nextStart(target.start) < target.end;
      if (isExpanded !== isTargetSealed) {
        throw malformed("an alias and the value it repeats fall under different selection", this.#doc.source, at.start);
      }
    }
  }
}
