import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Document,
  type Leaf,
  leaf,
  type Mapping,
  mapping,
  type Scalar,
  str,
} from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { type ErrorCode, KeyleafError } from "../../src/errors.ts";
import { binary } from "../../src/formats/binary.ts";
import { json } from "../../src/formats/json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (output: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(output);

const BLOCK = mapping([
  ["lastmodified", leaf("2025-01-02T03:04:05Z")],
  ["mac", leaf("ENC[x]")],
]);
const ENVELOPE = "ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]";

function dataOf(doc: Document): Leaf {
  const [member] = doc.roots[0]?.members ?? [];
  if (member?.kind !== "item" || member.value.kind !== "leaf") throw new Error("no data");
  return member.value;
}

function codeOf(run: () => unknown): ErrorCode | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof KeyleafError) return error.code;
    throw error;
  }
}

/** As encrypting does it: an empty value is not sealed. */
function sealed(plain: Uint8Array, block: Mapping = BLOCK): string {
  const doc = binary.parse(plain);
  const data = dataOf(doc);
  const edits = plain.length === 0 ? [] : [binary.edit(data, str(ENVELOPE), doc)];
  return textOf(applyEdits(doc.source, [...edits, ...binary.metadataEdits(doc, block)]));
}

/** As decrypting does it. */
function opened(text: string, value: Scalar): Uint8Array {
  const doc = binary.parse(bytes(text));
  const data = dataOf(doc);
  const edits = data.scalar.text === "" ? [] : [binary.edit(data, value, doc)];
  return applyEdits(doc.source, [...edits, ...binary.metadataEdits(doc, null)]);
}

describe("binary", () => {
  it("writes the envelope as sops does", () => {
    const text = `{\n\t"data": "${ENVELOPE}",\n\t"sops": {\n\t\t"lastmodified": "2025-01-02T03:04:05Z",\n\t\t"mac": "ENC[x]"\n\t}\n}\n`;
    expect(sealed(bytes("hello"))).toBe(text);
    expect(sealed(Uint8Array.of(0xff, 0))).toBe(text);
    expect(sealed(bytes(""))).toBe(text.replace(ENVELOPE, ""));
  });

  it("gives back the very bytes", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.string({ unit: "binary" }).map(bytes), fc.constant(bytes("\ufeffa\r\n"))),
        (plain) => {
          const doc = binary.parse(plain);
          expect(doc.metadata).toBeNull();
          const { scalar } = dataOf(doc);
          expect(scalar.type).toBe("str");
          expect(Buffer.from(scalar.text)).toEqual(Buffer.from(plain));
          expect(Buffer.from(opened(sealed(plain), scalar))).toEqual(Buffer.from(plain));
          if (typeof scalar.text === "string")
            expect(Buffer.from(applyEdits(doc.source, []))).toEqual(Buffer.from(plain));
        },
      ),
    );
  });

  it("needs no record of spelling", () => {
    for (const plain of [bytes('"a"\n'), Uint8Array.of(0xff, 0xfe), bytes(ENVELOPE)]) {
      const doc = binary.parse(plain);
      const data = dataOf(doc);
      const { start, end, text } = binary.edit(data, { ...data.scalar }, doc);
      expect(text).toBe(doc.source.slice(start, end));
    }
  });

  it("writes a new envelope and block in place", () => {
    const doc = binary.parse(bytes(sealed(bytes("x"))));
    const next = ENVELOPE.replace("eA", "eB");
    const edits = [
      binary.edit(dataOf(doc), str(next), doc),
      ...binary.metadataEdits(doc, mapping([["mac", leaf("m")]])),
    ];
    expect(textOf(applyEdits(doc.source, edits))).toBe(
      `{\n\t"data": "${next}",\n\t"sops": {\n\t\t"mac": "m"\n\t}\n}\n`,
    );
  });

  it("opens an envelope in any layout", () => {
    for (const text of [
      `{"data":"${ENVELOPE}","sops":{"mac":"m"}}`,
      ` {"sops" : {"version": "3.7.0"}, "data" : "${ENVELOPE}" } \n`,
      `\ufeff{"data":"${ENVELOPE}","sops":{"LastModified":""}}`,
    ]) {
      expect(dataOf(binary.parse(bytes(text))).scalar).toEqual(str(ENVELOPE));
      expect(textOf(opened(text, str('a"\n')))).toBe('a"\n');
    }
  });

  it.each([
    '{"data": "ENC[x]", "sops": {}}',
    '{"data": "ENC[x]"}',
    '{"data": 1, "sops": {"mac": "m"}}',
    '{"dat": "x", "sops": {"mac": "m"}}',
    '{"data": "x", "more": 1, "sops": {"mac": "m"}}',
    '{"data": "x", "data": "y", "sops": {"mac": "m"}}',
    '{"data": "x", "sops": {"mac": "m"}} x',
    '{"data": "x", "sops": "x"}',
    "{",
    "[]",
  ])("takes %j for plaintext", (text) => {
    const doc = binary.parse(bytes(text));
    expect(doc.metadata).toBeNull();
    expect(dataOf(doc).scalar).toEqual(str(text));
    expect(textOf(opened(sealed(bytes(text)), str(text)))).toBe(text);
  });

  it("is one string and nothing else", () => {
    expect([...binary.print([mapping([["data", leaf({ type: "str", text: Uint8Array.of(0xff) })]])], {})]).toEqual([
      0xff,
    ]);
    expect(textOf(binary.printNode(leaf("a"), {}))).toBe("a");
    const five = leaf({ type: "int", text: "5" });
    const doc = binary.parse(bytes(sealed(bytes("x"))));
    for (const run of [
      () => binary.printNode(five, {}),
      () => binary.printNode(mapping([]), {}),
      () => binary.print([], {}),
      () => binary.print([mapping([])], {}),
      () => binary.print([mapping([["data", five]])], {}),
      () => binary.print([mapping([["data", leaf("x")]]), mapping([])], {}),
      () => binary.edit(dataOf(doc), five.scalar, doc),
    ]) {
      expect(codeOf(run)).toBe("OUTPUT_UNREPRESENTABLE");
    }
  });

  it("prints a tree with its metadata as JSON", () => {
    const tree = mapping([
      ["data", leaf(ENVELOPE)],
      ["sops", BLOCK],
    ]);
    expect(textOf(binary.print([tree], {}))).toBe(textOf(json.print([tree], {})));
    expect(textOf(binary.print([tree], {}))).toBe(sealed(bytes("x")));
  });
});

describe("files of the reference", () => {
  const cases = new URL("../../fixtures/sops/3.13.2/cases/", import.meta.url);
  // Read as binary, but written as YAML, as the file's name said: no envelope of this format.
  const OTHER_OUTPUT = "binary-yaml-as-binary";
  const names = readdirSync(cases).filter((name) => name.startsWith("binary-") && name !== OTHER_OUTPUT);

  it.each(names)("%s", (name) => {
    const files = readdirSync(new URL(`${name}/`, cases));
    const read = (stem: string): Buffer =>
      readFileSync(new URL(`${name}/${files.find((file) => file.startsWith(stem))}`, cases));
    const plain = read("plain");
    const envelope = read("encrypted");
    const plainDoc = binary.parse(plain);
    const doc = binary.parse(envelope);
    expect(plainDoc.metadata).toBeNull();
    expect(doc.metadata).not.toBeNull();
    expect(Buffer.from(opened(envelope.toString(), dataOf(plainDoc).scalar))).toEqual(plain);
    const edits = plain.length === 0 ? [] : [binary.edit(dataOf(plainDoc), dataOf(doc).scalar, plainDoc)];
    const again = applyEdits(plainDoc.source, [...edits, ...binary.metadataEdits(plainDoc, doc.metadata)]);
    expect(textOf(again)).toBe(envelope.toString());
  });
});
