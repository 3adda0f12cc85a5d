import { KeyleafError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import type { Context } from "../context.ts";
import { type SopsCommand, sopsCommand, sopsCommands } from "./commands.ts";
import type { Given } from "./given.ts";
import { changesKeys, checkExists, warnOfMore } from "./one-file.ts";

/** The line without a command, `sops [flags] FILE`: what it does is said by flags, and without them it edits. */

/** The flags that say what to do, and the commands that do it. */
const modes: readonly (readonly [flag: string, command: string])[] = [
  ["encrypt", "encrypt"],
  ["decrypt", "decrypt"],
  ["rotate", "rotate"],
  ["set", "set"],
];

/**
 * The command that the line amounts to, with its operands.
 * @throws `USAGE_NO_FILE`, `INPUT_MISSING`, `USAGE_CONFLICT`, `USAGE_BAD_VALUE`, `USAGE` for a misspelt command
 */
export function legacyLine(
  operands: readonly string[],
  given: Given,
  context: Context,
): { readonly command: SopsCommand; readonly operands: readonly string[] } {
  const [file] = operands;
  if (file === undefined) throw new KeyleafError("USAGE_NO_FILE", "no file specified", { hint: "see sops --help" });
  const asked = modes.filter(([flag]) => given.has(flag));
  const [mode] = asked;
  if (asked.length > 1) {
    throw new KeyleafError("USAGE_CONFLICT", `${asked.map(([flag]) => `--${flag}`).join(" and ")} exclude each other`);
  }
  const name = mode?.[1] ?? "edit";
  if (name === "edit") checkSpelling(file, context);
  else if (name === "rotate" && !changesKeys(given)) checkExists(file, context);
  const command = sopsCommand(name);
  if (command === null) throw new Error(`there is no command ${name}`);
  if (name !== "set") return { command, operands };
  warnOfMore(operands, context);
  return { command, operands: [file, ...pathAndValue(given.text("set") ?? "")] };
}

/** `--set 'PATH VALUE'`: parted at the first bracket that a blank follows. */
function pathAndValue(text: string): [path: string, value: string] {
  const at = text.indexOf("] ");
  if (at !== -1) return [text.slice(0, at + 1), text.slice(at + 2)];
  throw new KeyleafError("USAGE_BAD_VALUE", "--set takes a path, a blank and a value in JSON", {
    hint: `for example --set '["db"]["port"] 5432'`,
  });
}

/** A word that names no file and is almost a command is meant to be one. The reference opens an editor on it. */
function checkSpelling(file: string, context: Context): void {
  const meant = nearest(
    file,
    sopsCommands.map(({ name }) => name),
  );
  if (meant === null) return;
  try {
    checkExists(file, context);
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw new KeyleafError("USAGE", `there is no command ${file}`, {
      hint: `did you mean sops ${meant}? To make a file of that name: sops ./${file}`,
    });
  }
}
