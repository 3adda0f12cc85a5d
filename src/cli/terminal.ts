import { closeSync, openSync, writeSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { isatty, ReadStream } from "node:tty";
import { inTurn } from "../in-turn.ts";
import { printable } from "./report.ts";
import { endingSignals, exitOnSignals } from "./signals.ts";

/** Questions at the terminal the process belongs to, whatever standard input and output are. */

/** Longer answers are cut: nobody types that much. */
const MOST_CHARACTERS = 4096;

/** One question at a time. */
const turn = inTurn();

/** @see {@link Host.ask} */
export function ask(question: string, isShown = false): Promise<string | null> {
  return turn(() => askNow(question, isShown));
}

async function askNow(question: string, isShown: boolean): Promise<string | null> {
  const [inputPath, outputPath] =
    process.platform === "win32" ? ["\\\\.\\CONIN$", "\\\\.\\CONOUT$"] : ["/dev/tty", "/dev/tty"];
  const output = openTerminal(outputPath);
  const descriptor = openTerminal(inputPath);
  try {
    if (output === null || descriptor === null) return null;
    return await readAnswer(new ReadStream(descriptor), output, printable(question), isShown);
  } finally {
    if (output !== null) closeSync(output);
  }
}

/** `null`: the process has no terminal. */
function openTerminal(path: string): number | null {
  try {
    const descriptor = openSync(path, "r+");
    if (isatty(descriptor)) return descriptor;
    closeSync(descriptor);
    return null;
  } catch {
    return null;
  }
}

/** Reads what is typed character by character: only so the terminal shows nothing of it. */
function readAnswer(input: ReadStream, output: number, question: string, isShown: boolean): Promise<string | null> {
  const write = (text: string): void => {
    try {
      writeSync(output, text);
    } catch {
      // The terminal is gone.
    }
  };
  const decoder = new StringDecoder();
  const typed: string[] = [];
  const restore = (): void => void input.setRawMode(false);

  return new Promise((resolve) => {
    let isOver = false;
    const finish = (answer: string | null): void => {
      if (isOver) return;
      isOver = true;
      restore();
      write("\n");
      process.off("exit", restore);
      stopListening();
      input.off("data", onData);
      input.destroy();
      typed.fill("");
      resolve(answer);
    };
    const onData = (chunk: Buffer): void => {
      // What arrow keys and the like send is no part of an answer.
      const text = decoder.write(chunk).replace(/\u001b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g, "");
      for (const character of text) {
        if (character === "\r" || character === "\n") finish(typed.join(""));
        else if (character === "\u0003") interrupt();
        else if (character === "\u0004" && typed.length === 0) finish(null);
        else edit(character);
        if (isOver) return;
      }
    };
    const edit = (character: string): void => {
      if (character === "\u007f" || character === "\b") {
        if (typed.pop() !== undefined && isShown) write("\b \b");
      } else if (character === "\u0015") {
        if (isShown) write("\b \b".repeat(typed.length));
        typed.length = 0;
      } else if (character >= " " && typed.length < MOST_CHARACTERS) {
        typed.push(character);
        if (isShown) write(character);
      }
    };
    // As the terminal does it unless it is read like this: to every process of the group.
    const interrupt = (): void => {
      isOver = true;
      restore();
      write("\n");
      process.kill(process.platform === "win32" ? process.pid : 0, "SIGINT");
    };

    process.on("exit", restore);
    // Others who clean up before the end, if there are any, end the process themselves.
    const stopListening = exitOnSignals(endingSignals.filter((name) => process.listenerCount(name) === 0));
    input.on("data", onData);
    input.on("end", () => finish(null));
    input.on("error", () => finish(null));
    input.setRawMode(true);
    write(question);
  });
}
