import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Config,
  type CreationRule,
  matchDestination,
  matchRule,
  parseConfig,
  type RawRecipient,
} from "../src/config.ts";
import { compilePattern } from "../src/document/pattern.ts";
import { KeyleafError } from "../src/errors.ts";

const ALICE = "age10skv2gjqpyl7j5mphs8j4tlfknjgnzg0rp4v5y32l7my8vtehefs6c9rtk";
const BOB = "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg";
const CAROL = "age1tuxyr76wykg35de3cqp8g99rhyz43whkraxl93wlplg53ywvr37s9u0w2x";

const parse = (text: string) => parseConfig(text, ".sops.yaml");

/** The only rule, or the first. */
function rule(text: string): CreationRule {
  const [first] = parse(text).creationRules ?? [];
  if (first === undefined) throw new Error("no rule");
  return first;
}

/** `key=value` of the entries of each group. */
function groups({ keyGroups }: CreationRule): string[][] {
  const show = ({ ruleKey, value }: RawRecipient) => `${ruleKey}=${typeof value === "string" ? value : "{}"}`;
  return keyGroups.map((group) => group.map(show));
}

function malformed(text: string): KeyleafError {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    expect(error.code).toBe("CONFIG_MALFORMED");
    expect(error.details.file).toBe(".sops.yaml");
    expect(error.message).toContain(`.sops.yaml: line ${error.details.line}, column ${error.details.column}: `);
    return error;
  }
  throw new Error("was accepted");
}

describe("the reference's cases", () => {
  const fixture = (name: string) =>
    parse(readFileSync(new URL(`../fixtures/sops/3.13.2/cases/${name}/.sops.yaml`, import.meta.url), "utf8"));
  const age = (value: string, line: number): RawRecipient => ({
    ruleKey: "age",
    place: "flat",
    value,
    awsProfile: "",
    line,
  });
  const none = { shamirThreshold: 0, selection: null, macOnlyEncrypted: false };

  test.each(["config-first-rule", "config-json-rule", "config-fallback-rule"])("%s", async (name) => {
    const config = fixture(name);
    expect(config).toEqual({
      fileName: ".sops.yaml",
      creationRules: [
        {
          line: 3,
          pathRegex: "^deploy/prod/.*\\.yaml$",
          keyGroups: [[age(ALICE, 6), age(BOB, 6)]],
          shamirThreshold: 0,
          selection: { rule: "encrypted_regex", pattern: "^(password|token)$" },
          macOnlyEncrypted: true,
        },
        {
          ...none,
          line: 9,
          pathRegex: "\\.json$",
          keyGroups: [[age(CAROL, 11)]],
          selection: { rule: "unencrypted_suffix", pattern: "_clear" },
        },
        { ...none, line: 12, pathRegex: null, keyGroups: [[age(BOB, 12)]] },
      ],
      destinationRules: null,
      stores: { yaml: { indent: 2 }, json: { indent: 3 } },
    } satisfies Config);
    const lineOf = async (path: string) => (await matchRule(config, path, compilePattern)).line;
    expect(await lineOf("deploy/prod/app.yaml")).toBe(3);
    expect(await lineOf("deploy/prod/app.json")).toBe(9);
    expect(await lineOf("plain.env")).toBe(12);
  });

  test("config-merge-groups: the merged ones first, in order, duplicates and all", () => {
    const { creationRules } = fixture("config-merge-groups");
    expect(creationRules).toHaveLength(1);
    expect(creationRules?.map(groups)).toEqual([[[`age=${ALICE}`, `age=${BOB}`, `age=${ALICE}`, `age=${CAROL}`]]]);
    expect(creationRules?.[0]?.keyGroups[0]?.map(({ line, place }) => [line, place])).toEqual([
      [2, "group"],
      [7, "group"],
      [7, "group"],
      [8, "group"],
    ]);
  });

  test("config-flag-conflict: the conflict is the command's", () => {
    expect(fixture("config-flag-conflict").creationRules?.[0]?.selection).toEqual({
      rule: "encrypted_regex",
      pattern: "a",
    });
  });

  test("config-two-rules-in-rule", () => {
    expect(() => fixture("config-two-rules-in-rule")).toThrow(
      expect.objectContaining({ code: "CONFIG_MALFORMED", details: { file: ".sops.yaml", line: 3, column: 5 } }),
    );
  });

  test("config-no-match", async () => {
    await expect(matchRule(fixture("config-no-match"), "plain.yaml", compilePattern)).rejects.toMatchObject({
      code: "CONFIG_NO_RULE",
      details: { file: ".sops.yaml" },
    });
  });

  test("config-invalid-regex", async () => {
    await expect(matchRule(fixture("config-invalid-regex"), "plain.yaml", compilePattern)).rejects.toMatchObject({
      code: "CONFIG_MALFORMED",
      details: { file: ".sops.yaml", line: 2 },
    });
  });
});

describe("matching", () => {
  test("an invalid pattern is an error only when the search comes to it", async () => {
    const config = parse("creation_rules:\n- path_regex: ^a$\n- path_regex: '('\n- {}\n");
    expect((await matchRule(config, "a", compilePattern)).line).toBe(2);
    await expect(matchRule(config, "b", compilePattern)).rejects.toMatchObject({
      code: "CONFIG_MALFORMED",
      details: { line: 3 },
    });
  });

  test("what is not our error passes", async () => {
    const boom = new RangeError("boom");
    const compile = () => Promise.reject(boom);
    await expect(matchRule(parse("creation_rules: [{path_regex: a}]"), "a", compile)).rejects.toBe(boom);
  });

  test.each(["creation_rules: []", "", "stores: {}"])("nothing matches in %j", async (text) => {
    await expect(matchRule(parse(text), "a", compilePattern)).rejects.toMatchObject({ code: "CONFIG_NO_RULE" });
  });
});

describe("what is missing", () => {
  test.each([
    "",
    "# only a comment\n",
    "---\n",
    "~",
    "null\n",
    "{}",
    "creation_rules:\n",
    "creation_rules: ~",
    "\uFEFF",
  ])("no rules in %j", (text) => {
    expect(parse(text)).toEqual({ fileName: ".sops.yaml", creationRules: null, destinationRules: null, stores: {} });
  });

  test("an empty list of rules is a list", () => {
    expect(parse("creation_rules: []").creationRules).toEqual([]);
  });

  test("null and empty settings count as not set", () => {
    const text = `creation_rules:
- path_regex: ''
  age:
  pgp: ~
  kms: ' , '
  key_groups: []
  aws_profile:
  shamir_threshold:
  unencrypted_suffix: ''
  encrypted_regex: ~
  encrypted_suffix: _x
  mac_only_encrypted:
stores:
  yaml:
  json: {indent: ~}
`;
    expect(rule(text)).toEqual({
      line: 2,
      pathRegex: null,
      keyGroups: [[]],
      shamirThreshold: 0,
      selection: { rule: "encrypted_suffix", pattern: "_x" },
      macOnlyEncrypted: false,
    });
    expect(parse(text).stores).toEqual({});
  });

  test("an empty rule matches everything and an empty group stays, null ones are passed over", () => {
    expect(rule("creation_rules:\n-\n- {}\n")).toMatchObject({ line: 3, pathRegex: null, keyGroups: [[]] });
    expect(rule("creation_rules: [{key_groups: [~, {}, {age: [], pgp: [~]}]}]").keyGroups).toEqual([[], []]);
  });
});

describe("flat keys", () => {
  test("one group, in the order of key types, whatever the order in the file", () => {
    const text = `creation_rules:
- hc_vault_transit_uri: https://v/v1/transit/keys/a
  azure_keyvault: [https://z/keys/a/b]
  hckms: [r:1]
  gcp_kms: projects/p
  kms: arn:a+arn:role, arn:b
  aws_profile: dev
  pgp: FP1,FP2
  age: [a1, "a2, a3"]
`;
    expect(groups(rule(text))).toEqual([
      [
        ...[
          "age=a1",
          "age=a2",
          "age=a3",
          "pgp=FP1",
          "pgp=FP2",
          "kms=arn:a+arn:role",
          "kms=arn:b",
          "gcp_kms=projects/p",
        ],
        ...["hckms=r:1", "azure_keyvault=https://z/keys/a/b", "hc_vault_transit_uri=https://v/v1/transit/keys/a"],
      ],
    ]);
    const profiles = rule(text).keyGroups[0]?.filter(({ awsProfile }) => awsProfile !== "");
    expect(profiles?.map(({ ruleKey, awsProfile, line }) => [ruleKey, awsProfile, line])).toEqual([
      ["kms", "dev", 6],
      ["kms", "dev", 6],
    ]);
  });

  test.each([
    "age: a,b,,a",
    "age: ' a , b,a '",
    "age: >-\n    a,\n    b,\n    a",
    "age: |\n    a,\n    b,a\n",
    "age: [a, 'b,a', '']",
    "age:\n  - a\n  - b\n  - a",
  ])("duplicates are kept, blanks are not: %j", (line) => {
    expect(groups(rule(`creation_rules:\n- ${line}\n`))).toEqual([["age=a", "age=b", "age=a"]]);
  });

  test("ignored when there are key groups", () => {
    expect(groups(rule("creation_rules: [{age: a, key_groups: [{age: [b]}]}]"))).toEqual([["age=b"]]);
  });

  test.each([
    "age: 12",
    "age: true",
    "age: [1.5]",
    "age: [~]",
    "age: {a: b}",
    "age: [[a]]",
    "hckms: a",
    "pgp: [12345]",
    "pgp: 0x12",
  ])("wrong type: %s", (line) => {
    expect(malformed(`creation_rules:\n- ${line}\n`).details.line).toBe(2);
  });

  test("quotes and tags make text", () => {
    expect(groups(rule("creation_rules: [{pgp: '12', age: [!!str 13, 0A12]}]"))).toEqual([
      ["age=13", "age=0A12", "pgp=12"],
    ]);
  });
});

describe("key groups", () => {
  test("every key type", () => {
    const text = `creation_rules:
- shamir_threshold: 2
  key_groups:
  - hc_vault: [https://v/v1/transit/keys/a]
    azure_keyvault:
    - {vaultUrl: https://z, key: k, version: ""}
    hckms: [{key_id: r:1}]
    gcp_kms: [{resource_id: p}]
    kms:
    - arn: arn:a
      role: arn:r
      context: {b: 1, a: x}
      aws_profile: dev
    - arn: arn:b
      role:
    pgp: [FP, 12]
    age: ["a, b"]
  - age: [c]
`;
    const { keyGroups, shamirThreshold } = rule(text);
    expect(shamirThreshold).toBe(2);
    expect(keyGroups.map((group) => group.map(({ ruleKey, value }) => [ruleKey, value]))).toEqual([
      [
        ["age", "a, b"],
        ["pgp", "FP"],
        ["pgp", "12"],
        [
          "kms",
          new Map<string, unknown>([
            ["arn", "arn:a"],
            ["role", "arn:r"],
            [
              "context",
              new Map([
                ["b", "1"],
                ["a", "x"],
              ]),
            ],
            ["aws_profile", "dev"],
          ]),
        ],
        ["kms", new Map([["arn", "arn:b"]])],
        ["gcp_kms", new Map([["resource_id", "p"]])],
        ["hckms", new Map([["key_id", "r:1"]])],
        [
          "azure_keyvault",
          new Map([
            ["vaultUrl", "https://z"],
            ["key", "k"],
            ["version", ""],
          ]),
        ],
        ["hc_vault", "https://v/v1/transit/keys/a"],
      ],
      [["age", "c"]],
    ]);
    expect(keyGroups[0]?.map(({ line }) => line)).toEqual([17, 16, 16, 10, 14, 8, 7, 6, 4]);
  });

  test("merges go into each other", () => {
    const text =
      "creation_rules: [{key_groups: [{age: [z], merge: [{merge: [{age: [a]}], pgp: [b]}, {age: [c]}, ~]}]}]";
    expect(groups(rule(text))).toEqual([["age=a", "pgp=b", "age=c", "age=z"]]);
  });

  test.each([
    "age: a",
    "age: [{recipient: a}]",
    "kms: [arn:a]",
    "kms: [{arn: [a]}]",
    "kms: [{arn: a, context: [b]}]",
    "kms: [{arn: a, context: {b: }}]",
    "kms: [{arn: a, context: {b: {c: d}}}]",
    "kms: [{arn: a, profile: b}]",
    "gcp_kms: [{resource: b}]",
    "azure_keyvault: [{vault_url: b}]",
    "merge: {age: [a]}",
    "merge: [a]",
    "aws_profile: a",
    "hc_vault_transit_uri: [a]",
  ])("malformed: %s", (group) => {
    expect(malformed(`creation_rules:\n- key_groups:\n  - ${group}\n`).details.line).toBe(3);
  });
});

describe("wrong types", () => {
  test.each<readonly [text: string, line: number, column: number]>([
    ["- a\n", 1, 1],
    ["just text", 1, 1],
    ["creation_rules: a", 1, 17],
    ["creation_rules:\n  age: a", 2, 3],
    ["creation_rules:\n- a\n", 2, 3],
    ["creation_rules:\n- path_regex: [a]", 2, 15],
    ["creation_rules:\n- encrypted_regex: {a: b}", 2, 20],
    ["creation_rules:\n- mac_only_encrypted: maybe", 2, 23],
    ["creation_rules:\n- mac_only_encrypted: [true]", 2, 23],
    ["creation_rules:\n- mac_only_encrypted: 1", 2, 23],
    ["creation_rules:\n- shamir_threshold: two", 2, 21],
    ["creation_rules:\n- shamir_threshold: '2'", 2, 21],
    ["creation_rules:\n- shamir_threshold: 2.5", 2, 21],
    ["creation_rules:\n- shamir_threshold: -1", 2, 21],
    ["creation_rules:\n- shamir_threshold: 99999999999999999999", 2, 21],
    ["creation_rules:\n- key_groups: {age: [a]}", 2, 15],
    ["destination_rules: {}", 1, 20],
    ["stores: []", 1, 9],
    ["stores: {yaml: 2}", 1, 16],
    ["stores: {yaml: {indent: a}}", 1, 25],
    ["stores: {yaml: {indent: -1}}", 1, 25],
    ["stores: {json: {indent: -2}}", 1, 25],
    ["stores: {dotenv: 1}", 1, 18],
    ["[a]: b", 1, 1],
  ])("%j", (text, line, column) => {
    expect(malformed(text).details).toEqual({ file: ".sops.yaml", line, column });
  });

  test("scalars are text where text is wanted", () => {
    expect(rule("creation_rules: [{path_regex: 12, encrypted_suffix: true, aws_profile: 1e3}]")).toMatchObject({
      pathRegex: "12",
      selection: { rule: "encrypted_suffix", pattern: "true" },
    });
  });

  test.each(["true", "True", "yes", "on", "Y"])("%s is true", (word) => {
    expect(rule(`creation_rules: [{mac_only_encrypted: ${word}}]`).macOnlyEncrypted).toBe(true);
  });

  test.each(["false", "no", "OFF", "n"])("%s is false", (word) => {
    expect(rule(`creation_rules: [{mac_only_encrypted: ${word}}]`).macOnlyEncrypted).toBe(false);
  });
});

test("stores", () => {
  expect(
    parse("stores: {yaml: {indent: 2}, json: {indent: -1}, json_binary: {indent: 0}, dotenv: {}, ini: }").stores,
  ).toEqual({ yaml: { indent: 2 }, json: { indent: "tab" }, jsonBinary: { indent: 0 } });
  expect(parse("stores: {yaml: {indent: 0}}").stores).toEqual({});
});

describe("destination rules", () => {
  const destinations = (text: string) => parse(`destination_rules:\n${text}`).destinationRules;

  test("name one place each", () => {
    expect(
      destinations(
        "- {path_regex: a, s3_bucket: b, s3_prefix: p/, omit_extensions: true}\n" +
          "- {gcs_bucket: g}\n" +
          "- {vault_path: /app/prod, vault_address: 'https://v:8200', vault_kv_mount_name: kv/, vault_kv_version: 1}\n" +
          "- {vault_path: /}\n",
      ),
    ).toEqual([
      {
        line: 2,
        pathRegex: "a",
        destination: { kind: "s3", bucket: "b", prefix: "p/" },
        omitExtensions: true,
        recreation: null,
      },
      {
        line: 3,
        pathRegex: null,
        destination: { kind: "gcs", bucket: "g", prefix: "" },
        omitExtensions: false,
        recreation: null,
      },
      {
        line: 4,
        pathRegex: null,
        destination: { kind: "vault", address: "https://v:8200", mount: "kv/", version: 1, path: "app/prod/" },
        omitExtensions: false,
        recreation: null,
      },
      {
        line: 5,
        pathRegex: null,
        destination: { kind: "vault", address: "", mount: "secret/", version: 2, path: "" },
        omitExtensions: false,
        recreation: null,
      },
    ]);
    expect(parse("creation_rules: []").destinationRules).toBeNull();
  });

  test("have a whole creation rule for what is encrypted anew", () => {
    const [rule] =
      destinations(
        "- s3_bucket: b\n  recreation_rule: {age: x, encrypted_regex: r, mac_only_encrypted: true, shamir_threshold: 2}\n",
      ) ?? [];
    expect(rule?.recreation).toMatchObject({
      selection: { rule: "encrypted_regex", pattern: "r" },
      macOnlyEncrypted: true,
      shamirThreshold: 2,
    });
  });

  test.each([
    ["- {path_regex: a}", /names no destination/],
    ["- {s3_bucket: a, gcs_bucket: b}", /s3_bucket and gcs_bucket in one/],
    ["- {s3_bucket: a, recreation_rule: {encrypted_regex: a}}", /names no recipients/],
    ["- {vault_path: a, recreation_rule: {age: a}}", /no meaning for vault_path/],
    ["- {vault_path: a, vault_kv_version: 3}", /must be 1 or 2/],
    ["- {s3_buckett: a}", /"s3_buckett" is not a key of a destination rule/],
    ["- {s3_bucket: a, recreation_rule: {agee: a}}", /"agee" is not a key of a creation rule/],
    ["- {s3_bucket: a, omit_extensions: maybe}", /must be true or false/],
  ])("%s is an error", (text, message) => {
    expect(() => destinations(text)).toThrow(
      expect.objectContaining({ code: "CONFIG_MALFORMED", message: expect.stringMatching(message) }),
    );
  });

  test("the first that matches is taken", async () => {
    const config = parse("destination_rules:\n- {path_regex: ^a, s3_bucket: b}\n- {path_regex: ^b, s3_bucket: c}\n");
    expect((await matchDestination(config, "bc", compilePattern)).line).toBe(3);
    await expect(matchDestination(config, "c", compilePattern)).rejects.toMatchObject({
      code: "CONFIG_NO_RULE",
      message: expect.stringContaining("no destination rule matches c") as string,
    });
  });
});

describe("unknown keys", () => {
  test.each<readonly [text: string, line: number, column: number, suggestion: string]>([
    ["creation_rule: []", 1, 1, "creation_rules"],
    ["creation_rule:\n- &a {age: x}", 1, 1, "creation_rules"],
    ["keys: [a]", 1, 1, "creation_rules"],
    ["store: {}", 1, 1, "stores"],
    ["stores: {yml: {}}", 1, 10, "yaml"],
    ["stores: {yaml: {indnet: 2}}", 1, 17, "indent"],
    ["stores: {json-binary: {}}", 1, 10, "json_binary"],
    ["path_regex: a", 1, 1, "creation_rules"],
    ["creation_rules:\n- path_regexp: a", 2, 3, "path_regex"],
    ["creation_rules:\n- age: a\n  encrypted_regx: b", 3, 3, "encrypted_regex"],
    ["creation_rules:\n- hc_vault: b", 2, 3, "hc_vault_transit_uri"],
    ["creation_rules:\n- <<: {agee: b}", 2, 8, "age"],
    ["creation_rules:\n- key_groups:\n  - hc_vault_uri: [b]", 3, 5, "hc_vault"],
    ["creation_rules:\n- key_groups:\n  - merge:\n    - agee: [b]", 4, 7, "age"],
    ["creation_rules:\n- key_groups:\n  - kms:\n    - arm: a", 4, 7, "arn"],
    ["creation_rules:\n- constructor: a", 2, 3, "path_regex"],
  ])("%j", (text, line, column, suggestion) => {
    const error = malformed(text);
    expect(error.details).toEqual({ file: ".sops.yaml", line, column });
    expect(error.hint).toContain(suggestion);
  });

  test("a key at the top may hold anchors", () => {
    const text = `keys:
  - &alice a
  - &bob b
defaults: &defaults
  mac_only_encrypted: true
creation_rules:
  - age: [*alice, *bob]
    <<: *defaults
`;
    expect(rule(text)).toMatchObject({ macOnlyEncrypted: true, line: 7 });
    expect(groups(rule(text))).toEqual([["age=a", "age=b"]]);
  });
});

describe("anchors and merges", () => {
  test("own keys win over merged ones, earlier merged ones over later", () => {
    const text = `a: &a {path_regex: a, age: a, pgp: a}
b: &b {path_regex: b, age: b, gcp_kms: b}
creation_rules:
- <<: [*a, *b]
  path_regex: own
- path_regex: own
  <<: *b
`;
    const [first, second] = parse(text).creationRules ?? [];
    expect(first?.pathRegex).toBe("own");
    expect(first && groups(first)).toEqual([["age=a", "pgp=a", "gcp_kms=b"]]);
    expect(second?.pathRegex).toBe("own");
    expect(second && groups(second)).toEqual([["age=b", "gcp_kms=b"]]);
  });

  test("an alias is for the last anchor before it", () => {
    const text = "creation_rules:\n- age: &x a\n- age: *x\n- age: &x b\n- age: *x\n";
    expect(parse(text).creationRules?.flatMap(groups)).toEqual([["age=a"], ["age=a"], ["age=b"], ["age=b"]]);
  });

  test("keys may be aliases", () => {
    expect(groups(rule("k: &k age\ncreation_rules:\n- *k : a\n"))).toEqual([["age=a"]]);
  });

  test.each(["creation_rules: *rules", "creation_rules:\n- age: *x\n- age: &x a\n"])("no such anchor: %j", (text) => {
    malformed(text);
  });

  test("an error inside of an alias points to where it is written", () => {
    expect(malformed("a: &a\n  agee: b\ncreation_rules:\n- *a\n").details).toMatchObject({ line: 2, column: 3 });
  });

  test.each([
    "creation_rules:\n- key_groups:\n  - &g\n    merge: [*g]\n",
    "creation_rules:\n- key_groups:\n  - &g\n    merge: [*g, *g, *g]\n",
    "creation_rules:\n- &r\n  <<: *r\n",
    "creation_rules:\n- &r\n  <<: [*r, *r, *r]\n",
    "creation_rules: &c [*c]\n",
    "creation_rules:\n- age: &a [*a]\n",
  ])("an alias to what it stands in: %j", (text) => {
    malformed(text);
  });

  test("an alias bomb", () => {
    const merges = Array.from({ length: 12 }, (_, i) => `- &g${i + 1}\n  merge: [${`*g${i},`.repeat(10)}]\n`).join("");
    const start = performance.now();
    malformed(`a:\n- &g0 {age: [a]}\n${merges}creation_rules:\n- key_groups: [*g12]\n`);
    malformed(`a:\n- &g0 {age: a}\n${merges.replaceAll("merge", "<<")}creation_rules:\n- *g12\n`);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("the text", () => {
  const plain = "creation_rules:\n- path_regex: a\n  age: >-\n    a,\n    b\n- agee: c\n";

  test.each(["\n", "\r\n"])("lines and columns with %j", (newline) => {
    expect(malformed(plain.replaceAll("\n", newline)).details).toMatchObject({ line: 6, column: 3 });
    expect(groups(rule(plain.replace("agee", "age").replaceAll("\n", newline)))).toEqual([["age=a", "age=b"]]);
  });

  test("a byte order mark is no column", () => {
    expect(malformed("\uFEFFstore: {}").details).toMatchObject({ line: 1, column: 1 });
    expect(parse("\uFEFFcreation_rules: []").creationRules).toEqual([]);
  });

  test("only the first document counts", () => {
    expect(parse("creation_rules: []\n---\n[ not: {yaml\n").creationRules).toEqual([]);
    expect(parse("---\ncreation_rules: []\n...\n- a\n").creationRules).toEqual([]);
  });

  test("JSON is YAML", () => {
    expect(groups(rule('{"creation_rules": [{"age": "a", "path_regex": "\\\\.json$"}]}'))).toEqual([["age=a"]]);
  });

  test.each<readonly [text: string, line: number]>([
    ["creation_rules: []\ncreation_rules: []\n", 2],
    ["creation_rules:\n- age: a\n  pgp: b\n  age: c\n", 4],
    ["creation_rules:\n- age: a\n  'age': c\n", 3],
    ["creation_rules:\n- key_groups:\n  - age: [a]\n    age: [b]\n", 4],
    ["creation_rules:\n- key_groups:\n  - kms: [{arn: a, context: {x: a, x: b}}]\n", 3],
    ["a: &a {}\nb: &b {}\ncreation_rules:\n- <<: *a\n  <<: *b\n", 5],
  ])("a key twice: %j", (text, line) => {
    expect(malformed(text).details.line).toBe(line);
  });

  test.each([
    "creation_rules: [",
    "a: 'b",
    "a: b: c",
    "creation_rules:\n\t- age: a",
    "a: b\n c\nd",
    "- a\nb: c",
    "@",
    "%YAML 1",
  ])("not YAML: %j", (text) => {
    malformed(text);
  });

  test("deep nesting", () => {
    malformed("[".repeat(100_000));
    malformed(`stores: ${"{yaml: ".repeat(500)}${"}".repeat(500)}`);
    malformed(Array.from({ length: 2000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"));
    const merges = 90;
    const text = `creation_rules: [{key_groups: [${"{merge: [".repeat(merges)}{age: [a]}${"]}".repeat(merges)}]}]`;
    expect(groups(rule(text))).toEqual([["age=a"]]);
  });

  const seed = Date.now() % 0x7fffffff;
  test(`any text is a config or malformed (seed ${seed})`, () => {
    const word = fc.constantFrom(
      ...[
        "creation_rules",
        "age",
        "kms",
        "key_groups",
        "merge",
        "path_regex",
        "stores",
        "<<",
        "a",
        "&a ",
        "*a",
        "~",
        "1",
      ],
      ...[":", ": ", "- ", "\n", "\n  ", "\n- ", "[", "]", "{", "}", ",", "'", '"', "#", "|", ">", "!", "---\n", "\t"],
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        try {
          parse(words.join(""));
        } catch (error) {
          expect(error).toMatchObject({ name: "KeyleafError", code: "CONFIG_MALFORMED" });
        }
      }),
      { seed, numRuns: 2000 },
    );
  });
});
