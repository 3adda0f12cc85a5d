import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { nodeHost } from "../../src/cli/node-host.ts";
import { type Ran, runWith, temporaryFolder } from "../cli/fake.ts";
import { describeGnupg, type Gnupg, startGnupg } from "../support/gnupg.ts";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { alice, bob, runSops, type SopsRun } from "../support/sops.ts";

/**
 * PGP keys and key groups, back and forth between this program and sops 3.11.0. Both use the real gpg, in a keyring of the
 * test's own. TEST ONLY: all keys.
 */

const files = {
  "a.yaml": "a: secret # note\nl: [1, 0x1F]\n",
  "a.json": '{"a": "secret", "l": [1, true]}\n',
  "a.env": "A=secret\nB=2\n",
  "a.ini": "[s]\na = secret\n",
  "a.bin": "\u0000secret",
};
const names = Object.keys(files) as (keyof typeof files)[];

type Tool = (identities: readonly string[], gnupg: Gnupg | null, ...argv: string[]) => Promise<Ran>;

let cwd: string;
let keyring: Gnupg;
let emptyKeyring: Gnupg;
let first: string;
let second: string;

const write = (name: string, content: string): void => writeFileSync(join(cwd, name), content);

/** This program, with these age identities and this keyring. */
const keyleaf: Tool = async (identities, gnupg, ...argv) => {
  const real = await nodeHost();
  const env = { SOPS_AGE_KEY: identities.join("\n") };
  const keyrings = (gnupg ?? emptyKeyring).env;
  return runWith(
    { cwd, env, host: { run: (command, extra, stdin) => real.run(command, { ...keyrings, ...extra }, stdin) } },
    ...argv,
  );
};

function suite(name: string, tests: (sops: Tool) => void): void {
  describePeer(name, "sops", sopsProgram(), (program) => {
    describeGnupg("with gpg", () => {
      beforeAll(async () => {
        [keyring, emptyKeyring] = await Promise.all([startGnupg(), startGnupg()]);
        first = await keyring.makeKey("first");
        second = await keyring.makeKey("second");
      });
      afterAll(() => Promise.all([keyring, emptyKeyring].map((gnupg) => gnupg?.stop())));
      beforeEach(() => {
        cwd = temporaryFolder();
        for (const [file, source] of Object.entries(files)) write(file, source);
      });

      tests(async (identities, gnupg, ...argv) => {
        const env = { ...(gnupg ?? emptyKeyring).env, SOPS_AGE_KEY: identities.join("\n") };
        const ran: SopsRun = await runSops(program, { cwd, env }, ...argv);
        return { status: ran.status ?? -1, stdout: ran.stdout.toString(), stderr: ran.stderr };
      });
    });
  });
}

/** Encrypts with one tool, for the other to decrypt; both have to give the same values, and this program the same text. */
async function expectThrough(
  seal: Tool,
  open: Tool,
  file: keyof typeof files,
  who: readonly string[],
  gnupg: Gnupg | null,
) {
  const sealed = await seal([], keyring, "encrypt", file);
  expect(sealed.stderr.replace(/^.*note: .*\n/gm, "")).toBe("");
  expect(sealed.status).toBe(0);
  expect(sealed.stdout).not.toContain("secret");
  write(file, sealed.stdout);
  const opened = await open(who, gnupg, "decrypt", file);
  expect([opened.status, opened.stdout]).toEqual([0, expect.stringContaining("secret")]);
  if (seal === keyleaf) {
    const again = await keyleaf(who, gnupg, "decrypt", file);
    expect([again.status, again.stdout, again.stderr]).toEqual([0, files[file], ""]);
  }
  return sealed.stdout;
}

suite("PGP keys and sops 3.11.0", (sops) => {
  it.each(names)("go both ways in %s", async (file) => {
    for (const [seal, open] of [[keyleaf, sops] as const, [sops, keyleaf] as const]) {
      write(".sops.yaml", `creation_rules:\n  - pgp: ${first},${second}\n`);
      write(file, files[file]);
      await expectThrough(seal, open, file, [], keyring);
    }
  });

  it("stand in the file as sops writes them", async () => {
    write(
      ".sops.yaml",
      `creation_rules:\n  - pgp: "${first.replace(/(.{4})/g, "$1 ")}"\n    age: ${alice.recipient}\n`,
    );
    const block = (text: string): string =>
      text
        .slice(text.indexOf("\nsops:"))
        .replace(/"?\d{4}-[\dT:-]+Z"?/g, "TIME")
        .replace(/^( +)[\w+/=]{1,64}$/gm, "$1BASE64")
        .replace(/ENC\[.*\]/, "ENC");
    const pgpOf = (text: string): string[] =>
      [...block(text).matchAll(/- created_at: TIME\n(.*\n)*? +-----END PGP MESSAGE-----\n.*\n/g)].map(([entry]) =>
        entry.replace(/(^ +BASE64\n)+/gm, "BASE64\n").replace(/^ +/gm, ""),
      );
    const [ours, theirs] = [await keyleaf([], keyring, "a.yaml"), await sops([], keyring, "encrypt", "a.yaml")];
    expect(pgpOf(theirs.stdout)).toHaveLength(1);
    expect(pgpOf(ours.stdout)).toEqual(pgpOf(theirs.stdout));
    // Nothing follows the armor: the block is one that ends without a line break.
    expect(ours.stdout).toMatch(/enc: \|-\n/);
  });

  it("of a subkey are for that subkey alone", async () => {
    const subkey = await keyring.addSubkey(first);
    const other = (await keyring.gpg("--with-colons", "--list-keys", first)).match(/^sub:\w*:\d+:\d+:(\w+):/m)?.[1];
    expect(subkey).not.toContain(other);
    write(".sops.yaml", `creation_rules:\n  - pgp: ${subkey}!\n`);
    for (const [seal, open] of [[keyleaf, sops] as const, [sops, keyleaf] as const]) {
      write("a.yaml", files["a.yaml"]);
      const text = await expectThrough(seal, open, "a.yaml", [], keyring);
      expect(text).toContain(`fp: ${subkey}!`);
      write("message.asc", (/-----BEGIN[\s\S]*?-----END PGP MESSAGE-----/.exec(text)?.[0] ?? "").replace(/^ +/gm, ""));
      expect(await keyring.gpg("--list-packets", join(cwd, "message.asc"))).toContain(`keyid ${subkey.slice(-16)}`);
    }
  });

  it("that are named by flag or variable make one group with the others", async () => {
    const sealed = await keyleaf([], keyring, "--pgp", first, "--age", alice.recipient, "a.yaml");
    expect(sealed.status).toBe(0);
    write("a.yaml", sealed.stdout);
    for (const [who, gnupg] of [[[], keyring] as const, [[alice.identity], null] as const]) {
      expect((await sops(who, gnupg, "decrypt", "a.yaml")).status).toBe(0);
      expect((await keyleaf(who, gnupg, "decrypt", "a.yaml")).stdout).toBe(files["a.yaml"]);
    }
  });
});

suite("key groups and sops 3.11.0", (sops) => {
  const rule = (threshold: number | null): string =>
    `creation_rules:
  - key_groups:
      - age: [${alice.recipient}]
      - pgp: [${first}]
      - merge:
          - pgp: [${second}]
        age: [${bob.recipient}]
${threshold === null ? "" : `    shamir_threshold: ${threshold}\n`}`;

  /** Who opens what: alice is the first group, the keyring the second and third, bob the third. */
  const readers = [
    { title: "alice and bob", who: [alice.identity, bob.identity], hasKeyring: false, groups: 2 },
    { title: "the keyring alone", who: [], hasKeyring: true, groups: 2 },
    { title: "alice and the keyring", who: [alice.identity], hasKeyring: true, groups: 3 },
    { title: "bob alone", who: [bob.identity], hasKeyring: false, groups: 1 },
    { title: "nobody", who: [], hasKeyring: false, groups: 0 },
  ];

  describe.each([2, 3, null])("with a threshold of %s", (threshold) => {
    it.each(readers)("open alike for $title", async ({ who, hasKeyring, groups }) => {
      write(".sops.yaml", rule(threshold));
      const gnupg = hasKeyring ? keyring : null;
      for (const seal of [keyleaf, sops]) {
        const sealed = await seal([], keyring, "encrypt", "a.yaml");
        expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
        expect(sealed.stdout).toContain(`shamir_threshold: ${threshold ?? 3}\n`);
        write("s.yaml", sealed.stdout);
        for (const open of [keyleaf, sops]) {
          const { status, stdout, stderr } = await open(who, gnupg, "decrypt", "s.yaml");
          const isEnough = groups >= (threshold ?? 3);
          expect(status).toBe(isEnough ? 0 : 128);
          if (isEnough) expect(stdout).toContain("secret");
          else expect(stdout).toBe("");
          if (!isEnough && open === keyleaf) expect(stderr).toContain(`${groups} could be opened`);
        }
      }
    });
  });

  it.each(names)("go both ways in %s", async (file) => {
    for (const [seal, open] of [[keyleaf, sops] as const, [sops, keyleaf] as const]) {
      write(".sops.yaml", rule(2));
      write(file, files[file]);
      await expectThrough(seal, open, file, [alice.identity, bob.identity], null);
    }
  });

  it.each([
    ["a threshold of 1", rule(1), []],
    ["a threshold above the groups", rule(4), []],
    ["an empty group", `${rule(2).replace(/^ {6}- pgp.*\n/m, "      - {}\n")}`, []],
    ["a threshold of 1 by flag", rule(2), ["--shamir-secret-sharing-threshold", "1"]],
    ["a threshold above the groups by flag", rule(2), ["--shamir-secret-sharing-threshold", "4"]],
  ])("are refused alike with %s", async (_, config, flags) => {
    write(".sops.yaml", config);
    for (const tool of [keyleaf, sops]) {
      const { status, stdout, stderr } = await tool([], keyring, "encrypt", ...flags, "a.yaml");
      expect([status, stdout]).toEqual([1, ""]);
      if (tool === keyleaf) expect(stderr).toMatch(/threshold|key group 2/);
    }
  });

  it.each([
    ["2", true],
    ["2.0", true],
    ["2e0", true],
    ["+2", true],
    ["007", true],
    ["0x2", true],
    ["99", true],
    ["0", true],
    ["null", true],
    ["2.5", true],
    ["1e+99", false],
    ["9223372036854775808", false],
    // sops takes it for none.
    ["-3", false],
    ["two", false],
  ])("with a threshold of %s in the file open where sops opens them, if it is none below 0", async (text, isTaken) => {
    write(".sops.yaml", rule(2));
    for (const file of names.filter((name) => name !== "a.bin")) {
      const { stdout } = await sops([], keyring, "encrypt", file);
      const changed = stdout.replace(/(shamir_threshold"?\s*[:=] *)2/, `$1${text}`);
      expect(changed === stdout).toBe(text === "2");
      write(file, changed);
      const who = [alice.identity, bob.identity];
      const [there, here] = [await sops(who, null, "decrypt", file), await keyleaf(who, null, "decrypt", file)];
      if (isTaken && there.status !== 1) expect(here.status).toBe(there.status);
      if (isTaken) continue;
      expect([here.status, here.stdout]).toEqual([1, ""]);
      if (there.status === 0) expect(text).toBe("-3");
    }
  });

  it("take a threshold by flag", async () => {
    write(".sops.yaml", rule(2));
    for (const tool of [keyleaf, sops]) {
      const { stdout } = await tool([], keyring, "encrypt", "--shamir-secret-sharing-threshold", "3", "a.yaml");
      expect(stdout).toContain("shamir_threshold: 3\n");
    }
  });
});
