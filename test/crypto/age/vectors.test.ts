import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openPayload, parseAgeFile } from "../../../src/crypto/age/age-file.ts";
import { decodeArmor, encodeArmor, toBinary } from "../../../src/crypto/age/armor.ts";
import { AgeFailure } from "../../../src/crypto/age/failure.ts";
import type { AgeIdentity } from "../../../src/crypto/age/identity.ts";
import { parseIdentities } from "../../../src/crypto/age/identity-text.ts";
import { lockOf, openLock } from "../../../src/crypto/age/passphrase.ts";
import { fakeHost } from "../../support/fake-host.ts";

/** The published age test vectors (C2SP CCTV), all of them; their number is held, so that none can vanish unnoticed. */

const VECTOR_COUNT = 143;

interface Vector {
  readonly name: string;
  readonly expected: string;
  /** SHA-256 of the payload, in hex. */
  readonly payload: string | undefined;
  readonly identities: readonly AgeIdentity[];
  readonly isArmored: boolean;
  readonly file: Uint8Array;
}

// The package declares a default export it does not have.
const contents = (await import("cctv-age")) as unknown as Record<string, Uint8Array>;
const vectors = await Promise.all(Object.entries(contents).map(([name, content]) => readVector(name, content)));

async function readVector(name: string, content: Uint8Array): Promise<Vector> {
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
    identities: (await Promise.all(fields.map(identitiesOf))).flat(),
    isArmored: one.get("armored") === "yes",
    file: one.get("compressed") === "zlib" ? inflateSync(body) : body,
  };
}

async function identitiesOf([field, text]: readonly [string, string]): Promise<readonly AgeIdentity[]> {
  if (field === "identity") return (await parseIdentities(text, fakeHost())).identities;
  if (field !== "passphrase") return [];
  const unwrapFileKey: AgeIdentity["unwrapFileKey"] = async (stanzas) => {
    const lock = lockOf(stanzas);
    return lock === null ? null : openLock(lock, text);
  };
  return [{ unwrapFileKey }];
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
  });

  test("has every kind of outcome", () => {
    const counts: Record<string, number> = {};
    for (const { expected } of vectors) counts[expected] = (counts[expected] ?? 0) + 1;
    expect(counts).toEqual({
      success: 26,
      "no match": 13,
      "armor failure": 22,
      "header failure": 62,
      "HMAC failure": 1,
      "payload failure": 19,
    });
  });
});

describe("outcomes", () => {
  test.each(vectors)("$name: $expected", async (vector) => {
    const { result, payload } = await outcome(vector, vector.isArmored ? decodeArmor : (file) => file);
    expect(result).toBe(vector.expected);
    if (result === "success") expect(payload).toBe(vector.payload);
  });

  test.each(vectors.filter(({ expected }) => expected === "success"))(
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
