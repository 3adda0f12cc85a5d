import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeGnupg, type Gnupg, startGnupg } from "../support/gnupg.ts";
import { commandOf, type Outcome, RECIPIENT, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** PGP keys with the built programs and the real gpg, in keyrings of the tests' own. TEST ONLY: all keys. */

const plain = "a: b # note\nc: [1, 0x1F]\n";
const PASSPHRASE = "TEST ONLY passphrase";

/** Stands in for pinentry: writes down what it is told, and answers the question for a passphrase. */
const pinentry = (log: string, answer: string): string => `echo "OK ready"
while read -r line; do
  echo "$line" >> ${log}
  case "$line" in
    GETPIN*) ${answer} ;;
    BYE*) echo OK; exit 0 ;;
    *) echo OK ;;
  esac
done`;
const types = (passphrase: string): string => `echo "D ${passphrase}"; echo OK`;
const CANCELS = 'echo "ERR 83886179 Operation cancelled <Pinentry>"';

describeGnupg("PGP keys", (gpg) => {
  let keyring: Gnupg;
  let key: string;
  let box: Sandbox;

  beforeAll(async () => {
    keyring = await startGnupg();
    key = await keyring.makeKey("reader");
  });
  afterAll(() => keyring?.stop());
  beforeEach(() => {
    box = sandbox({ hasIdentity: false });
    box.write("plain.yaml", plain);
  });

  const enc = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    run("enc", box, args, { env: { ...keyring.env, ...env } });
  const dec = (env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    run("dec", box, ["s.yaml"], { env: { ...keyring.env, ...env } });
  const seal = async (...args: string[]): Promise<void> =>
    expect(await enc([...args, "--fresh", "-o", "s.yaml", "plain.yaml"])).toMatchObject({ status: 0, stderr: "" });

  it("wrap the data key, and unwrap it: by flag, variable, rule and key group", async () => {
    const rule = (text: string): void => box.write(".sops.yaml", `creation_rules:\n  - ${text}\n`);
    const ways: (readonly [string, string[], Record<string, string>])[] = [
      ["", ["--pgp", key], {}],
      ["", ["-p", ` ${key} ,`], {}],
      ["", [], { SOPS_PGP_FP: key.toLowerCase() }],
      [`pgp: ${key}`, [], {}],
      [`pgp: ["${key}"]`, [], {}],
      [`key_groups: [{pgp: [${key}]}]`, [], {}],
    ];
    for (const [text, args, env] of ways) {
      rule(text === "" ? `age: ${RECIPIENT}` : text);
      expect(await enc([...args, "--fresh", "-o", "s.yaml", "plain.yaml"], env)).toMatchObject({
        status: 0,
        stderr: "",
      });
      expect(box.read("s.yaml").toUpperCase()).toContain(`FP: ${key}`);
      expect(await dec()).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    }
    expect(box.list()).toEqual([".sops.yaml", "plain.yaml", "s.yaml"]);
  });

  it("go to gpg with the arguments of the reference, and the data key on standard input only", async () => {
    const record = box.path("record");
    box.write("gpg-exec", `#!/bin/sh\nprintf '%s\\n' "$@" >> ${record}\nexec ${gpg} "$@"\n`, 0o755);
    const env = { SOPS_GPG_EXEC: box.path("gpg-exec") };
    expect((await enc(["--pgp", key, "-o", "s.yaml", "plain.yaml"], env)).status).toBe(0);
    expect(await dec(env)).toMatchObject({ status: 0, stdout: plain });
    const to = ["-r", key, "--trusted-key", key.slice(-16), "--no-encrypt-to"];
    expect(box.read("record").trim().split("\n")).toEqual([
      ...["--no-default-recipient", "--yes", "--encrypt", "-a", ...to],
      "-d",
    ]);
  });

  it("are used by many files with one question for the passphrase", async () => {
    const log = box.path("pinentry.log");
    const locked = await startGnupg({ pinentry: pinentry(log, types(PASSPHRASE)) });
    try {
      const fingerprint = await locked.makeKey("locked", { passphrase: PASSPHRASE });
      await locked.forget();
      const names = Array.from({ length: 6 }, (_, index) => `f${index}.yaml`);
      for (const name of names) box.write(`d/${name}`, plain);
      expect((await run("enc", box, ["-i", "--pgp", fingerprint, "d"], { env: locked.env })).status).toBe(0);
      expect((await run("enc", box, ["decrypt", "-i", "d"], { env: locked.env })).status).toBe(0);
      for (const name of names) expect(box.read(`d/${name}`)).toBe(plain);
      expect(box.read("pinentry.log").match(/^GETPIN/gm)).toHaveLength(1);
    } finally {
      await locked.stop();
    }
  });

  it("have their passphrase asked for on the user's terminal, also where nobody has set GPG_TTY", async () => {
    const log = box.path("pinentry.log");
    const locked = await startGnupg({ pinentry: pinentry(log, types(PASSPHRASE)) });
    try {
      const fingerprint = await locked.makeKey("locked", { passphrase: PASSPHRASE });
      expect((await enc(["--pgp", fingerprint, "-o", "s.yaml", "plain.yaml"], locked.env)).status).toBe(0);
      await locked.forget();
      const line = [...commandOf("dec", box), "s.yaml"].map((word) => `'${word}'`).join(" ");
      const words = ["sh", "-c", `tty; ${line}`];
      const args = process.platform === "linux" ? ["-qec", `tty; ${line}`, "/dev/null"] : ["-q", "/dev/null", ...words];
      const shown = await runProgram("script", args, box, { env: locked.env });
      expect(shown.status).toBe(0);
      const [tty = "", ...rest] = shown.stdout.split("\r\n");
      expect(tty).toMatch(/^\/dev\//);
      expect(rest.join("\n")).toBe(plain);
      expect(box.read("pinentry.log")).toContain(`OPTION ttyname=${tty}\n`);
    } finally {
      await locked.stop();
    }
  });

  describe("that do not help", () => {
    it.each<[string, string, string | null]>([
      ["a question that is cancelled", CANCELS, "Operation cancelled (no passphrase was given)"],
      ["a wrong passphrase", types("wrong"), "Bad passphrase (the passphrase was wrong)"],
      ["a pinentry that does not start", "exit 1", null],
    ])("for %s say so", async (_, answer, reason) => {
      const program = reason === null ? answer : pinentry(box.path("pinentry.log"), answer);
      const locked = await startGnupg({ pinentry: program });
      try {
        const fingerprint = await locked.makeKey("locked", { passphrase: PASSPHRASE });
        await enc(["--pgp", fingerprint, "-o", "s.yaml", "plain.yaml"], locked.env);
        await locked.forget();
        const failed = await dec(locked.env);
        expect([failed.status, failed.stdout]).toEqual([128, ""]);
        expect(failed.stderr).toMatch(
          new RegExp(
            `^dec: error: s\\.yaml: no key at hand opens this file\n  pgp ${fingerprint}: gpg cannot decrypt: `,
          ),
        );
        if (reason !== null) expect(failed.stderr).toContain(reason);
        expect(failed.stderr).not.toContain(PASSPHRASE);
      } finally {
        await locked.stop();
      }
    });

    it("since the secret key is not in the keyring, or nothing is", async () => {
      await seal("--pgp", key);
      const other = await startGnupg();
      try {
        const failed = await dec(other.env);
        expect([failed.status, failed.stdout]).toEqual([128, ""]);
        expect(failed.stderr).toContain(`pgp ${key}: gpg cannot decrypt: decryption failed: No secret key (import the`);
      } finally {
        await other.stop();
      }
    });

    it("since the wrapped key is damaged", async () => {
      await seal("--pgp", key);
      const whole = box.read("s.yaml");
      for (const damaged of [
        whole.replace(/-----BEGIN PGP MESSAGE-----/, "-----BEGIN NOTHING-----"),
        whole.replace(/^( +)(h[\w+/]{3})/m, "$1AAAA"),
        whole.replace(/enc: \|-\n(?: {12}.*\n|\n)+/, 'enc: ""\n'),
      ]) {
        expect(damaged).not.toBe(whole);
        box.write("s.yaml", damaged);
        const failed = await dec();
        expect([failed.status, failed.stdout]).toEqual([128, ""]);
        expect(failed.stderr).toMatch(/ {2}pgp \w+: (gpg cannot decrypt: \S|enc of the wrapped key is missing)/);
      }
    });

    it("since gpg is not there, with what to install", async () => {
      await seal("--pgp", key);
      const PATH = box.path("nowhere");
      const failed = await dec({ PATH });
      expect([failed.status, failed.stdout]).toEqual([128, ""]);
      expect(failed.stderr).toContain("program not found: gpg (install GnuPG");
      const sealing = await enc(["--pgp", key, "plain.yaml"], { PATH });
      expect([sealing.status, sealing.stdout]).toEqual([1, ""]);
      expect(sealing.stderr).toMatch(
        /cannot encrypt the data key to \w+: program not found: gpg\nenc: hint: install GnuPG/,
      );
    });

    it("since gpg is never looked for in the working directory", async () => {
      await seal("--pgp", key);
      box.write("gpg", `#!/bin/sh\necho > ${box.path("ran")}\n`, 0o755);
      for (const env of [{ PATH: "." }, { PATH: "" }, { SOPS_GPG_EXEC: "./gpg" }]) {
        expect((await dec({ ...env })).status).toBe(128);
        expect((await enc(["--pgp", key, "plain.yaml"], env)).status).toBe(1);
      }
      expect(box.list()).not.toContain("ran");
    });

    it.each([
      ["prints nothing", "exit 0", "it printed nothing"],
      ["fails in silence", "exit 3", "it ended with status 3"],
      ["is killed", "kill -9 $$", "it ended with status 255"],
      ["prints a key and fails", `printf %032d 0; echo "gpg: odd" >&2; exit 2`, "gpg cannot decrypt: odd"],
      ["prints too little", "echo x", "what it wraps is 2 bytes long"],
    ])("since it %s", async (_, script, reason) => {
      await seal("--pgp", key);
      box.write("program", `#!/bin/sh\n${script}\n`, 0o755);
      const failed = await dec({ SOPS_GPG_EXEC: box.path("program") });
      expect([failed.status, failed.stdout]).toEqual([128, ""]);
      expect(failed.stderr).toContain(reason);
    });

    it.each([
      ["a name", "reader", "is not the fingerprint of a PGP key"],
      ["a mail address", "reader@keyleaf.example", "is not the fingerprint of a PGP key"],
      ["a flag of gpg", "--output=x", "is not the fingerprint of a PGP key"],
      ["eight digits, which anybody can have a key with", "01234567", "is not the fingerprint of a PGP key"],
      ["one that is not in the keyring", "0".repeat(40), "No public key"],
    ])("since the recipient is %s", async (_, recipient, reason) => {
      const failed = await enc([`--pgp=${recipient}`, "-o", "s.yaml", "plain.yaml"]);
      expect([failed.status, failed.stdout]).toEqual([1, ""]);
      expect(failed.stderr).toContain(reason);
      expect(failed.stderr).toContain("enc: hint: ");
      expect(box.list()).toEqual(["plain.yaml"]);
    });

    it("since the key has expired", async () => {
      const old = await keyring.makeKey("old", { expires: "seconds=1" });
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const failed = await enc(["--pgp", old, "plain.yaml"]);
      expect([failed.status, failed.stdout]).toEqual([1, ""]);
      expect(failed.stderr).toMatch(/Unusable public key\nenc: hint: the key is expired/);
    });
  });
});
