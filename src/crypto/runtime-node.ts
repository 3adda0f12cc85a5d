import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from "node:crypto";
import { once } from "../once.ts";
import type { Runtime, X25519Key } from "./runtime.ts";
import { pkcs8Of, unlessZero } from "./runtime-x25519.ts";

/** What Node has. */
export const node: Runtime = {
  sha512() {
    const hash = createHash("sha512");
    return { update: (data) => void hash.update(data), hex: () => hash.digest("hex") };
  },
  hmac: (key, data) => createHmac("sha256", key).update(data).digest(),
  isEqual: timingSafeEqual,
  fillRandom: (bytes) => void randomFillSync(bytes),
  async sealChaCha(key, nonce, plain) {
    const cipher = createCipheriv(CHACHA, key, nonce, CHACHA_OPTIONS);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  },
  async openChaCha(key, nonce, sealed) {
    const end = sealed.length - CHACHA_OPTIONS.authTagLength;
    const decipher = createDecipheriv(CHACHA, key, nonce, CHACHA_OPTIONS);
    decipher.setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      plain.fill(0);
      return null;
    }
    return plain;
  },
  async importX25519(secret) {
    const { key, publicKey } = importSecret(secret);
    return { publicKey, agree: async (other) => agree(key, once(importedKeys, other, importPublic)) };
  },
  openAll: null,
  collect() {},
};

const CHACHA = "chacha20-poly1305";
const CHACHA_OPTIONS = { authTagLength: 16 };
const PUBLIC_KEY_BYTES = 32;

/** Of a run over many files, each is encrypted to the same recipients. */
const importedKeys = new WeakMap<Uint8Array, KeyObject>();

/** Whether the runtime takes a JWK without the public key, which is only known after the import. Node 26 does not. */
let isJwkTaken = true;

type Imported = Pick<X25519Key, "publicKey"> & { readonly key: KeyObject };

/** As a JWK where that works: of DER, Node 20 makes a key eight times as slowly, and encrypting needs a new one for each file. */
function importSecret(secret: Uint8Array): Imported {
  if (isJwkTaken) {
    try {
      const d = Buffer.from(secret).toString("base64url");
      const imported = withPublicKey(createPrivateKey({ key: { kty: "OKP", crv: "X25519", d, x: "" }, format: "jwk" }));
      if (imported.publicKey.length === PUBLIC_KEY_BYTES) return imported;
    } catch {
      // Then DER has to tell whether something is wrong with the key.
    }
    isJwkTaken = false;
  }
  const pkcs8 = pkcs8Of(secret);
  try {
    return withPublicKey(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }));
  } finally {
    pkcs8.fill(0);
  }
}

function withPublicKey(key: KeyObject): Imported {
  return { key, publicKey: Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url") };
}

function importPublic(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
}

function agree(privateKey: KeyObject, publicKey: KeyObject): Uint8Array | null {
  try {
    return unlessZero(diffieHellman({ privateKey, publicKey }));
  } catch {
    // OpenSSL makes the check itself; with two valid keys nothing else can fail.
    return null;
  }
}
