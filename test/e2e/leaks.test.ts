import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import {
  IDENTITY,
  type Outcome,
  type ProgramName,
  RECIPIENT,
  type RunOptions,
  run,
  type Sandbox,
  sandbox,
} from "./program.ts";

/**
 * A secret that is planted in every place where something goes wrong, and that must come out nowhere: not in messages, not
 * in what is printed by a command that fails, not in arguments and environments of programs that are run, not in files.
 */

let box: Sandbox;
/** New for each test, so that nothing can know it: letters only, which no format has to quote or escape. */
let secret: string;

beforeEach(() => {
  box = sandbox();
  secret = randomBytes(32)
    .toString("hex")
    .replace(/\d/g, (digit) => "ghijklmnop"[Number(digit)] ?? "");
  box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
});

/** Pieces of the secret, so that a message that quotes a part of it is found too; as text, as base64 and as hexadecimal. */
function pieces(): string[] {
  const found: string[] = [];
  for (let at = 0; at + 8 <= secret.length; at++) found.push(secret.slice(at, at + 8));
  for (const shift of [0, 1, 2]) {
    const aligned = secret.slice(shift, shift + Math.floor((secret.length - shift) / 3) * 3);
    const text = Buffer.from(aligned).toString("base64");
    for (let at = 0; at + 10 <= text.length; at++) found.push(text.slice(at, at + 10));
  }
  return [...found, Buffer.from(secret).toString("hex").slice(0, 16)];
}

function expectNoTrace(text: string, where: string): void {
  expect(
    pieces().filter((piece) => text.includes(piece)),
    `${where} shows a part of the secret: ${text}`,
  ).toEqual([]);
}

/** Everything below a folder, names included. */
function everythingIn(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(
      (entry) =>
        join(entry.parentPath, entry.name) + (entry.isFile() ? readFileSync(join(entry.parentPath, entry.name)) : ""),
    )
    .join("\n");
}

/** Runs a command that has to fail, and looks for the secret in everything it leaves behind. */
async function expectFails(name: ProgramName, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const before = box.list();
  const outcome = await run(name, box, args, options);
  const shown = `${name} ${args.join(" ")}`;
  expect(outcome.status, `${shown} succeeded`).not.toBe(0);
  expect(outcome.stderr, shown).toMatch(/^(enc|dec): error: (?!internal)./m);
  expectNoTrace(outcome.stderr, shown);
  expect(outcome.stdout).toBe("");
  expect(box.list()).toEqual(before);
  expectNoTrace(everythingIn(box.temporary), "the folder for temporary files");
  return outcome;
}

/** Plaintext that cannot be sealed: `S` stands for the secret. Each is wrong beside the secret, or because of what it begins with. */
const broken: Readonly<Record<string, readonly string[]>> = {
  yaml: [
    'a: "S',
    "a: 'S",
    'a: "S\\q"',
    'a: "S" S',
    'a: "\\xZZS"',
    "a: S: b",
    "a: b: S",
    "a: [S",
    "a: {S",
    "a: {k: S",
    "a: [S]]",
    "a: [S] S",
    "a: S\n b: c\n",
    "a: S\nb\n",
    "a:\n\t- S\n",
    "a: *S",
    "a: &S",
    "a: &S b\nc: &S d\ne: *S\nf: *xS",
    "a: !<S b",
    "a: @S",
    "a: `S",
    "a: %S",
    "a: |S\n  b",
    "a: >S\n  b",
    "a: |\n  S\n S\n",
    "a: ,S",
    "a: ]S",
    "a: }S",
    "a: - S",
    "a: ? S",
    "? [S]\n: b",
    "? {S: b}\n: c",
    "? |\n  S\n: [",
    "a: !!binary S!",
    "a: !!int S",
    "a: !!float S",
    "a: !!bool S",
    "a: !!null S",
    "a: !!timestamp S",
    "a: S\na: S",
    "<<: S\na: b",
    "<<: [S]\na: b",
    "a: S\n...\nS: [\n",
    "sops: S",
    "sops: {mac: S}",
    "a: S\u0000",
    "a: S\n#\tS\n\u0001",
    "a: &x [S, *x]",
    "\ufeffa: S\n\ufeffb: [",
  ],
  json: [
    '{"a": "S',
    '{"a": S}',
    "{\"a\": 'S'}",
    '{"a": "S\\q"}',
    '{"a": "S\\u12"}',
    '{"a": "S\n"}',
    '{"a": "S\u0001"}',
    '{"a": "S" "S"}',
    '{"a": "S",}',
    '{"a": "S"} S',
    '{"a": "S"',
    '{"a" "S"}',
    '{a: "S"}',
    '{"a": ["S"}',
    '{"a": 1S}',
    '{"a": tS}',
    '{"a": -S}',
    '{"a": 1e999, "b": "S"}',
    '{"a": 01, "b": "S"}',
    "S",
    '// S\n{"a": "S"}',
    '{"sops": "S"}',
    '{"sops": {"mac": "S"}}',
    '{"a": "S", "b": NaN}',
  ],
  dotenv: ["S", "A=b\nS\n", "export S", "A S", "A=b\n S\n", "A=S\n\u0000S=b\nS", "sops_mac=S\nA=b"],
  ini: [
    "S",
    "[s\nS=b",
    "[s]\nS\n",
    "[S",
    "[s]\n= S",
    'a = """S',
    "[s]\n[S]]x\nS",
    "[sops]\nmac = S",
    "[s]\n`S = b",
    '[s]\n"S = b',
  ],
};

const plaintexts = Object.entries(broken).flatMap(([format, texts]) => texts.map((text) => ({ format, text })));

describe("plaintext that is refused", () => {
  it.each(plaintexts)("$format: $text", async ({ format, text }) => {
    const source = text.replaceAll("S", secret);
    box.write("f", source);
    await Promise.all([
      expectFails("enc", ["-i", "--type", format, "f"]),
      expectFails("dec", ["--type", format, "f"]),
      expectFails("enc", ["--type", format, "-"], { stdin: source }),
    ]);
    expect(box.read("f")).toBe(source);
  });
});

describe("an encrypted file", () => {
  let sealed: string;

  beforeEach(async () => {
    box.write("plain.yaml", `# ${secret}\na: ${secret}\nb: {c: "${secret}"} # ${secret}\nd: 1\nl: [${secret}]\n`);
    expect(await run("enc", box, ["plain.yaml", "-o", "s.yaml"])).toMatchObject({ status: 0, stderr: "" });
    sealed = box.read("s.yaml");
    expectNoTrace(sealed, "the encrypted file");
  });

  it.each<[what: string, pattern: RegExp, replacement: string]>([
    ["a value in clear", /ENC\[.*type:str\]/, "S"],
    ["a number in clear", /ENC\[.*type:int\]/, "S"],
    ["text around a value", /(ENC\[.*type:int\])/, "S $1"],
    ["a type that is none", /^(a: .*)type:str/m, "$1type:S"],
    ["a type that does not fit", /^(a: .*)type:str/m, "$1type:int"],
    ["another type that does not fit", /^(a: .*)type:str/m, "$1type:time"],
    ["data that is no base64", /^(a: .*)data:[^,]*/m, "$1data:!S"],
    ["other data", /^(a: .*)data:[^,]*/m, "$1data:S"],
    ["another iv", /^(a: .*)iv:[^,]*/m, "$1iv:S"],
    ["a tag cut short", /^(a: .*)tag:[^,]*/m, "$1tag:AAAA"],
    ["a value under another name", /^a:/m, "aa:"],
    ["a value that is gone", /^d:.*\n/m, ""],
    ["a value that is new", /^d:/m, "e: S\nd:"],
    ["a value that is a list", /^d: .*/m, "d: [S]"],
    ["a MAC that is none", /mac: .*/, "mac: S"],
    ["a MAC that is missing", /mac: .*/, ""],
    ["a time that is none", /lastmodified: .*/, "lastmodified: S"],
    ["a wrapped key that is none", /enc: \|\n( +).*\n/, "enc: S\n$1# "],
    ["a wrapped key that is cut", /( +)YWdl.*\n/, "$1S\n"],
    ["a threshold that is none", /(\n +)(mac:)/, "$1shamir_threshold: S$1$2"],
    ["metadata that is no mapping", /sops:\n/, "sops: S\nsopz:\n"],
    ["no YAML any more", /^d:/m, "S: [\nd:"],
  ])("with %s", async (_what, pattern, replacement) => {
    const changed = sealed.replace(pattern, replacement.replaceAll("S", secret));
    expect(changed).not.toBe(sealed);
    box.write("s.yaml", changed);
    await Promise.all([
      expectFails("dec", ["s.yaml"]),
      expectFails("dec", ["-i", "s.yaml"]),
      expectFails("dec", ["--get", "b.c", "s.yaml"]),
      expectFails("dec", ["--as", "json", "-o", "new.json", "s.yaml"]),
    ]);
    expect(box.read("s.yaml")).toBe(changed);
    // Git shows what is there, which may be what was put in here, and adds nothing of what it was able to open.
    const shown = await run("enc", box, ["git", "textconv", "s.yaml"]);
    expect(shown).toMatchObject({ status: 0, stderr: "" });
    if (!changed.includes(secret)) expectNoTrace(shown.stdout, "git textconv");
    expect(shown.stdout.replace(/^# keyleaf: .*\n/, "")).toBe(changed);
  });

  it("that cannot become what it is to become", async () => {
    await Promise.all([
      expectFails("dec", ["--as", "dotenv", "s.yaml"]),
      expectFails("dec", ["--as", "ini", "s.yaml"]),
      expectFails("dec", ["--as", "binary", "s.yaml"]),
      expectFails("dec", ["--get", "a.x", "s.yaml"]),
      expectFails("dec", ["--get", "l[7]", "s.yaml"]),
      expectFails("dec", ["--extract", '["b"][0]', "s.yaml"]),
      expectFails("dec", ["--as", "dotenv", "--get", "l", "s.yaml"]),
      expectFails("dec", ["-o", "no/such/folder", "s.yaml"]),
      expectFails("dec", ["-o", "/dev/full", "s.yaml"]),
      expectFails("enc", ["s.yaml"]),
    ]);
  });

  it("without a key that opens it", async () => {
    const env = { HOME: "/nonexistent" };
    await Promise.all([
      expectFails("dec", ["s.yaml"], { env }),
      expectFails("dec", ["-i", "s.yaml"], { env: { ...env, SOPS_AGE_KEY: secret } }),
    ]);
    const shown = await run("enc", box, ["git", "textconv", "s.yaml"], { env });
    expect(shown).toMatchObject({ status: 0, stderr: "" });
    expectNoTrace(shown.stdout, "git textconv");
  });

  it("is made and opened without a word about its values, and without files beside it", async () => {
    const loud = `a: ${secret}\nb_unencrypted: ${secret}\n# ${secret}\nc: ''\n`;
    box.write("f.yaml", loud);
    const encrypted = await run("enc", box, ["-i", "f.yaml"]);
    expect(encrypted.status).toBe(0);
    expect(encrypted.stderr).toContain("b_unencrypted");
    expectNoTrace(encrypted.stderr, "enc -i");
    const opened = await run("dec", box, ["-i", "f.yaml", "--ignore-mac"]);
    expect(opened.status).toBe(0);
    expectNoTrace(opened.stderr, "dec -i");
    expect(box.read("f.yaml")).toBe(loud);
    expect(box.list()).toEqual([".sops.yaml", "f.yaml", "plain.yaml", "s.yaml"]);
    expectNoTrace(everythingIn(box.temporary) + everythingIn(box.home), "a folder of the user's");
  });
});

describe("a value that cannot be set", () => {
  beforeEach(async () => {
    box.write("f.yaml", "a: {b: c}\nl: [1]\n");
    expect((await run("enc", box, ["-i", "f.yaml"])).status).toBe(0);
  });

  it.each<[args: readonly string[], how?: "stdin" | "file"]>([
    [["set", "f.yaml", "a.b", "S"]],
    [["set", "f.yaml", "a.b", '"S']],
    [["set", "f.yaml", "a.b", '{"S": 1, "S": 2}']],
    [["set", "f.yaml", "a.b", '"S"', "S"]],
    [["set", "f.yaml", "a.b", "-S"]],
    [["set", "f.yaml", "a.b", "--S"]],
    [["set", "f.yaml", "a.b", "--S=S"]],
    [["set", "f.yaml", "l.x", '"S"']],
    [["set", "f.yaml", "a.b.c", '"S"']],
    [["set", "f.yaml", "sops.mac", '"S"']],
    [["set", "--string", "missing.yaml", "a", "S"]],
    [["set", "--string", "f.yaml", "a..", "S"]],
    [["set", "--string", "f.yaml", "a", "S", "--value-stdin"]],
    [["set", "f.yaml", "a.b", "--value-stdin"], "stdin"],
    [["set", "f.yaml", "a.b", "--value-file", "value"], "file"],
  ])("%j", async (args, how) => {
    if (how === "file") box.write("value", `{"a": ${secret}`);
    const words = args.map((word) => word.replaceAll("S", secret));
    await expectFails("enc", words, how === "stdin" ? { stdin: `[${secret}]` } : {});
  });

  it("nor is it shown when it is set", async () => {
    const { status, stdout, stderr } = await run("enc", box, ["set", "--string", "f.yaml", "a.b", secret]);
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
    expectNoTrace(everythingIn(box.work), "the working folder");
    expectNoTrace(everythingIn(box.temporary), "the folder for temporary files");
  });
});

describe("a key", () => {
  /** What an identity consists of, without the part that all of them have. */
  const keyPart = IDENTITY.slice("AGE-SECRET-KEY-1".length);
  const mistyped = `${IDENTITY.slice(0, -1)}Q`;

  beforeEach(async () => {
    secret = keyPart;
    box.write("plain.yaml", "a: b\n");
    expect((await run("enc", box, ["plain.yaml", "-o", "s.yaml"])).status).toBe(0);
    box.write("mistyped.txt", `${mistyped}\n`);
    box.write("cut.txt", IDENTITY.slice(0, 40));
    box.write("lower.txt", `${IDENTITY.toLowerCase()}x\n`);
  });

  it.each([
    ["--age", IDENTITY],
    ["--age", `${RECIPIENT},${IDENTITY}`],
    ["--age", mistyped],
    ["--kms", IDENTITY],
    ["--pgp", IDENTITY],
  ])("is not shown when it is taken for a recipient: %s", async (flag, value) => {
    await expectFails("enc", [flag, value, "plain.yaml"]);
  });

  it("is not shown when it stands in place of a recipient in the environment or in .sops.yaml", async () => {
    await expectFails("enc", ["plain.yaml"], { env: { SOPS_AGE_RECIPIENTS: IDENTITY } });
    for (const rule of [
      `  - age: ${IDENTITY}\n`,
      `  - age: [${IDENTITY}]\n`,
      `  - age: "${IDENTITY}\n`,
      `  - key_groups:\n      - age: ['${IDENTITY}']\n`,
      `  - kms: ${IDENTITY}\n    age: ${RECIPIENT}\n`,
    ]) {
      box.write(".sops.yaml", `creation_rules:\n${rule}`);
      await expectFails("enc", ["plain.yaml"]);
    }
  });

  it.each<Record<string, string>>([
    { SOPS_AGE_KEY: mistyped },
    { SOPS_AGE_KEY: `x${IDENTITY}` },
    { SOPS_AGE_KEY: IDENTITY.slice(0, 50) },
    { SOPS_AGE_KEY: `"${IDENTITY}"` },
    { SOPS_AGE_KEY_FILE: IDENTITY },
    { SOPS_AGE_KEY_FILE: "mistyped.txt" },
    { SOPS_AGE_KEY_FILE: "cut.txt" },
    { SOPS_AGE_KEY_FILE: "lower.txt" },
    { SOPS_AGE_KEY_CMD: `nosuchprogram ${IDENTITY}` },
    { SOPS_AGE_KEY_CMD: `echo '${IDENTITY}` },
    { SOPS_AGE_KEY_CMD: `echo ${mistyped}` },
    { SOPS_AGE_KEY_CMD: IDENTITY },
    { SOPS_AGE_KEY_CMD: `sh -c 'echo ${mistyped} >&2; exit 3'` },
  ])("is not shown when it cannot be used: %j", async (env) => {
    await expectFails("dec", ["s.yaml"], { env: { HOME: "/nonexistent", ...env } });
  });

  it("is not shown when it is made", async () => {
    const home = { HOME: box.path("new"), XDG_CONFIG_HOME: "" };
    for (const args of [["keygen"], ["keygen", "-o", "k.txt"], ["init"]]) {
      const { stdout, stderr, status } = await run("enc", box, args, { env: home });
      expect(status).toBe(0);
      expect(stdout + stderr).not.toContain("SECRET-KEY");
    }
  });
});

describe("programs that are run", () => {
  it("get neither values nor keys as arguments", async () => {
    const log = join(box.home, "log");
    const bin = join(box.home, "bin");
    const script = (line: string): string =>
      `#!/bin/sh\n{ echo "$0 $*"; cat /proc/$PPID/cmdline; } >> '${log}'\n${line}\n`;
    box.write(join(bin, "git"), script(`[ "$3" = rev-parse ] && echo '${box.work}'\nexit 0`), 0o755);
    box.write(join(bin, "getkey"), script(`env >> '${log}'\ncat '${box.home}/.config/sops/age/keys.txt'`), 0o755);
    const env = { PATH: `${bin}:${box.env["PATH"]}` };
    box.write("plain.yaml", `a: ${secret}\n`);
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"], { env })).status).toBe(0);
    const asked = { ...env, HOME: "/nonexistent", SOPS_AGE_KEY_CMD: "getkey" };
    expect((await run("dec", box, ["s.yaml"], { env: asked })).stdout).toContain(secret);
    expect((await run("enc", box, ["git", "textconv", "s.yaml"], { env: asked })).stdout).toContain(secret);
    const set = ["set", "s.yaml", "b", "--string", "--value-stdin"];
    expect((await run("enc", box, set, { env: asked, stdin: secret })).stderr).toBe("");
    expect((await run("enc", box, ["get", "s.yaml", "b"], { env: asked })).stdout).toBe(secret);
    for (const args of [["init"], ["git", "setup"]]) expect((await run("enc", box, args, { env })).status).toBe(0);
    const logged = readFileSync(log, "utf8");
    expect(logged).toContain("/git ");
    expect(logged).toContain("/getkey ");
    expectNoTrace(logged, "arguments");
    secret = IDENTITY;
    expectNoTrace(logged.replaceAll("AGE-SECRET-KEY-1", ""), "arguments");
  });
});
