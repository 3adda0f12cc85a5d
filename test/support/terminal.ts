/** Programs at a terminal, for what is asked there. Python opens it: Node cannot. */
import { spawn } from "node:child_process";
import { join } from "node:path";

/** What is done once something stands on the terminal. */
export type Step = {
  readonly wait: string;
  /** Folders of which is noted, before that, what is in them. */
  readonly list?: readonly string[];
} & (
  | { readonly type: string }
  | { readonly signal: NodeJS.Signals }
  /** The terminal goes away, as when its window is closed. */
  | { readonly close: true }
);

export interface AtTerminal {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For its standard input, which is a pipe. Absent: nothing. `null`: all its standard streams are the terminal. */
  readonly stdin?: string | null;
  readonly steps: readonly Step[];
}

export interface Shown {
  /** Exit status; of a signal the number below zero. */
  readonly status: number;
  /** What stood on the terminal. */
  readonly terminal: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether the terminal showed what was typed, at each of the steps that were come to. */
  readonly echoes: readonly boolean[];
  /** Paths of the files in the folders that were to be listed, at each of the steps that were come to. */
  readonly listings: readonly (readonly string[])[];
  /** The same as of `echoes` in the end. */
  readonly isRestored: boolean;
}

/** @param python - see `pythonProgram` */
export function runAtTerminal(python: string, setting: AtTerminal): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [join(import.meta.dirname, "terminal.py")], { stdio: ["pipe", "pipe", "inherit"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.once("error", reject);
    child.once("close", () => resolve(JSON.parse(Buffer.concat(output).toString()) as Shown));
    child.stdin.end(JSON.stringify({ stdin: "", ...setting }));
  });
}
