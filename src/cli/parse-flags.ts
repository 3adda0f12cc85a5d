import { Command as Commander, CommanderError, Option } from "commander";
import { KeyleafError } from "../errors.ts";
import { type Command, encryptCommand } from "./commands/command.ts";
import { type Manual, manualOf } from "./commands/manual.ts";
import { commands } from "./commands/registry.ts";
import type { Context, Flags } from "./context.ts";
import type { Flag } from "./flags.ts";
import { unknownFlag } from "./scan-words.ts";

/** The part of the command line that commander does: flags and help. Loaded only for lines that have a flag. */

/**
 * Reads the flags of one command. Prints the command's help and gives `null` when that is asked for.
 * @throws `USAGE`
 */
export async function parseFlags(
  command: Command,
  args: readonly string[],
  context: Context,
): Promise<{ operands: readonly string[]; flags: Flags } | null> {
  const parser = commandParser(command, context);
  try {
    parser.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) {
      await printHelp(parser, context);
      return null;
    }
    throw usageError(error, command, context);
  }
  const options = new Map(parser.options.map((option) => [option.long?.slice(2), option.attributeName()]));
  const given = (name: string): unknown => parser.getOptionValue(options.get(name) ?? "");
  return {
    operands: parser.args,
    flags: {
      has: (name) => given(name) !== undefined,
      text: (name) => {
        const value = given(name);
        return typeof value === "string" ? value : undefined;
      },
    },
  };
}

/** Prints what there is. */
export function printProgramHelp(context: Context): Promise<void> {
  return printHelp(programParser(), context);
}

function programParser(): Commander {
  const program = newParser("enc")
    .usage("[FILE...] [flags]\n       enc COMMAND [flags]")
    .description(
      "Encrypts the values of configuration files in the SOPS file format. Without a command, FILE is encrypted.",
    )
    .option("-v, --version", "print the version")
    .helpCommand("help [COMMAND]", "show what a command does; help man prints the manual page")
    .configureHelp({ subcommandTerm: (command) => [command.name(), command.usage()].join(" ").trim() });
  for (const command of commands) {
    const { name, operands } = command;
    // Without any usage commander would say "[options]".
    program.addCommand(new Commander(name).usage(operands || " ").summary(manualOf(command).summary));
  }
  program.addHelpText(
    "after",
    examplesText(
      manualOf(encryptCommand)
        .examples.slice(0, 2)
        .concat([["dec secrets.enc.yaml", "decrypt it"]]),
    ),
  );
  program.addHelpText("after", "\nFlags of a command: enc COMMAND --help. Flags may stand anywhere.");
  return program;
}

/** Prints one command's help. */
export function printCommandHelp(command: Command, context: Context): Promise<void> {
  return printHelp(commandParser(command, context), context);
}

/** Commander hands help out in pieces, and does not wait until one is written. */
async function printHelp(parser: Commander, { streams }: Context): Promise<void> {
  let help = "";
  parser
    .configureOutput({
      writeOut: (piece) => {
        help += piece;
      },
    })
    .outputHelp();
  await streams.stdout.write(help);
}

function commandParser(command: Command, context: Context): Commander {
  const { operands } = command;
  const { description, examples, flags } = manualOf(command);
  const parser = newParser(lineOf(command, context))
    .usage((command.takesLine === true ? `[flags] ${operands}` : `${operands} [flags]`).trim())
    .description(description);
  // Too many of them, or none, are errors of ours, which are the same on lines without flags.
  parser.argument("[operands...]").allowExcessArguments();
  for (const flag of flags) parser.addOption(optionOf(flag));
  return parser.addHelpText("after", examplesText(examples));
}

/** What the user calls the command by. */
function lineOf({ name }: Command, { program }: Context): string {
  return program === "dec" ? "dec" : `enc ${name}`;
}

function newParser(name: string): Commander {
  return new Commander(name)
    .exitOverride()
    .addHelpOption(new Option("-h, --help", "show this help").helpGroup("Other:"))
    .configureOutput({
      // Help is printed by `printHelp`, and errors are reported by the caller.
      writeOut: () => {},
      writeErr: () => {},
      getOutHelpWidth: () => 100,
    });
}

function optionOf(flag: Flag): Option {
  const first = flag.short === undefined ? (flag.alias === undefined ? "" : `--${flag.alias}, `) : `-${flag.short}, `;
  const value = flag.isOnByDefault === true ? " [BOOL]" : flag.value === undefined ? "" : ` <${flag.value}>`;
  const option = new Option(`${first}--${flag.name}${value}`, flag.help);
  option.helpGroup(flag.group);
  // Otherwise a name that begins with no- would switch off another flag.
  option.negate = false;
  const joint = flag.isList === true ? "," : flag.isRepeated === true ? "\0" : null;
  if (joint !== null) {
    option.argParser((value: string, before: string | undefined) =>
      before === undefined ? value : `${before}${joint}${value}`,
    );
  }
  return option;
}

function examplesText(examples: Manual["examples"]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  return ["", "Examples:", ...examples.map(([line, meaning]) => `  ${line.padEnd(width)}  # ${meaning}`)].join("\n");
}

function usageError(error: CommanderError, command: Command, context: Context): KeyleafError {
  const message = (error.message.split("\n")[0] ?? "").replace(/^error: /, "");
  const unknown = /^unknown option '(.*)'$/s.exec(message)?.[1];
  if (error.code === "commander.unknownOption" && unknown !== undefined) {
    return unknownFlag(unknown, manualOf(command).flags, context.program, command.name === "set");
  }
  return new KeyleafError("USAGE", message.replaceAll("option", "flag"), {
    hint: `see ${lineOf(command, context)} --help`,
  });
}
