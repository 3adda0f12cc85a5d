import { describe, expect, test } from "vitest";
import { type Comment, leaf, type Mapping, mapping, type Node } from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { yaml } from "../../src/formats/yaml.ts";
import { parsedYaml } from "../support/parsing.ts";
import { textOf } from "../support/sealing.ts";

function short(node: Node | Comment): unknown {
  if (node.kind === "comment") return `#${node.scalar.text}`;
  if (node.kind === "leaf") return node.scalar.text;
  if (node.kind === "list") return node.elements.map(short);
  return node.members.map((member) => (member.kind === "comment" ? short(member) : [member.key, short(member.value)]));
}

const block = (mac: string): Mapping => mapping([["mac", leaf(mac)]]);

function withBlock(source: string, metadata: Mapping | null): string {
  const doc = parsedYaml(source);
  return textOf(applyEdits(doc.source, yaml.metadataEdits(doc, metadata)));
}

const B = "sops:\n    mac: m\n";

describe("the block", () => {
  test.each([
    ["a: b\n", `a: b\n${B}`],
    ["a: b", `a: b\n${B.trimEnd()}`],
    ["a: b\n\n\n", `a: b\n\n\n${B}`],
    ["a: b\n# c\n", `a: b\n# c\n${B}`],
    ["a: b\n  # c", `a: b\n  # c\n${B.trimEnd()}`],
    ["a: |\n  b\n", `a: |\n  b\n${B}`],
    ["a: |+\n  b\n\n", `a: |+\n  b\n\n${B}`],
    // Behind a block scalar without a line break, any text would change the value.
    ["a: |\n  b", `${B}a: |\n  b`],
    ["# c\n---\na:\n  - |\n    b", `# c\n---\n${B}a:\n  - |\n    b`],
    ["a: b\r\n", "a: b\r\nsops:\r\n    mac: m\r\n"],
    ["\ufeffa: b\n", `\ufeffa: b\n${B}`],
    ["  a: b\n  c: d\n", "  a: b\n  c: d\n  sops:\n      mac: m\n"],
    ["a:\n- b\n", `a:\n- b\n${B}`],
    ["a: b\n...\n", `a: b\n${B}...\n`],
    ["a: b\n...\n# c\n", `a: b\n${B}...\n# c\n`],
    ["a: b\n---\nc: d\n", `a: b\n${B}---\nc: d\n${B}`],
    ["a: b\n# c\n---\n# d\n", `a: b\n# c\n${B}---\n# d\n${B}`],
    ["---\n", `---\n${B}`],
  ])("goes into %j, and out again", (source, expected) => {
    const written = withBlock(source, block("m"));
    expect(written).toBe(expected);
    const { metadata, roots } = parsedYaml(written);
    expect(metadata?.members.filter((member) => member.kind === "item")).toHaveLength(1);
    expect(
      roots.flatMap((root) => root.members).some((member) => member.kind === "item" && member.key === "sops"),
    ).toBe(false);
    expect(withBlock(written, null)).toBe(source);
  });

  test.each([
    "{}",
    "{ }\n",
    "{a: b}\n",
    "{a: b }\n",
    "{a: b,}\n",
    "{a: b , }\n",
    "{a: b\n  , c: d\n}\n",
    "{a: b, # c\n d: e # f\n}\n",
    "{a: b, # c\n d: e, # f\n}\n",
    "{a: [b] # c\n}",
    "{a: b # c\n  # d\n}\n",
    "--- {a: [b]}\n",
    "--- # c\n{a: {b: c}} # d\n...\n",
    '{"a": "b"}',
    "{a}\n",
    "{'a'}\n",
    "{? a}\n",
    "{a: }\n",
    "{a: ,}\n",
    "{a: &x }\n",
    "{a: !!str }\n",
    "{a: {} }\n",
    "{a: b}\n---\n{c: d # e\n}\n---\nf: g\n",
  ])("goes into the flow mapping %j, and out again; what was there stays what it was", (source) => {
    const written = withBlock(source, block("m"));
    const doc = parsedYaml(written);
    expect(doc.metadata === null ? null : short(doc.metadata)).toEqual([["mac", "m"]]);
    // The comments too: one that got into the block would not be opened.
    expect(doc.roots.map(short)).toEqual(parsedYaml(source).roots.map(short));
    // sops reads `a:,` as a key called `a:`.
    expect(written).not.toContain(":,");
    expect(withBlock(written, null)).toBe(source);
    const replaced = withBlock(written, block("other"));
    expect(replaced).toBe(written.replaceAll("mac: m", "mac: other"));
    expect(withBlock(replaced, null)).toBe(source);
  });

  test.each([
    "a: b\n",
    "a: b",
    "a: |\n  b",
    "a: b\r\nc: d",
    "  a: b\n",
    "a: b\n---\nc: d",
    "a: b\n...\n",
    "---\n",
    "a: b\n# c",
  ])("of %j is replaced without a trace of the old one", (source) => {
    const written = withBlock(source, block("m"));
    const replaced = withBlock(written, block("other"));
    expect(replaced).toBe(written.replaceAll("mac: m", "mac: other"));
    expect(withBlock(replaced, null)).toBe(source);
  });

  test.each([
    ["a: b\nsops:\n    mac: m\nc: d\n", "a: b\nc: d\n"],
    ["sops:\n    mac: m\n\n    x: y\n# c\na: b\n", "# c\na: b\n"],
    ["a: b\nsops: {mac: m}\n", "a: b\n"],
    ['a: b\n"sops":\n  mac: m\n', "a: b\n"],
    ["{sops: {mac: m}, a: b}", "{a: b}"],
    ["{a: b, sops: {mac: m}, c: d}", "{a: b, c: d}"],
    ["sops:\n    mac: m\n", "{}\n"],
    ["a: b\nsops:\n    mac: m", "a: b"],
    ["a: b\nsops:\n    mac: |\n        m\n\n\n# c\n", "a: b\n\n\n# c\n"],
  ])("where others put it, %j, is taken out", (source, expected) => {
    expect(withBlock(source, null).replaceAll("{ ", "{")).toBe(expected);
  });

  test("nothing is taken out where there is none", () => {
    for (const source of ["a: b\n", "a: {sops: 1}\n", "{a: b}", "---\n"]) expect(withBlock(source, null)).toBe(source);
  });
});
