import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Streams } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { run } from "../../src/cli/run.ts";

/**
 * Files that sops 3.13.2 wrote, and what it prints of them: under the name sops, this program prints the same bytes, in the
 * file's own format and in every other one that is recorded.
 */

const ROOT = resolve(import.meta.dirname, "../../fixtures/sops/3.13.2");
const CASES = join(ROOT, "cases");

interface Recorded {
  readonly made_by?: string;
  readonly expect: unknown;
  readonly env?: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly also?: Readonly<Record<string, unknown>>;
  readonly gpg_import?: unknown;
  readonly passphrase?: unknown;
}

/** Rows of docs/sops-compat.md that say why some are not the same. */
const differences: ReadonlyMap<string, string> = new Map([
  ["yaml-lookalikes", "odd-yaml"],
  ["yaml-unicode", "odd-yaml"],
  ["yaml-separators", "odd-yaml"],
  ["yaml-block-literal", "odd-yaml"],
  ["yaml-block-indent", "odd-yaml"],
  ["json-escapes as yaml", "odd-yaml"],
  ["dotenv-backslash-n as yaml", "odd-yaml"],
  ["yaml-anchors", "layout-kept"],
  ["yaml-comments", "layout-kept"],
  ["yaml-comments-flow", "layout-kept"],
  ["yaml-punctuation", "layout-kept"],
  ["yaml-indent-option", "layout-kept"],
  ["json-indent-2", "layout-kept"],
  ["json-indent-0", "layout-kept"],
  ["config-first-rule", "layout-kept"],
  ["config-json-rule", "layout-kept"],
]);

const table = readFileSync(resolve(import.meta.dirname, "../../docs/sops-compat.md"), "utf8");

interface Print {
  readonly name: string;
  readonly argv: readonly string[];
  readonly expected: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Each file that sops wrote, in each format. */
const prints: Print[] = readdirSync(CASES).flatMap((name): Print[] => {
  const folder = join(CASES, name);
  const recorded = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as Recorded;
  const { files, also = {}, env = {} } = recorded;
  const [sealed, decrypted] = [files["encrypted"], files["decrypted"]];
  const needsMore = recorded.gpg_import !== undefined || recorded.passphrase !== undefined;
  const isBySops = recorded.made_by === undefined || recorded.made_by === "sops 3.13.2";
  if (!isBySops || needsMore || recorded.expect !== "ok" || sealed === undefined || decrypted === undefined) return [];
  const print = (type: string | null, expected: string): Print => ({
    name: type === null ? name : `${name} as ${type}`,
    argv: ["decrypt", ...(type === null ? [] : ["--output-type", type]), join(folder, sealed)],
    expected: join(folder, expected),
    env: Object.fromEntries(
      Object.entries(env).map(([key, value]) => [key, value.startsWith("keys/") ? join(ROOT, value) : value]),
    ),
  });
  const others = Object.entries(also).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && existsSync(join(folder, entry[1])),
  );
  return [print(null, decrypted), ...others.map(([type, expected]) => print(type, expected))];
});

describe("what sops 3.13.2 prints of its files", () => {
  it("is recorded for all formats", () => {
    expect(prints.length).toBeGreaterThan(250);
    const ends = new Set(prints.map(({ expected }) => extname(expected)));
    for (const end of [".yaml", ".json", ".env", ".ini", ".bin"]) expect(ends).toContain(end);
    for (const id of differences.values()) expect(table).toMatch(new RegExp(`^\\| \`${id}\` +\\|`, "m"));
    for (const name of differences.keys()) expect(prints.map((print) => print.name)).toContain(name);
  });

  for (const { name, argv, expected, env } of prints) {
    it(name, async () => {
      const printed = await sops(argv, env);
      const isSame = printed.equals(readFileSync(expected));
      const id = differences.get(name);
      if (id === undefined) expect(printed.toString()).toBe(readFileSync(expected, "utf8"));
      expect(isSame, id).toBe(id === undefined);
    });
  }
});

async function sops(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<Buffer> {
  const host = { ...(await nodeHost()), env: { PATH: process.env["PATH"], ...env }, home: "/nosuch", cwd: ROOT };
  const chunks: Buffer[] = [];
  let stderr = "";
  const streams: Streams = {
    stdin: { isPiped: false, read: async () => new Uint8Array() },
    stdout: { write: async (data) => void chunks.push(Buffer.from(data)) },
    stderr: { isTerminal: false, columns: 80, write: (text) => (stderr += text) },
  };
  expect(await run(argv, host, streams, "sops"), stderr).toBe(0);
  return Buffer.concat(chunks);
}
