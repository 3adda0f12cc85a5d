import { runtime } from "../runtime.ts";

/**
 * HKDF-SHA-256 with an output of 32 bytes, which is its first block. Spelled out because Node's `hkdfSync` costs another
 * half millisecond at start, and HMAC is needed anyway.
 *
 * @param secret - Read, not kept.
 * @returns A new array, which is the caller's to overwrite.
 *
 * Source: RFC 5869.
 */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  const prk = runtime.hmac(salt, secret);
  const key = runtime.hmac(prk, Buffer.from(`${info}\x01`));
  prk.fill(0);
  return key;
}
