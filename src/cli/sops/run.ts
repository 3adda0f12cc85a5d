import manifest from "../../../package.json" with { type: "json" };
import { FORMAT_VERSION } from "../../document/metadata.ts";
import { type CliHost, type Context, type Streams, withHost, withTrust } from "../context.ts";
import { statusAfter } from "../outcome.ts";
import { note, printable } from "../report.ts";
import { commandGroups, type SopsCommand, sopsCommand } from "./commands.ts";
import { helpFlag, rootFlags, type SopsFlag } from "./flags.ts";
import { Given } from "./given.ts";
import { commandHelp, groupHelp, helpOf, programHelp } from "./help.ts";
import { legacyLine } from "./legacy.ts";
import { type ParsedLine, parseAnywhere, parseInFront } from "./parse-line.ts";
import { reportSopsError } from "./report.ts";

/** Exit status of help about what is not there. */
const NO_TOPIC_STATUS = 3;

/** Flags in front of the command that it reads as well, though they may not stand behind it. */
const readFromFront = rootFlags.filter(({ name }) => ["config", "indent", "mac-only-encrypted"].includes(name));

const linesFlags: readonly SopsFlag[] = [...rootFlags, helpFlag];

/**
 * Runs one command line of the reference tool.
 * @param argv - without the program's name
 * @returns the exit status
 */
export async function runSops(argv: readonly string[], host: CliHost, streams: Streams): Promise<number> {
  const context: Context = withHost(
    { program: "sops", host, streams, files: new Set() },
    { tell: (message) => note(context, message) },
  );
  const line: Line = { command: null };
  try {
    return await runLine(argv, context, line);
  } catch (thrown) {
    return statusAfter(thrown, line.command?.name ?? null, context, reportSopsError);
  }
}

/** What is known of the line, for whoever reports on it. */
interface Line {
  command: SopsCommand | null;
}

async function runLine(argv: readonly string[], context: Context, line: Line): Promise<number> {
  const { host } = context;
  const { COMPLETION_WORD, completionText } = await import("./completion.ts");
  if (argv.at(-1) === COMPLETION_WORD) return print(completionText(argv.slice(0, -1)), context);
  const front = parseInFront(linesFlags, argv);
  const given = new Given(linesFlags, [front.given], host.env);
  const [word, ...rest] = front.operands;
  if (given.has("help")) return print(programHelp(), context);
  // Who calls `sops` compares the first number with versions of the reference: it is the one that files are written for.
  if (given.has("version")) return print(`sops ${FORMAT_VERSION} (keyleaf ${manifest.version})\n`, context);
  if (word === "help" || word === "h") return printHelpOf(rest, context);
  const isGroup = word !== undefined && commandGroups.includes(word);
  const name = isGroup ? `${word} ${rest[0]}` : word;
  const command = name === undefined ? null : sopsCommand(name);
  if (isGroup && command === null) {
    const [second = "--help"] = rest;
    return ["--help", "-help", "-h", "help", "h"].includes(second)
      ? print(groupHelp(word), context)
      : printHelpOf([second], context);
  }
  if (command !== null) {
    line.command = command;
    return runCommand(command, isGroup ? rest.slice(1) : rest, front, context);
  }
  const legacy = legacyLine(front.operands, given, context);
  line.command = legacy.command;
  return start(legacy.command, legacy.operands, given, context);
}

async function runCommand(
  command: SopsCommand,
  words: readonly string[],
  front: ParsedLine,
  context: Context,
): Promise<number> {
  const { given, operands } = parseAnywhere([...command.flags, helpFlag], words);
  const flags = new Given([...command.flags, helpFlag, ...readFromFront], [given, front.given], context.host.env);
  if (flags.has("help")) return print(commandHelp(command), context);
  return start(command, operands, flags, context);
}

async function start(
  command: SopsCommand,
  operands: readonly string[],
  given: Given,
  context: Context,
): Promise<number> {
  const { run } = await command.load();
  const usesServices = given.text("keyservice") !== undefined || given.text("enable-local-keyservice") === "false";
  const inside = usesServices ? (await import("../key-services.ts")).withKeyServices(given, context) : context;
  const status = await run(operands, given, await withTrust(given, inside));
  return typeof status === "number" ? status : 0;
}

async function print(text: string, { streams }: Context): Promise<number> {
  await streams.stdout.write(text);
  return 0;
}

async function printHelpOf(words: readonly string[], context: Context): Promise<number> {
  const text = helpOf(words);
  if (text !== null) return print(text, context);
  context.streams.stderr.write(`No help topic for '${printable(words.join(" "))}'\n`);
  return NO_TOPIC_STATUS;
}
