/**
 * The built programs, each run in a process of its own, in a home of its own, with nothing of the real environment. Which
 * build that is, the one for npm or the standalone executable, is up to the project of vitest.config.ts.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { onTestFinished } from "vitest";

const dist = resolve(import.meta.dirname, "../../dist");
const isStandalone = process.env["KEYLEAF_TEST_BUILD"] === "standalone";
const executable = join(dist, "standalone", process.platform === "win32" ? "enc.exe" : "enc");

export type ProgramName = "enc" | "dec" | "sops";

/** The built programs. Which of the three one is, is told by the name of the link that it is called by. */
export const programs: Readonly<Record<ProgramName, string>> = isStandalone
  ? { enc: executable, dec: executable, sops: executable }
  : { enc: join(dist, "cli/enc.cjs"), dec: join(dist, "cli/dec.cjs"), sops: join(dist, "cli/enc.cjs") };

/** TEST ONLY: an identity of the shared fixtures; it protects nothing. */
export const IDENTITY = "AGE-SECRET-KEY-1LZW3CUJ4TL76ZEX493Q9YRUN9RDLT74T3SMZTKD28SFY99TJ7DNQU3MQXS";
export const RECIPIENT = "age10skv2gjqpyl7j5mphs8j4tlfknjgnzg0rp4v5y32l7my8vtehefs6c9rtk";

/** A folder of its own to work in, with a home and a place for temporary files beside it. */
export interface Sandbox {
  /** Absolute, links resolved: where programs are run. */
  readonly work: string;
  readonly home: string;
  readonly temporary: string;
  /** Links to the built programs, under their names. */
  readonly bin: string;
  readonly env: Readonly<Record<string, string>>;
  path(name: string): string;
  write(name: string, content: string | Uint8Array, mode?: number): void;
  read(name: string): string;
  /** Names in the working folder, without those of git's folder. */
  list(): string[];
}

export interface SandboxOptions {
  /** Whether the home has {@link IDENTITY}; default: it has. */
  readonly hasIdentity?: boolean;
}

/** Makes one for the running test, after which it is gone. */
export function sandbox(options: SandboxOptions = {}): Sandbox {
  const top = realpathSync(mkdtempSync(join(tmpdir(), "keyleaf-e2e-")));
  onTestFinished(() => rmSync(top, { recursive: true, force: true }));
  return sandboxIn(top, options);
}

/** The same in a folder of the caller's, who removes it. */
export function sandboxIn(top: string, { hasIdentity = true }: SandboxOptions = {}): Sandbox {
  const [work, home, temporary, bin] = [join(top, "work"), join(top, "home"), join(top, "tmp"), join(top, "bin")];
  for (const folder of [work, home, temporary, bin]) mkdirSync(folder);
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(bin, name));
  const path = (name: string): string => resolve(work, name);
  const write: Sandbox["write"] = (name, content, mode = 0o644) => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
    chmodSync(path(name), mode);
  };
  if (hasIdentity) write(join(home, ".config/sops/age/keys.txt"), `# TEST ONLY\n${IDENTITY}\n`, 0o600);
  return {
    work,
    home,
    temporary,
    bin,
    env: { PATH: process.env["PATH"] ?? "", HOME: home, XDG_CONFIG_HOME: "", TMPDIR: temporary, LC_ALL: "C" },
    path,
    write,
    read: (name) => readFileSync(path(name), "utf8"),
    list: () =>
      readdirSync(work)
        .filter((name) => name !== ".git")
        .sort(),
  };
}

/** A folder for the running test that is in memory, where the system has a place for that. */
export function memoryFolder({ temporary }: Sandbox): string {
  const path = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : temporary, "keyleaf-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What one run left behind. */
export interface Outcome {
  /** Exit status, or the signal that ended it. */
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly raw: Buffer;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Absent: `/dev/null`. */
  readonly stdin?: string | Uint8Array;
}

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

/** Runs one of the built programs to its end. */
export function run(
  name: ProgramName,
  box: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return outcomeOf(start(name, box, args, options));
}

/** Starts one of the built programs, for tests that do something to it. */
export function start(name: ProgramName, box: Sandbox, args: readonly string[], options: RunOptions = {}): Child {
  const [program = "", ...first] = commandOf(name, box);
  return startProgram(program, [...first, ...args], box, options);
}

/** What starts one of the built programs, as words for a command line. */
export function commandOf(name: ProgramName, { bin }: Sandbox): readonly string[] {
  return isStandalone ? [join(bin, name)] : [process.execPath, join(bin, name)];
}

/** Runs any other program in the sandbox, found on its PATH. */
export function runProgram(
  program: string,
  args: readonly string[],
  box: Sandbox,
  options: RunOptions = {},
): Promise<Outcome> {
  return outcomeOf(startProgram(program, args, box, options));
}

function startProgram(program: string, args: readonly string[], box: Sandbox, options: RunOptions): Child {
  const { env = {}, cwd = box.work, stdin } = options;
  const child = spawn(program, args, {
    cwd,
    env: { ...box.env, ...env },
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  }) as Child;
  // It may end before it has read everything.
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  return child;
}

/** Everything that a child prints, and how it ends. */
export function outcomeOf(child: Child): Promise<Outcome> {
  return new Promise((done, fail) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.once("error", fail);
    child.once("close", (status, signal) => {
      const raw = Buffer.concat(out);
      done({ status: status ?? signal, stdout: raw.toString(), stderr: Buffer.concat(err).toString(), raw });
    });
  });
}
