import { existsSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CliHost, Streams } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { run } from "../../src/cli/run.ts";
import type { Node } from "../../src/document/document.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { formatById, formatForFileName } from "../../src/formats/registry.ts";
import { describeGnupg, type Gnupg, startGnupg } from "../support/gnupg.ts";
import { parsed } from "../support/parsing.ts";

/** The shared cases: files made by sops 3.13.2, sops 3.11.0 and rops, each with what must come of it. */

const ROOT = resolve(import.meta.dirname, "../../fixtures/sops/3.13.2");

interface Failure {
  readonly exit: number;
  readonly stage: "encrypt" | "decrypt" | "operation";
}

interface Case {
  readonly name: string;
  readonly format: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly expect: "ok" | Failure;
  readonly should?: "ok" | "refuse" | "either";
  readonly also?: Readonly<Record<string, string | { readonly exit: number }>>;
  readonly operation?: readonly (readonly string[])[];
  readonly round_trip?: boolean;
  readonly passphrase?: string;
  readonly gpg_import?: readonly string[];
}

const cases: Case[] = readFileSync(join(ROOT, "cases.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => (JSON.parse(line) as { name: string }).name)
  .map((name) => JSON.parse(readFileSync(join(ROOT, "cases", name, "case.json"), "utf8")) as Case);

/** Cases where this program knowingly does something else than sops, with the reason. */
const differences: ReadonlyMap<string, string> = new Map([
  ["json-fail-bom", "a byte order mark is accepted: it is taken out of the sealed file and put back"],
  ["json-trailing-garbage", "text after the closing brace is refused, not dropped"],
  ["json-truncated-accepted", "a truncated file is refused, not cut down to what can be read"],
  ["json-fail-top-array", "it becomes the value of a key in the sealed file"],
  ["json-fail-top-string", "it becomes the value of a key in the sealed file"],
  ["yaml-fail-slash-escape", "the escape is sealed with the value, so sops never sees it"],
  ["yaml-fail-top-list", "it becomes the value of a key in the sealed file"],
  ["yaml-fail-top-scalar", "it becomes the value of a key in the sealed file"],
  ["yaml-fail-list-second-doc", "it becomes the value of a key in the sealed file"],
  ["yaml-fail-yaml-1.2-directive", "the sealed file has 1.1 there"],
  ["dotenv-fail-blank-with-spaces", "lines that sops refuses are sealed as comments and put back"],
  ["dotenv-fail-indented-comment", "lines that sops refuses are sealed as comments and put back"],
  ["dotenv-fail-crlf-blank", "lines that sops refuses are sealed as comments and put back"],
]);

/** Where sops prints YAML that a YAML 1.2 parser reads otherwise, or not at all; the JSON print is compared all the same. */
const oddPrints: ReadonlyMap<string, string> = new Map([
  ["yaml-block-indent", "its indentation indicators are wrong"],
  ["yaml-separators", "it folds at Unicode line separators"],
  ["json-escapes", "it folds at Unicode line separators, and escapes characters beyond U+FFFF"],
  ["dotenv-backslash-n", "it writes a lone line break as a block"],
]);

/** Failures whose status is another one here. */
const otherStatus: ReadonlyMap<string, number> = new Map([
  ["json-fail-top-null", 1],
  ["yaml-fail-sops-second-doc", 203],
  ["tamper-binary-renamed", 1],
  // A flag takes the place of the rule's selection, whatever its kind; this one then selects nothing.
  ["config-flag-conflict", 1],
]);

const withGpg = cases.filter(({ gpg_import: keys }) => keys !== undefined);

describe("the cases of sops 3.13.2, 3.11.0 and rops", () => {
  it("are all there", () => expect(cases).toHaveLength(515));

  for (const example of cases) if (example.gpg_import === undefined) it(example.name, () => check(example));
});

const gnupgs = new Map<string, Gnupg>();

describeGnupg(`${withGpg.length} of them with PGP keys`, () => {
  const nameOf = (example: Case): string => (example.gpg_import ?? []).join();
  beforeAll(async () => {
    for (const example of withGpg) {
      const keys = (example.gpg_import ?? []).map((name) => join(ROOT, name));
      if (!gnupgs.has(nameOf(example))) gnupgs.set(nameOf(example), await startGnupg({ keys }));
    }
  });
  afterAll(() => Promise.all([...gnupgs.values()].map((gnupg) => gnupg.stop())));

  for (const example of withGpg) it(example.name, () => check(example));
});

async function check(example: Case): Promise<void> {
  if (differences.has(example.name)) return checkDifference(example);
  const { expect: outcome } = example;
  if (outcome !== "ok" && outcome.stage === "encrypt")
    return checkEncryptFails(example, otherStatus.get(example.name) ?? outcome.exit);
  if (example.should === "refuse") expect((await decrypt(example, [])).status).toBeGreaterThan(0);
  else if (example.should === "either") await checkEither(example);
  else if (outcome === "ok" || example.should === "ok" || outcome.stage === "operation") await checkOpens(example);
  else
    expect(await decrypt(example, [])).toMatchObject({
      status: otherStatus.get(example.name) ?? outcome.exit,
      stdout: "",
    });
  return undefined;
}

async function checkOpens(example: Case): Promise<void> {
  const { status, stderr, raw } = await decrypt(example, []);
  expect(stderr.replace(/^.*warning: .*\n/gm, "")).toBe("");
  expect(status).toBe(0);
  // Where only another version of sops opens the file, its print is beside.
  const expected =
    example.files["decrypted"] ??
    ["decrypted.sops-3.11.0", "plain"]
      .map((name) => name + extname(sealedName(example)))
      .find((name) => existsSync(join(directory(example), name)));
  const type = typeOf(example);
  if (expected === undefined) throw new Error("nothing to compare with");
  if (file(example, expected).includes(0xff)) expect(raw).toEqual(file(example, expected));
  else if (!oddPrints.has(example.name)) {
    expect(await valuesOf(raw, type)).toEqual(await valuesOf(file(example, expected), type));
  }
  for (const [other, outcome] of Object.entries(example.also ?? {})) {
    if (formatById(other) === null) continue;
    const converted = await decrypt(example, ["--output-type", other]);
    expect(converted.status, other).toBe(typeof outcome === "string" ? 0 : outcome.exit);
    if (typeof outcome !== "string" || (other === "yaml" && oddPrints.has(example.name))) continue;
    expect(converted.stdout, other).toBe(file(example, outcome).toString());
  }
  if (example.files["plain"] !== undefined && example.operation === undefined) await checkRoundTrip(example);
}

/** Sealing the plain file here gives it back byte for byte, whatever sops does with it. */
async function checkRoundTrip(example: Case): Promise<void> {
  const plain = file(example, example.files["plain"] as string);
  const format = formatNamed(example.files["plain"] as string, example.format);
  const sealed = await cli(["encrypt", "--input-type", format, ...recipientOf(example), "-"], example, plain);
  if (sealed.status !== 0) {
    expect(sealed.stderr).toMatch(/no value that could be encrypted|not UTF-8/);
    return;
  }
  const opened = await cli(["decrypt", "--input-type", format, "-"], example, sealed.raw);
  expect(opened.stderr).toBe("");
  expect(opened.raw.equals(plain)).toBe(true);
}

async function checkEither(example: Case): Promise<void> {
  const { status, stdout } = await decrypt(example, []);
  if (status === 0) await checkOpens(example);
  else expect(stdout).toBe("");
}

async function checkEncryptFails(example: Case, exit: number): Promise<void> {
  const { status, stdout } = await encrypt(example);
  expect(stdout).toBe("");
  expect(status).toBe(exit);
}

async function checkDifference(example: Case): Promise<void> {
  const refusedBySops = example.expect !== "ok";
  const { status } = await encrypt(example);
  expect(status === 0, differences.get(example.name)).toBe(refusedBySops);
}

function encrypt(example: Case): Promise<Outcome> {
  const args = (example.args ?? ["encrypt"]).slice(1);
  return cli(["encrypt", ...args, join(directory(example), example.files["plain"] as string)], example);
}

function decrypt(example: Case, flags: readonly string[]): Promise<Outcome> {
  return cli(
    ["decrypt", "--input-type", typeOf(example), ...flags, join(directory(example), sealedName(example))],
    example,
  );
}

function sealedName(example: Case): string {
  return example.files["encrypted"] ?? example.files["after"] ?? "";
}

/** The format of the sealed file: what the case is about, unless sops was told to write another. */
function typeOf(example: Case): FormatId {
  const at = example.args?.indexOf("--output-type") ?? -1;
  return at === -1 ? formatNamed(sealedName(example), example.format) : ((example.args?.[at + 1] ?? "") as FormatId);
}

function formatNamed(name: string, format: string): FormatId {
  return format === "binary" && !name.endsWith(".yaml") ? "binary" : formatForFileName(name).id;
}

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly raw: Buffer;
  readonly stderr: string;
}

async function cli(args: readonly string[], example: Case, stdin?: Uint8Array): Promise<Outcome> {
  const env: Record<string, string> = {};
  for (const [variable, value] of Object.entries(example.env)) {
    env[variable] = variable.endsWith("_FILE") ? join(ROOT, value) : value;
  }
  // After a change of recipients only the new ones can open the file.
  if (example.operation !== undefined)
    env["SOPS_AGE_KEY"] = ["alice", "bob", "carol"]
      .map((name) => read(`keys/age-${name}.txt`).match(/AGE-SECRET-KEY-1\w+/)?.[0])
      .join("\n");
  const real = await nodeHost();
  const gnupg = gnupgs.get((example.gpg_import ?? []).join());
  const host: CliHost = {
    ...real,
    env,
    home: join(ROOT, "no-home"),
    cwd: directory(example),
    ask: async () => example.passphrase ?? null,
    // gpg has its keyring by the environment of the process.
    run: (command, extraEnv, input) => real.run(command, { ...gnupg?.env, ...extraEnv }, input),
  };
  const out: Buffer[] = [];
  let stderr = "";
  const streams: Streams = {
    stdin: { isPiped: stdin !== undefined, read: async () => stdin ?? new Uint8Array() },
    stdout: { write: async (data) => void out.push(Buffer.from(data)) },
    stderr: {
      isTerminal: false,
      columns: 80,
      write: (text) => {
        stderr += text;
      },
    },
  };
  const status = await run(args, host, streams);
  const raw = Buffer.concat(out);
  return { status, stdout: raw.toString(), raw, stderr };
}

function directory(example: Case): string {
  return join(ROOT, "cases", example.name);
}

function file(example: Case, name: string): Buffer {
  return readFileSync(join(directory(example), name));
}

/** A recipient whose identity the case decrypts with, as flags. */
function recipientOf(example: Case): readonly string[] {
  const [pgp] = example.gpg_import ?? [];
  if (pgp !== undefined) return ["--pgp", read(pgp.replace(/sec\.asc$/, "fp")).trim()];
  const [first = ""] = (example.env["SOPS_AGE_KEY"] ?? "").split(/\s/);
  const named = ["alice", "bob", "carol"].find((name) => first !== "" && read(`keys/age-${name}.txt`).includes(first));
  const { args = [], env } = example;
  const isOther = Object.keys(env).some((name) => name.includes("SSH"));
  const identity = isOther ? "" : read(env["SOPS_AGE_KEY_FILE"] ?? `keys/age-${named ?? "alice"}.txt`);
  // Where the identity does not say, those that sops was given.
  return ["--age", /public key: (age1\w+)/.exec(identity)?.[1] ?? args[args.indexOf("--age") + 1] ?? ""];
}

function read(name: string): string {
  return readFileSync(join(ROOT, name), "utf8");
}

/** Every value with its path and type, in order, comments left out. */
async function valuesOf(source: Buffer, format: FormatId): Promise<unknown[]> {
  if (source.length === 0) return [];
  const values: unknown[] = [];
  const visit = (node: Node, path: string): void => {
    if (node.kind === "leaf") values.push([path, node.scalar.type, Buffer.from(node.scalar.text).toString("base64")]);
    else if (node.kind === "list") {
      values.push([path, "list"]);
      for (const element of node.elements) if (element.kind !== "comment") visit(element, `${path}-`);
    } else {
      values.push([path, "mapping"]);
      for (const member of node.members) if (member.kind === "item") visit(member.value, `${path}${member.key}:`);
    }
  };
  for (const root of (await parsed(format, source)).roots) visit(root, "");
  return values;
}
