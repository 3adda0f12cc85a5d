import type { EnvelopeInPlace, OpenEnvelope } from "./encrypted-value.ts";
import { bun } from "./runtime-bun.ts";
import { node } from "./runtime-node.ts";

/**
 * The primitives of age and of the digest, which both runtimes have in ways of their own. Bun is not asked through its
 * `node:crypto`: that has no ChaCha20-Poly1305, and loading it takes a seventh of the time of decrypting a small file.
 */
export interface Runtime {
  /** A running SHA-512; `hex` gives its 128 lower-case digits and ends it. Text counts as its UTF-8 bytes. */
  sha512(): { update(data: string | Uint8Array): void; hex(): string };
  /** HMAC-SHA-256: 32 bytes. */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Whether two arrays of one length are equal, in a time that does not depend on where they differ. */
  isEqual(a: Uint8Array, b: Uint8Array): boolean;
  /** Fills the array with cryptographically secure random bytes. */
  fillRandom(bytes: Uint8Array): void;
  /**
   * ChaCha20-Poly1305.
   * @param key - 32 bytes.
   * @param nonce - 12 bytes, never used twice with one key.
   * @returns data and tag, 16 bytes longer than `plain`.
   */
  sealChaCha(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Promise<Uint8Array>;
  /** @param sealed - At least 16 bytes. @returns `null` when the tag does not match. */
  openChaCha(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Promise<Uint8Array | null>;
  /** @param secret - 32 bytes; read, not kept. */
  importX25519(secret: Uint8Array): Promise<X25519Key>;
  /**
   * Opens envelopes all at once; the result knows these and no others. `null` where one after the other is as good.
   * @param dataKey - 32 bytes; read, not kept.
   */
  readonly openAll: ((envelopes: readonly EnvelopeInPlace[], dataKey: Uint8Array) => Promise<OpenEnvelope>) | null;
  /** Takes back what ciphers have left, where the runtime does not see by itself how much memory that is. */
  collect(): void;
}

/** A secret key of X25519 as the runtime holds it. */
export interface X25519Key {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * @param publicKey - 32 bytes.
   * @returns The shared secret (32 bytes); `null` when it is all zero, which a public key of low order brings about.
   */
  agree(publicKey: Uint8Array): Promise<Uint8Array | null>;
}

/** Set by the build scripts, so that what is not for Bun is left out of the executable. */
declare const IS_STANDALONE: boolean | undefined;

export const runtime: Runtime =
  (typeof IS_STANDALONE !== "undefined" && IS_STANDALONE) || "Bun" in globalThis ? bun : node;
