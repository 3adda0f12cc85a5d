import { readFileSync } from "node:fs";
import fc from "fast-check";
import { combine as combineElsewhere, split as splitElsewhere } from "shamir-secret-sharing";
import { describe, expect, test } from "vitest";
import { combine, split } from "../../src/crypto/shamir.ts";
import { fakeHost } from "../support/fake-host.ts";

const fillRandom = (bytes: Uint8Array): void => fakeHost().fillRandom(bytes);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** A secret, and a threshold with a number of shares. */
const splits = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 2, max: 9 }), fc.integer({ min: 0, max: 6 }))
  .map(([secret, threshold, more]) => ({ secret, threshold, count: threshold + more }));

describe("splitting", () => {
  test("is a worked example", () => {
    const shares = split(unhex("5300ff"), 3, 2, (bytes) => bytes.set(unhex("ca0180")));
    expect(shares.map(hex)).toEqual(["99017f01", "dc02e402", "16036403"]);
  });

  test("takes the coefficients of a byte one after the other, that of x first", () => {
    // 1 + 2x + 4x^2 and 8 + 16x + 32x^2 at x = 1 and x = 2, by hand.
    const shares = split(unhex("0108"), 3, 3, (bytes) => bytes.set([2, 4, 16, 32]));
    expect(shares.slice(0, 2).map(hex)).toEqual(["073801", "15a802"]);
  });

  test("gives shares of which any that reach the threshold combine, in any order, here and elsewhere", async () => {
    await fc.assert(
      fc.asyncProperty(splits, fc.infiniteStream(fc.nat()), async ({ secret, threshold, count }, picks) => {
        const shares = split(secret, count, threshold, fillRandom);
        expect(shares.map((share) => [share.length, share.at(-1)])).toEqual(
          Array.from({ length: count }, (_, index) => [secret.length + 1, index + 1]),
        );
        const some: Uint8Array[] = [];
        const left = [...shares];
        for (const pick of picks.take(threshold)) some.push(...left.splice(pick % left.length, 1));
        expect(combine(some)).toEqual(secret);
        expect(combine(shares)).toEqual(secret);
        expect(await combineElsewhere(some)).toEqual(secret);
      }),
    );
  });

  test("gives shares of which fewer than the threshold say nothing: any other secret has the same", () => {
    const [first = new Uint8Array()] = split(Uint8Array.of(0x53), 2, 2, (bytes) => bytes.fill(0xca));
    const others = Array.from({ length: 256 }, (_, secret) => {
      for (let coefficient = 0; coefficient < 256; coefficient++) {
        const [share = new Uint8Array()] = split(Uint8Array.of(secret), 2, 2, (bytes) => bytes.fill(coefficient));
        if (share[0] === first[0]) return coefficient;
      }
      return null;
    });
    expect(new Set(others).size).toBe(256);
    expect(others).not.toContain(null);
  });

  test("makes up to 255 shares, and leaves the secret alone", () => {
    const secret = new Uint8Array(32).fill(0x66);
    const shares = split(secret, 255, 255, fillRandom);
    expect(combine(shares)).toEqual(secret);
    expect(secret).toEqual(new Uint8Array(32).fill(0x66));
    expect(combine(shares.slice(1))).not.toEqual(secret);
  });

  test("overwrites the coefficients", () => {
    let given = new Uint8Array();
    split(Uint8Array.of(1, 2), 3, 3, (bytes) => {
      given = bytes.fill(7) as Uint8Array<ArrayBuffer>;
    });
    expect(given).toEqual(new Uint8Array(4));
  });

  test.each([
    ["a threshold of 1", 3, 1],
    ["a threshold of 0", 3, 0],
    ["a threshold above the shares", 3, 4],
    ["256 shares", 256, 2],
    ["half a share", 2.5, 2],
    ["a threshold that is no number", 3, Number.NaN],
  ])("refuses %s", (_, count, threshold) => {
    expect(() => split(Uint8Array.of(1), count, threshold, fillRandom)).toThrow(RangeError);
  });

  test("refuses an empty secret", () => {
    expect(() => split(new Uint8Array(), 2, 2, fillRandom)).toThrow(RangeError);
  });
});

describe("combining", () => {
  /** Made by sops. */
  const shares = [
    "b7b7870db071aa215b63b25b6b22195716907431a2987220ab98f1d53fe659a501",
    "dfdfbfb0d148e5e81c6cd51c7cee9804869142c8f5814eeae781531bd47d18fb02",
    "0e0e5edb075f29af2169012171aae735f667509f317f5aac2a7fc4a88dfd273803",
  ].map(unhex);

  test.each([
    ["1 and 2", [0, 1]],
    ["3 and 1", [2, 0]],
    ["2 and 3", [1, 2]],
    ["all", [0, 1, 2]],
  ])("gives the vector from shares %s", (_, picked) => {
    expect(combine(picked.map((index) => shares[index] as Uint8Array))).toEqual(new Uint8Array(32).fill(0x66));
  });

  test("gives what was split elsewhere, whatever its x coordinates", async () => {
    await fc.assert(
      fc.asyncProperty(splits, async ({ secret, threshold, count }) => {
        const parts = await splitElsewhere(secret, count, threshold);
        expect(combine(parts.slice(count - threshold))).toEqual(secret);
      }),
    );
  });

  test("of a changed share gives another secret, which only the caller can tell", () => {
    const changed = Uint8Array.from(shares[1] as Uint8Array);
    changed[5] = (changed[5] as number) ^ 1;
    const secret = combine([shares[0] as Uint8Array, changed]);
    expect([...secret].flatMap((byte, at) => (byte === 0x66 ? [] : [at]))).toEqual([5]);
  });

  test.each([
    ["no share", []],
    ["one share", ["aa01"]],
    ["the same share twice", ["aa01", "aa01"]],
    ["two with one x coordinate", ["aa01", "bb01"]],
    ["an x coordinate of 0", ["aa00", "bb01"]],
    ["different lengths", ["aa01", "bbbb02"]],
    ["x coordinates alone", ["01", "02"]],
    ["nothing in them", ["", ""]],
  ])("refuses %s", (_, texts) => {
    expect(() => combine(texts.map(unhex))).toThrow(RangeError);
  });
});

test("arithmetic on secrets has no branch, and looks nothing up", () => {
  const source = readFileSync("src/crypto/shamir.ts", "utf8");
  const body = /^function multiply\(.*?^\}/ms.exec(source)?.[0] ?? "";
  expect(body).toContain("product");
  expect(body).not.toMatch(/\b(if|while|switch)\b|[?[\]]|&&|\|\|/);
});
