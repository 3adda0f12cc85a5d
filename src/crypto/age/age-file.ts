import { runtime } from "../runtime.ts";
import { decodeBase64 } from "./base64.ts";
import { AgeFailure } from "./failure.ts";
import { TAG_BYTES } from "./file-key.ts";
import { hkdf } from "./hkdf.ts";

/**
 * The binary age file: a text header, which keeps the file key once for each recipient and is closed by a MAC, then the
 * payload in chunks under a key derived from the file key. Source: C2SP age.md.
 */

export const VERSION_LINE = "age-encryption.org/v1";
const MAC_BYTES = 32;
export const NONCE_BYTES = 16;
/** A line of a stanza's body that is not the last one. */
export const BODY_COLUMNS = 64;
export const CHUNK_BYTES = 64 * 1024;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
const NO_SALT = new Uint8Array();

/** The file key as one recipient keeps it. */
export interface Stanza {
  /** Printable ASCII without blanks; the first one is the kind, for example `X25519`. At least one. */
  readonly args: readonly string[];
  readonly body: Uint8Array;
}

/** A file whose header was read, but not yet authenticated: that takes the file key. */
export interface AgeFile {
  /** At least one. */
  readonly stanzas: readonly Stanza[];
  /** The part of the header the MAC covers. */
  readonly covered: Uint8Array;
  /** 32 bytes. */
  readonly mac: Uint8Array;
  /** Payload nonce and chunks. */
  readonly rest: Uint8Array;
}

/**
 * @param file - Binary; kept, not copied.
 * @throws `PROVIDER_FAILED` (header)
 */
export function parseAgeFile(file: Uint8Array): AgeFile {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  let at = 0;
  function nextLine(): string {
    const end = bytes.indexOf("\n", at);
    if (end === -1) throw new AgeFailure("header", "ends too early");
    const line = bytes.toString("latin1", at, end);
    at = end + 1;
    return line;
  }

  if (nextLine() !== VERSION_LINE) throw new AgeFailure("header", "unknown version");
  const stanzas: Stanza[] = [];
  for (;;) {
    const start = at;
    const line = nextLine();
    if (line.startsWith("->")) stanzas.push(parseStanza(line, nextLine));
    else {
      const mac = line.startsWith("--- ") ? decodeBase64(line.slice(4), false) : null;
      if (mac?.length !== MAC_BYTES) throw new AgeFailure("header", "malformed MAC line");
      checkStanzas(stanzas);
      return { stanzas, covered: bytes.subarray(0, start + "---".length), mac, rest: bytes.subarray(at) };
    }
  }
}

/**
 * @param line - Its first line.
 * @throws `PROVIDER_FAILED` (header)
 */
export function parseStanza(line: string, nextLine: () => string): Stanza {
  return { args: parseArgs(line), body: parseBody(nextLine) };
}

function parseArgs(line: string): string[] {
  if (!/^->( [\x21-\x7e]+)+$/.test(line)) throw new AgeFailure("header", "malformed stanza");
  return line.split(" ").slice(1);
}

/** A body ends with a line that is not full, if need be an empty one. */
function parseBody(nextLine: () => string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (;;) {
    const line = nextLine();
    const part = line.length <= BODY_COLUMNS ? decodeBase64(line, false) : null;
    if (part === null) throw new AgeFailure("header", "malformed stanza body");
    parts.push(part);
    if (line.length < BODY_COLUMNS) return Buffer.concat(parts);
  }
}

/** A passphrase stands alone, so that nobody who only knows it can pass for one of several senders. */
function checkStanzas(stanzas: readonly Stanza[]): void {
  if (stanzas.length === 0) throw new AgeFailure("header", "no stanza");
  if (stanzas.length > 1 && stanzas.some(({ args }) => args[0] === "scrypt")) {
    throw new AgeFailure("header", "a passphrase stanza among others");
  }
}

/**
 * Checks the header's MAC, then opens the payload.
 *
 * @param fileKey - 16 bytes; overwritten.
 * @returns The whole payload in a new array; nothing when any chunk of it fails.
 * @throws `PROVIDER_FAILED` (HMAC, header, payload)
 */
export async function openPayload(file: AgeFile, fileKey: Uint8Array): Promise<Uint8Array> {
  const key = authenticatedKey(file, fileKey);
  try {
    return await openChunks(file.rest.subarray(NONCE_BYTES), key);
  } finally {
    key.fill(0);
  }
}

/** The key of the payload, once the header's MAC has been checked. The file key is overwritten in any case. */
function authenticatedKey({ covered, mac, rest }: AgeFile, fileKey: Uint8Array): Uint8Array {
  try {
    if (!runtime.isEqual(headerMac(fileKey, covered), mac)) throw new AgeFailure("HMAC", "does not match");
    if (rest.length < NONCE_BYTES) throw new AgeFailure("header", "payload nonce is cut off");
    return hkdf(fileKey, rest.subarray(0, NONCE_BYTES), "payload");
  } finally {
    fileKey.fill(0);
  }
}

async function openChunks(sealed: Uint8Array, key: Uint8Array): Promise<Uint8Array> {
  // An empty payload is one empty chunk.
  const chunkCount = Math.max(1, Math.ceil(sealed.length / SEALED_CHUNK_BYTES));
  if (sealed.length - (chunkCount - 1) * SEALED_CHUNK_BYTES < TAG_BYTES) throw new AgeFailure("payload", "is cut off");
  // An array of its own: small buffers share their memory with others.
  const payload = new Uint8Array(sealed.length - chunkCount * TAG_BYTES);
  try {
    for (let index = 0; index < chunkCount; index++) {
      const at = index * SEALED_CHUNK_BYTES;
      const end = Math.min(at + SEALED_CHUNK_BYTES, sealed.length);
      const chunk = await runtime.openChaCha(key, chunkNonce(index, end === sealed.length), sealed.subarray(at, end));
      if (chunk === null) throw new AgeFailure("payload", "a chunk does not match its tag");
      if (chunk.length === 0 && index > 0) throw new AgeFailure("payload", "empty last chunk");
      payload.set(chunk, index * CHUNK_BYTES);
      chunk.fill(0);
    }
    return payload;
  } catch (error) {
    payload.fill(0);
    throw error;
  }
}

/** 32 bytes. */
export function headerMac(fileKey: Uint8Array, covered: Uint8Array): Uint8Array {
  const key = hkdf(fileKey, NO_SALT, "header");
  const mac = runtime.hmac(key, covered);
  key.fill(0);
  return mac;
}

/** Eleven bytes of counter, big-endian, and a byte that says whether the chunk is the last one. No array has 2^32 chunks. */
export function chunkNonce(index: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
