import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Document,
  type Edit,
  type Leaf,
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
import { json } from "../../src/formats/json.ts";
import { openedText, sealedText } from "../support/sealing.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (output: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(output);
const parse = (text: string): Document => json.parse(bytes(text));

function errorOf(run: () => unknown): KeyleafError | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof KeyleafError) return error;
    throw error;
  }
}

const codeOf = (text: string): ErrorCode | null => errorOf(() => parse(text))?.code ?? null;

function leaves(node: Node, into: Leaf[] = []): Leaf[] {
  if (node.kind === "leaf") into.push(node);
  else if (node.kind === "list")
    for (const element of node.elements) element.kind === "comment" || leaves(element, into);
  else for (const member of node.members) member.kind === "comment" || leaves(member.value, into);
  return into;
}

function leavesOf(doc: Document): Leaf[] {
  return doc.roots.flatMap((root) => leaves(root));
}

function firstLeaf(doc: Document): Leaf {
  const [first] = leavesOf(doc);
  if (first === undefined) throw new Error("no leaf");
  return first;
}

const scalarOf = (value: string): Scalar => firstLeaf(parse(`{"a": ${value}}`)).scalar;
const applied = (doc: Document, edits: readonly Edit[]): string => textOf(applyEdits(doc.source, edits));
const withBlock = (text: string, block: Mapping | null): string => {
  const doc = parse(text);
  return applied(doc, json.metadataEdits(doc, block));
};
const withValue = (text: string, value: Scalar): string => {
  const doc = parse(text);
  return applied(doc, [json.edit(firstLeaf(doc), value, doc)]);
};

const BLOCK = mapping([
  ["age", list([mapping([["recipient", leaf("age1x")]])])],
  ["mac", leaf("ENC[x]")],
  ["mac_only_encrypted", leaf({ type: "bool", text: "True" })],
  ["shamir_threshold", leaf({ type: "int", text: "2" })],
]);

describe("parse", () => {
  it("types numbers as sops does", () => {
    expect(scalarOf("5")).toEqual({ type: "int", text: "5" });
    expect(scalarOf("-0")).toEqual({ type: "int", text: "0" });
    expect(scalarOf("9007199254740993")).toEqual({ type: "int", text: "9007199254740993" });
    expect(scalarOf("9223372036854775807")).toEqual({ type: "int", text: "9223372036854775807" });
    expect(scalarOf("-9223372036854775808")).toEqual({ type: "int", text: "-9223372036854775808" });
    expect(scalarOf("9223372036854775808")).toEqual({
      type: "float",
      text: "9223372036854776000",
    });
    expect(scalarOf("1.0")).toEqual({ type: "float", text: "1" });
    expect(scalarOf("1e3")).toEqual({ type: "float", text: "1000" });
    expect(scalarOf("-0.0")).toEqual({ type: "float", text: "-0" });
    expect(scalarOf("1e-400")).toEqual({ type: "float", text: "0" });
    expect(scalarOf("true")).toEqual({ type: "bool", text: "True" });
    expect(scalarOf("null")).toEqual({ type: "null", text: "" });
  });

  it("names path and line of a number out of range, not the number", () => {
    const error = errorOf(() => parse('{"a": {"b":\n 1e400}}'));
    expect(error?.code).toBe("INPUT_UNSUPPORTED");
    expect(error?.details).toMatchObject({ line: 2 });
    expect(error?.message).toContain("a.b");
    expect(error?.message).not.toContain("400");
  });

  it("decodes escapes, and lone surrogates as U+FFFD", () => {
    expect(scalarOf(String.raw`"\"\\\/\b\f\n\r\t\u00e9A"`).text).toBe('"\\/\b\f\n\r\t\u00e9A');
    expect(scalarOf(String.raw`"\ud83d\ude00"`).text).toBe("\u{1f600}");
    expect(scalarOf(String.raw`"\ud83dx\ude00\u0000"`).text).toBe("\ufffdx\ufffd\0");
  });

  it("keeps order, duplicate keys and odd key names", () => {
    const [root] = parse('{"b":1,"2":2,"1":3,"b":4,"__proto__":5,"\\u0061":6}').roots;
    expect(root?.members.map((member) => member.kind === "item" && member.key)).toEqual([
      "b",
      "2",
      "1",
      "b",
      "__proto__",
      "a",
    ]);
  });

  it("gives places with quotes, and marks list elements", () => {
    const source = '{"a" : "x\\n", "l": [ 1.50, {"b": true}]}';
    const places = leavesOf(parse(source)).map(
      ({ at }) => at && [source.slice(at.start, at.end), at.style, at.itemStart],
    );
    expect(places).toEqual([
      ['"x\\n"', "string", -1],
      ["1.50", "literal", 21],
      ["true", "literal", -1],
    ]);
  });

  it("takes the sops member out, wherever it stands", () => {
    for (const text of ['{"sops":{"mac":"m"},"a":1}', '{"a":1,"sops":{"mac":"m"}}', '{"\\u0073ops":{"mac":"m"}}']) {
      const doc = parse(text);
      expect(doc.metadata?.members).toHaveLength(1);
      expect(doc.roots[0]?.members).toHaveLength(text.includes('"a"') ? 1 : 0);
    }
    expect(parse('{"a":{"sops":1}}').metadata).toBeNull();
    expect(codeOf('{"sops":{},"sops":{}}')).toBe("INPUT_METADATA");
    expect(codeOf('{"sops":"x"}')).toBe("INPUT_METADATA");
  });

  it("keeps a byte order mark as part of the source", () => {
    const doc = parse('\ufeff{"a":1}');
    expect(doc.source.charCodeAt(0)).toBe(0xfeff);
    expect(applied(doc, [])).toBe('\ufeff{"a":1}');
  });

  it.each<[string, ErrorCode]>([
    ["", "INPUT_MALFORMED"],
    [" \n", "INPUT_MALFORMED"],
    ["\ufeff", "INPUT_MALFORMED"],
    ["a: b", "INPUT_MALFORMED"],
    ['{"a":1} x', "INPUT_MALFORMED"],
    ['{"a":1}{}', "INPUT_MALFORMED"],
    ['{"a":1,}', "INPUT_MALFORMED"],
    ['{"a":[1,]}', "INPUT_MALFORMED"],
    ['{"a":[,1]}', "INPUT_MALFORMED"],
    ['{,"a":1}', "INPUT_MALFORMED"],
    ['{"a" 1}', "INPUT_MALFORMED"],
    ['{"a":1 "b":2}', "INPUT_MALFORMED"],
    ['{"a":}', "INPUT_MALFORMED"],
    ["{a:1}", "INPUT_MALFORMED"],
    ["{'a':1}", "INPUT_MALFORMED"],
    ['{"a":1 // c\n}', "INPUT_MALFORMED"],
    ['{"a":01}', "INPUT_MALFORMED"],
    ['{"a":+1}', "INPUT_MALFORMED"],
    ['{"a":.5}', "INPUT_MALFORMED"],
    ['{"a":1.}', "INPUT_MALFORMED"],
    ['{"a":1e}', "INPUT_MALFORMED"],
    ['{"a":-}', "INPUT_MALFORMED"],
    ['{"a":0x1}', "INPUT_MALFORMED"],
    ['{"a":NaN}', "INPUT_MALFORMED"],
    ['{"a":truex}', "INPUT_MALFORMED"],
    ['{"a":True}', "INPUT_MALFORMED"],
    ['{"a":"x\ty"}', "INPUT_MALFORMED"],
    ['{"a":"x\n"}', "INPUT_MALFORMED"],
    ['{"a":"\0"}', "INPUT_MALFORMED"],
    ['{"a":1}\0', "INPUT_MALFORMED"],
    ['{"a":1}\u00a0', "INPUT_MALFORMED"],
    ['{"a":"\\x41"}', "INPUT_MALFORMED"],
    ['{"a":"\\u12g4"}', "INPUT_MALFORMED"],
    ['{"a":"\\u12', "INPUT_MALFORMED"],
    ['{"a":"\\', "INPUT_MALFORMED"],
    ['{"a":"x', "INPUT_MALFORMED"],
    ['{"a":"x\\"', "INPUT_MALFORMED"],
    ['{"a', "INPUT_MALFORMED"],
    ['{"a"', "INPUT_MALFORMED"],
    ['{"a":', "INPUT_MALFORMED"],
    ['{"a":[1', "INPUT_MALFORMED"],
    ['{"a":[1,', "INPUT_MALFORMED"],
    ['{"a":1', "INPUT_MALFORMED"],
    ["{", "INPUT_MALFORMED"],
  ])("refuses %j", (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it("refuses every cut of a valid file", () => {
    const text = '{"a": [1, {"b\\n": "\\u00e9"}, true], "c": -1.5e3}';
    expect(codeOf(text)).toBeNull();
    for (let end = 1; end < text.length; end++) expect(codeOf(text.slice(0, end))).toBe("INPUT_MALFORMED");
  });

  it("gives the line of bytes that are not UTF-8", () => {
    const error = errorOf(() => json.parse(Buffer.from('{"a":1,\n"b":"\xff"}', "latin1")));
    expect(error?.code).toBe("INPUT_UNSUPPORTED");
    expect(error?.details.line).toBe(2);
  });

  it("limits nesting instead of overflowing the stack", () => {
    const nested = (depth: number): string => `{"a":${"[".repeat(depth - 1)}1${"]".repeat(depth - 1)}}`;
    expect(codeOf(nested(1000))).toBeNull();
    expect(codeOf(nested(1001))).toBe("INPUT_UNSUPPORTED");
    expect(codeOf(`{"a":${"[".repeat(1e6)}`)).toBe("INPUT_UNSUPPORTED");
    expect(codeOf('{"a":'.repeat(1e5))).toBe("INPUT_UNSUPPORTED");
  });
});

describe("edit", () => {
  it("writes values of any kind with minimal escapes", () => {
    expect(withValue('{"a": 1 }', str("ENC[AES256_GCM,data:/+=]"))).toBe('{"a": "ENC[AES256_GCM,data:/+=]" }');
    expect(withValue('{"a":"x"}', str('</&>\u2028\u007f"\\\n\u0001é'))).toBe(
      '{"a":"</&>\u2028\u007f\\"\\\\\\n\\u0001é"}',
    );
    expect(withValue('{"a":"x"}', { type: "int", text: "9007199254740993" })).toBe('{"a":9007199254740993}');
    expect(withValue('{"a":"x"}', { type: "float", text: "1000000000000000000000" })).toBe('{"a":1e+21}');
    expect(withValue('{"a":"x"}', { type: "bool", text: "True" })).toBe('{"a":true}');
    expect(withValue('{"a":"x"}', { type: "time", text: "2001-12-14T00:00:00Z" })).toBe('{"a":"2001-12-14T00:00:00Z"}');
    expect(withValue('{"a":"x"}', { type: "str", text: Uint8Array.of(0x61, 0xe2, 0x82, 0x62) })).toBe(
      '{"a":"a\ufffd\ufffdb"}',
    );
  });

  it("refuses NaN and infinities", () => {
    for (const text of ["NaN", "+Inf", "-Inf"]) {
      expect(errorOf(() => withValue('{"a":"x"}', { type: "float", text }))?.code).toBe("OUTPUT_UNREPRESENTABLE");
    }
  });

  const SEALED = "ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:comment]";
  const separators: [string, string, string][] = [
    ["[", ",", "]"],
    ["[ ", " , ", " ]"],
    ["[\n\t\t", ",\n\t\t", "\n\t]"],
  ];
  it.each(separators)("takes sealed comments out of a list (%j)", (open, comma, close) => {
    for (let mask = 0; mask < 64; mask++) {
      const isComment = [0, 1, 2, 3, 4, 5].map((i) => ((mask >> i) & 1) === 1);
      for (let length = 1; length <= 6; length++) {
        const elements = isComment.slice(0, length).map((sealed, i) => (sealed ? JSON.stringify(SEALED) : `"],${i}"`));
        const doc = parse(`{"l": ${open}${elements.join(comma)}${close}, "z": 1}`);
        const edits = leavesOf(doc)
          .filter(({ scalar }) => scalar.text === SEALED)
          .map((element) => json.edit(element, { type: "comment", text: " c" }, doc));
        const kept = elements.filter((_, i) => isComment[i] === false).map((element) => JSON.parse(element));
        expect(JSON.parse(applied(doc, edits))).toEqual({ l: kept, z: 1 });
        expect(JSON.parse(applied(doc, edits.toReversed()))).toEqual({ l: kept, z: 1 });
      }
    }
  });
});

describe("read", () => {
  const read = (text: string): Scalar | null => {
    const doc = parse('{"a":1}');
    const { at } = firstLeaf(doc);
    return at && json.read(text, at, doc);
  };

  it("reads exactly one scalar", () => {
    expect(read("1.50")).toEqual({ type: "float", text: "1.5" });
    expect(read('"a\\u0041"')).toEqual(str("aA"));
    expect(read("null")).toEqual({ type: "null", text: "" });
    for (const text of ["", " 1", "1 ", "1,2", '"a', "{}", "[1]", "x", "1e999", '"a" //', "\ufeff1"])
      expect(read(text)).toBeNull();
  });
});

describe("metadataEdits", () => {
  it("writes in the manner of the file", () => {
    expect(withBlock('{"a":1}', BLOCK)).toBe(
      '{"a":1,"sops":{"age":[{"recipient":"age1x"}],"mac":"ENC[x]","mac_only_encrypted":true,"shamir_threshold":2}}',
    );
    expect(withBlock('{ "a": 1 }\n', BLOCK)).toBe(
      '{ "a": 1, "sops": {"age": [{"recipient": "age1x"}], "mac": "ENC[x]", "mac_only_encrypted": true, "shamir_threshold": 2} }\n',
    );
    const lines = ["{", '  "a":1,', '  "b":[', "  ]", "}", ""];
    const block = [
      '  "sops": {',
      '    "age": [',
      "      {",
      '        "recipient": "age1x"',
      "      }",
      "    ],",
      '    "mac": "ENC[x]",',
      '    "mac_only_encrypted": true,',
      '    "shamir_threshold": 2',
      "  }",
    ];
    const sealed = [...lines.slice(0, 3), "  ],", ...block, ...lines.slice(4)];
    for (const newline of ["\n", "\r\n", "\r"])
      expect(withBlock(lines.join(newline), BLOCK)).toBe(sealed.join(newline));
    const tabs = (text: string): string => text.replaceAll("  ", "\t");
    expect(withBlock(tabs(lines.join("\n")), BLOCK)).toBe(tabs(sealed.join("\n")));
    const shifted = (text: string): string => text.replaceAll(/^(?=.)/gm, "    ");
    expect(withBlock(shifted(lines.join("\n")), BLOCK)).toBe(shifted(sealed.join("\n")));
    expect(withBlock('{\n"a": 1\n}', BLOCK)).toBe(`{\n"a": 1,\n${block.map((line) => line.trimStart()).join("\n")}\n}`);
  });

  it.each([
    "{}",
    "{ }",
    "{\n}\n",
    "{\r\n\r\n}",
    '{"a":1}',
    '{"a": 1 }\n\n',
    '{\n  "a": 1\n\n}\n',
    ' {\n\n\t"a" : {"b":[]}\t\n}',
    '{"a": 1,\n "b": "{"}',
    '{\r\n  "a": []\r\n}',
  ])("gives back %j after writing and taking out", (text) => {
    const sealed = withBlock(text, BLOCK);
    expect(JSON.parse(sealed)).toMatchObject({ sops: { mac: "ENC[x]" } });
    expect(parse(sealed).metadata).not.toBeNull();
    expect(withBlock(sealed, null)).toBe(text);
    expect(withBlock(withBlock(sealed, mapping([["mac", leaf("y")]])), BLOCK)).toBe(sealed);
  });

  it.each([
    ['\ufeff{"a":1}', '{"a":"ENC['],
    ["[1]", '{"data": ["ENC['],
    ['[\n  1,\n  {"sops": 2}\n]\n', '{"data": [\n  "ENC['],
    ['"a"\n', '{"data": "ENC['],
    [" -0 ", ' {"data": "ENC['],
    ['{"data": [1]}', '{"data": ["ENC['],
  ])("gives back what the reference refuses: %j", async (source, start) => {
    const sealed = await sealedText("json", source);
    expect(sealed.slice(0, start.length)).toBe(start);
    expect(await openedText("json", sealed)).toBe(source);
  });

  it("takes a block out of every position, with one comma", () => {
    expect(withBlock('{"sops": {"a": [1]} , "a": 1}', null)).toBe('{"a": 1}');
    expect(withBlock('{\n\t"a": 1,\n\t"sops": {},\n\t"b": 2\n}\n', null)).toBe('{\n\t"a": 1,\n\t"b": 2\n}\n');
    expect(withBlock('{\n\t"a": 1,\n\t"sops": {}\n}\n', null)).toBe('{\n\t"a": 1\n}\n');
    expect(withBlock('{\n\t"sops": {}\n}\n', null)).toBe("{\n}\n");
    expect(withBlock('{"a":1}', null)).toBe('{"a":1}');
  });

  it("replaces a block where it stands", () => {
    expect(withBlock('{"sops" : {"x":1}, "a": 1}', mapping([["mac", leaf("m")]]))).toBe(
      '{"sops": {"mac": "m"}, "a": 1}',
    );
  });

  it("keeps clear of edits of neighbouring values", () => {
    const doc = parse('{"a":"x"}');
    const edits = [
      json.edit(firstLeaf(doc), str("ENC[y]"), doc),
      ...json.metadataEdits(doc, mapping([["mac", leaf("m")]])),
    ];
    expect(applied(doc, edits)).toBe('{"a":"ENC[y]","sops":{"mac":"m"}}');
  });
});

describe("print", () => {
  const tree = mapping([
    ["s", leaf('<a>&\u2028"\b\u007f')],
    ["bytes", leaf({ type: "str", text: Uint8Array.of(0xff, 0x41) })],
    [
      "l",
      list([
        leaf({ type: "float", text: "0.0000001" }),
        { kind: "comment", scalar: { type: "comment", text: "c" }, inline: false, at: null },
        leaf({ type: "comment", text: "c" }),
        list([]),
      ]),
    ],
    ["m", mapping([])],
    ["n", leaf({ type: "null", text: "" })],
    ["t", leaf({ type: "time", text: "2001-12-14T21:59:43.1-05:00" })],
    ["z", leaf({ type: "float", text: "-0" })],
  ]);

  it("prints as sops does", () => {
    expect(textOf(json.print([tree, mapping([])], {}))).toBe(
      [
        "{",
        String.raw`	"s": "\u003ca\u003e\u0026\u2028\"\b${"\u007f"}",`,
        '\t"bytes": "�A",',
        '\t"l": [',
        "\t\t1e-7,",
        "\t\t[]",
        "\t],",
        '\t"m": {},',
        '\t"n": null,',
        '\t"t": "2001-12-14T21:59:43.1-05:00",',
        '\t"z": -0',
        "}",
        "",
      ].join("\n"),
    );
    const small = mapping([["a", list([leaf("b")])]]);
    expect(textOf(json.print([small], { indent: 2 }))).toBe('{\n  "a": [\n    "b"\n  ]\n}\n');
    expect(textOf(json.print([small], { indent: 0 }))).toBe('{\n"a": [\n"b"\n]\n}\n');
    expect(textOf(json.print([mapping([])], { indent: "tab" }))).toBe("{}\n");
  });

  it("prints one node: strings raw, mappings as documents, all else without a line break at the end", () => {
    const node = (value: Node): string => textOf(json.printNode(value, {}));
    expect(node(leaf("<a>\n"))).toBe("<a>\n");
    expect([...json.printNode(leaf({ type: "str", text: Uint8Array.of(0xff) }), {})]).toEqual([0xff]);
    expect(node(mapping([["a", leaf("b")]]))).toBe('{\n\t"a": "b"\n}\n');
    expect(node(list([leaf("b")]))).toBe('[\n\t"b"\n]');
    expect(node(leaf({ type: "bool", text: "False" }))).toBe("false");
    expect(node(leaf({ type: "time", text: "2001-12-14T00:00:00Z" }))).toBe('"2001-12-14T00:00:00Z"');
  });

  it("names the path of what JSON cannot express", () => {
    const error = errorOf(() =>
      json.print([mapping([["a", mapping([["b", leaf({ type: "float", text: "NaN" })]])]])], {}),
    );
    expect(error?.code).toBe("OUTPUT_UNREPRESENTABLE");
    expect(error?.details.path).toEqual(["a", "b"]);
  });
});

/** What the reference makes of the same file, printed by both: `plain.json` to the tree and back. */
describe("files of the reference", () => {
  const cases = new URL("../../fixtures/sops/3.13.2/cases/", import.meta.url);
  // sops accepts what follows the object, and arrays that never end; Keyleaf does not.
  const STRICTER = ["json-trailing-garbage", "json-truncated-accepted"];
  const names = readdirSync(cases).filter((name) => name.startsWith("json-"));

  it.each(names)("%s", (name) => {
    const read = (file: string): Buffer | null => {
      try {
        return readFileSync(new URL(`${name}/${file}`, cases));
      } catch {
        return null;
      }
    };
    const plain = read("plain.json") as Buffer;
    const printed = read("decrypted.json");
    const isAccepted = /^json-fail-(bom|already|top-)/.test(name);
    const refused = name.startsWith("json-fail-") && !isAccepted;
    if (refused || STRICTER.includes(name)) {
      expect(errorOf(() => json.parse(plain))?.code).toMatch(/^INPUT_(MALFORMED|EMPTY|UNSUPPORTED)$/);
      return;
    }
    const doc = json.parse(plain);
    expect(applyEdits(doc.source, [])).toEqual(plain);
    if (printed === null) return;
    const indent = /^\{\n( *)"/.exec(printed.toString())?.[1]?.length;
    expect(textOf(json.print(doc.roots, indent === undefined ? {} : { indent }))).toBe(printed.toString());
    const sealed = read("encrypted.json");
    if (sealed === null) return;
    const encrypted = json.parse(sealed);
    expect(encrypted.metadata).not.toBeNull();
    // Taking out the block and writing it again is how sops writes it.
    const open = json.parse(applyEdits(encrypted.source, json.metadataEdits(encrypted, null)));
    expect(applied(open, json.metadataEdits(open, encrypted.metadata))).toBe(sealed.toString());
  });
});
