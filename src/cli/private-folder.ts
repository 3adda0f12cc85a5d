import { lstatSync, mkdtempSync, readdirSync, rmSync, type Stats, statfsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { KeyleafError } from "../errors.ts";
import type { CliHost, Context } from "./context.ts";
import { canOthersReplaceIn, userId } from "./owner.ts";
import { isAlive, machineName } from "./processes.ts";
import { note } from "./report.ts";
import { isSystemError, systemReason } from "./system-error.ts";

/**
 * Folders for plaintext that other programs have to read as a file: only this user can look into them, they are in memory
 * where the system has a place for that, and they are gone on every way out but SIGKILL. What that leaves behind is removed
 * by a later run.
 */

/** File systems in memory, as statfs(2) names them: tmpfs, ramfs. What is in the first may be swapped out. */
const IN_MEMORY = [0x01021994, 0x858458f6];

export class PrivateFolder {
  readonly path: string;
  /** Whether it is in memory rather than on a disk, as far as the system tells. */
  readonly isInMemory: boolean;
  readonly #removeAtExit = (): void => removeQuietly(this.path);

  private constructor(path: string, isInMemory: boolean) {
    this.path = path;
    this.isInMemory = isInMemory;
    process.on("exit", this.#removeAtExit);
  }

  /** @throws `OUTPUT_WRITE_FAILED` where there is no place for it. */
  static make({ env, platform }: Pick<CliHost, "env" | "platform">): PrivateFolder {
    let failure: unknown = null;
    for (const { path, isInMemory } of placesFor(env, platform)) {
      try {
        // It has mode 0700 from the start.
        return new PrivateFolder(mkdtempSync(join(path, `${prefix()}${process.pid}-`)), isInMemory);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== null && !isSystemError(failure)) throw failure;
    throw new KeyleafError(
      "OUTPUT_WRITE_FAILED",
      `there is no place for a private folder${failure === null ? "" : `: ${systemReason(failure)}`}`,
      { hint: "set TMPDIR to a folder that only you, or only you and root, can change", cause: failure },
    );
  }

  /** Writes a file, mode 0600. @returns its path */
  write(name: string, content: Uint8Array): string {
    const path = join(this.path, name);
    try {
      // An editor may have left a link in its place.
      rmSync(path, { force: true });
      writeFileSync(path, content, { flag: "wx", mode: 0o600 });
      return path;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new KeyleafError("OUTPUT_WRITE_FAILED", `cannot write ${path}: ${systemReason(error)}`, { cause: error });
    }
  }

  /** To be called in any case. */
  remove(): void {
    removeQuietly(this.path);
    process.off("exit", this.#removeAtExit);
  }
}

/** Removes what killed runs have left, and says so. */
export function sweep(context: Context): void {
  const removed = removeLeftovers(context.host);
  if (removed > 0) note(context, `removed the plaintext that ${removed} killed ${removed === 1 ? "run" : "runs"} left`);
}

/**
 * Removes the private folders of this user that belong to processes of this machine that are gone.
 * @returns how many
 */
export function removeLeftovers({ env, platform }: Pick<CliHost, "env" | "platform">): number {
  const start = prefix();
  let removed = 0;
  for (const { path } of placesFor(env, platform)) {
    for (const name of namesIn(path)) {
      if (!name.startsWith(start)) continue;
      const pid = Number(/^(\d+)-/.exec(name.slice(start.length))?.[1] ?? Number.NaN);
      const folder = join(path, name);
      if (!(pid > 0) || isAlive(pid) || !isOwnFolder(folder)) continue;
      removeQuietly(folder);
      removed++;
    }
  }
  return removed;
}

interface Place {
  readonly path: string;
  readonly isInMemory: boolean;
}

/** Where a private folder can be, the best place first. */
function placesFor(env: CliHost["env"], platform: string): Place[] {
  // Only Linux has folders in memory that are known to be there.
  const ofSystem = platform === "linux" ? [env["XDG_RUNTIME_DIR"] ?? "", "/dev/shm"] : [];
  const places = [...ofSystem, env["TMPDIR"] ?? "", tmpdir()]
    .filter((path, index, all) => isAbsolute(path) && all.indexOf(path) === index && isSafe(path, platform))
    .map((path) => ({ path, isInMemory: platform === "linux" && isInMemory(path) }));
  return places.toSorted((a, b) => Number(b.isInMemory) - Number(a.isInMemory));
}

/** Whoever can put another folder in the place of a private one gets what is written there from then on. */
function isSafe(path: string, platform: string): boolean {
  const stats = statOf(path, statSync);
  if (stats?.isDirectory() !== true) return false;
  return platform === "win32" || !canOthersReplaceIn(stats);
}

function isInMemory(path: string): boolean {
  try {
    return IN_MEMORY.includes(statfsSync(path).type);
  } catch {
    return false;
  }
}

/** How the names of private folders begin that processes make which this one can see. */
function prefix(): string {
  return `keyleaf-${machineName()}-`;
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** A link, or what somebody else has made under such a name, is left alone. */
function isOwnFolder(path: string): boolean {
  const stats = statOf(path, lstatSync);
  return stats?.isDirectory() === true && (userId() === -1 || stats.uid === userId());
}

function statOf(path: string, look: (path: string) => Stats): Stats | null {
  try {
    return look(path);
  } catch {
    return null;
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
