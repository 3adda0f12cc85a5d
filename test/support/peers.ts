/**
 * Programs that some tests talk to, as `node scripts/peers.mjs` left them. A suite that needs one is skipped, under a
 * name that says so, where it is not there; where CI=true it fails instead.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

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
  const reason = `${peer} is missing: ${why ?? whyMissing()}`;
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
