import { closeSync, lstatSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isAlive, machineName } from "./processes.ts";
import { isSystemError } from "./system-error.ts";

/**
 * A lock on a folder, for the moment in which files in it are compared and replaced: without it, two runs that change one
 * file could both find it as they read it, and one change be lost. Only runs of this program look at it.
 */

const NAME = ".keyleaf-lock.tmp";

/** How long somebody else's lock is waited for. What it is held for takes milliseconds, a second for thousands of files. */
const MOST_MS = 10_000;

const PAUSE_MS = 5;

/** After so long a lock is of no run, whatever process has its number now, and on whatever machine. */
const LEFT_MS = 60_000;

export interface FolderLock {
  readonly path: string;
  release(): void;
}

/**
 * Takes the lock.
 * @param onMade - told the path of the lock file at once, for it to be removed on every way out
 * @returns `null`: it cannot be made here, or somebody holds it for too long. What is compared then is still compared.
 */
export async function lockFolder(folder: string, onMade: (path: string) => void): Promise<FolderLock | null> {
  const path = join(folder, NAME);
  const end = Date.now() + MOST_MS;
  do {
    const made = make(path);
    if (made === "made") {
      onMade(path);
      return { path, release: () => rmSync(path, { force: true }) };
    }
    if (made === "failed") return null;
    breakIfLeft(path);
    await pause(PAUSE_MS * (1 + Math.random()));
  } while (Date.now() < end);
  return null;
}

function make(path: string): "made" | "is there" | "failed" {
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      writeSync(file, `${process.pid} ${machineName()}\n`);
    } finally {
      closeSync(file);
    }
    return "made";
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code === "EEXIST" ? "is there" : "failed";
  }
}

/** Removes a lock that a killed process has left. */
function breakIfLeft(path: string): void {
  try {
    const { ino, mtimeMs } = lstatSync(path);
    const [pid, machine] = readFileSync(path, "utf8").trim().split(" ");
    const isGone = machine === machineName() && Number(pid) > 0 && !isAlive(Number(pid));
    if (!isGone && Date.now() - mtimeMs < LEFT_MS) return;
    // Another run may have seen the same, removed it and made its own by now: only the one that was looked at goes.
    const aside = `${path.slice(0, -".tmp".length)}-${process.pid}.tmp`;
    renameSync(path, aside);
    if (lstatSync(aside).ino === ino) rmSync(aside, { force: true });
    else renameSync(aside, path);
  } catch (error) {
    // It is gone.
    if (!isSystemError(error)) throw error;
  }
}
