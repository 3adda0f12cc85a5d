import { readdirSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { describePeer, pythonProgram, sopsProgram } from "../support/peers.ts";
import { runSops } from "../support/sops.ts";
import { runAtTerminal, type Step } from "../support/terminal.ts";
import {
  commandOf,
  IDENTITY,
  memoryFolder,
  type Outcome,
  RECIPIENT,
  type RunOptions,
  run,
  runProgram,
  type Sandbox,
  sandbox,
  start,
} from "./program.ts";

/** Programs that are run with the values of files. */

const SECRET = "s3cret/Value with=signs & ümlaut";
const VALUES = { PASSWORD: SECRET, PORT: "543210", LINES: "first line\nsecond line\n", EMPTY: "" };

let box: Sandbox;
/** Where the private folder is: in memory, where there is such a place. */
let runtimeFolder: string;

beforeEach(async () => {
  box = sandbox();
  runtimeFolder = memoryFolder(box);
  box = { ...box, env: { ...box.env, XDG_RUNTIME_DIR: runtimeFolder } };
  await seal(
    "s.yaml",
    Object.entries(VALUES)
      .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
      .join(""),
  );
});

/** Writes an encrypted file. */
async function seal(name: string, text: string): Promise<void> {
  box.write(`plain-${name}`, text);
  const { status } = await run("enc", box, ["--age", RECIPIENT, "-o", name, `plain-${name}`]);
  expect(status).toBe(0);
}

function exec(flags: readonly string[], line: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run("enc", box, ["exec", "-f", "s.yaml", ...flags, "--", ...line], options);
}

/** Runs a script of a shell: here it is the program, and is not started by this one. */
function execScript(script: string, flags: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
  return exec(flags, ["sh", "-c", script], options);
}

function variablesIn({ stdout }: Outcome): Record<string, string> {
  const pairs = stdout.split("\0").filter((pair) => pair !== "");
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}

function expectNothingLeft(): void {
  expect([...readdirSync(box.temporary), ...readdirSync(runtimeFolder)]).toEqual([]);
}

describe("exec", () => {
  it("gives the program the values, and of the environment all but what opens files", async () => {
    const env = { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_KEY_FILE: "/nonexistent/k", VAULT_TOKEN: "t", A: "b" };
    const variables = variablesIn(await exec([], ["env", "-0"], { env }));
    expect(variables).toMatchObject({ ...VALUES, A: "b", VAULT_TOKEN: "t", HOME: box.home });
    expect(Object.keys(variables).filter((name) => name.startsWith("SOPS_AGE"))).toEqual([]);
    const allowed = variablesIn(await exec(["--allow", "SOPS_AGE_KEY"], ["env", "-0"], { env }));
    expect(allowed).toMatchObject({ SOPS_AGE_KEY: IDENTITY });
    expect(allowed).not.toHaveProperty("SOPS_AGE_KEY_FILE");
  });

  it("gives it little else where that is wanted", async () => {
    const env = { VAULT_TOKEN: "t", LANG: "C.UTF-8", TERM: "xterm" };
    const variables = variablesIn(await exec(["--pristine"], ["env", "-0"], { env }));
    const { PATH = "", HOME = "", TMPDIR = "" } = box.env;
    expect(variables).toEqual({ ...VALUES, PATH, HOME, TMPDIR, LC_ALL: "C", LANG: "C.UTF-8", TERM: "xterm" });
  });

  it("takes several files, of which the last one counts, and null takes away", async () => {
    await seal("t.env", "PORT=1\nMORE=2\n");
    await seal("u.json", '{"EMPTY": null, "A": null, "n": 1.5}');
    const flags = ["-f", "t.env", "--file", "u.json"];
    const variables = variablesIn(await exec(flags, ["env", "-0"], { env: { A: "b" } }));
    expect(variables).toMatchObject({ PORT: "1", MORE: "2", PASSWORD: SECRET, n: "1.5" });
    expect(variables).not.toHaveProperty("A");
    expect(variables).not.toHaveProperty("EMPTY");
  });

  it("flags stand anywhere in front of the --", async () => {
    const words = ["--prefix", "X_", "exec", "--only", "P*", "-f", "s.yaml", "--", "env", "-0"];
    const variables = variablesIn(await run("enc", box, words));
    expect(variables).toMatchObject({ X_PASSWORD: SECRET, X_PORT: "543210" });
    expect(variables).not.toHaveProperty("X_EMPTY");
  });

  it("hands over arguments as they are, without a shell, and standard input", async () => {
    const line = ["a b", "", "$HOME", "`id`", "--", "-f", "x\ny", "'\"\\", "*", "é"];
    const shown = await exec([], ["printf", "[%s]", ...line], {});
    expect(shown).toMatchObject({ status: 0, stdout: line.map((word) => `[${word}]`).join(""), stderr: "" });
    expect(await exec([], ["cat"], { stdin: "to be read" })).toMatchObject({ status: 0, stdout: "to be read" });
  });

  it("reads a file from standard input, too", async () => {
    const words = ["exec", "-f", "-", "--type", "yaml", "--", "sh", "-c", 'echo "$PORT"; cat'];
    const shown = await run("enc", box, words, { stdin: box.read("s.yaml") });
    expect(shown).toMatchObject({ status: 0, stdout: "543210\n", stderr: "" });
  });

  it("shows no value in the arguments or the environment of its own process", async () => {
    const script = "cat /proc/$PPID/cmdline /proc/$PPID/environ; ls /proc/$PPID/fd | wc -l >/dev/null";
    const { stdout, status } = await execScript(script);
    expect(status).toBe(0);
    expect(stdout).toContain("s.yaml");
    expect(stdout).not.toContain(SECRET);
    expectNothingLeft();
  });

  it.each<[script: string, status: Outcome["status"]]>([
    ["exit 0", 0],
    ["exit 7", 7],
    ["exit 255", 255],
    ["kill -TERM $$", "SIGTERM"],
    ["kill -KILL $$", "SIGKILL"],
    ["kill -INT $$", "SIGINT"],
    ["kill -HUP $$", "SIGHUP"],
    ["kill -USR1 $$", 138],
    ["kill -SEGV $$", 139],
    ["kill -PIPE $$", 141],
  ])("ends as the program does: %s", async (script, status) => {
    expect(await execScript(script)).toMatchObject({ status, stdout: "", stderr: "" });
    expect(await execScript(script, ["--redact"])).toMatchObject({ status, stdout: "", stderr: "" });
  });

  it.each(["TERM", "HUP", "USR1", "USR2", "ALRM", "WINCH"])("passes on SIG%s", async (signal) => {
    const script = `trap 'echo got; exit 9' ${signal}; kill -${signal} $PPID; while :; do sleep 0.05; done`;
    expect(await execScript(script)).toMatchObject({ status: 9, stdout: "got\n" });
    expect(await execScript(script, ["--redact"])).toMatchObject({ status: 9, stdout: "got\n" });
  });

  it.each<[what: string, line: string[], status: number]>([
    ["is not there", ["nosuchprogram"], 127],
    ["is not there, by its path", ["./nosuchprogram"], 127],
    ["lies in the working directory", ["tool"], 127],
    ["cannot be run", ["./notes.txt"], 126],
    ["is a folder", ["./folder"], 126],
    ["has an interpreter that is not there", ["./broken"], 126],
    ["has no name", [""], 1],
    ["is not given", [], 1],
  ])("a program that %s is an error", async (_what, line, status) => {
    box.write("tool", "#!/bin/sh\necho no\n", 0o755);
    box.write("notes.txt", "text");
    box.write("folder/x", "");
    box.write("broken", "#!/nosuchinterpreter\n", 0o755);
    const env = { PATH: `.:${box.env["PATH"]}:` };
    const shown = await exec([], line, { env });
    expect(shown).toMatchObject({ status, stdout: "" });
    expect(shown.stderr).toMatch(/^enc: error: /);
    expect(shown.stderr).not.toMatch(/internal|s3cret/);
  });

  it("runs a program by its path", async () => {
    box.write("tool", '#!/bin/sh\necho "$0 $PORT"\n', 0o755);
    expect(await exec([], ["./tool"])).toMatchObject({ status: 0, stdout: expect.stringMatching(/tool 543210\n$/) });
  });

  it.each<[what: string, words: string[], status: number, told: string]>([
    ["no --", ["exec", "-f", "s.yaml", "touch", "ran"], 1, "behind --"],
    ["flags of the program without --", ["exec", "-f", "s.yaml", "ls", "-la"], 1, "behind --"],
    ["a file without -f", ["exec", "s.yaml", "--", "touch", "ran"], 1, "one word too many: s.yaml"],
    ["no file", ["exec", "--", "touch", "ran"], 100, "no file given"],
    ["no such file", ["exec", "-f", "none.yaml", "--", "touch", "ran"], 100, "none.yaml: no such file"],
    ["a plain file", ["exec", "-f", "plain-s.yaml", "--", "touch", "ran"], 1, "not encrypted"],
    ["a file that is named but not there", ["exec", "-f", "s.yaml", "-f", "none", "--", "touch", "ran"], 100, "none"],
    ["a name that is not there", ["exec", "-f", "s.yaml", "--only", "PORTS", "--", "touch", "ran"], 1, "PORTS"],
    ["an unknown flag", ["exec", "--redcat", "-f", "s.yaml", "--", "touch", "ran"], 1, "--redact"],
  ])("runs nothing with %s", async (_what, words, status, told) => {
    const shown = await run("enc", box, words);
    expect(shown).toMatchObject({ status, stdout: "" });
    expect(shown.stderr).toContain(told);
    expect(box.list()).not.toContain("ran");
  });

  it("runs nothing when the file was tampered with, or a value can be no variable", async () => {
    box.write("moved.yaml", box.read("s.yaml").replace("PORT:", "PORTS:"));
    box.write(
      "cut.yaml",
      box
        .read("s.yaml")
        .replace(/^EMPTY:.*\n/m, "")
        .replace(/^PORT:.*\n/m, ""),
    );
    await seal("nested.yaml", `a: {b: "${SECRET}"}\n`);
    await seal("path.yaml", `PATH: "${SECRET}"\n`);
    for (const [file, status] of Object.entries({
      "moved.yaml": 25,
      "cut.yaml": 51,
      "nested.yaml": 4,
      "path.yaml": 1,
    })) {
      const shown = await run("enc", box, ["exec", "-f", file, "--", "touch", "ran"]);
      expect([file, shown.status, shown.stdout]).toEqual([file, status, ""]);
      expect(shown.stderr).toContain(file);
      expect(shown.stderr).not.toContain("s3cret");
    }
    expect(box.list()).not.toContain("ran");
    const allowed = ["exec", "-f", "path.yaml", "--allow", "PATH", "--", "/usr/bin/env"];
    expect((await run("enc", box, allowed)).stdout).toContain(`PATH=${SECRET}\n`);
    const flat = await run("enc", box, ["exec", "-f", "nested.yaml", "--flatten", "--", "printenv", "a_b"]);
    expect(flat.stdout).toBe(`${SECRET}\n`);
  });

  it("says when there are more documents", async () => {
    await seal("many.yaml", "A: x\n---\nA: y\n");
    const shown = await run("enc", box, ["exec", "-f", "many.yaml", "--", "printenv", "A"]);
    expect(shown).toMatchObject({ status: 0, stdout: "x\n" });
    expect(shown.stderr).toContain("first of 2 documents");
  });

  it("says that a value is too large", async () => {
    await seal("large.txt", "x".repeat(200_000));
    const shown = await run("enc", box, ["exec", "-f", "large.txt", "--", "env"]);
    expect(shown).toMatchObject({ status: 126, stdout: "" });
    expect(shown.stderr).toMatch(/argument list too long[\s\S]*exec-file/);
  });
});

describe("exec --redact", () => {
  it("takes values out of both streams, in all forms, also in pieces", async () => {
    const node = JSON.stringify(process.execPath);
    box.write(
      "show.mjs",
      `const { PASSWORD } = process.env;
       const forms = [PASSWORD, JSON.stringify({ PASSWORD }), encodeURIComponent(PASSWORD), new URLSearchParams({ PASSWORD }).toString(),
         Buffer.from("user:" + PASSWORD).toString("base64"), Buffer.from(PASSWORD).toString("base64url")];
       for (const [i, form] of forms.entries()) {
         const stream = i % 2 ? process.stderr : process.stdout;
         for (const part of ["[", form.slice(0, 7), form.slice(7), "]\\n"]) {
           await new Promise((done) => stream.write(part, done));
           await new Promise((done) => setTimeout(done, 5));
         }
       }`,
    );
    const shown = await execScript(`${node} show.mjs`, ["--redact"]);
    expect(shown.status).toBe(0);
    expect(shown.stdout).toBe("[***]\n[***]\n[dXNlcjp***=]\n");
    expect(shown.stderr.split("\n").slice(-4)).toEqual(['[{"PASSWORD":"***"}]', "[PASSWORD=***]", "[***]", ""]);
  });

  it("takes out the lines of values, and says which texts are too short", async () => {
    await seal("short.yaml", "PIN: '1234'\nN: 1234\nLONG: long enough\n");
    const words = ["exec", "-f", "short.yaml", "-f", "s.yaml", "--redact", "--"];
    const shown = await run("enc", box, [
      ...words,
      "sh",
      "-c",
      'echo "$PIN $LONG"; echo "$LINES" | tail -n 2 | cat -n',
    ]);
    expect(shown).toMatchObject({ status: 0, stdout: expect.stringMatching(/^1234 \*\*\*\n +1\t\*\*\*\n/) });
    expect(shown.stderr).toMatch(/^enc: warning: [^\n]*fewer than 6 characters[^\n]*: PIN\n$/);
  });

  it("gives the program pipes, which it can open by their names, and which end it", async () => {
    const shown = await execScript(
      'echo "$PASSWORD" > /dev/stdout; echo "$PASSWORD" > /dev/stderr; test -p /dev/stdout',
      ["--redact"],
    );
    expect(shown).toMatchObject({ status: 0, stdout: "***\n" });
    expect(shown.stderr).toContain("***\n");
    const line = `${commandOf("enc", box).join(" ")} exec -f s.yaml --redact -- yes "x y" | head -n 1`;
    expect(await runProgram("sh", ["-c", line], box)).toMatchObject({ status: 0, stdout: "x y\n" });
    expectNothingLeft();
  });

  it("says that its output cannot be written, once the program has ended", async () => {
    const line = `${commandOf("enc", box).join(" ")} exec -f s.yaml --redact -- sh -c 'echo a; exit 3' > /dev/full`;
    const shown = await runProgram("sh", ["-c", line], box);
    expect(shown).toMatchObject({ status: 3, stdout: "" });
    expect(shown.stderr).toMatch(/^enc: error: cannot write what it prints: no space/);
  });

  it("shows a question before it is answered", async () => {
    const words = [
      "exec",
      "-f",
      "s.yaml",
      "--redact",
      "--",
      "sh",
      "-c",
      "printf 'name: '; read name; echo \"hello $name\"",
    ];
    const [program = "", ...first] = commandOf("enc", box);
    const { spawn } = await import("node:child_process");
    const child = spawn(program, [...first, ...words], { cwd: box.work, env: { ...box.env }, stdio: "pipe" });
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
      if (shown === "name: ") child.stdin.end("you\n");
    });
    await new Promise((done) => child.once("close", done));
    expect(shown).toBe("name: hello you\n");
  });
});

describePeer("exec at a terminal", "Python", pythonProgram(), (python) => {
  /** With the terminal as its standard streams. */
  function at(args: readonly string[], steps: readonly Step[]) {
    const argv = ["sh", "-c", 'exec "$@" </dev/tty >/dev/tty 2>&1', "sh", ...commandOf("enc", box), ...args];
    return runAtTerminal(python, { argv, cwd: box.work, env: box.env, steps });
  }

  it("the program has it", async () => {
    const script = 'for fd in 0 1 2; do test -t $fd && echo "tty $fd"; done; read line; echo "[$line]"';
    const steps = [{ wait: "tty 2", type: "typed\n" }];
    const shown = await at(["exec", "-f", "s.yaml", "--", "sh", "-c", script], steps);
    expect(shown).toMatchObject({ status: 0, isRestored: true });
    expect(shown.terminal).toMatch(/tty 0\r\ntty 1\r\ntty 2\r\n[\s\S]*\[typed\]/);
  });

  it("Ctrl-C reaches it once, and what it makes of that is passed on", async () => {
    const script =
      "trap 'n=$((n+1)); echo \"got $n\"' INT; echo ready; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done; exit 5";
    for (const flags of [[], ["--redact"]]) {
      const steps = [{ wait: "ready", type: "\u0003" }];
      const shown = await at(["exec", "-f", "s.yaml", ...flags, "--", "sh", "-c", script], steps);
      expect(shown).toMatchObject({ status: 5, isRestored: true });
      expect(shown.terminal).toContain("got 1");
      expect(shown.terminal).not.toContain("got 2");
    }
  });

  it("Ctrl-C ends it, and this program by the same signal", async () => {
    const steps = [{ wait: "ready", type: "\u0003" }];
    const shown = await at(["exec", "-f", "s.yaml", "--", "sh", "-c", "echo ready; exec sleep 20"], steps);
    expect(shown).toMatchObject({ status: -2, isRestored: true });
  });

  it("Ctrl-C leaves nothing of exec-file behind", async () => {
    const line = "cat {} > /dev/null; echo ready; exec sleep 20";
    for (const flags of [[], ["--no-fifo"]]) {
      const shown = await at(["exec-file", ...flags, "s.yaml", line], [{ wait: "ready", type: "\u0003" }]);
      expect(shown).toMatchObject({ status: 255 });
      expectNothingLeft();
    }
  });

  it("without a terminal SIGINT is passed on", async () => {
    const inSession = "import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])";
    const script = "trap 'echo got; exit 9' INT; kill -INT $PPID; while :; do sleep 0.05; done";
    const args = ["-c", inSession, ...commandOf("enc", box), "exec", "-f", "s.yaml", "--", "sh", "-c", script];
    expect(await runProgram(python, args, box)).toMatchObject({ status: 9, stdout: "got\n" });
  });
});

describe("exec-env", () => {
  it("runs a shell command with everything in its environment", async () => {
    const env = { SOPS_AGE_KEY: IDENTITY, A: "b" };
    const shown = await run("enc", box, ["exec-env", "s.yaml", 'echo "$PASSWORD|$A|$SOPS_AGE_KEY"; exit 3'], { env });
    expect(shown).toMatchObject({ status: 3, stdout: `${SECRET}|b|${IDENTITY}\n`, stderr: "" });
    const pristine = await run("enc", box, ["exec-env", "--pristine", "s.yaml", "/usr/bin/env -0"], { env });
    expect(variablesIn(pristine)).toMatchObject(VALUES);
    expect(pristine.stdout).not.toMatch(/PATH=|HOME=|SOPS_/);
  });

  it.each<[flags: string[], script: string, status: Outcome["status"]]>([
    [[], "kill -TERM $$", 255],
    [["--same-process"], "kill -TERM $$", "SIGTERM"],
    [["--same-process"], "exit 4", 4],
  ])("%j: %s", async (flags, script, status) => {
    expect(await run("enc", box, ["exec-env", ...flags, "s.yaml", script])).toMatchObject({ status, stderr: "" });
  });

  it("does not wait with --background", async () => {
    const shown = await run("enc", box, [
      "exec-env",
      "--background",
      "s.yaml",
      'sleep 0.3; echo "$PORT" > later; mv later done',
    ]);
    expect(shown).toMatchObject({ status: 0, stdout: "" });
    expect(shown.stderr).toContain("deprecated");
    expect(box.list()).not.toContain("done");
    await expect.poll(() => box.list(), { timeout: 20_000 }).toContain("done");
    expect(box.read("done")).toBe("543210\n");
  });

  it.each<[words: string[], status: number]>([
    [["s.yaml"], 1],
    [[], 1],
    [["s.yaml", "true", "more"], 1],
    [["none.yaml", "touch ran"], 2],
    [["plain-s.yaml", "touch ran"], 1],
    [["nested.yaml", "touch ran"], 1],
    [["--background", "--same-process", "s.yaml", "touch ran"], 8],
    [["--user", "nosuchuser", "s.yaml", "touch ran"], 1],
  ])("%j is refused", async (words, status) => {
    await seal("nested.yaml", `a: {b: ${SECRET}}\n`);
    const shown = await run("enc", box, ["exec-env", ...words]);
    expect(shown).toMatchObject({ status, stdout: "" });
    expect(shown.stderr).not.toContain("s3cret");
    expect(box.list()).not.toContain("ran");
  });
});

describe("exec-file", () => {
  const text = (): string => box.read("plain-s.yaml");

  function execFile(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run("enc", box, ["exec-file", ...words], options);
  }

  it("offers the text as a pipe that can be read again and again", async () => {
    const shown = await execFile(["s.yaml", "test -p {} && cat {} {}; head -c 3 {}; cat < {}"]);
    expect(shown).toMatchObject({ status: 0, stdout: `${text()}${text()}${text().slice(0, 3)}${text()}`, stderr: "" });
    expectNothingLeft();
  });

  it("is readable by the user alone, in a folder of its own", async () => {
    for (const [flags, name] of [
      [[], "tmp-file"],
      [["--no-fifo"], "tmp-file\\d+"],
      [["--no-fifo", "--filename", "app.conf"], "app\\.conf"],
      [["--filename", "app.conf"], "app\\.conf"],
    ] as const) {
      const shown = await execFile([...flags, "s.yaml", "stat -c %a {} $(dirname {}); echo {}"]);
      expect(shown.stdout).toMatch(new RegExp(`^600\n700\n${runtimeFolder}/keyleaf-[-\\w]+/${name}\n$`));
      expectNothingLeft();
    }
  });

  it("gives large content, to readers that stop early too", async () => {
    await seal("large.txt", `${"x".repeat(99)}\n`.repeat(20_000));
    const shown = await execFile(["large.txt", "wc -c < {}; head -n 1 {} | wc -c; wc -c < {}"]);
    expect(shown).toMatchObject({ status: 0, stdout: "2000000\n100\n2000000\n" });
    // Whoever reads at the end does not keep it from ending.
    expect(
      await execFile(["large.txt", "(head -c 1; sleep 3) < {} > /dev/null 2>&1 & sleep 0.3; exit 6"]),
    ).toMatchObject({
      status: 6,
    });
    expectNothingLeft();
  });

  it("ends when the command has removed it, or all of its folder", async () => {
    for (const command of ["cat {}; rm {}", "cat {}; rm -r $(dirname {})", "rm {}; echo x > {}; echo"]) {
      expect(await execFile(["s.yaml", `${command}; exit 4`])).toMatchObject({ status: 4, stderr: "" });
      expectNothingLeft();
    }
  });

  it("in another format, and with the status of the command", async () => {
    const shown = await execFile(["--output-type", "json", "s.yaml", "cat {}; exit 3"]);
    expect(shown.status).toBe(3);
    expect(JSON.parse(shown.stdout)).toMatchObject({ PASSWORD: SECRET });
  });

  it("ends when nobody reads", async () => {
    expect(await execFile(["s.yaml", "exit 7"])).toMatchObject({ status: 7, stdout: "", stderr: "" });
    expectNothingLeft();
  });

  it.each(["TERM", "HUP", "INT"])("leaves nothing behind on SIG%s, and tells the command", async (signal) => {
    for (const flags of [[], ["--no-fifo"]]) {
      // At a terminal the command has SIGINT already.
      const traps = `trap 'echo got > got; exit 9' TERM HUP INT; kill -${signal} $PPID; [ ${signal} = INT ] && kill -INT $$`;
      const shown = await execFile([...flags, "s.yaml", `cat {} > /dev/null; ${traps}; while :; do sleep 0.05; done`]);
      expect(shown.status).toBe(9);
      expect(box.read("got")).toBe("got\n");
      expectNothingLeft();
    }
  });

  it("is not killed by a signal that comes before the command is there", async () => {
    const child = start("enc", box, ["exec-file", "--no-fifo", "s.yaml", "sleep 5"]);
    const ended = new Promise((done) => child.once("close", (status, signal) => done(status ?? signal)));
    await expect.poll(() => readdirSync(runtimeFolder), { timeout: 20_000, interval: 1 }).not.toEqual([]);
    child.kill("SIGTERM");
    expect(await ended).toBe(255);
    expectNothingLeft();
  });

  it.each(["../x", "/tmp/x", "a/b", ".", "..", ""])("--filename %j is refused", async (name) => {
    const shown = await execFile(["--filename", name, "s.yaml", "touch ran"]);
    expect(shown).toMatchObject({ status: 1, stdout: "" });
    expect(box.list()).not.toContain("ran");
  });

  it("--background is refused", async () => {
    const shown = await execFile(["--background", "s.yaml", "touch ran"]);
    expect(shown).toMatchObject({ status: 1, stdout: "" });
    expect(box.list()).not.toContain("ran");
  });
});

describe.skipIf(process.getuid?.() !== 0)("--user", () => {
  const script = 'id -u; id -g; id -G; grep -E "^(Uid|Gid|Groups):" /proc/self/status; echo "$HOME $USER $LOGNAME"';

  /** A user of the system with one group at least beside its own, or else the one that is everywhere. */
  const someone = ((): { name: string; ids: string } => {
    const user = /^(nobody):[^:]*:(\d+):(\d+):[^:]*:([^:]*):/m.exec(readFileSync("/etc/passwd", "utf8"));
    const [, name = "", uid, gid, home] = user ?? [];
    const ids = `${uid}\n${gid}\n${gid}\nUid:\t${Array(4).fill(uid).join("\t")}\nGid:\t${Array(4).fill(gid).join("\t")}\nGroups:\t${gid} \n${home} ${name} ${name}\n`;
    return { name, ids };
  })();

  it("runs as that user altogether, after decryption", async () => {
    // What the runtime needs lies where the user may not be able to read it.
    const shown = await run("enc", box, ["exec-env", "--user", someone.name, "s.yaml", `cd /; ${script}`]);
    expect(shown).toMatchObject({ status: 0, stdout: someone.ids, stderr: "" });
  });

  it("makes the file that user's", async () => {
    const env = { TMPDIR: "/tmp" };
    for (const flags of [[], ["--no-fifo"]]) {
      const line = `stat -c %U {} $(dirname {}); cat {}`;
      const shown = await run("enc", box, ["exec-file", ...flags, "--user", someone.name, "s.yaml", line], { env });
      expect(shown).toMatchObject({
        status: 0,
        stdout: `${someone.name}\n${someone.name}\n${box.read("plain-s.yaml")}`,
      });
    }
  });
});

describePeer("with sops 3.11.0", "sops", sopsProgram(), (sopsPath) => {
  const sops = (...args: string[]) =>
    runSops(sopsPath, { cwd: box.work, env: { SOPS_AGE_KEY: IDENTITY, PATH: box.env["PATH"] ?? "" } }, ...args);

  it("exec-env gives the same variables, but null", async () => {
    const values =
      "S: a b\nE: ''\nI: -12\nF: 1.0\nG: 1e6\nH: 1e21\nT: true\nD: 2020-01-02T03:04:05.123Z\nM: |\n  x\n  y\nU: é\n";
    await seal("v.yaml", `# c\n${values}`);
    const script = "env -0 | LC_ALL=C sort -z | grep -z '^[A-Z]='";
    const theirs = await sops("exec-env", "v.yaml", script);
    expect(theirs.status).toBe(0);
    expect((await run("enc", box, ["exec-env", "v.yaml", script])).stdout).toBe(theirs.stdout.toString());
  });

  it.each(["true", "exit 3", "kill -9 $$", "echo x >&2; exit 300"])("exec-env ends the same: %s", async (script) => {
    const theirs = await sops("exec-env", "s.yaml", script);
    const ours = await run("enc", box, ["exec-env", "s.yaml", script]);
    expect(ours.status).toBe(theirs.status);
  });

  it.each([[], ["--no-fifo"], ["--no-fifo", "--filename", "f.txt"], ["--output-type", "json"]])(
    "exec-file %j shows the same",
    async (...flags) => {
      await seal("w.yaml", "a: b\nc:\n    - 1\n    - d e\n");
      const script = "cat {}; basename {} | tr -d 0-9; test -p {}; echo $?; exit 5";
      const theirs = await sops("exec-file", ...flags, "w.yaml", script);
      expect(theirs.status).toBe(5);
      const ours = await run("enc", box, ["exec-file", ...flags, "w.yaml", script]);
      expect(ours).toMatchObject({ status: 5, stdout: theirs.stdout.toString() });
    },
  );
});
