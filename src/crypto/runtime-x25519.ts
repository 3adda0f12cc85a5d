/** What both runtimes need for X25519 beside what they have. */

/** A secret key (32 bytes) as PKCS #8 in DER, in a new array that is the caller's to overwrite. Source: RFC 8410, 7. */
export function pkcs8Of(secret: Uint8Array): Buffer {
  return Buffer.concat([PKCS8_START, secret]);
}

const PKCS8_START = Buffer.from("302e020100300506032b656e04220420", "hex");

/** What was agreed on; `null` when it is all zero, which a public key of low order brings about. Source: RFC 7748, 6.1. */
export function unlessZero(agreed: Uint8Array): Uint8Array | null {
  return agreed.some((byte) => byte !== 0) ? agreed : null;
}
