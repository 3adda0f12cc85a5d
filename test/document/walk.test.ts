import { describe, expect, test } from "vitest";
import { isEncryptedValueOf } from "../../src/crypto/encrypted-value.ts";
import { type Comment, leaf, list, type Mapping, mapping, type Place } from "../../src/document/document.ts";
import { compileSelection, type SelectionKind } from "../../src/document/selection.ts";
import { walk } from "../../src/document/walk.ts";
import { parsed } from "../support/parsing.ts";

/** `path text: + for sealed, - for clear` of every value and comment, in order. */
async function visited(
  source: string,
  rule: SelectionKind,
  pattern: string,
  format: "yaml" | "ini" | "dotenv" = "yaml",
) {
  const { roots } = await parsed(format, source);
  return visitedIn(roots, rule, pattern);
}

async function visitedIn(roots: readonly Mapping[], rule: SelectionKind, pattern: string): Promise<string[]> {
  const selection = await compileSelection({ rule, pattern }, "refuse");
  const found: string[] = [];
  walk(
    roots,
    { selection, isSealedComment: (text) => isEncryptedValueOf(text, "comment") },
    {
      entry: (entry, _path, isSelected) => {
        const marker = entry.kind === "comment" ? "#" : "";
        found.push(`${isSelected ? "+" : "-"}${marker}${entry.scalar.text}`);
      },
    },
  );
  return found;
}

const comment = (text: string): Comment => ({
  kind: "comment",
  scalar: { type: "comment", text },
  inline: false,
  at: null,
});

describe("rules about keys", () => {
  const source = `a: v1
a_x: v2
m:
  a_x: {b: v3}
  # c1
  l: [v4, [v5, {a_x: v6}]]
n_x:
  # c2
  b: v7
# c3
b_x: v8
`;

  test("govern whole subtrees; each component counts, the last one no more than the others", async () => {
    const isHit = ["v2", "v3", "v6", "v7", "#c2", "v8"];
    const all = ["v1", "v2", "v3", "# c1", "v4", "v5", "v6", "# c2", "v7", "# c3", "v8"];
    const marked = (sealsHits: boolean): string[] =>
      all.map((text) => `${isHit.includes(text.replace(" ", "")) === sealsHits ? "+" : "-"}${text}`);
    expect(await visited(source, "encrypted_suffix", "_x")).toEqual(marked(true));
    expect(await visited(source, "unencrypted_suffix", "_x")).toEqual(marked(false));
    expect(await visited(source, "encrypted_regex", "_x$")).toEqual(marked(true));
    expect(await visited(source, "unencrypted_regex", "_x$")).toEqual(marked(false));
  });

  test("see each component by itself, never the joined path", async () => {
    expect(await visited("a:\n  b: v\n", "encrypted_regex", "a.*b")).toEqual(["-v"]);
    expect(await visited("a:\n  b: v\n", "encrypted_regex", "^b$")).toEqual(["+v"]);
    expect(await visited("metadata: {x: v}\n", "encrypted_regex", "data")).toEqual(["+v"]);
  });

  test("leave a comment to its container, not to the key below it", async () => {
    expect(await visited("# c\nk_x: v # d\n", "unencrypted_suffix", "_x")).toEqual(["+# c", "+# d", "-v"]);
    expect(await visited("# c\ndata:\n  # d\n  k: v\n", "encrypted_regex", "^data$")).toEqual(["-# c", "+# d", "+v"]);
  });

  test("an empty path is hit by nothing", async () => {
    expect(await visitedIn([{ kind: "mapping", members: [comment("c")], at: null }], "encrypted_regex", "")).toEqual([
      "-#c",
    ]);
  });
});

describe("rules about comments", () => {
  // A worked example.
  const example = `k1: v1
# sops:enc
# note
k2: v2
m:
    k: v3 # sops:enc
    z: v4
# sops:enc
n:
    # inner
    p: [v5]
q: v6
`;

  test("encrypted_comment_regex: the worked example", async () => {
    expect(await visited(example, "encrypted_comment_regex", "sops:enc")).toEqual([
      "-v1",
      "-# sops:enc",
      "+# note",
      "+v2",
      "-# sops:enc",
      "+v3",
      "-v4",
      "-# sops:enc",
      "+# inner",
      "+v5",
      "-v6",
    ]);
  });

  test("unencrypted_comment_regex: the other way round, and the comment itself stays clear", async () => {
    expect(await visited(example, "unencrypted_comment_regex", "sops:enc")).toEqual([
      "+v1",
      "-# sops:enc",
      "-# note",
      "-v2",
      "-# sops:enc",
      "-v3",
      "+v4",
      "-# sops:enc",
      "-# inner",
      "-v5",
      "+v6",
    ]);
  });

  test("a second hit seals the comment that makes it, as an earlier one is in force", async () => {
    expect(await visited("# sops:enc\n# sops:enc 2\nk: v\n", "encrypted_comment_regex", "sops:enc")).toEqual([
      "-# sops:enc",
      "+# sops:enc 2",
      "+v",
    ]);
  });

  test("reach into containers, and end with the next item", async () => {
    const source = "# hit\nm:\n  a: v1\n  b: {c: v2}\nn: v3\n";
    expect(await visited(source, "encrypted_comment_regex", "hit")).toEqual(["-# hit", "+v1", "+v2", "-v3"]);
  });

  test("in lists govern the next element", async () => {
    const source = "l:\n  # hit\n  - v1\n  - v2\n  # hit\n  - {a: v3}\n";
    expect(await visited(source, "encrypted_comment_regex", "hit")).toEqual(["-# hit", "+v1", "-v2", "-# hit", "+v3"]);
  });

  // sops issue 2281: sops itself takes the envelope for an element, and then the next one for unselected.
  test("in encrypted lists, a sealed comment is a comment", async () => {
    const sealed = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:comment]";
    const root = mapping([["l", list([comment(" hit"), leaf(sealed), leaf("v1"), leaf("v2")])]]);
    expect(await visitedIn([root], "encrypted_comment_regex", "hit")).toEqual(["-# hit", `+${sealed}`, "+v1", "-v2"]);
  });

  test("in INI govern the key after the one they stand above", async () => {
    const source = "[s]\n; hit\nk1=v1\nk2=v2\nk3=v3\n";
    expect(await visited(source, "encrypted_comment_regex", "hit", "ini")).toEqual(["-v1", "-#hit", "+v2", "-v3"]);
  });

  test("in dotenv govern the next variable", async () => {
    expect(await visited("# hit\nA=v1\nB=v2\n", "encrypted_comment_regex", "hit", "dotenv")).toEqual([
      "-# hit",
      "+v1",
      "-v2",
    ]);
  });
});

describe("the walk", () => {
  const everything = { byComment: false, sealsHits: false, hits: () => false };

  test("goes through all documents in order, and skips null", async () => {
    const found: string[] = [];
    const { roots } = await parsed("yaml", "a: 1\nn: null\ne:\nf: {}\ng: []\ns: ''\n---\na: 2\n");
    walk(roots, { selection: everything }, { entry: (entry, path) => found.push(`${path}${entry.scalar.text}`) });
    expect(found).toEqual(["a:1", "s:", "a:2"]);
  });

  test("hands out keys without list positions, in an array of its own", () => {
    const found: string[][] = [];
    const root = mapping([["a", list([leaf("x"), mapping([["b:c", leaf("y")]])])]]);
    walk([root], { selection: everything }, { entry: (_, __, ___, keys) => found.push([...keys]) });
    expect(found).toEqual([["a"], ["a", "b:c"]]);
  });

  test("announces containers that have a place", () => {
    const at: Place = { start: 0, end: 1, style: "flow", indent: 0, itemStart: -1 };
    const inner: Mapping = { ...mapping([["b", leaf("x")]]), at };
    const steps: string[] = [];
    walk(
      [
        mapping([
          ["a", inner],
          ["z", mapping([["y", leaf("w")]])],
        ]),
      ],
      { selection: everything },
      {
        entry: (entry) => steps.push(String(entry.scalar.text)),
        enter: (container, path) => steps.push(`${path}${container.kind} {`),
        leave: (container, path) => steps.push(`${path}${container.kind} }`),
      },
    );
    expect(steps).toEqual(["a:mapping {", "x", "a:mapping }", "w"]);
  });
});
