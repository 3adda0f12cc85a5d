import { alice, bob } from "../../support/sops.ts";
import { type FaceCase, sealed } from "./case.ts";
import { BYTES, DOTENV, FLAT_JSON, formats, INI, JSON_TEXT, TEXT, TWO_DOCUMENTS, YAML } from "./plain.ts";

/** `sops encrypt`, and what `.sops.yaml` says to it. */

const toAlice = ["--age", alice.recipient];
const yaml = { "f.yaml": YAML };
const types = ["yaml", "json", "dotenv", "ini", "binary"] as const;

const everyFormat: FaceCase[] = formats.flatMap(({ name, plain, type }): FaceCase[] => {
  const files = { [name]: plain };
  return [
    { name: `encrypt ${type} to standard output`, argv: ["encrypt", ...toAlice, name], files },
    { name: `encrypt ${type} in place`, argv: ["encrypt", "-i", ...toAlice, name], files },
    { name: `encrypt ${type} to a file`, argv: ["encrypt", name, ...toAlice, "--output", "out"], files },
    {
      name: `encrypt ${type} by the environment`,
      argv: ["encrypt", name],
      files,
      env: { SOPS_AGE_RECIPIENTS: alice.recipient },
    },
    {
      name: `encrypt ${type} from standard input`,
      argv: ["encrypt", ...toAlice, "--filename-override", name],
      stdin: plain,
    },
    {
      name: `encrypt ${type} from /dev/stdin, by type`,
      argv: ["encrypt", ...toAlice, "--input-type", type, "--output-type", type, "/dev/stdin"],
      stdin: plain,
    },
    {
      name: `encrypt ${type} by a rule`,
      argv: ["encrypt", name],
      files: { ...files, ".sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\n` },
    },
    { name: `encrypt ${type} with nobody to read it`, argv: ["encrypt", name], files },
    {
      name: `encrypt ${type} that is encrypted`,
      argv: ["encrypt", ...toAlice, name],
      files: { [name]: sealed(plain, name) },
      ...(type === "binary" ? { differs: "binary-twice" } : {}),
    },
    ...types
      .filter((other) => other !== type)
      .map(
        (other): FaceCase => ({
          name: `encrypt ${type} as ${other}`,
          argv: ["encrypt", ...toAlice, "--output-type", other, name],
          files,
        }),
      ),
  ];
});

const selections: FaceCase[] = [
  ["encrypted-regex", "^(a|m)$"],
  ["unencrypted-regex", "^(a|m)$"],
  ["encrypted-suffix", "k"],
  ["unencrypted-suffix", "k"],
].flatMap(([flag, pattern]): FaceCase[] => {
  const key = `${flag}`.replace("-", "_");
  return [
    {
      name: `encrypt yaml with --${flag}`,
      argv: ["encrypt", ...toAlice, `--${flag}`, `${pattern}`, "f.yaml"],
      files: yaml,
    },
    {
      name: `encrypt json with --${flag}`,
      argv: ["encrypt", ...toAlice, `--${flag}`, `${pattern}`, "f.json"],
      files: { "f.json": JSON_TEXT },
    },
    {
      name: `encrypt yaml with ${key} of a rule`,
      argv: ["encrypt", "f.yaml"],
      files: { ...yaml, ".sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\n    ${key}: ${pattern}\n` },
    },
    {
      name: `encrypt yaml with --${flag} over that of a rule`,
      argv: ["encrypt", `--${flag}`, "^n|a$", "f.yaml"],
      files: { ...yaml, ".sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\n    ${key}: ${pattern}\n` },
      ...(`${flag}`.startsWith("encrypted-suffix") ? { differs: "nothing-encrypted" } : {}),
    },
    {
      name: `encrypt binary with --${flag}`,
      argv: ["encrypt", ...toAlice, `--${flag}`, `${pattern}`, "f.txt"],
      files: { "f.txt": TEXT },
    },
  ];
});

const rule = (...lines: string[]): string => `creation_rules:\n  - ${lines.join("\n    ")}\n`;
const to = (recipient: string): string => `age: ${recipient}`;

const more: FaceCase[] = [
  {
    name: "encrypt with a flag that selects otherwise than the rule",
    argv: ["encrypt", "--encrypted-regex", "a", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule(to(alice.recipient), "unencrypted_regex: b") },
  },
  {
    name: "encrypt with two selections",
    argv: ["encrypt", ...toAlice, "--encrypted-regex", "a", "--unencrypted-suffix", "b", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt with a rule of two selections",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule(to(alice.recipient), "encrypted_regex: a", "unencrypted_regex: b") },
  },
  {
    name: "encrypt by the comments of a rule",
    argv: ["encrypt", "f.yaml"],
    files: {
      "f.yaml": "# secret\na: b\nc: d\n",
      ".sops.yaml": rule(to(alice.recipient), "encrypted_comment_regex: secret"),
    },
  },
  {
    name: "encrypt but what a comment of a rule leaves clear",
    argv: ["encrypt", "f.yaml"],
    files: {
      "f.yaml": "# clear\na: b\nc: d\n",
      ".sops.yaml": rule(to(alice.recipient), "unencrypted_comment_regex: clear"),
    },
  },
  {
    name: "encrypt by comments, with a flag of the command",
    argv: ["encrypt", ...toAlice, "--encrypted-comment-regex", "secret", "f.yaml"],
    files: { "f.yaml": "# secret\na: b\nc: d\n" },
    differs: "comment-flags",
  },
  {
    name: "encrypt with a pattern that is none",
    argv: ["encrypt", ...toAlice, "--encrypted-regex", "(", "f.yaml"],
    files: yaml,
    differs: "bad-patterns",
  },
  {
    name: "encrypt with a pattern that matches nothing",
    argv: ["encrypt", ...toAlice, "--encrypted-regex", "^zzz$", "f.yaml"],
    files: yaml,
    differs: "nothing-encrypted",
  },
  {
    name: "encrypt with the MAC of encrypted values only",
    argv: ["--mac-only-encrypted", "encrypt", ...toAlice, "--encrypted-regex", "^a$", "f.yaml"],
    files: yaml,
    differs: "flags-in-front",
  },
  {
    name: "encrypt with the MAC of encrypted values only, by a rule",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule(to(alice.recipient), "mac_only_encrypted: true") },
  },
  {
    name: "encrypt binary with the MAC of encrypted values only",
    argv: ["--mac-only-encrypted", "encrypt", ...toAlice, "f.txt"],
    files: { "f.txt": TEXT },
    differs: "flags-in-front",
  },
  { name: "encrypt to two", argv: ["encrypt", "--age", `${alice.recipient},${bob.recipient}`, "f.yaml"], files: yaml },
  {
    name: "encrypt to two, with a blank between",
    argv: ["encrypt", "--age", `${alice.recipient}, ${bob.recipient}`, "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt to one, twice",
    argv: ["encrypt", "--age", `${alice.recipient},${alice.recipient}`, "f.yaml"],
    files: yaml,
    differs: "repeated-recipients",
  },
  {
    name: "encrypt: the last flag counts",
    argv: ["encrypt", "--age", bob.recipient, "--age", alice.recipient, "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt: two spellings of a flag",
    argv: ["encrypt", "--age", bob.recipient, "-a", alice.recipient, "f.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  { name: "encrypt with the short flag", argv: ["encrypt", "-a", alice.recipient, "f.yaml"], files: yaml },
  {
    name: "encrypt with the flag over the environment",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: yaml,
    env: { SOPS_AGE_RECIPIENTS: bob.recipient },
  },
  {
    name: "encrypt with the flag over the rule",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule(to(bob.recipient)) },
  },
  {
    name: "encrypt with the environment over the rule",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule(to(bob.recipient)) },
    env: { SOPS_AGE_RECIPIENTS: alice.recipient },
  },
  { name: "encrypt to nobody by an empty flag", argv: ["encrypt", "--age", "", "f.yaml"], files: yaml },
  { name: "encrypt to what is no recipient", argv: ["encrypt", "--age", "nokey", "f.yaml"], files: yaml },
  {
    name: "encrypt to what is no recipient, in a rule",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("age: nokey") },
  },
  { name: "encrypt to a KMS key that is none", argv: ["encrypt", "--kms", "nonsense", "f.yaml"], files: yaml },
  {
    name: "encrypt to a Vault key that is none",
    argv: ["encrypt", "--hc-vault-transit", "nonsense", "f.yaml"],
    files: yaml,
  },
  { name: "encrypt to an Azure key that is none", argv: ["encrypt", "--azure-kv", "nonsense", "f.yaml"], files: yaml },
  {
    name: "encrypt to a HuaweiCloud key that is none",
    argv: ["encrypt", "--hckms", "nonsense", "f.yaml"],
    files: yaml,
  },
  { name: "encrypt to a GCP key that is none", argv: ["encrypt", "--gcp-kms", "nonsense", "f.yaml"], files: yaml },
  {
    name: "encrypt to a PGP key that is not there",
    argv: ["encrypt", "--pgp", "0123456789012345678901234567890123456789", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt with a bad context",
    argv: ["encrypt", ...toAlice, "--encryption-context", "x", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt with a context for no key of AWS",
    argv: ["encrypt", ...toAlice, "--encryption-context", "a:b,c:d", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt with a profile for no key of AWS",
    argv: ["encrypt", ...toAlice, "--aws-profile", "x", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt with a threshold for one group",
    argv: ["encrypt", ...toAlice, "--shamir-secret-sharing-threshold", "1", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt with a threshold that is no number",
    argv: ["encrypt", ...toAlice, "--shamir-secret-sharing-threshold", "x", "f.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  {
    name: "encrypt with a threshold of more groups than there are",
    argv: ["encrypt", ...toAlice, "--shamir-secret-sharing-threshold", "3", "f.yaml"],
    files: yaml,
  },
  {
    name: "encrypt to two groups",
    argv: ["encrypt", "f.yaml"],
    files: {
      ...yaml,
      ".sops.yaml": rule("key_groups:", `  - age: [${alice.recipient}]`, `  - age: [${bob.recipient}]`),
    },
  },
  {
    name: "encrypt to two groups with a threshold",
    argv: ["encrypt", "f.yaml"],
    files: {
      ...yaml,
      ".sops.yaml": rule(
        "shamir_threshold: 2",
        "key_groups:",
        `  - age: [${alice.recipient}]`,
        `  - age: [${bob.recipient}]`,
      ),
    },
  },
  {
    name: "encrypt to groups that are merged",
    argv: ["encrypt", "f.yaml"],
    files: {
      ...yaml,
      ".sops.yaml": rule(
        "key_groups:",
        `  - merge:`,
        `      - age: [${alice.recipient}]`,
        `      - age: [${alice.recipient}, ${bob.recipient}]`,
      ),
    },
  },
  {
    name: "encrypt with an empty key group",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("key_groups:", "  - age: []") },
  },
  { name: "encrypt standard input without a name", argv: ["encrypt", ...toAlice], stdin: YAML },
  {
    name: "encrypt standard input in place",
    argv: ["encrypt", "-i", ...toAlice, "--filename-override", "f.yaml"],
    stdin: YAML,
  },
  {
    name: "encrypt in place and to a file",
    argv: ["encrypt", "-i", "--output", "out", ...toAlice, "f.yaml"],
    files: yaml,
  },
  { name: "encrypt a file that is not there", argv: ["encrypt", ...toAlice, "nosuch.yaml"] },
  { name: "encrypt a folder", argv: ["encrypt", ...toAlice, "d"], files: { "d/x": "" } },
  {
    name: "encrypt to a folder that is not there",
    argv: ["encrypt", ...toAlice, "--output", "no/out", "f.yaml"],
    files: yaml,
  },
  { name: "encrypt broken YAML", argv: ["encrypt", ...toAlice, "f.yaml"], files: { "f.yaml": "a: [" } },
  { name: "encrypt broken JSON", argv: ["encrypt", ...toAlice, "f.json"], files: { "f.json": "{" } },
  { name: "encrypt a broken dotenv file", argv: ["encrypt", ...toAlice, "f.env"], files: { "f.env": "nonsense\n" } },
  {
    name: "encrypt a JSON list",
    argv: ["encrypt", ...toAlice, "f.json"],
    files: { "f.json": "[1]" },
    differs: "more-files-accepted",
  },
  {
    name: "encrypt a YAML list",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: { "f.yaml": "- a\n- b\n" },
    differs: "more-files-accepted",
  },
  { name: "encrypt an empty YAML file", argv: ["encrypt", ...toAlice, "f.yaml"], files: { "f.yaml": "" } },
  { name: "encrypt an empty JSON file", argv: ["encrypt", ...toAlice, "f.json"], files: { "f.json": "" } },
  {
    name: "encrypt an empty JSON object",
    argv: ["encrypt", ...toAlice, "f.json"],
    files: { "f.json": "{}" },
    differs: "nothing-encrypted",
  },
  {
    name: "encrypt an empty text",
    argv: ["encrypt", ...toAlice, "f.txt"],
    files: { "f.txt": "" },
    differs: "nothing-encrypted",
  },
  { name: "encrypt bytes", argv: ["encrypt", ...toAlice, "f.bin"], files: { "f.bin": BYTES } },
  { name: "encrypt two documents", argv: ["encrypt", ...toAlice, "f.yaml"], files: { "f.yaml": TWO_DOCUMENTS } },
  { name: "encrypt a reserved key", argv: ["encrypt", ...toAlice, "f.yaml"], files: { "f.yaml": "a: b\nsops: c\n" } },
  {
    name: "encrypt a reserved variable",
    argv: ["encrypt", ...toAlice, "f.env"],
    files: { "f.env": "A=b\nsops_x=c\n" },
  },
  { name: "encrypt a reserved section", argv: ["encrypt", ...toAlice, "f.ini"], files: { "f.ini": "[sops]\na = b\n" } },
  {
    name: "encrypt an unknown input type",
    argv: ["encrypt", ...toAlice, "--input-type", "toml", "f.yaml"],
    files: yaml,
    differs: "unknown-types-said",
  },
  { name: "encrypt by a name that tells nothing", argv: ["encrypt", ...toAlice, "f"], files: { f: YAML } },
  {
    name: "encrypt .env.local as binary",
    argv: ["encrypt", ...toAlice, ".env.local"],
    files: { ".env.local": DOTENV },
  },
  { name: "encrypt .toml as binary", argv: ["encrypt", ...toAlice, "f.toml"], files: { "f.toml": 'a = "b"\n' } },
  {
    name: "encrypt by the name of an override",
    argv: ["encrypt", ...toAlice, "--filename-override", "x.json", "f"],
    files: { f: FLAT_JSON },
  },
  {
    name: "encrypt in place by the name of an override",
    argv: ["encrypt", "-i", ...toAlice, "--filename-override", "x.ini", "f"],
    files: { f: INI },
  },
  {
    name: "encrypt JSON with two blanks a level",
    argv: ["--indent", "2", "encrypt", ...toAlice, "--output-type", "json", "f.yaml"],
    files: { "f.yaml": "a: b\n" },
  },
  {
    name: "encrypt with two operands",
    argv: ["encrypt", ...toAlice, "f.yaml", "g.yaml"],
    files: { ...yaml, "g.yaml": YAML },
  },
  {
    name: "encrypt in place, the recipients behind",
    argv: ["encrypt", "-i", "f.yaml", ...toAlice],
    files: yaml,
    differs: "flags-behind-a-switch",
  },
  {
    name: "encrypt without the keys at hand",
    argv: ["encrypt", ...toAlice, "--enable-local-keyservice=false", "f.yaml"],
    files: yaml,
  },
];

const configurations: FaceCase[] = [
  {
    name: "rule that matches by its path",
    argv: ["encrypt", "a/f.yaml"],
    files: { "a/f.yaml": YAML, ".sops.yaml": rule("path_regex: ^a/", to(alice.recipient)) },
  },
  {
    name: "rule that does not match",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("path_regex: ^a/", to(alice.recipient)) },
  },
  {
    name: "rule that does not match, with keys on the line",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("path_regex: ^a/", to(alice.recipient)) },
  },
  {
    name: "the first rule that matches counts",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": `${rule("path_regex: f", to(alice.recipient))}  - ${to(bob.recipient)}\n` },
  },
  {
    name: "rule that matches the override",
    argv: ["encrypt", "--filename-override", "a/x.yaml", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("path_regex: ^a/x", to(alice.recipient)) },
  },
  {
    name: "rule with a path that is no pattern",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("path_regex: '('", to(alice.recipient)) },
  },
  {
    name: "configuration of the working directory, not of the file",
    argv: ["encrypt", "a/f.yaml"],
    files: { "a/f.yaml": YAML, "a/.sops.yaml": rule(to(alice.recipient)) },
  },
  {
    name: "configuration above the working directory",
    argv: ["encrypt", "f.yaml"],
    cwd: "a",
    files: { "a/f.yaml": YAML, ".sops.yaml": rule("path_regex: ^a/f", to(alice.recipient)) },
  },
  {
    name: "file outside of the configuration's folder",
    argv: ["encrypt", "../f.yaml"],
    cwd: "a",
    files: { "f.yaml": YAML, "a/.sops.yaml": rule("path_regex: ^/", to(alice.recipient)) },
  },
  {
    name: "configuration that is named",
    argv: ["--config", "c.yaml", "encrypt", "f.yaml"],
    files: { ...yaml, "c.yaml": rule(to(alice.recipient)) },
  },
  {
    name: "configuration that is named by the environment",
    argv: ["encrypt", "f.yaml"],
    env: { SOPS_CONFIG: "c.yaml" },
    files: { ...yaml, "c.yaml": rule(to(alice.recipient)) },
  },
  {
    name: "two configurations: the last counts",
    argv: ["--config", "x", "--config", "c.yaml", "encrypt", "f.yaml"],
    files: { ...yaml, "c.yaml": rule(to(alice.recipient)) },
  },
  { name: "configuration that is not there", argv: ["--config", "nosuch", "encrypt", "f.yaml"], files: yaml },
  {
    name: "configuration that is not there, to decrypt",
    argv: ["--config", "nosuch", "decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml") },
  },
  { name: "configuration that is empty", argv: ["--config", "/dev/null", "encrypt", "f.yaml"], files: yaml },
  {
    name: "configuration that is empty, with keys on the line",
    argv: ["--config", "/dev/null", "encrypt", ...toAlice, "f.yaml"],
    files: yaml,
  },
  {
    name: "configuration that is empty, to decrypt",
    argv: ["--config", "/dev/null", "decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml") },
  },
  {
    name: "configuration behind the command",
    argv: ["encrypt", "--config", "c.yaml", "f.yaml"],
    files: { ...yaml, "c.yaml": rule(to(alice.recipient)) },
    differs: "usage-on-stdout",
  },
  {
    name: "configuration without rules",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": "stores: {}\n" },
  },
  {
    name: "configuration with an empty list of rules",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: { ...yaml, ".sops.yaml": "creation_rules: []\n" },
  },
  {
    name: "configuration with unknown keys",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": `nonsense: 1\n${rule(to(alice.recipient), "reencryption_rule: x")}` },
  },
  {
    name: "configuration with a wrong type",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: { ...yaml, ".sops.yaml": "creation_rules: text\n" },
  },
  {
    name: "configuration with a wrong type, to decrypt",
    argv: ["decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml"), ".sops.yaml": "creation_rules: text\n" },
  },
  {
    name: "configuration that is no YAML, to decrypt",
    argv: ["decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml"), ".sops.yaml": "a: [" },
  },
  {
    name: "configuration with a rule for others, to decrypt",
    argv: ["decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml"), ".sops.yaml": rule("path_regex: ^x", to(bob.recipient)) },
  },
  {
    name: "configuration called .sops.yml",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yml": rule(to(alice.recipient)) },
  },
  {
    name: "configuration called .sops.yml, with keys on the line",
    argv: ["encrypt", ...toAlice, "f.yaml"],
    files: { ...yaml, ".sops.yml": rule(to(alice.recipient)) },
  },
  {
    name: "configuration called .sops.yml beside a good one",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yml": "x", ".sops.yaml": rule(to(alice.recipient)) },
  },
  {
    name: "configuration called .sops.yml, to decrypt",
    argv: ["decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml"), ".sops.yml": "x" },
  },
  {
    name: "configuration called .sops.yml below a good one",
    argv: ["encrypt", "f.yaml"],
    cwd: "a",
    files: { "a/f.yaml": YAML, "a/.sops.yml": "x", ".sops.yaml": rule(to(alice.recipient)) },
  },
  {
    name: "configuration with lists of keys",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("age:", `  - ${alice.recipient}`, `  - ${bob.recipient}`) },
  },
  {
    name: "configuration with anchors",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": `keys:\n  - &a ${alice.recipient}\n${rule("key_groups:", "  - age: [*a]")}` },
  },
  {
    name: "configuration with a threshold, and one on the line",
    argv: ["encrypt", "--shamir-secret-sharing-threshold", "2", "f.yaml"],
    files: {
      ...yaml,
      ".sops.yaml": rule(
        "shamir_threshold: 3",
        "key_groups:",
        `  - age: [${alice.recipient}]`,
        `  - age: [${bob.recipient}]`,
        `  - age: [${alice.recipient}]`,
      ),
    },
  },
  {
    name: "configuration with an empty rule",
    argv: ["encrypt", "f.yaml"],
    files: { ...yaml, ".sops.yaml": rule("path_regex: f") },
  },
];

export const encryptCases: readonly FaceCase[] = [...everyFormat, ...selections, ...more, ...configurations];
