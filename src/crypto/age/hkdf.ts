import { runtime } from "../runtime.ts";

/**
 * HKDF-SHA-256 with an output of 32 bytes, which is its first block. Spelled out because Node's `hkdfSync` costs another
 * half millisecond at start, and HMAC is needed anyway.
 *
 * Source: RFC 5869.
 */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return runtime.hmac(runtime.hmac(salt, secret), Buffer.from(`${info}\x01`));
}
