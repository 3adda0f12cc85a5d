import { join } from "node:path";
import type { ChildProgram, Ending } from "./child.ts";
import type { Context, Flags } from "./context.ts";
import type { Environment, Variable } from "./environment.ts";
import type { User } from "./user.ts";

/** What `exec-env` and `exec-file` have in common: they are the only commands that start a shell. */

/** @param command - for `/bin/sh -c`, on Windows `cmd.exe /C` */
export function shellProgram(command: string, env: Environment, { host }: Context): ChildProgram {
  if (host.platform !== "win32") return { path: "/bin/sh", argv: ["/bin/sh", "-c", command], env };
  const system = host.env["SystemRoot"] ?? "C:\\Windows";
  return { path: join(system, "System32", "cmd.exe"), argv: ["cmd.exe", "/C", command], env };
}

/** The user that `--user` names, if it is given. @throws `USAGE` */
export async function userFlag(flags: Flags): Promise<User | null> {
  const name = flags.text("user");
  return name === undefined ? null : (await import("./user.ts")).userNamed(name);
}

/** What the environment says about a user. */
export function userVariables(user: User | null): Variable[] {
  if (user === null) return [];
  const { home, name } = user;
  return [
    ["HOME", home],
    ["USER", name],
    ["LOGNAME", name],
  ];
}

/** The exit status for how a command ended: its own, or 255 when a signal ended it. The reference says what it was if it is not 0. */
export function referenceStatus(ending: Ending, context: Context): number {
  if (context.program === "sops" && ending.status !== 0) context.streams.stderr.write(`${endingText(ending)}\n`);
  return ending.status ?? 255;
}

/** Words of Go for the signals that end programs mostly. */
const signalWords: ReadonlyMap<string, string> = new Map([
  ["SIGHUP", "hangup"],
  ["SIGINT", "interrupt"],
  ["SIGQUIT", "quit"],
  ["SIGABRT", "aborted"],
  ["SIGKILL", "killed"],
  ["SIGSEGV", "segmentation fault"],
  ["SIGPIPE", "broken pipe"],
  ["SIGTERM", "terminated"],
]);

function endingText({ status, signal }: Ending): string {
  return signal === null ? `exit status ${status}` : `signal: ${signalWords.get(signal) ?? signal}`;
}
