import { openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";

/** Keys of a terminal in raw mode. */
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACES = [0x08, 0x7f];
const ENDS = [0x0a, 0x0d];

interface Terminal {
  readonly descriptor: number;
  readonly input: ReadStream;
}

/** Kept open: Bun goes on reading from one that was closed, and the next answer would be lost to it. */
let opened: Terminal | null = null;

/**
 * Asks at the terminal that the process belongs to, whatever its standard streams are. What is typed is not shown. Ctrl-C
 * is passed on as the signal that it would have been. Questions wait for one another.
 * @returns `null`: there is no terminal, or no answer.
 */
export function ask(question: string): Promise<string | null> {
  const answer = last.then(() => askNow(question));
  last = answer.catch(() => {});
  return answer;
}

let last: Promise<unknown> = Promise.resolve();

async function askNow(question: string): Promise<string | null> {
  opened ??= openTerminal();
  if (opened === null) return null;
  const { descriptor, input } = opened;
  const typed: number[] = [];
  let done: (answer: string | null) => void = () => {};
  const read = (chunk: Buffer): void => {
    for (const byte of chunk) {
      if (ENDS.includes(byte)) done(Buffer.from(typed).toString());
      else if (byte === CTRL_D) done(null);
      else if (byte === CTRL_C) {
        done(null);
        process.kill(process.pid, "SIGINT");
      } else if (BACKSPACES.includes(byte)) typed.pop();
      else typed.push(byte);
    }
    chunk.fill(0);
  };
  const lost = (): void => done(null);
  try {
    input.setRawMode(true);
    writeSync(descriptor, question);
    return await new Promise<string | null>((resolve) => {
      done = resolve;
      input.on("data", read).on("error", lost).on("end", lost).resume();
    });
  } finally {
    typed.fill(0);
    input.off("data", read).off("error", lost).off("end", lost).pause();
    input.setRawMode(false);
    writeSync(descriptor, "\n");
  }
}

function openTerminal(): Terminal | null {
  try {
    const descriptor = openSync("/dev/tty", "r+");
    return { descriptor, input: new ReadStream(descriptor) };
  } catch {
    return null;
  }
}
