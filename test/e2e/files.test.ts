import { lstatSync, mkdirSync, readFileSync, realpathSync, statSync, symlinkSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
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

/** What happens to files when something gets in the way: signals, readers that leave, disks that are full, other writers. */

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
  box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
});

/** Text that takes long enough to seal to be interrupted, and is more than a pipe holds. */
const big = Array.from({ length: 4_000 }, (_, i) => `key${i}: "value ${i}" # note ${i}\n`).join("");
const small = "a: b\nc: d # e\n";

async function seal(plain: string, name = "f.yaml"): Promise<string> {
  box.write("plain.yaml", plain);
  expect((await run("enc", box, ["plain.yaml", "-o", name])).status).toBe(0);
  return box.read(name);
}

/** A line for the shell, with `$enc` and `$dec` as the programs. */
function shell(line: string): Promise<Outcome> {
  const command = (name: ProgramName): string => commandOf(name, box).join(" ");
  return runProgram("sh", ["-c", line], box, { env: { enc: command("enc"), dec: command("dec") } });
}

/**
 * A line for the shell by somebody whom permissions hold back. Root without these two capabilities is: it owns the files,
 * and no more.
 */
function shellOfOrdinaryUser(line: string): Promise<Outcome> {
  if (process.getuid?.() !== 0) return shell(line);
  return shell(`exec setpriv --bounding-set=-dac_override,-dac_read_search sh -c '${line}'`);
}

/** The files that belong here, and no others: no temporary one is left. */
function expectFiles(...names: string[]): void {
  expect(box.list()).toEqual([".sops.yaml", ...names].toSorted());
}

describe("a signal", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("%s while a key is fetched leaves everything as it was", async (signal, status) => {
    const sealed = await seal(small);
    const command = `sh -c 'kill -${signal.slice(3)} $PPID; sleep 5'`;
    const env = { SOPS_AGE_KEY_CMD: command, HOME: "/nonexistent" };
    expect(await run("dec", box, ["-i", "f.yaml"], { env })).toMatchObject({ status, stdout: "" });
    expect(box.read("f.yaml")).toBe(sealed);
    expectFiles("f.yaml", "plain.yaml");
  });

  it.each(["SIGINT", "SIGKILL"] as const)("%s at any time leaves the old file or the new one", async (signal) => {
    const begin = Date.now();
    box.write("f.yaml", big);
    expect((await run("enc", box, ["-i", "f.yaml"])).status).toBe(0);
    const durationMs = Date.now() - begin;

    const endings = new Set<Outcome["status"]>();
    for (let i = 1; i <= 6; i++) {
      box.write("f.yaml", big);
      const child = start("enc", box, ["-i", "f.yaml"]);
      const ended = outcomeOf(child);
      await wait((durationMs * i) / 6);
      child.kill(signal);
      const { status } = await ended;
      endings.add(status);
      const found = box.read("f.yaml");
      if (status === 0 || found !== big) {
        expect((await run("dec", box, ["f.yaml"])).stdout === big).toBe(true);
      }
      // Nothing can be done about temporary files when a process is killed.
      if (signal === "SIGINT") expectFiles("f.yaml");
    }
    const allowed = signal === "SIGINT" ? [0, 130, "SIGINT"] : [0, "SIGKILL"];
    expect([...endings].filter((status) => !allowed.includes(status as string | number))).toEqual([]);
    expect([...endings].some((status) => status !== 0)).toBe(true);
  });
});

describe("standard output", () => {
  it("may lose its reader", async () => {
    await seal(big);
    const { stdout, stderr } = await shell("{ $dec f.yaml; echo $? > status; } | head -n 1");
    expect(stdout).toBe(`${big.slice(0, big.indexOf("\n"))}\n`);
    expect(stderr).toBe("");
    expect(box.read("status")).toBe("141\n");
  });

  it("may be full", async () => {
    await seal(small);
    for (const line of ["$dec f.yaml > /dev/full", "$enc plain.yaml > /dev/full", "$dec -o /dev/full f.yaml"]) {
      const { status, stderr } = await shell(line);
      expect(status, line).toBe(3);
      expect(stderr, line).toMatch(/^(enc|dec): error: .*no space left/);
    }
  });
});

describe("a disk without room", () => {
  it("leaves the old file, and no piece of the new one", async () => {
    box.write("f.yaml", big);
    // A limit on the size of files acts like a full disk, and can be had without privileges.
    const { status, stderr } = await shell("ulimit -f 64; trap '' XFSZ; exec $enc -i f.yaml");
    expect(stderr).toMatch(/^enc: error: cannot write /);
    expect(status).toBe(3);
    expect(box.read("f.yaml") === big).toBe(true);
    expectFiles("f.yaml");
    expect((await shell("ulimit -f 64; trap '' XFSZ; exec $enc -o new.yaml f.yaml")).status).toBe(3);
    expectFiles("f.yaml");
  });
});

describe("permissions", () => {
  it("a folder that may not be written", async () => {
    mkdirSync(box.path("d"));
    const sealed = await seal(small, "d/f.yaml");
    await shell("chmod 555 d");
    for (const line of ["$dec -i d/f.yaml", "$enc -o d/new.yaml plain.yaml"]) {
      expect((await shellOfOrdinaryUser(line)).status, line).toBe(3);
    }
    await shell("chmod 755 d");
    expect(box.read("d/f.yaml")).toBe(sealed);
    expectFiles("d", "plain.yaml");
  });

  it("a file that may not be written, or read", async () => {
    const sealed = await seal(small);
    await shell("chmod 444 f.yaml");
    expect((await shellOfOrdinaryUser("$dec -i f.yaml")).status).toBe(3);
    expect(box.read("f.yaml")).toBe(sealed);
    await shell("chmod 000 f.yaml");
    const { status, stderr } = await shellOfOrdinaryUser("$dec f.yaml");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^dec: error: f\.yaml: .*permission denied/);
    expectFiles("f.yaml", "plain.yaml");
  });

  it("one of many files that may not be written keeps the others from being", async () => {
    box.write("a.yaml", small);
    box.write("d/b.yaml", small);
    await shell("chmod 555 d");
    expect((await shellOfOrdinaryUser("$enc -i a.yaml d/b.yaml")).status).toBe(3);
    await shell("chmod 755 d");
    expect([box.read("a.yaml"), box.read("d/b.yaml")]).toEqual([small, small]);
    expectFiles("a.yaml", "d");
  });

  it("are kept, and tight for plaintext", async () => {
    await seal(small);
    await shell("umask 022; $dec -o new.yaml f.yaml; $enc -o new.enc.yaml new.yaml; chmod 640 f.yaml; $dec -i f.yaml");
    const modeOf = (name: string): number => statSync(box.path(name)).mode & 0o777;
    expect(modeOf("new.yaml")).toBe(0o600);
    expect(modeOf("new.enc.yaml")).toBe(0o644);
    expect(modeOf("f.yaml")).toBe(0o640);
  });
});

describe("a link", () => {
  it("stays, and what it points to is written", async () => {
    mkdirSync(box.path("d"));
    await seal(small, "d/target.yaml");
    symlinkSync("d/target.yaml", box.path("one.yaml"));
    symlinkSync("one.yaml", box.path("two.yaml"));
    expect((await run("dec", box, ["-i", "two.yaml"])).status).toBe(0);
    expect(box.read("d/target.yaml")).toBe(small);
    expect(lstatSync(box.path("two.yaml")).isSymbolicLink()).toBe(true);
    expect(realpathSync(box.path("two.yaml"))).toBe(box.path("d/target.yaml"));

    symlinkSync("d/new.yaml", box.path("three.yaml"));
    expect((await run("enc", box, ["-o", "three.yaml", "plain.yaml"])).status).toBe(0);
    expect(box.read("d/new.yaml")).toContain("ENC[");
  });

  it("that leads to itself is an error", async () => {
    symlinkSync("loop.yaml", box.path("loop.yaml"));
    expect((await run("enc", box, ["-i", "loop.yaml"])).status).toBe(2);
    box.write("plain.yaml", small);
    expect((await run("enc", box, ["-o", "loop.yaml", "plain.yaml"])).status).toBe(3);
  });

  it("and the file itself are one file", async () => {
    box.write("f.yaml", small);
    symlinkSync("f.yaml", box.path("link.yaml"));
    expect((await run("enc", box, ["-i", "f.yaml", "link.yaml"])).status).toBe(8);
    expect(box.read("f.yaml")).toBe(small);
  });
});

describe("another writer", () => {
  // The key is asked for after the file has been read and before it is written.
  it.each([
    ["changes it", "echo theirs >> f.yaml", (sealed: string) => `${sealed}theirs\n`],
    ["replaces it", "echo theirs > other && mv other f.yaml", () => "theirs\n"],
    ["removes it", "rm f.yaml", () => null],
  ])("that %s in the meantime wins", async (_what, action, left) => {
    const sealed = await seal(small);
    box.write(
      "command",
      `#!/bin/sh\ncd '${box.work}' && ${action}\ncat '${box.home}/.config/sops/age/keys.txt'\n`,
      0o755,
    );
    const env = { SOPS_AGE_KEY_CMD: box.path("command"), HOME: "/nonexistent" };
    const { status, stderr } = await run("dec", box, ["-i", "f.yaml"], { env });
    expect(status).toBe(3);
    expect(stderr).toMatch(/^dec: error: .*f\.yaml/);
    const content = left(sealed);
    expect(box.list().includes("f.yaml") ? box.read("f.yaml") : null).toBe(content);
    expect(box.list().filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

it("what is no regular file is written to directly", async () => {
  await seal(small);
  expect((await run("dec", box, ["-o", "/dev/null", "f.yaml"])).status).toBe(0);
  const piped = await shell("mkfifo p; cat p > out & $dec -o p f.yaml; wait");
  expect(piped.status).toBe(0);
  expect(readFileSync(box.path("out"), "utf8")).toBe(small);
});
