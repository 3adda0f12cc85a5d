import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { armor, Encrypter } from "age-encryption";
import { describe, expect, test } from "vitest";
import { sshKeyFiles } from "../../../src/crypto/age/identity-sources.ts";
import { parseSshPrivateKey } from "../../../src/crypto/age/ssh-private-key.ts";
import { sshBlob } from "../../../src/crypto/age/ssh-public-key.ts";
import { unwrapDataKey } from "../../../src/crypto/data-key.ts";
import { age } from "../../../src/crypto/keys/age.ts";
import type { Mapping } from "../../../src/document/document.ts";
import { KeyleafError } from "../../../src/errors.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, IDENTITY_A, IDENTITY_B, RECIPIENT_A, RECIPIENT_B } from "../../support/sealing.ts";

/** Where keys come from that are no X25519 identities, and when a person is asked for something. */

const DATA_KEY = new Uint8Array(32).fill(0x66);
const HOME_KEY = "/home/tester/.ssh/id_ed25519";

/** TEST ONLY: keys of the shared fixtures, and their passphrases. */
function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../../fixtures/sops/3.13.2/keys/${name}`, import.meta.url));
}
const locked = { file: fixture("ssh-ed25519-passphrase"), recipient: lineOf("ssh-ed25519-passphrase") };
const LOCKED_PASSPHRASE = "tr0ub4dor&3";
const AGE_PASSPHRASE = "correct horse battery staple";
/** With little work, so that it does not take a second each time; the fixture, which is opened once, has as much as age gives. */
const lockedAge = { file: await lockedFile(`# TEST ONLY\n${IDENTITY_B}\n`), recipient: RECIPIENT_B };
const quinn = fixture("age-quinn.txt").toString();
const quinnRecipient = /age1pq1\w+/.exec(quinn)?.[0] ?? "";

async function lockedFile(identities: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(AGE_PASSPHRASE);
  encrypter.setScryptWorkFactor(8);
  return encrypter.encrypt(identities);
}

function lineOf(name: string): string {
  return fixture(`${name}.pub`).toString().trim();
}

async function entriesFor(...recipients: string[]): Promise<{ list: "age"; fields: Mapping }[]> {
  const all = recipients.flatMap((text) => age.fromText(text, {}));
  return Promise.all(
    all.map(async (one) => ({ list: "age", fields: (await age.wrap(DATA_KEY, one, fakeHost())).fields })),
  );
}

/** The data key, or why there is none. */
async function outcome(host: FakeHost, ...recipients: string[]): Promise<Uint8Array | string> {
  try {
    return await unwrapDataKey([await entriesFor(...recipients)], host);
  } catch (error) {
    if (!(error instanceof KeyleafError) || error.code !== "KEY_UNAVAILABLE") throw error;
    expectDiscreet(error, LOCKED_PASSPHRASE, AGE_PASSPHRASE, "hunter2");
    return (error.details.attempts ?? []).map(({ reason }) => reason).join("; ");
  }
}

describe("sources of ssh keys", () => {
  test("the file of the variable comes before the usual ones, and each is named once", () => {
    const rsa = "/home/tester/.ssh/id_rsa";
    const filesOf = (options: FakeHostOptions) => sshKeyFiles(fakeHost(options)).map(({ name, path }) => [name, path]);
    const env = { SOPS_AGE_SSH_PRIVATE_KEY_FILE: rsa };
    const named = `SOPS_AGE_SSH_PRIVATE_KEY_FILE (${rsa})`;
    expect(filesOf({})).toEqual([HOME_KEY, rsa].map((path) => [path, path]));
    expect(filesOf({ env })).toEqual([
      [named, rsa],
      [HOME_KEY, HOME_KEY],
    ]);
    expect(filesOf({ env, home: null })).toEqual([[named, rsa]]);
  });

  const recipient = lineOf("ssh-ed25519");
  const key = fixture("ssh-ed25519");

  test.each<[string, FakeHostOptions]>([
    ["SOPS_AGE_SSH_PRIVATE_KEY_FILE", { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" }, files: { id: key } }],
    [
      "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "print 'a b'" }, programs: { print: { stdout: key } } },
    ],
    ["~/.ssh/id_ed25519", { files: { [HOME_KEY]: key } }],
    ["~/.ssh/id_rsa, whatever is in it", { files: { "/home/tester/.ssh/id_rsa": key } }],
    [
      "the usual file beside a variable, which fails",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "gone", SOPS_AGE_KEY: "nonsense" }, files: { [HOME_KEY]: key } },
    ],
    [
      "a command beside a file with another key",
      {
        env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "print" },
        files: { [HOME_KEY]: fixture("ssh-rsa") },
        programs: { print: { stdout: key } },
      },
    ],
  ])("%s", async (_, options) => {
    expect(await outcome(fakeHost(options), recipient)).toEqual(DATA_KEY);
  });

  test("the command is told the recipient", async () => {
    const env = { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "print 'a b'" };
    const host = fakeHost({ env, programs: { print: { stdout: key } } });
    await outcome(host, recipient);
    expect(host.runs).toEqual([{ command: ["print", "a b"], extraEnv: { SOPS_AGE_RECIPIENT: recipient } }]);
  });

  test.each<[string, FakeHostOptions, string]>([
    [
      "no such file",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" } },
      "SOPS_AGE_SSH_PRIVATE_KEY_FILE (id): no such file",
    ],
    [
      "unreadable",
      { files: { [HOME_KEY]: new Error("EACCES: permission denied") } },
      `${HOME_KEY}: EACCES: permission denied`,
    ],
    ["something else", { files: { [HOME_KEY]: "hunter2" } }, `${HOME_KEY}: not an ssh private key`],
    [
      "another key",
      { files: { [HOME_KEY]: fixture("ssh-rsa") } },
      `${HOME_KEY}: none of its identities (1) is for this key`,
    ],
    ["a large file", { files: { [HOME_KEY]: new Uint8Array(1024 * 1024 + 1) } }, `${HOME_KEY}: is larger than 1 MiB`],
    ["an empty command", { env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "" } }, "SOPS_AGE_SSH_PRIVATE_KEY_CMD: is empty"],
    [
      "a command that fails",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "x" }, programs: { x: { status: 2, stdout: key } } },
      "SOPS_AGE_SSH_PRIVATE_KEY_CMD: the command ended with status 2",
    ],
    [
      "a command that is not there",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "x" } },
      "SOPS_AGE_SSH_PRIVATE_KEY_CMD: cannot find program x",
    ],
  ])("%s: is said", async (_, options, reason) => {
    const reasons = await outcome(fakeHost(options), recipient);
    expect(String(reasons).split("; ")).toContain(reason);
  });

  test("none is read for a file that is for other keys", async () => {
    const host = fakeHost({ env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id", SOPS_AGE_SSH_PRIVATE_KEY_CMD: "print" } });
    await outcome(host, RECIPIENT_A, quinnRecipient);
    expect(host.reads.filter((path) => path.includes("id"))).toEqual([]);
    expect(host.runs).toEqual([]);
  });

  test("files are read once, and one that is named twice too", async () => {
    const host = fakeHost({ env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: HOME_KEY }, files: { [HOME_KEY]: key } });
    await outcome(host, recipient, recipient);
    await outcome(host, recipient);
    expect(host.reads.filter((path) => path === HOME_KEY)).toHaveLength(1);
  });
});

describe("post-quantum identities", () => {
  test.each<[string, FakeHostOptions]>([
    ["SOPS_AGE_KEY", { env: { SOPS_AGE_KEY: quinn } }],
    [
      "beside others, on one line",
      { env: { SOPS_AGE_KEY: `${IDENTITY_A} ${/AGE-SECRET-KEY-PQ-1\w+/.exec(quinn)?.[0]}` } },
    ],
    ["default file", { files: { "/home/tester/.config/sops/age/keys.txt": quinn } }],
  ])("%s", async (_, options) => {
    expect(await outcome(fakeHost(options), quinnRecipient)).toEqual(DATA_KEY);
  });

  test("the kind of key that is needed is said", async () => {
    expect(await outcome(fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_A } }), quinnRecipient)).toContain("mlkem768x25519");
  });
});

describe("a passphrase", () => {
  const asking = (options: FakeHostOptions, passphrase: string | null): FakeHost =>
    fakeHost({ answer: () => passphrase, ...options });

  test("is asked for an ssh key that a stanza names", async () => {
    const host = asking({ files: { [HOME_KEY]: locked.file } }, LOCKED_PASSPHRASE);
    expect(await outcome(host, locked.recipient)).toEqual(DATA_KEY);
    expect(host.questions).toEqual([`passphrase of the ssh key ${HOME_KEY}: `]);
  });

  test.each(["age-passphrase.age", "age-passphrase.armor.age"])("is asked for %s", async (name) => {
    const host = asking({ env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: fixture(name) } }, AGE_PASSPHRASE);
    expect(await outcome(host, fixture("age-passphrase.pub").toString().trim())).toEqual(DATA_KEY);
    expect(host.questions).toEqual(["passphrase of the age identities in SOPS_AGE_KEY_FILE (k): "]);
  });

  test("is asked for identities in a variable, and for those that a command prints", async () => {
    const text = armor.encode(lockedAge.file);
    const inVariable = asking({ env: { SOPS_AGE_KEY: text } }, AGE_PASSPHRASE);
    expect(await outcome(inVariable, lockedAge.recipient)).toEqual(DATA_KEY);
    const programs = { print: { stdout: lockedAge.file } };
    const printed = asking({ env: { SOPS_AGE_KEY_CMD: "print" }, programs }, AGE_PASSPHRASE);
    expect(await outcome(printed, lockedAge.recipient)).toEqual(DATA_KEY);
  });

  test.each<[string, FakeHostOptions, string, string]>([
    ["an ssh key", { files: { [HOME_KEY]: locked.file } }, locked.recipient, LOCKED_PASSPHRASE],
    [
      "an identity file that a command prints for each recipient",
      { env: { SOPS_AGE_KEY_CMD: "print" }, programs: { print: { stdout: lockedAge.file } } },
      lockedAge.recipient,
      AGE_PASSPHRASE,
    ],
    [
      "an ssh key that is in two places",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id" }, files: { id: locked.file, [HOME_KEY]: locked.file } },
      locked.recipient,
      "wrong",
    ],
    ["one that gets a wrong answer", { files: { [HOME_KEY]: locked.file } }, locked.recipient, "wrong"],
  ])("is asked once in a run: %s", async (_, options, recipient, passphrase) => {
    const host = asking(options, passphrase);
    await Promise.all([outcome(host, recipient), outcome(host, recipient)]);
    await outcome(host, recipient, RECIPIENT_A);
    expect(host.questions).toHaveLength(1);
  });

  test("is asked for only after everything else, also behind it in the file, has failed", async () => {
    const env = { SOPS_AGE_KEY: IDENTITY_A };
    const files = { [HOME_KEY]: locked.file };
    const host = asking({ env, files }, LOCKED_PASSPHRASE);
    expect(await outcome(host, locked.recipient, lockedAge.recipient, RECIPIENT_A)).toEqual(DATA_KEY);
    expect(host.questions).toEqual([]);
    // A command comes before it, too.
    const commands = { SOPS_AGE_KEY_CMD: "print" };
    const another = asking({ env: commands, files, programs: { print: IDENTITY_A } }, LOCKED_PASSPHRASE);
    expect(await outcome(another, locked.recipient, RECIPIENT_A)).toEqual(DATA_KEY);
    expect(another.questions).toEqual([]);
  });

  test("is not asked for a key that does not fit", async () => {
    const host = asking({ files: { [HOME_KEY]: locked.file } }, LOCKED_PASSPHRASE);
    await outcome(host, lineOf("ssh-ed25519"), lineOf("ssh-rsa"), RECIPIENT_A);
    // An identity file can hold no ssh key.
    const file = asking({ env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: lockedAge.file } }, AGE_PASSPHRASE);
    await outcome(file, lineOf("ssh-ed25519"));
    expect([...host.questions, ...file.questions]).toEqual([]);
  });

  test.each<[string, string | null, string]>([
    ["no terminal", null, "needs a passphrase, and there is no terminal to ask for it (use a key without one here)"],
    ["nothing typed", "", "no passphrase given"],
    ["a wrong one", "hunter2", "wrong passphrase"],
  ])("%s: is said, and the next key is tried", async (_, answer, reason) => {
    const files = { [HOME_KEY]: locked.file, k: lockedAge.file };
    const env = { SOPS_AGE_KEY_FILE: "k" };
    const reasons = await outcome(asking({ env, files }, answer), locked.recipient, lockedAge.recipient);
    expect(String(reasons).split("; ")).toContain(`${HOME_KEY}: ${reason}`);
    expect(String(reasons).split("; ")).toContain(`SOPS_AGE_KEY_FILE (k): ${reason}`);
    const host = fakeHost({ env, files, answer: (question) => (question.includes("ssh") ? answer : AGE_PASSPHRASE) });
    expect(await outcome(host, locked.recipient, lockedAge.recipient)).toEqual(DATA_KEY);
  });

  test("nobody to ask at all is the same as no terminal", async () => {
    const reasons = await outcome(fakeHost({ files: { [HOME_KEY]: locked.file } }), locked.recipient);
    expect(reasons).toContain("there is no terminal to ask for it");
  });
});

describe("identity files with a passphrase that cannot be opened", () => {
  /** With a stanza of its header replaced. */
  const spoiled = (stanza: string): Buffer =>
    Buffer.from(
      Buffer.from(lockedAge.file)
        .toString("latin1")
        .replace(/-> scrypt .*/, stanza),
      "latin1",
    );

  test.each<[string, Uint8Array, string]>([
    ["too much work", spoiled("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 23"), "work factor 23 is over 22"],
    ["endless work", spoiled("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 99999999999999999999"), "is over 22"],
    ["no work", spoiled("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 0"), "malformed scrypt stanza"],
    ["a short salt", spoiled("-> scrypt AAAA 18"), "malformed scrypt stanza"],
    ["another kind", spoiled("-> other"), "encrypted to a key: only a passphrase can be asked for"],
    ["cut off", lockedAge.file.subarray(0, 40), "age file: header: ends too early"],
    ["only the beginning", Buffer.from("-----BEGIN AGE"), "age file: armor"],
  ])("%s: nothing is asked", async (_, file, reason) => {
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: file }, answer: () => AGE_PASSPHRASE });
    expect(await outcome(host, lockedAge.recipient)).toContain(reason);
    expect(host.questions).toEqual([]);
  });

  test.each<[string, string, string]>([
    ["nothing in it", "# nothing\n", "holds no identity"],
    ["something else in it", "hunter2", "line 1 is not an age identity"],
  ])("%s", async (_, content, reason) => {
    const files = { k: await lockedFile(content) };
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "k" }, files, answer: () => AGE_PASSPHRASE });
    expect(await outcome(host, lockedAge.recipient)).toContain(`SOPS_AGE_KEY_FILE (k): ${reason}`);
  });

  test("a damaged payload", async () => {
    const file = Uint8Array.from(lockedAge.file);
    file[file.length - 1] = (file.at(-1) ?? 0) ^ 1;
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: file }, answer: () => AGE_PASSPHRASE });
    expect(await outcome(host, lockedAge.recipient)).toContain("age file: payload: a chunk does not match its tag");
  });
});

test("an identity file with a passphrase can hold post-quantum identities", async () => {
  const files = { k: await lockedFile(`${IDENTITY_A}\n${quinn}`) };
  const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "k" }, files, answer: () => AGE_PASSPHRASE });
  expect(await outcome(host, quinnRecipient)).toEqual(DATA_KEY);
});

describe("a PEM key with a passphrase, which does not say which key it is", () => {
  test("needs its .pub file", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const open = parseSshPrivateKey(Buffer.from(privateKey.export({ type: "pkcs1", format: "pem" })));
    if (!("secret" in open)) return expect.fail("no key");
    const line = `ssh-rsa ${Buffer.from(sshBlob(open.publicKey)).toString("base64")} me@here`;
    const pem = privateKey.export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "hunter2" });
    const id = "/home/tester/.ssh/id_rsa";

    const host = fakeHost({ files: { [id]: String(pem), [`${id}.pub`]: line }, answer: () => "hunter2" });
    expect(await outcome(host, line)).toEqual(DATA_KEY);
    expect(host.questions).toHaveLength(1);

    const without = fakeHost({ files: { [id]: String(pem) }, answer: () => "hunter2" });
    expect(await outcome(without, line)).toContain(`or in ${id}.pub`);
    const other = fakeHost({ files: { [id]: String(pem), [`${id}.pub`]: lineOf("ssh-rsa") }, answer: () => "hunter2" });
    await outcome(other, line);
    expect([...without.questions, ...other.questions]).toEqual([]);
    expect(await outcome(other, lineOf("ssh-rsa"))).toContain("it is not the key that its .pub file says");
  });
});
