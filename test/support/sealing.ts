/** Encrypting and decrypting text with one test key, in as few words as tests need. */
import { expect } from "vitest";
import type { KeyGroup } from "../../src/crypto/data-key.ts";
import { age } from "../../src/crypto/keys/age.ts";
import type { KeyProvider } from "../../src/crypto/keys/provider.ts";
import { type DecryptOptions, decrypt } from "../../src/decrypt.ts";
import { type EncryptOptions, type EncryptResult, encrypt } from "../../src/encrypt.ts";
import { KeyleafError } from "../../src/errors.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { fakeHost } from "./fake-host.ts";

/** TEST ONLY: identities A and B of the vectors; they protect nothing. */
export const IDENTITY_A = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";
export const RECIPIENT_A = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
export const IDENTITY_B = "AGE-SECRET-KEY-1432K5YRNSC44GC4986NXMX6GVZ52WTMT9C79CLUVWYY4DKDHD5JSNDP4MC";
export const RECIPIENT_B = "age1afnrdrkyvy0sl5e08t9ffs4c7g5e5npc8luf7hjc77syewg5gajsls4r90";

/** TEST ONLY: the data key of the vectors. */
export const VECTOR_DATA_KEY = new Uint8Array(32).fill(0x66);

/** A host that has identity A. */
export const hostA = fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_A } });
/** A host that has identity B. */
export const hostB = fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_B } });
/** A host that has both. */
export const hostAB = fakeHost({ env: { SOPS_AGE_KEY: `${IDENTITY_A}\n${IDENTITY_B}` } });

/** Recipients of these age texts, in one group. */
export function groupOf(...texts: string[]): KeyGroup {
  return texts.flatMap((text) =>
    age.fromText(text, {}).map((recipient) => ({ provider: age as KeyProvider, recipient })),
  );
}

type Sealing = Partial<Omit<EncryptOptions, "format">>;

/** The sealed file, for identity A unless said otherwise. */
export function sealed(format: FormatId, source: string | Uint8Array, options: Sealing = {}): Promise<EncryptResult> {
  return encrypt(bytesOf(source), { format, keyGroups: [groupOf(RECIPIENT_A)], ...options }, hostA);
}

/** The sealed file as text. */
export async function sealedText(
  format: FormatId,
  source: string | Uint8Array,
  options: Sealing = {},
): Promise<string> {
  return textOf((await sealed(format, source, options)).output);
}

/** What identity A makes of a sealed file. */
export async function openedText(
  format: FormatId,
  source: string | Uint8Array,
  options: Partial<DecryptOptions> = {},
): Promise<string> {
  return textOf((await decrypt(bytesOf(source), { format, ...options }, hostA)).output);
}

export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}

/** Text of bytes, byte order mark included. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** The `KeyleafError` that a call ends with; anything else fails the test. */
export async function failure(call: () => unknown): Promise<KeyleafError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof KeyleafError) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

/** Holds an error to the rules for messages: lower case, no full stop, and none of the planted values in any of its parts. */
export function expectDiscreet(error: KeyleafError, ...planted: readonly string[]): void {
  expect(error.message).not.toMatch(/^[A-Z][a-z]|\.$/);
  const said = JSON.stringify([error.message, error.hint, error.details, causesOf(error)]);
  for (const value of planted) expect(said).not.toContain(value);
}

function causesOf(error: Error): string[] {
  const { cause } = error;
  return cause instanceof Error ? [String(cause), ...causesOf(cause)] : [];
}
