import { describe, expect, test } from "vitest";
import { formatEncryptedValue, isEncryptedValueOf, parseEncryptedValue } from "../../src/crypto/encrypted-value.ts";
import { valueVectors } from "../support/vectors.ts";

const iv = "MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=";
const tag = "t5z2Z023Up0kxwCgw1gNxg==";
const whole = `ENC[AES256_GCM,data:oYyi,iv:${iv},tag:${tag},type:str]`;

function withParts(parts: { data?: string; iv?: string; tag?: string; type?: string; algorithm?: string }): string {
  const { data = "oYyi", algorithm = "AES256_GCM", type = "str" } = parts;
  return `ENC[${algorithm},data:${data},iv:${parts.iv ?? iv},tag:${parts.tag ?? tag},type:${type}]`;
}

describe("reading", () => {
  test.each(valueVectors)("the vector for $aad, and writing it again", ({ envelope, type }) => {
    const value = parseEncryptedValue(envelope);
    expect(value).toMatchObject({ type });
    expect([value?.iv.length, value?.tag.length]).toEqual([32, 16]);
    expect(value === null ? null : formatEncryptedValue(value, value.type)).toBe(envelope);
  });

  test("takes any iv length, any type word, and white space behind, which a block scalar brings along", () => {
    expect(parseEncryptedValue(withParts({ iv: "AAAAAAAAAAAAAAAA" }))?.iv.length).toBe(12);
    expect(parseEncryptedValue(withParts({ type: "number" }))?.type).toBe("number");
    for (const space of ["\n", " ", "\r\n", "\n\n"]) expect(parseEncryptedValue(whole + space)).not.toBeNull();
  });

  test("tolerates stray bits in the last group, as the reference does", () => {
    expect(parseEncryptedValue(withParts({ data: "oYz=" }))?.data).toEqual(Buffer.from("oYz=", "base64"));
  });

  test.each([
    ["nothing", ""],
    ["a plain text", "hunter2"],
    ["white space before", ` ${whole}`],
    ["text behind", `${whole}x`],
    ["another bracket behind", `${whole}]`],
    ["a line and a bracket behind", `${whole}\nx]`],
    ["an unclosed one", whole.slice(0, -1)],
    ["one cut in the middle", whole.slice(0, 60)],
    ["lower case", whole.replace("ENC", "enc")],
    ["another algorithm", withParts({ algorithm: "AES256_CBC" })],
    ["a shorter key", withParts({ algorithm: "AES128_GCM" })],
    ["no iv", withParts({ iv: "" })],
    ["no tag", withParts({ tag: "" })],
    ["no type", withParts({ type: "" })],
    ["a tag of 4 bytes", withParts({ tag: "AAAAAA==" })],
    ["a tag of 12 bytes", withParts({ tag: "AAAAAAAAAAAAAAAA" })],
    ["a tag of 17 bytes", withParts({ tag: "AAAAAAAAAAAAAAAAAAAAAAA=" })],
    ["base64 without padding", withParts({ data: "oQ" })],
    ["base64 of the URL alphabet", withParts({ data: "oY-_" })],
    ["a blank in base64", withParts({ data: "oY i" })],
    ["a line break in base64", withParts({ data: "oY\nyi" })],
    ["padding in the middle", withParts({ data: "oQ==oYyi" })],
    ["a part missing", `ENC[AES256_GCM,data:oYyi,iv:${iv},type:str]`],
    ["parts in another order", `ENC[AES256_GCM,iv:${iv},data:oYyi,tag:${tag},type:str]`],
  ])("refuses %s", (_, text) => {
    expect(parseEncryptedValue(text)).toBeNull();
  });

  test("is quick on long texts that are no envelope", () => {
    const start = performance.now();
    expect(parseEncryptedValue(`ENC[AES256_GCM,data:${"A".repeat(1_000_000)}`)).toBeNull();
    expect(parseEncryptedValue(`${withParts({ type: "x".repeat(1_000_000) }).slice(0, -1)}`)).toBeNull();
    expect(parseEncryptedValue(`${whole}${" ".repeat(100_000)}x`)).toBeNull();
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

test("writing keeps to the bytes it is given, whatever array they lie in", () => {
  const large = new Uint8Array(100).fill(1);
  const bytes = large.subarray(40, 56);
  expect(formatEncryptedValue({ data: bytes, iv: bytes, tag: bytes }, "int")).toBe(
    "ENC[AES256_GCM,data:AQEBAQEBAQEBAQEBAQEBAQ==,iv:AQEBAQEBAQEBAQEBAQEBAQ==,tag:AQEBAQEBAQEBAQEBAQEBAQ==,type:int]",
  );
});

test("telling a sealed comment by its look", () => {
  expect(isEncryptedValueOf(withParts({ type: "comment" }), "comment")).toBe(true);
  expect(isEncryptedValueOf(`${withParts({ type: "comment" })}\n`, "comment")).toBe(true);
  expect(isEncryptedValueOf(whole, "comment")).toBe(false);
  expect(isEncryptedValueOf("a comment", "comment")).toBe(false);
  expect(isEncryptedValueOf(Buffer.from(whole), "str")).toBe(false);
});
