import { armor, Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { encodeBech32 } from "../../../src/crypto/age/bech32.ts";
import { defaultIdentityFile } from "../../../src/crypto/age/identity-sources.ts";
import { age } from "../../../src/crypto/keys/age.ts";
import type { WrappedKey } from "../../../src/crypto/keys/provider.ts";
import { itemOf, leaf, list, mapping, type Scalar } from "../../../src/document/document.ts";
import { type FakeHost, fakeHost } from "../../support/fake-host.ts";

// TEST ONLY: A and B are of the vectors, C is a fixture key (age-alice); they protect nothing.
const A = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";
const B = "AGE-SECRET-KEY-1432K5YRNSC44GC4986NXMX6GVZ52WTMT9C79CLUVWYY4DKDHD5JSNDP4MC";
const C = "AGE-SECRET-KEY-1LZW3CUJ4TL76ZEX493Q9YRUN9RDLT74T3SMZTKD28SFY99TJ7DNQU3MQXS";
const RECIPIENT_A = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
const RECIPIENT_B = "age1afnrdrkyvy0sl5e08t9ffs4c7g5e5npc8luf7hjc77syewg5gajsls4r90";

/** A wrapped key that sops made. */
const ENC_A = `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBzTEpVZlFKMGMyVjlCalJx
clYxQXArdVp5TEFYanhlTmFyMDVWTEdqZ2kwCmNMN2FMZW1qcDZWTVJLRXJKL285
VThOR0dSRVorTmRhQzV1bzJkWmcxWGMKLS0tIHFTTFdmM3kyYzhxS0hJRFdWRUZS
UzJZa2tuTGdQdUw5NWRZTHI5TWhOVDAKC7Q1+ymGuC29c0W7H1Sq+BbpkJdX8+Sw
oSrzeamkRK3UNb90VqxEBghVZXh+HGoxLIpuCjeFH3VFd6JSxbbZ9g==
-----END AGE ENCRYPTED FILE-----
`;
const LARGE = `${A}\n`.repeat(230_000);
const DATA_KEY = new Uint8Array(32).fill(0x66);
const DEFAULT_FILE = "/home/tester/.config/sops/age/keys.txt";

function entry(enc: Scalar | string | null, recipient: string | null = RECIPIENT_A): WrappedKey {
  const fields: [string, ReturnType<typeof leaf>][] = [];
  if (enc !== null) fields.push(["enc", leaf(enc)]);
  if (recipient !== null) fields.push(["recipient", leaf(recipient)]);
  return { provider: "age", fields: mapping(fields) };
}

async function unwrap(host: FakeHost, key = entry(ENC_A)): Promise<{ dataKey: Uint8Array | null; reasons: string[] }> {
  const reasons: string[] = [];
  const why = (reason: string) => reasons.push(reason);
  const dataKey = (await age.unwrap(key, host, why)) ?? (await age.unwrapAsking?.(key, host, why)) ?? null;
  return { dataKey, reasons };
}

function textField(key: WrappedKey, name: string): string {
  const value = itemOf(key.fields, name)?.value;
  if (value?.kind !== "leaf" || typeof value.scalar.text !== "string") throw new Error(`no text ${name}`);
  return value.scalar.text;
}

function onlyRecipient(text: string) {
  const [recipient, ...others] = age.fromText(text, {});
  if (recipient === undefined || others.length > 0) throw new Error("not one recipient");
  return recipient;
}

function fails(code: string) {
  return expect.objectContaining({ name: "KeyleafError", code });
}

describe("wrapping", () => {
  test("gives an armored file for one X25519 recipient", async () => {
    const key = await age.wrap(DATA_KEY, onlyRecipient(RECIPIENT_A), fakeHost());
    expect(key.provider).toBe("age");
    expect(key.fields.members.map((member) => member.kind === "item" && member.key)).toEqual(["enc", "recipient"]);
    expect(textField(key, "recipient")).toBe(RECIPIENT_A);
    const enc = textField(key, "enc");
    const lines = enc.split("\n");
    expect(lines[0]).toBe("-----BEGIN AGE ENCRYPTED FILE-----");
    expect(lines.slice(-2)).toEqual(["-----END AGE ENCRYPTED FILE-----", ""]);
    // The shape of the reference's own entries, to the column.
    expect(lines.map((line) => line.length)).toEqual(ENC_A.split("\n").map((line) => line.length));
    expect(
      Buffer.from(armor.decode(enc))
        .toString("latin1")
        .match(/^-> \S+/gm),
    ).toEqual(["-> X25519"]);
  });

  test("is never the same twice, and follows the host's random bytes", async () => {
    const wrapped = async (host: FakeHost) =>
      textField(await age.wrap(DATA_KEY, onlyRecipient(RECIPIENT_A), host), "enc");
    const host = fakeHost({ seed: "one" });
    const first = await wrapped(host);
    expect(await wrapped(host)).not.toBe(first);
    expect(await wrapped(fakeHost({ seed: "one" }))).toBe(first);
  });

  test.each([32, 33])("a key of %i bytes comes back, here and in age-encryption", async (length) => {
    const dataKey = DATA_KEY.slice(0, length);
    const key = await age.wrap(dataKey, onlyRecipient(RECIPIENT_B), fakeHost());
    expect((await unwrap(fakeHost({ env: { SOPS_AGE_KEY: B } }), key)).dataKey).toEqual(dataKey);
    const decrypter = new Decrypter();
    decrypter.addIdentity(B);
    expect(Uint8Array.from(await decrypter.decrypt(armor.decode(textField(key, "enc"))))).toEqual(dataKey);
  });
});

describe("unwrapping", () => {
  test("opens the key of the reference's file", async () => {
    const { dataKey, reasons } = await unwrap(fakeHost({ env: { SOPS_AGE_KEY: A } }));
    expect(dataKey).toEqual(DATA_KEY);
    expect(reasons).toEqual([]);
  });

  test("does not look at the recipient", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY: A } });
    for (const recipient of [null, "", "somebody", RECIPIENT_B]) {
      expect((await unwrap(host, entry(ENC_A, recipient))).dataKey).toEqual(DATA_KEY);
    }
  });

  test("takes files without armor, and armor with other line ends", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY: A } });
    const binary = entry({ type: "str", text: armor.decode(ENC_A) });
    expect((await unwrap(host, binary)).dataKey).toEqual(DATA_KEY);
    const crlf = entry(`\n  ${ENC_A.trimEnd().replaceAll("\n", "\r\n")}  `);
    expect((await unwrap(host, crlf)).dataKey).toEqual(DATA_KEY);
  });

  test("fails on a damaged file, whoever it is for", async () => {
    const damaged = [null, "", "nonsense", ENC_A.replace("oSrz", "oSrA"), ENC_A.replace("TFdm", "TFdn")];
    const encs = [...damaged, ENC_A.slice(0, -60), ENC_A.replace("YWdl", "YWdm"), { type: "null", text: "" } as const];
    for (const enc of encs) {
      await expect(unwrap(fakeHost({ env: { SOPS_AGE_KEY: A } }), entry(enc))).rejects.toEqual(
        fails("PROVIDER_FAILED"),
      );
    }
  });

  test("says when a key is for another kind of recipient", async () => {
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(await generateHybridIdentity()));
    const enc = armor.encode(await encrypter.encrypt(DATA_KEY));
    const { dataKey, reasons } = await unwrap(fakeHost({ env: { SOPS_AGE_KEY: A } }), entry(enc));
    expect(dataKey).toBeNull();
    expect(reasons[0]).toContain("mlkem768x25519");
  });
});

describe("identity sources", () => {
  const programs = { "print-keys": `# made for this\n${A}\n` };

  test.each<[string, Parameters<typeof fakeHost>[0]]>([
    ["SOPS_AGE_KEY", { env: { SOPS_AGE_KEY: A } }],
    ["SOPS_AGE_KEY, several lines", { env: { SOPS_AGE_KEY: `# one\n${B}\r\n\n${A}\n` } }],
    ["SOPS_AGE_KEY, blanks between", { env: { SOPS_AGE_KEY: `  ${B} ${C}\t${A} ` } }],
    ["SOPS_AGE_KEY_FILE", { env: { SOPS_AGE_KEY_FILE: "k.txt" }, files: { "k.txt": `# public\n\n${B}\n${A}` } }],
    ["SOPS_AGE_KEY_FILE with CRLF", { env: { SOPS_AGE_KEY_FILE: "k.txt" }, files: { "k.txt": `#\r\n\r\n${A}\r\n` } }],
    ["SOPS_AGE_KEY_CMD", { env: { SOPS_AGE_KEY_CMD: "print-keys --all" }, programs }],
    ["default file", { files: { [DEFAULT_FILE]: A } }],
    ["default file beside a variable", { env: { SOPS_AGE_KEY: B }, files: { [DEFAULT_FILE]: A } }],
    [
      "the command beside everything else",
      {
        env: { SOPS_AGE_KEY: B, SOPS_AGE_KEY_FILE: "k.txt", SOPS_AGE_KEY_CMD: "print-keys" },
        files: { "k.txt": C, [DEFAULT_FILE]: C },
        programs,
      },
    ],
  ])("%s", async (_name, options) => {
    expect((await unwrap(fakeHost(options))).dataKey).toEqual(DATA_KEY);
  });

  /** Each of these gives nothing, and none keeps the next source from being tried. */
  test.each<[string, Parameters<typeof fakeHost>[0], string]>([
    ["an empty variable", { env: { SOPS_AGE_KEY: "" } }, "SOPS_AGE_KEY: "],
    ["a bad line", { env: { SOPS_AGE_KEY: `${B}\nmy password` } }, "SOPS_AGE_KEY: line 2"],
    ["lower case", { env: { SOPS_AGE_KEY: A.toLowerCase() } }, "SOPS_AGE_KEY: line 1"],
    ["a missing file", { env: { SOPS_AGE_KEY_FILE: "gone.txt" } }, "SOPS_AGE_KEY_FILE (gone.txt): no such file"],
    ["an empty file name", { env: { SOPS_AGE_KEY_FILE: "" } }, "SOPS_AGE_KEY_FILE"],
    [
      "an unreadable file",
      { env: { SOPS_AGE_KEY_FILE: "k.txt" }, files: { "k.txt": new Error("EACCES: permission denied") } },
      "SOPS_AGE_KEY_FILE (k.txt): EACCES",
    ],
    [
      "blanks around an identity in a file",
      { env: { SOPS_AGE_KEY_FILE: "k.txt" }, files: { "k.txt": ` ${A}\n` } },
      "SOPS_AGE_KEY_FILE (k.txt): line 1",
    ],
    [
      "two identities on a line of a file",
      { env: { SOPS_AGE_KEY_FILE: "k.txt" }, files: { "k.txt": `#\n${B} ${A}\n` } },
      "SOPS_AGE_KEY_FILE (k.txt): line 2",
    ],
    [
      "a good line before a bad one",
      { env: { SOPS_AGE_KEY_FILE: "k.txt" }, files: { "k.txt": `${A}\nbad\n` } },
      "SOPS_AGE_KEY_FILE (k.txt): line 2",
    ],
    ["an ssh key", { env: { SOPS_AGE_KEY: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA" } }, "SOPS_AGE_KEY: an ssh"],
    ["a file encrypted to a key", { env: { SOPS_AGE_KEY: ENC_A } }, "SOPS_AGE_KEY: the identity file is encrypted to"],
    ["an ssh file", { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" } }, "SOPS_AGE_SSH_PRIVATE_KEY_FILE: not looked at"],
    ["an ssh command", { env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "id" } }, "SOPS_AGE_SSH_PRIVATE_KEY_CMD: not looked at"],
    ["a large file", { env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: LARGE } }, "SOPS_AGE_KEY_FILE (k): is larger"],
    ["half a post-quantum identity", { env: { SOPS_AGE_KEY: `${B}\nAGE-SECRET-KEY-PQ-1QQ` } }, "SOPS_AGE_KEY: line 2"],
    ["half an identity of a plugin", { env: { SOPS_AGE_KEY: "AGE-PLUGIN-X-1QQQQQQQQ" } }, "SOPS_AGE_KEY: line 1"],
    ["an identity for somebody else", { env: { SOPS_AGE_KEY: B } }, "SOPS_AGE_KEY: "],
  ])("%s", async (_name, options, reason) => {
    const without = await unwrap(fakeHost(options));
    expect(without.dataKey).toBeNull();
    expect(without.reasons.filter((text) => text.startsWith(reason))).toHaveLength(1);
    expect(without.reasons).toContain(`${DEFAULT_FILE}: no such file`);
    expect(without.reasons.join()).not.toMatch(/AGE-SECRET-KEY-1|password/i);

    const withDefault = await unwrap(fakeHost({ ...options, files: { ...options?.files, [DEFAULT_FILE]: A } }));
    expect(withDefault.dataKey).toEqual(DATA_KEY);
    expect(withDefault.reasons).toEqual([]);
  });

  test.each<[string, string, Parameters<typeof fakeHost>[0]]>([
    ["an empty command", "", {}],
    ["only blanks", "  ", {}],
    ["an open quote", "print 'a", {}],
    ["an unknown program", "nowhere", {}],
    ["a status other than 0", "print", { programs: { print: { status: 3, stdout: A } } }],
    ["no output", "print", { programs: { print: "" } }],
    ["something else", "print", { programs: { print: `password\n${A}` } }],
  ])("a command: %s", async (_name, command, options) => {
    const { dataKey, reasons } = await unwrap(fakeHost({ ...options, env: { SOPS_AGE_KEY_CMD: command } }));
    expect(dataKey).toBeNull();
    expect(reasons.filter((text) => text.startsWith("SOPS_AGE_KEY_CMD: "))).toHaveLength(1);
    expect(reasons.join()).not.toMatch(/AGE-SECRET-KEY-1|password/i);
  });

  test("nothing at all: says which variables there are", async () => {
    const { dataKey, reasons } = await unwrap(fakeHost({ home: null }));
    expect(dataKey).toBeNull();
    for (const name of ["SOPS_AGE_KEY,", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"]) expect(reasons[0]).toContain(name);
  });

  test("the command gets the recipient and is split into words", async () => {
    const host = fakeHost({
      env: { SOPS_AGE_KEY_CMD: "pick 'a b' \"c\"d" },
      programs: { pick: (_args, extraEnv) => (extraEnv["SOPS_AGE_RECIPIENT"] === RECIPIENT_A ? A : B) },
    });
    expect((await unwrap(host, entry(ENC_A, RECIPIENT_B))).dataKey).toBeNull();
    expect((await unwrap(host, entry(ENC_A, ` ${RECIPIENT_A}\n`))).dataKey).toEqual(DATA_KEY);
    expect(host.runs).toEqual([
      { command: ["pick", "a b", "cd"], extraEnv: { SOPS_AGE_RECIPIENT: RECIPIENT_B } },
      { command: ["pick", "a b", "cd"], extraEnv: { SOPS_AGE_RECIPIENT: RECIPIENT_A } },
    ]);
  });

  test("files are read once for a host, commands once for a recipient", async () => {
    const options = { env: { SOPS_AGE_KEY_FILE: "k.txt", SOPS_AGE_KEY_CMD: "print" }, programs: { print: B } };
    const host = fakeHost(options);
    await Promise.all([unwrap(host), unwrap(host)]);
    await unwrap(host);
    expect(host.reads).toEqual(["k.txt", DEFAULT_FILE]);
    expect(host.runs).toHaveLength(1);
    await unwrap(host, entry(ENC_A, RECIPIENT_B));
    expect(host.runs).toHaveLength(2);
    const another = fakeHost(options);
    await unwrap(another);
    expect(another.reads).toHaveLength(2);
  });

  test("no command is run when a key at hand fits", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY: A, SOPS_AGE_KEY_CMD: "print" } });
    expect((await unwrap(host)).dataKey).toEqual(DATA_KEY);
    expect(host.runs).toEqual([]);
  });

  test("the default file named by the variable too is read once", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: DEFAULT_FILE }, files: { [DEFAULT_FILE]: B } });
    expect((await unwrap(host)).reasons).toHaveLength(1);
    expect(host.reads).toEqual([DEFAULT_FILE]);
  });
});

describe("default identity file", () => {
  test.each<[string, Record<string, string>, string | null]>([
    ["linux", {}, DEFAULT_FILE],
    ["freebsd", { XDG_CONFIG_HOME: "" }, DEFAULT_FILE],
    ["linux", { XDG_CONFIG_HOME: "/etc/xdg" }, "/etc/xdg/sops/age/keys.txt"],
    ["linux", { XDG_CONFIG_HOME: "relative" }, null],
    ["darwin", {}, "/home/tester/Library/Application Support/sops/age/keys.txt"],
    ["darwin", { XDG_CONFIG_HOME: "/x" }, "/x/sops/age/keys.txt"],
    ["win32", { AppData: "C:\\Users\\t\\AppData\\Roaming" }, "C:\\Users\\t\\AppData\\Roaming\\sops\\age\\keys.txt"],
    ["win32", { XDG_CONFIG_HOME: "/x" }, null],
  ])("%s %j", (platform, env, path) => {
    expect(defaultIdentityFile(fakeHost({ platform, env }))).toBe(path);
  });

  test("without a home directory there is none", () => {
    expect(defaultIdentityFile(fakeHost({ home: null }))).toBeNull();
  });
});

describe("recipients", () => {
  test("come from a comma-separated text, trimmed; empty items are dropped", () => {
    const texts = age.fromText(` ${RECIPIENT_A} ,\n${RECIPIENT_B},,`, {}).map(age.identity);
    expect(texts).toEqual([RECIPIENT_A, RECIPIENT_B]);
    expect(age.fromText("", {})).toEqual([]);
  });

  test("come from the items of a key group", () => {
    expect(age.fromGroup(leaf(RECIPIENT_A)).map(age.identity)).toEqual([RECIPIENT_A]);
    expect(age.fromGroup(leaf(`${RECIPIENT_A},${RECIPIENT_B}`))).toHaveLength(2);
    for (const node of [list([]), mapping([]), leaf({ type: "int", text: "5" }), leaf({ type: "null", text: "" })]) {
      expect(() => age.fromGroup(node)).toThrowError(fails("KEY_BAD_RECIPIENT"));
    }
  });

  test.each([
    "x",
    "age1",
    RECIPIENT_A.toUpperCase(),
    `${RECIPIENT_A}q`,
    `${RECIPIENT_A} ${RECIPIENT_B}`,
    "AGE-PLUGIN-X-1Q",
    A,
  ])("%s is none", (text) => {
    expect(() => age.fromText(text, {})).toThrowError(fails("KEY_BAD_RECIPIENT"));
  });

  test("an identity given by mistake is not repeated", () => {
    for (const text of [A, A.toLowerCase(), "hunter2"]) {
      expect(() => age.fromText(text, {})).not.toThrowError(text);
    }
  });

  test.each([
    "age1pq1qqqqqqqqqqqqqq",
    encodeBech32("age1pq", new Uint8Array(1215)),
    "age1yubikey1qqqq",
    encodeBech32("age1x/../y", new Uint8Array(4)),
    encodeBech32("age1x1/../y", new Uint8Array(4)),
    "ssh-dss AAAA",
    "ssh-ed25519",
    "ssh-ed25519 -----",
    "ssh-ed448 AAAA",
  ])("%s is none of its kind", (text) => {
    expect(() => age.fromText(text, {})).toThrowError(fails("KEY_BAD_RECIPIENT"));
  });

  test("of other kinds are taken as they are", () => {
    const texts = [
      encodeBech32("age1pq", new Uint8Array(1216)),
      encodeBech32("age1yubikey", new Uint8Array(33)),
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOaIACgdiIGsjdahuaPTe+STPC1Ge85pRLJCVlYZF+nz a comment",
      "ssh-rsa AAAA",
    ];
    expect(age.fromText(texts.join(" , "), {}).map(age.identity)).toEqual(texts);
  });

  test("name a wrapped key, even an incomplete one", () => {
    expect(age.identityOf(entry(ENC_A, ` ${RECIPIENT_A}\n`))).toBe(RECIPIENT_A);
    expect(age.identityOf(entry(ENC_A, null))).toBe("");
    expect(age.identityOf({ provider: "age", fields: mapping([["recipient", list([])]]) })).toBe("");
  });
});
