/** A certificate authority of the test's own, made at run time, whose certificates are good for two days. TEST ONLY */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface TestCa {
  /** What a program has to trust, as PEM. */
  readonly certificate: string;
  /** A server's key and certificate for a host name, as PEM. */
  issue(host: string): { readonly key: string; readonly cert: string };
}

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const DAY_MS = 24 * 60 * 60 * 1000;

export function makeTestCa(): TestCa {
  const { publicKey, privateKey } = newKey();
  const name = "TEST ONLY authority";
  const isAuthority = [
    extension("2.5.29.19", sequence(der(0x01, Buffer.of(0xff)))),
    // May sign certificates.
    extension("2.5.29.15", der(0x03, Buffer.of(0x02, 0x04))),
  ];
  return {
    certificate: certificateOf(name, publicKey, isAuthority, name, privateKey),
    issue(host) {
      const own = newKey();
      const alternativeName = extension("2.5.29.17", sequence(der(0x82, Buffer.from(host))));
      return {
        key: own.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
        cert: certificateOf(host, own.publicKey, [alternativeName], name, privateKey),
      };
    },
  };
}

function newKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

/** RFC 5280, 4.1. */
function certificateOf(
  subject: string,
  key: KeyObject,
  extensions: readonly Buffer[],
  issuer: string,
  issuerKey: KeyObject,
): string {
  const now = Date.now();
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(0x01), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    nameOf(issuer),
    sequence(time(now - DAY_MS), time(now + DAY_MS)),
    nameOf(subject),
    key.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", toSign, issuerKey);
  const bytes = sequence(toSign, ECDSA_WITH_SHA256, der(0x03, Buffer.of(0), signature));
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** All of them critical. */
function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x01, Buffer.of(0xff)), der(0x04, value));
}

function nameOf(text: string): Buffer {
  return sequence(der(0x31, sequence(oid("2.5.4.3"), der(0x0c, Buffer.from(text)))));
}

function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const base128 = (value: number): number[] => {
    const bytes = [value & 0x7f];
    for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
    return bytes;
  };
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...bytes), body]);
}
