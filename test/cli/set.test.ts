import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { rulesOf } from "../../src/cli/change-file.ts";
import type { Context } from "../../src/cli/context.ts";
import { bob } from "../support/sops.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, type Setting, temporaryFolder } from "./fake.ts";

let folder: string;

function enc(argv: readonly string[], setting: Partial<Setting> = {}): Promise<Ran> {
  return runWith({ cwd: folder, env: { SOPS_AGE_KEY: IDENTITY }, ...setting }, ...argv);
}

async function plaintext(name = "f.yaml"): Promise<string> {
  return (await enc(["decrypt", name])).stdout;
}

const SOURCE = "db:\n  user: alice # who\n  password: hunter2\n  hosts: [a, b]\nname_unencrypted: n\n";

beforeEach(async () => {
  folder = temporaryFolder();
  writeFileSync(join(folder, "f.yaml"), SOURCE);
  expect((await enc(["-i", "--age", RECIPIENT, "f.yaml"])).status).toBe(0);
});

describe("enc set", () => {
  it.each([
    [["f.yaml", "db.password", '"new"'], "  password: new\n"],
    [["f.yaml", '["db"]["password"]', '"new"'], "  password: new\n"],
    [["--string", "f.yaml", "db.password", "true"], '  password: "true"\n'],
    [["f.yaml", "db.password", "--string", ""], '  password: ""\n'],
    [["f.yaml", "db.password", "-5"], "  password: -5\n"],
    [["f.yaml", "db.password", "-12.50"], "  password: -12.5\n"],
    [["--string", "f.yaml", "db.password", "--", "--x"], "  password: --x\n"],
    [["f.yaml", "db.hosts[9]", '"c"'], "  hosts: [a, b, c]\n"],
    [["f.yaml", "db.hosts", '["c"]'], "  hosts:\n    - c\n"],
    [["f.yaml", "x.y[0]", "1"], 'x:\n  "y":\n    - 1\n'],
  ])("%j", async (args, expected) => {
    expect(await enc(["set", ...args])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await plaintext()).toContain(expected);
  });

  it("takes the value from standard input or a file, as JSON or text", async () => {
    writeFileSync(join(folder, "value"), '{"a": 1}\n');
    expect((await enc(["set", "f.yaml", "x", "--value-file", "value"])).stderr).toBe("");
    expect((await enc(["set", "f.yaml", "y1", "--value-stdin"], { stdin: "[1]\n" })).stderr).toBe("");
    expect((await enc(["set", "f.yaml", "z", "--value-stdin", "--string"], { stdin: "[1]" })).stderr).toBe("");
    expect((await enc(["set", "f.yaml", "zz", "--value-file", "value", "--string"])).stderr).toMatch(
      /^enc: note: the value ends with a line break/,
    );
    expect(await plaintext()).toBe(`${SOURCE}x:\n  a: 1\ny1:\n  - 1\nz: '[1]'\nzz: |\n  {"a": 1}\n`);
  });

  it("makes a random value, and shows none of it", async () => {
    const { status, stdout, stderr } = await enc(["set", "f.yaml", "db.password", "--generate", "24:hex"]);
    expect([status, stdout, stderr]).toEqual([0, "", "enc: note: made a random value: 24 characters, 96 bits\n"]);
    const [, made = ""] = /password: "?(\w+)/.exec(await plaintext()) ?? [];
    expect(made).toMatch(/^[0-9a-f]{24}$/);
  });

  it("writes nothing where the value is there already", async () => {
    utimesSync(join(folder, "f.yaml"), 1, 1);
    const ran = await enc(["set", "f.yaml", "db.password", '"hunter2"']);
    expect(ran).toEqual({ status: 0, stdout: "", stderr: "enc: note: nothing has changed: f.yaml stays as it is\n" });
    expect(statSync(join(folder, "f.yaml")).mtimeMs).toBe(1000);
  });

  it("says that a value stays clear", async () => {
    const { status, stderr } = await enc(["set", "f.yaml", "name_unencrypted", "1"]);
    expect([status, stderr]).toEqual([
      0,
      "enc: warning: name_unencrypted can be read in f.yaml: the file's rule leaves it clear\n",
    ]);
  });

  it.each([
    [["f.yaml", "db.password", "canaryvalue"], 7],
    [["f.yaml", "db.password", '"canaryvalue'], 7],
    [["f.yaml", "db..x", '"canaryvalue"'], 7],
    [["f.yaml", "", '"canaryvalue"'], 7],
    [["f.yaml", "db.user.x", '"canaryvalue"'], 1],
    [["f.yaml", "sops.mac", '"canaryvalue"'], 203],
    [["f.yaml", "db.password", '"canaryvalue"', "canaryvalue"], 1],
    [["f.yaml", "db.password", "-canaryvalue"], 1],
    [["f.yaml", "db.password", "--canaryvalue"], 1],
    [["f.yaml", "db.password", '"canaryvalue"', "--generate", "8"], 8],
    [["f.yaml", "db.password", "canaryvalue", "--value-stdin"], 8],
    [["f.yaml", "db.password", "--value-file", "missing"], 2],
    [["f.yaml", "db.password", "--generate", "8:x"], 1],
    [["f.yaml", "db.password"], 100],
    [["f.yaml"], 100],
    [[], 100],
    [["missing.yaml", "a", '"canaryvalue"'], 2],
    [["-", "a", '"canaryvalue"'], 8],
    [["plain.yaml", "a", '"canaryvalue"'], 1],
  ])("%j: status %i, the file stays, the value is not shown", async (args, status) => {
    writeFileSync(join(folder, "plain.yaml"), "a: 1\n");
    const before = readFileSync(join(folder, "f.yaml"), "utf8");
    const ran = await enc(["set", ...args]);
    expect([ran.status, ran.stdout]).toEqual([status, ""]);
    expect(ran.stderr).toMatch(/^enc: error: (?!internal)/);
    expect(ran.stderr).not.toContain("canaryvalue");
    expect(readFileSync(join(folder, "f.yaml"), "utf8")).toBe(before);
    expect(existsSync(join(folder, "missing.yaml"))).toBe(false);
  });
});

describe("enc get", () => {
  it.each([
    [["f.yaml", "db.password"], "hunter2"],
    [["f.yaml", '["db"]["hosts"][1]'], "b"],
    [["--as", "json", "f.yaml", "db.hosts"], '[\n\t"a",\n\t"b"\n]'],
  ])("%j prints what dec prints", async (args, expected) => {
    expect(await enc(["get", ...args])).toEqual({ status: 0, stdout: expected, stderr: "" });
  });

  it.each([
    [["f.yaml", "db.nothing"], 1],
    [["f.yaml", "db["], 91],
    [["f.yaml"], 100],
    [["f.yaml", "a", "b"], 1],
  ])("%j: status %i", async (args, status) => {
    expect(await enc(["get", ...args])).toMatchObject({ status, stdout: "" });
  });
});

describe("enc unset", () => {
  it("removes a value", async () => {
    expect(await enc(["unset", "f.yaml", "db.user"])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await plaintext()).toBe(SOURCE.replace(/ {2}user.*\n/, ""));
  });

  it("does nothing, which is no error, where nothing is there", async () => {
    const before = readFileSync(join(folder, "f.yaml"), "utf8");
    expect(await enc(["unset", "f.yaml", "db.nothing"])).toEqual({
      status: 0,
      stdout: "",
      stderr: "enc: note: nothing has changed: there is nothing at db.nothing in f.yaml\n",
    });
    expect(readFileSync(join(folder, "f.yaml"), "utf8")).toBe(before);
  });

  it.each([
    [["f.yaml", "db.user.x"], 1],
    [["f.yaml", "db["], 7],
    [["missing.yaml", "a"], 2],
    [["f.yaml"], 100],
  ])("%j: status %i", async (args, status) => {
    expect(await enc(["unset", ...args])).toMatchObject({ status, stdout: "" });
  });
});

it("the reference has rules of its own", () => {
  const rules = (program: Context["program"]) => rulesOf({ program } as Context);
  expect(rules("enc").parsePath("a.b")).toEqual(["a", "b"]);
  expect(() => rules("sops").parsePath("a.b")).toThrow(expect.objectContaining({ code: "USAGE_BAD_PATH" }));
  expect(rules("sops")).toMatchObject({ replacesValues: true, takesLists: false, isForgiving: false });
});

it("the line end behind one line of standard input is left off", async () => {
  for (const end of ["\n", "\r\n"]) {
    const { stderr } = await enc(["set", "f.yaml", "line", "--value-stdin", "--string"], {
      stdin: `l${end.length}${end}`,
    });
    expect(stderr).toBe("enc: note: the line end behind the value is left off; --value-file keeps it\n");
    expect((await enc(["get", "f.yaml", "line"])).stdout).toBe(`l${end.length}`);
  }
  const { stderr } = await enc(["set", "f.yaml", "lines", "--value-stdin", "--string"], { stdin: "a\nb\n" });
  expect(stderr).toContain("ends with a line break, which is part of it");
  expect((await enc(["get", "f.yaml", "lines"])).stdout).toBe("a\nb\n");
});

it("a value that is no text is refused", async () => {
  const before = readFileSync(join(folder, "f.yaml"), "utf8");
  const file = join(folder, "v");
  writeFileSync(file, Buffer.of(0xff));
  for (const args of [
    ["--string", "f.yaml", "a", "\ufffd"],
    ["f.yaml", "a", '"\\ud800"'],
    ["f.yaml", "a", '{"\\udc00": 1}'],
    ["--string", "f.yaml", "a", "--value-file", "v"],
  ])
    expect(await enc(["set", ...args])).toMatchObject({ status: 7, stdout: "" });
  expect(readFileSync(join(folder, "f.yaml"), "utf8")).toBe(before);
});

it("a random value is said to be made once it is in the file, and not where there is none", async () => {
  expect((await enc(["set", "f.yaml", "a", "--generate", "12"])).stderr).toContain("made a random value");
  const { status, stderr } = await enc(["set", "missing.yaml", "a", "--generate", "12"]);
  expect([status, stderr.includes("random")]).toEqual([2, false]);
  expect(stderr).toContain("what is not there yet is made by enc edit FILE");
});

describe("a recipient that the rule does not name", () => {
  const rule = (recipients: string): void =>
    writeFileSync(join(folder, ".sops.yaml"), `creation_rules:\n  - age: ${recipients}\n`);

  it("is warned of by set and unset, since whoever can change the file can have put it there", async () => {
    await enc(["rotate", "-i", "--add-age", bob.recipient, "f.yaml"]);
    rule(RECIPIENT);
    const warning =
      `enc: warning: f.yaml is for ${bob.recipient} too, which the rule at line 2 of ` +
      `${join(folder, ".sops.yaml")} does not name\n`;
    for (const line of [
      ["set", "f.yaml", "db.user", '"x"'],
      ["unset", "f.yaml", "db.user"],
    ])
      expect(await enc(line)).toEqual({ status: 0, stdout: "", stderr: warning });
    rule(`${RECIPIENT},${bob.recipient}`);
    expect((await enc(["set", "f.yaml", "db.user", '"y"'])).stderr).toBe("");
  });

  it("is no matter where no rule says anything, or the configuration is broken", async () => {
    for (const text of ["", "stores: {}\n", "creation_rules: [\n"]) {
      writeFileSync(join(folder, ".sops.yaml"), text);
      const value = JSON.stringify(text);
      expect(await enc(["set", "f.yaml", "db.user", value])).toEqual({ status: 0, stdout: "", stderr: "" });
    }
  });
});
