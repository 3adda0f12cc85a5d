import manifest from "../../package.json" with { type: "json" };
import type { Command } from "./commands/command.ts";
import { type Manual, manualOf } from "./commands/manual.ts";
import { commands } from "./commands/registry.ts";
import type { Flag } from "./flags.ts";

/** The manual page, from the rows that the help is from: what `enc help man` prints, and the package brings. */

const EXIT_STATUS: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "wrong use, configuration or recipients, and whatever has no status of its own"],
  ["2", "input that cannot be read, or is malformed"],
  ["3", "output that could not be written"],
  ["25, 51", "a value, or the file as a whole, was tampered with"],
  ["100", "no file given, or no such file; with some commands, 1 or 2 for the latter"],
  ["128", "no key at hand opens the file"],
];

const FILES: readonly (readonly [path: string, meaning: string])[] = [
  [".sops.yaml", "recipients and rules, looked for from the file's folder upward, then from the working directory"],
  ["~/.config/sops/age/keys.txt", "age identities (on Linux), beside those of the variables SOPS_AGE_KEY and the like"],
];

/** The page in the macros of man(7). */
export function manualPage(): string {
  const lines = [
    `.TH ENC 1 "" ${quoted(`keyleaf ${manifest.version}`)} "User Commands"`,
    // Names of variables and flags are not to be broken.
    ".nh",
    ".ad l",
    ".SH NAME",
    text("enc, dec - encrypt and decrypt the values of configuration files"),
    ".SH SYNOPSIS",
    ...synopsis("enc", "[FILE...] [flags]"),
    ".br",
    ...synopsis("dec", "[FILE...] [flags]"),
    ".br",
    ...synopsis("enc", "COMMAND [flags]"),
    ".SH DESCRIPTION",
    text(
      "Encrypts the values of YAML, JSON, .env, INI and TOML files in the SOPS file format, each on its own; keys and layout " +
        "stay as they are. Without a command, enc encrypts and dec decrypts. Flags may stand anywhere on the line, and - is " +
        "standard input. Data goes to standard output, everything else to standard error.",
    ),
    ".SH COMMANDS",
    ...commands.flatMap((command) => commandLines(command, manualOf(command))),
    ".SH EXIT STATUS",
    "Those of sops, among them:",
    ...EXIT_STATUS.flatMap(([status, meaning]) => tagged(`.B ${quoted(status)}`, meaning)),
    ".SH FILES",
    ...FILES.flatMap(([path, meaning]) => tagged(`.I ${quoted(path)}`, meaning)),
    ".SH SEE ALSO",
    ".BR sops (1),",
    ".BR age (1)",
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines({ name, operands }: Command, { description, examples, flags }: Manual): string[] {
  const groups = new Set(flags.map(({ group }) => group));
  return [
    `.SS ${quoted(`enc ${name}`)}`,
    ...synopsis(`enc ${name}`, `${operands} [flags]`.trim()),
    ".PP",
    text(description),
    ...[...groups].flatMap((group) => [
      ".PP",
      text(group),
      ...flags.filter((flag) => flag.group === group).flatMap(flagLines),
    ]),
    ".PP",
    "Examples:",
    ...examples.flatMap(([line, meaning]) => tagged(`.B ${quoted(line)}`, meaning)),
  ];
}

function flagLines({ name, short, alias, value, isOnByDefault, help }: Flag): string[] {
  const names = [
    ...(short === undefined ? [] : [`-${short}`]),
    `--${name}`,
    ...(alias === undefined ? [] : [`--${alias}`]),
  ];
  const bold = names.map((word) => `\\fB${escaped(word)}\\fR`).join(", ");
  const taken = isOnByDefault === true ? "=BOOL" : value === undefined ? "" : ` ${value}`;
  return tagged(`${bold}${escaped(taken)}`, help);
}

function synopsis(name: string, rest: string): string[] {
  return [`.B ${quoted(name)}`, text(rest)];
}

function tagged(tag: string, about: string): string[] {
  return [".TP", tag, text(about)];
}

/** An argument of a macro. */
function quoted(argument: string): string {
  return `"${escaped(argument).replaceAll('"', "\\(dq")}"`;
}

/** A line of text, which no character at its beginning makes a request. */
function text(line: string): string {
  return escaped(line).replace(/^[.']/, "\\&$&");
}

/** Signs as they stand here: formatters make typographic ones of some. */
function escaped(plain: string): string {
  const signs: Readonly<Record<string, string>> = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
  };
  return plain.replace(/[\\\-'`^~]/g, (sign) => signs[sign] ?? sign);
}
