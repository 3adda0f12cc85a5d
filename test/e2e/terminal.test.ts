import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { pluginKey, writePlugin } from "../support/age-plugin.ts";
import { describePeer, pythonProgram } from "../support/peers.ts";
import { runAtTerminal, type Shown, type Step } from "../support/terminal.ts";
import { commandOf, type ProgramName, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** What is asked at the terminal, and that the terminal is afterwards as it was. */

const FIXTURES = join(import.meta.dirname, "../../fixtures/sops/3.13.2");
/** TEST ONLY: passphrases of the shared keys. */
const SSH_PASSPHRASE = "tr0ub4dor&3";
const AGE_PASSPHRASE = "correct horse battery staple";
const keys = { "ssh-ed25519-passphrase": "id", "age-passphrase.age": "k.age", "age-passphrase.armor.age": "k.txt" };

describePeer("at a terminal", "Python", pythonProgram(), (python) => {
  let box: Sandbox;
  let plain: string;

  beforeEach(() => {
    box = sandbox({ hasIdentity: false });
    for (const [from, to] of Object.entries(keys)) copyFileSync(join(FIXTURES, "keys", from), box.path(to));
    for (const name of ["ssh", "age"]) {
      copyFileSync(
        join(FIXTURES, "cases", `recipients-${name}-passphrase`, "encrypted.yaml"),
        box.path(`${name}.yaml`),
      );
    }
    plain = readFileSync(join(FIXTURES, "cases/recipients-ssh-passphrase/decrypted.yaml"), "utf8");
  });

  interface Asked {
    readonly env?: Readonly<Record<string, string>>;
    readonly stdin?: string;
    readonly program?: ProgramName;
  }

  function at(args: readonly string[], steps: readonly Step[], { env = {}, stdin, program = "enc" }: Asked = {}) {
    const argv = [...commandOf(program, box), ...args];
    const all = { ...box.env, SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id", ...env };
    return runAtTerminal(python, { argv, cwd: box.work, env: all, steps, ...(stdin === undefined ? {} : { stdin }) });
  }

  /** The terminal was asked, showed nothing of the answer, and is as it was. */
  function expectSilent(shown: Shown, passphrase: string): void {
    expect(shown.echoes.length).toBeGreaterThan(0);
    expect(shown.echoes.every((echo) => !echo)).toBe(true);
    expect(shown.isRestored).toBe(true);
    expect(shown.terminal + shown.stdout + shown.stderr).not.toContain(passphrase);
  }

  it("the passphrase of an ssh key", async () => {
    const shown = await at(["decrypt", "ssh.yaml"], [{ wait: "passphrase of ", type: `${SSH_PASSPHRASE}\r` }]);
    expect(shown).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect(shown.terminal).toBe("passphrase of the ssh key SOPS_AGE_SSH_PRIVATE_KEY_FILE (id): \r\n");
    expectSilent(shown, SSH_PASSPHRASE);
  });

  it.each(["k.age", "k.txt"])("the passphrase of %s", async (file) => {
    const env = { SOPS_AGE_KEY_FILE: file };
    const shown = await at(["decrypt", "age.yaml"], [{ wait: "passphrase of ", type: `${AGE_PASSPHRASE}\n` }], { env });
    expect(shown).toMatchObject({ status: 0, stderr: "" });
    expect(shown.stdout).toBe(readFileSync(join(FIXTURES, "cases/recipients-age-passphrase/decrypted.yaml"), "utf8"));
    expectSilent(shown, AGE_PASSPHRASE);
  });

  it.each([
    ["ssh", SSH_PASSPHRASE],
    ["age", AGE_PASSPHRASE],
  ])("once for all files of a run: %s", async (name, passphrase) => {
    // Two files with different wrapped keys.
    box.write("p.yaml", "a: b\n");
    const recipient = /recipient: (.*)/.exec(box.read(`${name}.yaml`))?.[1] ?? "";
    expect(await run("enc", box, ["--age", recipient, "-o", "p2.yaml", "p.yaml"])).toMatchObject({ status: 0 });
    const steps = [{ wait: "passphrase of", type: `${passphrase}\r` }];
    const env = { SOPS_AGE_KEY_FILE: "k.age" };
    const shown = await at(["decrypt", "-i", `${name}.yaml`, "p2.yaml"], steps, { env });
    expect(shown.status).toBe(0);
    expect(shown.terminal.match(/passphrase of/g)).toHaveLength(1);
    expect(box.read(`${name}.yaml`)).not.toContain("ENC[");
    expect(box.read("p2.yaml")).toBe("a: b\n");
    expectSilent(shown, passphrase);
  });

  it("takes corrections: what was deleted is no part of the answer, and neither are arrow keys", async () => {
    const typed = `wrong\u0015tr0ux\u007fb4dor\u001b[D&3\r`;
    const shown = await at(["decrypt", "ssh.yaml"], [{ wait: "passphrase", type: typed }]);
    expect(shown).toMatchObject({ status: 0, stdout: plain });
  });

  it("leaves standard input alone", async () => {
    const stdin = readFileSync(box.path("ssh.yaml"), "utf8");
    const steps = [{ wait: "passphrase", type: `${SSH_PASSPHRASE}\r` }];
    const shown = await at(["decrypt", "--type", "yaml", "-"], steps, { stdin });
    expect(shown).toMatchObject({ status: 0, stdout: plain, stderr: "" });
  });

  it.each<[what: string, typed: string, reason: string]>([
    ["a wrong passphrase", "wrong\r", "wrong passphrase"],
    ["nothing", "\r", "no passphrase given"],
    ["the end of input", "\u0004", "there is no terminal"],
  ])("%s: says so, asks no second time, and writes nothing", async (_what, typed, reason) => {
    const before = box.list();
    const shown = await at(["decrypt", "-o", "new.yaml", "ssh.yaml"], [{ wait: "passphrase", type: typed }]);
    expect(shown).toMatchObject({ status: 128, stdout: "", isRestored: true });
    expect(shown.stderr).toContain(reason);
    expect(shown.stderr).not.toContain("wrong\r");
    expect(shown.terminal.match(/passphrase/g)).toHaveLength(1);
    expect(box.list()).toEqual(before);
  });

  it.each<[what: string, step: Step, status: number]>([
    ["Ctrl-C", { wait: "passphrase", type: "tr0\u0003" }, 130],
    ["SIGINT", { wait: "passphrase", signal: "SIGINT" }, 130],
    ["SIGTERM", { wait: "passphrase", signal: "SIGTERM" }, 143],
    ["SIGHUP", { wait: "passphrase", signal: "SIGHUP" }, 129],
  ])("%s ends the program and gives the terminal back", async (_what, step, status) => {
    const before = box.list();
    // With files to be written somebody else listens to signals too.
    for (const args of [["-i", "ssh.yaml"], ["ssh.yaml"]]) {
      const shown = await at(["decrypt", ...args], [step]);
      expect(shown).toMatchObject({ status, stdout: "", isRestored: true, echoes: [false] });
      expect(box.list()).toEqual(before);
    }
  });

  it("the terminal that goes away ends the program, without a word about bugs", async () => {
    const before = box.list();
    const { status, stdout, stderr } = await at(["decrypt", "-i", "ssh.yaml"], [{ wait: "passphrase", close: true }]);
    expect([128, 129]).toContain(status);
    expect(stdout).toBe("");
    expect(stderr).not.toContain("internal");
    expect(box.list()).toEqual(before);
  });

  it("is not asked when another key opens the file", async () => {
    const identity = readFileSync(join(FIXTURES, "keys/age-alice.txt"), "utf8");
    const recipients = [
      readFileSync(join(FIXTURES, "keys/ssh-ed25519-passphrase.pub"), "utf8").trim(),
      /age1\w+/.exec(identity)?.[0] ?? "",
    ].join(",");
    box.write("p.yaml", "a: b\n");
    const env = { SOPS_AGE_KEY: /AGE-SECRET-KEY-1\w+/.exec(identity)?.[0] ?? "" };
    expect((await run("enc", box, ["--age", recipients, "-o", "s.yaml", "p.yaml"])).status).toBe(0);
    expect(await at(["decrypt", "s.yaml"], [], { env })).toMatchObject({ status: 0, stdout: "a: b\n", terminal: "" });
  });

  it("is not asked for a key that does not fit", async () => {
    const shown = await at(["decrypt", "age.yaml"], []);
    expect(shown).toMatchObject({ status: 128, stdout: "", terminal: "" });
  });

  it("is not asked by git, whose pager reads from the terminal too", async () => {
    const shown = await at(["git", "textconv", "ssh.yaml"], []);
    expect(shown).toMatchObject({ status: 0, stderr: "", terminal: "" });
    expect(shown.stdout).toBe(`# keyleaf: shown encrypted: no key at hand opens it\n${box.read("ssh.yaml")}`);
  });

  it("without a terminal the reason is given", async () => {
    // A session of its own has none, whatever terminal the tests run at.
    const inSession = "import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])";
    const env = { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" };
    const args = ["-c", inSession, ...commandOf("enc", box), "decrypt", "ssh.yaml"];
    const outcome = await runProgram(python, args, box, { env });
    expect(outcome.stderr).toContain("there is no terminal to ask for it");
    expect(outcome).toMatchObject({ status: 128, stdout: "" });
  });

  it("what a plugin asks: secrets are not shown, the rest is, and messages are free of escapes", async () => {
    writePlugin(box.bin);
    const key = pluginKey("msg:grease:confirm:confirm1:public:secret");
    const log = join(box.temporary, "plugin.log");
    const env = { PATH: `${box.bin}:${box.env["PATH"]}`, PLUGIN_LOG: log, SOPS_AGE_KEY: key.identity };
    box.write("p.yaml", "a: b\n");
    const steps = [
      { wait: "use the key?", type: "what\r" },
      { wait: "use the key?", type: "y\r" },
      { wait: "plug it in", type: "\r" },
      { wait: "serial number", type: "4\u007f5\r" },
      { wait: "PIN", type: "1234\r" },
    ];
    const sealing = await at(["-o", "s.yaml", "--age", key.recipient, "p.yaml"], steps, { env });
    expect(sealing.status).toBe(0);
    const opening = await at(["decrypt", "s.yaml"], steps, { env });
    expect(opening).toMatchObject({ status: 0, stdout: "a: b\n", isRestored: true });
    for (const shown of [sealing, opening]) {
      expect(shown.stderr).toBe("enc: note: age-plugin-keyleaf-test: touch the \\u001b[31mkey\n");
      expect(shown.terminal).toContain("[y: use it, n: skip it] y");
      expect(shown.terminal).not.toContain("1234");
    }
    const lines = readFileSync(log, "utf8").split("\n");
    for (const line of ["msg: ok", "confirm: ok yes", "request-public: ok 5", "request-secret: ok 1234"]) {
      expect(lines.filter((found) => found === line).length, line).toBeGreaterThanOrEqual(2);
    }
    expect(lines.filter((line) => /^grease-\w+: unsupported$/.test(line))).toHaveLength(2);
  });
});
