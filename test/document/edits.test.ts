import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Edit } from "../../src/document/document.ts";
import { applyEdits, EditList, lowerBound } from "../../src/document/edits.ts";

const text = (source: string, ...edits: Edit[]): string => Buffer.from(applyEdits(source, edits)).toString();

describe("edits", () => {
  test("none leave the text as it is, as UTF-8", () => {
    expect(applyEdits("\ufeffé\r\n\u{1f511}", [])).toEqual(Buffer.from("\ufeffé\r\n\u{1f511}"));
    expect(applyEdits("", [])).toEqual(Buffer.alloc(0));
  });

  test("may make the text much longer in bytes than in characters", () => {
    const bytes = Uint8Array.of(0xff, 0xfe);
    for (const count of [1, 10, 20_000, 70_000]) {
      const edits = [
        { start: 1, end: 2, text: "€".repeat(count) },
        { start: 2, end: 3, text: bytes },
        { start: 4, end: 4, text: "\u{1f511}".repeat(count) },
      ];
      const parts = ["é", "€".repeat(count), bytes, "d", "\u{1f511}".repeat(count), "ü"];
      const expected = Buffer.concat(parts.map((part) => Buffer.from(part)));
      expect(Buffer.compare(applyEdits("ébcdü", edits), expected)).toBe(0);
    }
  });

  test("may be many and of any length, in any order", () => {
    const lengths = [0, 1, 100, 4095, 4096, 70_000];
    const edits = Array.from({ length: 300 }, (_, i) => {
      const length = lengths[(i * 7) % lengths.length] as number;
      const [start, letter] = [2 * i, "aé€"[i % 3] as string];
      return { start, end: start + 1, text: i % 5 === 0 ? Buffer.from(letter.repeat(length)) : letter.repeat(length) };
    });
    const expected = edits.map(({ text }) => `${text}.`).join("");
    const source = "-.".repeat(300);
    expect(text(source, ...edits) === expected).toBe(true);
    expect(
      text(source, ...edits.filter((_, i) => i % 2 === 1), ...edits.filter((_, i) => i % 2 === 0)) === expected,
    ).toBe(true);
  });

  test("of two lists: the second one's come first at one offset", () => {
    const list = new EditList([
      { start: 0, end: 1, text: "ONE" },
      { start: 4, end: 4, text: "<" },
    ]);
    const more = [
      { start: 4, end: 4, text: ">" },
      { start: 0, end: 0, text: "+" },
      { start: 2, end: 3, text: "" },
    ];
    expect(Buffer.from(list.applyTo("1234", more)).toString()).toBe("+ONE24><");
  });

  test("that lie outside of others, and where the next one begins", () => {
    const outer = new EditList([
      { start: 7, end: 9, text: "" },
      { start: 1, end: 4, text: "" },
    ]);
    const inner = { start: 2, end: 3, text: "in" };
    const apart = { start: 5, end: 6, text: "é" };
    expect(new EditList([apart, inner]).outside(outer)).toEqual([{ ...apart, text: Buffer.from("é") }]);
    expect([0, 1, 2, 7, 8].map((offset) => outer.nextStart(offset))).toEqual([1, 1, 7, 7, Infinity]);
    expect(new EditList().nextStart(0)).toBe(Infinity);
  });

  test("come in any order", () => {
    const edits = [
      { start: 4, end: 5, text: "FIVE" },
      { start: 0, end: 1, text: "ONE" },
      { start: 2, end: 2, text: "+" },
    ];
    expect(text("12345", ...edits)).toBe("ONE2+34FIVE");
  });

  test("at one offset keep the order they were given in, before what is replaced there", () => {
    const edits = [
      { start: 1, end: 1, text: "a" },
      { start: 1, end: 1, text: "b" },
      { start: 1, end: 2, text: "X" },
    ];
    expect(text("123", ...edits)).toBe("1abX3");
  });

  test("may touch, but not overlap", () => {
    expect(text("1234", { start: 0, end: 2, text: "a" }, { start: 2, end: 4, text: "b" })).toBe("ab");
    expect(() =>
      applyEdits("1234", [
        { start: 0, end: 3, text: "a" },
        { start: 2, end: 4, text: "b" },
      ]),
    ).toThrow("overlapping");
    expect(() =>
      applyEdits("1234", [
        { start: 0, end: 4, text: "a" },
        { start: 1, end: 2, text: "b" },
      ]),
    ).toThrow("overlapping");
  });

  test("have insides, to which their borders belong", () => {
    const list = new EditList([
      { start: 7, end: 9, text: "" },
      { start: 1, end: 4, text: "" },
      { start: 5, end: 5, text: "" },
    ]);
    const ranges = [
      [1, 4],
      [2, 3],
      [3, 4],
      [7, 8],
      [0, 2],
      [3, 5],
      [4, 5],
      [4, 6],
      [2, 2],
      [8, 10],
    ] as const;
    expect(ranges.map(([start, end]) => list.isInside({ start, end }))).toEqual([
      ...[true, true, true, true],
      ...[false, false, false, false, false, false],
    ]);
    expect(new EditList().isInside({ start: 0, end: 1 })).toBe(false);
  });

  test.each([
    [[], 5, 0],
    [[1, 3, 3, 7], 0, 0],
    [[1, 3, 3, 7], 3, 1],
    [[1, 3, 3, 7], 4, 3],
    [[1, 3, 3, 7], 8, 4],
  ])("in %j the first that is not below %i is at %i", (sorted: number[], value, position) => {
    expect(lowerBound(sorted.length, (i) => (sorted[i] ?? 0) >= value)).toBe(position);
  });

  test("take bytes that are no UTF-8", () => {
    const edits = [
      { start: 1, end: 2, text: Uint8Array.of(0xff, 0x00) },
      { start: 2, end: 2, text: "é" },
      { start: 3, end: 3, text: Uint8Array.of(0xfe) },
    ];
    expect(applyEdits("abc", edits)).toEqual(Buffer.from([0x61, 0xff, 0x00, 0xc3, 0xa9, 0x63, 0xfe]));
  });

  test("count in UTF-16 units", () => {
    expect(text("\u{1f511}=x", { start: 3, end: 4, text: "y" })).toBe("\u{1f511}=y");
  });

  test("leave alone what lies between them", () => {
    const cuts = fc.array(fc.tuple(fc.string(), fc.string(), fc.string()), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, fc.string(), (parts, rest) => {
        let source = "";
        let expected = "";
        const edits = [];
        for (const [kept, old, replacement] of parts) {
          source += kept;
          edits.push({ start: source.length, end: source.length + old.length, text: replacement });
          source += old;
          expected += kept + replacement;
        }
        expect(text(source + rest, ...edits)).toBe(expected + rest);
      }),
    );
  });
});
