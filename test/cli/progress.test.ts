import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CliHost, Context } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { Progress } from "../../src/cli/progress.ts";
import { note } from "../../src/cli/report.ts";
import type { Conversation } from "../../src/host.ts";

/** A terminal that keeps what is on its screen, and a clock that stands until it is set. */
interface Setting {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly run?: CliHost["run"];
  readonly host?: Partial<CliHost>;
}

let written: string;
let nowMs: number;
let progress: Progress | null;

const real = await nodeHost();

beforeEach(() => {
  written = "";
  nowMs = 1_000_000;
  progress = null;
});

afterEach(() => progress?.end());

function begin({ env = {}, isTerminal = true, columns = 80, run = real.run, host = {} }: Setting = {}): Progress {
  const context: Context = {
    program: "enc",
    host: { ...real, env, run, now: () => new Date(nowMs), ...host },
    streams: {
      stdin: { isPiped: false, read: () => Promise.reject(new Error("standard input is not touched")) },
      stdout: {
        write: async () => {
          throw new Error("standard output is for data");
        },
      },
      stderr: {
        isTerminal,
        columns,
        write: (text) => {
          written += text;
        },
      },
    },
    files: new Set(),
  };
  progress = new Progress(context);
  return progress;
}

/** The lines of a terminal that knows what to do with a carriage return and with "erase to the end of the line". */
function screen(): string[] {
  return written.split("\n").map((line) => line.split("\r\u001b[K").at(-1) ?? "");
}

describe("a progress line", () => {
  it("is drawn after half a second, and then ten times a second at most", () => {
    const shown = begin();
    for (let i = 0; i < 2_000; i++) {
      nowMs += 1;
      shown.at("encrypting", i, 2_000, `f${i}.yaml`);
      if (i === 498) expect(written).toBe("");
    }
    expect(screen()).toEqual(["encrypting 1,999/2,000 [################### ] f1999.yaml"]);
    expect(written.split("\r")).toHaveLength(17);
  });

  it("goes away for messages and at the end", () => {
    const listeners = process.listenerCount("exit");
    const shown = begin();
    nowMs += 600;
    shown.at("encrypting", 1, 3, "a.yaml");
    note(shown.context, "something");
    expect(screen()).toEqual(["enc: note: something".replace("note:", "\u001b[36mnote:\u001b[39m"), ""]);
    nowMs += 600;
    shown.at("encrypting", 2, 3, "b.yaml");
    expect(screen()[1]).toBe("encrypting 2/3 [#############       ] b.yaml");
    shown.end();
    expect(screen()[1]).toBe("");
    expect(process.listenerCount("exit")).toBe(listeners);
  });

  it("shows names as text, and never wraps", () => {
    const shown = begin({ columns: 41 });
    nowMs += 600;
    shown.at("encrypting", 0, 1, "a\n\u001b[2Jb.yaml");
    expect(screen()).toEqual(["encrypting 0/1 [                    ] a\\"]);
    nowMs += 600;
    shown.at("encrypting", 0, 1, "目目目目");
    expect(screen()).toEqual(["encrypting 0/1 [                    ] 目"]);
  });

  it("is also drawn while the run waits for something", async () => {
    const shown = begin();
    shown.at("decrypting", 0, 9, "a.yaml");
    nowMs += 700;
    expect(written).toBe("");
    while (written === "") await wait(10);
    expect(screen()).toEqual(["decrypting 0/9 [                    ] a.yaml"]);
  });

  it("leaves the terminal to a program that may ask for something", async () => {
    let end = (): void => {};
    const run: CliHost["run"] = () =>
      new Promise((done) => (end = () => done({ status: 0, stdout: new Uint8Array() })));
    const shown = begin({ run });
    nowMs += 600;
    shown.at("decrypting", 0, 9, "a.yaml");
    const running = shown.context.host.run(["ask"], {});
    expect(screen()).toEqual([""]);
    nowMs += 600;
    shown.at("decrypting", 1, 9, "b.yaml");
    expect(screen()).toEqual([""]);
    end();
    await running;
    shown.at("decrypting", 2, 9, "c.yaml");
    expect(screen()).toEqual(["decrypting 2/9 [####                ] c.yaml"]);
  });

  it("leaves it to a question, and to a program that is talked with", async () => {
    let end: () => void = () => {};
    const conversation: Conversation = { write: () => {}, read: async () => null, end: async () => {} };
    const told: string[] = [];
    const shown = begin({
      host: {
        ask: () => new Promise((done) => (end = () => done("x"))),
        start: async () => conversation,
        tell: (message) => void told.push(message),
      },
    });
    const { host } = shown.context;
    nowMs += 600;
    shown.at("decrypting", 0, 9, "a.yaml");
    const asking = host.ask?.("what? ");
    expect(screen()).toEqual([""]);
    nowMs += 600;
    shown.at("decrypting", 1, 9, "b.yaml");
    expect(screen()).toEqual([""]);
    end();
    expect(await asking).toBe("x");
    nowMs += 600;
    shown.at("decrypting", 2, 9, "c.yaml");
    expect(screen()).toEqual(["decrypting 2/9 [####                ] c.yaml"]);

    const talking = await host.start?.(["plugin"], {});
    expect(screen()).toEqual([""]);
    nowMs += 600;
    shown.at("decrypting", 3, 9, "d.yaml");
    expect(screen()).toEqual([""]);
    await talking?.end();
    await Promise.resolve();
    nowMs += 600;
    shown.at("decrypting", 4, 9, "e.yaml");
    expect(screen()[0]).toContain("4/9");
    host.tell?.("touch it");
    expect([screen(), told]).toEqual([[""], ["touch it"]]);
  });

  it("asks, starts and tells as methods of the host that it was given", async () => {
    const conversation: Conversation = { write: () => {}, read: async () => null, end: async () => {} };
    const seen: string[] = [];
    const host = {
      name: "x",
      async ask(question: string) {
        seen.push(`${this.name} ${question}`);
        return this.name;
      },
      async start([program = ""]: readonly string[]) {
        seen.push(`${this.name} ${program}`);
        return conversation;
      },
      tell(message: string) {
        seen.push(`${this.name} ${message}`);
      },
    };
    const inside = begin({ host }).context.host;
    expect(await inside.ask?.("what?")).toBe("x");
    await (await inside.start?.(["plugin"], {}))?.end();
    inside.tell?.("touch it");
    expect(seen).toEqual(["x what?", "x plugin", "x touch it"]);
  });

  it("does not stay away when a program cannot be started", async () => {
    const shown = begin({ host: { start: () => Promise.reject(new Error("gone")) } });
    await expect(shown.context.host.start?.(["plugin"], {})).rejects.toThrow("gone");
    nowMs += 600;
    shown.at("decrypting", 1, 9, "a.yaml");
    expect(screen()[0]).toContain("1/9");
  });

  it.each<[string, Setting]>([
    ["a pipe", { isTerminal: false }],
    ["a terminal that can do nothing", { env: { TERM: "dumb" } }],
    ["continuous integration", { env: { CI: "true" } }],
  ])("is not drawn on %s", (_, setting) => {
    const shown = begin(setting);
    nowMs += 10_000;
    shown.at("encrypting", 1, 3, "a.yaml");
    shown.end();
    expect(written).toBe("");
  });
});
