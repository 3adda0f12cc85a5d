import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Inspection, inspect } from "../src/inspect.ts";
import { bytesOf, failure, groupOf, RECIPIENT_A, RECIPIENT_B, sealedText } from "./support/sealing.ts";

function fixture(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "../fixtures/formats", name));
}

/** `line path: kind`, then `selected` and `sealed` where it is. */
function lines({ entries }: Inspection): string[] {
  return entries.map(({ line, path, kind, isSelected, isSealed }) =>
    [`${line} ${path.join(".")}: ${kind}`, ...(isSelected ? ["selected"] : []), ...(isSealed ? ["sealed"] : [])].join(
      " ",
    ),
  );
}

describe("a file without any key", () => {
  test("shows its metadata", async () => {
    expect(await inspect(fixture("yaml/vector.enc.yaml"), { format: "yaml" })).toMatchObject({
      keyGroups: [[{ type: "age", recipient: RECIPIENT_A }]],
      shamirThreshold: 0,
      lastModified: "2025-01-02T03:04:05Z",
      hasMac: true,
      selection: { rule: "unencrypted_suffix", pattern: "_unencrypted" },
      macOnlyEncrypted: false,
      version: "3.13.2",
    });
  });

  test("shows its entries, with line, selection and whether they are sealed", async () => {
    expect(lines(await inspect(fixture("yaml/vector.enc.yaml"), { format: "yaml" }))).toEqual([
      "1 : comment selected sealed",
      "3 db.user: value selected sealed",
      "4 db.port: value selected sealed",
      "5 db.ratio: value selected sealed",
      "6 db.tls: value selected sealed",
      "8 db.hosts: value selected sealed",
      "9 db.hosts: value selected sealed",
      "10 db.note_unencrypted: value",
      "11 db.empty: value selected",
      "13 db.since: value selected sealed",
    ]);
  });

  test("shows groups, threshold and documents", async () => {
    const inspection = await inspect(fixture("yaml/groups.enc.yaml"), { format: "yaml" });
    expect(inspection).toMatchObject({
      keyGroups: [[{ type: "age", recipient: RECIPIENT_A }], [{ type: "age", recipient: RECIPIENT_B }]],
      shamirThreshold: 2,
      selection: { rule: "encrypted_suffix", pattern: "_secret" },
      macOnlyEncrypted: true,
    });
    expect(inspection.entries.map(({ path, isSealed }) => [path.join("."), isSealed])).toEqual([
      ["pw_secret", true],
      ["name", false],
      ["pw_secret", true],
      ["pw_secret", true],
    ]);
  });

  test("shows what old files hold", async () => {
    const { keyGroups, version } = await inspect(fixture("yaml/old-3.6.1.enc.yaml"), { format: "yaml" });
    const recipient = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";
    expect([keyGroups, version]).toEqual([[[{ type: "pgp", recipient }]], "3.6.1"]);
  });

  test("shows every recipient", async () => {
    const text = await sealedText("json", '{"a":"b"}', { keyGroups: [groupOf(RECIPIENT_A, RECIPIENT_B)] });
    const { keyGroups } = await inspect(bytesOf(text), { format: "json" });
    expect(keyGroups).toEqual([
      [
        { type: "age", recipient: RECIPIENT_A },
        { type: "age", recipient: RECIPIENT_B },
      ],
    ]);
  });

  test.each([
    ["dotenv", "dotenv/vector.enc.env", ["1 : comment", "2 USER: value", "3 MULTI: value", "4 EMPTY: value"]],
    ["ini", "ini/vector.enc.ini", ["1 DEFAULT.top: value", "3 db: comment", "6 db.user: value", "5 db: comment"]],
    ["binary", "binary/vector.enc.bin", ["2 data: value"]],
    ["json", "json/vector.enc.json", ["2 user: value", "3 port: value", "4 big: value", "5 f: value"]],
  ] as const)("in %s", async (format, file, expected) => {
    const found = lines(await inspect(fixture(file), { format }));
    expect(found.slice(0, expected.length).map((line) => line.replace(/ selected| sealed/g, ""))).toEqual(expected);
  });

  test("shows what was changed by hand: clear text where sealed text belongs, and a missing MAC", async () => {
    const text = await sealedText("yaml", "a: b\nc: d\nl:\n  # note\n  - e\n");
    const edited = text.replace(/^a: .*$/m, "a: canary-clear").replace(/^ {4}mac: .*\n/m, "");
    const inspection = await inspect(bytesOf(edited), { format: "yaml" });
    expect(inspection.hasMac).toBe(false);
    expect(lines(inspection)).toEqual([
      "1 a: value selected",
      "2 c: value selected sealed",
      "4 l: comment selected sealed",
      "5 l: value selected sealed",
    ]);
    expect(JSON.stringify(inspection)).not.toContain("canary-clear");
  });

  test("takes a sealed comment that is a list element, as sops writes it, for a comment", async () => {
    const text = await sealedText("yaml", "l:\n  # note\n  - e\n");
    const asSops = text.replace(/^ {2}#ENC/m, "  - ENC");
    expect(asSops).not.toBe(text);
    expect(lines(await inspect(bytesOf(asSops), { format: "yaml" }))).toEqual([
      "2 l: comment selected sealed",
      "3 l: value selected sealed",
    ]);
  });
});

test.each([
  ["no block", "a: b\n", "INPUT_NOT_ENCRYPTED"],
  ["a block without keys", "a: b\nsops: {}\n", "INPUT_METADATA"],
  ["two blocks", "sops: {}\nsops: {}\n", "INPUT_MALFORMED"],
  ["no YAML", "a: [\n", "INPUT_MALFORMED"],
  ["nothing", "", "INPUT_EMPTY"],
])("refuses a file with %s", async (_, source, code) => {
  expect((await failure(() => inspect(bytesOf(source), { format: "yaml" }))).code).toBe(code);
});
