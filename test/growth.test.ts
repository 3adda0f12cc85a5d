import { expect, test } from "vitest";
import type { FormatId } from "../src/formats/format.ts";
import { openedText, sealedText } from "./support/sealing.ts";

/**
 * Ten times the file is ten times the work, whatever it is made of. Counted, not timed: characters and elements that the
 * built-in functions look at, which is where a quadratic step hides, in this program and in the packages that it uses.
 */

let steps = 0;

type Method = (this: unknown, ...args: never[]) => unknown;

/** Puts a function that counts in the place of a built-in one. @returns what puts it back */
function counted(owner: object, name: string, cost: (self: unknown, result: unknown, args: unknown[]) => number) {
  const original = Reflect.get(owner, name) as Method;
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...args: never[]): unknown {
      const result = Reflect.apply(original, this, args);
      steps += cost(this, result, args);
      return result;
    },
  });
  return () => Object.defineProperty(owner, name, { configurable: true, writable: true, value: original });
}

const lengthOf = (value: unknown): number => (value as { length?: number }).length ?? 0;
const numberOr = (value: unknown, other: number): number => (typeof value === "number" ? value : other);

/** Counts while a function runs. */
async function stepsOf(run: () => Promise<unknown>): Promise<number> {
  const restore = [
    // A slice of a string is not a copy: it counts when it is looked at.
    ...["slice", "substring"].map((name) => counted(String.prototype, name, () => 1)),
    ...["trim", "trimEnd", "trimStart"].map((name) =>
      counted(String.prototype, name, (self, result) => lengthOf(self) - lengthOf(result) + 1),
    ),
    ...["replaceAll", "split", "toLowerCase"].map((name) => counted(String.prototype, name, lengthOf)),
    ...["indexOf", "includes"].map((name) =>
      counted(String.prototype, name, (self, result, [, from]) => {
        const end = typeof result === "number" && result !== -1 ? result : lengthOf(self);
        return Math.max(0, end - numberOr(from, 0));
      }),
    ),
    counted(String.prototype, "lastIndexOf", (self, result, [, from]) =>
      Math.max(0, Math.min(numberOr(from, lengthOf(self)), lengthOf(self)) - Number(result)),
    ),
    counted(RegExp.prototype, "exec", (self, result, [text]) => {
      if (result === null) return (self as RegExp).sticky ? 1 : lengthOf(text);
      const [found] = result as RegExpExecArray;
      return (self as RegExp).sticky ? found.length : (result as RegExpExecArray).index + found.length;
    }),
    ...["find", "findIndex", "findLast", "findLastIndex", "filter", "map", "flatMap", "some", "every", "slice"].map(
      (name) => counted(Array.prototype, name, lengthOf),
    ),
    ...["indexOf", "includes", "concat", "unshift", "reverse"].map((name) => counted(Array.prototype, name, lengthOf)),
    // What stands behind the place is moved.
    counted(Array.prototype, "splice", (self, _, [at]) => {
      const place = numberOr(at, 0);
      return place < 0 ? 1 - place : Math.max(1, lengthOf(self) - place);
    }),
  ];
  steps = 0;
  try {
    await run();
  } finally {
    for (const undo of restore) undo();
  }
  return steps;
}

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("");

const shapes: readonly (readonly [FormatId, string, (count: number) => string])[] = [
  ["yaml", "keys of one mapping", (n) => lines(n, (i) => `k${i}: v\n`)],
  ["yaml", "mappings", (n) => lines(n, (i) => `m${i}:\n  a: b\n`)],
  ["yaml", "list items", (n) => `l:\n${lines(n, () => "- v\n")}`],
  ["yaml", "comments", (n) => lines(n, (i) => `# c\nk${i}: v # d\n`)],
  ["yaml", "comments in a row", (n) => `a: b\n${lines(n, () => "# c\n")}c: d\n`],
  ["yaml", "blocks", (n) => lines(n, (i) => `k${i}: |\n  v\n\n  w\n`)],
  ["yaml", "spellings", (n) => lines(n, (i) => `k${i}: 0x1F\n`)],
  ["yaml", "quoted text", (n) => lines(n, (i) => `k${i}: "\\x41"\n`)],
  ["yaml", "what the scanner leaves to the parser", (n) => `x: [y]\n${lines(n, (i) => `k${i}: v\n`)}`],
  ["yaml", "items of a flow collection", (n) => `l: [${lines(n, () => "v, ")}]\n`],
  ["yaml", "aliases", (n) => `a: &a v\n${lines(n, (i) => `k${i}: *a\n`)}`],
  ["yaml", "anchors", (n) => lines(n, (i) => `k${i}: &a${i} v\n`)],
  ["yaml", "documents", (n) => lines(n / 10, (i) => `k${i}: v\n---\n`).slice(0, -4)],
  ["yaml", "comments for the parser", (n) => `x: [y]\n${lines(n, (i) => `# c\nk${i}: v # d\n`)}`],
  ["json", "members", (n) => `{${lines(n, (i) => `"k${i}": "v",\n`).slice(0, -2)}}`],
  ["json", "elements", (n) => `{"l": [${lines(n, () => "1.50, ").slice(0, -2)}]}`],
  ["json", "objects", (n) => `{"l": [${lines(n, () => '{"a": "\\u0041"}, ').slice(0, -2)}]}`],
  ["dotenv", "variables", (n) => lines(n, (i) => `K${i}=v\n`)],
  ["dotenv", "comments", (n) => lines(n, (i) => `# c\nK${i}=v\n`)],
  ["dotenv", "values over several lines", (n) => lines(n, (i) => `K${i}="a\nb"\n`)],
  ["dotenv", "open quotes", (n) => lines(n, (i) => `K${i}='a\n`)],
  ["ini", "keys", (n) => `[s]\n${lines(n, (i) => `k${i} = v\n`)}`],
  ["ini", "sections", (n) => lines(n, (i) => `[s${i}]\nk = v\n`)],
  ["ini", "comments", (n) => `[s]\n${lines(n, (i) => `; c\nk${i} = v\n`)}`],
  ["ini", "one key again and again", (n) => `[s]\n${lines(n, (i) => `k = v${i}\n`)}`],
  ["toml", "keys", (n) => lines(n, (i) => `k${i} = "v"\n`)],
  ["toml", "tables", (n) => lines(n, (i) => `[t${i}]\na = "v"\n`)],
  ["toml", "elements", (n) => `l = [${lines(n, () => '"v", ')}]\n`],
  ["toml", "comments", (n) => lines(n, (i) => `# c\nk${i} = 0x1F\n`)],
  ["binary", "bytes", (n) => "x".repeat(n * 10)],
];

test.each(shapes)("%s: %s", async (format, _, file) => {
  const count = async (size: number): Promise<[number, number]> => {
    const source = file(size);
    let text = "";
    const sealing = await stepsOf(async () => {
      text = await sealedText(format, source);
    });
    let opened = "";
    const opening = await stepsOf(async () => {
      opened = await openedText(format, text);
    });
    expect(opened).toBe(source);
    return [sealing, opening];
  };
  const [few, many] = [await count(300), await count(3000)];
  // Steps that do not grow make it less than ten, longer numbers a little more.
  expect((many[0] ?? 0) / (few[0] ?? 1)).toBeLessThan(12);
  expect((many[1] ?? 0) / (few[1] ?? 1)).toBeLessThan(12);
});

test("counting sees a quadratic step", async () => {
  const quadratic = (size: number): Promise<number> =>
    stepsOf(async () => {
      const text = "x".repeat(size);
      for (let i = 0; i < size; i++) text.slice(0, i).indexOf("y");
    });
  expect((await quadratic(3000)) / (await quadratic(300))).toBeGreaterThan(50);
});
