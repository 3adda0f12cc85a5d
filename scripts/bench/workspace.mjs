/**
 * A temporary folder in which everything happens, removed when this process ends, and the environment of what runs there:
 * no settings of the user, and a key of its own.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const folder = mkdtempSync(join(tmpdir(), "keyleaf-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

/** Where the commands find everything. {@link makeKey} adds the key for rops. */
export const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SOPS|ROPS|KEYLEAF)_/.test(name))),
  HOME: folder,
  XDG_CONFIG_HOME: join(folder, "config"),
  SOPS_AGE_KEY_FILE: join(folder, "key.txt"),
};

/** @returns the recipient of a new age key, which all programs have from then on. */
export function makeKey(program) {
  const recipient = output(...program.enc, "keygen", "-o", "key.txt").trim();
  env.ROPS_AGE = /^AGE-SECRET-KEY-\S+$/m.exec(readFileSync(join(folder, "key.txt"), "utf8"))?.[0] ?? "";
  return recipient;
}

/** @returns what a command prints. */
export function output(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, env, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${error?.message ?? stderr}`);
  return stdout.toString();
}

export function write(name, content) {
  writeFileSync(join(folder, name), content);
}

/** An empty folder, also where one was. */
export function emptyFolder(name) {
  rmSync(join(folder, name), { recursive: true, force: true });
  mkdirSync(join(folder, name));
}

/** Makes the folder `to` what the folder `from` is. */
export function copyFolder(from, to) {
  emptyFolder(to);
  cpSync(join(folder, from), join(folder, to), { recursive: true });
}
