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
 * How long to wait before a next look for a reader, and for room in the pipe. There is no waiting for either that could be
 * given up: a thread that waits in the system keeps Node from ending.
 */
const LOOK_MS = { first: 1, factor: 1.05, most: 100 };
const ROOM_MS = 1;

class Pipe {
  readonly #path: string;
  readonly #content: Uint8Array;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(path: string, content: Uint8Array) {
    this.#path = path;
    this.#content = content;
  }

  async serve(): Promise<void> {
    let pause = LOOK_MS.first;
    while (!this.#isOver) {
      const descriptor = openForReader(this.#path);
      if (descriptor === "gone") return;
      if (descriptor === null) {
        await this.#pause(pause);
        pause = Math.min(pause * LOOK_MS.factor, LOOK_MS.most);
        continue;
      }
      pause = LOOK_MS.first;
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
    for (let at = 0; at < this.#content.length && !this.#isOver; ) {
      const written = writeSome(descriptor, this.#content, at);
      if (written === "gone") return;
      if (written === 0) await this.#pause(ROOM_MS);
      at += written;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
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
