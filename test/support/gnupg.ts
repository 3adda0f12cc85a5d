/** GnuPG with a keyring and an agent of the test's own. Every key in it is TEST ONLY. */
import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "../../src/cli/programs.ts";
import { describePeer } from "./peers.ts";

const execute = promisify(execFile);

/** A suite that needs gpg, which is part of the system. @param suite - gets its path */
export function describeGnupg(name: string, suite: (program: string) => void): void {
  const found = findProgram("gpg", process.env, process.platform);
  describePeer(name, "gpg", found, suite, "it comes with the package gnupg");
}

export interface Gnupg {
  /** The value of `GNUPGHOME`. */
  readonly home: string;
  /** What makes a program use this keyring, and find gpg. */
  readonly env: { readonly GNUPGHOME: string; readonly PATH: string };
  /** Runs gpg without asking anything. @returns what it prints */
  gpg(...args: string[]): Promise<string>;
  /** Makes a key. @param expires - as gpg spells it; default: never. @returns its fingerprint */
  makeKey(name: string, options?: { readonly passphrase?: string; readonly expires?: string }): Promise<string>;
  /** Adds a subkey for encryption. @returns its fingerprint */
  addSubkey(fingerprint: string): Promise<string>;
  /** Has the agent forget passphrases. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

export interface GnupgOptions {
  /** Key files to import. */
  readonly keys?: readonly string[];
  /** A program in place of pinentry, as a shell script; absent: there is none, and every question fails. */
  readonly pinentry?: string;
}

/**
 * Starts the agent, for gpg to find it. It has `cat` for a child, which ends when this process does, on whatever way, and
 * the agent after it.
 */
export async function startGnupg({ keys = [], pinentry = "exit 1" }: GnupgOptions = {}): Promise<Gnupg> {
  // A short path: sockets lie in it, and their names may have a hundred characters.
  const home = mkdtempSync(join(tmpdir(), "kl-gpg-"));
  const script = join(home, "pinentry");
  writeFileSync(script, `#!/bin/sh\n${pinentry}\n`);
  chmodSync(script, 0o755);
  // Few rounds of hashing for passphrases, which protect nothing here.
  const settings = ["disable-scdaemon", "allow-loopback-pinentry", "s2k-count 65536", `pinentry-program ${script}`];
  writeFileSync(join(home, "gpg-agent.conf"), `${settings.join("\n")}\n`);
  const env = { GNUPGHOME: home, PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  const child = spawn("gpg-agent", ["--daemon", "cat"], { env, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let printed = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (printed += text));
    child.stdout.once("data", () => resolve());
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`gpg-agent ended before it served: ${printed}`)));
    child.stdin.write("ready\n");
  });
  const gpg = async (...args: string[]): Promise<string> =>
    (await execute("gpg", ["--batch", "--quiet", ...args], { env })).stdout;
  const fingerprints = async (name: string): Promise<string[]> =>
    [...(await gpg("--with-colons", "--with-subkey-fingerprint", "--list-keys", name)).matchAll(/^fpr:+(\w+):/gm)].map(
      ([, fingerprint = ""]) => fingerprint,
    );
  if (keys.length > 0) await gpg("--import", ...keys);
  return {
    home,
    env,
    gpg,
    async makeKey(name, { passphrase = "", expires = "never" } = {}) {
      const quietly = ["--pinentry-mode", "loopback", "--passphrase", passphrase];
      const id = `TEST ONLY ${name} <${name}@keyleaf.example>`;
      await gpg(...quietly, "--quick-gen-key", id, "future-default", "default", expires);
      return (await fingerprints(id))[0] ?? "";
    },
    async addSubkey(fingerprint) {
      await gpg("--pinentry-mode", "loopback", "--passphrase", "", "--quick-add-key", fingerprint, "cv25519", "encr");
      return (await fingerprints(fingerprint)).at(-1) ?? "";
    },
    async forget() {
      await execute("gpg-connect-agent", ["reloadagent", "/bye"], { env });
    },
    async stop() {
      await execute("gpgconf", ["--kill", "all"], { env });
      child.stdin.end();
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
