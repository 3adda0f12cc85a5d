import { KeyleafError } from "../../errors.ts";
import { readValues } from "../../read-values.ts";
import { endAs, runToEnd, startAndLeave, withSignals } from "../child.ts";
import type { Context, Flags } from "../context.ts";
import { referenceVariables, withVariables } from "../environment.ts";
import { aboutFile, auditedAs, encryptedFormat, readInput, recoveryFlags } from "../inputs.ts";
import { warn } from "../report.ts";
import { referenceStatus, shellProgram, userFlag, userVariables } from "../shell.ts";

/** `exec-env FILE COMMAND`, as the reference has it. */
export async function run(
  [file = "", command = ""]: readonly string[],
  flags: Flags,
  context: Context,
): Promise<number> {
  const { host } = context;
  const [isSameProcess, isInBackground] = [flags.has("same-process"), flags.has("background")];
  if (isSameProcess && isInBackground)
    throw new KeyleafError("USAGE_CONFLICT", "--same-process and --background exclude each other");
  if (isSameProcess && host.platform === "win32")
    throw new KeyleafError("USAGE", "--same-process is not there on Windows");
  if (isInBackground) warn(context, "--background is deprecated");
  const user = await userFlag(flags);

  const input = await readInput([file], flags, context, () => null);
  let variables: ReturnType<typeof referenceVariables>;
  try {
    const format = await encryptedFormat(input, null);
    const recovery = await recoveryFlags(flags);
    const options = { format, file: auditedAs(input), transfer: true, recovery };
    const { documents, notices } = await readValues(input.source, options, host);
    for (const notice of notices) warn(context, notice);
    variables = documents.slice(0, 1).flatMap(referenceVariables);
  } catch (error) {
    throw aboutFile(error, input.name);
  }
  const env = withVariables(flags.has("pristine") ? {} : host.env, [...userVariables(user), ...variables]);
  const program = shellProgram(command, env, context);

  // The last thing before the program: what else is loaded may be in a folder that the user cannot read.
  if (user !== null) (await import("../user.ts")).become(user);
  if (isInBackground) {
    await startAndLeave(program);
    return 0;
  }
  const ending = await withSignals(host.platform, (relay) => runToEnd(program, relay));
  // This process cannot be replaced by another one: the command has another number, and is otherwise all there is of it.
  return isSameProcess ? endAs(ending) : referenceStatus(ending, context);
}
