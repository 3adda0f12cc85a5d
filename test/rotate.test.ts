import { describe, expect, test } from "vitest";
import { decrypt, metadataOf } from "../src/decrypt.ts";
import type { FormatId } from "../src/formats/format.ts";
import { formatOf } from "../src/formats/registry.ts";
import { inspect } from "../src/inspect.ts";
import { keyGroupsOf } from "../src/recipients.ts";
import { rewrap } from "../src/rewrap.ts";
import { rotate } from "../src/rotate.ts";
import { fakeHost } from "./support/fake-host.ts";
import { changedLines, sealedCases } from "./support/sealed-cases.ts";
import {
  failure,
  groupOf,
  hostA,
  hostB,
  openedText,
  RECIPIENT_A,
  RECIPIENT_B,
  sealed,
  sealedText,
  textOf,
} from "./support/sealing.ts";

const envelopes = (text: string): string[] => text.match(/ENC\[[^\]]+\]/g) ?? [];
/** The text in front of the metadata, with all encrypted values alike. */
function shapeOf(text: string): string {
  const shape = text.replace(/ENC\[[^\]]+\]/g, "E");
  return shape.slice(0, shape.search(/^\W*sops\W*[:_]|\[sops\]/m));
}

const sources: Readonly<Record<FormatId, string>> = {
  yaml: "# c\na: {b: 'one', c: \"t\\x77o\"} # d\nlist: [x, &a x, *a]\nd: | # e\n  some\n  lines\nport: 0x1F\n",
  json: '{\n  "a": {"b": "\\u0041"},\n  "n": 1.50\n}\n',
  dotenv: "# c\nA=b\nexport B='c d'\n",
  ini: "; c\n[s]\na = b\n",
  toml: '# c\na = "b"\nn = 0x1F\n',
  binary: "any\n",
};

describe.each(Object.entries(sources))("rotating %s", (name, source) => {
  const format = name as FormatId;

  test("seals everything again and changes nothing else", async () => {
    const before = await sealedText(format, source);
    const { output } = await rotate(Buffer.from(before), { format }, hostA);
    const after = textOf(output);
    expect(await openedText(format, output)).toBe(source);
    expect(shapeOf(after)).toBe(shapeOf(before));
    const kept = new Set(envelopes(before));
    expect(kept.size).toBeGreaterThan(0);
    expect(envelopes(after).filter((envelope) => kept.has(envelope))).toEqual([]);
  });

  test("for others", async () => {
    const { output } = await sealed(format, source);
    const rotated = await rotate(output, { format, regroup: () => [groupOf(RECIPIENT_B)] }, hostA);
    expect((await failure(() => decrypt(rotated.output, { format }, hostA))).code).toBe("KEY_UNAVAILABLE");
    expect(textOf((await decrypt(rotated.output, { format }, hostB)).output)).toBe(source);
  });
});

describe("rotating a file of sops", async () => {
  const cases = (await sealedCases()).filter(({ others }) => others.length === 0);
  test.each(cases)("$name gives the same values", async ({ format, file, env }) => {
    const host = fakeHost({ env });
    const { output } = await rotate(file, { format }, host);
    const [before, after] = await Promise.all([file, output].map((one) => decrypt(one, { format }, host)));
    expect(textOf(after?.output as Uint8Array)).toBe(textOf(before?.output as Uint8Array));
    expect(shapeOf(textOf(output))).toBe(shapeOf(textOf(file)));
  });
});

test("rotating keeps groups and threshold", async () => {
  const keyGroups = [groupOf(RECIPIENT_A), groupOf(RECIPIENT_B), groupOf(RECIPIENT_A, RECIPIENT_B)];
  const { output } = await sealed("yaml", "a: 1\n", { keyGroups, shamirThreshold: 2 });
  const { output: rotated } = await rotate(output, { format: "yaml" }, hostA);
  const { keyGroups: groups, shamirThreshold } = await inspect(rotated, { format: "yaml" });
  expect(groups.map((group) => group.length)).toEqual([1, 1, 2]);
  expect(shamirThreshold).toBe(2);
  expect(await openedText("yaml", rotated)).toBe("a: 1\n");
});

describe.each(Object.entries(sources))("rewrapping %s", (name, source) => {
  const format = name as FormatId;

  test("adds a recipient and leaves all else", async () => {
    const before = await sealedText(format, source);
    const options = { format, keyGroups: [groupOf(RECIPIENT_A, RECIPIENT_B)], shamirThreshold: 0 };
    const { output } = await rewrap(Buffer.from(before), options, hostA);
    expect(textOf((await decrypt(output, { format }, hostB)).output)).toBe(source);
    expect(changedLines(textOf(output), before).filter((line) => !/^[\s\]},]*$/.test(line))).toEqual([]);
  });

  test("takes one away", async () => {
    const { output: before } = await sealed(format, source, { keyGroups: [groupOf(RECIPIENT_A, RECIPIENT_B)] });
    const { output } = await rewrap(before, { format, keyGroups: [groupOf(RECIPIENT_B)], shamirThreshold: 0 }, hostA);
    expect((await failure(() => decrypt(output, { format }, hostA))).code).toBe("KEY_UNAVAILABLE");
    expect(envelopes(textOf(output))).toEqual(envelopes(textOf(before)));
  });

  test("makes groups, and one again", async () => {
    const { output: before } = await sealed(format, source);
    const two = { format, keyGroups: [groupOf(RECIPIENT_A), groupOf(RECIPIENT_A)], shamirThreshold: 2 };
    const { output: split } = await rewrap(before, two, hostA);
    expect((await inspect(split, { format })).shamirThreshold).toBe(2);
    const { output } = await rewrap(split, { format, keyGroups: [groupOf(RECIPIENT_A)], shamirThreshold: 0 }, hostA);
    expect((await inspect(output, { format })).keyGroups).toHaveLength(1);
    expect((await inspect(output, { format })).shamirThreshold).toBe(0);
    expect(await openedText(format, output)).toBe(source);
  });
});

describe("neither", () => {
  test("blesses a file that was changed", async () => {
    const text = (await sealedText("yaml", "a: 1\nb_unencrypted: 2\n")).replace("b_unencrypted: 2", "b_unencrypted: 3");
    const file = Buffer.from(text);
    expect((await failure(() => rotate(file, { format: "yaml" }, hostA))).code).toBe("INTEGRITY_MAC");
    const options = { format: "yaml", keyGroups: [groupOf(RECIPIENT_B)], shamirThreshold: 0 } as const;
    expect((await failure(() => rewrap(file, options, hostA))).code).toBe("INTEGRITY_MAC");
  });

  test("leaves a file without recipients", async () => {
    const { output } = await sealed("yaml", "a: 1\n");
    const options = { format: "yaml", keyGroups: [[]], shamirThreshold: 0 } as const;
    expect((await failure(() => rewrap(output, options, hostA))).code).toBe("KEY_NO_RECIPIENT");
    expect((await failure(() => rotate(output, { format: "yaml", regroup: () => [[]] }, hostA))).code).toBe(
      "KEY_NO_RECIPIENT",
    );
  });
});

describe("a server that only the file names", () => {
  const entries = {
    hc_vault: "{vault_address: 'https://vault.example', engine_path: transit, key_name: k, enc: x}",
    azure_kv: "{vault_url: 'https://v.example', name: k, version: abc, enc: x}",
  };

  test.each(Object.entries(entries))("is not contacted to wrap a data key for it: %s", async (list, entry) => {
    const text = (await sealedText("yaml", "a: 1\n")).replace("sops:\n", `sops:\n    ${list}: [${entry}]\n`);
    const file = Buffer.from(text);
    const errors = [
      await failure(() => rotate(file, { format: "yaml" }, hostA)),
      await failure(async () => {
        const groups = await keyGroupsOf(metadataOf(await (await formatOf("yaml")).parse(file)));
        const options = { format: "yaml", keyGroups: [...groups, groupOf(RECIPIENT_B)], shamirThreshold: 2 } as const;
        return rewrap(file, options, hostA);
      }),
    ];
    for (const { code, message, hint } of errors) {
      expect([code, message]).toEqual(["KEY_WRAP_FAILED", expect.stringContaining("was not contacted")]);
      expect(hint).toContain("--trust-endpoint");
    }
  });
});
