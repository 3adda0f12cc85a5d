import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { KeyleafError } from "../errors.ts";
import { isSystemError, type SystemError, systemReason } from "./system-error.ts";

/**
 * Everything the program writes to files is written here: to a temporary file beside the target, which is flushed, read
 * back, compared and only then renamed over it. Killed at any instant, the old file or the new one is there, whole.
 */

export interface FileWrite {
  /** Absolute. A symbolic link is followed and stays. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Plaintext or a key: only the owner may read it if the file is new. A file that exists keeps its mode. */
  readonly isSecret: boolean;
  /** What the target held when it was read: it must still hold that. Absent: it was not read. */
  readonly before?: Uint8Array;
  /** Refuse when something is there. */
  readonly isNew?: boolean;
  /** A last look at what has been written, before it counts. Throws when it is not good. */
  readonly verify?: (written: Uint8Array) => Promise<void>;
}

interface Staged {
  readonly write: FileWrite;
  /** The target with links followed. */
  readonly target: string;
  readonly temporary: string;
  /** Nothing was there. */
  readonly isCreated: boolean;
}

/**
 * Writes all files or none.
 *
 * @throws `OUTPUT_WRITE_FAILED`, `OUTPUT_CHANGED_MEANWHILE`, `OUTPUT_VERIFY_FAILED`, `USAGE_CONFLICT` (two of them are one file),
 * and what `verify` throws. Then every target is as it was.
 */
export async function writeFiles(writes: readonly FileWrite[]): Promise<void> {
  const release = removeTemporariesOnSignal();
  try {
    const staged: Staged[] = [];
    for (const write of writes) {
      const one = await stage(write);
      if (one === null) continue;
      const twin = staged.find(({ target }) => target === one.target);
      if (twin !== undefined) {
        throw new KeyleafError("USAGE_CONFLICT", `${twin.write.path} and ${write.path} are the same file`);
      }
      staged.push(one);
    }
    commit(staged);
  } finally {
    removeTemporaries();
    release();
  }
}

/** @returns `null` when the target is no regular file (a pipe, `/dev/null`): that is written to directly. */
async function stage(write: FileWrite): Promise<Staged | null> {
  const { path, content } = write;
  const existing = attempt(path, () => statSync(path, { throwIfNoEntry: false }) ?? null);
  if (existing?.isDirectory() === true) throw failed(path, "it is a directory");
  if (existing !== null && write.isNew === true) throw isThere(path);
  if (existing !== null && !existing.isFile()) {
    await write.verify?.(content);
    attempt(path, () => writeFileSync(path, content));
    return null;
  }
  const target = attempt(path, () => followLinks(path));
  // A rename would replace a file that its owner has made read-only.
  if (existing !== null) attempt(path, () => accessSync(target, constants.W_OK));
  const temporary = attempt(path, () => writeTemporary(target, write, existing));
  const written = attempt(path, () => readFileSync(temporary));
  if (!written.equals(content)) {
    throw new KeyleafError("OUTPUT_VERIFY_FAILED", `${path}: what was read back is not what was written`);
  }
  await write.verify?.(written);
  return { write, target, temporary, isCreated: existing === null };
}

function writeTemporary(target: string, write: FileWrite, existing: Stats | null): string {
  const temporary = join(dirname(target), `.keyleaf-${randomBytes(8).toString("hex")}.tmp`);
  const isPrivate = write.isSecret || existing !== null;
  temporaries.add(temporary);
  const file = openSync(temporary, "wx", isPrivate ? 0o600 : 0o644);
  try {
    writeFileSync(file, write.content);
    if (existing !== null) keepOwnerAndMode(file, existing);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return temporary;
}

/** Owner and group where the system lets us; then the mode, which a change of owner may have cut. */
function keepOwnerAndMode(file: number, existing: Stats): void {
  tryQuietly(() => fchownSync(file, -1, existing.gid));
  tryQuietly(() => fchownSync(file, existing.uid, existing.gid));
  tryQuietly(() => fchmodSync(file, existing.mode & 0o7777));
}

/** Synchronous from the first check to the last rename, so that no signal handler of ours runs in between. */
function commit(staged: readonly Staged[]): void {
  for (const one of staged) checkUnchanged(one);
  const done: Staged[] = [];
  try {
    for (const one of staged) {
      attempt(one.write.path, () => moveIntoPlace(one));
      done.push(one);
    }
  } catch (error) {
    for (const one of done) undo(one);
    throw error;
  }
  for (const directory of new Set(staged.map(({ target }) => dirname(target)))) flushDirectory(directory);
}

function checkUnchanged({ write, target }: Staged): void {
  const { before, path } = write;
  if (before === undefined) return;
  let now: Buffer | null = null;
  try {
    now = readFileSync(target);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  if (now?.equals(before) === true) return;
  throw new KeyleafError("OUTPUT_CHANGED_MEANWHILE", `${path} has been changed by someone else since it was read`, {
    hint: "nothing was written; run the command again",
  });
}

function moveIntoPlace({ write, target, temporary }: Staged): void {
  // A rename replaces what has appeared in the meantime; a second link does not.
  if (write.isNew === true && tryQuietly(() => linkSync(temporary, target), ["EPERM", "ENOTSUP", "ENOSYS"])) return;
  renameSync(temporary, target);
  temporaries.delete(temporary);
}

/** A later file of the same run could not be moved: puts back what this one held. */
function undo({ write, target, isCreated }: Staged): void {
  tryQuietly(() => {
    if (isCreated) rmSync(target, { force: true });
    if (isCreated || write.before === undefined) return;
    const existing = statSync(target);
    const temporary = writeTemporary(target, { ...write, content: write.before }, existing);
    renameSync(temporary, target);
    temporaries.delete(temporary);
  });
}

/** Makes the rename itself durable. Not every system can open a directory. */
function flushDirectory(path: string): void {
  tryQuietly(() => {
    const directory = openSync(path, "r");
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  });
}

/** The file that a path stands for, which need not exist. */
function followLinks(path: string): string {
  let target = path;
  for (let i = 0; i < 40; i++) {
    if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return target;
    target = resolve(dirname(target), readlinkSync(target));
  }
  throw failed(path, "too many symbolic links");
}

const temporaries = new Set<string>();

function removeTemporaries(): void {
  for (const path of temporaries) tryQuietly(() => rmSync(path, { force: true }));
  temporaries.clear();
}

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** @returns what puts the signals back as they were. */
function removeTemporariesOnSignal(): () => void {
  const handler = (name: NodeJS.Signals): void => {
    removeTemporaries();
    process.exit(128 + signals[name as keyof typeof signals]);
  };
  const names = Object.keys(signals) as (keyof typeof signals)[];
  for (const name of names) process.on(name, handler);
  return () => {
    for (const name of names) process.off(name, handler);
  };
}

/** @param ignored - system errors to be ignored; all of them unless given. @returns whether it worked. */
function tryQuietly(action: () => void, ignored?: readonly string[]): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!isSystemError(error) || ignored?.includes(error.code) === false) throw error;
    return false;
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw error.code === "EEXIST" ? isThere(path) : failed(path, systemReason(error), error);
  }
}

function failed(path: string, reason: string, cause?: SystemError): KeyleafError {
  return new KeyleafError("OUTPUT_WRITE_FAILED", `cannot write ${path}: ${reason}`, { cause });
}

function isThere(path: string): KeyleafError {
  return new KeyleafError("OUTPUT_WRITE_FAILED", `${path} exists, and is never overwritten`, {
    hint: "name another file",
  });
}
