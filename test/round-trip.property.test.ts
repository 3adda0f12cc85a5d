import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SPELLING_AAD } from "../src/crypto/aad.ts";
import { seal } from "../src/crypto/cipher.ts";
import { unwrapDataKey } from "../src/crypto/data-key.ts";
import { formatEncryptedValue } from "../src/crypto/encrypted-value.ts";
import { decrypt, metadataOf } from "../src/decrypt.ts";
import type { Document, Place, Scalar } from "../src/document/document.ts";
import { applyEdits } from "../src/document/edits.ts";
import { metadataBlock } from "../src/document/metadata-block.ts";
import { compileSelection, DEFAULT_SELECTION } from "../src/document/selection.ts";
import { encodeSpellings } from "../src/document/spelling.ts";
import { walk } from "../src/document/walk.ts";
import type { EncryptResult } from "../src/encrypt.ts";
import { KeyleafError } from "../src/errors.ts";
import type { Format, FormatId } from "../src/formats/format.ts";
import { formats } from "../src/formats/registry.ts";
import { bytesOf, expectDiscreet, failure, hostA, openedText, sealed, sealedText } from "./support/sealing.ts";
import { CANARY, uglyFiles } from "./support/ugly-files.ts";

type Source = string | Uint8Array;

/** What a file may be refused for; anything else is a bug. */
const REFUSALS: ReadonlySet<string> = new Set([
  "INPUT_MALFORMED",
  "INPUT_EMPTY",
  "INPUT_NO_DOCUMENT",
  "INPUT_UNSUPPORTED",
  "INPUT_UNSUPPORTED_VALUE",
  "INPUT_NOTHING_TO_ENCRYPT",
]);

/** The sealed file, or `null` when the format refuses the source. */
async function sealedOrNull(format: Format, source: Source): Promise<EncryptResult | null> {
  try {
    return await sealed(format.id, source);
  } catch (error) {
    if (error instanceof KeyleafError && REFUSALS.has(error.code)) return null;
    throw error;
  }
}

/** Runs a check on random files of a format that can be encrypted, each with a text of `extra`. The seed is printed when it fails. */
async function forFiles(
  format: Format,
  numRuns: number,
  check: (source: Source, result: EncryptResult, extra: string) => Promise<void> | void,
  extra: fc.Arbitrary<string> = fc.constant(""),
): Promise<void> {
  let accepted = 0;
  const run = async (source: Source, text: string): Promise<void> => {
    const result = await sealedOrNull(format, source);
    if (result === null) return;
    accepted++;
    await check(source, result, text);
  };
  await fc.assert(fc.asyncProperty(uglyFiles[format.id], extra, run), { numRuns });
  // So that a generator that writes nothing valid does not pass for a format without faults.
  expect(accepted).toBeGreaterThan(numRuns / 4);
}

const selection = await compileSelection(DEFAULT_SELECTION, "refuse");
const everything = { byComment: false, sealsHits: false, hits: () => false };

/** As text with one character for each byte where the bytes are no text, so that differences can be seen. */
function textOf(bytes: Source): string {
  return typeof bytes === "string" ? bytes : Buffer.from(bytes).toString(isUtf8(bytes) ? "utf8" : "latin1");
}

async function opened(format: Format, output: Uint8Array): Promise<string> {
  return textOf((await decrypt(output, { format: format.id }, hostA)).output);
}

/** Places of all entries in order, with whether they are sealed. */
function placesOf(doc: Document, sealsEmpty = false): { at: Place | null; isSelected: boolean; scalar: Scalar }[] {
  const places: { at: Place | null; isSelected: boolean; scalar: Scalar }[] = [];
  const entry = (one: { at: Place | null; scalar: Scalar }, _path: string, isSelected: boolean): void => {
    places.push({
      at: one.at,
      isSelected: isSelected && (sealsEmpty || one.scalar.text.length > 0),
      scalar: one.scalar,
    });
  };
  walk(doc.roots, { selection }, { entry });
  return places;
}

/** The text with every sealed entry, and the block, cut out. */
async function withoutSealed(format: Format, source: Source): Promise<string> {
  const doc = await format.parse(bytesOf(source));
  const cuts = placesOf(doc, format.sealsEmpty).flatMap(({ at, isSelected }) =>
    isSelected && at !== null ? [{ start: at.start, end: at.end, text: "\0" }] : [],
  );
  // A comment on the header of a block is part of the block.
  const outer = cuts.filter((cut) => !cuts.some(({ start, end }) => start < cut.start && end >= cut.end));
  return textOf(applyEdits(doc.source, [...outer, ...format.metadataEdits(doc, null)]));
}

/** Path and value of all that is not a comment. Numbers are told apart by their text only, as JSON has it. */
async function valuesOf(format: Format, source: Source): Promise<string[]> {
  const values: string[] = [];
  walk(
    (await format.parse(bytesOf(source))).roots,
    { selection: everything },
    {
      entry: ({ kind, scalar }, path) => {
        const type = scalar.type === "int" || scalar.type === "float" ? "number" : scalar.type;
        const text = type === "number" && scalar.text === "-0" ? "0" : Buffer.from(scalar.text).toString("latin1");
        if (kind !== "comment") values.push(JSON.stringify([path, type, text]));
      },
    },
  );
  return values;
}

/** What base64 text contains wherever the token's bytes are encoded, in each of the three ways they may be aligned. */
function inBase64(token: string): string[] {
  return [0, 1, 2].map((shift) =>
    Buffer.from("\0".repeat(shift) + token)
      .toString("base64")
      .slice(4, -4),
  );
}

/** With another record of spellings: `null` takes it away, text is sealed as sops seals a string. */
async function withRecord(format: Format, bytes: Uint8Array, record: string | null): Promise<Uint8Array> {
  const doc = await format.parse(bytes);
  const metadata = metadataOf(doc);
  const dataKey = await unwrapDataKey(metadata.keyGroups, hostA);
  const iv = new Uint8Array(32).fill(1);
  const block = metadataBlock({
    ...metadata,
    selection: format.id === "binary" ? null : metadata.selection,
    spelling:
      record === null ? null : formatEncryptedValue(seal(Buffer.from(record), dataKey, SPELLING_AAD, iv), "str"),
  });
  return applyEdits(doc.source, format.metadataEdits(doc, block));
}

const loaded = await Promise.all(formats.map(async ({ id, load }) => [id, await load()] as const));

describe.each(loaded)("%s", (_, format) => {
  test("comes back byte for byte", async () => {
    await forFiles(format, 400, async (source, { output, verify }) => {
      expect(await opened(format, output)).toBe(textOf(source));
      expect(await verify(output)).toBe(true);
    });
  });

  test("parsed and not edited, is the same bytes", async () => {
    await fc.assert(
      fc.asyncProperty(uglyFiles[format.id], async (source) => {
        let doc: Document;
        try {
          doc = await format.parse(bytesOf(source));
        } catch (error) {
          if (error instanceof KeyleafError) return;
          throw error;
        }
        // The source of a binary file that is no text stands in for its bytes.
        if (format.id !== "binary") expect(textOf(applyEdits(doc.source, []))).toBe(textOf(source));
        for (const { at, scalar } of placesOf(doc)) {
          if (at === null || at.style === "whole" || at.style === "odd" || scalar.text.length === 0) continue;
          const read = await format.read(doc.source.slice(at.start, at.end), at, doc);
          // Where a format reads a piece at all, it reads what stands there.
          if (read !== null) expect(read).toEqual(scalar);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("shows no sealed text, plain or in base64", async () => {
    await forFiles(format, 200, async (source, { output }) => {
      const shown = textOf(output);
      const doc = await format.parse(bytesOf(source));
      const clear = new Set(
        placesOf(doc).flatMap(({ isSelected, scalar }) =>
          isSelected ? [] : (textOf(Buffer.from(scalar.text)).match(CANARY) ?? []),
        ),
      );
      for (const token of textOf(source).match(CANARY) ?? []) {
        if (clear.has(token)) continue;
        for (const form of [token, ...inBase64(token)]) expect(shown).not.toContain(form);
      }
    });
  });

  // A binary file has one value and no spelling of it.
  if (format.id === "binary") return;

  test("keeps all text that is not sealed", async () => {
    await forFiles(format, 200, async (source, { output }) => {
      // What an alias is written out to is text that was not there.
      if (/\*(a|base)\b/.test(textOf(source))) return;
      const kept = await withoutSealed(format, source);
      expect(await withoutSealed(format, output)).toBe(format.id === "json" ? kept.replace(/^\ufeff/, "") : kept);
    });
  });

  test("has the same values without the record of spellings", async () => {
    await forFiles(format, 100, async (source, { output }) => {
      const text = await opened(format, await withRecord(format, output, null));
      expect(await valuesOf(format, text)).toEqual(await valuesOf(format, source));
    });
  });

  test("has the same values whatever the record of spellings says", async () => {
    const spelled = [
      "x",
      "'x'",
      "*a",
      "*m",
      "{}",
      "[x]",
      "#",
      "a\n  b",
      "k: v",
      "0x1F",
      "\ufeff",
      "\n",
      "- x",
      "|\n x",
    ];
    const paths = ["", "k0:", "al:", "k:", "an:"];
    const row = fc.record({
      index: fc.integer({ min: -1, max: 12 }),
      pathText: fc.constantFrom(...paths),
      text: fc.constantFrom(...spelled),
    });
    const rows = fc.array(row, { maxLength: 8 }).map((list) => encodeSpellings(list, []));
    const record = fc.oneof(rows, fc.constantFrom("", "[]", "nonsense", "[[0]]"));
    const check = async (source: Source, { output }: EncryptResult, text: string): Promise<void> => {
      const plain = await opened(format, await withRecord(format, output, text));
      expect(await valuesOf(format, plain)).toEqual(await valuesOf(format, source));
    };
    await forFiles(format, 200, check, record);
  });
});

/** One file of each format with the same values; in the same order in each. */
const samples: Readonly<Record<Exclude<FormatId, "binary">, string>> = {
  yaml: "a: alpha\nb:\n  c: gamma\n  d: 0x1F\nl:\n  - one\n  - two\ne: delta\n",
  json: '{"a":"alpha","b":{"c":"gamma","d":1.50},"l":["one","two"],"e":"delta"}\n',
  dotenv: "A=alpha\nB=beta\nC=gamma\nD=delta\n",
  toml: 'a = "alpha"\nl = [\n  "one",\n  "two",\n]\n[b]\nc = "gamma"\nd = 0x1F\n',
  ini: "a = alpha\n[s]\nb = 'beta'\nc = gamma\n[t]\nd = delta\n",
};
const sampleFormats = Object.keys(samples) as (keyof typeof samples)[];

const ENVELOPE = /ENC\[AES256_GCM,data:([^,]*),iv:([^,]*),tag:([^,]*),type:(\w+)\]/g;

/** Envelopes of a sealed text, apart from the record of spellings. */
function envelopesOf(text: string): { readonly start: number; readonly text: string; readonly isMac: boolean }[] {
  return [...text.matchAll(ENVELOPE)].flatMap((match) => {
    const before = text.slice(text.lastIndexOf("\n", match.index) + 1, match.index);
    if (/spelling\W*$/.test(before)) return [];
    return [{ start: match.index, text: match[0], isMac: /mac\W*$/.test(before) }];
  });
}

function replaced(text: string, start: number, old: string, by: string): string {
  return text.slice(0, start) + by + text.slice(start + old.length);
}

describe.each(sampleFormats)("%s: what was changed does not open:", (id) => {
  test("any bit of data, iv and tag, of values and of the MAC", async () => {
    const text = await sealedText(id, samples[id]);
    const envelopes = envelopesOf(text);
    expect(envelopes.filter(({ isMac }) => isMac)).toHaveLength(1);
    const choice = fc.record({ which: fc.nat(), part: fc.constantFrom(1, 2, 3), bit: fc.nat() });
    await fc.assert(
      fc.asyncProperty(choice, async ({ which, part, bit }) => {
        const envelope = envelopes[which % envelopes.length] as (typeof envelopes)[number];
        const match = new RegExp(ENVELOPE.source).exec(envelope.text) as RegExpExecArray;
        const bytes = Buffer.from(match[part] ?? "", "base64");
        const at = bit % (bytes.length * 8);
        bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
        const parts = [1, 2, 3].map((i) => (i === part ? bytes.toString("base64") : match[i]));
        const changed = `ENC[AES256_GCM,data:${parts[0]},iv:${parts[1]},tag:${parts[2]},type:${match[4]}]`;
        const error = await failure(() => openedText(id, replaced(text, envelope.start, envelope.text, changed)));
        expect(error.code).toBe(envelope.isMac ? "INTEGRITY_MAC" : "INTEGRITY_TAG");
        expectDiscreet(error, "alpha", "beta", "gamma", "delta", "one", "two");
      }),
      { numRuns: 200 },
    );
  });

  test("any character of lastmodified that keeps it a time", async () => {
    const text = await sealedText(id, samples[id]);
    for (const other of ["2025-01-02T03:04:06Z", "2026-01-02T03:04:05Z", "2025-01-02T03:04:05+01:00"]) {
      const error = await failure(() => openedText(id, text.replace("2025-01-02T03:04:05Z", other)));
      expect(error.code).toBe("INTEGRITY_MAC");
    }
  });

  test("a value put in another's place, and two that changed places", async () => {
    const text = await sealedText(id, samples[id]);
    const values = envelopesOf(text);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.boolean(), async (i, j, isSwapped) => {
        const a = values[i % values.length];
        const b = values[j % values.length];
        if (a === undefined || b === undefined || a.start >= b.start) return;
        const one = replaced(text, b.start, b.text, a.text);
        const error = await failure(() => openedText(id, isSwapped ? replaced(one, a.start, a.text, b.text) : one));
        // Elements of one list have one path, so that only the MAC sees them.
        expect(["INTEGRITY_TAG", "INTEGRITY_MAC"]).toContain(error.code);
      }),
      { numRuns: 60 },
    );
  });
});

/** Lines of a sealed text that hold a value each; those of the block are not among them. */
function valueLines(lines: readonly string[]): number[] {
  const block = lines.findIndex((line) => /^(sops:|\t?"sops"|sops_|\[sops\])/.test(line));
  return lines.flatMap((line, i) => (i < block && line.includes("type:str]") ? [i] : []));
}

const lists = {
  yaml: "l:\n  - one\n  - two\n  - three\n  - four\n",
  json: '{\n\t"l": [\n\t\t"one",\n\t\t"two",\n\t\t"three",\n\t\t"four"\n\t]\n}\n',
  dotenv: "A=one\nB=two\nC=three\nD=four\n",
  toml: 'l = [\n  "one",\n  "two",\n  "three",\n  "four",\n]\n',
  ini: "a=one\nb=two\n[s]\nc=three\nd=four\n",
};

describe.each(sampleFormats)("%s: whole lines of sealed values", (id) => {
  test("cannot be removed, repeated or put in another order", async () => {
    const lines = (await sealedText(id, lists[id])).split("\n");
    // In JSON the last element has no comma, so it stays where it is.
    const movable = valueLines(lines).slice(0, 3);
    expect(movable).toHaveLength(3);
    const withLines = (order: readonly number[]): string => {
      const [first = 0] = movable;
      const rest = lines.filter((_, i) => !movable.includes(i));
      return [...rest.slice(0, first), ...order.map((i) => lines[movable[i] ?? 0] ?? ""), ...rest.slice(first)].join(
        "\n",
      );
    };
    const order = fc.array(fc.nat(2), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(order, async (chosen) => {
        const isSame = chosen.join() === "0,1,2";
        if (isSame) return;
        let error: KeyleafError;
        try {
          error = await failure(() => openedText(id, withLines(chosen)));
        } catch (thrown) {
          // INI keeps the last of several lines with one name, which may then be the right one.
          if (id === "ini" && [...new Set(chosen)].length < chosen.length) return;
          throw thrown;
        }
        // INPUT_MALFORMED: a YAML mapping left empty, a key that is there twice.
        expect(["INTEGRITY_TAG", "INTEGRITY_MAC", "INPUT_MALFORMED"]).toContain(error.code);
      }),
      { numRuns: 40 },
    );
  });
});

test("binary: any changed byte of a sealed file does not give other bytes", async () => {
  const source = Buffer.from("canary\0\xff bytes", "latin1");
  const output = (await sealed("binary", source)).output;
  await fc.assert(
    fc.asyncProperty(fc.nat(output.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(output);
      changed[at] = (changed[at] ?? 0) ^ change;
      try {
        expect((await decrypt(changed, { format: "binary" }, hostA)).output).toEqual(source);
      } catch (error) {
        if (!(error instanceof KeyleafError)) throw error;
        expectDiscreet(error, "canary");
      }
    }),
    { numRuns: 200 },
  );
});
