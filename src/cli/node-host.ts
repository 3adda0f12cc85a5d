import {
  accessSync,
  constants,
  type Dirent,
  fstatSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { runtime } from "../crypto/runtime.ts";
import { KeyleafError } from "../errors.ts";
import { type CliHost, ClosedPipe, type FileKind, type Streams } from "./context.ts";
import { isSystemError, type SystemError, systemReason } from "./system-error.ts";

/** The outside world as Node has it. The one place of the program that knows the runtime. */
export async function nodeHost(): Promise<CliHost> {
  return {
    env: process.env,
    platform: process.platform,
    home: await homeDirectory(),
    hostname: async () => (await import("node:os")).hostname(),
    get cwd() {
      return workingDirectory();
    },
    readFile: async (path) => {
      const content = ifThere(() => readFileSync(path));
      if (content !== null && content.length > LARGE.from && content.length < LARGE.to) await keepHeapSmall();
      return content;
    },
    stat: (path) => {
      const stats = ifThere(() => statSync(path));
      return stats === null ? null : { kind: kindOf(stats), bytes: stats.size };
    },
    list: (path) =>
      readdirSync(path, { withFileTypes: true }).map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
    run: (command, extraEnv, stdin) => runProgram(command, extraEnv, stdin),
    terminal: terminalPath,
    start: async (command, extraEnv) => (await import("./conversation.ts")).startProgram(command, extraEnv),
    ask: async (question, isShown) => (await import("./terminal.ts")).ask(question, isShown),
    fillRandom: runtime.fillRandom,
    now: () => new Date(),
  };
}

/**
 * Bytes of a file for which the garbage of its values takes up much of the memory. With less the program itself takes up
 * more, and with more what stays does, which then takes a tenth more time to collect.
 */
const LARGE = { from: 1024 * 1024, to: 32 * 1024 * 1024 };

/**
 * Keeps the part of the heap for new objects as small as it is at the start. Otherwise V8 makes it up to 48 MB large, and
 * that is what garbage then takes up. Other runtimes do nothing.
 */
async function keepHeapSmall(): Promise<void> {
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Bun says this itself, in its own words, before it runs anything. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new KeyleafError("USAGE", "the working directory is gone", { hint: "change to another one", cause: error });
  }
}

async function homeDirectory(): Promise<string | null> {
  const { HOME } = process.env;
  // Set to nothing it means none, as in Go and Node; Bun would ask the system whose home it is.
  if (HOME !== undefined && process.platform !== "win32") return HOME || null;
  try {
    return (await import("node:os")).homedir() || null;
  } catch {
    return null;
  }
}

function ifThere<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw error;
  }
}

function kindOf(entry: Stats | Dirent): FileKind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : "other";
}

/** Characters of a program's standard error that are kept. */
const MOST_STDERR = 8192;

async function runProgram(
  command: readonly string[],
  extraEnv: Readonly<Record<string, string>>,
  stdin?: Uint8Array,
): Promise<{ status: number; stdout: Uint8Array; stderr?: string }> {
  const [name = "", ...args] = command;
  const program = programOf(name);
  const { spawn } = await import("node:child_process");
  try {
    return await new Promise((resolve, reject) => {
      const kind = stdin === undefined ? "ignore" : "pipe";
      const child = spawn(program, args, {
        stdio: [kind, "pipe", kind],
        env: { ...process.env, ...extraEnv },
        windowsHide: true,
      });
      const chunks: Buffer[] = [];
      let stderr = "";
      child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr = (stderr + text).slice(-MOST_STDERR);
      });
      // It may end before it has read everything.
      child.stdin?.on("error", () => {});
      child.stdin?.end(stdin);
      child.on("error", reject);
      child.on("close", (status) => {
        const stdout = Buffer.concat(chunks);
        // What is printed to us is mostly a key.
        for (const chunk of chunks) chunk.fill(0);
        resolve({ status: status ?? 255, stdout, ...(stdin === undefined ? {} : { stderr }) });
      });
    });
  } catch (error) {
    // Most failures to start are an event on Node and thrown by Bun.
    if (!isSystemError(error)) throw error;
    throw cannotStart(name, error);
  }
}

/** Neither runtime tells the name of a terminal; `tty` tells that of its standard input. */
async function terminalPath(): Promise<string | null> {
  const { isatty } = await import("node:tty");
  const descriptor = [0, 2, 1].find((one) => isatty(one));
  const program = findProgram("tty", process.env, process.platform);
  if (descriptor === undefined || program === null) return null;
  const { spawnSync } = await import("node:child_process");
  const { status, stdout } = spawnSync(program, { stdio: [descriptor, "pipe", "ignore"], encoding: "utf8" });
  const path = status === 0 ? stdout.trim() : "";
  return isAbsolute(path) ? path : null;
}

/** @throws `PROVIDER_FAILED` when there is no such program. */
export function programOf(name: string): string {
  const program = findProgram(name, process.env, process.platform);
  if (program !== null) return program;
  throw new KeyleafError("PROVIDER_FAILED", `program not found: ${name}`, {
    hint: isAbsolute(name) ? "check the path" : "it is looked for on the absolute directories of PATH only",
  });
}

export function cannotStart(name: string, error: SystemError): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", `cannot start ${name}: ${systemReason(error)}`, { cause: error });
}

/**
 * Absolute path of a program, or `null`. Neither the working directory nor relative `PATH` entries are searched, so a
 * program that lies beside the file being worked on is never run (GHSA-x5c7-x7m2-rhmf).
 */
export function findProgram(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
): string | null {
  if (name === "") return null;
  // Scripts (`.cmd`, `.bat`) would need a shell.
  const endings = platform === "win32" && !/\.(exe|com)$/i.test(name) ? [".exe", ".com"] : [""];
  if (isAbsolute(name)) return endings.map((ending) => name + ending).find(isProgram) ?? null;
  if (/[/\\]/.test(name)) return null;
  for (const directory of (env["PATH"] ?? env["Path"] ?? "").split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const found = endings.map((ending) => join(directory, name + ending)).find(isProgram);
    if (found !== undefined) return found;
  }
  return null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The process's own standard streams, written synchronously: cheaper to start than Node's, and nothing is lost on exit. */
export function nodeStreams(): Streams {
  return {
    stdin: {
      get isPiped() {
        // Terminals and `/dev/null` are character devices.
        return standardInput()?.isCharacterDevice() === false;
      },
      read: readStandardInput,
    },
    stdout: { write: (data) => writeStandardOutput(typeof data === "string" ? Buffer.from(data) : data) },
    stderr: {
      get isTerminal() {
        return process.stderr.isTTY === true;
      },
      get columns() {
        return process.stderr.columns || 80;
      },
      write: (text) => {
        try {
          writeAll(2, Buffer.from(text));
        } catch {
          // Standard error is closed or full.
        }
      },
    },
  };
}

/** What standard input is; `null`: it is closed. */
function standardInput(): Stats | null {
  try {
    return fstatSync(0);
  } catch {
    return null;
  }
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  // Node would read nothing.
  if (standardInput()?.isDirectory() === true)
    throw new KeyleafError("INPUT_UNREADABLE", "cannot read standard input: it is a directory");
  try {
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new KeyleafError("INPUT_UNREADABLE", `cannot read standard input: ${systemReason(error)}`, { cause: error });
  }
  return Buffer.concat(chunks);
}

function writeStandardOutput(data: Uint8Array): void {
  try {
    writeAll(1, data);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "EPIPE") throw new ClosedPipe();
    throw new KeyleafError("OUTPUT_WRITE_FAILED", `cannot write to standard output: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

function writeAll(descriptor: number, data: Uint8Array): void {
  let at = 0;
  while (at < data.length) {
    try {
      at += writeSync(descriptor, data, at);
    } catch (error) {
      if (!isSystemError(error) || error.code !== "EAGAIN") throw error;
      // A pipe that somebody made non-blocking is full: wait for its reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
