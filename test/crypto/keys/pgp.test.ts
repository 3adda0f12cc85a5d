import { describe, expect, test } from "vitest";
import { pgp } from "../../../src/crypto/keys/pgp.ts";
import { leaf, mapping, type Node } from "../../../src/document/document.ts";
import { fieldText } from "../../../src/document/metadata.ts";
import type { Host } from "../../../src/host.ts";
import { fakeGpg } from "../../support/fake-gpg.ts";
import { type FakeHost, fakeHost, type Program } from "../../support/fake-host.ts";
import { expectDiscreet, failure, VECTOR_DATA_KEY } from "../../support/sealing.ts";

/** Beyond the contract of every provider. What real gpg does is in `test/e2e/pgp.test.ts` and `test/interop/live-groups.test.ts`. */

const KEY = "0123456789ABCDEF0123456789ABCDEF01234567";

const noReason = (): void => {};

function hostWith(gpg: Program = fakeGpg(KEY), env: Record<string, string> = {}): FakeHost {
  return fakeHost({ programs: { gpg, "/opt/gpg": gpg }, env });
}

const keyOf = (enc: string): Parameters<typeof pgp.unwrap>[0] => ({
  provider: "pgp",
  fields: mapping([["enc", leaf(enc)] as [string, Node]]),
});

describe("a PGP key", () => {
  test.each([
    ["blanks between its digits", "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567", KEY, "89ABCDEF01234567"],
    ["an exclamation mark, for this very subkey", `${KEY}!`, `${KEY}!`, "89ABCDEF01234567!"],
  ])("is taken with %s", async (_, text, fingerprint, trusted) => {
    const host = hostWith();
    const [recipient = { fingerprint: "" }] = pgp.fromText(text, {});
    const { fields } = await pgp.wrap(VECTOR_DATA_KEY, recipient, host);
    expect(fieldText(fields, "fp")).toBe(fingerprint);
    expect(host.runs[0]?.command).toEqual([
      "gpg",
      ...["--no-default-recipient", "--yes", "--encrypt", "-a", "-r", fingerprint, "--trusted-key", trusted],
      "--no-encrypt-to",
    ]);
  });

  test("has an entry with these fields, in this order, and without a line break at the end of the message", async () => {
    const { fields } = await pgp.wrap(VECTOR_DATA_KEY, { fingerprint: KEY }, hostWith());
    expect(fields.members.map((member) => (member.kind === "item" ? member.key : ""))).toEqual([
      "created_at",
      "enc",
      "fp",
    ]);
    expect(fieldText(fields, "created_at")).toBe("2025-01-02T03:04:05Z");
    expect(fieldText(fields, "enc")).toMatch(/^-----BEGIN PGP MESSAGE-----\n[\s\S]*\n-----END PGP MESSAGE-----$/);
  });

  test.each([
    "",
    "abc",
    KEY.slice(1),
    `${KEY}0`,
    `${KEY}!!`,
    "Rita",
    "r@example",
    `-${KEY.slice(1)}`,
    `${KEY.slice(1)}G`,
  ])("is not %j", async (fingerprint) => {
    const host = hostWith();
    expect((await failure(() => pgp.wrap(VECTOR_DATA_KEY, { fingerprint }, host))).code).toBe("KEY_BAD_RECIPIENT");
    expect(host.runs).toEqual([]);
  });

  test("is read from files whatever stands around its message, and whatever it is called there", async () => {
    const host = hostWith();
    const { fields } = await pgp.wrap(VECTOR_DATA_KEY, { fingerprint: KEY }, host);
    const enc = fieldText(fields, "enc");
    for (const text of [enc, `${enc}\n`, `\n ${enc}\n\n`, enc.replaceAll("\n", "\r\n")]) {
      expect(await pgp.unwrap(keyOf(text), host, noReason)).toEqual(VECTOR_DATA_KEY);
    }
  });
});

describe("gpg", () => {
  const wrapped = async (): Promise<Parameters<typeof pgp.unwrap>[0]> =>
    pgp.wrap(VECTOR_DATA_KEY, { fingerprint: KEY }, hostWith());

  test("is the program of SOPS_GPG_EXEC where that says something", async () => {
    for (const [exec, program] of [
      ["", "gpg"],
      ["/opt/gpg", "/opt/gpg"],
    ] as const) {
      const host = hostWith(fakeGpg(KEY), { SOPS_GPG_EXEC: exec });
      expect(await pgp.unwrap(await wrapped(), host, noReason)).toEqual(VECTOR_DATA_KEY);
      expect(host.runs.map(({ command }) => command)).toEqual([[program, "-d"]]);
    }
  });

  test("is told the terminal, unless it is already", async () => {
    const seen: (string | undefined)[] = [];
    const key = await wrapped();
    const terminals: ([] | [string | null])[] = [[], [null], ["/dev/pts/3"]];
    for (const [path] of terminals) {
      for (const env of [{}, { GPG_TTY: "/dev/pts/9" }]) {
        const plain = hostWith(fakeGpg(KEY), env as Record<string, string>);
        const host: Host = path === undefined ? plain : { ...plain, terminal: async () => path };
        await pgp.unwrap(key, host, noReason);
        seen.push(plain.runs[0]?.extraEnv["GPG_TTY"]);
      }
    }
    expect(seen).toEqual([undefined, undefined, undefined, undefined, "/dev/pts/3", undefined]);
  });

  test("decrypts one message at a time, so that nobody is asked twice, and goes on after a failure", async () => {
    const plain = hostWith();
    let [running, most] = [0, 0];
    const host: Host = {
      ...plain,
      async run(...args) {
        most = Math.max(most, ++running);
        await new Promise((done) => setTimeout(done, 3));
        running--;
        return plain.run(...args);
      },
    };
    const keys = [keyOf("nothing"), await wrapped(), await wrapped()];
    const results = await Promise.allSettled(keys.map((key) => pgp.unwrap(key, host, noReason)));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(most).toBe(1);
  });

  test.each([
    ["gpg: decryption failed: No secret key\n", "decryption failed: No secret key", /GNUPGHOME/],
    [
      "gpg: public key decryption failed: Operation cancelled\ngpg: decryption failed: No secret key\n",
      "public key decryption failed: Operation cancelled",
      /no passphrase was given/,
    ],
    [
      "gpg: public key decryption failed: Inappropriate ioctl for device\ngpg: decryption failed: No secret key\n",
      "public key decryption failed: Inappropriate ioctl for device",
      /GPG_TTY/,
    ],
    [
      "gpg: X: skipped: No public key\ngpg: [stdin]: encryption failed: No public key\n",
      "X: skipped: No public key",
      /import/,
    ],
    [
      "gpg: no valid OpenPGP data found.\ngpg: decrypt_message failed: Unknown system error\n",
      "no valid OpenPGP data found",
      null,
    ],
    [
      "gpg: can't connect to the agent: IPC connect call failed\r\n",
      "can't connect to the agent: IPC connect call failed",
      /gpgconf/,
    ],
    ["/opt/gpg2: odd\n\n", "odd", null],
    ["", "it ended with status 2", null],
    [`gpg: ${"x".repeat(500)}\n`, "x".repeat(200), null],
  ])("that says %j is quoted with what tells the reason", async (stderr, reason, hint) => {
    const host = hostWith({ status: 2, stdout: "half a key", stderr });
    const error = await failure(() => pgp.unwrap(keyOf("x"), host, noReason));
    expect(error).toMatchObject({ code: "PROVIDER_FAILED", message: `gpg cannot decrypt: ${reason}` });
    if (hint === null) expect(error.hint).toBeUndefined();
    else expect(error.hint).toMatch(hint);
    expectDiscreet(error, "half a key");
  });

  test("that cannot be started is an error that says what to do", async () => {
    const missing = await failure(() => pgp.unwrap(keyOf("x"), fakeHost(), noReason));
    expect(missing.hint).toContain("install GnuPG");
    const host = fakeHost({ env: { SOPS_GPG_EXEC: "gpg --batch" } });
    expect((await failure(() => pgp.unwrap(keyOf("x"), host, noReason))).hint).toContain("no arguments");
  });
});
