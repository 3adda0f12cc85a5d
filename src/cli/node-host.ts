import type { Dirent, Stats } from "node:fs";
import { runtime } from "../crypto/runtime.ts";
import { KeyleafError } from "../errors.ts";
import { type CliHost, ClosedPipe, type FileKind, type Streams } from "./context.ts";
import { system } from "./system.ts";
import { isSystemError, systemReason } from "./system-error.ts";
import { writeAll } from "./write-all.ts";

/**
 * The outside world as the runtime has it: with `system.ts`, and `programs.ts` and `terminal.ts`, which few runs need, all
 * of the program that knows the runtime.
 */
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
      const content = await readIfThere(path);
      if (content !== null && content.length > LARGE.from && content.length < LARGE.to) await keepHeapSmall();
      return content;
    },
    stat: (path) => {
      const stats = statIfThere(path);
      return stats === null ? null : { kind: kindOf(stats), bytes: stats.size };
    },
    list: (path) =>
      system
        .fs()
        .readdirSync(path, { withFileTypes: true })
        .map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
    run: async (command, extraEnv, stdin) => (await import("./programs.ts")).runProgram(command, extraEnv, stdin),
    terminal: async () => (await import("./programs.ts")).terminalPath(),
    start: async (command, extraEnv) => (await import("./conversation.ts")).startProgram(command, extraEnv),
    ask: async (question, isShown) => (await import("./terminal.ts")).ask(question, isShown),
    attach: async (command, beforeEnd) => (await import("./programs.ts")).attachProgram(command, beforeEnd),
    audit: async (action, file) => {
      // The folder, which everybody can see: nobody is to be taken for unaudited who merely cannot read what is in it.
      if (!system.isMissing("/etc/sops")) await (await import("./audit.ts")).audit(action, file);
    },
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

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await system.readFile(path);
  } catch (error) {
    return nullIfMissing(error);
  }
}

function statIfThere(path: string): Stats | null {
  try {
    return system.fs().statSync(path);
  } catch (error) {
    return nullIfMissing(error);
  }
}

/** @throws every other error */
function nullIfMissing(error: unknown): null {
  if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
  throw error;
}

function kindOf(entry: Stats | Dirent): FileKind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : "other";
}

/** The process's own standard streams. Unlike of those that the runtimes make of them, nothing is lost on exit. */
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
          writeAll(system.fs(), 2, Buffer.from(text));
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
    return system.fs().fstatSync(0);
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

async function writeStandardOutput(data: Uint8Array): Promise<void> {
  try {
    await system.writeOutput(data);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "EPIPE") throw new ClosedPipe();
    throw new KeyleafError("OUTPUT_WRITE_FAILED", `cannot write to standard output: ${systemReason(error)}`, {
      cause: error,
    });
  }
}
