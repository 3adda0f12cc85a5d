import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeLines } from "../../src/cli/merge-lines.ts";
import { runs } from "../support/seed.ts";

const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join("");
const base = lines("a", "b", "c", "d", "e");

describe("goes together", () => {
  test.each([
    ["different lines", lines("A", "b", "c", "d", "e"), lines("a", "b", "c", "d", "E"), lines("A", "b", "c", "d", "E")],
    ["neighbours", lines("a", "B", "c", "d", "e"), lines("a", "b", "C", "d", "e"), lines("a", "B", "C", "d", "e")],
    [
      "a line gone, one added",
      lines("b", "c", "d", "e"),
      lines("a", "b", "c", "d", "e", "f"),
      lines("b", "c", "d", "e", "f"),
    ],
    ["the same change", lines("a", "X", "c", "d", "e"), lines("a", "X", "c", "d", "e"), lines("a", "X", "c", "d", "e")],
    [
      "the same and another",
      lines("a", "X", "c", "d", "e"),
      lines("a", "X", "c", "d", "E"),
      lines("a", "X", "c", "d", "E"),
    ],
    ["the last line break", "a\nb\nc\nd\nE", lines("A", "b", "c", "d", "e"), "A\nb\nc\nd\nE"],
  ])("%s", (_what, ours, theirs, merged) => {
    expect(mergeLines(base, ours, theirs)).toBe(merged);
    expect(mergeLines(base, theirs, ours)).toBe(merged);
  });
});

describe("does not go together", () => {
  test.each([
    ["the same line", lines("a", "X", "c", "d", "e"), lines("a", "Y", "c", "d", "e")],
    ["changed and removed", lines("a", "X", "c", "d", "e"), lines("a", "c", "d", "e")],
    ["two lines in one place", lines("a", "b", "X", "c", "d", "e"), lines("a", "b", "Y", "c", "d", "e")],
    ["a line put beside a changed one", lines("a", "b", "X", "c", "d", "e"), lines("a", "B", "c", "d", "e")],
    ["a line put into removed ones", lines("a", "e"), lines("a", "b", "c", "X", "d", "e")],
  ])("%s", (_what, ours, theirs) => {
    expect(mergeLines(base, ours, theirs)).toBeNull();
    expect(mergeLines(base, theirs, ours)).toBeNull();
  });
});

const anyText = fc
  .array(fc.constantFrom("a", "b", "c", ""), { maxLength: 8 })
  .chain((all) => fc.constantFrom(lines(...all), lines(...all).slice(0, -1)));

test("of any texts: one side without a change gives the other, and what changes nothing is no clash", () => {
  fc.assert(
    fc.property(anyText, anyText, (before, after) => {
      expect(mergeLines(before, after, before)).toBe(after);
      expect(mergeLines(before, before, after)).toBe(after);
      expect(mergeLines(before, after, after)).toBe(after);
    }),
    { numRuns: runs(300) },
  );
});

test("of any texts: it does not matter which side is which", () => {
  fc.assert(
    fc.property(anyText, anyText, anyText, (before, ours, theirs) => {
      expect(mergeLines(before, ours, theirs)).toBe(mergeLines(before, theirs, ours));
    }),
    { numRuns: runs(300) },
  );
});
