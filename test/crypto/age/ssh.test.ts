import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeUnpadded } from "../../../src/crypto/age/base64.ts";
import { SshIdentity, wrapForSsh } from "../../../src/crypto/age/ssh.ts";
import { parseSshPrivateKey, type SshPrivateKey } from "../../../src/crypto/age/ssh-private-key.ts";
import { parseSshLine, sshTag } from "../../../src/crypto/age/ssh-public-key.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { failure } from "../../support/sealing.ts";

/** ssh keys as this program reads them; those of `ssh-keygen`, and what `age` makes of them, are in interop/live-age.test.ts. */

const FILE_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);

/** TEST ONLY: keys of the shared fixtures. */
function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../../fixtures/sops/3.13.2/keys/${name}`, import.meta.url));
}

function openKey(file: Uint8Array): SshPrivateKey {
  const key = parseSshPrivateKey(file);
  if (!("secret" in key)) throw new Error("problem" in key ? key.problem : "takes a passphrase");
  return key;
}

function lineOf(name: string): string {
  return fixture(`${name}.pub`).toString().trim();
}

describe.each(["ssh-ed25519", "ssh-rsa"])("%s", (name) => {
  test("what is wrapped for the public key opens with the private one, and with no other", async () => {
    const stanza = await wrapForSsh(FILE_KEY, lineOf(name), fakeHost());
    expect(stanza.args[0]).toBe(name);
    expect(await new SshIdentity(openKey(fixture(name))).unwrapFileKey([stanza])).toEqual(Buffer.from(FILE_KEY));
    for (const other of ["ssh-ed25519", "ssh-rsa"].filter((type) => type !== name)) {
      expect(await new SshIdentity(openKey(fixture(other))).unwrapFileKey([stanza])).toBeNull();
    }
  });

  test("a stanza that only claims to be for the key does not open", async () => {
    const { args, body } = await wrapForSsh(FILE_KEY, lineOf(name), fakeHost());
    const spoiled = Uint8Array.from(body, (byte, index) => (index === 3 ? byte ^ 1 : byte));
    const identity = new SshIdentity(openKey(fixture(name)));
    expect(await identity.unwrapFileKey([{ args, body: spoiled }])).toBeNull();
    // Another one behind it does.
    expect(
      await identity.unwrapFileKey([
        { args, body: spoiled },
        { args, body },
      ]),
    ).toEqual(Buffer.from(FILE_KEY));
  });

  test.each<[string, (args: readonly string[]) => string[]]>([
    ["too few arguments", (args) => args.slice(0, -1)],
    ["too many", (args) => [...args, "x"]],
  ])("a malformed stanza is refused: %s", async (_, change) => {
    const { args, body } = await wrapForSsh(FILE_KEY, lineOf(name), fakeHost());
    const identity = new SshIdentity(openKey(fixture(name)));
    const error = await failure(() => identity.unwrapFileKey([{ args: change(args), body }]));
    expect(error).toMatchObject({ code: "PROVIDER_FAILED", part: "header" });
  });

  test("the comment and blanks of a line do not matter", () => {
    const [type, base64] = lineOf(name).split(" ");
    const key = parseSshLine(`${type} ${base64}`);
    expect("problem" in key).toBe(false);
    expect(parseSshLine(`  ${type}\t${base64}   some body  \r\n`)).toEqual(key);
  });
});

test("an Ed25519 stanza without the right share is refused", async () => {
  const { args, body } = await wrapForSsh(FILE_KEY, lineOf("ssh-ed25519"), fakeHost());
  const identity = new SshIdentity(openKey(fixture("ssh-ed25519")));
  for (const share of ["", "x", encodeUnpadded(new Uint8Array(31)), encodeUnpadded(new Uint8Array(32))]) {
    const error = await failure(() => identity.unwrapFileKey([{ args: [args[0] ?? "", args[1] ?? "", share], body }]));
    expect(error).toMatchObject({ code: "PROVIDER_FAILED", part: "header" });
  }
  const error = await failure(() => identity.unwrapFileKey([{ args, body: body.subarray(1) }]));
  expect(error).toMatchObject({ code: "PROVIDER_FAILED", part: "header" });
});

test("an Ed25519 stanza follows the host's random bytes", async () => {
  const wrap = (seed: string) => wrapForSsh(FILE_KEY, lineOf("ssh-ed25519"), fakeHost({ seed }));
  expect(await wrap("one")).toEqual(await wrap("one"));
  expect(await wrap("two")).not.toEqual(await wrap("one"));
});

describe("public keys that are none", () => {
  const wire = (...parts: (string | Uint8Array)[]): string =>
    Buffer.concat(
      parts.flatMap((part) => {
        const bytes = Buffer.from(part);
        const length = Buffer.alloc(4);
        length.writeUInt32BE(bytes.length);
        return [length, bytes];
      }),
    ).toString("base64");
  const small = Buffer.alloc(128, 0x55);
  const point = Buffer.alloc(32, 2);
  const fieldPrime = Buffer.from("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "hex");

  test.each<[string, string]>([
    ["no base64", "ssh-ed25519 !!!!"],
    ["nothing", "ssh-ed25519"],
    ["cut off", `ssh-ed25519 ${lineOf("ssh-ed25519").split(" ")[1]?.slice(0, 60)}`],
    ["too long", `ssh-ed25519 ${wire("ssh-ed25519", point, "more")}`],
    ["short", `ssh-ed25519 ${wire("ssh-ed25519", point.subarray(1))}`],
    ["no point of the curve", `ssh-ed25519 ${wire("ssh-ed25519", point)}`],
    ["of low order", `ssh-ed25519 ${wire("ssh-ed25519", Buffer.concat([Uint8Array.of(1), Buffer.alloc(31)]))}`],
    ["of low order, 4", `ssh-ed25519 ${wire("ssh-ed25519", Buffer.alloc(32))}`],
    ["out of the field", `ssh-ed25519 ${wire("ssh-ed25519", fieldPrime)}`],
    ["another type inside", `ssh-rsa ${lineOf("ssh-ed25519").split(" ")[1]}`],
    ["a small RSA key", `ssh-rsa ${wire("ssh-rsa", Uint8Array.of(1, 0, 1), small)}`],
    ["a negative RSA key", `ssh-rsa ${wire("ssh-rsa", Uint8Array.of(1, 0, 1), Buffer.alloc(256, 0xff))}`],
    ["ECDSA", `ecdsa-sha2-nistp256 ${wire("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(65, 4))}`],
  ])("%s", async (_, line) => {
    expect((await failure(() => wrapForSsh(FILE_KEY, line, fakeHost()))).code).toBe("KEY_BAD_RECIPIENT");
  });

  test("every point that can be a key is taken", async () => {
    for (let count = 0; count < 20; count++) {
      const { publicKey } = generateKeyPairSync("ed25519");
      const { x = "" } = publicKey.export({ format: "jwk" });
      const line = `ssh-ed25519 ${wire("ssh-ed25519", Buffer.from(x, "base64url"))}`;
      expect((await wrapForSsh(FILE_KEY, line, fakeHost())).args[0]).toBe("ssh-ed25519");
    }
  });
});

describe("private keys in PEM", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync("ed25519");
  const fingerprint = (key: KeyObject): unknown => createPublicKey(key).export({ format: "jwk" });

  test.each([
    ["PKCS #1", rsa, "pkcs1"],
    ["PKCS #8, RSA", rsa, "pkcs8"],
    ["PKCS #8, Ed25519", ed25519, "pkcs8"],
  ] as const)("%s", async (_, { privateKey }, type) => {
    const pem = privateKey.export({ type: type as "pkcs8", format: "pem" });
    const key = openKey(Buffer.from(`\n${pem}\n`));
    if (key.secret instanceof Uint8Array) {
      expect(Buffer.from(key.secret).toString("base64url")).toBe(privateKey.export({ format: "jwk" }).d);
    } else {
      expect(fingerprint(key.secret)).toEqual(fingerprint(privateKey));
    }
  });

  test.each([
    ["PKCS #1", rsa, "pkcs1", "aes-128-cbc"],
    ["PKCS #8, RSA", rsa, "pkcs8", "aes-256-cbc"],
    ["PKCS #8, Ed25519", ed25519, "pkcs8", "aes-256-cbc"],
  ] as const)("with a passphrase: %s", async (_, { privateKey }, type, cipher) => {
    const pem = privateKey.export({ type: type as "pkcs8", format: "pem", cipher, passphrase: "ä b" });
    const key = parseSshPrivateKey(Buffer.from(pem));
    if (!("unlock" in key)) return expect.fail("takes no passphrase");
    expect(key.publicKey).toBeNull();
    expect(await key.unlock("wrong")).toBeNull();
    expect(await key.unlock("ä b")).toEqual(openKey(Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" }))));
  });

  test.each<[string, string | Uint8Array]>([
    ["nothing", ""],
    ["text", "hello"],
    ["bytes", Uint8Array.from({ length: 1000 }, (_, i) => i & 255)],
    ["a public key", lineOf("ssh-rsa")],
    [
      "no end",
      fixture("ssh-rsa")
        .toString()
        .replace(/-----END.*/, ""),
    ],
    [
      "another kind",
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "pem" }),
    ],
    [
      "another kind inside",
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
    ],
    [
      "a small one",
      generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" }),
    ],
    ["damage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
  ])("%s is none", (_, file) => {
    expect(parseSshPrivateKey(Buffer.from(file))).toEqual({ problem: expect.any(String) });
  });
});

describe("OpenSSH's own form", () => {
  const armored = (bytes: Uint8Array): Buffer =>
    Buffer.from(
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from(bytes).toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`,
    );
  const bytesOf = (name: string): Buffer =>
    Buffer.from(
      fixture(name)
        .toString()
        .replace(/-----.*-----/g, "")
        .replace(/\s/g, ""),
      "base64",
    );

  test.each(["ssh-ed25519", "ssh-rsa"])("%s has the public key of its .pub file", (name) => {
    const key = parseSshLine(lineOf(name));
    if ("problem" in key) return expect.fail(key.problem);
    expect(sshTag(openKey(fixture(name)).publicKey)).toBe(sshTag(key));
  });

  test("a passphrase opens it, another one does not", async () => {
    const key = parseSshPrivateKey(fixture("ssh-ed25519-passphrase"));
    if (!("unlock" in key)) return expect.fail("takes no passphrase");
    expect(key.publicKey).toEqual(parseSshLine(lineOf("ssh-ed25519-passphrase")));
    expect(await key.unlock("tr0ub4dor&4")).toBeNull();
    expect(await key.unlock("")).toBeNull();
    const opened = await key.unlock("tr0ub4dor&3");
    if (opened === null || "problem" in opened) return expect.fail("does not open");
    const stanza = await wrapForSsh(FILE_KEY, lineOf("ssh-ed25519-passphrase"), fakeHost());
    expect(await new SshIdentity(opened).unwrapFileKey([stanza])).toEqual(Buffer.from(FILE_KEY));
  });

  test.each(["ssh-ed25519", "ssh-rsa", "ssh-ed25519-passphrase"])(
    "%s cut anywhere is refused, not taken for another key",
    (name) => {
      const bytes = bytesOf(name);
      for (let end = 0; end < bytes.length; end += 7) {
        const key = parseSshPrivateKey(armored(bytes.subarray(0, end)));
        // What is encrypted may be cut without notice until it is opened; then it cannot be.
        if (!("unlock" in key)) expect(key).toEqual({ problem: expect.any(String) });
      }
    },
  );

  test("a private half that belongs to another public key is refused", () => {
    const bytes = bytesOf("ssh-ed25519");
    // The first point is the public half, in front of everything.
    const at = bytes.indexOf("ssh-ed25519") + "ssh-ed25519".length + 4;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    expect(parseSshPrivateKey(armored(bytes))).toEqual({ problem: "malformed" });
  });

  test("many rounds of its key derivation are refused before anything is asked", () => {
    const bytes = bytesOf("ssh-ed25519-passphrase");
    const at = bytes.indexOf("bcrypt") + "bcrypt".length + 4 + 4 + 16;
    bytes.writeUInt32BE(0xffffffff, at);
    expect(parseSshPrivateKey(armored(bytes))).toEqual({ problem: expect.stringContaining("rounds") });
  });
});
