/** The package has no types of its own. */
declare module "bcrypt-pbkdf" {
  /** Fills `key` with what bcrypt makes of a passphrase; blocks meanwhile. @returns 0, or -1 for lengths it does not take. */
  export function pbkdf(
    passphrase: Uint8Array,
    passphraseLength: number,
    salt: Uint8Array,
    saltLength: number,
    key: Uint8Array,
    keyLength: number,
    rounds: number,
  ): number;
  const library: { readonly pbkdf: typeof pbkdf };
  export default library;
}
