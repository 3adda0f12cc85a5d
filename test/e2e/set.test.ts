import { readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { RECIPIENT, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** One value of an encrypted file is changed, in a repository where everybody sees what else did. */

const files: Readonly<Record<string, readonly [source: string, path: string, changed: string]>> = {
  "f.enc.yaml": [
    "# c\ndb:\n  user: 'alice' # who\n  hosts:\n    - a\n    - b\n",
    "db.hosts[1]",
    "# c\ndb:\n  user: 'alice' # who\n  hosts:\n    - a\n    - new\n",
  ],
  "f.enc.json": ['{\n    "a": {"b": "c"},\n    "d": 1.50\n}\n', "a.b", '{\n    "a": {"b": "new"},\n    "d": 1.50\n}\n'],
  "f.enc.env": ["# c\nexport A='x y'\nB=old\n", "B", "# c\nexport A='x y'\nB=new\n"],
  "f.enc.ini": ["; c\n[s]\na = old ; why\nb: x\n", "s.a", "; c\n[s]\na = new ; why\nb: x\n"],
  "f.enc.toml": ["# c\n[s]\na = 'old' # why\nb = 0x1F\n", "s.a", "# c\n[s]\na = 'new' # why\nb = 0x1F\n"],
};

let box: Sandbox;

async function git(...args: string[]): Promise<string> {
  const env = {
    PATH: `${box.bin}${delimiter}${process.env["PATH"]}`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "A",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_COMMITTER_NAME: "A",
    GIT_COMMITTER_EMAIL: "a@example.com",
  };
  const { status, stdout, stderr } = await runProgram("git", args, box, { env });
  expect([status, stderr], `git ${args.join(" ")}`).toEqual([0, ""]);
  return stdout;
}

beforeEach(async () => {
  box = sandbox();
  box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
  await git("init", "-q");
  for (const [name, [source]] of Object.entries(files)) box.write(name, source);
  expect((await run("enc", box, ["-i", ...Object.keys(files)])).status).toBe(0);
  await git("add", "-A");
  await git("commit", "-q", "-m", "encrypted");
});

describe("enc set", () => {
  it("changes three lines in a file of every format: the value, the time and the MAC", async () => {
    // The time has seconds.
    await wait(1100);
    for (const [name, [, path]] of Object.entries(files)) {
      expect(await run("enc", box, ["set", name, path, '"new"'])).toMatchObject({ status: 0, stdout: "", stderr: "" });
    }
    const lines = Object.keys(files).map((name) => `3\t3\t${name}\n`);
    expect(await git("diff", "--numstat")).toBe(lines.toSorted().join(""));
    for (const [name, [, path, changed]] of Object.entries(files)) {
      expect((await run("dec", box, [name])).stdout).toBe(changed);
      expect((await run("enc", box, ["get", name, path])).stdout).toBe("new");
    }
  });

  it("leaves the file alone, to its time, where the value is there already", async () => {
    for (const [name, [source, path]] of Object.entries(files)) {
      const { mtimeMs, ino } = statSync(box.path(name));
      const value = (await run("dec", box, ["--get", path, name])).stdout;
      const { status, stderr } = await run("enc", box, ["set", "--string", name, path, value]);
      expect([status, stderr]).toEqual([0, `enc: note: nothing has changed: ${name} stays as it is\n`]);
      expect(statSync(box.path(name))).toMatchObject({ mtimeMs, ino });
      expect((await run("dec", box, [name])).stdout).toBe(source);
    }
    expect(await git("diff", "--numstat")).toBe("");
  });

  it("keeps mode and links, and takes the value from standard input", async () => {
    box.write("private.enc.yaml", box.read("f.enc.yaml"), 0o600);
    const args = ["set", "private.enc.yaml", "db.user", "--string", "--value-stdin"];
    expect(await run("enc", box, args, { stdin: "from input" })).toMatchObject({ status: 0, stderr: "" });
    expect(statSync(box.path("private.enc.yaml")).mode & 0o777).toBe(0o600);
    expect((await run("dec", box, ["--get", "db.user", "private.enc.yaml"])).stdout).toBe("from input");
  });

  it("makes a value that stands nowhere but in the file", async () => {
    const { stdout, stderr } = await run("enc", box, ["set", "f.enc.yaml", "db.password", "--generate", "40"]);
    const made = (await run("enc", box, ["get", "f.enc.yaml", "db.password"])).stdout;
    expect(made).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(stdout).toBe("");
    expect(stderr).toBe("enc: note: made a random value: 40 characters, 238 bits\n");
    expect(readFileSync(box.path("f.enc.yaml"), "utf8")).not.toContain(made);
    expect(box.list()).toEqual([".sops.yaml", ...Object.keys(files)].toSorted());
  });
});

describe("enc unset", () => {
  it("takes out the line, and puts it back as it was with another value", async () => {
    for (const [name, [source, path]] of Object.entries(files)) {
      expect(await run("enc", box, ["unset", name, path])).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect((await run("dec", box, [name])).stdout.length).toBeLessThan(source.length);
    }
    const again = await run("enc", box, ["unset", "f.enc.env", "B"]);
    expect(again).toMatchObject({ status: 0, stdout: "" });
    expect(again.stderr).toMatch(/^enc: note: nothing has changed: /);
  });
});

it("a file that is changed by someone else meanwhile has both changes", async () => {
  // A key that takes its time: the file is read before it is asked for.
  const name = "f.enc.yaml";
  const command = `sleep 1; cat ${join(box.home, ".config/sops/age/moved.txt")}`;
  const keys = join(box.home, ".config/sops/age/keys.txt");
  box.write(join(box.home, ".config/sops/age/moved.txt"), readFileSync(keys));
  box.write(keys, "# none\n");
  const running = run("enc", box, ["set", name, "db.user", '"x"'], {
    env: { SOPS_AGE_KEY_CMD: `sh -c "${command}"` },
  });
  await wait(600);
  const theirs = `${box.read(name)}# theirs\n`;
  box.write(name, theirs);
  expect((await running).status).toBe(0);
  box.write(keys, box.read(join(box.home, ".config/sops/age/moved.txt")));
  expect((await run("dec", box, [name])).stdout).toContain("# theirs\n");
  expect((await run("enc", box, ["get", name, "db.user"])).stdout).toBe("x");
});
