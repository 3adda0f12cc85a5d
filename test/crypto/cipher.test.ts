import { describe, expect, test } from "vitest";
import { IV_BYTES, IvPool, open, type Sealed, seal, TAG_BYTES } from "../../src/crypto/cipher.ts";
import { parseEncryptedValue } from "../../src/crypto/encrypted-value.ts";
import { fakeHost } from "../support/fake-host.ts";
import { VECTOR_DATA_KEY } from "../support/sealing.ts";
import { valueVectors } from "../support/vectors.ts";

const key = VECTOR_DATA_KEY;
const plaintext = Buffer.from("canary-plaintext");

function fresh(iv = new Uint8Array(IV_BYTES).fill(7)): Sealed {
  return seal(plaintext, key, "a:b:", iv);
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

describe("opening", () => {
  test.each(valueVectors)("the vector for $aad", ({ aad, envelope, plaintext: expected }) => {
    const value = parseEncryptedValue(envelope) as Sealed;
    const bytes = open(value, key, aad);
    expect(bytes === null ? null : Buffer.from(bytes).toString("latin1")).toBe(expected);
    expect(open(value, key, `${aad}x`)).toBeNull();
    expect(open(value, key, "")).toBeNull();
  });

  test("fails for any changed bit of data, iv and tag, and for another key or place", () => {
    const sealed = fresh();
    expect(open(sealed, key, "a:b:")).toEqual(plaintext);
    for (const part of ["data", "iv", "tag"] as const) {
      for (let bit = 0; bit < sealed[part].length * 8; bit++) {
        expect(open({ ...sealed, [part]: flipped(sealed[part], bit) }, key, "a:b:")).toBeNull();
      }
    }
    expect(open(sealed, flipped(key, 0), "a:b:")).toBeNull();
    expect(open(sealed, key, "a:c:")).toBeNull();
    expect(open(sealed, key, "A:b:")).toBeNull();
  });

  test.each([0, 4, 8, 12, 13, 15, 17, 32])("refuses a tag of %i bytes", (length) => {
    const sealed = fresh();
    const tag = new Uint8Array(length);
    tag.set(sealed.tag.subarray(0, length));
    expect(open({ ...sealed, tag }, key, "a:b:")).toBeNull();
  });

  test.each([1, 8, 12, 16, 32, 64])("takes an iv of %i bytes", (length) => {
    const iv = new Uint8Array(length).fill(9);
    expect(open(fresh(iv), key, "a:b:")).toEqual(plaintext);
  });

  test("refuses an empty iv", () => {
    expect(open({ ...fresh(), iv: new Uint8Array(0) }, key, "a:b:")).toBeNull();
  });

  test("does not move the border between data and tag", () => {
    const { data, iv, tag } = fresh();
    const all = Buffer.concat([data, tag]);
    const moved = { data: all.subarray(0, data.length + 4), iv, tag: all.subarray(data.length + 4) };
    expect(open(moved, key, "a:b:")).toBeNull();
  });
});

describe("sealing", () => {
  test("is as the vectors were made", () => {
    for (const { aad, envelope, plaintext: text } of valueVectors) {
      const { data, iv, tag } = parseEncryptedValue(envelope) as Sealed;
      expect(seal(Buffer.from(text, "latin1"), key, aad, iv)).toEqual({ data, iv, tag });
    }
  });

  test("gives data as long as the plaintext and a tag of 16 bytes, and reads its arguments only", () => {
    const before = [Buffer.from(key), Buffer.from(plaintext)];
    const { data, tag } = fresh();
    expect([data.length, tag.length]).toEqual([plaintext.length, TAG_BYTES]);
    expect([Buffer.from(key), plaintext]).toEqual(before);
  });

  test("takes the associated data as UTF-8", () => {
    const sealed = seal(plaintext, key, "schlüssel:\u{1f511}:", new Uint8Array(IV_BYTES));
    expect(open(sealed, key, "schlüssel:\u{1f511}:")).toEqual(plaintext);
    expect(open(sealed, key, "schlu\u0308ssel:\u{1f511}:")).toBeNull();
  });
});

describe("ivs", () => {
  test("are 32 bytes, all different, and what the host draws", () => {
    const pool = new IvPool((bytes) => fakeHost({ seed: "one" }).fillRandom(bytes));
    const host = fakeHost({ seed: "two" });
    const other = new IvPool((bytes) => host.fillRandom(bytes));
    const drawn = Array.from({ length: 1000 }, () => Buffer.from(other.next()).toString("hex"));
    expect(new Set(drawn).size).toBe(1000);
    expect(drawn.every((hex) => hex.length === 2 * IV_BYTES)).toBe(true);
    const bytes = new Uint8Array(IV_BYTES);
    fakeHost({ seed: "one" }).fillRandom(bytes);
    expect(Uint8Array.from(pool.next())).toEqual(bytes);
  });

  test("are not overwritten by later ones", () => {
    const host = fakeHost({ seed: "three" });
    const pool = new IvPool((bytes) => host.fillRandom(bytes));
    const first = pool.next();
    const copy = Uint8Array.from(first);
    for (let i = 0; i < 600; i++) pool.next();
    expect(Uint8Array.from(first)).toEqual(copy);
  });
});
