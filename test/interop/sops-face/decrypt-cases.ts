import { alice, bob } from "../../support/sops.ts";
import { type FaceCase, sealed, sealedWith } from "./case.ts";
import { BYTES, DOTENV, FLAT_JSON, formats, INI, JSON_TEXT, TEXT, TWO_DOCUMENTS, YAML } from "./plain.ts";

/** `sops decrypt`. */

const yaml = { "e.yaml": sealed(YAML, "f.yaml") };
const json = { "e.json": sealed(JSON_TEXT, "f.json") };
const dotenv = { "e.env": sealed(DOTENV, "f.env") };
const ini = { "e.ini": sealed(INI, "f.ini") };
const binary = { "e.txt": sealed(TEXT, "f.txt") };
const documents = { "e.yaml": sealed(TWO_DOCUMENTS, "f.yaml") };
const types = ["yaml", "json", "dotenv", "ini", "binary"] as const;

const everyFormat: FaceCase[] = formats.flatMap(({ name, plain, type }): FaceCase[] => {
  const files = { [name]: sealed(plain, name) };
  return [
    { name: `decrypt ${type} to standard output`, argv: ["decrypt", name], files },
    { name: `decrypt ${type} in place`, argv: ["decrypt", "-i", name], files },
    { name: `decrypt ${type} in place, the long flag behind`, argv: ["decrypt", name, "--in-place"], files },
    {
      name: `decrypt ${type} to a file`,
      argv: ["decrypt", "--output", "out", name],
      files,
      differs: "mode-of-plaintext",
    },
    {
      name: `decrypt ${type} over a file`,
      argv: ["decrypt", name, "--output", "out"],
      files: { ...files, out: "old" },
    },
    {
      name: `decrypt ${type} from standard input, by type`,
      argv: ["decrypt", "--input-type", type, "--output-type", type],
      stdin: sealed(plain, name),
    },
    {
      name: `decrypt ${type} from standard input, by name`,
      argv: ["decrypt", "--filename-override", `x/${name}`],
      stdin: sealed(plain, name),
    },
    {
      name: `decrypt ${type} from /dev/stdin`,
      argv: ["decrypt", "--input-type", type, "--output-type", type, "/dev/stdin"],
      stdin: sealed(plain, name),
    },
    {
      name: `decrypt ${type} under a name that tells nothing`,
      argv: ["decrypt", "--input-type", type, "--output-type", type, "e"],
      files: { e: sealed(plain, name) },
    },
    {
      name: `decrypt ${type} from a folder`,
      argv: ["decrypt", `d/${name}`],
      files: { [`d/${name}`]: sealed(plain, name) },
    },
    { name: `decrypt ${type} without a key`, argv: ["decrypt", name], files, env: { SOPS_AGE_KEY: undefined } },
    { name: `decrypt ${type} with another key`, argv: ["decrypt", name], files, env: { SOPS_AGE_KEY: bob.identity } },
    { name: `decrypt ${type} that is not encrypted`, argv: ["decrypt", name], files: { [name]: plain } },
    {
      name: `decrypt ${type}, passing over the MAC`,
      argv: ["decrypt", "--ignore-mac", name],
      files,
      differs: "mac-said",
    },
    ...types
      .filter((other) => other !== type)
      .map(
        (other): FaceCase => ({
          name: `decrypt ${type} as ${other}`,
          argv: ["decrypt", "--output-type", other, name],
          files,
        }),
      ),
  ];
});

const paths = [
  ["string", '["a"]'],
  ["string in single quotes", "['a']"],
  ["integer", '["n"]'],
  ["float", '["f"]'],
  ["boolean", '["t"]'],
  ["null", '["nul"]'],
  ["mapping", '["m"]'],
  ["string in a mapping", '["m"]["k"]'],
  ["list", '["l"]'],
  ["nothing: the whole file", ""],
  ["a key that is not there", '["zz"]'],
  ["an index that is not there", '["l"][9]'],
  ["a path without brackets", "a"],
  ["an unclosed bracket", '["a"'],
  ["a bare word in brackets", "[a]"],
] as const;

const extracts: FaceCase[] = [
  ...paths.flatMap(([what, path]): FaceCase[] => [
    { name: `extract from yaml: ${what}`, argv: ["decrypt", "--extract", path, "e.yaml"], files: yaml },
    { name: `extract from json: ${what}`, argv: ["decrypt", "--extract", path, "e.json"], files: json },
    {
      name: `extract from yaml as json: ${what}`,
      argv: ["decrypt", "--extract", path, "--output-type", "json", "e.yaml"],
      files: yaml,
    },
    {
      name: `extract from json as yaml: ${what}`,
      argv: ["decrypt", "--extract", path, "--output-type", "yaml", "e.json"],
      files: json,
    },
  ]),
  ...["dotenv", "ini", "binary"].flatMap((type): FaceCase[] =>
    ['["a"]', '["n"]', '["m"]', '["l"]', '["t"]', '["f"]', '["nul"]'].map((path) => ({
      name: `extract ${path} as ${type}`,
      argv: ["decrypt", "--extract", path, "--output-type", type, "e.json"],
      files: json,
      ...(type === "ini" && path === '["l"]' ? { differs: "mapping-in-a-list-as-ini" } : {}),
    })),
  ),
  { name: "extract: a string of several lines", argv: ["decrypt", "--extract", '["text"]', "e.yaml"], files: yaml },
  { name: "extract: an empty string", argv: ["decrypt", "--extract", '["empty"]', "e.yaml"], files: yaml },
  { name: "extract: a mapping in a mapping", argv: ["decrypt", "--extract", '["m"]["deep"]', "e.yaml"], files: yaml },
  { name: "extract: a clear value", argv: ["decrypt", "--extract", '["clear_unencrypted"]', "e.yaml"], files: yaml },
  { name: "extract: the flag behind the file", argv: ["decrypt", "e.yaml", "--extract", '["a"]'], files: yaml },
  { name: "extract: the flag with an equals sign", argv: ["decrypt", '--extract=["a"]', "e.yaml"], files: yaml },
  { name: "extract: with one dash", argv: ["decrypt", "-extract", '["a"]', "e.yaml"], files: yaml },
  {
    name: "extract: a list element behind a comment",
    argv: ["decrypt", "--extract", '["l"][1]', "e.yaml"],
    files: yaml,
  },
  { name: "extract: a later list element", argv: ["decrypt", "--extract", '["l"][2]', "e.yaml"], files: yaml },
  { name: "extract: a mapping in a list", argv: ["decrypt", "--extract", '["l"][3]["k"]', "e.yaml"], files: yaml },
  {
    name: "extract: a comment in a list",
    argv: ["decrypt", "--extract", '["l"][0]', "e.yaml"],
    files: yaml,
    differs: "extract-comment",
  },
  { name: "extract: an element of JSON", argv: ["decrypt", "--extract", '["l"][0]', "e.json"], files: json },
  { name: "extract: a mapping in a list of JSON", argv: ["decrypt", "--extract", '["l"][2]', "e.json"], files: json },
  {
    name: "extract: to a file",
    argv: ["decrypt", "--extract", '["a"]', "--output", "out", "e.yaml"],
    files: { ...yaml, out: "" },
  },
  {
    name: "extract: from standard input",
    argv: ["decrypt", "--extract", '["a"]', "--input-type", "yaml", "--output-type", "yaml"],
    stdin: sealed(YAML, "f.yaml"),
  },
  { name: "extract: a variable", argv: ["decrypt", "--extract", '["A"]', "e.env"], files: dotenv },
  { name: "extract: a variable of several lines", argv: ["decrypt", "--extract", '["LINES"]', "e.env"], files: dotenv },
  {
    name: "extract: a section",
    argv: ["decrypt", "--extract", '["one"]', "e.ini"],
    files: ini,
  },
  { name: "extract: a key of a section", argv: ["decrypt", "--extract", '["one"]["a"]', "e.ini"], files: ini },
  {
    name: "extract: a section as json",
    argv: ["decrypt", "--extract", '["one"]', "--output-type", "json", "e.ini"],
    files: ini,
  },
  { name: "extract: the data of a binary file", argv: ["decrypt", "--extract", '["data"]', "e.txt"], files: binary },
  {
    name: "extract: a key of the second document",
    argv: ["decrypt", "--extract", '["other"]', "e.yaml"],
    files: documents,
  },
  { name: "extract: a string of two documents", argv: ["decrypt", "--extract", '["a"]', "e.yaml"], files: documents },
  {
    name: "extract: a mapping of two documents",
    argv: ["decrypt", "--extract", '["m"]', "e.yaml"],
    files: documents,
    differs: "extract-other-documents",
  },
  {
    name: "extract in place",
    argv: ["decrypt", "-i", "--extract", '["a"]', "e.yaml"],
    files: yaml,
    differs: "extract-in-place",
  },
  {
    name: "extract in place, the flag behind",
    argv: ["decrypt", "-i", "e.yaml", "--extract", '["a"]'],
    files: yaml,
    differs: "flags-behind-a-switch",
  },
  {
    name: "extract: a negative index",
    argv: ["decrypt", "--extract", '["l"][-1]', "e.yaml"],
    files: yaml,
    differs: "malformed-paths",
  },
  {
    name: "extract: empty brackets",
    argv: ["decrypt", "--extract", "[]", "e.yaml"],
    files: yaml,
    differs: "malformed-paths",
  },
  {
    name: "extract: a key of a string",
    argv: ["decrypt", "--extract", '["a"]["b"]', "e.yaml"],
    files: yaml,
    differs: "malformed-paths",
  },
  {
    name: "extract: an index of a mapping",
    argv: ["decrypt", "--extract", '["m"][0]', "e.yaml"],
    files: yaml,
    differs: "malformed-paths",
  },
  {
    name: "extract: an index of a string",
    argv: ["decrypt", "--extract", '["a"][0]', "e.yaml"],
    files: yaml,
  },
  {
    name: "extract: a key with a bracket in it",
    argv: ["decrypt", "--extract", '["a[b"]', "e.yaml"],
    files: { "e.yaml": sealed("a[b: c\n", "f.yaml") },
    differs: "brackets-in-keys",
  },
  {
    name: "extract: a key with a closing bracket in it",
    argv: ["decrypt", "--extract", '["a]b"]', "e.yaml"],
    files: { "e.yaml": sealed('"a]b": c\n', "f.yaml") },
  },
  {
    name: "extract: a key with quotes in it",
    argv: ["decrypt", "--extract", `["a"b"]`, "e.json"],
    files: { "e.json": sealed('{"a\\"b": "c"}', "f.json") },
  },
  {
    name: "extract: a key of digits",
    argv: ["decrypt", "--extract", '["1"]', "e.yaml"],
    files: { "e.yaml": sealed('"1": c\n', "f.yaml") },
  },
];

const mac =
  "ENC[AES256_GCM,data:AAAA,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]";

const failures: FaceCase[] = [
  { name: "decrypt a file that is not there", argv: ["decrypt", "nosuch.yaml"] },
  { name: "decrypt a folder", argv: ["decrypt", "d"], files: { "d/x": "" } },
  { name: "decrypt broken YAML", argv: ["decrypt", "e.yaml"], files: { "e.yaml": "a: [" } },
  { name: "decrypt broken JSON", argv: ["decrypt", "e.json"], files: { "e.json": '{"a": ' } },
  { name: "decrypt text that is no envelope", argv: ["decrypt", "e.txt"], files: { "e.txt": TEXT } },
  { name: "decrypt an empty YAML file", argv: ["decrypt", "e.yaml"], files: { "e.yaml": "" } },
  { name: "decrypt an empty JSON file", argv: ["decrypt", "e.json"], files: { "e.json": "" } },
  { name: "decrypt an empty dotenv file", argv: ["decrypt", "e.env"], files: { "e.env": "" } },
  { name: "decrypt an empty INI file", argv: ["decrypt", "e.ini"], files: { "e.ini": "" } },
  { name: "decrypt empty standard input", argv: ["decrypt"] },
  { name: "decrypt plain JSON as binary", argv: ["decrypt", "e"], files: { e: FLAT_JSON } },
  {
    name: "decrypt a JSON file under a name that tells nothing",
    argv: ["decrypt", "e"],
    files: { e: sealed(FLAT_JSON, "f.json") },
  },
  {
    name: "decrypt a JSON file under a name that tells nothing, as json",
    argv: ["decrypt", "--output-type", "json", "e"],
    files: { e: sealed(FLAT_JSON, "f.json") },
  },
  {
    name: "decrypt a YAML file under a name that tells nothing",
    argv: ["decrypt", "e"],
    files: { e: sealed(YAML, "f.yaml") },
  },
  { name: "decrypt YAML as if it were JSON", argv: ["decrypt", "--input-type", "json", "e.yaml"], files: yaml },
  {
    name: "decrypt JSON as if it were YAML",
    argv: ["decrypt", "--input-type", "yaml", "--output-type", "json", "e.json"],
    files: json,
  },
  { name: "decrypt JSON as if it were dotenv", argv: ["decrypt", "--input-type", "dotenv", "e.json"], files: json },
  { name: "decrypt standard input in place", argv: ["decrypt", "-i"], stdin: sealed(YAML, "f.yaml") },
  { name: "decrypt in place and to a file", argv: ["decrypt", "-i", "--output", "out", "e.yaml"], files: yaml },
  { name: "decrypt to a folder that is not there", argv: ["decrypt", "--output", "no/out", "e.yaml"], files: yaml },
  { name: "decrypt to a folder", argv: ["decrypt", "--output", "d", "e.yaml"], files: { ...yaml, "d/x": "" } },
  {
    name: "decrypt with one key type twice in the order",
    argv: ["decrypt", "--decryption-order", "age,age", "e.yaml"],
    files: yaml,
  },
  { name: "decrypt in an order of types", argv: ["decrypt", "--decryption-order", "pgp,age", "e.yaml"], files: yaml },
  {
    name: "decrypt in an order of types that are none",
    argv: ["decrypt", "--decryption-order", "x,y", "e.yaml"],
    files: yaml,
    differs: "unknown-types-said",
  },
  {
    name: "decrypt in an order from the environment",
    argv: ["decrypt", "e.yaml"],
    files: yaml,
    env: { SOPS_DECRYPTION_ORDER: "age,age" },
  },
  {
    name: "decrypt without the keys at hand",
    argv: ["decrypt", "--enable-local-keyservice=false", "e.yaml"],
    files: yaml,
  },
  {
    name: "decrypt without the keys at hand, by the environment",
    argv: ["decrypt", "e.yaml"],
    files: yaml,
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "false" },
  },
  {
    name: "decrypt with a variable that is set to nothing",
    argv: ["decrypt", "e.yaml"],
    files: yaml,
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "" },
  },
  {
    name: "decrypt with a variable that is no boolean",
    argv: ["decrypt", "e.yaml"],
    files: yaml,
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "x" },
  },
  {
    name: "decrypt with the flag against the variable",
    argv: ["decrypt", "--enable-local-keyservice", "e.yaml"],
    files: yaml,
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "false" },
  },
  {
    name: "decrypt with a key service that is not there",
    argv: ["decrypt", "--keyservice", "unix:///nosuch.sock", "e.yaml"],
    files: yaml,
  },
  {
    name: "decrypt with a key service of no address",
    argv: ["decrypt", "--keyservice", "nonsense", "e.yaml"],
    files: yaml,
    differs: "key-service-address",
  },
  {
    name: "decrypt with a bad age key beside the good one",
    argv: ["decrypt", "e.yaml"],
    files: yaml,
    env: { SOPS_AGE_KEY_FILE: "nosuch" },
  },
  {
    name: "decrypt with a key file",
    argv: ["decrypt", "e.yaml"],
    files: { ...yaml, keys: `${alice.identity}\n` },
    env: { SOPS_AGE_KEY: undefined, SOPS_AGE_KEY_FILE: "keys" },
  },
  {
    name: "decrypt with a command that prints the key",
    argv: ["decrypt", "e.yaml"],
    files: { ...yaml, keys: alice.identity },
    env: { SOPS_AGE_KEY: undefined, SOPS_AGE_KEY_CMD: "cat keys" },
  },
  {
    name: "decrypt a file for two",
    argv: ["decrypt", "e.yaml"],
    files: { "e.yaml": sealed(YAML, "f.yaml", "--age", `${bob.recipient},${alice.recipient}`) },
  },
  ...["yaml", "json"].map(
    (type): FaceCase => ({
      name: `decrypt ${type} with two operands`,
      argv: ["decrypt", `e.${type}`, "more"],
      files: { ...yaml, ...json },
    }),
  ),
  { name: "decrypt with an unknown flag behind the file", argv: ["decrypt", "e.yaml", "--nosuch"], files: yaml },
  { name: "decrypt with -- in front of the file", argv: ["decrypt", "--", "e.yaml"], files: yaml },
  { name: "decrypt bytes", argv: ["decrypt", "e.bin"], files: { "e.bin": sealed(BYTES, "f.bin") } },
  {
    name: "decrypt bytes as json",
    argv: ["decrypt", "--output-type", "json", "e.bin"],
    files: { "e.bin": sealed(BYTES, "f.bin") },
    differs: "bytes-as-json",
  },
  { name: "decrypt two documents", argv: ["decrypt", "e.yaml"], files: documents },
  {
    name: "decrypt two documents as json",
    argv: ["decrypt", "--output-type", "json", "e.yaml"],
    files: documents,
    differs: "losses-said",
  },
  {
    name: "decrypt a flat YAML file as dotenv",
    argv: ["decrypt", "--output-type", "dotenv", "e.yaml"],
    files: { "e.yaml": sealed("# note\na: b\nn: 5\nt: true\n", "f.yaml") },
  },
  {
    name: "decrypt YAML of two levels as ini",
    argv: ["decrypt", "--output-type", "ini", "e.yaml"],
    files: { "e.yaml": sealed("s:\n    # note\n    a: b\n    n: 5\n", "f.yaml") },
  },
  ...["yaml", "json", "env", "ini"].map(
    (type): FaceCase => ({
      name: `decrypt an upper-case name: .${type.toUpperCase()}`,
      argv: ["decrypt", `e.${type.toUpperCase()}`],
      files: { [`e.${type.toUpperCase()}`]: sealed(TEXT, "f.txt") },
    }),
  ),
  {
    name: "decrypt .env.local as binary",
    argv: ["decrypt", "e.env.local"],
    files: { "e.env.local": sealed(TEXT, "f.txt") },
  },
  {
    name: "decrypt .yaml.enc as binary",
    argv: ["decrypt", "e.yaml.enc"],
    files: { "e.yaml.enc": sealed(TEXT, "f.txt") },
  },
  { name: "decrypt .toml as binary", argv: ["decrypt", "e.toml"], files: { "e.toml": sealed(TEXT, "f.txt") } },
  { name: "decrypt a file called .env", argv: ["decrypt", ".env"], files: { ".env": sealed(DOTENV, "f.env") } },
  { name: "decrypt a .yml file", argv: ["decrypt", "e.yml"], files: { "e.yml": sealed(YAML, "f.yaml") } },
  {
    name: "decrypt with an override of another format",
    argv: ["decrypt", "--filename-override", "x.json", "e.yaml"],
    files: yaml,
  },
  {
    name: "decrypt with an unknown input type",
    argv: ["decrypt", "--input-type", "yml", "e.yaml"],
    files: yaml,
    differs: "unknown-types-said",
  },
  {
    name: "decrypt with an unknown output type",
    argv: ["decrypt", "--output-type", "toml", "e.yaml"],
    files: yaml,
    differs: "unknown-types-said",
  },
  { name: "decrypt with empty types", argv: ["decrypt", "--input-type", "", "--output-type=", "e.yaml"], files: yaml },
];

/** What has been changed in encrypted files; each is made with a MAC or a value of another file. */
const tampered: FaceCase[] = [
  {
    name: "a MAC that is no MAC",
    argv: ["decrypt", "e.yaml"],
    files: {
      "e.yaml": `a: b\nsops:\n    mac: ${mac}\n    version: 3.11.0\n    lastmodified: "2025-01-01T00:00:00Z"\n`,
    },
  },
  {
    name: "metadata without keys",
    argv: ["decrypt", "e.json"],
    files: {
      "e.json": `{"a": "b", "sops": {"mac": "${mac}", "version": "3.11.0", "lastmodified": "2025-01-01T00:00:00Z"}}`,
    },
  },
  { name: "metadata that is a string", argv: ["decrypt", "e.json"], files: { "e.json": '{"a": "b", "sops": "x"}' } },
  { name: "empty metadata", argv: ["decrypt", "e.json"], files: { "e.json": '{"a": "b", "sops": {}}' } },
];

const layout: FaceCase[] = [
  {
    name: "decrypt with two blanks a level",
    argv: ["--indent", "2", "decrypt", "e.yaml"],
    files: yaml,
    differs: "flags-in-front",
  },
  {
    name: "decrypt JSON with two blanks a level",
    argv: ["--indent", "2", "decrypt", "e.json"],
    files: json,
    differs: "flags-in-front",
  },
  {
    name: "decrypt JSON with no blanks",
    argv: ["--indent", "0", "decrypt", "e.json"],
    files: json,
    differs: "flags-in-front",
  },
  {
    name: "decrypt YAML as JSON with three blanks",
    argv: ["--indent", "3", "decrypt", "--output-type", "json", "e.yaml"],
    files: yaml,
    differs: "flags-in-front",
  },
  {
    name: "extract a list with two blanks a level",
    argv: ["--indent", "2", "decrypt", "--extract", '["m"]', "e.json"],
    files: json,
    differs: "flags-in-front",
  },
  {
    name: "decrypt what was written with two blanks a level, with two",
    argv: ["--indent=2", "decrypt", "e.yaml"],
    files: { "e.yaml": sealedWith(["--indent", "2"], YAML, "f.yaml") },
    differs: "flags-in-front",
  },
  {
    name: "decrypt what was written with two blanks a level",
    argv: ["decrypt", "e.yaml"],
    files: { "e.yaml": sealedWith(["--indent", "2"], YAML, "f.yaml") },
    differs: "layout-kept",
  },
  {
    name: "decrypt JSON that was written with two blanks a level",
    argv: ["decrypt", "e.json"],
    files: { "e.json": sealedWith(["--indent", "2"], JSON_TEXT, "f.json") },
    differs: "layout-kept",
  },
  {
    name: "decrypt with an indentation of the configuration, as it was written",
    argv: ["decrypt", "e.yaml"],
    files: {
      "e.yaml": sealedWith(["--indent", "2"], YAML, "f.yaml"),
      ".sops.yaml": "stores:\n  yaml:\n    indent: 2\n",
    },
  },
  {
    name: "decrypt YAML as JSON with an indentation of the configuration",
    argv: ["decrypt", "--output-type", "json", "e.yaml"],
    files: { ...yaml, ".sops.yaml": "stores:\n  json:\n    indent: 1\n" },
  },
  {
    name: "decrypt with a flag of the wrong place",
    argv: ["decrypt", "--indent", "2", "e.yaml"],
    files: yaml,
    differs: "usage-on-stdout",
  },
];

const oddYaml: FaceCase[] = [
  ["a merge key as a text", '{"a": "<<"}'],
  ["a lone line break", '{"a": "\\n"}'],
  ["a Unicode line separator", '{"a": "b\\u2028c"}'],
  ["a block that begins with a blank, in a list", '{"a": [" b\\nc"]}'],
].map(([what, plain = ""]) => ({
  name: `decrypt as YAML: ${what}`,
  argv: ["decrypt", "--output-type", "yaml", "e.json"],
  files: { "e.json": sealed(plain, "f.json") },
  differs: "odd-yaml",
}));

const evenYaml: FaceCase[] = [
  ["an emoji", '{"a": "\u{1F511}", "\u{1F511}": "b"}'],
  ["a block that begins with a blank", '{"a": " b\\nc\\n"}'],
  ["a block that begins with a line break", '{"a": "\\n b\\nc"}'],
  ["a block with tabs", '{"a": "b\\n\\tc\\n"}'],
  ["a line that ends with a blank", '{"a": "b \\nc\\n"}'],
  [
    "what looks like something else",
    '{"a": ["y", "no", "1", "0x1F", "1_000", "1:30", "~", "null", "true", "=", "2001-01-01", "-", "#", ": ", "a: b", "a #b", "@a", "%a", "`a", "*a", "&a", "!a", "|", ">", "[", "{", ",", "?", "a,b", "it\'s", " a", "a ", "\\\\"]}',
  ],
].map(([what, plain = ""]) => ({
  name: `decrypt as YAML: ${what}`,
  argv: ["decrypt", "--output-type", "yaml", "e.json"],
  files: { "e.json": sealed(plain, "f.json") },
}));

const printedAnew: FaceCase[] = [
  { name: "decrypt YAML with comments at the ends of lines", plain: "a: b # note\nl:\n    - x # in a list\n" },
  { name: "decrypt YAML with texts in quotes", plain: 'a: \'b\'\nc: "d"\ne: "f\\tg"\n' },
  { name: "decrypt YAML with blocks", plain: "a: |\n    b\n    c\nd: >\n    e\n    f\n" },
  { name: "decrypt YAML in flow style", plain: "a: {b: c, d: [e, f]}\n" },
  { name: "decrypt YAML with an anchor", plain: "a: &x\n    b: c\nd: *x\n" },
].map(({ name, plain }) => ({ name, argv: ["decrypt", "e.yaml"], files: { "e.yaml": sealed(plain, "f.yaml") } }));

export const decryptCases: readonly FaceCase[] = [
  ...everyFormat,
  ...extracts,
  ...failures,
  ...tampered,
  ...layout,
  ...oddYaml,
  ...evenYaml,
  ...printedAnew,
];
