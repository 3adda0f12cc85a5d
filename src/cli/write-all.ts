import { isSystemError } from "./system-error.ts";

/** Writes everything to an open file or pipe, and waits where that takes time. @throws what the system says */
export function writeAll(
  { writeSync }: Pick<typeof import("node:fs"), "writeSync">,
  descriptor: number,
  data: Uint8Array,
): void {
  let at = 0;
  while (at < data.length) {
    try {
      at += writeSync(descriptor, data, at);
    } catch (error) {
      if (!isSystemError(error) || error.code !== "EAGAIN") throw error;
      // A pipe that somebody made non-blocking is full: wait for its reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
