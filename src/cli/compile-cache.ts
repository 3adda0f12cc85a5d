import { mkdirSync, statSync } from "node:fs";
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
    const folder = join(isAbsolute(caches) ? caches : join(homedir(), ".cache"), "keyleaf", "compiled");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    if (uid === process.getuid?.() && (mode & 0o022) === 0) enableCompileCache(folder);
  } catch {
    // No home, or one that cannot be written: it starts as without.
  }
}
