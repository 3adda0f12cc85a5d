import { KeyleafError } from "../errors.ts";
import type { Command } from "./commands/command.ts";
import { noLine } from "./scan-words.ts";

/**
 * What a command is run with. Loaded where it is not just one file.
 * @param line - the words behind `--`, for a command that takes the line of another program
 * @throws `USAGE`, `USAGE_NO_FILE`
 */
export function checkedOperands(
  command: Command,
  operands: readonly string[],
  line: readonly string[] | null,
): readonly string[] {
  const takesLine = command.takesLine === true;
  const places = takesLine ? [] : command.operands.split(" ").filter((place) => place !== "");
  const most = !takesLine && command.operands.includes("...") ? Number.POSITIVE_INFINITY : places.length;
  const name = `enc ${command.name}`;
  const hint = `see ${name} --help`;
  const files = places.length > 1 ? operands.slice(0, 1) : operands;
  // What a shell makes of a variable that is not set. As a path it would be the working directory, and all that is in it.
  if (files.includes("")) throw new KeyleafError("USAGE", "a file name is empty", { hint });
  if (takesLine && line === null) throw noLine();
  if (operands.length > most) {
    // It may be a value that is to be set.
    const which = command.name === "set" ? "" : `: ${operands[most]}`;
    throw new KeyleafError("USAGE", `${name}: one word too many${which}`, { hint });
  }
  const missing = places.slice(operands.length).find((place) => !place.startsWith("["));
  if (missing === undefined) return line ?? operands;
  if (!/FILE/.test(command.operands)) throw new KeyleafError("USAGE", `${missing} is missing`, { hint });
  throw new KeyleafError("USAGE_NO_FILE", operands.length === 0 ? "no file given" : `${missing} is missing`, { hint });
}
