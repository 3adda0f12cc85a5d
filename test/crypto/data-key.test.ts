import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DATA_KEY_BYTES, type Recovery, UnwrappedKeys, unwrapDataKey } from "../../src/crypto/data-key.ts";
import { age } from "../../src/crypto/keys/age.ts";
import { awsKms } from "../../src/crypto/keys/aws-kms.ts";
import type { KeyProvider, WrappedKey } from "../../src/crypto/keys/provider.ts";
import { providerBy } from "../../src/crypto/keys/registry.ts";
import { makeDataKey, wrapDataKey } from "../../src/crypto/wrap-data-key.ts";
import { leaf, mapping } from "../../src/document/document.ts";
import { fieldText, type KeyEntry, keyLists } from "../../src/document/metadata.ts";
import { KeyleafError } from "../../src/errors.ts";
import { fakeHost } from "../support/fake-host.ts";
import {
  expectDiscreet,
  failure,
  groupOf,
  hostA,
  hostAB,
  RECIPIENT_A,
  RECIPIENT_B,
  VECTOR_DATA_KEY,
} from "../support/sealing.ts";

/** A provider whose `wrap` does as told. */
function provider(wrap: () => Promise<never>): KeyProvider {
  return {
    id: "test",
    names: { metadata: "age", rule: "test", group: "test", flag: "test", env: "TEST" },
    isLocal: true,
    fromText: () => [],
    fromGroup: () => [],
    identity: (recipient) => `test recipient ${recipient}`,
    entry: () => mapping([]),
    identityOf: () => "",
    wrap,
    unwrap: async () => null,
  };
}

async function wrapped(...recipients: string[]): Promise<KeyEntry[]> {
  return (await wrapDataKey(VECTOR_DATA_KEY, [groupOf(...recipients)], hostA))[0] ?? [];
}

const kms: KeyEntry = { list: "kms", fields: mapping([["arn", leaf("arn:aws:kms:eu-central-1:000000000000:key/a")]]) };

describe("a new data key", () => {
  test("is 32 bytes of the host's random source, another one each time", () => {
    const host = fakeHost({ seed: "data key" });
    const first = makeDataKey(host);
    expect(first.length).toBe(DATA_KEY_BYTES);
    expect(makeDataKey(host)).not.toEqual(first);
    expect(makeDataKey(fakeHost({ seed: "data key" }))).toEqual(first);
  });
});

describe("wrapping", () => {
  test("gives one entry a recipient, in order, and leaves the data key alone", async () => {
    const dataKey = Uint8Array.from(VECTOR_DATA_KEY);
    const groups = await wrapDataKey(dataKey, [groupOf(RECIPIENT_B, RECIPIENT_A)], hostA);
    expect(groups.map((group) => group.map((entry) => [entry.list, fieldText(entry.fields, "recipient")]))).toEqual([
      [
        ["age", RECIPIENT_B],
        ["age", RECIPIENT_A],
      ],
    ]);
    expect(dataKey).toEqual(VECTOR_DATA_KEY);
  });

  test("needs recipients", async () => {
    for (const groups of [[], [[]]]) {
      expect((await failure(() => wrapDataKey(VECTOR_DATA_KEY, groups, hostA))).code).toBe("KEY_NO_RECIPIENT");
    }
  });

  test("fails as a whole when one recipient does, and names it", async () => {
    const cause = new KeyleafError("PROVIDER_FAILED", "no network", { hint: "plug it in" });
    const failing = { provider: provider(() => Promise.reject(cause)), recipient: "seven" };
    const error = await failure(() => wrapDataKey(VECTOR_DATA_KEY, [[...groupOf(RECIPIENT_A), failing]], hostA));
    expect(error.code).toBe("KEY_WRAP_FAILED");
    expect(error.message).toContain("test recipient seven");
    expect(error.hint).toBe("plug it in");
    expect(error.details.provider).toBe("test");
    expect(error.cause).toBe(cause);
  });

  test("does not dress up bugs", async () => {
    const bug = new TypeError("bug");
    const failing = { provider: provider(() => Promise.reject(bug)), recipient: "seven" };
    await expect(wrapDataKey(VECTOR_DATA_KEY, [[failing]], hostA)).rejects.toBe(bug);
  });
});

describe("unwrapping", () => {
  test("takes the first entry that opens", async () => {
    const entries = await wrapped(RECIPIENT_B, RECIPIENT_A);
    expect(await unwrapDataKey([entries], hostA)).toEqual(VECTOR_DATA_KEY);
  });

  test("tries local keys before those behind a network", async () => {
    // The KMS entry stands first and would fail: there is no ciphertext in it.
    expect(await unwrapDataKey([[kms, ...(await wrapped(RECIPIENT_A))]], hostA)).toEqual(VECTOR_DATA_KEY);
  });

  test("passes over a broken entry, and reports every attempt with its reason when none opens", async () => {
    const broken: KeyEntry = { list: "age", fields: mapping([["recipient", leaf("age1broken")]]) };
    expect(await unwrapDataKey([[broken, ...(await wrapped(RECIPIENT_A))]], hostA)).toEqual(VECTOR_DATA_KEY);

    const others = keyLists.filter((list) => list !== "age" && list !== "kms");
    const entries = [broken, ...(await wrapped(RECIPIENT_B)), ...others.map((list) => ({ ...broken, list }))];
    const error = await failure(() => unwrapDataKey([entries], hostA));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    const attempts = error.details.attempts ?? [];
    expect(attempts.map(({ recipient }) => recipient).slice(0, 2)).toEqual(["age1broken", RECIPIENT_B]);
    expect(attempts.map(({ provider: id }) => id).slice(0, 3)).toEqual(["age", "age", "pgp"]);
    expect(attempts).toHaveLength(2 + others.length);
    for (const { reason } of attempts) expect(reason).not.toBe("");
  });

  test("says so when there is no identity at all", async () => {
    const entries = await wrapped(RECIPIENT_A);
    const error = await failure(() => unwrapDataKey([entries], fakeHost()));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.details.attempts).toHaveLength(1);
  });

  test.each([0, 16, 31, 33])("takes no data key of %i bytes", async (length) => {
    const [entries = []] = await wrapDataKey(new Uint8Array(length).fill(1), [groupOf(RECIPIENT_A)], hostA);
    expect((await failure(() => unwrapDataKey([entries], hostA))).code).toBe("KEY_UNAVAILABLE");
  });

  test("goes on to a key of the right length behind one of the wrong length", async () => {
    const [short = []] = await wrapDataKey(new Uint8Array(16), [groupOf(RECIPIENT_A)], hostA);
    expect(await unwrapDataKey([[...short, ...(await wrapped(RECIPIENT_A))]], hostA)).toEqual(VECTOR_DATA_KEY);
  });
});

describe("several groups", () => {
  const groups = [groupOf(RECIPIENT_A), groupOf(RECIPIENT_B), groupOf(RECIPIENT_A)];

  test("hold shares of the data key, of which the threshold gives it back", async () => {
    const dataKey = Uint8Array.from(VECTOR_DATA_KEY);
    const split = await wrapDataKey(dataKey, groups, hostA, 2);
    expect(dataKey).toEqual(VECTOR_DATA_KEY);
    expect(await unwrapDataKey(split, hostA, undefined, { threshold: 2 })).toEqual(VECTOR_DATA_KEY);
    for (const group of split)
      expect((await failure(() => unwrapDataKey([group], hostA))).code).toBe("KEY_UNAVAILABLE");
  });

  test("leave no share behind when they are wrapped", async () => {
    const shares: Uint8Array[] = [];
    const wrap = vi.spyOn(age, "wrap");
    onTestFinished(() => wrap.mockRestore());
    await wrapDataKey(VECTOR_DATA_KEY, groups, hostA, 2);
    for (const [share] of wrap.mock.calls) shares.push(share);
    expect(shares).toEqual(Array(3).fill(new Uint8Array(33)));
  });

  test("are all needed where nothing is said", async () => {
    const split = await wrapDataKey(VECTOR_DATA_KEY, groups, hostA);
    expect(await unwrapDataKey(split, hostAB)).toEqual(VECTOR_DATA_KEY);
    const two = await unwrapDataKey(split, hostA, undefined, { threshold: 2 });
    expect(two).not.toEqual(VECTOR_DATA_KEY);
  });

  test.each([
    ["1", 2, 1],
    ["3 of 2", 2, 3],
    ["2 of 256", 256, 2],
  ])("refuse a threshold of %s", async (_, count, threshold) => {
    const many = Array.from({ length: count }, () => groupOf(RECIPIENT_A));
    const error = await failure(() => wrapDataKey(VECTOR_DATA_KEY, many, hostA, threshold));
    expect(error.code).toBe("KEY_BAD_THRESHOLD");
    expectDiscreet(error);
  });

  test("must all have recipients", async () => {
    const error = await failure(() => wrapDataKey(VECTOR_DATA_KEY, [groupOf(RECIPIENT_A), []], hostA));
    expect(error).toMatchObject({ code: "KEY_NO_RECIPIENT", message: expect.stringContaining("group 2") });
  });

  test("of which too few open are reported with the group of every key", async () => {
    const split = await wrapDataKey(VECTOR_DATA_KEY, groups, hostA, 3);
    const error = await failure(() => unwrapDataKey(split, hostA, undefined, { threshold: 3 }));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.message).toContain("3 of which are needed: 2 could be opened");
    expect(error.details.attempts?.map(({ group, recipient }) => [group, recipient])).toEqual([[2, RECIPIENT_B]]);
  });

  test("unwrap each share once in a run, and forget them at its end", async () => {
    const split = await wrapDataKey(VECTOR_DATA_KEY, groups, hostA, 2);
    const run = new UnwrappedKeys();
    const unwrap = vi.spyOn(age, "unwrap");
    onTestFinished(() => unwrap.mockRestore());
    for (let i = 0; i < 3; i++)
      expect(await unwrapDataKey(split, hostA, run, { threshold: 2 })).toEqual(VECTOR_DATA_KEY);
    // The first and the third open, the second does not.
    expect(unwrap).toHaveBeenCalledTimes(3);
    await run.forget();
    for (const { value } of unwrap.mock.results) {
      const share = (await value) as Uint8Array | null;
      if (share !== null) expect(share).toEqual(new Uint8Array(33));
    }
  });
});

describe("the order", () => {
  /** Which keys were tried, by their lists: none of them opens. */
  async function tried(env: Record<string, string>, recovery: Recovery = {}): Promise<string[]> {
    const lists = ["kms", "pgp", "age"] as const;
    const entries = lists.map((list): KeyEntry => ({ list, fields: mapping([["enc", leaf("")]]) }));
    const error = await failure(() => unwrapDataKey([entries], fakeHost({ env }), undefined, {}, recovery));
    if (error.code !== "KEY_UNAVAILABLE") throw error;
    return (error.details.attempts ?? []).map(({ provider: id }) => id);
  }

  test.each([
    ["that of the reference where none is given", "", ["age", "pgp", "aws-kms"]],
    ["one that names all", "kms,age,pgp", ["aws-kms", "age", "pgp"]],
    ["one that names some: local keys follow, then the others", "pgp", ["pgp", "age", "aws-kms"]],
    ["one with blanks and nothing between commas", " kms , ,pgp,", ["aws-kms", "pgp", "age"]],
    ["one with types that the file has no keys of", "hc_vault,azure_kv", ["age", "pgp", "aws-kms"]],
  ])("is %s", async (_, order, expected) => {
    expect(await tried({ SOPS_DECRYPTION_ORDER: order })).toEqual(expected);
    if (order !== "") expect(await tried({ SOPS_DECRYPTION_ORDER: "age,kms" }, { order })).toEqual(expected);
  });

  test("names known types, each once", async () => {
    const unknown = await failure(() => tried({}, { order: "age,pgpp" }));
    expect(unknown).toMatchObject({ code: "USAGE", hint: "did you mean pgp?" });
    expect(unknown.message).toContain("--decryption-order");
    const twice = await failure(() => tried({ SOPS_DECRYPTION_ORDER: "age,pgp,age" }));
    expect(twice.code).toBe("USAGE_DUPLICATE");
    expect(twice.message).toContain("SOPS_DECRYPTION_ORDER");
    expect((await failure(() => tried({}, { order: "constructor" }))).code).toBe("USAGE");
  });
});

describe("a key behind a network", () => {
  const limited = { keySeconds: 1 };

  /** AWS KMS that does as told. */
  function mock(method: "wrap" | "unwrap", work: (signal?: AbortSignal) => Promise<never>) {
    const spy = vi.spyOn(awsKms, method);
    spy.mockImplementation((...args: unknown[]) => work(args[3] as AbortSignal | undefined));
    onTestFinished(() => spy.mockRestore());
  }

  test("is not waited for longer than its time, whether it listens to its signal or not", async () => {
    let told = false;
    mock("unwrap", (signal) => {
      signal?.addEventListener("abort", () => (told = true));
      return new Promise(() => {});
    });
    const error = await failure(() => unwrapDataKey([[kms]], fakeHost(), undefined, {}, limited));
    expect(error.details.attempts?.[0]?.reason).toMatch(/^no answer within 1 s \(.*--key-timeout/);
    expect(told).toBe(true);
  });

  test("that hangs does not keep the next from being tried", async () => {
    mock("unwrap", () => new Promise(() => {}));
    const entries = [kms, ...(await wrapped(RECIPIENT_A))];
    const order = "kms,age";
    expect(await unwrapDataKey([entries], hostA, undefined, {}, { ...limited, order })).toEqual(VECTOR_DATA_KEY);
  });

  test("has what it gives after its time overwritten", async () => {
    const late = Uint8Array.from(VECTOR_DATA_KEY);
    mock(
      "unwrap",
      (signal) =>
        new Promise((done) => signal?.addEventListener("abort", () => setImmediate(() => done(late as never)))),
    );
    await failure(() => unwrapDataKey([[kms]], fakeHost(), undefined, {}, limited));
    await vi.waitFor(() => expect(late).toEqual(new Uint8Array(32)));
  });

  test("is not waited for when wrapping either", async () => {
    mock("wrap", () => new Promise(() => {}));
    const [recipient] = awsKms.fromText("arn:aws:kms:eu-central-1:000000000000:key/a", {});
    const group = [{ provider: awsKms as KeyProvider, recipient }];
    const error = await failure(() => wrapDataKey(VECTOR_DATA_KEY, [group], fakeHost(), 0, limited));
    expect(error.code).toBe("KEY_WRAP_FAILED");
    expect(error.message).toContain("no answer within 1 s");
  });

  test.each(["0", "-1", "soon", "1.5", "86401", "999999999999"])("has a time that is one: not %s", async (text) => {
    const host = fakeHost({ env: { KEYLEAF_KEY_TIMEOUT: text } });
    const error = await failure(() => unwrapDataKey([[kms]], host));
    expect(error.code).toBe("USAGE");
    expect(error.message).toContain("KEYLEAF_KEY_TIMEOUT");
  });
});

describe("asking for something", () => {
  /** What was called, in order. */
  function calls(opens: (entry: string) => boolean) {
    const called: string[] = [];
    const nameOf = (key: WrappedKey): string => age.identityOf(key).slice(4, 8);
    const spies = [
      vi.spyOn(age, "unwrap").mockImplementation(async (key, _host, why) => {
        called.push(nameOf(key));
        why(`${nameOf(key)} by itself`);
        return null;
      }),
      vi.spyOn(age, "unwrapAsking").mockImplementation(async (key, _host, why) => {
        called.push(`${nameOf(key)}?`);
        why(`${nameOf(key)} by asking`);
        return opens(nameOf(key)) ? VECTOR_DATA_KEY.slice() : null;
      }),
    ];
    onTestFinished(() => {
      for (const spy of spies) spy.mockRestore();
    });
    return called;
  }

  const [a, b] = [RECIPIENT_A.slice(4, 8), RECIPIENT_B.slice(4, 8)];

  test("comes after everything else, keys of services included, and ends with what it opens", async () => {
    const entries = [...(await wrapped(RECIPIENT_A)), kms, ...(await wrapped(RECIPIENT_B))];
    const load = vi.fn(async () => ({
      ...provider(() => Promise.reject()),
      async unwrap() {
        called.push("kms");
        return null;
      },
    }));
    const known = providerBy("metadata", "kms");
    if (known === null) return expect.fail("no provider");
    const loading = vi.spyOn(known, "load").mockImplementation(load);
    onTestFinished(() => loading.mockRestore());
    const called = calls((name) => name === a);
    expect(await unwrapDataKey([entries], hostA)).toEqual(VECTOR_DATA_KEY);
    expect(called).toEqual([a, b, "kms", `${a}?`]);
  });

  test("gives both reasons when it was in vain", async () => {
    const called = calls(() => false);
    const entries = await wrapped(RECIPIENT_A, RECIPIENT_B);
    const { details } = await failure(() => unwrapDataKey([entries], hostA));
    expect(details.attempts?.map(({ reason }) => reason)).toEqual([
      `${a} by itself; ${a} by asking`,
      `${b} by itself; ${b} by asking`,
    ]);
    expect(called).toEqual([a, b, `${a}?`, `${b}?`]);
  });

  test("is not done for a damaged key", async () => {
    const called = calls(() => true);
    vi.mocked(age.unwrap).mockRejectedValueOnce(new KeyleafError("PROVIDER_FAILED", "damaged"));
    const entries = await wrapped(RECIPIENT_A);
    expect((await failure(() => unwrapDataKey([entries], hostA))).code).toBe("KEY_UNAVAILABLE");
    expect(called).toEqual([]);
  });

  test("is done once in a run", async () => {
    const called = calls((name) => name === a);
    const run = new UnwrappedKeys();
    const entries = await wrapped(RECIPIENT_A);
    const both = [unwrapDataKey([entries], hostA, run), unwrapDataKey([entries], hostA, run)];
    expect(await Promise.all(both)).toEqual([VECTOR_DATA_KEY, VECTOR_DATA_KEY]);
    expect(called).toEqual([a, `${a}?`]);
  });
});

describe("a run over many files", () => {
  /** Every unwrapping that is really done. */
  function spy() {
    const unwrap = vi.spyOn(age, "unwrap");
    onTestFinished(() => unwrap.mockRestore());
    return unwrap;
  }

  test("unwraps each wrapped key once, also when several ask at the same time", async () => {
    const unwrap = spy();
    const run = new UnwrappedKeys();
    const [first, second] = [await wrapped(RECIPIENT_A), await wrapped(RECIPIENT_A)];
    // Other places in the file do not make it another key.
    const copy = first.map(({ list, fields }): KeyEntry => ({ list, fields: structuredClone(fields) }));
    const asked = [first, copy, second, first, second].map((entries) => unwrapDataKey([entries], hostA, run));
    for (const dataKey of await Promise.all(asked)) expect(dataKey).toEqual(VECTOR_DATA_KEY);
    expect(unwrap).toHaveBeenCalledTimes(2);
  });

  test("tries none twice that does not open, and gives the same reason", async () => {
    const unwrap = spy();
    const run = new UnwrappedKeys();
    const entries = [...(await wrapped(RECIPIENT_B)), kms];
    const errors = [1, 2, 3].map(() => failure(() => unwrapDataKey([entries], hostA, run)));
    const [one, ...others] = await Promise.all(errors);
    expect(one?.details.attempts).toHaveLength(2);
    for (const { code, details } of others) expect([code, details]).toEqual([one?.code, one?.details]);
    expect(unwrap).toHaveBeenCalledTimes(1);
  });

  test("tells keys apart by every field", async () => {
    const unwrap = spy();
    const run = new UnwrappedKeys();
    const [entry] = await wrapped(RECIPIENT_A);
    const fields = entry?.fields ?? mapping([]);
    const other: KeyEntry = { list: "age", fields: { ...fields, members: [...fields.members].reverse() } };
    const more: KeyEntry = { list: "age", fields: { ...fields, members: [...fields.members, ...kms.fields.members] } };
    for (const key of [entry as KeyEntry, other, more]) await unwrapDataKey([[key]], hostA, run);
    expect(unwrap).toHaveBeenCalledTimes(3);
  });

  test("hands out copies, and overwrites its own at the end", async () => {
    const unwrap = spy();
    const run = new UnwrappedKeys();
    const entries = await wrapped(RECIPIENT_A);
    const given = await unwrapDataKey([entries], hostA, run);
    given.fill(0);
    expect(await unwrapDataKey([entries], hostA, run)).toEqual(VECTOR_DATA_KEY);
    const kept = (await unwrap.mock.results[0]?.value) as Uint8Array;
    expect(kept).toEqual(VECTOR_DATA_KEY);
    await run.forget();
    expect(kept).toEqual(new Uint8Array(DATA_KEY_BYTES));
    await unwrapDataKey([entries], hostA, run);
    expect(unwrap).toHaveBeenCalledTimes(2);
  });
});
