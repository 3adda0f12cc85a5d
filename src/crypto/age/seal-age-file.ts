import type { Host } from "../../host.ts";
import { runtime } from "../runtime.ts";
import {
  BODY_COLUMNS,
  CHUNK_BYTES,
  chunkNonce,
  headerMac,
  NONCE_BYTES,
  type Stanza,
  VERSION_LINE,
} from "./age-file.ts";
import { encodeUnpadded } from "./base64.ts";
import { FILE_KEY_BYTES } from "./file-key.ts";
import { hkdf } from "./hkdf.ts";

/** Writing age files; reading them is in `age-file.ts`, which every start loads. Source: C2SP age.md. */

/**
 * Seals a payload under a fresh file key.
 *
 * @param payload - Read, not kept.
 * @param wrapFileKey - Gives the header's stanzas for the file key (16 bytes; not to be kept).
 * @returns A binary age file.
 */
export async function sealAgeFile(
  payload: Uint8Array,
  wrapFileKey: (fileKey: Uint8Array) => Promise<readonly Stanza[]>,
  host: Pick<Host, "fillRandom">,
): Promise<Uint8Array> {
  const fileKey = new Uint8Array(FILE_KEY_BYTES);
  const nonce = new Uint8Array(NONCE_BYTES);
  let header: Buffer;
  let key: Uint8Array;
  try {
    host.fillRandom(fileKey);
    host.fillRandom(nonce);
    const stanzas = await wrapFileKey(fileKey);
    const covered = Buffer.from(`${VERSION_LINE}\n${stanzas.map(stanzaText).join("")}---`);
    header = Buffer.concat([covered, Buffer.from(` ${encodeUnpadded(headerMac(fileKey, covered))}\n`)]);
    key = hkdf(fileKey, nonce, "payload");
  } finally {
    fileKey.fill(0);
  }
  try {
    return Buffer.concat([header, nonce, ...(await sealChunks(payload, key))]);
  } finally {
    key.fill(0);
  }
}

async function sealChunks(payload: Uint8Array, key: Uint8Array): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let index = 0; index < Math.max(1, Math.ceil(payload.length / CHUNK_BYTES)); index++) {
    const at = index * CHUNK_BYTES;
    const end = Math.min(at + CHUNK_BYTES, payload.length);
    chunks.push(await runtime.sealChaCha(key, chunkNonce(index, end === payload.length), payload.subarray(at, end)));
  }
  return chunks;
}

/** The lines of a stanza. */
export function stanzaText({ args, body }: Stanza): string {
  const lines = encodeUnpadded(body).match(/.{1,64}/g) ?? [];
  if (lines.at(-1)?.length !== BODY_COLUMNS) return `-> ${args.join(" ")}\n${lines.join("\n")}\n`;
  return `-> ${args.join(" ")}\n${lines.join("\n")}\n\n`;
}
