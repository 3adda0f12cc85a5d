// Imports point one way: cli → the verbs → formats, crypto and stores → document; the three in the middle do not know
// each other. Nothing but the command line touches the process or the console. Prints what breaks this, one line each.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(root, "src");

/** Files that stand for themselves, and that every part may use. */
const BASE = new Set([
  "config.ts",
  "host.ts",
  "errors.ts",
  "go-boolean.ts",
  "in-turn.ts",
  "nearest.ts",
  "once.ts",
  "shell-words.ts",
  "timestamp.ts",
]);
const MIDDLE = ["formats", "crypto", "stores"];

/** What a part may import besides itself. */
const ALLOWED = new Map([
  ["cli", ["verbs", ...MIDDLE, "document", "base"]],
  ["verbs", [...MIDDLE, "document", "base"]],
  ...MIDDLE.map((part) => [part, ["document", "base"]]),
  ["document", ["base"]],
  ["base", []],
]);

/** How values are spelled is one file for both, so that what is sealed and what is printed cannot drift apart. */
const EXCEPTIONS = new Set(["formats -> crypto/scalar-bytes.ts"]);

/** The AWS SDK can be kept from warning about the Node version by a variable of the process only. */
const USES_PROCESS = new Map([["crypto/keys/aws-sdk.ts", /AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED/]]);

const problems = [];
for (const path of sourceFiles(src)) check(path);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;

function check(path) {
  const name = relative(src, path).split(sep).join("/");
  const part = partOf(name);
  for (const [index, line] of withoutComments(readFileSync(path, "utf8")).split("\n").entries()) {
    const complain = (what) => problems.push(`src/${name}:${index + 1}: ${what}`);
    for (const [, specifier] of line.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(src, resolve(dirname(path), specifier))
        .split(sep)
        .join("/");
      if (target === "../package.json" && part === "cli") continue;
      const isAllowed =
        partOf(target) === part
          ? part !== "base" || isBaseToBase(name, target)
          : ALLOWED.get(part).includes(partOf(target));
      if (!isAllowed && !EXCEPTIONS.has(`${part} -> ${target}`)) complain(`${part} must not import ${target}`);
    }
    const uses = /(?<![\w.$"'`-])(process|console)\s*[.[]/.exec(line);
    if (uses !== null && part !== "cli" && USES_PROCESS.get(name)?.test(line) !== true)
      complain(`${uses[1]} is for the command line only`);
    if (part !== "cli" && /["'](?:node:)?process["']/.test(line)) complain("process is for the command line only");
  }
}

/** `errors.ts` may be used by the others of its kind, and `nearest.ts` by the configuration. */
function isBaseToBase(name, target) {
  return target === "errors.ts" || (name === "config.ts" && target === "nearest.ts");
}

function partOf(name) {
  const [folder, ...rest] = name.split("/");
  if (rest.length > 0) return folder;
  return BASE.has(name) ? "base" : "verbs";
}

/** Comments become blanks, so that line numbers stay. Strings with comment marks in them do not matter here. */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " ")).replace(/^\s*\/\/.*$/gm, "");
}

function* sourceFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}
