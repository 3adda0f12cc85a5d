import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { startProgram } from "../../src/cli/conversation.ts";
import { age as ageProvider } from "../../src/crypto/keys/age.ts";
import { fieldOf, leaf, mapping } from "../../src/document/document.ts";
import { type Ran, runWith, temporaryFolder } from "../cli/fake.ts";
import { pluginKey, writePlugin } from "../support/age-plugin.ts";
import { fakeHost } from "../support/fake-host.ts";
import { describePeer, pythonProgram, sopsProgram, systemProgram } from "../support/peers.ts";
import { runSops, type SopsRun } from "../support/sops.ts";
import { runAtTerminal, type Shown } from "../support/terminal.ts";

/** age's kinds of keys, both ways: against sops 3.11.0, Debian's age 1.1.1, and keys as ssh-keygen makes them. */

const KEYS = join(import.meta.dirname, "../../fixtures/sops/3.13.2/keys");
/** TEST ONLY */
const PASSPHRASE = "a passphrase, ä";
const DATA_KEY = new Uint8Array(32).fill(0x66);

let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
  mkdirSync(join(cwd, "home/.ssh"), { recursive: true });
});

const write = (name: string, content: string | Uint8Array, mode = 0o600): void =>
  writeFileSync(join(cwd, name), content, { mode });
const read = (name: string): string => readFileSync(join(cwd, name), "utf8");

interface Done {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program of the system's. */
function runHere(program: string, args: readonly string[], stdin: string | Uint8Array = ""): Promise<Done> {
  return new Promise((resolve, reject) => {
    const env = { HOME: join(cwd, "home"), PATH: `${cwd}:${process.env["PATH"]}` };
    const child = spawn(program, args, { cwd, env });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout: Buffer.concat(stdout), stderr }));
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}

/** Makes an ssh key in a file, with its public half beside it. */
async function sshKey(program: string, name: string, ...args: readonly string[]): Promise<string> {
  const made = await runHere(program, ["-q", "-f", name, "-C", "TEST ONLY", ...args]);
  expect(made).toMatchObject({ status: 0, stderr: "" });
  return read(`${name}.pub`).trim();
}

/** The forms that ssh-keygen writes keys in. */
const sshKinds: [name: string, args: readonly string[]][] = [
  ["ed25519", ["-t", "ed25519"]],
  ["rsa 2048", ["-t", "rsa", "-b", "2048"]],
  ["rsa 3072 in PEM", ["-t", "rsa", "-b", "3072", "-m", "PEM"]],
  ["rsa 2048 in PKCS #8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"]],
];

describePeer("ssh-keygen", "ssh-keygen", systemProgram("ssh-keygen"), (keygen) => {
  const locked = (args: readonly string[]): readonly string[] => [...args, "-N", PASSPHRASE];
  const open = async (file: string, recipient: string, passphrase: string | null): Promise<Uint8Array | null> => {
    const [one] = ageProvider.fromText(recipient, {});
    if (one === undefined) throw new Error("no recipient");
    const key = await ageProvider.wrap(DATA_KEY, one, fakeHost());
    const files = { id: read(file), "id.pub": read(`${file}.pub`) };
    const host = fakeHost({ env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" }, files, answer: () => passphrase });
    const why = (): void => {};
    return (await ageProvider.unwrap(key, host, why)) ?? (await ageProvider.unwrapAsking?.(key, host, why)) ?? null;
  };

  it.each(sshKinds)("%s, as it is and with a passphrase", async (_, args) => {
    const recipient = await sshKey(keygen, "id", ...args, "-N", "");
    expect(await open("id", recipient, null)).toEqual(DATA_KEY);
    const lockedRecipient = await sshKey(keygen, "locked", ...locked(args));
    expect(await open("locked", lockedRecipient, PASSPHRASE)).toEqual(DATA_KEY);
    expect(await open("locked", lockedRecipient, "another")).toBeNull();
  });

  it.each([
    "aes256-ctr",
    "aes256-cbc",
    "aes256-gcm@openssh.com",
    "aes192-ctr",
    "aes128-ctr",
    "aes128-cbc",
    "aes128-gcm@openssh.com",
  ])("a passphrase with %s", async (cipher) => {
    const recipient = await sshKey(keygen, "id", ...locked(["-t", "ed25519", "-a", "2", "-Z", cipher]));
    expect(await open("id", recipient, PASSPHRASE)).toEqual(DATA_KEY);
    expect(await open("id", recipient, "another")).toBeNull();
  });

  it("a cipher that is not there is said", async () => {
    const recipient = await sshKey(
      keygen,
      "id",
      ...locked(["-t", "ed25519", "-a", "2", "-Z", "chacha20-poly1305@openssh.com"]),
    );
    const [one] = ageProvider.fromText(recipient, {});
    if (one === undefined) return expect.fail("no recipient");
    const reasons: string[] = [];
    const host = fakeHost({ env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" }, files: { id: read("id") } });
    await ageProvider.unwrap(await ageProvider.wrap(DATA_KEY, one, fakeHost()), host, (reason) => reasons.push(reason));
    expect(reasons).toContain("SOPS_AGE_SSH_PRIVATE_KEY_FILE (id): encrypted with an unknown cipher");
  });
});

describePeer("age 1.1.1", "age", systemProgram("age"), (program) => {
  const keygen = join(dirname(program), "age-keygen");

  async function wrapped(recipient: string, host = fakeHost()): Promise<string> {
    const [one] = ageProvider.fromText(recipient, {});
    if (one === undefined) throw new Error("no recipient");
    const enc = fieldOf((await ageProvider.wrap(DATA_KEY, one, host)).fields, "enc");
    return enc?.kind === "leaf" ? String(enc.scalar.text) : "";
  }

  async function opened(enc: string | Uint8Array, env: Record<string, string>, files = {}): Promise<Uint8Array | null> {
    const key = { provider: "age", fields: mapping([["enc", leaf({ type: "str", text: enc })]]) };
    const host = fakeHost({ env, files, answer: () => PASSPHRASE });
    return (
      (await ageProvider.unwrap(key, host, () => {})) ?? (await ageProvider.unwrapAsking?.(key, host, () => {})) ?? null
    );
  }

  it("X25519 keys of age-keygen", async () => {
    const identity = (await runHere(keygen, [])).stdout.toString();
    const recipient = /age1\w+/.exec(identity)?.[0] ?? "";
    write("k", identity);
    const there = await runHere(program, ["-d", "-i", "k"], await wrapped(recipient));
    expect(there).toMatchObject({ status: 0, stdout: Buffer.from(DATA_KEY) });
    const { stdout } = await runHere(program, ["-a", "-r", recipient], DATA_KEY);
    expect(await opened(stdout.toString(), { SOPS_AGE_KEY_FILE: "k" }, { k: identity })).toEqual(DATA_KEY);
  });

  it.each(["ssh-ed25519", "ssh-rsa"])("%s keys", async (name) => {
    const [key, recipient] = [readFileSync(join(KEYS, name)), readFileSync(join(KEYS, `${name}.pub`), "utf8").trim()];
    write("id", key);
    const there = await runHere(program, ["-d", "-i", "id"], await wrapped(recipient));
    expect(there).toMatchObject({ status: 0, stdout: Buffer.from(DATA_KEY) });
    const { stdout } = await runHere(program, ["-r", recipient], DATA_KEY);
    expect(await opened(stdout, { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" }, { id: key })).toEqual(DATA_KEY);
  });

  it("plugins", async () => {
    writePlugin(cwd);
    const key = pluginKey("msg:grease");
    const path = process.env["PATH"];
    process.env["PATH"] = `${cwd}:${path}`;
    try {
      const host = fakeHost({ start: startProgram, env: { SOPS_AGE_KEY: key.identity } });
      write("k", key.identity);
      const there = await runHere(program, ["-d", "-i", "k"], await wrapped(key.recipient, host));
      expect(there).toMatchObject({ status: 0, stdout: Buffer.from(DATA_KEY) });
      const { stdout } = await runHere(program, ["-r", key.recipient], DATA_KEY);
      const entry = { provider: "age", fields: mapping([["enc", leaf({ type: "str", text: stdout })]]) };
      expect(await ageProvider.unwrapAsking?.(entry, host, () => {})).toEqual(DATA_KEY);
    } finally {
      process.env["PATH"] = path;
    }
  });

  describePeer("at a terminal", "Python", pythonProgram(), (python) => {
    const atTerminal = (args: readonly string[], steps: { wait: string; type: string }[]): Promise<Shown> =>
      runAtTerminal(python, { argv: [program, ...args], cwd, env: { HOME: cwd }, steps });

    it.each([[[]], [["-a"]]])("identity files with a passphrase %j", async (flags) => {
      write("k", `# TEST ONLY\n${(await runHere(keygen, [])).stdout}`);
      const recipient = (await runHere(keygen, ["-y", "k"])).stdout.toString().trim();
      const twice = { wait: "assphrase", type: `${PASSPHRASE}\n` };
      expect(await atTerminal([...flags, "-p", "-o", "k.age", "k"], [twice, twice])).toMatchObject({ status: 0 });
      const { stdout } = await runHere(program, ["-r", recipient], DATA_KEY);
      const files = { k: readFileSync(join(cwd, "k.age")) };
      expect(await opened(stdout, { SOPS_AGE_KEY_FILE: "k" }, files)).toEqual(DATA_KEY);
    });
  });
});

describePeer("sops 3.11.0", "sops", sopsProgram(), (program) => {
  const home = (): string => join(cwd, "home");
  const env = (more: Readonly<Record<string, string>>): Record<string, string> => ({
    HOME: home(),
    PATH: `${cwd}:${process.env["PATH"]}`,
    ...more,
  });
  const sops = (more: Readonly<Record<string, string>>, ...args: string[]): Promise<SopsRun> =>
    runSops(program, { cwd, env: env(more) }, ...args);
  const enc = (more: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> =>
    runWith({ cwd, env: env(more) }, ...args);

  /** Sealed here and there, in two files. */
  async function sealedBothWays(recipient: string): Promise<void> {
    write("p.yaml", "a: b\n");
    const here = await enc({}, "encrypt", "--age", recipient, "-o", "here.yaml", "p.yaml");
    expect(here).toMatchObject({ status: 0, stderr: "" });
    const there = await sops({}, "encrypt", "--age", recipient, "p.yaml");
    expect(there.status, there.stderr).toBe(0);
    write("there.yaml", there.stdout);
  }

  async function expectBothOpen(identity: Readonly<Record<string, string>>): Promise<void> {
    for (const file of ["here.yaml", "there.yaml"]) {
      expect(await sops(identity, "decrypt", file)).toMatchObject({ status: 0, stdout: Buffer.from("a: b\n") });
      expect(await enc(identity, "decrypt", file)).toMatchObject({ status: 0, stdout: "a: b\n", stderr: "" });
    }
  }

  async function expectNeitherOpens(identity: Readonly<Record<string, string>>): Promise<void> {
    for (const file of ["here.yaml", "there.yaml"]) {
      expect((await sops(identity, "decrypt", file)).status).toBe(128);
      expect(await enc(identity, "decrypt", file)).toMatchObject({ status: 128, stdout: "" });
    }
  }

  describe.each(["ssh-ed25519", "ssh-rsa"])("%s", (name) => {
    const usual = name === "ssh-rsa" ? "id_rsa" : "id_ed25519";

    beforeEach(async () => {
      copyFileSync(join(KEYS, name), join(cwd, "id"));
      await sealedBothWays(readFileSync(join(KEYS, `${name}.pub`), "utf8").trim());
    });

    it("named by the variable", () => expectBothOpen({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(cwd, "id") }));
    it("printed by a command, which sops has had since a later version", async () => {
      const identity = { SOPS_AGE_SSH_PRIVATE_KEY_CMD: `cat "${join(cwd, "id")}"` };
      for (const file of ["here.yaml", "there.yaml"]) {
        expect(await enc(identity, "decrypt", file)).toMatchObject({ status: 0, stdout: "a: b\n", stderr: "" });
      }
    });
    it("in its usual place", async () => {
      copyFileSync(join(KEYS, name), join(home(), ".ssh", usual));
      await expectBothOpen({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: "gone" });
    });
    it("with another key", async () => {
      copyFileSync(join(KEYS, name === "ssh-rsa" ? "ssh-ed25519" : "ssh-rsa"), join(cwd, "other"));
      await expectNeitherOpens({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(cwd, "other") });
    });
    it("keeps the line with its comment as the recipient", () => {
      const lines = ["here.yaml", "there.yaml"].map((file) => /recipient: (.*)/.exec(read(file))?.[1]);
      expect(lines[0]).toBe(lines[1]);
    });
  });

  it("post-quantum keys", async () => {
    const identity = readFileSync(join(KEYS, "age-quinn.txt"), "utf8");
    await sealedBothWays(/age1pq1\w+/.exec(identity)?.[0] ?? "");
    write("k", identity);
    await expectBothOpen({ SOPS_AGE_KEY_FILE: join(cwd, "k") });
    await expectNeitherOpens({ SOPS_AGE_KEY_FILE: join(KEYS, "age-alice.txt") });
  });

  it("plugins", async () => {
    writePlugin(cwd);
    const key = pluginKey("grease");
    const path = process.env["PATH"];
    // The host of these tests looks on the real PATH.
    process.env["PATH"] = `${cwd}:${path}`;
    try {
      await sealedBothWays(key.recipient);
      await expectBothOpen({ SOPS_AGE_KEY: key.identity });
      await expectNeitherOpens({ SOPS_AGE_KEY: pluginKey().identity });
    } finally {
      process.env["PATH"] = path;
    }
  });

  describePeer("at a terminal", "Python", pythonProgram(), (python) => {
    it.each([
      ["ssh-ed25519-passphrase", "ssh-ed25519-passphrase.pub", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "tr0ub4dor&3"],
      ["age-passphrase.age", "age-passphrase.pub", "SOPS_AGE_KEY_FILE", "correct horse battery staple"],
    ])("opens what was sealed here with %s", async (file, pub, variable, passphrase) => {
      copyFileSync(join(KEYS, file), join(cwd, "id"));
      await sealedBothWays(readFileSync(join(KEYS, pub), "utf8").trim());
      const steps = [{ wait: "assphrase", type: `${passphrase}\n` }];
      const argv = [program, "decrypt", "here.yaml"];
      // Not through an agent, which would ask elsewhere.
      const all = env({ [variable]: join(cwd, "id"), GNUPGHOME: cwd, SOPS_DISABLE_VERSION_CHECK: "true" });
      expect(await runAtTerminal(python, { argv, cwd, env: all, steps })).toMatchObject({
        status: 0,
        stdout: "a: b\n",
      });
    });
  });
});
