/**
 * A stand-in for gpg as a program of the fake host, for tests that need no more than that: AES-256-GCM with a key that
 * hangs on the fingerprint. What real gpg does is tested in `test/interop/live-pgp.test.ts`.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Program, ProgramResult } from "./fake-host.ts";

const BEGIN = "-----BEGIN PGP MESSAGE-----\n\n";
const END = "\n-----END PGP MESSAGE-----\n";

/** @param secrets - fingerprints of keys whose secret side is in the keyring. */
export function fakeGpg(...secrets: readonly string[]): Program {
  return (args, _env, stdin) => {
    if (args[0] === "-d") return decrypt(stdin, secrets);
    const to = args[args.indexOf("-r") + 1] ?? "";
    if (!/^[\dA-F]{40}!?$/.test(to)) return failed(`gpg: ${to}: skipped: No public key\n`);
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", keyOf(to), iv);
    const sealed = Buffer.concat([Buffer.from(to.slice(0, 40), "hex"), iv, cipher.update(stdin), cipher.final()]);
    return { stdout: BEGIN + Buffer.concat([sealed, cipher.getAuthTag()]).toString("base64") + END };
  };
}

function decrypt(stdin: Uint8Array, secrets: readonly string[]): ProgramResult {
  const text = Buffer.from(stdin).toString();
  const sealed = Buffer.from(/MESSAGE-----\s+([\w+/=]+)\s+-----END/.exec(text)?.[1] ?? "", "base64");
  const fingerprint = sealed.subarray(0, 20).toString("hex").toUpperCase();
  if (sealed.length < 48) return failed("gpg: no valid OpenPGP data found.\n");
  if (!secrets.includes(fingerprint)) return failed("gpg: decryption failed: No secret key\n");
  try {
    const decipher = createDecipheriv("aes-256-gcm", keyOf(fingerprint), sealed.subarray(20, 32));
    decipher.setAuthTag(sealed.subarray(-16));
    return { stdout: Buffer.concat([decipher.update(sealed.subarray(32, -16)), decipher.final()]) };
  } catch {
    return failed("gpg: decryption failed: Bad data\n");
  }
}

function keyOf(fingerprint: string): Buffer {
  return createHash("sha256").update(fingerprint.slice(0, 40)).digest();
}

function failed(stderr: string): ProgramResult {
  return { status: 2, stderr };
}
