import { KeyleafError } from "../errors.ts";
import { goBoolean } from "../go-boolean.ts";
import { nearest } from "../nearest.ts";
import { isFlag } from "./command-line.ts";
import { commands } from "./commands/registry.ts";
import type { Program } from "./context.ts";
import type { Flag } from "./flags.ts";

/** The part of splitting a command line that is about flags, and words that mean nothing. Loaded only where there are such. */

/** The words of a line, with flags in their plain spelling. */
export interface Scanned {
  readonly args: readonly string[];
  /** Places in `args` of words that are no flags and no values of flags, in front of a `--`. */
  readonly operands: readonly number[];
  /** Places of known flags that take no value. */
  readonly switches: readonly number[];
}

/** One pass over the words. */
export function scanWords(argv: readonly string[], flags: readonly Flag[], program: Program): Scanned {
  const args: string[] = [];
  const operands: number[] = [];
  const switches: number[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === "--") return { args: [...args, ...argv.slice(i)], operands, switches };
    if (!isFlag(word)) {
      operands.push(args.length);
      args.push(word);
      continue;
    }
    const flag = findFlag(word, flags, program, args[operands[0] ?? -1] === "set");
    if (flag === null) args.push(word);
    else if (flag.isOnByDefault === true) args.push(`--${flag.name}=${isOn(flag, word)}`);
    else if (flag.value === undefined) {
      if (isOn(flag, word)) switches.push(args.push(`--${flag.name}`) - 1);
    } else if (word.includes("=")) args.push(`--${flag.name}${word.slice(word.indexOf("="))}`);
    else {
      args.push(`--${flag.name}`);
      if (++i < argv.length) args.push(argv[i] as string);
    }
  }
  return { args, operands, switches };
}

/** A flag without a value may have one all the same, as in the reference: `--in-place=true`. */
function isOn(flag: Flag, word: string): boolean {
  const at = word.indexOf("=");
  if (at === -1) return true;
  const value = goBoolean(word.slice(at + 1));
  if (value === null) throw new KeyleafError("USAGE", `--${flag.name} takes no value`);
  return value;
}

/**
 * `-name` is `--name`, as in the reference. Letters cannot be run together, which leaves misspelt words like `-ouput x`
 * an error rather than a file called `uput`.
 * @param isSecret - as of {@link unknownFlag}
 * @returns `null` for what only commander knows (`--help`), or nobody.
 */
function findFlag(word: string, flags: readonly Flag[], program: Program, isSecret: boolean): Flag | null {
  const found = flagNamed(word, flags);
  if (found !== null) return found;
  if (/^-[^-]./.test(word)) throw unknownFlag(word, flags, program, isSecret);
  return null;
}

/** The flag that a word names, one dash or two, with or without `=VALUE`; `null`: none of these. */
export function flagNamed(word: string, flags: readonly Flag[]): Flag | null {
  const [name = ""] = word.replace(/^--?/, "").split("=", 1);
  const isMeant = (flag: Flag): boolean =>
    flag.name === name || flag.alias === name || (!word.startsWith("--") && flag.short === name);
  return flags.find(isMeant) ?? null;
}

/**
 * @param flags - those that could be meant
 * @param isSecret - the word may be a value that begins with a dash, and is not shown
 */
export function unknownFlag(word: string, flags: readonly Flag[], program: Program, isSecret: boolean): KeyleafError {
  const names = flags.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]));
  const meant = nearest(word.replace(/^-+/, "").replace(/=.*/, ""), [...names, "help", "version"]);
  const otherwise = isSecret ? "a value that begins with a dash needs -- before it" : `see ${program} --help`;
  return new KeyleafError("USAGE", isSecret ? "unknown flag" : `unknown flag ${word.replace(/=.*/s, "")}`, {
    hint: meant === null ? otherwise : `did you mean --${meant}?`,
  });
}

/**
 * Here, since flags of a program that is to be run would be taken for unknown ones of ours.
 * @throws `USAGE` for a command that takes the line of another program, and has no `--`
 */
export function checkLine([name, ...words]: readonly string[]): void {
  const takesLine = commands.some((command) => command.name === name && command.takesLine === true);
  if (takesLine && !words.includes("--") && !words.some((word) => word === "--help" || word === "-h")) throw noLine();
}

export function noLine(): KeyleafError {
  return new KeyleafError("USAGE", "the program to be run, and its arguments, stand behind --", {
    hint: "for example: enc exec -f secrets.enc.yaml -- npm start",
  });
}

/** The failure of a command of two words of which the second is none. */
export function unknownSecondWord(first: string, second: string | undefined): KeyleafError {
  const known = commands.filter(({ name }) => name.startsWith(`${first} `));
  const names = known.map(({ name }) => name.slice(first.length + 1));
  const meant = second === undefined ? null : nearest(second, names);
  const what = second === undefined ? `${first} needs a command` : `unknown command ${first} ${second}`;
  return new KeyleafError("USAGE", what, {
    hint:
      meant === null
        ? `there are: ${known.map(({ name }) => `enc ${name}`).join(", ")}`
        : `did you mean enc ${first} ${meant}?`,
  });
}
