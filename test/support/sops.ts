/** Runs the reference tool the way tests need it: with nothing of the real environment, and with bytes in and out. */
import { spawn } from "node:child_process";

/** TEST ONLY: the identities of the shared fixtures; they protect nothing. */
export const alice = {
  identity: "AGE-SECRET-KEY-1LZW3CUJ4TL76ZEX493Q9YRUN9RDLT74T3SMZTKD28SFY99TJ7DNQU3MQXS",
  recipient: "age10skv2gjqpyl7j5mphs8j4tlfknjgnzg0rp4v5y32l7my8vtehefs6c9rtk",
} as const;
export const bob = {
  identity: "AGE-SECRET-KEY-1SA9G4RCPRKWCJSAATRME7FEKHZPPVSN4NPWY7C02NJ5F5VK04C0QFYM2D5",
  recipient: "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg",
} as const;

/** What one run left behind. */
export interface SopsRun {
  /** Exit status; `null`: a signal ended it. */
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface SopsSetting {
  /** Working directory, and its home too: nothing of the user's is read. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: empty. */
  readonly stdin?: Uint8Array;
}

/** @param program - path of sops, see `sopsProgram` */
export function runSops(program: string, setting: SopsSetting, ...args: readonly string[]): Promise<SopsRun> {
  const { cwd, env = {}, stdin = new Uint8Array() } = setting;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { HOME: cwd, SOPS_DISABLE_VERSION_CHECK: "true", ...env } });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout: Buffer.concat(stdout), stderr }));
    // It may end before it has read everything.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}
