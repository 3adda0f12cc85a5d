import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { cases } from "./sops-face/cases.ts";
import { Comparison } from "./sops-face/compare.ts";
import { keyCases } from "./sops-face/key-cases.ts";

/**
 * The same command lines, files and environments through sops 3.11.0 and through this program under the name sops: exit
 * status, standard output, the class of what is on standard error, and the files that there are afterwards. What is not the
 * same is a row of docs/sops-compat.md that the case names.
 */

const ROOT = resolve(import.meta.dirname, "../..");
const table = readFileSync(join(ROOT, "docs/sops-compat.md"), "utf8");
/** Names of the table's rows. */
const rows = [...table.matchAll(/^\| `([a-z0-9-]+)` +\|/gm)].map(([, id = ""]) => id);
const used = new Set(cases.map(({ differs }) => differs).filter((id) => id !== undefined));

describe("the table of differences", () => {
  it("has each row once, and a case for each", () => {
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter((id, index) => rows.indexOf(id) !== index)).toEqual([]);
    expect(rows.filter((id) => !used.has(id))).toEqual([]);
    expect([...used].filter((id) => !rows.includes(id))).toEqual([]);
  });

  it("names tests that exist", () => {
    const named = [...table.matchAll(/\btest\/[\w./-]+\.test\.ts/g)].map(([path]) => path);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it("is counted in the README, with the cases", () => {
    const [, inReadme] =
      /(\d[\d,]* command lines[^.]*?\d+ decided differences)/.exec(readFileSync(join(ROOT, "README.md"), "utf8")) ?? [];
    expect(inReadme).toBe(`${cases.length + keyCases.length} command lines, with ${rows.length} decided differences`);
  });

  it("has cases of different names", () => {
    const names = [...cases, ...keyCases].map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

describePeer("sops 3.11.0, and this program under its name", "sops", sopsProgram(), (theirs) => {
  let folder = "";
  let comparison: Comparison;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "keyleaf-face-"));
    const ours = join(folder, "sops");
    symlinkSync(join(ROOT, "dist/standalone/enc"), ours);
    comparison = new Comparison(theirs, ours);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.concurrent("are the same, or differ as decided:", () => {
    for (const example of cases) {
      it(example.name, async () => {
        const { differences, stderr } = await comparison.differences(example);
        if (example.differs === undefined) expect(differences, stderr).toEqual([]);
        else expect(differences, `the same, though ${example.differs} is said to differ`).not.toEqual([]);
      });
    }
  });
});
