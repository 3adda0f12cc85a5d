import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { everyFlag, manualOf } from "../../src/cli/commands/manual.ts";
import { commands } from "../../src/cli/commands/registry.ts";
import { manualPage } from "../../src/cli/manual-page.ts";
import { describePeer, systemProgram } from "../support/peers.ts";
import { runWith } from "./fake.ts";

/** The help, the manual page, the README and docs say the same of commands and flags. */

const cwd = import.meta.dirname;
const rows = commands.map((command) => [command.name, manualOf(command)] as const);

describe("help", () => {
  it.each(rows)("of %s has all of its flags", async (name, { flags, summary }) => {
    const { status, stdout } = await runWith({ cwd }, "help", ...name.split(" "));
    expect(status).toBe(0);
    const words = new Set(stdout.split(/[\s,]+/));
    for (const { name: long, alias = long, short } of flags) {
      expect(words).toContain(`--${long}`);
      expect(words).toContain(`--${alias}`);
      if (short !== undefined) expect(words).toContain(`-${short}`);
    }
    // Its lines are folded.
    expect((await runWith({ cwd }, "--help")).stdout.replace(/\s+/g, " ")).toContain(summary);
  });
});

describePeer("the manual page", "groff", systemProgram("groff"), (groff) => {
  it("has every command with its flags, and nothing that its macros complain about", async () => {
    const { stdout } = await runWith({ cwd }, "help", "man");
    expect(stdout).toBe(manualPage());
    const formatted = spawnSync(groff, ["-man", "-Tascii", "-P-cbou", "-rLL=400n", "-ww"], {
      input: stdout,
      encoding: "utf8",
    });
    expect([formatted.status, formatted.stderr]).toEqual([0, ""]);
    const text = formatted.stdout;
    for (const [name, { flags, examples }] of rows) {
      expect(text).toMatch(new RegExp(`^ +enc ${name}$`, "m"));
      for (const [line] of examples) expect(text).toContain(`       ${line}`);
      for (const { name: long, help } of flags) {
        expect(text).toMatch(new RegExp(`^ +(-\\w, )?--${long}[ ,=\\n]`, "m"));
        expect(text).toContain(help);
      }
    }
  });
});

describe("README and docs", () => {
  const root = join(cwd, "../..");
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const pages = readdirSync(join(root, "docs")).map((name) => join("docs", name));
  const texts = new Map(
    [...pages, "README.md", "SECURITY.md", "CONTRIBUTING.md"].map((name) => [
      name,
      readFileSync(join(root, name), "utf8"),
    ]),
  );
  // Those of other programs stand in the others.
  const ours = [...texts].filter(([name]) => !/CONTRIBUTING|sops-compat|integrations/.test(name));
  const all = ours.map(([, text]) => text).join("\n");
  const inline = [...all.matchAll(/(?<!`)`([^`\n]+)`/g)].map(([, code = ""]) => code);
  const blocks = [...all.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, code = ""]) => code.split("\n"));
  /** Lines of ours, without prompts and comments. */
  const lines = [...inline, ...blocks]
    .map((code) => code.replace(/^\$ /, "").replace(/ #.*/, ""))
    .filter((code) => /^(enc|dec) |^--?[a-z]/.test(code));

  it("are what this test finds lines in", () => {
    expect(lines).toContain("enc init");
    expect(lines.length).toBeGreaterThan(50);
  });

  it("link to what is there", () => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-");
    const broken = [...texts].flatMap(([page, text]) =>
      [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
        const [, path = "", anchor] = /^([^#]*)(?:#(.*))?$/.exec(link) ?? [];
        if (/^[a-z]+:/.test(link)) return [];
        const target = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return [`${page}: ${link}`];
        if (anchor === undefined) return [];
        const headings = [...readFileSync(join(root, target), "utf8").matchAll(/^#+ (.*)$/gm)].map(([, one = ""]) =>
          slug(one),
        );
        return headings.includes(anchor) ? [] : [`${page}: ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it("name only commands that there are", () => {
    const first = new Set(["help", "sops", ...commands.map(({ name }) => name.split(" ")[0])]);
    const unknown = lines.filter((line) => {
      const [, word, next] = /^enc ([a-z]+)(?: (\S+))?(?= |$)/.exec(line) ?? [];
      if (word === undefined) return false;
      return word === "git"
        ? !/^git (\w+)/.test(`git ${next}`) || !commands.some(({ name }) => name === `git ${next}`)
        : !first.has(word);
    });
    expect(unknown).toEqual([]);
  });

  it("name only flags that there are", () => {
    const known = new Set([
      "help",
      "h",
      "version",
      // Of the older spelling, under the name sops.
      "e",
      "d",
      ...everyFlag.flatMap(({ name, alias, short }) => [name, alias, short]),
    ]);
    const unknown = lines.flatMap((line) => {
      const named = line.replace(/'[^']*'|"[^"]*"/g, "").matchAll(/(?<=^|\s)--?([a-z][a-z-]*)/g);
      return [...named].filter(([, flag]) => !known.has(flag)).map(([flag]) => `${flag} in: ${line}`);
    });
    expect(unknown).toEqual([]);
  });

  it("have every command in the README", () => {
    const missing = commands.filter(({ name }) => !new RegExp(`\`enc [^\`]*${name}`).test(readme));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});

describe("the build", () => {
  it("brings the page", () => {
    const root = join(cwd, "../..");
    const { man } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { man: string[] };
    expect(man).toEqual(["./dist/man/enc.1", "./dist/man/dec.1"]);
    expect(readFileSync(join(root, "dist/man/enc.1"), "utf8")).toBe(
      execFileSync(process.execPath, [join(root, "dist/cli/enc.cjs"), "help", "man"], { encoding: "utf8" }),
    );
  });
});
