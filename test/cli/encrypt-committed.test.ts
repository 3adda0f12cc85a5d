import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { changedLines } from "../support/sealed-cases.ts";
import { bob } from "../support/sops.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

/** `enc -i` of files whose earlier version is committed, in real repositories. */

let cwd: string;
let sealed: string;

const SOURCE = "# c\na: one\nlist: [x, y]\nb: two # d\n";
const env = { SOPS_AGE_KEY: IDENTITY };

const LATER = { now: () => new Date("2031-05-06T07:08:09Z") };

function enc(...argv: string[]): Promise<Ran> {
  return runWith({ cwd, env, host: LATER }, ...argv);
}

function write(name: string, content: string): void {
  writeFileSync(join(cwd, name), content);
}

function read(name = "f.yaml"): string {
  return readFileSync(join(cwd, name), "utf8");
}

function git(...args: string[]): string {
  const config = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "core.autocrlf=false"];
  const { status, stdout, stderr } = spawnSync("git", [...config, ...args], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function commit(): void {
  git("add", "-A");
  git("commit", "-q", "--no-verify", "-m", "x");
}

/** Lines of the committed file that are others now. */
function changed(name = "f.yaml"): string[] {
  return changedLines(sealed, read(name));
}

const MAC_AND_TIME = [expect.stringContaining("lastmodified"), expect.stringContaining("mac:")];
/** The value that is never changed, and the MAC. */
const ANEW = expect.arrayContaining([expect.stringMatching(/^b: ENC/), expect.stringContaining("mac:")]);

beforeEach(async () => {
  cwd = temporaryFolder();
  git("init", "-q");
  write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
  write("f.yaml", SOURCE);
  expect((await runWith({ cwd, env }, "-i", "f.yaml")).status).toBe(0);
  sealed = read();
  commit();
  write("f.yaml", SOURCE);
});

it("what did not change keeps its ciphertext", async () => {
  write("f.yaml", SOURCE.replace("one", "three"));
  expect(await enc("-i", "f.yaml")).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(changed()).toEqual([expect.stringMatching(/^a: ENC/), ...MAC_AND_TIME]);
  expect(git("diff", "--numstat")).toBe("3\t3\tf.yaml\n");
  expect((await runWith({ cwd, env, program: "dec" }, "f.yaml")).stdout).toBe(SOURCE.replace("one", "three"));
});

it("what did not change at all is what is committed", async () => {
  expect((await enc("-i", "f.yaml")).status).toBe(0);
  expect(read()).toBe(sealed);
  expect(git("status", "--porcelain")).toBe("");
});

it("the last commit counts, also in folders, for many files and from elsewhere", async () => {
  const names = Array.from({ length: 30 }, (_, i) => `folder/s p/ü${i}.yaml`);
  git("mv", "f.yaml", "g.yaml");
  spawnSync("mkdir", ["-p", "folder/s p"], { cwd });
  for (const name of names) write(name, `a: ${name}\nb: ${"x".repeat(3000)}\n`);
  expect((await runWith({ cwd, env }, "-i", "folder")).status).toBe(0);
  commit();
  const before = names.map(read);
  for (const name of names) write(name, `a: new\nb: ${"x".repeat(3000)}\n`);
  const elsewhere = temporaryFolder();
  const config = ["--config", join(cwd, ".sops.yaml")];
  const { status } = await runWith({ cwd: elsewhere, env, host: LATER }, "-i", ...config, join(cwd, "folder"));
  expect(status).toBe(0);
  for (const [i, name] of names.entries())
    expect(changedLines(before[i] ?? "", read(name))).toEqual([expect.stringMatching(/^a: ENC/), ...MAC_AND_TIME]);
});

describe("the file is made anew", () => {
  async function expectAnew(...argv: string[]): Promise<void> {
    expect(await enc("-i", "f.yaml", ...argv)).toMatchObject({ status: 0 });
    expect(changed()).toEqual(ANEW);
  }

  it("with --fresh", () => expectAnew("--fresh"));

  it("for other recipients", async () => {
    await expectAnew("--age", `${RECIPIENT},${bob.recipient}`);
    expect(read()).toContain(bob.recipient);
  });

  it("when its rule names other recipients now", async () => {
    write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT},${bob.recipient}\n`);
    await expectAnew();
    expect(read()).toContain(bob.recipient);
  });

  it("by another rule", async () => {
    await expectAnew("--encrypted-regex", "^b$");
    expect(read()).toContain("a: one");
  });

  it("when no key opens what is committed", async () => {
    const { status } = await runWith({ cwd, env: {} }, "-i", "f.yaml");
    expect(status).toBe(0);
    expect(changed()).toEqual(ANEW);
  });

  it("when a program would have to be run for the key", async () => {
    const ran = join(cwd, "ran");
    const command = { SOPS_AGE_KEY_CMD: `sh -c "echo x >${ran}; echo ${IDENTITY}"` };
    expect((await runWith({ cwd, env: command }, "-i", "f.yaml")).status).toBe(0);
    expect(changed()).toEqual(ANEW);
    expect(() => readFileSync(ran)).toThrow("ENOENT");
  });

  it("when what is committed is not whole", async () => {
    write("f.yaml", sealed.replace(/^b: .*$/m, "b: other"));
    commit();
    write("f.yaml", SOURCE);
    await expectAnew();
  });

  it("when what is committed is plain, or nothing", async () => {
    commit();
    await expectAnew();
    write("new.yaml", SOURCE);
    expect((await enc("-i", "new.yaml")).status).toBe(0);
    expect(changed("new.yaml")).toEqual(ANEW);
  });

  it("when there was a folder, or nothing is committed, or there is no git", async () => {
    spawnSync("sh", ["-c", "rm f.yaml; mkdir f.yaml; echo a: b >f.yaml/x"], { cwd });
    commit();
    spawnSync("rm", ["-r", "f.yaml"], { cwd });
    write("f.yaml", SOURCE);
    await expectAnew();
    spawnSync("sh", ["-c", "rm -rf .git; git init -q"], { cwd });
    write("f.yaml", SOURCE);
    await expectAnew();
    write("f.yaml", SOURCE);
    expect((await runWith({ cwd, env: { ...env, PATH: "/nowhere" } }, "-i", "f.yaml")).status).toBe(0);
    expect(changed()).toEqual(ANEW);
  });

  it("where the repository says by which program its objects are to be fetched, which is not run", async () => {
    const [object] = git("rev-parse", "HEAD:f.yaml").trim().split("\n");
    spawnSync("rm", [join(cwd, ".git/objects", `${object?.slice(0, 2)}`, `${object?.slice(2)}`)]);
    const settings = { "remote.origin.url": `ext::sh -c touch% ${join(cwd, "ran")}`, "remote.origin.promisor": "true" };
    const more = { "extensions.partialClone": "origin", "protocol.ext.allow": "always" };
    for (const [name, value] of Object.entries({ ...settings, ...more })) git("config", name, value);
    await expectAnew();
    expect(() => readFileSync(join(cwd, "ran"))).toThrow("ENOENT");
    // As it would be.
    spawnSync("git", ["cat-file", "-p", "HEAD:f.yaml"], { cwd, env: { PATH: process.env["PATH"] } });
    readFileSync(join(cwd, "ran"));
  });

  it("under the name sops", async () => {
    expect((await runWith({ cwd, env, program: "sops" }, "encrypt", "-i", "f.yaml")).status).toBe(0);
    expect(changed()).toEqual(ANEW);
  });
});
