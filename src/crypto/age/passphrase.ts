import { scrypt } from "node:crypto";
import type { KeyleafError } from "../../errors.ts";
import type { Stanza } from "./age-file.ts";
import { decodeBase64 } from "./base64.ts";
import { AgeFailure, ageFailed } from "./failure.ts";
import { BODY_BYTES, openFileKey } from "./file-key.ts";

/** The scrypt recipient of age: the file key is sealed under a passphrase. Source: C2SP age.md. */

const KIND = "scrypt";
const LABEL = Buffer.from("age-encryption.org/v1/scrypt");
const SALT_BYTES = 16;
const BLOCK_SIZE = 8;
/** Base-two logarithm. At 22 it takes 4 GiB and some ten seconds; age itself has this limit. */
const MOST_WORK = 22;

/** What the passphrase has to open. */
export interface Lock {
  readonly salt: Uint8Array;
  /** Base-two logarithm of scrypt's N. */
  readonly work: number;
  readonly body: Uint8Array;
}

/**
 * @returns `null`: the file has no passphrase.
 * @throws `PROVIDER_FAILED` (header) for a malformed stanza, or one that would take too much memory.
 */
export function lockOf(stanzas: readonly Stanza[]): Lock | null {
  const stanza = stanzas.find(({ args }) => args[0] === KIND);
  if (stanza === undefined) return null;
  const [, saltText = "", workText = "", ...more] = stanza.args;
  const salt = decodeBase64(saltText, false);
  if (salt?.length !== SALT_BYTES || more.length > 0 || !/^[1-9][0-9]*$/.test(workText)) {
    throw new AgeFailure("header", "malformed scrypt stanza");
  }
  if (stanza.body.length !== BODY_BYTES) throw new AgeFailure("header", "malformed scrypt stanza");
  const work = Number(workText);
  if (work > MOST_WORK) throw new AgeFailure("header", `scrypt work factor ${workText} is over ${MOST_WORK}`);
  return { salt, work, body: stanza.body };
}

/**
 * @returns The file key (16 bytes); `null`: another passphrase.
 * @throws `PROVIDER_FAILED` when there is not enough memory.
 */
export async function openLock({ salt, work, body }: Lock, passphrase: string): Promise<Uint8Array | null> {
  return openFileKey(await derive(Buffer.from(passphrase), Buffer.concat([LABEL, salt]), work), body);
}

function derive(passphrase: Buffer, salt: Uint8Array, work: number): Promise<Uint8Array> {
  const N = 2 ** work;
  const needed = 128 * N * BLOCK_SIZE;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, key: Uint8Array): void => {
      passphrase.fill(0);
      if (error === null || error === undefined) resolve(key);
      else reject(noMemory(needed, error));
    };
    try {
      scrypt(passphrase, salt, 32, { N, r: BLOCK_SIZE, p: 1, maxmem: 2 * needed + 2 ** 20 }, done);
    } catch (error) {
      passphrase.fill(0);
      reject(noMemory(needed, error));
    }
  });
}

/** Of the parameters, all of which are in range, only the size can be a trouble. */
function noMemory(needed: number, cause: unknown): KeyleafError {
  const size = `${Math.ceil(needed / 2 ** 20)} MiB`;
  return ageFailed(`not enough memory for the passphrase of an age file, which takes ${size}`, undefined, cause);
}
