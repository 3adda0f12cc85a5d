const SIZE = 4096;

/**
 * Memory for bytes that are used at once: what is asked for is good until something is asked for again. An array for each
 * of many small values would cost as much as the cipher, and what it takes up is seen late by the garbage collector.
 */
export class Scratch {
  readonly #bytes = Buffer.allocUnsafeSlow(SIZE);
  /** By length: most texts have one of few. */
  readonly #views: Uint8Array[] = [];

  /** The UTF-8 bytes of a text. */
  utf8(text: string): Uint8Array {
    return text.length * 3 > SIZE ? Buffer.from(text) : this.#first(this.#bytes.write(text));
  }

  /** What a text in base64 stands for. */
  base64(text: string): Uint8Array {
    return text.length > SIZE ? Buffer.from(text, "base64") : this.#first(this.#bytes.write(text, "base64"));
  }

  #first(length: number): Uint8Array {
    this.#views[length] ??= this.#bytes.subarray(0, length);
    return this.#views[length];
  }
}
