import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Context, Flags } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { isNamedByUser } from "../../src/cli/trusted-endpoints.ts";
import { temporaryFolder } from "./fake.ts";

const vault = "https://team.vault.azure.net";
const key = `${vault}/keys/config`;
const group = (fields: string): string =>
  `creation_rules:\n  - path_regex: never\n    key_groups:\n      - azure_keyvault:\n          - {${fields}}\n`;

let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
});

function write(path: string, text: string): void {
  mkdirSync(join(cwd, path, ".."), { recursive: true });
  writeFileSync(join(cwd, path), text);
}

interface Asked {
  readonly url?: string;
  readonly operands?: readonly string[];
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

async function isNamed({ url = vault, operands = ["s.yaml"], flags = {}, env = {} }: Asked): Promise<boolean> {
  const given: Flags = { has: (name) => name in flags, text: (name) => flags[name] };
  const stream = { isTerminal: false, columns: 80, write: () => {} };
  const context: Context = {
    program: "enc",
    host: { ...(await nodeHost()), env, cwd },
    streams: { stdin: { isPiped: false, read: () => expect.fail("read") }, stdout: stream, stderr: stream },
  };
  return isNamedByUser(url, operands, given, context);
}

describe("a server is named by the user", () => {
  test("with a flag", async () => {
    expect(await isNamed({ flags: { "azure-kv": `https://other.test/keys/a, ${key}` } })).toBe(true);
  });

  test("with a variable", async () => {
    expect(await isNamed({ env: { SOPS_AZURE_KEYVAULT_URLS: key } })).toBe(true);
  });

  test.each([
    ["a rule", `creation_rules:\n  - path_regex: never\n    azure_keyvault: ${key}\n`],
    ["a list in a rule", `creation_rules:\n  - azure_keyvault: [https://other.test/keys/a, "${key}/0123"]\n`],
    ["a key group", group(`vaultUrl: "${vault}/", key: config`)],
  ])("with %s, whatever file it is for", async (_, config) => {
    write(".sops.yaml", config);
    expect(await isNamed({})).toBe(true);
    expect(await isNamed({ operands: [] })).toBe(true);
    expect(await isNamed({ url: `${vault}/` })).toBe(true);
  });

  test("with the configuration of one of the files, or of a folder", async () => {
    write("a/b/.sops.yaml", `creation_rules:\n  - azure_keyvault: ${key}\n`);
    expect(await isNamed({ operands: ["s.yaml", "a/b/c/s.yaml"] })).toBe(true);
    expect(await isNamed({ operands: ["a/b"] })).toBe(true);
    expect(await isNamed({ operands: ["-"], flags: { "filename-override": "a/b/s.yaml" } })).toBe(true);
    expect(await isNamed({ operands: ["a/s.yaml"] })).toBe(false);
  });

  test("with the configuration that is named", async () => {
    write("elsewhere/config.yaml", `creation_rules:\n  - azure_keyvault: ${key}\n`);
    expect(await isNamed({ flags: { config: "elsewhere/config.yaml" } })).toBe(true);
    expect(await isNamed({ env: { SOPS_CONFIG: "elsewhere/config.yaml" } })).toBe(true);
    expect(await isNamed({})).toBe(false);
  });
});

describe("a server is not named", () => {
  test("by nothing", async () => expect(await isNamed({})).toBe(false));

  test.each([
    "http://team.vault.azure.net",
    "https://team.vault.azure.net:8443",
    "https://eam.vault.azure.net",
    "https://team.vault.azure.net.evil.test",
    "https://evil.test/https://team.vault.azure.net",
    "https://evil.vault.azure.net",
    "team.vault.azure.net",
    "file:///etc/passwd",
    "",
  ])("where it is another one: %j", async (url) => {
    write(".sops.yaml", `creation_rules:\n  - azure_keyvault: ${key}\n`);
    const env = { SOPS_AZURE_KEYVAULT_URLS: key };
    expect(await isNamed({ env })).toBe(true);
    expect(await isNamed({ url, env })).toBe(false);
  });

  test("by a configuration that is broken or gone", async () => {
    write(".sops.yaml", `creation_rules: [{azure_keyvault: ${key}`);
    expect(await isNamed({})).toBe(false);
    expect(await isNamed({ flags: { config: "gone.yaml" } })).toBe(false);
  });

  test("by what is no recipient", async () => {
    write(".sops.yaml", `# ${key}\ncreation_rules:\n  - path_regex: "${key}"\n    age: x\n`);
    expect(await isNamed({ env: { AZURE_URL: key }, flags: { "encrypted-regex": key } })).toBe(false);
  });
});
