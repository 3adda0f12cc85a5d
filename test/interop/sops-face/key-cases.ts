import { alice, bob } from "../../support/sops.ts";
import { type FaceCase, type Sealed, sealed } from "./case.ts";

/** Command lines about keys other than age's, which are made when the tests run. */

/** Two of each type. */
export interface Keys {
  readonly pgp: readonly [string, string];
  readonly kms: readonly [string, string];
  /** URIs of a transit engine. */
  readonly vault: readonly [string, string];
}

export interface KeyCase {
  readonly name: string;
  make(keys: Keys): Omit<FaceCase, "name">;
}

const PLAIN = "a: one\nb:\n    c: 2\n";
const NOBODY = "0000000000000000000000000000000000000000";

/** The types, with their flags and variables. */
const types = [
  { type: "pgp", flag: "--pgp", variable: "SOPS_PGP_FP", rule: "pgp" },
  { type: "kms", flag: "--kms", variable: "SOPS_KMS_ARN", rule: "kms" },
  {
    type: "vault",
    flag: "--hc-vault-transit",
    variable: "SOPS_VAULT_URIS",
    rule: "hc_vault_transit_uri",
  },
] as const;

const withoutAge = { SOPS_AGE_KEY: undefined };

const ofEachType: KeyCase[] = types.flatMap(({ type, flag, variable, rule }): KeyCase[] => {
  const to = (keys: Keys, ...more: string[]): Sealed => sealed(PLAIN, "f.yaml", flag, keys[type][0], ...more);
  const toAlice = sealed(PLAIN, "f.yaml");
  const word = flag.slice(2);
  return [
    {
      name: `${type}: encrypt by flag`,
      make: ({ [type]: [one] }) => ({ argv: ["encrypt", flag, one, "f.yaml"], files: { "f.yaml": PLAIN } }),
    },
    {
      name: `${type}: encrypt to two, in place`,
      make: ({ [type]: both }) => ({
        argv: ["encrypt", "-i", flag, both.join(","), "f.yaml"],
        files: { "f.yaml": PLAIN },
      }),
    },
    {
      name: `${type}: encrypt by variable`,
      make: ({ [type]: [one] }) => ({
        argv: ["-e", "f.yaml"],
        files: { "f.yaml": PLAIN },
        env: { [variable]: one },
      }),
    },
    {
      name: `${type}: encrypt by rule, with age`,
      make: ({ [type]: [one] }) => ({
        argv: ["encrypt", "f.yaml"],
        files: {
          "f.yaml": PLAIN,
          ".sops.yaml": `creation_rules:\n  - ${rule}: ${one}\n    age: ${alice.recipient}\n`,
        },
      }),
    },
    {
      name: `${type}: decrypt`,
      make: (keys) => ({ argv: ["decrypt", "e.yaml"], files: { "e.yaml": to(keys) }, env: withoutAge }),
    },
    {
      name: `${type}: decrypt a value, the type first in the order`,
      make: (keys) => ({
        argv: [
          "decrypt",
          "--decryption-order",
          `${type === "vault" ? "hc_vault" : type},age`,
          "--extract",
          '["a"]',
          "e.yaml",
        ],
        files: { "e.yaml": to(keys, "--age", alice.recipient) },
      }),
    },
    {
      name: `${type}: decrypt with the age key beside`,
      make: (keys) => ({ argv: ["decrypt", "e.yaml"], files: { "e.yaml": to(keys, "--age", alice.recipient) } }),
    },
    {
      name: `${type}: set`,
      make: (keys) => ({
        argv: ["set", "e.yaml", '["a"]', '"two"'],
        files: { "e.yaml": to(keys) },
        env: withoutAge,
      }),
    },
    {
      name: `${type}: unset`,
      make: (keys) => ({ argv: ["unset", "e.yaml", '["a"]'], files: { "e.yaml": to(keys) }, env: withoutAge }),
    },
    {
      name: `${type}: exec-env`,
      make: (keys) => ({
        argv: ["exec-env", "e.env", "echo $A"],
        files: { "e.env": sealed("A=b\n", "f.env", flag, keys[type][0]) },
        env: withoutAge,
      }),
    },
    {
      name: `${type}: filestatus`,
      make: (keys) => ({ argv: ["filestatus", "e.yaml"], files: { "e.yaml": to(keys) }, env: withoutAge }),
    },
    {
      name: `${type}: rotate`,
      make: (keys) => ({ argv: ["rotate", "-i", "e.yaml"], files: { "e.yaml": to(keys) }, env: withoutAge }),
    },
    {
      name: `${type}: rotate adds one`,
      make: (keys) => ({
        argv: ["rotate", "-i", `--add-${word}`, keys[type][0], "e.yaml"],
        files: { "e.yaml": toAlice },
      }),
    },
    {
      name: `${type}: rotate removes one`,
      make: (keys) => ({
        argv: ["rotate", "-i", `--rm-${word}`, keys[type][1], "e.yaml"],
        files: { "e.yaml": sealed(PLAIN, "f.yaml", flag, keys[type].join(",")) },
      }),
    },
    {
      name: `${type}: rotate to standard output, adds and removes`,
      make: (keys) => ({
        argv: ["-r", `--add-${word}`, keys[type][1], `--rm-${word}`, keys[type][0], "e.yaml"],
        files: { "e.yaml": to(keys) },
      }),
    },
    {
      name: `${type}: updatekeys adds one`,
      make: (keys) => ({
        argv: ["updatekeys", "--yes", "e.yaml"],
        files: {
          "e.yaml": toAlice,
          ".sops.yaml": `creation_rules:\n  - ${rule}: ${keys[type][0]}\n    age: ${alice.recipient}\n`,
        },
      }),
    },
    {
      name: `${type}: updatekeys removes one`,
      make: (keys) => ({
        argv: ["updatekeys", "--yes", "e.yaml"],
        files: {
          "e.yaml": sealed(PLAIN, "f.yaml", flag, keys[type].join(",")),
          ".sops.yaml": `creation_rules:\n  - ${rule}: ${keys[type][1]}\n`,
        },
      }),
    },
    {
      name: `${type}: groups add`,
      make: (keys) => ({
        argv: ["groups", "add", "-i", "--file", "e.yaml", flag, keys[type][0]],
        files: { "e.yaml": toAlice },
      }),
    },
    {
      name: `${type}: in JSON`,
      make: ({ [type]: [one] }) => ({ argv: ["encrypt", flag, one, "f.json"], files: { "f.json": '{"a": "b"}' } }),
    },
    {
      name: `${type}: in INI`,
      make: ({ [type]: [one] }) => ({ argv: ["encrypt", flag, one, "f.ini"], files: { "f.ini": "[a]\nb = c\n" } }),
    },
    {
      name: `${type}: in dotenv`,
      make: ({ [type]: [one] }) => ({ argv: ["encrypt", flag, one, "f.env"], files: { "f.env": "A=b\n" } }),
    },
  ];
});

const groups = ({ pgp: [pgp], kms: [arn], vault: [uri] }: Keys, threshold: number): string => {
  const [, address = "", engine = "", key = ""] = /^(.*)\/v1\/(.*)\/keys\/(.*)$/.exec(uri) ?? [];
  return `creation_rules:
  - shamir_threshold: ${threshold}
    key_groups:
      - age: [${alice.recipient}]
      - pgp: [${pgp}]
        kms: [{arn: "${arn}"}]
      - hc_vault: ["${address}/v1/${engine}/keys/${key}"]
`;
};

const others: KeyCase[] = [
  {
    name: "groups of all types",
    make: (keys) => ({
      argv: ["encrypt", "f.yaml"],
      files: { "f.yaml": PLAIN, ".sops.yaml": groups(keys, 2) },
    }),
  },
  {
    name: "groups of all types, in place, all needed",
    make: (keys) => ({
      argv: ["encrypt", "-i", "f.yaml"],
      files: { "f.yaml": PLAIN, ".sops.yaml": groups(keys, 3) },
    }),
  },
  {
    name: "updatekeys to groups",
    make: (keys) => ({
      argv: ["updatekeys", "-y", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml"), ".sops.yaml": groups(keys, 0) },
    }),
  },
  {
    name: "all types in one line",
    make: ({ pgp, kms, vault }) => ({
      argv: [
        "encrypt",
        "--age",
        `${alice.recipient},${bob.recipient}`,
        "--pgp",
        pgp.join(","),
        "--kms",
        kms.join(","),
        "--hc-vault-transit",
        vault.join(","),
        "f.yaml",
      ],
      files: { "f.yaml": PLAIN },
    }),
  },
  {
    name: "a flag takes the place of a variable of another type",
    make: ({ pgp: [one], kms: [arn] }) => ({
      argv: ["encrypt", "--pgp", one, "f.yaml"],
      files: { "f.yaml": PLAIN },
      env: { SOPS_KMS_ARN: arn },
    }),
  },
  {
    name: "a flag takes the place of the rule",
    make: ({ pgp: [one] }) => ({
      argv: ["encrypt", "--pgp", one, "f.yaml"],
      files: { "f.yaml": PLAIN, ".sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\n` },
    }),
  },
  {
    name: "kms: a context",
    make: ({ kms: [arn] }) => ({
      argv: ["encrypt", "--kms", arn, "--encryption-context", "Env:prod,App:x", "f.yaml"],
      files: { "f.yaml": PLAIN },
    }),
  },
  {
    name: "kms: a context that is none",
    make: ({ kms: [arn] }) => ({
      argv: ["encrypt", "--kms", arn, "--encryption-context", "Env", "f.yaml"],
      files: { "f.yaml": PLAIN },
    }),
  },
  {
    name: "kms: a file with a context",
    make: ({ kms: [arn] }) => ({
      argv: ["decrypt", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--kms", arn, "--encryption-context", "Env:prod") },
      env: withoutAge,
    }),
  },
  {
    name: "kms: rotate adds one with a context",
    make: ({ kms: [arn] }) => ({
      argv: ["rotate", "--add-kms", arn, "--encryption-context", "Env:prod", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml") },
    }),
  },
  {
    name: "kms: a key that is not there",
    make: ({ kms: [arn] }) => ({
      argv: ["encrypt", "--kms", arn.replace(/[^/]*$/, "00000000-0000-0000-0000-000000000000"), "f.yaml"],
      files: { "f.yaml": PLAIN },
    }),
  },
  {
    name: "kms: what is no ARN",
    make: () => ({ argv: ["encrypt", "--kms", "key/1", "f.yaml"], files: { "f.yaml": PLAIN } }),
  },
  {
    name: "kms: nobody answers",
    make: ({ kms: [arn] }) => ({
      argv: ["decrypt", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--kms", arn) },
      env: { ...withoutAge, AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" },
    }),
  },
  {
    name: "pgp: a key that is not in the keyring",
    make: () => ({ argv: ["encrypt", "--pgp", NOBODY, "f.yaml"], files: { "f.yaml": PLAIN } }),
  },
  {
    name: "pgp: no keyring",
    make: ({ pgp: [one] }) => ({
      argv: ["decrypt", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--pgp", one) },
      env: { ...withoutAge, GNUPGHOME: "/nonexistent" },
    }),
  },
  {
    name: "pgp: a fingerprint in small letters",
    make: ({ pgp: [one] }) => ({
      argv: ["encrypt", "--pgp", one.toLowerCase(), "f.yaml"],
      files: { "f.yaml": PLAIN },
    }),
  },
  {
    name: "pgp: edit without an editor",
    make: ({ pgp: [one] }) => ({
      argv: ["edit", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--pgp", one) },
      env: { ...withoutAge, EDITOR: "false" },
    }),
  },
  {
    name: "pgp: edit",
    make: ({ pgp: [one] }) => ({
      argv: ["e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--pgp", one) },
      env: { ...withoutAge, EDITOR: "sed -i s/one/two/" },
    }),
  },
  {
    name: "vault: a key that is not there",
    make: ({ vault: [uri] }) => ({
      argv: ["decrypt", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--hc-vault-transit", uri) },
      env: { ...withoutAge, VAULT_TOKEN: "wrong" },
    }),
  },
  {
    name: "vault: what is no URI",
    make: () => ({ argv: ["encrypt", "--hc-vault-transit", "transit/keys/x", "f.yaml"], files: { "f.yaml": PLAIN } }),
  },
  {
    name: "vault: a server that is not on the list",
    make: ({ vault: [uri] }) => ({
      argv: ["decrypt", "e.yaml"],
      files: { "e.yaml": sealed(PLAIN, "f.yaml", "--hc-vault-transit", uri) },
      env: withoutAge,
    }),
  },
];

export const keyCases: readonly KeyCase[] = [...ofEachType, ...others];
