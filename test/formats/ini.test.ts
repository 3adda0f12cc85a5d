import { describe, expect, it } from "vitest";
import { boolScalar, floatScalar, intScalar, NULL } from "../../src/crypto/scalar-bytes.ts";
import { type Comment, type Entry, leaf, list, type Mapping, mapping, str } from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { ini } from "../../src/formats/ini.ts";
import { BLOCK, entriesOf, sealAndOpen, textOf, tree, writeAndRemove } from "./flat-sealing.ts";

const code = (name: string, line?: number) =>
  expect.objectContaining({
    code: name,
    ...(line === undefined ? {} : { details: expect.objectContaining({ line }) }),
  });

/** The members of section `s`, which the source is the body of. */
function section(body: string): unknown {
  const sections = tree(ini, `[s]\n${body}`);
  expect(sections[0]).toEqual(["DEFAULT", []]);
  return (sections[1] as unknown[])[1];
}

/** The value of `k`, written as given. */
function value(written: string): unknown {
  const members = section(`k = ${written}\n`) as [string, string][];
  expect(members[0]?.[0]).toBe("k");
  return members[0]?.[1];
}

function first(source: string): { doc: ReturnType<typeof ini.parse>; entry: Entry } {
  const doc = ini.parse(Buffer.from(source));
  return { doc, entry: entriesOf(doc.roots[0] as Mapping)[0] as Entry };
}

describe("INI values, as sops sees them", () => {
  it.each([
    ["x", "x"],
    ["  x y \t", "x y"],
    ["\u00a0x\u0085", "x"],
    ["", ""],
    ['"x"', "x"],
    ["'x'", "x"],
    ["''", ""],
    ['" x "', " x "],
    ['"x', '"x'],
    ['a "b" c', 'a "b" c'],
    ['"a" "b"', '"a" "b"'],
    [`"it's"`, "it's"],
    ["x=y:z", "x=y:z"],
    ["%(a)s", "%(a)s"],
    ["C:\\dir", "C:\\dir"],
    ["a\\nb", "a\\nb"],
    ["x#y", "x"],
    ["x;y", "x"],
    ['"a ; b"', '"a'],
    ["; c", ""],
    ["`a ; b`", "a ; b"],
    ["`a` b`", "a` b"],
    ["`a` skipped ; c", "a"],
    ['"""a"""', "a"],
    ['"""l1\nl2\n\nl4"""', "l1\nl2\n\nl4"],
    ['"""l1\nl2""" skipped ; c', "l1\nl2"],
    ["`x\r\ny`", "x\r\ny"],
    // go-ini looks for the closing quote only in lines that do not go on.
    ['"""l1\nl2""" skipped \\\nl3"""', 'l1\nl2""" skipped \\\nl3'],
    ["`l1\nl2` \\ \r\nl3`", "l1\nl2` \\ \r\nl3"],
    ["`l1` skipped \\", "l1"],
    ["one \\\n  two", "one two"],
    ["one \\\n  two \\\n three", "one two three"],
    ["one \\\n; two", "one ; two"],
    ["one # c \\\n two", "one # c two"],
    ["one \\\n\n", "one "],
    ["one \\", "one "],
  ])("%j is %j", (written, expected) => {
    expect(value(written)).toBe(expected);
    const source = `[s]\nk = ${written}\nj = 1\n`;
    expect(sealAndOpen(ini, source).opened).toBe(source);
  });

  it("has them sealed without any of their quotes, continuation lines and skipped text", () => {
    const source = 'a = `x` skipped\nb = one \\\n two\nc = """l1\nl2""" skipped # c\nd = \'x\' # d\n';
    const { sealed } = sealAndOpen(ini, source);
    expect(sealed.split("\n").slice(0, 4)).toEqual([
      "a = ENC[AES256_GCM,data:0,type:str]",
      "b = ENC[AES256_GCM,data:1,type:str]",
      "c = ENC[AES256_GCM,data:2,type:str] # ENC[AES256_GCM,data:3,type:comment]",
      "d = ENC[AES256_GCM,data:4,type:str] # ENC[AES256_GCM,data:5,type:comment]",
    ]);
  });
});

describe("INI tree, as sops sees it", () => {
  it.each([
    [
      "keys before any header",
      "a = 1\n[s]\nb: 2\n",
      [
        ["DEFAULT", [["a", "1"]]],
        ["s", [["b", "2"]]],
      ],
    ],
    [
      "an explicit default section",
      "[DEFAULT]\na=1\n",
      [
        ["DEFAULT", []],
        ["DEFAULT", [["a", "1"]]],
      ],
    ],
    [
      "two sections of one name",
      "[s]\na=1\n[s]\na=2\n",
      [
        ["DEFAULT", []],
        ["s", [["a", "1"]]],
        ["s", [["a", "2"]]],
      ],
    ],
    [
      "odd section names",
      "[ x ]\n[a.b]\n[a]b]\n",
      [
        ["DEFAULT", []],
        [" x ", []],
        ["a.b", []],
        ["a]b", []],
      ],
    ],
    [
      "a bracket in a comment",
      "[s] ; see [x]\n",
      [
        ["DEFAULT", []],
        ["s] ; see [x", []],
      ],
    ],
    [
      "a byte order mark, CRLF",
      "\ufeffa = 1\r\n[s]\r\n",
      [
        ["DEFAULT", [["a", "1"]]],
        ["s", []],
      ],
    ],
    ["no file at all", "", [["DEFAULT", []]]],
  ])("%s", (_, source, expected) => {
    expect(tree(ini, source)).toEqual(expected);
    expect(sealAndOpen(ini, source).opened).toBe(source);
  });

  it("reads keys in quotes, and numbers those that are a dash", () => {
    const body = 'a b = 1\n"c = d" = 2\n`e:f` = 3\n"""g`"h""" = 4\n- = 5\n-: 6\nA = 7\n';
    expect(section(body)).toEqual([
      ...[
        ["a b", "1"],
        ["c = d", "2"],
        ["e:f", "3"],
        ['g`"h', "4"],
        ["#1", "5"],
        ["#2", "6"],
        ["A", "7"],
      ],
    ]);
    expect(section("- = 1\n[t]\n- = 2\n")).toEqual([["#1", "1"]]);
  });

  it.each([
    ["a line without delimiter", "[s]\njust text\n", 2],
    ["a header that is not closed", "[s\na = 1\n", 1],
    ["a header without a name", "a = 1\n[]\n", 2],
    ["text behind a header", "a = 1\n[t] b = 2\n", 2],
    ["a byte order mark behind a header, which is no white space there", "a = 1\n[t]\ufeff\n", 2],
    ["no key", "= 1\n", 1],
    ["a key whose quote is not closed", '"a = 1\n', 1],
    ["a value whose quote is not closed", 'b = 1\na = """x\ny\n', 2],
    ["three quotes at the end, which go-ini takes for a value", 'a = """', 1],
  ])("refuses %s", (_, source, line) => {
    expect(() => ini.parse(Buffer.from(source))).toThrow(code("INPUT_MALFORMED", line));
  });

  it.each([
    ["a = `` hunter2 \n", "hunter2"],
    ['a = """""" ; c \\\nb = 1', "; c \\"],
  ])("reads text behind an empty quoted value, which sops skips, as a comment: %j", (source, text) => {
    const [[, members]] = tree(ini, source) as [[string, unknown[]]];
    expect([members[0], members.at(-1)]).toEqual([["a", ""], `#${text}`]);
    const { sealed, opened } = sealAndOpen(ini, source);
    expect(sealed).not.toContain(text);
    expect(opened).toBe(source);
    const doc = ini.parse(Buffer.from(source));
    const skipped = entriesOf(doc.roots[0] as Mapping).at(-1) as Entry;
    expect(ini.whyNotClear?.(skipped, doc)).not.toBeNull();
    expect(skipped.at && ini.read(text, skipped.at, doc)).toEqual({ type: "comment", text });
    for (const other of ["", "x`y", 'x"y', "x\ny", " x"])
      expect(skipped.at && ini.read(other, skipped.at, doc)).toBeNull();
  });

  it("refuses UTF-16", () => {
    expect(() => ini.parse(Buffer.from("\ufeffa = 1\n", "utf16le"))).toThrow(code("INPUT_UNSUPPORTED"));
  });
});

describe("INI comments", () => {
  it("come behind their key, that of a section first", () => {
    const source = "; head\n[s] ; side\n; about a\na = 1 ; beside a\n# about b\n\n  ;; more\nb = 2\n; lost\n";
    expect(tree(ini, source)).toEqual([
      ["DEFAULT", []],
      ["s", ["#head\n; side", ["a", "1"], "#about a", "#beside a", ["b", "2"], "#about b\n;; more", "#lost"]],
    ]);
    expect(sealAndOpen(ini, source).opened).toBe(source);
  });

  it("keep their marker when they are sealed, a run on one line", () => {
    const { sealed } = sealAndOpen(ini, "#  a\n\n;b\nk = 1\n;; c\nl = 2\n");
    expect(sealed.split("\n").slice(0, 4)).toEqual([
      "#  ENC[AES256_GCM,data:1,type:comment]",
      "k = ENC[AES256_GCM,data:0,type:str]",
      ";; ENC[AES256_GCM,data:3,type:comment]",
      "l = ENC[AES256_GCM,data:2,type:str]",
    ]);
  });

  it("beside a header are sealed above it: the envelope's bracket would end the name", () => {
    const { sealed, opened } = sealAndOpen(ini, "[s] ; side\nk = 1\n");
    expect(sealed.split("\n").slice(0, 2)).toEqual(["; ENC[AES256_GCM,data:0,type:comment]", "[s]"]);
    expect(opened).toBe("[s] ; side\nk = 1\n");
    const nextLine = "[s] ; \u0085side\u0085\nk = \u0085\n[t];\u0085";
    expect(sealAndOpen(ini, nextLine).opened).toBe(nextLine);
  });

  it("at the end stay with their section when the metadata follows", () => {
    const { sealed, opened } = sealAndOpen(ini, "[s]\nk = 1\n; last");
    expect(sealed).toContain("\n; ENC[AES256_GCM,data:1,type:comment]\n\n[sops]\n");
    expect(opened).toBe("[s]\nk = 1\n; last");
  });

  it.each([
    ["above a key", ";;;;\n; About\n;;;;\nk = 1\n", "; About\n;;;;"],
    ["above a header", ";;;;\n;;;;\n[s]\n", ";;;;"],
    ["of markers only, joined with one beside the key", ";\nk = 1 ; c\n", ";"],
  ])("whose first line is bare crash sops, so it is left out: %s", (_, source, text) => {
    const doc = ini.parse(Buffer.from(source));
    const comment = entriesOf(doc.roots[0] as Mapping).find((entry) => entry.kind === "comment") as Comment;
    expect(comment.scalar.text).toBe(text);
    expect(ini.whyNotClear?.(comment, doc)).not.toBeNull();
    expect(sealAndOpen(ini, source).opened).toBe(source);
  });

  it("of markers only are empty", () => {
    expect(section(";;\nk = 1\n")).toEqual([["k", "1"], "#"]);
  });
});

describe("INI keys that are there twice", () => {
  const source = "[s]\n; old\nk = 'a'\nj = 1\n; new\nk = b\n";

  it("have the first place, the last value and comment, and the rest sealed as comments at the end", () => {
    expect(tree(ini, source)[1]).toEqual(["s", [["k", "b"], "#new", ["j", "1"], "#old", "#a"]]);
    const { sealed, opened } = sealAndOpen(ini, source);
    expect(sealed).toContain("\nk = ENC[AES256_GCM,data:4,type:comment]\nj");
    expect(opened).toBe(source);
  });

  it("may have a first value that looks like a comment, as it goes on in the next line", () => {
    const continued = "k = ; \\\n  old\nk = b\n";
    expect(tree(ini, continued)).toEqual([["DEFAULT", [["k", "b"], "#; old"]]]);
    expect(sealAndOpen(ini, continued).opened).toBe(continued);
  });

  it("must not leave the replaced value clear", () => {
    const doc = ini.parse(Buffer.from(source));
    const replaced = entriesOf(doc.roots[0] as Mapping).at(-1) as Entry;
    expect(ini.whyNotClear?.(replaced, doc)).not.toBeNull();
    expect(ini.whyNotClear?.(first("; c\nk = 1\n").entry, doc)).toBeNull();
  });
});

describe("INI edits", () => {
  it.each([
    ["x", "x"],
    ["", ""],
    ["a#b", "`a#b`"],
    ["a\nb", '"""a\nb"""'],
    ["a`b", '"""a`b"""'],
    [" a ", '" a "'],
    ['"a"', '`"a"`'],
    ["'a'", "`'a'`"],
    ["a\\", "`a\\`"],
    ['"""', '`"""`'],
    ['a"""\nb', '`a"""\nb`'],
  ])("write %j as %s, which reads back", (text, written) => {
    const { doc, entry } = first("k = x\nj = 1\n");
    expect(ini.edit(entry, str(text), doc).text).toBe(written);
    expect(value(written)).toBe(text);
  });

  it("write bytes that are not UTF-8", () => {
    const { doc, entry } = first("k = x\n");
    const edit = ini.edit(entry, { type: "str", text: Buffer.from([0xff, 0x23]) }, doc);
    expect(Buffer.from(edit.text)).toEqual(Buffer.from([0x60, 0xff, 0x23, 0x60]));
  });

  it("write other types as text", () => {
    const { doc, entry } = first("k = x\n");
    expect(ini.edit(entry, boolScalar(true), doc).text).toBe("true");
    expect(ini.edit(entry, floatScalar(2), doc).text).toBe("2.0");
  });

  it("write a value where there was none", () => {
    for (const source of ["k =\n", "k = \n", "k = ; c\n", "k="]) {
      const { doc, entry } = first(source);
      expect(tree(ini, textOf(applyEdits(doc.source, [ini.edit(entry, str("x"), doc)])))).toEqual([
        ["DEFAULT", source.includes(";") ? [["k", "x"], "#c"] : [["k", "x"]]],
      ]);
    }
  });

  it("give lines of a comment the markers they lack", () => {
    const { doc, entry } = first("# c\n[s]\n");
    expect(ini.edit(entry, { type: "comment", text: "a\nb\n# c" }, doc).text).toBe("# a\n; b\n# c\n[s]");
  });

  it("read back one value or one comment only", () => {
    const { doc, entry } = first("k = x\nj = 1\n");
    const read = (text: string) => (entry.at === null ? null : ini.read(text, entry.at, doc));
    expect(read("'x'")).toEqual(str("x"));
    expect(read("a \\\n b")).toEqual(str("a b"));
    for (const text of ["x ; c", " x", "x ", "x\ny = 1", '"""x', "a \\"]) expect(read(text)).toBeNull();

    const comment = first("; c\n[s]\nk = 1\n");
    const readComment = (text: string) =>
      comment.entry.at === null ? null : ini.read(text, comment.entry.at, comment.doc);
    expect(readComment("[s] # c")).toEqual({ type: "comment", text: "c" });
    expect(readComment("# c\n\n[s]")).toEqual({ type: "comment", text: "c" });
    for (const text of ["; c", "; c\n[t]", "; c\n[s]\nk = 1", "; c\n[s]\n[s]", "[s]"])
      expect(readComment(text)).toBeNull();

    const besideDoc = ini.parse(Buffer.from("k = 1 ; c\n"));
    const beside = entriesOf(besideDoc.roots[0] as Mapping)[1] as Entry;
    const readBeside = (text: string) => (beside.at === null ? null : ini.read(text, beside.at, besideDoc));
    expect(readBeside("#c")).toEqual({ type: "comment", text: "c" });
    for (const text of ["; c\n; d", "; c \\", "c", " ; c"]) expect(readBeside(text)).toBeNull();
  });
});

describe("INI metadata", () => {
  it("comes at the end as sops writes it", () => {
    const { written, removed } = writeAndRemove(ini, "[s]\r\nk = 1\r\n");
    expect(written).toBe(
      [
        ...["[s]\r", "k = 1\r", "", "[sops]", "age__list_0__map_enc       = -----BEGIN\\nx\\n-----END\\n"],
        ...["age__list_0__map_recipient = age1x", "lastmodified               = 2025-01-02T03:04:05Z"],
        ...["mac                        = ENC[mac]", 'unencrypted_regex          = `^"(#|;)`', ""],
      ].join("\n"),
    );
    expect(removed).toBe("[s]\r\nk = 1\r\n");
    expect(ini.parse(Buffer.from(written)).metadata).toEqual(BLOCK);
  });

  it("is read with raw newlines too, as sops 3.13.0 wrote it", () => {
    expect(ini.parse(Buffer.from('[sops]\nenc = """a\nb"""\n')).metadata).toEqual(mapping([["enc", leaf("a\nb")]]));
  });

  it.each([
    "",
    "\n",
    "k = 1",
    "k = 1\n",
    "k = 1\n\n\n",
    "; c",
    "\ufeff",
    "\ufeff\n",
    "  ",
    "k = x \\",
    "k = x \\\n",
    "[s]",
  ])("leaves no trace in %j", (source) => {
    const { written, removed } = writeAndRemove(ini, source);
    expect(removed).toBe(source);
    expect(tree(ini, written)).toEqual(tree(ini, source));
  });

  it.each([
    ["first", "[sops]\nmac = x\n\n[s]\nk = 1\n", "[s]\nk = 1\n"],
    ["in the middle", "a = 1\n\n[sops]\nmac = x\n\n; c\n[s]\nk = 1\n", "a = 1\n\n; c\n[s]\nk = 1\n"],
    ["with comments in it", "a = 1\n\n[sops] ; x\n; y\nmac = x\n", "a = 1\n"],
    ["without keys", "a = 1\n[sops]\n", "a = 1\n"],
  ])("is found and replaced wherever it stands: %s", (_, source, rest) => {
    const doc = ini.parse(Buffer.from(source));
    expect(doc.metadata).not.toBeNull();
    expect(textOf(applyEdits(doc.source, ini.metadataEdits(doc, null)))).toBe(rest);
    const block = mapping([["mac", leaf("y")]]);
    expect(textOf(applyEdits(doc.source, ini.metadataEdits(doc, block)))).toBe(`${rest}\n[sops]\nmac = y\n`);
  });

  it("may be there once", () => {
    expect(() => ini.parse(Buffer.from("[sops]\na = 1\n[sops]\n"))).toThrow(code("INPUT_METADATA"));
  });
});

describe("printing as INI", () => {
  const comment = (text: string): Comment => ({
    kind: "comment",
    scalar: { type: "comment", text },
    inline: false,
    at: null,
  });

  it("aligns, quotes and places comments as go-ini does", () => {
    const s = mapping([
      ["key", leaf("a ; b")],
      ["long=key", leaf("l1\nl2")],
      ["empty", leaf("")],
      ["n", leaf(intScalar(5n) ?? NULL)],
    ]);
    s.members.unshift(comment("about s"), comment("dropped"));
    s.members.splice(3, 0, comment("first"), comment("about key\n# more"));
    const root = mapping([
      ["DEFAULT", mapping([["top", leaf("1")]])],
      ["s", s],
      ["t", mapping([])],
    ]);
    expect(textOf(ini.print([root], {}))).toBe(
      [
        ...["top = 1", "", "; about s", "[s]", "; about key", "# more", "key        = `a ; b`", '`long=key` = """l1'],
        ...['l2"""', "empty      = ", "n          = 5", "", "[t]", ""],
      ].join("\n"),
    );
  });

  it("leaves out an empty first default section, and flattens metadata", () => {
    const root = mapping([
      ["DEFAULT", mapping([])],
      ["s", mapping([])],
      ["DEFAULT", mapping([])],
      ["sops", BLOCK],
    ]);
    expect(
      textOf(ini.print([root], {}))
        .split("\n")
        .slice(0, 6),
    ).toEqual([...["[s]", "", "[DEFAULT]", "", "[sops]", "age__list_0__map_enc       = -----BEGIN\\nx\\n-----END\\n"]]);
  });

  it.each([
    ["a value at the top", mapping([["a", leaf("1")]])],
    ["a list in a section", mapping([["s", mapping([["a", list([])]])]])],
    ["a mapping in a section", mapping([["s", mapping([["a", mapping([])]])]])],
    ["an empty section name", mapping([["", mapping([])]])],
    ["an empty key", mapping([["s", mapping([["", leaf("1")]])]])],
    ["a key that is numbered when it is read", mapping([["s", mapping([["-", leaf("1")]])]])],
    ["a value that no quotes can hold", mapping([["s", mapping([["k", leaf('`"""\n`')]])]])],
  ])("refuses %s", (_, root) => {
    expect(() => ini.print([root], {})).toThrow(code("OUTPUT_UNREPRESENTABLE"));
  });

  it("prints one string raw, a section's parent as a file, all else as JSON", () => {
    expect(textOf(ini.printNode(leaf("a ; b"), {}))).toBe("a ; b");
    expect(textOf(ini.printNode(mapping([["s", mapping([["a", leaf("1")]])]]), {}))).toBe("[s]\na = 1\n");
    expect(textOf(ini.printNode(list([leaf("a"), leaf(boolScalar(true)), leaf(NULL)]), {}))).toBe('["a",true,null]');
    expect(() => ini.printNode(mapping([["a", leaf("1")]]), {})).toThrow(code("OUTPUT_UNREPRESENTABLE"));
  });
});
