import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { KeyleafError } from "../errors.ts";
import { findProgram } from "./programs.ts";
import { isSystemError, systemReason } from "./system-error.ts";

/** Another user of this machine, and becoming that user. */

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Looks up a user by name.
 * @throws `USAGE` when there is none, or no users as Unix has them.
 */
export function userNamed(name: string): User {
  if (process.platform === "win32") throw new KeyleafError("USAGE", "--user is not there on Windows");
  for (const line of linesAbout(name)) {
    // On macOS there are three fields more, in front of the full name.
    const fields = line.split(":");
    const [found, , uid = "", gid = ""] = fields;
    const home = fields.at(-2) ?? "";
    if (found === name && /^\d+$/.test(uid) && /^\d+$/.test(gid))
      return { name, uid: Number(uid), gid: Number(gid), home };
  }
  throw new KeyleafError("USAGE", `unknown user ${name}`);
}

/**
 * The name of the account that runs this, not what its environment says, which Bun's `userInfo` goes by. The system's list
 * comes first, since the program for all other accounts is found on the user's PATH.
 */
export function accountName(): string {
  const uid = process.getuid?.();
  if (uid === undefined) return userInfo().username;
  const named = (lines: readonly string[]): string | undefined =>
    lines.map((line) => line.split(":")).find(([, , id]) => id === String(uid))?.[0];
  // Containers often run as a number that nobody has given a name.
  return named(listedLines()) ?? named(linesAbout(String(uid))) ?? `uid ${uid}`;
}

const LIST = "/etc/passwd";

function listedLines(): string[] {
  return existsSync(LIST) ? readFileSync(LIST, "utf8").split("\n") : [];
}

/** Lines of the system's list of users about a name, or number: of what its own program says, where there is one, or else of the file. */
function linesAbout(name: string): string[] {
  // What begins with a dash would be a flag.
  const command = name.startsWith("-") ? null : process.platform === "darwin" ? ["id", "-P"] : ["getent", "passwd"];
  const program = command === null ? null : findProgram(command[0] ?? "", process.env, process.platform);
  if (command === null || program === null) return listedLines();
  const args = [...command.slice(1), name];
  const { stdout } = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return stdout.split("\n");
}

/** What the types of Node do not have. */
interface Groups {
  initgroups?(user: string, group: number): void;
}

/**
 * Gives up what this process may do for what that user may: supplementary groups, then group, then user, each real,
 * effective and saved, and looks whether it is so (sops 3.13.0 and 3.13.2 mended the order and the groups of the reference).
 * @throws `PROVIDER_FAILED`. Then nothing must be run.
 */
export function become({ name, uid, gid }: User): void {
  const { initgroups, setgid, setuid } = process as NodeJS.Process & Groups;
  try {
    if (initgroups === undefined || setgid === undefined || setuid === undefined)
      throw new KeyleafError("PROVIDER_FAILED", "this runtime cannot become another user");
    initgroups(name, gid);
    setgid(gid);
    setuid(uid);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new KeyleafError("PROVIDER_FAILED", `cannot become user ${name}: ${systemReason(error)}`, { cause: error });
  }
  const ids = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  if (ids.join() !== [uid, uid, gid, gid].join())
    throw new KeyleafError("PROVIDER_FAILED", `cannot become user ${name}: the system did not do it`);
}
