import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import nodeModule from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepCompiled } from "../../src/cli/compile-cache.ts";

/** What Node is asked for; Node 20 has no such function, so one is put there. */
describe("the compiled program", () => {
  const node = nodeModule as { enableCompileCache?: (folder: string) => unknown };
  const real = node.enableCompileCache;
  let folders: string[];
  let top: string;

  beforeEach(() => {
    folders = [];
    top = mkdtempSync(join(tmpdir(), "keyleaf-cache-"));
    node.enableCompileCache = (folder) => folders.push(folder);
  });

  afterEach(() => {
    rmSync(top, { recursive: true, force: true });
    if (real === undefined) delete node.enableCompileCache;
    else node.enableCompileCache = real;
  });

  it("is kept in a folder that only its user can write", () => {
    keepCompiled({ XDG_CACHE_HOME: top });
    const folder = join(top, "keyleaf", "compiled");
    expect(folders).toEqual([folder]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it.each(["keyleaf/compiled", "keyleaf"])("is not kept where others can write %s: what lies there is run", (name) => {
    mkdirSync(join(top, "keyleaf", "compiled"), { recursive: true, mode: 0o700 });
    chmodSync(join(top, "keyleaf"), 0o700);
    chmodSync(join(top, name), 0o777);
    keepCompiled({ XDG_CACHE_HOME: top });
    expect(folders).toEqual([]);
  });

  it.each(["keyleaf/compiled", "keyleaf"])("is not kept where %s is a link, which may be another's", (name) => {
    mkdirSync(join(top, "other", "compiled"), { recursive: true, mode: 0o700 });
    if (name !== "keyleaf") mkdirSync(join(top, "keyleaf"), { mode: 0o700 });
    symlinkSync(join(top, "other", name.slice("keyleaf/".length)), join(top, name));
    keepCompiled({ XDG_CACHE_HOME: top });
    expect(folders).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)("is not kept in a folder of somebody else's", () => {
    mkdirSync(join(top, "keyleaf", "compiled"), { recursive: true, mode: 0o700 });
    chownSync(join(top, "keyleaf"), 12345, 12345);
    keepCompiled({ XDG_CACHE_HOME: top });
    expect(folders).toEqual([]);
  });

  it("is not kept where there is no place for it, or Node does not know how", () => {
    keepCompiled({ XDG_CACHE_HOME: "/dev/null" });
    delete node.enableCompileCache;
    keepCompiled({ XDG_CACHE_HOME: top });
    expect(folders).toEqual([]);
    expect(existsSync(join(top, "keyleaf"))).toBe(false);
  });
});
