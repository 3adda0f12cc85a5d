import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseBracketPath } from "../../src/cli/tree-path.ts";
import { formatForFileName } from "../../src/formats/registry.ts";
import { set, unset } from "../../src/set.ts";
import { fakeHost } from "../support/fake-host.ts";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { alice, runSops } from "../support/sops.ts";

/**
 * What a value that is set or removed here comes to, beside what it comes to in sops: the same, as sops reads both files.
 * Numbers by themselves are left out, which sops makes floats, and lists by themselves, which it refuses.
 */

const sources: Readonly<Record<string, string>> = {
  "f.yaml": "# c\na: x\nb:\n  c: 1\n  d: [p, q]\n  e:\n    - f: g\n      h: i\n    - j\nk: null\n",
  "f.json": '{"a": "x", "b": {"c": 1, "d": ["p", "q"], "e": [{"f": "g", "h": "i"}, "j"]}, "k": null}\n',
  "f.env": "# c\na=x\nb='y z'\n",
  "f.ini": "; c\n[b]\na = x\nc = y\n\n[e]\nf = g\n",
};

const nested: readonly [path: string, value: string | null][] = [
  ['["a"]', '"new"'],
  ['["a"]', '{"x": [1, 2.5, true, null, {"y": ""}]}'],
  ['["a"]', null],
  ['["b"]["c"]', "true"],
  ['["b"]["d"][0]', '"new"'],
  ['["b"]["d"][2]', '"new"'],
  ['["b"]["d"][9]', '"new"'],
  ['["b"]["d"][1]', null],
  ['["b"]["d"]', '"new"'],
  ['["b"]["e"][0]["f"]', null],
  ['["b"]["e"][0]["new"]', '"x: y # z"'],
  ['["b"]["e"][1]', '{"x": "y"}'],
  ['["b"]["e"]', null],
  ['["b"]["new"]["deeper"][0]', '"x"'],
  ['["a"]["b"]', '"x"'],
  ['["k"]', '"5"'],
  ['["k"]["x"]', '"5"'],
  ['["new"]', '{"x": {}, "y": []}'],
  ['["new"]', "null"],
  ['["new"]', '"line\\nline\\n"'],
];
const flat: readonly [path: string, value: string | null][] = [
  ['["a"]', '"new"'],
  ['["a"]', '"two words # x"'],
  ['["new"]', '"line\\nline"'],
  ['["b"]', null],
];
const sections: readonly [path: string, value: string | null][] = [
  ['["b"]["a"]', '"new"'],
  ['["b"]["a"]', '"two words ; x"'],
  ['["b"]["new"]', '"x"'],
  ['["new"]["x"]', '"y"'],
  ['["b"]["c"]', null],
  ['["e"]', null],
];

const cases = Object.keys(sources).flatMap((name) =>
  (name === "f.env" ? flat : name === "f.ini" ? sections : nested).map(([path, value]) => ({ name, path, value })),
);

describePeer("beside sops 3.11.0", "sops", sopsProgram(), (program) => {
  test.each(cases)("$name $path: $value", async ({ name, path, value }) => {
    const cwd = mkdtempSync(join(tmpdir(), "keyleaf-set-"));
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
    const env = { SOPS_AGE_KEY: alice.identity };
    const sops = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await runSops(program, { cwd, env }, ...args);
      expect([status, stderr], args.join(" ")).toEqual([0, ""]);
      return stdout.toString();
    };
    writeFileSync(join(cwd, name), sources[name] ?? "");
    await sops("encrypt", "-i", "--age", alice.recipient, name);
    const sealed = readFileSync(join(cwd, name));

    const format = formatForFileName(name).id;
    const options = { format, replacesValues: true };
    const host = fakeHost({ env, now: new Date() });
    const { output } =
      value === null
        ? await unset(sealed, parseBracketPath(path), options, host)
        : await set(sealed, parseBracketPath(path), { json: value }, options, host);
    const ours = name.replace("f.", "ours.");
    writeFileSync(join(cwd, ours), output);

    if (value === null) await sops("unset", name, path);
    else await sops("set", name, path, value);
    const type = format === "ini" || format === "dotenv" ? format : "json";
    const read = async (file: string): Promise<string> => sops("decrypt", "--output-type", type, file);
    expect(linesOf(await read(ours))).toEqual(linesOf(await read(name)));
  });
});

/** In INI comments stay where they stood, and delimiters as they were. */
function linesOf(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => !/^[;#]|^$/.test(line))
    .map((line) => line.replace(/ *= */, "="));
}
