import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { CliHost } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, type Setting, temporaryFolder } from "./fake.ts";

/** Which files `--in-place` is about, what it says of them, and that it does all or nothing. */

const real = await nodeHost();
let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
});

const PLAIN = "a: b\n";
const RULE = `creation_rules:\n  - path_regex: secret/\n    age: ${RECIPIENT}\n`;
const CATCH_ALL = `creation_rules:\n  - age: ${RECIPIENT}\n`;

function write(name: string, content = PLAIN): void {
  mkdirSync(dirname(join(cwd, name)), { recursive: true });
  writeFileSync(join(cwd, name), content);
}

const read = (name: string): string => readFileSync(join(cwd, name), "utf8");
const isSealed = (name: string): boolean => read(name).includes("ENC[AES256_GCM,");

function enc(...argv: string[]): Promise<Ran> {
  return encIn({}, ...argv);
}

function encIn(setting: Partial<Setting>, ...argv: string[]): Promise<Ran> {
  const { env, ...more } = setting;
  return runWith({ cwd, env: { SOPS_AGE_KEY: IDENTITY, ...env }, ...more }, ...argv);
}

const dec = (...argv: string[]): Promise<Ran> => enc("decrypt", ...argv);

/** Names of all files below, sorted. */
function names(): string[] {
  const entries = readdirSync(cwd, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(cwd.length + 1))
    .toSorted();
}

/** Names of the files that are encrypted, sorted. */
const sealed = (): string[] => names().filter(isSealed);

/** Everything that must not change when nothing is written. */
function state(): unknown {
  return names().map((name) => {
    const { mtimeNs, ino, mode } = statSync(join(cwd, name), { bigint: true });
    return [name, read(name), mtimeNs, ino, mode];
  });
}

describe("a folder", () => {
  it("stands for the files in it that a rule names, at any depth and of any kind", async () => {
    write(".sops.yaml", RULE);
    for (const name of ["d/secret/a.yaml", "d/secret/deep/er/key.pem", "d/open.yaml", "d/main.ts"]) write(name);
    expect(await enc("-i", "d")).toMatchObject({ status: 0, stdout: "" });
    expect(sealed()).toEqual(["d/secret/a.yaml", "d/secret/deep/er/key.pem"]);
    expect(await dec("-i", "d")).toMatchObject({ status: 0, stderr: "enc: note: 2 files decrypted\n" });
    expect(
      names()
        .map(read)
        .filter((text) => text !== PLAIN),
    ).toEqual([RULE]);
  });

  it.each([
    ["a rule without path_regex", CATCH_ALL, []],
    ["no configuration", null, ["--age", RECIPIENT]],
    ["no rules", "stores: {}\n", ["--age", RECIPIENT]],
  ] as const)("with %s, stands for those whose names tell a format", async (_, config, flags) => {
    if (config !== null) write(".sops.yaml", config);
    const told = [".env", ".env.local", "a.yaml", "b.yml", "c.json", "e.yaml.enc"];
    for (const name of [...told, "main.ts", "README.md", "key.pem", "LICENSE", ".gitattributes"]) write(name);
    write("c.json", '{"a": 1}\n');
    for (const name of [".env", ".env.local"]) write(name, "A=b\n");
    write("d.ini", "[s]\na = b\n");
    write("f.toml", 'a = "b"\n');
    expect(await enc("-i", ".", ...flags)).toMatchObject({ status: 0, stderr: "enc: note: 8 files encrypted\n" });
    expect(sealed()).toEqual([...told, "d.ini", "f.toml"].toSorted());
  });

  it("is not covered where its rules match other files only, whatever flags say", async () => {
    write(".sops.yaml", RULE);
    write("open.yaml");
    const before = state();
    expect(await enc("-i", ".", "--age", RECIPIENT)).toMatchObject({ status: 100, stdout: "" });
    expect(state()).toEqual(before);
    expect((await enc("-i", "open.yaml", "--age", RECIPIENT)).status).toBe(0);
  });

  it("never stands for what sets up encryption and git, nor for the key", async () => {
    write(".sops.yaml", `creation_rules:\n  - path_regex: .*\n    age: ${RECIPIENT}\n`);
    write("home/.config/sops/age/keys.txt", `${IDENTITY}\n`);
    write("other.txt", `${IDENTITY}\n`);
    for (const name of [".sops.yml", ".gitignore", ".gitattributes", ".keyleaf-0123.tmp", "a.txt"]) write(name);
    for (const name of [".git/config", "node_modules/x/a.json", "d/node_modules/a.json"]) write(name);
    expect((await encIn({ env: { SOPS_AGE_KEY_FILE: "other.txt" } }, "-i", ".")).status).toBe(0);
    expect(sealed()).toEqual(["a.txt"]);
  });

  it("is not left by links", async () => {
    write(".sops.yaml", CATCH_ALL);
    write("d/a.yaml");
    write("elsewhere/b.yaml");
    symlinkSync("../elsewhere", join(cwd, "d/folder"));
    symlinkSync("../elsewhere/b.yaml", join(cwd, "d/file.yaml"));
    symlinkSync("d", join(cwd, "link"));
    expect(await enc("-i", "link")).toMatchObject({ status: 0, stderr: "enc: note: 1 file encrypted\n" });
    expect(sealed()).toEqual(["d/a.yaml"]);
  });

  it("that has nothing in it to work on is an error, with a hint", async () => {
    write(".sops.yaml", CATCH_ALL);
    write("d/main.ts");
    for (const args of [
      ["-i", "d"],
      ["decrypt", "-i", "d"],
    ]) {
      const { status, stderr } = await enc(...args);
      expect(status).toBe(100);
      expect(stderr).toMatch(/^enc: error: there is no file to (en|de)crypt\nenc: hint: /);
    }
  });

  it("needs --in-place", async () => {
    write("d/a.yaml");
    expect((await enc("d")).status).toBe(2);
    expect((await enc("d", "d/a.yaml")).status).not.toBe(0);
    expect((await enc("--all")).status).toBe(8);
    expect((await enc("--dry-run", "d/a.yaml")).status).toBe(8);
    expect((await enc("-i", "d", "--filename-override", "x.yaml", "--age", RECIPIENT)).status).toBe(8);
    expect((await enc("-i", "--all", "d")).status).toBe(8);
  });
});

describe("a pattern", () => {
  beforeEach(() => {
    write(".sops.yaml", CATCH_ALL);
    for (const name of ["a.yaml", "b.yaml", "c.json", "d/a.yaml", "d/.hidden.yaml", "d/e/a.yaml"]) write(name);
    write("c.json", "{}");
  });

  it.each([
    ["*.yaml", ["a.yaml", "b.yaml"]],
    ["./?.yaml", ["a.yaml", "b.yaml"]],
    ["**/a.yaml", ["a.yaml", "d/a.yaml", "d/e/a.yaml"]],
    ["d/*.yaml", ["d/a.yaml"]],
    ["d/.*.yaml", ["d/.hidden.yaml"]],
    ["{b,d/e/a}.yaml", ["b.yaml", "d/e/a.yaml"]],
    ["[bc].{yaml,toml}", ["b.yaml"]],
    ["d/e*", ["d/e/a.yaml"]],
    ["d//*.yaml", ["d/a.yaml"]],
    ["d/*/", ["d/e/a.yaml"]],
    ["*//", ["d/.hidden.yaml", "d/a.yaml", "d/e/a.yaml"]],
    ["d/e/../*.yaml", ["d/a.yaml"]],
  ])("%s", async (pattern, expected) => {
    expect(await enc("-i", pattern)).toMatchObject({ status: 0 });
    expect(sealed()).toEqual(expected);
  });

  it("is only looked for where it may match", async () => {
    const listed: string[] = [];
    const list: CliHost["list"] = (path) => {
      listed.push(path.slice(cwd.length));
      return real.list(path);
    };
    for (const [pattern, folders] of [
      ["*.yaml", [""]],
      ["d/*/a.yaml", ["/d", "/d/e"]],
      ["x/**/a.yaml", null],
      ["{d,x}/*.yaml", ["", "/d"]],
      ["{d/e,x}/*.yaml", ["", "/d", "/d/e"]],
      ["*/**/a.yaml", ["", "/d", "/d/e"]],
      ["[d]", ["", "/d", "/d/e"]],
    ] as const) {
      listed.length = 0;
      const { status } = await encIn({ host: { list } }, "-i", "--dry-run", pattern);
      expect([pattern, status, listed]).toEqual([pattern, folders === null ? 100 : 0, folders ?? []]);
    }
  });

  it("may begin outside of the working directory", async () => {
    expect((await encIn({ cwd: join(cwd, "d") }, "-i", "../*.yaml")).status).toBe(0);
    expect((await enc("-i", join(cwd, "d", "*.yaml"))).status).toBe(0);
    expect(sealed()).toEqual(["a.yaml", "b.yaml", "d/a.yaml"]);
  });

  it("is a name where there is such a file", async () => {
    write("[ab].yaml");
    write("{x}.txt", "text\n");
    expect((await enc("-i", "[ab].yaml", "{x}.txt")).status).toBe(0);
    expect(sealed()).toEqual(["[ab].yaml", "{x}.txt"]);
  });

  it("that nothing matches is an error, though others match", async () => {
    const before = state();
    for (const pattern of ["x*.yaml", "no/such/*.yaml", "a.yaml/*"]) {
      const { status, stderr } = await enc("-i", "*.yaml", pattern);
      expect([status, stderr]).toEqual([100, `enc: error: ${pattern}: no file matches\n`]);
    }
    expect(state()).toEqual(before);
  });
});

describe("--all", () => {
  const git = (...args: string[]): void => void execFileSync("git", ["-C", cwd, ...args], { stdio: "ignore" });

  beforeEach(() => {
    git("init", "-q");
    write(".sops.yaml", RULE);
    for (const name of ["secret/a.yaml", "secret/ä b.yaml", "secret/gone.yaml", "package.json", "d/x"]) write(name);
    symlinkSync("../package.json", join(cwd, "secret/link.json"));
    git("add", ".");
    rmSync(join(cwd, "secret/gone.yaml"));
    write("secret/untracked.yaml");
  });

  it("stands for what git tracks in the whole repository and a rule names", async () => {
    expect(await encIn({ cwd: join(cwd, "d") }, "-i", "--all")).toMatchObject({ status: 0 });
    expect(sealed()).toEqual(["secret/a.yaml", "secret/ä b.yaml"]);
    const plan = await encIn({ cwd: join(cwd, "d") }, "decrypt", "-i", "--all", "--dry-run");
    expect(plan.stdout).toBe("decrypt ../secret/a.yaml\ndecrypt ../secret/ä b.yaml\n");
    expect((await dec("-i", "--all")).status).toBe(0);
    expect(sealed()).toEqual([]);
  });

  it("follows no link that has taken the place of a file or a folder", async () => {
    const outside = temporaryFolder();
    for (const name of ["secret/f.yaml", "secret/folder/b.yaml", "secret/folder/deep/c.yaml"]) write(name);
    git("add", ".");
    rmSync(join(cwd, "secret/f.yaml"));
    renameSync(join(cwd, "secret/folder"), join(outside, "folder"));
    writeFileSync(join(outside, "f.yaml"), PLAIN);
    for (const name of ["f.yaml", "folder"]) symlinkSync(join(outside, name), join(cwd, "secret", name));
    expect(await enc("-i", "--all")).toMatchObject({ status: 0, stderr: "enc: note: 3 files encrypted\n" });
    for (const name of ["f.yaml", "folder/b.yaml", "folder/deep/c.yaml"])
      expect(readFileSync(join(outside, name), "utf8")).toBe(PLAIN);
  });

  it("enters the folders that hold tracked files, and no others", async () => {
    write("secret/node_modules/a.yaml");
    git("add", "-f", ".");
    write("secret/node_modules/other/b.yaml");
    const listed: string[] = [];
    const list: CliHost["list"] = (path) => {
      listed.push(path.slice(cwd.length));
      return real.list(path);
    };
    expect((await encIn({ host: { list } }, "-i", "--all")).status).toBe(0);
    expect(sealed()).toContain("secret/node_modules/a.yaml");
    expect(listed).toEqual(["", "/d", "/secret", "/secret/node_modules"]);
  });

  it("finds a file where the folder spells its name otherwise than the index, as on macOS", async () => {
    renameSync(join(cwd, "secret/ä b.yaml"), join(cwd, "secret/a\u0308 B.yaml"));
    expect(await encIn({ host: { platform: "darwin" } }, "-i", "--all")).toMatchObject({ status: 0 });
    expect(sealed()).toContain("secret/a\u0308 B.yaml");
  });

  it("is for no file that only a rule without path_regex matches", async () => {
    write(".sops.yaml", CATCH_ALL);
    const before = state();
    expect(await enc("-i", "--all")).toMatchObject({ status: 100, stderr: expect.stringContaining("path_regex") });
    expect(state()).toEqual(before);
  });

  it("needs a repository", async () => {
    const { status, stderr } = await encIn({ cwd: temporaryFolder() }, "-i", "--all", "--age", RECIPIENT);
    expect([status, stderr.split("\n")[0]]).toEqual([1, expect.stringContaining("git repository")]);
  });
});

describe("what is there already", () => {
  beforeEach(async () => {
    write(".sops.yaml", CATCH_ALL);
    for (const name of ["d/a.yaml", "d/b.yaml", "d/c.yaml"]) write(name);
    await enc("-i", "d/a.yaml");
  });

  it("is left out and counted, and running again changes nothing", async () => {
    expect((await enc("-i", "d")).stderr).toBe("enc: note: 2 files encrypted, 1 already was\n");
    const before = state();
    expect(await enc("-i", "d")).toMatchObject({
      status: 0,
      stderr: "enc: note: nothing to do: 3 files are encrypted already\n",
    });
    expect(state()).toEqual(before);
  });

  it("is an error of a file that is named", async () => {
    const before = state();
    expect((await enc("-i", "d/a.yaml", "d")).status).toBe(203);
    expect(state()).toEqual(before);
    expect((await dec("-i", "d/b.yaml", "d")).status).toBe(1);
    expect(state()).toEqual(before);
  });

  it("is an error where the reserved name stands in a plain file, which would stay clear", async () => {
    write("d/x.yaml", "password: x\nsops: y\n");
    expect(await enc("-i", "d")).toMatchObject({ status: 203, stderr: expect.stringContaining("d/x.yaml") });
    expect(sealed()).toEqual(["d/a.yaml"]);
  });

  it("is told from text about encrypted files when decrypting", async () => {
    write("d/README.md", `sops:\n\n    mac: ENC[AES256_GCM,data:x]\n${read("d/a.yaml")}`);
    write("d/test.ts", 'const sealed = "ENC[AES256_GCM,data:";\n');
    write("d/values.yaml", "# like ENC[AES256_GCM,data:\nsops: no\n");
    const { status, stderr } = await dec("-i", "d");
    expect(status).toBe(1);
    expect(stderr).toContain("d/values.yaml");
    write("d/values.yaml", "# like ENC[AES256_GCM,data:\na: 1\n");
    const again = await dec("-i", "d");
    expect(again).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/d\/README\.md: stays as it is: .*\n.*1 file decrypted\n$/),
    });
  });
});

it("a file that holds nothing to encrypt stays clear among others, and that is said", async () => {
  write(".sops.yaml", `creation_rules:\n  - encrypted_regex: ^data$\n    age: ${RECIPIENT}\n`);
  write("d/a.yaml", "data: x\n");
  write("d/b.yaml", "other: x\n");
  write("d/c.yaml", "");
  write("d/d.yaml", "# only a comment\n");
  const { status, stderr } = await enc("-i", "d");
  expect(status).toBe(0);
  expect(stderr).toMatch(
    /^enc: warning: d\/b\.yaml: stays as it is: .*\nenc: warning: d\/c\.yaml: stays as it is: .*\nenc: warning: d\/d\.yaml: stays as it is: there is nothing but comments/,
  );
  expect(stderr).toMatch(/enc: note: 1 file encrypted, 3 stayed clear\n$/);
  expect(sealed()).toEqual(["d/a.yaml"]);
  write("e/b.yaml", "other: x\n");
  expect((await enc("-i", "e")).status).toBe(1);
});

describe("--dry-run", () => {
  beforeEach(async () => {
    write(".sops.yaml", RULE);
    for (const name of ["secret/a.yaml", "secret/b\n.yaml", "secret/c.yaml", "open.yaml"]) write(name);
    await enc("-i", "secret/c.yaml");
  });

  it("prints what would be done, needs no key and writes nothing", async () => {
    const before = state();
    // No program is found, and no file outside of the folder is read.
    const reads: string[] = [];
    const readFile = (path: string): Promise<Uint8Array | null> => {
      reads.push(path);
      return real.readFile(path);
    };
    const setting: Partial<Setting> = {
      env: { SOPS_AGE_KEY: "", SOPS_AGE_KEY_CMD: "false" },
      host: { readFile, run: () => Promise.reject(new Error("run")) },
    };
    expect(await encIn(setting, "-i", "--dry-run", ".")).toEqual({
      status: 0,
      stdout: "encrypt secret/a.yaml\nencrypt secret/b\\u000a.yaml\n",
      stderr: "enc: note: 2 files would be encrypted, 1 already is; nothing was written\n",
    });
    expect(await encIn(setting, "decrypt", "-i", "--dry-run", ".")).toEqual({
      status: 0,
      stdout: "decrypt secret/c.yaml\n",
      stderr: "enc: note: 1 file would be decrypted; nothing was written\n",
    });
    expect(reads.filter((path) => path.includes("keys.txt"))).toEqual([]);
    expect(state()).toEqual(before);
  });

  it("takes the progress line away before it prints the plan", async () => {
    let nowMs = 0;
    let shown = "";
    const ran = await encIn(
      {
        isTerminal: true,
        // Long enough between any two looks at the clock for the line to be drawn anew.
        host: {
          now: () => {
            nowMs += 600;
            return new Date(nowMs);
          },
        },
        show: (text) => {
          shown += text;
        },
      },
      ...["-i", "--dry-run", "secret"],
    );
    expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining("encrypting 0/3")]);
    const screen = shown.split("\n").map((line) => line.split("\r\u001b[K").at(-1));
    expect(screen.slice(0, 2)).toEqual(["encrypt secret/a.yaml", "encrypt secret/b\\u000a.yaml"]);
  });

  it("fails where the run would", async () => {
    write("secret/broken.json", "{");
    expect(await enc("-i", "--dry-run", ".")).toMatchObject({ status: 2, stdout: "" });
    expect((await enc("-i", "--dry-run", "secret/c.yaml")).status).toBe(203);
    expect((await enc("-i", "--dry-run", "open.yaml")).status).toBe(1);
    expect((await dec("-i", "--dry-run", "open.yaml")).status).toBe(1);
    expect((await enc("-i", "--dry-run", "nowhere")).status).toBe(100);
    const toNobody = ["-i", "--age", "age1nobody", "secret/a.yaml"];
    const { status, stderr } = await enc(...toNobody);
    expect(stderr).toContain("age recipient");
    expect(await enc("--dry-run", ...toNobody)).toMatchObject({ status, stderr, stdout: "" });
  });
});

describe("failures", () => {
  beforeEach(() => {
    write(".sops.yaml", CATCH_ALL);
    for (let i = 0; i < 30; i++) write(`d/${String(i).padStart(2, "0")}.yaml`, `a: ${i}\n`);
  });

  it("of several files are all reported, in order, and nothing is written", async () => {
    write("d/05.yaml", "a: [\n");
    write("d/17.yaml", 'a: "\n');
    const before = state();
    const { status, stderr } = await enc("-i", "d");
    expect(status).toBe(2);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => line.startsWith("enc: error: d/")).map((line) => line.slice(12, 21))).toEqual([
      "d/05.yaml",
      "d/17.yaml",
    ]);
    expect(lines.at(-1)).toBe("enc: note: nothing was written: 2 of 30 files failed");
    expect(state()).toEqual(before);
  });

  it("that are many end the run", async () => {
    for (let i = 0; i < 30; i++) write(`d/${String(i).padStart(2, "0")}.yaml`, "a: [\n");
    const { stderr } = await enc("-i", "d");
    expect(stderr.match(/enc: error: /g)).toHaveLength(10);
    expect(stderr).toMatch(/nothing was written: 10 of 30 files failed, and the rest was not looked at\n$/);
  });

  it("that are many, but all, leave no rest", async () => {
    for (let i = 0; i < 10; i++) write(`e/${i}.yaml`, "a: [\n");
    expect((await enc("-i", "e")).stderr).toMatch(/nothing was written: 10 of 10 files failed\n$/);
    write("e/0.yaml");
    write("e/a.yaml", "a: [\n");
    expect((await enc("-i", "e")).stderr).toMatch(/nothing was written: 10 of 11 files failed\n$/);
  });

  it("that concern every file are reported once", async () => {
    write(".sops.yaml", "creation_rules:\n  - pgp: AAAA\n");
    const { status, stderr } = await enc("-i", "d");
    expect(status).toBe(1);
    expect(stderr.match(/enc: error: /g)).toHaveLength(1);
  });

  it("of a key that opens only some files name the others", async () => {
    await enc("-i", "d");
    const { RECIPIENT_B } = await import("../support/sealing.ts");
    write("d/other.yaml");
    write(".sops.yaml", CATCH_ALL.replace(RECIPIENT, RECIPIENT_B));
    await enc("-i", "d/other.yaml");
    const before = state();
    const { status, stderr } = await dec("-i", "d");
    expect(status).toBe(128);
    expect(stderr).toMatch(/^enc: error: d\/other\.yaml: no key at hand/);
    expect(stderr).toMatch(/1 of 31 files failed\n$/);
    expect(state()).toEqual(before);
  });
});

describe("what is said of many files", () => {
  it("is put together where it is the same, and is never a flood", async () => {
    write(".sops.yaml", CATCH_ALL);
    for (let i = 0; i < 20; i++) write(`d/${i + 10}.yaml`, `k${i}: x\nv_unencrypted: y\n`);
    expect((await enc("-i", "d")).stderr).toBe(
      "enc: note: d/10.yaml and 19 more files: 1 left clear: v_unencrypted\nenc: note: 20 files encrypted\n",
    );
    for (let i = 0; i < 20; i++) write(`e/${i + 10}.yaml`, `a: x\nv${i}_unencrypted: y\n`);
    const lines = (await enc("-i", "e")).stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(12);
    expect(lines[0]).toBe("enc: note: e/10.yaml: 1 encrypted, 1 left clear: v0_unencrypted");
    expect(lines[10]).toBe("enc: note: and the like about 10 more files");
  });
});

describe("once a run", () => {
  /** Counts what is read and run. */
  function counting(): { host: NonNullable<Setting["host"]>; reads: Map<string, number>; runs: string[] } {
    const reads = new Map<string, number>();
    const runs: string[] = [];
    return {
      reads,
      runs,
      host: {
        readFile: (path) => {
          reads.set(path, (reads.get(path) ?? 0) + 1);
          return real.readFile(path);
        },
        run: async (command) => {
          runs.push(command.join(" "));
          return { status: 0, stdout: Buffer.from(`${IDENTITY}\n`) };
        },
      },
    };
  }

  beforeEach(() => {
    write(".sops.yaml", CATCH_ALL);
    for (let i = 0; i < 50; i++) write(`d/${i % 5}/${i}.yaml`);
  });

  it("configuration and identities are read, and the key command is run", async () => {
    const encrypting = counting();
    expect((await encIn({ host: encrypting.host }, "-i", "d")).status).toBe(0);
    expect(encrypting.reads.get(join(cwd, ".sops.yaml"))).toBe(1);
    // Each file and the places of configurations, by folder and not by file.
    const others = [...encrypting.reads].filter(([path]) => !path.includes("/d/") || path.includes(".sops."));
    expect(others.filter(([, count]) => count > 1)).toEqual([]);

    const decrypting = counting();
    write("home/.config/sops/age/keys.txt", "# none of ours\n");
    const env = { SOPS_AGE_KEY: "", SOPS_AGE_KEY_CMD: "ask-for-it" };
    expect((await encIn({ host: decrypting.host, env }, "decrypt", "-i", "d")).status).toBe(0);
    expect(decrypting.reads.get(join(cwd, "home/.config/sops/age/keys.txt"))).toBe(1);
    expect(decrypting.runs).toEqual(["ask-for-it"]);
  });
});

it("of one file everything is said", async () => {
  write("a.yaml", `${Array.from({ length: 15 }, (_, i) => `k${i}: v # note ${i}\n`).join("")}`);
  await enc("-i", "a.yaml", "--age", RECIPIENT);
  writeFileSync(join(cwd, "a.yaml"), read("a.yaml").replace(/#ENC\[.*\]/g, "# clear"));
  const { status, stderr } = await dec("-i", "a.yaml");
  expect([status, stderr.match(/enc: warning: line \d+: a comment /g)?.length]).toEqual([0, 15]);
});

describe("what could go wrong for good is refused", () => {
  const pipe = (name: string): void => {
    execFileSync("mkfifo", [join(cwd, name)]);
  };

  it("an empty file name, which a shell makes of a variable that is not set", async () => {
    write("sub/a.yaml");
    for (const argv of [["-i", ""], ["decrypt", "-i", ""], ["-i", "sub", ""], ["-o", "", "sub/a.yaml"], [""]]) {
      const { status, stderr } = await enc(...argv);
      expect([status, stderr]).toEqual([1, expect.stringContaining("empty")]);
    }
    expect(read("sub/a.yaml")).toBe(PLAIN);
  });

  it("a pipe in place of a file, or of a configuration: nobody may ever write into it", async () => {
    pipe("p.yaml");
    expect(await enc("-i", "p.yaml")).toMatchObject({
      status: 2,
      stderr: "enc: error: p.yaml: it is no regular file\n",
    });
    write("a.yaml");
    pipe(".sops.yaml");
    const { status, stderr } = await enc("-i", "a.yaml");
    expect([status, stderr]).toEqual([1, expect.stringContaining(".sops.yaml is no regular file")]);
  });

  it("the age identity, encrypted to itself", async () => {
    write("keys.txt", `${IDENTITY}\n`);
    const { status, stderr } = await encIn({ env: { SOPS_AGE_KEY_FILE: "keys.txt" } }, "-i", "keys.txt");
    expect([status, stderr]).toEqual([2, expect.stringContaining("age identity")]);
    expect(read("keys.txt")).toBe(`${IDENTITY}\n`);
    for (const [name, env] of [
      ["id", { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" }],
      ["home/.ssh/id_rsa", {}],
    ] as const) {
      write(name, "TEST ONLY\n");
      expect((await encIn({ env }, "-i", "--type", "binary", name)).status).toBe(2);
      expect(read(name)).toBe("TEST ONLY\n");
    }
  });

  it("a file that would not come back byte for byte", async () => {
    // The comment would be placed elsewhere in the sealed file.
    const source = "a: x\r\nb_unencrypted:\r\n- 1\r\n# c";
    write("a.yaml", source);
    const { status, stderr } = await enc("-i", "a.yaml");
    expect([status, stderr]).toEqual([3, expect.stringContaining("would not come back byte for byte")]);
    expect(read("a.yaml")).toBe(source);
  });

  it("a file that is too large, in words", async () => {
    write("a.yaml");
    const tooLarge = Object.assign(new RangeError("File size (5368709120) is greater than 2 GiB"), {
      code: "ERR_FS_FILE_TOO_LARGE",
    });
    const host: Partial<CliHost> = { readFile: () => Promise.reject(tooLarge) };
    const { status, stderr } = await encIn({ host }, "--age", RECIPIENT, "a.yaml");
    expect([status, stderr]).toEqual([2, "enc: error: a file is too large to be held in memory as a whole\n"]);
  });
});
