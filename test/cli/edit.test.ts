import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { CliHost } from "../../src/cli/context.ts";
import { changedLines } from "../support/sealed-cases.ts";
import { bob } from "../support/sops.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, type Setting, temporaryFolder } from "./fake.ts";

const CANARY = "hunter2";
const PLAIN = `# about the database\ndb:\n  user: app\n  password: ${CANARY}\n  port: 5432\nother: [x, y]\n`;

/** The file is made now. */
const LATER = new Date("2031-05-06T07:08:09Z");

let cwd: string;
let path: string;

beforeEach(async () => {
  cwd = temporaryFolder();
  path = join(cwd, "x.enc.yaml");
  writeFileSync(join(cwd, "x.yaml"), PLAIN);
  await expectDone(enc(["--age", RECIPIENT, "-o", "x.enc.yaml", "x.yaml"]));
});

function enc(argv: readonly string[], setting: Partial<Setting> = {}): Promise<Ran> {
  return runWith({ cwd, ...setting, env: { SOPS_AGE_KEY: IDENTITY, ...setting.env } }, ...argv);
}

async function expectDone<T extends Ran>(running: Promise<T>): Promise<T> {
  const ran = await running;
  expect(ran).toMatchObject({ status: 0 });
  return ran;
}

/** An editor: a script that gets the file as `$1` and the folder it is in as `$d`; `$W` is the working directory. */
function editor(script: string, name = "ed.sh"): string {
  const file = join(cwd, name);
  writeFileSync(file, `#!/bin/sh\nset -e\nd=$(dirname "$1")\nW='${cwd}'\necho "$d" > "$W/where"\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

interface Asked extends Partial<Setting> {
  /** Answers at the terminal, one after the other; absent: there is none. */
  readonly answers?: readonly string[];
  readonly flags?: readonly string[];
  readonly file?: string;
}

interface Edited extends Ran {
  readonly questions: readonly string[];
}

/** Edits by a script. Whatever comes of it, its folder is gone, and no text of the file is in a message. */
async function edit(
  script: string,
  { answers, flags = [], file = "x.enc.yaml", ...setting }: Asked = {},
): Promise<Edited> {
  const questions: string[] = [];
  const rest = [...(answers ?? [])];
  const ask: CliHost["ask"] = async (question) => {
    questions.push(question);
    return rest.shift() ?? null;
  };
  const env = { EDITOR: `'${editor(script)}'`, ...setting.env };
  const ran = await enc(["edit", ...flags, file], {
    ...setting,
    env,
    host: { ask, now: () => LATER, ...setting.host },
  });
  if (existsSync(join(cwd, "where"))) expect(existsSync(readFileSync(join(cwd, "where"), "utf8").trim())).toBe(false);
  expect(ran.stdout + ran.stderr).not.toContain(CANARY);
  return { ...ran, questions };
}

test("a recipient that the rule does not name is warned of", async () => {
  await expectDone(enc(["rotate", "-i", "--add-age", bob.recipient, "x.enc.yaml"]));
  writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - age: ${RECIPIENT}\n`);
  const { stderr } = await expectDone(edit(replace("5432", "5433")));
  expect(stderr).toContain(`x.enc.yaml is for ${bob.recipient} too, which the rule at line 2`);
});

function replace(from: string, to: string): string {
  return `sed 's/${from}/${to}/' "$1" > "$d/new" && cat "$d/new" > "$1"`;
}

async function decrypted(file = "x.enc.yaml", ...flags: string[]): Promise<string> {
  return (await expectDone(enc(["decrypt", ...flags, file]))).stdout;
}

function read(file = "x.enc.yaml"): string {
  return readFileSync(join(cwd, file), "utf8");
}

describe("an encrypted file", () => {
  test("one changed value changes its line, the time and the MAC", async () => {
    const before = read();
    const { stdout, stderr } = await expectDone(edit(replace("5432", "5433")));
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
    expect(await decrypted()).toBe(PLAIN.replace("5432", "5433"));
    expect(changedLines(before, read())).toEqual([
      expect.stringContaining("port"),
      expect.stringContaining("lastmodified"),
      expect.stringContaining("mac"),
    ]);
  });

  test.each([0o600, 0o640, 0o664])("keeps mode %o, and a link to it stays one", async (mode) => {
    chmodSync(path, mode);
    symlinkSync("x.enc.yaml", join(cwd, "link.yaml"));
    await expectDone(edit(replace("5432", "5433"), { file: "link.yaml" }));
    expect(statSync(path).mode & 0o777).toBe(mode);
    expect(read("link.yaml")).toBe(read());
    expect(await decrypted()).toContain("5433");
  });

  test("the editor finds it alone, under its name, where only the user can look", async () => {
    const script = 'ls -A "$d" > "$W/names"; stat -c %a "$d" "$1" > "$W/modes"; basename "$1" > "$W/name"; exit 3';
    expect((await edit(script)).status).toBe(201);
    expect(read("names")).toBe("x.enc.yaml\n");
    expect(read("name")).toBe("x.enc.yaml\n");
    expect(read("modes")).toBe("700\n600\n");
  });

  test("does not show the plaintext outside of its folder", async () => {
    const script = `! grep -rl ${CANARY} "$W" --exclude=x.yaml --exclude=ed.sh && touch "$W/looked"`;
    await expectDone(edit(script));
    expect(existsSync(join(cwd, "looked"))).toBe(true);
  });

  test("says what stays clear when something does", async () => {
    const { stderr } = await expectDone(edit('echo "a_unencrypted: 1" >> "$1"'));
    expect(stderr).toContain("1 left clear: a_unencrypted");
  });

  test.each([
    ["x.enc.json", '{"a": "b", "n": 12345678901234567890}\n', "b", "c"],
    ["x.enc.env", "A=b\n", "b", "c"],
    ["x.enc.ini", "[s]\na = b\n", "= b", "= c"],
    ["x.enc.toml", 'a = "b"\n', '"b"', '"c"'],
    ["x.pem", "-----BEGIN b\n", "b", "c"],
  ])("%s", async (file, text, from, to) => {
    writeFileSync(join(cwd, `plain-${file}`), text);
    await expectDone(enc(["--age", RECIPIENT, "-o", file, `plain-${file}`]));
    await expectDone(edit(replace(from, to), { file }));
    expect(await decrypted(file)).toBe(text.replace(from, to));
  });

  test("bytes that are no text", async () => {
    writeFileSync(join(cwd, "b"), Buffer.from([0, 255, 10, 128]));
    await expectDone(enc(["--age", RECIPIENT, "--type", "binary", "-o", "b.bin", "b"]));
    await expectDone(edit(`cmp "$1" "$W/b" && printf '\\000\\376' > "$1"`, { file: "b.bin" }));
    await expectDone(enc(["decrypt", "-o", "out", "b.bin"]));
    expect([...readFileSync(join(cwd, "out"))]).toEqual([0, 254]);
  });

  test("where the name tells nothing, by --type", async () => {
    writeFileSync(join(cwd, "tmp"), read());
    const flags = ["--input-type", "yaml", "--output-type", "yaml"];
    await expectDone(edit(replace("5432", "5433"), { file: "tmp", flags }));
    expect(await decrypted("tmp")).toContain("5433");
  });

  test("an editor that writes another file in its place", async () => {
    await expectDone(edit(`sed 's/5432/5433/' "$1" > "$d/new" && mv "$d/new" "$1"`));
    expect(await decrypted()).toContain("5433");
  });
});

describe("nothing changed", () => {
  const past = new Date("2020-01-01T00:00:00Z");

  test.each([
    ["nothing done", "true"],
    ["written as it was", 'cp "$1" "$d/new" && cat "$d/new" > "$1"'],
  ])("%s: says so, and leaves the file and its time alone", async (_what, script) => {
    utimesSync(path, past, past);
    const before = read();
    const { stderr } = await expectDone(edit(script));
    expect(stderr).toContain("nothing changed: the file is as it was");
    expect(read()).toBe(before);
    expect(statSync(path).mtime).toEqual(past);
  });

  test("as sops: status 200", async () => {
    utimesSync(path, past, past);
    // Under that name the command line is read by somebody else; here only what the command does is asked for.
    const { status, stdout } = await editAsSops("true");
    expect({ status, stdout }).toEqual({ status: 200, stdout: "" });
    expect(statSync(path).mtime).toEqual(past);
  });

  test("an unknown editor that comes back at once may have a window: how to wait is said", async () => {
    expect((await edit("true")).stderr).toContain("--wait");
    expect((await edit("sleep 1.1")).stderr).not.toContain("--wait");
    expect((await edit(replace("5432", "5433"))).stderr).not.toContain("--wait");
  });
});

describe("a mistake", () => {
  test("is shown, and the same text edited again", async () => {
    const script = `if [ -e "$W/second" ]; then ${replace("oops: \\[", "oops: 1")}; else touch "$W/second"; echo "oops: [" >> "$1"; fi`;
    const { stderr, questions } = await expectDone(edit(script, { answers: [""] }));
    expect(stderr).toMatch(/error: x\.enc\.yaml: line \d+/);
    expect(questions).toHaveLength(1);
    expect(await decrypted()).toBe(`${PLAIN}oops: 1\n`);
  });

  test.each([
    ["a reserved key", 'echo "sops: 1" >> "$1"'],
    ["nothing left", ': > "$1"'],
    ["a tab", 'printf "a:\\n\\tb: 1\\n" > "$1"'],
  ])("%s: the file stays as it is when the text is dropped", async (_what, script) => {
    const was = read();
    const { status, stderr, questions } = await edit(script, { answers: ["what", "d"] });
    expect(status).not.toBe(0);
    expect(stderr).toContain("given up: the file is as it was");
    expect(questions).toHaveLength(2);
    expect(read()).toBe(was);
    expect(rescued()).toEqual([]);
  });

  test.each([
    ["on the user's word", ["k"]],
    ["without a terminal", undefined],
  ])("%s the text is kept, encrypted", async (_what, answers) => {
    const was = read();
    const script = 'echo "oops: [" >> "$1"';
    const { status, stderr } = await edit(script, answers === undefined ? {} : { answers });
    expect(status).toBe(1);
    expect(read()).toBe(was);
    expect(stderr).toContain("enc decrypt x.enc.yaml.keyleaf-rescued");
    expect(read("x.enc.yaml.keyleaf-rescued")).not.toContain(CANARY);
    expect(await decrypted("x.enc.yaml.keyleaf-rescued")).toBe(`${PLAIN}oops: [\n`);
    await edit(script);
    expect(rescued()).toEqual(["x.enc.yaml.keyleaf-rescued", "x.enc.yaml.keyleaf-rescued-2"]);
  });

  test("taken back is no change", async () => {
    const was = read();
    const script = `if [ -e "$W/copy" ]; then cat "$W/copy" > "$1"; else cp "$1" "$W/copy"; echo "oops: [" >> "$1"; fi`;
    const { stderr } = await expectDone(edit(script, { answers: [""] }));
    expect(stderr).toContain("nothing changed");
    expect(read()).toBe(was);
  });

  test("a known editor begins at its line", async () => {
    const nano = join(cwd, "nano");
    writeFileSync(nano, `#!/bin/sh\necho "$@" >> '${cwd}/argv'\nshift $(($# - 1))\necho "oops: [" >> "$1"\n`, {
      mode: 0o755,
    });
    await edit("", { answers: ["", "d"], env: { EDITOR: nano } });
    const [first = "", second = ""] = read("argv").trim().split("\n");
    expect(first).not.toContain("+");
    expect(second).toMatch(/^--restricted \+\d+ /);
  });
});

test("a fault of this program costs no text either", async () => {
  let isFirst = true;
  const now = (): Date => {
    if (isFirst) {
      isFirst = false;
      throw new TypeError("a bug");
    }
    return LATER;
  };
  const { status, stderr } = await edit(replace("5432", "5433"), { host: { now } });
  expect(status).toBe(1);
  expect(stderr).toContain("internal error");
  expect(await decrypted("x.enc.yaml.keyleaf-rescued")).toBe(PLAIN.replace("5432", "5433"));
});

describe("an editor that fails", () => {
  test.each([
    ["its status", "exit 1", "ended with status 1"],
    ["its status, after a change", `${replace("5432", "5433")}; exit 1`, "ended with status 1"],
    ["a signal", "kill -KILL $$", "was ended by SIGKILL"],
  ])("by %s: status 201, and the file stays", async (_what, script, message) => {
    const was = read();
    const { status, stderr } = await edit(script);
    expect(status).toBe(201);
    expect(stderr).toContain(message);
    expect(read()).toBe(was);
    expect(rescued()).toEqual([]);
  });

  test("by a signal after a change: the text is kept, encrypted", async () => {
    expect((await edit(`${replace("5432", "5433")}; kill -KILL $$`)).status).toBe(201);
    expect(await decrypted("x.enc.yaml.keyleaf-rescued")).toBe(PLAIN.replace("5432", "5433"));
  });

  test("by a signal after a mistake: likewise, though nothing was changed since", async () => {
    const script = `if [ -e "$W/second" ]; then kill -KILL $$; else touch "$W/second"; echo "oops: [" >> "$1"; fi`;
    expect((await edit(script, { answers: [""] })).status).toBe(201);
    expect(await decrypted("x.enc.yaml.keyleaf-rescued")).toBe(`${PLAIN}oops: [\n`);
  });

  test("no program of that name, or none that can be run", async () => {
    expect((await edit("true", { env: { EDITOR: "no-such-editor" } })).status).toBe(201);
    writeFileSync(join(cwd, "bad"), "#!/no/such/interpreter\n", { mode: 0o755 });
    expect((await edit("true", { env: { EDITOR: join(cwd, "bad") } })).status).toBe(201);
  });

  test("the file it was given is gone", async () => {
    const was = read();
    expect((await edit('rm "$1"')).status).toBe(2);
    expect(read()).toBe(was);
  });
});

describe("changed by somebody else meanwhile", () => {
  /** What somebody else does while the editor is open. */
  async function whileOthers(ours: string, theirs: string, answers?: readonly string[]): Promise<Edited> {
    const other = temporaryFolder();
    writeFileSync(join(other, "ed.sh"), `#!/bin/sh\n${theirs.replaceAll("$d", other)}\n`, { mode: 0o755 });
    writeFileSync(join(other, "x.enc.yaml"), read());
    const changed = await runWith(
      { cwd: other, env: { SOPS_AGE_KEY: IDENTITY, EDITOR: join(other, "ed.sh") } },
      "edit",
      "x.enc.yaml",
    );
    expect(changed.status).toBe(0);
    return edit(`cp '${join(other, "x.enc.yaml")}' "$W/x.enc.yaml"; ${ours}`, answers === undefined ? {} : { answers });
  }

  test("in other lines: both changes are in it", async () => {
    const before = read();
    const { stderr } = await expectDone(whileOthers(replace("5432", "5433"), replace("user: app", "user: web")));
    expect(stderr).toContain("both changes");
    expect(await decrypted()).toBe(PLAIN.replace("5432", "5433").replace("user: app", "user: web"));
    expect(changedLines(before, read())).toHaveLength(4);
  });

  test("in the same way: it is as they wrote it", async () => {
    const change = replace("5432", "5433");
    await expectDone(whileOthers(change, change));
    expect(await decrypted()).toBe(PLAIN.replace("5432", "5433"));
  });

  test.each([
    ["in the same lines", replace("5432", "5433"), replace("5432", "5434")],
    ["so that both together are no YAML", replace("^# about", "new: 1 # about"), 'echo "new: 2" >> "$1"'],
  ])("%s: nothing is written over it, and the text is kept, encrypted", async (_what, ours, theirs) => {
    const { status, stderr } = await whileOthers(ours, theirs);
    expect(status).toBe(3);
    expect(stderr).toContain("x.enc.yaml has been changed by someone else while you edited it");
    expect(rescued()).toEqual(["x.enc.yaml.keyleaf-rescued"]);
    const [now, kept] = [await decrypted(), await decrypted("x.enc.yaml.keyleaf-rescued")];
    expect(new Set([PLAIN, now, kept]).size).toBe(3);
  });

  test.each([
    ["gone", 'rm "$W/x.enc.yaml"'],
    ["not encrypted any more", 'echo "a: 1" > "$W/x.enc.yaml"'],
    ["changed and broken", 'sed "s/data:./data:_/" "$W/x.enc.yaml" > "$d/n"; cat "$d/n" > "$W/x.enc.yaml"'],
  ])("%s: refused, and the text is kept, encrypted", async (_what, theirs) => {
    const { status } = await edit(`${replace("5432", "5433")}; ${theirs}; cp "$W/x.enc.yaml" "$W/theirs" || :`);
    expect(status).toBe(3);
    if (existsSync(join(cwd, "theirs"))) expect(read()).toBe(read("theirs"));
    else expect(existsSync(path)).toBe(false);
    expect(await decrypted("x.enc.yaml.keyleaf-rescued")).toBe(PLAIN.replace("5432", "5433"));
  });

  test("and not by the user: it is as they wrote it", async () => {
    const { stderr } = await whileOthers("true", replace("5432", "5433"));
    expect(stderr).toContain("nothing changed");
    expect(await decrypted()).toBe(PLAIN.replace("5432", "5433"));
  });

  test("a mistake after that is no loss either: the next try has both changes", async () => {
    const ours = `if [ -e "$W/second" ]; then ${replace("oops: \\[", "oops: 1")}; else touch "$W/second"; echo "oops: [" >> "$1"; fi`;
    await expectDone(whileOthers(ours, replace("user: app", "user: web"), [""]));
    expect(await decrypted()).toBe(`${PLAIN.replace("user: app", "user: web")}oops: 1\n`);
  });
});

describe("a file that is not there", () => {
  const flags = ["--age", RECIPIENT];

  test.each([
    ["new.yaml", "a: 1\n"],
    ["new.enc.json", '{"a": 1}\n'],
    ["new.env", "A=1\n"],
    ["new.ini", "[s]\na = 1\n"],
    ["new.toml", "a = 1\n"],
    ["new.pem", "secret\n"],
    ["by-content", "a: 1\nb: 2\n"],
  ])("%s is made", async (file, text) => {
    await expectDone(edit(`printf '%s' '${text}' > "$1"`, { file, flags }));
    expect(await decrypted(file)).toBe(text);
    expect(statSync(join(cwd, file)).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  test("the line that says so is not written", async () => {
    const script = 'cp "$1" "$W/shown"; echo "a: 1" >> "$1"';
    await expectDone(edit(script, { file: "new.yaml", flags }));
    expect(read("shown")).toMatch(/^# New file.*\n\n$/);
    expect(await decrypted("new.yaml")).toBe("a: 1\n");
  });

  test.each([
    ["nothing done", "true", "new.yaml"],
    ["nothing done", "true", "new.json"],
    ["nothing done", "true", "new.bin"],
    ["all deleted", 'echo > "$1"', "new.yaml"],
  ])("%s: none is made (%s, %s)", async (_what, script, file) => {
    const { stderr } = await expectDone(edit(script, { file, flags }));
    expect(stderr).toContain("nothing changed: no file was made");
    expect(existsSync(join(cwd, file))).toBe(false);
  });

  test("for others only: it is said that no key at hand opens it", async () => {
    const script = 'echo "a: 1" > "$1"';
    const others = ["--age", "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun"];
    const { stderr } = await expectDone(edit(script, { file: "new.yaml", flags: others }));
    expect(stderr).toMatch(/^enc: warning: no key at hand is for any of the recipients: /);
    expect((await enc(["decrypt", "new.yaml"])).status).toBe(128);
    expect((await expectDone(edit(script, { file: "mine.yaml", flags }))).stderr).toBe("");
  });

  test("by its creation rule", async () => {
    writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - age: ${RECIPIENT}\n    encrypted_regex: ^token$\n`);
    const { stderr } = await expectDone(edit(`printf 'token: t\\nhost: h\\n' > "$1"`, { file: "new.yaml" }));
    expect(stderr).toContain("1 left clear: host");
    expect(read("new.yaml")).toMatch(/^token: ENC\[/);
    expect(read("new.yaml")).toMatch(/^host: h$/m);
  });

  test.each([
    ["no rule for it", "creation_rules:\n  - path_regex: ^other$\n    age: RECIPIENT\n", 1],
    ["a rule that is none", "creation_rules:\n  - age: RECIPIENT\n    encrypted_regex: '('\n", 1],
    ["a recipient that is none", "creation_rules:\n  - age: age1wrong\n", 1],
  ])("%s is said before the editor opens", async (_what, rules, status) => {
    writeFileSync(join(cwd, ".sops.yaml"), rules.replace("RECIPIENT", RECIPIENT));
    expect((await edit("true", { file: "new.yaml" })).status).toBe(status);
    expect(existsSync(join(cwd, "where"))).toBe(false);
  });

  test("a key that cannot be reached costs no text: status 128, as sops has it", async () => {
    const ran = await edit("true", {
      file: "new.yaml",
      flags: ["--hc-vault-transit", "http://127.0.0.1:9/v1/t/keys/k"],
      env: { VAULT_TOKEN: "t" },
    });
    expect(ran.status).toBe(128);
    expect(existsSync(join(cwd, "where"))).toBe(false);
  });

  test("a folder that is not there, or cannot be written", async () => {
    expect((await edit("true", { file: "no/new.yaml", flags })).status).toBe(3);
    expect(existsSync(join(cwd, "where"))).toBe(false);
  });

  test("somebody else makes it meanwhile: theirs stays, and the text is kept", async () => {
    const script = 'echo "a: 1" > "$1"; echo theirs > "$W/new.yaml"';
    expect((await edit(script, { file: "new.yaml", flags })).status).toBe(3);
    expect(read("new.yaml")).toBe("theirs\n");
    expect(await decrypted("new.yaml.keyleaf-rescued")).toBe("a: 1\n");
  });

  test("a mistake, put right", async () => {
    const script = `if [ -e "$W/second" ]; then echo "a: 1" > "$1"; else touch "$W/second"; echo "a: [" > "$1"; fi`;
    await expectDone(edit(script, { file: "new.yaml", flags, answers: [""] }));
    expect(await decrypted("new.yaml")).toBe("a: 1\n");
  });

  test.each(["new.yaml", "new.json", "new.env", "new.ini", "new.toml", "new"])(
    "as sops: %s begins as an example",
    async (file) => {
      const { status } = await editAsSops("true", { file, flags });
      expect(status).toBe(200);
      expect(existsSync(join(cwd, file))).toBe(false);
      // Every example can be encrypted.
      const example = await editAsSops('cp "$1" "$W/shown"; echo >> "$1"', { file, flags });
      expect(example).toMatchObject({ status: 0 });
      expect(await decrypted(file)).toBe(`${read("shown")}\n`);
      expect(read("shown")).toContain("hange me");
    },
  );
});

describe("is refused", () => {
  test.each([
    ["a file that is not encrypted", ["x.yaml"], 1, "enc -i"],
    ["standard input", ["-"], 8, "standard input"],
    ["a folder", ["."], 2, "directory"],
    ["no file", [], 100, "no file"],
    ["two files", ["x.enc.yaml", "x.yaml"], 1, "too many"],
    ["another format", ["--output-type", "json", "x.enc.yaml"], 8, "format"],
  ])("%s", async (_what, argv, status, message) => {
    const ran = await enc(["edit", ...argv], { env: { EDITOR: editor("true") } });
    expect(ran.status).toBe(status);
    expect(ran.stderr).toContain(message);
    expect(existsSync(join(cwd, "where"))).toBe(false);
  });

  test("a file that no key at hand opens", async () => {
    expect((await edit("true", { env: { SOPS_AGE_KEY: "" } })).status).toBe(128);
    expect(existsSync(join(cwd, "where"))).toBe(false);
  });

  test("a file that was tampered with, unless that is accepted", async () => {
    writeFileSync(path, read().replace(/^other: .*$/m, "other: [x, y]"));
    expect([25, 51]).toContain((await edit("true")).status);
    writeFileSync(join(cwd, "y.yaml"), "a: 1\nb_unencrypted: 2\n");
    await expectDone(enc(["--age", RECIPIENT, "-o", "y.enc.yaml", "y.yaml"]));
    writeFileSync(join(cwd, "y.enc.yaml"), read("y.enc.yaml").replace("b_unencrypted: 2", "b_unencrypted: 3"));
    expect((await edit("true", { file: "y.enc.yaml" })).status).toBe(51);
    await expectDone(edit(replace("a: 1", "a: 4"), { file: "y.enc.yaml", flags: ["--ignore-mac"] }));
    expect(await decrypted("y.enc.yaml")).toBe("a: 4\nb_unencrypted: 3\n");
  });
});

test("what killed runs have left is removed by the next", async () => {
  // Where no other run of a test looks.
  const env = { XDG_RUNTIME_DIR: temporaryFolder() };
  const { stderr: none } = await edit(`echo "$d" > "$W/like"`, { env });
  expect(none).not.toContain("removed");
  const like = basename(read("like").trim());
  const name = like.replace(`-${process.pid}-`, "-4194305-");
  expect(name).not.toBe(like);
  const left = join(env.XDG_RUNTIME_DIR, name);
  mkdirSync(left, { mode: 0o700 });
  writeFileSync(join(left, "x.enc.yaml"), PLAIN);
  const { stderr } = await edit("true", { env });
  expect(stderr).toContain("removed the plaintext that 1 killed run left");
  expect(existsSync(left)).toBe(false);
});

function rescued(): string[] {
  return readdirSync(cwd)
    .filter((name) => name.includes("keyleaf-rescued"))
    .sort();
}

/** The command as it is under the name sops, whose command line is another one. */
async function editAsSops(script: string, { file = "x.enc.yaml", flags = [] }: Asked = {}): Promise<Ran> {
  const { run } = await import("../../src/cli/commands/edit.ts");
  const { parseFlags } = await import("../../src/cli/parse-flags.ts");
  const { editCommand } = await import("../../src/cli/commands/registry.ts");
  const { exitStatus } = await import("../../src/cli/exit-status.ts");
  const { nodeHost } = await import("../../src/cli/node-host.ts");
  const { KeyleafError } = await import("../../src/errors.ts");
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const host: CliHost = {
    ...(await nodeHost()),
    cwd,
    home: join(cwd, "home"),
    env: { PATH: process.env["PATH"], SOPS_AGE_KEY: IDENTITY, EDITOR: `'${editor(script)}'` },
  };
  const context = {
    program: "sops" as const,
    host,
    files: new Set<string | null>(),
    streams: {
      stdin: { isPiped: false, read: async () => Buffer.alloc(0) },
      stdout: { write: async (data: string | Uint8Array) => void stdout.push(`${data}`) },
      stderr: { isTerminal: false, columns: 80, write: (text: string) => void stderr.push(text) },
    },
  };
  const shown = () => ({ stdout: stdout.join(""), stderr: stderr.join("") });
  const parsed = await parseFlags(editCommand, [...flags, file], context);
  try {
    await run(parsed?.operands ?? [], parsed?.flags ?? { has: () => false, text: () => undefined }, context);
    return { status: 0, ...shown() };
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    return { status: exitStatus(error.code, "edit"), ...shown() };
  }
}
