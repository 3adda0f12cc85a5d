import { alice, bob } from "../../support/sops.ts";
import { type FaceCase, sealed } from "./case.ts";
import { DOTENV, formats, INI, JSON_TEXT, TEXT, TWO_DOCUMENTS, YAML } from "./plain.ts";

/** The commands that change encrypted files, or run programs with what is in them. */

const yaml = { "e.yaml": sealed(YAML, "f.yaml") };
const json = { "e.json": sealed(JSON_TEXT, "f.json") };
const dotenv = { "e.env": sealed(DOTENV, "f.env") };
const flat = { "e.env": sealed("A=b\nN=5\n", "f.env") };
const plain = { "f.yaml": YAML };
const toBoth = `creation_rules:\n  - age: ${alice.recipient},${bob.recipient}\n`;
const toOthers = `creation_rules:\n  - path_regex: ^x\n    age: ${alice.recipient}\n`;

const values: FaceCase[] = (
  [
    ["a string", '["a"]', '"new"'],
    ["a boolean", '["a"]', "true"],
    ["null", '["a"]', "null"],
    ["an object", '["m"]["new"]', '{"x": 1, "y": [true]}'],
    ["a new key", '["zz"]', '"new"'],
    ["a new key in a mapping", '["m"]["zz"]', '"new"'],
    ["a new list element", '["l"][9]', '"new"'],
    ["a list element behind a comment", '["l"][1]', '"new"'],
    ["through a string", '["a"]["b"]', '"new"'],
    ["missing levels", '["p"]["q"]["r"]', '"new"'],
    ["what is no JSON", '["a"]', "new"],
    ["a list", '["a"]', "[1]"],
    ["a path that is none", "a", '"new"'],
    ["an unclosed path", '["a"', '"new"'],
    ["a value with a dash", '["a"]', "-5"],
  ] as const
).flatMap(([what, path, value]): FaceCase[] => [
  { name: `set yaml: ${what}`, argv: ["set", "e.yaml", path, value], files: yaml },
  { name: `set json: ${what}`, argv: ["set", "e.json", path, value], files: json },
  { name: `--set yaml: ${what}`, argv: ["--set", `${path} ${value}`, "e.yaml"], files: yaml },
]);

const sets: FaceCase[] = [
  { name: "set: a number", argv: ["set", "e.yaml", '["n"]', "7"], files: yaml },
  { name: "set: the same value", argv: ["set", "e.yaml", '["a"]', '"b"'], files: yaml },
  { name: "set: the same value, idempotent", argv: ["set", "--idempotent", "e.yaml", '["a"]', '"b"'], files: yaml },
  {
    name: "set: a value from standard input",
    argv: ["set", "--value-stdin", "e.yaml", '["a"]'],
    files: yaml,
    stdin: '"new"\n',
  },
  {
    name: "set: a value from a file",
    argv: ["set", "--value-file", "e.yaml", '["a"]', "v"],
    files: { ...yaml, v: '"new"\n' },
  },
  {
    name: "set: a value from a file that is not there",
    argv: ["set", "--value-file", "e.yaml", '["a"]', "v"],
    files: yaml,
  },
  {
    name: "set: two sources of a value",
    argv: ["set", "--value-file", "--value-stdin", "e.yaml", '["a"]'],
    files: yaml,
  },
  { name: "set: no value", argv: ["set", "e.yaml", '["a"]'], files: yaml },
  { name: "set: nothing", argv: ["set"] },
  { name: "set: too much", argv: ["set", "e.yaml", '["a"]', '"b"', "c"], files: yaml },
  { name: "set: a file that is not there", argv: ["set", "nosuch.yaml", '["a"]', '"b"'] },
  { name: "set: a file that is not encrypted", argv: ["set", "f.yaml", '["a"]', '"b"'], files: plain },
  {
    name: "set: another key",
    argv: ["set", "e.yaml", '["a"]', '"b"'],
    files: yaml,
    env: { SOPS_AGE_KEY: bob.identity },
  },
  { name: "set: a reserved key", argv: ["set", "e.yaml", '["sops"]', '"b"'], files: yaml, differs: "set-reserved-key" },
  { name: "set: a variable", argv: ["set", "e.env", '["A"]', '"new"'], files: dotenv },
  {
    name: "set: a key of a section",
    argv: ["set", "e.ini", '["one"]["a"]', '"new"'],
    files: { "e.ini": sealed(INI, "f.ini") },
  },
  {
    name: "set: in another format",
    argv: ["set", "--output-type", "json", "e.yaml", '["a"]', '"new"'],
    files: yaml,
    differs: "format-kept",
  },
  {
    name: "set: by its type",
    argv: ["set", "--input-type", "yaml", "--output-type", "yaml", "e", '["a"]', '"new"'],
    files: { e: sealed(YAML, "f.yaml") },
  },
  {
    name: "set: flags behind",
    argv: ["set", "e.yaml", '["a"]', '"new"', "--ignore-mac"],
    files: yaml,
    differs: "mac-said",
  },
  {
    name: "set: of two documents",
    argv: ["set", "e.yaml", '["a"]', '"new"'],
    files: { "e.yaml": sealed(TWO_DOCUMENTS, "f.yaml") },
  },
  { name: "--set: no value", argv: ["--set", '["a"]', "e.yaml"], files: yaml },
  { name: "--set: a file that is not there", argv: ["--set", '["a"] "b"', "nosuch.yaml"] },
  {
    name: "--set: where no rule matches",
    argv: ["--set", '["a"] "new"', "e.yaml"],
    files: { ...yaml, ".sops.yaml": toOthers },
    differs: "rule-for-existing-files",
  },
  ...(
    [
      ["a key", '["a"]'],
      ["a key of a mapping", '["m"]["k"]'],
      ["a mapping", '["m"]'],
      ["a list element", '["l"][1]'],
      ["a key that is not there", '["zz"]'],
      ["an index that is not there", '["l"][9]'],
      ["through a string", '["a"]["b"]'],
      ["a path that is none", "a"],
    ] as const
  ).flatMap(([what, path]): FaceCase[] => [
    { name: `unset yaml: ${what}`, argv: ["unset", "e.yaml", path], files: yaml },
    { name: `unset json: ${what}`, argv: ["unset", "e.json", path], files: json },
    { name: `unset yaml, idempotent: ${what}`, argv: ["unset", "--idempotent", "e.yaml", path], files: yaml },
  ]),
  { name: "unset: nothing", argv: ["unset"] },
  { name: "unset: no path", argv: ["unset", "e.yaml"], files: yaml },
  { name: "unset: too much", argv: ["unset", "e.yaml", '["a"]', "c"], files: yaml },
  { name: "unset: a file that is not there", argv: ["unset", "nosuch.yaml", '["a"]'] },
  { name: "unset: a variable", argv: ["unset", "e.env", '["A"]'], files: dotenv },
];

const rotations: FaceCase[] = [
  ...formats.flatMap(({ name, plain: text, type }): FaceCase[] => [
    {
      name: `rotate ${type}`,
      argv: ["rotate", name],
      files: { [name]: sealed(text, name) },
      ...(type === "binary" ? { differs: "binary-suffix" } : {}),
    },
    {
      name: `rotate ${type} in place`,
      argv: ["rotate", "-i", name],
      files: { [name]: sealed(text, name) },
      ...(type === "binary" ? { differs: "binary-suffix" } : {}),
    },
    {
      name: `-r ${type} in place`,
      argv: ["-r", "-i", name],
      files: { [name]: sealed(text, name) },
      ...(type === "binary" ? { differs: "binary-suffix" } : {}),
    },
  ]),
  { name: "rotate to a file", argv: ["rotate", "--output", "out", "e.yaml"], files: yaml },
  { name: "rotate in place and to a file", argv: ["rotate", "-i", "--output", "out", "e.yaml"], files: yaml },
  { name: "rotate, in place behind", argv: ["rotate", "e.yaml", "-i"], files: yaml },
  { name: "rotate: add a key", argv: ["rotate", "-i", "--add-age", bob.recipient, "e.yaml"], files: yaml },
  {
    name: "rotate: remove a key",
    argv: ["rotate", "-i", "--rm-age", bob.recipient, "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml", "--age", `${alice.recipient},${bob.recipient}`) },
  },
  {
    name: "rotate: remove a key that is not there",
    argv: ["rotate", "--rm-age", bob.recipient, "e.yaml"],
    files: yaml,
  },
  { name: "rotate: remove the only key", argv: ["rotate", "--rm-age", alice.recipient, "e.yaml"], files: yaml },
  { name: "rotate: add what is no key", argv: ["rotate", "--add-age", "nokey", "e.yaml"], files: yaml },
  {
    name: "rotate: add a key to a file that is not there",
    argv: ["rotate", "--add-age", bob.recipient, "nosuch.yaml"],
  },
  { name: "-r: add a key", argv: ["-r", "-i", "--add-age", bob.recipient, "e.yaml"], files: yaml },
  { name: "-r: add a key to a file that is not there", argv: ["-r", "--add-age", bob.recipient, "nosuch.yaml"] },
  {
    name: "-r where no rule matches",
    argv: ["-r", "e.yaml"],
    files: { ...yaml, ".sops.yaml": toOthers },
    differs: "rule-for-existing-files",
  },
  { name: "rotate where no rule matches", argv: ["rotate", "e.yaml"], files: { ...yaml, ".sops.yaml": toOthers } },
  { name: "rotate nothing", argv: ["rotate"] },
  { name: "rotate a file that is not there", argv: ["rotate", "nosuch.yaml"] },
  { name: "rotate a pattern", argv: ["rotate", "*.yaml"], files: yaml },
  { name: "-r of a file that is not there", argv: ["-r", "nosuch.yaml"] },
  { name: "rotate a folder", argv: ["rotate", "d"], files: { "d/x": "" } },
  { name: "rotate a plain file", argv: ["rotate", "f.yaml"], files: plain },
  { name: "rotate with another key", argv: ["rotate", "e.yaml"], files: yaml, env: { SOPS_AGE_KEY: bob.identity } },
  { name: "rotate two files", argv: ["rotate", "-i", "e.yaml", "e.json"], files: { ...yaml, ...json } },
  { name: "rotate as JSON", argv: ["rotate", "--output-type", "json", "e.yaml"], files: yaml, differs: "format-kept" },
  { name: "rotate with an order", argv: ["rotate", "--decryption-order", "age,age", "e.yaml"], files: yaml },
];

const updates: FaceCase[] = [
  { name: "updatekeys: one more", argv: ["updatekeys", "-y", "e.yaml"], files: { ...yaml, ".sops.yaml": toBoth } },
  {
    name: "updatekeys: --yes behind",
    argv: ["updatekeys", "e.yaml", "--yes"],
    files: { ...yaml, ".sops.yaml": toBoth },
  },
  { name: "updatekeys: y", argv: ["updatekeys", "e.yaml"], files: { ...yaml, ".sops.yaml": toBoth }, stdin: "y\n" },
  { name: "updatekeys: n", argv: ["updatekeys", "e.yaml"], files: { ...yaml, ".sops.yaml": toBoth }, stdin: "n\n" },
  {
    name: "updatekeys: an empty answer",
    argv: ["updatekeys", "e.yaml"],
    files: { ...yaml, ".sops.yaml": toBoth },
    stdin: "\n",
  },
  { name: "updatekeys: no answer", argv: ["updatekeys", "e.yaml"], files: { ...yaml, ".sops.yaml": toBoth } },
  {
    name: "updatekeys: nothing to do",
    argv: ["updatekeys", "-y", "e.yaml"],
    files: { ...yaml, ".sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\n` },
  },
  {
    name: "updatekeys: another one",
    argv: ["updatekeys", "-y", "e.yaml"],
    files: { ...yaml, ".sops.yaml": `creation_rules:\n  - age: ${bob.recipient}\n` },
  },
  { name: "updatekeys without a configuration", argv: ["updatekeys", "-y", "e.yaml"], files: yaml },
  { name: "updatekeys without a file", argv: ["updatekeys", "-y"], files: { ".sops.yaml": toBoth } },
  { name: "updatekeys without anything", argv: ["updatekeys"] },
  {
    name: "updatekeys where no rule matches",
    argv: ["updatekeys", "-y", "e.yaml"],
    files: { ...yaml, ".sops.yaml": toOthers },
  },
  {
    name: "updatekeys of a file that is not there",
    argv: ["updatekeys", "-y", "nosuch.yaml"],
    files: { ".sops.yaml": toBoth },
  },
  {
    name: "updatekeys of a plain file",
    argv: ["updatekeys", "-y", "f.yaml"],
    files: { ...plain, ".sops.yaml": toBoth },
  },
  {
    name: "updatekeys of two files",
    argv: ["updatekeys", "-y", "e.yaml", "e.json"],
    files: { ...yaml, ...json, ".sops.yaml": toBoth },
  },
  {
    name: "updatekeys of two files, of which one fails",
    argv: ["updatekeys", "-y", "f.yaml", "e.json"],
    files: { ...plain, ...json, ".sops.yaml": toBoth },
  },
  {
    name: "updatekeys with another key",
    argv: ["updatekeys", "-y", "e.yaml"],
    files: { ...yaml, ".sops.yaml": toBoth },
    env: { SOPS_AGE_KEY: bob.identity },
  },
  {
    name: "updatekeys of a text",
    argv: ["updatekeys", "-y", "e.txt"],
    files: { "e.txt": sealed(TEXT, "f.txt"), ".sops.yaml": toBoth },
    differs: "binary-suffix",
  },
  { name: "groups add", argv: ["groups", "add", "--file", "e.yaml", "--age", bob.recipient], files: yaml },
  {
    name: "groups add in place, with a threshold",
    argv: ["groups", "add", "-i", "-f", "e.yaml", "--age", bob.recipient, "--shamir-secret-sharing-threshold", "1"],
    files: yaml,
    differs: "threshold-of-one",
  },
  { name: "groups add without a file", argv: ["groups", "add", "--age", bob.recipient] },
  { name: "groups add without keys", argv: ["groups", "add", "-f", "e.yaml"], files: yaml, differs: "empty-groups" },
  { name: "groups add with a word", argv: ["groups", "add", "-f", "e.yaml", "--age", bob.recipient, "x"], files: yaml },
  {
    name: "groups add to a file that is not there",
    argv: ["groups", "add", "-f", "nosuch.yaml", "--age", bob.recipient],
  },
  {
    name: "groups delete the only group",
    argv: ["groups", "delete", "-f", "e.yaml", "0"],
    files: yaml,
    differs: "empty-groups",
  },
  { name: "groups delete what is no number", argv: ["groups", "delete", "-f", "e.yaml", "x"], files: yaml },
  { name: "groups delete nothing", argv: ["groups", "delete", "-f", "e.yaml"], files: yaml },
  {
    name: "groups delete a group that is not there",
    argv: ["groups", "delete", "-f", "e.yaml", "5"],
    files: yaml,
    differs: "no-such-group",
  },
];

/** Editors are scripts: `EDITOR` gets the file as its last word. */
const edits: FaceCase[] = [
  {
    name: "edit with the metadata",
    argv: ["edit", "-s", "e.yaml"],
    files: yaml,
    env: { EDITOR: "sed -i s/secret/changed/" },
    differs: "edit-with-metadata",
  },
  { name: "edit", argv: ["edit", "e.yaml"], files: yaml, env: { EDITOR: "sed -i s/secret/changed/" } },
  { name: "edit without the word", argv: ["e.yaml"], files: yaml, env: { EDITOR: "sed -i s/secret/changed/" } },
  {
    name: "edit by SOPS_EDITOR",
    argv: ["e.yaml"],
    files: yaml,
    env: { EDITOR: "false", SOPS_EDITOR: "sed -i s/secret/changed/" },
  },
  {
    name: "edit with quotes in EDITOR",
    argv: ["e.yaml"],
    files: yaml,
    env: { EDITOR: "sed -i 's/secret/two words/'" },
  },
  { name: "edit json", argv: ["e.json"], files: json, env: { EDITOR: "sed -i s/1.5/2.5/" } },
  { name: "edit dotenv", argv: ["e.env"], files: dotenv, env: { EDITOR: "sed -i s/A=b/A=c/" } },
  {
    name: "edit a text",
    argv: ["e.txt"],
    files: { "e.txt": sealed(TEXT, "f.txt") },
    env: { EDITOR: "sed -i s/just/more/" },
    differs: "binary-suffix",
  },
  {
    name: "edit by types",
    argv: ["--input-type", "yaml", "--output-type", "yaml", "e"],
    files: { e: sealed(YAML, "f.yaml") },
    env: { EDITOR: "sed -i s/secret/changed/" },
  },
  {
    name: "edit with the configuration of nothing",
    argv: ["--config", "/dev/null", "--output-type", "yaml", "--input-type", "yaml", "e.yaml"],
    files: yaml,
    env: { EDITOR: "sed -i s/secret/changed/" },
  },
  {
    name: "edit passing over the MAC",
    argv: ["--ignore-mac", "e.yaml"],
    files: yaml,
    env: { EDITOR: "sed -i s/secret/changed/" },
    differs: "mac-said",
  },
  { name: "edit and change nothing", argv: ["e.yaml"], files: yaml, env: { EDITOR: "true" } },
  { name: "edit with an editor that fails", argv: ["e.yaml"], files: yaml, env: { EDITOR: "false" } },
  { name: "edit with an editor that is not there", argv: ["e.yaml"], files: yaml, env: { EDITOR: "/nosuch/editor" } },
  { name: "edit a plain file", argv: ["f.yaml"], files: plain, env: { EDITOR: "true" } },
  { name: "edit with another key", argv: ["e.yaml"], files: yaml, env: { EDITOR: "true", SOPS_AGE_KEY: bob.identity } },
  { name: "edit nothing", argv: ["edit"] },
  {
    name: "edit a new file",
    argv: ["new.yaml"],
    files: { "new.txt": "a: b\n" },
    env: { EDITOR: "cp new.txt", SOPS_AGE_RECIPIENTS: alice.recipient },
  },
  {
    name: "edit a new file, with flags",
    argv: ["--age", alice.recipient, "--encrypted-regex", "^a$", "new.yaml"],
    files: { "new.txt": "a: b\nc: d\n" },
    env: { EDITOR: "cp new.txt" },
  },
  { name: "edit a new file with nobody to read it", argv: ["new.yaml"], env: { EDITOR: "true" } },
  {
    name: "edit a new file where no rule matches",
    argv: ["new.yaml"],
    files: { ".sops.yaml": toOthers },
    env: { EDITOR: "true" },
  },
  {
    name: "edit where no rule matches",
    argv: ["e.yaml"],
    files: { ...yaml, ".sops.yaml": toOthers },
    env: { EDITOR: "sed -i s/secret/changed/" },
    differs: "rule-for-existing-files",
  },
  {
    name: "the word edit where no rule matches",
    argv: ["edit", "e.yaml"],
    files: { ...yaml, ".sops.yaml": toOthers },
    env: { EDITOR: "sed -i s/secret/changed/" },
  },
];

const programs: FaceCase[] = [
  { name: "exec-env", argv: ["exec-env", "e.env", "echo $A $N"], files: flat },
  {
    name: "exec-env: json",
    argv: ["exec-env", "e.json", "echo $a $n"],
    files: { "e.json": sealed('{"a": "b", "n": 5, "f": 1.5, "t": true}', "f.json") },
  },
  {
    name: "exec-env: numbers and booleans",
    argv: ["exec-env", "e.json", "echo $n $f $t"],
    files: { "e.json": sealed('{"n": 5, "f": 1.5, "t": true}', "f.json") },
  },
  {
    name: "exec-env: null",
    argv: ["exec-env", "e.json", "echo x$n,"],
    files: { "e.json": sealed('{"n": null, "a": "b"}', "f.json") },
    differs: "null-as-nothing",
  },
  { name: "exec-env: a mapping", argv: ["exec-env", "e.yaml", "echo"], files: yaml },
  { name: "exec-env: ini", argv: ["exec-env", "e.ini", "echo"], files: { "e.ini": sealed(INI, "f.ini") } },
  { name: "exec-env: status", argv: ["exec-env", "e.env", "exit 7"], files: flat },
  { name: "exec-env: standard input", argv: ["exec-env", "e.env", "cat"], files: flat, stdin: "in" },
  { name: "exec-env: pristine", argv: ["exec-env", "--pristine", "e.env", "echo $A$HOME"], files: flat },
  { name: "exec-env: in the same process", argv: ["exec-env", "--same-process", "e.env", "echo $A"], files: flat },
  {
    name: "exec-env: in the same process, and in the background",
    argv: ["exec-env", "--same-process", "--background", "e.env", "echo $A"],
    files: flat,
  },
  { name: "exec-env: no command", argv: ["exec-env", "e.env"], files: flat },
  { name: "exec-env: nothing", argv: ["exec-env"] },
  { name: "exec-env: too much", argv: ["exec-env", "e.env", "echo", "x"], files: flat },
  { name: "exec-env: a file that is not there", argv: ["exec-env", "nosuch.env", "echo"] },
  { name: "exec-env: a plain file", argv: ["exec-env", "f.env", "echo"], files: { "f.env": "A=b\n" } },
  {
    name: "exec-env: another key",
    argv: ["exec-env", "e.env", "echo"],
    files: flat,
    env: { SOPS_AGE_KEY: bob.identity },
  },
  { name: "exec-env: a user that is not there", argv: ["exec-env", "--user", "nosuch", "e.env", "echo"], files: flat },
  { name: "exec-env: a program that is not there", argv: ["exec-env", "e.env", "/nosuch/program"], files: flat },
  { name: "exec-file", argv: ["exec-file", "e.yaml", "cat {}"], files: yaml },
  { name: "exec-file: no pipe", argv: ["exec-file", "--no-fifo", "e.yaml", "cat {} {}"], files: yaml },
  { name: "exec-file: as JSON", argv: ["exec-file", "--output-type", "json", "e.yaml", "cat {}"], files: yaml },
  {
    name: "exec-file: as dotenv",
    argv: ["exec-file", "--output-type", "dotenv", "e.json", "cat {}"],
    files: { "e.json": sealed('{"a": "b"}', "f.json") },
  },
  {
    name: "exec-file: a name",
    argv: ["exec-file", "--no-fifo", "--filename", "x.yaml", "e.yaml", "basename {}"],
    files: yaml,
  },
  {
    name: "exec-file: a name elsewhere",
    argv: ["exec-file", "--filename", "../x", "e.yaml", "cat {}"],
    files: yaml,
    differs: "exec-file-names",
  },
  { name: "exec-file: status", argv: ["exec-file", "e.yaml", "exit 7"], files: yaml },
  { name: "exec-file: no command", argv: ["exec-file", "e.yaml"], files: yaml },
  { name: "exec-file: a file that is not there", argv: ["exec-file", "nosuch.yaml", "cat {}"] },
  {
    name: "exec-file: another key",
    argv: ["exec-file", "e.yaml", "cat {}"],
    files: yaml,
    env: { SOPS_AGE_KEY: bob.identity },
  },
];

const destination = "destination_rules:\n  - path_regex: ^e\n    s3_bucket: b\n";
/** What is wrong before anything is sent anywhere. */
const publications: FaceCase[] = [
  { name: "publish without a configuration", argv: ["publish", "e.yaml"], files: yaml },
  { name: "publish nothing", argv: ["publish"], files: { ".sops.yaml": destination } },
  { name: "publish what is not there", argv: ["publish", "nosuch.yaml"], files: { ".sops.yaml": destination } },
  {
    name: "publish a folder",
    argv: ["publish", "-y", "d"],
    files: { "d/e.yaml": sealed(YAML, "f.yaml"), ".sops.yaml": destination },
  },
  {
    name: "publish where no rule matches",
    argv: ["publish", "-y", "x.yaml"],
    files: { "x.yaml": sealed(YAML, "f.yaml"), ".sops.yaml": destination },
  },
  {
    name: "publish to two places at once",
    argv: ["publish", "-y", "e.yaml"],
    files: { ...yaml, ".sops.yaml": `${destination}    gcs_bucket: c\n` },
  },
  {
    name: "publish a plain file",
    argv: ["publish", "-y", "e.yaml"],
    files: { "e.yaml": YAML, ".sops.yaml": destination },
  },
];

const completions: FaceCase[] = [
  ["--generate-bash-completion"],
  ["decrypt", "--generate-bash-completion"],
  ["groups", "--generate-bash-completion"],
  ["completion", "bash"],
  ["completion", "zsh"],
].map((argv): FaceCase => ({ name: `completion: ${argv.join(" ")}`, argv, differs: "completion-words" }));

export const changeCases: readonly FaceCase[] = [
  ...values,
  ...sets,
  ...rotations,
  ...updates,
  ...edits,
  ...programs,
  ...publications,
  ...completions,
];
