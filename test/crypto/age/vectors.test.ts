import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openPayload, parseAgeFile } from "../../../src/crypto/age/age-file.ts";
import { decodeArmor, encodeArmor, toBinary } from "../../../src/crypto/age/armor.ts";
import { AgeFailure } from "../../../src/crypto/age/failure.ts";
import { parseIdentity, X25519Identity } from "../../../src/crypto/age/x25519.ts";

/**
 * The published age test vectors (C2SP CCTV), as far as X25519 goes. What is left out is named here, so that a vector
 * can neither vanish nor come to be skipped unnoticed.
 */

const VECTOR_COUNT = 143;

/** Opening these, or failing as they ask, takes a passphrase. */
const NEEDS_SCRYPT = [
  "armor_scrypt",
  "scrypt",
  "scrypt_bad_tag",
  "scrypt_extra_argument",
  "scrypt_long_file_key",
  "scrypt_no_match",
  "scrypt_not_canonical_body",
  "scrypt_not_canonical_salt",
  "scrypt_salt_long",
  "scrypt_salt_missing",
  "scrypt_salt_short",
  "scrypt_uppercase",
  "scrypt_work_factor_23",
  "scrypt_work_factor_hex",
  "scrypt_work_factor_leading_garbage",
  "scrypt_work_factor_leading_plus",
  "scrypt_work_factor_leading_zero_decimal",
  "scrypt_work_factor_leading_zero_octal",
  "scrypt_work_factor_missing",
  "scrypt_work_factor_negative",
  "scrypt_work_factor_overflow",
  "scrypt_work_factor_trailing_garbage",
  "scrypt_work_factor_wrong",
  "scrypt_work_factor_zero",
];

/** Opening these, or failing as they ask, takes a post-quantum identity. */
const NEEDS_HYBRID = [
  "armor_hybrid",
  "hybrid",
  "hybrid_and_x25519",
  "hybrid_bad_tag",
  "hybrid_currupted_enc_mlkem",
  "hybrid_currupted_enc_x25519",
  "hybrid_extra_argument",
  "hybrid_grease",
  "hybrid_identity",
  "hybrid_long_file_key",
  "hybrid_long_share",
  "hybrid_low_order",
  "hybrid_multiple_recipients",
  "hybrid_no_match",
  "hybrid_not_canonical_body",
  "hybrid_not_canonical_enc",
  "hybrid_short_share",
  "hybrid_uppercase",
];

interface Vector {
  readonly name: string;
  readonly expected: string;
  /** SHA-256 of the payload, in hex. */
  readonly payload: string | undefined;
  readonly identities: readonly X25519Identity[];
  readonly isArmored: boolean;
  readonly file: Uint8Array;
}

// The package declares a default export it does not have.
const contents = (await import("cctv-age")) as unknown as Record<string, Uint8Array>;
const vectors = Object.entries(contents).map(([name, content]) => readVector(name, content));
const leftOut = new Set([...NEEDS_SCRYPT, ...NEEDS_HYBRID]);
const ours = vectors.filter(({ name }) => !leftOut.has(name));

function readVector(name: string, content: Uint8Array): Vector {
  const bytes = Buffer.from(content);
  const headEnd = bytes.indexOf("\n\n");
  const fields = bytes
    .toString("utf8", 0, headEnd)
    .split("\n")
    .map((line) => line.split(": ", 2) as [string, string]);
  const known = new Set([
    "expect",
    "payload",
    "identity",
    "passphrase",
    "armored",
    "file key",
    "comment",
    "compressed",
  ]);
  for (const [field] of fields) if (!known.has(field)) throw new Error(`${name}: unknown field ${field}`);
  const body = bytes.subarray(headEnd + 2);
  const one = new Map(fields);
  return {
    name,
    expected: one.get("expect") ?? "",
    payload: one.get("payload"),
    identities: fields
      .filter(([field]) => field === "identity")
      .map(([, text]) => parseIdentity(text))
      .filter((identity) => identity instanceof X25519Identity),
    isArmored: one.get("armored") === "yes",
    file: one.get("compressed") === "zlib" ? inflateSync(body) : body,
  };
}

/** What became of a vector, in the vectors' words. */
async function outcome(
  vector: Vector,
  binaryOf: (file: Uint8Array) => Uint8Array,
): Promise<{ result: string; payload?: string }> {
  try {
    const file = parseAgeFile(binaryOf(vector.file));
    for (const identity of vector.identities) {
      const fileKey = await identity.unwrapFileKey(file.stanzas);
      if (fileKey === null) continue;
      const payload = await openPayload(file, fileKey);
      return { result: "success", payload: createHash("sha256").update(payload).digest("hex") };
    }
    return { result: "no match" };
  } catch (error) {
    if (error instanceof AgeFailure && error.code === "PROVIDER_FAILED") return { result: `${error.part} failure` };
    throw error;
  }
}

describe("the set", () => {
  test("has the vectors that were known when this was written", () => {
    expect(vectors.length).toBe(VECTOR_COUNT);
    expect([...leftOut].filter((name) => !vectors.some((vector) => vector.name === name))).toEqual([]);
    expect(leftOut.size).toBe(42);
    expect(ours.length).toBe(101);
  });

  test("has every kind of outcome", () => {
    const counts: Record<string, number> = {};
    for (const { expected } of ours) counts[expected] = (counts[expected] ?? 0) + 1;
    expect(counts).toEqual({
      success: 19,
      "no match": 4,
      "armor failure": 22,
      "header failure": 36,
      "HMAC failure": 1,
      "payload failure": 19,
    });
  });
});

describe("outcomes", () => {
  test.each(ours)("$name: $expected", async (vector) => {
    const { result, payload } = await outcome(vector, vector.isArmored ? decodeArmor : (file) => file);
    expect(result).toBe(vector.expected);
    if (result === "success") expect(payload).toBe(vector.payload);
  });

  test.each(ours.filter(({ expected }) => expected === "success"))(
    "$name, with armor told from binary",
    async (vector) => {
      expect((await outcome(vector, toBinary)).payload).toBe(vector.payload);
    },
  );
});

describe("armor", () => {
  test.each(vectors.filter(({ name }) => name === "armor_x25519" || name === "armor_full_last_line"))(
    "$name is written as it was read",
    ({ file }) => {
      expect(encodeArmor(decodeArmor(file))).toBe(Buffer.from(file).toString());
    },
  );
});
