// The built programs, for scripts that run them. Builds when there is no build, or one older than what it is made from.
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const enc = join(root, "dist", "cli", "enc.cjs");
export const dec = join(root, "dist", "cli", "dec.cjs");

/** Makes sure that {@link enc} and {@link dec} are what the source says. */
export async function ensureBuilt() {
  const sources = readdirSync(join(root, "src"), { recursive: true }).map((name) => join(root, "src", name));
  sources.push(join(root, "package.json"), join(root, "scripts", "build.mjs"));
  if (Math.min(...[enc, dec].map(changed)) < Math.max(...sources.map(changed))) await import("./build.mjs");
}

/** When a file was changed, in milliseconds; 0: it is not there. */
function changed(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
