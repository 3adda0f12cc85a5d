import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { isSystemError } from "./system-error.ts";

/** Other processes of this program, as far as this one can see them. */

/**
 * The same for all processes whose ids mean something to each other: not for those of another container, or of another
 * machine that has the same folder.
 */
export function machineName(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // There are no such things, or they are not shown.
  }
  return createHash("sha256").update(`${hostname()}\0${namespace}`).digest("hex").slice(0, 8);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // What may not be asked is somebody else's, and there.
    return !isSystemError(error) || error.code !== "ESRCH";
  }
}
