import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSpellings, encodeSpellings, LEADING } from "../../src/document/spelling.ts";

describe("the record of spellings", () => {
  test("is read as it was written", () => {
    const spelling = fc.record({ index: fc.integer({ min: LEADING }), pathText: fc.string(), text: fc.string() });
    fc.assert(
      fc.property(fc.uniqueArray(spelling, { selector: ({ index }) => index }), (spellings) => {
        expect([...decodeSpellings(encodeSpellings(spellings)).values()]).toEqual(spellings);
      }),
    );
  });

  test("holds lone surrogates and line breaks", () => {
    const spellings = [{ index: 0, pathText: "a:", text: "\ud800\r\n\u2028\0" }];
    expect([...decodeSpellings(encodeSpellings(spellings)).values()]).toEqual(spellings);
  });

  test.each(["", "nonsense", "{", "null", "{}", '"text"', "[1,2]", '[["0","a:","x"]]', '[[0,"a:"]]', "[[0,1,2]]"])(
    "of %j is empty",
    (text) => {
      expect(decodeSpellings(text).size).toBe(0);
    },
  );

  test("is read as far as it can be", () => {
    expect([...decodeSpellings('[null,[0,"a:","x"],[1],{"index":2},[3,"b:","y","more"]]').values()]).toEqual([
      { index: 0, pathText: "a:", text: "x" },
      { index: 3, pathText: "b:", text: "y" },
    ]);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodeSpellings(text)).toBeInstanceOf(Map);
      }),
    );
  });
});
