import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { runtime } from "../runtime.ts";

/** The primitives an age file is made of. ChaCha20-Poly1305 is not Node's because Bun's `node:crypto` has none. */

export const TAG_BYTES = 16;

/**
 * HKDF-SHA-256 with an output of 32 bytes, which is its first block. Spelled out because Node's `hkdfSync` costs
 * another half millisecond at start, and HMAC is needed anyway.
 *
 * Source: RFC 5869.
 */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return runtime.hmac(runtime.hmac(salt, secret), Buffer.from(`${info}\x01`));
}

/** @returns data and tag, 16 bytes longer than `plain`. */
export function sealBytes(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  return chacha20poly1305(key, nonce).encrypt(plain);
}

/** @param sealed - At least 16 bytes. @returns `null` when the tag does not match. */
export function openBytes(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  try {
    return chacha20poly1305(key, nonce).decrypt(sealed);
  } catch {
    return null;
  }
}
