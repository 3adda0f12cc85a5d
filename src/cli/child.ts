import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { closeSync, openSync, readSync, write } from "node:fs";
import { constants } from "node:os";
import { promisify } from "node:util";
import { KeyleafError } from "../errors.ts";
import type { Environment } from "./environment.ts";
import { Looks, makePipe } from "./fifo.ts";
import type { Redaction } from "./redact.ts";
import { isSystemError, systemReason } from "./system-error.ts";

/** The program that somebody wants to run, rather than one that is needed on the way: it has the terminal, and its end is ours. */

/** What is to be run. */
export interface ChildProgram {
  /** Absolute. */
  readonly path: string;
  /** What it is called by, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Environment;
}

/** How a program ended: one of the two is `null`. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Signals that a terminal sends to every process in front of it, so that the program has them already. Without a terminal
 * they were sent to this process alone.
 */
const terminalSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const otherSignals: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH"];
const windowsSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGBREAK", "SIGHUP"];

/** While something is done, this process outlives signals, and hands them to the program once there is one. */
export async function withSignals<T>(platform: string, action: (relay: SignalRelay) => Promise<T>): Promise<T> {
  const relay = new SignalRelay(platform);
  try {
    return await action(relay);
  } finally {
    relay.end();
  }
}

export class SignalRelay {
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  readonly #early: NodeJS.Signals[] = [];
  #child: ChildProcess | null = null;

  constructor(platform: string) {
    const isWindows = platform === "win32";
    const passed = isWindows ? [] : hasTerminal() ? otherSignals : [...terminalSignals, ...otherSignals];
    for (const signal of isWindows ? windowsSignals : [...terminalSignals, ...otherSignals]) {
      const listener = (): void => {
        if (passed.includes(signal)) this.#pass(signal);
      };
      this.#listeners.set(signal, listener);
      process.on(signal, listener);
    }
  }

  #pass(signal: NodeJS.Signals): void {
    if (this.#child === null) this.#early.push(signal);
    else this.#child.kill(signal);
  }

  to(child: ChildProcess): void {
    this.#child = child;
    for (const signal of this.#early.splice(0)) child.kill(signal);
  }

  end(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end. It has the standard streams of this process, or, where its output goes through a redaction,
 * pipes for the two of them that are written.
 * @throws `PROGRAM_CANNOT_RUN`, `PROVIDER_FAILED` when there can be no pipes, `OUTPUT_WRITE_FAILED` once it has ended
 */
export async function runToEnd(
  program: ChildProgram,
  relay: SignalRelay,
  redaction: (() => Redaction) | null = null,
): Promise<Ending> {
  const outputs = redaction === null ? [] : [1, 2].map((descriptor) => ({ descriptor, ...makePipe() }));
  let child: ChildProcess;
  try {
    const [stdout = "inherit", stderr = "inherit"] = outputs.map(({ writing }) => writing);
    child = start(program, ["inherit", stdout, stderr]);
  } catch (error) {
    for (const { reading } of outputs) closeSync(reading);
    throw error;
  } finally {
    // The program has its own; with these the pipes would never end.
    for (const { writing } of outputs) closeSync(writing);
  }
  relay.to(child);
  const ended = new Promise<Ending>((done, fail) => {
    child.once("error", (error) => fail(cannotRun(program, error)));
    child.once("close", (status, signal) => done({ status, signal }));
  });
  const copies = outputs.map(({ reading, descriptor }) => redaction && copy(reading, descriptor, redaction()));
  const [ending, ...failures] = await Promise.all([ended, ...copies]);
  const failure = failures.find((one) => one !== null);
  if (failure !== undefined) throw failure;
  return ending;
}

/** Starts a program that goes on when this one ends, without standard streams. @throws `PROGRAM_CANNOT_RUN` */
export async function startAndLeave(program: ChildProgram): Promise<void> {
  const child = start(program, "ignore");
  await new Promise<void>((done, fail) => {
    child.once("spawn", done);
    child.once("error", (error) => fail(cannotRun(program, error)));
  });
  child.unref();
}

function start(program: ChildProgram, stdio: StdioOptions): ChildProcess {
  const [name, ...args] = program.argv;
  try {
    return spawn(program.path, args, { argv0: name, env: { ...program.env }, stdio });
  } catch (error) {
    // Most failures are an event on Node and thrown by Bun.
    throw cannotRun(program, error);
  }
}

function cannotRun({ argv: [name] }: ChildProgram, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new KeyleafError("PROGRAM_CANNOT_RUN", `cannot run ${name}: ${systemReason(error)}`, {
    ...(error.code === "E2BIG" ? { hint: "an environment has room for 128 KB a variable; use enc exec-file" } : {}),
    cause: error,
  });
}

const writeSome = promisify(write);
/** What a pipe holds. */
const CHUNK_BYTES = 65_536;
/** The longest time that output is late by. */
const MOST_LATE_MS = 20;

/**
 * Copies what comes out of a pipe, and closes it. It is not written synchronously, so that signals get through while the
 * reader of this process's output is slow.
 * @returns why it could not all be written: the program is told by its pipe, and is waited for first.
 */
async function copy(reading: number, descriptor: number, redaction: Redaction): Promise<KeyleafError | null> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const looks = new Looks(MOST_LATE_MS);
  try {
    for (;;) {
      const bytes = readNow(reading, buffer);
      if (bytes === 0) break;
      if (bytes === null) await looks.pause();
      else {
        looks.found();
        await writeAll(descriptor, redaction.push(buffer.subarray(0, bytes)));
      }
    }
    await writeAll(descriptor, redaction.end());
    return null;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // Nobody reads any more, which is no error.
    if (error.code === "EPIPE") return null;
    return new KeyleafError("OUTPUT_WRITE_FAILED", `cannot write what it prints: ${systemReason(error)}`, {
      cause: error,
    });
  } finally {
    closeSync(reading);
    buffer.fill(0);
  }
}

/** @returns the number of bytes; 0: there will be no more; `null`: there are none so far. */
function readNow(descriptor: number, buffer: Buffer): number | null {
  try {
    return readSync(descriptor, buffer);
  } catch (error) {
    if (isSystemError(error) && error.code === "EAGAIN") return null;
    throw error;
  }
}

/** How long to wait for the reader of a pipe that does not wait itself. */
const FULL_PIPE_MS = 2;

async function writeAll(descriptor: number, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length; ) {
    try {
      at += (await writeSome(descriptor, data, at)).bytesWritten;
    } catch (error) {
      if (!isSystemError(error) || error.code !== "EAGAIN") throw error;
      await new Promise((done) => setTimeout(done, FULL_PIPE_MS));
    }
  }
}

/** Signals by which this process can end without any more coming of it. Others write a core file, or start a debugger. */
const plainSignals: readonly NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGKILL", "SIGTERM"];

/**
 * Ends the process by the signal that ended the program, so that a shell sees what it would have seen.
 * @returns the status of that; 128 and the signal's number where ending by it was not possible.
 */
export function endAs({ status, signal }: Ending): number {
  if (signal === null) return status ?? 0;
  if (plainSignals.includes(signal)) process.kill(process.pid, signal);
  return 128 + constants.signals[signal];
}
