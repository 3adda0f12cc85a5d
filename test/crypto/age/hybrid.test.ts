import { armor, Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { decodeBech32, encodeBech32 } from "../../../src/crypto/age/bech32.ts";
import type { AgeIdentity } from "../../../src/crypto/age/identity.ts";
import { parseIdentities } from "../../../src/crypto/age/identity-text.ts";
import { age } from "../../../src/crypto/keys/age.ts";
import { fieldOf, leaf, mapping } from "../../../src/document/document.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { failure } from "../../support/sealing.ts";

/** Post-quantum keys, against age-encryption; the published vectors are in vectors.test.ts. */

const DATA_KEY = new Uint8Array(32).fill(0x66);

async function identityOf(text: string): Promise<AgeIdentity> {
  const { identities, problems } = await parseIdentities(text, fakeHost());
  const [identity] = identities;
  if (identity === undefined) throw new Error(problems.join());
  return identity;
}

async function wrapped(recipient: string, host = fakeHost()): Promise<string> {
  const [one] = age.fromText(recipient, {});
  if (one === undefined) throw new Error("no recipient");
  const { fields } = await age.wrap(DATA_KEY, one, host);
  const enc = fieldOf(fields, "enc");
  return enc?.kind === "leaf" ? String(enc.scalar.text) : "";
}

function unwrap(enc: string, identity: string): Promise<Uint8Array | null> {
  const host = fakeHost({ env: { SOPS_AGE_KEY: identity } });
  return age.unwrap({ provider: "age", fields: mapping([["enc", leaf(enc)]]) }, host, () => {});
}

test("recipients of identities are those of age-encryption", async () => {
  for (let count = 0; count < 5; count++) {
    const identity = await generateHybridIdentity();
    expect(await (await identityOf(identity)).recipient?.()).toBe(await identityToRecipient(identity));
  }
});

test("what is wrapped here opens there, and the other way round", async () => {
  const identity = await generateHybridIdentity();
  const recipient = await identityToRecipient(identity);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  expect(Uint8Array.from(await decrypter.decrypt(armor.decode(await wrapped(recipient))))).toEqual(DATA_KEY);

  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const enc = armor.encode(await encrypter.encrypt(DATA_KEY));
  expect(await unwrap(enc, identity)).toEqual(DATA_KEY);
  expect(await unwrap(enc, `${await generateHybridIdentity()}\n${identity}`)).toEqual(DATA_KEY);
  expect(await unwrap(enc, await generateHybridIdentity())).toBeNull();
});

test("is never the same twice, and follows the host's random bytes", async () => {
  const recipient = await identityToRecipient(await generateHybridIdentity());
  const host = fakeHost({ seed: "one" });
  const first = await wrapped(recipient, host);
  expect(await wrapped(recipient, host)).not.toBe(first);
  expect(await wrapped(recipient, fakeHost({ seed: "one" }))).toBe(first);
});

describe("a recipient that is no key", () => {
  test.each<[string, (key: Uint8Array) => void]>([
    ["numbers out of range", (key) => key.fill(0xff, 0, 1184)],
    ["low order", (key) => key.fill(0, 1184)],
  ])("%s", async (_, spoil) => {
    const pair = await identityToRecipient(await generateHybridIdentity());
    const decoded = decodeBech32(pair);
    if ("problem" in decoded) throw new Error(decoded.problem);
    const key = Uint8Array.from(decoded.bytes);
    spoil(key);
    expect((await failure(() => wrapped(encodeBech32("age1pq", key)))).code).toBe("KEY_BAD_RECIPIENT");
  });
});
