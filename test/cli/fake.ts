import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type CliHost, ClosedPipe, type Program, type Streams } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { run } from "../../src/cli/run.ts";

/** TEST ONLY. */
export const IDENTITY = "AGE-SECRET-KEY-1LZW3CUJ4TL76ZEX493Q9YRUN9RDLT74T3SMZTKD28SFY99TJ7DNQU3MQXS";
export const RECIPIENT = "age10skv2gjqpyl7j5mphs8j4tlfknjgnzg0rp4v5y32l7my8vtehefs6c9rtk";

/** What one run left behind. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Setting {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: a terminal. */
  readonly stdin?: string;
  readonly program?: Program;
  /** Standard output has no reader. */
  readonly isClosed?: boolean;
  readonly isTerminal?: boolean;
  readonly host?: Partial<CliHost>;
  /** Gets all that goes to standard output and standard error, in order, as one terminal does. */
  readonly show?: (text: string) => void;
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "keyleaf-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a command line in this process, with a home of its own and nothing of the real environment but `PATH`. */
export async function runWith(setting: Setting, ...argv: string[]): Promise<Ran> {
  const { cwd, stdin, program = "enc" } = setting;
  const host: CliHost = {
    ...(await nodeHost()),
    env: { PATH: process.env["PATH"], ...setting.env },
    home: join(cwd, "home"),
    cwd,
    // Not at the terminal that the tests run in.
    ask: async () => null,
    ...setting.host,
  };
  let stdout = "";
  let stderr = "";
  const streams: Streams = {
    stdin: { isPiped: stdin !== undefined, read: async () => Buffer.from(stdin ?? "") },
    stdout: {
      write: async (data) => {
        if (setting.isClosed === true) throw new ClosedPipe();
        const text = typeof data === "string" ? data : Buffer.from(data).toString();
        stdout += text;
        setting.show?.(text);
      },
    },
    stderr: {
      isTerminal: setting.isTerminal === true,
      columns: 80,
      write: (text) => {
        stderr += text;
        setting.show?.(text);
      },
    },
  };
  const status = await run(argv, host, streams, program);
  return { status, stdout, stderr };
}
