import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { alice, bob } from "../support/sops.ts";
import { type Ran, runWith, type Setting, temporaryFolder } from "./fake.ts";

/** Who can read files: shown, and changed by rotating, by rules and by groups. TEST ONLY: all keys. */

let cwd: string;

const SOURCE = "# note\na: {b: [1, 'two']}\nc_unencrypted: d\nn: 0x1F\n";
const keys = { alice: alice.identity, bob: bob.identity, both: `${alice.identity}\n${bob.identity}`, nobody: "" };
type Who = keyof typeof keys;

const read = (name: string): string => readFileSync(join(cwd, name), "utf8");
const write = (name: string, content: string): void => {
  mkdirSync(dirname(join(cwd, name)), { recursive: true });
  writeFileSync(join(cwd, name), content);
};
const runAs = (who: Who, argv: readonly string[], setting: Partial<Setting> = {}): Promise<Ran> =>
  runWith({ cwd, ...setting, env: { SOPS_AGE_KEY: keys[who], ...setting.env } }, ...argv);
const enc = (who: Who, ...argv: string[]): Promise<Ran> => runAs(who, argv);

/** `.sops.yaml` with one rule for everything. */
const rule = (text: string): void => write(".sops.yaml", `creation_rules:\n  - ${text}\n`);
const FOR_BOTH = `age:\n      - ${alice.recipient} # Alice\n      - ${bob.recipient} # Bob\n`;

/** Encrypts {@link SOURCE} to files. */
async function seal(names: readonly string[], ...flags: string[]): Promise<void> {
  write("plain.yaml", SOURCE);
  for (const name of names) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    expect((await enc("nobody", ...flags, "-o", name, "plain.yaml")).status).toBe(0);
  }
}

async function expectOpens(name: string, ...readers: Who[]): Promise<void> {
  for (const who of ["alice", "bob"] as const) {
    const { status, stdout } = await enc(who, "decrypt", name);
    expect([who, status, stdout]).toEqual(readers.includes(who) ? [who, 0, SOURCE] : [who, 128, ""]);
  }
}

/** All files with what must not change where nothing is done. */
function state(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(cwd, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(cwd, name)).isFile())
      .map((name) => [name, `${statSync(join(cwd, name)).ino} ${read(name)}`]),
  );
}

async function expectRefused(ran: Promise<Ran>, before: object, status: number, said: RegExp): Promise<Ran> {
  const outcome = await ran;
  expect([outcome.status, outcome.stderr]).toEqual([status, expect.stringMatching(said)]);
  expect(state()).toEqual(before);
  return outcome;
}

beforeEach(() => {
  cwd = temporaryFolder();
  rule(`age: ${alice.recipient}`);
});

describe("enc rotate", () => {
  beforeEach(() => seal(["f.yaml"]));

  it("prints the file with a new data key, and leaves the file", async () => {
    const before = read("f.yaml");
    const { status, stdout, stderr } = await enc("alice", "rotate", "f.yaml");
    expect([status, stderr]).toEqual([0, ""]);
    expect(read("f.yaml")).toBe(before);
    write("g.yaml", stdout);
    await expectOpens("g.yaml", "alice");
    const envelopes = (text: string): string[] => text.match(/ENC\[[^\]]+\]/g) ?? [];
    expect(envelopes(stdout).filter((one) => before.includes(one))).toEqual([]);
    expect(envelopes(stdout)).toHaveLength(envelopes(before).length);
  });

  it("in place keeps mode and link", async () => {
    chmodSync(join(cwd, "f.yaml"), 0o640);
    symlinkSync("f.yaml", join(cwd, "link.yaml"));
    const before = read("f.yaml");
    expect((await enc("alice", "rotate", "-i", "link.yaml")).status).toBe(0);
    expect(read("f.yaml")).not.toBe(before);
    expect(statSync(join(cwd, "f.yaml")).mode & 0o777).toBe(0o640);
    expect(readdirSync(cwd)).toContain("link.yaml");
    await expectOpens("f.yaml", "alice");
  });

  it("to another file", async () => {
    expect((await enc("alice", "rotate", "-o", "g.yaml", "f.yaml")).status).toBe(0);
    await expectOpens("g.yaml", "alice");
  });

  it("adds a recipient, each once, and takes one away", async () => {
    expect((await enc("alice", "rotate", "-i", "--add-age", bob.recipient, "f.yaml")).status).toBe(0);
    await expectOpens("f.yaml", "alice", "bob");
    const again = await enc("alice", "rotate", "-i", "--add-age", bob.recipient, "f.yaml");
    expect([again.status, again.stderr]).toEqual([0, expect.stringContaining("is among its recipients already")]);
    expect(read("f.yaml").match(/recipient:/g)).toHaveLength(2);
    expect((await enc("bob", "rotate", "-i", "--rm-age", alice.recipient, "--keep-unlisted", "f.yaml")).status).toBe(0);
    await expectOpens("f.yaml", "bob");
  });

  it("exchanges the only recipient", async () => {
    const flags = ["--add-age", bob.recipient, "--rm-age", alice.recipient];
    expect((await enc("alice", "rotate", "-i", ...flags, "f.yaml")).status).toBe(0);
    await expectOpens("f.yaml", "bob");
  });

  it("refuses what cannot be meant, and writes nothing", async () => {
    write("bad.yaml", "a: [\n");
    const before = state();
    const refused = (argv: string[], status: number, said: RegExp): Promise<Ran> =>
      expectRefused(enc("alice", "rotate", "-i", ...argv), before, status, said);
    await refused(["--rm-age", bob.recipient, "f.yaml"], 1, /is not among its recipients/);
    await refused(["--rm-age", alice.recipient, "f.yaml"], 1, /would leave no recipients/);
    await refused(["--add-age", bob.recipient, "--rm-age", bob.recipient, "f.yaml"], 8, /added and removed/);
    await refused(["--add-age", "age1nonsense", "f.yaml"], 1, /age1nonsense/);
    await refused(["--shamir-secret-sharing-threshold", "2", "f.yaml"], 1, /there is only 1 key group/);
    await refused(["--add-age", bob.recipient, "none.yaml"], 49, /no such file/);
    await refused(["none.yaml"], 2, /no such file/);
    await refused(["plain.yaml"], 1, /not encrypted/);
    await refused(["bad.yaml"], 1, /bad.yaml/);
    await refused(["--encryption-context", "x", "f.yaml"], 6, /bad --encryption-context/);
    await refused([], 100, /no file given/);
    await expectRefused(enc("bob", "rotate", "-i", "f.yaml"), before, 128, /no key at hand/);
    await expectRefused(enc("alice", "rotate", "f.yaml", "plain.yaml"), before, 8, /--in-place/);
  });

  it("names a recipient that cannot be reached", async () => {
    const before = state();
    const arn = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555";
    const env = { AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" };
    const argv = ["rotate", "-i", "--add-kms", arn, "f.yaml"];
    await expectRefused(runAs("alice", argv, { env: { ...env, AWS_MAX_ATTEMPTS: "1" } }), before, 1, new RegExp(arn));
  });

  it("checks the MAC unless told not to", async () => {
    write("f.yaml", read("f.yaml").replace("c_unencrypted: d", "c_unencrypted: e"));
    await expectRefused(enc("alice", "rotate", "-i", "f.yaml"), state(), 51, /MAC does not match/);
    const { status, stderr } = await enc("alice", "rotate", "-i", "--ignore-mac", "f.yaml");
    expect([status, stderr]).toEqual([0, expect.stringContaining("the MAC was not checked")]);
    expect((await enc("alice", "decrypt", "f.yaml")).stdout).toBe(SOURCE.replace(": d", ": e"));
  });

  it("many files, all or none", async () => {
    await seal(["d/a.yaml", "d/e/b.yaml"]);
    write("d/plain.yaml", "a: b\n");
    const { status, stderr } = await enc("alice", "rotate", "-i", "d");
    expect([status, stderr]).toEqual([0, "enc: note: 2 files rotated\n"]);
    await expectOpens("d/e/b.yaml", "alice");
    const dry = await enc("nobody", "rotate", "-i", "--dry-run", "d");
    expect([dry.status, dry.stdout]).toEqual([0, "rotate d/a.yaml\nrotate d/e/b.yaml\n"]);
    write("d/e/b.yaml", read("d/e/b.yaml").replace("c_unencrypted: d", "c_unencrypted: e"));
    await expectRefused(enc("alice", "rotate", "-i", "d"), state(), 51, /nothing was written: 1 of 2 files failed/);
  });

  it("takes a key away wherever it is, and leaves files that never had it", async () => {
    await seal(["d/a.yaml"], "--age", `${alice.recipient},${bob.recipient}`);
    await seal(["d/b.yaml"]);
    const before = read("d/b.yaml");
    const { status, stderr } = await enc("alice", "rotate", "-i", "--rm-age", bob.recipient, "d");
    expect([status, stderr]).toEqual([0, expect.stringMatching(/d\/b.yaml: stays as it is.*\n.*1 file rotated\n$/)]);
    await expectOpens("d/a.yaml", "alice");
    expect(read("d/b.yaml")).toBe(before);
    // Misspelt, it would be nowhere.
    await expectRefused(
      enc("alice", "rotate", "-i", "--rm-age", bob.recipient, "d"),
      state(),
      100,
      /no file to rotate/,
    );
  });

  it("changes the threshold", async () => {
    const group = `{age: [${alice.recipient}]}`;
    rule(`key_groups: [${group}, ${group}, {age: [${bob.recipient}]}]`);
    await seal(["g.yaml"]);
    expect((await enc("both", "rotate", "-i", "--shamir-secret-sharing-threshold", "2", "g.yaml")).status).toBe(0);
    await expectOpens("g.yaml", "alice");
  });
});

describe("a recipient that has put itself into a file", () => {
  beforeEach(() => seal(["f.yaml"], "--age", `${alice.recipient},${bob.recipient}`));

  it("is given no new data key", async () => {
    const before = state();
    const { stderr } = await expectRefused(enc("alice", "rotate", "-i", "f.yaml"), before, 1, /does not name/);
    expect(stderr).toContain(bob.recipient);
    expect(stderr).not.toContain(alice.recipient);
    await expectRefused(enc("alice", "rotate", "-i", "--dry-run", "f.yaml"), before, 1, /does not name/);
    const add = ["groups", "add", "--file", "f.yaml", "-i", "--age", alice.recipient];
    await expectRefused(enc("alice", ...add), before, 1, /does not name/);
  });

  it.each([
    ["--keep-unlisted", ["--keep-unlisted"], {}],
    ["naming it", ["--add-age", bob.recipient], {}],
    ["the environment", [], { SOPS_AGE_RECIPIENTS: bob.recipient }],
  ])("may stay by %s", async (_, flags, env) => {
    expect((await runAs("alice", ["rotate", "-i", ...flags, "f.yaml"], { env })).status).toBe(0);
    await expectOpens("f.yaml", "alice", "bob");
  });

  it("goes by --rm-age, and by updatekeys", async () => {
    expect((await enc("alice", "rotate", "-o", "g.yaml", "--rm-age", bob.recipient, "f.yaml")).status).toBe(0);
    await expectOpens("g.yaml", "alice");
    expect((await enc("alice", "updatekeys", "--yes", "f.yaml")).status).toBe(0);
    await expectOpens("f.yaml", "alice");
  });

  it("is named where there is no rule", async () => {
    write(".sops.yaml", "creation_rules: []\n");
    const { status, stderr } = await enc("alice", "rotate", "-i", "f.yaml");
    expect([status, stderr]).toEqual([0, expect.stringContaining(`${alice.recipient}, ${bob.recipient}\n`)]);
  });
});

describe("enc updatekeys", () => {
  beforeEach(async () => {
    await seal(["f.yaml"]);
    rule(FOR_BOTH);
  });

  it("shows the plan with names, and does it", async () => {
    const before = read("f.yaml");
    const { status, stdout, stderr } = await enc("alice", "updatekeys", "--yes", "f.yaml");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`f.yaml\n    age ${alice.recipient} (Alice)\n+++ age ${bob.recipient} (Bob)\n`);
    await expectOpens("f.yaml", "alice", "bob");
    // Values, MAC, time and the entry that was there are as they were.
    const lines = read("f.yaml").split("\n");
    expect(before.split("\n").filter((line) => !lines.includes(line))).toEqual([]);
  });

  it("takes away, and says what that does not do", async () => {
    rule(`age: ${bob.recipient} # Bob`);
    const { status, stdout, stderr } = await enc("alice", "updatekeys", "-y", "f.yaml");
    expect([status, stdout]).toEqual([0, `f.yaml\n+++ age ${bob.recipient} (Bob)\n--- age ${alice.recipient}\n`]);
    expect(stderr).toContain(
      `${alice.recipient} may have kept the data key, which stays the same: enc rotate -i f.yaml`,
    );
    await expectOpens("f.yaml", "bob");
  });

  it("leaves a file that is up to date", async () => {
    rule(`age: ${alice.recipient}`);
    const before = state();
    const { status, stdout, stderr } = await enc("nobody", "updatekeys", "f.yaml");
    expect([status, stdout, stderr]).toEqual([
      0,
      "",
      "enc: note: nothing to do: 1 file is in line with .sops.yaml already\n",
    ]);
    expect(state()).toEqual(before);
  });

  it("--dry-run needs no key and writes nothing", async () => {
    const before = state();
    const { status, stdout, stderr } = await enc("nobody", "updatekeys", "--dry-run", ".");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^f.yaml\n(.*\n)+\+\+\+ age /)]);
    expect(stderr).toBe("enc: note: 1 file would be in line with .sops.yaml; nothing was written\n");
    expect(state()).toEqual(before);
  });

  it.each([
    ["y", 0, true],
    ["Yes", 0, true],
    ["n", 0, false],
    ["", 0, false],
  ])("asks once for all files: %j", async (answer, status, isDone) => {
    await seal(["d/a.yaml", "d/b.yaml"], "--age", alice.recipient);
    const questions: string[] = [];
    const ask = async (question: string): Promise<string> => {
      questions.push(question);
      return questions.length === 1 ? "what" : answer;
    };
    const ran = await runAs("alice", ["updatekeys", "d"], { host: { ask } });
    expect([ran.status, questions]).toEqual([status, Array(2).fill(expect.stringContaining("2 files"))]);
    expect(ran.stderr).toContain(isDone ? "2 files in line with .sops.yaml" : "nothing was changed");
    await expectOpens("d/b.yaml", ...(isDone ? (["alice", "bob"] as const) : (["alice"] as const)));
  });

  it("refuses without a terminal and without --yes", async () => {
    const before = state();
    const { stdout } = await expectRefused(enc("alice", "updatekeys", "f.yaml"), before, 1, /no terminal[\s\S]*--yes/);
    expect(stdout).toContain("+++");
  });

  it("refuses what cannot be done, and writes nothing", async () => {
    await seal(["d/a.yaml"]);
    write("d/b.yaml", "a: b\n");
    write("bad.yaml", "a: [\n");
    const before = state();
    const refused = (argv: string[], status: number, said: RegExp): Promise<Ran> =>
      expectRefused(enc("alice", "updatekeys", "-y", ...argv), before, status, said);
    await refused([], 100, /no file given/);
    await refused(["none.yaml"], 1, /no such file/);
    await refused(["d/b.yaml"], 1, /not encrypted/);
    await refused(["bad.yaml"], 1, /bad.yaml/);
    await refused(["-"], 8, /standard input/);
    await refused(["--all", "f.yaml"], 8, /--all takes no files/);
    await refused(["--config", "none", "f.yaml"], 1, /does not exist/);
    await expectRefused(enc("bob", "updatekeys", "-y", "f.yaml"), before, 128, /no key at hand/);
  });

  it("needs a configuration, with a rule for the file", async () => {
    write(".sops.yaml", "stores: {}\n");
    await expectRefused(enc("alice", "updatekeys", "-y", "f.yaml"), state(), 1, /has no creation_rules/);
    write(".sops.yaml", `creation_rules:\n  - path_regex: ^d/\n    age: ${bob.recipient}\n`);
    await expectRefused(enc("alice", "updatekeys", "-y", "f.yaml"), state(), 1, /no creation rule matches f.yaml/);
    await seal(["d/a.yaml"], "--age", alice.recipient);
    const { status, stderr } = await enc("alice", "updatekeys", "-y", ".");
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("f.yaml: stays as it is: no creation rule matches it"),
    ]);
    await expectOpens("d/a.yaml", "bob");
    await expectOpens("f.yaml", "alice");
  });

  it("takes nobody from flags or the environment", async () => {
    rule(`age: ${alice.recipient}`);
    const { status, stdout } = await runAs("alice", ["updatekeys", "-y", "f.yaml"], {
      env: { SOPS_AGE_RECIPIENTS: bob.recipient },
    });
    expect([status, stdout]).toEqual([0, ""]);
  });

  it("applies groups and threshold of the rule", async () => {
    const groups = [alice, bob, alice].map(({ recipient }) => `{age: [${recipient}]}`).join(", ");
    rule(`key_groups: [${groups}]\n    shamir_threshold: 2`);
    const made = await enc("alice", "updatekeys", "-y", "f.yaml");
    expect([made.status, made.stdout]).toEqual([0, expect.stringContaining("\n+++ shamir_threshold: 2\ngroup 1\n")]);
    await expectOpens("f.yaml", "alice");
    rule(`key_groups: [${groups}]\n    shamir_threshold: 3`);
    const more = await enc("alice", "updatekeys", "-y", "f.yaml");
    expect(more.stdout).toContain("\n+++ shamir_threshold: 3\n--- shamir_threshold: 2\n");
    await expectOpens("f.yaml");
    rule(`key_groups: [${groups}]\n    shamir_threshold: 4`);
    await expectRefused(enc("both", "updatekeys", "-y", "f.yaml"), state(), 1, /the threshold is 4/);
    rule(`age: ${alice.recipient}`);
    expect((await enc("both", "updatekeys", "-y", "f.yaml")).stdout).toContain("\n--- shamir_threshold: 3\n");
    await expectOpens("f.yaml", "alice");
  });

  it("checks the MAC before anybody else gets the data key", async () => {
    write("f.yaml", read("f.yaml").replace("c_unencrypted: d", "c_unencrypted: e"));
    await expectRefused(enc("alice", "updatekeys", "-y", "f.yaml"), state(), 51, /MAC does not match/);
  });

  it("does what was shown, or nothing", async () => {
    const ask = async (): Promise<string> => {
      write("f.yaml", read("g.yaml"));
      return "y";
    };
    await seal(["g.yaml"], "--age", bob.recipient);
    const ran = await runAs("both", ["updatekeys", "f.yaml"], { host: { ask } });
    expect([ran.status, ran.stderr]).toEqual([3, expect.stringContaining("changed by someone else")]);
    expect(read("f.yaml")).toBe(read("g.yaml"));
  });

  it("all files or none", async () => {
    await seal(["d/a.yaml", "d/b.yaml", "d/c.yaml"], "--age", alice.recipient);
    await seal(["d/d.yaml"], "--age", bob.recipient);
    const said = /d\/d.yaml: no key at hand[\s\S]*nothing was written: 1 of 4 files failed/;
    await expectRefused(enc("alice", "updatekeys", "-y", "d"), state(), 128, said);
    expect((await enc("both", "updatekeys", "-y", "d/**/*.yaml")).stderr).toContain("4 files in line");
    for (const name of ["a", "b", "c", "d"]) await expectOpens(`d/${name}.yaml`, "alice", "bob");
  });
});

describe("enc groups", () => {
  beforeEach(() => seal(["f.yaml"]));
  const ofFile = (...argv: string[]): string[] => ["groups", ...argv, "--file", "f.yaml"];
  const addBob = ofFile("add", "-i", "--age", bob.recipient);

  it("adds a group, prints the file or writes it", async () => {
    rule(FOR_BOTH);
    const before = read("f.yaml");
    const printed = await enc("alice", ...ofFile("add", "--age", bob.recipient));
    expect([printed.status, printed.stderr]).toEqual([0, "enc: note: 2 of 2 key groups open it now\n"]);
    expect(read("f.yaml")).toBe(before);
    write("g.yaml", printed.stdout);
    await expectOpens("g.yaml");
    expect((await enc("both", "decrypt", "g.yaml")).stdout).toBe(SOURCE);
    chmodSync(join(cwd, "f.yaml"), 0o640);
    expect((await enc("alice", ...addBob)).status).toBe(0);
    expect(statSync(join(cwd, "f.yaml")).mode & 0o777).toBe(0o640);
    const third = [...ofFile("add", "-i", "--age", alice.recipient), "--shamir-secret-sharing-threshold", "2"];
    expect((await enc("both", ...third)).stderr).toContain("2 of 3 key groups open it now");
    await expectOpens("f.yaml", "alice");
    // The threshold stays where none is given.
    expect((await enc("alice", ...addBob)).stderr).toContain("2 of 4 key groups");
  });

  it("deletes one, counted from 0, and says who it was", async () => {
    rule(FOR_BOTH);
    await enc("alice", ...addBob);
    await enc("both", ...ofFile("add", "-i", "--age", alice.recipient, "--shamir-secret-sharing-threshold", "2"));
    const deleted = await enc("both", ...ofFile("delete", "1", "-i"));
    expect([deleted.status, deleted.stderr]).toEqual([0, expect.stringContaining(`deleted: ${bob.recipient}`)]);
    await expectOpens("f.yaml", "alice");
    const one = ofFile("delete", "-i", "0", "--shamir-secret-sharing-threshold", "1");
    expect((await enc("alice", ...one)).stderr).toContain("any recipient opens it now");
    await expectOpens("f.yaml", "alice");
    expect(read("f.yaml")).not.toMatch(/key_groups|shamir/);
  });

  it("refuses what would lose the file, and writes nothing", async () => {
    rule(FOR_BOTH);
    let before = state();
    const refused = (argv: string[], status: number, said: RegExp): Promise<Ran> =>
      expectRefused(enc("both", ...argv), before, status, said);
    await refused(ofFile("add", "-i"), 1, /would have no recipients/);
    await refused(ofFile("add", "-i", "--hckms", "nonsense"), 1, /nonsense/);
    await refused(ofFile("add", "-i", "--azure-kv", "nonsense"), 1, /Azure/i);
    await refused(ofFile("add", "-i", "--hc-vault-transit", "nonsense"), 1, /nonsense/);
    await refused([...addBob, "--shamir-secret-sharing-threshold", "1"], 1, /threshold of 1/);
    await refused([...addBob, "--shamir-secret-sharing-threshold", "3"], 1, /the threshold is 3/);
    await refused([...addBob, "operand"], 1, /one word too many/);
    await refused(ofFile("delete", "-i"), 1, /INDEX is missing/);
    await refused(ofFile("delete", "-i", "1st"), 1, /1st is not the number/);
    await refused(ofFile("delete", "-i", "0"), 1, /the only key group/);
    await refused(ofFile("delete", "-i", "1"), 1, /no key group 1/);
    await refused(["groups", "add", "--age", bob.recipient], 100, /no file given/);
    await refused(["groups", "add", "--age", bob.recipient, "-f", "none.yaml"], 2, /no such file/);
    await refused(["groups", "add", "--age", bob.recipient, "-f", "plain.yaml"], 1, /not encrypted/);
    await refused(["groups"], 1, /groups needs a command/);
    await refused(["groups", "delte"], 1, /did you mean enc groups delete/);
    await expectRefused(enc("bob", ...addBob), before, 1, /no key at hand/);
    expect((await enc("alice", ...addBob)).status).toBe(0);
    before = state();
    await refused(ofFile("delete", "-i", "0"), 1, /the threshold is 2, but there is only 1 key group/);
    await refused(ofFile("delete", "-i", "2"), 1, /there are groups 0 to 1/);
  });

  it("does not write a file one of whose keys cannot be reached", async () => {
    const id = "tr-west-1:01234567-89ab-cdef-0123-456789abcdef";
    const argv = ofFile("add", "-i", "--age", bob.recipient, "--hckms", id);
    const env = { HUAWEICLOUD_SDK_AK: "x", HUAWEICLOUD_SDK_SK: "x", HTTPS_PROXY: "http://127.0.0.1:9" };
    await expectRefused(runAs("alice", argv, { env }), state(), 1, new RegExp(id));
  });

  it("checks the MAC", async () => {
    write("f.yaml", read("f.yaml").replace("c_unencrypted: d", "c_unencrypted: e"));
    await expectRefused(enc("alice", ...addBob), state(), 51, /MAC does not match/);
  });
});

describe("enc recipients list", () => {
  it("shows a line for each, with names, and needs no key", async () => {
    rule(FOR_BOTH);
    await seal(["f.yaml"]);
    const { status, stdout, stderr } = await enc("nobody", "recipients", "list", "f.yaml");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`age ${alice.recipient} (Alice)\nage ${bob.recipient} (Bob)\n`);
  });

  it("puts files together that the same can read", async () => {
    await seal(["d/a.yaml", "d/c.yaml"]);
    const groups = [alice, bob].map(({ recipient }) => `{age: [${recipient}]}`).join(", ");
    rule(`key_groups: [${groups}]`);
    await seal(["d/b.yaml"]);
    write("d/plain.yaml", "a: b\n");
    const { status, stdout } = await enc("nobody", "recipients", "list", "d");
    expect(status).toBe(0);
    expect(stdout).toBe(
      `d/a.yaml\nd/c.yaml\n  age ${alice.recipient}\n\n` +
        `d/b.yaml\n  2 of 2 groups are needed\n  group 1 (index 0): age ${alice.recipient}\n  group 2 (index 1): age ${bob.recipient}\n`,
    );
    const json = await enc("nobody", "recipients", "list", "--json", "d");
    const key = (recipient: string): object => ({ type: "age", recipient, name: null });
    expect(JSON.parse(json.stdout)).toEqual([
      { file: "d/a.yaml", shamirThreshold: null, keyGroups: [[key(alice.recipient)]] },
      { file: "d/b.yaml", shamirThreshold: 2, keyGroups: [[key(alice.recipient)], [key(bob.recipient)]] },
      { file: "d/c.yaml", shamirThreshold: null, keyGroups: [[key(alice.recipient)]] },
    ]);
  });

  it("lists without a configuration that can be read", async () => {
    await seal(["f.yaml"]);
    write(".sops.yaml", "creation_rules: 1\n");
    expect((await enc("nobody", "recipients", "list", "f.yaml")).stdout).toBe(`age ${alice.recipient}\n`);
    expect((await enc("nobody", "recipients", "list", "--config", ".sops.yaml", "f.yaml")).status).toBe(1);
  });

  it("refuses what is not encrypted", async () => {
    write("plain.yaml", SOURCE);
    expect((await enc("nobody", "recipients", "list", "plain.yaml")).status).toBe(1);
    expect((await enc("nobody", "recipients", "list", ".")).status).toBe(100);
    expect((await enc("nobody", "recipients", "list")).status).toBe(100);
    expect((await enc("nobody", "recipients", "list", "none.yaml")).status).toBe(100);
  });
});

describe("what others learn of a failure", () => {
  /** One damage each, which a service that rotates for others must not tell apart. */
  const damages: readonly (readonly [string, (text: string) => string])[] = [
    ["changed data", (text) => text.replace(/data:(.)/, (_, first) => `data:${first === "A" ? "B" : "A"}`)],
    ["a changed tag", (text) => text.replace(/tag:(.)/, (_, first) => `tag:${first === "A" ? "B" : "A"}`)],
    ["a changed iv", (text) => text.replace(/iv:(.)/, (_, first) => `iv:${first === "A" ? "B" : "A"}`)],
  ];

  it.each([["rotate"], ["updatekeys", "-y"], ["decrypt"]])("is the same for all damages: %s", async (...argv) => {
    write("plain.yaml", "a: canary-of-the-test\n");
    expect((await enc("nobody", "-o", "f.yaml", "plain.yaml")).status).toBe(0);
    rule(FOR_BOTH);
    const intact = read("f.yaml");
    const said = new Set<string>();
    for (const [, damage] of damages) {
      write("f.yaml", damage(intact));
      const { status, stderr } = await enc("alice", ...argv, "f.yaml");
      expect(status).toBe(25);
      said.add(stderr);
    }
    expect(said.size).toBe(1);
    expect([...said].join()).not.toContain("canary");
  });

  it("holds no value, and none is run as a command", async () => {
    write("plain.yaml", "a: canary-of-the-test\nb: $(touch ran)\nc: '{{ .secret }}'\n");
    expect((await enc("nobody", "-o", "f.yaml", "plain.yaml")).status).toBe(0);
    rule(FOR_BOTH);
    const outputs = [
      await enc("alice", "rotate", "f.yaml"),
      await enc("alice", "updatekeys", "-y", "f.yaml"),
      await enc("alice", "groups", "add", "-f", "f.yaml", "--age", bob.recipient),
      await enc("bob", "recipients", "list", "f.yaml"),
    ];
    for (const { status, stdout, stderr } of outputs) {
      expect(status).toBe(0);
      expect(stdout + stderr).not.toMatch(/canary|touch|\.secret/);
    }
    expect(readdirSync(cwd)).not.toContain("ran");
  });
});

it("who removes their own last key is told so", async () => {
  const warning = "no key at hand is for any of the recipients: what is encrypted cannot be decrypted here";
  write("f.yaml", "a: b\n");
  const both = `${alice.recipient},${bob.recipient}`;
  rule(`age: ${both}`);
  expect((await enc("alice", "-i", "f.yaml")).status).toBe(0);
  const rotated = await enc("alice", "rotate", "--rm-age", alice.recipient, "f.yaml");
  expect(rotated).toMatchObject({ status: 0, stderr: expect.stringContaining(warning) });
  expect((await enc("alice", "rotate", "--rm-age", bob.recipient, "f.yaml")).stderr).not.toContain(warning);
  rule(`age: ${bob.recipient}`);
  expect((await enc("alice", "updatekeys", "--yes", "f.yaml")).stderr).toContain(warning);
});
