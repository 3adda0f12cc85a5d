import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Context, Flags } from "../../src/cli/context.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { TrustedEndpoints } from "../../src/cli/trusted-endpoints.ts";
import { type StandInTransit, serveStandInTransit, standInTransit } from "../support/stand-in-transit.ts";
import { type Ran, runWith, type Setting, temporaryFolder } from "./fake.ts";

/** A stand-in for a Vault is on this machine; whether it is asked anything is what these tests are about. */

const TOKEN = "test-only-token";
const PLAIN = "a: b\n";

let cwd: string;
let vault: StandInTransit;
let address: string;

beforeEach(async () => {
  cwd = temporaryFolder();
  vault = standInTransit(TOKEN);
  address = await serveStandInTransit(vault);
  write("plain.yaml", PLAIN);
  await expect(enc("--hc-vault-transit", uriAt(address), "-o", "s.yaml", "plain.yaml")).resolves.toMatchObject({
    status: 0,
    stderr: "",
  });
  vault.asked.length = 0;
});

const uriAt = (server: string): string => `${server}/v1/transit/keys/k`;
const rules = (server: string): string => `creation_rules:\n  - hc_vault_transit_uri: ${uriAt(server)}\n`;

function write(name: string, text: string): void {
  mkdirSync(dirname(join(cwd, name)), { recursive: true });
  writeFileSync(join(cwd, name), text);
}

function runIn(setting: Partial<Setting>, ...argv: string[]): Promise<Ran> {
  const env = { VAULT_TOKEN: TOKEN, VAULT_MAX_RETRIES: "0", ...setting.env };
  return runWith({ cwd, ...setting, env }, ...argv);
}

const enc = (...argv: string[]): Promise<Ran> => runIn({}, ...argv);
const dec = (env: Record<string, string>, ...argv: string[]): Promise<Ran> => runIn({ program: "dec", env }, ...argv);

function expectContacted({ status, stdout, stderr }: Ran): void {
  expect([status, stdout, stderr]).toEqual([0, PLAIN, ""]);
  expect(vault.asked).toHaveLength(1);
}

function expectNotContacted({ status, stdout }: Ran): void {
  expect([status, stdout]).toEqual([128, ""]);
  expect(vault.asked).toEqual([]);
}

describe("a server that only the file names", () => {
  it("is not sent the token; the error says which it is and how to allow it", async () => {
    const ran = await dec({}, "s.yaml");
    expectNotContacted(ran);
    expect(ran.stderr).toContain(`${address} stands only in the file`);
    expect(ran.stderr).toContain(`--trust-endpoint ${address}`);
    expect(ran.stderr).not.toContain(TOKEN);
  });

  it("stays unasked when others are named", async () => {
    const elsewhere = await serveStandInTransit(standInTransit(TOKEN));
    const port = Number(new URL(address).port);
    write(".sops.yaml", rules(elsewhere));
    for (const other of [
      elsewhere,
      address.replace("127.0.0.1", "localhost"),
      address.replace("http:", "https:"),
      `http://127.0.0.1:${port}0`,
      `http://127.0.0.1:${`${port}`.slice(0, -1)}`,
      address.replace("http://", "http://user@"),
      address.replace("http://", "http://@"),
      address.replace("http://", "unix://"),
      "127.0.0.1",
      "all",
    ]) {
      expectNotContacted(await dec({ VAULT_ADDR: other }, "s.yaml"));
    }
  });
});

describe("a server is contacted that", () => {
  it.each(["VAULT_ADDR", "BAO_ADDR", "SOPS_HC_VAULT_ALLOWLIST"])("%s names", async (name) => {
    expectContacted(await dec({ [name]: address }, "s.yaml"));
  });

  it("SOPS_HC_VAULT_ALLOWLIST names, by a prefix; its words name none, and what it leaves out is not contacted", async () => {
    const listed = (list: string, env = {}): Promise<Ran> => dec({ SOPS_HC_VAULT_ALLOWLIST: list, ...env }, "s.yaml");
    for (const list of ["all", "none", "https://other", `${address}/v1`]) expectNotContacted(await listed(list));
    for (const list of ["none", "https://other"]) expectNotContacted(await listed(list, { VAULT_ADDR: address }));
    expectContacted(await listed(`https://other, ${address}/`));
    vault.asked.length = 0;
    expectContacted(await listed("all", { VAULT_ADDR: address }));
  });

  it("SOPS_VAULT_URIS names among others", async () => {
    expectContacted(await dec({ SOPS_VAULT_URIS: `https://other/v1/t/keys/k, ${uriAt(address)}` }, "s.yaml"));
  });

  it("--trust-endpoint names, one of several", async () => {
    const flags = ["--trust-endpoint", "https://other", "s.yaml", `--trust-endpoint=${address.toUpperCase()}/any`];
    expectContacted(await dec({}, ...flags));
  });

  it.each([
    ["flat", (uri: string) => `creation_rules:\n  - path_regex: other\n    hc_vault_transit_uri: [x, "${uri}"]\n`],
    ["in a key group", (uri: string) => `creation_rules:\n  - key_groups:\n      - hc_vault: ["${uri}"]\n`],
    [
      "in a merged group",
      (uri: string) => `creation_rules:\n  - key_groups:\n      - merge:\n          - hc_vault: ["${uri}"]\n`,
    ],
  ])("a rule names, %s", async (_, config) => {
    write(".sops.yaml", config(uriAt(address)));
    expectContacted(await dec({}, "s.yaml"));
  });

  it("the nearest configuration above the file names, wherever the run is", async () => {
    write("repo/.sops.yaml", rules(address));
    write("repo/deep/down/s.yaml", readFileSync(join(cwd, "s.yaml"), "utf8"));
    expectContacted(await dec({}, "repo/deep/down/s.yaml"));
    vault.asked.length = 0;
    write("repo/deep/.sops.yaml", rules("https://other"));
    expectNotContacted(await dec({}, "repo/deep/down/s.yaml"));
  });

  it("a configuration names that is given by name, or found for the name the input goes by", async () => {
    write("elsewhere/.sops.yaml", rules(address));
    expectContacted(await dec({}, "--config", "elsewhere/.sops.yaml", "s.yaml"));
    const stdin = readFileSync(join(cwd, "s.yaml"), "utf8");
    for (const flags of [
      ["--filename-override", "elsewhere/x.yaml"],
      ["--filename-override=elsewhere/x.yaml", "-"],
    ]) {
      vault.asked.length = 0;
      expectContacted(await runIn({ program: "dec", stdin }, ...flags));
    }
    vault.asked.length = 0;
    expectNotContacted(await runIn({ program: "dec", stdin }, "-"));
    write(".sops.yaml", rules(address));
    expectContacted(await runIn({ program: "dec", stdin }, "-"));
  });
});

describe("many files", () => {
  it("each have the server of their own configuration, in any order", async () => {
    const other = standInTransit(TOKEN);
    const otherAddress = await serveStandInTransit(other);
    write(".sops.yaml", "creation_rules: []\n");
    for (const [folder, server] of [
      ["a", address],
      ["b", otherAddress],
    ] as const) {
      write(`${folder}/.sops.yaml`, rules(server));
      for (const name of ["1.yaml", "2.yaml"]) write(`${folder}/${name}`, PLAIN);
    }
    for (const order of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      expect((await enc("-i", ...order)).status).toBe(0);
      [vault.asked.length, other.asked.length] = [0, 0];
      expect(await dec({}, "-i", ...order)).toMatchObject({ status: 0, stderr: "dec: note: 4 files decrypted\n" });
      expect([vault.asked.length, other.asked.length]).toEqual([2, 2]);
    }
  });

  it("are left as they are when no configuration names the server", async () => {
    const sealed = readFileSync(join(cwd, "s.yaml"), "utf8");
    write("a/1.yaml", sealed);
    expectNotContacted(await dec({}, "-i", "a", "s.yaml"));
    expect(readFileSync(join(cwd, "a/1.yaml"), "utf8")).toBe(sealed);
  });
});

describe("the configuration", () => {
  it("that cannot be read is the reason why the server is not contacted", async () => {
    write(".sops.yaml", "creation_rules:\n  - hc_vault_transit_uris: x\n");
    const ran = await dec({}, "s.yaml");
    expectNotContacted(ran);
    expect(ran.stderr).toContain("hc_vault_transit_uris");
    // What is named otherwise needs none.
    expectContacted(await dec({ VAULT_ADDR: address }, "s.yaml"));
  });

  it.each([
    ["is not YAML", () => write(".sops.yaml", "creation_rules: [\nx"), /line 2, column 1: flow sequence/],
    [
      "has a key that nobody knows",
      () => write(".sops.yaml", "creation_rule: []\n"),
      /\(did you mean creation_rules\)/,
    ],
    ["is a folder", () => write(".sops.yaml/x", ""), /cannot read it: it is a directory/],
  ])("that %s is told beside which server was not contacted and how to name it", async (_, make, problem) => {
    make();
    const ran = await dec({}, "s.yaml");
    expectNotContacted(ran);
    expect(ran.stderr).toContain(`${address} stands only in the file, so it was not contacted`);
    expect(ran.stderr).toContain(`the configuration could not be read: ${join(cwd, ".sops.yaml")}: `);
    expect(ran.stderr).toMatch(problem);
    expect(ran.stderr).toMatch(/in VAULT_ADDR, .*--trust-endpoint http:/);
    expectContacted(await dec({}, "--trust-endpoint", address, "s.yaml"));
  });

  it("is not looked for where no key asks", async () => {
    const looked: string[] = [];
    const real = await nodeHost();
    const host: NonNullable<Setting["host"]> = {
      stat: (path) => {
        looked.push(path);
        return real.stat(path);
      },
    };
    await runIn({ program: "dec", host, env: { VAULT_ADDR: address } }, "s.yaml");
    expect(looked).toEqual([]);
    await runIn({ program: "dec", host }, "s.yaml");
    expect(looked).toContain(join(cwd, ".sops.yaml"));
  });
});

describe("commands", () => {
  it("git textconv decrypts with the configuration of the repository, and else shows the file", async () => {
    // Git hands over a temporary file outside of the repository.
    const elsewhere = temporaryFolder();
    writeFileSync(join(elsewhere, "s.yaml"), readFileSync(join(cwd, "s.yaml")));
    const textconv = (...flags: string[]): Promise<Ran> => enc("git", "textconv", ...flags, join(elsewhere, "s.yaml"));
    const { status, stdout } = await textconv();
    expect([status, vault.asked]).toEqual([0, []]);
    expect(stdout).toContain("ENC[");
    expect((await textconv("--trust-endpoint", address)).stdout).toBe(PLAIN);
    write(".sops.yaml", rules(address));
    expect((await textconv()).stdout).toBe(PLAIN);
  });

  it("sops has the rule of the reference: every server, but for SOPS_HC_VAULT_ALLOWLIST", async () => {
    const sops = (list: string | null): Promise<Ran> =>
      runIn({ program: "sops", env: list === null ? {} : { SOPS_HC_VAULT_ALLOWLIST: list } }, "decrypt", "s.yaml");
    for (const list of [null, "", "all", address, `https://other,${address}/`]) {
      vault.asked.length = 0;
      expectContacted(await sops(list));
    }
    vault.asked.length = 0;
    for (const list of ["none", "https://other", `${address}0`, `${address},`]) {
      const ran = await sops(list);
      expectNotContacted(ran);
      expect(ran.stderr).toContain("SOPS_HC_VAULT_ALLOWLIST");
    }
    // There is nothing to allow.
    const flagged = await runIn({ program: "sops" }, "decrypt", "--trust-endpoint", address, "s.yaml");
    expect(flagged).toMatchObject({ status: 1, stdout: "" });
  });

  it.each(["vault.example.com", "ftp://vault", "https://user@vault", "https://"])(
    "--trust-endpoint %s is wrong use, also for files without addresses",
    async (url) => {
      expect(await dec({}, "--trust-endpoint", url, "plain.yaml")).toMatchObject({ status: 1, stdout: "" });
    },
  );
});

describe("other services whose keys are addresses", () => {
  const flags: Flags = { has: () => false, text: () => undefined };
  const trusts = async (env: Record<string, string>): Promise<boolean> => {
    const host = { ...(await nodeHost()), env, cwd };
    const context = { program: "enc", host, files: new Set() } as unknown as Context;
    return new TrustedEndpoints(flags, context).has("https://team.vault.azure.net");
  };

  it("Azure Key Vault, by its variable and by rules", async () => {
    expect(await trusts({})).toBe(false);
    expect(await trusts({ SOPS_AZURE_KEYVAULT_URLS: "https://team.vault.azure.net/keys/k/1" })).toBe(true);
    for (const rule of [
      'azure_keyvault: "https://other.vault.azure.net/keys/k, https://team.vault.azure.net/keys/k"',
      'key_groups: [{azure_keyvault: [{vaultUrl: "https://team.vault.azure.net", key: k, version: "1"}]}]',
    ]) {
      write(".sops.yaml", `creation_rules:\n  - ${rule}\n`);
      expect(await trusts({})).toBe(true);
    }
    // An encryption context is not an address, whatever it says.
    write(
      ".sops.yaml",
      'creation_rules:\n  - key_groups: [{kms: [{arn: a, context: {x: "https://team.vault.azure.net"}}]}]\n',
    );
    expect(await trusts({})).toBe(false);
  });
});

describe("addresses are compared by scheme, host and port", () => {
  const flags: Flags = { has: () => false, text: () => undefined };
  const trusts = async (named: string, url: string): Promise<boolean> => {
    const host = { ...(await nodeHost()), env: { VAULT_ADDR: named }, cwd };
    const context = { program: "enc", host, files: new Set() } as unknown as Context;
    return new TrustedEndpoints(flags, context).has(url);
  };

  it.each([
    ["https://vault.example", "https://vault.example"],
    ["https://vault.example", "https://VAULT.example:443/"],
    ["https://vault.example:443/v1/x?y#z", "HTTPS://vault.example"],
    ["http://vault.example", "http://vault.example:80"],
    ["https://[::1]:8200", "https://[0:0:0:0:0:0:0:1]:8200"],
    [" https://vault.example ", "https://vault.example"],
  ])("%s is %s", async (named, url) => expect(await trusts(named, url)).toBe(true));

  it.each([
    ["https://vault.example", "http://vault.example"],
    ["https://vault.example", "https://vault.example:8200"],
    ["https://vault.example", "https://vault.example.org"],
    ["https://vault.example", "https://vault.example@evil.example"],
    ["https://vault.example", "https://vault.example:x@evil.example"],
    ["https://vault.example", "https://evil.example/https://vault.example"],
    ["https://vault.example", "https://evil.example\\@vault.example"],
    ["https://vault.example", "https://sub.vault.example"],
    ["https://vault.example", "https://user@vault.example"],
    ["https://vault.example", "https://@vault.example"],
    ["https://vault.example", ""],
    ["", ""],
    ["file:///", "file:///"],
  ])("%s is not %s", async (named, url) => expect(await trusts(named, url)).toBe(false));
});
