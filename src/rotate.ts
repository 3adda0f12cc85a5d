import { SPELLING_AAD } from "./crypto/aad.ts";
import { IvPool, seal } from "./crypto/cipher.ts";
import type { KeyGroup } from "./crypto/data-key.ts";
import { formatEncryptedValue, parseEncryptedValue } from "./crypto/encrypted-value.ts";
import { makeDataKey, neededOf, wrapDataKey } from "./crypto/wrap-data-key.ts";
import { blockOf, dataKeyOf, metadataOf, openText } from "./decrypt.ts";
import type { Document, Edit, Scalar } from "./document/document.ts";
import { applyEdits } from "./document/edits.ts";
import { changedBlock } from "./document/metadata-block.ts";
import { type EarlierValue, EarlierValues } from "./earlier-values.ts";
import { KeyleafError, located } from "./errors.ts";
import { formatOf } from "./formats/registry.ts";
import type { Host } from "./host.ts";
import type { OpenOptions } from "./open-file.ts";
import { keyGroupsOf } from "./recipients.ts";
import { timestamp } from "./timestamp.ts";

export interface RotateOptions extends OpenOptions {
  /** Who can open the file from now on, given who can today. Called before any key is asked. Absent: the same. */
  readonly regroup?: (groups: readonly KeyGroup[]) => readonly KeyGroup[] | Promise<readonly KeyGroup[]>;
  /** Groups that are needed; absent: as many as before. Of no meaning where there is one group. */
  readonly shamirThreshold?: number;
}

export interface RotateResult {
  /** The encrypted file. Verified: it decrypts to what the earlier one did. */
  readonly output: Uint8Array;
  /** What the user should know, without any value. */
  readonly notices: readonly string[];
}

/**
 * Makes a new data key, and seals every value again with it. All of the file's text but encrypted values and metadata
 * stays as it is.
 * @throws as `decrypt` and `wrapDataKey` do.
 */
export async function rotate(source: Uint8Array, options: RotateOptions, host: Host): Promise<RotateResult> {
  const format = await formatOf(options.format);
  const doc = await format.parse(source);
  const metadata = metadataOf(doc);
  const groups = await keyGroupsOf(metadata);
  const keyGroups = (await options.regroup?.(groups)) ?? groups;
  const oldKey = await dataKeyOf(doc, metadata, options, host);
  const dataKey = makeDataKey(host);
  try {
    for (const action of ["rotate", "decrypt", "encrypt"] as const) await host.audit?.(action, options.file ?? null);
    const values = new EarlierValues(doc);
    const opened = await openText(doc, metadata, format, oldKey, options, values);
    const ivs = new IvPool((bytes) => host.fillRandom(bytes));
    const sealed = (text: Scalar["text"], aad: string, type: string): string =>
      formatEncryptedValue(seal(text, dataKey, aad, ivs.next()), type);
    const edits = values.all.flatMap((value) => sealedAgain(value, doc, sealed));
    const lastModified = timestamp(host.now());
    const shamirThreshold = neededOf(keyGroups.length, options.shamirThreshold ?? metadata.shamirThreshold);
    const block = changedBlock(blockOf(doc), {
      keyGroups: await wrapDataKey(dataKey, keyGroups, host, shamirThreshold, options.recovery),
      shamirThreshold,
      lastModified,
      mac: sealed(opened.digest, lastModified, "str"),
      spelling: values.recordText === null ? null : sealed(values.recordText, SPELLING_AAD, "str"),
    });
    const output = applyEdits(doc.source, [...format.metadataEdits(doc, block, doc), ...edits]);
    const again = await format.parse(output);
    const text = await (await openText(again, metadataOf(again), format, dataKey, options)).text();
    if (Buffer.compare(text, await opened.text()) !== 0)
      throw new KeyleafError("OUTPUT_VERIFY_FAILED", "the file would not decrypt to what it did before");
    return { output, notices: opened.notices };
  } finally {
    oldKey.fill(0);
    dataKey.fill(0);
  }
}

/** The encrypted value is all that changes, not the quotes around it. */
function sealedAgain(
  { entry: { at }, scalar, envelope, aad }: EarlierValue,
  { source }: Document,
  sealed: (text: Scalar["text"], aad: string, type: string) => string,
): Edit[] {
  // Repeated by an alias: sealed where it is written.
  if (at === null) return [];
  const text = envelope.trimEnd();
  const start = source.indexOf(text, at.start);
  if (start === -1 || start + text.length > at.end) {
    throw located("INPUT_UNSUPPORTED", "the encrypted value is not written in one piece", source, at.start, HINT);
  }
  const type = parseEncryptedValue(text)?.type ?? scalar.type;
  return [{ start, end: start + text.length, text: sealed(scalar.text, aad, type) }];
}

const HINT = "decrypt the file, and encrypt it again";
