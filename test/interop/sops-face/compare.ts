import { spawn } from "node:child_process";
import {
  closeSync,
  type Dirent,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { alice, bob, type SopsRun } from "../../support/sops.ts";
import type { Content, FaceCase, Sealed } from "./case.ts";

/** Runs one command line with both programs, each in a folder of its own, and tells what is not the same. */

/** What a run says on standard error, roughly. */
type ErrorClass = "nothing" | "a warning" | "an error";

interface Outcome {
  readonly run: SopsRun;
  readonly says: ErrorClass;
  readonly files: ReadonlyMap<string, { readonly mode: string; readonly content: Buffer }>;
}

export class Comparison {
  readonly #theirs: string;
  readonly #ours: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #made = new Map<string, Promise<Uint8Array>>();

  /**
   * @param theirs - path of the reference tool. @param ours - path of this program under its name
   * @param env - what keys other than age's take
   */
  constructor(theirs: string, ours: string, env: Readonly<Record<string, string>> = {}) {
    this.#theirs = theirs;
    this.#ours = ours;
    this.#env = env;
  }

  /** What is not the same, a line each; and what this program printed on standard error. */
  async differences(example: FaceCase): Promise<{ differences: string[]; stderr: string }> {
    const [theirs, ours] = await Promise.all([
      this.#outcome(this.#theirs, example),
      this.#outcome(this.#ours, example),
    ]);
    const differences: string[] = [];
    const compare = (what: string, a: unknown, b: unknown): void => {
      if (a !== b) differences.push(`${what}: sops has ${show(a)}, this program ${show(b)}`);
    };
    compare("exit status", theirs.run.status, ours.run.status);
    compare("standard error", theirs.says, ours.says);
    differences.push(...(await this.#unlike("standard output", theirs.run.stdout, ours.run.stdout)));
    for (const name of new Set([...theirs.files.keys(), ...ours.files.keys()])) {
      const [a, b] = [theirs.files.get(name), ours.files.get(name)];
      compare(`mode of ${name}`, a?.mode, b?.mode);
      if (a !== undefined && b !== undefined) differences.push(...(await this.#unlike(name, a.content, b.content)));
    }
    return { differences, stderr: ours.run.stderr };
  }

  async #outcome(program: string, example: FaceCase): Promise<Outcome> {
    return inFolder(async (folder) => {
      const work = join(folder, "work");
      mkdirSync(work);
      for (const [name, content] of Object.entries(example.files ?? {})) {
        mkdirSync(dirname(join(work, name)), { recursive: true });
        writeFileSync(join(work, name), await this.#bytes(content));
      }
      const { SOPS_AGE_KEY: key = alice.identity, ...rest } = example.env ?? {};
      const env: Record<string, string> = { ...this.#env, PATH: "/usr/bin:/bin", HOME: folder, TMPDIR: folder };
      if (!("SOPS_AGE_KEY" in (example.env ?? {})) || example.env?.["SOPS_AGE_KEY"] !== undefined)
        env["SOPS_AGE_KEY"] = key;
      for (const [name, value] of Object.entries(rest)) if (value !== undefined) env[name] = value;
      const setting = { cwd: join(work, example.cwd ?? "."), env, stdin: await this.#bytes(example.stdin ?? "") };
      const run = await runIn(folder, program, setting, example.argv);
      return { run, says: classOf(run.stderr), files: filesIn(work) };
    });
  }

  async #bytes(content: Content): Promise<Uint8Array> {
    if (typeof content === "string") return Buffer.from(content);
    return content instanceof Uint8Array ? content : this.#seal(content);
  }

  #seal(content: Sealed): Promise<Uint8Array> {
    const { plain, name, root, flags } = content;
    const id = JSON.stringify([Buffer.from(plain).toString("latin1"), name, root, flags]);
    let made = this.#made.get(id);
    if (made === undefined) {
      made = inFolder(async (cwd) => {
        writeFileSync(join(cwd, name), plain);
        // In 3.11.0 flags in front count without a command only.
        const setting = { cwd, env: { ...this.#env, HOME: cwd }, stdin: new Uint8Array() };
        const run = await runIn(cwd, this.#theirs, setting, [...root, ...flags, "--encrypt", name]);
        if (run.status !== 0) throw new Error(`sops does not encrypt ${name}: ${run.stderr}`);
        return run.stdout;
      });
      this.#made.set(id, made);
    }
    return made;
  }

  /** Two results that are encrypted are compared by what sops opens in them, and by the shape of their metadata. */
  async #unlike(what: string, theirs: Buffer, ours: Buffer): Promise<string[]> {
    if (theirs.equals(ours)) return [];
    const [a, b] = [shapeOf(theirs), shapeOf(ours)];
    if (a === null || b === null)
      return [`${what}: sops has ${show(theirs.toString())}, this program ${show(ours.toString())}`];
    if (a.type !== b.type) return [`${what}: sops writes ${a.type}, this program ${b.type}`];
    const unlike: string[] = [];
    if (a.fields !== b.fields) unlike.push(`metadata of ${what}: sops has ${a.fields}, this program ${b.fields}`);
    const [plain, own, others] = await Promise.all([
      this.#open(this.#theirs, theirs, a.type),
      this.#open(this.#theirs, ours, a.type),
      this.#open(this.#ours, theirs, a.type),
    ]);
    if (plain !== own) unlike.push(`${what}: sops opens ${show(plain)} in its own, ${show(own)} in this program's`);
    if (plain !== others)
      unlike.push(`${what}, as sops wrote it: it opens ${show(plain)}, this program ${show(others)}`);
    return unlike;
  }

  async #open(program: string, source: Buffer, type: string): Promise<string> {
    return inFolder(async (cwd) => {
      const env = { ...this.#env, HOME: cwd, SOPS_AGE_KEY: `${alice.identity}\n${bob.identity}` };
      const argv = ["decrypt", "--input-type", type, "--output-type", type];
      const { status, stdout, stderr } = await runIn(cwd, program, { cwd, env, stdin: source }, argv);
      return status === 0 ? stdout.toString() : `status ${status}, ${stderr}`;
    });
  }
}

interface Setting {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
}

/**
 * Runs a program to its end. Its standard input is a file, since what Node makes for pipes cannot be opened as /dev/stdin.
 * @param folder - to keep that in
 */
function runIn(folder: string, program: string, setting: Setting, argv: readonly string[]): Promise<SopsRun> {
  const { cwd, env, stdin } = setting;
  const path = join(folder, ".stdin");
  writeFileSync(path, stdin);
  const input = openSync(path, "r");
  return new Promise<SopsRun>((resolve, reject) => {
    const child = spawn(program, argv, { cwd, env, stdio: [input, "pipe", "pipe"] });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", reject);
    child.once("close", (status) =>
      resolve({ status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  }).finally(() => closeSync(input));
}

/** A folder that is gone afterwards. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "keyleaf-face-")));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesIn(folder: string): Outcome["files"] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const path = (entry: Dirent): string => join(entry.parentPath, entry.name);
  return new Map(
    entries.map((entry) => [
      path(entry).slice(folder.length + 1),
      { mode: (statSync(path(entry)).mode & 0o777).toString(8), content: readFileSync(path(entry)) },
    ]),
  );
}

function classOf(stderr: string): ErrorClass {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) return "nothing";
  return lines.every((line) => /level=warning|^sops: (warning|note): /.test(line)) ? "a warning" : "an error";
}

interface Shape {
  readonly type: string;
  /** The fields of the metadata by name, without what is new each time. */
  readonly fields: string;
}

/** What an encrypted file looks like; `null`: it is none. */
function shapeOf(content: Buffer): Shape | null {
  const text = content.toString();
  if (!/\bsops\b|^sops_/m.test(text) || !text.includes("ENC[AES256_GCM,")) return null;
  if (/^\s*\{/.test(text)) {
    const file = JSON.parse(text) as Record<string, unknown>;
    return { type: Object.keys(file).join() === "data,sops" ? "binary" : "json", fields: fieldsOf(file["sops"]) };
  }
  if (/^sops:/m.test(text)) {
    const block = /^sops:\n(?:(?:[ \t].*)?\n)*/m.exec(text)?.[0] ?? "";
    return { type: "yaml", fields: fieldsOf((parse(block) as Record<string, unknown>)["sops"]) };
  }
  const isIni = /^\[sops\]$/m.test(text);
  const lines = isIni
    ? text.slice(text.indexOf("[sops]")).split("\n")
    : text.split("\n").filter((line) => line.startsWith("sops_"));
  const fields = lines
    .filter((line) => line.includes("="))
    .map((line) => fieldText(line.replace(/\s*=\s*.*$/s, ""), line.replace(/^.*?=\s*/s, "")));
  // The reference writes them in no order.
  return { type: isIni ? "ini" : "dotenv", fields: fields.sort().join(", ") };
}

function fieldsOf(node: unknown): string {
  if (Array.isArray(node)) return `[${node.map(fieldsOf).join(", ")}]`;
  if (typeof node !== "object" || node === null) return String(node);
  // In 3.11.0 the recipient stands in front of what is encrypted to it, in 3.13.2 behind.
  return `{${Object.entries(node)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) =>
      typeof value === "object" ? `${name}: ${fieldsOf(value)}` : fieldText(name, String(value)),
    )
    .join(", ")}}`;
}

/** A field with its value, unless that is new each time. */
function fieldText(name: string, value: string): string {
  return /(^|_)(enc|lastmodified|created_at|mac|version)$/.test(name) ? name : `${name}: ${value}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 700 ? `${text.slice(0, 700)}...` : text;
}
