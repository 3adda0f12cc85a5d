import { createHash } from "node:crypto";
import { decodeBase64, encodeUnpadded } from "./base64.ts";
import { SshDataError, SshReader, sshNumber, sshStrings } from "./ssh-wire.ts";

/** Public keys of ssh, as far as age takes them. Source: RFC 4253, 6.6; RFC 8709, 4. */

export type SshPublicKey =
  | {
      readonly type: "ssh-ed25519";
      /** 32 bytes. */
      readonly point: Uint8Array;
    }
  | {
      readonly type: "ssh-rsa";
      /** Without leading zeros. */
      readonly modulus: Uint8Array;
      readonly exponent: Uint8Array;
    };

/** What was read, or what is wrong with it in a few words. */
export type Read<T> = T | { readonly problem: string };

/** Shorter keys can be broken, and age refuses them. */
const LEAST_RSA_BYTES = 2048 / 8;
const POINT_BYTES = 32;

/** @param line - As in `authorized_keys` and `.pub` files: type, base64, and a comment that does not matter. */
export function parseSshLine(line: string): Read<SshPublicKey> {
  const [type = "", base64 = ""] = line.trim().split(/[ \t]+/);
  const blob = decodeBase64(base64, true);
  if (blob === null) return { problem: "not base64" };
  const key = parseSshBlob(blob);
  if (!("problem" in key) && key.type !== type) return { problem: "it says one type and holds another" };
  return key;
}

/** @param blob - The wire form. */
function parseSshBlob(blob: Uint8Array): Read<SshPublicKey> {
  try {
    const reader = new SshReader(blob);
    const key = readSshPublicKey(reader);
    return reader.left === 0 ? key : { problem: "malformed" };
  } catch (error) {
    if (error instanceof SshDataError) return { problem: "malformed" };
    throw error;
  }
}

/** @throws {@link SshDataError} */
export function readSshPublicKey(reader: SshReader): Read<SshPublicKey> {
  const type = reader.string().toString("latin1");
  if (type === "ssh-ed25519") {
    const point = reader.string();
    return point.length === POINT_BYTES ? { type, point } : { problem: "malformed" };
  }
  if (type === "ssh-rsa") {
    const exponent = reader.number();
    const modulus = reader.number();
    return rsaKey(modulus, exponent);
  }
  return { problem: `${wordFor(type)}: age takes ssh-ed25519 and ssh-rsa` };
}

/** @param modulus - Both without leading zeros. */
export function rsaKey(modulus: Uint8Array, exponent: Uint8Array): Read<SshPublicKey> {
  if (modulus.length < LEAST_RSA_BYTES) return { problem: "an RSA key of less than 2048 bits" };
  return { type: "ssh-rsa", modulus, exponent };
}

/** What identifies a key in a stanza: the start of a hash of its wire form. */
export function sshTag(key: SshPublicKey): string {
  return encodeUnpadded(createHash("sha256").update(sshBlob(key)).digest().subarray(0, 4));
}

/** The wire form. */
export function sshBlob(key: SshPublicKey): Uint8Array {
  const type = Buffer.from(key.type);
  if (key.type === "ssh-ed25519") return sshStrings(type, key.point);
  return sshStrings(type, sshNumber(key.exponent), sshNumber(key.modulus));
}

/** Types come from files, so only what looks like one is shown. */
function wordFor(type: string): string {
  return /^[\w@.-]{1,64}$/.test(type) ? `a key of type ${type}` : "another type of key";
}
