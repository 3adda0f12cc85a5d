import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { changedLines } from "../support/sealed-cases.ts";
import { bob } from "../support/sops.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

let cwd: string;
let sealed: string;

const SOURCE = "# c\na: one\nlist: [x, y]\nb: two # d\n";
const LATER = new Date("2031-05-06T07:08:09Z");

function enc(...argv: string[]): Promise<Ran> {
  return runWith({ cwd, env: { SOPS_AGE_KEY: IDENTITY }, host: { now: () => LATER } }, ...argv);
}

function write(name: string, content: string): void {
  writeFileSync(join(cwd, name), content);
}

function read(name = "f.enc.yaml"): string {
  return readFileSync(join(cwd, name), "utf8");
}

async function opened(): Promise<string> {
  return (await runWith({ cwd, env: { SOPS_AGE_KEY: IDENTITY }, program: "dec" }, "f.enc.yaml")).stdout;
}

beforeEach(async () => {
  cwd = temporaryFolder();
  write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
  write("f.yaml", SOURCE);
  const { status } = await runWith({ cwd, env: {} }, "f.yaml", "-o", "f.enc.yaml");
  expect(status).toBe(0);
  sealed = read();
});

test("one value that changed changes its line, the time and the MAC", async () => {
  write("f.yaml", SOURCE.replace("one", "three"));
  expect(await enc("f.yaml", "-o", "f.enc.yaml")).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(changedLines(sealed, read())).toEqual([
    expect.stringMatching(/^a: ENC/),
    expect.stringContaining("lastmodified"),
    expect.stringContaining("mac:"),
  ]);
  expect(await opened()).toBe(SOURCE.replace("one", "three"));
});

test("nothing that changed leaves the file, and its time stamp", async () => {
  utimesSync(join(cwd, "f.enc.yaml"), 1000, 1000);
  const { status, stderr } = await enc("f.yaml", "-o", "f.enc.yaml");
  expect([status, stderr]).toEqual([0, "enc: note: nothing has changed: f.enc.yaml stays as it is\n"]);
  expect(read()).toBe(sealed);
  expect(statSync(join(cwd, "f.enc.yaml")).mtimeMs).toBe(1_000_000);
});

describe("the file is made anew", () => {
  async function expectAnew(...argv: string[]): Promise<string> {
    const { status, stderr } = await enc("f.yaml", "-o", "f.enc.yaml", ...argv);
    expect(status).toBe(0);
    expect(changedLines(sealed, read()).filter((line) => line.startsWith("b: "))).toHaveLength(1);
    return stderr;
  }

  test("with --fresh", async () => {
    expect(await expectAnew("--fresh")).toBe("");
  });

  test("for other recipients that flags name", async () => {
    expect(await expectAnew("--age", `${bob.recipient},${RECIPIENT}`)).toContain(
      "f.enc.yaml is made anew: the flags name other recipients",
    );
    expect(read()).toContain(bob.recipient);
  });

  test("by another rule that flags name", async () => {
    expect(await expectAnew("--encrypted-regex", "^[ab]$")).toContain("another selection rule");
    expect(await opened()).toBe(SOURCE);
  });

  test("when no key opens the earlier version", async () => {
    const { status, stderr } = await runWith({ cwd, env: {} }, "f.yaml", "-o", "f.enc.yaml");
    expect([status, stderr]).toEqual([0, "enc: note: f.enc.yaml is made anew: no key at hand opens it\n"]);
    expect(await opened()).toBe(SOURCE);
  });

  test("under the name sops", async () => {
    const setting = { cwd, env: { SOPS_AGE_KEY: IDENTITY }, program: "sops" } as const;
    const { status } = await runWith(setting, "encrypt", "--output", "f.enc.yaml", "f.yaml");
    expect(status).toBe(0);
    expect(read()).not.toContain(/^b: .*$/m.exec(sealed)?.[0]);
  });
});

test("flags that say what the file has already change nothing", async () => {
  const { stderr } = await enc("f.yaml", "-o", "f.enc.yaml", "--age", RECIPIENT);
  expect(stderr).toContain("nothing has changed");
});

test("recipients stay as they are when the configuration names more, which is said", async () => {
  write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT},${bob.recipient}\n`);
  write("f.yaml", SOURCE.replace("one", "three"));
  const { status, stderr } = await enc("f.yaml", "-o", "f.enc.yaml");
  expect(status).toBe(0);
  expect(stderr).toContain("f.enc.yaml is for fewer recipients than the configuration names, and stays so");
  expect(read()).not.toContain(bob.recipient);
  expect(await opened()).toBe(SOURCE.replace("one", "three"));
});

test("where nothing says who may read it, it is said who does", async () => {
  write(".sops.yaml", "stores: {}\n");
  const { status, stderr } = await enc("f.yaml", "-o", "f.enc.yaml");
  expect([status, stderr]).toEqual([
    0,
    expect.stringContaining(`no rule says who may read it, so all do that the file names: ${RECIPIENT}\n`),
  ]);
});

/** Whoever can write the encrypted file needs no key to put themselves, or another rule, there. */
describe("what the configuration does not say does not get the plaintext:", () => {
  async function expectRefused(...words: string[]): Promise<void> {
    write("f.yaml", SOURCE.replace("one", "three"));
    const before = read();
    const { status, stderr } = await enc("f.yaml", "-o", "f.enc.yaml");
    expect(status).toBe(1);
    for (const word of [...words, "--fresh makes it anew, by the configuration"]) expect(stderr).toContain(word);
    expect(read()).toBe(before);
    expect((await enc("f.yaml", "-o", "f.enc.yaml", "--fresh")).status).toBe(0);
    expect(await opened()).toBe(SOURCE.replace("one", "three"));
    expect(read()).not.toContain(bob.recipient);
  }

  test("a recipient", async () => {
    expect((await enc("f.yaml", "-o", "f.enc.yaml", "--age", `${RECIPIENT},${bob.recipient}`)).status).toBe(0);
    const unlisted = `the configuration names other recipients than f.enc.yaml has: f.enc.yaml is for ${bob.recipient} too`;
    await expectRefused(unlisted, "enc updatekeys");
  });

  test("a selection rule, of which the MAC says nothing", async () => {
    write("f.enc.yaml", sealed.replace("unencrypted_suffix: _unencrypted", "unencrypted_regex: ^apikey$"));
    await expectRefused("another selection rule");
  });

  test("clear values that are not in the MAC", async () => {
    expect((await enc("f.yaml", "-o", "f.enc.yaml", "--mac-only-encrypted")).status).toBe(0);
    await expectRefused("another mac_only_encrypted");
  });

  test("one group where two are needed", async () => {
    const groups = `    key_groups:\n      - age: [${RECIPIENT}]\n      - age: [${RECIPIENT}]\n`;
    write(".sops.yaml", `creation_rules:\n  - shamir_threshold: 2\n${groups}`);
    await expectRefused("other groups, or another threshold");
  });
});

test("a file that was tampered with is not written over without a word", async () => {
  const tampered = sealed.replace(/^b: .*$/m, "");
  write("f.enc.yaml", tampered);
  const { status, stderr } = await enc("f.yaml", "-o", "f.enc.yaml");
  expect(status).toBe(51);
  expect(stderr).toContain("f.enc.yaml");
  expect(stderr).toContain("--fresh");
  expect(read()).toBe(tampered);
});

test("in place, it is said when no key at hand opens the result", async () => {
  const warning =
    "enc: warning: no key at hand is for any of the recipients: what is encrypted cannot be decrypted here\n";
  write("g.yaml", SOURCE);
  expect((await enc("-i", "f.yaml", "--age", bob.recipient)).stderr).toBe(warning);
  expect((await enc("-i", "g.yaml", "--age", RECIPIENT)).stderr).toBe("");
});

test("a file that is not encrypted is written over", async () => {
  write("f.enc.yaml", "text about ENC[AES256_GCM, and the like\n");
  expect((await enc("f.yaml", "-o", "f.enc.yaml")).status).toBe(0);
  expect(await opened()).toBe(SOURCE);
});
