import { describe, expect, test } from "vitest";
import { aadOf, SPELLING_AAD } from "../../src/crypto/aad.ts";
import type { Document } from "../../src/document/document.ts";
import { compileSelection, DEFAULT_SELECTION } from "../../src/document/selection.ts";
import { walk } from "../../src/document/walk.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { parsed } from "../support/parsing.ts";

async function aadsOf(format: FormatId, source: string): Promise<[string, string][]> {
  const doc: Document = await parsed(format, source);
  const selection = await compileSelection(DEFAULT_SELECTION, "refuse");
  const found: [string, string][] = [];
  walk(doc.roots, { selection }, { entry: (entry, path) => found.push([String(entry.scalar.text), aadOf(path)]) });
  return found;
}

describe("associated data", () => {
  test("in YAML: keys with a colon each, no positions, the container's path for comments", async () => {
    const source = `# top
foo: v1
a:
  # in a
  b: {c: v2}
  l: [v3, [v4], {b: v5}]
"": v6
"x:y": v7
der:
  <<: {k: v8}
"1": v9
---
foo: v10
`;
    expect(await aadsOf("yaml", source)).toEqual([
      [" top", ":"],
      ["v1", "foo:"],
      [" in a", "a:"],
      ["v2", "a:b:c:"],
      ["v3", "a:l:"],
      ["v4", "a:l:"],
      ["v5", "a:l:b:"],
      ["v6", ":"],
      ["v7", "x:y:"],
      ["v8", "der:<<:k:"],
      ["v9", "1:"],
      ["v10", "foo:"],
    ]);
  });

  test("in INI: section and key, DEFAULT before any header", async () => {
    expect(await aadsOf("ini", "; c1\ntop=1\n; c2\n[s]\n; c3\nk=2\n")).toEqual([
      ["1", "DEFAULT:top:"],
      ["c1", "DEFAULT:"],
      ["c2", "s:"],
      ["2", "s:k:"],
      ["c3", "s:"],
    ]);
  });

  test("in dotenv: the key as it stands, stray blanks included", async () => {
    expect(await aadsOf("dotenv", "# c\nK=1\nfoo = bar\n")).toEqual([
      [" c", ":"],
      ["1", "K:"],
      [" bar", "foo :"],
    ]);
  });

  test("in binary files: data", async () => {
    expect(await aadsOf("binary", "anything")).toEqual([["anything", "data:"]]);
  });

  test("in JSON: as in YAML", async () => {
    expect(await aadsOf("json", '{"a":[1,{"b":[2]}],"c":{"__proto__":3}}')).toEqual([
      ["1", "a:"],
      ["2", "a:b:"],
      ["3", "c:__proto__:"],
    ]);
  });

  test("of the record of spellings is no path's", () => {
    expect(SPELLING_AAD.endsWith(":")).toBe(false);
  });
});
