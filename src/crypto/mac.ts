import type { Scalar } from "../document/document.ts";
import { runtime } from "./runtime.ts";

// SHA-256 of "sops": keeps a digest of sealed values only from passing for one of all values.
const MAC_ONLY_ENCRYPTED_PREFIX = Buffer.from(
  "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69",
  "hex",
);

/**
 * The running SHA-512 over the plaintext of values in document order. No separators, names or types; the caller leaves
 * out nulls and comments, and in `macOnlyEncrypted` mode what is not selected.
 *
 * Source: sops-format 7; SOPS sops.go.
 */
export class Digest {
  readonly #hash = runtime.sha512();

  constructor(macOnlyEncrypted: boolean) {
    if (macOnlyEncrypted) this.#hash.update(MAC_ONLY_ENCRYPTED_PREFIX);
  }

  add(scalar: Scalar): void {
    this.#hash.update(scalar.text);
  }

  /** 128 upper-case hex digits. */
  finish(): string {
    return this.#hash.hex().toUpperCase();
  }
}
