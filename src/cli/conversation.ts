import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import type { Conversation } from "../host.ts";
import { cannotStart, programOf } from "./programs.ts";
import { isSystemError } from "./system-error.ts";

/** How long a program has to end by itself, and then again after it was told to. */
const GRACE_MS = 1000;

/** @see {@link Host.start} */
export async function startProgram(
  command: readonly string[],
  extraEnv: Readonly<Record<string, string>>,
): Promise<Conversation> {
  const [name = "", ...args] = command;
  const program = programOf(name);
  // What age itself has for those who write a plugin.
  const isDebugged = process.env["AGEDEBUG"] === "plugin";
  try {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", isDebugged ? "inherit" : "ignore"],
      // Nothing should depend on the folder.
      cwd: tmpdir(),
      env: { ...process.env, ...extraEnv },
      windowsHide: true,
    });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    const chunks = child.stdout[Symbol.asyncIterator]();
    return {
      write: (bytes) => void child.stdin.write(bytes),
      async read() {
        const { value, done } = await chunks.next();
        return done === true ? null : (value as Uint8Array);
      },
      async end() {
        child.stdin.end();
        child.stdout.destroy();
        const signals: NodeJS.Signals[] = ["SIGTERM", "SIGKILL"];
        const timer = setInterval(() => child.kill(signals.shift() ?? "SIGKILL"), GRACE_MS);
        await ended;
        clearInterval(timer);
      },
    };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw cannotStart(name, error);
  }
}
