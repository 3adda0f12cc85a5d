import { createHash } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { runtime, type X25519Key } from "../runtime.ts";
import type { Stanza } from "./age-file.ts";
import { decodeBase64, encodeUnpadded } from "./base64.ts";
import { decodeBech32, encodeBech32 } from "./bech32.ts";
import { AgeFailure } from "./failure.ts";
import { BODY_BYTES } from "./file-key.ts";
import type { AgeIdentity } from "./identity.ts";
import { HYBRID_PUBLIC_BYTES, MLKEM_PUBLIC_BYTES, X25519_BYTES } from "./key-bytes.ts";
import { HYBRID_KIND } from "./other-identities.ts";

/**
 * The post-quantum recipient of age: the file key is sealed by HPKE, whose key is agreed on by ML-KEM-768 and X25519
 * together, so that both have to be broken.
 *
 * Source: C2SP age.md, "mlkem768x25519"; the key agreement (MLKEM768-X25519, also called X-Wing) is in
 * draft-irtf-cfrg-concrete-hybrid-kems, HPKE in RFC 9180.
 */

const INFO = Buffer.from("age-encryption.org/mlkem768x25519");
const RECIPIENT_PREFIX = "age1pq";
/** HPKE with this key agreement, HKDF-SHA256 and ChaCha20-Poly1305. */
const SUITE = Buffer.concat([Buffer.from("HPKE"), Buffer.from("647a00010003", "hex")]);
/** Closes what is hashed to the shared secret. */
const COMBINER_LABEL = Buffer.from("\\.//^\\");
const MLKEM_SEED_BYTES = 64;
const MLKEM_CIPHERTEXT_BYTES = 1088;
const SHARE_BYTES = MLKEM_CIPHERTEXT_BYTES + X25519_BYTES;

interface KeyPair {
  readonly mlkemSecret: Uint8Array;
  readonly x25519: X25519Key;
  /** Of both, as in the recipient. */
  readonly publicKey: Uint8Array;
}

/** A post-quantum identity. Its secret is in a private field, where printing an object does not show it. */
export class HybridIdentity implements AgeIdentity {
  readonly #seed: Uint8Array;
  #pair: Promise<KeyPair> | null = null;

  /** @param seed - 32 bytes; kept. */
  constructor(seed: Uint8Array) {
    this.#seed = seed;
  }

  async recipient(): Promise<string> {
    return encodeBech32(RECIPIENT_PREFIX, (await this.#expand()).publicKey);
  }

  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<Uint8Array | null> {
    const pair = await this.#expand();
    for (const { args, body } of stanzas) {
      if (args[0] !== HYBRID_KIND) continue;
      const share = args.length === 2 ? decodeBase64(args[1] ?? "", false) : null;
      if (share?.length !== SHARE_BYTES || body.length !== BODY_BYTES) {
        throw new AgeFailure("header", `malformed ${HYBRID_KIND} stanza`);
      }
      const secret = await decapsulate(share, pair);
      if (secret === null) throw new AgeFailure("header", `${HYBRID_KIND} stanza with a share of low order`);
      const fileKey = await withSchedule(secret, (key, nonce) => runtime.openChaCha(key, nonce, body));
      if (fileKey !== null) return fileKey;
    }
    return null;
  }

  #expand(): Promise<KeyPair> {
    this.#pair ??= expand(this.#seed);
    return this.#pair;
  }
}

/**
 * Seals a file key (16 bytes) for a recipient.
 * @param text - `age1pq1...`
 * @throws `KEY_BAD_RECIPIENT`
 */
export async function wrapForHybrid(
  fileKey: Uint8Array,
  text: string,
  host: Pick<Host, "fillRandom">,
): Promise<Stanza> {
  const decoded = decodeBech32(text);
  const publicKey = "problem" in decoded ? new Uint8Array() : decoded.bytes;
  const random = new Uint8Array(2 * X25519_BYTES);
  host.fillRandom(random);
  const agreed = await encapsulate(publicKey, random).finally(() => random.fill(0));
  if (agreed === null) {
    throw new KeyleafError("KEY_BAD_RECIPIENT", "the post-quantum age recipient is not a valid key", {
      details: { provider: "age" },
    });
  }
  return {
    args: [HYBRID_KIND, encodeUnpadded(agreed.share)],
    body: await withSchedule(agreed.secret, (key, nonce) => runtime.sealChaCha(key, nonce, fileKey)),
  };
}

async function expand(seed: Uint8Array): Promise<KeyPair> {
  const both = createHash("shake256", { outputLength: MLKEM_SEED_BYTES + X25519_BYTES })
    .update(seed)
    .digest();
  const mlkem = ml_kem768.keygen(both.subarray(0, MLKEM_SEED_BYTES));
  const x25519 = await runtime.importX25519(both.subarray(MLKEM_SEED_BYTES));
  both.fill(0);
  return { mlkemSecret: mlkem.secretKey, x25519, publicKey: Buffer.concat([mlkem.publicKey, x25519.publicKey]) };
}

async function decapsulate(share: Uint8Array, pair: KeyPair): Promise<Uint8Array | null> {
  const x25519Share = share.subarray(MLKEM_CIPHERTEXT_BYTES);
  const x25519Secret = await pair.x25519.agree(x25519Share);
  if (x25519Secret === null) return null;
  const mlkemSecret = ml_kem768.decapsulate(share.subarray(0, MLKEM_CIPHERTEXT_BYTES), pair.mlkemSecret);
  return combine(mlkemSecret, x25519Secret, x25519Share, pair.x25519.publicKey);
}

/** @param random - 64 bytes. @returns `null`: the key is malformed. */
async function encapsulate(
  publicKey: Uint8Array,
  random: Uint8Array,
): Promise<{ secret: Uint8Array; share: Uint8Array } | null> {
  if (publicKey.length !== HYBRID_PUBLIC_BYTES) return null;
  const ephemeral = await runtime.importX25519(random.subarray(X25519_BYTES));
  const x25519Public = publicKey.subarray(MLKEM_PUBLIC_BYTES);
  const x25519Secret = await ephemeral.agree(x25519Public);
  if (x25519Secret === null) return null;
  let mlkem: { cipherText: Uint8Array; sharedSecret: Uint8Array };
  try {
    mlkem = ml_kem768.encapsulate(publicKey.subarray(0, MLKEM_PUBLIC_BYTES), random.subarray(0, X25519_BYTES));
  } catch {
    // Numbers in it are out of range: nothing else is checked.
    x25519Secret.fill(0);
    return null;
  }
  return {
    secret: combine(mlkem.sharedSecret, x25519Secret, ephemeral.publicKey, x25519Public),
    share: Buffer.concat([mlkem.cipherText, ephemeral.publicKey]),
  };
}

/** Overwrites the two secrets. */
function combine(mlkemSecret: Uint8Array, x25519Secret: Uint8Array, share: Uint8Array, own: Uint8Array): Uint8Array {
  const hash = createHash("sha3-256");
  for (const part of [mlkemSecret, x25519Secret, share, own, COMBINER_LABEL]) hash.update(part);
  mlkemSecret.fill(0);
  x25519Secret.fill(0);
  return hash.digest();
}

/**
 * What is done with key and nonce of the one message, in base mode. They are overwritten, and the shared secret is.
 * Source: RFC 9180, 5.1.
 */
async function withSchedule<T>(
  sharedSecret: Uint8Array,
  use: (key: Uint8Array, nonce: Uint8Array) => Promise<T>,
): Promise<T> {
  const none = new Uint8Array();
  const pskIdHash = extract(none, "psk_id_hash", none);
  const infoHash = extract(none, "info_hash", INFO);
  const context = Buffer.concat([Uint8Array.of(0), pskIdHash, infoHash]);
  const secret = extract(sharedSecret, "secret", none);
  sharedSecret.fill(0);
  const key = derive(secret, "key", context, 32);
  const nonce = derive(secret, "base_nonce", context, 12);
  secret.fill(0);
  try {
    return await use(key, nonce);
  } finally {
    key.fill(0);
    nonce.fill(0);
  }
}

function extract(salt: Uint8Array, label: string, input: Uint8Array): Uint8Array {
  return runtime.hmac(salt, Buffer.concat([Buffer.from("HPKE-v1"), SUITE, Buffer.from(label), input]));
}

/** @param length - up to 32: one block of HKDF's output */
function derive(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  const info = [Uint8Array.of(0, length), Buffer.from("HPKE-v1"), SUITE, Buffer.from(label), context];
  const block = runtime.hmac(secret, Buffer.concat([...info, Uint8Array.of(1)]));
  const derived = Uint8Array.from(block.subarray(0, length));
  block.fill(0);
  return derived;
}
