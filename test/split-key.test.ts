import { describe, expect, test } from "vitest";
import { decrypt } from "../src/decrypt.ts";
import type { FormatId } from "../src/formats/format.ts";
import {
  bytesOf,
  failure,
  groupOf,
  hostAB,
  openedText,
  RECIPIENT_A,
  RECIPIENT_B,
  sealedText,
  textOf,
} from "./support/sealing.ts";

/** Files whose data key is split: a share tells nothing of whether it is the right one, so the file has to. */

const plain = "a: b\nl:\n  - c\n  - 0x1F\nopen_unencrypted: d\n";

const split = (shamirThreshold: number): Promise<string> =>
  sealedText("yaml", plain, {
    keyGroups: [RECIPIENT_A, RECIPIENT_B, RECIPIENT_A].map((text) => groupOf(text)),
    shamirThreshold,
  });

/** The age files in a file, in order. */
const messagesIn = (text: string): string[] => text.match(/^ +-----BEGIN AGE[\s\S]*?-----END AGE.*$/gm) ?? [];

test("a threshold that is not given is written as what it means", async () => {
  expect(await split(0)).toContain("shamir_threshold: 3\n");
  expect(await split(2)).toContain("shamir_threshold: 2\n");
  expect(await sealedText("yaml", plain)).not.toContain("shamir_threshold");
});

test.each<[FormatId, string]>([
  ["yaml", plain],
  ["json", '{"a": ["b", 1.50]}\n'],
  ["dotenv", "A=b\n"],
  ["ini", "[s]\na = b\n"],
  ["toml", 'a = "b"\n'],
  ["binary", "a\u0000b"],
])("%s files come back byte for byte", async (format, source) => {
  const keyGroups = [groupOf(RECIPIENT_A), groupOf(RECIPIENT_B), groupOf(RECIPIENT_A)];
  expect(await openedText(format, await sealedText(format, source, { keyGroups, shamirThreshold: 2 }))).toBe(source);
});

describe("a share of another file", () => {
  test("is told from a wrong value and a wrong MAC", async () => {
    const [mine, other] = [await split(2), await split(2)];
    const changed = mine.replace(messagesIn(mine)[0] as string, messagesIn(other)[0] as string);
    const error = await failure(() => openedText("yaml", changed));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.message).toContain("the shares of 2 key groups do not combine");
  });

  test("does not count when it is not asked for", async () => {
    const [mine, other] = [await split(2), await split(2)];
    const changed = mine.replace(messagesIn(mine)[2] as string, messagesIn(other)[2] as string);
    const { output } = await decrypt(bytesOf(changed), { format: "yaml" }, hostAB);
    expect(textOf(output)).toBe(plain);
  });
});

describe("with the right shares", () => {
  test.each<[string, RegExp, string, string]>([
    ["a value that was changed", /^a: ENC\[AES256_GCM,data:./m, "a: ENC[AES256_GCM,data:", "INTEGRITY_TAG"],
    [
      "every value that was changed",
      /ENC\[AES256_GCM,data:(?=[\s\S]*\nsops:)/g,
      "ENC[AES256_GCM,data:AAAA",
      "INTEGRITY_TAG",
    ],
    ["a MAC that was changed", /mac: ENC\[AES256_GCM,data:..../, "mac: ENC[AES256_GCM,data:AAAA", "INTEGRITY_MAC"],
    ["a MAC that is gone", /^ +mac: .*\n/m, "", "INTEGRITY_MAC"],
    ["a clear value that was changed", /open_unencrypted: d/, "open_unencrypted: e", "INTEGRITY_MAC"],
  ])("%s is reported as such", async (_, pattern, replacement, code) => {
    const text = await split(2);
    const changed = text.replace(pattern, replacement);
    expect(changed).not.toBe(text);
    expect((await failure(() => openedText("yaml", changed))).code).toBe(code);
  });

  test("a file without its MAC still opens where that is waived", async () => {
    const text = (await split(2)).replace(/^ +mac: .*\n/m, "");
    expect(await openedText("yaml", text, { ignoreMac: true })).toBe(plain);
  });
});
