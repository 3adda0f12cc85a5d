import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  /** It does not wait: `EAGAIN` where there is nothing so far. */
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
  const path = join(folder, "pipe");
  let reading: number | null = null;
  try {
    makeFifo(path);
    reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { reading, writing: openSync(path, constants.O_WRONLY) };
  } catch (error) {
    if (reading !== null) closeSync(reading);
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
 * the second time waits forever.) Beside it there is a pipe with a longer name for a moment now and then.
 * @param path - absolute; nothing is there
 * @throws `PROVIDER_FAILED` when no pipe can be made
 */
export function offer(path: string, content: Uint8Array): Offer {
  makeFifo(path);
  const pipe = new Pipe(path, content);
  const served = pipe.serve();
  // Told by end().
  served.catch(() => {});
  return {
    end: () => {
      pipe.end();
      return served;
    },
  };
}

/**
 * Waiting for what happens at a pipe. Only one of the two runtimes can be told of it, and a thread that waits in the system
 * keeps Node from ending, or another pipe from being read. So it is looked at again and again, less often as time goes by.
 */
export class Looks {
  readonly #mostMs: number;
  #ms = 1;
  #isOver = false;
  #wake: () => void = () => {};

  /** @param mostMs - between two of them */
  constructor(mostMs: number) {
    this.#mostMs = mostMs;
  }

  /** Until the next one. */
  pause(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    const ms = this.#ms;
    this.#ms = Math.min(ms * 1.05, this.#mostMs);
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  /** It was there: from now on they are close to each other again. */
  found(): void {
    this.#ms = 1;
  }

  /** There is no need to look any more. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  get isOver(): boolean {
    return this.#isOver;
  }
}

class Pipe {
  readonly #path: string;
  readonly #content: Uint8Array;
  readonly #looks = new Looks(100);

  constructor(path: string, content: Uint8Array) {
    this.#path = path;
    this.#content = content;
  }

  async serve(): Promise<void> {
    while (!this.#looks.isOver) {
      const descriptor = openForReader(this.#path);
      if (descriptor === "gone") return;
      if (descriptor === null) {
        await this.#looks.pause();
        continue;
      }
      this.#looks.found();
      try {
        // This reader gets nothing before the next one finds another pipe: two would share what is in one.
        makeFifo(`${this.#path}.next`);
        renameSync(`${this.#path}.next`, this.#path);
        await this.#writeAll(descriptor);
      } finally {
        closeSync(descriptor);
      }
    }
  }

  async #writeAll(descriptor: number): Promise<void> {
    for (let at = 0; at < this.#content.length && !this.#looks.isOver; ) {
      const written = writeSome(descriptor, this.#content, at);
      if (written === "gone") return;
      if (written === 0) await this.#looks.pause();
      else this.#looks.found();
      at += written;
    }
  }

  end(): void {
    this.#looks.end();
  }
}

/** @returns `null`: nobody wants to read so far; `"gone"`: the command has removed the pipe. */
function openForReader(path: string): number | "gone" | null {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error) && error.code === "ENXIO") return null;
    if (isSystemError(error) && error.code === "ENOENT") return "gone";
    throw error;
  }
}

/** @returns the number of bytes, 0 where there is no room; `"gone"`: the reader has read as much as it wanted. */
function writeSome(descriptor: number, data: Uint8Array, at: number): number | "gone" {
  try {
    return writeSync(descriptor, data, at);
  } catch (error) {
    if (isSystemError(error) && error.code === "EAGAIN") return 0;
    if (isSystemError(error) && error.code === "EPIPE") return "gone";
    throw error;
  }
}
