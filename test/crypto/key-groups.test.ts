import { describe, expect, test } from "vitest";
import { recoverSplitKey, type SplitKey, type Try } from "../../src/crypto/key-groups.ts";
import { split } from "../../src/crypto/shamir.ts";
import { leaf, mapping } from "../../src/document/document.ts";
import { fieldText, type KeyEntry } from "../../src/document/metadata.ts";
import type { KeyAttempt } from "../../src/errors.ts";
import { fakeHost } from "../support/fake-host.ts";
import { failure, VECTOR_DATA_KEY } from "../support/sealing.ts";

/**
 * Keys of several groups, written as words: `age` and `pgp` are local, `kms` is not; `!` opens. So `["age", "kms!"]` is a
 * group whose age key does not open and whose KMS key does.
 */
interface Setting {
  readonly groups: readonly (readonly string[])[];
  /** What the file says. */
  readonly threshold?: number;
  /** What the data key was split with. */
  readonly needed?: number;
  /** Puts another share in place of one, by index. */
  readonly swap?: (shares: Uint8Array[]) => unknown;
}

function setting({ groups, threshold = 2, needed = threshold, swap }: Setting) {
  const shares = split(VECTOR_DATA_KEY, groups.length, needed, (bytes) => fakeHost().fillRandom(bytes));
  swap?.(shares);
  const asked: string[] = [];
  const given: Uint8Array[] = [];
  let [running, most] = [0, 0];
  const word = (entry: KeyEntry): string => fieldText(entry.fields, "word");
  const groupOf = (entry: KeyEntry): number => Number(fieldText(entry.fields, "group"));
  const attempts = new Map<KeyEntry, KeyAttempt>();
  const refuse = async ({ entry }: Try, reason: string): Promise<void> => {
    attempts.set(entry, { provider: entry.list, recipient: word(entry), reason });
  };
  const key: SplitKey = {
    groups: groups.map((words, index) =>
      words
        .map((text): Try => {
          const list = text.replace("!", "") as KeyEntry["list"];
          const texts = { group: `${index + 1}`, word: text };
          const fields = mapping(Object.entries(texts).map(([name, value]) => [name, leaf(value)]));
          return { entry: { list, fields }, mayAsk: false, rank: ["age", "pgp", "kms"].indexOf(list) };
        })
        .toSorted((a, b) => a.rank - b.rank),
    ),
    threshold,
    isLocal: ({ entry }) => entry.list !== "kms",
    refuse,
    attemptOf: (entry) => attempts.get(entry) ?? null,
    check: async (dataKey) => Buffer.compare(dataKey, VECTOR_DATA_KEY) === 0,
    async unwrap(one) {
      const { entry } = one;
      asked.push(`${groupOf(entry)} ${word(entry)}`);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (!word(entry).endsWith("!")) {
        await refuse(one, "not for us");
        return null;
      }
      const share = Uint8Array.from(shares[groupOf(entry) - 1] ?? []);
      given.push(share);
      return share;
    },
  };
  return { key, asked, given, mostAtATime: () => most };
}

describe("keys of several groups", () => {
  test("are asked until the threshold is met, and no more", async () => {
    const { key, asked } = setting({ groups: [["age!"], ["age"], ["age!"], ["age!"], ["pgp!"]] });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
    expect(asked).toEqual(["1 age!", "2 age", "3 age!"]);
  });

  test("are asked by rank over all groups: none that prompts or has a network before all that need neither", async () => {
    const { key, asked } = setting({ groups: [["kms!"], ["age", "pgp!"], ["kms", "age!"], ["age!"]], threshold: 3 });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
    expect(asked).toEqual(["2 age", "3 age!", "4 age!", "2 pgp!"]);
  });

  test("are asked one after the other where they may prompt", async () => {
    const { key, mostAtATime } = setting({ groups: Array(6).fill(["age", "pgp!"]), threshold: 6 });
    await recoverSplitKey(key);
    expect(mostAtATime()).toBe(1);
  });

  test("are asked at the same time behind a network, but not more than are needed", async () => {
    const groups = [["kms"], ["kms", "kms!"], ["kms!"], ["kms!"], ["kms!"]];
    const { key, asked, mostAtATime } = setting({ groups, threshold: 3 });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
    expect(mostAtATime()).toBe(3);
    expect(asked).toHaveLength(5);
    expect(asked).not.toContain("5 kms!");
  });

  test("are asked eight at a time at most", async () => {
    const { key, asked, mostAtATime } = setting({ groups: Array(20).fill(["kms!"]), threshold: 20 });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
    expect(mostAtATime()).toBe(8);
    expect(asked).toHaveLength(20);
  });

  test("leave no share behind", async () => {
    const { key, given } = setting({ groups: [["age!"], ["age!"]] });
    await recoverSplitKey(key);
    expect(given).toEqual([new Uint8Array(33), new Uint8Array(33)]);
  });
});

describe("a threshold", () => {
  test("that the file does not say is found by combining all there are", async () => {
    const { key, asked } = setting({ groups: [["age!"], ["age"], ["age!"]], threshold: 0, needed: 2 });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
    expect(asked).toHaveLength(3);
  });

  test("that is too low in the file does no harm where more groups open", async () => {
    for (const threshold of [1, 2, 3]) {
      const { key, asked } = setting({ groups: Array(5).fill(["age!"]), threshold, needed: 4 });
      expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
      expect(asked).toHaveLength(4);
    }
  });

  test("that is too high is not met by more groups than there are", async () => {
    const { key } = setting({ groups: [["age!"], ["age!"]], threshold: 9, needed: 2 });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
  });

  test.each<[string, Setting, string]>([
    ["one group opens of two", { groups: [["age!"], ["age", "kms"]] }, "2 of which are needed: 1 could be opened"],
    ["none opens", { groups: [["age"], ["pgp"]] }, "0 could be opened"],
    [
      "one opens and the file says 1",
      { groups: [["age!"], ["age"]], threshold: 1, needed: 2 },
      "2 of which are needed",
    ],
    [
      "one opens and the file says nothing",
      { groups: [["age!"], ["age"]], threshold: 0, needed: 2 },
      "several of which",
    ],
    [
      "two open, but it was lowered",
      { groups: [["age!"], ["age"], ["age!"]], threshold: 2, needed: 3 },
      "do not combine",
    ],
  ])("is not met: %s", async (_, given, message) => {
    const { key, given: shares } = setting(given);
    const error = await failure(() => recoverSplitKey(key));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.message).toContain(message);
    const failing = given.groups.flatMap((words, index) =>
      words.filter((word) => !word.endsWith("!")).map((word) => `${index + 1} ${word}`),
    );
    expect(error.details.attempts?.map(({ group, recipient }) => `${group} ${recipient}`)).toEqual(failing);
    for (const share of shares) expect(share).toEqual(new Uint8Array(33));
  });
});

describe("a share", () => {
  const other = (x: number): Uint8Array => Uint8Array.of(...new Uint8Array(32).fill(7), x);

  test("of another file does not end as a wrong key", async () => {
    const swap = (shares: Uint8Array[]): unknown => shares.splice(1, 1, other(2));
    const { key } = setting({ groups: [["age!"], ["age!"], ["age!"]], swap });
    const error = await failure(() => recoverSplitKey(key));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.message).toContain("do not combine to the data key of this file");
    expect(error.hint).toContain("version control");
  });

  test("that two groups hold is refused, as the reference does", async () => {
    const swap = (shares: Uint8Array[]): unknown => shares.splice(1, 1, shares[0] as Uint8Array);
    const { key } = setting({ groups: [["age!"], ["age!"], ["age!"]], swap });
    const error = await failure(() => recoverSplitKey(key));
    expect(error).toMatchObject({ code: "KEY_UNAVAILABLE", message: "key groups 1 and 2 hold the same share" });
  });

  test("that can be none is one that does not open", async () => {
    const swap = (shares: Uint8Array[]): unknown => shares.splice(0, 1, other(0));
    const { key } = setting({ groups: [["age!"], ["age!"], ["age!"]], swap });
    expect(await recoverSplitKey(key)).toEqual(VECTOR_DATA_KEY);
  });
});
