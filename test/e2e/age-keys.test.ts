import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { pluginKey, writePlugin } from "../support/age-plugin.ts";
import { run, type Sandbox, sandbox } from "./program.ts";

/** Keys of age that are no X25519 ones, with the programs as they are built. TEST ONLY: the shared keys. */

const KEYS = join(import.meta.dirname, "../../fixtures/sops/3.13.2/keys");
const key = (name: string): string => readFileSync(join(KEYS, name), "utf8").trim();

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
  for (const name of ["ssh-ed25519", "ssh-rsa", "age-quinn.txt"]) copyFileSync(join(KEYS, name), box.path(name));
  box.write("p.yaml", "a: b\n");
  writePlugin(box.bin);
});

const plugin = pluginKey();

describe.each<[string, string, Record<string, string>]>([
  ["an Ed25519 key of ssh", key("ssh-ed25519.pub"), { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "ssh-ed25519" }],
  ["an RSA key of ssh", key("ssh-rsa.pub"), { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "cat ssh-rsa" }],
  ["a post-quantum key", /age1pq1\w+/.exec(key("age-quinn.txt"))?.[0] ?? "", { SOPS_AGE_KEY_FILE: "age-quinn.txt" }],
  ["a key of a plugin", plugin.recipient, { SOPS_AGE_KEY: plugin.identity }],
])("%s", (_, recipient, identity) => {
  const seal = (env: Record<string, string>) =>
    run("enc", box, ["--age", recipient, "-o", "s.yaml", "p.yaml"], { env });
  const open = (env: Record<string, string>) => run("dec", box, ["s.yaml"], { env });

  it("seals and opens", async () => {
    const env = { ...identity, PATH: `${box.bin}:${box.env["PATH"]}` };
    expect(await seal(env)).toMatchObject({ status: 0, stderr: "" });
    expect(await open(env)).toMatchObject({ status: 0, stdout: "a: b\n", stderr: "" });
  });

  it("does not open without it: exit status 128, one line for each key, and nothing else", async () => {
    const env = { PATH: `${box.bin}:${box.env["PATH"]}` };
    expect((await seal(env)).status).toBe(0);
    const { status, stdout, stderr } = await open(env);
    expect([status, stdout]).toEqual([128, ""]);
    expect(stderr).toMatch(/^dec: error: s\.yaml: no key at hand opens this file\n {2}age .*\n$/);
    expect(stderr.length).toBeLessThan(1500);
  });
});

it("a plugin that is missing is named, also from the working directory, where it is not looked for", async () => {
  const { recipient, identity } = pluginKey("", "elsewhere");
  writePlugin(box.work, "elsewhere");
  const sealing = await run("enc", box, ["--age", recipient, "p.yaml"], { env: { PATH: `.:${box.env["PATH"]}` } });
  expect(sealing).toMatchObject({ status: 1, stdout: "" });
  expect(sealing.stderr).toContain("program not found: age-plugin-elsewhere");
  expect(sealing.stderr).toContain("enc: hint: install age-plugin-elsewhere in an absolute directory of PATH");
  const env = { PATH: `${box.work}:${box.env["PATH"]}` };
  expect((await run("enc", box, ["--age", recipient, "-o", "s.yaml", "p.yaml"], { env })).status).toBe(0);
  const opening = await run("dec", box, ["s.yaml"], { env: { SOPS_AGE_KEY: identity, PATH: `:${box.env["PATH"]}` } });
  expect(opening).toMatchObject({ status: 128, stdout: "" });
  expect(opening.stderr).toContain("program not found: age-plugin-elsewhere");
  expect(opening.stderr).not.toContain(identity);
});

it.each(["x/../evil", "../evil", "x/evil"])(
  "a plugin whose name is a path is refused, and not run: %s",
  async (name) => {
    const { recipient, identity } = pluginKey("", name);
    for (const folder of ["age-plugin-x", "age-plugin-.."]) mkdirSync(join(box.bin, folder));
    for (const path of ["evil", "age-plugin-x/evil"])
      box.write(join(box.bin, path), `#!/bin/sh\necho > ${box.path("ran")}\n`, 0o755);
    const env = { PATH: `${box.bin}:${box.env["PATH"]}` };
    const sealing = await run("enc", box, ["--age", recipient, "p.yaml"], { env });
    expect(sealing).toMatchObject({ status: 1, stdout: "" });
    expect((await run("enc", box, ["-o", "s.yaml", "p.yaml"], { env })).status).toBe(0);
    const mine = { ...env, HOME: "/nonexistent", SOPS_AGE_KEY: identity };
    const opening = await run("dec", box, ["s.yaml"], { env: mine });
    expect(opening).toMatchObject({ status: 128, stdout: "" });
    // It is not even looked for.
    expect(sealing.stderr + opening.stderr).not.toContain("age-plugin-");
    expect(existsSync(box.path("ran"))).toBe(false);
  },
);
