import { describe, expect, test } from "vitest";
import { compileSelection, DEFAULT_SELECTION, selectionKinds } from "../../src/document/selection.ts";
import { failure } from "../support/sealing.ts";

describe("selection rules", () => {
  test("say what they look at and what a hit means", async () => {
    const facts = await Promise.all(
      selectionKinds.map(async (rule) => {
        const { byComment, sealsHits } = await compileSelection({ rule, pattern: "x" }, "refuse");
        return [rule, byComment, sealsHits];
      }),
    );
    expect(facts).toEqual([
      ["unencrypted_suffix", false, false],
      ["encrypted_suffix", false, true],
      ["unencrypted_regex", false, false],
      ["encrypted_regex", false, true],
      ["unencrypted_comment_regex", true, false],
      ["encrypted_comment_regex", true, true],
    ]);
  });

  test("the default is the suffix _unencrypted", async () => {
    const { hits } = await compileSelection(DEFAULT_SELECTION, "refuse");
    expect(["a_unencrypted", "_unencrypted", "a_unencrypted_", "a_UNENCRYPTED", ""].map(hits)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("a suffix is no pattern", async () => {
    const { hits } = await compileSelection({ rule: "encrypted_suffix", pattern: ".*(" }, "refuse");
    expect([hits("a.*("), hits("abc(")]).toEqual([true, false]);
  });

  // RE2, unanchored, case-sensitive.
  test.each([
    ["data", "metadata", true],
    ["^data$", "metadata", false],
    ["^(data|stringData)$", "stringData", true],
    ["DATA", "data", false],
    ["(?i)DATA", "data", true],
    ["\\Aa\\z", "a", true],
    ["[[:alpha:]]+", "123", false],
    ["[[:digit:]]{3}", "a123", true],
    ["(?P<n>pass)", "password", true],
    ["\\pL", "é", true],
    ["\\w", "é", false],
    ["^.$", "\u{1f511}", true],
    ["^.$", "\n", false],
    ["(?s)^.$", "\n", true],
    ["^\\Qa.b\\E$", "a.b", true],
    ["^\\Qa.b\\E$", "axb", false],
    ["(?U)a+?", "aa", true],
    ["", "anything", true],
  ])("the pattern %j on %j: %s", async (pattern, key, expected) => {
    const { hits } = await compileSelection({ rule: "encrypted_regex", pattern }, "refuse");
    expect(hits(key)).toBe(expected);
    // From memory the second time.
    expect(hits(key)).toBe(expected);
  });

  test.each(["(", "[", "a(?=b)", "(?<!a)b", "(a)\\1", "*", "a{1001}", "\\"])(
    "a pattern that does not compile (%s) is refused for new files, and never matches in old ones",
    async (pattern) => {
      for (const rule of ["encrypted_regex", "unencrypted_comment_regex"] as const) {
        const error = await failure(() => compileSelection({ rule, pattern }, "refuse"));
        expect(error.code).toBe("CONFIG_MALFORMED");
        const { hits, byComment } = await compileSelection({ rule, pattern }, "ignore");
        expect([hits("ab"), hits("b"), hits(""), byComment]).toEqual([false, false, false, rule.includes("comment")]);
      }
    },
  );

  test("stay right with more keys than are remembered", async () => {
    const { hits } = await compileSelection({ rule: "encrypted_suffix", pattern: "7" }, "refuse");
    let count = 0;
    for (let i = 0; i < 20_000; i++) if (hits(`key${i}`)) count++;
    expect(count).toBe(2000);
  });
});
