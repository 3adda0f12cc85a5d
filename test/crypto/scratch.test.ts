import { describe, expect, test } from "vitest";
import { Scratch } from "../../src/crypto/scratch.ts";

const texts = ["", "a", "é", "\u{1f511}", "x".repeat(1365), "€".repeat(1365), "€".repeat(1366), "x".repeat(5000)];

describe("scratch memory", () => {
  test("gives the UTF-8 bytes of short and long texts", () => {
    const scratch = new Scratch();
    for (const text of [...texts, ...texts]) expect(Buffer.from(scratch.utf8(text))).toEqual(Buffer.from(text));
  });

  test("gives what base64 of any length stands for", () => {
    const scratch = new Scratch();
    for (const length of [0, 1, 2, 3, 16, 32, 3069, 3072, 3073, 10_000]) {
      const bytes = Buffer.alloc(length, "secret");
      expect(Buffer.from(scratch.base64(bytes.toString("base64")))).toEqual(bytes);
    }
  });
});
