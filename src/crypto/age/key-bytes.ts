/** Lengths of keys in bytes; apart from the kinds, since recipients are read before what they take is loaded. */

/** A secret key, a public key or what was agreed on. */
export const X25519_BYTES = 32;
export const MLKEM_PUBLIC_BYTES = 1184;
/** The public key of a post-quantum recipient: ML-KEM-768's, then X25519's. */
export const HYBRID_PUBLIC_BYTES = MLKEM_PUBLIC_BYTES + X25519_BYTES;
