import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { runtime, type X25519Key } from "../runtime.ts";
import type { Stanza } from "./age-file.ts";
import { decodeBase64, encodeUnpadded } from "./base64.ts";
import { decodeBech32, encodeBech32 } from "./bech32.ts";
import { AgeFailure } from "./failure.ts";
import { BODY_BYTES, ephemeralKey, openAgreed, sealAgreed } from "./file-key.ts";
import type { AgeIdentity } from "./identity.ts";
import { X25519_BYTES } from "./key-bytes.ts";

/** The X25519 recipient of age: the file key is sealed under a key agreed on with an ephemeral one. Source: C2SP age.md. */

const KIND = "X25519";
const INFO = "age-encryption.org/v1/X25519";
const IDENTITY_PREFIX = "AGE-SECRET-KEY-";
const RECIPIENT_PREFIX = "age";

/** An X25519 identity. Its secret is in private fields, where printing an object does not show it. */
export class X25519Identity implements AgeIdentity {
  readonly #secret: Uint8Array;
  /** Made when first needed: of a file with many identities, mostly one is used. */
  #imported: Promise<X25519Key> | null = null;

  /** @param secret - 32 bytes; kept. */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  async recipient(): Promise<string> {
    return encodeBech32(RECIPIENT_PREFIX, (await this.#import()).publicKey);
  }

  /**
   * @returns The file key (16 bytes), or `null` when no stanza is for this identity.
   * @throws `PROVIDER_FAILED` (header) for a malformed X25519 stanza, whoever it is for.
   */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<Uint8Array | null> {
    const key = await this.#import();
    for (const { args, body } of stanzas) {
      if (args[0] !== KIND) continue;
      const share = args.length === 2 ? decodeBase64(args[1] ?? "", false) : null;
      if (share?.length !== X25519_BYTES || body.length !== BODY_BYTES) {
        throw new AgeFailure("header", "malformed X25519 stanza");
      }
      const secret = await key.agree(share);
      if (secret === null) throw new AgeFailure("header", "X25519 stanza with a share of low order");
      const fileKey = await openAgreed(secret, [share, key.publicKey], INFO, body);
      if (fileKey !== null) return fileKey;
    }
    return null;
  }

  #import(): Promise<X25519Key> {
    this.#imported ??= runtime.importX25519(this.#secret);
    return this.#imported;
  }
}

/**
 * Seals a file key (16 bytes) for a public key (32 bytes).
 * @throws `KEY_BAD_RECIPIENT` when the public key has low order, so that everybody could open the result.
 */
export async function wrapFileKey(
  fileKey: Uint8Array,
  publicKey: Uint8Array,
  host: Pick<Host, "fillRandom">,
): Promise<Stanza> {
  const key = await ephemeralKey(host);
  const secret = await key.agree(publicKey);
  if (secret === null) {
    throw new KeyleafError("KEY_BAD_RECIPIENT", "age recipient is a key of low order", {
      details: { provider: "age" },
    });
  }
  return {
    args: [KIND, encodeUnpadded(key.publicKey)],
    body: await sealAgreed(secret, [key.publicKey, publicKey], INFO, fileKey),
  };
}

/** A fresh identity and its recipient, as text. The identity is a secret key. */
export async function generateIdentity(
  host: Pick<Host, "fillRandom">,
): Promise<{ identity: string; recipient: string }> {
  const secret = new Uint8Array(X25519_BYTES);
  host.fillRandom(secret);
  return {
    identity: encodeBech32(IDENTITY_PREFIX.toLowerCase(), secret).toUpperCase(),
    recipient: await new X25519Identity(secret).recipient(),
  };
}

/** @param text - `AGE-SECRET-KEY-1...`, upper case, not trimmed. @returns the identity, or what is wrong with it. */
export function parseIdentity(text: string): X25519Identity | { readonly problem: string } {
  const bytes = keyBytes(text, IDENTITY_PREFIX);
  return bytes instanceof Uint8Array ? new X25519Identity(bytes) : bytes;
}

/** @param text - `age1...`, lower case, not trimmed. @returns the public key (32 bytes), or what is wrong with it. */
export function parseRecipient(text: string): Uint8Array | { readonly problem: string } {
  return keyBytes(text, RECIPIENT_PREFIX);
}

function keyBytes(text: string, prefix: string): Uint8Array | { readonly problem: string } {
  const decoded = decodeBech32(text);
  if ("problem" in decoded) return decoded;
  // The prefix comes back in the case of the text, so this also refuses the wrong case.
  if (decoded.prefix !== prefix) return { problem: "another kind of key" };
  if (decoded.bytes.length !== X25519_BYTES) return { problem: "wrong length" };
  return decoded.bytes;
}
