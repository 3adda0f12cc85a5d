import { chmodSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { describePeer, pythonProgram } from "../support/peers.ts";
import { runAtTerminal, type Step } from "../support/terminal.ts";
import {
  commandOf,
  type Outcome,
  outcomeOf,
  RECIPIENT,
  run,
  runProgram,
  type Sandbox,
  sandbox,
  start,
} from "./program.ts";

/** Recipients of files, by the built programs: whatever gets in the way, all files are whole. */

/** TEST ONLY. */
const BOB = {
  identity: "AGE-SECRET-KEY-1SA9G4RCPRKWCJSAATRME7FEKHZPPVSN4NPWY7C02NJ5F5VK04C0QFYM2D5",
  recipient: "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg",
};
const asBob = { SOPS_AGE_KEY: BOB.identity, HOME: "/nonexistent" };
const PLAIN = "a: value # note\nb: [1, 0x1F]\nc:\n  d: 'x'\n  e: |\n    text\n";

let box: Sandbox;
const rule = (...recipients: string[]): void =>
  box.write(".sops.yaml", `creation_rules:\n  - age: ${recipients.join(",")}\n`);
const enc = (...args: string[]): Promise<Outcome> => run("enc", box, args);
const nameOf = (i: number): string => `d/${i % 3}/${i}.yaml`;

beforeEach(() => {
  box = sandbox();
  rule(RECIPIENT);
});

async function fill(count: number): Promise<void> {
  for (let i = 0; i < count; i++) box.write(nameOf(i), PLAIN);
  expect((await enc("-i", "d")).status).toBe(0);
}

function state(): Record<string, string> {
  const entries = readdirSync(box.work, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      const { ino, mtimeNs, mode } = statSync(path, { bigint: true });
      return [path, `${ino} ${mtimeNs} ${mode} ${box.read(path)}`];
    }),
  );
}

async function expectOpens(names: readonly string[], ...readers: ("alice" | "bob")[]): Promise<void> {
  for (const name of names) {
    const opened = {
      alice: await run("dec", box, [name]),
      bob: await run("dec", box, [name], { env: asBob }),
    };
    for (const who of ["alice", "bob"] as const) {
      const { status, stdout } = opened[who];
      expect([name, who, status, stdout]).toEqual([name, who, ...(readers.includes(who) ? [0, PLAIN] : [128, ""])]);
    }
  }
}

it("a new colleague comes, another one goes", async () => {
  await fill(3);
  const names = [0, 1, 2].map(nameOf);
  chmodSync(box.path(nameOf(0)), 0o640);
  rule(RECIPIENT, BOB.recipient);
  const plan = await enc("updatekeys", "--dry-run", "d");
  expect(plan.stdout.match(/^\+\+\+ age /gm)).toHaveLength(3);
  const updated = await enc("updatekeys", "--yes", "d");
  expect([updated.status, updated.stdout]).toEqual([0, plan.stdout]);
  await expectOpens(names, "alice", "bob");
  expect(statSync(box.path(nameOf(0))).mode & 0o777).toBe(0o640);
  const list = await enc("recipients", "list", "d");
  expect(list).toMatchObject({ status: 0, stderr: "" });
  expect(list.stdout).toBe(`${names.join("\n")}\n  age ${RECIPIENT}\n  age ${BOB.recipient}\n`);

  rule(BOB.recipient);
  expect((await enc("updatekeys", "-y", "d")).stderr).toContain("enc rotate -i");
  const rotated = await run("enc", box, ["rotate", "-i", "d"], { env: asBob });
  expect(rotated).toMatchObject({ status: 0, stdout: "", stderr: "enc: note: 3 files rotated\n" });
  await expectOpens(names, "bob");
});

it("groups are added and deleted", async () => {
  box.write("f.yaml", PLAIN);
  expect((await enc("-i", "f.yaml")).status).toBe(0);
  rule(RECIPIENT, BOB.recipient);
  expect((await enc("groups", "add", "-i", "-f", "f.yaml", "--age", BOB.recipient)).status).toBe(0);
  await expectOpens(["f.yaml"]);
  const both = { env: { SOPS_AGE_KEY: BOB.identity } };
  const threshold = ["--shamir-secret-sharing-threshold", "1"];
  expect((await enc("groups", "delete", "1", "-i", "-f", "f.yaml", ...threshold)).status).toBe(1);
  expect((await run("enc", box, ["groups", "delete", "1", "-i", "-f", "f.yaml", ...threshold], both)).status).toBe(0);
  await expectOpens(["f.yaml"], "alice");
});

it("--all asks git, and a diff shows no more than has changed", async () => {
  await fill(3);
  const git = (...args: string[]): Promise<Outcome> =>
    runProgram("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], box);
  expect((await git("init", "-q")).status).toBe(0);
  await git("add", nameOf(0), nameOf(1), ".sops.yaml");
  await git("commit", "-qm", "first");
  rule(RECIPIENT, BOB.recipient);
  const before = box.read(nameOf(2));
  expect((await enc("updatekeys", "-y", "--all")).stderr).toContain("2 files in line");
  expect(box.read(nameOf(2))).toBe(before);
  // An entry of 9 lines is added, and nothing is taken away.
  const added = await git("diff", "--numstat", "d");
  expect(added.stdout).toBe(`9\t0\t${nameOf(0)}\n9\t0\t${nameOf(1)}\n`);
  await git("commit", "-qam", "second");
  rule(BOB.recipient);
  expect((await enc("updatekeys", "-y", "--all")).status).toBe(0);
  expect((await git("diff", "--numstat", "d")).stdout).toBe(`0\t9\t${nameOf(0)}\n0\t9\t${nameOf(1)}\n`);
  expect((await git("diff", "-U0", "d")).stdout).not.toMatch(/^[-+].*(ENC\[|lastmodified)/m);
});

describe("many files", () => {
  it("with one that cannot be opened: nothing is changed", async () => {
    await fill(20);
    rule(BOB.recipient);
    box.write("d/0/z.yaml", PLAIN);
    expect((await enc("-i", "d/0/z.yaml")).status).toBe(0);
    const before = state();
    const updated = await enc("updatekeys", "-y", "d");
    expect([updated.status, updated.stderr]).toEqual([0, expect.stringContaining("20 files in line")]);
    rule(RECIPIENT);
    const after = state();
    const failed = await run("enc", box, ["updatekeys", "-y", "d"]);
    expect([failed.status, failed.stderr]).toEqual([128, expect.stringContaining("nothing was written")]);
    expect(state()).toEqual(after);
    expect(after).not.toEqual(before);
  });

  it("killed at any time: each of them is the old one or the new one", async () => {
    const count = 40;
    await fill(count);
    const begin = Date.now();
    rule(RECIPIENT, BOB.recipient);
    expect((await enc("updatekeys", "-y", "d")).status).toBe(0);
    const durationMs = Date.now() - begin;
    const commands = [
      { args: ["rotate", "-i", "d"], next: [RECIPIENT, BOB.recipient] },
      { args: ["updatekeys", "-y", "d"], next: [RECIPIENT] },
      { args: ["updatekeys", "-y", "d"], next: [RECIPIENT, BOB.recipient] },
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...commands), fc.double({ min: 0, max: 1.1, noNaN: true }), async (what, at) => {
        rule(...what.next);
        const old = new Map(Array.from({ length: count }, (_, i) => [nameOf(i), box.read(nameOf(i))]));
        const child = start("enc", box, what.args);
        const ended = outcomeOf(child);
        await wait(durationMs * at);
        child.kill("SIGKILL");
        const { status } = await ended;
        expect([0, "SIGKILL", 1]).toContain(status);
        const changed = [...old].filter(([name, text]) => box.read(name) !== text).map(([name]) => name);
        // What was written opens; the one process for all of them is quicker than one for each.
        mkdirSync(box.path("copy"), { recursive: true });
        for (const [i, name] of changed.entries()) box.write(`copy/${i}.yaml`, box.read(name));
        if (changed.length === 0) return;
        const opened = await run("dec", box, ["-i", ...changed.map((_, i) => `copy/${i}.yaml`)]);
        expect(opened.status).toBe(0);
        for (const i of changed.keys()) expect(box.read(`copy/${i}.yaml`)).toBe(PLAIN);
      }),
      { numRuns: 12 },
    );
    // The last word: all of them still open.
    rule(RECIPIENT, BOB.recipient);
    expect((await enc("updatekeys", "-y", "d")).status).toBe(0);
    expect((await run("dec", box, ["-i", "d"], { env: asBob })).status).toBe(0);
    for (let i = 0; i < count; i++) expect(box.read(nameOf(i))).toBe(PLAIN);
  });
});

describePeer("at a terminal", "Python", pythonProgram(), (python) => {
  const at = (steps: readonly Step[]) =>
    runAtTerminal(python, {
      argv: [...commandOf("enc", box), "updatekeys", "d"],
      cwd: box.work,
      env: box.env,
      steps,
    });

  it.each([
    ["y", true],
    ["n", false],
  ])("one question for all files: %s", async (answer, isDone) => {
    await fill(3);
    rule(BOB.recipient);
    const shown = await at([{ wait: "[y/n] ", type: `${answer}\r` }]);
    expect(shown).toMatchObject({ status: 0, isRestored: true });
    expect(shown.terminal.match(/\[y\/n\]/g)).toHaveLength(1);
    expect(shown.stdout.match(/^--- age /gm)).toHaveLength(3);
    await expectOpens([nameOf(0)], isDone ? "bob" : "alice");
  });

  it("Ctrl-C at the question leaves all as it was", async () => {
    await fill(3);
    rule(BOB.recipient);
    const before = state();
    expect((await at([{ wait: "[y/n] ", type: "\u0003" }])).status).toBe(130);
    expect(state()).toEqual(before);
  });
});
