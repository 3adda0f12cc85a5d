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
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code === "EEXIST" ? "is there" : "failed";
  }
  try {
    writeSync(file, `${process.pid} ${machineName()}\n`);
  } catch {
    // The disk is full. It is a lock, and who finds it left has to go by its age.
  } finally {
    closeSync(file);
  }
  return "made";
}

interface Found {
  readonly text: string;
  readonly mtimeMs: number;
}

/** `null`: it is no lock of ours, but something that somebody has put there. */
function foundAt(path: string): Found | null {
  const stats = lstatSync(path);
  return stats.isFile() ? { text: readFileSync(path, "utf8"), mtimeMs: stats.mtimeMs } : null;
}

function isLeft({ text, mtimeMs }: Found): boolean {
  const [pid, machine] = text.trim().split(" ");
  const isGone = machine === machineName() && Number(pid) > 0 && !isAlive(Number(pid));
  return isGone || Date.now() - mtimeMs > LEFT_MS;
}

/** Removes a lock that a killed process has left. */
function breakIfLeft(path: string): void {
  try {
    const found = foundAt(path);
    if (found === null || !isLeft(found)) return;
    // Another run may have seen the same, removed it and made its own by now: only the one that was looked at goes.
    const aside = `${path.slice(0, -".tmp".length)}-${process.pid}.tmp`;
    renameSync(path, aside);
    const taken = foundAt(aside);
    if (taken?.text === found.text && taken.mtimeMs === found.mtimeMs) rmSync(aside, { force: true });
    else renameSync(aside, path);
  } catch (error) {
    // It is gone.
    if (!isSystemError(error)) throw error;
  }
}
