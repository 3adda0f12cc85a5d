import type { KeyGroup } from "./crypto/data-key.ts";
import { neededOf, wrapDataKey } from "./crypto/wrap-data-key.ts";
import { blockOf, dataKeyOf, metadataOf, openText } from "./decrypt.ts";
import { applyEdits } from "./document/edits.ts";
import type { KeyEntry, Metadata } from "./document/metadata.ts";
import { changedBlock } from "./document/metadata-block.ts";
import { KeyleafError } from "./errors.ts";
import { formatOf } from "./formats/registry.ts";
import type { Host } from "./host.ts";
import { inspectKey } from "./inspect.ts";
import type { OpenOptions } from "./open-file.ts";
import { isFor } from "./recipients.ts";
import type { RotateResult } from "./rotate.ts";

export interface RewrapOptions extends OpenOptions {
  /** Who can open the file from now on. */
  readonly keyGroups: readonly KeyGroup[];
  /** Groups that are needed; 0: all. Of no meaning where there is one group. */
  readonly shamirThreshold: number;
}

/**
 * Gives the data key to other recipients. It stays the same, and so do all values: who could open the file before can
 * still open what was kept of it, and what is sealed with this data key later.
 *
 * Recipients that stay keep their entry where there is one group before and after. Shares of a split data key are made
 * anew for everyone, since old and new ones would not fit together.
 * @throws as `decrypt` and `wrapDataKey` do.
 */
export async function rewrap(source: Uint8Array, options: RewrapOptions, host: Host): Promise<RotateResult> {
  const format = await formatOf(options.format);
  const doc = await format.parse(source);
  const metadata = metadataOf(doc);
  const dataKey = await dataKeyOf(doc, metadata, options, host);
  try {
    // A data key that is not the file's must not be given to anybody.
    const { notices, digest } = await openText(doc, metadata, format, dataKey, options);
    const { keyGroups: groups, recovery } = options;
    const shamirThreshold = neededOf(groups.length, options.shamirThreshold);
    const keyGroups =
      groups.length === 1 && metadata.keyGroups.length === 1
        ? [await withNewOnes(dataKey, metadata, groups[0] as KeyGroup, options, host)]
        : await wrapDataKey(dataKey, groups, host, shamirThreshold, recovery);
    const block = changedBlock(blockOf(doc), { keyGroups, shamirThreshold });
    const output = applyEdits(doc.source, format.metadataEdits(doc, block, doc));
    const again = await format.parse(output);
    const opened = await openText(again, metadataOf(again), format, dataKey, options);
    if (opened.digest !== digest)
      throw new KeyleafError("OUTPUT_VERIFY_FAILED", "the file would not decrypt to what it did before");
    return { output, notices };
  } finally {
    dataKey.fill(0);
  }
}

/** The entries of one group: those that are there, and new ones for who has none. */
async function withNewOnes(
  dataKey: Uint8Array,
  metadata: Metadata,
  group: KeyGroup,
  { recovery }: RewrapOptions,
  host: Host,
): Promise<KeyEntry[]> {
  const [present = []] = metadata.keyGroups;
  const keys = await Promise.all(present.map(inspectKey));
  const entries: KeyEntry[] = [];
  for (const one of group) {
    const kept = present[keys.findIndex((key) => isFor(one, key))];
    if (kept !== undefined) entries.push(kept);
    else entries.push(...((await wrapDataKey(dataKey, [[one]], host, 0, recovery))[0] ?? []));
  }
  if (entries.length === 0) throw new KeyleafError("KEY_NO_RECIPIENT", "no recipients to encrypt to");
  return entries;
}
