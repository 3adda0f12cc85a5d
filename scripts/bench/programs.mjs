/**
 * The programs of a run: Keyleaf on Node (the npm build) and as a standalone executable, `node -e 0`, sops and rops.
 * What is not there is left out, and {@link findPrograms} says why.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { root } from "../built.mjs";
import { env, folder, output } from "./workspace.mjs";

/** @returns `found`: programs by id, with what starts them and their `version`; `missing`: a line for each that is not there. */
export function findPrograms() {
  const found = new Map([
    ["npm", npmProgram(root)],
    ["node", { words: [process.execPath, "-e", "0"], version: process.versions.node }],
  ]);
  const missing = [];
  for (const [id, find] of [
    ["standalone", () => standaloneProgram(buildStandalone(root), "standalone")],
    ["sops", findSops],
    ["rops", findRops],
  ]) {
    try {
      found.set(id, find());
    } catch (error) {
      missing.push(`${id} is left out: ${error.message}`);
    }
  }
  return { found, missing };
}

/** The npm build in `checkout`, on the Node that runs this. */
export function npmProgram(checkout) {
  const [enc, dec] = ["enc", "dec"].map((name) => [process.execPath, join(checkout, "dist", "cli", `${name}.cjs`)]);
  return { enc, dec, version: manifestOf(checkout).version };
}

/**
 * Builds the standalone executable of `checkout` by its own script, so that it is never an old one.
 * @returns its path.
 * @throws when there is none.
 */
export function buildStandalone(checkout) {
  const hasScript = manifestOf(checkout).scripts["build:standalone"] !== undefined;
  if (hasScript) {
    // Its output goes where progress goes: standard output is for the tables.
    const { status } = spawnSync(...npm("run", "build:standalone"), { cwd: checkout, stdio: ["ignore", 2, 2] });
    if (status !== 0) throw new Error("`npm run build:standalone` failed");
  }
  const file = join(checkout, "dist", "standalone", "enc");
  if (existsSync(file)) return file;
  throw new Error(hasScript ? "the build left no dist/standalone/enc" : "there is no script build:standalone");
}

/** The executable `file` under both its names, in a folder `name`: the program goes by what it is called. */
export function standaloneProgram(file, name) {
  mkdirSync(join(folder, name));
  const [enc, dec] = ["enc", "dec"].map((program) => {
    const link = join(folder, name, program);
    symlinkSync(file, link);
    return [link];
  });
  const said = output(...dec, "--version").trim();
  if (!said.startsWith("dec ")) throw new Error(`called as dec, the executable says that it is ${said}`);
  return { enc, dec, runtime: bunVersion(file) };
}

/** @returns for {@link spawnSync}: npm, the same that started this where it did. */
export function npm(...args) {
  const script = process.env.npm_execpath;
  return script === undefined ? ["npm", args] : [process.execPath, [script, ...args]];
}

function manifestOf(checkout) {
  return JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
}

/** Every executable made by Bun is Bun itself under this variable. @returns `Bun 1.2.3`, or nothing. */
function bunVersion(file) {
  const { stdout } = spawnSync(file, ["--version"], { cwd: folder, env: { ...env, BUN_BE_BUN: "1" } });
  return /^\d+\.\d+\.\d+/.test(stdout) ? `Bun ${stdout.toString().trim()}` : undefined;
}

/** The program itself, not the launcher around it, which takes time of its own. */
function findSops() {
  const { status } = spawnSync(process.execPath, [join(root, "scripts", "peers.mjs")], { stdio: ["ignore", 2, 2] });
  const path = join(root, ".cache", "peers", "status.json");
  const { sops, missing } = status === 0 ? JSON.parse(readFileSync(path, "utf8")) : {};
  if (typeof sops !== "string") throw new Error(missing ?? "scripts/peers.mjs failed");
  return { words: [sops], version: numberIn(output(sops, "--version", "--disable-version-check")) };
}

function findRops() {
  const path = (env.PATH ?? "")
    .split(delimiter)
    .map((place) => join(place, "rops"))
    .find(existsSync);
  if (path === undefined) throw new Error("it is not on PATH (`cargo install rops-cli`)");
  output(path, "--help");
  return { words: [path], version: ropsVersion(path) };
}

/** rops does not say its version; cargo has noted it beside the folder that it installed the program into. */
function ropsVersion(path) {
  const note = join(dirname(dirname(path)), ".crates.toml");
  return existsSync(note) ? /"rops-cli (\S+) /.exec(readFileSync(note, "utf8"))?.[1] : undefined;
}

function numberIn(text) {
  return /\d+\.\d+\.\d+\S*/.exec(text)?.[0];
}
