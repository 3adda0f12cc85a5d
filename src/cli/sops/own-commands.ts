import { resolve } from "node:path";
import { KeyleafError } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import type { CommandModule, Context, Flags } from "../context.ts";
import { warn } from "../report.ts";
import { findSopsConfig } from "./config.ts";
import type { Given } from "./given.ts";
import { changesKeys, checkExists, formatFor, formatOfName, oneFile, warnOfMore } from "./one-file.ts";

/**
 * The commands that Keyleaf has under its own name too. What differs is how they are called: how many words there are, which
 * format a name tells, and flags that mean something else. The rest they know from the name of the program.
 */

/** Flags with other values for some of them. */
class Changed implements Flags {
  readonly #flags: Flags;
  readonly #texts: ReadonlyMap<string, string | undefined>;

  constructor(flags: Flags, texts: Readonly<Record<string, string | undefined>>) {
    this.#flags = flags;
    this.#texts = new Map(Object.entries(texts));
  }

  has(name: string): boolean {
    return this.#texts.has(name) ? this.#texts.get(name) !== undefined : this.#flags.has(name);
  }

  text(name: string): string | undefined {
    return this.#texts.has(name) ? this.#texts.get(name) : this.#flags.text(name);
  }
}

/**
 * The flags with the format that the file's name tells, as the reference has it; where it tells none, the content does.
 * @throws `USAGE_CONFLICT` for another output format: a file that is changed keeps its own.
 */
function withFormat(name: string, given: Given, context: Context): Flags {
  const knownAs = given.text("filename-override") ?? name;
  const format = formatFor("input-type", knownAs, given, context);
  const output = given.text("output-type") === undefined ? format : formatFor("output-type", knownAs, given, context);
  if (output !== format) {
    throw new KeyleafError("USAGE_CONFLICT", `the file keeps its format, which is ${format}`, {
      hint: "leave out --output-type, or decrypt the file and encrypt it anew",
    });
  }
  const isTold = given.text("input-type") !== undefined || formatOfName(knownAs) !== "binary";
  return new Changed(given, {
    "input-type": isTold ? (format satisfies FormatId) : undefined,
    "output-type": undefined,
  });
}

function noFile(message = "no file specified"): KeyleafError {
  return new KeyleafError("USAGE_NO_FILE", message);
}

/** `sops edit FILE`. */
export const edit: CommandModule = {
  async run(operands, given: Given, context) {
    const [name] = operands;
    if (name === undefined || name === "") throw noFile();
    warnOfMore(operands, context);
    const flags = withFormat(name, given, context);
    if (given.has("show-master-keys"))
      warn(context, "--show-master-keys has no effect: recipients are changed by rotate and updatekeys");
    // Who can read a new file is found by the reference's rules, which know no own identity.
    if (context.host.stat(resolve(context.host.cwd, name)) === null) {
      const { newFileOptions } = await import("./encrypt.ts");
      await newFileOptions(oneFile(operands, given, context), given, context);
    }
    const { run } = await import("../commands/edit.ts");
    await run([name], flags, context);
  },
};

/** `sops rotate FILE`. */
export const rotate: CommandModule = {
  async run(operands, given: Given, context) {
    const [name] = operands;
    if (name === undefined || name === "") throw noFile();
    if (given.has("in-place") && given.text("output") !== undefined)
      throw new KeyleafError("USAGE_CONFLICT", "cannot operate on both --output and --in-place");
    warnOfMore(operands, context);
    checkOneFile(name, given, context);
    const { run } = await import("../commands/rotate.ts");
    await run([name], withFormat(name, given, context), context);
  },
};

/** Of a folder or a pattern, which `enc rotate` would take for many files. */
function checkOneFile(name: string, given: Given, context: Context): void {
  try {
    checkExists(name, context);
  } catch (error) {
    if (!changesKeys(given) || !(error instanceof KeyleafError)) throw error;
    throw new KeyleafError("INPUT_MISSING_FOR_KEYS", `cannot add or remove keys on non-existent file ${name}`);
  }
  if (context.host.stat(resolve(context.host.cwd, name))?.kind === "folder")
    throw new KeyleafError("INPUT_UNREADABLE", "it is a directory", { details: { file: name } });
}

/** `sops set FILE PATH VALUE`. */
export const set: CommandModule = {
  async run(operands, given: Given, context) {
    const [fromInput, fromFile] = [given.has("value-stdin"), given.has("value-file")];
    if (fromInput && fromFile) throw new KeyleafError("USAGE", "cannot use both --value-file and --value-stdin");
    if (operands.length !== (fromInput ? 2 : 3)) throw noFile("no file specified, or index and value are missing");
    const [name = "", path = "", value = ""] = operands;
    if (fromFile && context.host.stat(resolve(context.host.cwd, value)) === null)
      throw new KeyleafError("USAGE", `--value-file: there is no file ${value}`);
    const { run } = await import("../commands/set.ts");
    const inside = new Changed(withFormat(name, given, context), { "value-file": fromFile ? value : undefined });
    await run(fromInput || fromFile ? [name, path] : [name, path, value], inside, context);
  },
};

/** `sops unset FILE PATH`. */
export const unset: CommandModule = {
  async run(operands, given: Given, context) {
    if (operands.length !== 2) throw noFile("no file specified, or index is missing");
    const [name = "", path = ""] = operands;
    const { run } = await import("../commands/unset.ts");
    await run([name, path], withFormat(name, given, context), context);
  },
};

/** `sops groups add --file FILE`. */
export const groupsAdd: CommandModule = {
  async run(operands, flags, context) {
    if (operands.length > 0) throw new KeyleafError("USAGE", "groups add takes no words but flags");
    checkFileFlag(flags);
    await (await import("../commands/groups.ts")).add.run([], flags, context);
  },
};

/** `sops groups delete --file FILE INDEX`. */
export const groupsDelete: CommandModule = {
  async run(operands, flags, context) {
    if (operands.length !== 1) throw new KeyleafError("USAGE", "groups delete takes the number of one group");
    checkFileFlag(flags);
    await (await import("../commands/groups.ts")).remove.run(operands, flags, context);
  },
};

function checkFileFlag(flags: Flags): void {
  if (flags.text("file") === undefined) throw new KeyleafError("INPUT_UNREADABLE", "no file specified: give --file");
}

/** `sops publish PATH`. */
export const publish: CommandModule = {
  async run(operands, given: Given, context) {
    if ((await findSopsConfig(given, context)) === null)
      throw new KeyleafError("CONFIG_MISSING", "config file not found");
    const [name] = operands;
    if (name === undefined || name === "") throw noFile();
    warnOfMore(operands, context);
    if (context.host.stat(resolve(context.host.cwd, name)) === null)
      throw new KeyleafError("USAGE", `there is no ${name}`);
    await (await import("../commands/publish.ts")).run([name], given, context);
  },
};

/** `sops exec-env FILE COMMAND`. */
export const execEnv: CommandModule = {
  async run(operands, flags, context) {
    checkProgram(operands);
    return (await import("../commands/exec-env.ts")).run(operands, flags, context);
  },
};

/** `sops exec-file FILE COMMAND`. */
export const execFile: CommandModule = {
  async run(operands, flags, context) {
    checkProgram(operands);
    const { run } = await import("../commands/exec-file.ts");
    return run(operands, flags, context);
  },
};

function checkProgram(operands: readonly string[]): void {
  if (operands.length !== 2) throw new KeyleafError("USAGE", "missing file to decrypt, or command to run");
}
