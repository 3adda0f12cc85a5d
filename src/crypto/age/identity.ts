import type { Stanza } from "./age-file.ts";

/** The private side of one age key, whatever its kind. */
export interface AgeIdentity {
  /**
   * @returns The file key (16 bytes), or `null` when no stanza is for this identity.
   * @throws `PROVIDER_FAILED` for a malformed stanza of its kind (`AgeFailure`), or when what it takes is not to be had.
   */
  unwrapFileKey(stanzas: readonly Stanza[]): Promise<Uint8Array | null>;
  /** Text of its recipient: `age1...`. Absent where the identity alone does not tell. */
  recipient?(): Promise<string>;
}

/** What one text or file gave. */
export interface Identities {
  /** Those that work by themselves. */
  readonly identities: readonly AgeIdentity[];
  /** Those that may ask for something (a passphrase, a touch): only for when nothing else opened the file. */
  readonly asking: readonly AgeIdentity[];
  /** Why it gave nothing, or less than it holds. Names lines and kinds, never what is in them. */
  readonly problems: readonly string[];
  /** Nothing is there that could be wrong: an empty variable, no file at the default place, a source passed over. */
  readonly isAbsent?: true;
}

/** What is not there, and how it shows. */
export function absent(problem: string): Identities {
  return { ...nothing(problem), isAbsent: true };
}

/** What gave nothing, and why. */
export function nothing(problem: string): Identities {
  return { identities: [], asking: [], problems: [problem] };
}
