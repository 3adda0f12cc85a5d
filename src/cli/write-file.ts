import { createHash, randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { KeyleafError } from "../errors.ts";
import { type FolderLock, lockFolder } from "./folder-lock.ts";
import { inParallel } from "./in-parallel.ts";
import { endingSignals, exitOnSignals } from "./signals.ts";
import { isSystemError, type SystemError, systemReason } from "./system-error.ts";

/**
 * Everything the program writes to files is written here: to a temporary file beside the target, which is read back,
 * compared, flushed and only then renamed over it. Killed at any instant, the old file or the new one is there, whole.
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

/**
 * Looks for what would keep a file from being written, before somebody takes pains with its content.
 * @throws `OUTPUT_WRITE_FAILED`
 */
export function checkWritable(path: string): void {
  attempt(path, () => {
    const target = followLinks(path);
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) accessSync(target, constants.W_OK);
    accessSync(dirname(target), constants.W_OK);
  });
}

interface Staged {
  /** As in the {@link FileWrite}. */
  readonly path: string;
  /** The target with links followed. */
  readonly target: string;
  readonly temporary: string;
  /** Digest of what the target held when it was read. The content itself of many files would fill the memory. */
  readonly before: string | null;
  readonly isNew: boolean;
}

/** Flushes at a time. Together they take less than one after the other: a journal takes up many at once. */
const FLUSHES = 8;

/**
 * Writes all files or none.
 *
 * @throws `OUTPUT_WRITE_FAILED`, `OUTPUT_CHANGED_MEANWHILE`, `OUTPUT_VERIFY_FAILED`, `USAGE_CONFLICT` (two of them are one file),
 * and what `verify` throws. Then every target is as it was.
 */
export async function writeFiles(writes: readonly FileWrite[]): Promise<void> {
  const staging = new Staging(writes.length === 1);
  try {
    for (const write of writes) await staging.add(write);
    await staging.commit();
  } finally {
    staging.end();
  }
}

/** Files on their way: one after the other they are written beside their targets, and in the end all take their places. */
export class Staging {
  readonly #staged: Staged[] = [];
  /** Paths as they were given, by target. */
  readonly #targets = new Map<string, string>();
  /** Paths of what lies beside the targets and has to go. */
  readonly #temporaries = new Set<string>();
  readonly #isOne: boolean;
  readonly #stopListening: () => void;

  /** @param isOne - only one file is going to be added. */
  constructor(isOne: boolean) {
    this.#isOne = isOne;
    this.#stopListening = exitOnSignals(endingSignals, () => this.#removeTemporaries());
  }

  /**
   * Writes one file beside its target. A single one may be no regular file (a pipe, `/dev/null`) and is written straight
   * into; what went there could not be taken back if another file failed.
   */
  async add(write: FileWrite): Promise<void> {
    const { path, content, before } = write;
    const existing = attempt(path, () => statSync(path, { throwIfNoEntry: false }) ?? null);
    if (existing?.isDirectory() === true) throw failed(path, "it is a directory");
    if (existing !== null && write.isNew === true) throw isThere(path);
    if (existing !== null && !existing.isFile()) {
      if (!this.#isOne) throw failed(path, "it is no regular file, and there are others");
      await write.verify?.(content);
      attempt(path, () => writeFileSync(path, content));
      return;
    }
    const target = attempt(path, () => followLinks(path));
    const twin = this.#targets.get(target);
    if (twin !== undefined) throw new KeyleafError("USAGE_CONFLICT", `${twin} and ${path} are the same file`);
    this.#targets.set(target, path);
    // A rename would replace a file that its owner has made read-only.
    if (existing !== null) attempt(path, () => accessSync(target, constants.W_OK));
    const isPrivate = write.isSecret || existing !== null;
    const temporary = attempt(path, () => this.#writeTemporary(target, content, isPrivate ? 0o600 : 0o644));
    const written = attempt(path, () => readFileSync(temporary));
    if (!written.equals(content)) {
      throw new KeyleafError("OUTPUT_VERIFY_FAILED", "what was read back is not what was written", {
        details: { file: path },
      });
    }
    await write.verify?.(written);
    this.#staged.push({
      path,
      target,
      temporary,
      before: before === undefined ? null : digestOf(before),
      isNew: write.isNew === true,
    });
  }

  /** Puts everything in its place. */
  async commit(): Promise<void> {
    await inParallel(this.#staged, FLUSHES, flush);
    const locks = await this.#lockFolders();
    try {
      this.#moveAll();
    } finally {
      for (const lock of locks) {
        lock.release();
        this.#temporaries.delete(lock.path);
      }
    }
  }

  /** Of all files that must be as they were read. In one order, so that no two runs wait for each other. */
  async #lockFolders(): Promise<FolderLock[]> {
    const locks: FolderLock[] = [];
    const compared = this.#staged.filter(({ before, isNew }) => before !== null || isNew);
    for (const folder of [...new Set(compared.map(({ target }) => dirname(target)))].sort()) {
      const lock = await lockFolder(folder, (path) => this.#temporaries.add(path));
      if (lock !== null) locks.push(lock);
    }
    return locks;
  }

  /** To be called in any case: what has not been put in its place goes away. */
  end(): void {
    this.#removeTemporaries();
    this.#stopListening();
  }

  /** Synchronous from the first check to the last rename, so that no signal handler of ours runs in between. */
  #moveAll(): void {
    const staged = this.#staged;
    for (const one of staged) checkUnchanged(one);
    const done: { readonly one: Staged; readonly kept: string | null }[] = [];
    try {
      for (const one of staged) {
        const { path, target } = one;
        // As it is now: its mode may have been changed during the run.
        const existing = attempt(path, () => fileAt(target));
        // Of a single file, there is nothing to undo.
        const kept =
          staged.length === 1 || existing === null ? null : attempt(path, () => this.#keepAside(target, existing));
        attempt(path, () => this.#moveIntoPlace(one, existing));
        done.push({ one, kept });
      }
    } catch (error) {
      // From the last, so that what was moved over twice (a folder may be mounted twice) ends as it began.
      for (const { one, kept } of done.toReversed()) tryQuietly(() => this.#undo(one, kept));
      throw error;
    }
    for (const { kept } of done) if (kept !== null) this.#remove(kept);
    for (const directory of new Set(staged.map(({ target }) => dirname(target)))) flushDirectory(directory);
  }

  /** Only here others may get to read what only the owner could: until now the run might have come to nothing. */
  #moveIntoPlace({ target, temporary, isNew }: Staged, existing: Stats | null): void {
    if (existing !== null) giveOwnerAndMode(temporary, existing);
    // A rename replaces what has appeared in the meantime; a second link does not.
    if (isNew && tryQuietly(() => linkSync(temporary, target), NO_LINKS)) return;
    renameSync(temporary, target);
    this.#temporaries.delete(temporary);
  }

  /** Gives the old file a second name, under which it outlives the rename, or copies it. */
  #keepAside(target: string, existing: Stats): string {
    const kept = this.#temporaryBeside(target);
    if (tryQuietly(() => linkSync(target, kept), NO_LINKS)) return kept;
    const file = openSync(kept, "wx", 0o600);
    try {
      writeFileSync(file, readFileSync(target));
      keepOwnerAndMode(file, existing);
    } finally {
      closeSync(file);
    }
    return kept;
  }

  /** A later file of the same run could not be moved: puts back what was there. */
  #undo({ target }: Staged, kept: string | null): void {
    if (kept === null) rmSync(target, { force: true });
    else {
      // If this fails as well, it is the only copy, and stays.
      this.#temporaries.delete(kept);
      renameSync(kept, target);
    }
  }

  /** A new file beside the target. @returns its path */
  #writeTemporary(target: string, content: Uint8Array, mode: number): string {
    const path = this.#temporaryBeside(target);
    writeFileSync(path, content, { flag: "wx", mode });
    return path;
  }

  #temporaryBeside(target: string): string {
    const path = join(dirname(target), newTemporaryName());
    this.#temporaries.add(path);
    return path;
  }

  #removeTemporaries(): void {
    for (const path of this.#temporaries) this.#remove(path);
  }

  #remove(temporary: string): void {
    tryQuietly(() => rmSync(temporary, { force: true }));
    this.#temporaries.delete(temporary);
  }
}

const flushed = promisify(fsync);

async function flush({ path, temporary }: Staged): Promise<void> {
  const file = attempt(path, () => openSync(temporary, "r+"));
  try {
    await flushed(file);
  } catch (error) {
    throw inWords(path, error);
  } finally {
    closeSync(file);
  }
}

/** Owner and group where the system lets us; then the mode, which a change of owner may have cut. */
function keepOwnerAndMode(file: number, existing: Stats): void {
  tryQuietly(() => fchownSync(file, -1, existing.gid));
  tryQuietly(() => fchownSync(file, existing.uid, existing.gid));
  tryQuietly(() => fchmodSync(file, existing.mode & 0o7777));
}

function checkUnchanged({ path, target, before }: Staged): void {
  if (before === null) return;
  let now: string | null = null;
  try {
    now = digestOf(readFileSync(target));
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  if (now === before) return;
  throw new KeyleafError("OUTPUT_CHANGED_MEANWHILE", `${path} has been changed by someone else since it was read`, {
    hint: "nothing was written; run the command again",
  });
}

function digestOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("base64");
}

/** The regular file at a path; `null`: none. Links are no files: the path had them followed. */
function fileAt(path: string): Stats | null {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? stats : null;
}

function giveOwnerAndMode(temporary: string, existing: Stats): void {
  // Should somebody have put a link there, what it points to must not be given away. Windows has no such flag.
  const file = openSync(temporary, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  try {
    keepOwnerAndMode(file, existing);
  } finally {
    closeSync(file);
  }
}

/** What a file system says that has no second names for files, or not for this one. */
const NO_LINKS = ["EPERM", "ENOTSUP", "ENOSYS", "EMLINK"];

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

/** The file that a path stands for, which need not exist. By its real folder, so that one file has one path. */
function followLinks(path: string): string {
  let target = path;
  for (let i = 0; i < 40; i++) {
    if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() !== true) {
      return join(realpathSync.native(dirname(target)), basename(target));
    }
    target = resolve(dirname(target), readlinkSync(target));
  }
  throw failed(path, "too many symbolic links");
}

/** Tells the temporary files of this process from those of others, and from each other. */
let processName = "";
let made = 0;

function newTemporaryName(): string {
  processName ||= randomBytes(8).toString("hex");
  return `.keyleaf-${processName}-${++made}.tmp`;
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
    throw inWords(path, error);
  }
}

/** What the system says about a target, as an error of ours. */
function inWords(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return error.code === "EEXIST" ? isThere(path) : failed(path, systemReason(error), error);
}

function failed(path: string, reason: string, cause?: SystemError): KeyleafError {
  return new KeyleafError("OUTPUT_WRITE_FAILED", `cannot write ${path}: ${reason}`, { cause });
}

function isThere(path: string): KeyleafError {
  return new KeyleafError("OUTPUT_WRITE_FAILED", `${path} exists, and is never overwritten`, {
    hint: "name another file",
  });
}
