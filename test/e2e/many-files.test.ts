import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { findProgram } from "../../src/cli/programs.ts";
import { describePeer } from "../support/peers.ts";
import {
  commandOf,
  type Outcome,
  outcomeOf,
  type ProgramName,
  RECIPIENT,
  run,
  runProgram,
  type Sandbox,
  sandbox,
  start,
} from "./program.ts";

/** Many files in one run: whatever gets in the way, all of them are changed or none, and nothing is left beside them. */

const COUNT = 120;

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
  box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
});

const nameOf = (i: number): string => `d/${i % 7}/${i}.yaml`;
const plain = (i: number): string =>
  `a: value ${i} # ten values\n${"b: [1, 2, 3]\n"}${"c:\n  d: 'x'\n  e: |\n    text\n"}f: 1.5\n`;

function fill(count = COUNT): void {
  for (let i = 0; i < count; i++) box.write(nameOf(i), plain(i));
}

/** Every file below the working folder with all that must not change. */
function state(): Record<string, string> {
  const entries = readdirSync(box.work, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => {
      const { ino, mtimeNs, mode } = statSync(`${parentPath}/${name}`, { bigint: true });
      return [`${parentPath}/${name}`, `${ino} ${mtimeNs} ${mode} ${box.read(`${parentPath}/${name}`)}`];
    }),
  );
}

function expectPlain(count = COUNT): void {
  for (let i = 0; i < count; i++) expect(box.read(nameOf(i))).toBe(plain(i));
}

const ARN = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555";

/** A key service that takes its time, or all time. What waits for it shows however fast the machine is. */
async function slowService(delayMs: number): Promise<Readonly<Record<string, string>>> {
  const server = createServer((_, response) => {
    const answer = JSON.stringify({ KeyId: ARN, CiphertextBlob: Buffer.from("TEST ONLY").toString("base64") });
    if (delayMs < Number.POSITIVE_INFINITY) setTimeout(() => response.end(answer), delayMs);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_ACCESS_KEY_ID: "test-only",
    AWS_SECRET_ACCESS_KEY: "test-only",
  };
}

/** A line for the shell, with `$enc` and `$dec` as the programs, and without the privileges of root over files. */
function shell(line: string): Promise<Outcome> {
  const command = (name: ProgramName): string => commandOf(name, box).join(" ");
  const env = { enc: command("enc"), dec: command("dec") };
  const held = process.getuid?.() === 0 ? "exec setpriv --bounding-set=-dac_override,-dac_read_search " : "";
  return runProgram("sh", ["-c", `${held}sh -c '${line}'`], box, { env });
}

describe("a folder", () => {
  it("is encrypted and decrypted in one run each, and says so in one line", async () => {
    fill();
    const encrypted = await run("enc", box, ["-i", "d"]);
    expect(encrypted).toMatchObject({ status: 0, stdout: "", stderr: `enc: note: ${COUNT} files encrypted\n` });
    for (let i = 0; i < COUNT; i++) expect(box.read(nameOf(i))).toContain("sops:");
    const decrypted = await run("dec", box, ["-i", "d/**/*.yaml"]);
    expect(decrypted).toMatchObject({ status: 0, stdout: "", stderr: `dec: note: ${COUNT} files decrypted\n` });
    expectPlain();
    expect(Object.keys(state()).filter((name) => name.includes(".keyleaf-"))).toEqual([]);
  });

  it("has one bad file among many", async () => {
    fill();
    expect((await run("enc", box, ["-i", "d"])).status).toBe(0);
    const bad = nameOf(COUNT - 20);
    box.write(
      bad,
      box.read(bad).replace(/data:(.)/, (_, first) => `data:${first === "A" ? "B" : "A"}`),
    );
    const before = state();
    const { status, stderr } = await run("dec", box, ["-i", "d"]);
    expect(status).toBe(25);
    expect(stderr).toMatch(new RegExp(`^dec: error: ${bad}: `));
    expect(stderr.endsWith(`note: nothing was written: 1 of ${COUNT} files failed\n`)).toBe(true);
    expect(state()).toEqual(before);
  });

  it("that may not be written", async () => {
    fill(20);
    await shell("chmod 555 d/3");
    const before = state();
    const { status, stderr } = await shell("$enc -i d");
    await shell("chmod 755 d/3");
    expect([status, stderr]).toEqual([3, expect.stringMatching(/cannot write .*permission denied/)]);
    expect(state()).toEqual(before);
  });

  it("that may not be read", async () => {
    fill(20);
    await shell("chmod 000 d/3");
    const { status, stderr } = await shell("$enc -i d");
    await shell("chmod 755 d/3");
    expect([status, stderr]).toEqual([2, "enc: error: d/3: cannot read it: permission denied\n"]);
    expectPlain(20);
  });

  it("does not fit on the disk", async () => {
    fill(20);
    box.write("d/z.yaml", Array.from({ length: 2_000 }, (_, i) => `key${i}: value ${i}\n`).join(""));
    const before = state();
    // A limit on the size of files acts like a full disk, and can be had without privileges.
    const { status } = await shell('ulimit -f 64; trap "" XFSZ; exec $enc -i d');
    expect(status).toBe(3);
    expect(state()).toEqual(before);
  });
});

it("a file that changes while the others are worked on keeps all from being written", async () => {
  fill(20);
  expect((await run("enc", box, ["-i", "d"])).status).toBe(0);
  // The key is asked for once, when the first files have been read already; then one is changed.
  box.write("key.sh", `printf '# later\\n' >> ${box.path(nameOf(0))}\ncat ${box.home}/.config/sops/age/keys.txt\n`);
  const before = state();
  const env = { SOPS_AGE_KEY_CMD: `sh ${box.path("key.sh")}`, HOME: "/nonexistent" };
  const { status, stderr } = await run("dec", box, ["-i", "d"], { env });
  expect([status, stderr]).toEqual([3, expect.stringContaining(`${nameOf(0)} has been changed by someone else`)]);
  const { [box.path(nameOf(0))]: _, ...others } = state();
  expect(before).toMatchObject(others);
});

it("one file under two names is refused", async () => {
  fill(3);
  symlinkSync(nameOf(1), box.path("link.yaml"));
  const before = state();
  const { status, stderr } = await run("enc", box, ["-i", "d", "link.yaml"]);
  expect([status, stderr]).toEqual([8, expect.stringContaining("are the same file")]);
  expect(state()).toEqual(before);
});

describe("a signal", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s at any time leaves all as they were, or all changed",
    async (signal) => {
      fill();
      const begin = Date.now();
      expect((await run("enc", box, ["-i", "d"])).status).toBe(0);
      const durationMs = Date.now() - begin;
      const number = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal];
      for (let i = 1; i <= 5; i++) {
        fill();
        const child = start("enc", box, ["-i", "d"]);
        const ended = outcomeOf(child);
        await wait((durationMs * i) / 6);
        child.kill(signal);
        const { status } = await ended;
        // Before the program has a handler, the signal itself ends it; it may also come when all is done.
        expect([0, number, signal]).toContain(status);
        const sealed = Object.values(state()).filter((text) => text.includes("ENC[AES256_GCM,"));
        expect([0, COUNT]).toContain(sealed.length);
        if (status === 0) expect(sealed).toHaveLength(COUNT);
        else if (sealed.length === 0) expectPlain();
        expect(Object.keys(state())).toHaveLength(COUNT + 1);
      }
    },
  );

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("%s while results lie beside the files leaves nothing of them", async (signal, number) => {
    fill();
    // One file waits for a key service that never answers: however fast the machine is, the signal cannot come too late.
    box.write("d/z.yaml", "a: b\n");
    box.write(".sops.yaml", `creation_rules:\n  - path_regex: z\\.yaml$\n    kms: ${ARN}\n  - age: ${RECIPIENT}\n`);
    const before = state();
    const child = start("enc", box, ["-i", "d"], { env: await slowService(Infinity) });
    const ended = outcomeOf(child);
    while (child.exitCode === null && !Object.keys(state()).some((name) => name.includes("/.keyleaf-"))) await wait(1);
    child.kill(signal);
    expect((await ended).status).toBe(number);
    expect(state()).toEqual(before);
  });
});

const python = findProgram("python3", process.env, process.platform);

describePeer("a progress line", "python3, which gives a terminal,", python, (python3) => {
  /**
   * Runs a program in a terminal of its own, 60 columns wide. All that is shown comes on standard output.
   * @param signalAt - a text; when it has been shown, Ctrl-C is pressed.
   */
  function inTerminal(
    args: readonly string[],
    signalAt = "",
    env: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    const script = `
import os, pty, sys, fcntl, termios, struct
signal_at, command = sys.argv[1].encode(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
seen, pressed = b"", False
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
    seen += data
    if signal_at and not pressed and signal_at in seen:
        pressed = True
        os.write(fd, b"\\x03")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`;
    const command = [...commandOf("enc", box), ...args];
    return runProgram(python3, ["-c", script, signalAt, ...command], box, { env: { TERM: "xterm", CI: "", ...env } });
  }

  /** What is left on the screen, line by line. */
  function screen({ stdout }: Outcome): string[] {
    return stdout.split("\r\n").map((line) => line.split("\r\u001b[K").at(-1) ?? "");
  }

  const encrypting = ["-i", "d", "--kms", ARN];

  it("shows on a terminal, and is gone at the end", async () => {
    fill(10);
    const outcome = await inTerminal(encrypting, "", await slowService(800));
    expect(outcome.status).toBe(0);
    expect(outcome.stdout).toContain("\r\u001b[Kencrypting 0/10 [                    ] d/");
    expect(screen(outcome)).toEqual(["enc: \u001b[36mnote:\u001b[39m 10 files encrypted", ""]);
    // Nothing else moves the cursor or hides it.
    expect(outcome.stdout.replaceAll(/\r\u001b\[K|\u001b\[3[69]m|\r\n/g, "")).not.toMatch(/[\u0000-\u001f]/);
  });

  it("is gone after Ctrl-C, with all files as they were", async () => {
    fill(10);
    const before = state();
    const outcome = await inTerminal(encrypting, "encrypting ", await slowService(Infinity));
    expect(outcome.status).toBe(130);
    // The terminal itself shows that the key was pressed.
    expect(screen(outcome).map((line) => line.replace("^C", ""))).toEqual([""]);
    expect(state()).toEqual(before);
  });

  it("shows nowhere else", async () => {
    const env = await slowService(800);
    fill(10);
    const piped = await run("enc", box, encrypting, { env });
    expect([piped.stdout, piped.stderr]).toEqual(["", "enc: note: 10 files encrypted\n"]);
    fill(10);
    const dumb = await inTerminal(encrypting, "", { ...env, TERM: "dumb" });
    expect(dumb.stdout).toBe("enc: note: 10 files encrypted\r\n");
  });
});

it("a plan can be piped, needs no key and changes nothing", async () => {
  fill(20);
  mkdirSync(box.path("e"));
  writeFileSync(box.path("e/main.ts"), "text\n");
  const before = state();
  const env = { HOME: "/nonexistent" };
  const { status, stdout } = await run("enc", box, ["-i", "--dry-run", "."], { env });
  expect(status).toBe(0);
  const names = Array.from({ length: 20 }, (_, i) => `encrypt ${nameOf(i)}\n`).toSorted();
  expect(stdout.split(/(?<=\n)/).toSorted()).toEqual(names);
  expect(state()).toEqual(before);
});

it("--all asks git", async () => {
  fill(5);
  box.write(".sops.yaml", `creation_rules:\n  - path_regex: ^d/\n    age: ${RECIPIENT}\n`);
  expect((await runProgram("sh", ["-c", "git init -q && git add d/0 d/1 .sops.yaml"], box)).status).toBe(0);
  const encrypted = await run("enc", box, ["-i", "--all"], { cwd: box.path("d/4") });
  expect(encrypted).toMatchObject({ status: 0, stderr: "enc: note: 2 files encrypted\n" });
  expect(await run("dec", box, ["-i", "--all"])).toMatchObject({ status: 0, stderr: "dec: note: 2 files decrypted\n" });
  expectPlain(5);
});
