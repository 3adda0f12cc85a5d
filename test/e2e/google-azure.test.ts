import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { runSops } from "../support/sops.ts";
import { makeStandInAzure, type StandInAzure, vaultFailure } from "../support/stand-in-azure.ts";
import { failure, makeStandInGoogle, type StandInGoogle } from "../support/stand-in-google.ts";
import { type StandInProxy, startStandInProxy } from "../support/stand-in-proxy.ts";
import { IDENTITY, type Outcome, RECIPIENT, run, type Sandbox, sandbox } from "./program.ts";

/**
 * GCP KMS and Azure Key Vault with the built programs as they are. Stand-ins that do real cryptography take the place of
 * Google and Azure, under their real names behind a proxy, so the clouds' own libraries sign in as they would there.
 */

const samples = {
  yaml: "# note\na: b\nc: [1, 0x1F]\n",
  json: '{"a": {"b": [1, "two"]}}\n',
  env: "# note\nA=b\n",
  ini: "[s]\na = b\n",
};
const plain = samples.yaml;

let google: StandInGoogle;
let azure: StandInAzure;
let proxy: StandInProxy;
let box: Sandbox;

beforeAll(async () => {
  google = makeStandInGoogle();
  azure = makeStandInAzure();
  proxy = await startStandInProxy([google.standIn, azure.standIn]);
});
afterAll(() => proxy.stop());

beforeEach(() => {
  box = sandbox({ hasIdentity: false });
  box.write("plain.yaml", plain);
  for (const list of [google.calls, google.instead, azure.calls, azure.instead, proxy.asked, proxy.refused]) {
    list.length = 0;
  }
});

type Env = Readonly<Record<string, string>>;
const enc = (env: Env, ...args: string[]): Promise<Outcome> => run("enc", box, args, { env: { ...proxy.env, ...env } });

async function expectDone(env: Env, ...args: string[]): Promise<Outcome> {
  const outcome = await enc(env, ...args);
  expect([outcome.status, outcome.stderr]).toEqual([0, ""]);
  return outcome;
}

/** Nothing is written, and nothing is said but why. */
async function expectFails(status: number, said: RegExp, env: Env, ...args: string[]): Promise<void> {
  const before = box.list();
  const outcome = await enc(env, ...args);
  expect([outcome.status, outcome.stdout]).toEqual([status, ""]);
  expect(outcome.stderr).toMatch(said);
  expect(outcome.stderr).not.toMatch(/canary|test-only-|\bat .*\(|internal error|Warning/);
  expect(box.list()).toEqual(before);
}

async function expectThereAndBack(env: Env, flags: readonly string[], holds: string): Promise<void> {
  await expectDone(env, ...flags, "--fresh", "-o", "s.yaml", "plain.yaml");
  expect(box.read("s.yaml")).toContain(holds);
  expect((await expectDone(env, "decrypt", "s.yaml")).stdout).toBe(plain);
}

/** Many files of which several have the same wrapped key: one call for each. */
async function expectOneCallEach(env: Env, flags: readonly string[], calls: string[]): Promise<void> {
  for (let at = 0; at < 3; at++) box.write(`many/${at}.yaml`, plain);
  expect((await enc(env, ...flags, "-i", "many")).status).toBe(0);
  for (let at = 3; at < 30; at++) box.write(`many/${at}.yaml`, box.read(`many/${at % 3}.yaml`));
  calls.length = 0;
  const outcome = await enc(env, "decrypt", "-i", "many");
  expect([outcome.status, outcome.stderr]).toEqual([0, "enc: note: 30 files decrypted\n"]);
  expect(calls).toEqual(["decrypt", "decrypt", "decrypt"]);
  expect(box.read("many/29.yaml")).toBe(plain);
}

describe("GCP KMS (stand-in)", () => {
  let id: string;
  let token: Env;
  let keyFile: Env;

  beforeAll(() => {
    id = google.createKey("e2e");
    token = { GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken };
  });
  beforeEach(() => {
    box.write("key.json", google.keyFile, 0o600);
    keyFile = { GOOGLE_CREDENTIALS: box.path("key.json") };
  });

  it("wraps the data key, and unwraps it, as flag, variable, rule and key group name it", async () => {
    await expectThereAndBack(token, ["--gcp-kms", id], `resource_id: ${id}`);
    await expectThereAndBack({ ...token, SOPS_GCP_KMS_IDS: ` ${id},` }, [], `resource_id: ${id}`);
    box.write(".sops.yaml", `creation_rules:\n  - gcp_kms: ${id}\n`);
    await expectThereAndBack(token, [], `resource_id: ${id}`);
    box.write(".sops.yaml", `creation_rules:\n  - key_groups: [{gcp_kms: [{resource_id: ${id}}]}]\n`);
    await expectThereAndBack(token, [], `resource_id: ${id}`);
    expect(google.calls).toHaveLength(8);
  });

  it("with every kind of credentials", async () => {
    await expectThereAndBack(keyFile, ["--gcp-kms", id], id);
    await expectThereAndBack({ GOOGLE_CREDENTIALS: google.keyFile }, ["--gcp-kms", id], id);
    await expectThereAndBack({ GOOGLE_APPLICATION_CREDENTIALS: box.path("key.json") }, ["--gcp-kms", id], id);
    // Before the others, one of which would not do.
    await expectThereAndBack({ ...keyFile, GOOGLE_OAUTH_ACCESS_TOKEN: "another" }, ["--gcp-kms", id], id);
    const metadata = { GCE_METADATA_HOST: proxy.url.slice("http://".length), NO_PROXY: "127.0.0.1" };
    await expectThereAndBack(metadata, ["--gcp-kms", id], id);
    box.write(join(box.home, ".config/gcloud/application_default_credentials.json"), google.userFile, 0o600);
    await expectThereAndBack({}, ["--gcp-kms", id], id);
    expect(proxy.refused).toEqual([]);
  });

  it("of many files is asked once for each wrapped key", async () => {
    await expectOneCallEach(keyFile, ["--gcp-kms", id], google.calls);
    expect(proxy.asked.filter(({ host }) => host === "oauth2.googleapis.com")).toHaveLength(2);
  });

  it("is asked again when it is busy, and not for ever", async () => {
    const busy = failure(429, "RESOURCE_EXHAUSTED");
    google.instead.push(busy, failure(503, "UNAVAILABLE"));
    await expectDone(token, "--gcp-kms", id, "-o", "s.yaml", "plain.yaml");
    expect(google.calls).toEqual(["encrypt", "encrypt", "encrypt"]);
    google.calls.length = 0;
    google.instead.push(...Array(9).fill(busy));
    await expectFails(128, /throttled: too many requests/, token, "decrypt", "s.yaml");
    expect(google.calls).toEqual(Array(5).fill("decrypt"));
  });

  it("says what is wrong, and what to do", async () => {
    await expectDone(token, "--gcp-kms", id, "-o", "s.yaml", "plain.yaml");
    const opening = ["decrypt", "s.yaml"];
    await expectFails(128, /no Google credentials were found \(run "gcloud auth/, {}, ...opening);
    await expectFails(128, /does not accept the credentials/, { GOOGLE_OAUTH_ACCESS_TOKEN: "old" }, ...opening);
    const stranger = makeStandInGoogle().keyFile;
    await expectFails(128, /not accepted \(invalid_grant\)/, { GOOGLE_CREDENTIALS: stranger }, ...opening);
    await expectFails(128, /connection refused/, { ...token, HTTPS_PROXY: "http://127.0.0.1:9" }, ...opening);
    const distrustful = { ...token, NODE_EXTRA_CA_CERTS: "", SSL_CERT_FILE: "" };
    await expectFails(128, /certificate is not trusted .*NODE_EXTRA_CA_CERTS/, distrustful, ...opening);
    google.instead.push(failure(403, "PERMISSION_DENIED"));
    await expectFails(128, /permission denied .*useToDecrypt/, token, ...opening);
    google.instead.push(failure(400, "FAILED_PRECONDITION"));
    await expectFails(128, /disabled or destroyed/, token, ...opening);
    google.instead.push({ instead: "cut" }, { instead: "cut" }, { instead: "cut" });
    await expectFails(128, /connection lost/, token, ...opening);
    const gone = id.replace("e2e", "gone");
    await expectFails(1, /no such key .*\n.*check the resource ID/, token, "--gcp-kms", gone, "plain.yaml");
    await expectFails(1, /is not the name of a Cloud KMS key/, token, "--gcp-kms", "projects/x", "plain.yaml");
  });
});

describe("Azure Key Vault (stand-in)", () => {
  let url: string;
  let version: string;
  let trusted: Env;

  beforeAll(() => {
    ({ url, version } = azure.createKey("team", "e2e"));
    trusted = { ...azure.env, SOPS_AZURE_KEYVAULT_URLS: url };
  });

  it("wraps the data key, and unwraps it, as flag, variable, rule and key group name it", async () => {
    await expectDone(azure.env, "--azure-kv", `${url}/${version}`, "-o", "s.yaml", "plain.yaml");
    expect((await expectDone(trusted, "decrypt", "s.yaml")).stdout).toBe(plain);
    await expectThereAndBack(trusted, [], `version: ${version}`);
    box.write(".sops.yaml", `creation_rules:\n  - azure_keyvault: ${url}\n`);
    await expectThereAndBack(azure.env, [], `version: ${version}`);
    const group = `{vaultUrl: ${url.split("/keys/")[0]}, key: e2e}`;
    box.write(".sops.yaml", `creation_rules:\n  - key_groups: [{azure_keyvault: [${group}]}]\n`);
    await expectThereAndBack(azure.env, [], `version: ${version}`);
    expect(azure.calls.filter((call) => call === "get")).toHaveLength(3);
    expect(proxy.refused).toEqual([]);
  });

  it("with a token of the az that is signed in on this machine, and without asking PowerShell", async () => {
    const scope = "https://vault.azure.net/.default";
    const token = { accessToken: azure.tokenFor(scope), expires_on: Math.floor(Date.now() / 1000) + 3600 };
    box.write("bin/az", `#!/bin/sh\necho '${JSON.stringify(token)}'\n`, 0o755);
    box.write("bin/pwsh", `#!/bin/sh\ntouch '${box.path("started")}'\n`, 0o755);
    const PATH = `${box.path("bin")}:${box.env["PATH"]}`;
    await expectThereAndBack({ SOPS_AZURE_KEYVAULT_URLS: url, PATH }, [], url.split("/keys/")[0] ?? "");
    box.write("bin/az", "#!/bin/sh\nexit 1\n", 0o755);
    await expectFails(128, /no usable Azure/, { SOPS_AZURE_KEYVAULT_URLS: url, PATH }, "decrypt", "s.yaml");
    expect(box.list()).not.toContain("started");
  });

  it("of a vault that only the file names is not contacted, before any signing in", async () => {
    await expectDone(azure.env, "--azure-kv", url, "-o", "s.yaml", "plain.yaml");
    proxy.asked.length = 0;
    await expectFails(128, /stands only in the file, so it was not contacted/, azure.env, "decrypt", "s.yaml");
    const other = { ...azure.env, SOPS_AZURE_KEYVAULT_URLS: "https://other.vault.azure.net/keys/e2e" };
    await expectFails(128, /not contacted/, other, "decrypt", "s.yaml");
    expect([proxy.asked, proxy.refused]).toEqual([[], []]);
  });

  it("beside an age key is not needed, nor asked", async () => {
    await expectDone(azure.env, "--azure-kv", url, "--age", RECIPIENT, "-o", "s.yaml", "plain.yaml");
    proxy.asked.length = 0;
    expect((await expectDone({ ...trusted, SOPS_AGE_KEY: IDENTITY }, "decrypt", "s.yaml")).stdout).toBe(plain);
    expect(proxy.asked).toEqual([]);
  });

  it("of many files is asked once for each wrapped key, and signed in to once", async () => {
    await expectOneCallEach(trusted, [], azure.calls);
    const tokens = proxy.asked.filter(({ path }) => path.includes("/oauth2/v2.0/token"));
    expect(tokens).toHaveLength(2);
  });

  it("is asked again when it is busy, and not for ever", async () => {
    const busy = { ...vaultFailure(429, "Throttled"), headers: { "retry-after": "0" } };
    azure.instead.push(busy, vaultFailure(503, "ServiceUnavailable"));
    await expectDone(azure.env, "--azure-kv", `${url}/${version}`, "-o", "s.yaml", "plain.yaml");
    expect(azure.calls).toEqual(["encrypt", "encrypt", "encrypt"]);
    azure.calls.length = 0;
    azure.instead.push(...Array(9).fill(busy));
    await expectFails(128, /throttled: too many requests/, trusted, "decrypt", "s.yaml");
    expect(azure.calls).toEqual(Array(5).fill("decrypt"));
  });

  it("says what is wrong, and what to do", async () => {
    await expectDone(azure.env, "--azure-kv", url, "-o", "s.yaml", "plain.yaml");
    const opening = ["decrypt", "s.yaml"];
    const onlyNamed = { SOPS_AZURE_KEYVAULT_URLS: url };
    await expectFails(128, /no usable Azure credentials were found \(run "az login"/, onlyNamed, ...opening);
    const wrong = { ...trusted, AZURE_CLIENT_SECRET: "wrong" };
    await expectFails(128, /the client secret is wrong \(AADSTS7000215\)/, wrong, ...opening);
    const odd = { ...trusted, AZURE_TOKEN_CREDENTIALS: "canary" };
    await expectFails(128, /AZURE_TOKEN_CREDENTIALS names no kind/, odd, ...opening);
    const chosen = { ...trusted, AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential" };
    expect((await expectDone(chosen, ...opening)).stdout).toBe(plain);
    await expectFails(128, /connection refused/, { ...trusted, HTTPS_PROXY: "http://127.0.0.1:9" }, ...opening);
    azure.instead.push(vaultFailure(403, "Forbidden", "ForbiddenByRbac"));
    await expectFails(128, /permission denied .*"decrypt"/, trusted, ...opening);
    azure.instead.push(vaultFailure(403, "Forbidden", "KeyDisabled"));
    await expectFails(128, /the key is disabled/, trusted, ...opening);
    azure.instead.push({ instead: "cut" }, { instead: "cut" }, { instead: "cut" });
    await expectFails(128, /connection lost/, trusted, ...opening);
    const gone = url.replace("e2e", "gone");
    await expectFails(1, /no such key/, azure.env, "--azure-kv", gone, "plain.yaml");
    await expectFails(1, /not the URL of a key in Azure Key Vault/, {}, "--azure-kv", "https://x", "plain.yaml");
  });
});

describePeer("sops 3.11.0 and this program (stand-ins for Google and Azure)", "sops", sopsProgram(), (sopsPath) => {
  const keys = {
    "GCP KMS": () => ({
      flags: ["--gcp-kms", google.createKey("interop")],
      env: { GOOGLE_CREDENTIALS: google.keyFile, SOPS_GCP_KMS_CLIENT_TYPE: "rest" },
    }),
    "Azure Key Vault": () => {
      const { url } = azure.createKey("team", "interop");
      return { flags: ["--azure-kv", url], env: { ...azure.env, SOPS_AZURE_KEYVAULT_URLS: url } };
    },
  };

  it.each(
    Object.entries(keys).flatMap(([name, make]) => Object.keys(samples).map((type) => [name, type, make] as const)),
  )("%s, .%s, in both directions", async (_, type, make) => {
    const { flags, env } = make();
    const sops = (...args: string[]) => runSops(sopsPath, { cwd: box.work, env: { ...proxy.env, ...env } }, ...args);
    const text = samples[type as keyof typeof samples];
    box.write(`p.${type}`, text);
    await expectDone(env, ...flags, "-o", `here.${type}`, `p.${type}`);
    const there = await sops("encrypt", ...flags, `p.${type}`);
    expect([there.status, there.stderr]).toEqual([0, ""]);
    box.write(`there.${type}`, there.stdout);
    for (const name of [`here.${type}`, `there.${type}`]) {
      const bySops = await sops("decrypt", name);
      expect([bySops.status, bySops.stderr]).toEqual([0, ""]);
      const byUs = await expectDone(env, "decrypt", name);
      if (name.startsWith("here")) expect(byUs.stdout).toBe(text);
      else expect(byUs.stdout).toBe(bySops.stdout.toString());
    }
    expect(proxy.refused).toEqual([]);
  });
});
