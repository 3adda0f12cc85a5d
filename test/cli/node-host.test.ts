import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeHost } from "../../src/cli/node-host.ts";
import { findProgram, hasProgramFile } from "../../src/cli/programs.ts";
import { temporaryFolder } from "./fake.ts";

function program(folder: string, name: string, mode = 0o755): string {
  const path = join(folder, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, mode);
  return path;
}

describe("programs", () => {
  it("are looked up on absolute directories of PATH only", () => {
    const folder = temporaryFolder();
    const path = program(folder, "tool");
    expect(findProgram("tool", { PATH: `relative:.::${folder}` }, "linux")).toBe(path);
    for (const PATH of ["", ".", "relative", ":", undefined]) expect(findProgram("tool", { PATH }, "linux")).toBeNull();
    expect(findProgram(path, {}, "linux")).toBe(path);
    expect(findProgram("./tool", { PATH: folder }, "linux")).toBeNull();
    expect(findProgram("", { PATH: folder }, "linux")).toBeNull();
  });

  it("are files that can be run", () => {
    const folder = temporaryFolder();
    program(folder, "text", 0o644);
    mkdirSync(join(folder, "directory"));
    for (const name of ["text", "directory", "missing"])
      expect(findProgram(name, { PATH: folder }, "linux")).toBeNull();
  });

  it("are no scripts on Windows, as those would need a shell", () => {
    const folder = temporaryFolder();
    program(folder, "tool.cmd");
    expect(findProgram("tool", { PATH: folder }, "win32")).toBeNull();
    const path = program(folder, "tool.exe");
    expect(findProgram("tool", { PATH: folder }, "win32")).toBe(path);
  });

  it("are told from files that cannot be run, and from none at all", () => {
    const folder = temporaryFolder();
    program(folder, "text", 0o644);
    program(folder, "script.cmd");
    mkdirSync(join(folder, "directory.exe"));
    expect(hasProgramFile("text", { PATH: folder }, "linux")).toBe(true);
    expect(hasProgramFile("directory", { PATH: folder }, "linux")).toBe(false);
    for (const name of ["script.cmd", "directory", join(folder, "directory")])
      expect(hasProgramFile(name, { Path: folder }, "win32")).toBe(true);
    expect(hasProgramFile("missing", { Path: folder }, "win32")).toBe(false);
  });

  it("run without a shell, with what they print and how they end", async () => {
    const { run } = await nodeHost();
    const script = 'printf "%s|%s|%s" "$1" "$EXTRA" "$(cat)"; echo hidden >&2; exit 3';
    const { status, stdout } = await run(["sh", "-c", script, "sh", "$HOME;x"], { EXTRA: "e" });
    expect([status, Buffer.from(stdout).toString()]).toEqual([3, "$HOME;x|e|"]);
    expect((await run(["sh", "-c", "kill -9 $$"], {})).status).toBe(255);
  });

  it("get what is given on standard input, and then have the end of standard error kept", async () => {
    const { run } = await nodeHost();
    const script = 'cat; i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done';
    const ran = await run(["sh", "-c", script], {}, Buffer.from("in\0put"));
    expect([ran.status, Buffer.from(ran.stdout).toString()]).toEqual([0, "in\0put"]);
    expect(ran.stderr).toHaveLength(8192);
    expect(ran.stderr?.endsWith("line 1998\nline 1999\n")).toBe(true);
    expect((await run(["sh", "-c", "echo x >&2"], {})).stderr).toBeUndefined();
  });

  it("may end without reading what they are given", async () => {
    const { run } = await nodeHost();
    const ran = await run(["sh", "-c", "exit 4"], {}, Buffer.alloc(1_000_000));
    expect([ran.status, ran.stderr]).toEqual([4, ""]);
  });

  it("that are not there are an error of the provider", async () => {
    const expected = expect.objectContaining({ code: "PROVIDER_FAILED" });
    await expect((await nodeHost()).run(["no-such-program"], {})).rejects.toEqual(expected);
    await expect((await nodeHost()).run([], {})).rejects.toEqual(expected);
  });
});

it("files that are not there are null, others that cannot be read throw", async () => {
  const folder = temporaryFolder();
  const { readFile } = await nodeHost();
  expect(await readFile(join(folder, "missing"))).toBeNull();
  expect(await readFile(join(program(folder, "file"), "below"))).toBeNull();
  await expect(readFile(folder)).rejects.toThrow();
});
