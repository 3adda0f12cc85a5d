import { constants, createHash, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt } from "node:crypto";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { runtime } from "../runtime.ts";
import type { Stanza } from "./age-file.ts";
import { decodeBase64, encodeUnpadded } from "./base64.ts";
import { AgeFailure } from "./failure.ts";
import { BODY_BYTES, ephemeralKey, FILE_KEY_BYTES, openAgreed, sealAgreed } from "./file-key.ts";
import { hkdf } from "./hkdf.ts";
import type { AgeIdentity } from "./identity.ts";
import { X25519_BYTES } from "./key-bytes.ts";
import type { SshPrivateKey } from "./ssh-private-key.ts";
import { parseSshLine, type SshPublicKey, sshBlob, sshTag } from "./ssh-public-key.ts";

/**
 * Recipients that are ssh keys. Ed25519 ones become X25519 keys, and what is agreed on is bound to the ssh key; RSA ones
 * encrypt the file key by OAEP. A stanza names the key, so that nothing is tried in vain.
 *
 * Source: age agessh/agessh.go.
 */

const LABELS = {
  "ssh-ed25519": "age-encryption.org/v1/ssh-ed25519",
  "ssh-rsa": "age-encryption.org/v1/ssh-rsa",
} as const;
const EMPTY = new Uint8Array();

/**
 * Seals a file key (16 bytes) for a public key.
 * @param line - As in `authorized_keys`: `ssh-ed25519 AAAA... comment`
 * @throws `KEY_BAD_RECIPIENT`
 */
export async function wrapForSsh(fileKey: Uint8Array, line: string, host: Pick<Host, "fillRandom">): Promise<Stanza> {
  const key = parseSshLine(line);
  if ("problem" in key) throw badRecipient(key.problem);
  if (key.type === "ssh-rsa") return wrapForRsa(fileKey, key);

  const theirs = toX25519(key.point);
  if (theirs === null) throw badRecipient("not a point of the curve");
  const ephemeral = await ephemeralKey(host);
  const agreed = await ephemeral.agree(theirs);
  const bound = agreed === null ? null : await bind(agreed, key);
  if (bound === null) throw badRecipient("a key of low order");
  return {
    args: [key.type, sshTag(key), encodeUnpadded(ephemeral.publicKey)],
    body: await sealAgreed(bound, [ephemeral.publicKey, theirs], LABELS[key.type], fileKey),
  };
}

/** The private side. Its secret is in a private field, where printing an object does not show it. */
export class SshIdentity implements AgeIdentity {
  readonly #key: SshPrivateKey;
  readonly #tag: string;

  /** @param key - Kept. */
  constructor(key: SshPrivateKey) {
    this.#key = key;
    this.#tag = sshTag(key.publicKey);
  }

  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<Uint8Array | null> {
    const { publicKey, secret } = this.#key;
    for (const stanza of stanzas) {
      if (!isForKey(stanza, publicKey.type, this.#tag)) continue;
      const fileKey =
        secret instanceof Uint8Array
          ? await openEd25519(stanza, secret, publicKey)
          : openRsa(stanza, secret, LABELS["ssh-rsa"]);
      if (fileKey !== null) return fileKey;
    }
    return null;
  }
}

/** Whether one of the stanzas names this key. @throws `PROVIDER_FAILED` (header) for a malformed one. */
export function namesKey(stanzas: readonly Stanza[], key: SshPublicKey): boolean {
  const tag = sshTag(key);
  return stanzas.some((stanza) => isForKey(stanza, key.type, tag));
}

function isForKey({ args, body }: Stanza, type: SshPublicKey["type"], tag: string): boolean {
  if (args[0] !== type) return false;
  const isEd25519 = type === "ssh-ed25519";
  if (args.length !== (isEd25519 ? 3 : 2) || (isEd25519 && body.length !== BODY_BYTES)) throw malformed(type);
  return args[1] === tag;
}

async function openEd25519({ args, body }: Stanza, seed: Uint8Array, key: SshPublicKey): Promise<Uint8Array | null> {
  const share = decodeBase64(args[2] ?? "", false);
  if (share?.length !== X25519_BYTES) throw malformed("ssh-ed25519");
  const digest = createHash("sha512").update(seed).digest();
  const ours = await runtime.importX25519(digest.subarray(0, X25519_BYTES));
  digest.fill(0);
  const agreed = await ours.agree(share);
  const bound = agreed === null ? null : await bind(agreed, key);
  if (bound === null) throw new AgeFailure("header", "ssh-ed25519 stanza with a share of low order");
  return openAgreed(bound, [share, ours.publicKey], LABELS["ssh-ed25519"], body);
}

/** Makes what was agreed on, which is overwritten, depend on the ssh key: several of those become the same X25519 key. */
async function bind(agreed: Uint8Array, key: SshPublicKey): Promise<Uint8Array | null> {
  const secret = hkdf(EMPTY, sshBlob(key), LABELS["ssh-ed25519"]);
  try {
    const tweak = await runtime.importX25519(secret);
    return await tweak.agree(agreed);
  } finally {
    secret.fill(0);
    agreed.fill(0);
  }
}

function wrapForRsa(fileKey: Uint8Array, key: SshPublicKey & { readonly type: "ssh-rsa" }): Stanza {
  const n = Buffer.from(key.modulus).toString("base64url");
  const e = Buffer.from(key.exponent).toString("base64url");
  try {
    const publicKey = createPublicKey({ key: { kty: "RSA", n, e }, format: "jwk" });
    return { args: [key.type, sshTag(key)], body: publicEncrypt(oaep(publicKey, LABELS[key.type]), fileKey) };
  } catch {
    throw badRecipient("not a usable RSA key");
  }
}

function openRsa({ body }: Stanza, secret: KeyObject, label: string): Uint8Array | null {
  let fileKey: Uint8Array;
  try {
    fileKey = privateDecrypt(oaep(secret, label), body);
  } catch {
    return null;
  }
  if (fileKey.length === FILE_KEY_BYTES) return fileKey;
  fileKey.fill(0);
  throw malformed("ssh-rsa");
}

function oaep(key: KeyObject, label: string) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256", oaepLabel: Buffer.from(label) };
}

/** The prime of the curve, and the factor in its equation. */
const PRIME = 2n ** 255n - 19n;
const FACTOR = times(PRIME - 121665n, inverse(121666n));

/** The X25519 public key of an Ed25519 one: u = (1 + y) / (1 - y). `null`: there is no such point. Source: RFC 7748, 4.1. */
function toX25519(point: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(point).reverse();
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  const y = BigInt(`0x${bytes.toString("hex")}`);
  if (y >= PRIME || y === 1n) return null;
  // x² = (y² - 1) / (dy² + 1) has to be a square; so is then the product of the two.
  const square = times(y, y);
  const product = times(square - 1n + PRIME, times(FACTOR, square) + 1n);
  if (power(product, (PRIME - 1n) / 2n) === PRIME - 1n) return null;
  const u = times(1n + y, inverse(1n - y + PRIME));
  return Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse();
}

function times(a: bigint, b: bigint): bigint {
  return (a * b) % PRIME;
}

function inverse(a: bigint): bigint {
  return power(a, PRIME - 2n);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % PRIME;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = times(result, square);
    square = times(square, square);
  }
  return result;
}

function malformed(type: string): AgeFailure {
  return new AgeFailure("header", `malformed ${type} stanza`);
}

function badRecipient(problem: string): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", `ssh recipient: ${problem}`, {
    hint: "give the whole line of the .pub file",
    details: { provider: "age" },
  });
}
