import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { inserted, parseBashLine } from "../../src/cli/bash-line.ts";
import { manualOf } from "../../src/cli/commands/manual.ts";
import { commands } from "../../src/cli/commands/registry.ts";
import { keyPaths, upperPaths } from "../../src/cli/key-paths.ts";
import { bracketPath, dottedPath, parseBracketPath, parseDottedPath } from "../../src/cli/tree-path.ts";
import { IDENTITY, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

let cwd: string;
const env = { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_RECIPIENTS: RECIPIENT };

beforeEach(() => {
  cwd = temporaryFolder();
});

async function encrypted(name: string, plain: string): Promise<string> {
  writeFileSync(join(cwd, "plain"), plain);
  const { status, stdout } = await runWith({ cwd, env }, "--filename-override", name, "plain");
  expect(status).toBe(0);
  writeFileSync(join(cwd, name), stdout);
  return stdout;
}

/** The words that are offered in place of the last one, and what is said of names of files. */
async function offered(line: string, program: "enc" | "dec" = "enc"): Promise<string[]> {
  const words = line.split(" ");
  const { status, stdout } = await runWith(
    { cwd, env: {}, program },
    "__complete",
    "lines",
    `${words.length - 1}`,
    ...words,
  );
  expect(status).toBe(0);
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((text) => text.replace(/\t.*/, "").replace(/^word:/, ""));
}

describe("what is offered", () => {
  it("is every command, and the words that its name goes on with", async () => {
    const firsts = new Set(commands.map(({ name }) => name.split(" ")[0]));
    expect(await offered("")).toEqual([...firsts, "help", "files:word"]);
    expect(await offered("git ")).toEqual(["setup", "textconv"]);
    expect(await offered("help git te")).toEqual(["textconv"]);
    expect(await offered("deco")).toEqual(["files:word"]);
  });

  it.each(commands.map((command) => [command.name, command] as const))("is every flag of %s", async (name, command) => {
    const flags = (await offered(`${name} --`)).map((word) => word.replace("=false", ""));
    for (const flag of manualOf(command).flags) {
      expect(flags).toContain(`--${flag.name}`);
      if (flag.alias !== undefined) expect(flags).toContain(`--${flag.alias}`);
    }
  });

  it("is what the value of a flag can be", async () => {
    expect(await offered("--type j")).toEqual(["json"]);
    expect(await offered("decrypt --as=y")).toEqual(["--as=yaml"]);
    expect(await offered("keyservice --net ")).toEqual(["unix", "tcp"]);
    expect(await offered("decrypt --decryption-order age,pg")).toEqual(["age,pgp"]);
    expect(await offered("--enable-local-keyservice=f")).toEqual(["--enable-local-keyservice=false"]);
    expect(await offered("-o ")).toEqual(["files:word"]);
    expect(await offered("--output=x")).toEqual(["files:value"]);
    expect(await offered("--age ")).toEqual([]);
    expect(await offered("--nonsense=")).toEqual([]);
  });

  it("is names of files behind --, and for dec at once", async () => {
    expect(await offered("-- --ou")).toEqual(["files:word"]);
    expect(await offered("", "dec")).toEqual(["files:word"]);
    expect(await offered("x.yaml ", "enc")).toEqual(["files:word"]);
    expect(await offered("init ")).toEqual([]);
  });

  it("is the places in the file, wherever on the line that stands, also with a tilde", async () => {
    await encrypted("s.enc.yaml", "a:\n  b: [x, y]\nc.d: z\n");
    expect(await offered("s.enc.yaml --get a", "dec")).toEqual(["a", "a.b", "a.b[0]", "a.b[1]"]);
    expect(await offered('decrypt s.enc.yaml --get=["c')).toEqual(['--get=["c.d"]']);
    expect(await offered('s.enc.yaml --extract ["c', "dec")).toEqual(['["c.d"]']);
    const behind = await runWith({ cwd, program: "dec" }, "__complete", "lines", "1", "--get", "c", "s.enc.yaml");
    expect(behind.stdout).toBe("");
    const quoted = await runWith({ cwd, program: "dec" }, "__complete", "lines", "1", "--get", '"c', "s.enc.yaml");
    expect(quoted.stdout).toBe('word:"c.d"\t\n');
    mkdirSync(join(cwd, "home"));
    await encrypted("home/t.enc.yaml", "k: v\n");
    expect(await offered("~/t.enc.yaml --get ", "dec")).toEqual(["k"]);
    for (const file of ["none.yaml", "home", "plain", "-"]) {
      expect(await offered(`${file} --get `, "dec")).toEqual([]);
    }
  });

  it("is nothing under the name sops, where the word is a file", async () => {
    expect((await runWith({ cwd, program: "sops" }, "__complete", "lines", "0", "")).status).not.toBe(0);
  });
});

describe("keyPaths", () => {
  it.each([
    ["s.json", '{"a": {"b": [1, {"c": 2}]}}', ["a", "a.b", "a.b[0]", "a.b[1]", "a.b[1].c"]],
    ["s.env", "A=1\nB=2\n", ["A", "B"]],
    ["s.ini", "[one]\na = 1\n", ["DEFAULT", "one", "one.a"]],
    ["s.toml", "a = 1\n[t]\nb = 2\n", ["a", "t", "t.b"]],
    // Comments among elements have no position, sealed as they are.
    ["s.yaml", "l:\n  # about\n  - x\n  # more\n  - y\n---\nother: 1\n", ["l", "l[0]", "l[1]"]],
    ["s.bin", "anything", []],
  ])("reads %s without a key", async (name, plain, paths) => {
    const found = await keyPaths(Buffer.from(await encrypted(name, plain)), name);
    expect(found.map(dottedPath)).toEqual(paths);
  });

  it("shows the upper levels where there are too many, but more than one", () => {
    const many = Array.from({ length: 10 }, (_, i) => ["a", "b", i]);
    expect(upperPaths([["a"], ["a", "b"], ...many], 5)).toEqual([["a"], ["a", "b"]]);
    expect(upperPaths([["a"], ...many], 5)).toEqual([["a"], ...many]);
    expect(upperPaths(many, 20)).toEqual(many);
  });
});

describe("paths as text", () => {
  const path = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.nat(1000)), { minLength: 1, maxLength: 5 });

  it("are read back in both spellings", () => {
    fc.assert(
      fc.property(path, (steps) => {
        expect(parseDottedPath(dottedPath(steps))).toEqual(steps);
        const bracketed = bracketPath(steps);
        if (bracketed !== null) expect(parseBracketPath(bracketed)).toEqual(steps);
      }),
    );
    expect(bracketPath(["\"]']"])).toBeNull();
  });
});

describe("a line of bash", () => {
  const breaks = " \t\n\"'><=;|&(:";
  const at = (marked: string): ReturnType<typeof parseBashLine> =>
    parseBashLine(marked.replace("^", ""), marked.indexOf("^"), breaks);

  it.each([
    ["dec a^", { words: ["dec", "a"], at: 1, kept: "", quote: "" }],
    ["dec ^ b", { words: ["dec", "", "b"], at: 1, kept: "", quote: "" }],
    [
      "X=1 Y='2 3' dec a\\ b --get=x:y^z w",
      { words: ["dec", "a b", "--get=x:y", "w"], at: 2, kept: "--get=x:", quote: "" },
    ],
    ["dec 'a b^ c' d", { words: ["dec", "a b", "d"], at: 1, kept: "", quote: "'" }],
    ['dec x"a\\"b\\c^', { words: ["dec", 'xa"b\\c'], at: 1, kept: "x", quote: '"' }],
    ["dec 'a':b^", { words: ["dec", "a:b"], at: 1, kept: "a:", quote: "" }],
    ["dec \"\" '' ^", { words: ["dec", "", "", ""], at: 3, kept: "", quote: "" }],
  ])("%s", (marked, expected) => {
    expect(at(marked)).toEqual(expected);
  });

  it("gets candidates in the quotes that are open", () => {
    expect(inserted("a:b c$'d", { kept: "a:", quote: "" })).toBe("b\\ c\\$\\'d");
    expect(inserted("b c'd", { kept: "", quote: "'" })).toBe("b c'\\''d");
    expect(inserted('b "$`\\', { kept: "", quote: '"' })).toBe('b \\"\\$\\`\\\\');
  });
});

describe("enc completion", () => {
  it("prints a script, and names the shells it is there for", async () => {
    expect((await runWith({ cwd }, "completion", "zsh")).stdout).toMatch(/^#compdef enc dec\n/);
    const unknown = await runWith({ cwd }, "completion", "fihs");
    expect(unknown).toMatchObject({ status: 1, stdout: "" });
    expect(unknown.stderr).toContain("did you mean fish?");
    expect((await runWith({ cwd }, "completion")).stderr).toContain("SHELL is missing");
  });
});
