import { KeyleafError } from "../errors.ts";
import { asksForVersion, isFlag, splitCommandLine } from "./command-line.ts";
import type { Command } from "./commands/command.ts";
import { type CliHost, type Context, type Flags, type Program, type Streams, withHost, withTrust } from "./context.ts";
import { note } from "./report.ts";

const noFlags: Flags = { has: () => false, text: () => undefined };

/**
 * Runs one command line. Everything that happens, happens through `host`, `streams` and, for files that are written, `write-file.ts`.
 * @param argv - without the program's name
 * @returns the exit status
 */
export async function run(
  argv: readonly string[],
  host: CliHost,
  streams: Streams,
  program: Program = "enc",
): Promise<number> {
  if (program === "sops") return (await import("./sops/run.ts")).runSops(argv, host, streams);
  if (program === "enc" && argv[0] === "sops") return run(argv.slice(1), host, streams, "sops");
  const context: Context = withHost(
    { program, host, streams, files: new Set() },
    { tell: (message) => note(context, message) },
  );
  let command: Command | null = null;
  try {
    if (argv[0] === "__complete") {
      await (await import("./print-completions.ts")).printCompletions(argv.slice(1), context);
      return 0;
    }
    const split = await splitCommandLine(argv, program);
    command = split.command;
    if (command === null || (program === "dec" && isVersionOnly(split.args)))
      await (await import("./about.ts")).aboutProgram(split.args, context);
    else if (program === "enc" && split.args.length === argv.length && argv[0] === "help")
      await (await import("./about.ts")).help(argv.slice(1), context);
    else return await runCommand(command, split.args, context);
    return 0;
  } catch (thrown) {
    // Loaded when it is needed: most runs end well.
    return (await import("./outcome.ts")).statusAfter(thrown, command?.name ?? null, context);
  }
}

async function runCommand(command: Command, args: readonly string[], context: Context): Promise<number> {
  const end = command.takesLine === true ? args.indexOf("--") : -1;
  const own = end === -1 ? args : args.slice(0, end);
  // A line without flags needs no parser: `dec FILE` and git's textconv start faster without.
  const parsed = own.some(isFlag)
    ? await (await import("./parse-flags.ts")).parseFlags(command, own, context)
    : { operands: own, flags: noFlags };
  if (parsed === null) return 0;
  const operands = isOneFile(command, parsed.operands)
    ? parsed.operands
    : (await import("./operands.ts")).checkedOperands(
        command,
        parsed.operands,
        end === -1 ? null : args.slice(end + 1),
      );
  const { run } = await command.load();
  const inside = (await usesKeyServices(command, parsed.flags, context))
    ? (await import("./key-services.ts")).withKeyServices(parsed.flags, context)
    : context;
  try {
    const status = await run(operands, parsed.flags, await withTrust(parsed.flags, inside));
    return typeof status === "number" ? status : 0;
  } catch (error) {
    const { FilesFailed } = await import("./report-error.ts");
    const isAboutKeys = error instanceof KeyleafError && error.code === "KEY_UNAVAILABLE";
    if (!isAboutKeys && !(error instanceof FilesFailed)) throw error;
    throw await (await import("./name-keys.ts")).withKeyNames(error, parsed.flags, context);
  }
}

async function usesKeyServices(command: Command, flags: Flags, { host }: Context): Promise<boolean> {
  if (flags.has("keyservice") || flags.has("enable-local-keyservice")) return true;
  const { SOPS_KEYSERVICE: services = "", SOPS_ENABLE_LOCAL_KEYSERVICE: local } = host.env;
  if (services === "" && local === undefined) return false;
  // The variables are for the commands that have the flags.
  const { manualOf } = await import("./commands/manual.ts");
  return manualOf(command).flags.some(({ name }) => name === "keyservice");
}

/** What most lines have: one file for a command that takes any, or one. */
function isOneFile(command: Command, [only, ...others]: readonly string[]): boolean {
  return (
    only !== undefined &&
    only !== "" &&
    others.length === 0 &&
    /^\[?FILE/.test(command.operands) &&
    !command.operands.includes(" ")
  );
}

function isVersionOnly(args: readonly string[]): boolean {
  return args.length === 1 && asksForVersion(args);
}
