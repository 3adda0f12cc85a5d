import { describe, expect, it } from "vitest";
import { alphabets, generateText } from "../../src/cli/generate-text.ts";

/** Gives every byte once, in order, again and again. */
function counter(): (bytes: Uint8Array) => void {
  let next = 0;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next++ & 0xff;
  };
}

describe("random text", () => {
  it.each([...alphabets.keys()])("of %s: every character is as likely as any other", (name) => {
    const alphabet = alphabets.get(name) ?? "";
    const each = Math.floor(256 / alphabet.length);
    // As many as come of 256 different bytes.
    const { text } = generateText(`${each * alphabet.length}:${name}`, counter());
    const counts = new Map<string, number>();
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect([...counts.keys()].toSorted()).toEqual([...alphabet].toSorted());
    expect(new Set(counts.values())).toEqual(new Set([each]));
  });

  it("is of letters and digits unless said otherwise", () => {
    expect(generateText("40", counter()).text).toMatch(/^[A-Za-z0-9]{40}$/);
  });

  it("is of characters of one's own, each counted once", () => {
    expect(generateText("6:abba\u{1f511}:", counter()).text).toBe("ab\u{1f511}:ab");
  });

  it("is described by its length and how hard it is to guess, and nothing else", () => {
    expect(generateText("32:hex", counter()).description).toBe("made a random value: 32 characters, 128 bits");
  });

  it.each(["", "0", "x", "-1", "1.5", "5000", "8:", "8:a", "8:aaa", "8:alphanum", "8:base64", "8 :hex"])(
    "refuses %j",
    (wanted) => {
      expect(() => generateText(wanted, counter())).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );
});
