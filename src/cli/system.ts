import { bun } from "./system-bun.ts";
import { node } from "./system-node.ts";

/**
 * What every run needs of the operating system, which both runtimes have in ways of their own. Bun is not asked through
 * its `node:fs` and `node:path`: loading them takes a fourteenth of the time of decrypting a small file.
 */
export interface System {
  /** Content of a file. @param path - Absolute, or from the working directory. @throws what the system says */
  readFile(path: string): Promise<Uint8Array>;
  /** Writes everything to standard output. @throws what the system says */
  writeOutput(data: Uint8Array): Promise<void>;
  /** The absolute path of `path`, seen from an absolute `folder`; without `.`, `..` and empty parts. */
  resolve(folder: string, path: string): string;
  /** Whether there is surely nothing at an absolute path. */
  isMissing(path: string): boolean;
  /** For what few runs need. */
  fs(): typeof import("node:fs");
}

/** Set by the build scripts, so that each build has one of the two only. Bun can run the package's too. */
declare const IS_STANDALONE: boolean | undefined;

export const system: System = typeof IS_STANDALONE !== "undefined" && IS_STANDALONE ? bun : node;
