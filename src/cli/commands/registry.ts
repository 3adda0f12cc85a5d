import { type Command, decryptCommand, encryptCommand, textconvCommand } from "./command.ts";

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
  textconvCommand,
  { name: "rotate", operands: "[FILE...]", load: () => import("./rotate.ts") },
  { name: "updatekeys", operands: "[FILE...]", load: () => import("./updatekeys.ts") },
  { name: "groups add", operands: "", load: async () => (await import("./groups.ts")).add },
  { name: "groups delete", operands: "INDEX", load: async () => (await import("./groups.ts")).remove },
  { name: "recipients list", operands: "[FILE...]", load: () => import("./recipients-list.ts") },
  { name: "exec", operands: "-- CMD [ARG...]", takesLine: true, load: () => import("./exec.ts") },
  { name: "exec-env", operands: "FILE COMMAND", load: () => import("./exec-env.ts") },
  { name: "exec-file", operands: "FILE COMMAND", load: () => import("./exec-file.ts") },
  keyserviceCommand,
  { name: "publish", operands: "FILE", load: () => import("./publish.ts") },
  { name: "completion", operands: "SHELL", load: () => import("./completion.ts") },
  { name: "filestatus", operands: "FILE", load: () => import("./filestatus.ts") },
];
