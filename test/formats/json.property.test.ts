import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Document,
  type Edit,
  type Leaf,
  leaf,
  list,
  type Mapping,
  mapping,
  type Node,
  str,
} from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { KeyleafError } from "../../src/errors.ts";
import { json } from "../../src/formats/json.ts";

/** Random JSON text: white space, escapes and number spellings as they come. */
const blank = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r", "\r\n"), maxLength: 3 });

function spelled(character: string, manner: number): string {
  const units = [...Array(character.length).keys()].map((i) => character.charCodeAt(i));
  const escaped = units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  if (manner === 0) return escaped;
  if (manner === 1) return escaped.toUpperCase().replaceAll("\\U", "\\u");
  if (manner === 2 && character === "/") return "\\/";
  return JSON.stringify(character).slice(1, -1);
}

const stringOf = (...special: string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
          fc.constantFrom("/", '"', "\\", "\0", ...special),
        ),
        fc.nat(9),
      ),
      { maxLength: 8 },
    )
    .map((characters) => `"${characters.map(([character, manner]) => spelled(character, manner)).join("")}"`);
// Keys without lone surrogates: two of them could become one.
const keyText = fc.oneof(stringOf(), fc.constantFrom('"a"', '"__proto__"', '"1"'));
const stringText = stringOf("\ud800", "\udc00", "\u2028");

const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 22 });
const numberText = fc
  .tuple(
    fc.constantFrom("", "-"),
    digits.map((text) => text.replace(/^0+(?=.)/, "")),
    fc.option(digits, { nil: null }),
    fc.option(fc.tuple(fc.constantFrom("e", "E", "e+", "e-", "E-"), fc.nat(99)), { nil: null }),
  )
  .map(
    ([sign, int, fraction, exponent]) =>
      `${sign}${int}${fraction === null ? "" : `.${fraction}`}${exponent === null ? "" : exponent.join("")}`,
  );

const scalarText = fc.oneof(stringText, numberText, fc.constantFrom("true", "false", "null"));

const { object } = fc.letrec<{ object: string; array: string; value: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 4, depthSize: "small" }, scalarText, tie("array"), tie("object")),
  array: fc
    .tuple(fc.array(fc.tuple(blank, tie("value"), blank), { maxLength: 5 }), blank)
    .map(
      ([elements, inside]) => `[${elements.length === 0 ? inside : elements.map((parts) => parts.join("")).join(",")}]`,
    ),
  object: fc
    .tuple(fc.array(fc.tuple(blank, keyText, blank, blank, tie("value"), blank), { maxLength: 5 }), blank)
    .map(
      ([members, inside]) =>
        `{${members.length === 0 ? inside : members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join(",")}}`,
    ),
}));

const file = fc.tuple(fc.constantFrom("", "", "\ufeff"), blank, object, blank).map((parts) => parts.join(""));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (output: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(output);
const applied = (doc: Document, edits: readonly Edit[]): string => textOf(applyEdits(doc.source, edits));
const withBlock = (text: string, block: Mapping | null): string => {
  const doc = json.parse(bytes(text));
  return applied(doc, json.metadataEdits(doc, block));
};

function leaves(node: Node, into: Leaf[] = []): Leaf[] {
  if (node.kind === "leaf") into.push(node);
  else if (node.kind === "list")
    for (const element of node.elements) element.kind === "comment" || leaves(element, into);
  else for (const member of node.members) member.kind === "comment" || leaves(member.value, into);
  return into;
}

const leavesOf = (doc: Document): Leaf[] => doc.roots.flatMap((root) => leaves(root));

/** A value, less the line between `1.0` and `1`, which only a record of spellings keeps. */
function comparable({ scalar }: Leaf): unknown {
  const isNumber = scalar.type === "int" || scalar.type === "float";
  return isNumber ? ["number", scalar.text === "-0" ? "0" : scalar.text] : scalar;
}

/** What `JSON.parse` reads, less what the format does not keep: lone surrogates, and the sign of an integer zero. */
function read(text: string): unknown {
  return JSON.parse(text.replace(/^\ufeff/, ""), (_, value: unknown) => {
    if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
    return value === 0 ? 0 : value;
  });
}

/** Compared by text: `toEqual` would look at prototypes, which a `__proto__` key changes. */
const same = (a: unknown, b: unknown): void => expect(JSON.stringify(a)).toBe(JSON.stringify(b));

const BLOCK = mapping([
  ["age", list([mapping([["enc", leaf("-----\n\u003e x\n")]])])],
  ["mac", leaf("ENC[AES256_GCM,data:eA==]")],
  ["shamir_threshold", leaf({ type: "int", text: "2" })],
]);

describe("JSON text", () => {
  it("stays as it is when nothing is edited", () => {
    fc.assert(
      fc.property(file, (text) => {
        const doc = json.parse(bytes(text));
        expect(applied(doc, [])).toBe(text);
        expect(applied(doc, json.metadataEdits(doc, null))).toBe(text);
      }),
    );
  });

  it("comes back with equal values after every value was an envelope", () => {
    fc.assert(
      fc.property(file, (text) => {
        const doc = json.parse(bytes(text));
        const before = leavesOf(doc);
        const sealed = applied(
          doc,
          before.map((entry, i) => json.edit(entry, str(`ENC[AES256_GCM,data:${i}]`), doc)),
        );
        const sealedDoc = json.parse(bytes(sealed));
        const envelopes = leavesOf(sealedDoc);
        expect(envelopes.map(({ scalar }) => scalar.text)).toEqual(before.map((_, i) => `ENC[AES256_GCM,data:${i}]`));
        const opened = applied(
          sealedDoc,
          envelopes.map((entry, i) => json.edit(entry, (before[i] as Leaf).scalar, sealedDoc)),
        );
        same(leavesOf(json.parse(bytes(opened))).map(comparable), before.map(comparable));
        same(read(opened), read(text));
      }),
    );
  });

  it("comes back byte for byte when the original spellings are put in", () => {
    fc.assert(
      fc.property(file, (text) => {
        const doc = json.parse(bytes(text));
        const edits = leavesOf(doc).map((entry): Edit => {
          const { start, end } = json.edit(entry, str("ENC[]"), doc);
          const spelling = doc.source.slice(start, end);
          expect(entry.at && json.read(spelling, entry.at, doc)).toEqual(entry.scalar);
          return { start, end, text: spelling };
        });
        expect(applied(doc, edits)).toBe(text);
      }),
    );
  });

  it("is the same again when a metadata block was written and taken out", () => {
    fc.assert(
      fc.property(file, (text) => {
        const sealed = withBlock(text, BLOCK);
        const doc = json.parse(bytes(sealed));
        expect(sealed.startsWith("\ufeff")).toBe(text.startsWith("\ufeff"));
        same(read(sealed), { ...(read(text) as object), sops: read(textOf(json.print([BLOCK], {}))) });
        expect(applied(doc, json.metadataEdits(doc, null))).toBe(text);
        expect(applied(doc, json.metadataEdits(doc, BLOCK))).toBe(sealed);
      }),
    );
  });

  it("prints to text with the same values", () => {
    fc.assert(
      fc.property(file, fc.constantFrom<number | "tab">("tab", 0, 3), (text, indent) => {
        const printed = textOf(json.print(json.parse(bytes(text)).roots, { indent }));
        same(read(printed), read(text));
      }),
    );
  });

  it("is accepted exactly where JSON.parse accepts it", () => {
    const damage = fc.tuple(
      fc.nat(),
      fc.nat(3),
      fc.constantFrom("", ",", '"', "\\", "{", "}", "[", "]", ":", "0", "-", ".", "e", "t", "\n", "\0", "x"),
    );
    fc.assert(
      fc.property(file, fc.array(damage, { maxLength: 2 }), (text, damages) => {
        let damaged = text;
        for (const [position, length, insert] of damages) {
          const at = position % (damaged.length + 1);
          damaged = damaged.slice(0, at) + insert + damaged.slice(at + length);
        }
        // Cutting through a surrogate pair would not survive being encoded.
        damaged = textOf(bytes(damaged));
        expect(isAccepted(damaged)).toBe(isJson(damaged));
      }),
      { numRuns: 1000 },
    );
  });
});

function isAccepted(text: string): boolean {
  try {
    json.parse(bytes(text));
    return true;
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    // A number out of range, which JSON.parse takes for infinity.
    fc.pre(error.code !== "INPUT_UNSUPPORTED");
    return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text.replace(/^\ufeff/, ""));
    return true;
  } catch {
    return false;
  }
}
