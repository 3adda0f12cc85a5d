import type { Sealed } from "./cipher.ts";

/** The `ENC[...]` text taken apart. */
export interface EncryptedValue extends Sealed {
  /** Type tag as written, see `ScalarType`. Not authenticated. */
  readonly type: string;
}

/** An envelope and the associated data of a place where it may belong. */
export interface EnvelopeInPlace {
  readonly text: string;
  readonly aad: string;
}

/** What an envelope holds. */
export interface OpenedEnvelope {
  readonly bytes: Uint8Array;
  /** As in {@link EncryptedValue}. */
  readonly type: string;
}

/** Opens an envelope; `null` when it is none, or for a wrong key, place or byte. */
export type OpenEnvelope = (text: string, aad: string) => OpenedEnvelope | null;

// White space may follow: a literal block ends with a line break. Anything else behind the bracket is refused, although
// the reference ignores it: it is not authenticated.
const ENVELOPE =
  /^ENC\[AES256_GCM,data:((?:[A-Za-z0-9+/]+={0,2})?),iv:([A-Za-z0-9+/]+={0,2}),tag:([A-Za-z0-9+/]{22}==),type:([^,\]]+)\]\s*$/;

/** The bytes that base64 text stands for. */
type Decode = (text: string) => Uint8Array;

const toNewArray: Decode = (text) => Buffer.from(text, "base64");

/** How the parts of an envelope are decoded. */
export type Decoders = Record<"data" | "iv" | "tag", Decode>;

const NEW_ARRAYS: Decoders = { data: toNewArray, iv: toNewArray, tag: toNewArray };

/**
 * Reads an envelope.
 * @param decode - for callers that use the parts at once.
 * @returns `null` when the text is not one: another algorithm, bad base64 (padding is required), a tag that is not 16 bytes.
 *
 * Source: SOPS aes/cipher.go `parse`.
 */
export function parseEncryptedValue(text: string, decode: Decoders = NEW_ARRAYS): EncryptedValue | null {
  const match = ENVELOPE.exec(text);
  if (match === null) return null;
  const [, data = "", iv = "", tag = "", type = ""] = match;
  if (data.length % 4 !== 0 || iv.length % 4 !== 0) return null;
  return { data: decode.data(data), iv: decode.iv(iv), tag: decode.tag(tag), type };
}

/** Writes an envelope. */
export function formatEncryptedValue(sealed: Sealed, type: string): string {
  return `ENC[AES256_GCM,data:${base64(sealed.data)},iv:${base64(sealed.iv)},tag:${base64(sealed.tag)},type:${type}]`;
}

/** Whether a string looks like an envelope of that type; says nothing about its being authentic. */
export function isEncryptedValueOf(text: string | Uint8Array, type: string): boolean {
  return typeof text === "string" && text.startsWith("ENC[AES256_GCM,") && text.trimEnd().endsWith(`,type:${type}]`);
}

function base64(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("base64");
}
