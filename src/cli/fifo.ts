import { spawnSync } from "node:child_process";
import {
  close,
  closeSync,
  constants,
  linkSync,
  mkdtempSync,
  open,
  openSync,
  readSync,
  renameSync,
  rmSync,
  write,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { KeyleafError } from "../errors.ts";
import { programOf } from "./programs.ts";
import { isSystemError } from "./system-error.ts";

/** Named pipes: a path under which something can be read that is in no file. */

/** Neither runtime can do it itself. @throws `PROVIDER_FAILED` */
function makeFifo(path: string): void {
  const { status, error } = spawnSync(programOf("mkfifo"), ["-m", "600", path], { stdio: "ignore" });
  if (status !== 0) {
    throw new KeyleafError("PROVIDER_FAILED", `cannot make a named pipe at ${path}`, { cause: error });
  }
}

/** The two ends of a pipe: descriptors, to be closed by the caller. */
export interface PipeEnds {
  readonly reading: number;
  readonly writing: number;
}

/**
 * A pipe without a name. What the runtimes give a program instead is a socket, which it cannot open once more as
 * `/dev/stdout`, and which does not end it when nobody reads any more.
 * @throws `PROVIDER_FAILED`, and what the system says
 */
export function makePipe(): PipeEnds {
  const folder = mkdtempSync(join(tmpdir(), "keyleaf-"));
  const opened: number[] = [];
  const openPipe = (flags: number): number => {
    const descriptor = openSync(join(folder, "pipe"), flags);
    opened.push(descriptor);
    return descriptor;
  };
  try {
    makeFifo(join(folder, "pipe"));
    // Each end waits for the other one to be open, but for this.
    const first = openPipe(constants.O_RDONLY | constants.O_NONBLOCK);
    const writing = openPipe(constants.O_WRONLY);
    const reading = openPipe(constants.O_RDONLY);
    closeSync(first);
    return { reading, writing };
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is offered at a path. */
export interface Offer {
  /** Ends it, whether anybody has read or not, and whoever is still reading. */
  end(): Promise<void>;
}

/**
 * Offers content at a path, where it can be read from the start any number of times, one after the other. (In the reference
 * the second time waits forever.) Beside it there are pipes with longer names.
 * @param path - absolute; nothing is there
 * @throws `PROVIDER_FAILED` when no pipe can be made
 */
export function offer(path: string, content: Uint8Array): Offer {
  const pipe = new Pipe(path, content);
  const served = pipe.serve();
  // Told by end().
  served.catch(() => {});
  return { end: () => pipe.end(served) };
}

const [openLater, writeLater, closeLater] = [promisify(open), promisify(write), promisify(close)];
/** Until the next look at what a writer that has to be got rid of still has to say. */
const DRAIN_MS = 1;

class Pipe {
  readonly #path: string;
  /** The pipe that somebody reads from. */
  readonly #current: string;
  readonly #next: string;
  readonly #content: Uint8Array;
  #isOver = false;

  constructor(path: string, content: Uint8Array) {
    this.#path = path;
    this.#current = `${path}.current`;
    this.#next = `${path}.next`;
    this.#content = content;
    makeFifo(path);
  }

  async serve(): Promise<void> {
    while (!this.#isOver) {
      // Waits for a reader, in a thread of the runtime's.
      const descriptor = await openLater(this.#path, "w");
      try {
        if (this.#isOver) return;
        // This reader gets nothing before the next one finds another pipe: two would share what is in one.
        makeFifo(this.#next);
        linkSync(this.#path, this.#current);
        renameSync(this.#next, this.#path);
        for (let at = 0; at < this.#content.length; )
          at += (await writeLater(descriptor, this.#content, at)).bytesWritten;
      } catch (error) {
        // It has read as much as it wanted.
        if (!isSystemError(error) || error.code !== "EPIPE") throw error;
      } finally {
        await closeLater(descriptor);
        rmSync(this.#current, { force: true });
      }
    }
  }

  /** A thread that waits for a reader, or for one to go on, would keep Node from ending: here is one. */
  async end(served: Promise<void>): Promise<void> {
    this.#isOver = true;
    const readers = [this.#path, this.#current].flatMap((path) => readerOf(path));
    const buffer = Buffer.alloc(65_536);
    const timer = setInterval(() => {
      for (const reader of readers) drain(reader, buffer);
    }, DRAIN_MS);
    try {
      await served;
    } finally {
      clearInterval(timer);
      buffer.fill(0);
      for (const reader of readers) closeSync(reader);
    }
  }
}

/** One that does not wait; none where no pipe is. */
function readerOf(path: string): number[] {
  try {
    return [openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)];
  } catch {
    return [];
  }
}

function drain(reader: number, buffer: Buffer): void {
  try {
    while (readSync(reader, buffer) > 0);
  } catch {
    // There is nothing at the moment.
  }
}
