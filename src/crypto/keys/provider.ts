import type { Mapping, Node } from "../../document/document.ts";
import type { KeyListName } from "../../document/metadata.ts";
import type { Host } from "../../host.ts";

/** The data key (or a share of it) as one recipient keeps it in the metadata: a list entry's fields as they stand in the file. */
export interface WrappedKey {
  /** Provider id. */
  readonly provider: string;
  /** All fields of the entry, in file order; values are strings, apart from mappings such as a KMS context. */
  readonly fields: Mapping;
  /** See `KeyEntry`. */
  readonly hasOldContext?: true;
}

/** What can stand beside a recipient in flags and rules. */
export interface RecipientOptions {
  /** AWS shared-config profile. */
  readonly awsProfile?: string;
  /** AWS encryption context. */
  readonly encryptionContext?: ReadonlyMap<string, string>;
}

/** One way to wrap the data key. Owns its names in files, rules and flags, so nothing else lists providers. */
export interface KeyProvider<R = unknown> {
  readonly id: string;
  readonly names: {
    /** Key of the list in the metadata, and id in decryption orders: `age`, `kms`. */
    readonly metadata: KeyListName;
    /** Key in a creation rule, flat: `age`, `azure_keyvault`. */
    readonly rule: string;
    /** Key in a key group of a creation rule: `age`, `hc_vault`. */
    readonly group: string;
    /** Flag without dashes: `age`, `hc-vault-transit`. */
    readonly flag: string;
    /** Environment variable with default recipients: `SOPS_AGE_RECIPIENTS`. */
    readonly env: string;
  };
  /** Needs no network: tried before those that do. */
  readonly isLocal: boolean;
  /** Recipients of a comma-separated text. @throws `KEY_BAD_RECIPIENT` */
  fromText(text: string, options: RecipientOptions): R[];
  /** Recipients of one element of a list in a key group: text, or a mapping such as `{arn, role, context}`. @throws `KEY_BAD_RECIPIENT` */
  fromGroup(value: Node): R[];
  /** How the recipient is named in messages and comparisons (the reference's identity string). */
  identity(recipient: R): string;
  /** The same, of a wrapped key. Never throws: what is missing is empty. */
  identityOf(key: WrappedKey): string;
  /**
   * Whether a recipient is another spelling of one that a file has, or leaves something of it open. Both by their identity
   * strings, which are not equal. Absent: never.
   */
  covers?(identity: string, inFile: string): boolean;
  /**
   * The entry of a file, with the fields that the reference writes and in its order.
   * @param enc - the wrapped key, in the spelling of the format.
   */
  entry(recipient: R, enc: string, now: Date): Mapping;
  /**
   * Holds the server that a recipient of a file names to what the user has named. Absent: it names none.
   * @throws `PROVIDER_FAILED` where it may not be contacted
   */
  checkServer?(recipient: R, host: Host): Promise<void>;
  /**
   * @param dataKey - the data key, or a share of it; read, not kept.
   * @param signal - ends requests that a provider makes over a network; local ones pass over it.
   * @returns the entry as it goes into the file.
   * @throws `PROVIDER_FAILED`, `KEY_BAD_RECIPIENT`
   */
  wrap(dataKey: Uint8Array, recipient: R, host: Host, signal?: AbortSignal): Promise<WrappedKey>;
  /**
   * @param signal - as in `wrap`.
   * @returns the data key; `null` when no identity at hand is for this key (`why` then gets the reasons).
   * @throws `PROVIDER_FAILED` when it is for us, and failed.
   */
  unwrap(key: WrappedKey, host: Host, why: (reason: string) => void, signal?: AbortSignal): Promise<Uint8Array | null>;
  /**
   * The same with identities that may ask the person for something. Called after `unwrap` has given `null`, and when no
   * other wrapped key of the file was opened either. Absent: there are none.
   */
  unwrapAsking?: KeyProvider["unwrap"];
}
