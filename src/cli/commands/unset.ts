import { KeyleafError } from "../../errors.ts";
import { stepsText } from "../../formats/change.ts";
import { unset } from "../../set.ts";
import { changeFile, rulesOf } from "../change-file.ts";
import type { Context, Flags } from "../context.ts";
import { note } from "../report.ts";

/** `enc unset`: removes a value, or all that is under a path. */
export async function run(
  [name = "", pathText = ""]: readonly string[],
  flags: Flags,
  context: Context,
): Promise<void> {
  const { parsePath, isForgiving } = rulesOf(context);
  const path = parsePath(pathText);
  try {
    await changeFile(name, path, flags, context, (source, at, options) => unset(source, at, options, context.host));
  } catch (error) {
    const isMissing = error instanceof KeyleafError && error.code === "INPUT_PATH_NOT_FOUND";
    if (!isMissing || !(isForgiving || flags.has("idempotent"))) throw error;
    if (isForgiving) note(context, `nothing has changed: there is nothing at ${stepsText(path)} in ${name}`);
  }
}
