import type { KeyEntry } from "../document/metadata.ts";
import { KeyleafError } from "../errors.ts";
import type { Host } from "../host.ts";
import { DATA_KEY_BYTES, inTime, type KeyGroup, type Recipient, type Recovery, reached } from "./data-key.ts";
import type { KeyProvider } from "./keys/provider.ts";

/** Data keys of new files. What decrypting needs is in `data-key.ts`. */

/** A fresh data key: 32 random bytes. */
export function makeDataKey(host: Host): Uint8Array {
  const dataKey = new Uint8Array(DATA_KEY_BYTES);
  host.fillRandom(dataKey);
  return dataKey;
}

/**
 * Groups that are needed to open a file; 0 where there is one group.
 * @param threshold - 0: all of them
 */
export function neededOf(groups: number, threshold: number): number {
  return groups > 1 ? threshold || groups : 0;
}

/**
 * Wraps the data key for every recipient; one that fails stops the whole, since a file that some of its readers cannot
 * open is not what was asked for. With several groups, the recipients of each get a share of it.
 * @param threshold - groups that are needed; 0: all. Of no meaning where there is one group.
 * @throws `KEY_NO_RECIPIENT`, `KEY_BAD_THRESHOLD`, `KEY_WRAP_FAILED` (with the recipient).
 */
export async function wrapDataKey(
  dataKey: Uint8Array,
  groups: readonly KeyGroup[],
  host: Host,
  threshold = 0,
  recovery: Recovery = {},
): Promise<KeyEntry[][]> {
  if (groups.length === 0) throw new KeyleafError("KEY_NO_RECIPIENT", "no recipients to encrypt to");
  const empty = groups.findIndex((group) => group.length === 0);
  if (empty !== -1) {
    const which = groups.length === 1 ? "no recipients to encrypt to" : `key group ${empty + 1} is empty`;
    throw new KeyleafError("KEY_NO_RECIPIENT", which);
  }
  if (groups.length === 1) return [await wrapForGroup(dataKey, groups[0] as KeyGroup, host, recovery)];
  const { splitDataKey } = await import("./key-groups.ts");
  const shares = splitDataKey(dataKey, groups.length, threshold, host);
  try {
    const entries: KeyEntry[][] = [];
    for (const [index, group] of groups.entries())
      entries.push(await wrapForGroup(shares[index] as Uint8Array, group, host, recovery));
    return entries;
  } finally {
    for (const share of shares) share.fill(0);
  }
}

async function wrapForGroup(key: Uint8Array, group: KeyGroup, host: Host, recovery: Recovery): Promise<KeyEntry[]> {
  const entries: KeyEntry[] = [];
  for (const one of group) entries.push(await wrapOne(key, one, host, recovery));
  return entries;
}

async function wrapOne(
  dataKey: Uint8Array,
  { provider, recipient, isFromFile }: Recipient,
  host: Host,
  recovery: Recovery,
): Promise<KeyEntry> {
  try {
    const list = provider.names.metadata;
    const through = await reached(isFromFile === true ? distrusting(provider) : provider, list, host);
    const wrapped = await inTime(provider.isLocal, host, recovery, (signal) =>
      through.wrap(dataKey, recipient, host, signal),
    );
    return { list, fields: wrapped.fields };
  } catch (error) {
    if (!(error instanceof KeyleafError) || error.code.startsWith("USAGE")) throw error;
    const name = provider.identity(recipient);
    throw new KeyleafError("KEY_WRAP_FAILED", `cannot encrypt the data key to ${name}: ${error.message}`, {
      hint: error.hint,
      details: { provider: provider.id },
      cause: error,
    });
  }
}

/** The provider, for recipients of files: wrapping contacts no server that the user has not named. */
function distrusting(provider: KeyProvider): KeyProvider {
  return {
    ...provider,
    async wrap(dataKey, recipient, host, signal) {
      await provider.checkServer?.(recipient, host);
      return provider.wrap(dataKey, recipient, host, signal);
    },
  };
}
