import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floatScalar, NULL } from "../../src/crypto/scalar-bytes.ts";
import { type Comment, leaf, list, mapping, type Node, type Scalar, str } from "../../src/document/document.ts";
import { yaml } from "../../src/formats/yaml.ts";
import {
  BlockPrinter,
  doubleQuoted,
  flowText,
  type ScalarContext,
  scalarText,
  singleQuoted,
} from "../../src/formats/yaml-print.ts";
import { parsedYaml } from "../support/parsing.ts";
import { textOf } from "../support/sealing.ts";

const context: ScalarContext = {
  style: "plain",
  inFlow: false,
  isFollowed: () => false,
  bodyIndent: 4,
  parentIndent: 0,
  newline: "\n",
};
const plain = (text: string): string => scalarText(str(text), context);
const inFlow = (text: string): string => scalarText(str(text), { ...context, inFlow: true, isFollowed: () => true });

/** Texts that must come back from any style; each has tripped some YAML writer. */
const texts = [
  ...["", " ", "a", "a b", " a", "a ", "a: b", "a:", ":a", "a #b", "#a", "- a", "-", "?", "? a", ":", "[", "{a: b}"],
  ...["]", "}", ",", "a,b", "&a", "*a", "!a", "|", ">", "'", '"', "%a", "@a", "`a", "true", "yes", "no", "y", "~"],
  ...["null", "0", "1.5", "0x1F", "017", "08", "1_000", "1e3", "2001-12-14", "1:30", "=", "<<", "---", "...", "--- a"],
  ...["a\nb", "a\nb\n", "a\nb\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b", "a \nb", "a\n ", "\ta", "a\tb", "a\n\tb"],
  ...["a\r\nb", "a\rb", "é", "\u{1f511}", "a\u0085b", "\u2028", "\u2029", "\ufeffa", "a\ufeff", "\0", "\x07", "\x1b"],
  ...["\x7f", "\u00a0", "\u200b", "\ufffe", "it's", 'say "hi"', "C:\\x", "a: b\nc", "# a\n# b", "---\na", "- a\n- b"],
  ...["a\n\n\nb", "a\n  b\nc", "ENC[x]", "{{ x }}", "a\n\n  b\n\n", "trailing\n\n\n"],
];

/** What a text is read as behind `k: `, or in a list in a flow. */
function readBack(text: string, flow: boolean): Scalar | null {
  const { roots } = parsedYaml(flow ? `{k: ${text}\n}\n` : `k: ${text}\nz: end\n`);
  const member = roots[0]?.members[0];
  return member?.kind === "item" && member.value.kind === "leaf" ? member.value.scalar : null;
}

describe("scalars", () => {
  test.each(["plain", "single", "double", "literal", "folded"] as const)("come back in %s style", (style) => {
    for (const text of texts) {
      expect(readBack(scalarText(str(text), { ...context, style }), false)).toEqual(str(text));
      expect(readBack(scalarText(str(text), { ...context, style, isFollowed: () => true }), false)).toEqual(str(text));
      expect(
        readBack(scalarText(str(text), { ...context, style, inFlow: true, isFollowed: () => true }), true),
      ).toEqual(str(text));
    }
  });

  test("come back whatever they are, in any style and line break", () => {
    const parts = fc.constantFrom(..."ab \n\n\t'\"\\#:-[]{}>|&*!%@,?0é\u2028\u{1f511}\u0085\0\r~");
    const style = fc.constantFrom("plain", "single", "double", "literal", "folded" as const);
    const text = fc.oneof(fc.string({ unit: parts, maxLength: 12 }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, style, fc.constantFrom("\n", "\r\n"), fc.nat(3), (value, manner, newline, extra) => {
        const written = scalarText(str(value), {
          ...context,
          style: manner as ScalarContext["style"],
          newline,
          bodyIndent: 1 + extra,
        });
        expect(readBack(written, false)).toEqual(str(value));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["a b", "a b"],
    ["", '""'],
    ["true", '"true"'],
    ["yes", '"yes"'],
    ["N", '"N"'],
    ["1", '"1"'],
    ["1:30", '"1:30"'],
    ["2001-12-14", '"2001-12-14"'],
    ["~", '"~"'],
    ["a: b", "'a: b'"],
    ["- a", "'- a'"],
    ["#a", "'#a'"],
    [" a", "' a'"],
    ["it's", "it's"],
    ["'a'", "'''a'''"],
    ["@a", "'@a'"],
    ["a\\b", "a\\b"],
    ["a\x07", '"a\\a"'],
    ["a\rb", '"a\\rb"'],
    ["a\nb", "|-\n    a\n    b"],
    ["a\nb\n", "|\n    a\n    b"],
    ["a\n\n", "|+\n    a\n"],
    [" a\nb", "|4-\n     a\n    b"],
  ])("%j is written as the reference writes it", (text, expected) => {
    // A block's last line break stands in the text around it already.
    expect(plain(text)).toBe(expected);
  });

  test.each([
    ["a", "a"],
    ["a,b", "'a,b'"],
    ["[a]", "'[a]'"],
    ["a\nb", '"a\\nb"'],
    ["?a", "'?a'"],
    ["ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]", "'ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]'"],
  ])("%j is on one line in a flow", (text, expected) => {
    expect(inFlow(text)).toBe(expected);
  });

  test("envelopes are plain in a block, whatever they are followed by", () => {
    const envelope = "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]";
    expect(plain(envelope)).toBe(envelope);
    expect(scalarText(str(envelope), { ...context, style: "single" })).toBe(`'${envelope}'`);
    expect(scalarText(str(envelope), { ...context, style: "double" })).toBe(`"${envelope}"`);
    expect(scalarText(str(envelope), { ...context, style: "literal" })).toBe(`|-\n    ${envelope}`);
    expect(scalarText(str(envelope), { ...context, style: "literal", isFollowed: () => true })).toBe(`"${envelope}"`);
  });

  test.each<[Scalar, string]>([
    [NULL, "null"],
    [{ type: "bool", text: "True" }, "true"],
    [{ type: "int", text: "-5" }, "-5"],
    [floatScalar(1e6), "1e+06"],
    [floatScalar(Number.NEGATIVE_INFINITY), "-.inf"],
    [{ type: "time", text: "2001-12-14T00:00:00Z" }, "2001-12-14T00:00:00Z"],
    [{ type: "str", text: Uint8Array.of(0xff, 0xfe) }, "!!binary //4="],
  ])("%j is %s in every style", (scalar, expected) => {
    for (const style of ["plain", "single", "double", "literal", "folded"] as const)
      expect(scalarText(scalar, { ...context, style })).toBe(expected);
  });

  test("quotes are quoted", () => {
    expect(singleQuoted("it's ''")).toBe("'it''s '''''");
    expect(doubleQuoted('"\\\0\x07\b\t\n\v\f\r\x1b\x7f\x85\u2028\u2029\ufeff\x01é')).toBe(
      '"\\"\\\\\\0\\a\\b\\t\\n\\v\\f\\r\\e\\x7F\\N\\L\\P\\uFEFF\\x01é"',
    );
  });
});

const note = (text: string, inline = false): Comment => ({
  kind: "comment",
  scalar: { type: "comment", text },
  inline,
  at: null,
});

describe("trees", () => {
  const tree = mapping([
    ["a", leaf("x")],
    [
      "m",
      mapping([
        [
          "b",
          list([
            leaf("y"),
            mapping([
              ["c", leaf("z")],
              ["d", list([list([leaf("w")])])],
            ]),
          ]),
        ],
      ]),
    ],
    ["e", mapping([])],
    ["f", list([])],
    ["<<", mapping([["g", leaf("1")]])],
    ["true", leaf("t")],
    ["k: v", leaf("multi\nline\n")],
  ]);

  test("are printed as the reference prints them", () => {
    expect(new BlockPrinter(4, "\n").members(tree, 0)).toBe(`a: x
m:
    b:
        - "y"
        - c: z
          d:
            - - w
e: {}
f: []
!!merge <<:
    g: "1"
"true": t
'k: v': |
    multi
    line
`);
  });

  test("take another step and another line break", () => {
    expect(new BlockPrinter(2, "\r\n").members(mapping([["m", mapping([["b", list([leaf("x")])]])]]), 0)).toBe(
      "m:\r\n  b:\r\n    - x\r\n",
    );
  });

  test("have their comments on lines of their own, or behind their value", () => {
    const root = mapping([["a", leaf("x")]]);
    root.members.unshift(note(" first"), note(" behind", true));
    root.members.push(note(" last"));
    expect(new BlockPrinter(4, "\n").members(root, 0)).toBe("# first\na: x # behind\n# last\n");
  });

  test("fit on one line, without comments", () => {
    const root = mapping([["a", list([leaf("x y"), leaf("1"), leaf(NULL), mapping([])])]]);
    root.members.push(note("c"));
    expect(flowText(root)).toBe('{a: [x y, "1", null, {}]}');
  });

  test("are read as they were printed, by block and by flow", () => {
    const scalar: fc.Arbitrary<Node> = fc.oneof(
      fc.constantFrom(...texts).map((text) => leaf(text)),
      fc.constantFrom<Scalar>(NULL, { type: "bool", text: "True" }, { type: "int", text: "7" }).map((one) => leaf(one)),
    );
    const key = fc.constantFrom(
      "a",
      "b c",
      "1",
      "true",
      "~",
      "x: y",
      "#",
      "",
      "é",
      "- z",
      "it's",
      "[",
      "l\nm",
      "'",
      '"',
    );
    const { node } = fc.letrec<{ node: Node; map: Node }>((tie) => ({
      map: fc.uniqueArray(fc.tuple(key, tie("node")), { selector: ([name]) => name, maxLength: 3 }).map(mapping),
      node: fc.oneof(
        { maxDepth: 3, depthSize: "small" },
        scalar,
        fc.array(tie("node"), { maxLength: 3 }).map((elements) => list(elements)),
        tie("map"),
      ),
    }));
    const bare = (one: Node): unknown => {
      if (one.kind === "leaf") return one.scalar;
      if (one.kind === "list") return one.elements.map((element) => bare(element as Node));
      return one.members.map((member) => (member.kind === "item" ? [member.key, bare(member.value)] : []));
    };
    fc.assert(
      fc.property(node, fc.integer({ min: 2, max: 9 }), (value, indent) => {
        const root = mapping([["k", value]]);
        for (const text of [textOf(yaml.print([root], { indent })), `${flowText(root)}\n`]) {
          const [read] = parsedYaml(text).roots;
          expect(read === undefined ? null : bare(read)).toEqual(bare(root));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("one node", () => {
  test.each<[string, Node, string]>([
    ["a string raw", leaf("a: 'b'\n"), "a: 'b'\n"],
    ["a number", leaf({ type: "int", text: "7" }), "7\n"],
    ["null", leaf(NULL), "null\n"],
    ["a mapping", mapping([["a", leaf("b")]]), "a: b\n"],
    ["an empty mapping", mapping([]), "{}\n"],
    ["a list", list([leaf("a"), list([leaf("b")])]), "- a\n- - b\n"],
    ["an empty list", list([]), "[]\n"],
  ])("%s", (_, node, expected) => {
    expect(textOf(yaml.printNode(node, {}))).toBe(expected);
  });

  test("indentation is the reference's: 4, or what is asked for from 2 to 9, else 2", () => {
    const root = mapping([["a", mapping([["b", leaf("c")]])]]);
    const indentOf = (indent?: number | "tab"): number =>
      (/\n( +)/.exec(textOf(yaml.print([root], indent === undefined ? {} : { indent })))?.[1] ?? "").length;
    expect([undefined, 0, 2, 3, 9, 1, 10, "tab" as const].map(indentOf)).toEqual([4, 4, 2, 3, 9, 2, 2, 4]);
  });

  test("several documents are separated, an empty one is {}", () => {
    expect(textOf(yaml.print([mapping([["a", leaf("b")]]), mapping([])], {}))).toBe("a: b\n---\n{}\n");
  });
});
