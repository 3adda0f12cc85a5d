import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Variant } from "../../src/document/document.ts";
import { decodeSpellings, encodeSpellings, namedVariants } from "../../src/document/spelling.ts";

describe("the record of spellings", () => {
  test("is read as it was written", () => {
    const spelling = fc.record({ index: fc.nat(), pathText: fc.string(), text: fc.string() });
    fc.assert(
      fc.property(
        fc.uniqueArray(spelling, { selector: ({ index }) => index }),
        fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([name]) => name }),
        (spellings, variants) => {
          const { entries, variants: read } = decodeSpellings(encodeSpellings(spellings, variants));
          expect([...entries.values()]).toEqual(spellings);
          expect([...read]).toEqual(variants);
        },
      ),
    );
  });

  test("holds lone surrogates and line breaks", () => {
    const spellings = [{ index: 0, pathText: "a:", text: "\ud800\r\n\u2028\0" }];
    expect([...decodeSpellings(encodeSpellings(spellings, [])).entries.values()]).toEqual(spellings);
  });

  test.each(["", "nonsense", "{", "null", "{}", '"text"', "[1,2]", '[[0,"a:"]]', "[[0,1,2]]"])(
    "of %j is empty",
    (text) => {
      const { entries, variants } = decodeSpellings(text);
      expect(entries.size + variants.size).toBe(0);
    },
  );

  test("is read as far as it can be", () => {
    expect([...decodeSpellings('[null,[0,"a:","x"],[1],{"index":2},[3,"b:","y","more"]]').entries.values()]).toEqual([
      { index: 0, pathText: "a:", text: "x" },
      { index: 3, pathText: "b:", text: "y" },
    ]);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => decodeSpellings(text)).not.toThrow();
      }),
    );
  });

  test("counts variants of one kind", () => {
    const variant = (kind: string, start: number): Variant => ({
      kind,
      start,
      end: start,
      sealed: "",
      isPlain: () => true,
    });
    const names = namedVariants([variant("a", 1), variant("b", 2), variant("a", 3)]).map(([name, { start }]) => [
      name,
      start,
    ]);
    expect(names).toEqual([
      ["a", 1],
      ["b", 2],
      ["a 1", 3],
    ]);
  });
});
