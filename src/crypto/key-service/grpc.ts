/**
 * What of gRPC a call with one message each way needs, on top of HTTP/2: how a message is framed, the header fields, and
 * the statuses. The rest of gRPC (streams, compression, load balancing, proxies named in the environment) has no place
 * between a program and the keeper of its keys.
 *
 * Source: grpc/grpc doc/PROTOCOL-HTTP2.md, doc/statuscodes.md.
 */

export const CONTENT_TYPE = "application/grpc";
/** The service has no package in front of its name. */
export const SERVICE = "KeyService";

/** Bytes that a message can have. A wrapped data key has some hundred, up to a few thousand with PGP. */
export const MOST_BYTES = 1024 * 1024;
/** Bytes in front of a message: whether it is compressed, and its length. */
export const PREFIX_BYTES = 5;

/** The statuses that a key service answers with. */
export const grpcStatus = {
  ok: 0,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const;

/** A message in its frame, in a new array. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** The one message in a body, as a copy. `null`: there is none, more than one, a part of one, or it is compressed. */
export function unframe(body: Uint8Array): Uint8Array | null {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return null;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  return length === body.length - PREFIX_BYTES ? Uint8Array.from(body.subarray(PREFIX_BYTES)) : null;
}

/** The body of a request or an answer, put together from what arrives. */
export class Body {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** @returns whether it can still be a message. */
  add(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes <= MOST_BYTES + PREFIX_BYTES) this.#chunks.push(chunk);
    return this.#bytes <= MOST_BYTES + PREFIX_BYTES;
  }

  /** The message; the chunks, which may hold a data key, are overwritten. */
  message(): Uint8Array | null {
    const body = Buffer.concat(this.#chunks);
    const message = unframe(body);
    for (const bytes of [body, ...this.#chunks]) bytes.fill(0);
    return message;
  }
}

/** A status text as header fields hold it: what is not printable ASCII, as percent and hex digits of its UTF-8. */
export function encodeStatusText(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte),
    )
    .join("");
}

/** The text of a header field; what is not valid stays as it is. */
export function decodeStatusText(field: string): string {
  try {
    return decodeURIComponent(field);
  } catch {
    return field;
  }
}
