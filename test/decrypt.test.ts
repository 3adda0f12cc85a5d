import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exitStatus } from "../src/cli/exit-status.ts";
import { open } from "../src/crypto/cipher.ts";
import { unwrapDataKey } from "../src/crypto/data-key.ts";
import { type EncryptedValue, formatEncryptedValue, parseEncryptedValue } from "../src/crypto/encrypted-value.ts";
import { decrypt, metadataOf, openText } from "../src/decrypt.ts";
import type { ErrorCode } from "../src/errors.ts";
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
  hostB,
  IDENTITY_A,
  IDENTITY_B,
  openedText,
  RECIPIENT_A,
  RECIPIENT_B,
  sealed,
  sealedText,
  textOf,
  VECTOR_DATA_KEY,
} from "./support/sealing.ts";

function fixture(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "../fixtures/formats", name));
}

describe("a source", () => {
  test("stays as it is, unless it is given away", async () => {
    const text = `a: ${"b".repeat(20_000)}\n`;
    const source = Uint8Array.from((await sealed("yaml", text)).output);
    const copy = Uint8Array.from(source);
    await decrypt(source, { format: "yaml" }, hostA);
    expect(source).toEqual(copy);
    const { output } = await decrypt(source, { format: "yaml", transfer: true }, hostA);
    expect(textOf(output)).toBe(text);
    expect(source).toHaveLength(0);
  });

  test("that is part of something larger stays in any case", async () => {
    const { output: whole } = await sealed("yaml", "a: b\n");
    const larger = Buffer.concat([whole, Buffer.from("more")]);
    const source = new Uint8Array(larger.buffer, larger.byteOffset, whole.length);
    await decrypt(source, { format: "yaml", transfer: true }, hostA);
    expect(larger).toEqual(Buffer.concat([whole, Buffer.from("more")]));
  });
});

/** The plaintext for a known data key, and the digest that was checked. */
async function openedWith(format: FormatId, source: Uint8Array, dataKey: Uint8Array) {
  const doc = await parsed(format, source);
  const { digest, notices, text } = await openText(doc, metadataOf(doc), await formatOf(format), dataKey, {});
  return { digest, notices, text: textOf(await text()) };
}

// In JSON there is no way to write it.
test("what cannot be written is an error only once the MAC has been checked", async () => {
  const text = await sealedText("yaml", "a: .nan\nb: c\n", { outputFormat: "json" });
  expect((await failure(() => openedText("json", text))).code).toBe("OUTPUT_UNREPRESENTABLE");
  const cut = text.replace(/\s*"b": "ENC[^"]*",/, "");
  expect(cut).not.toBe(text);
  expect((await failure(() => openedText("json", cut))).code).toBe("INTEGRITY_MAC");
});

describe("what should be known", () => {
  test("that another format has room for one document only", async () => {
    const { output } = await sealed("yaml", "a: b\n---\nc: d\n");
    const { notices } = await decrypt(output, { format: "yaml", outputFormat: "json" }, hostA);
    expect(notices.join()).toContain("first of 2 documents");
  });

  test("that bytes are lost in text", async () => {
    const { output } = await sealed("yaml", "a: !!binary gICA\n");
    expect((await decrypt(output, { format: "yaml", outputFormat: "json" }, hostA)).notices).toHaveLength(1);
    expect((await decrypt(output, { format: "yaml" }, hostA)).notices).toEqual([]);
  });

  test("that the record of spellings was changed", async () => {
    const text = await sealedText("yaml", "a: 0x1F\n");
    const broken = text.replace(/(?<=spelling: ENC\[AES256_GCM,data:)./, (first) => (first === "A" ? "B" : "A"));
    const { output, notices } = await decrypt(Buffer.from(broken), { format: "yaml" }, hostA);
    expect(Buffer.from(output).toString()).toBe("a: 31\n");
    expect(notices.join()).toContain("sops.keyleaf.spelling");
  });
});

describe("complete files of the reference", () => {
  const vectors: [format: FormatId, file: string, plain: string, digest: string][] = [
    ["yaml", "yaml/vector.enc.yaml", "yaml/vector.plain.yaml", "27831180491903C14DFCAC5D704924A8"],
    ["json", "json/vector.enc.json", "json/vector.plain.json", "2EC65E33DFBF4AD7107C5C9E8A6A74D2"],
    ["dotenv", "dotenv/vector.enc.env", "dotenv/vector.plain.env", "0CCA614D5B1F0BC5D3E306CE5BD7714A"],
    ["ini", "ini/vector.enc.ini", "ini/vector.plain.ini", "47F57B48E0E60E2F3E45DA2F99096AFC"],
    ["binary", "binary/vector.enc.bin", "binary/vector.plain.bin", "4D5A37B7747239742837B46B0FD77261"],
  ];

  /** JSON without its layout, INI without its alignment: the reference does not keep them. */
  const comparable = (format: FormatId, text: string): string => {
    if (format === "json") return text.replace(/\s/g, "");
    return format === "ini" ? text.replace(/ *= */g, "=") : text;
  };

  test.each(vectors)("%s, with identity A", async (format, file, plain) => {
    const { output, notices } = await decrypt(fixture(file), { format }, hostA);
    expect(comparable(format, textOf(output))).toBe(comparable(format, textOf(fixture(plain))));
    if (format === "binary") expect(output).toEqual(fixture(plain));
    expect(notices).toEqual([]);
  });

  test.each(vectors)("%s, with the data key: %s", async (format, file, _, digest) => {
    const opened = await openedWith(format, fixture(file), VECTOR_DATA_KEY);
    expect(opened.digest.slice(0, 32)).toBe(digest);
    expect(opened.digest).toHaveLength(128);
    const doc = await parsed(format, fixture(file));
    expect(Buffer.from(await unwrapDataKey(metadataOf(doc).keyGroups, hostA))).toEqual(Buffer.from(VECTOR_DATA_KEY));
    // What is stored is that digest, sealed under the time.
    const mac = parseEncryptedValue(metadataOf(doc).mac) as EncryptedValue;
    expect(textOf(open(mac, VECTOR_DATA_KEY, "2025-01-02T03:04:05Z") ?? Buffer.alloc(0))).toBe(opened.digest);
  });

  test("groups, two documents, a suffix and mac_only_encrypted", async () => {
    const { digest, text } = await openedWith("yaml", fixture("yaml/groups.enc.yaml"), VECTOR_DATA_KEY);
    expect(digest.slice(0, 32)).toBe("E73D6D98DF674590E8873A0A0C85E14A");
    expect(text).toBe("pw_secret: hunter2\nname: demo\n---\npw_secret:\n    - 1\n    - two\n");
    const error = await failure(() => decrypt(fixture("yaml/groups.enc.yaml"), { format: "yaml" }, hostA));
    expect(error.code).toBe("KEY_UNAVAILABLE");
  });

  test.each<[string, FormatId, string, string, string]>([
    [
      "3.6.1",
      "yaml",
      "yaml/old-3.6.1.enc.yaml",
      "61bec946f5783fd4cea3d1b1ce407fce2b6e81fc301cc539c422015e27f6d1be",
      "# first comment in file\nlorem: ipsum\n# this-is-a-comment\ndolor: sit\n",
    ],
    [
      "3.13.1",
      "ini",
      "ini/old-3.13.1.enc.ini",
      "ce46fd76883106d55913ff2207e160bbeac65a71d6e1cf84c510614bed6f8ccd",
      "[foo]\nbar = baz\n",
    ],
    [
      "3.13.1",
      "dotenv",
      "dotenv/old-3.13.1.enc.env",
      "322d9a97997823fb2bf42f55a6c26100cbaf0520cf88bb7ebee1cf47dd6d318d",
      "foo = bar\n",
    ],
  ])("of %s, %s", async (_, format, file, dataKey, plain) => {
    expect((await openedWith(format, fixture(file), Buffer.from(dataKey, "hex"))).text).toBe(plain);
  });
});

const PLAIN =
  "a: canary-alpha\nb:\n  c: canary-gamma\nl:\n  - canary-one\n  - canary-two\nn: 42\ne: ''\nz_unencrypted: clear\n";
const PLANTED = ["canary-alpha", "canary-gamma", "canary-one", "canary-two"];
const text = await sealedText("yaml", PLAIN);

/** The envelope that stands behind `before` in a sealed text. */
function envelopeBehind(source: string, before: string): string {
  const start = source.indexOf(before) + before.length;
  return source.slice(start, source.indexOf("]", start) + 1);
}

const A = envelopeBehind(text, "a: ");
const C = envelopeBehind(text, "c: ");
const ONE = envelopeBehind(text, "  - ");
const N = envelopeBehind(text, "n: ");
const MAC = envelopeBehind(text, "mac: ");

/** The same envelope with other parts. */
function withParts(envelope: string, change: (value: EncryptedValue) => Partial<EncryptedValue>): string {
  const value = parseEncryptedValue(envelope) as EncryptedValue;
  const changed = { ...value, ...change(value) };
  return formatEncryptedValue(changed, changed.type);
}

function bitFlipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
}

function cut(source: string, pattern: RegExp): string {
  const rest = source.replace(pattern, "");
  if (rest === source) throw new Error(`nothing to cut: ${pattern}`);
  return rest;
}

const other = await sealedText("yaml", PLAIN);
const otherTag = withParts(A, ({ tag }) => ({ tag: tag.subarray(0, 15) }));

const changed: [what: string, source: string, code: ErrorCode, line: number | null][] = [
  [
    "a bit of data",
    text.replace(
      A,
      withParts(A, ({ data }) => ({ data: bitFlipped(data) })),
    ),
    "INTEGRITY_TAG",
    1,
  ],
  [
    "a bit of iv",
    text.replace(
      A,
      withParts(A, ({ iv }) => ({ iv: bitFlipped(iv) })),
    ),
    "INTEGRITY_TAG",
    1,
  ],
  [
    "a bit of tag",
    text.replace(
      A,
      withParts(A, ({ tag }) => ({ tag: bitFlipped(tag) })),
    ),
    "INTEGRITY_TAG",
    1,
  ],
  [
    "a tag of 4 bytes",
    text.replace(
      A,
      withParts(A, ({ tag }) => ({ tag: tag.subarray(0, 4) })),
    ),
    "INTEGRITY_TAG",
    1,
  ],
  ["a tag of 15 bytes", text.replace(A, otherTag), "INTEGRITY_TAG", 1],
  ["an envelope cut short", text.replace(A, A.slice(0, 50)), "INTEGRITY_TAG", 1],
  ["an envelope without its bracket", text.replace(A, A.slice(0, -1)), "INTEGRITY_TAG", 1],
  ["text behind an envelope", text.replace(A, `${A}x`), "INTEGRITY_TAG", 1],
  ["a blank before an envelope", text.replace(A, `" ${A}"`), "INTEGRITY_TAG", 1],
  ["base64 without its padding", text.replace(A, A.replace("==,type", ",type")), "INTEGRITY_TAG", 1],
  ["another algorithm", text.replace(A, A.replace("AES256_GCM", "AES128_GCM")), "INTEGRITY_TAG", 1],
  ["an unknown type", text.replace(A, A.replace("type:str", "type:list")), "INTEGRITY_TAG", 1],
  ["a type that does not fit", text.replace(A, A.replace("type:str", "type:int")), "INTEGRITY_TAG", 1],
  ["a comment in place of a value", text.replace(A, A.replace("type:str", "type:comment")), "INTEGRITY_TAG", 1],
  ["a plain text in place of an envelope", text.replace(A, PLANTED[0] as string), "INTEGRITY_TAG", 1],
  ["a number in place of an envelope", text.replace(N, "42"), "INTEGRITY_TAG", 7],
  ["a boolean in place of an envelope", text.replace(N, "true"), "INTEGRITY_TAG", 7],
  ["a date in place of an envelope", text.replace(N, "2001-02-03"), "INTEGRITY_TAG", 7],
  ["a mapping in place of an envelope", text.replace(N, "{x: 1}"), "INTEGRITY_TAG", 7],
  ["a list in place of an envelope", text.replace(N, "[1]"), "INTEGRITY_TAG", 7],
  ["a MAC that is a number", text.replace(MAC, "5"), "INTEGRITY_MAC", null],
  ["a MAC that is a list", text.replace(MAC, "[5]"), "INPUT_METADATA", null],
  ["a wrapped key that is a number", text.replace(/enc: \|\n(?: {12}.*\n)+/, "enc: 5\n"), "KEY_UNAVAILABLE", null],
  ["a moved envelope", text.replace(C, A), "INTEGRITY_TAG", 3],
  ["two swapped envelopes", text.replace(A, "X").replace(C, A).replace("X", C), "INTEGRITY_TAG", 1],
  ["an envelope of another file", text.replace(A, envelopeBehind(other, "a: ")), "INTEGRITY_TAG", 1],
  ["a renamed key", text.replace("a: ENC", "aa: ENC"), "INTEGRITY_TAG", 1],
  ["a repeated list element", text.replace(`  - ${ONE}\n`, `  - ${ONE}\n  - ${ONE}\n`), "INTEGRITY_MAC", null],
  ["a removed list element", text.replace(`  - ${ONE}\n`, ""), "INTEGRITY_MAC", null],
  ["a removed value", text.replace(`a: ${A}\n`, ""), "INTEGRITY_MAC", null],
  ["an emptied value", text.replace(A, "''"), "INTEGRITY_MAC", null],
  ["a value made null", text.replace(A, "~"), "INTEGRITY_MAC", null],
  ["values in another order", cut(text, /^a: .*\n/).replace("n: ", `a: ${A}\nn: `), "INTEGRITY_MAC", null],
  ["a changed clear value", text.replace("clear", "open"), "INTEGRITY_MAC", null],
  ["an added clear value", text.replace("z_unencrypted", "y_unencrypted: 1\nz_unencrypted"), "INTEGRITY_MAC", null],
  ["no MAC", cut(text, /^ {4}mac: .*\n/m), "INTEGRITY_MAC", null],
  ["an empty MAC", text.replace(MAC, "''"), "INTEGRITY_MAC", null],
  ["a MAC that is no envelope", text.replace(MAC, "x"), "INTEGRITY_MAC", null],
  ["the MAC of another file", text.replace(MAC, envelopeBehind(other, "mac: ")), "INTEGRITY_MAC", null],
  ["a value in place of the MAC", text.replace(MAC, A), "INTEGRITY_MAC", null],
  ["the MAC in place of a value", text.replace(A, MAC), "INTEGRITY_TAG", 1],
  [
    "a bit of the MAC",
    text.replace(
      MAC,
      withParts(MAC, ({ data }) => ({ data: bitFlipped(data) })),
    ),
    "INTEGRITY_MAC",
    null,
  ],
  ["another lastmodified", text.replace("03:04:05Z", "03:04:06Z"), "INTEGRITY_MAC", null],
  [
    "the block of another file",
    text.slice(0, text.indexOf("sops:")) + other.slice(other.indexOf("sops:")),
    "INTEGRITY_TAG",
    1,
  ],
  [
    "no rule, where another one than the default was",
    (await looselyRuled()).replace(/^ {4}encrypted_regex: .*\n/m, "    unencrypted_suffix: x\n"),
    "INTEGRITY_TAG",
    2,
  ],
  ["no block", text.slice(0, text.indexOf("sops:")), "INPUT_NOT_ENCRYPTED", null],
  ["a block that is a text", `${text.slice(0, text.indexOf("sops:"))}sops: x\n`, "INPUT_METADATA", null],
  ["a block that is null", `${text.slice(0, text.indexOf("sops:"))}sops:\n`, "INPUT_METADATA", null],
  ["an empty block", `${text.slice(0, text.indexOf("sops:"))}sops: {}\n`, "INPUT_METADATA", null],
  ["no lastmodified", cut(text, /^ {4}lastmodified: .*\n/m), "INPUT_METADATA", null],
  ["no version", cut(text, /^ {4}version: .*\n/m), "INPUT_METADATA", null],
  ["no keys", cut(text, /^ {4}age:\n(?: {8}.*\n)+/m), "INPUT_METADATA", null],
  ["two rules", text.replace("    version", "    encrypted_regex: a\n    version"), "INPUT_METADATA", null],
  ["only keys of a type that is not supported", text.replace(/^ {4}age:$/m, "    hckms:"), "KEY_UNAVAILABLE", null],
  ["a broken wrapped key", text.replace(/^( {12}YWdl.*)$/m, "            x"), "KEY_UNAVAILABLE", null],
  ["a key that is there twice", `a: 1\n${text}`, "INPUT_MALFORMED", 2],
  ["a file cut short", text.slice(0, text.indexOf("mac:") + 40), "INTEGRITY_TAG", 9],
  ["a merge conflict", text.replace("n: ", "<<<<<<< ours\nn: "), "INPUT_MALFORMED", null],
  ["nothing", "", "INPUT_EMPTY", null],
];

async function looselyRuled(): Promise<string> {
  return sealedText("yaml", "a: b\nc: d\n", { selection: { rule: "encrypted_regex", pattern: "^a$" } });
}

/** How the command line ends for this file, and what it says. */
async function ranOn(source: string | Uint8Array, env: Record<string, string>) {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "sealed.yaml"), source);
  return runWith({ cwd, env, program: "dec" }, "sealed.yaml");
}

describe("what was changed", () => {
  test.each(changed)("%s", async (_, source, code, line) => {
    expect(source).not.toBe(text);
    const error = await failure(() => openedText("yaml", source));
    expect(error.code).toBe(code);
    if (line !== null) expect(error.details.line).toBe(line);
    expectDiscreet(error, ...PLANTED, IDENTITY_A);

    const ran = await ranOn(source, { SOPS_AGE_KEY: IDENTITY_A });
    expect(ran.status).toBe(exitStatus(code, "decrypt"));
    expect(ran.stdout).toBe("");
    for (const value of [...PLANTED, IDENTITY_A]) expect(ran.stderr).not.toContain(value);
  });

  test("a key type that nobody knows is as good as none", async () => {
    const error = await failure(() => openedText("yaml", text.replace(/^ {4}age:$/m, "    scytale:")));
    expect(error.code).toBe("INPUT_METADATA");
  });

  test.each<[FormatId, (source: string) => string, ErrorCode]>([
    ["json", (source) => source.replace(/"sops":/, '"sops": {}, "sops":'), "INPUT_METADATA"],
    ["json", (source) => source.replace(/"sops": *\{/, '"sops": [], "x": {'), "INPUT_METADATA"],
    ["json", (source) => source.slice(0, -20), "INPUT_MALFORMED"],
    ["json", (source) => source.replace('"a"', '"a": 1, "a"'), "INTEGRITY_TAG"],
    ["json", (source) => source.replace(/("mac": *)"[^"]*"/, "$1null"), "INTEGRITY_MAC"],
    ["ini", (source) => `${source}\n[sops]\nversion = 3.13.2\n`, "INPUT_METADATA"],
    ["ini", (source) => source.replace("[sops]", "[soaps]"), "INPUT_NOT_ENCRYPTED"],
    ["ini", (source) => source.replace(/^mac .*\n/m, ""), "INTEGRITY_MAC"],
    ["dotenv", (source) => `${source}sops_version=3.13.2\n`, "INPUT_METADATA"],
    ["dotenv", (source) => source.replaceAll("age__list_0__", "age__list_1__"), "INPUT_METADATA"],
    ["dotenv", (source) => source.replace("sops_age__list_0__map_enc", "sops_age"), "INPUT_METADATA"],
    ["dotenv", (source) => source.replaceAll("\n", "\r\n"), "INPUT_METADATA"],
    ["dotenv", (source) => source.replace(/^a=(.*)$/m, 'a="$1"'), "INTEGRITY_TAG"],
    ["binary", (source) => source.replace('"data"', '"date"'), "INPUT_NOT_ENCRYPTED"],
    ["binary", (source) => source.replace(/"data": "[^"]*"/, '"data": ""'), "INTEGRITY_MAC"],
  ])("%s: change %#", async (format, change, code) => {
    const plain = {
      yaml: "",
      json: '{"a":"canary-x"}',
      dotenv: "a=canary-x\n",
      toml: "",
      ini: "a=canary-x\n",
      binary: "canary-x",
    };
    const whole = await sealedText(format, plain[format]);
    const source = change(whole);
    expect(source).not.toBe(whole);
    const error = await failure(() => openedText(format, source));
    expect(error.code).toBe(code);
    expectDiscreet(error, "canary-x");
  });
});

describe("what may change", () => {
  test.each<[what: string, source: string]>([
    ["the block's place", text.slice(text.indexOf("sops:")) + text.slice(0, text.indexOf("sops:"))],
    ["names of fields in the block", text.replace("    mac:", "    MAC:").replace("    version:", "    Version:")],
    ["unknown fields in the block", text.replace("    mac:", "    attention: x\n    mac:")],
    ["comments in the block", text.replace("    mac:", "    # x\n    mac:")],
    ["the fraction of lastmodified", text.replace("03:04:05Z", "03:04:05.999+00:00")],
    ["the name of the recipient", text.replace(RECIPIENT_A, RECIPIENT_B)],
    ["the quotes around an envelope", text.replace(A, `"${A}"`)],
    ["the style of an envelope", text.replace(A, `|-\n  ${A}`)],
  ])("%s", async (_, source) => {
    expect(source).not.toBe(text);
    const opened = await openedText("yaml", source);
    expect((await parsed("yaml", opened)).roots[0]?.members).toHaveLength(6);
    for (const value of PLANTED) expect(opened).toContain(value);
  });

  test("empty and null values, which nothing protects", async () => {
    expect(await openedText("yaml", text.replace("e: ''\n", ""))).toBe(PLAIN.replace("e: ''\n", ""));
    expect(await openedText("yaml", text.replace("e: ''\n", "e: ''\nf:\n"))).toBe(
      PLAIN.replace("e: ''\n", "e: ''\nf:\n"),
    );
  });

  test("comments, with a notice", async () => {
    const commented = await sealedText("yaml", "# canary-note\na: b\n");
    const opened = await decrypt(bytesOf(`# clear\n${commented}`), { format: "yaml" }, hostA);
    expect(textOf(opened.output)).toBe("# clear\n# canary-note\na: b\n");
    expect(opened.notices).toHaveLength(1);
    const envelope = envelopeBehind(commented, "#");
    const broken = withParts(envelope, ({ data }) => ({ data: bitFlipped(data) }));
    const half = await decrypt(bytesOf(commented.replace(envelope, broken)), { format: "yaml" }, hostA);
    expect(textOf(half.output)).toBe(`#${broken}\na: b\n`);
    expect(half.notices).toHaveLength(1);
  });

  test("an iv of 12 bytes, as other tools may write", async () => {
    const { createCipheriv } = await import("node:crypto");
    const dataKey = await unwrapDataKey(metadataOf(await parsed("yaml", text)).keyGroups, hostA);
    const iv = new Uint8Array(12).fill(3);
    const cipher = createCipheriv("aes-256-gcm", dataKey, iv, { authTagLength: 16 });
    cipher.setAAD(Buffer.from("a:"));
    const data = Buffer.concat([cipher.update("canary-alpha"), cipher.final()]);
    const short = formatEncryptedValue({ data, iv, tag: cipher.getAuthTag() }, "str");
    expect(await openedText("yaml", text.replace(A, short))).toBe(PLAIN);
  });
});

describe("keys", () => {
  test("none at hand: every attempt is named, with its reason", async () => {
    const both = await sealedText("yaml", PLAIN, { keyGroups: [groupOf(RECIPIENT_B, RECIPIENT_A)] });
    const error = await failure(() => decrypt(bytesOf(both), { format: "yaml" }, fakeHost()));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.details.attempts?.map(({ recipient }) => recipient)).toEqual([RECIPIENT_B, RECIPIENT_A]);
    expectDiscreet(error, ...PLANTED);
  });

  test("another one at hand", async () => {
    const error = await failure(() => decrypt(bytesOf(text), { format: "yaml" }, hostB));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expectDiscreet(error, ...PLANTED, IDENTITY_B);
    const ran = await ranOn(text, { SOPS_AGE_KEY: IDENTITY_B });
    expect([ran.status, ran.stdout]).toEqual([128, ""]);
    expect(ran.stderr).not.toContain(IDENTITY_B);
  });

  test("any one of several opens the file", async () => {
    const both = await sealedText("yaml", PLAIN, { keyGroups: [groupOf(RECIPIENT_B, RECIPIENT_A)] });
    for (const host of [hostA, hostB]) {
      expect(textOf((await decrypt(bytesOf(both), { format: "yaml" }, host)).output)).toBe(PLAIN);
    }
  });
});

describe("options", () => {
  test("ignoring the MAC shows what is there, and says so; tags are checked all the same", async () => {
    const source = text.replace("clear", "open");
    const { output, notices } = await decrypt(bytesOf(source), { format: "yaml", ignoreMac: true }, hostA);
    expect(textOf(output)).toBe(PLAIN.replace("clear", "open"));
    expect(notices).toHaveLength(1);
    const moved = text.replace(C, A);
    expect((await failure(() => openedText("yaml", moved, { ignoreMac: true }))).code).toBe("INTEGRITY_TAG");
    expect((await decrypt(bytesOf(text), { format: "yaml" }, hostA)).notices).toEqual([]);
  });

  test("one node", async () => {
    const get = (...extract: (string | number)[]): Promise<string> => openedText("yaml", text, { extract });
    expect(await get("a")).toBe("canary-alpha");
    expect(await get("b", "c")).toBe("canary-gamma");
    expect(await get("b")).toBe("c: canary-gamma\n");
    expect(await get("l", 1)).toBe("canary-two");
    expect(await get("l")).toBe("- canary-one\n- canary-two\n");
    expect(await get("n")).toBe("42\n");
    expect(await get("z_unencrypted")).toBe("clear");
    expect(await get()).toBe(PLAIN);
    for (const path of [["x"], ["a", "b"], ["l", 2], ["l", -1], ["l", "0"], ["b", 0], ["__proto__"], ["sops"]]) {
      const error = await failure(() => get(...path));
      expect(error.code).toBe("INPUT_PATH_NOT_FOUND");
      expectDiscreet(error, ...PLANTED);
    }
  });

  test("one node only after everything was checked", async () => {
    const error = await failure(() => openedText("yaml", text.replace("clear", "open"), { extract: ["a"] }));
    expect(error.code).toBe("INTEGRITY_MAC");
  });

  test("does not count comments as list elements", async () => {
    const commented = await sealedText("yaml", "l:\n  # first\n  - a\n  # second\n  - b\n");
    expect(await openedText("yaml", commented, { extract: ["l", 1] })).toBe("b");
  });

  test("another format", async () => {
    expect(JSON.parse(await openedText("yaml", text, { outputFormat: "json" }))).toEqual({
      a: "canary-alpha",
      b: { c: "canary-gamma" },
      l: ["canary-one", "canary-two"],
      n: 42,
      e: "",
      z_unencrypted: "clear",
    });
    const error = await failure(() => openedText("yaml", text, { outputFormat: "dotenv" }));
    expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
    expectDiscreet(error, ...PLANTED);
  });

  test("keeps every digit on the way through other formats", async () => {
    const numbers = '{"a":9007199254740993,"b":-9223372036854775808,"c":0.1}';
    const yaml = await openedText("json", await sealedText("json", numbers), { outputFormat: "yaml" });
    expect(yaml).toBe("a: 9007199254740993\nb: -9223372036854775808\nc: 0.1\n");
  });
});

test("bytes that are no text come back", async () => {
  const bytes = Uint8Array.from({ length: 512 }, (_, i) => (i * 7) & 0xff);
  const { output } = await sealed("binary", bytes);
  expect(Uint8Array.from((await decrypt(output, { format: "binary" }, hostA)).output)).toEqual(bytes);
});
