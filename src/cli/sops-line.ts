import { KeyleafError } from "../errors.ts";
import { isAboutProgram, type Split, without } from "./command-line.ts";
import { everyFlag, isInSops } from "./commands/manual.ts";
import { type Command, decryptCommand, encryptCommand, keyserviceCommand } from "./commands/registry.ts";
import type { Flag } from "./flags.ts";
import { scanWords } from "./scan-words.ts";

/**
 * The command line of the reference tool, as far as it is there: `encrypt` and `decrypt` of one file, and the two as flags
 * (sops-cli 7). Everything else is an error, most of all a file alone: the reference edits it, so it must never be
 * encrypted here.
 */

const GROUP = "Other:";

/** Flags that only this command line has. They are taken out here, so that no command sees them. */
const ownFlags: readonly Flag[] = [
  { name: "encrypt", short: "e", group: GROUP, help: "encrypt a file" },
  { name: "decrypt", short: "d", group: GROUP, help: "decrypt a file" },
  // The reference asks its maker's site for newer versions; here nothing is asked.
  { name: "disable-version-check", group: GROUP, help: "accepted; no version is looked up" },
  { name: "check-for-updates", group: GROUP, help: "accepted; no version is looked up" },
];

/** These are known to every command; being listed, they may have one dash or two. */
const aboutFlags: readonly Flag[] = [
  { name: "help", short: "h", group: GROUP, help: "show this help" },
  { name: "version", short: "v", group: GROUP, help: "print the version" },
];

const knownFlags = [...everyFlag.filter(isInSops), ...ownFlags, ...aboutFlags];
const own = new Set(ownFlags.map(({ name }) => `--${name}`));
const verbs: ReadonlyMap<string, Command> = new Map([
  ["encrypt", forOneFile(encryptCommand)],
  ["decrypt", forOneFile(decryptCommand)],
  ["keyservice", forOneFile(keyserviceCommand)],
]);

/** The command as it is here. */
function forOneFile(command: Command): Command {
  return { ...command, operands: command.operands === "" ? "" : "[FILE]" };
}

/** Commands and modes of the reference that are not there. A file of such a name is written with a folder: `./edit`. */
const missingCommands = new Set(
  "edit rotate set unset updatekeys groups filestatus exec-env exec-file publish completion".split(" "),
);
const missingModes = new Set(["--rotate", "-r", "--set"]);

/** @throws `USAGE`, `USAGE_CONFLICT`, `USAGE_NO_FILE` */
export function splitSopsLine(argv: readonly string[]): Split {
  const { args, operands, switches } = scanWords(argv, knownFlags, "sops");
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const ownPlaces = switches.filter((i) => own.has(args[i] as string));
  const modes = new Set(ownPlaces.map((i) => (args[i] as string).slice(2)).filter((name) => verbs.has(name)));
  const [first = -1] = operands;
  const word = args[first];
  const verb = verbs.get(word ?? "");
  const isVerb = verb !== undefined;

  if (modes.size + Number(isVerb) > 1) {
    throw new KeyleafError("USAGE_CONFLICT", "encrypt and decrypt exclude each other, and one of them is said once");
  }
  const rest = without(args, isVerb ? [...ownPlaces, first] : ownPlaces);
  if (isVerb) return { command: verb, args: rest };
  if (word === "help" || word === "h") return { command: null, args: ["--help"] };
  const [mode] = modes;
  if (mode === undefined) {
    if (first === -1 && isAboutProgram(rest)) return { command: null, args: rest };
    throw notThere(args, word, end < args.length - 1);
  }
  // The flags never read standard input.
  if (first === -1 && end >= args.length - 1 && !rest.includes("--help")) throw noFile();
  return { command: verbs.get(mode) ?? null, args: rest };
}

function notThere(args: readonly string[], word: string | undefined, hasMore: boolean): KeyleafError {
  const mode = args.find((arg) => missingModes.has(arg.replace(/=.*/s, "")));
  if (mode !== undefined) return missing(`sops ${mode.replace(/=.*/s, "")}`);
  if (word === undefined && !hasMore) return noFile();
  if (word !== undefined && missingCommands.has(word)) return missing(`sops ${word}`);
  return missing("editing a file (sops FILE)");
}

function missing(what: string): KeyleafError {
  return new KeyleafError("USAGE", `${what} is not there yet; nothing was done`, {
    hint: "there are: sops encrypt FILE, sops decrypt FILE, sops -e FILE, sops -d FILE, sops keyservice",
  });
}

function noFile(): KeyleafError {
  return new KeyleafError("USAGE_NO_FILE", "no file given", { hint: "see sops --help" });
}
