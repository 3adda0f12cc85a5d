import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaf, mapping } from "../../src/document/document.ts";
import { KeyleafError } from "../../src/errors.ts";
import { ini } from "../../src/formats/ini.ts";
import { type Short, sealAndOpen, textOf, tree, writeAndRemove } from "./flat-sealing.ts";

const line = fc.constantFrom(
  ...[
    "k = v",
    "a=1",
    "b : 2",
    " i = 3",
    "k = w ; c",
    "k = 'q'",
    'j = "x ; y"',
    "z =",
    "z = ; only",
    "; c1",
    "# c2",
    ";;;; ",
    "#",
  ],
  ...[
    "  ; ind",
    "",
    "   ",
    "[s]",
    "[t]",
    "[s] ; side",
    "  [u]  # side",
    "[ x ]",
    "[s] ; see [x]",
    "- = one",
    "c = x \\\n  y",
  ],
  ...[
    'm = """l1\nl2"""',
    'm = """l1\n#l2""" junk ; z',
    "g = `x;y`",
    "g = `x` ; skipped",
    "g = `l1\nl2`",
    "c = x \\",
    "k = v # ] `",
  ],
  ...[
    "`q:w` = 1",
    '"p" = 2',
    '"""t`t""" = 2',
    "\u00e9 = \ud83d\udd11",
    's = " sp "',
    "w = v\t ",
    "[DEFAULT]",
    "u = \u00a0x\u2028",
  ],
);
const atom = fc.constantFrom(
  ...[
    "a",
    "k",
    "=",
    " = ",
    ":",
    ";",
    "#",
    " ; c",
    "\\",
    "\\\n",
    "\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "`",
    '"""',
    '"',
    "'",
    "[s]",
    "]",
    "[",
  ],
);

/** Text that the format accepts. */
const accepted = fc
  .oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.array(line, { maxLength: 10 }), fc.constantFrom("\n", "\r\n"), fc.boolean(), fc.boolean())
        .map(([lines, eol, isWhole, bom]) => (bom ? "\ufeff" : "") + lines.join(eol) + (isWhole ? eol : "")),
    },
    { weight: 1, arbitrary: fc.array(atom, { maxLength: 20 }).map((atoms) => atoms.join("")) },
  )
  .filter((source) => {
    try {
      return ini.parse(Buffer.from(source)).metadata === null;
    } catch (error) {
      if (error instanceof KeyleafError) return false;
      throw error;
    }
  });

/** Names and values without comments. */
function valuesOf(sections: readonly Short[]): unknown[] {
  return sections.map((section) => {
    const [name, members] = section as [string, Short[]];
    return [name, members.filter((member) => typeof member !== "string").map((member) => member[0])];
  });
}

describe("INI", () => {
  it("gives back every character after sealing and opening", () => {
    fc.assert(
      fc.property(accepted, (source) => {
        expect(sealAndOpen(ini, source).opened).toBe(source);
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps sections and keys where they are when it seals", () => {
    fc.assert(
      fc.property(accepted, (source) => {
        expect(valuesOf(tree(ini, sealAndOpen(ini, source).sealed))).toEqual(valuesOf(tree(ini, source)));
      }),
    );
  });

  it("takes the block away without a trace", () => {
    fc.assert(
      fc.property(accepted, (source) => {
        const { written, removed } = writeAndRemove(ini, source);
        expect(removed).toBe(source);
        expect(tree(ini, written)).toEqual(tree(ini, source));
      }),
      { numRuns: 1000 },
    );
  });

  it("reads what it prints", () => {
    const text = fc.string({ unit: fc.oneof(fc.string({ unit: "binary", maxLength: 1 }), atom), maxLength: 8 });
    fc.assert(
      fc.property(text, text, text, (name, key, value) => {
        let printed: Uint8Array;
        try {
          printed = ini.print([mapping([[name, mapping([[key, leaf(value)]])]])], {});
        } catch (error) {
          expect(error).toMatchObject({ code: "OUTPUT_UNREPRESENTABLE" });
          return;
        }
        expect(tree(ini, textOf(printed)).at(-1)).toEqual([name, [[key, value]]]);
      }),
      { numRuns: 1000 },
    );
  });
});
