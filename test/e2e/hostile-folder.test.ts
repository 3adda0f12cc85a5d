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
  "vi",
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
  box.write(".env", "SOPS_AGE_RECIPIENTS=age1hostile\nNODE_OPTIONS=--require ./evil.cjs\n");
  box.write("bunfig.toml", 'preload = ["./evil.cjs"]\n');
  box.write("evil.cjs", `require("node:fs").appendFileSync(${JSON.stringify(box.path("ran"))}, "evil\\n");\n`);
  box.write("package.json", '{"type": "commonjs", "imports": {"#x": "./evil.cjs"}, "main": "./evil.cjs"}\n');
  for (const name of ["commander", "yaml", "diff", "re2js", "@noble/ciphers", "@aws-sdk/client-kms"]) {
    box.write(`node_modules/${name}/index.js`, 'require("../../evil.cjs");\n');
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
  expect(existsSync(box.path("ran"))).toBe(false);
  expect(box.read("s.enc.yaml")).toContain(RECIPIENT);
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
