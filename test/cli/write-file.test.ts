import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FileWrite, Staging, writeFiles } from "../../src/cli/write-file.ts";
import { KeyleafError } from "../../src/errors.ts";
import { temporaryFolder } from "./fake.ts";

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

function at(name: string): string {
  return join(folder, name);
}

function put(name: string, text: string, mode = 0o644): void {
  writeFileSync(at(name), text);
  chmodSync(at(name), mode);
}

function write(name: string, text: string, more: Partial<FileWrite> = {}): FileWrite {
  return { path: at(name), content: Buffer.from(text), isSecret: false, ...more };
}

/** Runs it and gives the error code. */
async function codeOf(...writes: FileWrite[]): Promise<string> {
  try {
    await writeFiles(writes);
    return "none";
  } catch (error) {
    return error instanceof KeyleafError ? error.code : String(error);
  }
}

/** What is in the folder, by name. */
function contents(): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(at(name), "utf8")]));
}

describe("a new file", () => {
  it("is for the owner only when it is secret, whatever the umask", async () => {
    const umask = process.umask(0o027);
    try {
      await writeFiles([write("secret", "a", { isSecret: true }), write("open", "b")]);
    } finally {
      process.umask(umask);
    }
    expect(statSync(at("secret")).mode & 0o777).toBe(0o600);
    expect(statSync(at("open")).mode & 0o777).toBe(0o640);
    expect(contents()).toEqual({ secret: "a", open: "b" });
  });

  it("replaces nothing when it has to be new", async () => {
    put("f", "old");
    expect(await codeOf(write("f", "new", { isNew: true }))).toBe("OUTPUT_WRITE_FAILED");
    // It appears while the content is being checked.
    const verify = async (): Promise<void> => put("g", "other");
    expect(await codeOf(write("g", "new", { isNew: true, verify }))).toBe("OUTPUT_WRITE_FAILED");
    expect(contents()).toEqual({ f: "old", g: "other" });
    await writeFiles([write("h", "new", { isNew: true })]);
    expect(contents()).toEqual({ f: "old", g: "other", h: "new" });
  });
});

describe("a file that exists", () => {
  it.each([0o600, 0o644, 0o640, 0o755, 0o664])("keeps mode %i", async (mode) => {
    put("f", "old", mode);
    await writeFiles([write("f", "new", { isSecret: true })]);
    expect(statSync(at("f")).mode & 0o777).toBe(mode);
  });

  it.skipIf(process.getuid?.() !== 0)("keeps its owner", async () => {
    put("f", "old", 0o640);
    execFileSync("chown", ["12345:23456", at("f")]);
    await writeFiles([write("f", "new")]);
    expect(statSync(at("f"))).toMatchObject({ uid: 12345, gid: 23456, mode: 0o100640 });
  });

  it("stays as it is until the new one is complete, and is then another file", async () => {
    put("f", "old");
    linkSync(at("f"), at("same"));
    let during: Record<string, string> = {};
    const verify = async (): Promise<void> => {
      during = contents();
    };
    await writeFiles([write("f", "new", { verify })]);
    expect(during["f"]).toBe("old");
    expect(contents()).toEqual({ f: "new", same: "old" });
  });

  it("is replaced by one that only its owner can read until the last moment", async () => {
    put("f", "old", 0o644);
    const modes: number[] = [];
    const verify = async (): Promise<void> => {
      for (const name of readdirSync(folder)) if (name !== "f") modes.push(statSync(at(name)).mode & 0o777);
    };
    await writeFiles([write("f", "new", { verify })]);
    expect(modes).toEqual([0o600]);
    expect(statSync(at("f")).mode & 0o777).toBe(0o644);
  });

  it("is so while others are flushed", async () => {
    for (const name of ["f", "g"]) put(name, "old", 0o644);
    const staging = new Staging(false);
    try {
      for (const name of ["f", "g"]) await staging.add(write(name, "new"));
      // Runs up to the first flush that it waits for.
      const committed = staging.commit();
      const temporary = readdirSync(folder).filter((name) => name.startsWith(".keyleaf-"));
      expect(temporary.map((name) => statSync(at(name)).mode & 0o777)).toEqual([0o600, 0o600]);
      await committed;
    } finally {
      staging.end();
    }
    expect(contents()).toEqual({ f: "new", g: "new" });
    expect(statSync(at("f")).mode & 0o777).toBe(0o644);
  });

  it("is replaced whatever becomes of another run", async () => {
    put("f", "old");
    const [one, other] = [new Staging(true), new Staging(true)];
    try {
      await one.add(write("f", "new"));
      other.end();
      await one.commit();
    } finally {
      one.end();
    }
    expect(contents()).toEqual({ f: "new" });
  });

  it("keeps a mode that it got during the run", async () => {
    put("f", "old", 0o644);
    const verify = async (): Promise<void> => chmodSync(at("f"), 0o600);
    await writeFiles([write("f", "new", { verify })]);
    expect(statSync(at("f")).mode & 0o777).toBe(0o600);
  });

  it("may be behind links, which stay", async () => {
    mkdirSync(at("d"));
    writeFileSync(at("d/target"), "old");
    symlinkSync("d/target", at("one"));
    symlinkSync(at("one"), at("two"));
    symlinkSync("missing", at("dangling"));
    await writeFiles([write("two", "new"), write("dangling", "made")]);
    expect(readFileSync(at("d/target"), "utf8")).toBe("new");
    expect(readFileSync(at("missing"), "utf8")).toBe("made");
    for (const name of ["one", "two", "dangling"]) expect(lstatSync(at(name)).isSymbolicLink()).toBe(true);
    expect(readdirSync(at("d"))).toEqual(["target"]);
  });

  it("is left alone when it has changed since it was read, or is gone", async () => {
    put("f", "changed");
    expect(await codeOf(write("f", "new", { before: Buffer.from("old") }))).toBe("OUTPUT_CHANGED_MEANWHILE");
    expect(await codeOf(write("g", "new", { before: Buffer.from("old") }))).toBe("OUTPUT_CHANGED_MEANWHILE");
    const verify = async (): Promise<void> => put("f", "changed again");
    expect(await codeOf(write("f", "new", { before: Buffer.from("changed"), verify }))).toBe(
      "OUTPUT_CHANGED_MEANWHILE",
    );
    expect(contents()).toEqual({ f: "changed again" });
  });
});

describe("a failure leaves everything as it was", () => {
  it.each<[string, (name: string) => FileWrite[]]>([
    ["a check that fails", () => [write("f", "x", { verify: () => Promise.reject(new Error("no")) })]],
    ["a folder that is not there", () => [write("no/such", "x")]],
    ["a folder in place of the file", () => [write("folder", "x")]],
    ["a file in place of the folder", () => [write("f/x", "x")]],
    ["links in a circle", () => [write("circle", "x")]],
    ["one file twice", () => [write("f", "x"), write("link", "y")]],
    ["one file twice, through a link to its folder", () => [write("f", "x"), write("here/f", "y")]],
    ["one new file twice, in the same way", () => [write("new", "x"), write("here/new", "y")]],
    ["the last of many", () => [write("f", "x"), write("new", "y"), write("folder", "z")]],
  ])("%s", async (_name, writes) => {
    const outer = folder;
    folder = at("inner");
    mkdirSync(folder);
    put("f", "old");
    symlinkSync("f", at("link"));
    symlinkSync("circle", at("circle"));
    symlinkSync(".", at("here"));
    mkdirSync(at("folder"));
    expect(await codeOf(...writes("f"))).not.toBe("none");
    expect(readdirSync(folder).sort()).toEqual(["circle", "f", "folder", "here", "link"]);
    expect(readFileSync(at("f"), "utf8")).toBe("old");
    folder = outer;
  });

  it("a file that cannot be moved, after others were", async () => {
    put("a", "old a", 0o640);
    put("b", "old b");
    const [a, b] = [statSync(at("a")), statSync(at("b"))];
    // In the last moment a folder takes the place of `c`: its rename fails when `a` and `b` are through.
    let checks = 0;
    const verify = async (): Promise<void> => {
      if (++checks === 3) mkdirSync(at("c/d"), { recursive: true });
    };
    const old = (text: string): Partial<FileWrite> => ({ before: Buffer.from(text), verify });
    expect(
      await codeOf(write("a", "new", old("old a")), write("b", "new", old("old b")), write("c", "new", { verify })),
    ).toBe("OUTPUT_WRITE_FAILED");
    expect(readFileSync(at("a"), "utf8")).toBe("old a");
    expect(readFileSync(at("b"), "utf8")).toBe("old b");
    // Not copies, but the very same files.
    expect(statSync(at("a"))).toMatchObject({ ino: a.ino, mtimeMs: a.mtimeMs, mode: a.mode });
    expect(statSync(at("b"))).toMatchObject({ ino: b.ino, mtimeMs: b.mtimeMs, mode: b.mode });
    expect(readdirSync(folder).sort()).toEqual(["a", "b", "c"]);
  });

  // Permissions do not hold root back; test/e2e/files.test.ts tries the same without root's privileges.
  if (process.getuid?.() !== 0) {
    it("a file or folder that may not be written", async () => {
      put("f", "old", 0o444);
      expect(await codeOf(write("f", "new"))).toBe("OUTPUT_WRITE_FAILED");
      mkdirSync(at("d"), { mode: 0o555 });
      expect(await codeOf(write("d/f", "new"))).toBe("OUTPUT_WRITE_FAILED");
    });
  }
});

it("hands over what can be read back", async () => {
  let seen = "";
  const verify = async (written: Uint8Array): Promise<void> => {
    seen = Buffer.from(written).toString();
  };
  await writeFiles([write("f", "content", { verify })]);
  expect(seen).toBe("content");
});

it("writes straight into what is no file", async () => {
  await writeFiles([write("f", "x", { path: "/dev/null" })]);
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  expect(await codeOf(write("f", "x", { path: "/dev/full" }))).toBe("OUTPUT_WRITE_FAILED");
});

it("writes into a pipe alone, and never before other files are decided", async () => {
  execFileSync("mkfifo", [at("pipe")]);
  // A pipe of which this process is the reader takes a few bytes at once.
  const reader = openSync(at("pipe"), constants.O_RDWR | constants.O_NONBLOCK);
  const received = (): string => {
    const buffer = Buffer.alloc(100);
    try {
      return buffer.toString("utf8", 0, readSync(reader, buffer));
    } catch {
      return "nothing";
    }
  };
  try {
    expect(await codeOf(write("pipe", "x"), write("f", "y"))).toBe("OUTPUT_WRITE_FAILED");
    expect(await codeOf(write("f", "y"), write("pipe", "x"))).toBe("OUTPUT_WRITE_FAILED");
    expect([received(), readdirSync(folder)]).toEqual(["nothing", ["pipe"]]);
    await writeFiles([write("pipe", "x")]);
    expect(received()).toBe("x");
  } finally {
    closeSync(reader);
  }
});

describe("in a process of its own", () => {
  let bundle: string;

  beforeAll(async () => {
    const build = await rolldown({ input: "src/cli/write-file.ts", platform: "node" });
    const { output } = await build.generate({ format: "esm" });
    await build.close();
    bundle = output[0].code;
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("%s removes temporary files and ends it with status %i", async (signal, status) => {
    const outer = folder;
    folder = at("inner");
    mkdirSync(folder);
    put("f", "old");
    const script = `${bundle}
      const verify = () => new Promise(() => { console.log("written"); setInterval(() => {}, 1000); });
      await writeFiles([{ path: ${JSON.stringify(at("f"))}, content: Buffer.from("new"), isSecret: true, verify }]);`;
    writeFileSync(join(outer, "script.mjs"), script);
    const child = spawn(process.execPath, [join(outer, "script.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(readdirSync(folder)).toHaveLength(2);
    child.kill(signal);
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(status);
    expect(contents()).toEqual({ f: "old" });
  });

  // Where nothing can be mounted, the limit on file sizes in test/e2e/files.test.ts has to do.
  const mounts = spawnSync("unshare", ["-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]);
  if (mounts.status === 0) {
    it("a file that is moved over twice, in a folder that is mounted twice, is undone from the last", () => {
      for (const name of ["one", "two"]) mkdirSync(at(name));
      put("one/f", "old");
      writeFileSync(
        at("script.mjs"),
        `${bundle}
        import { mkdirSync } from "node:fs";
        const [folder] = process.argv.slice(2);
        const write = (name, more = {}) => ({ path: folder + name, content: Buffer.from(name), isSecret: false, ...more });
        // In the last moment a folder takes the place of the last file.
        const verify = async () => void mkdirSync(folder + "/three/d", { recursive: true });
        try {
          await writeFiles([write("/one/f"), write("/two/f"), write("/three", { verify })]);
        } catch (error) {
          console.log(error.code, readFileSync(folder + "/one/f", "utf8"));
        }`,
      );
      const line = `mount --bind "$2/one" "$2/two" && exec "$0" "$1" "$2"`;
      const { stdout } = spawnSync("unshare", ["-rm", "sh", "-c", line, process.execPath, at("script.mjs"), folder]);
      expect(stdout.toString()).toBe("OUTPUT_WRITE_FAILED old\n");
    });

    it("a full disk is an error, and the file stays", () => {
      writeFileSync(
        at("script.mjs"),
        `${bundle}
        import { readdirSync } from "node:fs";
        try {
          await writeFiles([{ path: "/mnt/f", content: Buffer.alloc(200_000, 97), isSecret: false }]);
        } catch (error) {
          console.log(error.code, readdirSync("/mnt").join(), readFileSync("/mnt/f", "utf8"));
        }`,
      );
      const line = `mount -t tmpfs -o size=64k tmpfs /mnt && printf old > /mnt/f && exec "$0" "$1"`;
      const { stdout } = spawnSync("unshare", ["-rm", "sh", "-c", line, process.execPath, at("script.mjs")]);
      expect(stdout.toString()).toBe("OUTPUT_WRITE_FAILED f old\n");
    });
  }
});
