import { existsSync, mkdirSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { describePeer, pythonProgram, systemProgram } from "../support/peers.ts";
import { runAtTerminal } from "../support/terminal.ts";
import { commandOf, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** Completion in real shells: lines are typed with tabs and run, so that what was completed has to be what was meant. */

const PLAIN = `db:
  password: canary-1
  "my key": canary-2
  "port:tls": canary-3
  "it's $HOME": canary-4
hosts: [canary-5, canary-6]
`;

let box: Sandbox;

beforeEach(async () => {
  box = sandbox();
  box.write("plain.yaml", PLAIN);
  mkdirSync(box.path("my folder"));
  expect(await run("enc", box, ["-o", "my folder/s.enc.yaml", "plain.yaml"])).toMatchObject({ status: 0 });
  expect(await run("enc", box, ["-o", "s.enc.yaml", "plain.yaml"])).toMatchObject({ status: 0 });
  // Called by their names alone, as users do.
  for (const name of ["enc", "dec"] as const) {
    const quoted = commandOf(name, box).map((word) => `'${word}'`);
    box.write(`bin/${name}`, `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`, 0o755);
  }
});

function environment(): Record<string, string> {
  return { ...box.env, PATH: `${box.path("bin")}:${box.env["PATH"]}`, TERM: "xterm", LC_ALL: "C.UTF-8" };
}

/** What is typed at a prompt of a shell, and what it leaves in the file `out`. `\t` completes. */
interface Typed {
  readonly line: string;
  readonly out: string;
}

/** The same for every shell that is typed at. */
const lines: readonly Typed[] = [
  { line: "dec s.enc.yaml --get db.pa\t> out", out: "canary-1" },
  { line: "dec s.enc.yaml --get db.my\t> out", out: "canary-2" },
  { line: "dec s.enc.yaml --get 'db.my\t> out", out: "canary-2" },
  { line: 'dec s.enc.yaml --get "db.my\t> out', out: "canary-2" },
  { line: "dec s.enc.yaml --get db.po\t> out", out: "canary-3" },
  { line: "dec s.enc.yaml --get db.port:\t> out", out: "canary-3" },
  { line: "dec s.enc.yaml --get db.it\t> out", out: "canary-4" },
  { line: "dec s.enc.yaml --get=db.pa\t> out", out: "canary-1" },
  { line: "dec s.enc.yaml --get hosts\\[1\t> out", out: "canary-6" },
  { line: 'dec my\\ folder/s.enc.yaml --extract \'["db"]["pa\t> out', out: "canary-1" },
  // Names of files are up to the shell.
  { line: "dec my\t\t --get db.pa\t > out", out: "canary-1" },
  { line: "enc decr\t s.enc.yaml --outp\t out --ge\t db.pa\t", out: "canary-1" },
  // There are none where nothing but a path in the file can stand.
  { line: "dec s.enc.yaml --get plai\t> out 2>&1", out: "there is nothing at plai\n" },
  { line: "enc keyservice --network t\t --hel\t > out", out: "--network <NETWORK>" },
];

/**
 * Types all lines in one session.
 * @param start - what tells the shell of the completion.
 * @returns each line with what came of it.
 */
async function typed(python: string, shell: readonly string[], start: string): Promise<Typed[]> {
  const onTerminal = `exec ${shell.join(" ")} </dev/tty >/dev/tty 2>&1`;
  const { terminal } = await runAtTerminal(python, {
    argv: ["sh", "-c", onTerminal],
    cwd: box.work,
    env: { ...environment(), PS1: "READY> ", INPUTRC: "/dev/null" },
    steps: [
      { wait: "READY> ", type: `${start}; PS1='NEX''T> '\r` },
      ...lines.flatMap(({ line }, i) => [
        { wait: "NEXT> ", type: `${line}\r` },
        { wait: "NEXT> ", type: `mv out ${i}.out\r` },
      ]),
      { wait: "NEXT> ", type: "exit\r" },
    ],
  });
  return lines.map(({ line }, i) => ({
    line,
    out: existsSync(box.path(`${i}.out`)) ? box.read(`${i}.out`) : terminal,
  }));
}

const expected = lines.map(({ line, out }) => ({ line, out: expect.stringContaining(out) as string }));

describePeer("completion in bash", "Python", pythonProgram(), (python) => {
  it("completes what was meant", async () => {
    const bash = ["bash", "--norc", "--noprofile", "-i"];
    expect(await typed(python, bash, 'eval "$(enc completion bash)"')).toEqual(expected);
  });
});

describePeer("completion in zsh", "zsh", systemProgram("zsh"), (zsh) => {
  it("completes what was meant", async () => {
    const python = pythonProgram();
    if (python === null) expect.fail("Python is missing");
    const start = "autoload -Uz compinit; compinit -u -D; source <(enc completion zsh)";
    expect(await typed(python, [zsh, "-f", "-i"], start)).toEqual(expected);
  });
});

describePeer("completion in fish", "fish", systemProgram("fish"), (fish) => {
  /** What is offered for a line, descriptions left out. */
  async function offered(line: string): Promise<string[]> {
    const script = `enc completion fish | source; complete --do-complete ${JSON.stringify(line).replaceAll("$", "\\$")}`;
    const { status, stdout, stderr } = await runProgram(fish, ["--no-config", "-c", script], box, {
      env: environment(),
    });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout
      .split("\n")
      .filter((word) => word !== "")
      .map((word) => word.replace(/\t.*/, ""));
  }

  it.each([
    ["dec s.enc.yaml --get db.", ["db.it's $HOME", "db.my key", "db.password", "db.port:tls"]],
    ["dec s.enc.yaml --get 'db.my", ["db.my key"]],
    ["dec s.enc.yaml --get=hosts[1", ["--get=hosts[1]"]],
    ["dec 'my folder/s.enc.yaml' --extract [", undefined],
    ["enc keyservice --network ", ["tcp", "unix"]],
    ["enc decrypt s.enc.yaml --outp", ["--output", "--output-type"]],
    ["dec my", ["my folder/"]],
    ["dec --output=my", ["--output=my folder/"]],
    ["enc decr", ["decrypt"]],
  ])("%s", async (line, expected) => {
    const found = await offered(line);
    if (expected === undefined) expect(found).toContain('["db"]["password"]');
    else expect(found.sort()).toEqual(expected);
  });
});

describe("the script for PowerShell", () => {
  it("gets and gives JSON, for which no characters are special", async () => {
    const asked = Buffer.from(JSON.stringify({ at: 2, words: ["s.enc.yaml", "--get", "db.my k", "x"] }));
    const { status, stdout } = await run("dec", box, ["__complete", "json", asked.toString("base64")]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ candidates: [{ text: "db.my key", about: "" }], files: "none" });
  });
});
