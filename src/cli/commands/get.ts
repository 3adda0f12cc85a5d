import type { Context, Flags } from "../context.ts";
import { isBracketPath } from "../tree-path.ts";
import { run as decrypt } from "./decrypt.ts";

/** `enc get FILE PATH` is `dec --get PATH FILE`, or `--extract` for a path in that spelling. */
export async function run([name = "", path = ""]: readonly string[], flags: Flags, context: Context): Promise<void> {
  const spelling = isBracketPath(path) ? "extract" : "get";
  const withPath: Flags = {
    has: (flag) => flag === spelling || flags.has(flag),
    text: (flag) => (flag === spelling ? path : flags.text(flag)),
  };
  await decrypt([name], withPath, context);
}
