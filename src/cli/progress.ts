import type { Conversation } from "../host.ts";
import { type CliHost, type Context, withHost } from "./context.ts";
import { counted } from "./remarks.ts";
import { printable } from "./report.ts";

/** Runs that are over before are not worth a line. */
const DELAY_MS = 500;
const REDRAW_MS = 100;
const BAR_WIDTH = 20;
const CLEAR_LINE = "\r\u001b[K";

/**
 * One line on a terminal that says how far a run is; nothing at all elsewhere, or where nobody watches (`CI`).
 *
 * Our own, since the bars of `@clack/prompts` take over standard input (so that Ctrl-C means something else while they
 * show), go to standard output unless told otherwise, and draw by a timer, which computing without a pause keeps from
 * firing. Here the loop says where it is, and the timer is for what it waits for.
 */
export class Progress {
  /** For all that is printed and run meanwhile: the line goes away first. */
  readonly context: Context;
  readonly #stderr: Context["streams"]["stderr"];
  readonly #now: () => number;
  readonly #begin: number;
  readonly #timer: NodeJS.Timeout | null = null;
  readonly #clear = (): void => this.clear();
  #state: { readonly doing: string; readonly done: number; readonly total: number; readonly name: string } | null =
    null;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isShown = false;
  /** Programs that run and questions that stand there: the terminal is theirs. */
  #terminalUsers = 0;

  constructor(context: Context) {
    const { streams, host } = context;
    const { stderr } = streams;
    this.#stderr = stderr;
    this.#now = () => host.now().getTime();
    this.#begin = this.#now();
    const write = (text: string): void => {
      this.clear();
      stderr.write(text);
    };
    // A program may ask for something: until it ends, the terminal is its own. So it is while a question stands there.
    const run: CliHost["run"] = (...args) => this.#aside(host.run(...args));
    const { ask, start, tell } = host;
    const apart: Partial<CliHost> = {
      run,
      ...(ask === undefined ? {} : { ask: (...args) => this.#aside(ask.call(host, ...args)) }),
      ...(start === undefined ? {} : { start: (...args) => this.#conversation(start.call(host, ...args)) }),
      ...(tell === undefined
        ? {}
        : {
            tell: (message) => {
              this.clear();
              tell.call(host, message);
            },
          }),
    };
    this.context = {
      ...withHost(context, apart),
      streams: {
        ...streams,
        stderr: {
          write,
          get isTerminal() {
            return stderr.isTerminal;
          },
          get columns() {
            return stderr.columns;
          },
        },
      },
    };
    if (!stderr.isTerminal || host.env["TERM"] === "dumb" || (host.env["CI"] ?? "") !== "") return;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
    // Also when a signal ends the run.
    process.on("exit", this.#clear);
  }

  /**
   * Where the run is.
   * @param doing - `encrypting`
   * @param done - of `total`
   */
  at(doing: string, done: number, total: number, name: string): void {
    if (this.#timer === null) return;
    this.#state = { doing, done, total, name };
    this.#draw();
  }

  /** Takes the line away, until the next one is due. */
  clear(): void {
    if (this.#isShown) this.#stderr.write(CLEAR_LINE);
    this.#isShown = false;
  }

  /** To be called in any case. */
  end(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    process.off("exit", this.#clear);
    this.clear();
  }

  /** Keeps the line away until something is over. */
  async #aside<T>(what: Promise<T>): Promise<T> {
    this.#terminalUsers++;
    this.clear();
    try {
      return await what;
    } finally {
      this.#terminalUsers--;
    }
  }

  async #conversation(started: Promise<Conversation>): Promise<Conversation> {
    const conversation = await started;
    let ended: () => void = () => {};
    void this.#aside(
      new Promise<void>((resolve) => {
        ended = resolve;
      }),
    );
    return {
      write: (bytes) => conversation.write(bytes),
      read: () => conversation.read(),
      end: () => conversation.end().finally(ended),
    };
  }

  #draw(): void {
    const now = this.#now();
    if (this.#state === null || this.#terminalUsers > 0) return;
    if (now - this.#begin < DELAY_MS || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#isShown = true;
    const { doing, done, total, name } = this.#state;
    const bar = "#".repeat(Math.floor((done / total) * BAR_WIDTH)).padEnd(BAR_WIDTH);
    const text = `${doing} ${counted(done)}/${counted(total)} [${bar}] ${printable(name)}`;
    this.#stderr.write(`${CLEAR_LINE}${fitting(text, this.#stderr.columns - 1)}`);
  }
}

/** As much of a text as fits: a line that wraps could not be taken away. What may be wide counts as wide. */
function fitting(text: string, columns: number): string {
  let width = 0;
  let fits = "";
  for (const char of text) {
    width += char > "\u02ff" ? 2 : 1;
    if (width > columns) break;
    fits += char;
  }
  return fits;
}
