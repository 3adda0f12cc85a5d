import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { programNamed } from "../../src/cli/program-name.ts";
import { FORMAT_VERSION } from "../../src/document/metadata.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

/** The program under the name sops: what is there of the reference's command line, and that the rest is an error. */

const plain = "a: b # note\n";
let cwd: string;

const path = (name: string): string => join(cwd, name);
const read = (name: string): string => readFileSync(path(name), "utf8");
const sops = (...argv: string[]): Promise<Ran> =>
  runWith({ cwd, program: "sops", env: { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_RECIPIENTS: RECIPIENT } }, ...argv);

beforeEach(() => {
  cwd = temporaryFolder();
  writeFileSync(path("f.yaml"), plain);
});

describe("the name", () => {
  it.each([
    ["enc", "enc"],
    ["/usr/bin/dec", "dec"],
    ["./sops", "sops"],
    ["C:\\bin\\SOPS.EXE", "sops"],
    ["dec.exe", "dec"],
    ["dec-linux-x64", "dec"],
    ["sops-v3.11.0.linux.amd64", "sops"],
    ["enc.cjs", "enc"],
    ["decrypt", "enc"],
    ["sopsy", "enc"],
    ["keyleaf", "enc"],
    ["/opt/sops/enc", "enc"],
    ["", "enc"],
  ])("%s is %s", (called, program) => expect(programNamed(called)).toBe(program));
});

describe("one file", () => {
  it.each([
    [["encrypt"], ["decrypt"]],
    [["-e"], ["-d"]],
    [["--encrypt"], ["--decrypt"]],
    [["-encrypt"], ["-decrypt"]],
  ])("%j and %j go to standard output, in place, and to a file", async (encrypt, decrypt) => {
    const sealed = await sops(...encrypt, "f.yaml");
    expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
    expect(sealed.stdout).toContain("a: ENC[AES256_GCM");
    expect(read("f.yaml")).toBe(plain);

    expect(await sops(...encrypt, "--output", "s.yaml", "f.yaml")).toMatchObject({ status: 0, stdout: "" });
    expect(await sops(...decrypt, "s.yaml")).toEqual({ status: 0, stdout: plain, stderr: "" });
    expect(await sops(...encrypt, "-i", "f.yaml")).toMatchObject({ status: 0, stdout: "" });
    expect(read("f.yaml")).toContain("a: ENC[AES256_GCM");
    expect(await sops(...decrypt, "--in-place", "f.yaml")).toMatchObject({ status: 0, stdout: "" });
    expect(read("f.yaml")).toBe(plain);
  });

  it("with the flags that programs give", async () => {
    const flags = ["--input-type", "yaml", "--output-type", "json"];
    const sealed = await sops("--age", RECIPIENT, ...flags, "--encrypt", "--encrypted-regex", "^a$", "f.yaml");
    expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
    writeFileSync(path("s"), sealed.stdout);
    const json = ["--input-type", "json", "--output-type", "json"];
    expect((await sops("--decrypt", ...json, "--extract", '["a"]', "s")).stdout).toBe("b");
    expect((await sops("--config", "/dev/null", "decrypt", ...json, "s")).status).toBe(0);
    expect((await sops("decrypt", "--disable-version-check", ...json, "--", "s")).stdout).toContain('"a": "b"');
    expect((await sops("-d", ...json, "--", "s")).stdout).toContain('"a": "b"');
  });

  it("from standard input, with the words encrypt and decrypt", async () => {
    const env = { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_RECIPIENTS: RECIPIENT };
    const words = ["encrypt", "--filename-override", "f.yaml"];
    const { stdout, status } = await runWith({ cwd, program: "sops", env, stdin: plain }, ...words);
    expect(status).toBe(0);
    const opened = await runWith({ cwd, program: "sops", env, stdin: stdout }, "decrypt", "--input-type", "yaml");
    expect(opened.stdout).toBe(plain);
  });
});

describe("what is not there", () => {
  it.each([
    [["f.yaml"], 1],
    [["./encrypt"], 1],
    [["--", "f.yaml"], 1],
    [["-i", "f.yaml"], 1],
    [["--age", RECIPIENT, "f.yaml"], 1],
    [["-s", "f.yaml"], 1],
    [["new.yaml"], 1],
    [["decyrpt", "f.yaml"], 1],
    [["edit", "f.yaml"], 1],
    [["rotate", "-i", "f.yaml"], 1],
    [["-r", "-i", "f.yaml"], 1],
    [["--rotate", "f.yaml"], 1],
    [["--set", '["a"] "c"', "f.yaml"], 1],
    [["set", "f.yaml", '["a"]', '"c"'], 1],
    [["updatekeys", "-y", "f.yaml"], 1],
    [["filestatus", "f.yaml"], 1],
    [["exec-env", "f.yaml", "true"], 1],
    [["groups", "add"], 1],
    [["init"], 1],
    [["keygen"], 1],
    [["git", "setup"], 1],
    [["-e", "-d", "f.yaml"], 8],
    [["-d", "encrypt", "f.yaml"], 8],
    [["--encrypt", "decrypt", "f.yaml"], 8],
    [["-e", "f.yaml", "g.yaml"], 1],
    [["encrypt", "-i", "f.yaml", "f.yaml"], 1],
    [["encrypt", "--nosuch", "f.yaml"], 1],
    [["-di", "f.yaml"], 1],
    [["encrypt", "-i", "."], 1],
    [["-e", "-i", "."], 1],
    [["encrypt", "-i", "f*.yaml"], 1],
    [["decrypt", "-i", "."], 1],
    [["decrypt", "-i", "?.yaml"], 1],
    [["encrypt", "-i", "--all"], 1],
    [["-d", "-i", "--all", "f.yaml"], 1],
    [["-d", "-i", "--all"], 100],
    [["encrypt", "-i", "-all"], 1],
    [["encrypt", "-i", "--dry-run", "f.yaml"], 1],
    [["-e", "-i", "-dry-run", "f.yaml"], 1],
    [["encrypt", "--all", "f.yaml"], 1],
    [["encrypt", "-i", "nosuch.yaml"], 100],
    // What stands where a value should is one.
    [["--output", "--encrypt", "f.yaml"], 1],
    [["--encrypt=false", "f.yaml"], 1],
    [[], 100],
    [["-i"], 100],
    [["-d"], 100],
    [["-e", "-i"], 100],
    [["-e", "nosuch.yaml"], 100],
  ])("%j: an error, and nothing is written", async (argv, status) => {
    const ran = await sops(...argv);
    expect(ran).toMatchObject({ status, stdout: "" });
    expect(ran.stderr).toMatch(/^sops: error: /);
    expect(ran.stderr).not.toMatch(/internal|see enc|meant: enc/);
    expect(read("f.yaml")).toBe(plain);
    for (const name of ["new.yaml", ".sops.yaml", ".gitignore", "home"]) expect(existsSync(path(name))).toBe(false);
  });

  it("is called by its name", async () => {
    expect((await sops("f.yaml")).stderr).toContain("editing a file (sops FILE) is not there yet");
    expect((await sops("updatekeys", "f.yaml")).stderr).toContain("sops updatekeys is not there yet");
    expect((await sops("--rotate=true", "f.yaml")).stderr).toContain("sops --rotate is not there yet");
  });
});

describe("about the program", () => {
  it.each([[["--version"]], [["-v"]], [["-version"]], [["--version", "--disable-version-check"]]])(
    "%j is what version checks read",
    async (argv) => {
      const line = `sops ${FORMAT_VERSION} (keyleaf ${manifest.version})\n`;
      expect(await sops(...argv)).toEqual({ status: 0, stdout: line, stderr: "" });
      // As the Ansible collection has it.
      expect(line.trimEnd()).toMatch(/^sops ([0-9.]+)(?: .*)?$/);
    },
  );

  it.each([[["--help"]], [["-h"]], [["help"]], [["h"]]])("%j says what is there", async (argv) => {
    const { status, stdout } = await sops(...argv);
    expect(status).toBe(0);
    expect(stdout).toContain("sops -e|-d [flags] FILE");
  });

  it("each of the two has help of its own", async () => {
    expect((await sops("encrypt", "--help")).stdout).toMatch(/^Usage: sops encrypt /);
    expect((await sops("-d", "--help")).stdout).toMatch(/^Usage: sops decrypt /);
  });

  it.each(["encrypt", "decrypt"])("the help of %s is about one file", async (word) => {
    const { stdout } = await sops(word, "--help");
    expect(stdout).toContain(`Usage: sops ${word} [FILE] [flags]\n`);
    expect(stdout).not.toMatch(/--all|--dry-run|folder|pattern|left\s+out|many|short\s+for/);
    const own = await runWith({ cwd, program: "enc" }, word, "--help");
    expect(own.stdout).toMatch(
      /\[FILE\.\.\.\].*With\s+--in-place,\s+FILE\s+may\s+also\s+be\s+a\s+folder.*--all.*--dry-run/s,
    );
  });

  it("is where hints lead", async () => {
    const hint = async (...argv: string[]): Promise<string | undefined> => (await sops(...argv)).stderr.split("\n")[1];
    expect(await hint("encrypt", "--zzzzzz", "f.yaml")).toBe("sops: hint: see sops --help");
    expect(await hint("encrypt", "-zzzzzz", "f.yaml")).toBe("sops: hint: see sops --help");
    expect(await hint("encrypt", "f.yaml", "--output")).toBe("sops: hint: see sops encrypt --help");
    expect(await hint("-e", "-i", "decrpyt")).toBe("");
    expect(await hint("-e", "-i", ".")).toBe("sops: hint: enc -i and dec -i take folders and patterns");
  });
});
