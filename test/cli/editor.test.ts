import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { CliHost } from "../../src/cli/context.ts";
import { findEditor } from "../../src/cli/editor.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { failure } from "../support/sealing.ts";
import { temporaryFolder } from "./fake.ts";

let bin: string;

beforeEach(() => {
  bin = join(temporaryFolder(), "bin");
  mkdirSync(bin);
});

function program(name: string, script = "#!/bin/sh\n"): string {
  const path = join(bin, name);
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

async function host(env: Readonly<Record<string, string>>): Promise<CliHost> {
  return { ...(await nodeHost()), env: { PATH: bin, ...env }, platform: "linux" };
}

async function commandOf(editor: string, line: number | null = null): Promise<readonly string[]> {
  return (await findEditor(await host({ EDITOR: editor }))).commandFor("/p/x.yaml", line);
}

describe("which one", () => {
  test.each([
    [{ SOPS_EDITOR: "one", EDITOR: "two", VISUAL: "three" }, "one"],
    [{ SOPS_EDITOR: "", EDITOR: "two", VISUAL: "three" }, "two"],
    [{ EDITOR: " ", VISUAL: "three" }, "three"],
    [{}, "vim"],
  ])("%j: %s", async (env, name) => {
    for (const one of ["one", "two", "three", "vim", "nano"]) program(one);
    expect((await findEditor(await host(env))).name).toBe(name);
  });

  test("nano where there is no vim, then vi", async () => {
    program("vi");
    expect((await findEditor(await host({}))).name).toBe("vi");
    program("nano");
    expect((await findEditor(await host({}))).name).toBe("nano");
  });

  test("none: says how to choose one", async () => {
    const error = await failure(async () => findEditor(await host({})));
    expect(error).toMatchObject({ code: "PROVIDER_EDITOR_FAILED", hint: expect.stringContaining("EDITOR") });
  });
});

describe("how its words are read", () => {
  test("as a shell reads them, without running one", async () => {
    const path = program("my editor");
    expect(await commandOf(`'${path}' --title "a b" $HOME '' *`)).toEqual([
      path,
      "--title",
      "a b",
      "$HOME",
      "",
      "*",
      "/p/x.yaml",
    ]);
  });

  test("by its whole path, or a name on PATH", async () => {
    const path = program("ed1");
    expect(await commandOf("ed1")).toEqual([path, "/p/x.yaml"]);
    expect(await commandOf(path)).toEqual([path, "/p/x.yaml"]);
  });

  test.each(["./ed1", "bin/ed1", "~/ed1"])(
    "%s is refused: what lies in the working directory is never run",
    async (name) => {
      program("ed1");
      const error = await failure(() => commandOf(name));
      expect(error).toMatchObject({ code: "PROVIDER_EDITOR_FAILED", message: expect.stringContaining("relative") });
    },
  );

  test("not from a relative directory of PATH", async () => {
    program("ed1");
    const at = await host({ EDITOR: "ed1", PATH: "." });
    expect((await failure(() => findEditor(at))).code).toBe("PROVIDER_EDITOR_FAILED");
  });

  test.each(["'vim", "vim\\", "# nothing"])("%s is no command", async (text) => {
    expect((await failure(() => commandOf(text))).code).toBe("PROVIDER_EDITOR_FAILED");
  });
});

describe("what it is told", () => {
  test.each(["vim", "vim.basic", "nvim", "view", "rvim", "vimx"])(
    "%s: no swap file, no history, no undo file",
    async (name) => {
      const path = program(name);
      const command = await commandOf(`${name} -u NONE`, 7);
      expect(command.slice(0, 4)).toEqual([path, "-n", "-i", "NONE"]);
      expect(command.join(" ")).toMatch(/noswapfile nobackup nowritebackup.*noundofile.*viminfo=/);
      expect(command.slice(-4)).toEqual(["+7", "-u", "NONE", "/p/x.yaml"]);
      expect(command).not.toContain("-f");
    },
  );

  test.each(["gvim", "mvim"])("%s: the same, and to stay in front", async (name) => {
    program(name);
    const command = await commandOf(name);
    expect(command).toContain("-f");
    expect(command).toContain("-n");
  });

  test("a link by what it points to", async () => {
    program("vim.tiny");
    symlinkSync(join(bin, "vim.tiny"), join(bin, "editor"));
    expect(await commandOf("editor")).toContain("NONE");
  });

  test("vi by what it says of itself", async () => {
    program("vi", "#!/bin/sh\necho 'VIM - Vi IMproved 9.0'\n");
    expect(await commandOf("vi")).toContain("NONE");
    program("vi", "#!/bin/sh\necho 'unknown flag' >&2\nexit 1\n");
    expect(await commandOf("vi")).toEqual([join(bin, "vi"), "/p/x.yaml"]);
  });

  test("nano", async () => {
    const path = program("nano");
    expect(await commandOf("nano -w", 3)).toEqual([path, "--restricted", "+3", "-w", "/p/x.yaml"]);
  });

  test.each(["emacs", "emacs-nox", "emacs-28.2"])("%s", async (name) => {
    program(name);
    const command = await commandOf(`${name} -nw`);
    expect(command[1]).toBe("--eval");
    expect(command[2]).toMatch(/make-backup-files nil auto-save-default nil.*create-lockfiles nil/);
  });

  test.each([
    ["code", "--wait"],
    ["codium", "--wait"],
    ["cursor", "--wait"],
    ["subl", "--wait"],
    ["zed", "--wait"],
    ["gedit", "--wait"],
    ["kate", "--block"],
  ])("%s to wait, once", async (name, flag) => {
    const path = program(name);
    expect(await commandOf(name, 2)).toEqual([path, flag, "/p/x.yaml"]);
    expect(await commandOf(`${name} -n ${flag}`)).toEqual([path, "-n", flag, "/p/x.yaml"]);
    const short = flag.slice(1, 3);
    expect(await commandOf(`${name} ${short}`)).toEqual([path, short, "/p/x.yaml"]);
  });

  test("who keeps copies all the same is known", async () => {
    program("code");
    program("emacsclient");
    program("nano");
    const keeps = async (name: string) => (await findEditor(await host({ EDITOR: name }))).keeps;
    expect(await keeps("code")).toContain("local history");
    expect(await keeps("emacsclient")).toContain("Emacs");
    expect(await keeps("nano")).toBeNull();
  });

  test("one that is not known nothing", async () => {
    const path = program("my-editor");
    const editor = await findEditor(await host({ EDITOR: "my-editor -x" }));
    expect(editor.commandFor("/p/x.yaml", 5)).toEqual([path, "-x", "/p/x.yaml"]);
    expect(editor.isKnown).toBe(false);
  });
});
