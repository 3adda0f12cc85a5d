import { describe, expect, it } from "vitest";
import { boolScalar, floatScalar, NULL } from "../../src/crypto/scalar-bytes.ts";
import { type Entry, leaf, list, mapping, str } from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { dotenv } from "../../src/formats/dotenv.ts";
import { BLOCK, entriesOf, sealAndOpen, textOf, tree, writeAndRemove } from "./flat-sealing.ts";

function entry(source: string, index = 0): { doc: ReturnType<typeof dotenv.parse>; entry: Entry } {
  const doc = dotenv.parse(Buffer.from(source));
  const root = doc.roots[0];
  if (root === undefined) throw new Error("no document");
  return { doc, entry: entriesOf(root)[index] as Entry };
}

const code = (name: string, line?: number) =>
  expect.objectContaining({
    code: name,
    ...(line === undefined ? {} : { details: expect.objectContaining({ line }) }),
  });

describe("dotenv tree, as sops sees it", () => {
  it.each([
    [
      "quotes, blanks and export are data",
      "export A=\"x\"\n B = ' y '\n",
      [
        ["export A", '"x"'],
        [" B ", " ' y '"],
      ],
    ],
    [
      "the first = divides",
      "A==\nB=a=b#c # d\n=x\n",
      [
        ["A", "="],
        ["B", "a=b#c # d"],
        ["", "x"],
      ],
    ],
    [
      "backslash and n is a newline",
      "A=l1\\nl2\nB=a\\\\nb\n",
      [
        ["A", "l1\nl2"],
        ["B", "a\\\nb"],
      ],
    ],
    ["carriage returns stay", "A=1\r\n# c\r\nB=\r\n", [["A", "1\r"], "# c\r", ["B", "\r"]]],
    [
      "duplicates stay",
      "A=1\nA=2\n",
      [
        ["A", "1"],
        ["A", "2"],
      ],
    ],
    ["comments keep all but the marker", "#a\n# b\n##\n#\n", ["#a", "# b", "##", "#"]],
    ["a byte order mark belongs to the first key", "\ufeffA=1\n", [["\ufeffA", "1"]]],
    ["an indented comment with = is a key", "  # A=b\n", [["  # A", "b"]]],
    ["blank lines are nothing", "\n\nA=1\n\n", [["A", "1"]]],
    ["an empty file is fine", "", []],
    ["no final line break", "A=1\n#c", [["A", "1"], "#c"]],
    [
      "sops and sopsx are ordinary keys",
      "sops=1\nsopsx=2\n",
      [
        ["sops", "1"],
        ["sopsx", "2"],
      ],
    ],
    [
      "an unclosed quote is a value of one line",
      "A='x\nB=y\n",
      [
        ["A", "'x"],
        ["B", "y"],
      ],
    ],
    [
      "a quote that something follows does not close",
      'A="x\nB="y" z\n',
      [
        ["A", '"x'],
        ["B", '"y" z'],
      ],
    ],
  ])("%s", (_, source, expected) => {
    expect(tree(dotenv, source)).toEqual(expected);
  });

  it.each([
    ["text", "A=1\njust text\n", 2],
    ["export alone", "export A\n", 1],
    ["key before the rest of a broken value", "A='x\ny\n", 2],
  ])("refuses a line without = (%s)", (_, source, line) => {
    expect(() => dotenv.parse(Buffer.from(source))).toThrow(code("INPUT_MALFORMED", line));
  });

  it("refuses what is not UTF-8", () => {
    expect(() => dotenv.parse(Buffer.from([0x41, 0x3d, 0xff]))).toThrow(code("INPUT_UNSUPPORTED", 1));
  });
});

describe("a dotenv document", () => {
  it.each([
    ["plain", "# c\nA=1\n\nB='2\n3'\n \n"],
    ["sealed", "# c\nA=1\nsops_mac=x\nB=2\n"],
  ])("passes the same entries by as are in its tree, made anew each time: %s", (_, source) => {
    const doc = dotenv.parse(Buffer.from(source));
    const passed = () => (doc.passing ?? []).map((root) => [...root.members]);
    expect(passed()).toEqual(doc.roots.map(({ members }) => members));
    expect(passed()).toHaveLength(1);
    for (const comment of passed().flat()) if (comment.kind === "comment") comment.scalar = str("lost");
    expect(passed()).toEqual(doc.roots.map(({ members }) => members));
  });

  it("keeps what is set in its tree", () => {
    const doc = dotenv.parse(Buffer.from("# c\nA=1\n"));
    const [first] = doc.roots[0]?.members ?? [];
    if (first?.kind === "comment") first.scalar = str("kept");
    expect(doc.roots[0]?.members[0]).toMatchObject({ kind: "comment", scalar: { text: "kept" } });
  });

  it("is refused for a broken line before anything in it is looked at", () => {
    expect(() => dotenv.parse(Buffer.from("A=1\nB\n"))).toThrow(code("INPUT_MALFORMED", 2));
  });
});

describe("dotenv beyond sops", () => {
  it.each([
    ["double quotes", 'A="l1\nl2" # c\nB=1\n', '"l1\nl2" # c'],
    ["single quotes", "A='{\n \"a\": 1\n}'\nB=1\n", "'{\n \"a\": 1\n}'"],
    ["backquotes, blanks in front", "A= `a\r\nb`\r\nB=1\n", " `a\r\nb`\r"],
    ["an escaped quote inside", 'A="a\\"\nb"\nB=1\n', '"a\\"\nb"'],
    ["lines that look like comments and keys", 'A="a\n# b\nC=d"\nB=1\n', '"a\n# b\nC=d"'],
  ])("reads a value over several lines: %s", (_, source, value) => {
    expect(tree(dotenv, source)).toEqual([
      ["A", value],
      ["B", "1"],
    ]);
    const { doc, entry: first } = entry(source);
    expect(dotenv.whyNotClear?.(first, doc)).not.toBeNull();
    const { sealed, opened } = sealAndOpen(dotenv, source);
    expect(sealed.split("\n")[0]).toBe("A=ENC[AES256_GCM,data:0,type:str]");
    expect(opened).toBe(source);
  });

  it("reads no such values in sealed files, which sops wrote or reads", () => {
    const source = 'A="x\nB=y"\nsops_version=3.13.2\n';
    expect(tree(dotenv, source)).toEqual([
      ["A", '"x'],
      ["B", 'y"'],
    ]);
  });

  it.each([
    ["blanks", "   "],
    ["a carriage return", "\r"],
    ["an indented comment", "  # c"],
  ])("carries a line that sops refuses as a comment: %s", (_, line) => {
    const source = `A=1\n${line}\nB=2\n`;
    expect(tree(dotenv, source)).toEqual([["A", "1"], `#${line}`, ["B", "2"]]);
    const { doc, entry: odd } = entry(source, 1);
    expect(dotenv.whyNotClear?.(odd, doc)).not.toBeNull();
    const { sealed, opened } = sealAndOpen(dotenv, source);
    expect(sealed.split("\n")[1]).toBe("#ENC[AES256_GCM,data:1,type:comment]");
    expect(opened).toBe(source);
  });

  it("does so with a comment behind a byte order mark", () => {
    const source = "\ufeff# c\nA=1\n";
    expect(tree(dotenv, source)).toEqual(["#\ufeff# c", ["A", "1"]]);
    expect(sealAndOpen(dotenv, source).opened).toBe(source);
  });

  it("may leave all else clear", () => {
    const { doc, entry: comment } = entry("# c\nA=1\n");
    expect(dotenv.whyNotClear?.(comment, doc)).toBeNull();
    expect(dotenv.whyNotClear?.(entry("A=1\n").entry, doc)).toBeNull();
  });
});

describe("dotenv edits", () => {
  it("writes newlines as two characters and everything else verbatim", () => {
    const { doc, entry: value } = entry("A=x\nB=2\n");
    const write = (text: string | Uint8Array) =>
      textOf(applyEdits(doc.source, [dotenv.edit(value, { type: "str", text }, doc)]));
    expect(write('a\nb # "c"')).toBe('A=a\\nb # "c"\nB=2\n');
    expect(applyEdits(doc.source, [dotenv.edit(value, { type: "str", text: Buffer.from([0xff, 0x0a]) }, doc)])).toEqual(
      Buffer.concat([Buffer.from("A="), Buffer.from([0xff]), Buffer.from("\\n\nB=2\n")]),
    );
  });

  it("writes other types as text", () => {
    const { doc, entry: value } = entry("A=x\n");
    expect(dotenv.edit(value, boolScalar(true), doc).text).toBe("true");
    expect(dotenv.edit(value, floatScalar(1), doc).text).toBe("1.0");
    expect(dotenv.edit(value, NULL, doc).text).toBe("<nil>");
  });

  it("gives each line of a comment its marker", () => {
    const { doc, entry: comment } = entry("# c\nA=x\n");
    expect(dotenv.edit(comment, { type: "comment", text: " a\n b" }, doc).text).toBe("# a\n# b");
  });

  it("reads back one value or one comment only", () => {
    const { doc, entry: value } = entry("A=x\n# c\n");
    const { entry: comment } = entry("A=x\n# c\n", 1);
    const read = (text: string, at = value.at) => (at === null ? null : dotenv.read(text, at, doc));
    expect(read("a\\nb")).toEqual(str("a\nb"));
    expect(read('"a\nb"')).toEqual(str('"a\nb"'));
    expect(read('"a\nb"\nC=d')).toBeNull();
    expect(read("a\nb")).toBeNull();
    expect(read("# c", comment.at)).toEqual({ type: "comment", text: " c" });
    expect(read("  # c", comment.at)).toEqual({ type: "comment", text: "  # c" });
    expect(read("c", comment.at)).toBeNull();
    expect(read("# c\n# d", comment.at)).toBeNull();
  });
});

describe("dotenv metadata", () => {
  it("comes as lines at the end, LF even among CRLF", () => {
    const { written, removed } = writeAndRemove(dotenv, "A=1\r\n");
    expect(written).toBe(
      "A=1\r\nsops_age__list_0__map_enc=-----BEGIN\\nx\\n-----END\\n\nsops_age__list_0__map_recipient=age1x\n" +
        'sops_lastmodified=2025-01-02T03:04:05Z\nsops_mac=ENC[mac]\nsops_unencrypted_regex=^"(#|;)\n',
    );
    expect(removed).toBe("A=1\r\n");
    expect(dotenv.parse(Buffer.from(written)).metadata).toEqual(BLOCK);
  });

  it.each(["", "\n", "A=1", "A=1\n", "A=1\n\n", "#c", "\ufeff\n", "A=", "A=\r", "A=1\n   "])(
    "leaves no trace in %j",
    (source) => {
      const { written, removed } = writeAndRemove(dotenv, source);
      expect(removed).toBe(source);
      expect(written.endsWith("\n")).toBe(source === "" || source.endsWith("\n"));
    },
  );

  it("is found and replaced wherever it stands", () => {
    const doc = dotenv.parse(Buffer.from("sops_a=1\nA=1\nsops_b__map_c=2\nsops_d=3\n# c\n"));
    expect(tree(dotenv, doc.source)).toEqual([["A", "1"], "# c"]);
    expect(doc.metadata).toEqual(
      mapping([
        ["a", leaf("1")],
        ["b", mapping([["c", leaf("2")]])],
        ["d", leaf("3")],
      ]),
    );
    expect(textOf(applyEdits(doc.source, dotenv.metadataEdits(doc, null)))).toBe("A=1\n# c\n");
    const block = mapping([["mac", leaf("x")]]);
    expect(textOf(applyEdits(doc.source, dotenv.metadataEdits(doc, block)))).toBe("A=1\n# c\nsops_mac=x\n");
  });

  it("refuses a name that is there twice", () => {
    expect(() => dotenv.parse(Buffer.from("sops_mac=1\nsops_mac=2\n"))).toThrow(code("INPUT_METADATA"));
  });
});

describe("printing as dotenv", () => {
  it("prints scalars as sops does, and metadata flat", () => {
    const root = mapping([
      ["A", leaf("x\ny")],
      ["B", leaf(boolScalar(false))],
      ["sops", BLOCK],
    ]);
    root.members.unshift({ kind: "comment", scalar: { type: "comment", text: " c" }, inline: false, at: null });
    expect(
      textOf(dotenv.print([root], {}))
        .split("\n")
        .slice(0, 4),
    ).toEqual(["# c", "A=x\\ny", "B=false", "sops_age__list_0__map_enc=-----BEGIN\\nx\\n-----END\\n"]);
  });

  it.each([
    ["a list", mapping([["A", list([])]])],
    ["a mapping", mapping([["A", mapping([])]])],
    ["a key that reads as another", mapping([["A=b", leaf("c")]])],
    ["a key that reads as a comment", mapping([["#A", leaf("c")]])],
  ])("refuses %s", (_, root) => {
    expect(() => dotenv.print([root], {})).toThrow(code("OUTPUT_UNREPRESENTABLE"));
  });

  it("prints one string raw, and nothing else by itself", () => {
    expect(textOf(dotenv.printNode(leaf("a\nb"), {}))).toBe("a\nb");
    expect(() => dotenv.printNode(leaf(boolScalar(true)), {})).toThrow(code("OUTPUT_UNREPRESENTABLE"));
  });
});
