import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { manualOf } from "../../src/cli/commands/manual.ts";
import { commands } from "../../src/cli/commands/registry.ts";
import type { CliHost } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, type Setting, temporaryFolder } from "./fake.ts";

const PLAIN = "db:\n  password: canary-hunter2\n  hosts: [a.example, b.example]\nport_unencrypted: 5432\n";
const env = { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_RECIPIENTS: RECIPIENT };

let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
  write("plain.yaml", PLAIN);
});

function write(name: string, text: string): void {
  writeFileSync(join(cwd, name), text);
}

function read(name: string): string {
  return readFileSync(join(cwd, name), "utf8");
}

function enc(...argv: string[]): Promise<Ran> {
  return runWith({ cwd, env }, ...argv);
}

function dec(...argv: string[]): Promise<Ran> {
  return runWith({ cwd, env, program: "dec" }, ...argv);
}

function runIn(setting: Omit<Setting, "cwd">, ...argv: string[]): Promise<Ran> {
  return runWith({ cwd, env, ...setting }, ...argv);
}

async function encrypted(name = "sealed.yaml", ...flags: string[]): Promise<string> {
  const { status, stdout } = await enc(...flags, "plain.yaml");
  expect(status).toBe(0);
  write(name, stdout);
  return stdout;
}

describe("enc and dec", () => {
  it("give a file back byte for byte, on standard output", async () => {
    const sealed = await encrypted();
    expect(sealed).not.toContain("canary");
    expect(await dec("sealed.yaml")).toEqual({ status: 0, stdout: PLAIN, stderr: "" });
    expect((await enc("decrypt", "sealed.yaml")).stdout).toBe(PLAIN);
  });

  it("name what stays clear, and are silent when nothing does", async () => {
    expect((await enc("plain.yaml")).stderr).toContain("port_unencrypted");
    write("all.yaml", "a: b\n");
    expect((await enc("all.yaml")).stderr).toBe("");
    write("many.yaml", `x: y\n${Array.from({ length: 12 }, (_, i) => `k${i}_unencrypted: v\n`).join("")}`);
    const { stderr } = await enc("many.yaml");
    expect(stderr).toContain("k9_unencrypted and 2 more");
    expect(stderr).not.toContain("k10_");
  });

  it("name what a rule by comments leaves clear", async () => {
    write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n    unencrypted_comment_regex: public\n`);
    write("f.yaml", "a: b\n# public\nc:\n  d: clear-1\n  e: [clear-2]\n");
    const { status, stdout, stderr } = await enc("f.yaml");
    expect([status, stderr]).toEqual([0, expect.stringContaining("1 encrypted, 2 left clear: c.d, c.e\n")]);
    expect(stdout).toContain("clear-1");
  });

  it("take flags anywhere", async () => {
    await encrypted();
    expect((await dec("sealed.yaml", "--get", "db.password")).stdout).toBe("canary-hunter2");
    expect((await enc("--get", "db.hosts[1]", "decrypt", "sealed.yaml")).stdout).toBe("b.example");
    expect((await dec("--extract", '["db"]["password"]', "sealed.yaml")).stdout).toBe("canary-hunter2");
    expect((await enc("--as", "json", "decrypt", "sealed.yaml")).stdout).toContain('"password": "canary-hunter2"');
  });

  it("read standard input by -, or when it is piped", async () => {
    const sealed = await encrypted();
    expect((await runIn({ stdin: sealed, program: "dec" }, "-")).stdout).toBe(PLAIN);
    expect((await runIn({ stdin: sealed, program: "dec" })).stdout).toBe(PLAIN);
    expect((await runIn({ stdin: sealed, program: "dec" }, "/dev/stdin")).stdout).toBe(PLAIN);
    const { stdout } = await runIn({ stdin: PLAIN }, "--filename-override", "x.yaml");
    expect(stdout).toContain("\nsops:\n");
    expect((await runIn({ stdin: PLAIN }, "--type", "yaml", "-")).status).toBe(0);
  });

  it("take formats from flags, before names", async () => {
    write("data.txt", '{"a": "b"}');
    expect((await enc("--type", "json", "data.txt")).stdout).toContain('"a": "ENC[');
    expect(await enc("data.txt")).toMatchObject({
      stdout: expect.stringContaining('"a": "ENC['),
      stderr: expect.stringContaining("taken as json"),
    });
    expect((await enc("--type", "binary", "data.txt")).stdout).toContain('"data": "ENC[');
    expect((await enc("--input-type=json", "--output-type=yaml", "data.txt")).stdout).toMatch(/^a: ENC\[/);
    expect((await enc("--filename-override", "x.json", "data.txt")).stdout).toContain('"a": "ENC[');
  });

  it("work in place on many files, all or none", async () => {
    write("b.json", '{"a": "b"}');
    expect((await enc("-i", "plain.yaml", "b.json", "./b.json")).status).toBe(0);
    expect(read("plain.yaml")).toContain("ENC[");
    expect(read("b.json")).toContain("ENC[");
    expect((await dec("plain.yaml", "b.json", "-i")).status).toBe(0);
    expect([read("plain.yaml"), read("b.json")]).toEqual([PLAIN, '{"a": "b"}']);

    write("broken.json", "{");
    expect((await enc("-i", "plain.yaml", "broken.json")).status).toBe(2);
    expect(read("plain.yaml")).toBe(PLAIN);
  });

  it("write plaintext for the owner only, and encrypted files for everyone", async () => {
    const umask = process.umask(0o022);
    try {
      await enc("-o", "out.enc.yaml", "plain.yaml");
      await dec("-o", "out.yaml", "out.enc.yaml");
    } finally {
      process.umask(umask);
    }
    expect(read("out.yaml")).toBe(PLAIN);
    expect(statSync(join(cwd, "out.enc.yaml")).mode & 0o777).toBe(0o644);
    expect(statSync(join(cwd, "out.yaml")).mode & 0o777).toBe(0o600);
  });

  it("keep mode and link of a file they write over", async () => {
    chmodSync(join(cwd, "plain.yaml"), 0o640);
    symlinkSync("plain.yaml", join(cwd, "link.yaml"));
    expect((await enc("-i", "link.yaml")).status).toBe(0);
    expect(read("plain.yaml")).toContain("ENC[");
    expect((await dec("-i", "link.yaml")).status).toBe(0);
    expect(read("plain.yaml")).toBe(PLAIN);
    expect(statSync(join(cwd, "plain.yaml")).mode & 0o777).toBe(0o640);
  });

  it("warn when the MAC is not checked", async () => {
    const sealed = await encrypted();
    write("edited.yaml", sealed.replace("5432", "5433"));
    expect((await dec("edited.yaml")).status).toBe(51);
    const { status, stdout, stderr } = await dec("--ignore-mac", "edited.yaml");
    expect([status, stdout]).toEqual([0, PLAIN.replace("5432", "5433")]);
    expect(stderr).toContain("warning:");
  });
});

describe("exit statuses", () => {
  // Source: SOPS cmd/sops/codes/codes.go, tried with sops 3.11.
  it.each<[status: number, files: Record<string, string>, argv: string[]]>([
    [1, {}, ["--nope", "plain.yaml"]],
    [1, {}, ["--age"]],
    [1, {}, ["--type", "ymal", "plain.yaml"]],
    [1, {}, ["--age", "age1nonsense", "plain.yaml"]],
    [1, {}, ["--pgp", "ABCD", "plain.yaml"]],
    [1, {}, ["--encrypted-regex", "(", "plain.yaml"]],
    [1, {}, ["--config", "missing.yaml", "plain.yaml"]],
    [1, {}, ["decrypt", "plain.yaml"]],
    [1, {}, ["keygen", "too", "many"]],
    [1, { "x.json": "[1" }, ["decrypt", "x.json"]],
    [1, { "x.yaml": "" }, ["decrypt", "x.yaml"]],
    [2, { "x.json": "[1" }, ["x.json"]],
    [2, { "x.yaml": "a: [\n" }, ["x.yaml"]],
    [2, {}, ["."]],
    [2, {}, ["decrypt", "."]],
    [3, {}, ["-o", "no/such/folder", "plain.yaml"]],
    [3, {}, ["-o", ".", "plain.yaml"]],
    [6, {}, ["--encryption-context", "a", "plain.yaml"]],
    [6, {}, ["--encryption-context", "a:b:c", "plain.yaml"]],
    [8, {}, ["-i", "-o", "x", "plain.yaml"]],
    [8, {}, ["-i", "-"]],
    [8, {}, ["-i"]],
    [8, { "b.yaml": "a: b\n" }, ["plain.yaml", "b.yaml"]],
    [8, {}, ["--encrypted-regex", "a", "--unencrypted-suffix", "b", "plain.yaml"]],
    [8, {}, ["decrypt", "--get", "a", "--extract", "[0]", "plain.yaml"]],
    [8, {}, ["decrypt", "-i", "--get", "a", "plain.yaml"]],
    [8, {}, ["-"]],
    [23, { "x.yaml": "1: a\n" }, ["x.yaml"]],
    [91, {}, ["decrypt", "--extract", "a", "plain.yaml"]],
    [91, {}, ["decrypt", "--get", "a..b", "plain.yaml"]],
    [92, { "x.yaml": "" }, ["x.yaml"]],
    [100, {}, ["missing.yaml"]],
    [100, {}, ["decrypt", "missing.yaml"]],
    [100, {}, ["decyrpt", "plain.yaml"]],
    [100, {}, []],
    [100, {}, ["decrypt"]],
    [203, { "x.json": '{"sops": {}, "a": 1}' }, ["x.json"]],
  ])("%i for %j %j", async (status, files, argv) => {
    for (const [name, text] of Object.entries(files)) write(name, text);
    const ran = await enc(...argv);
    expect(ran).toMatchObject({ status, stdout: "" });
    expect(ran.stderr).toMatch(/^enc: error: ./);
    expect(ran.stderr).not.toContain("canary");
    expect(read("plain.yaml")).toBe(PLAIN);
  });

  it("128 without a key, with each one that was tried", async () => {
    await encrypted();
    const { status, stdout, stderr } = await runIn({ env: {}, program: "dec" }, "sealed.yaml");
    expect({ status, stdout }).toEqual({ status: 128, stdout: "" });
    expect(stderr).toContain(RECIPIENT);
  });

  it("25 for a value that was tampered with", async () => {
    const sealed = await encrypted();
    write("edited.yaml", sealed.replace("  password:", "  passwort:"));
    const { status, stdout, stderr } = await dec("edited.yaml");
    expect({ status, stdout }).toEqual({ status: 25, stdout: "" });
    expect(stderr).toContain("db.passwort");
  });

  it("4 for what the other format cannot say", async () => {
    await encrypted();
    expect((await dec("--as", "dotenv", "sealed.yaml")).status).toBe(4);
  });

  it("1 for a path that leads nowhere", async () => {
    await encrypted();
    expect((await dec("--get", "db.nothing", "sealed.yaml")).status).toBe(1);
  });

  it("141 without a word when the reader is gone", async () => {
    expect(await runIn({ isClosed: true }, "plain.yaml")).toMatchObject({ status: 141, stderr: "" });
  });

  it("100 for an empty standard input that nobody asked for, 92 for one that was", async () => {
    expect((await runIn({ stdin: "" })).status).toBe(100);
    expect((await runIn({ stdin: "" }, "--type", "yaml")).status).toBe(92);
  });
});

describe("suggestions", () => {
  it.each([
    [["--agee", "x"], "--age"],
    [["--out=x"], "--output"],
    [["decyrpt", "plain.yaml"], "decrypt"],
    [["decyrpt"], "decrypt"],
    [["git", "textcnv"], "git textconv"],
    [["--type", "ymal", "plain.yaml"], "yaml"],
    [["decrypt", "--ignore-mca", "x"], "--ignore-mac"],
  ])("%j", async (argv, meant) => {
    const { stdout, stderr } = await enc(...argv);
    expect(stdout).toBe("");
    expect(stderr).toMatch(new RegExp(`^enc: hint: .*${meant}\\b`, "m"));
  });

  it("a flag of another command is unknown", async () => {
    expect((await enc("decrypt", "--age", "x", "plain.yaml")).status).toBe(1);
  });
});

describe("configuration", () => {
  const OTHER = "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg";
  const keyOnly = { SOPS_AGE_KEY: IDENTITY };

  it("is found from the file's folder upward, before the working directory", async () => {
    mkdirSync(join(cwd, "a/b"), { recursive: true });
    write("a/b/f.yaml", PLAIN);
    write(".sops.yaml", `creation_rules:\n  - age: ${OTHER}\n`);
    write("a/.sops.yaml", `creation_rules:\n  - path_regex: ^b/f\\.yaml$\n    age: ${RECIPIENT}\n`);
    const { stdout, status } = await runIn({ env: keyOnly }, "a/b/f.yaml");
    expect(status).toBe(0);
    expect(stdout).toContain(RECIPIENT);
    expect(stdout).not.toContain(OTHER);
  });

  it("is the named one if there is, and matches the absolute path of files outside its folder", async () => {
    mkdirSync(join(cwd, "conf"));
    write(".sops.yaml", "creation_rules: []\n");
    write("conf/c.yaml", `creation_rules:\n  - path_regex: ^${cwd}/plain\\.yaml$\n    age: ${OTHER}\n`);
    const named = await runIn({ env: keyOnly }, "--config", "conf/c.yaml", "plain.yaml");
    expect(named.stdout).toContain(OTHER);
    const byVariable = await runIn({ env: { ...keyOnly, SOPS_CONFIG: "conf/c.yaml" } }, "plain.yaml");
    expect(byVariable.stdout).toContain(OTHER);
  });

  it("needs a rule that matches, unless recipients are given", async () => {
    write(".sops.yaml", `creation_rules:\n  - path_regex: nothing\n    age: ${OTHER}\n`);
    expect((await runIn({ env: keyOnly }, "plain.yaml")).status).toBe(1);
    expect((await runIn({ env: keyOnly }, "--age", RECIPIENT, "plain.yaml")).status).toBe(0);
  });

  it("says which values, and flags override it, kind included", async () => {
    write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n    encrypted_regex: password\n`);
    expect((await runIn({ env: keyOnly }, "plain.yaml")).stdout).toContain("a.example");
    const { stdout } = await runIn({ env: keyOnly }, "--unencrypted-suffix", "_u", "plain.yaml");
    expect(stdout).not.toContain("a.example");
    expect(stdout).toContain("unencrypted_suffix: _u");
  });

  it.each([
    ["encrypted_regex", "^nothing$"],
    ["encrypted_suffix", "_nothing"],
    ["unencrypted_regex", "."],
    ["unencrypted_suffix", "d"],
    ["encrypted_comment_regex", "nothing"],
  ])("%s that leaves all of a text clear is an error, and no matter for a binary file", async (kind, pattern) => {
    write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n    ${kind}: ${pattern}\n`);
    for (const [name, text] of [
      ["f.yaml", "password: canary-hunter2\n"],
      ["f.json", '{"password": "canary-hunter2"}'],
      ["f.env", "password=canary-hunter2\n"],
      ["f.ini", "password = canary-hunter2\n"],
      ["f.toml", "password = 'canary-hunter2'\n"],
    ] as const) {
      write(name, text);
      const { status, stdout, stderr } = await runIn({ env: keyOnly }, name);
      expect([name, status, stdout]).toEqual([name, 1, ""]);
      expect(stderr).toContain("nothing would be encrypted");
    }
    write("key.pem", "canary-hunter2\n");
    expect((await runIn({ env: keyOnly }, "-i", "key.pem")).status).toBe(0);
    expect(read("key.pem")).not.toContain("canary");
    expect((await dec("key.pem")).stdout).toBe("canary-hunter2\n");
  });

  it("does not stop decryption when it is broken, unless it was named", async () => {
    await encrypted();
    write(".sops.yaml", "creation_rules: {");
    expect((await dec("sealed.yaml")).status).toBe(0);
    expect((await dec("--as", "json", "sealed.yaml")).status).toBe(0);
    expect((await dec("--config", ".sops.yaml", "sealed.yaml")).status).toBe(1);
    expect((await enc("plain.yaml")).status).toBe(1);
  });

  it("has the names of keys that did not help, and is read once for all files", async () => {
    write(".sops.yaml", `creation_rules:\n  - age:\n      - ${RECIPIENT} # Rita\n`);
    for (const name of ["a.yaml", "b.yaml"]) write(name, await encrypted());
    const reads: string[] = [];
    const real = await nodeHost();
    const host: Partial<CliHost> = {
      readFile: (path) => {
        reads.push(path);
        return real.readFile(path);
      },
    };
    const { status, stderr } = await runIn({ env: {}, program: "dec", host }, "-i", "a.yaml", "b.yaml");
    expect([status, stderr.match(/\(Rita\)/g)?.length]).toEqual([128, 2]);
    expect(reads.filter((path) => path === join(cwd, ".sops.yaml"))).toHaveLength(1);
  });

  it("indents what is printed anew", async () => {
    await encrypted();
    write(".sops.yaml", "stores:\n  json:\n    indent: 2\n");
    expect((await dec("--as", "json", "sealed.yaml")).stdout).toMatch(/^\{\n {2}"db": \{\n {4}"/);
    expect((await dec("--as", "json", "--indent", "3", "sealed.yaml")).stdout).toMatch(/^\{\n {3}"db"/);
  });

  it("is not read from .sops.yml, which is said once", async () => {
    write(".sops.yml", `creation_rules:\n  - age: ${OTHER}\n`);
    const { stdout, stderr } = await enc("plain.yaml");
    expect(stdout).not.toContain(OTHER);
    expect(stderr.match(/warning:.*\.sops\.yml/g)).toHaveLength(1);
  });

  it("falls back to the user's own identity, with a notice, or to an error that helps", async () => {
    const own = await runIn({ env: keyOnly }, "plain.yaml");
    expect(own.stdout).toContain(RECIPIENT);
    expect(own.stderr).toContain(RECIPIENT);
    const none = await runIn({ env: {} }, "plain.yaml");
    expect(none).toMatchObject({ status: 1, stdout: "" });
    expect(none.stderr).toContain("enc init");
  });
});

describe("messages", () => {
  it("have colour on a terminal only, and not with NO_COLOR", async () => {
    expect((await runIn({ isTerminal: true }, "nope")).stderr).toContain("\u001b[");
    expect((await runIn({ isTerminal: true, env: { ...env, NO_COLOR: "1" } }, "nope")).stderr).not.toContain("\u001b");
    expect((await runIn({}, "nope")).stderr).not.toContain("\u001b");
  });

  it("show control characters of file names as escapes", async () => {
    const { stderr } = await enc("x\u001b[2J\nenc: error: y");
    expect(stderr).not.toContain("\u001b");
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("show the place of a bug and nothing it says", async () => {
    const host = {
      readFile: () => Promise.reject(new TypeError("canary")),
    };
    const { status, stderr } = await runIn({ host }, "plain.yaml");
    expect(status).toBe(1);
    expect(stderr).toContain("TypeError");
    expect(stderr).not.toContain("canary");
  });
});

describe("help and version", () => {
  it("go to standard output", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await enc("--version")).toEqual({ status: 0, stdout: `enc ${version}\n`, stderr: "" });
    for (const argv of [["--help"], ["-h"], ["help"]]) {
      const { status, stdout, stderr } = await enc(...argv);
      expect([status, stderr]).toEqual([0, ""]);
      for (const command of commands) {
        const { name } = command;
        const { summary } = manualOf(command);
        expect(stdout).toContain(name);
        expect(stdout.replace(/\s+/g, " ")).toContain(summary);
      }
    }
  });

  it("explain every flag of every command, with examples", async () => {
    for (const command of commands) {
      const { name } = command;
      const { flags } = manualOf(command);
      const { status, stdout } = await enc(...name.split(" "), "--help");
      expect(status).toBe(0);
      for (const flag of flags) expect(stdout).toContain(`--${flag.name}`);
      expect(stdout).toContain("Examples:");
      expect((await enc("help", ...name.split(" "))).stdout).toBe(stdout);
    }
    expect((await dec("--help")).stdout).toContain("Usage: dec [FILE...]");
    expect((await enc("help", "nope")).status).toBe(1);
  });
});

describe("git textconv", () => {
  it("prints an encrypted file decrypted, and any other as it is", async () => {
    await encrypted("a1b2c3_x.enc.yaml");
    expect(await enc("git", "textconv", "a1b2c3_x.enc.yaml")).toEqual({ status: 0, stdout: PLAIN, stderr: "" });
    expect((await enc("git", "textconv", "plain.yaml")).stdout).toBe(PLAIN);
    write("template.yaml", "a: {{ .Values.x }}\n");
    expect((await enc("git", "textconv", "template.yaml")).stdout).toBe("a: {{ .Values.x }}\n");
  });

  it("prints what cannot be decrypted as it is, below the kind of reason", async () => {
    const sealed = await encrypted();
    const locked = await runIn({ env: {} }, "git", "textconv", "sealed.yaml");
    expect(locked).toMatchObject({ status: 0, stderr: "" });
    expect(locked.stdout).toMatch(/^# keyleaf: .*key.*\n/);
    expect(locked.stdout.slice(locked.stdout.indexOf("\n") + 1)).toBe(sealed);
    write("edited.yaml", sealed.replace("5432", "5433"));
    expect((await enc("git", "textconv", "edited.yaml")).stdout).toMatch(/^# keyleaf: .*tampered/);
    expect((await enc("git", "textconv", "missing.yaml")).status).toBe(100);
    expect((await enc("git", "textconv")).status).toBe(100);
  });
});

it.each(["enc", "sops"] as const)("%s prints no large file that does not come back", async (program) => {
  const cwd = temporaryFolder();
  // An empty block scalar has nothing to seal, and cannot stand where the wrapper of the document is put.
  writeFileSync(join(cwd, "b.yaml"), `a: "${"x".repeat(300_000)}"\n---\n|\n`);
  const argv = [...(program === "sops" ? ["encrypt"] : []), "--age", RECIPIENT, "b.yaml"];
  const { status, stdout, stderr } = await runWith({ cwd, env: {}, program }, ...argv);
  expect([status, stdout]).toEqual([3, ""]);
  expect(stderr).toContain("the encrypted file does not decrypt");
});

it("a threshold without groups is said to have no effect", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "a.yaml"), "a: b\n");
  const rule = `age: ${RECIPIENT}\n    shamir_threshold: 2\n`;
  writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - ${rule}`);
  const text = "warning: a threshold of 2 has no effect: there is one group, and any recipient in it opens the file";
  expect((await runWith({ cwd }, "a.yaml")).stderr).toContain(text);
  const groups = `key_groups: [{age: [${RECIPIENT}]}, {age: [${RECIPIENT}]}]\n    shamir_threshold: 2\n`;
  writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - ${groups}`);
  expect((await runWith({ cwd }, "a.yaml")).stderr).toBe("");
});
