/**
 * The part of the protobuf wire format that key services speak: messages whose fields are all strings, bytes or messages,
 * so that every one of them has a number and a length. Fields of other kinds are passed over, as readers have to.
 *
 * Source: protobuf.dev, "Encoding".
 */

/** A field of a message, and what is in it. */
export type Field = readonly [number: number, content: Uint8Array];

/** The wire type of everything that has a length. */
const WITH_LENGTH = 2;
/** Bytes of the other wire types; `null`: a varint. */
const SIZES: ReadonlyMap<number, number | null> = new Map([
  [0, null],
  [1, 8],
  [5, 4],
]);
/** The largest number that a field can have, and a length. */
const MOST = 0x7fffffff;

/** The bytes of a message, in a new array. Fields without content are written, which matters for messages within. */
export function encodeMessage(fields: readonly Field[]): Uint8Array {
  const heads = fields.map(([number, content]) => [...varint((number << 3) | WITH_LENGTH), ...varint(content.length)]);
  const length = fields.reduce((sum, [, content], i) => sum + (heads[i]?.length ?? 0) + content.length, 0);
  // One array of the right size: what is put together in steps leaves copies of the data key behind.
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const [i, [, content]] of fields.entries()) {
    const head = heads[i] ?? [];
    bytes.set(head, at);
    bytes.set(content, at + head.length);
    at += head.length + content.length;
  }
  return bytes;
}

/**
 * The fields of a message that have a length, in their order. Contents are views of `bytes`.
 * @returns `null`: this is no message.
 */
export function decodeMessage(bytes: Uint8Array): Field[] | null {
  const fields: Field[] = [];
  let at = 0;
  /** The number at this place; `null`: cut off, or too large. */
  const next = (): number | null => {
    let value = 0;
    for (let scale = 1; at < bytes.length && scale < 2 ** 63; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (at < bytes.length) {
    const tag = next();
    if (tag === null || tag < 8 || tag > MOST * 8) return null;
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (type === WITH_LENGTH) {
      const length = next();
      if (length === null || length > bytes.length - at) return null;
      fields.push([number, bytes.subarray(at, at + length)]);
      at += length;
      continue;
    }
    const size = SIZES.get(type);
    if (size === undefined) return null;
    if (size === null) {
      if (next() === null) return null;
    } else at += size;
    if (at > bytes.length) return null;
  }
  return fields;
}

/** The last field of a number, as the format has it when one is repeated; `null`: there is none. */
export function lastField(fields: readonly Field[], number: number): Uint8Array | null {
  return fields.findLast(([one]) => one === number)?.[1] ?? null;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
