import { selectionKinds } from "../document/selection.ts";
import { alphabets } from "./generate-text.ts";

/** The flags of the commands, as rows: what splits a command line, what fills the help and what commander parses. */

export interface Flag {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** A second long name. */
  readonly alias?: string;
  /** What its value is called in the help; absent: it takes none. */
  readonly value?: string;
  /** Given several times, the values add up with commas between. */
  readonly isList?: boolean;
  /** Given several times, the values add up with NUL characters between, which no argument can have in it. */
  readonly isRepeated?: boolean;
  /** Switched on unless it is `--name=false`; its value is then `true` or `false`. */
  readonly isOnByDefault?: boolean;
  /** It is about many files. */
  readonly isForMany?: boolean;
  readonly help: string;
  /** Heading it stands under in the help. */
  readonly group: string;
}

const OUTPUT = "Output:";
const ALPHABETS = [...alphabets.keys()].join(", ");
const VALUE = "Where the value comes from:";
const FORMAT = "Format:";
const RECIPIENTS = "Recipients (instead of those of .sops.yaml):";
const SELECTION = "Which values (instead of what .sops.yaml says):";
const LISTENING = "Where to listen:";
const VARIABLES = "Variables:";
const CHANGES = "Recipients to add or remove:";
const NEW_GROUP = "Recipients of the new group:";
const OTHER = "Other:";

/** Of every command that wraps or unwraps data keys. */
export const keyServiceFlags: readonly Flag[] = [
  {
    name: "keyservice",
    value: "ADDRESS",
    isList: true,
    group: OTHER,
    help:
      "ask this key service for what the keys at hand do not open, or cannot be encrypted to: unix:///PATH or " +
      "tcp://HOST:PORT; can be given several times [env: SOPS_KEYSERVICE]",
  },
  {
    name: "enable-local-keyservice",
    isOnByDefault: true,
    group: OTHER,
    help: "use the keys at hand; with =false only those of key services [env: SOPS_ENABLE_LOCAL_KEYSERVICE]",
  },
];

const common: readonly Flag[] = [
  {
    name: "in-place",
    short: "i",
    group: OUTPUT,
    help: "write the result over the file; of many files, and all files of folders and patterns, all of them or none",
  },
  {
    name: "all",
    isForMany: true,
    group: OUTPUT,
    help: "with --in-place: what git tracks in the whole repository; to encrypt, what a rule with path_regex names of it",
  },
  {
    name: "dry-run",
    isForMany: true,
    group: OUTPUT,
    help: "with --in-place: print what would be done, one line a file, and write nothing",
  },
  { name: "output", short: "o", value: "FILE", group: OUTPUT, help: "write the result to FILE" },
  {
    name: "input-type",
    alias: "type",
    value: "FORMAT",
    group: FORMAT,
    help: "yaml, json, dotenv, ini, toml or binary; default: by the file's name, and by content where the name does not tell",
  },
  {
    name: "output-type",
    alias: "as",
    value: "FORMAT",
    group: FORMAT,
    help: "format of the result; default: that of the input",
  },
  {
    name: "filename-override",
    value: "NAME",
    group: FORMAT,
    help: "go by this name instead of the file's, for the format and for the rule in .sops.yaml",
  },
  {
    name: "indent",
    value: "N",
    group: FORMAT,
    help: "blanks a level where the result is printed anew (another format, or a part)",
  },
  {
    name: "config",
    value: "FILE",
    group: OTHER,
    help: "configuration instead of the nearest .sops.yaml [env: SOPS_CONFIG]",
  },
  ...keyServiceFlags,
];

/** About the keys that are asked, whoever asks them. */
const keyTimeout: Flag = {
  name: "key-timeout",
  value: "SECONDS",
  group: OTHER,
  help: "how long each key behind a network is waited for; default: 30 [env: KEYLEAF_KEY_TIMEOUT]",
};
const ignoreMac: Flag = {
  name: "ignore-mac",
  group: OTHER,
  help: "do not check the MAC: what comes out may have been tampered with",
};
const decryptionOrder: Flag = {
  name: "decryption-order",
  value: "TYPES",
  group: OTHER,
  help: "key types in the order in which they are tried; default: age,pgp, then the others [env: SOPS_DECRYPTION_ORDER]",
};

/** Flags that name recipients. The key provider of the same flag reads the value. */
export const keyFlags: readonly Flag[] = [
  keyFlag("age", "RECIPIENTS", "age recipients, comma-separated [env: SOPS_AGE_RECIPIENTS]", "a"),
  keyFlag("kms", "ARNS", "AWS KMS keys, comma-separated: ARN or ARN+ROLE [env: SOPS_KMS_ARN]", "k"),
  keyFlag("gcp-kms", "IDS", "GCP KMS keys, comma-separated: resource IDs [env: SOPS_GCP_KMS_IDS]"),
  keyFlag("hckms", "IDS", "HuaweiCloud KMS keys: REGION:UUID [env: SOPS_HUAWEICLOUD_KMS_IDS]"),
  keyFlag("azure-kv", "URLS", "Azure Key Vault keys, comma-separated: URLs [env: SOPS_AZURE_KEYVAULT_URLS]"),
  keyFlag("pgp", "FINGERPRINTS", "PGP keys by fingerprint, comma-separated [env: SOPS_PGP_FP]", "p"),
  keyFlag(
    "hc-vault-transit",
    "URIS",
    "Vault or OpenBao transit keys: https://HOST:8200/v1/transit/keys/NAME [env: SOPS_VAULT_URIS]",
  ),
];

function keyFlag(name: string, value: string, help: string, short?: string): Flag {
  return { name, value, help, isList: true, group: RECIPIENTS, ...(short === undefined ? {} : { short }) };
}

const selectionHelp = {
  unencrypted_suffix: "leave clear what is under a key with this ending; default: _unencrypted",
  encrypted_suffix: "encrypt only what is under a key with this ending",
  unencrypted_regex: "leave clear what is under a key that matches",
  encrypted_regex: "encrypt only what is under a key that matches",
  unencrypted_comment_regex: "leave clear what a matching comment precedes",
  encrypted_comment_regex: "encrypt only what a matching comment precedes",
} as const;

/** The six selection rules as flags: `encrypted-regex` for `encrypted_regex`. */
export const selectionFlags = selectionKinds.map((kind) => ({
  kind,
  name: kind.replaceAll("_", "-"),
  value: kind.endsWith("suffix") ? "SUFFIX" : "REGEX",
  group: SELECTION,
  help: selectionHelp[kind],
}));

/** For the AWS keys that other flags, or flat rules, name. */
const awsProfile: Flag = {
  name: "aws-profile",
  value: "NAME",
  group: RECIPIENTS,
  help: "AWS profile of all --kms keys",
};
const encryptionContext: Flag = {
  name: "encryption-context",
  value: "PAIRS",
  group: RECIPIENTS,
  help: "AWS encryption context of all --kms keys: name:value,name2:value2",
};
const threshold: Flag = {
  name: "shamir-secret-sharing-threshold",
  value: "N",
  group: RECIPIENTS,
  help: "key groups needed to decrypt; default: all",
};

export const encryptFlags: readonly Flag[] = [
  ...common.filter(({ group }) => group !== OTHER),
  ...keyFlags,
  awsProfile,
  encryptionContext,
  threshold,
  ...selectionFlags,
  {
    name: "fresh",
    group: OUTPUT,
    help: "with --output or --in-place: keep nothing of an earlier encrypted version",
  },
  { name: "mac-only-encrypted", group: SELECTION, help: "leave clear values out of the MAC" },
  keyTimeout,
  ...common.filter(({ group }) => group === OTHER),
];

/** For every command that decrypts. */
export const trustFlag: Flag = {
  name: "trust-endpoint",
  value: "URL",
  isList: true,
  group: OTHER,
  help: "a server that a file may name for its key (Vault, Azure), beside those of .sops.yaml and VAULT_ADDR; repeatable",
};

export const decryptFlags: readonly Flag[] = [
  ...common.filter(({ group }) => group !== OTHER),
  { name: "get", value: "PATH", group: OUTPUT, help: "give one value (or a part) only, for example db.hosts[0]" },
  { name: "extract", value: "PATH", group: OUTPUT, help: `the same in the spelling of sops: '["db"]["hosts"][0]'` },
  ignoreMac,
  decryptionOrder,
  keyTimeout,
  trustFlag,
  ...common.filter(({ group }) => group === OTHER),
];

/** Of `enc get`, which decrypts one value, so neither over the file nor many. */
export const getFlags: readonly Flag[] = decryptFlags.filter(
  ({ name, isForMany }) => isForMany !== true && !["in-place", "get", "extract"].includes(name),
);

/** Of commands that change one value of an encrypted file. */
const valueFlags: readonly Flag[] = [
  ...common.filter(({ name }) => ["input-type", "filename-override"].includes(name)),
  { ...ignoreMac, help: "do not check the MAC; the file gets a new one over whatever is in it" },
  decryptionOrder,
  keyTimeout,
  trustFlag,
  ...keyServiceFlags,
];

export const setFlags: readonly Flag[] = [
  { name: "string", group: VALUE, help: "VALUE is text as it is, not JSON" },
  {
    name: "value-stdin",
    group: VALUE,
    help: "read it from standard input, so that it is not in the list of processes",
  },
  { name: "value-file", value: "FILE", group: VALUE, help: "read it from FILE" },
  {
    name: "generate",
    value: "N[:ALPHABET]",
    group: VALUE,
    help: `make a random text of N characters, and do not show it; ALPHABET is ${ALPHABETS} or the characters themselves; default: alnum`,
  },
  ...valueFlags,
];

export const unsetFlags: readonly Flag[] = valueFlags;

/** Headings of what is for a file that is not there yet. */
const editGroups: ReadonlyMap<string, string> = new Map([
  [RECIPIENTS, "Recipients of a new file (instead of those of .sops.yaml):"],
  [SELECTION, "Which values of a new file (instead of what .sops.yaml says):"],
]);

/** Of a result that goes somewhere else than over the file. */
const elsewhere: ReadonlySet<string> = new Set(["in-place", "all", "dry-run", "output", "indent", "fresh"]);

export const editFlags: readonly Flag[] = [
  ...encryptFlags
    .filter(({ name }) => !elsewhere.has(name))
    .map((flag) => (flag.name === "output-type" ? { ...flag, help: "accepted if it is the format of the file" } : flag))
    .map((flag) => ({ ...flag, group: editGroups.get(flag.group) ?? flag.group })),
  ignoreMac,
  decryptionOrder,
  trustFlag,
];

/** Of every command that gives the data key of a file to others. */
const rekeyFlags: readonly Flag[] = [
  ignoreMac,
  decryptionOrder,
  keyTimeout,
  trustFlag,
  ...common.filter(({ group }) => group === OTHER),
];
const keepUnlisted: Flag = {
  name: "keep-unlisted",
  group: OTHER,
  help: "let also those recipients of the file read on that its rule in .sops.yaml does not name",
};

/** Common flags by name, with another help where there is one. */
function commonFlags(names: Readonly<Record<string, string | null>>): Flag[] {
  return common
    .filter(({ name }) => name in names)
    .map((flag) => {
      const help = names[flag.name];
      return help == null ? flag : { ...flag, help };
    });
}

const ofEncrypted = "yaml, json, dotenv, ini, toml or binary; default: by name and content";

/** What is added has the prefix `add-`, what is removed `rm-`. */
export const changeFlags: readonly (Flag & { readonly change: "add" | "rm"; readonly of: string })[] = keyFlags.flatMap(
  (flag) =>
    (["add", "rm"] as const).map((change) => {
      const { short: _, ...rest } = flag;
      const help = change === "add" ? `to the first group: ${withoutEnv(flag)}` : "from all groups: the same";
      return { ...rest, name: `${change}-${flag.name}`, help, group: CHANGES, change, of: flag.name };
    }),
);

function withoutEnv({ help }: Flag): string {
  return help.replace(/ \[env: .*\]$/, "");
}

export const rotateFlags: readonly Flag[] = [
  ...commonFlags({
    "in-place": null,
    all: "with --in-place: what is encrypted of all that git tracks",
    "dry-run": null,
    output: null,
    "input-type": ofEncrypted,
    "filename-override": null,
  }),
  ...changeFlags,
  { ...awsProfile, group: CHANGES, help: "AWS profile of the kms keys to add or remove" },
  { ...encryptionContext, group: CHANGES, help: "AWS encryption context of the kms keys to add or remove" },
  { ...threshold, group: CHANGES, help: "key groups needed to decrypt; default: as many as before" },
  keepUnlisted,
  ...rekeyFlags,
];

export const updatekeysFlags: readonly Flag[] = [
  {
    name: "yes",
    short: "y",
    group: OUTPUT,
    help: "do not ask: do what the plan says",
  },
  ...commonFlags({
    all: "what is encrypted of all that git tracks",
    "dry-run": "print the plan, and change nothing",
    "input-type": ofEncrypted,
  }),
  { ...encryptionContext, group: OTHER, help: "AWS encryption context of kms keys that a rule names flat" },
  ...rekeyFlags,
];

const ofGroup: readonly Flag[] = [
  { name: "file", short: "f", value: "FILE", group: OUTPUT, help: "the encrypted file" },
  ...commonFlags({ "in-place": "write the result over the file", output: null, "input-type": ofEncrypted }),
];

export const groupsAddFlags: readonly Flag[] = [
  ...ofGroup,
  ...keyFlags.map((flag) => ({ ...flag, help: withoutEnv(flag), group: NEW_GROUP })),
  { ...awsProfile, group: NEW_GROUP },
  { ...encryptionContext, group: NEW_GROUP },
  { ...threshold, group: OTHER, help: "key groups needed to decrypt; default: as before, of a second group both" },
  keepUnlisted,
  ...rekeyFlags,
];

export const groupsDeleteFlags: readonly Flag[] = [
  ...ofGroup,
  { ...threshold, group: OTHER, help: "key groups needed to decrypt; default: as before" },
  keepUnlisted,
  ...rekeyFlags,
];

export const recipientsListFlags: readonly Flag[] = [
  ...commonFlags({ all: "what is encrypted of all that git tracks", "input-type": ofEncrypted }),
  { name: "json", group: OUTPUT, help: "print JSON: a list of files with their key groups" },
  ...common.filter(({ name }) => name === "config"),
];

export const filestatusFlags: readonly Flag[] = common.filter(({ name }) => name === "input-type");

export const keygenFlags: readonly Flag[] = [
  {
    name: "output",
    short: "o",
    value: "FILE",
    group: OUTPUT,
    help: "write the identity to FILE (- is standard output)",
  },
];

/** Of a command that decrypts for another program: about the keys, and whom to ask. */
const openingFlags: readonly Flag[] = [decryptionOrder, keyTimeout, trustFlag, ...keyServiceFlags];
const inputType = common.filter(({ name }) => name === "input-type");

export const execFlags: readonly Flag[] = [
  {
    name: "file",
    short: "f",
    value: "FILE",
    isRepeated: true,
    group: VARIABLES,
    help: "an encrypted file; can be given several times, and of values of one name the last one counts",
  },
  {
    name: "flatten",
    group: VARIABLES,
    help: "what is in lists and mappings too, with the keys joined by _: db_hosts_0",
  },
  {
    name: "only",
    value: "NAMES",
    isList: true,
    group: VARIABLES,
    help: "these values only, comma-separated, by their names without --prefix; * stands for any characters",
  },
  { name: "prefix", value: "TEXT", group: VARIABLES, help: "put this in front of every name" },
  {
    name: "allow",
    value: "NAMES",
    isList: true,
    group: VARIABLES,
    help: "variables that are otherwise kept from the program: those that can make it run other code (PATH, LD_PRELOAD, NODE_OPTIONS), and your own SOPS_AGE_KEY and the like",
  },
  {
    name: "pristine",
    group: VARIABLES,
    help: "nothing else of your environment than PATH, HOME, USER, LOGNAME, SHELL, TERM, COLORTERM, TZ, LANG, LC_* and TMPDIR",
  },
  {
    name: "redact",
    group: OUTPUT,
    help: "put *** for the values in what the program prints, which then has no terminal to print to",
  },
  ...inputType,
  ...openingFlags,
];

const user: Flag = {
  name: "user",
  value: "NAME",
  group: OTHER,
  help: "run the command as this user, with that user's groups; the file is decrypted before",
};
const background: Flag = { name: "background", group: OTHER, help: "do not wait for the command (deprecated)" };

export const execEnvFlags: readonly Flag[] = [
  { name: "pristine", group: VARIABLES, help: "nothing of your environment, not even PATH" },
  user,
  { name: "same-process", group: OTHER, help: "end as the command does, also when a signal ends it" },
  background,
  ...openingFlags,
];

export const execFileFlags: readonly Flag[] = [
  { name: "no-fifo", group: OUTPUT, help: "offer a file instead of a named pipe" },
  { name: "filename", value: "NAME", group: OUTPUT, help: "name of the file or pipe; default: tmp-file" },
  ...common.filter(({ name }) => name === "input-type" || name === "output-type"),
  user,
  { ...background, help: "refused: the file would be gone before the command could read it" },
  ...openingFlags,
];

export const keyserviceCommandFlags: readonly Flag[] = [
  {
    name: "network",
    alias: "net",
    value: "NETWORK",
    group: LISTENING,
    help: "unix or tcp; default: unix, under the name sops tcp",
  },
  {
    name: "address",
    alias: "addr",
    value: "ADDRESS",
    group: LISTENING,
    help: "path of the socket (default: one in a private folder), or HOST:PORT (default: 127.0.0.1:5000)",
  },
  {
    name: "allow-remote",
    group: LISTENING,
    help: "let tcp listen where other machines can reach it: without TLS, and without asking who they are",
  },
  { name: "prompt", group: OTHER, help: "ask at this terminal before a key is used" },
  trustFlag,
  { name: "verbose", group: OTHER, help: "print a line for every request" },
];

export const publishFlags: readonly Flag[] = [
  { name: "recursive", group: OUTPUT, help: "publish the encrypted files of a folder, at any depth" },
  { name: "omit-extensions", group: OUTPUT, help: "call files there without their last extension" },
  { name: "dry-run", group: OUTPUT, help: "print what would go where, and publish nothing" },
  { name: "yes", short: "y", group: OUTPUT, help: "do not ask before anything is published" },
  decryptionOrder,
  keyTimeout,
  trustFlag,
  ...common.filter(({ group }) => group === OTHER),
];
