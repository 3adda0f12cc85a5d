import type { CommandModule } from "../context.ts";

// These two are what people wait for: loaded with the program, they start faster.
import * as decrypt from "./decrypt.ts";
import * as gitTextconv from "./git-textconv.ts";

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

export const keyserviceCommand: Command = {
  name: "keyservice",
  operands: "",
  load: () => import("./keyservice.ts"),
};

export const editCommand: Command = {
  name: "edit",
  operands: "FILE",
  load: () => import("./edit.ts"),
};

/** Every command. A new one is a file, a row here and one in `manual.ts`. */
export const commands: readonly Command[] = [
  encryptCommand,
  decryptCommand,
  editCommand,
  { name: "set", operands: "FILE PATH [VALUE]", load: () => import("./set.ts") },
  { name: "get", operands: "FILE PATH", load: () => import("./get.ts") },
  { name: "unset", operands: "FILE PATH", load: () => import("./unset.ts") },
  { name: "init", operands: "", load: () => import("./init.ts") },
  { name: "keygen", operands: "", load: () => import("./keygen.ts") },
  { name: "git setup", operands: "", load: () => import("./git-setup.ts") },
  { name: "git textconv", operands: "FILE", load: async () => gitTextconv },
  { name: "rotate", operands: "[FILE...]", load: () => import("./rotate.ts") },
  { name: "updatekeys", operands: "[FILE...]", load: () => import("./updatekeys.ts") },
  { name: "groups add", operands: "", load: async () => (await import("./groups.ts")).add },
  { name: "groups delete", operands: "INDEX", load: async () => (await import("./groups.ts")).remove },
  { name: "recipients list", operands: "[FILE...]", load: () => import("./recipients-list.ts") },
  { name: "exec", operands: "-- CMD [ARG...]", takesLine: true, load: () => import("./exec.ts") },
  { name: "exec-env", operands: "FILE COMMAND", load: () => import("./exec-env.ts") },
  { name: "exec-file", operands: "FILE COMMAND", load: () => import("./exec-file.ts") },
  keyserviceCommand,
  { name: "completion", operands: "SHELL", load: () => import("./completion.ts") },
  { name: "filestatus", operands: "FILE", load: () => import("./filestatus.ts") },
];
