import { describe, expect, test } from "vitest";
import { leaf, list, type Mapping, mapping, type Node, type Scalar } from "../../src/document/document.ts";
import { FORMAT_VERSION, fieldText, type KeyEntry, keyLists, parseMetadata } from "../../src/document/metadata.ts";
import { metadataBlock } from "../../src/document/metadata-block.ts";
import { DEFAULT_SELECTION, selectionKinds } from "../../src/document/selection.ts";
import { parsedYaml } from "../support/parsing.ts";
import { failure } from "../support/sealing.ts";

const KEYS = "age:\n  - recipient: age1x\n    enc: e\n";
const TIME = 'lastmodified: "2025-01-02T03:04:05Z"\n';
const REST = "mac: M\nversion: 3.13.2\n";
const WHOLE = KEYS + TIME + REST;

/** The block of these YAML lines. */
function block(lines: string): Mapping {
  const { metadata } = parsedYaml(`sops:\n${lines.replace(/^(?=.)/gm, "  ")}`);
  if (metadata === null) throw new Error("no block");
  return metadata;
}

const read = (lines: string) => parseMetadata(block(lines));

async function refusal(lines: string): Promise<string> {
  const error = await failure(() => read(lines));
  expect(error.code).toBe("INPUT_METADATA");
  return error.message;
}

function keysOf(groups: readonly (readonly KeyEntry[])[]): string[][] {
  return groups.map((group) => group.map(({ list: name, fields }) => `${name} ${fieldText(fields, "enc")}`));
}

describe("reading", () => {
  test("a whole block", () => {
    expect(read(WHOLE)).toMatchObject({
      shamirThreshold: 0,
      lastModified: "2025-01-02T03:04:05Z",
      mac: "M",
      selection: DEFAULT_SELECTION,
      macOnlyEncrypted: false,
      version: "3.13.2",
      spelling: null,
    });
  });

  test("field names in any case, at every level", () => {
    const metadata = read(`AGE:\n  - Recipient: age1x\n    ENC: e\nLastModified: "2025-01-02T03:04:05Z"
MAC: M\nVersion: 3.13.2\nEncrypted_Suffix: _s\nMac_Only_Encrypted: true\nShamir_Threshold: 2\n`);
    expect(keysOf(metadata.keyGroups)).toEqual([["age e"]]);
    expect(metadata).toMatchObject({
      mac: "M",
      selection: { rule: "encrypted_suffix", pattern: "_s" },
      macOnlyEncrypted: true,
      shamirThreshold: 2,
    });
  });

  test("nothing of unknown fields, comments and empty rules", () => {
    const extra = '# c\nattention: x\nencrypted_regex: ""\nencrypted_suffix: null\nkms: []\ngcp_kms: null\npgp: {}\n';
    expect(read(WHOLE + extra)).toEqual(read(WHOLE));
  });

  test("keys in the reference's order, within a type in file order", () => {
    const lines = [...keyLists].reverse().map((name) => `${name}:\n  - enc: ${name}1\n  - enc: ${name}2\n`);
    expect(keysOf(read(lines.join("") + TIME + REST).keyGroups)).toEqual([
      keyLists.flatMap((name) => [`${name} ${name}1`, `${name} ${name}2`]),
    ]);
  });

  test.each([
    ["3.2.9", true],
    ["v3.0.0", true],
    ["2.10.0", true],
    ["1.13", true],
    ["3.3.0", false],
    ["3.13.2", false],
    ["4.0.0", false],
    ["10.2.0", false],
  ])("KMS keys of version %s, whose contexts may be wrong: %s", (version, isOld) => {
    const { keyGroups } = read(`kms:\n  - enc: k\n${KEYS}${TIME}mac: M\nversion: ${version}\n`);
    expect(keyGroups.flat().map(({ list: name, hasOldContext }) => [name, hasOldContext])).toEqual([
      ["kms", isOld ? true : undefined],
      ["age", undefined],
    ]);
  });

  test("a single object where a list is expected", () => {
    expect(keysOf(read(`age:\n  enc: e\n${TIME}${REST}`).keyGroups)).toEqual([["age e"]]);
  });

  test("groups, where no flat list has keys", () => {
    const groups =
      "key_groups:\n  - age:\n      - enc: a\n    hc_vault: []\n  - pgp:\n      - enc: b\n      - enc: c\n";
    expect(keysOf(read(`${groups}kms: []\n${TIME}${REST}`).keyGroups)).toEqual([["age a"], ["pgp b", "pgp c"]]);
    expect(keysOf(read(groups + WHOLE).keyGroups)).toEqual([["age e"]]);
  });

  // The time is associated data in a normal form.
  test.each([
    ["2025-01-02T03:04:05Z", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05.999Z", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05+00:00", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05-00:00", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05+02:00", "2025-01-02T03:04:05+02:00"],
    ["2025-01-02T03:04:05.5-11:30", "2025-01-02T03:04:05-11:30"],
  ])("lastmodified %s as %s", (text, normal) => {
    expect(read(`${KEYS}lastmodified: "${text}"\n${REST}`).lastModified).toBe(normal);
  });

  // Weak typing.
  test.each([
    ['"2"', 2],
    ["2", 2],
    ["2.0", 2],
    ["2.7", 2],
    ["0.5", 0],
    ["2e0", 2],
    ["0x2", 2],
    ["+2", 2],
    ['"0x2"', 2],
    ['""', 0],
    ["null", 0],
    ["0", 0],
    ["9007199254740991", 9007199254740991],
  ])("a threshold of %s as %i", (text, threshold) => {
    expect(read(`${WHOLE}shamir_threshold: ${text}\n`).shamirThreshold).toBe(threshold);
  });

  test.each([
    ["true", true],
    ['"true"', true],
    ['"1"', true],
    ["1", true],
    ["TRUE", true],
    ["false", false],
    ["0", false],
    ["null", false],
    ['""', false],
  ])("mac_only_encrypted: %s as %s", (text, expected) => {
    expect(read(`${WHOLE}mac_only_encrypted: ${text}\n`).macOnlyEncrypted).toBe(expected);
  });

  test("numbers as texts", () => {
    expect(read(`age:\n  - enc: 5\n${TIME}mac: 7\nversion: 3.13.2\n`)).toMatchObject({ mac: "7" });
    expect(fieldText(block("enc: 5\n"), "enc")).toBe("5");
    expect(fieldText(block("enc: [1]\n"), "enc")).toBe("");
  });

  test.each(["1.13", "1.x", "v3.9.0", "3.13.2-rc.1", "99.0.0"])("version %s", (version) => {
    expect(read(`${KEYS}${TIME}mac: M\nversion: "${version}"\n`).version).toBe(version);
  });

  test("a missing mac as empty", () => {
    expect(read(`${KEYS}${TIME}version: 3.13.2\n`).mac).toBe("");
    expect(read(`${KEYS}${TIME}mac: null\nversion: 3.13.2\n`).mac).toBe("");
  });

  test("the record of spellings, and nothing of what else is called keyleaf", () => {
    expect(read(`${WHOLE}keyleaf:\n  spelling: S\n`).spelling).toBe("S");
    for (const other of ["x", "[S]", "{}", "{spelling: null}", "{spelling: [S]}", "5", "null"]) {
      expect(read(`${WHOLE}keyleaf: ${other}\n`).spelling).toBeNull();
    }
  });

  test.each(selectionKinds)("the rule %s", (rule) => {
    expect(read(`${WHOLE}${rule}: ^x\n`).selection).toEqual({ rule, pattern: "^x" });
  });

  test("files of rops: no version, no rule, or a bare time", () => {
    expect(read(`${KEYS}lastmodified: 2025-01-02T03:04:05Z\nmac: M\n`)).toMatchObject({
      version: "",
      lastModified: "2025-01-02T03:04:05Z",
    });
    expect(read(`${KEYS}${TIME}mac: M\nversion: ""\n`).version).toBe("");
  });
});

describe("refusing", () => {
  test.each([
    ["no keys", TIME + REST],
    ["empty lists of keys", `age: []\npgp: null\n${TIME}${REST}`],
    ["an empty group", `key_groups:\n  - age:\n      - enc: a\n  - {}\n${TIME}${REST}`],
    ["a group that is a text", `key_groups: [x]\n${TIME}${REST}`],
    ["keys that are a text", `age: x\n${TIME}${REST}`],
    ["a key that is a text", `age: [x]\n${TIME}${REST}`],
    ["no lastmodified", KEYS + REST],
    ["an empty lastmodified", `${KEYS}lastmodified: ""\n${REST}`],
    ["a lastmodified without quotes", `${KEYS}lastmodified: 2025-01-02T03:04:05Z\n${REST}`],
    ["a lastmodified in words", `${KEYS}lastmodified: yesterday\n${REST}`],
    ["a date alone", `${KEYS}lastmodified: "2025-01-02"\n${REST}`],
    ["a lower-case t", `${KEYS}lastmodified: "2025-01-02t03:04:05Z"\n${REST}`],
    ["a list for lastmodified", `${KEYS}lastmodified: []\n${REST}`],
    ["two rules", `${WHOLE}encrypted_regex: a\nunencrypted_suffix: b\n`],
    ["a threshold in words", `${WHOLE}shamir_threshold: two\n`],
    ["a negative threshold", `${WHOLE}shamir_threshold: -1\n`],
    ["mac_only_encrypted: no", `${WHOLE}mac_only_encrypted: "no"\n`],
    ["a list for the mac", `${KEYS}${TIME}mac: [M]\nversion: 3.13.2\n`],
    ["a short version", `${KEYS}${TIME}mac: M\nversion: "3.13"\n`],
    ["a version in words", `${KEYS}${TIME}mac: M\nversion: new\n`],
    ["no version where there is a rule", `${KEYS}${TIME}mac: M\nunencrypted_suffix: _u\n`],
  ])("%s", async (_, lines) => {
    expect(await refusal(lines)).toMatch(/^sops metadata: [^A-Z]/);
  });

  // sops 3.11.0 counts groups up to negative numbers; the rest it refuses.
  test.each(["-3", '"-3"', "1e+99", "9007199254740992", ".inf", ".nan", "[2]", '" "'])(
    "a threshold of %s, which is no number of 0 or more that could be one",
    async (text) => {
      expect(await refusal(`${WHOLE}shamir_threshold: ${text}\n`)).toContain("a number of 0 or more");
    },
  );

  test("bytes that are no text", async () => {
    const bytes: Scalar = { type: "str", text: Uint8Array.of(0xff) };
    const fields: [string, Node][] = [
      ["age", list([mapping([["enc", leaf("e")]])])],
      ["lastmodified", leaf("2025-01-02T03:04:05Z")],
      ["mac", leaf(bytes)],
    ];
    expect((await failure(() => parseMetadata(mapping(fields)))).code).toBe("INPUT_METADATA");
  });
});

describe("writing", () => {
  const age: KeyEntry = { list: "age", fields: mapping([["enc", leaf("e")]]) };
  const base = {
    keyGroups: [[age]],
    shamirThreshold: 0,
    lastModified: "2025-01-02T03:04:05Z",
    mac: "M",
    selection: DEFAULT_SELECTION,
    macOnlyEncrypted: false,
    spelling: null,
  };
  const namesOf = (map: Mapping): string[] =>
    map.members.flatMap((member) => (member.kind === "item" ? [member.key] : []));

  test("has the fields that are never left out, in alphabetical order", () => {
    expect(namesOf(metadataBlock(base))).toEqual(["age", "lastmodified", "mac", "unencrypted_suffix", "version"]);
    expect(fieldText(metadataBlock(base), "version")).toBe(FORMAT_VERSION);
  });

  test("has all others when there is something to say", () => {
    const full = metadataBlock({
      ...base,
      keyGroups: [[age, { ...age, list: "pgp" }, { ...age, list: "kms" }]],
      macOnlyEncrypted: true,
      shamirThreshold: 2,
      spelling: "S",
      selection: { rule: "encrypted_regex", pattern: "^x" },
    });
    const names = ["age", "encrypted_regex", "keyleaf", "kms", "lastmodified", "mac", "mac_only_encrypted", "pgp"];
    expect(namesOf(full)).toEqual([...names, "shamir_threshold", "version"]);
  });

  test("has no rule for binary files", () => {
    expect(namesOf(metadataBlock({ ...base, selection: null }))).toEqual(["age", "lastmodified", "mac", "version"]);
  });

  test("has two lists in every group, even when they are empty", () => {
    const groups = metadataBlock({ ...base, keyGroups: [[age], [{ ...age, list: "pgp" }]] });
    expect(namesOf(groups)[0]).toBe("key_groups");
    const value = groups.members[0]?.kind === "item" ? groups.members[0].value : null;
    const inGroups = value?.kind === "list" ? value.elements.map((group) => namesOf(group as Mapping)) : [];
    expect(inGroups).toEqual([
      ["age", "hc_vault"],
      ["age", "hc_vault", "pgp"],
    ]);
  });

  test("is read as it was written", () => {
    for (const rule of selectionKinds) {
      const written = {
        ...base,
        keyGroups: [[age, age], [{ ...age, list: "kms" as const }]],
        shamirThreshold: 2,
        selection: { rule, pattern: "x" },
        macOnlyEncrypted: true,
        spelling: "S",
      };
      expect(parseMetadata(metadataBlock(written))).toEqual({ ...written, version: FORMAT_VERSION });
    }
  });
});
