import { inspect } from "node:util";
import { armor, Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openPayload, parseAgeFile, type Stanza } from "../../../src/crypto/age/age-file.ts";
import { decodeArmor, encodeArmor, toBinary } from "../../../src/crypto/age/armor.ts";
import { sealAgeFile } from "../../../src/crypto/age/seal-age-file.ts";
import {
  generateIdentity,
  parseIdentity,
  parseRecipient,
  wrapFileKey,
  type X25519Identity,
} from "../../../src/crypto/age/x25519.ts";
import { fakeHost } from "../../support/fake-host.ts";

// TEST ONLY: from the format's own test vectors; protects nothing.
const IDENTITY_A = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";
const RECIPIENT_A = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
const IDENTITY_B = "AGE-SECRET-KEY-1432K5YRNSC44GC4986NXMX6GVZ52WTMT9C79CLUVWYY4DKDHD5JSNDP4MC";
const RECIPIENT_B = "age1afnrdrkyvy0sl5e08t9ffs4c7g5e5npc8luf7hjc77syewg5gajsls4r90";

const CHUNK = 64 * 1024;
const SIZES = [0, 1, 32, 33, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7];
const host = fakeHost();

function identityOf(text: string): X25519Identity {
  const identity = parseIdentity(text);
  if ("problem" in identity) throw new Error(identity.problem);
  return identity;
}

function publicKeyOf(text: string): Uint8Array {
  const key = parseRecipient(text);
  if ("problem" in key) throw new Error(key.problem);
  return key;
}

function seal(payload: Uint8Array, ...recipients: string[]): Promise<Uint8Array> {
  const stanzas = (key: Uint8Array) => recipients.map((text) => wrapFileKey(key, publicKeyOf(text), host));
  return sealAgeFile(payload, (key) => Promise.all(stanzas(key)), host);
}

async function open(file: Uint8Array, identity: string): Promise<Uint8Array | null> {
  const parsed = parseAgeFile(toBinary(file));
  const fileKey = await identityOf(identity).unwrapFileKey(parsed.stanzas);
  return fileKey === null ? null : openPayload(parsed, fileKey);
}

/** `toEqual` takes half a second for a chunk. */
function expectBytes(actual: Uint8Array | null, expected: Uint8Array): void {
  expect(actual !== null && Buffer.compare(actual, expected) === 0).toBe(true);
}

function payloadOf(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => (index * 31) % 251);
}

describe("keys", () => {
  test.each([
    [IDENTITY_A, RECIPIENT_A],
    [IDENTITY_B, RECIPIENT_B],
  ])("%s has its recipient", async (identity, recipient) => {
    expect(await identityOf(identity).recipient()).toBe(recipient);
  });

  test("generated ones are of the shape age has, and agree with the other implementation", async () => {
    for (let n = 0; n < 20; n++) {
      const { identity, recipient } = await generateIdentity(host);
      expect(identity).toMatch(/^AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}$/);
      expect(await identityOf(identity).recipient()).toBe(recipient);
      expect(await identityToRecipient(identity)).toBe(recipient);
    }
  });

  test("come from the host's random bytes alone", async () => {
    const made = (seed: string) => generateIdentity(fakeHost({ seed }));
    expect(await made("a")).toEqual(await made("a"));
    expect(await made("a")).not.toEqual(await made("b"));
  });

  test.each([
    IDENTITY_A.toLowerCase(),
    ` ${IDENTITY_A}`,
    IDENTITY_A.slice(0, -1),
    IDENTITY_A.replace("G0Q", "G0P"),
    RECIPIENT_A,
    RECIPIENT_A.toUpperCase(),
    "",
  ])("no identity: %j", (text) => {
    expect(parseIdentity(text)).toHaveProperty("problem");
  });

  test.each([RECIPIENT_A.toUpperCase(), `${RECIPIENT_A}\n`, RECIPIENT_A.replace("lz", "lq"), IDENTITY_A, "age1", ""])(
    "no recipient: %j",
    (text) => {
      expect(parseRecipient(text)).toHaveProperty("problem");
    },
  );

  test("a printed identity does not show its secret", () => {
    expect(inspect(identityOf(IDENTITY_A), { depth: 9, showHidden: true, getters: true })).not.toMatch(/secret:/i);
  });

  test("nothing is wrapped for a key of low order", async () => {
    for (const first of [0, 1]) {
      const lowOrder = new Uint8Array(32);
      lowOrder[0] = first;
      await expect(wrapFileKey(new Uint8Array(16), lowOrder, host)).rejects.toThrowError(
        expect.objectContaining({ code: "KEY_BAD_RECIPIENT" }),
      );
    }
  });
});

describe("files", () => {
  test.each(SIZES)("a payload of %i bytes comes back", async (size) => {
    const file = await seal(payloadOf(size), RECIPIENT_A);
    expectBytes(await open(file, IDENTITY_A), payloadOf(size));
    expect(await open(file, IDENTITY_B)).toBeNull();
  });

  test("each of several recipients opens, behind stanzas of other kinds", async () => {
    const grease: Stanza = { args: ["a-grease", "b", "c"], body: payloadOf(48) };
    const empty: Stanza = { args: ["z"], body: new Uint8Array() };
    const keys = [RECIPIENT_A, RECIPIENT_B].map(publicKeyOf);
    const file = await sealAgeFile(
      payloadOf(32),
      async (fileKey) => [grease, ...(await Promise.all(keys.map((key) => wrapFileKey(fileKey, key, host)))), empty],
      host,
    );
    expect(parseAgeFile(file).stanzas.map(({ args }) => args[0])).toEqual(["a-grease", "X25519", "X25519", "z"]);
    expect(await open(file, IDENTITY_A)).toEqual(payloadOf(32));
    expect(await open(file, IDENTITY_B)).toEqual(payloadOf(32));
  });

  test("no byte can be changed or cut off unnoticed", async () => {
    const file = await seal(payloadOf(32), RECIPIENT_A);
    for (let at = 0; at < file.length; at++) {
      const changed = Uint8Array.from(file);
      changed[at] = (changed[at] ?? 0) ^ 1;
      // A changed stanza kind or body reads as a file for somebody else.
      expect(await outcomeOf(() => open(changed, IDENTITY_A)), `byte ${at}`).toMatch(/^(null|PROVIDER_FAILED)$/);
      expect(await outcomeOf(() => open(file.subarray(0, at), IDENTITY_A)), `cut at ${at}`).toBe("PROVIDER_FAILED");
    }
  });

  test("arbitrary bytes and headers fail as a damaged file does", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("", "age-encryption.org/v1\n"),
        async (bytes, start) => {
          const file = Buffer.concat([Buffer.from(start), bytes]);
          expect(await outcomeOf(() => open(file, IDENTITY_A))).toBe("PROVIDER_FAILED");
        },
      ),
    );
  });
});

describe("armor", () => {
  test("encoding is undone, whatever the length; lines have 64 columns", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodeArmor(bytes);
        expect(Uint8Array.from(decodeArmor(Buffer.from(text)))).toEqual(bytes);
        expect(text.endsWith("\n-----END AGE ENCRYPTED FILE-----\n")).toBe(true);
        expect(
          Math.max(
            ...text
              .split("\n")
              .slice(1, -2)
              .map((line) => line.length),
            0,
          ),
        ).toBeLessThanOrEqual(64);
        expect(text).toBe(armor.encode(bytes));
      }),
    );
  });

  test("line ends may be CRLF, and blank space may stand around it", async () => {
    const file = await seal(payloadOf(32), RECIPIENT_A);
    const text = ` \r\n\t${encodeArmor(file).replaceAll("\n", "\r\n")}\n\n `;
    expect(await open(Buffer.from(text), IDENTITY_A)).toEqual(payloadOf(32));
  });
});

describe("the other implementation (age-encryption)", () => {
  test.each(SIZES)("opens ours of %i bytes", async (size) => {
    const decrypter = new Decrypter();
    decrypter.addIdentity(IDENTITY_A);
    const file = await seal(payloadOf(size), RECIPIENT_B, RECIPIENT_A);
    expectBytes(await decrypter.decrypt(armor.decode(encodeArmor(file))), payloadOf(size));
  });

  test.each(SIZES)("writes %i bytes that open here", async (size) => {
    const encrypter = new Encrypter();
    encrypter.addRecipient(RECIPIENT_B);
    encrypter.addRecipient(RECIPIENT_A);
    const file = await encrypter.encrypt(payloadOf(size));
    expectBytes(await open(file, IDENTITY_A), payloadOf(size));
    expectBytes(await open(Buffer.from(armor.encode(file)), IDENTITY_B), payloadOf(size));
  });
});

async function outcomeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    const result = await act();
    return result === null ? "null" : "opened";
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}
