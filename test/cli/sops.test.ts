import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { programNamed } from "../../src/cli/program-name.ts";
import { sopsCommands } from "../../src/cli/sops/commands.ts";
import { rootFlags } from "../../src/cli/sops/flags.ts";
import { FORMAT_VERSION } from "../../src/document/metadata.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

/** The program under the name sops, where sops itself is not needed to tell what is right. */

const plain = "a: b # note\n";
let cwd: string;

const path = (name: string): string => join(cwd, name);
const read = (name: string): string => readFileSync(path(name), "utf8");
const env = { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_RECIPIENTS: RECIPIENT };
const sops = (...argv: string[]): Promise<Ran> => runWith({ cwd, program: "sops", env }, ...argv);

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

  it("enc sops is the same", async () => {
    const ran = await runWith({ cwd, env }, "sops", "filestatus", "f.yaml");
    expect(ran).toEqual({ status: 0, stdout: '{"encrypted":false}\n', stderr: "" });
    expect((await runWith({ cwd, env }, "sops", "-e")).status).toBe(100);
  });
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

  it("keeps its own layout, unless another is asked for", async () => {
    writeFileSync(path("s.yaml"), (await sops("-e", "f.yaml")).stdout);
    expect((await sops("--indent", "2", "decrypt", "s.yaml")).stdout).toBe("# note\na: b\n");
    writeFileSync(path("f.json"), '{"a":   {"b": 1}}');
    writeFileSync(path("s.json"), (await sops("-e", "f.json")).stdout);
    expect((await sops("decrypt", "s.json")).stdout).toBe('{"a":   {"b": 1}}');
    expect((await sops("--indent", "1", "decrypt", "s.json")).stdout).toBe('{\n "a": {\n  "b": 1\n }\n}\n');
  });

  it("an existing file is taken for no earlier version: sops knows nothing of that", async () => {
    await sops("-e", "--output", "s.yaml", "f.yaml");
    const before = read("s.yaml");
    await sops("-e", "--output", "s.yaml", "f.yaml");
    expect(read("s.yaml")).not.toBe(before);
  });
});

describe("no line of these writes anything", () => {
  it.each([
    [["f.yaml", "-e"], 1],
    [["decyrpt", "f.yaml"], 1],
    [["groups"], 0],
    [["groups", "nosuch"], 3],
    [["help", "nosuch"], 3],
    [["-e", "-d", "f.yaml"], 8],
    [["encrypt", "--nosuch", "f.yaml"], 1],
    [["-di", "f.yaml"], 1],
    [["encrypt", "-i", "."], 2],
    [["encrypt", "-i", "--all"], 1],
    [["encrypt", "-i", "--dry-run", "f.yaml"], 1],
    [["decrypt", "-i", "--extract", '["a"]', "f.yaml"], 8],
    [["--encrypt=false", "--nosuch"], 1],
    [["encrypt", "--trust-endpoint", "https://x", "f.yaml"], 1],
    [[], 100],
    [["-i"], 100],
    [["-d"], 100],
    [["-e", "nosuch.yaml"], 100],
    [["encrypt", ""], 100],
  ])("%j", async (argv, status) => {
    const ran = await sops(...argv);
    expect(ran.status).toBe(status);
    expect(ran.stderr).not.toMatch(/internal|see enc/);
    expect(read("f.yaml")).toBe(plain);
    for (const name of [".sops.yaml", ".gitignore", "home"]) expect(existsSync(path(name))).toBe(false);
  });
});

describe("messages", () => {
  it("have what programs look for", async () => {
    expect((await sops("-d", "f.yaml")).stderr).toContain("sops metadata not found\n");
    const sealed = (await sops("-e", "f.yaml")).stdout;
    writeFileSync(path("s.yaml"), sealed);
    const other = await runWith({ cwd, program: "sops" }, "-d", "s.yaml");
    expect(other.stderr).toContain("Failed to get the data key required to decrypt the SOPS file.\n");
    writeFileSync(path("t.yaml"), sealed.replace(/^a: .*\n/m, ""));
    expect(await sops("-d", "t.yaml")).toMatchObject({ status: 51, stderr: expect.stringContaining("MAC mismatch.") });
    writeFileSync(path(".sops.yaml"), "creation_rules:\n  - path_regex: ^x\n");
    expect((await sops("-e", "f.yaml")).stderr).toContain("no matching creation rules found");
  });

  it("say which flag is wrong, and where the help is", async () => {
    expect((await sops("encrypt", "--nosuch")).stderr).toContain("flag provided but not defined: -nosuch");
    expect((await sops("encrypt", "-i", "--in-place")).stderr).toContain("Cannot use two forms of the same flag");
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

  it("the help names every command that is there, and every flag", async () => {
    const { stdout } = await sops("--help");
    for (const { name } of sopsCommands) expect(stdout).toContain(`  ${name} `);
    for (const { name } of rootFlags) expect(stdout).toContain(`--${name}`);
  });

  it.each(sopsCommands.map((command) => [command.name, command] as const))("help of %s", async (name, command) => {
    const { status, stdout } = await sops(...name.split(" "), "--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: sops ${name} `));
    for (const flag of command.flags) expect(stdout).toContain(`--${flag.name}`);
  });
});
