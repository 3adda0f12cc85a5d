import { describe, expect, test } from "vitest";
import type { Node } from "../../src/document/document.ts";
import { type ChangeOptions, changeText } from "../../src/formats/change.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { scanJson } from "../../src/formats/json-scanner.ts";

function jsonValue(json: string): Node {
  return scanJson(json).top;
}

/** @param value - JSON; `undefined`: the path is removed. */
async function changed(
  format: FormatId,
  source: string,
  path: readonly (string | number)[],
  value: string | undefined,
  options: ChangeOptions = {},
): Promise<string> {
  const change =
    value === undefined ? ({ kind: "unset" } as const) : ({ kind: "set", value: jsonValue(value) } as const);
  return Buffer.from(await changeText(Buffer.from(source), format, path, change, options)).toString();
}

type Case = [what: string, source: string, path: (string | number)[], value: string | undefined, expected: string];

const yaml: Case[] = [
  ["a plain value", "a: 1 # one\nb: two\n", ["b"], '"three"', "a: 1 # one\nb: three\n"],
  ["a value with a comment", "a: 1 # one\nb: two\n", ["a"], "2", "a: 2 # one\nb: two\n"],
  ["a quoted value", "a: 'x'\nb: \"y\"\n", ["a"], '"it\'s"', "a: 'it''s'\nb: \"y\"\n"],
  ["a double-quoted value", 'a: "x" # c\n', ["a"], '"l\\nm"', 'a: "l\\nm" # c\n'],
  ["a number as text", "a: x\n", ["a"], '"5"', 'a: "5"\n'],
  ["a whole float", "a: 1\n", ["a"], "5.0", "a: 5.0\n"],
  ["a literal block", "a: |\n  x\n  y\nb: 1\n", ["a"], '"p\\nq\\n"', "a: |\n  p\n  q\nb: 1\n"],
  ["text of several lines for a plain value", "a: x\nb: 1\n", ["a"], '"p\\nq\\n"', "a: |\n    p\n    q\nb: 1\n"],
  ["a null without text", "a:\nb: 1\n", ["a"], '"x"', "a: x\nb: 1\n"],
  ["a null without text beside a comment", "a: # c\nb: 1\n", ["a"], '"x"', "a: x # c\nb: 1\n"],
  ["a new key", "a: 1\nb: 2\n", ["c"], '"x y"', "a: 1\nb: 2\nc: x y\n"],
  ["a new key without a line break at the end", "a: 1\nb: 2", ["c"], "3", "a: 1\nb: 2\nc: 3"],
  ["a new key above a comment at the end", "a: 1\n\n# end\n", ["c"], "3", "a: 1\nc: 3\n\n# end\n"],
  ["a new key in CRLF", "a: 1\r\nb: 2\r\n", ["c"], "3", "a: 1\r\nb: 2\r\nc: 3\r\n"],
  ["a new nested key", "a:\n  b: 1\n  # foot\nc: 2\n", ["a", "d"], "3", "a:\n  b: 1\n  d: 3\n  # foot\nc: 2\n"],
  ["a new key below deeper comments", "a:\n  b: 1\n  # foot\n", ["c"], "3", "a:\n  b: 1\n  # foot\nc: 3\n"],
  ["missing levels", "a:\n  b: 1\n", ["x", "w", 0, "z"], "1", "a:\n  b: 1\nx:\n  w:\n    - z: 1\n"],
  [
    "a mapping",
    "a:\n  - 1\n",
    ["x"],
    '{"k": 1, "l": [2, {"m": 1.0}]}',
    "a:\n  - 1\nx:\n  k: 1\n  l:\n    - 2\n    - m: 1.0\n",
  ],
  ["lists in the column of their mapping", "a:\n- 1\n", ["x"], '{"l": [2]}', "a:\n- 1\nx:\n    l:\n    - 2\n"],
  ["a new element", "a:\n- 1\n- 2 # two\nb: 1\n", ["a", 9], "3", "a:\n- 1\n- 2 # two\n- 3\nb: 1\n"],
  [
    "a new element in a deeper list",
    "a:\n  - x: 1\n    y: 2\n",
    ["a", 1],
    '{"x": 3}',
    "a:\n  - x: 1\n    y: 2\n  - x: 3\n",
  ],
  ["a new key of an element", "a:\n  - x: 1\n  - x: 2\n", ["a", 0, "w"], "3", "a:\n  - x: 1\n    w: 3\n  - x: 2\n"],
  ["a flow mapping", "a: {b: 1, c: 2}\n", ["a", "d"], '"x, y"', "a: {b: 1, c: 2, d: 'x, y'}\n"],
  ["a flow list", "a: [1,2]\n", ["a", 2], "3", "a: [1,2,3]\n"],
  ["a flow mapping in lines", "a: {\n  b: 1,\n  c: 2,\n}\n", ["a", "d"], "3", "a: {\n  b: 1,\n  c: 2,\n  d: 3,\n}\n"],
  ["a flow list in lines", "a: [\n  1, # one\n  2 # two\n]\n", ["a", 2], "3", "a: [\n  1, # one\n  2, # two\n  3\n]\n"],
  [
    "a mapping in the manner of JSON",
    '{"a": 1, "b": {"c": "d"}}\n',
    ["b", "e"],
    '"f"',
    '{"a": 1, "b": {"c": "d", "e": "f"}}\n',
  ],
  ["an empty flow mapping", "a: {}\nb: 1\n", ["a", "x"], "1", "a:\n    x: 1\nb: 1\n"],
  ["an empty flow list beside a comment", "a: [] # c\nb: 1\n", ["a", 0], "1", "a: [1] # c\nb: 1\n"],
  ["an empty file", "{}\n", ["a"], "1", "a: 1\n"],
  ["a file of comments", "# c\n---\n", ["a"], "1", "# c\n---\na: 1\n"],
  ["a mapping for a value", "a: 1 # c\nb: 2\n", ["a"], '{"x": 1}', "a: # c\n    x: 1\nb: 2\n"],
  ["a mapping for a null", "a:\nb: 2\n", ["a", "x"], "1", "a:\n    x: 1\nb: 2\n"],
  ["a mapping for an element", "a:\n  - 1\n  - 2\n", ["a", 0], '{"x": 1, "w": 2}', "a:\n  - x: 1\n    w: 2\n  - 2\n"],
  ["a value for a mapping", "a: # c\n  x: 1\n  y: 2\nb: 2\n", ["a"], "1", "a: 1 # c\nb: 2\n"],
  ["a mapping for a mapping", "a:\n  x: 1\n  y: 2\nb: 2\n", ["a"], '{"z": [1]}', "a:\n  z:\n    - 1\nb: 2\n"],
  ["a list for a flow list", "a: [1, 2]\nb: 2\n", ["a"], "[3]", "a:\n    - 3\nb: 2\n"],
  ["an empty list for a list", "a:\n  - 1\nb: 2\n", ["a"], "[]", "a: []\nb: 2\n"],
  ["an anchored value that nothing repeats", "a: &x 1\nb: 2\n", ["a"], "3", "a: &x 3\nb: 2\n"],
  ["an alias", "a: &x 1\nb: *x\n", ["b"], "3", "a: &x 1\nb: 3\n"],
  ["the first document only", "a: 1\n---\na: 2\n", ["b"], "3", "a: 1\nb: 3\n---\na: 2\n"],
  ["a list at the top", "- 1\n- 2\n", [2], "3", "- 1\n- 2\n- 3\n"],
  ["a value of a list at the top", "- 1\n- 2\n", [0], "3", "- 3\n- 2\n"],
  ["no key", "a: 1 # one\nb: 2\n", ["a"], undefined, "b: 2\n"],
  ["no last key", "a: 1\nb: 2 # two", ["b"], undefined, "a: 1"],
  ["no key below a comment", "# head\na: 1\nb: 2\n", ["a"], undefined, "# head\nb: 2\n"],
  ["no nested key", "a:\n  b: 1\n  # c\n  c: 2\nd: 3\n", ["a", "c"], undefined, "a:\n  b: 1\n  # c\nd: 3\n"],
  ["no mapping", "a:\n  b: 1\n  # foot\nd: 3\n", ["a"], undefined, "d: 3\n"],
  ["no block", "a: |\n  x\n\n  y\nd: 3\n", ["a"], undefined, "d: 3\n"],
  ["no only key", "a:\n  b: 1\nd: 3\n", ["a", "b"], undefined, "a: {}\nd: 3\n"],
  ["no only key at the top", "# head\na: 1\n", ["a"], undefined, "# head\n{}\n"],
  ["no only element", "a:\n  - 1 # c\nd: 3\n", ["a", 0], undefined, "a: []\nd: 3\n"],
  ["no element", "a:\n  - 1\n  - 2\n", ["a", 0], undefined, "a:\n  - 2\n"],
  ["no first key of an element", "a:\n  - x: 1\n    y: 2\n", ["a", 0, "x"], undefined, "a:\n  - y: 2\n"],
  ["no only key of an element", "a:\n  - x: 1\n  - y: 2\n", ["a", 0, "x"], undefined, "a:\n  - {}\n  - y: 2\n"],
  ["no key of a flow mapping", "a: {b: 1, c: 2}\n", ["a", "b"], undefined, "a: {c: 2}\n"],
  ["no last element of a flow list", "a: [1, 2]\n", ["a", 1], undefined, "a: [1]\n"],
  ["no only element of a flow list", "a: [ 1 ]\n", ["a", 0], undefined, "a: []\n"],
  ["no line of a flow list", "a: [\n  1, # one\n  2 # two\n]\n", ["a", 1], undefined, "a: [\n  1 # one\n]\n"],
];

const json: Case[] = [
  ["a string", '{"a": "x", "b": 1}\n', ["a"], '"<y>"', '{"a": "<y>", "b": 1}\n'],
  ["a number", '{\n\t"a": "x"\n}', ["a"], "5.0", '{\n\t"a": 5.0\n}'],
  [
    "a new key in lines",
    '{\n  "a": 1\n}\n',
    ["b"],
    '{"c": [1]}',
    '{\n  "a": 1,\n  "b": {\n    "c": [\n      1\n    ]\n  }\n}\n',
  ],
  ["a new key on one line", '{"a":1}', ["b"], '{"c":[1,2]}', '{"a":1,"b":{"c":[1,2]}}'],
  ["a new key on one line of several", '{\n  "a": {"b": 1}\n}\n', ["a", "c"], "2", '{\n  "a": {"b": 1, "c": 2}\n}\n'],
  ["blanks around colons", '{\n  "a" : 1\n}\n', ["b"], "2", '{\n  "a" : 1,\n  "b" : 2\n}\n'],
  ["an empty object", "{}\n", ["a"], "1", '{\n  "a": 1\n}\n'],
  ["an empty object within", '{\n    "a": {}\n}\n', ["a", "b"], "1", '{\n    "a": {\n        "b": 1\n    }\n}\n'],
  ["an element", '{"a": [1, 2]}', ["a", 5], "3", '{"a": [1, 2, 3]}'],
  [
    "an element in lines",
    '{\r\n  "a": [\r\n    1\r\n  ]\r\n}\r\n',
    ["a", 1],
    "2",
    '{\r\n  "a": [\r\n    1,\r\n    2\r\n  ]\r\n}\r\n',
  ],
  ["an object for a value", '{\n  "a": 1\n}\n', ["a"], '{"b": 1}', '{\n  "a": {\n    "b": 1\n  }\n}\n'],
  ["a list at the top", "[1, 2]\n", [0], "3", "[3, 2]\n"],
  ["a new element of a list at the top", "[1, 2]\n", [2], "3", "[1, 2, 3]\n"],
  ["no key", '{\n  "a": 1,\n  "b": 2\n}\n', ["a"], undefined, '{\n  "b": 2\n}\n'],
  ["no last key", '{\n  "a": 1,\n  "b": 2\n}\n', ["b"], undefined, '{\n  "a": 1\n}\n'],
  ["no only key", '{\n  "a": 1\n}\n', ["a"], undefined, "{}\n"],
  ["no key on one line", '{"a":1,"b":2,"c":3}', ["b"], undefined, '{"a":1,"c":3}'],
  ["no last key on one line", '{ "a": 1, "b": 2 }', ["b"], undefined, '{ "a": 1 }'],
  ["no element", '{"a": [1, [2], 3]}', ["a", 1, 0], undefined, '{"a": [1, [], 3]}'],
];

const dotenv: Case[] = [
  ["a value", "A=1\nB=2\n", ["A"], '"x y"', "A=x y\nB=2\n"],
  ["a number", "A=1\n", ["A"], "5", "A=5\n"],
  ["text of several lines", 'A="x\ny"\nB=1\n', ["A"], '"p\\nq"', "A=p\\nq\nB=1\n"],
  ["a new key", "A=1\n", ["B"], '"x"', "A=1\nB=x\n"],
  ["a new key without a line break at the end", "A=1", ["B"], '"x"', "A=1\nB=x"],
  ["a new key in an empty file", "# c\n", ["B"], '"x"', "# c\nB=x\n"],
  ["a new key in CRLF", "A=1\r\n", ["B"], '"x"', "A=1\r\nB=x\r\n"],
  ["a value in CRLF", "A=1\r\nB=2\r\n", ["A"], '"x"', "A=x\r\nB=2\r\n"],
  ["no key", "# c\nA=1\nB=2\n", ["A"], undefined, "# c\nB=2\n"],
  ["no last key", "A=1\nB=2", ["B"], undefined, "A=1"],
  ["no value over several lines", 'A="x\ny"\nB=1\n', ["A"], undefined, "B=1\n"],
];

const ini: Case[] = [
  ["a value", "[s]\na = 1 ; one\nb = 2\n", ["s", "a"], '"x"', "[s]\na = x ; one\nb = 2\n"],
  ["a quoted value", '[s]\na = "1"\n', ["s", "a"], '"x y"', '[s]\na = "x y"\n'],
  ["a value that needs quotes", "[s]\na = 1\n", ["s", "a"], '"x;y"', "[s]\na = `x;y`\n"],
  ["an empty value", "[s]\na =\n", ["s", "a"], '"x"', "[s]\na = x\n"],
  ["a new key", "[s]\na=1\n\n[t]\nb = 2\n", ["s", "c"], "3", "[s]\na=1\nc=3\n\n[t]\nb = 2\n"],
  ["a new key in line", "[s]\na    = 1\nbbb  = 2\n", ["s", "cc"], "3", "[s]\na    = 1\nbbb  = 2\ncc   = 3\n"],
  ["a new key of an empty section", "[s]\n\n[t]\nb: 2\n", ["s", "c"], "3", "[s]\nc: 3\n\n[t]\nb: 2\n"],
  ["a new key without a line break at the end", "[s]\na=1", ["s", "c"], "3", "[s]\na=1\nc=3"],
  ["a key before all sections", "a = 1\n[s]\nb = 2\n", ["DEFAULT", "c"], "3", "a = 1\nc = 3\n[s]\nb = 2\n"],
  ["a new section", "[s]\na = 1\n", ["t", "b"], "2", "[s]\na = 1\n\n[t]\nb = 2\n"],
  ["a section of its own", "[s]\na = 1\n[t]\nb = 2\n", ["s"], '{"c": 3, "d": "e"}', "[s]\nc = 3\nd = e\n[t]\nb = 2\n"],
  ["no key", "[s]\n; c\na = 1 ; one\nb = 2\n", ["s", "a"], undefined, "[s]\n; c\nb = 2\n"],
  ["no section", "[s]\na = 1\n\n[t]\nb = 2\n", ["s"], undefined, "[t]\nb = 2\n"],
  ["no last key", "[s]\na = 1\nb = 2", ["s", "b"], undefined, "[s]\na = 1"],
  ["the section DEFAULT by name", "[DEFAULT]\na = 1\n", ["DEFAULT", "a"], "2", "[DEFAULT]\na = 2\n"],
];

const toml: Case[] = [
  ["a value", 'a = 1 # one\nb = "x"\n', ["a"], "2", 'a = 2 # one\nb = "x"\n'],
  ["a string in its style", "a = 'x'\n", ["a"], '"y"', "a = 'y'\n"],
  ["a whole float", "a = 1\n", ["a"], "5.0", "a = 5.0\n"],
  ["a new key", "a = 1\n\n[t]\nb = 2\n", ["c"], '"x"', 'a = 1\nc = "x"\n\n[t]\nb = 2\n'],
  ["a new key of a table", "[s]\n  a = 1\n\n[t]\nb = 2\n", ["s", "c"], "3", "[s]\n  a = 1\n  c = 3\n\n[t]\nb = 2\n"],
  ["a first key before tables", "[t]\nb = 2\n", ["c"], "3", "c = 3\n\n[t]\nb = 2\n"],
  ["a new table", "a = 1\n\n[t]\nb = 2\n", ["u", "c"], "3", "a = 1\n\n[t]\nb = 2\n\n[u]\nc = 3\n"],
  [
    "a new table in a table",
    "[s]\na = 1\n\n# about t\n[t]\nb = 2\n",
    ["s", "x", "c"],
    "3",
    "[s]\na = 1\n\n[s.x]\nc = 3\n\n# about t\n[t]\nb = 2\n",
  ],
  ["a dotted key", "s.a = 1\nb = 2\n", ["s", "c"], "3", "s.a = 1\ns.c = 3\nb = 2\n"],
  ["a table without a header", "[s.t]\na = 1\n", ["s", "b"], "2", "[s]\nb = 2\n\n[s.t]\na = 1\n"],
  ["an inline table", "a = { b = 1 }\n", ["a", "c"], '"x"', 'a = { b = 1, c = "x" }\n'],
  ["an empty inline table", "a = {}\n", ["a", "c"], "1", "a = { c = 1 }\n"],
  ["an array", "a = [1, 2]\n", ["a", 2], "3", "a = [1, 2, 3]\n"],
  [
    "an array in lines",
    "a = [\n  1, # one\n  2, # two\n]\n",
    ["a", 2],
    "3",
    "a = [\n  1, # one\n  2, # two\n  3,\n]\n",
  ],
  [
    "an array of tables",
    "[[a]]\nx = 1\n\n[b]\ny = 2\n",
    ["a", 1, "x"],
    "3",
    "[[a]]\nx = 1\n\n[[a]]\nx = 3\n\n[b]\ny = 2\n",
  ],
  ["a list", "a = 1\n", ["a"], "[1, 2]", "a = [1, 2]\n"],
  ["a table for a table", "[s] # c\na = 1\n\n[t]\nb = 2\n", ["t"], '{"x": 1}', "[s] # c\na = 1\n\n[t]\nx = 1\n"],
  ["no key", "# c\na = 1 # one\nb = 2\n", ["a"], undefined, "# c\nb = 2\n"],
  ["no last key", "a = 1\nb = 2", ["b"], undefined, "a = 1"],
  ["no only key", "[t]\nb = 2\n", ["t", "b"], undefined, "[t]\n"],
  ["no only dotted key", "a.b = 1\nc = 2\n", ["a", "b"], undefined, "a = {}\nc = 2\n"],
  ["no table", "[s]\na = 1\n\n[s.x]\nc = 3\n\n[t]\nb = 2\n", ["s"], undefined, "[t]\nb = 2\n"],
  ["no last table", "[s]\na = 1\n\n[t]\nb = 2\n", ["t"], undefined, "[s]\na = 1\n"],
  ["no element", "a = [1, 2, 3]\n", ["a", 1], undefined, "a = [1, 3]\n"],
  ["no element that is a table", "[[a]]\nx = 1\n\n[[a]]\nx = 2\n", ["a", 0], undefined, "[[a]]\nx = 2\n"],
  ["no only element that is a table", "b = 1\n\n[[a]]\nx = 1\n", ["a", 0], undefined, "b = 1\na = []\n"],
  ["no key of an inline table", "a = { b = 1, c = 2 }\n", ["a", "c"], undefined, "a = { b = 1 }\n"],
];

describe.each([
  ["yaml", yaml],
  ["json", json],
  ["dotenv", dotenv],
  ["ini", ini],
  ["toml", toml],
] as const)("%s", (format, cases) => {
  test.each(cases)("%s", async (_, source, path, value, expected) => {
    expect(await changed(format, source, path, value)).toBe(expected);
  });
});

test("binary: the whole content", async () => {
  expect(await changed("binary", "x\n", ["data"], '"y"')).toBe("y");
  await expect(changed("binary", "x\n", ["other"], '"y"')).rejects.toMatchObject({ code: "OUTPUT_UNREPRESENTABLE" });
});

describe("what is refused", () => {
  const refusals: [FormatId, string, (string | number)[], string | undefined, string][] = [
    ["yaml", "a: 1\n", [], "1", "USAGE_BAD_PATH"],
    ["yaml", "a: 1\n", ["a", "b"], "1", "INPUT_PATH_MISMATCH"],
    ["yaml", "a: 1\n", ["a", "b"], undefined, "INPUT_PATH_MISMATCH"],
    ["yaml", "a: [1]\n", ["a", "b"], "1", "INPUT_PATH_MISMATCH"],
    ["yaml", "a: {b: 1}\n", ["a", 0], "1", "INPUT_PATH_MISMATCH"],
    ["yaml", "- 1\n", ["a"], "1", "INPUT_PATH_MISMATCH"],
    ["yaml", "a: 1\n", [0], "1", "INPUT_PATH_MISMATCH"],
    ["yaml", "a: 1\n", ["b"], undefined, "INPUT_PATH_NOT_FOUND"],
    ["yaml", "a: [1]\n", ["a", 1], undefined, "INPUT_PATH_NOT_FOUND"],
    ["yaml", "a: 1\n", ["sops", "mac"], "1", "INPUT_ALREADY_ENCRYPTED"],
    ["yaml", "a: &x 1\nb: *x\n", ["a"], "2", "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: &x 1\nb: *x\n", ["a"], undefined, "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: &x {c: 1}\nb: *x\n", ["a", "c"], "2", "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: &x {c: 1}\nb: *x\n", ["b", "c"], "2", "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: &x\n  c: 1\nb: *x\n", ["a", "d"], "2", "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: &x {c: 1}\nb:\n  <<: *x\n", ["b", "<<", "c"], "2", "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: {c: 1}\n", ["a", "<<"], '{"d": 1}', "OUTPUT_UNREPRESENTABLE"],
    ["yaml", "a: |\n  x", ["b"], '"y"', "OUTPUT_UNREPRESENTABLE"],
    ["json", '{"a": 1, "a": 2}', ["a"], "3", "OUTPUT_UNREPRESENTABLE"],
    ["json", "[1]", ["data"], undefined, "OUTPUT_UNREPRESENTABLE"],
    ["dotenv", "A=1\nA=2\n", ["A"], "3", "OUTPUT_UNREPRESENTABLE"],
    ["dotenv", "export A=1\n", ["A"], "3", "OUTPUT_UNREPRESENTABLE"],
    ["dotenv", "A=1\n", ["A"], "null", "OUTPUT_UNREPRESENTABLE"],
    ["dotenv", "A=1\n", ["B"], "[1]", "OUTPUT_UNREPRESENTABLE"],
    ["dotenv", "A=1\n", ["sops_mac"], "1", "OUTPUT_UNREPRESENTABLE"],
    ["dotenv", "A=1\n", ["B=C"], "1", "OUTPUT_UNREPRESENTABLE"],
    // Those two characters are read as a line break.
    ["dotenv", "A=1\n", ["A"], '"a\\\\nb"', "OUTPUT_UNREPRESENTABLE"],
    ["ini", "[s]\na = 1\n", ["b"], "1", "OUTPUT_UNREPRESENTABLE"],
    ["ini", "[s]\na = 1\n", ["s", "b", "c"], "1", "OUTPUT_UNREPRESENTABLE"],
    ["ini", "[s]\na = 1\n", ["s", "a"], "null", "OUTPUT_UNREPRESENTABLE"],
    ["ini", "[s]\na = 1\na = 2\n", ["s", "a"], undefined, "OUTPUT_UNREPRESENTABLE"],
    ["toml", "a = 1\n", ["a"], "null", "OUTPUT_UNREPRESENTABLE"],
    ["toml", "[[a]]\nx = 1\n", ["a", 1], "2", "OUTPUT_UNREPRESENTABLE"],
  ];

  test.each(refusals)("%s %j %j %s: %s", async (format, source, path, value, code) => {
    await expect(changed(format, source, path, value)).rejects.toMatchObject({ code });
  });
});

test.each([
  ["yaml", "a: 5.0\n", ["a"], "5.0"],
  ["yaml", "a: [1, {b: x}]\n", ["a"], '[1, {"b": "x"}]'],
  ["dotenv", "A=5\r\n", ["A"], "5"],
  ["ini", "[s]\na = true\n", ["s", "a"], "true"],
  ["toml", "a = 0x10\n", ["a"], "16"],
] as const)("%s %j: a value that is there already changes nothing", async (format, source, path, value) => {
  expect(await changed(format, source, path, value)).toBe(source);
});

test("a whole number is another value than the same number as a float", async () => {
  expect(await changed("yaml", "a: 5\n", ["a"], "5.0")).toBe("a: 5.0\n");
});

test("a value on the way gives way if that is asked for", async () => {
  expect(await changed("yaml", "a: 1\n", ["a", "b"], "2", { replacesValues: true })).toBe("a:\n    b: 2\n");
});

test.each([
  ["yaml", "x: 1\n# one\n# two\na: 1\nb: 2\n", ["a"], "x: 1\nb: 2\n"],
  ["dotenv", "X=1\n# one\n# two\nA=1\nB=2\n", ["A"], "X=1\nB=2\n"],
  ["ini", "[s]\nx = 1\n; one\n; two\na = 1\nb = 2\n", ["s", "a"], "[s]\nx = 1\nb = 2\n"],
  ["toml", "x = 1\n# one\n# two\na = 1\nb = 2\n", ["a"], "x = 1\nb = 2\n"],
] as const)(
  "%s: comments go with what they stand above if that is asked for",
  async (format, source, path, expected) => {
    expect(await changed(format, source, path, undefined, { takesCommentsAbove: true })).toBe(expected);
  },
);
