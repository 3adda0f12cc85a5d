import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type Outcome, programs, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** A real repository, in which git shows encrypted files through `enc git textconv`. */

let box: Sandbox;
let env: Readonly<Record<string, string>>;

/** Runs git in the repository, with `enc` on its PATH and nobody's configuration. */
async function git(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runGit(env, ...args);
  expect([status, stderr], `git ${args.join(" ")}`).toEqual([0, ""]);
  return stdout;
}

function runGit(withEnv: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  return runProgram("git", args, box, { env: withEnv });
}

async function commit(message: string): Promise<void> {
  await git("add", "-A");
  await git("commit", "-q", "-m", message);
}

/** Seals text into a file, as a user would write over it. */
async function seal(name: string, text: string): Promise<void> {
  box.write(join(box.temporary, name), text);
  const { status } = await run("enc", box, [join(box.temporary, name), "-o", name, "--filename-override", name]);
  expect(status).toBe(0);
}

/** Lines that a diff removes or adds. */
function changes(diff: string): string[] {
  return diff.split("\n").filter((line) => /^[-+](?![-+]{2} )/.test(line));
}

beforeEach(async () => {
  box = sandbox();
  const bin = join(box.home, "bin");
  box.write(join(bin, ".keep"), "");
  for (const name of ["enc", "dec"] as const) symlinkSync(programs[name], join(bin, name));
  const node = join(bin, "node");
  writeFileSync(node, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  chmodSync(node, 0o755);
  env = {
    PATH: [bin, process.env["PATH"] ?? ""].join(delimiter),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "test",
    GIT_AUTHOR_EMAIL: "test@example.com",
    GIT_COMMITTER_NAME: "test",
    GIT_COMMITTER_EMAIL: "test@example.com",
  };
  await git("init", "-q");
  expect((await run("enc", box, ["init"], { env })).status).toBe(0);
  await commit("set up");
});

const first = "# database\ndb:\n  user: shop\n  password: hunter2\nhosts: [a, b]\n";
const second = "# database\ndb:\n  user: shop\n  password: correct horse\nhosts: [a, b]\nnew: 1\n";

describe("git", () => {
  beforeEach(async () => {
    await seal("db.enc.yaml", first);
    await commit("first");
    await seal("db.enc.yaml", second);
  });

  it("diff, log -p and show give plaintext, field by field", async () => {
    const expected = ["-  password: hunter2", "+  password: correct horse", "+new: 1"];
    expect(changes(await git("diff"))).toEqual(expected);
    await commit("second");
    expect(changes(await git("show", "--format="))).toEqual(expected);
    expect(changes(await git("log", "-p", "-1", "--format="))).toEqual(expected);
    expect(changes(await git("diff", "HEAD~1"))).toEqual(expected);
    expect(await git("log", "-p", "--format=")).not.toContain("ENC[AES256_GCM");
    expect(changes(await git("diff", "--word-diff=porcelain", "HEAD~1")).join()).toContain("correct horse");
  });

  it("stores nothing decrypted", async () => {
    await git("diff");
    await commit("second");
    await git("show");
    const objects = await git("cat-file", "--batch-all-objects", "--batch");
    expect(objects).toContain("ENC[AES256_GCM");
    for (const secret of ["hunter2", "correct horse", "# database"]) expect(objects).not.toContain(secret);
    expect(await git("for-each-ref", "refs/notes")).toBe("");
  });

  it("diff does not fail without the key: encrypted text is compared", async () => {
    const withoutKey = { ...env, HOME: join(box.work, "nobody") };
    const { status, stdout } = await runGit(withoutKey, "diff", "-U9");
    expect(status).toBe(0);
    expect(stdout).toContain("# keyleaf: shown encrypted: no key");
    expect(changes(stdout).some((line) => line.includes("password: ENC[AES256_GCM"))).toBe(true);
    expect(stdout).not.toContain("hunter2");
    // With the key for one side only, the other is shown as it is.
    await commit("second");
    expect((await runGit(withoutKey, "log", "-p")).status).toBe(0);
  });

  it("has encrypted files whatever becomes of .gitattributes and of its configuration", async () => {
    await git("rm", "-q", ".gitattributes");
    await git("config", "--remove-section", "diff.keyleaf");
    await commit("second");
    expect(await git("show", "HEAD:db.enc.yaml")).toContain("password: ENC[AES256_GCM");
    const shown = await git("log", "-p");
    for (const secret of ["hunter2", "correct horse"]) expect(shown).not.toContain(secret);
  });

  it("shows new files, encrypted or not, and removed ones", async () => {
    await commit("second");
    await seal("new.enc.json", '{"token": "abc"}\n');
    // Plaintext under the name of an encrypted file is what a review has to find.
    box.write("plain.enc.yaml", "password: clear\n");
    box.write("broken.enc.yaml", "a: [\n");
    await git("rm", "-q", "db.enc.yaml");
    await git("add", "-A");
    const diff = await git("diff", "--cached");
    for (const line of ['+{"token": "abc"}', "+password: clear", "+a: [", "-  password: correct horse"]) {
      expect(changes(diff)).toContain(line);
    }
  });

  it("shows a file that was tampered with as it is, and says so", async () => {
    box.write("db.enc.yaml", box.read("db.enc.yaml").replace("  user:", "  usr:"));
    const diff = await git("diff");
    expect(diff).toContain("+# keyleaf: shown encrypted: it was tampered with");
    expect(diff).not.toContain("correct horse");
  });
});

it("shows every format through the driver", async () => {
  const files: Record<string, [before: string, after: string]> = {
    "a.enc.json": ['{"k": "one"}\n', '{"k": "two"}\n'],
    ".env.enc": ["K=one\n", "K=two\n"],
    "a.enc.ini": ["[s]\nk = one\n", "[s]\nk = two\n"],
    "a.txt.enc": ["one\n", "two\n"],
    "dir with blank/b.enc.yml": ["k: one\n", "k: two\n"],
  };
  for (const [name, [before]] of Object.entries(files)) {
    box.write(name, "");
    await seal(name, before);
  }
  await commit("before");
  for (const [name, [, after]] of Object.entries(files)) await seal(name, after);
  const shown = changes(await git("diff")).join("\n");
  expect(shown).not.toContain("ENC[");
  for (const [before, after] of Object.values(files)) {
    expect(shown).toContain(`-${before.trimEnd().split("\n").at(-1)}`);
    expect(shown).toContain(`+${after.trimEnd().split("\n").at(-1)}`);
  }
});

it("keeps plaintext out of the repository", async () => {
  box.write("secrets.yaml", first);
  box.write(".env", "A=b\n");
  await seal("secrets.enc.yaml", first);
  await git("add", "-A");
  expect((await git("diff", "--cached", "--name-only")).trim()).toBe("secrets.enc.yaml");
});

it("decrypting in place, one change and encrypting in place change what was changed, and the file is git's without", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `in place/${i}.yaml`);
  for (const name of names) box.write(name, `a: one\nlong: ${"x".repeat(20_000)}\nb: two\n`);
  expect((await run("enc", box, ["-i", "in place"], { env })).status).toBe(0);
  await commit("before");
  expect((await run("dec", box, ["-i", "in place"], { env })).status).toBe(0);
  box.write("in place/7.yaml", box.read("in place/7.yaml").replace("one", "three"));
  // So that the time is another one.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect((await run("enc", box, ["-i", "in place"], { env })).status).toBe(0);
  expect(await git("diff", "--numstat")).toBe("3\t3\tin place/7.yaml\n");
});
