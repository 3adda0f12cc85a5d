import { type Command, decryptCommand, encryptCommand, textconvCommand } from "./commands/command.ts";
import type { Program } from "./context.ts";
import type { Scanned } from "./scan-words.ts";

/** A command line, split into the command and what is left for it. */
export interface Split {
  /** `null`: none is named and there is no operand, so that the flags may be about the program as a whole. */
  readonly command: Command | null;
  readonly args: readonly string[];
}

const HELP = ["--help", "-h"];
const VERSION = ["--version", "-v"];

/**
 * Finds the command. Flags may stand anywhere, also in front of it, so flags that take a value have to be known here;
 * they come out under their long names. A first word that names no command is a file.
 * @throws `USAGE` for a first word of two, such as `git`, without one of its commands.
 */
export async function splitCommandLine(argv: readonly string[], program: Exclude<Program, "sops">): Promise<Split> {
  const { args, operands } = await wordsOf(argv, program);
  if (program === "dec") return { command: decryptCommand, args };
  const [first = -1, second = -1] = operands;
  if (first === -1) return { command: isAboutProgram(args) ? null : encryptCommand, args };
  const [word, next] = [args[first] as string, args[second]];
  if (`${word} ${next}` === textconvCommand.name)
    return { command: textconvCommand, args: without(args, [first, second]) };
  if (word === decryptCommand.name) return { command: decryptCommand, args: without(args, [first]) };
  const { commands } = await import("./commands/registry.ts");
  const command = commands.find(({ name }) => name === word || name === `${word} ${next}`);
  if (command !== undefined) return { command, args: without(args, command.name === word ? [first] : [first, second]) };
  if (commands.some(({ name }) => name.startsWith(`${word} `)))
    throw (await import("./scan-words.ts")).unknownSecondWord(word, next);
  return { command: encryptCommand, args };
}

/** The words, and where those are that are no flags. A line without flags is what most programs call. */
async function wordsOf(argv: readonly string[], program: Program): Promise<Pick<Scanned, "args" | "operands">> {
  if (!argv.some(isFlag)) return { args: argv, operands: [...argv.keys()] };
  const [{ everyFlag }, { checkLine, scanWords }] = [
    await import("./commands/manual.ts"),
    await import("./scan-words.ts"),
  ];
  checkLine(argv);
  return scanWords(argv, everyFlag, program);
}

/** Whether a word is a flag, unless it is the value of one. Numbers may be negative. */
export function isFlag(word: string): boolean {
  return word.startsWith("-") && !/^-(?:\d|$)/.test(word);
}

/** Nothing but words that are about the program as a whole, and at least one of them. */
export function isAboutProgram(args: readonly string[]): boolean {
  return args.length > 0 && args.every((word) => HELP.includes(word) || VERSION.includes(word));
}

export function asksForVersion(args: readonly string[]): boolean {
  return args.some((word) => VERSION.includes(word));
}

export function without(args: readonly string[], places: readonly number[]): string[] {
  return args.filter((_, i) => !places.includes(i));
}
