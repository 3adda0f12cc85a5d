import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

/** The tests that docs/incidents.md names are there. */

const ROOT = resolve(import.meta.dirname, "../..");
const [page = ""] = readFileSync(join(ROOT, "docs/incidents.md"), "utf8").split("\n## ");
/** Without the head of the table and the line below it. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(2);

/** Tests as a row names them: a file, and titles in it. */
function testsIn(row: string): { file: string; title: string }[] {
  return [...row.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)].flatMap(([, file = "", titles = ""]) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => ({ file, title })),
  );
}

/** Titles are arguments, or first in a row of `it.each`. */
function isThere({ file, title }: { file: string; title: string }): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  const source = readFileSync(path, "utf8");
  return ['"', "'", "`"].some((quote) =>
    source
      .split(quote + title + quote)
      .slice(0, -1)
      .some((before) => /[([]\s*$/.test(before)),
  );
}

it("every incident has a public source and tests", () => {
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter((row) => !row.includes("](https://") || testsIn(row).length === 0)).toEqual([]);
});

it("every test that is named is there", () => {
  expect(rows.flatMap(testsIn).filter((test) => !isThere(test))).toEqual([]);
});

it("a test that is not there would be noticed", () => {
  const file = "test/docs/incidents.test.ts";
  expect(isThere({ file, title: "every test that is named is there" })).toBe(true);
  expect(isThere({ file, title: "every test that is named" })).toBe(false);
  expect(isThere({ file: "test/docs/none.test.ts", title: "every test that is named is there" })).toBe(false);
});
