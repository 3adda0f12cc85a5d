import type { KeyEntry } from "../document/metadata.ts";
import { type KeyAttempt, KeyleafError } from "../errors.ts";
import type { Host } from "../host.ts";
import { combine, MOST_SHARES, split } from "./shamir.ts";

/**
 * Several key groups: each holds a share of the data key, and so many of them as the threshold says give it back.
 *
 * Source: SOPS sops.go.
 */

/** Groups that are asked at a time, where their keys are behind a network. */
const AT_A_TIME = 8;

/**
 * Splits the data key.
 * @param threshold - groups that are needed; 0: all of them.
 * @returns a share for each group, in order, to be overwritten by the caller.
 * @throws `KEY_BAD_THRESHOLD`
 */
export function splitDataKey(dataKey: Uint8Array, groups: number, threshold: number, host: Host): Uint8Array[] {
  checkThreshold(groups, threshold);
  return split(dataKey, groups, threshold || groups, (bytes) => host.fillRandom(bytes));
}

/**
 * Whether a data key can be split like that.
 * @param threshold - groups that are needed; 0: all of them. With one group also 1.
 * @throws `KEY_BAD_THRESHOLD`
 */
export function checkThreshold(groups: number, threshold: number): void {
  if (groups > MOST_SHARES) {
    throw badThreshold(`${groups} key groups are too many: a data key can be split over ${MOST_SHARES}`);
  }
  if (threshold === 1 && groups > 1) {
    throw badThreshold(
      "a threshold of 1 splits nothing: it must be at least 2",
      "to let any one key open the file, put all keys into one group",
    );
  }
  if (threshold > groups) {
    throw badThreshold(
      `the threshold is ${threshold}, but there ${groups === 1 ? "is only 1 key group" : `are only ${groups} key groups`}`,
      "lower shamir_threshold (--shamir-secret-sharing-threshold), or add groups",
    );
  }
}

function badThreshold(message: string, hint?: string): KeyleafError {
  return new KeyleafError("KEY_BAD_THRESHOLD", message, { hint });
}

const RESTORE = "restore the file from version control";

/** One group on its way to its share. */
interface Group {
  /** From 1. */
  readonly number: number;
  readonly entries: ReadonlySet<KeyEntry>;
  /** What is left to try, by rank. */
  readonly tries: Try[];
  /** `null`: none yet. */
  share: Uint8Array | null;
}

/** One try to open a wrapped key. */
export interface Try {
  readonly entry: KeyEntry;
  /** With the identities that may ask a person for something, else with the others. */
  readonly mayAsk: boolean;
  /** Where it stands in the order of all tries. */
  readonly rank: number;
}

/** What is known of the keys of a file that has several groups. */
export interface SplitKey {
  /** By rank. */
  readonly groups: readonly (readonly Try[])[];
  /** Groups that are needed; 0: the file does not say. */
  readonly threshold: number;
  /** Whether it needs no network. Such keys are tried one after the other, since they may ask for a passphrase. */
  readonly isLocal: (one: Try) => boolean;
  /** A share in an array of the caller's own. */
  readonly unwrap: (one: Try) => Promise<Uint8Array | null>;
  /** Notes why what was unwrapped is of no use. */
  readonly refuse: (one: Try, reason: string) => Promise<void>;
  /** What is reported of a key; `null`: it was not tried, or helped. */
  readonly attemptOf: (entry: KeyEntry) => KeyAttempt | null;
  /** Whether a data key is that of the file. */
  readonly check: (dataKey: Uint8Array) => Promise<boolean>;
}

/**
 * Recovers a split data key. Keys are tried in the order of their ranks over all groups, and none any more when enough
 * groups have given their share. The threshold of a file is not authenticated, so when what is combined is not the key of
 * the file, more groups are asked, as the reference does from the start.
 * @returns a new array.
 * @throws `KEY_UNAVAILABLE` with every key that was tried and its reason.
 */
export async function recoverSplitKey(key: SplitKey): Promise<Uint8Array> {
  const groups = key.groups.map(
    (tries, index): Group => ({
      number: index + 1,
      entries: new Set(tries.map(({ entry }) => entry)),
      tries: [...tries],
      share: null,
    }),
  );
  const needed = Math.max(2, Math.min(key.threshold || groups.length, groups.length));
  try {
    for (let wanted = needed; ; ) {
      await askFor(wanted, groups, key);
      const shares = groups.flatMap(({ share }) => (share === null ? [] : [share]));
      // A file that does not say how many are needed may open with fewer than all.
      if (shares.length < (key.threshold === 0 ? 2 : Math.min(wanted, needed))) throw tooFew(groups, key);
      const dataKey = combine(shares);
      if (await key.check(dataKey)) return dataKey;
      dataKey.fill(0);
      if (shares.length < wanted || shares.length === groups.length) throw wrongShares(groups, key, shares.length);
      wanted = shares.length + 1;
    }
  } finally {
    for (const { share } of groups) share?.fill(0);
  }
}

/** Tries keys until so many groups have given a share, or none is left. */
async function askFor(wanted: number, groups: readonly Group[], key: SplitKey): Promise<void> {
  const open = (): Group[] => groups.filter(({ share, tries }) => share === null && tries.length > 0);
  const missing = (): number => wanted - groups.filter(({ share }) => share !== null).length;
  while (missing() > 0 && open().length > 0) {
    const rank = Math.min(...open().map(({ tries }) => (tries[0] as Try).rank));
    const queue = open().filter(({ tries }) => tries[0]?.rank === rank);
    const isLocal = key.isLocal(queue[0]?.tries[0] as Try);
    // No more at a time than are still needed, so that none is asked in vain.
    const workers = isLocal ? 1 : Math.min(missing(), AT_A_TIME);
    let asking = 0;
    const work = async (): Promise<void> => {
      while (missing() > asking) {
        const group = queue.shift();
        if (group === undefined) return;
        asking++;
        try {
          await askGroup(group, rank, groups, key);
        } finally {
          asking--;
        }
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
  }
}

/** Tries the keys of one group that have a rank. */
async function askGroup(group: Group, rank: number, groups: readonly Group[], key: SplitKey): Promise<void> {
  for (;;) {
    const [one] = group.tries;
    if (group.share !== null || one?.rank !== rank) return;
    group.tries.shift();
    const unwrapped = await key.unwrap(one);
    if (unwrapped === null) continue;
    const x = unwrapped.at(-1);
    const twin = groups.find(({ share }) => share?.at(-1) === x);
    if (twin === undefined && x !== 0) {
      group.share = unwrapped;
      return;
    }
    unwrapped.fill(0);
    // As the reference does: somebody has been at the file.
    if (twin !== undefined)
      throw unavailable(groups, key, `key groups ${twin.number} and ${group.number} hold the same share`, RESTORE);
    await key.refuse(one, "what it wraps is no share");
  }
}

function tooFew(groups: readonly Group[], key: SplitKey): KeyleafError {
  const { threshold } = key;
  const given = groups.filter(({ share }) => share !== null).length;
  const needed = threshold === 0 ? "several" : `${Math.max(2, threshold)}`;
  return unavailable(
    groups,
    key,
    `the data key is split over ${groups.length} key groups, ${needed} of which are needed: ${given} could be opened`,
    "one key of each of so many groups is needed",
  );
}

function wrongShares(groups: readonly Group[], key: SplitKey, shares: number): KeyleafError {
  return unavailable(
    groups,
    key,
    `the shares of ${shares} key groups do not combine to the data key of this file`,
    `a share belongs to another file, or shamir_threshold was changed: ${RESTORE}`,
  );
}

function unavailable(groups: readonly Group[], { attemptOf }: SplitKey, message: string, hint: string): KeyleafError {
  return new KeyleafError("KEY_UNAVAILABLE", message, {
    hint,
    details: {
      attempts: groups.flatMap(({ entries, number }) =>
        [...entries].flatMap((entry) => {
          const attempt = attemptOf(entry);
          return attempt === null ? [] : [{ ...attempt, group: number }];
        }),
      ),
    },
  });
}
