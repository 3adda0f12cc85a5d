import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decrypt } from "../../src/decrypt.ts";
import {
  type Document,
  type Edit,
  type Entry,
  leaf,
  list,
  mapping,
  type Scalar,
  str,
} from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { walk } from "../../src/document/walk.ts";
import type { EncryptOptions } from "../../src/encrypt.ts";
import { KeyleafError } from "../../src/errors.ts";
import { toml } from "../../src/formats/toml.ts";
import { hostA, sealed, textOf } from "../support/sealing.ts";
import { printSearch, runs } from "../support/seed.ts";
import { readBySmol, readHere } from "./toml-judge.ts";

/** Random TOML as people write it: blanks, comments, quotes, number spellings and line breaks as they come. */
const blank = fc.constantFrom("", "", " ", " ", "  ", "\t");
const word = fc.constantFrom("a", "b c", "é", "\u{1f511}", "ENC[", "#", "=", "null", "1", "", "]", ",", "'", "\u2028");
const words = fc.array(word, { maxLength: 4 }).map((parts) => parts.join(""));
const comment = words.map((text) => `#${text}`);
const beside = fc.oneof({ weight: 4, arbitrary: blank }, fc.tuple(blank, comment).map(joined));

const escaped = fc.constantFrom(
  '\\"',
  "\\\\",
  "\\n",
  "\\t",
  "\\u00e9",
  "\\U0001F511",
  "\\u0000",
  "\\r",
  "\t",
  "\\u007f",
);
const basicPart = fc.oneof(word, escaped);
const basic = fc.array(basicPart, { maxLength: 4 }).map((parts) => `"${parts.join("")}"`);
const literal = words.map((text) => `'${text.replaceAll("'", "\\")}'`);
const multiBasic = fc
  .tuple(
    fc.constantFrom("", "\n"),
    fc.array(fc.oneof(basicPart, fc.constantFrom("\n", "\n\n", "\\\n  ", "\\  \n\n\t", '"x', '""x', "  ")), {
      maxLength: 6,
    }),
    fc.constantFrom("", "\n", '"', '""'),
  )
  // smol-toml 1.9.1 loses quotes between a backslash at the end of a line and the end of the string.
  .map(([lead, parts, end]) => `"""${lead}${parts.join("")}${/\\ *\n\s*$/.test(parts.join("")) ? "" : end}"""`);
const multiLiteral = fc
  .tuple(
    fc.constantFrom("", "\n"),
    fc.array(fc.oneof(words, fc.constantFrom("\n", "\\n", "'x", "''x", '"""')), { maxLength: 6 }),
  )
  .map(([lead, parts]) => `'''${lead}${parts.join("").replaceAll("'''", "''x").replace(/'+$/, "")}'''`);
const bare = fc.oneof(
  fc.constantFrom("true", "false", "inf", "-inf", "+inf", "nan", "-nan", "0", "-0", "+0", "0.0", "-0.0", "0e0"),
  fc.constantFrom("1_000", "+17", "-17", "0xDEAD_beef", "0x00ff", "0o755", "0b1_0", "9223372036854775807"),
  fc.constantFrom("1.50", "1e3", "1E+03", "-6.62e-34", "1_0.0_1e1_0", "3.0", "123456789012345678.0", "1e22"),
  fc.constantFrom("1979-05-27", "07:32:00", "07:32:00.500", "1979-05-27T07:32:00Z", "1979-05-27t07:32:00z"),
  fc.constantFrom("1979-05-27 07:32:00.12-07:00", "1979-05-27 07:32:00", "1979-05-27T07:32:00.100+01:30"),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
);

/** Text between the elements of an array. */
const gap = fc.oneof(
  { weight: 3, arbitrary: blank },
  fc.tuple(blank, fc.constant("\n"), blank).map(joined),
  fc.tuple(blank, comment, fc.constant("\n"), blank).map(joined),
);

const { value } = fc.letrec<{ value: string; array: string; inline: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.oneof(basic, literal, multiBasic, multiLiteral, bare, bare),
    tie("array"),
    tie("inline"),
  ),
  array: fc
    .tuple(fc.array(fc.tuple(gap, tie("value"), gap).map(joined), { maxLength: 4 }), fc.boolean(), gap)
    .map(([elements, hasComma, end]) => `[${elements.join(",")}${hasComma && elements.length > 0 ? "," : ""}${end}]`),
  inline: fc
    .tuple(blank, fc.array(fc.tuple(fc.constantFrom("", "da."), blank, blank, tie("value"), blank), { maxLength: 4 }))
    .map(([start, pairs]) => {
      const texts = pairs.map(([prefix, before, after, one, end], i) => `${prefix}k${i}${before}=${after}${one}${end}`);
      return `{${start}${texts.join(`,${start}`)}}`;
    }),
}));

/** A key that is there once in the file, spelled in one of four ways. */
function keyText(name: string, manner: number): string {
  return [name, `"${name}"`, `'${name}'`, `"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`][manner] ?? name;
}

const pair = fc.record({
  kind: fc.constant("pair" as const),
  indent: blank,
  prefix: fc.constantFrom("", "", "", "da.", "da . db.", '"d c".', "da.u_unencrypted.", "ßx.".replace("ß", '"ß".')),
  manner: fc.nat(3),
  isClear: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  before: blank,
  after: blank,
  value,
  beside,
});
const header = fc.record({
  kind: fc.constant("header" as const),
  indent: blank,
  keys: fc.array(fc.constantFrom("s", "t", "'s'", '"q r"', "u_unencrypted"), { minLength: 1, maxLength: 3 }),
  isUnique: fc.boolean(),
  isArray: fc.integer({ min: 0, max: 2 }).map((n) => n === 0),
  blank,
  beside,
});
const other = fc.record({
  kind: fc.constant("other" as const),
  text: fc.oneof(blank, fc.tuple(blank, comment).map(joined)),
});

const file = fc
  .record({
    mark: fc.constantFrom("", "", "", "\ufeff"),
    lines: fc.array(
      fc.oneof({ weight: 5, arbitrary: pair }, { weight: 2, arbitrary: header }, { weight: 2, arbitrary: other }),
      { maxLength: 9 },
    ),
    lineBreak: fc.constantFrom("\n", "\n", "\r\n", "mixed"),
    isWhole: fc.boolean(),
  })
  .map(({ mark, lines, lineBreak, isWhole }) => {
    const texts = lines.map((line, i) => {
      if (line.kind === "other") return line.text;
      if (line.kind === "pair") {
        const key = keyText(`k${i}${line.isClear ? "_unencrypted" : ""}`, line.manner);
        return `${line.indent}${line.prefix}${key}${line.before}=${line.after}${line.value}${line.beside}`;
      }
      const keys = [...line.keys, ...(line.isUnique ? [`h${i}`] : [])].join(`${line.blank}.${line.blank}`);
      const [open, close] = line.isArray ? ["[[", "]]"] : ["[", "]"];
      return `${line.indent}${open}${line.blank}${keys}${line.blank}${close}${line.beside}`;
    });
    const text = texts.join("\n") + (isWhole ? "\n" : "");
    let count = 0;
    const isReturned = (): boolean => lineBreak === "\r\n" || (lineBreak === "mixed" && count++ % 3 === 1);
    return mark + text.replace(/\n/g, () => (isReturned() ? "\r\n" : "\n"));
  });

function joined(parts: readonly string[]): string {
  return parts.join("");
}

/** What a call gives, or `null` where the text is refused. */
function orNull<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (error instanceof KeyleafError || (error as Error).name === "TomlError") return null;
    if ((error as Error).message.startsWith("Invalid TOML")) return null;
    throw error;
  }
}

const everything = { byComment: false, sealsHits: false, hits: () => false };

function entriesOf(doc: Document): Entry[] {
  const entries: Entry[] = [];
  walk(doc.roots, { selection: everything }, { entry: (entry) => entries.push(entry) });
  return entries;
}

const BLOCK = mapping([
  ["age", list([mapping([["enc", leaf("-----BEGIN\nx\n-----END\n")]])])],
  ["mac", leaf("ENC[AES256_GCM,data:eA==]")],
  ["version", leaf("3.13.2")],
]);

const isHidden = ({ scalar }: Entry): boolean => scalar.text.length === 0;

/** Each entry with an envelope of its own, and the block. */
function sealedSource(doc: Document): Uint8Array {
  const edits = entriesOf(doc).flatMap((entry, i): Edit[] => {
    const text = `ENC[${i}]`;
    return isHidden(entry)
      ? []
      : [toml.edit(entry, entry.kind === "comment" ? { type: "comment", text } : str(text), doc)];
  });
  return applyEdits(doc.source, [...toml.metadataEdits(doc, BLOCK), ...edits]);
}

describe("TOML text of any layout", () => {
  it("is read as smol-toml reads it, and comes back byte for byte after every value was an envelope", () => {
    const numRuns = runs(2000);
    let accepted = 0;
    const check = (source: string): void => {
      const doc = orNull(() => toml.parse(Buffer.from(source)));
      const judged = orNull(() => readBySmol(source));
      expect(doc === null).toBe(judged === null);
      if (doc === null) return;
      accepted++;
      expect(readHere(source)).toEqual(judged);

      const originals = entriesOf(doc);
      const sealedDoc = toml.parse(sealedSource(doc));
      const envelopes = entriesOf(sealedDoc);
      expect(envelopes.map((entry) => (isHidden(entry) ? "" : entry.scalar.text))).toEqual(
        originals.map((entry, i) => (isHidden(entry) ? "" : `ENC[${i}]`)),
      );
      const edits = envelopes.flatMap((entry, i): Edit[] => {
        const original = originals[i] as Entry;
        if (isHidden(original) || original.at === null || entry.at === null) return [];
        const written = doc.source.slice(original.at.start, original.at.end);
        const canonical = toml.edit(original, original.scalar, doc);
        const edit = toml.edit(entry, original.scalar, sealedDoc);
        // What is written depends only on the value and on what sealing keeps of the place.
        expect(edit.text).toBe(canonical.text);
        expect(toml.read(String(edit.text), entry.at, sealedDoc)).toEqual(original.scalar);
        expect(toml.read(written, entry.at, sealedDoc)).toEqual(original.scalar);
        return [{ ...edit, text: written }];
      });
      const opened = applyEdits(sealedDoc.source, [...edits, ...toml.metadataEdits(sealedDoc, null)]);
      expect(textOf(opened)).toBe(source);
    };
    fc.assert(fc.property(file, check), { numRuns });
    expect(accepted).toBeGreaterThan(numRuns / 2);
  }, 120_000);

  it("comes back byte for byte when it was encrypted, whatever rule was used", async () => {
    const options = fc.constantFrom<Pick<EncryptOptions, "selection" | "macOnlyEncrypted">>(
      {},
      {},
      { selection: { rule: "encrypted_regex", pattern: "^(k[0-4]$|s)" }, macOnlyEncrypted: true },
      { selection: { rule: "unencrypted_regex", pattern: "^(da|t)$" } },
      { selection: { rule: "encrypted_comment_regex", pattern: "a" } },
      { selection: { rule: "unencrypted_comment_regex", pattern: "^b" } },
    );
    const numRuns = runs(500);
    let accepted = 0;
    const check = async (
      source: string,
      how: Pick<EncryptOptions, "selection" | "macOnlyEncrypted">,
    ): Promise<void> => {
      let output: Uint8Array;
      try {
        ({ output } = await sealed("toml", source, how));
      } catch (error) {
        if (error instanceof KeyleafError && error.code.startsWith("INPUT_")) return;
        throw error;
      }
      accepted++;
      expect(textOf((await decrypt(output, { format: "toml" }, hostA)).output)).toBe(source);
    };
    await fc.assert(fc.asyncProperty(file, options, check), { numRuns });
    printSearch("toml", numRuns);
    expect(accepted).toBeGreaterThan(numRuns / 3);
  }, 1_000_000);

  it("prints to text with the same values", () => {
    let accepted = 0;
    fc.assert(
      fc.property(file, (source) => {
        const doc = orNull(() => toml.parse(Buffer.from(source)));
        if (doc === null) return;
        accepted++;
        const printed = textOf(toml.print(doc.roots, {}));
        expect(valuesOf(toml.parse(Buffer.from(printed)))).toEqual(valuesOf(doc));
        // Dates become strings.
        const normal = JSON.stringify(readBySmol(printed));
        expect(normal).toBe(JSON.stringify(readHere(printed)));
      }),
      { numRuns: runs(500) },
    );
    expect(accepted).toBeGreaterThan(150);
  });
});

function valuesOf(doc: Document): [string, Scalar][] {
  const values: [string, Scalar][] = [];
  const entry = (one: Entry, path: string): void => {
    if (one.kind !== "comment") values.push([path, one.scalar]);
  };
  walk(doc.roots, { selection: everything }, { entry });
  return values;
}
