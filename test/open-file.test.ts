import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FormatId } from "../src/formats/format.ts";
import { type OpenFile, openFile, type Update } from "../src/open-file.ts";
import { fakeHost } from "./support/fake-host.ts";
import { randomLayouts } from "./support/random-layouts.ts";
import { changedLines, sealedCases } from "./support/sealed-cases.ts";
import { failure, hostA, IDENTITY_A, openedText, sealed, sealedText, textOf } from "./support/sealing.ts";
import { runs } from "./support/seed.ts";

/** Has the key of what is sealed by `sealed`, and a later time. */
const laterHost = fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_A }, now: new Date("2031-05-06T07:08:09Z") });

/** Opens a file, hands it over, and closes it. */
async function opened<T>(
  format: FormatId,
  file: string | Uint8Array,
  work: (open: OpenFile) => Promise<T>,
): Promise<T> {
  const open = await openFile(Buffer.from(file), { format }, laterHost);
  try {
    return await work(open);
  } finally {
    open.close();
  }
}

function updated(format: FormatId, file: string | Uint8Array, plaintext: string): Promise<Update> {
  return opened(format, file, (open) => open.update(Buffer.from(plaintext)));
}

const samples: Readonly<Record<Exclude<FormatId, "binary">, readonly [before: string, after: string]>> = {
  yaml: [
    "# c\na: {b: 'one', c: \"t\\x77o\"}\nlist: [x, x, 3]\nd: |\n  some\n  lines\nport: 0x1F\n",
    "# c\na: {b: 'one', c: \"t\\x77o\"}\nlist: [x, z, 3]\nd: |\n  some\n  lines\nport: 0x1F\n",
  ],
  json: [
    '{\n  "a": {"b": "\\u0041"},\n  "n": 1.50,\n  "c": "d"\n}\n',
    '{\n  "a": {"b": "\\u0041"},\n  "n": 1.50,\n  "c": "e"\n}\n',
  ],
  dotenv: ["# c\nA=b\nexport B='c d'\nC=\n", "# c\nA=x\nexport B='c d'\nC=\n"],
  ini: ["; c\n[s]\na = b\nd : e\n", "; c\n[s]\na = c\nd : e\n"],
  toml: ['# c\na = "b"\n[t]\nn = 0x1F\nd = 1979-05-27\n', '# c\na = "c"\n[t]\nn = 0x1F\nd = 1979-05-27\n'],
};

describe.each(Object.entries(samples))("%s", (name, [before, after]) => {
  const format = name as FormatId;

  test("changes the line of a value that changed, the time and the MAC", async () => {
    const file = await sealedText(format, before);
    const { output, isUnchanged } = await updated(format, file, after);
    expect(isUnchanged).toBe(false);
    expect(changedLines(file, textOf(output))).toHaveLength(3);
    expect(await openedText(format, output)).toBe(after);
  });

  test("stays as it is when nothing changed", async () => {
    const file = Buffer.from(await sealedText(format, before));
    const { output, isUnchanged } = await opened(format, file, (open) => open.update(open.plaintext));
    expect(isUnchanged).toBe(true);
    expect(Buffer.compare(output, file)).toBe(0);
  });

  test("can be changed several times, each time from the start", async () => {
    const file = await sealedText(format, before);
    await opened(format, file, async (open) => {
      await open.update(Buffer.from(after));
      const { output } = await open.update(Buffer.from(after));
      expect(changedLines(file, textOf(output))).toHaveLength(3);
    });
  });
});

test("a binary file is sealed with the same data key", async () => {
  const { output } = await updated("binary", (await sealed("binary", "before")).output, "after");
  expect(await openedText("binary", output)).toBe("after");
});

describe("a file of sops", async () => {
  // Each has a text of letters and digits, in which one character is added.
  test.each(await sealedCases())(
    "$name changes in one value, the time and the MAC",
    async ({ format, file, changed, env, documents }) => {
      const open = await openFile(file, { format }, fakeHost({ env }));
      const { output } = await open.update(changed(open.plaintext));
      open.close();
      expect(changedLines(textOf(file), textOf(output)).length).toBeLessThanOrEqual(1 + 2 * documents);
    },
  );
});

describe("what is kept", () => {
  const file = (source: string) => sealedText("yaml", source);
  const envelopes = (text: string): string[] => text.match(/ENC\[[^\]]+\]/g)?.slice(0, -1) ?? [];

  test("values that moved within their list", async () => {
    const before = await file("l: [one, two, one]\n");
    const { output } = await updated("yaml", before, "l: [two, one, one]\n");
    const [one, two, again] = envelopes(before);
    expect(envelopes(textOf(output))).toEqual([two, one, again]);
  });

  test("a value written another way", async () => {
    const before = await file("a: one\nb: two\n");
    const { output } = await updated("yaml", before, "b: 'two'\na: \"one\"\n");
    expect(envelopes(textOf(output)).toSorted()).toEqual(envelopes(before).toSorted());
    expect(await openedText("yaml", output)).toBe("b: 'two'\na: \"one\"\n");
  });

  test("no value that went to another key, and none twice", async () => {
    const before = await file("a: one\nb: two\n");
    const { output } = await updated("yaml", before, "a: two\nb: one\nc: [one, one]\n");
    const after = envelopes(textOf(output));
    expect(new Set([...envelopes(before), ...after]).size).toBe(2 + 4);
  });

  test("the type that the plaintext does not show", async () => {
    const before = (await sealed("yaml", "a: 5\nb: x\n", { outputFormat: "dotenv" })).output;
    const { output } = await updated("dotenv", before, "a=5\nb=y\n");
    expect(textOf(output)).toMatch(/^a=.*type:int\]$/m);
  });

  test("the rule and who can open it", async () => {
    const before = textOf(
      (
        await sealed("yaml", "a: 1\nb_c: 2\n", {
          selection: { rule: "encrypted_suffix", pattern: "_c" },
          macOnlyEncrypted: true,
        })
      ).output,
    );
    const { output, clear } = await updated("yaml", before, "a: 3\nb_c: 2\n");
    expect(changedLines(before, textOf(output))).toEqual([
      "a: 3",
      expect.stringContaining("lastmodified"),
      expect.stringContaining("mac:"),
    ]);
    expect(clear).toEqual(["a"]);
  });

  test("metadata that nobody here knows", async () => {
    const before = (await file("a: 1\n")).replace(/^ {4}version/m, "    future: yes\n    version");
    const { output } = await updated("yaml", before, "a: 2\n");
    expect(textOf(output)).toMatch(/^ {4}future: "?yes/m);
  });
});

describe("is refused", () => {
  test("plaintext with a sops entry", async () => {
    const before = await sealedText("yaml", "a: 1\n");
    expect((await failure(() => updated("yaml", before, "a: 1\nsops: {}\n"))).code).toBe("INPUT_ALREADY_ENCRYPTED");
  });

  test("plaintext that cannot be read", async () => {
    const before = await sealedText("yaml", "a: 1\n");
    expect((await failure(() => updated("yaml", before, "a: [\n"))).code).toBe("INPUT_MALFORMED");
  });

  test("a file whose MAC does not hold", async () => {
    const before = (await sealedText("yaml", "a: 1\nb_unencrypted: 2\n")).replace(
      "b_unencrypted: 2",
      "b_unencrypted: 3",
    );
    expect((await failure(() => openFile(Buffer.from(before), { format: "yaml" }, hostA))).code).toBe("INTEGRITY_MAC");
  });
});

test("nothing may be left to encrypt", async () => {
  const { output } = await updated("yaml", await sealedText("yaml", "a: 1\n"), "{}\n");
  expect(await openedText("yaml", output)).toBe("{}\n");
});

describe.each(["dotenv", "ini", "json"] as const)("%s of any layout", (format) => {
  test("takes the place of any other", async () => {
    let accepted = 0;
    const numRuns = runs(150);
    await fc.assert(
      fc.asyncProperty(randomLayouts[format], randomLayouts[format], async (before, after) => {
        const file = await sealed(format, before).catch(() => null);
        if (file === null || (await sealed(format, after).catch(() => null)) === null) return;
        accepted++;
        const { output } = await updated(format, file.output, after);
        expect(await openedText(format, output)).toBe(after);
      }),
      { numRuns },
    );
    expect(accepted).toBeGreaterThan(numRuns / 5);
  }, 1_000_000);
});

test("no update after the file was closed", async () => {
  const open = await openFile((await sealed("yaml", "a: 1\n")).output, { format: "yaml" }, hostA);
  open.close();
  await expect(open.update(Buffer.from("a: 2\n"))).rejects.toThrow("closed");
  await expect(open.encryptApart(Buffer.from("a"))).rejects.toThrow("closed");
});

test("what is encrypted apart opens with the same key, whatever the rule of the file", async () => {
  const selection = { rule: "encrypted_regex", pattern: "^a$" } as const;
  const before = await sealedText("yaml", "a: 1\nb: 2\n", { selection, macOnlyEncrypted: true });
  const output = await opened("yaml", before, (open) => open.encryptApart(Buffer.from("a: [\n")));
  expect(await openedText("binary", output)).toBe("a: [\n");
  const wrappedKey = (text: string): string | undefined => /-----BEGIN[\s\S]*?-----END/.exec(text)?.[0];
  expect(wrappedKey(textOf(output).replaceAll("\\n", "\n"))).toBe(wrappedKey(before.replaceAll(/^ +/gm, "")));
});
