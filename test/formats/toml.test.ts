import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { decrypt } from "../../src/decrypt.ts";
import {
  type Comment,
  type Document,
  type Entry,
  leaf,
  list,
  type Mapping,
  mapping,
  type Node,
  type Scalar,
  str,
} from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { type ErrorCode, KeyleafError } from "../../src/errors.ts";
import { detectFormat } from "../../src/formats/detect.ts";
import { toml } from "../../src/formats/toml.ts";
import { corpusFile, corpusFiles, describeCorpus } from "../support/corpus.ts";
import { fakeHost } from "../support/fake-host.ts";
import { expectDiscreet, failure, openedText, sealed, sealedText, textOf } from "../support/sealing.ts";
import { readBySmol, readHere } from "./toml-judge.ts";

const parsed = (source: string): Document => toml.parse(Buffer.from(source));

/** A tree in short: rows of key and value, `#` and text for comments, `#!` where they are beside a value. */
type Short = string | Short[];

function short(node: Node | Comment): Short {
  if (node.kind === "comment") return `${node.inline ? "#!" : "#"}${node.scalar.text}`;
  if (node.kind === "list") return node.elements.map(short);
  if (node.kind === "mapping")
    return node.members.map((member) =>
      member.kind === "comment" ? short(member) : [member.key, short(member.value)],
    );
  return `${node.scalar.type} ${node.scalar.text}`;
}

const tree = (source: string): Short => short(parsed(source).roots[0] as Mapping);

function entriesOf(node: Node): Entry[] {
  if (node.kind === "leaf") return [node];
  const children = node.kind === "list" ? node.elements : node.members;
  return children.flatMap((child) =>
    child.kind === "comment" ? [child] : child.kind === "item" ? entriesOf(child.value) : entriesOf(child),
  );
}

/** The text with its first entry edited. */
function edited(source: string, value: Scalar): string {
  const doc = parsed(source);
  const entry = entriesOf(doc.roots[0] as Mapping)[0] as Entry;
  return textOf(applyEdits(source, [toml.edit(entry, value, doc)]));
}

function withBlock(source: string, block: Mapping | null): string {
  const doc = parsed(source);
  return textOf(applyEdits(source, toml.metadataEdits(doc, block)));
}

const printed = (root: Mapping): string => textOf(toml.print([root], {}));
const printedNode = (node: Node): string => textOf(toml.printNode(node, {}));

describe("the tree", () => {
  it("has dotted keys, inline tables, sub-tables and arrays of tables", () => {
    const source = 'a.b.c = 1\na . "b".d = 2\ni = {x.y = 1, z = {}}\n[t.u]\nk = 3\n[[l]]\nm = 4\n[l.n]\no = 5\n[[l]]\n';
    expect(tree(source)).toEqual([
      [
        "a",
        [
          [
            "b",
            [
              ["c", "int 1"],
              ["d", "int 2"],
            ],
          ],
        ],
      ],
      [
        "i",
        [
          ["x", [["y", "int 1"]]],
          ["z", []],
        ],
      ],
      ["t", [["u", [["k", "int 3"]]]]],
      [
        "l",
        [
          [
            ["m", "int 4"],
            ["n", [["o", "int 5"]]],
          ],
          [],
        ],
      ],
    ]);
  });

  it("has tables where their first header stands, and those that were only part of one where their own stands, as rops", () => {
    expect(tree("[a.x]\n[b]\n[a.y]\n[c]\n")).toEqual([
      [
        "a",
        [
          ["x", []],
          ["y", []],
        ],
      ],
      ["b", []],
      ["c", []],
    ]);
    expect(tree("[a.x]\n[b]\n[a]\nk = 1\n")).toEqual([
      ["b", []],
      [
        "a",
        [
          ["x", []],
          ["k", "int 1"],
        ],
      ],
    ]);
    expect(tree("[a.b.c]\n[a.d]\n[a.b]\nk = 1\n")).toEqual([
      [
        "a",
        [
          ["d", []],
          [
            "b",
            [
              ["c", []],
              ["k", "int 1"],
            ],
          ],
        ],
      ],
    ]);
  });

  it("keeps number-like keys and __proto__ in order", () => {
    expect(tree("2 = 0\n1 = 0\n__proto__ = 0\nconstructor.x = 0\n3.1 = 0\n")).toEqual([
      ["2", "int 0"],
      ["1", "int 0"],
      ["__proto__", "int 0"],
      ["constructor", [["x", "int 0"]]],
      ["3", [["1", "int 0"]]],
    ]);
  });

  it("has comments in the table that is open, those of a key in front of it", () => {
    const source = "# top\n\n# above\na = 1 # beside\n# end\n[t] # header\nb = 2\n[[u]] # first\n# last";
    expect(tree(source)).toEqual([
      "# top",
      "# above",
      "#! beside",
      ["a", "int 1"],
      "# end",
      ["t", ["# header", ["b", "int 2"]]],
      ["u", [["# first", "# last"]]],
    ]);
  });

  it("has comments of a dotted key in its innermost table, so that a rule means that value alone", () => {
    expect(tree("a.b = 1\n# c\na.c = 2 # d\nx = 3\n")).toEqual([
      ["a", [["b", "int 1"], "# c", "#! d", ["c", "int 2"]]],
      ["x", "int 3"],
    ]);
  });

  it("has comments of an array in it, those beside an element in front of that", () => {
    expect(
      tree("a = [ # open\n  1, # one\n  # own\n  2 # two\n  , # comma\n  [3], # three\n  # end\n] # array\n"),
    ).toEqual([
      "#! array",
      ["a", ["# open", "#! one", "int 1", "# own", "#! two", "int 2", "# comma", "#! three", ["int 3"], "# end"]],
    ]);
  });
});

describe("values", () => {
  const scalarOf = (text: string): string => (tree(`a = ${text}\n`) as string[][])[0]?.[1] ?? "";

  it.each([
    ["true", "bool True"],
    ["0", "int 0"],
    ["-0", "int 0"],
    ["+1_000", "int 1000"],
    ["0xDEAD_beef", "int 3735928559"],
    ["0o17", "int 15"],
    ["0b0101", "int 5"],
    ["9223372036854775807", "int 9223372036854775807"],
    ["-9223372036854775808", "int -9223372036854775808"],
    ["1.50", "float 1.5"],
    ["-0.0", "float -0"],
    ["1e22", "float 10000000000000000000000"],
    ["6.02e-3", "float 0.00602"],
    ["inf", "float inf"],
    ["-inf", "float -inf"],
    ["+nan", "float NaN"],
    ["1979-05-27", "str 1979-05-27"],
    ["07:32:00", "str 07:32:00"],
    ["1979-05-27 07:32:00z", "str 1979-05-27T07:32:00Z"],
    ["1979-05-27t07:32:00.500-07:00", "str 1979-05-27T07:32:00.5-07:00"],
    ["1979-05-27T07:32:00.1234567899-00:00", "str 1979-05-27T07:32:00.123456789+00:00"],
    ["23:59:60", "str 23:59:60"],
    ['"a\\t\\u00e9\\U0001F511\\"\\\\"', 'str a\té\u{1f511}"\\'],
    ["'a\\t'", "str a\\t"],
    ['"""\r\na\r\nb"""', "str a\nb"],
    ['"""a \\ \n\n  b\\\n"""', "str a b"],
    ['""""a"" """""', 'str "a"" ""'],
    ["'''\na'\n'''''", "str a'\n''"],
    ['""""""', "str "],
    ["''", "str "],
  ])("reads %s", (text, expected) => {
    expect(scalarOf(text)).toBe(expected);
  });

  it("is read again from its text alone", () => {
    const doc = parsed("a = 1 # c\n");
    const [comment, value] = entriesOf(doc.roots[0] as Mapping);
    const read = (text: string, entry = value): Scalar | null => toml.read(text, (entry as Leafy).at, doc);
    type Leafy = { readonly at: NonNullable<Entry["at"]> };
    expect(read("0x1F")).toEqual({ type: "int", text: "31" });
    expect(read('"""\na"""')).toEqual(str("a"));
    for (const text of ["", " 1", "1 ", "1,", "1\n", "1 # c", "[1]", "{}", '"a', "x = 1"])
      expect(read(text)).toBeNull();
    expect(read("# c", comment)).toEqual({ type: "comment", text: " c" });
    for (const text of ["", "c", "# c\n", "#\r", "1"]) expect(read(text, comment)).toBeNull();
  });

  it.each([
    ["a = 'x'", "ENC[1]", "a = 'ENC[1]'"],
    ['a = "x"', 'a\nb\u007f"\\', 'a = "a\\nb\\u007f\\"\\\\"'],
    ["a = 'x'", "it's", 'a = "it\'s"'],
    ["a = 12", "ENC[1]", 'a = "ENC[1]"'],
    ["a = 1979-05-27", "ENC[1]", 'a = "ENC[1]"'],
    ['a = """x"""', "ENC[1]", 'a = """ENC[1]"""'],
    ['a = """x"""', 'a\n\t"""\\n\r', 'a = """\na\n\t""\\"\\\\n\\r"""'],
    ["a = '''x'''", "ENC[1]", "a = '''ENC[1]'''"],
    ["a = '''x'''", "\na'", "a = '''\n\na''''"],
    ["a = '''x'''", "'''", "a = \"'''\""],
  ])("in %j becomes %j as %j", (source, text, expected) => {
    expect(edited(source, str(text))).toBe(expected);
    expect(tree(expected)).toEqual([["a", `str ${text}`]]);
  });

  it("is written bare where it is no string", () => {
    const write = (type: Scalar["type"], text: string): string => edited('a = "x"', { type, text });
    expect(write("int", "-5")).toBe("a = -5");
    expect(write("bool", "False")).toBe("a = false");
    expect(write("float", "1")).toBe("a = 1.0");
    expect(write("float", "NaN")).toBe("a = nan");
    expect(write("float", "-Inf")).toBe("a = -inf");
    expect(write("time", "2001-12-14T21:59:43Z")).toBe("a = 2001-12-14T21:59:43Z");
    expect(edited("# x\n", { type: "comment", text: "ENC[1]" })).toBe("#ENC[1]\n");
  });

  it("is refused where TOML cannot hold it, with its line", async () => {
    for (const value of [
      { type: "str", text: Buffer.from("\xff", "latin1") } as const,
      { type: "null", text: "" } as const,
    ]) {
      const error = await failure(() => edited('\na = "x"', value));
      expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
      expect(error.details.line).toBe(2);
    }
  });
});

describe("what is no TOML 1.0", () => {
  it.each<[source: string, line: number, column: number, code?: ErrorCode]>([
    ["a = secret", 1, 5],
    ["a = 1 secret", 1, 7],
    ["a = 1\rb = 2", 1, 6],
    ["# secret\r", 1, 9],
    ["# secret\0", 1, 9],
    ['a = "secret', 1, 12],
    ['a = "secret\n"', 1, 12],
    ["a = 'secret\u007f'", 1, 12],
    ['a = "\\e"', 1, 6],
    ['a = "\\ud800"', 1, 6],
    ['a = """\\ x"""', 1, 8],
    ["a = '''x", 1, 9],
    ["a = 1\na = 2", 2, 1],
    ["a.b = 1\na = 2", 2, 1],
    ["a = 1\na.b = 2", 2, 1],
    ["[a]\n[a]", 2, 1],
    ["[a.b]\n[a]\nb.c = 1", 3, 1],
    ["a.b = 1\n[a]", 2, 1],
    ["a = []\n[[a]]", 2, 1],
    ["[a.b]\n[[a]]", 2, 1],
    ["[[a]]\n[a]", 2, 1],
    ["a = {}\n[a.b]", 2, 1],
    ["a = {b = 1, b = 2}", 1, 13],
    ["a = {b = 1,}", 1, 12],
    ["a = {\nb = 1}", 1, 6],
    ["a = [1 2]", 1, 8],
    ["a = [,]", 1, 6],
    ["[a] b = 1", 1, 5],
    ["[ [a]]", 1, 3],
    ["[a", 1, 3],
    ["a = 9223372036854775808", 1, 5],
    ["a = 0xFFFF_FFFF_FFFF_FFFF", 1, 5],
    ["a = 01", 1, 5],
    ["a = 1__0", 1, 5],
    ["a = 1.", 1, 5],
    ["a = 2001-02-29", 1, 5],
    ["a = 24:00:00", 1, 5],
    ["a = 07:32", 1, 5],
    ["a = 07:32:00Z", 1, 5],
    ["\u00e9 = 1", 1, 1],
    ["a = 1e400", 1, 5, "INPUT_UNSUPPORTED"],
    [`a = ${"[".repeat(600)}`, 1, 504, "INPUT_UNSUPPORTED"],
    [`${"a.".repeat(600)}b = 1`, 1, 1, "INPUT_UNSUPPORTED"],
    ["x = 1\nsops = 1", 2, 1, "INPUT_METADATA"],
    ["[[sops]]", 1, 1, "INPUT_METADATA"],
  ])("%j", async (source, line, column, code = "INPUT_MALFORMED") => {
    const error = await failure(() => parsed(source));
    expectDiscreet(error, "secret");
    expect({ code: error.code, ...error.details }).toEqual({ code, line, column });
  });
});

describe("clear values", () => {
  const rule = { selection: { rule: "unencrypted_suffix", pattern: "_c" } } as const;

  it("are kept, other than what rops would read otherwise", async () => {
    const source = 'a = "x"\nb_c = 0xFF\nc_c = 1.50\nd_c = 1979-05-27 07:32:00\ne_c = ""\nf_c = [true, "y"]\n';
    const text = await sealedText("toml", source, rule);
    expect(text).toContain(source.slice(source.indexOf("b_c")));
    expect(await openedText("toml", text)).toBe(source);
    for (const value of ['"null"', "'null'"]) {
      const error = await failure(() => sealed("toml", `a = "x"\nb_c = ${value}\n`, rule));
      expect(error.code).toBe("INPUT_MALFORMED");
      expect(error.details.line).toBe(2);
    }
  });
});

const BLOCK = mapping([
  [
    "age",
    list([
      mapping([
        ["enc", leaf("-----BEGIN\nx\n-----END\n")],
        ["recipient", leaf("age1x")],
      ]),
    ]),
  ],
  ["keyleaf", mapping([["spelling", leaf("ENC[s]")]])],
  ["lastmodified", leaf("2025-01-02T03:04:05Z")],
  ["mac_only_encrypted", leaf({ type: "bool", text: "True" })],
]);
const BLOCK_TEXT = `[sops]
lastmodified = "2025-01-02T03:04:05Z"
mac_only_encrypted = true

[[sops.age]]
enc = """
-----BEGIN
x
-----END
"""
recipient = "age1x"

[sops.keyleaf]
spelling = "ENC[s]"
`;

describe("the metadata", () => {
  it("is written to the end as rops writes it, replaced, and taken away", () => {
    const text = withBlock("a = 1\n", BLOCK);
    expect(text).toBe(`a = 1\n\n${BLOCK_TEXT}`);
    expect(withBlock(text, BLOCK)).toBe(text);
    expect(withBlock(text, null)).toBe("a = 1\n");
  });

  it.each([
    "",
    "\n",
    "\r\n",
    "\ufeff",
    "\ufeff\n",
    "a = 1",
    "a = 1\r\n",
    "a = 1\r\nb = 2",
    "a = 1\n\n\n",
    "a = 1\n  ",
    "a = 1\n\n\t# c",
    "# c\n",
    "[t]",
    "[t]\r\n# c\r\n\r\n",
    "a = 1\r\nb = 2\n",
    "a = 1\nb = 2\r\n\r\n",
  ])("leaves no trace in %j", (source) => {
    const text = withBlock(source, BLOCK);
    expect(parsed(text).metadata?.members).toHaveLength(4);
    expect(text.endsWith("\n")).toBe(source === "" || source === "\ufeff" || source.endsWith("\n"));
    if (source.startsWith("a = 1\r\n")) expect(text).toContain("-----BEGIN\r\nx\r\n");
    expect(withBlock(text, BLOCK)).toBe(text);
    expect(withBlock(text, null)).toBe(source);
  });

  it.each([
    ["a = 1\nsops = {mac = 'm'}\nb = 2\n", "a = 1\nb = 2\n"],
    ["sops.mac = 'm'\na = 1\n\"sops\".x.y = 1\n[t]\n", "a = 1\n[t]\n"],
    ["[sops]\nmac = 'm'\n# c\n[sops.x]\n\n[t]\nb = 2\n", "[t]\nb = 2\n"],
    ["a = 1\n[sops.x]\n[t]\n[sops]\nmac = 'm'", "a = 1\n[t]\n"],
  ])("is found and taken away in %j", (source, rest) => {
    expect(parsed(source).metadata).not.toBeNull();
    expect(tree(source)).toEqual(tree(rest));
    expect(withBlock(source, null)).toBe(rest);
  });

  it("makes a file one that is encrypted already", async () => {
    for (const source of ["a = 1\n[sops]\n", "a = 1\nsops = 2\n", "sops.a = 1\nb = 2\n"])
      expect((await failure(() => sealed("toml", source))).code).toBe("INPUT_ALREADY_ENCRYPTED");
  });

  it("tells a file without a name that it is TOML", async () => {
    expect(await detectFormat(Buffer.from(await sealedText("toml", "a = 1\n")), "file")).toBe("toml");
    expect(await detectFormat(Buffer.from(await sealedText("toml", "a = 1\r\n")), "file")).toBe("toml");
  });
});

describe("encrypting", () => {
  it("seals comments in place, and nothing but values, comments and the block changes", async () => {
    const source = "# secret\na = 'secret' # secret\n[t] # secret\nb = [ # secret\n  0x1F, # secret\n]\n# secret";
    const text = await sealedText("toml", source);
    expect(text).not.toContain("secret");
    expect(text.replace(/ENC\[[^\]]*\]/g, "E").split("\n\n[sops]")[0]).toBe(
      "#E\na = 'E' #E\n[t] #E\nb = [ #E\n  \"E\", #E\n]\n#E",
    );
    expect(await openedText("toml", text)).toBe(source);
  });

  it("gives --extract one value raw, and a table as a file", async () => {
    const text = await sealedText("toml", "a = 'x\\y'\n[t]\nb = 0x1F\nc.d = [1, 2]\n");
    expect(await openedText("toml", text, { extract: ["a"] })).toBe("x\\y");
    expect(await openedText("toml", text, { extract: ["t", "b"] })).toBe("31\n");
    expect(await openedText("toml", text, { extract: ["t"] })).toBe("b = 31\n\n[c]\nd = [\n    1,\n    2,\n]\n");
    expect(await openedText("toml", text, { extract: ["t", "c", "d"] })).toBe("[\n    1,\n    2,\n]\n");
  });

  it("converts from and to YAML, with the comments", async () => {
    const yaml =
      "# top\na:\n    # in\n    b: 1\nl:\n    # first\n    - c: x\n    - c: y\nd: 2001-12-14T21:59:43Z\n# end\n";
    const text = textOf((await sealed("yaml", yaml, { outputFormat: "toml" })).output);
    expect(await openedText("toml", text)).toBe(
      '# top\n# in\na.b = 1\nl = [\n    # first\n    { c = "x" },\n    { c = "y" },\n]\nd = 2001-12-14T21:59:43Z\n# end\n',
    );
    expect(await openedText("toml", text, { outputFormat: "yaml" })).toContain("- c: x");
  });
});

describe("files of rops", () => {
  const folder = resolve(import.meta.dirname, "../../fixtures/sops/3.13.2");
  const alice = /AGE-SECRET-KEY-\S+/.exec(readFileSync(join(folder, "keys/age-alice.txt"), "utf8"))?.[0] ?? "";
  const host = fakeHost({ env: { SOPS_AGE_KEY: alice } });

  it.each(["rops-toml", "rops-toml-mac-only", "rops-toml-partial"])("%s opens", async (name) => {
    const read = (file: string): Buffer => readFileSync(join(folder, "cases", name, file));
    const { output } = await decrypt(read("encrypted.toml"), { format: "toml" }, host);
    expect(textOf(output)).toBe(read("decrypted.toml").toString());
  });

  it("have the string null in place of a null, and those of other programs do not", () => {
    expect(tree('a = "null"\n[sops]\nmac = "m"\n')).toEqual([["a", "null "]]);
    expect(tree('a = "null"\n[sops]\nversion = "3.13.2"\n')).toEqual([["a", "str null"]]);
  });
});

describe("printing", () => {
  it("is as rops prints", () => {
    const root = mapping([
      ["title", leaf("x")],
      ["quoted", leaf('say "hi"')],
      ["lines", leaf("a\nb\n")],
      ["one", list([leaf("a")])],
      ["two", list([leaf("a"), leaf({ type: "int", text: "2" })])],
      ["none", list([])],
      ["nested", list([list([leaf("a")]), mapping([["k k", leaf("v")]])])],
      ["empty", mapping([])],
      [
        "db",
        mapping([
          ["on", leaf({ type: "bool", text: "True" })],
          ["deep", mapping([["x", leaf("y")]])],
        ]),
      ],
      ["only", mapping([["sub", mapping([["x", leaf({ type: "float", text: "1" })]])]])],
      [
        "users",
        list([
          mapping([
            ["name", leaf("ann")],
            ["of", mapping([["x", leaf("y")]])],
          ]),
          mapping([]),
        ]),
      ],
    ]);
    expect(printed(root)).toBe(`title = "x"
quoted = 'say "hi"'
lines = """
a
b
"""
one = ["a"]
two = [
    "a",
    2,
]
none = []
nested = [
    ["a"],
    { "k k" = "v" },
]

[empty]

[db]
on = true

[db.deep]
x = "y"

[only.sub]
x = 1.0

[[users]]
name = "ann"

[users.of]
x = "y"

[[users]]
`);
    expect(readBySmol(printed(root))).toEqual(readHere(printed(root)));
  });

  it("keeps the order where tables stand before values", () => {
    const map = mapping([
      ["b", leaf("x")],
      ["c", mapping([])],
    ]);
    const root = mapping([
      ["a", map],
      ["l", list([map])],
      ["z", leaf("y")],
      ["t", map],
    ]);
    const text = 'a.b = "x"\na.c = {}\nl = [{ b = "x", c = {} }]\nz = "y"\n\n[t]\nb = "x"\n\n[t.c]\n';
    expect(printed(root)).toBe(text);
    expect(short(root)).toEqual(tree(text));
  });

  it("refuses what TOML cannot hold, naming the path", async () => {
    for (const value of [
      leaf({ type: "null", text: "" }),
      leaf({ type: "str", text: Buffer.from("\xff", "latin1") }),
    ]) {
      for (const root of [
        mapping([["a", mapping([["b", value]])]]),
        mapping([["a", list([mapping([["b", value]])])]]),
      ]) {
        const error = await failure(() => printed(root));
        expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
        expect(error.details.path).toEqual(["a", "b"]);
      }
    }
    expect((await failure(() => printedNode(leaf({ type: "null", text: "" })))).code).toBe("OUTPUT_UNREPRESENTABLE");
  });
});

describe("size", () => {
  it("makes no step quadratic", () => {
    const rows = (row: (i: number) => string): string => Array.from({ length: 100_000 }, (_, i) => row(i)).join("");
    const sources = [
      rows((i) => `k${i} = "v" # c\n`),
      `a = [${rows(() => "1, # c\n")}]`,
      rows((i) => `[t${i}.x]\n`) + rows((i) => `[t${i}]\n`),
      `a = """${rows(() => '""\\n\n')}"""`,
    ];
    const start = performance.now();
    for (const source of sources) parsed(source);
    // Far more than it takes, and far less than it would take otherwise.
    expect(performance.now() - start).toBeLessThan(20_000);
  }, 60_000);
});

describeCorpus(() => {
  const files = corpusFiles().filter(({ format }) => format === "toml");
  const valid = files.flatMap(({ path, expected }) => (expected === "valid" ? [path] : []));
  const invalid = files.flatMap(({ path, expected }) => (expected === "valid" ? [] : [path]));

  it("comes back byte for byte, with the values that smol-toml reads", async () => {
    let same = 0;
    let nothing = 0;
    for (const path of valid) {
      const source = corpusFile(path);
      expect(readHere(source.toString()), path).toEqual(readBySmol(source.toString()));
      try {
        const { output } = await sealed("toml", source);
        expect(await openedText("toml", output), path).toBe(source.toString());
        same++;
      } catch (error) {
        if (!(error instanceof KeyleafError)) throw error;
        expect(error.code, path).toBe("INPUT_NOTHING_TO_ENCRYPT");
        nothing++;
      }
    }
    print(`${valid.length} files, ${same} back byte for byte, ${nothing} hold nothing to encrypt`);
    expect(valid.length).toBe(248);
  });

  it("is refused with its line where it is no TOML", async () => {
    for (const path of invalid) {
      const error = await failure(() => toml.parse(corpusFile(path)));
      expectDiscreet(error);
      expect(error.details.line, path).toBeGreaterThan(0);
      expect(error.details.column, path).toBeGreaterThan(0);
      expect(error.code, path).toBe(path.includes("bad-utf8") ? "INPUT_UNSUPPORTED" : "INPUT_MALFORMED");
    }
    print(`${invalid.length} files that are no TOML, all refused`);
    expect(invalid.length).toBe(80);
  });
});

function print(line: string): void {
  process.stdout.write(`corpus, toml: ${line}\n`);
}
