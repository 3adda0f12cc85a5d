import { beforeEach, describe, expect, it } from "vitest";
import { commands } from "../../src/cli/commands/registry.ts";
import { IDENTITY_A, RECIPIENT_A } from "../support/sealing.ts";
import { IDENTITY, type Outcome, RECIPIENT, run, type Sandbox, sandbox } from "./program.ts";

/** What holds for every command that opens files. A new one has to be a row here. */

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
  const rules = `creation_rules:\n  - age: ${RECIPIENT},${RECIPIENT_A}\n`;
  box.write(".sops.yaml", `${rules}destination_rules:\n  - s3_bucket: keyleaf-test\n`);
  box.write("editor", "#!/bin/sh\ntouch ran\n", 0o755);
});

const env = {
  SOPS_AGE_KEY: `${IDENTITY}\n${IDENTITY_A}`,
  // Nothing answers there.
  AWS_ENDPOINT_URL: "http://127.0.0.1:9",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test-only",
  AWS_SECRET_ACCESS_KEY: "test-only",
  AWS_MAX_ATTEMPTS: "1",
};

function enc(...args: string[]): Promise<Outcome> {
  return run("enc", box, args, { env: { ...env, EDITOR: box.path("editor") } });
}

async function seal(name: string, text: string, ...flags: string[]): Promise<void> {
  box.write(`plain-${name}`, text);
  const sealing = ["--age", RECIPIENT, ...flags, "--filename-override", name, "-o", name, `plain-${name}`];
  expect((await enc(...sealing)).status).toBe(0);
}

describe("a file from which a value was removed", () => {
  const PLAIN = "a: canary-one\nb: canary-two\nc: canary-three\n";

  /** How each command opens `s.yaml`, which has one key group, or `g.yaml`, which has three; `null`: it opens no file. */
  const lines: Readonly<Record<string, readonly string[] | null>> = {
    encrypt: ["encrypt", "-o", "s.yaml", "plain-s.yaml"],
    decrypt: ["decrypt", "s.yaml"],
    edit: ["edit", "s.yaml"],
    set: ["set", "s.yaml", "c", '"new"'],
    get: ["get", "s.yaml", "c"],
    unset: ["unset", "s.yaml", "c"],
    init: null,
    keygen: null,
    "git setup": null,
    // Never fails: see below.
    "git textconv": null,
    rotate: ["rotate", "-i", "s.yaml"],
    updatekeys: ["updatekeys", "--yes", "s.yaml"],
    "groups add": ["groups", "add", "-i", "--file", "s.yaml", "--age", RECIPIENT_A],
    "groups delete": ["groups", "delete", "-i", "--file", "g.yaml", "1"],
    // Reads metadata only.
    "recipients list": null,
    exec: ["exec", "-f", "s.yaml", "--", "touch", "ran"],
    "exec-env": ["exec-env", "s.yaml", "touch ran"],
    "exec-file": ["exec-file", "s.yaml", "touch ran"],
    // Gets a wrapped data key, never a file.
    keyservice: null,
    publish: ["publish", "--yes", "s.yaml"],
    completion: null,
    filestatus: null,
  };

  beforeEach(async () => {
    await seal("s.yaml", PLAIN);
    await seal("g.yaml", PLAIN);
    for (const flags of [
      ["--age", RECIPIENT_A],
      ["--age", RECIPIENT, "--shamir-secret-sharing-threshold", "2"],
    ])
      expect((await enc("groups", "add", "-i", "--file", "g.yaml", ...flags)).status).toBe(0);
  });

  function removeValue(): void {
    for (const name of ["s.yaml", "g.yaml"]) {
      const whole = box.read(name);
      box.write(name, whole.replace(/^b: .*\n/m, ""));
      expect(box.read(name)).not.toBe(whole);
    }
  }

  it("is a matter of every command", () => {
    expect(Object.keys(lines)).toEqual(commands.map(({ name }) => name));
  });

  it.each(Object.entries(lines).filter(([, args]) => args !== null))(
    "is refused, and nothing of it comes out or is done: %s",
    async (name, args) => {
      removeValue();
      const before = [box.read("s.yaml"), box.read("g.yaml")];
      const shown = await enc(...(args ?? []));
      expect([name, shown.status]).toEqual([name, 51]);
      expect(shown.stderr).toContain("MAC");
      expect(shown.stdout + shown.stderr).not.toContain("canary");
      expect([box.read("s.yaml"), box.read("g.yaml")]).toEqual(before);
      expect(box.list()).not.toContain("ran");
    },
  );

  it("is the only reason why they fail", async () => {
    for (const [name, args] of Object.entries(lines)) {
      if (args === null) continue;
      await seal("s.yaml", PLAIN, "--fresh");
      const shown = await enc(...args);
      if (name === "publish") expect(shown.stderr).toMatch(/keyleaf-test.*ECONNREFUSED/);
      else expect([name, shown.status]).toEqual([name, 0]);
    }
    expect(box.list()).toContain("ran");
  });

  it("is shown encrypted by git textconv", async () => {
    removeValue();
    const { status, stdout } = await enc("git", "textconv", "s.yaml");
    expect(status).toBe(0);
    expect(stdout).toContain(box.read("s.yaml"));
    expect(stdout).not.toContain("canary");
  });
});

describe("a value that looks like a command, a variable or a template", () => {
  const VALUES = {
    A: "$(touch ran)",
    B: "`touch ran`",
    C: "$HOME $(pwd)",
    D: "{{ .A }}",
    E: "\\$(touch ran)",
    F: "'; touch ran; '",
  };
  const linesOf = (line: (name: string, value: string) => string): string =>
    Object.entries(VALUES)
      .map(([name, value]) => `${line(name, value)}\n`)
      .join("");
  const texts = {
    "f.yaml": linesOf((name, value) => `${name}: ${JSON.stringify(value)}`),
    "f.json": JSON.stringify(VALUES),
    "f.env": linesOf((name, value) => `${name}=${value}`),
    "f.toml": linesOf((name, value) => `${name} = ${JSON.stringify(value)}`),
  };

  it.each(Object.entries(texts))("is a text, in all that is done with it: %s", async (name, text) => {
    await seal(name, text);
    expect((await enc("decrypt", name)).stdout).toBe(text);
    expect((await enc("rotate", "-i", name)).status).toBe(0);
    expect((await enc("updatekeys", "--yes", name)).status).toBe(0);
    expect((await enc("exec-file", name, "cat {}")).stdout).toBe(text);
    expect(JSON.parse((await enc("decrypt", "--as", "json", name)).stdout)).toEqual(VALUES);
    for (const [key, value] of Object.entries(VALUES)) {
      expect((await enc("get", name, key)).stdout).toBe(value);
      expect((await enc("exec", "-f", name, "--", "printenv", key)).stdout).toBe(`${value}\n`);
      expect((await enc("exec-env", name, `printenv ${key}`)).stdout).toBe(`${value}\n`);
      expect((await enc("set", "--string", name, "A", value)).status).toBe(0);
      expect((await enc("get", name, "A")).stdout).toBe(value);
      expect((await enc("set", "--string", name, "A", VALUES.A)).status).toBe(0);
    }
    expect(box.list()).not.toContain("ran");
  });
});
