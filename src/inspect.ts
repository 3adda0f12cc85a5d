import { identityOfEntry } from "./crypto/data-key.ts";
import { isEncryptedValueOf } from "./crypto/encrypted-value.ts";
import { metadataOf } from "./decrypt.ts";
import { passingRoots } from "./document/document.ts";
import type { KeyEntry, KeyListName } from "./document/metadata.ts";
import { compileSelection, type SelectionRule } from "./document/selection.ts";
import { walk } from "./document/walk.ts";
import { KeyleafError, lineCounter } from "./errors.ts";
import type { FormatId } from "./formats/format.ts";
import { formatOf } from "./formats/registry.ts";

/** One recipient of a file. */
export interface InspectedKey {
  /** Name of the key's list in the metadata: `age`, `kms`, ... */
  readonly type: KeyListName;
  /** Identity string, for example an age recipient or a KMS ARN; what is missing is empty. */
  readonly recipient: string;
}

/** One value or comment of an encrypted file. */
export interface InspectedEntry {
  readonly kind: "value" | "comment";
  /** Keys from the top; list positions are not part of it. */
  readonly path: readonly string[];
  /** From 1; 0 for what an alias repeats. */
  readonly line: number;
  /** The selection rule says that it is sealed. */
  readonly isSelected: boolean;
  /** It is written as an encrypted value; nothing here says that it is authentic. */
  readonly isSealed: boolean;
}

/** What a file shows without any key. */
export interface Inspection {
  readonly keyGroups: readonly (readonly InspectedKey[])[];
  readonly shamirThreshold: number;
  /** RFC 3339. */
  readonly lastModified: string;
  readonly hasMac: boolean;
  readonly selection: SelectionRule | null;
  readonly macOnlyEncrypted: boolean;
  readonly version: string;
  readonly entries: readonly InspectedEntry[];
}

/**
 * Reads the metadata and the entries of an encrypted file without any key. Nothing of it is authenticated.
 * @throws `INPUT_*`, `INPUT_NOT_ENCRYPTED`, `INPUT_METADATA`
 */
export async function inspect(source: Uint8Array, options: { readonly format: FormatId }): Promise<Inspection> {
  const doc = await (await formatOf(options.format)).parse(source);
  const metadata = metadataOf(doc);
  const selection = await compileSelection(metadata.selection, "ignore");
  const entries: InspectedEntry[] = [];
  const lineOf = lineCounter(doc.source);
  walk(
    passingRoots(doc),
    { selection, isSealedComment: (text) => isEncryptedValueOf(text, "comment") },
    {
      entry: (entry, _path, isSelected, keys) => {
        const { text } = entry.scalar;
        const isSealedComment = isEncryptedValueOf(text, "comment");
        entries.push({
          kind: entry.kind === "comment" || isSealedComment ? "comment" : "value",
          path: [...keys],
          line: entry.at === null ? 0 : lineOf(entry.at.start),
          isSelected,
          isSealed: typeof text === "string" && text.startsWith("ENC[AES256_GCM,"),
        });
      },
    },
  );
  return {
    keyGroups: await Promise.all(metadata.keyGroups.map((group) => Promise.all(group.map(inspectKey)))),
    shamirThreshold: metadata.shamirThreshold,
    lastModified: metadata.lastModified,
    hasMac: metadata.mac !== "",
    selection: metadata.selection,
    macOnlyEncrypted: metadata.macOnlyEncrypted,
    version: metadata.version,
    entries,
  };
}

/**
 * Whether a file has the metadata of an encrypted one. Needs no key, and nothing is authenticated.
 * @throws `INPUT_*` for what cannot be read; `INPUT_METADATA`
 */
export async function isEncrypted(source: Uint8Array, options: { readonly format: FormatId }): Promise<boolean> {
  try {
    const { mac, version } = metadataOf(await (await formatOf(options.format)).parse(source));
    return mac !== "" && version !== "";
  } catch (error) {
    if (
      error instanceof KeyleafError &&
      ["INPUT_NOT_ENCRYPTED", "INPUT_EMPTY", "INPUT_NO_DOCUMENT"].includes(error.code)
    )
      return false;
    throw error;
  }
}

/** The recipient of an entry. */
export async function inspectKey(entry: KeyEntry): Promise<InspectedKey> {
  return { type: entry.list, recipient: await identityOfEntry(entry) };
}
