import { existsSync } from "node:fs";
import { delimiter } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { IDENTITY, type Outcome, RECIPIENT, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/**
 * A folder that somebody else filled: an unpacked archive, a cloned repository. Programs that lie there are not run, and
 * files that other tools would obey have no effect (GHSA-x5c7-x7m2-rhmf, and what standalone executables load by default).
 */

const names = [
  "age",
  "age-keygen",
  "age-plugin-x",
  "git",
  "sops",
  "gpg",
  "gpg2",
  "node",
  "sh",
  "env",
  "cat",
  "mkfifo",
  "stty",
  "tty",
  "ssh",
  "vim",
  "nano",
  "vi",
  "editor",
  "key",
];

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
  for (const name of names) {
    for (const file of [name, `${name}.exe`, `${name}.cmd`]) {
      box.write(file, `#!/bin/sh\necho "${name} $*" >> '${box.path("ran")}'\necho '${IDENTITY}'\n`, 0o755);
    }
  }
  // What Bun reads from the working directory unless an executable is built without: settings, code that is run first,
  // other places for modules. The key that is named here is a trap too.
  const settings = `SOPS_AGE_RECIPIENTS=age1hostile\nSOPS_AGE_KEY_CMD=${box.path("key")}\nNODE_OPTIONS=--require ./evil.cjs\nBUN_OPTIONS=--preload ./evil.cjs\n`;
  for (const name of ["", ".local", ".production", ".development", ".test", ".production.local"]) {
    box.write(`.env${name}`, settings);
  }
  const preload = 'preload = ["./evil.cjs"]\n[run]\nbun = true\n[define]\n"process.argv0" = "\'sops\'"\n';
  for (const name of ["bunfig.toml", ".bunfig.toml"]) box.write(name, preload);
  box.write("evil.cjs", `require("node:fs").appendFileSync(${JSON.stringify(box.path("ran"))}, "evil\\n");\n`);
  const modules = ["commander", "yaml", "diff", "re2js", "@aws-sdk/client-kms", "@aws-sdk/client-sts"];
  const elsewhere = Object.fromEntries(
    [...modules, "node:fs", "node:crypto", "#x"].map((name) => [name, "./evil.cjs"]),
  );
  box.write(
    "package.json",
    JSON.stringify({ type: "commonjs", main: "./evil.cjs", imports: elsewhere, exports: "./evil.cjs" }),
  );
  for (const name of ["tsconfig.json", "jsconfig.json"]) {
    const paths = Object.fromEntries(Object.keys(elsewhere).map((module) => [module, ["./evil.cjs"]]));
    box.write(name, JSON.stringify({ extends: "./base.json", compilerOptions: { baseUrl: ".", paths } }));
  }
  box.write("base.json", JSON.stringify({ compilerOptions: { jsxImportSource: "./evil.cjs" } }));
  for (const name of modules) {
    box.write(`node_modules/${name}/index.js`, `require(${JSON.stringify(box.path("evil.cjs"))});\n`);
    box.write(`node_modules/${name}/chacha.js`, `require(${JSON.stringify(box.path("evil.cjs"))});\n`);
  }
  box.write(".npmrc", "node-options=--require=./evil.cjs\n");
  box.write("plain.yaml", "a: b\n");
});

/** PATHs as people have them: with the working directory in it, in every spelling. */
const paths = ["", ".", "./", "bin/.."].flatMap((entry) => [
  [entry, process.env["PATH"] ?? ""].join(delimiter),
  [process.env["PATH"] ?? "", entry].join(delimiter),
]);

it("the traps work", async () => {
  await runProgram(box.path("git"), [], box);
  expect(existsSync(box.path("ran"))).toBe(true);
});

it.each(paths.map((path, i) => [i, path]))("nothing that lies there is run, PATH %i", async (_i, path) => {
  const enc = (...args: string[]): Promise<Outcome> => run("enc", box, args, { env: { PATH: path } });
  expect((await enc("-o", "s.enc.yaml", "plain.yaml")).status).toBe(0);
  expect((await enc("decrypt", "s.enc.yaml", "--as", "json")).stdout).toContain('"a": "b"');
  expect((await enc("git", "textconv", "s.enc.yaml")).stdout).toBe("a: b\n");
  expect((await enc("init")).status).toBe(0);
  expect((await enc("git", "setup")).status).toBe(1);
  expect((await enc("keygen", "-o", "new.txt")).status).toBe(0);
  expect((await enc("exec-env", "s.enc.yaml", "echo $a")).stdout).toBe("b\n");
  expect((await enc("exec-file", "s.enc.yaml", "read line < {}; echo $line")).stdout).toBe("a: b\n");
  expect(existsSync(box.path("ran"))).toBe(false);
  expect(box.read("s.enc.yaml")).toContain(RECIPIENT);
});

it.each(["", "vim", "./vim", "editor -w"])("an editor is not looked for there: EDITOR=%s", async (EDITOR) => {
  expect((await run("enc", box, ["-o", "s.enc.yaml", "plain.yaml"])).status).toBe(0);
  for (const PATH of ["", ".", "./", "bin/..", `.${delimiter}${box.bin}`]) {
    for (const file of ["s.enc.yaml", "new.yaml"]) {
      expect((await run("enc", box, ["edit", file], { env: { EDITOR, PATH } })).status).toBe(201);
    }
  }
  expect(existsSync(box.path("ran"))).toBe(false);
});

it("settings that lie there have no effect", async () => {
  expect((await run("enc", box, ["-o", "s.enc.yaml", "plain.yaml"])).status).toBe(0);
  for (const NODE_ENV of ["", "production", "development", "test"]) {
    const env = { NODE_ENV };
    expect((await run("enc", box, ["plain.yaml"], { env })).stdout).toContain(RECIPIENT);
    expect((await run("dec", box, ["s.enc.yaml"], { env })).stdout).toBe("a: b\n");
    expect((await run("sops", box, ["-d", "s.enc.yaml"], { env })).stdout).toBe("a: b\n");
    // The command that is named in .env would give the key.
    const nobody = await run("dec", box, ["s.enc.yaml"], { env: { ...env, HOME: "/nonexistent" } });
    expect([nobody.status, nobody.stdout]).toEqual([128, ""]);
    expect(nobody.stderr).toContain("SOPS_AGE_KEY_CMD: not set");
  }
  expect(existsSync(box.path("ran"))).toBe(false);
});

it("modules that lie there are not loaded", async () => {
  // A line with flags loads commander, a pattern re2js, a KMS key the AWS SDK, and enc init diff.
  const pattern = ["--age", RECIPIENT, "--encrypted-regex", "(?i)^A$", "plain.yaml"];
  expect((await run("enc", box, pattern)).stdout).toContain("a: ENC[");
  const role = "arn:aws:iam::123456789012:role/x";
  const arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000";
  const env = {
    AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    AWS_ACCESS_KEY_ID: "test-only",
    AWS_SECRET_ACCESS_KEY: "test-only",
    AWS_MAX_ATTEMPTS: "1",
  };
  for (const kms of [arn, `${arn}+${role}`]) {
    expect((await run("enc", box, ["--kms", kms, "plain.yaml"], { env })).stderr).toContain("ECONNREFUSED");
  }
  expect((await run("enc", box, ["init"])).status).toBe(0);
  expect(existsSync(box.path("ran"))).toBe(false);
});

it.each(["key", "./key", "bin/../key"])("a key command is not looked for there: %s", async (command) => {
  expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
  for (const PATH of ["", ".", `.${delimiter}${process.env["PATH"]}`]) {
    const env = { HOME: "/nonexistent", SOPS_AGE_KEY_CMD: command, PATH };
    const { status, stdout, stderr } = await run("dec", box, ["s.yaml"], { env });
    expect([status, stdout]).toEqual([128, ""]);
    expect(stderr).toContain("SOPS_AGE_KEY_CMD");
  }
  expect(existsSync(box.path("ran"))).toBe(false);
});

it("names of files are not taken for flags or commands", async () => {
  for (const name of ["--output=stolen", "-i", "decrypt"]) box.write(name, "a: b\n");
  const args = ["--type", "yaml", "--"];
  for (const name of ["--output=stolen", "-i"]) {
    expect((await run("enc", box, [...args, name])).stdout).toContain("a: ENC[");
  }
  expect((await run("enc", box, ["--type", "yaml", "./decrypt"])).stdout).toContain("a: ENC[");
  expect(existsSync(box.path("stolen"))).toBe(false);
  expect(box.read("-i")).toBe("a: b\n");
});
