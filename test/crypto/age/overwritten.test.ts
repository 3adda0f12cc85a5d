import { readFileSync } from "node:fs";
import { generateHybridIdentity, identityToRecipient } from "age-encryption";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openPayload, parseAgeFile } from "../../../src/crypto/age/age-file.ts";
import { decodeBech32, encodeBech32 } from "../../../src/crypto/age/bech32.ts";
import { wrapForHybrid } from "../../../src/crypto/age/hybrid.ts";
import type { AgeIdentity } from "../../../src/crypto/age/identity.ts";
import { parseIdentities } from "../../../src/crypto/age/identity-text.ts";
import { openLock } from "../../../src/crypto/age/passphrase.ts";
import { sealAgeFile } from "../../../src/crypto/age/seal-age-file.ts";
import { SshIdentity, wrapForSsh } from "../../../src/crypto/age/ssh.ts";
import { parseSshPrivateKey } from "../../../src/crypto/age/ssh-private-key.ts";
import { parseRecipient, wrapFileKey } from "../../../src/crypto/age/x25519.ts";
import { runtime } from "../../../src/crypto/runtime.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { failure, IDENTITY_A, RECIPIENT_A } from "../../support/sealing.ts";

/** What SECURITY.md says of memory: file keys, and what they are derived from and give, are overwritten after their use. */

const FILE_KEY = Uint8Array.from({ length: 16 }, (_, index) => 100 + index);
const PAYLOAD = Uint8Array.from({ length: 64 * 1024 + 5 }, (_, index) => (index % 250) + 1);

afterEach(() => {
  vi.restoreAllMocks();
});

const real = { ...runtime };

/**
 * Keeps every array that goes into the runtime as a secret, or comes out of it; not the MAC of a header, which is public.
 * @param hasSecretSalts - Whether keys of HMAC are secrets: those of HKDF, outside of HPKE, are salts.
 */
function watch(hasSecretSalts = false): Set<Uint8Array> {
  const seen = new Set<Uint8Array>();
  const keep = <T extends Uint8Array | null>(bytes: T): T => {
    if (bytes !== null) seen.add(bytes);
    return bytes;
  };
  vi.spyOn(runtime, "hmac").mockImplementation((key, data) => {
    if (hasSecretSalts) keep(key);
    const isHeader = Buffer.from(data).toString("latin1").startsWith("age-encryption.org/v1\n");
    return isHeader ? real.hmac(key, data) : keep(real.hmac(key, data));
  });
  vi.spyOn(runtime, "sealChaCha").mockImplementation((key, nonce, plain) => real.sealChaCha(keep(key), nonce, plain));
  vi.spyOn(runtime, "openChaCha").mockImplementation(async (key, nonce, sealed) =>
    keep(await real.openChaCha(keep(key), nonce, sealed)),
  );
  vi.spyOn(runtime, "importX25519").mockImplementation(async (secret) => {
    const { publicKey, agree } = await real.importX25519(keep(secret));
    return { publicKey, agree: async (other) => keep(await agree(other)) };
  });
  return seen;
}

const isLeft = (bytes: Uint8Array): boolean => bytes.some((byte) => byte !== 0);

/** What was seen and is still there, in hex. */
function left(seen: Iterable<Uint8Array>): string[] {
  return [...seen].filter(isLeft).map(hexOf).sort();
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function bytesOf(text: string): Uint8Array {
  const decoded = decodeBech32(text);
  if ("problem" in decoded) throw new Error(decoded.problem);
  return decoded.bytes;
}

async function identityOf(text: string): Promise<AgeIdentity> {
  const [identity] = (await parseIdentities(text, fakeHost())).identities;
  if (identity === undefined) throw new Error("no identity");
  return identity;
}

function publicKeyOf(text: string): Uint8Array {
  const key = parseRecipient(text);
  if ("problem" in key) throw new Error(key.problem);
  return key;
}

/** TEST ONLY: keys of the shared fixtures. */
function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../../fixtures/sops/3.13.2/keys/${name}`, import.meta.url));
}

function sshIdentity(): AgeIdentity {
  const key = parseSshPrivateKey(fixture("ssh-ed25519"));
  if (!("secret" in key)) throw new Error("not a key without passphrase");
  return new SshIdentity(key);
}

describe("stanzas", () => {
  test("X25519: of sealing nothing is left", async () => {
    const seen = watch();
    await wrapFileKey(FILE_KEY, publicKeyOf(RECIPIENT_A), fakeHost());
    expect(left(seen)).toEqual([]);
    // The secret of the ephemeral key, what was agreed on, the inner key of HKDF, the wrapping key.
    expect(seen.size).toBe(4);
  });

  test("X25519: of opening the file key and the identity", async () => {
    const stanza = await wrapFileKey(FILE_KEY, publicKeyOf(RECIPIENT_A), fakeHost());
    const identity = await identityOf(IDENTITY_A);
    const seen = watch();
    expect(await identity.unwrapFileKey([stanza])).toEqual(Buffer.from(FILE_KEY));
    expect(left(seen)).toEqual([FILE_KEY, bytesOf(IDENTITY_A)].map(hexOf).sort());
    expect(seen.size).toBe(5);
  });

  test("ssh-ed25519: of sealing nothing, of opening the file key", async () => {
    const sealing = watch();
    const stanza = await wrapForSsh(FILE_KEY, fixture("ssh-ed25519.pub").toString(), fakeHost());
    expect(left(sealing)).toEqual([]);
    vi.restoreAllMocks();
    const opening = watch();
    expect(await sshIdentity().unwrapFileKey([stanza])).toEqual(Buffer.from(FILE_KEY));
    expect(left(opening)).toEqual([hexOf(FILE_KEY)]);
  });

  test("post-quantum: of sealing and opening the file key, and hashes that are the same for all", async () => {
    async function leftOf(): Promise<string[]> {
      const text = await generateHybridIdentity();
      const recipient = await identityToRecipient(text);
      const identity = await identityOf(text);
      const sealing = watch(true);
      const stanza = await wrapForHybrid(FILE_KEY, recipient, fakeHost());
      vi.restoreAllMocks();
      const opening = watch(true);
      expect(await identity.unwrapFileKey([stanza])).toEqual(Buffer.from(FILE_KEY));
      vi.restoreAllMocks();
      expect(left(opening)).toContain(hexOf(FILE_KEY));
      return left(opening).concat(left(sealing));
    }
    expect(await leftOf()).toEqual(await leftOf());
  });

  test("post-quantum: of a recipient that is no key nothing", async () => {
    const key = Uint8Array.from(bytesOf(await identityToRecipient(await generateHybridIdentity())));
    key.fill(0xff, 0, 1184);
    const seen = watch();
    const error = await failure(() => wrapForHybrid(FILE_KEY, encodeBech32("age1pq", key), fakeHost()));
    expect(error.code).toBe("KEY_BAD_RECIPIENT");
    expect(seen.size).toBe(2);
    expect(left(seen)).toEqual([]);
  });

  test.each<[string, () => Promise<Uint8Array | null>]>([
    ["another passphrase", async () => null],
    ["a cipher that fails", () => Promise.reject(new Error("no memory"))],
  ])("scrypt: no wrapping key, after %s", async (_, open) => {
    const keys: Uint8Array[] = [];
    vi.spyOn(runtime, "openChaCha").mockImplementation((key) => {
      expect(isLeft(key)).toBe(true);
      keys.push(key);
      return open();
    });
    const lock = { salt: new Uint8Array(16), work: 1, body: new Uint8Array(32) };
    expect(await openLock(lock, "p").catch(() => null)).toBeNull();
    expect(keys.map(isLeft)).toEqual([false]);
  });
});

describe("files", () => {
  /** A sealed file of two chunks. */
  const sealed = () => sealAgeFile(PAYLOAD, async () => [{ args: ["x"], body: new Uint8Array() }], hostOf([]));

  /** A host whose file keys are all {@link FILE_KEY}, and that keeps every array it filled. */
  function hostOf(filled: Uint8Array[]): Pick<ReturnType<typeof fakeHost>, "fillRandom"> {
    return {
      fillRandom(bytes) {
        bytes.set(FILE_KEY.subarray(0, bytes.length));
        filled.push(bytes);
      },
    };
  }

  test("of sealing nothing is left but the nonce, which stands in the file", async () => {
    const filled: Uint8Array[] = [];
    const seen = watch();
    await sealAgeFile(PAYLOAD, async () => [{ args: ["x"], body: new Uint8Array() }], hostOf(filled));
    expect(seen.size).toBe(4);
    expect(left(seen)).toEqual([]);
    expect(filled.map(isLeft)).toEqual([false, true]);
  });

  test("of sealing for nobody nothing is left", async () => {
    const filled: Uint8Array[] = [];
    const wrap = async (): Promise<never> => {
      throw new Error("no plugin");
    };
    await expect(sealAgeFile(PAYLOAD, wrap, hostOf(filled))).rejects.toThrowError("no plugin");
    expect(filled[0]).toEqual(new Uint8Array(16));
  });

  test("a cipher that fails leaves no key", async () => {
    const seen = watch();
    vi.spyOn(runtime, "sealChaCha").mockImplementation(async (key) => {
      expect(isLeft(key)).toBe(true);
      throw new Error("no memory");
    });
    await expect(sealed()).rejects.toThrowError("no memory");
    expect(left(seen)).toEqual([]);
  });

  test("of opening the payload alone is left", async () => {
    const file = parseAgeFile(await sealed());
    const fileKey = Uint8Array.from(FILE_KEY);
    const seen = watch();
    expect(Buffer.compare(await openPayload(file, fileKey), PAYLOAD)).toBe(0);
    expect(left([...seen, fileKey])).toEqual([]);
  });

  /** Arrays that something was copied into while a file was opened, which failed. */
  async function writtenBy(file: Uint8Array, fileKey: Uint8Array): Promise<Uint8Array[]> {
    const parsed = parseAgeFile(file);
    const set = vi.spyOn(Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array, "set");
    const error = await failure(() => openPayload(parsed, fileKey));
    const written = set.mock.contexts as Uint8Array[];
    set.mockRestore();
    expect(error.code).toBe("PROVIDER_FAILED");
    return written;
  }

  test.each<[string, (file: Uint8Array, rest: number) => Uint8Array]>([
    ["another header", (file) => changed(file, Buffer.from(file).indexOf("-> x") + 3)],
    ["no nonce", (file, rest) => file.subarray(0, rest + 5)],
    ["no chunk", (file, rest) => file.subarray(0, rest + 16)],
    ["half of the first chunk", (file) => file.subarray(0, -40_000)],
    ["the first chunk alone", (file) => file.subarray(0, -21)],
    ["a changed first chunk", (file, rest) => changed(file, rest + 20)],
    ["a changed last chunk", (file) => changed(file, file.length - 1)],
  ])("of a damaged one no key, and no part of the payload: %s", async (_, damage) => {
    const file = await sealed();
    const fileKey = Uint8Array.from(FILE_KEY);
    const seen = watch();
    const written = await writtenBy(damage(file, file.length - parseAgeFile(file).rest.length), fileKey);
    expect(left([...seen, fileKey, ...written])).toEqual([]);
  });

  test("the payload of a damaged one is among what the test above sees", async () => {
    const file = await sealed();
    const written = await writtenBy(changed(file, file.length - 1), Uint8Array.from(FILE_KEY));
    expect(written.map(({ length }) => length)).toContain(PAYLOAD.length);
  });

  function changed(file: Uint8Array, at: number): Uint8Array {
    const copy = Uint8Array.from(file);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  }
});
