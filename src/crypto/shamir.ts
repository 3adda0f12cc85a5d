/**
 * Shamir's secret sharing, byte by byte over GF(2^8) with the polynomial 0x11b, as HashiCorp Vault and the reference have
 * it. All work on bytes of a secret is shifts and masks: no table is looked into at a secret place, no branch hangs on one.
 *
 * Source: SOPS shamir/shamir.go.
 */

/** Shares that there can be at most: the x coordinates are 1 to 255. */
export const MOST_SHARES = 255;

/** Product in the field. Both are 0 to 255; the time does not depend on them. */
function multiply(a: number, b: number): number {
  let product = 0;
  let left = a;
  for (let bit = 0; bit < 8; bit++) {
    product ^= left & -((b >> bit) & 1);
    left = (left << 1) ^ (0x11b & -(left >> 7));
  }
  return product;
}

/** The inverse, which for an `a` of 1 to 255 is its 254th power; 0 for 0. */
function invert(a: number): number {
  let power = a;
  let result = 1;
  // 254 = 2 + 4 + 8 + ... + 128
  for (let bit = 1; bit < 8; bit++) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}

/**
 * Splits a secret.
 *
 * @param secret - 1 byte or more; read, not kept.
 * @param count - shares to make: 2 to 255.
 * @param threshold - shares that give the secret: 2 to `count`.
 * @param fillRandom - fills an array with secure random bytes: the coefficients, for each byte of the secret those of x,
 *   x^2 and so on. The last may be zero.
 * @returns shares in the order of their x coordinates, 1, 2, ...; each is one byte longer than the secret and ends in x.
 * @throws `RangeError` for other numbers.
 */
export function split(
  secret: Uint8Array,
  count: number,
  threshold: number,
  fillRandom: (bytes: Uint8Array) => void,
): Uint8Array[] {
  const isPossible = Number.isInteger(count) && Number.isInteger(threshold) && threshold >= 2 && threshold <= count;
  if (!isPossible || count > MOST_SHARES || secret.length === 0) throw new RangeError("no such split");
  const coefficients = new Uint8Array(secret.length * (threshold - 1));
  fillRandom(coefficients);
  const shares = Array.from({ length: count }, (_, index) => {
    const x = index + 1;
    const share = new Uint8Array(secret.length + 1);
    for (let at = 0; at < secret.length; at++) {
      let y = 0;
      for (let degree = threshold - 1; degree > 0; degree--) {
        y = multiply(y ^ (coefficients[at * (threshold - 1) + degree - 1] as number), x);
      }
      share[at] = y ^ (secret[at] as number);
    }
    share[secret.length] = x;
    return share;
  });
  coefficients.fill(0);
  return shares;
}

/**
 * Combines shares. Nothing tells whether they belong together, and are enough: otherwise the result is another secret.
 *
 * @param shares - 2 or more of one length (2 bytes or more), with different x coordinates (the last byte) of 1 to 255;
 *   read, not kept.
 * @returns the secret in a new array.
 * @throws `RangeError` for other shares.
 */
export function combine(shares: readonly Uint8Array[]): Uint8Array {
  const length = (shares[0]?.length ?? 0) - 1;
  const xs = shares.map((share) => share.at(-1) ?? 0);
  const isPossible = shares.length >= 2 && length >= 1 && shares.every((share) => share.length === length + 1);
  if (!isPossible || xs.includes(0) || new Set(xs).size < xs.length) throw new RangeError("no such shares");
  const secret = new Uint8Array(length);
  for (const [index, share] of shares.entries()) {
    // The weight of this share in the polynomial's value at 0. It hangs on the x coordinates, which are public.
    let weight = 1;
    for (const [other, x] of xs.entries()) {
      if (other !== index) weight = multiply(weight, multiply(x, invert(x ^ (xs[index] as number))));
    }
    for (let at = 0; at < length; at++) secret[at] = (secret[at] as number) ^ multiply(share[at] as number, weight);
  }
  return secret;
}
