// npm runs this in a checkout after `npm ci`, and before packing or installing it. Where there is nothing to build from,
// or nothing to build with, what is built already is used.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const needed = ["src/cli/enc.ts", "node_modules/rolldown/package.json", "node_modules/typescript/package.json"];
if (needed.every((path) => existsSync(join(root, path)))) await import("./build.mjs");
