/// <reference path="./bcrypt-pbkdf.d.ts" preserve="true" />
import { createDecipheriv, createPrivateKey, type DecipherGCM, type KeyObject } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { type Read, readSshPublicKey, rsaKey, type SshPublicKey, sshBlob } from "./ssh-public-key.ts";
import { SshDataError, SshReader } from "./ssh-wire.ts";

/** Private keys of ssh as `ssh-keygen` and `openssl` write them: OpenSSH's own form, PKCS #1 and PKCS #8 in PEM. */

export interface SshPrivateKey {
  readonly publicKey: SshPublicKey;
  /** Ed25519: the seed, 32 bytes. RSA: the key. */
  readonly secret: Uint8Array | KeyObject;
}

/** A key that takes a passphrase. */
export interface LockedSshKey {
  /** Which key it is, where the file says so. */
  readonly publicKey: SshPublicKey | null;
  /** @returns `null`: wrong passphrase. */
  unlock(passphrase: string): Promise<Read<SshPrivateKey> | null>;
}

/** @param file - Text; read, and kept as far as it is encrypted. */
export function parseSshPrivateKey(file: Uint8Array): Read<SshPrivateKey | LockedSshKey> {
  const text = Buffer.from(file).toString("latin1");
  const block = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----([\s\S]*?)-----END \1-----/.exec(text);
  const [pem = "", label = "", body = ""] = block ?? [];
  switch (label) {
    case "OPENSSH PRIVATE KEY": {
      const bytes = decodeBase64(body.replace(/\s/g, ""), true);
      return bytes === null ? { problem: "not base64" } : fromOpenSsh(bytes);
    }
    case "RSA PRIVATE KEY":
    case "PRIVATE KEY":
      return /^Proc-Type: 4,ENCRYPTED/m.test(body) ? lockedPem(pem) : fromPem(pem);
    case "ENCRYPTED PRIVATE KEY":
      return lockedPem(pem);
    case "":
      return { problem: "not an ssh private key" };
    default:
      return { problem: `a ${label}: age takes Ed25519 and RSA` };
  }
}

function lockedPem(pem: string): LockedSshKey {
  return { publicKey: null, unlock: async (passphrase) => fromPem(pem, passphrase) };
}

function fromPem(pem: string): Read<SshPrivateKey>;
function fromPem(pem: string, passphrase: string): Read<SshPrivateKey> | null;
function fromPem(pem: string, passphrase?: string): Read<SshPrivateKey> | null {
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch {
    // Neither runtime tells a wrong passphrase from damage for sure.
    return passphrase === undefined ? { problem: "malformed" } : null;
  }
  const { n = "", e = "", d = "", x = "" } = key.export({ format: "jwk" });
  if (key.asymmetricKeyType === "ed25519") {
    const publicKey: SshPublicKey = { type: "ssh-ed25519", point: Buffer.from(x, "base64url") };
    return { publicKey, secret: Buffer.from(d, "base64url") };
  }
  if (key.asymmetricKeyType !== "rsa") return { problem: "not an Ed25519 or RSA key" };
  const publicKey = rsaKey(Buffer.from(n, "base64url"), Buffer.from(e, "base64url"));
  return "problem" in publicKey ? publicKey : { publicKey, secret: key };
}

const MAGIC = Buffer.from("openssh-key-v1\0");

/** Source: OpenSSH's PROTOCOL.key. */
function fromOpenSsh(bytes: Uint8Array): Read<SshPrivateKey | LockedSshKey> {
  try {
    const reader = new SshReader(bytes);
    if (!reader.take(MAGIC.length).equals(MAGIC)) return { problem: "malformed" };
    const cipherName = reader.string().toString("latin1");
    const kdfName = reader.string().toString("latin1");
    const kdfOptions = reader.string();
    if (reader.uint32() !== 1) return { problem: "holds more than one key" };
    const publicKey = readSshPublicKey(new SshReader(reader.string()));
    if ("problem" in publicKey) return publicKey;
    const sealed = reader.string();
    const tag = reader.take(reader.left);
    if (cipherName === "none" && kdfName === "none") return readSecret(sealed, publicKey) ?? { problem: "malformed" };

    const cipher = ciphers.get(cipherName);
    if (cipher === undefined) return { problem: "encrypted with an unknown cipher" };
    if (kdfName !== "bcrypt") return { problem: "its passphrase is used in an unknown way" };
    const options = new SshReader(kdfOptions);
    const lock = { cipher, salt: options.string(), rounds: options.uint32(), sealed, tag };
    if (lock.rounds < 1 || lock.rounds > MOST_ROUNDS)
      return { problem: `takes more than ${MOST_ROUNDS} rounds of bcrypt` };
    if (lock.salt.length === 0 || sealed.length % 16 !== 0) return { problem: "malformed" };
    return {
      publicKey,
      async unlock(passphrase) {
        const opened = await openSecret(lock, passphrase);
        if (opened === null) return null;
        const key = readSecret(opened, publicKey);
        opened.fill(0);
        return key;
      },
    };
  } catch (error) {
    if (error instanceof SshDataError) return { problem: "malformed" };
    throw error;
  }
}

interface Cipher {
  /** As Node calls it. */
  readonly name: string;
  readonly keyBytes: number;
  readonly ivBytes: number;
}

/** Those that OpenSSH can be told to use and that both runtimes have; it uses the first unless told otherwise. */
const ciphers: ReadonlyMap<string, Cipher> = new Map(
  [256, 192, 128].flatMap((bits) => [
    [`aes${bits}-ctr`, { name: `aes-${bits}-ctr`, keyBytes: bits / 8, ivBytes: 16 }],
    [`aes${bits}-cbc`, { name: `aes-${bits}-cbc`, keyBytes: bits / 8, ivBytes: 16 }],
    [`aes${bits}-gcm@openssh.com`, { name: `aes-${bits}-gcm`, keyBytes: bits / 8, ivBytes: 12 }],
  ]),
);

/** A round takes some 20 ms; `ssh-keygen` makes keys with 16 or 24. */
const MOST_ROUNDS = 5000;

interface Lock {
  readonly cipher: Cipher;
  readonly salt: Uint8Array;
  readonly rounds: number;
  readonly sealed: Uint8Array;
  /** Of GCM; else empty. */
  readonly tag: Uint8Array;
}

/** @returns A new array; `null`: wrong passphrase, as far as can be told. */
async function openSecret({ cipher, salt, rounds, sealed, tag }: Lock, passphrase: string): Promise<Buffer | null> {
  const { default: bcrypt } = await import("bcrypt-pbkdf");
  const password = Buffer.from(passphrase);
  const keyAndIv = Buffer.alloc(cipher.keyBytes + cipher.ivBytes);
  bcrypt.pbkdf(password, password.length, salt, salt.length, keyAndIv, keyAndIv.length, rounds);
  password.fill(0);
  const [key, iv] = [keyAndIv.subarray(0, cipher.keyBytes), keyAndIv.subarray(cipher.keyBytes)];
  const decipher = createDecipheriv(cipher.name, key, iv);
  keyAndIv.fill(0);
  const opened = Buffer.alloc(sealed.length);
  try {
    if (cipher.name.endsWith("gcm")) (decipher as DecipherGCM).setAuthTag(tag);
    else decipher.setAutoPadding(false);
    const piece = decipher.update(sealed);
    piece.copy(opened);
    piece.fill(0);
    decipher.final();
    return opened;
  } catch {
    opened.fill(0);
    return null;
  }
}

/** @returns `null`: what is encrypted was not decrypted right, so the passphrase is wrong. */
function readSecret(opened: Uint8Array, publicKey: SshPublicKey): Read<SshPrivateKey> | null {
  const reader = new SshReader(opened);
  // A random number twice.
  if (opened.length < 8 || !reader.take(4).equals(reader.take(4))) return null;
  if (reader.string().toString("latin1") !== publicKey.type) return { problem: "malformed" };
  return publicKey.type === "ssh-ed25519" ? readEd25519(reader, publicKey) : readRsa(reader, publicKey);
}

function readEd25519(reader: SshReader, publicKey: SshPublicKey): Read<SshPrivateKey> {
  const point = reader.string();
  const both = reader.string();
  if (both.length !== 64 || !isSame({ type: "ssh-ed25519", point }, publicKey) || !both.subarray(32).equals(point)) {
    return { problem: "malformed" };
  }
  return { publicKey, secret: Uint8Array.from(both.subarray(0, 32)) };
}

function readRsa(reader: SshReader, publicKey: SshPublicKey): Read<SshPrivateKey> {
  const [n, e, d, qi, p, q] = [1, 2, 3, 4, 5, 6].map(() => reader.number());
  if (n === undefined || e === undefined || d === undefined || p === undefined || q === undefined || qi === undefined) {
    return { problem: "malformed" };
  }
  if (!isSame({ type: "ssh-rsa", modulus: n, exponent: e }, publicKey)) return { problem: "malformed" };
  const [dp, dq] = [remainder(d, p), remainder(d, q)];
  try {
    const parts = Object.entries({ n, e, d, p, q, dp, dq, qi });
    const jwk = Object.fromEntries(parts.map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64url")]));
    const secret = createPrivateKey({ key: { kty: "RSA", ...jwk }, format: "jwk" });
    return { publicKey, secret };
  } catch {
    return { problem: "malformed" };
  }
}

/** `a` modulo `b - 1`, which the file leaves out. Its bytes may begin with zeros. */
function remainder(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [left, right] = [bigIntOf(a), bigIntOf(b) - 1n];
  const hex = right > 0n ? (left % right).toString(16) : "0";
  return Buffer.from(hex.padStart(2 * b.length, "0"), "hex");
}

function bigIntOf(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);
}

function isSame(a: SshPublicKey, b: SshPublicKey): boolean {
  return Buffer.from(sshBlob(a)).equals(sshBlob(b));
}
