import type { webcrypto } from "node:crypto";
import { type EnvelopeInPlace, type OpenedEnvelope, parseEncryptedValue } from "./encrypted-value.ts";
import type { Runtime } from "./runtime.ts";
import { pkcs8Of, unlessZero } from "./runtime-x25519.ts";

/** What Bun has without its `node:crypto`: its own hashes, and Web Crypto. */
export const bun: Runtime = {
  sha512() {
    const hash = new Bun.CryptoHasher("sha512");
    return { update: (data) => void hash.update(data), hex: () => hash.digest("hex") };
  },
  hmac: (key, data) => new Bun.CryptoHasher("sha256", key).update(data).digest(),
  isEqual: (a, b) => (crypto as Crypto & { timingSafeEqual: Runtime["isEqual"] }).timingSafeEqual(a, b),
  fillRandom(bytes) {
    for (let at = 0; at < bytes.length; at += MOST_RANDOM) crypto.getRandomValues(bytes.subarray(at, at + MOST_RANDOM));
  },
  async sealChaCha(key, nonce, plain) {
    const imported = await importChaCha(key, "encrypt");
    return new Uint8Array(await crypto.subtle.encrypt({ name: CHACHA, iv: nonce }, imported, plain));
  },
  async openChaCha(key, nonce, sealed) {
    const imported = await importChaCha(key, "decrypt");
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: CHACHA, iv: nonce }, imported, sealed));
    } catch {
      return null;
    }
  },
  async importX25519(secret) {
    const pkcs8 = pkcs8Of(secret);
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", true, ["deriveBits"]);
    pkcs8.fill(0);
    const { x = "" } = await crypto.subtle.exportKey("jwk", key);
    return { publicKey: Buffer.from(x, "base64url"), agree: (publicKey) => agree(key, publicKey) };
  },
  async openAll(envelopes, dataKey) {
    const key = await crypto.subtle.importKey("raw", dataKey, "AES-GCM", false, ["decrypt"]);
    const opened = new Map<string, OpenedEnvelope | null>();
    const open = async ({ text, aad }: EnvelopeInPlace): Promise<unknown> =>
      opened.set(idOf(text, aad), await openOne(text, aad, key));
    await Promise.all(envelopes.map(open));
    return (text, aad) => {
      const result = opened.get(idOf(text, aad));
      if (result === undefined) throw new Error("an envelope was not asked for");
      return result;
    };
  },
  collect: () => Bun.gc(false),
};

/** The part of Bun's own interface that is used. */
declare const Bun: {
  /** With `false`, it goes on while the program runs. */
  gc(isWaitedFor: boolean): void;
  readonly CryptoHasher: new (algorithm: "sha256" | "sha512", hmacKey?: Uint8Array) => Hasher;
};

interface Hasher {
  update(data: string | Uint8Array): Hasher;
  digest(): Uint8Array;
  digest(encoding: "hex"): string;
}

type Crypto = typeof crypto;

type CryptoKey = webcrypto.CryptoKey;

/** Bytes that Web Crypto gives at once. */
const MOST_RANDOM = 65536;
const CHACHA = "ChaCha20-Poly1305";

function importChaCha(key: Uint8Array, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  // The types know the formats of Node 20 only.
  return crypto.subtle.importKey("raw-secret" as "raw", key, CHACHA, false, [use]);
}

async function agree(privateKey: CryptoKey, publicKey: Uint8Array): Promise<Uint8Array | null> {
  try {
    const other = await crypto.subtle.importKey("raw", publicKey, "X25519", false, []);
    const secret = await crypto.subtle.deriveBits({ name: "X25519", public: other }, privateKey, 256);
    return unlessZero(new Uint8Array(secret));
  } catch {
    // BoringSSL makes the check itself; with two valid keys nothing else can fail.
    return null;
  }
}

/** Both may hold any characters. */
function idOf(text: string, aad: string): string {
  return `${aad.length} ${aad}${text}`;
}

async function openOne(text: string, aad: string, key: CryptoKey): Promise<OpenedEnvelope | null> {
  const envelope = parseEncryptedValue(text);
  if (envelope === null) return null;
  const { data, iv, tag, type } = envelope;
  try {
    const algorithm = { name: "AES-GCM", iv, additionalData: Buffer.from(aad), tagLength: tag.length * 8 };
    return { bytes: new Uint8Array(await crypto.subtle.decrypt(algorithm, key, Buffer.concat([data, tag]))), type };
  } catch {
    return null;
  }
}
