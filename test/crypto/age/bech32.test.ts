import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBech32, encodeBech32 } from "../../../src/crypto/age/bech32.ts";

const RECIPIENT = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
const prefixes = fc.stringMatching(/^[!-@[-~]{1,20}$/);

test("encoding is undone, in either case", () => {
  fc.assert(
    fc.property(prefixes, fc.uint8Array({ maxLength: 70 }), (prefix, bytes) => {
      const text = encodeBech32(prefix, bytes);
      expect(decodeBech32(text)).toEqual({ prefix, bytes });
      const upper = text.toUpperCase();
      expect(decodeBech32(upper)).toEqual({ prefix: prefix.toUpperCase(), bytes });
    }),
  );
});

test("any single changed character is found", () => {
  const replacements = "qpzry9x8gf2tvdw0s3jn54khce6mua7l1b-";
  for (let at = 0; at < RECIPIENT.length; at++) {
    for (const replacement of replacements) {
      if (replacement === RECIPIENT[at]) continue;
      const changed = RECIPIENT.slice(0, at) + replacement + RECIPIENT.slice(at + 1);
      expect(decodeBech32(changed), changed).toHaveProperty("problem");
    }
  }
});

describe("valid strings of BIP 173", () => {
  test.each([
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "?1ezyfcl",
    `11${"q".repeat(82)}c8247j`,
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
  ])("%s", (text) => {
    expect(decodeBech32(text)).toHaveProperty("bytes");
  });
});

describe("invalid strings of BIP 173", () => {
  test.each([
    "\x201nwldj5",
    "\x7f1axkwrx",
    "\x801eym55h",
    "pzry9x0s0muk",
    "1pzry9x0s0muk",
    "x1b4n0q5v",
    "li1dgmt3",
    "de1lg7wt\xff",
    "A1G7SGD8",
    "10a06t8",
    "1qzzfhee",
  ])("%j", (text) => {
    expect(decodeBech32(text)).toHaveProperty("problem");
  });
});

test("padding must be short and zero, even where the checksum fits", () => {
  // One spare bit set; a whole spare group of zero bits.
  for (const text of ["age18pcwk7p5", "age18yql3gus3"])
    expect(decodeBech32(text)).toEqual({ problem: "wrong padding" });
});

test("cases must not be mixed", () => {
  expect(decodeBech32(`A${RECIPIENT.slice(1)}`)).toHaveProperty("problem");
  expect(decodeBech32(RECIPIENT.slice(0, -1) + RECIPIENT.slice(-1).toUpperCase())).toHaveProperty("problem");
});

test("letters that only turn into ASCII with another case are refused", () => {
  // The Kelvin sign is upper case, and its lower case is `k`.
  expect(decodeBech32(RECIPIENT.toUpperCase().replace("K", "\u212a"))).toHaveProperty("problem");
});

test("blanks are not skipped", () => {
  for (const text of [` ${RECIPIENT}`, `${RECIPIENT} `, `${RECIPIENT}\n`]) {
    expect(decodeBech32(text)).toHaveProperty("problem");
  }
});
