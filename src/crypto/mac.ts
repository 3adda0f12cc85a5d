import type { Scalar } from "../document/document.ts";
import { runtime } from "./runtime.ts";

// SHA-256 of "sops": keeps a digest of sealed values only from passing for one of all values.
const MAC_ONLY_ENCRYPTED_PREFIX = Buffer.from(
  "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69",
  "hex",
);

/** Characters that are put together before they are digested. */
const CHUNK = 4 * 1024;

/**
 * The running SHA-512 over the plaintext of values in document order. No separators, names or types; the caller leaves
 * out nulls and comments, and in `macOnlyEncrypted` mode what is not selected.
 *
 * Source: SOPS sops.go.
 */
export class Digest {
  readonly #hash = runtime.sha512();
  /** Text that is not in the digest yet. A call for each value costs more than its share of the digest. */
  #text = "";

  constructor(macOnlyEncrypted: boolean) {
    if (macOnlyEncrypted) this.#hash.update(MAC_ONLY_ENCRYPTED_PREFIX);
  }

  add(scalar: Scalar): void {
    const { text } = scalar;
    if (typeof text === "string") {
      this.#text += text;
      if (this.#text.length > CHUNK) this.#flush();
    } else {
      this.#flush();
      this.#hash.update(text);
    }
  }

  /** 128 upper-case hex digits. */
  finish(): string {
    this.#flush();
    return this.#hash.hex().toUpperCase();
  }

  #flush(): void {
    this.#hash.update(this.#text);
    this.#text = "";
  }
}
