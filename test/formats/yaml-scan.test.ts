import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyleafError } from "../../src/errors.ts";
import type { YamlDocument } from "../../src/formats/yaml-document.ts";
import { parseYaml } from "../../src/formats/yaml-parse.ts";
import { scanYaml } from "../../src/formats/yaml-scan.ts";
import { corpusFile, corpusFiles, describeCorpus } from "../support/corpus.ts";
import { parsedYaml } from "../support/parsing.ts";
import { openedText, sealedText } from "../support/sealing.ts";
import { printSearch, runs } from "../support/seed.ts";
import { yamlLayouts } from "../support/yaml-layout.ts";

/** What a reader makes of a text: a document, or what it complains of. The place of nothing at all is of no use. */
function outcome(read: (text: string) => YamlDocument | null, text: string): unknown {
  try {
    return JSON.parse(
      JSON.stringify(read(text), (_key, value) => {
        if (value instanceof Map) return [...value];
        return value?.kind === "leaf" && value.scalar.type === "null" ? { ...value, at: null } : value;
      }),
    );
  } catch (error) {
    if (error instanceof KeyleafError) return error.message;
    throw error;
  }
}

/** Holds the scanner to what the parser makes of a text. @returns whether it was sure */
function isScanned(text: string): boolean {
  const scanned = outcome(scanYaml, text);
  if (scanned !== null) expect(scanned, JSON.stringify(text)).toEqual(outcome(parseYaml, text));
  return scanned !== null;
}

describe("the scanner", () => {
  test.each([
    "a: b\n",
    "a: b",
    "---\na: b\n",
    "# c\n\na: b # d\n# e\n",
    "a:\n  b: 1\n  c:\n    d: 0x1F\ne: true\n",
    "a:\n- b\n- c: d\n  e: f\n# g\nh:\n  - i\n",
    "a: 'it''s'\nb: \"q\\\"\\n\"\n'k': v\n\"l\": w\n",
    "a: |\n  b\n\n   c\n\nd: |-\n  e\n",
    "a:\nb: ~\n",
    "a: ENC[AES256_GCM,data:Ab+/,iv:Ab+/,tag:Ab+/,type:str] # c\n",
    "a: http://b/#c\n",
    "a:\n  # c\n  b: 1\n# d\ne: 2\n",
    "a: b\nsops:\n  mac: m\n",
  ])("reads %j as the parser does", (text) => {
    expect(isScanned(text)).toBe(true);
  });

  test.each([
    "",
    "# c\n",
    "- a\n",
    " a: b\n",
    "a: b\n---\nc: d\n",
    "... a: b\n",
    "a: ENC[AES256_GCM,data:x:\n",
    "l:\n- ENC[AES256_GCM,data:x:\n",
    "a: ENC[AES256_GCM,data:A]:\n",
    "a: b\n...\n",
    "%YAML 1.1\n---\na: b\n",
    "\ufeffa: b\n",
    "a: b\r\n",
    "a:\tb\n",
    "a: b\n  c\n",
    "a: b: c\n",
    "a: [b]\n",
    "a: &x b\n",
    "a: *x\n",
    "a: !t b\n",
    "<<: {a: b}\n",
    "a: >\n  b\n",
    "a: |\n  b",
    "a: |2\n  b\n",
    "a: |\n  b\n  \nc: d\n",
    "a: 1\na: 2\n",
    "true: a\n",
    "a: 18446744073709551615\n",
    "a: 'b\n  c'\n",
    'a: "\\/"\n',
    "a: 'b'#c\n",
    "a:\n -\n",
    "a:\n - - b\n",
    "a:\n  - b\n c: d\n",
    "data:\n- a\n",
    "a: \u2028\n",
    "? a\n: b\n",
  ])("leaves %j to the parser", (text) => {
    expect(scanYaml(text)).toBeNull();
  });
});

describeCorpus(() => {
  const files = corpusFiles().filter(({ format }) => format === "yaml");
  const texts = files.map(({ path }) => corpusFile(path).toString());

  test("is read as the parser reads it", () => {
    const scanned = texts.filter(isScanned).length;
    process.stdout.write(`corpus, yaml: ${scanned} of ${texts.length} files read by the scanner, as the parser does\n`);
    expect(scanned).toBeGreaterThan(texts.length / 3);
  });

  test("with a line changed is so too", () => {
    const short = texts.filter((text) => scanYaml(text) !== null && text.length < 3000);
    let count = 0;
    let scanned = 0;
    const text = fc.tuple(fc.constantFrom(...short), fc.nat(), fc.nat(), fc.constantFrom(...PIECES));
    fc.assert(
      fc.property(text, ([source, line, column, piece]) => {
        const lines = source.split("\n");
        const at = line % lines.length;
        const old = lines[at] ?? "";
        const place = column % (old.length + 1);
        lines[at] = old.slice(0, place) + piece + old.slice(place + (column % 3));
        count++;
        if (isScanned(lines.join("\n"))) scanned++;
      }),
      { numRuns: runs(2000) },
    );
    printSearch(`changed YAML files, ${scanned} scanned`, count);
    expect(scanned).toBeGreaterThan(count / 5);
  });
});

const PIECES = [
  "",
  "",
  " ",
  "  ",
  ":",
  ": ",
  "#",
  " # x",
  "-",
  "- ",
  "'",
  '"',
  "\\",
  "|",
  "|-",
  "\n",
  "\n\n",
  "\n  ",
  "&",
  "~",
];

const COMMON = [
  ...["k: v", "k: v w", "k: 'q'", 'k: "d"', "k:", "k:", "k:", "k:", "k: 1", "k: 0x1F", "k: 1.50", "k: true", "k: ~"],
  ...["- v", "- v", "- k: v", "- k: w", "- k: |", "# c", "# c", "k: v # c", "k: # c", "- v # c", "", "", "sops:"],
  ...["k: ENC[AES256_GCM,data:Ab+/,iv:Ab+/,tag:Ab+/,type:str]", "- ENC[AES256_GCM,data:A,iv:B,tag:C,type:comment]"],
  ...["#ENC[AES256_GCM,data:A,iv:B,tag:C,type:comment]", "'k': v", '"k": v', 'k: "\\n\\""', "k: 'it''s'", "k: ''"],
  ...["k: |", "k: |-", "- |", "a.k/c-d: e", "k: -1", "k: a:b", "k: a# b", "k:   v  "],
];
const ODD = [
  ...["-   k: v", "-", "#", "text", "more text", "  ", "sops: x", "data:", "data: x", "<<: v", "k: a: b", "k: a #b"],
  ...["k:v", "k : v", "? x", "k: &a v", "k: *a", "---", "--- # c", "...", "k: [a]", "k: {}", "k: >", "k: - v", "- - v"],
  ...["k: !t v", "k: a\\", "1: v", "true: v", "k: 18446744073709551615", "a b: c d", "%x", "k: %x", "k: - ", "k: ?"],
  ...[
    "k: x]",
    "k: (a)",
    "k: é",
    "k: ENC[AES256_GCM,data:A:",
    "- ENC[AES256_GCM,data:A]:",
    "k: ENC[AES256_GCM,data:A]B",
    "... k: v",
    "---k: v",
    "%k: v",
    "k: \u{1f511} a",
    "k: a\u00a0 # c",
    "k: \u3000a",
    "- ß",
    "k: '\u{10ffff}'",
    "# \u{1f511}",
    "k: \u00a0",
    "- é: v",
    "é: v",
    "k: a:",
    "k: ':'",
    "- # c",
    "k: 'q'#c",
    "k: \u00a0",
    "k: |2",
    "k: |+",
    "k: ---",
  ],
];

/** Lines that are indented as the ones before them allow, mostly. */
const lines = fc
  .array(fc.tuple(fc.nat(), fc.nat({ max: 99 }), fc.boolean()), { minLength: 1, maxLength: 14 })
  .map((choices) => {
    let indent = 0;
    let isOpen = false;
    const rows = choices.map(([which, chance, isCommon], i) => {
      const contents = isCommon || chance < 92 ? COMMON : ODD;
      const content = contents[which % contents.length] ?? "";
      const steps = isOpen ? [2, 2, 2, 0, 4] : [0, 0, 0, -2, -2];
      const step = chance % 23 === 0 ? (which % 9) - 4 : (steps[chance % steps.length] ?? 0);
      if (content !== "" && i > 0) indent = Math.max(0, indent + step);
      if (content !== "" && !content.startsWith("#")) isOpen = /(:|\|-?)$|: #/.test(content);
      // Most keys are there once.
      const key = chance % 17 === 0 ? content : content.replace(/^((?:- )?["']?)k(?=["']?:)/, `$1k${i}`);
      return content === "" ? "" : " ".repeat(indent) + key;
    });
    return rows.join("\n") + (choices.length % 5 === 0 ? "" : "\n");
  });

test.each<[string, fc.Arbitrary<string>, number]>([
  ["lines", lines, 20_000],
  ["layouts", yamlLayouts, 500],
])("random %s are read as the parser reads them", (name, texts, usual) => {
  let count = 0;
  let scanned = 0;
  fc.assert(
    fc.property(texts, (text) => {
      count++;
      if (isScanned(text)) scanned++;
    }),
    { numRuns: runs(usual) },
  );
  printSearch(`YAML ${name}, ${scanned} scanned`, count);
  expect(scanned).toBeGreaterThan(0);
});

test.each([
  ["quoted with single quotes", "a: '", "'\n"],
  ["quoted with double quotes", 'a: "', '"\n'],
  ["plain", "a: ", "\n"],
  ["plain, of words, in a list", "a:\n- w", "\n"],
])("a value of 20 MB, %s, is read by one of the two", (_, before, after) => {
  const text = before + "x y ".repeat(5_000_000).trimEnd() + after;
  const { roots } = parsedYaml(text);
  expect(roots[0]?.members).toHaveLength(1);
});

test("what the scanner reads is sealed and opened without the parser, byte for byte", async () => {
  const source = "# c\na: b # d\nl:\n- 0x1F\n- |\n  x\nm: 1.50\n";
  const text = await sealedText("yaml", source);
  expect(scanYaml(text)).not.toBeNull();
  expect(await openedText("yaml", text)).toBe(source);
});
