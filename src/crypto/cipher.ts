import { type CipherGCM, createCipheriv, createDecipheriv } from "node:crypto";
import { runtime } from "./runtime.ts";
import { Scratch } from "./scratch.ts";

/** Bytes of a fresh iv. Not the usual 12: GCM then derives the first counter block with GHASH. */
export const IV_BYTES = 32;
/** Bytes of every tag. Without naming it, Node 20 would accept tags of 4 bytes. */
export const TAG_BYTES = 16;

const ALGORITHM = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES };

const aadScratch = new Scratch();
const plaintextScratch = new Scratch();

/**
 * Ciphers between two collections at least, and the share of those made that there are at least: what stays in memory is
 * looked through each time.
 */
const BETWEEN = { count: 4096, share: 1 / 16 };
let made = 0;
let collectAt = BETWEEN.count;

/** One value under AES-256-GCM. */
export interface Sealed {
  /** As long as the plaintext. */
  readonly data: Uint8Array;
  /** 32 bytes where written here; any length but 0 is read. */
  readonly iv: Uint8Array;
  /** 16 bytes. */
  readonly tag: Uint8Array;
}

/**
 * Seals one value.
 *
 * @param plaintext - the value, see `scalar-bytes.ts`; text counts as its UTF-8 bytes.
 * @param dataKey - 32 bytes; read, not kept.
 * @param aad - path text, see {@link ../crypto/aad.ts}; authenticated as UTF-8.
 * @param iv - 32 fresh random bytes; must not be reused under one data key for another message.
 *
 * Source: SOPS aes/cipher.go; NIST SP 800-38D, 7.1.
 */
export function seal(plaintext: string | Uint8Array, dataKey: Uint8Array, aad: string, iv: Uint8Array): Sealed {
  const cipher = createCipheriv(ALGORITHM, dataKey, iv, OPTIONS);
  cipher.setAAD(aadScratch.utf8(aad));
  const data = typeof plaintext === "string" ? updateText(cipher, plaintext) : cipher.update(plaintext);
  cipher.final();
  collectSometimes();
  return { data, iv, tag: cipher.getAuthTag() };
}

/**
 * Opens one sealed value.
 *
 * @returns the plaintext in a new array; `null` for a wrong key, place or byte, which cannot be told apart.
 *
 * Source: SOPS aes/cipher.go; NIST SP 800-38D, 7.2.
 */
export function open(sealed: Sealed, dataKey: Uint8Array, aad: string): Uint8Array | null {
  if (sealed.tag.length !== TAG_BYTES || sealed.iv.length === 0) return null;
  collectSometimes();
  const decipher = createDecipheriv(ALGORITHM, dataKey, sealed.iv, OPTIONS);
  decipher.setAAD(aadScratch.utf8(aad));
  decipher.setAuthTag(sealed.tag);
  const plaintext = decipher.update(sealed.data);
  try {
    decipher.final();
  } catch {
    return null;
  }
  return plaintext;
}

/** As Node and Bun do it themselves with text, at more cost. */
function updateText(cipher: CipherGCM, plaintext: string): Uint8Array {
  const bytes = plaintextScratch.utf8(plaintext);
  const data = cipher.update(bytes);
  bytes.fill(0);
  return data;
}

/** To be called for each cipher: the memory that one takes up outside of the heap is free once it is collected. */
function collectSometimes(): void {
  if (++made < collectAt) return;
  collectAt = made + Math.max(BETWEEN.count, made * BETWEEN.share);
  runtime.collect();
}

/**
 * Fresh ivs, drawn from the host many at a time: a call for each value costs as much as the cipher. Not many at once to
 * begin with, since most files are small.
 */
export class IvPool {
  readonly #fillRandom: (bytes: Uint8Array) => void;
  #pool = Buffer.alloc(0);
  #at = 0;

  constructor(fillRandom: (bytes: Uint8Array) => void) {
    this.#fillRandom = fillRandom;
  }

  /** 32 bytes that no other call returns. */
  next(): Uint8Array {
    if (this.#at === this.#pool.length) {
      this.#pool = Buffer.alloc(Math.min(Math.max(this.#pool.length * 2, 16 * IV_BYTES), 256 * IV_BYTES));
      this.#fillRandom(this.#pool);
      this.#at = 0;
    }
    this.#at += IV_BYTES;
    return this.#pool.subarray(this.#at - IV_BYTES, this.#at);
  }
}
