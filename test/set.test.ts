import { describe, expect, test } from "vitest";
import type { TreePath } from "../src/document/document.ts";
import type { FormatId } from "../src/formats/format.ts";
import { inspect } from "../src/inspect.ts";
import { type ChangedFile, type NewValue, parseValue, type SetOptions, set, unset } from "../src/set.ts";
import { fakeHost } from "./support/fake-host.ts";
import { changedLines, sealedCases } from "./support/sealed-cases.ts";
import { expectDiscreet, failure, IDENTITY_A, openedText, sealed, sealedText, textOf } from "./support/sealing.ts";

/** Has the key of what is sealed by `sealed`, and a later time. */
const host = fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_A }, now: new Date("2031-05-06T07:08:09Z") });

function changed(
  format: FormatId,
  file: string | Uint8Array,
  path: TreePath,
  value: NewValue | null,
  options: Partial<SetOptions> = {},
): Promise<ChangedFile> {
  const source = Buffer.from(file);
  return value === null
    ? unset(source, path, { format, ...options }, host)
    : set(source, path, value, { format, ...options }, host);
}

interface Sample {
  readonly before: string;
  readonly path: TreePath;
  readonly replaced: string;
  readonly added: string;
  readonly removed: string;
}

const samples: Readonly<Record<Exclude<FormatId, "binary">, Sample>> = {
  yaml: {
    before: "# c\na: {b: 'one', c: \"t\\x77o\"}\nd:\n  e: old # why\n  f: |\n    text\n",
    path: ["d", "e"],
    replaced: "# c\na: {b: 'one', c: \"t\\x77o\"}\nd:\n  e: new # why\n  f: |\n    text\n",
    added: "# c\na: {b: 'one', c: \"t\\x77o\"}\nd:\n  e: old # why\n  f: |\n    text\n  new: 5\n",
    removed: "# c\na: {b: 'one', c: \"t\\x77o\"}\nd:\n  f: |\n    text\n",
  },
  json: {
    before: '{\n  "a": "\\u0041",\n  "d": {\n    "e": "old",\n    "f": 1.50\n  }\n}\n',
    path: ["d", "e"],
    replaced: '{\n  "a": "\\u0041",\n  "d": {\n    "e": "new",\n    "f": 1.50\n  }\n}\n',
    added: '{\n  "a": "\\u0041",\n  "d": {\n    "e": "old",\n    "f": 1.50,\n    "new": 5\n  }\n}\n',
    removed: '{\n  "a": "\\u0041",\n  "d": {\n    "f": 1.50\n  }\n}\n',
  },
  dotenv: {
    before: "# c\nE=old\nF='x y'\n",
    path: ["E"],
    replaced: "# c\nE=new\nF='x y'\n",
    added: "# c\nE=old\nF='x y'\nnew=5\n",
    removed: "# c\nF='x y'\n",
  },
  ini: {
    before: "; c\n[d]\ne = old ; why\nf = x\n",
    path: ["d", "e"],
    replaced: "; c\n[d]\ne = new ; why\nf = x\n",
    added: "; c\n[d]\ne = old ; why\nf = x\nnew = 5\n",
    removed: "; c\n[d]\nf = x\n",
  },
  toml: {
    before: "# c\na = 0x1F\n\n[d]\ne = 'old' # why\nf = 1979-05-27\n",
    path: ["d", "e"],
    replaced: "# c\na = 0x1F\n\n[d]\ne = 'new' # why\nf = 1979-05-27\n",
    added: "# c\na = 0x1F\n\n[d]\ne = 'old' # why\nf = 1979-05-27\nnew = 5\n",
    removed: "# c\na = 0x1F\n\n[d]\nf = 1979-05-27\n",
  },
};

describe.each(Object.entries(samples))("%s", (name, { before, path, replaced, added, removed }) => {
  const format = name as FormatId;

  test("another value changes its line, the time and the MAC", async () => {
    const file = await sealedText(format, before);
    const { output, isUnchanged, isClear } = await changed(format, file, path, { json: '"new"' });
    expect([isUnchanged, isClear]).toEqual([false, false]);
    expect(changedLines(file, textOf(output))).toHaveLength(3);
    expect(changedLines(textOf(output), file)).toHaveLength(3);
    expect(await openedText(format, output)).toBe(replaced);
  });

  test("a new key is one line more", async () => {
    const file = await sealedText(format, before);
    const { output } = await changed(format, file, [...path.slice(0, -1), "new"], { json: "5" });
    // The comma behind the line before is one, too.
    expect(changedLines(file, textOf(output))).toHaveLength(format === "json" ? 4 : 3);
    expect(await openedText(format, output)).toBe(added);
  });

  test("a removed key is one line less", async () => {
    const file = await sealedText(format, before);
    const { output } = await changed(format, file, path, null);
    // The record of spellings changes with it where an entry behind it is in that.
    const isRecorded = format === "json" || format === "toml";
    expect(changedLines(file, textOf(output))).toHaveLength(isRecorded ? 3 : 2);
    expect(await openedText(format, output)).toBe(removed);
  });

  test("the same value changes nothing at all", async () => {
    const file = Buffer.from(await sealedText(format, before));
    const { output, isUnchanged } = await changed(format, file, path, { text: "old" });
    expect(isUnchanged).toBe(true);
    expect(Buffer.compare(output, file)).toBe(0);
  });
});

test("a binary file gets another content", async () => {
  const { output } = await changed("binary", (await sealed("binary", "before")).output, ["data"], { text: "after\n" });
  expect(await openedText("binary", output)).toBe("after\n");
});

describe("a file of sops", async () => {
  test.each(await sealedCases())(
    "$name gets a new key and loses it again",
    async ({ format, file, env, documents }) => {
      if (format === "binary") return;
      const caseHost = fakeHost({ env });
      const path = format === "ini" ? ["new_section", "new_key"] : ["new_key"];
      const more = await set(file, path, { json: '"x"' }, { format }, caseHost);
      expect(changedLines(textOf(more.output), textOf(file)).length).toBeLessThanOrEqual(2 + 2 * documents);
      const { output } = await unset(more.output, path.slice(0, 1), { format }, caseHost);
      expect(await plaintextOf(output, format, env)).toBe(await plaintextOf(file, format, env));
    },
  );

  async function plaintextOf(file: Uint8Array, format: FormatId, env: Readonly<Record<string, string>>) {
    const { decrypt } = await import("../src/decrypt.ts");
    return textOf((await decrypt(file, { format }, fakeHost({ env }))).output);
  }
});

describe("values", () => {
  test.each([
    ["5", "int"],
    ["-9223372036854775808", "int"],
    ["5.0", "float"],
    ["1e3", "float"],
    ["true", "bool"],
    ['"5"', "str"],
  ])("%s is sealed as %s", async (json, type) => {
    const { output } = await changed("yaml", await sealedText("yaml", "a: x\n"), ["a"], { json });
    expect(textOf(output)).toMatch(new RegExp(`^a: "?ENC\\[.*,type:${type}\\]"?$`, "m"));
    const { entries } = await inspect(output, { format: "yaml" });
    expect(entries).toHaveLength(1);
  });

  test("text is taken as it is", async () => {
    const { output } = await changed("json", await sealedText("json", '{"a": "x"}'), ["a"], { text: ' {"b": 5} \n' });
    expect(await openedText("json", output)).toBe('{"a": " {\\"b\\": 5} \\n"}');
  });

  test("an object may have a key sops", () => {
    expect(parseValue({ json: ' {"sops": {"mac": 1}}\n' })).toMatchObject({ members: [{ key: "sops" }] });
  });

  test.each([
    "",
    " ",
    "canaryvalue",
    "'canaryvalue'",
    '"canaryvalue',
    "1, 2",
    "1], [2",
    "]",
    '{"canaryvalue": 1, "canaryvalue": 2}',
    "9223372036854775808",
    '{"a": [-99999999999999999999]}',
    "1e999",
    "NaN",
    '{"a": canaryvalue}',
  ])("%j is refused", async (json) => {
    const error = await failure(() => parseValue({ json }));
    expect(error.code).toBe("USAGE_BAD_VALUE");
    expectDiscreet(error, "canaryvalue");
  });
});

test("what a rule leaves clear is told", async () => {
  const file = await sealedText("yaml", "a: x\nb_unencrypted: y\n");
  expect((await changed("yaml", file, ["b_unencrypted"], { json: "1" })).isClear).toBe(true);
  expect((await changed("yaml", file, ["c_unencrypted", "d"], { json: "1" })).isClear).toBe(true);
  expect((await changed("yaml", file, ["c"], { json: "1" })).isClear).toBe(false);
});

test("a value on the way gives way only if that is asked for", async () => {
  const file = await sealedText("yaml", "a: x\n");
  const error = await failure(() => changed("yaml", file, ["a", "b"], { json: "1" }));
  expect(error.code).toBe("INPUT_PATH_MISMATCH");
  const { output } = await changed("yaml", file, ["a", "b"], { json: "1" }, { replacesValues: true });
  expect(await openedText("yaml", output)).toBe("a:\n    b: 1\n");
});

describe("a rule about comments", () => {
  const selection = { rule: "unencrypted_comment_regex", pattern: "public" } as const;

  test("comments go with what they stood above: they would leave the next value clear", async () => {
    const source = "a: x\n# public\nport: 80\npassword: hunter2\n";
    const file = await sealedText("yaml", source, { selection });
    const { output } = await changed("yaml", file, ["port"], null);
    expect(await openedText("yaml", output)).toBe("a: x\npassword: hunter2\n");
    expect(textOf(output)).toMatch(/^password: ENC\[/m);
  });

  test("a change that would leave another value clear is refused", async () => {
    // What the comment stands behind is not a key with lines of its own.
    const source = "a:\n  - port: 80\n    password: hunter2\n  - # public\n    port: 80\n    password: hunter2\n";
    const file = await sealedText("yaml", source, { selection });
    const error = await failure(() => changed("yaml", file, ["a", 1, "port"], null));
    expect(error.code).toBe("OUTPUT_UNREPRESENTABLE");
    expectDiscreet(error, "hunter2");
  });
});

test.each([
  ["a file that is not encrypted", "a: x\n", ["a"], "INPUT_NOT_ENCRYPTED"],
  ["the metadata", null, ["sops", "mac"], "INPUT_ALREADY_ENCRYPTED"],
  ["an empty path", null, [], "USAGE_BAD_PATH"],
] as const)("%s is refused", async (_, source, path, code) => {
  const file = source ?? (await sealedText("yaml", "a: x\n"));
  expect((await failure(() => changed("yaml", file, path, { json: "1" }))).code).toBe(code);
});

test("a value that was changed by somebody else is found before anything else", async () => {
  const file = (await sealedText("yaml", "a: x\nb: y\n")).replace(/^b: .*\n/m, "");
  expect((await failure(() => changed("yaml", file, ["a"], { json: "1" }))).code).toBe("INTEGRITY_MAC");
});
