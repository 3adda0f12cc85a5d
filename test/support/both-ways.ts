/** This program and sops 3.11.0 in one folder, for files that one of the two seals and both open. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, expect } from "vitest";
import { type Ran, runWith, temporaryFolder } from "../cli/fake.ts";
import { runSops, type SopsRun } from "./sops.ts";

/** The content of `sample.yaml`, which is there in each test. */
export const SOURCE = "# note\na: {b: [1, 'two']}\nc_unencrypted: d\n";

/** A content for each file type, by extension. */
export const SOURCES: readonly (readonly [extension: string, text: string])[] = [
  ["yaml", SOURCE],
  ["json", '{"a": {"b": [1, "two"]}, "c_unencrypted": "d"}\n'],
  ["env", "# note\nA=b\n"],
  ["ini", "[s]\na = b\n"],
  ["txt", "text\n"],
];

type Env = Readonly<Record<string, string>>;

/** What the tests of a suite do, each in a folder of its own. */
export interface BothWays {
  /** Makes folders as needed. */
  write(name: string, content: string | Uint8Array): void;
  read(name: string): string;
  sops(env: Env, ...args: string[]): Promise<SopsRun>;
  enc(env: Env, ...argv: string[]): Promise<Ran>;
  /** The file sealed by each of the two: their names. */
  seal(flags: readonly string[], file?: string, env?: Env): Promise<string[]>;
  /** Both find the same values. */
  expectOpens(sealed: string, env: Env): Promise<void>;
  /** Neither of the two has a key. */
  expectStaysShut(sealed: string, env: Env): Promise<Ran>;
  /** A file of each type is sealed by each of the two, and opens with both; this program gives its own text back. */
  expectOpensAs(extension: string, text: string, flags: readonly string[]): Promise<void>;
}

/**
 * To be called in a suite.
 * @param sopsPath - see `sopsProgram`
 * @param keyEnv - variables that make the keys work, once the suite is set up
 */
export function bothWays(sopsPath: string, keyEnv: () => Env): BothWays {
  let cwd: string;
  beforeEach(() => {
    cwd = temporaryFolder();
    write("sample.yaml", SOURCE);
  });

  const write: BothWays["write"] = (name, content) => {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), content);
  };
  const sops: BothWays["sops"] = (env, ...args) => runSops(sopsPath, { cwd, env }, ...args);
  const enc: BothWays["enc"] = (env, ...argv) => runWith({ cwd, env }, ...argv);
  const seal: BothWays["seal"] = async (flags, file = "sample.yaml", env = keyEnv()) => {
    const here = await enc(env, ...flags, "-o", `here.${file}`, file);
    expect([here.status, here.stderr]).toEqual([0, expect.not.stringContaining("error")]);
    const { status, stderr, stdout } = await sops(env, "encrypt", ...flags, file);
    expect([status, stderr]).toEqual([0, ""]);
    write(`there.${file}`, stdout);
    return [`here.${file}`, `there.${file}`];
  };

  return {
    write,
    read: (name) => readFileSync(join(cwd, name), "utf8"),
    sops,
    enc,
    seal,

    async expectOpens(sealed, env) {
      const there = await sops(env, "decrypt", "--output-type", "json", sealed);
      expect([there.status, there.stderr]).toEqual([0, ""]);
      const here = await enc(env, "decrypt", "--as", "json", sealed);
      expect([here.status, here.stderr]).toEqual([0, ""]);
      expect(JSON.parse(here.stdout)).toEqual(JSON.parse(there.stdout.toString()));
    },

    async expectStaysShut(sealed, env) {
      const here = await enc(env, "decrypt", sealed);
      expect(here).toMatchObject({ status: 128, stdout: "" });
      const { status, stdout } = await sops(env, "decrypt", sealed);
      expect([status, stdout.length]).toEqual([128, 0]);
      return here;
    },

    async expectOpensAs(extension, text, flags) {
      write(`sample.${extension}`, text);
      const type = extension === "txt" ? ["--output-type", "binary"] : [];
      for (const sealed of await seal(flags, `sample.${extension}`)) {
        const there = await sops(keyEnv(), "decrypt", ...type, sealed);
        expect([there.status, there.stderr]).toEqual([0, ""]);
        const here = await enc(keyEnv(), "decrypt", sealed);
        expect([here.status, here.stderr]).toEqual([0, ""]);
        expect(here.stdout).toBe(sealed.startsWith("here") ? text : there.stdout.toString());
      }
    },
  };
}
