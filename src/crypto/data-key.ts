import type { Node } from "../document/document.ts";
import { type KeyEntry, type KeyListName, keyLists } from "../document/metadata.ts";
import { type KeyAttempt, KeyleafError } from "../errors.ts";
import type { Host } from "../host.ts";
import { once } from "../once.ts";
import type { KeyProvider } from "./keys/provider.ts";
import { knownKeyTypes, providerByMetadata } from "./keys/registry.ts";

/** Bytes of a data key. */
export const DATA_KEY_BYTES = 32;

/** An outside key that wraps the data key, with the code that knows how. */
export interface Recipient {
  readonly provider: KeyProvider;
  /** In the provider's own type. */
  readonly recipient: unknown;
}

/** Recipients of which any one opens the file. */
export type KeyGroup = readonly Recipient[];

/** A fresh data key: 32 random bytes. */
export function makeDataKey(host: Host): Uint8Array {
  const dataKey = new Uint8Array(DATA_KEY_BYTES);
  host.fillRandom(dataKey);
  return dataKey;
}

/**
 * Wraps the data key for every recipient; one that fails stops the whole, since a file that some of its readers cannot
 * open is not what was asked for.
 * @throws `KEY_NO_RECIPIENT`, `KEY_WRAP_FAILED` (with the recipient), `PROVIDER_UNSUPPORTED` for more than one group.
 */
export async function wrapDataKey(dataKey: Uint8Array, groups: readonly KeyGroup[], host: Host): Promise<KeyEntry[][]> {
  const [group, ...others] = groups;
  if (group === undefined || group.length === 0)
    throw new KeyleafError("KEY_NO_RECIPIENT", "no recipients to encrypt to");
  if (others.length > 0)
    throw new KeyleafError("PROVIDER_UNSUPPORTED", "key groups (Shamir) are not supported by this version");
  const entries: KeyEntry[] = [];
  for (const { provider, recipient } of group) entries.push(await wrapOne(dataKey, provider, recipient, host));
  return [entries];
}

async function wrapOne(dataKey: Uint8Array, provider: KeyProvider, recipient: unknown, host: Host): Promise<KeyEntry> {
  try {
    const list = keyLists.find((name) => name === provider.names.metadata);
    if (list === undefined) throw new Error(`provider ${provider.id} names an unknown key list`);
    const wrapped = await (await reached(provider, list, host)).wrap(dataKey, recipient, host);
    return { list, fields: wrapped.fields };
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    const name = provider.identity(recipient);
    throw new KeyleafError("KEY_WRAP_FAILED", `cannot encrypt the data key to ${name}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { provider: provider.id },
      cause: error,
    });
  }
}

/**
 * Recovers the data key: each wrapped key in turn, local ones first, otherwise in file order, until one opens.
 * @param run - What the run knows already. Absent: nothing, and nothing is kept.
 * @returns a new array, to be overwritten by the caller.
 * @throws `KEY_UNAVAILABLE` with every key that was tried and its reason.
 *
 * Source: sops-format 8.2; sops-cli 13.
 */
export async function unwrapDataKey(
  groups: readonly (readonly KeyEntry[])[],
  host: Host,
  run?: UnwrappedKeys,
): Promise<Uint8Array> {
  const [group = [], ...others] = groups;
  if (others.length > 0) {
    throw new KeyleafError(
      "KEY_UNAVAILABLE",
      `the data key is split over ${groups.length} key groups, which this version does not support`,
    );
  }
  const attempts: KeyAttempt[] = [];
  for (const entry of localFirst(group)) {
    const unwrapped = await (run === undefined ? unwrapOne(entry, host) : run.of(entry, host));
    if (unwrapped instanceof Uint8Array) return run === undefined ? unwrapped : Uint8Array.from(unwrapped);
    attempts.push(unwrapped);
  }
  throw new KeyleafError("KEY_UNAVAILABLE", "no key at hand opens this file", { details: { attempts } });
}

/**
 * The wrapped keys that one run over many files has met, and what became of each: none is unwrapped twice, and none that
 * does not open is tried twice, which with a service out of reach would take its time every time.
 */
export class UnwrappedKeys {
  readonly #outcomes = new Map<string, Promise<Uint8Array | KeyAttempt>>();

  /** The data key, which stays ours, or why there is none. Several callers may wait for one. */
  of(entry: KeyEntry, host: Host): Promise<Uint8Array | KeyAttempt> {
    const id = JSON.stringify([entry.list, content(entry.fields)]);
    return once(this.#outcomes, id, () => unwrapOne(entry, host));
  }

  /** Overwrites all data keys. To be called at the end of the run, when nobody waits for one any more. */
  async forget(): Promise<void> {
    for (const outcome of await Promise.allSettled(this.#outcomes.values())) {
      if (outcome.status === "fulfilled" && outcome.value instanceof Uint8Array) outcome.value.fill(0);
    }
    this.#outcomes.clear();
  }
}

/** A tree without the places of its nodes. */
function content(node: Node): unknown {
  if (node.kind === "leaf") {
    const { type, text } = node.scalar;
    return [type, typeof text === "string" ? text : [...text]];
  }
  const members = node.kind === "list" ? node.elements : node.members;
  return [
    node.kind,
    ...members.map((member) => {
      if (member.kind === "item") return [member.key, content(member.value)];
      return member.kind === "comment" ? [] : content(member);
    }),
  ];
}

function localFirst(entries: readonly KeyEntry[]): KeyEntry[] {
  const isLocal = (entry: KeyEntry): boolean => providerByMetadata(entry.list)?.isLocal === true;
  return [...entries.filter(isLocal), ...entries.filter((entry) => !isLocal(entry))];
}

/** The provider, with the host's key services behind it where there are any. */
async function reached(provider: KeyProvider, list: KeyListName, { keyServices }: Host): Promise<KeyProvider> {
  if (keyServices === undefined) return provider;
  return (await import("./key-service/client.ts")).throughKeyServices(provider, list, keyServices);
}

async function unwrapOne(entry: KeyEntry, host: Host): Promise<Uint8Array | KeyAttempt> {
  const known = providerByMetadata(entry.list);
  const typeName = knownKeyTypes.get(entry.list) ?? entry.list;
  if (known === null) {
    return {
      provider: entry.list,
      recipient: typeName,
      reason: `${typeName} keys are not supported by this version`,
    };
  }
  const provider = await reached(await known.load(), entry.list, host);
  const key = { provider: provider.id, fields: entry.fields };
  const reasons: string[] = [];
  try {
    const dataKey = await provider.unwrap(key, host, (reason) => reasons.push(reason));
    if (dataKey?.length === DATA_KEY_BYTES) return dataKey;
    if (dataKey !== null) reasons.push(`what it wraps is ${dataKey.length} bytes long, not a data key`);
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    reasons.push(error.message);
  }
  return {
    provider: provider.id,
    recipient: provider.identityOf(key),
    reason: reasons.join("; ") || "not for any key at hand",
  };
}
