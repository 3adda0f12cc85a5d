import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBracketPath, parseDottedPath } from "../../src/cli/tree-path.ts";

describe("bracket paths", () => {
  it.each([
    [`["a"]`, ["a"]],
    [`["a"]['b'][0]`, ["a", "b", 0]],
    [`["it's"]['say "hi"']`, ["it's", 'say "hi"']],
    [`["a[0].b"]`, ["a[0].b"]],
    [`["007"][007]`, ["007", 7]],
    [`[""]`, [""]],
    ["", []],
  ])("%s", (text, path) => expect(parseBracketPath(text)).toEqual(path));

  it.each(["a", "a.b", `["a"`, `["a"]b`, "[]", "[-1]", "[a]", `["a']`, "[1.5]", "[99999999999999999999]", " [0]"])(
    "refuses %s",
    (text) => expect(() => parseBracketPath(text)).toThrow(expect.objectContaining({ code: "USAGE_BAD_PATH" })),
  );

  it("reads every key that has no closing of its own in it", () => {
    const key = fc.string().filter((text) => !text.includes('"]'));
    const step = fc.oneof(key, fc.nat());
    fc.assert(
      fc.property(fc.array(step), (path) => {
        const text = path.map((part) => (typeof part === "string" ? `["${part}"]` : `[${part}]`)).join("");
        expect(parseBracketPath(text)).toEqual(path);
      }),
    );
  });
});

describe("dotted paths", () => {
  it.each([
    ["a", ["a"]],
    ["db.hosts[0].name", ["db", "hosts", 0, "name"]],
    ["a-b.c_d.é", ["a-b", "c_d", "é"]],
    ["0.1", ["0", "1"]],
    [`db."a.b"`, ["db", "a.b"]],
    [`"a\\"b"`, ['a"b']],
    [`db["a.b"]['c']`, ["db", "a.b", "c"]],
    ["[0][1]", [0, 1]],
    ["__proto__.constructor", ["__proto__", "constructor"]],
  ])("%s", (text, path) => expect(parseDottedPath(text)).toEqual(path));

  it.each(["", ".", ".a", "a.", "a..b", "a[", "a[]", "a[-1]", "a[0]b", "a]b", `a"b"`, `a."b`, "a.[0]", `"\\x"`])(
    "refuses %s",
    (text) => expect(() => parseDottedPath(text)).toThrow(expect.objectContaining({ code: "USAGE_BAD_PATH" })),
  );

  it("reads every key in quotes", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.nat()), { minLength: 1 }), (path) => {
        const text = path.map((part, i) => {
          if (typeof part === "number") return `[${part}]`;
          return (i === 0 ? "" : ".") + JSON.stringify(part);
        });
        expect(parseDottedPath(text.join(""))).toEqual(path);
      }),
    );
  });
});
