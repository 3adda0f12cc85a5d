import { describe, expect, it } from "vitest";
import { decrypt } from "../src/decrypt.ts";
import type { Node } from "../src/document/document.ts";
import type { FormatId } from "../src/formats/format.ts";
import { parsed } from "./support/parsing.ts";
import { failure, hostA, openedText, sealed, sealedText } from "./support/sealing.ts";

/** From every format to every other: what the target can express arrives, and what it cannot is refused by path. */

/** The same strings in each format; INI has sections, and a variable has no section. */
const flat: Readonly<Partial<Record<FormatId, string>>> = {
  yaml: 'A: one\nB: "two words"\nC: "yes"\nD: "0x1F"\nE: "l1\\nl2"\n',
  json: '{"A": "one", "B": "two words", "C": "yes", "D": "0x1F", "E": "l1\\nl2"}\n',
  toml: 'A = "one"\nB = \'two words\'\nC = "yes"\nD = "0x1F"\nE = "l1\\nl2"\n',
  dotenv: "A=one\nB=two words\nC=yes\nD=0x1F\nE=l1\\nl2\n",
};
const sections: Readonly<Partial<Record<FormatId, string>>> = {
  yaml: "s:\n  a: one\n  b: two words\nt:\n  c: 'no'\n",
  json: '{"s": {"a": "one", "b": "two words"}, "t": {"c": "no"}}',
  toml: '[s]\na = "one"\nb = "two words"\n[t]\nc = "no"\n',
  ini: "[s]\na = one\nb = two words\n[t]\nc = no\n",
};
const pairs = [flat, sections].flatMap((group) => {
  const ids = Object.keys(group) as FormatId[];
  return ids.flatMap((from) =>
    ids.filter((to) => to !== from).map((to) => ({ from, to, source: group[from] ?? "", same: group[to] ?? "" })),
  );
});

/** Values by key. INI has an empty section in front that is in no other format. */
function valuesOf(node: Node | undefined): unknown {
  if (node === undefined) return null;
  if (node.kind === "leaf") return [node.scalar.type, String(node.scalar.text)];
  if (node.kind === "list") return node.elements.flatMap((one) => (one.kind === "comment" ? [] : [valuesOf(one)]));
  return node.members.flatMap((member) => {
    if (member.kind === "comment" || member.key === "DEFAULT") return [];
    return [[member.key, valuesOf(member.value)]];
  });
}

const read = async (format: FormatId, text: string): Promise<unknown> =>
  valuesOf((await parsed(format, text)).roots[0]);

describe.each(pairs)("$from as $to", ({ from, to, source, same }) => {
  it("when it is opened", async () => {
    expect(await read(to, await openedText(from, await sealedText(from, source), { outputFormat: to }))).toEqual(
      await read(to, same),
    );
  });

  it("when it is sealed", async () => {
    const text = await sealedText(from, source, { outputFormat: to });
    expect(await read(to, await openedText(to, text))).toEqual(await read(to, same));
    expect(await read(from, await openedText(to, text, { outputFormat: from }))).toEqual(await read(from, source));
  });
});

describe("values with types", () => {
  const source = [
    "i: 9007199254740993",
    "f: 1.50",
    "b: true",
    "t: 2001-12-14T21:59:43.10-05:00",
    "l: [1, two, [3], {x: y}]",
    "m: {}",
    "e: ''",
    "u: é\u{1f511}",
    "",
  ].join("\n");

  it("arrive in JSON as sops prints them", async () => {
    const text = await openedText("yaml", await sealedText("yaml", source), { outputFormat: "json" });
    const lines = [
      '"i": 9007199254740993',
      '"f": 1.5',
      '"b": true',
      '"t": "2001-12-14T21:59:43.1-05:00"',
      '"l": [\n\t\t1,\n\t\t"two",\n\t\t[\n\t\t\t3\n\t\t],\n\t\t{\n\t\t\t"x": "y"\n\t\t}\n\t]',
      '"m": {}',
      '"e": ""',
      '"u": "é\u{1f511}"',
    ];
    expect(text).toBe(`{\n\t${lines.join(",\n\t")}\n}\n`);
  });

  it("arrive in TOML, dates as dates", async () => {
    const text = await openedText("yaml", await sealedText("yaml", source), { outputFormat: "toml" });
    expect(await read("toml", text)).toEqual([
      ["i", ["int", "9007199254740993"]],
      ["f", ["float", "1.5"]],
      ["b", ["bool", "True"]],
      ["t", ["str", "2001-12-14T21:59:43.1-05:00"]],
      ["l", [["int", "1"], ["str", "two"], [["int", "3"]], [["x", ["str", "y"]]]]],
      ["m", []],
      ["e", ["str", ""]],
      ["u", ["str", "é\u{1f511}"]],
    ]);
    expect(text).toContain("t = 2001-12-14T21:59:43.1-05:00\n");
  });
});

describe("what a format cannot hold", () => {
  it.each<[from: FormatId, source: string, to: FormatId, path: string]>([
    ["yaml", "a:\n  b: c\n", "dotenv", "a"],
    ["yaml", "a: [b]\n", "dotenv", "a"],
    ["yaml", "a: b\n", "ini", "a"],
    ["yaml", "s:\n  a: [b]\n", "ini", "s.a"],
    ["yaml", "a: .nan\n", "json", "a"],
    ["yaml", "a: b\nn: ~\n", "toml", "n"],
    ["json", '{"a": {"b": "c"}}', "binary", "data"],
  ])("%s %j as %s is refused by path", async (format, source, outputFormat, path) => {
    const { output } = await sealed(format, source);
    const error = await failure(() => decrypt(output, { format, outputFormat }, hostA));
    expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
    expect(`${error.message} ${String(error.details.path ?? "")}`).toContain(path);
  });
});
