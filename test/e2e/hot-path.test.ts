import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { programs, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/**
 * What people wait for at every deploy and in every diff loads what it needs and nothing else. A module that is missing
 * here costs every start its time: it is to be loaded by those who use it, or to have a good reason to be added.
 */

/** Of Node. `util` and the like are there before any program runs, and cost nothing; these are what the program asks for. */
const BUILTINS = ["node:crypto", "node:fs", "node:module", "node:os", "node:path"];

/** Of the program: all of what it does is in `core`. */
const OWN = [/^(enc|dec)\.cjs$/, /^core-[\w-]+\.cjs$/, /^(rolldown-runtime|compile-cache)-[\w-]+\.cjs$/];

/** What all of it may take up: 10 KB more cost as much as another file. */
const MOST_BYTES = 106_000;

/** Writes down what is asked for; loaded before the program. */
const RECORDER = `
const Module = require("node:module");
const { writeFileSync } = require("node:fs");
const asked = new Set();
const load = Module._load;
Module._load = function (name, ...rest) {
  if (Module.isBuiltin(name)) asked.add(name);
  return load.call(this, name, ...rest);
};
process.on("exit", () => {
  writeFileSync(process.env.RECORD, JSON.stringify([[...asked], Object.keys(require.cache)]));
});
`;

interface Loaded {
  readonly builtins: readonly string[];
  /** File names, without the recorder's. */
  readonly own: readonly string[];
  /** Of these files. */
  readonly ownBytes: number;
  readonly stdout: string;
}

async function loadedBy(program: string, args: readonly string[], box: Sandbox): Promise<Loaded> {
  box.write("recorder.cjs", RECORDER);
  const record = join(box.temporary, "record.json");
  const { stdout, stderr, status } = await runProgram(
    process.execPath,
    ["-r", box.path("recorder.cjs"), program, ...args],
    box,
    { env: { RECORD: record } },
  );
  expect([status, stderr]).toEqual([0, ""]);
  const [builtins, files] = JSON.parse(readFileSync(record, "utf8")) as [string[], string[]];
  const own = files.filter((file) => basename(file) !== "recorder.cjs");
  const ownBytes = own.reduce((bytes, file) => bytes + statSync(file).size, 0);
  return { builtins, own: own.map((file) => basename(file)), ownBytes, stdout };
}

const PLAIN = "# about\na: b # beside\nl:\n  - c: 0x1F\n  - |\n    d\n";

async function sealedBox(): Promise<Sandbox> {
  const box = sandbox();
  box.write("plain.yaml", PLAIN);
  const { status } = await run("enc", box, ["-o", "s.enc.yaml", "plain.yaml"]);
  expect(status).toBe(0);
  return box;
}

describe("the way of a small YAML file", () => {
  it.each([
    ["dec FILE", programs.dec, ["s.enc.yaml"]],
    ["enc decrypt FILE", programs.enc, ["decrypt", "s.enc.yaml"]],
    ["enc git textconv FILE", programs.enc, ["git", "textconv", "s.enc.yaml"]],
  ])("%s loads nothing that it does not use", async (_, program, args) => {
    const { builtins, own, ownBytes, stdout } = await loadedBy(program, args, await sealedBox());
    expect(stdout).toBe(PLAIN);
    expect(builtins.filter((name) => !BUILTINS.includes(name))).toEqual([]);
    expect(own.filter((name) => !OWN.some((pattern) => pattern.test(name)))).toEqual([]);
    expect(own.length).toBeLessThanOrEqual(4);
    expect(ownBytes).toBeLessThanOrEqual(MOST_BYTES);
  });

  it("is what this test sees: a flag loads the parser of flags, another format its own file", async () => {
    const box = await sealedBox();
    const { own } = await loadedBy(programs.dec, ["--get", "a", "s.enc.yaml"], box);
    expect(own.some((name) => name.startsWith("parse-flags"))).toBe(true);
    box.write("p.json", '{"a": "b"}');
    await run("enc", box, ["-o", "s.enc.json", "p.json"]);
    expect((await loadedBy(programs.dec, ["s.enc.json"], box)).own.some((name) => name.startsWith("json"))).toBe(true);
  });
});

describe("the standalone executable", () => {
  it("loads nothing of Bun's before it knows what to do", () => {
    const folder = sandbox().path("chunks");
    const build = join(import.meta.dirname, "../../scripts/build-standalone.mjs");
    execFileSync(process.execPath, [build, "--chunks", folder], { stdio: ["ignore", "ignore", "inherit"] });
    const builtins = new Set<string>();
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const code = readFileSync(join(folder, file), "utf8");
      for (const [, name = ""] of code.matchAll(/\bimport(?:[\w$*{},\s]+from)?\s*"([^"]+)"/g)) {
        if (name.startsWith("./")) visit(name.slice(2));
        else builtins.add(name);
      }
    };
    visit("standalone.js");
    expect([...builtins]).toEqual([]);
    expect(seen.size).toBeLessThanOrEqual(2);
  });
});
