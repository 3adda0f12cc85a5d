import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Document,
  type Edit,
  type Entry,
  itemOf,
  leaf,
  list,
  type Mapping,
  mapping,
  type Node,
  str,
} from "../../src/document/document.ts";
import { applyEdits, EditList } from "../../src/document/edits.ts";
import { walk } from "../../src/document/walk.ts";
import { KeyleafError } from "../../src/errors.ts";
import type { Format } from "../../src/formats/format.ts";
import { formatById, formatForFileName, formatOf, formats } from "../../src/formats/registry.ts";
import { failure, textOf } from "../support/sealing.ts";

/** What every format has to do, whatever it is; the files in `fixtures/formats/<id>/` are its material. */

const FIXTURES = join(import.meta.dirname, "../../fixtures/formats");

/** Plaintext files of a format: all but those that are called `….enc.…`. */
function plainFiles(id: string): [name: string, content: Buffer][] {
  return readdirSync(join(FIXTURES, id))
    .filter((name) => !name.includes(".enc."))
    .map((name) => [name, readFileSync(join(FIXTURES, id, name))]);
}

const ENVELOPE = `ENC[AES256_GCM,data:${"Ab+/".repeat(10)},iv:${"A".repeat(43)}=,tag:${"A".repeat(22)}==,type:str]`;

/** A block with what makes writing one hard: line breaks, empty text, a pattern of special characters. */
function blockOf(mac: string): Mapping {
  return mapping([
    [
      "age",
      list([
        mapping([
          ["enc", leaf("-----BEGIN\nx\n-----END\n")],
          ["recipient", leaf("age1x")],
        ]),
      ]),
    ],
    ["encrypted_regex", leaf("^(a|\"#; '=\\d`)$: ")],
    [
      "kms",
      list([
        mapping([
          ["arn", leaf("arn:aws:kms:x")],
          ["aws_profile", leaf("")],
        ]),
      ]),
    ],
    ["lastmodified", leaf("2025-01-02T03:04:05Z")],
    ["mac", leaf(mac)],
    ["mac_only_encrypted", leaf({ type: "bool", text: "True" })],
    ["shamir_threshold", leaf({ type: "int", text: "2" })],
    ["version", leaf("3.13.2")],
  ]);
}

/** A node as nested arrays of text. Metadata is weakly typed, so `true` and `True` are one. */
function plainNode(node: Node): unknown {
  if (node.kind === "leaf") {
    const text = String(node.scalar.text);
    return node.scalar.type === "bool" ? text.toLowerCase() : text;
  }
  if (node.kind === "list")
    return node.elements.flatMap((element) => (element.kind === "comment" ? [] : [plainNode(element)]));
  return node.members.flatMap((member) => (member.kind === "comment" ? [] : [[member.key, plainNode(member.value)]]));
}

/** A block as it is compared; `null`: there is none. In TOML, tables stand behind the other fields, whose order means nothing. */
function plainBlock(id: string, block: Mapping | null): unknown {
  if (block === null) return null;
  const rows = plainNode(block) as [string, unknown][];
  return id === "toml" ? rows.toSorted(([a], [b]) => (a < b ? -1 : 1)) : rows;
}

const everything = { byComment: false, sealsHits: false, hits: () => false };

function entriesOf(doc: Document): { entry: Entry; path: string }[] {
  const entries: { entry: Entry; path: string }[] = [];
  walk(doc.roots, { selection: everything }, { entry: (entry, path) => entries.push({ entry, path }) });
  return entries;
}

/** Path, type and text of everything that is not null. */
function contentOf(doc: Document): string[] {
  return entriesOf(doc).map(({ entry, path }) => {
    const { type, text } = entry.scalar;
    return JSON.stringify([path, type, Buffer.from(text).toString("latin1")]);
  });
}

/** Edits that put an envelope over everything that is not empty, as encrypting does. */
function sealEdits(format: Format, doc: Document): Edit[] {
  const values: Edit[] = [];
  const comments: Edit[] = [];
  for (const { entry } of entriesOf(doc)) {
    if (entry.at === null || entry.scalar.text.length === 0) continue;
    if (entry.kind === "comment") comments.push(format.edit(entry, { type: "comment", text: ENVELOPE }, doc));
    else values.push(format.edit(entry, str(ENVELOPE), doc));
  }
  // A comment on the header of a block is written with the block.
  const edits = new EditList(values);
  return [...values, ...comments.filter((edit) => !edits.isInside(edit))];
}

/** The block written, replaced or (`null`) taken away. */
async function withBlock(format: Format, source: Uint8Array, block: Mapping | null): Promise<Uint8Array> {
  const doc = await format.parse(source);
  return applyEdits(doc.source, format.metadataEdits(doc, block));
}

describe("the registry", () => {
  test("has every id once, finds it, and nothing else", async () => {
    expect(new Set(formats.map(({ id }) => id)).size).toBe(formats.length);
    for (const format of formats) {
      expect(formatById(format.id)).toBe(format);
      expect((await formatOf(format.id)).id).toBe(format.id);
    }
    for (const name of ["", "YAML", "yml", "constructor", "__proto__", "toString"]) expect(formatById(name)).toBeNull();
  });

  test("has every extension once, with its dot", () => {
    const extensions = formats.flatMap((format) => format.extensions);
    expect(new Set(extensions).size).toBe(extensions.length);
    for (const extension of extensions) expect(extension).toMatch(/^\.[a-z]+$/);
    for (const format of formats)
      for (const extension of format.extensions) expect(formatForFileName(`dir.x/file${extension}`)).toBe(format);
  });

  test.each([
    ["a.yaml", "yaml"],
    ["a.yml", "yaml"],
    ["a.enc.yaml", "yaml"],
    ["a.yaml.enc", "yaml"],
    ["a.sops.json", "json"],
    [".env", "dotenv"],
    [".env.local", "dotenv"],
    [".env.production", "dotenv"],
    [".env.json", "json"],
    ["prod.env", "dotenv"],
    ["a.ini", "ini"],
    ["a.toml", "toml"],
    ["a.YAML", "binary"],
    ["yaml", "binary"],
    ["dir.yaml/file", "binary"],
    ["dir\\a.ini", "ini"],
    ["", "binary"],
  ])("takes %j for %s", (name, id) => {
    expect(formatForFileName(name).id).toBe(id);
  });
});

const loaded = await Promise.all(formats.map(async ({ id, load }) => [id, await load()] as const));

describe.each(loaded)("%s", (id, format) => {
  const files = plainFiles(id);

  test("has files to be tried with", () => {
    expect(files.length).toBeGreaterThan(1);
  });

  test.each(files)("reads %s the same way twice, without a block", async (_, source) => {
    const doc = await format.parse(source);
    expect(doc.metadata).toBeNull();
    expect(doc.hasLaterMetadata ?? false).toBe(false);
    expect(await format.parse(source)).toEqual(doc);
    expect(doc.roots.length).toBeGreaterThan(0);
  });

  test.each(files)("has places in %s that are in the text, in order and apart", async (_, source) => {
    const doc = await format.parse(source);
    // What is empty is never edited.
    const places = entriesOf(doc).flatMap(({ entry: { at, scalar } }) =>
      at === null || scalar.text.length === 0 ? [] : [at],
    );
    for (const { start, end } of places) {
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(doc.source.length);
    }
    // In order of the text, since trees may have comments in other places; one may stand within a value.
    const sorted = places.toSorted((a, b) => a.start - b.start || a.end - b.end);
    for (const [i, place] of sorted.entries()) {
      const next = sorted[i + 1];
      if (next !== undefined && next.end > place.end) expect(next.start).toBeGreaterThanOrEqual(place.end);
    }
  });

  test.each(files)("writes an envelope over each entry of %s, where it is read again", async (_, source) => {
    const original = await format.parse(source);
    const edits = [...sealEdits(format, original), ...format.metadataEdits(original, blockOf("m"))];
    const doc = await format.parse(applyEdits(original.source, edits));
    const expected = entriesOf(original).flatMap(({ entry, path }) => {
      if (entry.kind === "comment") return [];
      // Entries without a place repeat, as aliases do, what is sealed elsewhere.
      return [[path, entry.scalar.text.length === 0 ? "" : ENVELOPE]];
    });
    const found = entriesOf(doc).flatMap(({ entry, path }) =>
      entry.kind === "comment" ? [] : [[path, String(entry.scalar.text).trimEnd()]],
    );
    expect(found).toEqual(expected);
    const commentsOf = (one: Document): number =>
      entriesOf(one).filter(({ entry }) => entry.kind === "comment" && entry.scalar.text.length > 0).length;
    expect(commentsOf(doc)).toBe(commentsOf(original));
  });

  test.each(files)(
    "writes a block into the sealed %s, replaces it, and takes it away without a trace",
    async (_, source) => {
      const original = await format.parse(source);
      const seals = sealEdits(format, original);
      const written = applyEdits(original.source, [...seals, ...format.metadataEdits(original, blockOf("first"))]);
      const doc = await format.parse(written);
      expect(plainBlock(id, doc.metadata)).toEqual(plainNode(blockOf("first")));

      const replaced = await withBlock(format, written, blockOf("second"));
      const again = await format.parse(replaced);
      expect(plainBlock(id, again.metadata)).toEqual(plainNode(blockOf("second")));
      expect(contentOf(again)).toEqual(contentOf(doc));
      expect(textOf(await withBlock(format, replaced, blockOf("first")))).toBe(textOf(written));

      // A sealed binary file is JSON around its value.
      const kept = id === "binary" ? ENVELOPE : textOf(applyEdits(original.source, seals));
      expect(textOf(await withBlock(format, written, null))).toBe(kept);
      expect(textOf(await withBlock(format, replaced, null))).toBe(kept);
    },
  );

  test.each(files)("prints %s anew, and reads the same values again", async (_, source) => {
    const doc = await format.parse(source);
    const roots = id === "yaml" ? doc.roots : doc.roots.slice(0, 1);
    const valuesOf = (one: Document): string[] =>
      contentOf(one).flatMap((row) => {
        const [path, type, text] = JSON.parse(row) as [string, string, string];
        // A float that is printed without a fraction is read as an integer.
        if (type === "comment") return [];
        return [JSON.stringify([path, type === "float" ? "int" : type, text === "-0" ? "0" : text])];
      });
    expect(valuesOf(await format.parse(format.print(roots, {})))).toEqual(valuesOf({ ...doc, roots }));
  });

  test("prints one string raw", () => {
    expect(textOf(format.printNode(leaf("a\n\"b\": 'c' #"), {}))).toBe("a\n\"b\": 'c' #");
  });

  test("finds the block that it printed", async () => {
    const root = mapping(id === "ini" ? [["s", mapping([["k", leaf("v")]])]] : [["data", leaf(ENVELOPE)]]);
    root.members.push({ kind: "item", key: "sops", value: blockOf("m") });
    const doc = await format.parse(format.print([root], {}));
    expect(plainBlock(id, doc.metadata)).toEqual(plainNode(blockOf("m")));
    expect(itemOf(doc.roots[0] as Mapping, "sops")).toBeNull();
  });

  test("answers any bytes with a document or a KeyleafError", async () => {
    const parts = [
      "a",
      ":",
      " ",
      "\n",
      "  ",
      "-",
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      "=",
      "#",
      "|",
      "sops",
      "&",
      "*",
      "\\",
      ",",
      "1",
      "\0",
    ];
    const text = fc.string({ unit: fc.constantFrom(...parts), maxLength: 30 }).map((one) => Buffer.from(one));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 40 }), text), async (source) => {
        try {
          await format.parse(source);
        } catch (error) {
          if (!(error instanceof KeyleafError)) throw error;
          expect([
            "INPUT_MALFORMED",
            "INPUT_EMPTY",
            "INPUT_NO_DOCUMENT",
            "INPUT_UNSUPPORTED",
            "INPUT_UNSUPPORTED_VALUE",
            "INPUT_METADATA",
          ]).toContain(error.code);
        }
      }),
      { numRuns: 2000 },
    );
  });

  if (id !== "binary") {
    test("refuses what is not UTF-8, with the line", async () => {
      const error = await failure(async () => format.parse(Buffer.from("\n\n\xff\n", "latin1")));
      expect(error.code).toBe("INPUT_UNSUPPORTED");
      expect(error.details.line).toBe(3);
    });
  }
});
