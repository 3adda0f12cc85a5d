import type { CommandModule } from "../context.ts";

// These two are what people wait for: loaded with the program, they start faster.
import * as decrypt from "./decrypt.ts";
import * as gitTextconv from "./git-textconv.ts";

/** The commands that people wait for. All of them are in `registry.ts`, which is loaded for the others. */

/** One command, as far as running it goes. What is said about it, and its flags, are in `manual.ts`. */
export interface Command {
  /** One or two words: `decrypt`, `git setup`. */
  readonly name: string;
  readonly operands: string;
  /** The line of another program stands behind a `--`. */
  readonly takesLine?: true;
  readonly load: () => Promise<CommandModule>;
}

export const encryptCommand: Command = {
  name: "encrypt",
  operands: "[FILE...]",
  load: () => import("./encrypt.ts"),
};

export const decryptCommand: Command = {
  name: "decrypt",
  operands: "[FILE...]",
  load: async () => decrypt,
};

/** What git calls. */
export const textconvCommand: Command = { name: "git textconv", operands: "FILE", load: async () => gitTextconv };
