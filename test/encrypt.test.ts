import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exitStatus } from "../src/cli/exit-status.ts";
import { unwrapDataKey } from "../src/crypto/data-key.ts";
import { age } from "../src/crypto/keys/age.ts";
import type { KeyProvider } from "../src/crypto/keys/provider.ts";
import { metadataOf } from "../src/decrypt.ts";
import { type SelectionRule, selectionKinds } from "../src/document/selection.ts";
import type { EncryptOptions } from "../src/encrypt.ts";
import { encrypt } from "../src/encrypt.ts";
import { type ErrorCode, KeyleafError } from "../src/errors.ts";
import type { FormatId } from "../src/formats/format.ts";
import { formatOf } from "../src/formats/registry.ts";
import { runWith, temporaryFolder } from "./cli/fake.ts";
import { fakeHost } from "./support/fake-host.ts";
import { parsed } from "./support/parsing.ts";
import {
  bytesOf,
  expectDiscreet,
  failure,
  groupOf,
  hostA,
  IDENTITY_A,
  openedText,
  RECIPIENT_A,
  RECIPIENT_B,
  sealed,
  sealedText,
  textOf,
} from "./support/sealing.ts";

/** A value that must not be in any message. */
const SECRET = "canary-hunter2";

describe("what comes out", () => {
  test("differs from the source in sealed values and the block only", async () => {
    const source = `# c\n---\na: "${SECRET}"   # d\nb_unencrypted: [ 1,2 ]\nc: {d: '${SECRET}',}\n`;
    const text = await sealedText("yaml", source);
    const shape = text.replace(/ENC\[[^\]]*\]/g, "E");
    expect(shape.slice(0, shape.indexOf("sops:"))).toBe(
      "#E\n---\na: \"E\"   #E\nb_unencrypted: [ 1,2 ]\nc: {d: 'E',}\n",
    );
  });

  test("carries the types of values, not their spelling", async () => {
    const text = await sealedText("yaml", "a: 0x1F\nb: 1.50\nc: true\nd: 2001-12-14\ne: '1'\nf: x # y\n");
    expect([...text.matchAll(/^(\w): .*?type:(\w+)\]/gm)].map((match) => `${match[1]} ${match[2]}`)).toEqual([
      "a int",
      "b float",
      "c bool",
      "d time",
      "e str",
      "f str",
    ]);
    expect(text).toContain("type:comment]");
  });

  test("has whole seconds of the host's time, and a version that sops accepts", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_A }, now: new Date("2031-05-06T07:08:09.999Z") });
    const { output } = await encrypt(bytesOf("a: b\n"), { format: "yaml", keyGroups: [groupOf(RECIPIENT_A)] }, host);
    expect(textOf(output)).toMatch(/^ {4}lastmodified: "2031-05-06T07:08:09Z"$/m);
    expect(textOf(output)).toMatch(/^ {4}version: \d+\.\d+\.\d+$/m);
  });

  test("is another text each time, unless the random bytes are the same", async () => {
    const seeded = async (seed: string): Promise<string> => {
      const options: EncryptOptions = { format: "yaml", keyGroups: [groupOf(RECIPIENT_A)] };
      return textOf((await encrypt(bytesOf("a: b\nc: b\n"), options, fakeHost({ seed }))).output);
    };
    expect(await seeded("one")).toBe(await seeded("one"));
    expect(await seeded("one")).not.toBe(await seeded("two"));
    const text = await seeded("one");
    const ivs = [...text.matchAll(/iv:([^,]+)/g)].map((match) => match[1]);
    expect(ivs).toHaveLength(3);
    expect(new Set(ivs).size).toBe(3);
  });

  test("has a block in every document, all alike", async () => {
    const text = await sealedText("yaml", "a: b\n---\nc: d\n---\n");
    const blocks = text.split(/^---$/m).map((part) => part.slice(part.indexOf("sops:")).trimEnd());
    expect(blocks).toHaveLength(3);
    expect(new Set(blocks).size).toBe(1);
  });

  test("has a record of spellings only where one is needed", async () => {
    const plain = "a: b\nc: 'd'\ne: \"f\"\ng: |\n    h\n    i\nj: 1.5\nk: true\nl: {m: n o}\n# p\n";
    expect(await sealedText("yaml", plain)).not.toContain("keyleaf");
    for (const odd of ["a: 0x1F\n", 'a: "\\x41"\n', "a: >\n  b\n  c\n", "a: &b [c]\nd: *b\n", "a: 1.50\n"]) {
      const text = await sealedText("yaml", odd);
      expect(text).toMatch(/^ {4}keyleaf:\n {8}spelling: ENC\[/m);
      expect(await openedText("yaml", text)).toBe(odd);
    }
  });

  test("does not show how a value was spelled", async () => {
    const text = await sealedText("yaml", `a: "${SECRET}\\x41"\n`);
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain("\\x41");
  });

  test("counts what is sealed and names what stays clear", async () => {
    const source = "a: b # c\nd_unencrypted: {e: 1, 'f g': [x, y], h: '', i: ~}\nj: ''\nk: ~\nl: [m, n]\n";
    const result = await sealed("yaml", source);
    expect(result.sealed).toBe(3);
    expect(result.clear).toEqual(["d_unencrypted.e", 'd_unencrypted."f g"', 'd_unencrypted."f g"']);
  });

  test("leaves empty values, nulls and containers as they are", async () => {
    const text = await sealedText("yaml", "a: b\nc: ''\nd:\ne: ~\nf: []\ng: {}\nh: |\n");
    expect(text).toContain("\nc: ''\nd:\ne: ~\nf: []\ng: {}\nh: |\n");
  });

  test("verifies itself, and notices when what was written is something else", async () => {
    const { output, verify } = await sealed("yaml", "a: b\nc: 0x1F\n");
    expect(await verify(output)).toBe(true);
    const cut = textOf(output).replace(/^a: .*$/m, "a: x");
    for (const other of [cut, "", "a: b\n", await sealedText("yaml", "a: b\n")]) {
      expect((await failure(() => verify(bytesOf(other)))).code).toBe("OUTPUT_VERIFY_FAILED");
    }
  });

  test("can be opened by each recipient", async () => {
    const text = await sealedText("yaml", "a: b\n", { keyGroups: [groupOf(RECIPIENT_A, RECIPIENT_B)] });
    expect(metadataOf(await parsed("yaml", text)).keyGroups[0]).toHaveLength(2);
    expect(await openedText("yaml", text)).toBe("a: b\n");
  });

  test("is in another format when asked", async () => {
    const source = "# c\na: b\nn: 1\nl: [x, {y: true}]\nz_unencrypted: 2\n";
    const json = await sealedText("yaml", source, { outputFormat: "json" });
    expect(Object.keys(JSON.parse(json) as object)).toEqual(["a", "n", "l", "z_unencrypted", "sops"]);
    expect(JSON.parse(await openedText("json", json))).toEqual({
      a: "b",
      n: 1,
      l: ["x", { y: true }],
      z_unencrypted: 2,
    });
    expect(json).not.toContain("keyleaf");
    const env = await sealedText("json", '{"a":"b"}', { outputFormat: "dotenv" });
    expect(await openedText("dotenv", env)).toBe("a=b\n");
  });

  test("says where a tree does not fit the other format", async () => {
    const error = await failure(() => sealed("yaml", `a: {b: ${SECRET}}\n`, { outputFormat: "dotenv" }));
    expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
    expect(error.details.path).toEqual(["a"]);
    expectDiscreet(error, SECRET);
  });
});

test.each<[FormatId, string]>([
  ["yaml", "# canary\n---\n"],
  ["yaml", "# canary\n{}\n"],
  ["dotenv", "# canary\n"],
])("comments that are all a file holds are sealed: %s %j", async (format, source) => {
  const text = await sealedText(format, source);
  expect(text).not.toContain("canary");
  expect(await openedText(format, text)).toBe(source);
});

describe("another format", () => {
  // What would be dropped or spelled otherwise is in the MAC: the sealed file could never be opened.
  test.each([
    ["documents after the first", "a: b\n---\nc: d\n", "json"],
    ["documents after the first", "a: b\n---\nc: d\n", "dotenv"],
    ["a clear null", "a: b\nc: null\n", "dotenv"],
  ] as const)("is refused where it would not decrypt: %s", async (_, source, outputFormat) => {
    const error = await failure(() => sealed("yaml", source, { outputFormat }));
    expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
  });

  test("has to be one", async () => {
    await expect(formatOf("yml" as FormatId)).rejects.toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("selection", () => {
  test("by comments is refused where one stands between documents: it governs what comes after it in sops", async () => {
    const source = "b: c\n...\n# seal\n---\nb: c\n";
    const selection = { rule: "encrypted_comment_regex", pattern: "seal" } as const;
    const error = await failure(() => sealed("yaml", source, { selection }));
    expect([error.code, error.details.line]).toEqual(["INPUT_MALFORMED", 3]);
    expect(await openedText("yaml", await sealedText("yaml", source))).toBe(source);
    const within = "b: c\n---\n# seal\nb: c\n";
    expect(await openedText("yaml", await sealedText("yaml", within, { selection }))).toBe(within);
  });

  // Values with a "-", which Base64 does not have.
  const source = "a: v-1\nb_enc: v-2\nc: {b_enc: [v-3], d: v-4}\n# seal this\ne: v-5\n";

  async function sealedWith(selection: SelectionRule, macOnlyEncrypted = false): Promise<string[]> {
    const text = await sealedText("yaml", source, { selection, macOnlyEncrypted });
    expect(await openedText("yaml", text)).toBe(source);
    return ["v-1", "v-2", "v-3", "v-4", "v-5"].filter((value) => !text.includes(value));
  }

  test.each<[SelectionRule, string[]]>([
    [{ rule: "encrypted_suffix", pattern: "_enc" }, ["v-2", "v-3"]],
    [{ rule: "unencrypted_suffix", pattern: "_enc" }, ["v-1", "v-4", "v-5"]],
    [{ rule: "encrypted_regex", pattern: "^(a|c)$" }, ["v-1", "v-3", "v-4"]],
    [{ rule: "unencrypted_regex", pattern: "^(a|c)$" }, ["v-2", "v-5"]],
    [{ rule: "encrypted_comment_regex", pattern: "seal" }, ["v-5"]],
    [{ rule: "unencrypted_comment_regex", pattern: "seal" }, ["v-1", "v-2", "v-3", "v-4"]],
  ])("%j", async (rule, expected) => {
    expect(await sealedWith(rule)).toEqual(expected);
    expect(await sealedWith(rule, true)).toEqual(expected);
  });

  test("writes the rule into the block, the default one too, and none into binary files", async () => {
    expect(await sealedText("yaml", "a: b\n")).toContain("\n    unencrypted_suffix: _unencrypted\n");
    const rule: SelectionRule = { rule: "encrypted_regex", pattern: "^a$" };
    const text = await sealedText("yaml", "a: b\n", { selection: rule });
    expect(text).toContain("\n    encrypted_regex: ^a$\n");
    expect(text).not.toContain("unencrypted_suffix");
    const file = await sealedText("binary", "a", { selection: rule, macOnlyEncrypted: true });
    expect(file).not.toMatch(/regex|suffix|mac_only/);
  });

  test("refuses an empty pattern, which a file cannot hold", async () => {
    for (const rule of selectionKinds) {
      const error = await failure(() => sealed("yaml", source, { selection: { rule, pattern: "" } }));
      expect(error.code).toBe("CONFIG_MALFORMED");
    }
  });

  test("refuses a pattern that does not compile", async () => {
    const error = await failure(() => sealed("yaml", source, { selection: { rule: "encrypted_regex", pattern: "(" } }));
    expect(error.code).toBe("CONFIG_MALFORMED");
  });

  test("seals no comment whose envelope would hit the rule that leaves comments clear", async () => {
    const selection: SelectionRule = { rule: "unencrypted_comment_regex", pattern: "ENC" };
    const error = await failure(() => sealed("yaml", "# note\na: b\n", { selection }));
    expect(error.code).toBe("INPUT_UNSUPPORTED_VALUE");
  });

  test("does not seal one value at one place and show it at another", async () => {
    for (const text of [
      `a: &x ${SECRET}\nb_unencrypted: *x\n`,
      `a_unencrypted: &x ${SECRET}\nb: *x\n`,
      `a: &x {y: ${SECRET}}\nb_unencrypted: [*x]\n`,
    ]) {
      const error = await failure(() => sealed("yaml", text));
      expect(error.code).toBe("INPUT_MALFORMED");
      expect(error.details.line).toBe(2);
      expectDiscreet(error, SECRET);
    }
  });

  test("in mac_only_encrypted files clear values may change, in others not", async () => {
    const plain = "a: b\nc_unencrypted: 1\n";
    const strict = await sealedText("yaml", plain);
    const loose = await sealedText("yaml", plain, { macOnlyEncrypted: true });
    const changed = (text: string): string => text.replace("c_unencrypted: 1", "c_unencrypted: 2");
    expect((await failure(() => openedText("yaml", changed(strict)))).code).toBe("INTEGRITY_MAC");
    expect(await openedText("yaml", changed(loose))).toBe("a: b\nc_unencrypted: 2\n");
    // Nor can one kind of file pass for the other.
    const posing = loose.replace("    mac_only_encrypted: true\n", "");
    expect((await failure(() => openedText("yaml", posing))).code).toBe("INTEGRITY_MAC");
  });
});

test("the data key is 32 bytes, and another one for each file", async () => {
  const keyOf = async (text: string): Promise<Uint8Array> =>
    unwrapDataKey(metadataOf(await parsed("yaml", text)).keyGroups, hostA);
  const one = await keyOf(await sealedText("yaml", "a: b\n"));
  expect(one.length).toBe(32);
  expect(await keyOf(await sealedText("yaml", "a: b\n"))).not.toEqual(one);
});

/** How the command line ends for this file, and what it says. */
async function ranOn(format: FormatId, source: string | Uint8Array): Promise<{ status: number; stderr: string }> {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "plain"), source);
  const env = { SOPS_AGE_RECIPIENTS: RECIPIENT_A };
  const { status, stdout, stderr } = await runWith({ cwd, env }, "--type", format, "plain");
  expect(stdout).toBe("");
  return { status, stderr };
}

/** Deep nesting that a parser may choke on. */
const deep = (open: string, close: string, middle = ""): string => open.repeat(10_000) + middle + close.repeat(10_000);
const steps = Array.from({ length: 10_000 }, (_, i) => `${" ".repeat(i)}a:\n`).join("");
const bomb = `a: &a [${SECRET}, x, x, x, x, x, x, x, x]\n${[..."bcdefghi"]
  .map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcdefghi"[i]}`).join(", ")}]\n`)
  .join("")}`;

const refused: [what: string, format: FormatId, source: string | Uint8Array, code: ErrorCode, line: number | null][] = [
  ["not UTF-8", "yaml", Buffer.from(`a: ${SECRET}\nb: \xff\n`, "latin1"), "INPUT_UNSUPPORTED", 2],
  ["not UTF-8", "json", Buffer.from(`{"a": "${SECRET}",\n"b": "\xff"}`, "latin1"), "INPUT_UNSUPPORTED", 2],
  ["not UTF-8", "dotenv", Buffer.from(`A=${SECRET}\nB=\xff\n`, "latin1"), "INPUT_UNSUPPORTED", 2],
  ["not UTF-8", "ini", Buffer.from(`a=${SECRET}\nb=\xff\n`, "latin1"), "INPUT_UNSUPPORTED", 2],
  ["UTF-16", "yaml", Buffer.from(`\ufeffa: ${SECRET}\n`, "utf16le"), "INPUT_UNSUPPORTED", 1],
  ["not parsable", "yaml", `a: ${SECRET}\nb: [${SECRET}\nc: d\n`, "INPUT_MALFORMED", 3],
  ["a tab for indentation", "yaml", `a:\n\t- ${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["an unclosed quote", "yaml", `a: "${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["an unknown escape", "yaml", `a: "\\q${SECRET}"\n`, "INPUT_MALFORMED", 1],
  ["text behind a quote", "yaml", `a: 'x' ${SECRET}\n`, "INPUT_MALFORMED", 1],
  ["an alias of nothing", "yaml", `a: ${SECRET}\nb: *c\n`, "INPUT_MALFORMED", 2],
  ["an alias of itself", "yaml", `a: ${SECRET}\nb: &b [*b]\n`, "INPUT_MALFORMED", 2],
  ["a tag that does not fit", "yaml", `a: !!int ${SECRET}\n`, "INPUT_MALFORMED", 1],
  ["a merge of a value", "yaml", `a: {<<: ${SECRET}}\n`, "INPUT_MALFORMED", 1],
  ["a directive that sops refuses", "yaml", `%FOO bar\n---\na: ${SECRET}\n`, "INPUT_MALFORMED", 1],
  ["not parsable", "json", `{"a": "${SECRET}",\n  "b": }`, "INPUT_MALFORMED", 2],
  ["single quotes", "json", `{\n'a': '${SECRET}'}`, "INPUT_MALFORMED", 2],
  ["a comma at the end", "json", `{"a": "${SECRET}",}`, "INPUT_MALFORMED", 1],
  ["a comment", "json", `{\n// ${SECRET}\n"a": 1}`, "INPUT_MALFORMED", 2],
  ["cut short", "json", `{"a": "${SECRET}"`, "INPUT_MALFORMED", 1],
  ["more behind the end", "json", `{"a": "${SECRET}"}\n{}`, "INPUT_MALFORMED", 2],
  ["a number out of range", "json", `{"a": "${SECRET}",\n"b": 1e999}`, "INPUT_UNSUPPORTED", 2],
  ["no equals sign", "dotenv", `A=1\n${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["no delimiter", "ini", `[a]\n${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["an unclosed section", "ini", `a=${SECRET}\n[b\n`, "INPUT_MALFORMED", 2],
  ["nothing", "yaml", "", "INPUT_EMPTY", null],
  ["only a byte order mark", "yaml", "\ufeff\n", "INPUT_EMPTY", null],
  ["only comments", "yaml", `# ${SECRET}\n`, "INPUT_NO_DOCUMENT", null],
  [
    "two quotes before a line that is indented too little",
    "yaml",
    `k:\n  - 'a''\n  - ${SECRET}''x'\n`,
    "INPUT_MALFORMED",
    2,
  ],
  [
    "an escaped quote before a line that is indented too little",
    "yaml",
    `k:\n  - "a\\"\n  - ${SECRET}\\"x"\n`,
    "INPUT_MALFORMED",
    2,
  ],
  ["an escape of half a character", "yaml", `a: ${SECRET}\nb: "\\ud831x"\n`, "INPUT_MALFORMED", 2],
  [
    "a clear escape of a character in two halves",
    "yaml",
    `a: ${SECRET}\nb_unencrypted: "\\ud83d\\ude00"\n`,
    "INPUT_MALFORMED",
    2,
  ],
  ["nothing", "json", "", "INPUT_MALFORMED", 1],
  ["a comment behind the tag of the whole document", "yaml", `--- !x # c\n[${SECRET}]\n`, "INPUT_UNSUPPORTED", 1],
  ["null at the top", "json", "null", "INPUT_NOTHING_TO_ENCRYPT", null],
  ["a lone carriage return", "yaml", `a: b\nc: ${SECRET}\rd: e\n`, "INPUT_MALFORMED", 2],
  ["a tab behind a dash", "yaml", `a:\n  -\t${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["a tab behind the colon of a long key", "yaml", `? a\n:\t${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["a key that is a number", "yaml", `a: ${SECRET}\n1: b\n`, "INPUT_UNSUPPORTED_VALUE", 2],
  ["a key that is a boolean", "yaml", `true: ${SECRET}\n`, "INPUT_UNSUPPORTED_VALUE", 1],
  ["a key that is null", "yaml", `~: ${SECRET}\n`, "INPUT_UNSUPPORTED_VALUE", 1],
  ["a key that is a date", "yaml", `2001-12-14: ${SECRET}\n`, "INPUT_UNSUPPORTED_VALUE", 1],
  ["a key that is a mapping", "yaml", `a: 1\n? {b: c}\n: ${SECRET}\n`, "INPUT_MALFORMED", 2],
  ["a key that is there twice", "yaml", `a: ${SECRET}\nb: 1\na: 2\n`, "INPUT_MALFORMED", 3],
  ["a key that an alias repeats twice", "yaml", `a: &x ${SECRET}\n*x : 1\n*x : 2\n`, "INPUT_MALFORMED", 3],
  [
    "a comment in a block that has not ended",
    "yaml",
    `k: |\n  foo:\n# ${SECRET}\n     x\n  y\nl: v\n`,
    "INPUT_MALFORMED",
    3,
  ],
  ["text behind a section header", "ini", `a=1\n[s] ${SECRET}\nb=2\n`, "INPUT_MALFORMED", 2],
  ["a line separator in a key", "yaml", `a: ${SECRET}\n"b\u2028": c\n`, "INPUT_MALFORMED", 2],
  ["a colon before a comma", "yaml", `a:\n  [${SECRET}:, b]\n`, "INPUT_MALFORMED", 2],
  ["a line of tabs", "yaml", `a: ${SECRET}\nb:\n\t\n`, "INPUT_MALFORMED", 3],
  ["a comment behind a tab", "yaml", `a: ${SECRET}\n\t# c\nb: c\n`, "INPUT_MALFORMED", 2],
  ["an integer beyond 64 bits", "yaml", `a: ${SECRET}\nb: 18446744073709551615\n`, "INPUT_UNSUPPORTED_VALUE", 2],
  ["an integer beyond 64 bits, in hex", "yaml", "a: 0xFFFFFFFFFFFFFFFF\n", "INPUT_UNSUPPORTED_VALUE", 1],
  ["NUL", "yaml", `a: ${SECRET}\nb: "\0"\n`, "INPUT_MALFORMED", 2],
  ["NUL", "json", `{"a": "${SECRET}",\n"b": "\0"}`, "INPUT_MALFORMED", 2],
  ["10,000 levels of blocks", "yaml", `${steps}${" ".repeat(10_000)}${SECRET}\n`, "INPUT_UNSUPPORTED", null],
  ["10,000 levels of flow lists", "yaml", `a: ${deep("[", "]", SECRET)}\n`, "INPUT_UNSUPPORTED", null],
  ["10,000 levels of flow mappings", "yaml", `a: ${deep("{a: ", "}", SECRET)}\n`, "INPUT_UNSUPPORTED", null],
  ["10,000 levels of list items", "yaml", `a:\n${"- ".repeat(10_000)}${SECRET}\n`, "INPUT_UNSUPPORTED", null],
  ["10,000 levels, unclosed", "yaml", `a: ${"[".repeat(10_000)}${SECRET}`, "INPUT_UNSUPPORTED", null],
  ["10,000 levels of lists", "json", `{"a": ${deep("[", "]", `"${SECRET}"`)}}`, "INPUT_UNSUPPORTED", null],
  ["10,000 levels of objects", "json", deep('{"a":', "}", `"${SECRET}"`), "INPUT_UNSUPPORTED", null],
  ["10,000 levels, unclosed", "json", `{"a": ${"[".repeat(10_000)}"${SECRET}`, "INPUT_UNSUPPORTED", null],
  ["an alias bomb", "yaml", bomb, "INPUT_UNSUPPORTED", null],
  ["a sops key", "yaml", `a: ${SECRET}\nsops: ${SECRET}\n`, "INPUT_ALREADY_ENCRYPTED", null],
  ["a sops mapping", "yaml", `a: ${SECRET}\nsops: {b: ${SECRET}}\n`, "INPUT_ALREADY_ENCRYPTED", null],
  ["a sops key in a later document", "yaml", `a: ${SECRET}\n---\nsops: {b: 1}\n`, "INPUT_ALREADY_ENCRYPTED", null],
  ["a sops key", "json", `{"a": "${SECRET}", "sops": {}}`, "INPUT_ALREADY_ENCRYPTED", null],
  ["a sops key that is a text", "json", `{"a": "${SECRET}", "sops": "x"}`, "INPUT_ALREADY_ENCRYPTED", null],
  ["a sops_ variable", "dotenv", `A=${SECRET}\nsops_x=1\n`, "INPUT_ALREADY_ENCRYPTED", null],
  ["a sops section", "ini", `a=${SECRET}\n[sops]\nb=1\n`, "INPUT_ALREADY_ENCRYPTED", null],
  ["no values", "yaml", "a: {}\nb: []\nc: ''\nd:\n", "INPUT_NOTHING_TO_ENCRYPT", null],
  ["no values", "json", "{}", "INPUT_NOTHING_TO_ENCRYPT", null],
  ["only clear values", "yaml", `a_unencrypted: ${SECRET}\n`, "INPUT_NOTHING_TO_ENCRYPT", null],
  ["nothing", "dotenv", "", "INPUT_NOTHING_TO_ENCRYPT", null],
  ["nothing", "ini", "", "INPUT_NOTHING_TO_ENCRYPT", null],
  ["nothing", "binary", "", "INPUT_NOTHING_TO_ENCRYPT", null],
];

describe("bad input", () => {
  test.each(refused)("%s (%s)", async (_, format, source, code, line) => {
    const start = performance.now();
    const error = await failure(() => sealed(format, source));
    expect(error.code).toBe(code);
    if (line !== null) expect(error.details.line).toBe(line);
    if (code === "INPUT_MALFORMED" && line !== null) expect(error.details.column).toBeGreaterThan(0);
    expectDiscreet(error, SECRET);
    expect(performance.now() - start).toBeLessThan(5000);

    const ran = await ranOn(format, source);
    expect(ran.status).toBe(exitStatus(code, "encrypt"));
    expect(ran.stderr).not.toContain(SECRET);
  });

  test.each(["yaml", "json", "dotenv", "ini", "binary"] as const)("what is encrypted already (%s)", async (format) => {
    const plain = { yaml: "a: b\n", json: '{"a":"b"}', dotenv: "A=b\n", ini: "a=b\n", binary: "a" }[format];
    const text = await sealedText(format, plain);
    expect((await failure(() => sealed(format, text))).code).toBe("INPUT_ALREADY_ENCRYPTED");
  });

  test("no recipients", async () => {
    for (const keyGroups of [[], [[]]]) {
      expect((await failure(() => sealed("yaml", "a: b\n", { keyGroups }))).code).toBe("KEY_NO_RECIPIENT");
    }
  });
});

test("overwrites the data key when there is no result", async () => {
  const filled: Uint8Array[] = [];
  const fillRandom = (bytes: Uint8Array): void => {
    bytes.fill(7);
    filled.push(bytes);
  };
  const broken: KeyProvider = {
    ...(age as KeyProvider),
    wrap: async () => {
      throw new KeyleafError("PROVIDER_FAILED", "out of reach");
    },
  };
  const keyGroups = [[{ provider: broken, recipient: age.fromText(RECIPIENT_A, {})[0] }]];
  const failing = encrypt(Buffer.from("a: b\n"), { format: "yaml", keyGroups }, { ...hostA, fillRandom });
  await expect(failing).rejects.toMatchObject({ code: "KEY_WRAP_FAILED" });
  expect(filled[0]).toEqual(new Uint8Array(32));
});

test.each([
  ['A=b\nK="MIIabc\nTAIL==\nB=2\n', 2],
  ["K='x\n", 1],
  ["K= `x\nB=`y\n", 1],
  ['K="a\nb"\n', null],
  ['K="a"\nL=it"s\nM=""\n', null],
])("a quote in dotenv that is not closed is said: %j", async (source, line) => {
  const { notices } = await sealed("dotenv", source);
  expect(notices).toEqual(
    line === null ? [] : [expect.stringMatching(new RegExp(`^line ${line}: a quote that is not closed`))],
  );
});
