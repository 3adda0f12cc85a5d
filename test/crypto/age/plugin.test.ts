import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startProgram } from "../../../src/cli/conversation.ts";
import type { Stanza } from "../../../src/crypto/age/age-file.ts";
import { unwrapWithPlugin, wrapWithPlugin } from "../../../src/crypto/age/plugin.ts";
import { age } from "../../../src/crypto/keys/age.ts";
import type { WrappedKey } from "../../../src/crypto/keys/provider.ts";
import { KeyleafError } from "../../../src/errors.ts";
import { pluginKey, writePlugin } from "../../support/age-plugin.ts";
import { type FakeHostOptions, fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, failure } from "../../support/sealing.ts";

/** The protocol of plugins, with a real program that speaks it (support/age-plugin.ts). */

const NAME = "keyleaf-test";
const FILE_KEY = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
const DATA_KEY = new Uint8Array(32).fill(0x66);

const folder = realpathSync(mkdtempSync(join(tmpdir(), "keyleaf-plugin-")));
const logFile = join(folder, "log");
writePlugin(folder);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  writeFileSync(logFile, "");
});

/** The programs of the folder are the only ones. */
const start: NonNullable<FakeHostOptions["start"]> = async ([name = "", ...args], extraEnv) => {
  const before = process.env["PATH"];
  process.env["PATH"] = folder;
  try {
    return await startProgram([name, ...args], { ...extraEnv, PLUGIN_LOG: logFile });
  } finally {
    process.env["PATH"] = before;
  }
};

const host = (options: FakeHostOptions = {}) => fakeHost({ start, ...options });
const logged = (): string[] =>
  readFileSync(logFile, "utf8")
    .split("\n")
    .filter((line) => line !== "");

/** Stanzas of a key that does nothing besides, for identities that do. */
async function stanzasFor(recipient: string): Promise<Stanza[]> {
  return wrapWithPlugin(NAME, recipient, FILE_KEY, host());
}

describe("a plugin", () => {
  test("wraps and unwraps a file key", async () => {
    const key = pluginKey();
    const stanzas = await wrapWithPlugin(NAME, key.recipient, FILE_KEY, host());
    expect(stanzas.map(({ args }) => args[0])).toEqual([NAME]);
    expect(await unwrapWithPlugin(NAME, key.identity, stanzas, host())).toEqual(Buffer.from(FILE_KEY));
    expect(logged()).toEqual([
      `start recipient-v1 in ${realpathSync(tmpdir())}`,
      "passed over: grease",
      "passed over: extension",
      "labels: ok",
      "recipient-stanza: ok",
      "done",
      `start identity-v1 in ${realpathSync(tmpdir())}`,
      "passed over: grease",
      "file-key: ok",
      "done",
    ]);
  });

  test("gets all stanzas of a file, and opens nothing that is not its own", async () => {
    const [one, other] = [pluginKey(), pluginKey()];
    const foreign: Stanza = { args: ["X25519", "AAAA"], body: new Uint8Array(100) };
    const stanzas = [foreign, ...(await stanzasFor(one.recipient)), foreign];
    expect(await unwrapWithPlugin(NAME, one.identity, stanzas, host())).toEqual(Buffer.from(FILE_KEY));
    expect(await unwrapWithPlugin(NAME, other.identity, stanzas, host())).toBeNull();
  });

  test("is the provider's way for its recipients and identities, beside all others", async () => {
    const key = pluginKey();
    const [recipient] = age.fromText(key.recipient, {});
    if (recipient === undefined) return expect.fail("no recipient");
    const wrapped: WrappedKey = await age.wrap(DATA_KEY, recipient, host());
    const withKey = host({ env: { SOPS_AGE_KEY: `${pluginKey().identity} ${key.identity}` } });
    // It may take a person, so it is not among the first.
    expect(await age.unwrap(wrapped, withKey, () => {})).toBeNull();
    expect(await age.unwrapAsking?.(wrapped, withKey, () => {})).toEqual(DATA_KEY);
    const reasons: string[] = [];
    const other = host({ env: { SOPS_AGE_KEY: pluginKey().identity } });
    expect(await age.unwrapAsking?.(wrapped, other, (reason) => reasons.push(reason))).toBeNull();
    expect(reasons).toEqual(["SOPS_AGE_KEY: not for this key"]);
  });

  test("can be in a file with many recipients, and with large stanzas", async () => {
    const key = pluginKey();
    const large: Stanza = { args: ["other", "x".repeat(5000)], body: new Uint8Array(48 * 2000) };
    const stanzas = [large, ...(await stanzasFor(key.recipient))];
    expect(await unwrapWithPlugin(NAME, key.identity, stanzas, host())).toEqual(Buffer.from(FILE_KEY));
  });
});

describe("what a plugin wants of the person", () => {
  test.each<[string, string, FakeHostOptions, string[]]>([
    ["a message", "msg", {}, ["msg: ok"]],
    ["a secret", "secret", { answer: () => "1234" }, ["request-secret: ok 1234"]],
    ["something public", "public", { answer: () => "SN 5" }, ["request-public: ok SN 5"]],
    ["something public, left empty", "public", { answer: () => "" }, ["request-public: ok"]],
    ["something public, without a terminal", "public", { answer: () => null }, ["request-public: fail"]],
    ["something public, with nobody to ask", "public", {}, ["request-public: fail"]],
    ["a confirmation", "confirm", { answer: () => "Y" }, ["confirm: ok yes"]],
    ["a confirmation with one choice", "confirm1", { answer: () => "" }, ["confirm: ok yes"]],
    ["one, without a terminal", "confirm1", { answer: () => null }, ["confirm: fail"]],
  ])("%s", async (_, doing, options, lines) => {
    const key = pluginKey(doing);
    const stanzas = await wrapWithPlugin(NAME, key.recipient, FILE_KEY, host(options));
    expect(await unwrapWithPlugin(NAME, key.identity, stanzas, host(options))).toEqual(Buffer.from(FILE_KEY));
    expect(logged().filter((line) => lines.includes(line))).toHaveLength(2);
  });

  test("is put so that one sees who asks, and secrets are hidden", async () => {
    const asked: [string, boolean][] = [];
    const answer = (question: string, isShown: boolean): string => {
      asked.push([question, isShown]);
      return question.includes("PIN") ? "1234" : question.includes("use the key") && asked.length < 3 ? "?" : "y";
    };
    const key = pluginKey("msg:confirm:confirm1:secret:public");
    const speaking = host({ answer });
    const plain = pluginKey();
    await unwrapWithPlugin(NAME, key.identity, await stanzasFor(plain.recipient), speaking);
    const choice = `age-plugin-${NAME}: use the key? [y: use it, n: skip it] `;
    expect(asked).toEqual([
      [choice, true],
      // What is neither yes nor no is asked again.
      [choice, true],
      [choice, true],
      [`age-plugin-${NAME}: plug it in [enter: go on] `, true],
      [`age-plugin-${NAME}: PIN: `, false],
      [`age-plugin-${NAME}: serial number: `, true],
    ]);
    expect(speaking.told).toEqual([`age-plugin-${NAME}: touch the \u001b[31mkey`]);
  });

  test("a message where there is nobody to tell is declined", async () => {
    const { tell, ...silent } = host();
    expect(tell).toBeDefined();
    const { identity } = pluginKey("msg");
    await unwrapWithPlugin(NAME, identity, await stanzasFor(pluginKey().recipient), silent);
    expect(logged()).toContain("msg: fail");
  });

  test("what it takes long for is said once", async () => {
    const told: string[] = [];
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const key = pluginKey();
      const stanzas = await stanzasFor(key.recipient);
      const slow: FakeHostOptions["start"] = async (...args) => {
        const conversation = await start(...args);
        return {
          ...conversation,
          read: async () => {
            await vi.advanceTimersByTimeAsync(6000);
            return conversation.read();
          },
        };
      };
      const waiting = { ...host({ start: slow }), tell: (message: string) => void told.push(message) };
      await unwrapWithPlugin(NAME, key.identity, stanzas, waiting);
    } finally {
      vi.useRealTimers();
    }
    expect(new Set(told)).toEqual(new Set([`waiting for age-plugin-${NAME}`]));
  });
});

describe("a plugin that fails", () => {
  const failures: [string, string, FakeHostOptions, string | RegExp][] = [
    ["an error", "internal", {}, `age-plugin-${NAME}: no device`],
    ["an error without words", "nothing", {}, `age-plugin-${NAME}: failed`],
    ["a wrong PIN", "secret", { answer: () => "hunter2" }, `age-plugin-${NAME}: wrong PIN`],
    ["no PIN", "secret", { answer: () => null }, `age-plugin-${NAME}: wrong PIN`],
    ["no confirmation", "confirm", { answer: () => "n" }, `age-plugin-${NAME}: not confirmed`],
    ["a question in the wrong form", "badconfirm", {}, /wrong form/],
    ["ending early", "die", {}, /ended before it was done/],
    ["noise", "noise", {}, /does not speak the protocol/],
    ["endless noise", "endless", {}, /does not speak the protocol/],
    ["another index", "index", {}, /not asked for/],
  ];

  test.each(failures)("wrapping, %s", async (_, doing, options, message) => {
    const key = pluginKey(doing);
    const error = await failure(() => wrapWithPlugin(NAME, key.recipient, FILE_KEY, host(options)));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(message);
    expectDiscreet(error, "hunter2", key.identity);
  });

  test.each([
    ...failures,
    ["a short file key", "short", {}, /not asked for/] as const,
    ["two file keys", "twice", {}, /not asked for/] as const,
  ])("unwrapping, %s", async (_, doing, options, message) => {
    const key = pluginKey(doing);
    // Wrapped for the same key without what it does besides.
    const { decodeBech32, encodeBech32 } = await import("../../../src/crypto/age/bech32.ts");
    const decoded = decodeBech32(key.recipient);
    if ("problem" in decoded) return expect.fail(decoded.problem);
    const stanzas = await stanzasFor(encodeBech32(`age1${NAME}`, decoded.bytes.subarray(0, 32)));
    const error = await failure(() => unwrapWithPlugin(NAME, key.identity, stanzas, host(options)));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(message);
    expectDiscreet(error, "hunter2", key.identity);
  });

  test("no stanza", async () => {
    const error = await failure(() => wrapWithPlugin(NAME, pluginKey("empty").recipient, FILE_KEY, host()));
    expect(error.message).toMatch(/gave no stanza/);
  });

  test("one that does not end is ended", async () => {
    const { identity } = pluginKey("hang");
    const stanzas = await stanzasFor(pluginKey().recipient);
    expect(await unwrapWithPlugin(NAME, identity, stanzas, host())).toBeNull();
  });

  test("one that is missing is named, with where it is looked for", async () => {
    const error = await failure(() => unwrapWithPlugin("none-such", "x", [], host()));
    expect(error).toMatchObject({ code: "PROVIDER_FAILED", message: "program not found: age-plugin-none-such" });
    expect(error.hint).toContain("PATH");
    const { start: _, ...without } = host();
    expect((await failure(() => unwrapWithPlugin("x", "x", [], without))).message).toContain("age-plugin-x");
  });

  test("one that cannot be started is named", async () => {
    writeFileSync(join(folder, "age-plugin-broken"), "#!/no/such/interpreter\n", { mode: 0o755 });
    const error = await failure(() => unwrapWithPlugin("broken", "x", [], host()));
    expect(error).toBeInstanceOf(KeyleafError);
    expect(error.message).toContain("cannot start age-plugin-broken");
  });

  test("the next identity is tried", async () => {
    const key = pluginKey();
    const [recipient] = age.fromText(key.recipient, {});
    if (recipient === undefined) return expect.fail("no recipient");
    const wrapped = await age.wrap(DATA_KEY, recipient, host());
    const failing = ["die", "internal", "noise"].map((doing) => pluginKey(doing).identity);
    const gone = pluginKey("", "gone").identity;
    const env = { SOPS_AGE_KEY: [...failing, gone, key.identity].join("\n") };
    const reasons: string[] = [];
    expect(await age.unwrapAsking?.(wrapped, host({ env }), (reason) => reasons.push(reason))).toEqual(DATA_KEY);
    expect(reasons).toHaveLength(4);
    expect(reasons[3]).toContain("age-plugin-gone");
  });
});
