import { describe, expect, it } from "vitest";
import { splitCommandLine } from "../../src/cli/command-line.ts";
import { manualOf } from "../../src/cli/commands/manual.ts";
import { commands } from "../../src/cli/commands/registry.ts";
import { keyFlags } from "../../src/cli/flags.ts";
import { providers } from "../../src/crypto/keys/registry.ts";

async function split(...argv: string[]): Promise<[string | null, ...string[]]> {
  const { command, args } = await splitCommandLine(argv, "enc");
  return [command?.name ?? null, ...args];
}

describe("the command", () => {
  it.each([
    [["a.yaml"], ["encrypt", "a.yaml"]],
    [
      ["encrypt", "a.yaml"],
      ["encrypt", "a.yaml"],
    ],
    [
      ["decrypt", "a.yaml"],
      ["decrypt", "a.yaml"],
    ],
    [["./decrypt"], ["encrypt", "./decrypt"]],
    [
      ["decrypt", "decrypt"],
      ["decrypt", "decrypt"],
    ],
    [
      ["git", "textconv", "f"],
      ["git textconv", "f"],
    ],
    [[], ["encrypt"]],
    [["-"], ["encrypt", "-"]],
    [
      ["--", "decrypt"],
      ["encrypt", "--", "decrypt"],
    ],
    [["constructor"], ["encrypt", "constructor"]],
    [["--help"], [null, "--help"]],
    [["-v"], [null, "-v"]],
    [
      ["a", "--help"],
      ["encrypt", "a", "--help"],
    ],
  ])("%j", async (argv, expected) => expect(await split(...argv)).toEqual(expected));

  it("may have flags in front of it and between its words", async () => {
    expect(await split("-i", "decrypt", "f")).toEqual(["decrypt", "--in-place", "f"]);
    expect(await split("--output", "decrypt", "f")).toEqual(["encrypt", "--output", "decrypt", "f"]);
    expect(await split("--age", "x", "encrypt", "f")).toEqual(["encrypt", "--age", "x", "f"]);
    expect(await split("git", "-i", "textconv", "f")).toEqual(["git textconv", "--in-place", "f"]);
  });

  it("has the line of another program behind --, which may look like flags or commands", async () => {
    expect(await split("exec", "-f", "s", "--", "ls", "-la", "--", "decrypt")).toEqual([
      "exec",
      "--file",
      "s",
      "--",
      "ls",
      "-la",
      "--",
      "decrypt",
    ]);
    expect(await split("exec", "--help")).toEqual(["exec", "--help"]);
    for (const argv of [
      ["exec", "-f", "s", "ls", "-la"],
      ["exec", "-f", "s", "make", "-v"],
    ])
      await expect(split(...argv)).rejects.toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(await splitCommandLine(["exec"], "dec")).toMatchObject({ command: { name: "decrypt" }, args: ["exec"] });
  });

  it("is always decrypt for dec", async () => {
    expect(await splitCommandLine(["encrypt"], "dec")).toMatchObject({
      command: { name: "decrypt" },
      args: ["encrypt"],
    });
  });

  it.each([[["git"]], [["git", "textcnv"]]])("refuses %j", async (argv) => {
    await expect(split(...argv)).rejects.toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("flags", () => {
  it.each([
    [
      ["-o", "x", "f"],
      ["encrypt", "--output", "x", "f"],
    ],
    [
      ["-o=x", "f"],
      ["encrypt", "--output=x", "f"],
    ],
    [
      ["-output", "x"],
      ["encrypt", "--output", "x"],
    ],
    [["--type=json"], ["encrypt", "--input-type=json"]],
    [
      ["--as", "json"],
      ["encrypt", "--output-type", "json"],
    ],
    [
      ["-i=true", "f"],
      ["encrypt", "--in-place", "f"],
    ],
    [
      ["--in-place=false", "f"],
      ["encrypt", "f"],
    ],
    [
      ["--encrypted-regex", "-i", "f"],
      ["encrypt", "--encrypted-regex", "-i", "f"],
    ],
    [["--age"], ["encrypt", "--age"]],
    [
      ["f", "--", "-i"],
      ["encrypt", "f", "--", "-i"],
    ],
  ])("%j", async (argv, expected) => expect(await split(...argv)).toEqual(expected));

  it.each([[["-io", "f"]], [["-ouput", "x"]], [["-i=maybe"]]])("refuses %j", async (argv) => {
    await expect(split(...argv)).rejects.toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("exist for every key type", () => {
    const known = providers.map(({ names }) => names.flag);
    expect(keyFlags.map(({ name }) => name).sort()).toEqual(known.sort());
  });

  it("mean the same in every command, as they are split before one is known", () => {
    const shapes = new Map<string, string>();
    for (const command of commands) {
      for (const flag of manualOf(command).flags) {
        const shape = `${flag.short} ${flag.alias} ${flag.value !== undefined}`;
        expect(shapes.get(flag.name) ?? shape).toBe(shape);
        shapes.set(flag.name, shape);
      }
    }
  });
});
