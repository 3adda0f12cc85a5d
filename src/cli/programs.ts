import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { isatty } from "node:tty";
import { KeyleafError } from "../errors.ts";
import { type EndingSignal, exitBy, holdingSignals, typedSignals } from "./signals.ts";
import { isSystemError, type SystemError, systemReason } from "./system-error.ts";

/** Other programs: finding and running them. */

/** Characters of a program's standard error that are kept. */
const MOST_STDERR = 8192;

/** See `Host.run`. */
export async function runProgram(
  command: readonly string[],
  extraEnv: Readonly<Record<string, string>>,
  stdin?: Uint8Array,
): Promise<{ status: number; stdout: Uint8Array; stderr?: string }> {
  const [name = "", ...args] = command;
  const program = programOf(name);
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

/** How long a program has to end after it was told to. */
const GRACE_MS = 1000;

/** See `CliHost.attach`. */
export async function attachProgram(
  command: readonly string[],
  beforeEnd: () => Promise<void>,
): Promise<number | string> {
  const [program = "", ...args] = command;
  let child: ChildProcess | null = null;
  let told: EndingSignal | null = null;
  const onSignal = (name: EndingSignal): void => {
    if (typedSignals.has(name) || told !== null) return;
    told = name;
    child?.kill("SIGTERM");
    setTimeout(() => child?.kill("SIGKILL"), GRACE_MS).unref();
  };
  try {
    return await holdingSignals(onSignal, () =>
      new Promise<number | string>((resolve, reject) => {
        const started = spawn(program, args, { stdio: "inherit" });
        child = started;
        started.once("error", reject);
        started.once("close", (status, signal) => resolve(status ?? signal ?? ""));
      }).then(async (ended) => {
        if (told === null) return ended;
        await beforeEnd();
        exitBy(told);
      }),
    );
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw cannotStart(program, error);
  }
}

/** Neither runtime tells the name of a terminal; `tty` tells that of its standard input. */
export async function terminalPath(): Promise<string | null> {
  const descriptor = [0, 2, 1].find((one) => isatty(one));
  const program = findProgram("tty", process.env, process.platform);
  if (descriptor === undefined || program === null) return null;
  const { status, stdout } = spawnSync(program, { stdio: [descriptor, "pipe", "ignore"], encoding: "utf8" });
  const path = status === 0 ? stdout.trim() : "";
  return isAbsolute(path) ? path : null;
}

/** @throws `PROVIDER_FAILED` when there is no such program. */
export function programOf(name: string): string {
  const program = findProgram(name, process.env, process.platform);
  if (program !== null) return program;
  throw new KeyleafError("PROVIDER_FAILED", `program not found: ${name}`, { hint: notFoundHint(name) });
}

/** What to say of a program that {@link findProgram} does not find. */
export function notFoundHint(name: string): string {
  return isAbsolute(name) ? "check the path" : "it is looked for on the absolute directories of PATH only";
}

export function cannotStart(name: string, error: SystemError): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", `cannot start ${name}: ${systemReason(error)}`, { cause: error });
}

/**
 * Absolute path of a program, or `null`. Neither the working directory nor relative `PATH` entries are searched, so a
 * program that lies beside the file being worked on is never run (GHSA-x5c7-x7m2-rhmf).
 */
export function findProgram(name: string, env: Variables, platform: string): string | null {
  return placesOf(name, env, endingsOf(name, platform)).find(isProgram) ?? null;
}

/** Whether there is a file in a place where {@link findProgram} looks, though it may not be a program. */
export function hasProgramFile(name: string, env: Variables, platform: string): boolean {
  return placesOf(name, env, ["", ...endingsOf(name, platform)]).some((path) => existsSync(path));
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Scripts (`.cmd`, `.bat`) would need a shell. */
function endingsOf(name: string, platform: string): string[] {
  return platform === "win32" && !/\.(exe|com)$/i.test(name) ? [".exe", ".com"] : [""];
}

function placesOf(name: string, env: Variables, endings: readonly string[]): string[] {
  if (name === "" || (/[/\\]/.test(name) && !isAbsolute(name))) return [];
  const folders = (env["PATH"] ?? env["Path"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const paths = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  return paths.flatMap((path) => endings.map((ending) => path + ending));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
