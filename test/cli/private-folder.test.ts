import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PrivateFolder, removeLeftovers } from "../../src/cli/private-folder.ts";
import { temporaryFolder } from "./fake.ts";

/** Not a process: the highest id that Linux gives is 4194304. */
const DEAD = 4194305;

/** On a system without a folder in memory the one for temporary files is used. */
function settingIn(folder: string) {
  return { env: { TMPDIR: folder }, platform: "darwin" };
}

function made(setting: Parameters<typeof PrivateFolder.make>[0]): PrivateFolder {
  const folder = PrivateFolder.make(setting);
  onTestFinished(() => folder.remove());
  return folder;
}

/** A folder as a process that was killed would have left it. */
function leftover(top: string, pid: number): string {
  const folder = made(settingIn(top));
  const path = join(top, basename(folder.path).replace(`-${process.pid}-`, `-${pid}-`));
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, "x.yaml"), "a: secret\n");
  folder.remove();
  return path;
}

test("only the user can look into it, and it goes away with all that is in it", () => {
  const top = temporaryFolder();
  const folder = made(settingIn(top));
  const path = folder.write("x.yaml", Buffer.from("a: 1\n"));
  expect(lstatSync(folder.path).mode & 0o777).toBe(0o700);
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  expect(dirname(folder.path)).toBe(top);
  expect(folder.isInMemory).toBe(false);
  mkdirSync(join(folder.path, "made by an editor"));
  folder.remove();
  expect(readdirSync(top)).toEqual([]);
});

test("what is written takes the place of a link, not of what it points to", () => {
  const top = temporaryFolder();
  const folder = made(settingIn(top));
  writeFileSync(join(top, "other"), "other");
  symlinkSync(join(top, "other"), join(folder.path, "x.yaml"));
  folder.write("x.yaml", Buffer.from("a: 1\n"));
  expect(readFileSync(join(top, "other"), "utf8")).toBe("other");
});

test("is in memory on Linux", () => {
  const folder = made({ env: { TMPDIR: temporaryFolder() }, platform: process.platform });
  expect(folder.isInMemory).toBe(process.platform === "linux");
  if (folder.isInMemory) expect(folder.path).toMatch(/^\/dev\/shm\/keyleaf-/);
});

test("a place that others can change is passed over", () => {
  const open = temporaryFolder();
  chmodSync(open, 0o777);
  expect(dirname(made(settingIn(open)).path)).not.toBe(open);
  chmodSync(open, 0o1777);
  expect(dirname(made(settingIn(open)).path)).toBe(open);
});

test("what processes that are gone have left is removed, and nothing else", () => {
  const top = temporaryFolder();
  const dead = [leftover(top, DEAD), leftover(top, DEAD + 1)];
  const alive = leftover(top, process.ppid);
  const mine = made(settingIn(top)).path;
  const other = join(top, "keyleaf-00000000-4194305-abcdef");
  mkdirSync(other);
  const kept = join(top, "kept");
  mkdirSync(kept);
  writeFileSync(join(kept, "file"), "");
  const link = leftover(top, DEAD + 2);
  rmSync(link, { recursive: true });
  symlinkSync(kept, link);
  expect(removeLeftovers(settingIn(top))).toBe(2);
  expect(dead.map(existsSync)).toEqual([false, false]);
  expect([alive, mine, other, join(kept, "file"), link].map(existsSync)).toEqual([true, true, true, true, true]);
});

test("is gone when the process ends without removing it", () => {
  const top = temporaryFolder();
  const folder = made(settingIn(top));
  // What is done at the end of the process, without ending it.
  const last = process.listeners("exit").at(-1) as (() => void) | undefined;
  last?.();
  expect(existsSync(folder.path)).toBe(false);
});
