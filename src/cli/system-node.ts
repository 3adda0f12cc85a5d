import fs from "node:fs";
import { resolve } from "node:path";
import type { System } from "./system.ts";
import { writeAll } from "./write-all.ts";

/** What Node has. Standard output is written synchronously: cheaper to start than Node's stream. */
export const node: System = {
  readFile: async (path) => fs.readFileSync(path),
  writeOutput: async (data) => writeAll(fs, 1, data),
  resolve,
  isMissing: (path) => !fs.existsSync(path),
  fs: () => fs,
};
