import { copyFileSync, existsSync, linkSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { FORMAT_VERSION } from "../../src/document/metadata.ts";
import { type Outcome, programs, RECIPIENT, runProgram, type Sandbox, sandbox } from "./program.ts";

/** What only the standalone executable has: the names it goes by, and Bun inside. */

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
});

const versions = {
  enc: `enc ${manifest.version}\n`,
  dec: `dec ${manifest.version}\n`,
  sops: `sops ${FORMAT_VERSION} (keyleaf ${manifest.version})\n`,
};

/** Nothing on the PATH but the sandbox's own folders: no Node, no git, no shell. */
function alone(program: string, args: readonly string[], options: { readonly stdin?: string } = {}): Promise<Outcome> {
  return runProgram(program, args, box, { ...options, env: { PATH: box.path("bin") } });
}

describe("the executable", () => {
  const ways: readonly (readonly [string, (from: string, to: string) => void])[] = [
    ["copy", copyFileSync],
    ["hard link", linkSync],
    ["symbolic link", symlinkSync],
  ];

  it.each(ways)("goes by the name of a %s", async (_what, make) => {
    box.write("bin/.keep", "");
    // Hard links stay within one file system, so the first is a copy.
    const file = box.path("bin/file");
    copyFileSync(programs.enc, file);
    for (const [name, line] of Object.entries(versions)) {
      const path = box.path(`bin/${name}`);
      make(file, path);
      for (const called of [path, `./bin/${name}`, name]) {
        expect(await alone(called, ["--version"]), called).toMatchObject({ status: 0, stdout: line, stderr: "" });
      }
    }
    make(file, box.path("bin/sops-v3.11.0.linux.amd64"));
    expect((await alone("./bin/sops-v3.11.0.linux.amd64", ["--version"])).stdout).toBe(versions.sops);
    make(file, box.path("bin/anything"));
    expect((await alone("anything", ["--version"])).stdout).toBe(versions.enc);
  });

  it("needs nothing beside it", async () => {
    box.write("bin/.keep", "");
    for (const name of ["enc", "dec", "sops"]) symlinkSync(programs.enc, box.path(`bin/${name}`));
    const plain = "# note\na: {b: [1, 0x1F]}\n";
    const sealed = await alone("enc", ["--age", RECIPIENT, "--type", "yaml"], { stdin: plain });
    expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
    box.write("s.yaml", sealed.stdout);
    expect(await alone("dec", ["s.yaml"])).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect(await alone("sops", ["--decrypt", "s.yaml"])).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect((await alone("enc", ["keygen", "-o", "new.txt"])).status).toBe(0);
    // Nothing is unpacked, and nothing is cached.
    expect(box.list()).toEqual(["bin", "new.txt", "s.yaml"]);
    const left = await runProgram("find", [box.home, box.temporary, "-type", "f"], box);
    expect(left.stdout).toBe(`${join(box.home, ".config/sops/age/keys.txt")}\n`);
  });
});

describe("the Bun inside", () => {
  beforeEach(() => {
    box.write("evil.cjs", 'require("node:fs").appendFileSync("ran", "evil\\n");\n');
    box.write("bunfig.toml", 'preload = ["./evil.cjs"]\n');
    box.write(".env", "PLANTED=yes\n");
  });

  const withEnv = (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> =>
    runProgram(join(box.bin, "enc"), args, box, { env: { PATH: ["/usr/bin", "/bin"].join(delimiter), ...env } });

  it("is kept from the working directory, whose traps work", async () => {
    expect((await withEnv({}, "--version")).stdout).toBe(versions.enc);
    expect((await withEnv({ NODE_OPTIONS: "--require ./evil.cjs" }, "--version")).stdout).toBe(versions.enc);
    expect(existsSync(box.path("ran"))).toBe(false);
    // As Bun itself, the same file reads them.
    const { stdout } = await withEnv({ BUN_BE_BUN: "1" }, "-e", "console.log(process.env.PLANTED)");
    expect(stdout).toBe("yes\n");
    expect(box.read("ran")).toBe("evil\n");
  });

  it("obeys its variables, as SECURITY.md says", async () => {
    expect((await withEnv({ BUN_OPTIONS: "--preload ./evil.cjs" }, "--version")).stdout).toBe(versions.enc);
    expect(box.read("ran")).toBe("evil\n");
  });

  it("does not take its own flags from the command line", async () => {
    for (const args of [["--preload", "./evil.cjs", "f"], ["--inspect"], ["--eval", "1"], ["run", "evil.cjs"]]) {
      const { stdout, stderr } = await withEnv({}, ...args);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^enc: error: /);
    }
    expect(existsSync(box.path("ran"))).toBe(false);
  });
});
