import { diffArrays } from "diff";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Document,
  isComment,
  leaf,
  list,
  mapping,
  type Node,
  type Scalar,
  type TreePath,
} from "../../src/document/document.ts";
import { KeyleafError } from "../../src/errors.ts";
import { type Change, changeText } from "../../src/formats/change.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { formatOf } from "../../src/formats/registry.ts";
import { corpusFile, corpusFiles, describeCorpus } from "../support/corpus.ts";
import { randomLayouts } from "../support/random-layouts.ts";
import { printSearch, runs } from "../support/seed.ts";
import { uglyFiles } from "../support/ugly-files.ts";
import { yamlLayouts } from "../support/yaml-layout.ts";

type Structured = Exclude<FormatId, "binary">;

/** A file of any layout as text: what is no text is for binary files. */
function layoutsOf(format: Structured): fc.Arbitrary<string> {
  const ugly = uglyFiles[format].filter((file): file is string => typeof file === "string");
  if (format === "yaml") return fc.oneof(yamlLayouts, ugly);
  return format === "toml" ? ugly : fc.oneof(randomLayouts[format], ugly);
}

const isFlat = (format: Structured): boolean => format === "dotenv" || format === "ini";

const text = fc.constantFrom(
  "x",
  "two words",
  "5",
  "true",
  "",
  "it's",
  'a "b"',
  "a: b # c",
  "p\nq",
  " x ",
  "é\t",
  "\\n",
);
const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  text.map((value): Scalar => ({ type: "str", text: value })),
  fc.constantFrom<Scalar>({ type: "int", text: "7" }, { type: "bool", text: "True" }, { type: "float", text: "5" }),
);
/** What has one line in every format. */
const short = fc.constantFrom<Scalar>({ type: "str", text: "x" }, { type: "int", text: "7" });
const anyValue: fc.Arbitrary<Node> = fc.oneof(
  scalar.map(leaf),
  fc.constantFrom<Node>(
    list([]),
    mapping([]),
    list([leaf("a"), leaf("b")]),
    mapping([
      ["k", leaf("a")],
      ["l", list([mapping([["m", leaf("b")]])])],
    ]),
  ),
);

/** Everything that can be named in the first document: what it is, and whether an alias repeats it. */
interface Named {
  readonly path: TreePath;
  readonly node: Node;
}

function namedIn(doc: Document): Named[] {
  const found: Named[] = [];
  const visit = (node: Node, path: TreePath): void => {
    found.push({ path, node });
    let position = 0;
    for (const member of node.kind === "mapping" ? node.members : node.kind === "list" ? node.elements : []) {
      if (member.kind === "comment" || (member.kind === "leaf" && isComment(member))) continue;
      if (member.kind === "item") visit(member.value, [...path, member.key]);
      else visit(member, [...path, position++]);
    }
  };
  if (doc.roots[0] !== undefined) visit(doc.roots[0], []);
  return found;
}

/** Each value with its path as a line, in document order. */
function valuesOf(doc: Document): string[] {
  return doc.roots.flatMap((root, i) =>
    namedIn({ ...doc, roots: [root] }).map(({ path, node }) =>
      JSON.stringify([i, path, node.kind, node.kind === "leaf" ? [node.scalar.type, String(node.scalar.text)] : null]),
    ),
  );
}

function commentsOf(doc: Document): string[] {
  const found: string[] = [];
  const visit = (node: Node): void => {
    for (const member of node.kind === "mapping" ? node.members : node.kind === "list" ? node.elements : []) {
      if (member.kind === "comment")
        found.push(
          ...String(member.scalar.text)
            .split("\n")
            .map((line) => line.trim()),
        );
      else visit(member.kind === "item" ? member.value : member);
    }
  };
  for (const root of doc.roots) visit(root);
  return found
    .map((line) => line.replace(/^[#;\s]+/, ""))
    .filter((line) => line !== "")
    .toSorted();
}

async function parse(format: Structured, source: string): Promise<Document | null> {
  try {
    return await (await formatOf(format)).parse(Buffer.from(source));
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/** The changed text; `null`: the change is refused. Whatever else is thrown is a bug. */
async function changedOrNull(
  format: Structured,
  source: string,
  path: TreePath,
  change: Change,
): Promise<string | null> {
  try {
    return Buffer.from(await changeText(Buffer.from(source), format, path, change)).toString();
  } catch (error) {
    if (error instanceof KeyleafError && !/^(INTEGRITY|KEY|PROVIDER)/.test(error.code)) return null;
    throw error;
  }
}

/** Lines that are in one text only. */
function differing(before: string, after: string): { removed: number; added: number } {
  const count = { removed: 0, added: 0 };
  for (const part of diffArrays(before.split("\n"), after.split("\n"))) {
    if (part.added) count.added += part.value.length;
    else if (part.removed) count.removed += part.value.length;
  }
  return count;
}

/** Tries one change of each kind. @returns how many were done. */
async function tryChanges(
  format: Structured,
  source: string,
  pick: number,
  value: Node,
  one: Scalar,
): Promise<number[]> {
  const doc = await parse(format, source);
  if (doc === null || doc.metadata !== null) return [0, 0];
  const named = namedIn(doc);
  const leaves = named.filter(({ node, path }) => node.kind === "leaf" && path.length > 0);
  const containers = named.filter(({ node }) => node.kind === "mapping");
  const target = leaves[pick % Math.max(1, leaves.length)];
  const container = containers[pick % Math.max(1, containers.length)];
  let tried = 0;
  let done = 0;
  const attempt = async (path: TreePath, change: Change): Promise<{ result: string; after: Document } | null> => {
    tried++;
    const result = await changedOrNull(format, source, path, change);
    if (result === null) return null;
    done++;
    const after = await parse(format, result);
    if (after === null) return expect.fail("the result cannot be read");
    return { result, after };
  };
  const before = valuesOf(doc);

  if (target?.node.kind === "leaf" && target.node.at !== null) {
    const { at } = target.node;
    const set = await attempt(target.path, { kind: "set", value: leaf(one) });
    if (set !== null && set.result !== source) {
      const own = source.slice(at.start, at.end).split("\n").length;
      expect(differing(source, set.result).removed).toBeLessThanOrEqual(own);
      if (at.end > at.start) expect(set.result.startsWith(source.slice(0, at.start))).toBe(true);
      const line = before.findIndex((text) => text.startsWith(JSON.stringify([0, target.path]).slice(0, -1)));
      expect(valuesOf(set.after).toSpliced(line, 1)).toEqual(before.toSpliced(line, 1));
      expect(commentsOf(set.after)).toEqual(commentsOf(doc));
    }
    const removed = await attempt(target.path, { kind: "unset" });
    if (removed !== null) {
      // The line of what is left empty, or of the comma before.
      expect(differing(source, removed.result).added).toBeLessThanOrEqual(1);
      expect(valuesOf(removed.after).length).toBe(before.length - 1);
    }
    const replaced = await attempt(target.path, { kind: "set", value });
    if (replaced !== null) expect(commentsOf(replaced.after)).toEqual(commentsOf(doc));
  }
  if (container !== undefined && !(isFlat(format) && container.path.length === 0 && format === "ini")) {
    const added = await attempt([...container.path, "new_key"], { kind: "set", value: leaf(one) });
    if (added !== null) {
      expect(valuesOf(added.after).filter((line) => !line.includes("new_key"))).toEqual(before);
      expect(commentsOf(added.after)).toEqual(commentsOf(doc));
      // An empty pair of brackets may stand on two.
      expect(differing(source, added.result).removed).toBeLessThanOrEqual(2);
    }
    await attempt([...container.path, "new_key"], { kind: "set", value });
  }
  return [tried, done];
}

describe.each(["yaml", "json", "dotenv", "ini", "toml"] as const)("%s", (format) => {
  test("of any layout: a change is refused, or all else stays as it was", async () => {
    const numRuns = runs(300);
    const counts = [0, 0];
    await fc.assert(
      fc.asyncProperty(layoutsOf(format), fc.nat(1000), anyValue, short, async (source, pick, value, one) => {
        const [tried = 0, done = 0] = await tryChanges(format, source, pick, value, one);
        counts[0] = (counts[0] ?? 0) + tried;
        counts[1] = (counts[1] ?? 0) + done;
      }),
      { numRuns },
    );
    printSearch(`${format} changes, ${counts[1]} of ${counts[0]} done`, numRuns);
    expect(counts[1]).toBeGreaterThan((counts[0] ?? 0) / 3);
  }, 600_000);
});

describeCorpus(() => {
  test("real files: a change is refused, or all else stays as it was", async () => {
    const counts = new Map<string, [number, number]>();
    for (const { path, format, expected, bytes } of corpusFiles()) {
      if (format === "binary" || expected !== "valid" || bytes > 30_000) continue;
      const source = corpusFile(path).toString();
      for (const pick of [0, 7]) {
        const value = mapping([["k", list([leaf("a"), leaf("b c")])]]);
        const done = await tryChanges(
          format as Structured,
          source,
          pick,
          isFlat(format as Structured) ? leaf("a b") : value,
          {
            type: "str",
            text: "x",
          },
        ).catch((error: unknown) => {
          throw new Error(`${path}, pick ${pick}`, { cause: error });
        });
        const count = counts.get(format) ?? [0, 0];
        counts.set(format, [count[0] + (done[0] ?? 0), count[1] + (done[1] ?? 0)]);
      }
    }
    for (const [format, [tried, done]] of counts) {
      process.stdout.write(`corpus: ${format}: ${done} of ${tried} changes done\n`);
      expect(done).toBeGreaterThan(tried * 0.7);
    }
    expect(counts.size).toBe(5);
  }, 600_000);
});
