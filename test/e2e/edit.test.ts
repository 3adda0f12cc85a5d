import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { describePeer, pythonProgram, systemProgram } from "../support/peers.ts";
import { runAtTerminal, type Shown, type Step } from "../support/terminal.ts";
import {
  commandOf,
  memoryFolder,
  outcomeOf,
  RECIPIENT,
  run,
  runProgram,
  type Sandbox,
  sandbox,
  start,
} from "./program.ts";

/** `enc edit` at a terminal with editors that people use, set up to keep all they can, and ended in every way. */

const PLAIN = "# about the database\ndb:\n  user: app\n  password: hunter2\n  port: 5432\n";
const FILE = "x.enc.yaml";

let box: Sandbox;
/** The user's folder for what runs, where the private folder is: in memory, where there is such a place. */
let runtimeFolder: string;
let sealed: string;

beforeEach(async () => {
  box = sandbox();
  runtimeFolder = memoryFolder(box);
  expect(
    (await run("enc", box, ["--age", RECIPIENT, "--type", "yaml", "-o", FILE, "-"], { stdin: PLAIN })).status,
  ).toBe(0);
  chmodSync(box.path(FILE), 0o640);
  sealed = box.read(FILE);
});

function environment(editor: string): Record<string, string> {
  return {
    ...box.env,
    XDG_RUNTIME_DIR: runtimeFolder,
    // As root, nano takes no other folder from the environment.
    XDG_CONFIG_HOME: join(box.home, ".config"),
    XDG_DATA_HOME: join(box.home, "kept"),
    TERM: "xterm",
    EDITOR: editor,
  };
}

async function decrypted(): Promise<string> {
  return (await run("dec", box, [FILE])).stdout;
}

/** A script that is given the file as `$1`. */
function script(text: string): string {
  const path = join(box.bin, "ed.sh");
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** Every place that an editor may leave something in. */
function places(): string[] {
  return [box.work, box.home, box.temporary, runtimeFolder];
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Files in these places that have something of the plaintext in them. */
function plaintexts(): string[] {
  return places()
    .flatMap(filesIn)
    .filter((path) => /hunter|about the data/.test(readFileSync(path, "latin1")));
}

describePeer("at a terminal", "Python", pythonProgram(), (python) => {
  function at(argv: readonly string[], editor: string, steps: readonly Step[]): Promise<Shown> {
    return runAtTerminal(python, { argv, cwd: box.work, env: environment(editor), stdin: null, steps });
  }

  function edit(editor: string, steps: readonly Step[], ...args: readonly string[]): Promise<Shown> {
    return at([...commandOf("enc", box), "edit", ...(args.length === 0 ? [FILE] : args)], editor, steps);
  }

  /** An editor, how it is set up to keep all it can, and what is typed to put a line at the end and save it. */
  interface RealEditor {
    readonly program: string;
    readonly editor: string;
    readonly setUp: () => void;
    readonly append: string;
    /** Stands on the terminal once it is saved. */
    readonly saved: string;
    readonly leave: string;
    /** What it puts beside the file to tell others that it is open, with nothing of its text. */
    readonly lock?: string;
  }

  const vimSettings = (history: string): string =>
    `set backup backupdir=~/kept// directory=~/kept// swapfile updatecount=1 undofile undodir=~/kept ${history}\nautocmd!\n`;

  const editors: readonly RealEditor[] = [
    {
      program: "vim",
      editor: "vim",
      setUp: () => box.write(join(box.home, ".vimrc"), vimSettings("viminfo='100,n~/kept/info")),
      append: ":$put ='typed: hunter3'\r:w\r",
      saved: "written",
      leave: ":q\r",
    },
    {
      program: "nvim",
      editor: "nvim",
      setUp: () => box.write(join(box.home, ".config/nvim/init.vim"), vimSettings("shada=!,'100,n~/kept/info")),
      append: ":$put ='typed: hunter3'\r:w\r",
      saved: "written",
      leave: ":q\r",
    },
    {
      program: "nano",
      editor: "nano",
      setUp: () => {
        const kept = join(box.home, "kept");
        box.write(
          join(box.home, ".config/nano/nanorc"),
          `set backup\nset backupdir "${kept}"\nset historylog\nset positionlog\n`,
        );
      },
      append: "\u001b/typed: hunter3\u0013",
      saved: "Wrote",
      leave: "\u0018",
      lock: `.${FILE}.swp`,
    },
    {
      program: "emacs",
      editor: "emacs -nw",
      setUp: () =>
        box.write(
          join(box.home, ".emacs.d/init.el"),
          `(setq make-backup-files t backup-enable-predicate (lambda (name) t) backup-directory-alist '(("." . "~/kept"))
             auto-save-default t auto-save-interval 20 auto-save-file-name-transforms '((".*" "~/kept/" t)))
           (setq inhibit-startup-screen t)`,
        ),
      // Enough for it to be saved by itself.
      append: `\u001b>typed: hunter3${"\u001b[D\u001b[C".repeat(40)}\r\u0018\u0013`,
      saved: "Wrote",
      leave: "\u0018\u0003",
    },
  ];

  for (const { program, editor, setUp, append, saved, leave, lock } of editors) {
    describePeer(program, program, systemProgram(program), () => {
      const steps = (): Step[] => [
        { wait: "hunter2", type: append },
        { wait: saved, list: places(), type: leave },
      ];

      beforeEach(() => {
        mkdirSync(join(box.home, "kept"));
        setUp();
      });

      it("edits, and keeps nothing of it anywhere", async () => {
        const before = plaintexts();
        const { status, listings } = await edit(editor, steps());
        expect(status).toBe(0);
        expect(await decrypted()).toBe(`${PLAIN}typed: hunter3\n`);
        expect(plaintexts()).toEqual(before);
        expect(readdirSync(runtimeFolder)).toEqual([]);
        expect(filesIn(join(box.home, "kept"))).toEqual([]);
        // While it was open, the file was all there was, but for a lock.
        const open = (listings[1] ?? []).filter((path) => path.startsWith(runtimeFolder) || path.includes("/kept/"));
        expect(open.map((path) => basename(path)).filter((name) => name !== lock)).toEqual([FILE]);
        expect(open.at(-1)).toMatch(new RegExp(`^${runtimeFolder}/keyleaf-[^/]+/[^/]+$`));
        expect(box.list()).toEqual([FILE]);
      });

      it("would have kept something without being told", async () => {
        box.write("plain.yaml", PLAIN);
        const words = editor.split(" ");
        const { listings } = await at([systemProgram(program) ?? "", ...words.slice(1), "plain.yaml"], editor, steps());
        const kept = filesIn(join(box.home, "kept"));
        const open = (listings[1] ?? []).filter((path) => path.includes("/kept/"));
        expect([...kept, ...open]).not.toEqual([]);
      });
    });
  }

  it("a mistake is shown, and the text edited once more", async () => {
    const editor = script(
      `if grep -q oops "$1"; then sed -i 's/oops: .*/oops: 1/' "$1"; else echo "oops: [" >> "$1"; fi`,
    );
    const { status, terminal, isRestored } = await edit(editor, [{ wait: "Enter: edit it again", type: "\r" }]);
    expect(status).toBe(0);
    expect(terminal).toMatch(/error:.* x\.enc\.yaml: line \d+/);
    expect(isRestored).toBe(true);
    expect(await decrypted()).toBe(`${PLAIN}oops: 1\n`);
  });

  it("a file that is not there is made", async () => {
    const { status } = await edit(
      "vim",
      [{ wait: "New file", type: "ia: hunter3\u001b:wq\r" }],
      "--age",
      RECIPIENT,
      "new.yaml",
    );
    expect(status).toBe(0);
    expect((await run("dec", box, ["new.yaml"])).stdout).toBe("a: hunter3\n");
  });

  it("Ctrl-C is the editor's", async () => {
    const editor = script(`trap 'sed -i s/5432/5433/ "$1"; exit 0' INT\necho ready\nsleep 20 & wait`);
    const { status } = await edit(editor, [{ wait: "ready", type: "\u0003" }]);
    expect(status).toBe(0);
    expect(await decrypted()).toContain("5433");
  });

  it("Ctrl-C when nobody but the question is there: given up", async () => {
    const editor = script('echo "oops: [" >> "$1"');
    const { status, isRestored } = await edit(editor, [{ wait: "Enter: edit it again", type: "\u0003" }]);
    expect(status).toBe(130);
    expect(isRestored).toBe(true);
    expect(readdirSync(runtimeFolder)).toEqual([]);
    expect(box.read(FILE)).toBe(sealed);
  });

  it.each<[NodeJS.Signals, number]>([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])("%s ends the editor too, and nothing is left", async (signal, expected) => {
    const { status, isRestored } = await edit("vim", [{ wait: "hunter2", signal }]);
    expect(status).toBe(expected);
    expect(isRestored).toBe(true);
    expect(readdirSync(runtimeFolder)).toEqual([]);
    expect(box.read(FILE)).toBe(sealed);
  });

  it("the terminal goes away: nothing is left", async () => {
    await edit("vim", [{ wait: "hunter2", close: true }]);
    expect(readdirSync(runtimeFolder)).toEqual([]);
    expect(box.read(FILE)).toBe(sealed);
  });
});

it("one changed value is one changed line for git, with the time and the MAC", async () => {
  await runProgram("git", ["init", "-q"], box);
  await runProgram("git", ["add", "."], box);
  // The time has whole seconds.
  await new Promise((done) => setTimeout(done, 1100));
  const env = environment(script('sed -i s/5432/5433/ "$1"'));
  expect((await run("enc", box, ["edit", FILE], { env })).status).toBe(0);
  expect((await runProgram("git", ["diff", "--numstat"], box)).stdout).toBe(`3\t3\t${FILE}\n`);
});

it("standard output stays free for the editor, and is not written to", async () => {
  const env = environment(script('echo from the editor; sed -i s/5432/5433/ "$1"'));
  expect(await run("enc", box, ["edit", FILE], { env })).toMatchObject({
    status: 0,
    stdout: "from the editor\n",
    stderr: "",
  });
});

it("an editor that does not end by itself is ended", async () => {
  const editor = script(`trap '' TERM HUP\necho ready\ni=0; while [ $i -lt 200 ]; do i=$((i + 1)); sleep 0.1; done`);
  const child = start("enc", box, ["edit", FILE], { env: environment(editor) });
  const outcome = outcomeOf(child);
  await new Promise((ready) => child.stdout.once("data", ready));
  child.kill("SIGTERM");
  expect((await outcome).status).toBe(143);
  expect(readdirSync(runtimeFolder)).toEqual([]);
});

it.each<[NodeJS.Signals, number]>([
  ["SIGTERM", 143],
  ["SIGHUP", 129],
])("%s: what the editor has saved is kept, encrypted", async (signal, expected) => {
  const editor = script(`sed -i s/5432/5433/ "$1"\necho saved\nsleep 20 & wait`);
  const child = start("enc", box, ["edit", FILE], { env: environment(editor) });
  const outcome = outcomeOf(child);
  await new Promise((saved) => child.stdout.once("data", saved));
  child.kill(signal);
  const { status, stderr } = await outcome;
  expect(status).toBe(expected);
  expect(stderr).toContain(`what you have written is kept, encrypted: enc decrypt ${FILE}.keyleaf-rescued`);
  expect(box.read(FILE)).toBe(sealed);
  expect((await run("dec", box, [`${FILE}.keyleaf-rescued`])).stdout).toContain("5433");
  expect(readdirSync(runtimeFolder)).toEqual([]);
});

it("SIGQUIT is the editor's business, as Ctrl-\\ is", async () => {
  const editor = script(`echo ready\nsleep 0.5\nsed -i s/5432/5433/ "$1"`);
  const child = start("enc", box, ["edit", FILE], { env: environment(editor) });
  const outcome = outcomeOf(child);
  await new Promise((ready) => child.stdout.once("data", ready));
  child.kill("SIGQUIT");
  expect((await outcome).status).toBe(0);
  expect(await decrypted()).toContain("5433");
  expect(readdirSync(runtimeFolder)).toEqual([]);
});

it("an editor that leaves a pipe or a device is an error", async () => {
  for (const what of ['mkfifo "$1"', 'ln -s /dev/zero "$1"']) {
    const outcome = await run("enc", box, ["edit", FILE], { env: environment(script(`rm "$1"; ${what}`)) });
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toContain("the editor has left no regular file");
  }
  expect(box.read(FILE)).toBe(sealed);
  expect(readdirSync(runtimeFolder)).toEqual([]);
});

it("an editor in the working directory is never run", async () => {
  box.write("vim", "#!/bin/sh\necho > ran\n", 0o755);
  for (const editor of ["./vim", "vim"]) {
    const env = { ...environment(editor), PATH: "." };
    expect((await run("enc", box, ["edit", FILE], { env })).status).toBe(201);
  }
  expect(existsSync(box.path("ran"))).toBe(false);
});

describe("ended at any instant", () => {
  const AT_A_TIME = 4;

  interface Ended {
    readonly status: number | NodeJS.Signals | null;
    readonly isChanged: boolean;
  }

  /** What runs in a folder has a folder in memory of its own, which no other run tidies up. */
  function runtimeFolderOf(folder: string): string {
    const path = join(runtimeFolder, folder);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  function environmentIn(folder: string, editor: string): Record<string, string> {
    return { ...environment(editor), XDG_RUNTIME_DIR: runtimeFolderOf(folder) };
  }

  /** Edits in a folder of its own, and ends that after some time. The file is whole then, and its mode what it was. */
  async function endedAfter(ms: number, signal: NodeJS.Signals, folder: string, editor: string): Promise<Ended> {
    mkdirSync(box.path(folder), { recursive: true });
    const file = join(folder, FILE);
    box.write(file, sealed, 0o640);
    const child = start("enc", box, ["edit", file], { env: environmentIn(folder, editor) });
    const outcome = outcomeOf(child);
    const timer = setTimeout(() => child.kill(signal), ms);
    const { status } = await outcome;
    clearTimeout(timer);
    expect(statSync(box.path(file)).mode & 0o777).toBe(0o640);
    const isChanged = box.read(file) !== sealed;
    if (isChanged) {
      const { stdout } = await run("dec", box, [file]);
      expect(stdout).toBe(PLAIN.replace("5432", "5433"));
    }
    return { status, isChanged };
  }

  async function endMany(
    count: number,
    signals: readonly NodeJS.Signals[],
    after: (folder: string) => void,
  ): Promise<Ended[]> {
    const editor = script(`sed 's/5432/5433/' "$1" > "$1.new" && cat "$1.new" > "$1"`);
    const begin = Date.now();
    await endedAfter(60_000, "SIGKILL", "0", editor);
    const all = (Date.now() - begin) * AT_A_TIME * 0.6;
    const ended: Ended[] = [];
    let made = 0;
    const worker = async (folder: string): Promise<void> => {
      while (made < count) {
        const signal = signals[made++ % signals.length] as NodeJS.Signals;
        ended.push(await endedAfter(Math.random() * all, signal, folder, editor));
        after(folder);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, index) => worker(String(index))));
    // Some too early for a change, some too late to be ended.
    expect(ended.some(({ isChanged }) => isChanged)).toBe(true);
    expect(ended.some(({ isChanged }) => !isChanged)).toBe(true);
    return ended;
  }

  it("by a signal that can be answered: nothing is left", async () => {
    const ended = await endMany(200, ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"], (folder) => {
      const names = readdirSync(box.path(folder));
      // What the editor had saved.
      const rescued = names.filter((name) => name.startsWith(`${FILE}.keyleaf-rescued`));
      expect(names.filter((name) => !rescued.includes(name))).toEqual([FILE]);
      for (const name of rescued) rmSync(box.path(join(folder, name)));
      expect(readdirSync(runtimeFolderOf(folder))).toEqual([]);
    });
    expect(ended.some(({ status }) => status === 143)).toBe(true);
    expect(plaintexts()).toEqual([]);
  }, 300_000);

  it("by SIGKILL: what is left is in memory, and the next run removes it", async () => {
    let left = 0;
    await endMany(80, ["SIGKILL"], (folder) => {
      left += readdirSync(runtimeFolderOf(folder)).length;
    });
    expect(left).toBeGreaterThan(0);
    expect(plaintexts().filter((path) => !path.startsWith(runtimeFolder))).toEqual([]);
    const failing = script("exit 1");
    for (const folder of readdirSync(runtimeFolder)) {
      const env = environmentIn(folder, failing);
      expect((await run("enc", box, ["edit", FILE], { env })).status).toBe(201);
      expect(readdirSync(runtimeFolderOf(folder))).toEqual([]);
    }
    expect(plaintexts()).toEqual([]);
  }, 300_000);
});
