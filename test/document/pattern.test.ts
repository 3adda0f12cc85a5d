import fc from "fast-check";
import { RE2JS } from "re2js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compilePattern } from "../../src/document/pattern.ts";

const seed = Date.now() % 0x7fffffff;

const compileRe2 = vi.spyOn(RE2JS, "compile");
beforeEach(() => {
  compileRe2.mockClear();
});
afterEach(() => {
  compileRe2.mockClear();
});

async function isFast(source: string): Promise<boolean> {
  compileRe2.mockClear();
  await compilePattern(source);
  return compileRe2.mock.calls.length === 0;
}

describe("patterns in use need no second engine", () => {
  test.each([
    "",
    "a",
    "^(password|token)$",
    "^(data|stringData)$",
    "(?:^|/)secrets/",
    "\\.json$",
    ".*\\.enc\\.yaml$",
    "^deploy/prod/.*\\.ya?ml$",
    "^[^/]+$",
    "^secrets/[^/]+\\.yaml$",
    "secrets/.*",
    "^[A-Z_][A-Z0-9_-]{2}$",
    "[-a\\]\\d]",
    "\\_\\-\\@\\/",
    "sops:enc",
    "(^|_)(?:id|key)?$",
    "\\w\\W\\D",
    "(|a)",
    "é😀[à-ÿ😀]",
  ])("%j", async (source) => {
    expect(await isFast(source)).toBe(true);
  });
});

describe("what is read otherwise, or takes more than linear time, goes to RE2", () => {
  test.each([
    "(?i)secret",
    "(?P<name>a)",
    "(?<name>a)",
    "\\bkey\\b",
    "\\s",
    "\\pL",
    "\\A",
    "\\x41",
    "[[:alpha:]]",
    "[]a]",
    "[a-b-c]",
    "{",
    "a]",
    "a{,3}",
    "a{02}",
    "^*",
    "(a+)+$",
    "(a|a)*$",
    "(a?){9}$",
    "(a{2}){3}",
    "(a)*",
    "a.*b",
    "^.*a.*b$",
    "a+$",
    `${"a?".repeat(12)}${"a".repeat(12)}`,
    `${"(a|a)".repeat(12)}b`,
    `${"(".repeat(150)}a${")".repeat(150)}`,
  ])("%j", async (source) => {
    expect(await isFast(source)).toBe(false);
  });
});

test.each<readonly [pattern: string, text: string, found: boolean]>([
  // The search is not anchored, and case matters.
  ["b", "abc", true],
  ["^b", "abc", false],
  ["B", "abc", false],
  ["(?i)B", "abc", true],
  ["", "", true],
  // `$` is the end of the text, not of a line, and not before a last line feed.
  ["a$", "a\n", false],
  ["^b", "a\nb", false],
  ["(?m)^b$", "a\nb\n", true],
  // `.` is anything but a line feed: JavaScript's also leaves out these.
  ["^.$", "\r", true],
  ["^.$", "\u2028", true],
  ["^.$", "\n", false],
  ["^[^a]$", "\n", true],
  // Per code point.
  ["^.$", "😀", true],
  ["^[😀-😂]$", "😁", true],
  ["^..$", "😀", false],
  // Classes of letters are ASCII; `\s` has no vertical tab and no wide blanks.
  ["^\\w$", "é", false],
  ["^\\d$", "٣", false],
  ["^\\s$", "\v", false],
  ["^\\s$", "\u00a0", false],
  ["é\\b", "é ", false],
  ["^[[:upper:]]+$", "ABC", true],
  ["^\\pL+$", "é", true],
  // Literal in RE2, errors in JavaScript.
  ["a{,3}", "a{,3}", true],
  ["^{$", "{", true],
  ["^[]a]$", "]", true],
  ["\\_\\-", "_-", true],
  ["\\Qa.b\\E", "axb", false],
  // A leading loop is left out of the search.
  [".*b", "\nab", true],
  [".*?b", "ab", true],
  [".*^b", "ab", false],
  [".*", "", true],
  [".*{", "a{", true],
])("%j in %j: %s", async (pattern, text, found) => {
  const matches = await compilePattern(pattern);
  expect(matches(text)).toBe(found);
  expect(matches(text)).toBe(found);
});

test.each([
  "(",
  ")",
  "a)",
  "[",
  "[]",
  "[^]",
  "[b-a]",
  "[a-\\d]",
  "*a",
  "a**",
  "a*+",
  "a|*",
  "a{2,1}",
  "a{1001}",
  "(a{1000}){2}",
  "(?=a)",
  "(?!a)",
  "(?<=a)",
  "(?<!a)",
  "(a)\\1",
  "(?P=n)",
  "(?x)a",
  "\\",
  "\\Z",
  "\\u0041",
  "\\é",
  "[\\b]",
  "[[:nothing:]]",
  "\\p{Nothing}",
  `${"(".repeat(2000)}${")".repeat(2000)}`,
])("%j is not RE2", async (source) => {
  await expect(compilePattern(source)).rejects.toMatchObject({ name: "KeyleafError", code: "CONFIG_MALFORMED" });
});

test.each([
  "(a+)+$",
  "(a|aa)+$",
  "a+$",
  "a.*a.*a.*a.*c",
  "(.*)*x",
  "^(a|a|aa)a*$",
  `${"a?".repeat(30)}${"a".repeat(30)}x`,
])("%j on a long text takes linear time", async (source) => {
  const matches = await compilePattern(source);
  const start = performance.now();
  matches(`${"a".repeat(100_000)}b`);
  expect(performance.now() - start).toBeLessThan(5000);
});

/** Pieces that make the special cases likely; many of what they make does not compile, or is not for the fast path. */
const piece = fc.constantFrom(
  ..."ab-^$.|?*+()[]{},/\\_ \n".split(""),
  ...[
    "😀",
    "é",
    "(?:",
    "[^",
    "[a-",
    "\\d",
    "\\w",
    "\\D",
    "\\W",
    "\\.",
    "\\-",
    "\\]",
    "\\^",
    "\\[",
    "{2}",
    "{1,}",
    "{0,2}",
    ".*",
    "a?",
  ],
);

/** Patterns that are well formed more often than not. */
const { pattern: grown } = fc.letrec<{ pattern: string; sequence: string; atom: string }>((tie) => ({
  pattern: fc.array(tie("sequence"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("|")),
  sequence: fc.array(tie("atom"), { maxLength: 4 }).map((parts) => parts.join("")),
  atom: fc.oneof(
    { maxDepth: 3 },
    fc
      .tuple(
        fc.constantFrom(
          "a",
          "b",
          "é",
          "😀",
          ".",
          "\\d",
          "\\W",
          "\\-",
          "[ab]",
          "[^a]",
          "[^\\w]",
          "[-a]",
          "[a-c\\-]",
          "\n",
        ),
        fc.constantFrom("", "", "", "?", "*", "+", "{2}", "{1,2}", "{0}", "*?"),
      )
      .map(([atom, quantifier]) => atom + quantifier),
    fc.constantFrom("^", "$"),
    fc
      .tuple(fc.constantFrom("(", "(?:"), tie("pattern"), fc.constantFrom("", "", "?", "??"))
      .map(([open, inner, quantifier]) => `${open}${inner})${quantifier}`),
  ),
}));

const text = fc
  .array(fc.constantFrom("a", "b", "c", "1", "-", "_", "/", "^", "]", "é", "😀", "\n", "\r", "\u2028", " "), {
    maxLength: 8,
  })
  .map((parts) => parts.join(""));

test(`the fast path and RE2 agree (seed ${seed})`, async () => {
  let fast = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        grown,
        fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
      ),
      fc.array(text, { minLength: 5, maxLength: 5 }),
      async (source, texts) => {
        compileRe2.mockClear();
        const matches = await compilePattern(source).catch(() => null);
        if (compileRe2.mock.calls.length > 0 || matches === null) return;
        fast++;
        const reference = RE2JS.compile(source);
        for (const one of texts) expect([one, matches(one)]).toEqual([one, reference.test(one)]);
      },
    ),
    { seed, numRuns: 3000 },
  );
  expect(fast).toBeGreaterThan(500);
});
