import manifest from "../../package.json" with { type: "json" };
import { KeyleafError } from "../errors.ts";
import { asksForVersion } from "./command-line.ts";
import { decryptCommand } from "./commands/command.ts";
import { commands } from "./commands/registry.ts";
import type { Context } from "./context.ts";

/** What the program says about itself. Loaded only when it is asked. */

/** The version, or help about the program as a whole. @param args - nothing but flags about it */
export async function aboutProgram(args: readonly string[], context: Context): Promise<void> {
  if (asksForVersion(args)) await context.streams.stdout.write(`${context.program} ${manifest.version}\n`);
  else await help([], context);
}

/** Help about the program, or about the command of that name. @throws `USAGE` */
export async function help(words: readonly string[], context: Context): Promise<void> {
  const { printCommandHelp, printProgramHelp } = await import("./parse-flags.ts");
  const name = words.join(" ");
  if (name === "man") {
    await context.streams.stdout.write((await import("./manual-page.ts")).manualPage());
    return;
  }
  const command = context.program === "dec" ? decryptCommand : commands.find((known) => known.name === name);
  if (command !== undefined) await printCommandHelp(command, context);
  else if (words.length === 0) await printProgramHelp(context);
  else throw new KeyleafError("USAGE", `unknown command ${name}`, { hint: "see enc --help" });
}
