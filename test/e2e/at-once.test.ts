import { spawn } from "node:child_process";
import { existsSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { machineName } from "../../src/cli/processes.ts";
import { RECIPIENT, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** Several runs that change one file at once: no change is lost, and nothing is left behind. */

let box: Sandbox;
const LOCK = ".keyleaf-lock.tmp";

beforeEach(async () => {
  box = sandbox();
  box.write("plain.yaml", "a: b\n");
  expect((await run("enc", box, ["--age", RECIPIENT, "-o", "s.yaml", "plain.yaml"])).status).toBe(0);
});

async function values(): Promise<Record<string, string>> {
  return JSON.parse((await run("dec", box, ["--as", "json", "s.yaml"])).stdout) as Record<string, string>;
}

it("every value that was set is in the file", async () => {
  const expected: Record<string, string> = { a: "b" };
  for (let round = 0; round < 8; round++) {
    const names = Array.from({ length: 6 }, (_, i) => `k${round}_${i}`);
    const runs = await Promise.all(names.map((name) => run("enc", box, ["set", "--string", "s.yaml", name, name])));
    expect(runs.map(({ status, stderr }) => [status, stderr])).toEqual(names.map(() => [0, ""]));
    for (const name of names) expected[name] = name;
    expect(await values()).toEqual(expected);
  }
  expect(box.list()).toEqual(["plain.yaml", "s.yaml"]);
}, 120_000);

it("a lock that a killed run has left is passed", async () => {
  // A process that is gone, of this machine.
  const gone = spawn("true");
  await new Promise((ended) => gone.once("exit", ended));
  writeFileSync(box.path(LOCK), `${gone.pid} ${machineName()}\n`);
  expect((await run("enc", box, ["set", "s.yaml", "a", '"c"'])).status).toBe(0);
  expect(await values()).toEqual({ a: "c" });
  expect(box.list()).toEqual(["plain.yaml", "s.yaml"]);
});

it("what is no lock, though it has the name, keeps nobody from writing for long", async () => {
  expect((await runProgram("mkfifo", [box.path(LOCK)], box)).status).toBe(0);
  expect((await run("enc", box, ["set", "s.yaml", "a", '"c"'])).status).toBe(0);
  expect(await values()).toEqual({ a: "c" });
}, 60_000);

it("a lock of somebody who is not known, and of long ago, is passed", async () => {
  writeFileSync(box.path(LOCK), "");
  utimesSync(box.path(LOCK), 1000, 1000);
  expect((await run("enc", box, ["set", "s.yaml", "a", '"c"'])).status).toBe(0);
  expect(box.list()).toEqual(["plain.yaml", "s.yaml"]);
});

it("a lock that is held is waited for", async () => {
  writeFileSync(box.path(LOCK), `${process.pid} ${machineName()}\n`);
  let isDone = false;
  const running = run("enc", box, ["set", "s.yaml", "a", '"c"']).then((outcome) => {
    isDone = true;
    return outcome;
  });
  await new Promise((later) => setTimeout(later, 1500));
  expect([isDone, await values()]).toEqual([false, { a: "b" }]);
  rmSync(box.path(LOCK));
  expect((await running).status).toBe(0);
  expect(await values()).toEqual({ a: "c" });
  expect(existsSync(join(box.work, LOCK))).toBe(false);
});
