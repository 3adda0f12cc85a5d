import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaf, mapping } from "../../src/document/document.ts";
import { KeyleafError } from "../../src/errors.ts";
import { dotenv } from "../../src/formats/dotenv.ts";
import { sealAndOpen, textOf, tree, writeAndRemove } from "./flat-sealing.ts";

const line = fc.constantFrom(
  ...[
    "A=1",
    "A=",
    'B="q"',
    "C='x",
    'D="un',
    'closed" # c',
    'x=y"',
    "# c",
    "#",
    "  # ind",
    "   ",
    "",
    "\t",
    "\r",
    "E==",
    "G = h ",
  ],
  ...[
    "M=a\\nb",
    'P="l1\nl2"',
    "=k",
    "I=é\u2028",
    'J="e\\"q"',
    "L=`a\nb`",
    "export F=1",
    "  # A=b",
    "\ufeff# d",
    "K=\ud83d\udd11",
  ],
);

/** Text that the format accepts. */
const accepted = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: line },
        fc.string().map((text) => `R=${text}`),
      ),
      { maxLength: 8 },
    ),
    fc.constantFrom("\n", "\r\n"),
    fc.boolean(),
  )
  .map(([lines, lineBreak, isWhole]) => lines.join(lineBreak) + (isWhole ? lineBreak : ""))
  .filter((source) => {
    try {
      return dotenv.parse(Buffer.from(source)).metadata === null;
    } catch (error) {
      if (error instanceof KeyleafError) return false;
      throw error;
    }
  });

describe("dotenv", () => {
  it("gives back every character after sealing and opening", () => {
    fc.assert(
      fc.property(accepted, (source) => {
        expect(sealAndOpen(dotenv, source).opened).toBe(source);
      }),
      { numRuns: 1000 },
    );
  });

  it("seals into lines that sops reads: keys, comments and nothing else", () => {
    fc.assert(
      fc.property(accepted, (source) => {
        for (const text of sealAndOpen(dotenv, source).sealed.split("\n")) expect(text).toMatch(/^$|^#|=/);
      }),
    );
  });

  it("takes the block away without a trace", () => {
    // Values over several lines may not stay clear beside a block.
    const withoutQuotes = accepted.filter((source) => !/["'`]/.test(source));
    fc.assert(
      fc.property(withoutQuotes, (source) => {
        expect(writeAndRemove(dotenv, source).removed).toBe(source);
      }),
    );
  });

  it("reads what it prints", () => {
    // A backslash before n has no spelling of its own, and a quote may open a value of several lines.
    const value = fc.string().filter((text) => !/\\n|^[ \t]*["'`]/.test(text));
    const key = fc.string().filter((text) => !/[=\n]|^#|^sops_/.test(text));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), (pairs) => {
        const printed = dotenv.print([mapping(pairs.map(([name, text]) => [name, leaf(text)] as const))], {});
        expect(tree(dotenv, textOf(printed))).toEqual(pairs);
      }),
    );
  });
});
