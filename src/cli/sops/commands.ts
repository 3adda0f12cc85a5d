import type { CommandModule } from "../context.ts";
import {
  decryptFlags,
  editFlags,
  encryptFlags,
  execEnvFlags,
  execFileFlags,
  filestatusFlags,
  groupsAddFlags,
  groupsDeleteFlags,
  keyserviceFlags,
  publishFlags,
  rotateFlags,
  type SopsFlag,
  setFlags,
  unsetFlags,
  updatekeysFlags,
} from "./flags.ts";

export interface SopsCommand {
  /** One or two words. */
  readonly name: string;
  readonly operands: string;
  readonly summary: string;
  readonly flags: readonly SopsFlag[];
  readonly load: () => Promise<CommandModule>;
}

/** The commands of the reference (SOPS cmd/sops/main.go). */
export const sopsCommands: readonly SopsCommand[] = [
  {
    name: "encrypt",
    operands: "[FILE]",
    summary: "encrypt a file, or standard input",
    flags: encryptFlags,
    load: () => import("./encrypt.ts"),
  },
  {
    name: "decrypt",
    operands: "[FILE]",
    summary: "decrypt a file, or standard input",
    flags: decryptFlags,
    load: () => import("./decrypt.ts"),
  },
  {
    name: "edit",
    operands: "FILE",
    summary: "edit an encrypted file",
    flags: editFlags,
    load: async () => (await import("./own-commands.ts")).edit,
  },
  {
    name: "rotate",
    operands: "FILE",
    summary: "encrypt anew with a new data key",
    flags: rotateFlags,
    load: async () => (await import("./own-commands.ts")).rotate,
  },
  {
    name: "set",
    operands: "FILE PATH [VALUE]",
    summary: "set a value",
    flags: setFlags,
    load: async () => (await import("./own-commands.ts")).set,
  },
  {
    name: "unset",
    operands: "FILE PATH",
    summary: "remove a value",
    flags: unsetFlags,
    load: async () => (await import("./own-commands.ts")).unset,
  },
  {
    name: "updatekeys",
    operands: "FILE...",
    summary: "bring the recipients in line with .sops.yaml",
    flags: updatekeysFlags,
    load: () => import("./updatekeys.ts"),
  },
  {
    name: "groups add",
    operands: "",
    summary: "add a key group",
    flags: groupsAddFlags,
    load: async () => (await import("./own-commands.ts")).groupsAdd,
  },
  {
    name: "groups delete",
    operands: "INDEX",
    summary: "remove a key group",
    flags: groupsDeleteFlags,
    load: async () => (await import("./own-commands.ts")).groupsDelete,
  },
  {
    name: "filestatus",
    operands: "FILE",
    summary: "tell whether a file is encrypted, as JSON",
    flags: filestatusFlags,
    load: () => import("./filestatus.ts"),
  },
  {
    name: "exec-env",
    operands: "FILE COMMAND",
    summary: "run a command with the values in its environment",
    flags: execEnvFlags,
    load: async () => (await import("./own-commands.ts")).execEnv,
  },
  {
    name: "exec-file",
    operands: "FILE COMMAND",
    summary: "run a command with the plaintext in a temporary file",
    flags: execFileFlags,
    load: async () => (await import("./own-commands.ts")).execFile,
  },
  {
    name: "publish",
    operands: "PATH",
    summary: "publish a file to a configured destination",
    flags: publishFlags,
    load: async () => (await import("./own-commands.ts")).publish,
  },
  {
    name: "keyservice",
    operands: "",
    summary: "use your keys for other programs",
    flags: keyserviceFlags,
    load: () => import("../commands/keyservice.ts"),
  },
  {
    name: "completion bash",
    operands: "",
    summary: "print a completion script for bash",
    flags: [],
    load: async () => (await import("./completion.ts")).bash,
  },
  {
    name: "completion zsh",
    operands: "",
    summary: "print a completion script for zsh",
    flags: [],
    load: async () => (await import("./completion.ts")).zsh,
  },
];

/** First words of the commands of two. */
export const commandGroups: readonly string[] = [
  ...new Set(sopsCommands.flatMap(({ name }) => (name.includes(" ") ? [name.split(" ")[0] as string] : []))),
];

export function sopsCommand(name: string): SopsCommand | null {
  return sopsCommands.find((command) => command.name === name) ?? null;
}
