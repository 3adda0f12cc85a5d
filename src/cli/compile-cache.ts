import { lstatSync, mkdirSync } from "node:fs";
import nodeModule from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * Lets Node 22 and later keep the compiled program from one start to the next. Not in the folder for temporary files,
 * where Node would put it: what lies there is run as the program, so only its user may be able to write it.
 */
export function keepCompiled(env: Readonly<Record<string, string | undefined>>): void {
  // The types are those of Node 20.
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown };
  if (enableCompileCache === undefined) return;
  try {
    const caches = env["XDG_CACHE_HOME"] ?? "";
    const own = join(isAbsolute(caches) ? caches : join(homedir(), ".cache"), "keyleaf");
    const folder = join(own, "compiled");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Whoever can write the folder above could put another in the place of this one: somebody may have been first in `/tmp`.
    if (isOnlyOurs(own) && isOnlyOurs(folder)) enableCompileCache(folder);
  } catch {
    // No home, or one that cannot be written: it starts as without.
  }
}

/** Links are not followed: they can be written by everybody, as far as their mode says. */
function isOnlyOurs(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  return uid === process.getuid?.() && (mode & 0o022) === 0;
}
