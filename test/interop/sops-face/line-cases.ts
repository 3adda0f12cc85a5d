import { alice, bob } from "../../support/sops.ts";
import { type FaceCase, sealed } from "./case.ts";
import { BYTES, DOTENV, FLAT_JSON, formats, JSON_TEXT, TEXT, YAML } from "./plain.ts";

/** The command line itself, lines without a command, and `sops filestatus`. */

const toAlice = ["--age", alice.recipient];
const yaml = { "e.yaml": sealed(YAML, "f.yaml") };
const plain = { "f.yaml": YAML };
const rule = `creation_rules:\n  - path_regex: ^x\n    age: ${alice.recipient}\n`;

const lines: FaceCase[] = [
  { name: "no arguments", argv: [] },
  { name: "flags alone", argv: ["-i"] },
  { name: "an unknown flag", argv: ["--nosuch"], differs: "usage-on-stdout" },
  {
    name: "an unknown flag in front of a command",
    argv: ["--nosuch", "decrypt", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  {
    name: "an unknown flag of a command",
    argv: ["decrypt", "--nosuch", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  { name: "letters run together", argv: ["-di", "e.yaml"], files: yaml, differs: "usage-on-stdout" },
  {
    name: "letters run together behind a command",
    argv: ["decrypt", "-di", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  {
    name: "two spellings of one flag",
    argv: ["-d", "-i", "--in-place", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  {
    name: "two spellings of one flag behind a command",
    argv: ["decrypt", "-i", "--in-place", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  { name: "one spelling twice", argv: ["decrypt", "-i", "-i", "e.yaml"], files: yaml },
  {
    name: "a switch with a value that is none",
    argv: ["decrypt", "--in-place=x", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
  {
    name: "a flag without its value",
    argv: ["decrypt", "e.yaml", "--output"],
    files: yaml,
  },
  ...["true", "1", "t", "T", "TRUE", "True"].map(
    (value): FaceCase => ({
      name: `a switch that is ${value}`,
      argv: ["decrypt", `-i=${value}`, "e.yaml"],
      files: yaml,
    }),
  ),
  ...["false", "0", "f", "F", "FALSE", "False"].map(
    (value): FaceCase => ({
      name: `a switch that is ${value}`,
      argv: ["decrypt", `--in-place=${value}`, "e.yaml"],
      files: yaml,
    }),
  ),
  { name: "a switch that is on and off", argv: ["decrypt", "-i", "-i=false", "e.yaml"], files: yaml },
  { name: "one dash for long names", argv: ["decrypt", "-output-type", "json", "e.yaml"], files: yaml },
  { name: "two dashes for a letter", argv: ["--d", "e.yaml"], files: yaml },
  {
    name: "a value that looks like a flag",
    argv: ["decrypt", "--output", "-i", "e.yaml"],
    files: { ...yaml, "-i": "" },
  },
  {
    name: "a file that looks like a flag",
    argv: ["decrypt", "--input-type", "yaml", "--output-type", "yaml", "--", "-e"],
    files: { "-e": sealed(YAML, "f.yaml") },
  },
  { name: "a lone dash", argv: ["decrypt", "-"], files: yaml },
  {
    name: "a flag behind the file that takes a value",
    argv: ["decrypt", "e.yaml", "--output-type", "json"],
    files: yaml,
  },
  {
    name: "flags on both sides",
    argv: ["decrypt", "--output-type", "json", "e.yaml", "--ignore-mac=false"],
    files: yaml,
  },
  { name: "help of nothing", argv: ["help", "nosuch"] },
  { name: "a command of a group that is none", argv: ["groups", "nosuch"] },
  ...[
    ["--help"],
    ["-h"],
    ["help"],
    ["h"],
    ["decrypt", "--help"],
    ["help", "encrypt"],
    ["decrypt", "-h", "x"],
    ["groups"],
    ["groups", "add", "--help"],
    ["encrypt", "x", "--help"],
  ].map((argv): FaceCase => ({ name: `help: ${argv.join(" ")}`, argv, differs: "help-texts" })),
  ...[["--version"], ["-v"], ["--version", "--disable-version-check"], ["--version", "more"]].map(
    (argv): FaceCase => ({
      name: `version: ${argv.join(" ")}`,
      argv,
      env: { SOPS_DISABLE_VERSION_CHECK: "true" },
      differs: "version-line",
    }),
  ),
  {
    name: "a misspelt command",
    argv: ["decyrpt", "f.yaml"],
    files: plain,
    env: { SOPS_AGE_RECIPIENTS: alice.recipient, EDITOR: "touch" },
    differs: "misspelt-commands",
  },
  { name: "a file called like a command", argv: ["decrypt", "./encrypt"], files: { encrypt: sealed(TEXT, "f.txt") } },
  {
    name: "filestatus of nothing but comments",
    argv: ["filestatus", "f.yaml"],
    files: { "f.yaml": "# only\n" },
  },
  {
    name: "encrypt nothing but comments",
    argv: ["encrypt", "--age", alice.recipient, "f.yaml"],
    files: { "f.yaml": "# only\n" },
  },
  {
    name: "decrypt nothing but comments",
    argv: ["decrypt", "f.yaml"],
    files: { "f.yaml": "# only\n" },
  },
  {
    name: "a variable that should be true or false, of another command",
    argv: ["filestatus", "e.yaml"],
    files: yaml,
    env: { SOPS_DISABLE_VERSION_CHECK: "x" },
  },
  {
    name: "an input type in front of a command",
    argv: ["--input-type", "json", "decrypt", "e.yaml"],
    files: yaml,
    differs: "flags-in-front",
  },
  {
    name: "an output in front of a command",
    argv: ["--output", "out", "decrypt", "e.yaml"],
    files: yaml,
    differs: "flags-in-front",
  },
  { name: "in place in front of a command", argv: ["-i", "decrypt", "e.yaml"], files: yaml, differs: "flags-in-front" },
  {
    name: "recipients in front of a command",
    argv: [...toAlice, "encrypt", "f.yaml"],
    files: plain,
    differs: "flags-in-front",
  },
  { name: "verbose in front of a command", argv: ["--verbose", "decrypt", "e.yaml"], files: yaml },
  { name: "a mode in front of a command", argv: ["-d", "encrypt", ...toAlice, "f.yaml"], files: plain },
];

const legacy: FaceCase[] = [
  ...formats.flatMap(({ name, plain: text, type }): FaceCase[] => [
    { name: `-d ${type}`, argv: ["-d", name], files: { [name]: sealed(text, name) } },
    { name: `--decrypt ${type} in place`, argv: ["--decrypt", "-i", name], files: { [name]: sealed(text, name) } },
    { name: `-e ${type}`, argv: [...toAlice, "-e", name], files: { [name]: text } },
    {
      name: `--encrypt ${type} in place`,
      argv: ["--encrypt", "--in-place", ...toAlice, name],
      files: { [name]: text },
    },
    {
      name: `--decrypt ${type} by type, from /dev/stdin`,
      argv: ["--decrypt", "--input-type", type, "--output-type", type, "/dev/stdin"],
      stdin: sealed(text, name),
    },
    {
      name: `--encrypt ${type} by name, from /dev/stdin`,
      argv: ["--encrypt", ...toAlice, "--filename-override", name, "/dev/stdin"],
      stdin: text,
    },
  ]),
  { name: "-d with a part", argv: ["-d", "--extract", '["m"]["k"]', "e.yaml"], files: yaml },
  { name: "-d with a part that is not there", argv: ["-d", "--extract", '["zz"]', "e.yaml"], files: yaml },
  { name: "-d with a path that is none", argv: ["-d", "--extract", "zz", "e.yaml"], files: yaml },
  { name: "-d as JSON", argv: ["-d", "--output-type", "json", "e.yaml"], files: yaml },
  {
    name: "-d as dotenv",
    argv: ["-d", "--output-type", "dotenv", "e.json"],
    files: { "e.json": sealed(FLAT_JSON, "f.json") },
  },
  { name: "-d to a file", argv: ["-d", "--output", "out", "e.yaml"], files: { ...yaml, out: "" } },
  { name: "-d in place and to a file", argv: ["-d", "-i", "--output", "out", "e.yaml"], files: yaml },
  { name: "-d without a file", argv: ["-d"], stdin: sealed(YAML, "f.yaml") },
  { name: "-d of a file that is not there", argv: ["-d", "nosuch.yaml"] },
  { name: "-e of a file that is not there", argv: ["-e", ...toAlice, "nosuch.yaml"] },
  { name: "-e without a file", argv: ["-e", ...toAlice], stdin: YAML },
  { name: "-d of a plain file", argv: ["-d", "f.yaml"], files: plain },
  { name: "-e of an encrypted file", argv: ["-e", ...toAlice, "e.yaml"], files: yaml },
  { name: "-e with nobody to read it", argv: ["-e", "f.yaml"], files: plain },
  { name: "-d with a flag behind the file", argv: ["-d", "e.yaml", "--output-type", "json"], files: yaml },
  { name: "-d with a switch behind the file", argv: ["-d", "e.yaml", "-i"], files: yaml },
  { name: "-d where no rule matches", argv: ["-d", "e.yaml"], files: { ...yaml, ".sops.yaml": rule } },
  { name: "-e where no rule matches", argv: ["-e", ...toAlice, "f.yaml"], files: { ...plain, ".sops.yaml": rule } },
  { name: "-d with the configuration of nothing", argv: ["--config", "/dev/null", "-d", "e.yaml"], files: yaml },
  {
    name: "-e with the configuration of nothing",
    argv: ["--config", "/dev/null", "-e", ...toAlice, "f.yaml"],
    files: plain,
  },
  {
    name: "-e by comments",
    argv: ["-e", ...toAlice, "--encrypted-comment-regex", "secret", "f.yaml"],
    files: { "f.yaml": "# secret\na: b\nc: d\n" },
  },
  {
    name: "-e but what comments leave clear",
    argv: ["-e", ...toAlice, "--unencrypted-comment-regex", "clear", "f.yaml"],
    files: { "f.yaml": "# clear\na: b\nc: d\n" },
  },
  { name: "-e with a selection", argv: ["-e", ...toAlice, "--encrypted-regex", "^a$", "f.yaml"], files: plain },
  {
    name: "-e with the MAC of encrypted values only",
    argv: ["-e", "--mac-only-encrypted", ...toAlice, "f.yaml"],
    files: plain,
  },
  { name: "-e with a bad context", argv: ["-e", ...toAlice, "--encryption-context", "x", "f.yaml"], files: plain },
  { name: "-d passing over the MAC", argv: ["-d", "--ignore-mac", "e.yaml"], files: yaml, differs: "mac-said" },
  { name: "-d with an order", argv: ["-d", "--decryption-order", "age,age", "e.yaml"], files: yaml },
  { name: "-d with another key", argv: ["-d", "e.yaml"], files: yaml, env: { SOPS_AGE_KEY: bob.identity } },
  { name: "-d without the keys at hand", argv: ["-d", "--enable-local-keyservice=false", "e.yaml"], files: yaml },
  { name: "-d with two blanks a level", argv: ["-d", "--indent", "2", "e.yaml"], files: yaml },
  { name: "-d=false -e", argv: ["-d=false", "-e", ...toAlice, "f.yaml"], files: plain },
  { name: "-d and -e", argv: ["-d", "-e", ...toAlice, "e.yaml"], files: yaml, differs: "several-modes" },
  { name: "-d and verbose", argv: ["-d", "--verbose", "e.yaml"], files: yaml, differs: "verbose-log" },
];

const statuses: FaceCase[] = [
  ...formats.flatMap(({ name, plain: text, type }): FaceCase[] => [
    { name: `filestatus of encrypted ${type}`, argv: ["filestatus", name], files: { [name]: sealed(text, name) } },
    {
      name: `filestatus of plain ${type}`,
      argv: ["filestatus", name],
      files: { [name]: text },
      ...(type === "binary" ? { differs: "status-of-plain-files" } : {}),
    },
    {
      name: `filestatus of ${type} without a key`,
      argv: ["filestatus", name],
      files: { [name]: sealed(text, name) },
      env: { SOPS_AGE_KEY: undefined },
    },
    {
      name: `filestatus of ${type} by its type`,
      argv: ["filestatus", "--input-type", type, "x"],
      files: { x: sealed(text, name) },
    },
    {
      name: `filestatus of ${type}, the type behind`,
      argv: ["filestatus", "x", "--input-type", type],
      files: { x: sealed(text, name) },
    },
  ]),
  { name: "filestatus of nothing", argv: ["filestatus"] },
  { name: "filestatus of a file that is not there", argv: ["filestatus", "nosuch.yaml"] },
  { name: "filestatus of a folder", argv: ["filestatus", "d"], files: { "d/x": "" } },
  { name: "filestatus of two files", argv: ["filestatus", "e.yaml", "f.yaml"], files: { ...yaml, ...plain } },
  { name: "filestatus of broken YAML", argv: ["filestatus", "f.yaml"], files: { "f.yaml": "a: [" } },
  { name: "filestatus of broken JSON", argv: ["filestatus", "f.json"], files: { "f.json": "{" } },
  { name: "filestatus of an empty YAML file", argv: ["filestatus", "f.yaml"], files: { "f.yaml": "" } },
  { name: "filestatus of an empty JSON file", argv: ["filestatus", "f.json"], files: { "f.json": "" } },
  { name: "filestatus of an empty dotenv file", argv: ["filestatus", "f.env"], files: { "f.env": "" } },
  { name: "filestatus of an empty INI file", argv: ["filestatus", "f.ini"], files: { "f.ini": "" } },
  {
    name: "filestatus of an empty text",
    argv: ["filestatus", "f.txt"],
    files: { "f.txt": "" },
    differs: "status-of-plain-files",
  },
  {
    name: "filestatus of bytes",
    argv: ["filestatus", "f.bin"],
    files: { "f.bin": BYTES },
    differs: "status-of-plain-files",
  },
  { name: "filestatus of plain JSON as binary", argv: ["filestatus", "f"], files: { f: JSON_TEXT } },
  { name: "filestatus of a JSON file as binary", argv: ["filestatus", "f"], files: { f: sealed(JSON_TEXT, "f.json") } },
  {
    name: "filestatus of a YAML file as binary",
    argv: ["filestatus", "f"],
    files: { f: sealed(YAML, "f.yaml") },
    differs: "status-of-plain-files",
  },
  {
    name: "filestatus of a list",
    argv: ["filestatus", "f.json"],
    files: { "f.json": "[1]" },
    differs: "status-of-plain-files",
  },
  { name: "filestatus of a key called sops", argv: ["filestatus", "f.json"], files: { "f.json": '{"sops": {}}' } },
  { name: "filestatus of a text called sops", argv: ["filestatus", "f.json"], files: { "f.json": '{"sops": "x"}' } },
  { name: "filestatus of a reserved variable", argv: ["filestatus", "f.env"], files: { "f.env": "A=b\nsops_x=c\n" } },
  {
    name: "filestatus with a configuration that is broken",
    argv: ["filestatus", "e.yaml"],
    files: { ...yaml, ".sops.yaml": "a: [" },
    differs: "status-without-configuration",
  },
  {
    name: "filestatus with an unknown type",
    argv: ["filestatus", "--input-type", "x", "e.yaml"],
    files: yaml,
    differs: "unknown-types-said",
  },
  {
    name: "filestatus of a dotenv file called otherwise",
    argv: ["filestatus", "x"],
    files: { x: sealed(DOTENV, "f.env") },
    differs: "status-of-plain-files",
  },
];

export const lineCases: readonly FaceCase[] = [...lines, ...legacy, ...statuses];
