import type { CommandModule } from "../context.ts";
import { commandGroups, sopsCommand, sopsCommands } from "./commands.ts";
import { helpFlag, rootFlags } from "./flags.ts";

/** `sops completion SHELL`, and what its scripts ask: the line as far as it is typed, with a last word that asks. */

/** The last word of a line that asks for words. */
export const COMPLETION_WORD = "--generate-bash-completion";

/** For a shell with the programmable completion of bash. */
const forBash = `_keyleaf_sops() {
  COMPREPLY=($(compgen -W "$("\${COMP_WORDS[@]:0:COMP_CWORD}" ${COMPLETION_WORD} 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _keyleaf_sops sops
`;

/** zsh runs it with what it has of bash. */
const forZsh = `#compdef sops
autoload -U +X bashcompinit && bashcompinit
${forBash}`;

export const bash: CommandModule = {
  run: async (_operands, _flags, { streams }) => streams.stdout.write(forBash),
};

export const zsh: CommandModule = {
  run: async (_operands, _flags, { streams }) => streams.stdout.write(forZsh),
};

/** The words that may follow, one a line. @param words - those that are there, without the one that asks */
export function completionText(words: readonly string[]): string {
  const [first = "", second = ""] = words.filter((word) => !word.startsWith("-"));
  const command = sopsCommand(first) ?? sopsCommand(`${first} ${second}`);
  if (command !== null) return lines([...command.flags, helpFlag].map(({ name }) => `--${name}`));
  const names = sopsCommands.map(({ name }) => name);
  if (commandGroups.includes(first))
    return lines(names.filter((name) => name.startsWith(`${first} `)).map((name) => name.slice(first.length + 1)));
  if (words.length > 0) return lines([...rootFlags, helpFlag].map(({ name }) => `--${name}`));
  return lines([...names.filter((name) => !name.includes(" ")), ...commandGroups, "help"]);
}

function lines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join("");
}
