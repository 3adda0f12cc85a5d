import type { Host } from "../../host.ts";
import { runtime, type X25519Key } from "../runtime.ts";
import { hkdf } from "./hkdf.ts";
import { X25519_BYTES } from "./key-bytes.ts";

/**
 * How the body of a stanza keeps the file key: sealed under a wrapping key, which is used for nothing else. Secrets that
 * are handed over here are overwritten, whatever comes of them.
 *
 * Source: C2SP age.md.
 */

export const FILE_KEY_BYTES = 16;
/** Of ChaCha20-Poly1305. */
export const TAG_BYTES = 16;
/** A body: the file key and its tag. Checked before opening: a longer one could be made to open under several keys. */
export const BODY_BYTES = FILE_KEY_BYTES + TAG_BYTES;
/** Every wrapping key is used once. */
const ZERO_NONCE = new Uint8Array(12);

/**
 * Opens a body.
 * @param wrappingKey - 32 bytes; overwritten.
 * @returns The file key (16 bytes); `null` when the body was not sealed under this key.
 */
export async function openFileKey(wrappingKey: Uint8Array, body: Uint8Array): Promise<Uint8Array | null> {
  try {
    return await runtime.openChaCha(wrappingKey, ZERO_NONCE, body);
  } finally {
    wrappingKey.fill(0);
  }
}

/**
 * Opens a body under the key that comes of what was agreed on.
 *
 * @param agreed - 32 bytes; overwritten.
 * @param shares - The ephemeral public key, then the recipient's.
 * @param info - Of the kind of stanza.
 * @returns The file key (16 bytes); `null` when the body was not sealed under this key.
 */
export function openAgreed(
  agreed: Uint8Array,
  shares: readonly [Uint8Array, Uint8Array],
  info: string,
  body: Uint8Array,
): Promise<Uint8Array | null> {
  return openFileKey(wrappingKeyOf(agreed, shares, info), body);
}

/**
 * Seals a file key under the key that comes of what was agreed on.
 *
 * @param agreed - 32 bytes; overwritten.
 * @param shares - The ephemeral public key, then the recipient's.
 * @param info - Of the kind of stanza.
 * @param fileKey - Read, not kept.
 * @returns A body.
 */
export async function sealAgreed(
  agreed: Uint8Array,
  shares: readonly [Uint8Array, Uint8Array],
  info: string,
  fileKey: Uint8Array,
): Promise<Uint8Array> {
  const wrappingKey = wrappingKeyOf(agreed, shares, info);
  try {
    return await runtime.sealChaCha(wrappingKey, ZERO_NONCE, fileKey);
  } finally {
    wrappingKey.fill(0);
  }
}

function wrappingKeyOf(agreed: Uint8Array, shares: readonly [Uint8Array, Uint8Array], info: string): Uint8Array {
  const wrappingKey = hkdf(agreed, Buffer.concat(shares), info);
  agreed.fill(0);
  return wrappingKey;
}

/** A fresh secret key for one stanza. */
export async function ephemeralKey(host: Pick<Host, "fillRandom">): Promise<X25519Key> {
  const secret = new Uint8Array(X25519_BYTES);
  try {
    host.fillRandom(secret);
    return await runtime.importX25519(secret);
  } finally {
    secret.fill(0);
  }
}
