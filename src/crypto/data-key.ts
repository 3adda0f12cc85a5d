import type { Node } from "../document/document.ts";
import type { KeyEntry, KeyListName } from "../document/metadata.ts";
import { type KeyAttempt, KeyleafError, reasonOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { once } from "../once.ts";
import type { Try } from "./key-groups.ts";
import type { KeyProvider } from "./keys/provider.ts";
import { providerBy } from "./keys/registry.ts";

/** Bytes of a data key. */
export const DATA_KEY_BYTES = 32;

/** An outside key that wraps the data key, with the code that knows how. */
export interface Recipient {
  readonly provider: KeyProvider;
  /** In the provider's own type. */
  readonly recipient: unknown;
  /** Only a file names it, so that a server in it is not taken on trust. */
  readonly isFromFile?: true;
}

/** Recipients of which any one opens the file. */
export type KeyGroup = readonly Recipient[];

/** What the user wants of the keys, besides what the file says. */
export interface Recovery {
  /** Order in which key types are tried, `age,pgp,kms`. Absent: that of `SOPS_DECRYPTION_ORDER`, else age, pgp, other local ones, the rest. */
  readonly order?: string;
  /** Seconds that each key behind a network gets. Absent: those of `KEYLEAF_KEY_TIMEOUT`, else 30. */
  readonly keySeconds?: number;
}

/** What a file says of its data key beside the wrapped keys. */
export interface DataKeyFacts {
  /** `shamir_threshold`; 0 or absent: the file does not say. Of no meaning where there is one group. */
  readonly threshold?: number;
  /** Whether a data key is that of the file; asked where it was combined from shares, which do not tell. Absent: taken on trust. */
  readonly check?: (dataKey: Uint8Array) => Promise<boolean>;
}

/** Local keys take the time they need, which may be a person's. */
export async function inTime<T>(
  isLocal: boolean,
  host: Host,
  { keySeconds }: Recovery,
  work: (signal?: AbortSignal) => Promise<T>,
  late?: (result: T) => void,
): Promise<T> {
  if (isLocal) return work();
  const { defaultSeconds, withinSeconds } = await import("./time-limit.ts");
  return withinSeconds(keySeconds ?? defaultSeconds(host), work, late);
}

/**
 * Recovers the data key. Keys are tried one after the other, those of types that the order names first, then local ones,
 * otherwise in file order, until one opens. With several groups so many of them have to open as the threshold says.
 * @param run - What the run knows already. Absent: nothing, and nothing is kept.
 * @returns a new array, to be overwritten by the caller.
 * @throws `KEY_UNAVAILABLE` with every key that was tried and its reason; `USAGE`, `USAGE_DUPLICATE` for a decryption
 *   order or a time limit that is none.
 *
 * Source: SOPS sops.go.
 */
export async function unwrapDataKey(
  groups: readonly (readonly KeyEntry[])[],
  host: Host,
  run?: UnwrappedKeys,
  { threshold = 0, check = async () => true }: DataKeyFacts = {},
  recovery: Recovery = {},
): Promise<Uint8Array> {
  const rankOf = await ranking(host, recovery);
  const attempts = new Map<KeyEntry, Attempt>();
  const unwrap = async ({ entry, mayAsk }: Try, bytes: number): Promise<Uint8Array | null> => {
    const before = attempts.get(entry);
    if (mayAsk && before?.canAsk !== true) return null;
    const outcome = await (run === undefined
      ? unwrapOne(entry, mayAsk, bytes, host, recovery)
      : run.of(entry, mayAsk, bytes, host, recovery));
    if (outcome instanceof Uint8Array) {
      attempts.delete(entry);
      return run === undefined ? outcome : Uint8Array.from(outcome);
    }
    attempts.set(entry, { ...outcome, reasons: [...(before?.reasons ?? []), ...outcome.reasons] });
    return null;
  };
  if (groups.length > 1) {
    const { recoverSplitKey } = await import("./key-groups.ts");
    return recoverSplitKey({
      groups: groups.map((entries) => triesOf(entries, rankOf)),
      threshold,
      isLocal: ({ entry }) => isLocal(entry),
      unwrap: (one) => unwrap(one, DATA_KEY_BYTES + 1),
      refuse: async ({ entry }, reason) => void attempts.set(entry, await attemptOf(entry, [reason])),
      attemptOf: (entry) => {
        const attempt = attempts.get(entry);
        return attempt === undefined ? null : keyAttempt(attempt);
      },
      check,
    });
  }
  for (const one of triesOf(groups[0] ?? [], rankOf)) {
    const dataKey = await unwrap(one, DATA_KEY_BYTES);
    if (dataKey !== null) return dataKey;
  }
  throw new KeyleafError("KEY_UNAVAILABLE", "no key at hand opens this file", {
    details: { attempts: [...attempts.values()].map(keyAttempt) },
  });
}

/** Of each key two tries, by rank: people are asked for something only when nothing opens the file without. */
function triesOf(entries: readonly KeyEntry[], rankOf: (entry: KeyEntry) => number): Try[] {
  return [false, true].flatMap((mayAsk) =>
    entries
      .map((entry) => ({ entry, mayAsk, rank: rankOf(entry) + (mayAsk ? BEHIND_ALL : 0) }))
      .toSorted((a, b) => a.rank - b.rank),
  );
}

/** More than any rank. */
const BEHIND_ALL = 1000;

/** Why a wrapped key was not opened. */
interface Attempt extends Omit<KeyAttempt, "reason"> {
  readonly reasons: readonly string[];
  /** It may be opened by asking for something. */
  readonly canAsk: boolean;
}

function keyAttempt({ provider, recipient, reasons }: Attempt): KeyAttempt {
  return { provider, recipient, reason: reasons.join("; ") || "not for any key at hand" };
}

/** The reference's order where none is given. Types that an order does not name come after it, first the local ones. */
const DEFAULT_ORDER = ["age", "pgp"];

async function ranking(host: Host, recovery: Recovery): Promise<(entry: KeyEntry) => number> {
  let order: readonly string[] = DEFAULT_ORDER;
  const given = recovery.order ?? host.env["SOPS_DECRYPTION_ORDER"] ?? "";
  if (given !== "") {
    const { parseDecryptionOrder } = await import("./decryption-order.ts");
    const origin = recovery.order === undefined ? "SOPS_DECRYPTION_ORDER" : "--decryption-order";
    order = [...parseDecryptionOrder(given, origin), ...DEFAULT_ORDER];
  }
  return (entry) => {
    const rank = order.indexOf(entry.list);
    return rank === -1 ? order.length + Number(!isLocal(entry)) : rank;
  };
}

function isLocal({ list }: KeyEntry): boolean {
  return providerBy("metadata", list).isLocal;
}

/**
 * The wrapped keys that one run over many files has met, and what became of each: none is unwrapped twice, and none that
 * does not open is tried twice, which with a service out of reach would take its time every time.
 */
export class UnwrappedKeys {
  readonly #outcomes = new Map<string, Promise<Uint8Array | Attempt>>();

  /**
   * The data key or the share of it, which stays ours, or why there is none. Several callers may wait for one.
   * @param bytes - how long it has to be
   */
  of(entry: KeyEntry, mayAsk: boolean, bytes: number, host: Host, recovery: Recovery): Promise<Uint8Array | Attempt> {
    const id = JSON.stringify([entry.list, entry.hasOldContext === true, mayAsk, bytes, content(entry.fields)]);
    return once(this.#outcomes, id, () => unwrapOne(entry, mayAsk, bytes, host, recovery));
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

/** @param mayAsk - Whether this is about the identities that may ask for something, or about the others. */
async function unwrapOne(
  entry: KeyEntry,
  mayAsk: boolean,
  bytes: number,
  host: Host,
  recovery: Recovery,
): Promise<Uint8Array | Attempt> {
  const known = providerBy("metadata", entry.list);
  const provider = await reached(await known.load(), entry.list, host);
  const { list: _, ...rest } = entry;
  const key = { provider: provider.id, ...rest };
  const reasons: string[] = [];
  const why = (reason: string): void => void reasons.push(reason);
  let canAsk = provider.unwrapAsking !== undefined;
  try {
    const unwrapped = await inTime(
      known.isLocal,
      host,
      recovery,
      async (signal) =>
        mayAsk ? provider.unwrapAsking?.(key, host, why, signal) : provider.unwrap(key, host, why, signal),
      (late) => late?.fill(0),
    );
    if (unwrapped?.length === bytes) return unwrapped;
    if (unwrapped) {
      const what = bytes === DATA_KEY_BYTES ? "a data key" : "a share of one";
      reasons.push(`what it wraps is ${unwrapped.length} bytes long, not ${what}`);
      unwrapped.fill(0);
    }
  } catch (error) {
    if (!(error instanceof KeyleafError) || error.code.startsWith("USAGE")) throw error;
    // What helps differs from key to key, so that it cannot stand below them all.
    reasons.push(reasonOf(error));
    canAsk = false;
  }
  return { ...(await attemptOf(entry, reasons)), canAsk };
}

/** The provider, with the host's key services behind it where there are any. */
export async function reached(provider: KeyProvider, list: KeyListName, { keyServices }: Host): Promise<KeyProvider> {
  if (keyServices === undefined) return provider;
  return (await import("./key-service/client.ts")).throughKeyServices(provider, list, keyServices);
}

async function attemptOf(entry: KeyEntry, reasons: readonly string[]): Promise<Attempt> {
  const { id: provider } = providerBy("metadata", entry.list);
  return { provider, recipient: await identityOfEntry(entry), reasons, canAsk: false };
}

/** How the recipient of an entry is named; what is missing is empty. */
export async function identityOfEntry({ list, fields }: KeyEntry): Promise<string> {
  const provider = await providerBy("metadata", list).load();
  return provider.identityOf({ provider: provider.id, fields });
}
