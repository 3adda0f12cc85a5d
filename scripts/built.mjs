// The built programs, for scripts that run them. Builds when there is no build, or one older than what it is made from.
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const enc = join(root, "dist", "cli", "enc.cjs");
export const dec = join(root, "dist", "cli", "dec.cjs");
/** The executable for this machine, which is all programs by its name. */
export const standalone = join(root, "dist", "standalone", process.platform === "win32" ? "enc.exe" : "enc");

/** Makes sure that {@link enc} and {@link dec} are what the source says. */
export async function ensureBuilt() {
  if (isOlder([enc, dec], ["scripts/build.mjs"])) await import("./build.mjs");
}

/** The same of {@link standalone}. */
export async function ensureStandalone() {
  const madeFrom = ["scripts/build-standalone.mjs", "scripts/sign-mach-o.mjs", "scripts/bun/package.json"];
  if (isOlder([standalone], madeFrom)) await import("./build-standalone.mjs");
}

/** Whether one of the files is older than the sources, or than what else it is made from. */
function isOlder(files, madeFrom) {
  const sources = readdirSync(join(root, "src"), { recursive: true }).map((name) => join("src", name));
  const newest = Math.max(...[...sources, "package.json", ...madeFrom].map((path) => changed(join(root, path))));
  return Math.min(...files.map(changed)) < newest;
}

/** When a file was changed, in milliseconds; 0: it is not there. */
function changed(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
