/** The flags of the reference tool, as rows: what is parsed, what is read from the environment, and what the help says. */

export interface SopsFlag {
  /** Without dashes. */
  readonly name: string;
  /** A second spelling, of one letter or more. */
  readonly alias?: string;
  /** A `switch` is true or false, a `list` may be given several times, of the others the last one counts. */
  readonly type: "text" | "switch" | "number" | "list";
  /** The variable that is read where the line does not have the flag. */
  readonly env?: string;
  /** What counts where neither has it. */
  readonly standard?: string;
  readonly help: string;
}

const inPlace: SopsFlag = { name: "in-place", alias: "i", type: "switch", help: "write the result over the file" };
const output: SopsFlag = { name: "output", type: "text", help: "write the result to this file" };
const inputType: SopsFlag = {
  name: "input-type",
  type: "text",
  help: "format of the input: yaml, json, dotenv, ini or binary; default: by the file's name",
};
const outputType: SopsFlag = {
  name: "output-type",
  type: "text",
  help: "format of the output; default: by the file's name, whatever the input is said to be",
};
const filenameOverride: SopsFlag = {
  name: "filename-override",
  type: "text",
  help: "go by this name instead of the file's, for the formats and for the rule in .sops.yaml",
};
const ignoreMac: SopsFlag = { name: "ignore-mac", type: "switch", help: "do not check the MAC when decrypting" };
const decryptionOrder: SopsFlag = {
  name: "decryption-order",
  type: "text",
  env: "SOPS_DECRYPTION_ORDER",
  help: "key types in the order in which they are tried, comma-separated",
};
const extract: SopsFlag = {
  name: "extract",
  type: "text",
  help: `print one value, or a part, only: '["db"]["hosts"][0]'`,
};
const encryptionContext: SopsFlag = {
  name: "encryption-context",
  type: "text",
  help: "AWS encryption context of the KMS keys: name:value,name2:value2",
};
const awsProfile: SopsFlag = { name: "aws-profile", type: "text", help: "AWS profile of the KMS keys" };
const threshold: SopsFlag = {
  name: "shamir-secret-sharing-threshold",
  type: "number",
  help: "key groups needed to decrypt; default: all",
};
const yes: SopsFlag = { name: "yes", alias: "y", type: "switch", help: "ask nothing" };
const verbose: SopsFlag = { name: "verbose", type: "switch", help: "say more" };
const file: SopsFlag = { name: "file", alias: "f", type: "text", help: "the encrypted file" };
const user: SopsFlag = { name: "user", type: "text", help: "run the command as this user" };
const background: SopsFlag = { name: "background", type: "switch", help: "do not wait for the command (deprecated)" };
const idempotent: SopsFlag = {
  name: "idempotent",
  type: "switch",
  help: "do nothing where the file is as it should be already",
};
const showMasterKeys: SopsFlag = {
  name: "show-master-keys",
  alias: "s",
  type: "switch",
  help: "show the metadata in the editor",
};

const keyServices: readonly SopsFlag[] = [
  {
    name: "enable-local-keyservice",
    type: "switch",
    env: "SOPS_ENABLE_LOCAL_KEYSERVICE",
    standard: "true",
    help: "use the keys at hand; switched off with =false",
  },
  {
    name: "keyservice",
    type: "list",
    env: "SOPS_KEYSERVICE",
    help: "a key service to ask as well: unix:///PATH or tcp://HOST:PORT; repeatable",
  },
];

/** Key types: the flag, its letter, its variable, and what names a key. */
const keyTypes = [
  { name: "kms", alias: "k", env: "SOPS_KMS_ARN", what: "AWS KMS ARNs" },
  { name: "gcp-kms", env: "SOPS_GCP_KMS_IDS", what: "GCP KMS resource IDs" },
  { name: "hckms", env: "SOPS_HUAWEICLOUD_KMS_IDS", what: "HuaweiCloud KMS keys, REGION:UUID" },
  { name: "azure-kv", env: "SOPS_AZURE_KEYVAULT_URLS", what: "Azure Key Vault key URLs" },
  { name: "hc-vault-transit", env: "SOPS_VAULT_URIS", what: "Vault transit key URIs" },
  { name: "pgp", alias: "p", env: "SOPS_PGP_FP", what: "PGP fingerprints" },
  { name: "age", alias: "a", env: "SOPS_AGE_RECIPIENTS", what: "age recipients" },
] as const;

/** Who can read a new file. */
const keys: readonly SopsFlag[] = [
  ...keyTypes.map(({ what, ...names }): SopsFlag => ({ ...names, type: "text", help: `${what}, comma-separated` })),
  awsProfile,
];

const keysToAdd = keyTypes.map(
  ({ name, what }): SopsFlag => ({ name: `add-${name}`, type: "text", help: `add ${what}, comma-separated` }),
);
const keysToRemove = keyTypes.map(
  ({ name, what }): SopsFlag => ({ name: `rm-${name}`, type: "text", help: `remove ${what}, comma-separated` }),
);
/** The flags by which `rotate` changes who can read the file. */
export const keyChanges: readonly SopsFlag[] = [...keysToAdd, ...keysToRemove];

const keysOfGroup = keyTypes.map(
  ({ name, what }): SopsFlag => ({ name, type: "list", help: `${what} of the new group; repeatable` }),
);

/** Which values are encrypted. The comment rules stand for themselves: in 3.11 the commands do not have them. */
const selection: readonly SopsFlag[] = [
  { name: "unencrypted-suffix", type: "text", help: "leave clear what is under a key with this ending" },
  { name: "encrypted-suffix", type: "text", help: "encrypt only what is under a key with this ending" },
  { name: "unencrypted-regex", type: "text", help: "leave clear what is under a key that matches" },
  { name: "encrypted-regex", type: "text", help: "encrypt only what is under a key that matches" },
  { name: "unencrypted-comment-regex", type: "text", help: "leave clear what a matching comment precedes" },
  { name: "encrypted-comment-regex", type: "text", help: "encrypt only what a matching comment precedes" },
];

const types = [inputType, outputType];

export const encryptFlags = [
  inPlace,
  output,
  ...keys,
  ...types,
  ...selection,
  encryptionContext,
  threshold,
  filenameOverride,
  ...keyServices,
];
export const decryptFlags = [
  inPlace,
  extract,
  output,
  ...types,
  ignoreMac,
  filenameOverride,
  decryptionOrder,
  ...keyServices,
];
export const editFlags = [
  ...keys,
  ...types,
  ...selection,
  encryptionContext,
  threshold,
  showMasterKeys,
  ignoreMac,
  decryptionOrder,
  ...keyServices,
];
export const rotateFlags = [
  inPlace,
  output,
  ...types,
  encryptionContext,
  ...keyChanges,
  filenameOverride,
  decryptionOrder,
  ...keyServices,
];
const changeFlags = [...types, threshold, ignoreMac, decryptionOrder, idempotent, ...keyServices];
export const setFlags: readonly SopsFlag[] = [
  ...changeFlags,
  { name: "value-file", type: "switch", help: "VALUE is the name of a file that holds it" },
  { name: "value-stdin", type: "switch", help: "read the value from standard input" },
];
export const unsetFlags = changeFlags;
export const updatekeysFlags = [yes, inputType, ...keyServices];
const groupFlags = [file, inPlace, threshold, ...keyServices];
export const groupsAddFlags = [...groupFlags, ...keysOfGroup, awsProfile, encryptionContext];
export const groupsDeleteFlags = groupFlags;
export const filestatusFlags = [inputType];
export const execEnvFlags: readonly SopsFlag[] = [
  background,
  { name: "pristine", type: "switch", help: "run the command with the decrypted values as its whole environment" },
  user,
  { name: "same-process", type: "switch", help: "run the command in the place of this process" },
  decryptionOrder,
  ...keyServices,
];
export const execFileFlags: readonly SopsFlag[] = [
  background,
  { name: "no-fifo", type: "switch", help: "use a regular file instead of a named pipe" },
  user,
  ...types,
  { name: "filename", type: "text", help: "name of the temporary file" },
  decryptionOrder,
  ...keyServices,
];
export const publishFlags: readonly SopsFlag[] = [
  yes,
  { name: "omit-extensions", type: "switch", help: "publish under the name without its extension" },
  { name: "recursive", type: "switch", help: "publish everything in a directory" },
  verbose,
  decryptionOrder,
  ...keyServices,
];
export const keyserviceFlags: readonly SopsFlag[] = [
  { name: "network", alias: "net", type: "text", standard: "tcp", help: "tcp or unix; default: tcp" },
  {
    name: "address",
    alias: "addr",
    type: "text",
    standard: "127.0.0.1:5000",
    help: "HOST:PORT, or the path of a socket; default: 127.0.0.1:5000",
  },
  { name: "prompt", type: "switch", help: "ask before a key is used" },
  verbose,
  { name: "allow-remote", type: "switch", help: "listen where other machines can reach it, too (not in sops)" },
];

/** Flags in front of any command. Those of commands are here too, for the line without one: `sops -d FILE`. */
export const rootFlags: readonly SopsFlag[] = [
  { name: "decrypt", alias: "d", type: "switch", help: "decrypt FILE" },
  { name: "encrypt", alias: "e", type: "switch", help: "encrypt FILE" },
  { name: "rotate", alias: "r", type: "switch", help: "encrypt FILE anew with a new data key" },
  {
    name: "disable-version-check",
    type: "switch",
    env: "SOPS_DISABLE_VERSION_CHECK",
    help: "accepted: no version is looked up",
  },
  { name: "check-for-updates", type: "switch", help: "accepted: no version is looked up" },
  ...keys,
  inPlace,
  extract,
  ...types,
  showMasterKeys,
  ...keyChanges,
  ignoreMac,
  { name: "mac-only-encrypted", type: "switch", help: "leave clear values out of the MAC" },
  ...selection,
  { name: "config", type: "text", env: "SOPS_CONFIG", help: "configuration instead of the nearest .sops.yaml" },
  encryptionContext,
  { name: "set", type: "text", help: `set a value: '["db"]["port"] 5432'` },
  threshold,
  { name: "indent", type: "number", help: "blanks a level in YAML and JSON" },
  verbose,
  output,
  filenameOverride,
  decryptionOrder,
  ...keyServices,
  { name: "version", alias: "v", type: "switch", help: "print the version" },
];

/** Known to every command. */
export const helpFlag: SopsFlag = { name: "help", alias: "h", type: "switch", help: "show this help" };
