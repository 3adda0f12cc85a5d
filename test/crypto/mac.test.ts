import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Digest } from "../../src/crypto/mac.ts";
import { boolScalar, intScalar, NULL } from "../../src/crypto/scalar-bytes.ts";
import { type Scalar, str } from "../../src/document/document.ts";

function digestOf(macOnlyEncrypted: boolean, ...scalars: Scalar[]): string {
  const digest = new Digest(macOnlyEncrypted);
  for (const scalar of scalars) digest.add(scalar);
  return digest.finish();
}

const five = intScalar(5n) ?? NULL;
const leaves = [str("hello"), five, boolScalar(true)];

describe("the digest", () => {
  test("of the vectors", () => {
    expect(digestOf(false, ...leaves)).toBe(
      "6FFB3271FAAF9235618E71F7F7383A01D4DBE4231D8B3D0676A3F9EC24C0B4EA6F31097D1C2E2D407E55D75C298AFEB17A0689525E06D33B6954F80672173720",
    );
    expect(digestOf(true, ...leaves)).toBe(
      "ACA72EAD70BD6366AE2BC21D414E3BB90460EF415A6C280CBB60337F7FF77F644CF67B0EFB081816CD9D88F774CF9F8DF968B1485AC4C724C3A3AE4801E660A3",
    );
    expect(digestOf(false)).toBe(
      "CF83E1357EEFB8BDF1542850D66D8007D620E4050B5715DC83F4A921D36CE9CE47D0D13C5D85F2B0FF8318D2877EEC2F63B931BD47417A81A538327AF927DA3E",
    );
  });

  test("is over the concatenation, bytes included, without separators", () => {
    expect(digestOf(false, str("hello5True"))).toBe(digestOf(false, ...leaves));
    expect(digestOf(false, { type: "str", text: Buffer.from("hello") }, str("5True"))).toBe(digestOf(false, ...leaves));
    expect(digestOf(false, str(""), ...leaves, NULL)).toBe(digestOf(false, ...leaves));
  });

  test("is the same for many values, long ones and bytes among them", () => {
    const texts = Array.from({ length: 300 }, (_, i) => "é€\u{1f511}x".repeat(i % 100));
    const bytes: Scalar = { type: "str", text: Uint8Array.of(0xff, 0xfe) };
    const expected = createHash("sha512")
      .update(texts.join(""))
      .update(Uint8Array.of(0xff, 0xfe))
      .update(texts.join(""));
    expect(digestOf(false, ...texts.map(str), bytes, ...texts.map(str))).toBe(expected.digest("hex").toUpperCase());
  });

  test("depends on the order", () => {
    expect(digestOf(false, str("a"), str("b"))).not.toBe(digestOf(false, str("b"), str("a")));
  });

  test("takes text as UTF-8", () => {
    expect(digestOf(false, str("é"))).toBe(digestOf(false, { type: "str", text: Uint8Array.of(0xc3, 0xa9) }));
  });
});
