/** The encoding of ssh: big-endian lengths before strings. Source: RFC 4251, 5. */

/** Data that ends too early, or goes on where it should not. */
export class SshDataError extends Error {
  override readonly name = "SshDataError";
}

/** Reads one value after the other. What it gives are views of the input. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws {@link SshDataError} */
  take(length: number): Buffer {
    if (length > this.left) throw new SshDataError("ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** @throws {@link SshDataError} */
  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  /** @throws {@link SshDataError} */
  string(): Buffer {
    return this.take(this.uint32());
  }

  /** A number that is not negative: its bytes without leading zeros. @throws {@link SshDataError} */
  number(): Buffer {
    const bytes = this.string();
    if (((bytes[0] ?? 0) & 0x80) !== 0) throw new SshDataError("a negative number");
    const start = bytes.findIndex((byte) => byte !== 0);
    return start === -1 ? bytes.subarray(bytes.length) : bytes.subarray(start);
  }
}

/** Strings, one after the other. */
export function sshStrings(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

/** A number that is not negative, without leading zeros, as it stands in a string: its first bit is no sign. */
export function sshNumber(bytes: Uint8Array): Uint8Array {
  return ((bytes[0] ?? 0) & 0x80) === 0 ? bytes : Buffer.concat([Uint8Array.of(0), bytes]);
}
