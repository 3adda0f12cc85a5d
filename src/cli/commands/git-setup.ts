import type { Context, Flags } from "../context.ts";
import { attributesChange, configureDriver, requiredGitRoot } from "../git.ts";
import { note } from "../report.ts";
import { applyChanges } from "../text-change.ts";

/** `enc git setup` */
export async function run(_operands: readonly string[], _flags: Flags, context: Context): Promise<void> {
  const root = await requiredGitRoot(context);
  const change = await attributesChange(root, context);
  if (change !== null) {
    note(context, `changed ${change.path}`);
    await applyChanges([change], context);
  }
  const setting = await configureDriver(root, context);
  if (setting !== null) note(context, `set ${setting} in the repository's git configuration`);
  if (change === null && setting === null) note(context, "nothing to do: git is set up already");
}
