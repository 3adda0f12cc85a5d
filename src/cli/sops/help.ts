import { commandGroups, type SopsCommand, sopsCommand, sopsCommands } from "./commands.ts";
import { helpFlag, rootFlags, type SopsFlag } from "./flags.ts";

/** Help, from the rows. */

const GAP = "  ";

/** The help of the program. */
export function programHelp(): string {
  return [
    "Usage: sops COMMAND [flags] [FILE]",
    "       sops [-e|-d|-r|--set VALUE] [flags] FILE",
    "",
    "Keyleaf under the name sops: commands, flags and exit codes are those of sops. Where they do something else is in",
    "docs/sops-compat.md. enc --help shows the commands that Keyleaf has besides.",
    "",
    "Commands:",
    ...columns(sopsCommands.map(({ name, operands, summary }) => [`${name} ${operands}`.trimEnd(), summary])),
    "",
    "Flags, in front of a command or of FILE:",
    ...flagLines([...rootFlags, helpFlag]),
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp({ name, operands, summary, flags }: SopsCommand): string {
  return [
    `Usage: sops ${name} [flags] ${operands}`.trimEnd(),
    "",
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    "",
    "Flags:",
    ...flagLines([...flags, helpFlag]),
    "",
  ].join("\n");
}

/** The help of commands that begin with the same word. */
export function groupHelp(group: string): string {
  const members = sopsCommands.filter(({ name }) => name.startsWith(`${group} `));
  return [
    `Usage: sops ${group} COMMAND`,
    "",
    "Commands:",
    ...columns(members.map(({ name, summary }) => [name, summary])),
    "",
  ].join("\n");
}

/** The help of what words name; `null`: there is no such command. */
export function helpOf(words: readonly string[]): string | null {
  const [first] = words;
  if (first === undefined) return programHelp();
  if (commandGroups.includes(first)) {
    const command = sopsCommand(words.slice(0, 2).join(" "));
    return command === null ? groupHelp(first) : commandHelp(command);
  }
  const command = sopsCommand(first);
  return command === null ? null : commandHelp(command);
}

function flagLines(rows: readonly SopsFlag[]): string[] {
  return columns(
    rows.map(({ name, alias, type, env, help }): [string, string] => {
      const spellings = [name, alias].flatMap((word) =>
        word === undefined ? [] : [word.length === 1 ? `-${word}` : `--${word}`],
      );
      return [
        `${spellings.join(", ")}${type === "switch" ? "" : " VALUE"}`,
        env === undefined ? help : `${help} [${env}]`,
      ];
    }),
  );
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${GAP}${left.padEnd(width)}${GAP}${right}`);
}
