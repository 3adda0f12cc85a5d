/**
 * Programs that some tests talk to, as `node scripts/peers.mjs` left them. A suite that needs one is skipped, under a
 * name that says so, where it is not there; where CI=true it fails instead.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { findProgram } from "../../src/cli/programs.ts";

const statusFile = new URL("../../.cache/peers/status.json", import.meta.url);

/** Path of the reference tool, sops 3.11.0; `null` when it is not installed. */
export function sopsProgram(): string | null {
  return program("sops");
}

/** Path of `moto_server`, which stands in for AWS; `null` when it is not installed. */
export function motoServerProgram(): string | null {
  return program("motoServer");
}

/** Path of `bao`, the server and client of OpenBao; `null` when it is not installed. */
export function baoProgram(): string | null {
  return program("bao");
}

/** The Python that scripts/peers.mjs has made for them; `null` when it is not there. */
export function pythonProgram(): string | null {
  const motoServer = motoServerProgram();
  return motoServer === null ? null : join(dirname(motoServer), "python");
}

/** A program of the system's, which Debian has in a package; `null` when it is not installed. */
export function systemProgram(name: string): string | null {
  return findProgram(name, process.env, process.platform);
}

/**
 * A suite that needs a peer.
 * @param peer - what is missing when it is missing, for example `sops`.
 * @param found - its program; `null`: not there, and then `suite` is not called.
 * @param why - why it may be missing; default: what `scripts/peers.mjs` says.
 */
export function describePeer(
  name: string,
  peer: string,
  found: string | null,
  suite: (program: string) => void,
  why?: string,
): void {
  if (found !== null) {
    describe(name, () => suite(found));
    return;
  }
  const reason = `${peer} is missing: ${why ?? debianPackages.get(peer) ?? whyMissing()}`;
  if (process.env["CI"] === "true") {
    describe(name, () => {
      test(reason, () => expect.fail(reason));
    });
    return;
  }
  describe(`${name} (skipped, ${reason})`, { skip: true }, () => {
    test("all of it", () => {});
  });
}

/** What to install for programs of the system's. */
const debianPackages: ReadonlyMap<string, string> = new Map([
  ["age", "apt-get install age"],
  ["ssh-keygen", "apt-get install openssh-client"],
  ["vim", "apt-get install vim"],
  ["nvim", "apt-get install neovim"],
  ["nano", "apt-get install nano"],
  ["emacs", "apt-get install emacs-nox"],
  ["zsh", "apt-get install zsh"],
  ["fish", "apt-get install fish"],
  ["groff", "apt-get install groff-base"],
  ["postgres", "apt-get install postgresql"],
]);

function program(name: string): string | null {
  const path = status()[name];
  return typeof path === "string" ? path : null;
}

function whyMissing(): string {
  const { missing } = status();
  return typeof missing === "string" ? missing : "node scripts/peers.mjs has not been run";
}

function status(): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(statusFile, "utf8")) as Record<string, unknown>;
  } catch {
    return {}; // Never installed, or not to the end.
  }
}
