/**
 * Builds the standalone executable with Bun: one file that needs nothing else, and is `enc`, `dec` or `sops` by the name
 * it is called by.
 *
 * usage: npm run build:standalone                 dist/standalone/enc (enc.exe on Windows), for this machine
 *        npm run build:standalone -- --all        dist/standalone/enc-OS-ARCH for every target, and SHA256SUMS
 *        npm run build:standalone -- --release    the same, each also under the name that sops has for it
 *        npm run build:standalone -- --chunks DIR what goes into it as plain files, to be looked at
 *
 * The Bun that builds comes with `npm ci` (scripts/bun/package.json has its version). The Buns of the other targets, which
 * are packed into their executables, are fetched from the npm registry into .cache/bun when they are needed, and have to
 * have the hash that package-lock.json has for them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { root, standalone } from "./built.mjs";
import { signAdHoc } from "./sign-mach-o.mjs";

const folder = join(root, "dist", "standalone");
const readJson = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const { version } = readJson("package.json");
const lock = readJson("package-lock.json");

/**
 * `bun` is the package that has Bun for the target, `sops` what the release files of sops are called for it: actions and
 * scripts that download sops find these under the same names. On x64 there is a second Bun for processors without AVX2
 * (`-baseline`); it is not used, since of this version both are the same bytes.
 */
const targets = [
  { name: "linux-x64", bun: "linux-x64", sops: ["linux.amd64"] },
  { name: "linux-arm64", bun: "linux-aarch64", sops: ["linux.arm64"] },
  { name: "linux-x64-musl", bun: "linux-x64-musl", sops: [] },
  { name: "linux-arm64-musl", bun: "linux-aarch64-musl", sops: [] },
  { name: "darwin-x64", bun: "darwin-x64", sops: ["darwin.amd64"] },
  { name: "darwin-arm64", bun: "darwin-aarch64", sops: ["darwin.arm64"] },
  // sops has had both names.
  { name: "windows-x64", bun: "windows-x64", sops: ["exe", "amd64.exe"] },
];

/** How the code is put together, and how that is compiled: all in one place. */
const bundling = [
  "--target=bun",
  // Each chunk is read when it is used: commander, the AWS SDK and the like cost nothing where they are not needed. One
  // chunk instead took 5 % longer.
  "--format=esm",
  "--splitting",
  "--minify",
  // Everything is inside, so a name that is not is a mistake here. Looked for at run time, it would be found in the
  // node_modules of whatever folder the user stands in.
  "--reject-unresolved",
  // Chooses the primitives of Bun (src/crypto/runtime.ts, src/cli/system.ts).
  "--define=IS_STANDALONE=true",
  // Nothing of the environment of the build goes into it.
  "--env=disable",
  "--sourcemap=none",
];
const compiling = [
  "--compile",
  // The code is parsed when it is built, not at each start. That halves the time of `dec`.
  "--bytecode",
  // Functions run three times as often before they are compiled to machine code. Most runs are over by then: `dec` of 10
  // values takes a tenth less processor time. From 10 on, files of 100,000 values take longer.
  "--compile-jit-policy=3",
  // An executable reads these from the working directory unless it is told otherwise, and bunfig.toml can name code to be
  // run. The first two are on by default; the others are named so that it does not depend on the default.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
];

// What is imported by other scripts (built.mjs) builds for this machine, whatever their own arguments are.
const isMain = process.argv[1] === fileURLToPath(import.meta.url);
build(isMain ? process.argv.slice(2) : []);

function build(args) {
  const here = bunOfThisMachine();
  if (args[0] === "--chunks") {
    bundle(here, [`--outdir=${resolve(args[1])}`]);
    return;
  }
  const isRelease = args.includes("--release");
  const unknown = args.find((arg) => arg !== "--all" && arg !== "--release");
  if (unknown !== undefined) fail(`unknown argument ${unknown}`);
  mkdirSync(folder, { recursive: true });
  if (args.length === 0) {
    compile(here, [], standalone);
    if (process.platform === "darwin") sign(`darwin-${process.arch}`, standalone);
    return;
  }
  // What an earlier build left would be released with these.
  for (const file of readdirSync(folder)) if (/^(enc-|sops-|SHA256SUMS)/.test(file)) rmSync(join(folder, file));
  const files = targets.flatMap((target) => buildFor(target, here, isRelease));
  const sums = files.map((file) => `${sha256(join(folder, file))}  ${file}\n`);
  writeFileSync(join(folder, "SHA256SUMS"), sums.join(""));
}

/** @returns the names of the files that were made. */
function buildFor({ name, bun, sops }, here, isRelease) {
  const isWindows = name.startsWith("windows");
  const file = `enc-${name}${isWindows ? ".exe" : ""}`;
  compile(here, [`--target=bun-${name}`, `--compile-executable-path=${bunOf(bun)}`], join(folder, file));
  if (name.startsWith("darwin")) sign(name, join(folder, file));
  if (!isRelease) return [file];
  const copies = sops.map((ending) => `sops-v${version}.${ending}`);
  for (const copy of copies) linkSync(join(folder, file), join(folder, copy));
  return [file, ...copies];
}

/** macOS kills a program whose signature does not fit. */
function sign(name, path) {
  const made = readFileSync(path);
  const signed = signAdHoc(made);
  if (name === "darwin-arm64" && !signed.equals(made))
    fail(`${path} is signed in another way than sign-mach-o.mjs does`);
  writeFileSync(path, signed);
}

/** Beside the target first, so that nobody runs half a file. */
function compile(bun, more, path) {
  const temporary = mkdtempSync(join(folder, ".build-"));
  try {
    // Its name goes into it, so that it is the same for all: then equal sources give equal bytes.
    const output = join(temporary, `enc${extname(path)}`);
    bundle(bun, [...compiling, ...more, `--outfile=${output}`]);
    renameSync(output, path);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  process.stdout.write(`built ${path}\n`);
}

function bundle(bun, more) {
  const temporary = mkdtempSync(join(tmpdir(), "keyleaf-build-"));
  try {
    // The package's build for Node is CommonJS, of which nothing can be left out (scripts/build.mjs does the same).
    const tsconfig = join(temporary, "tsconfig.json");
    const yaml = [join(root, "node_modules/yaml/browser/dist/index.js")];
    writeFileSync(tsconfig, JSON.stringify({ compilerOptions: { paths: { yaml } } }));
    // Bun reads settings of the user's from there.
    const home = { HOME: temporary, USERPROFILE: temporary, XDG_CONFIG_HOME: temporary };
    const args = ["build", ...bundling, ...more, `--tsconfig-override=${tsconfig}`, "src/cli/standalone.ts"];
    run(bun, args, { env: home });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** `npm ci` has installed what fits, and older npm both kinds for Linux, of which one runs. */
function bunOfThisMachine() {
  const [os, arch] = [
    process.platform === "win32" ? "windows" : process.platform,
    process.arch.replace("arm64", "aarch64"),
  ];
  for (const name of [`${os}-${arch}`, `${os}-${arch}-musl`]) {
    const path = programIn(join(root, "node_modules", "@oven", `bun-${name}`), name);
    if (existsSync(path) && spawnSync(path, ["--version"]).status === 0) return path;
  }
  return fail(`no Bun that runs on ${process.platform} ${process.arch} is installed: run npm ci`);
}

/** Path of the Bun of a target, which need not run here. */
function bunOf(name) {
  const installed = programIn(join(root, "node_modules", "@oven", `bun-${name}`), name);
  if (existsSync(installed)) return installed;
  const { version: wanted, integrity } = lock.packages[`node_modules/@oven/bun-${name}`];
  const cache = join(root, ".cache", "bun", wanted, name);
  const path = programIn(cache, name);
  if (existsSync(path)) return path;
  // Beside its place, so that it can be moved there: complete or not at all.
  mkdirSync(dirname(cache), { recursive: true });
  const temporary = mkdtempSync(`${cache}-`);
  try {
    // On Windows npm is a script, which only a shell runs.
    run("npm", ["pack", `@oven/bun-${name}@${wanted}`, "--silent", "--pack-destination", temporary], {
      shell: process.platform === "win32",
    });
    const archive = join(temporary, `oven-bun-${name}-${wanted}.tgz`);
    const hash = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (hash !== integrity) fail(`@oven/bun-${name}@${wanted} is not what package-lock.json says`);
    run("tar", ["-xzf", `oven-bun-${name}-${wanted}.tgz`], { cwd: temporary });
    rmSync(cache, { recursive: true, force: true });
    renameSync(join(temporary, "package"), cache);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return path;
}

function programIn(packageFolder, name) {
  return join(packageFolder, "bin", name.startsWith("windows") ? "bun.exe" : "bun");
}

function run(program, args, { env = {}, ...settings } = {}) {
  // Bun takes options from its environment.
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BUN_")));
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    env: { ...kept, ...env },
    encoding: "utf8",
    ...settings,
  });
  if (status !== 0) fail(`${basename(program)} ${args[0]}: ${error?.message ?? `${stdout}${stderr}`}`);
}

function sha256(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** @returns {never} */
function fail(message) {
  throw new Error(message);
}
