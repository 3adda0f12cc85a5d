import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { baoProgram, describePeer } from "../support/peers.ts";
import { startProxy, startTlsFront, type TlsFront, tlsFile } from "../support/tls-front.ts";
import { startVault, type Vault } from "../support/vault.ts";
import { type Outcome, RECIPIENT, run, type Sandbox, sandbox } from "./program.ts";

/** A transit key of OpenBao with the built programs as they are: certificates and proxies are the runtime's own part. */

describePeer("a transit key", "OpenBao", baoProgram(), (program) => {
  const plain = "a: b # note\nc: [1, 0x1F]\n";
  let vault: Vault;
  let front: TlsFront;
  let uri: string;
  let box: Sandbox;
  let base: Readonly<Record<string, string>>;

  beforeAll(async () => {
    vault = await startVault(program);
    uri = await vault.createKey("e2e");
    front = await startTlsFront(vault.address);
    base = { VAULT_TOKEN: vault.token, VAULT_MAX_RETRIES: "0" };
  });
  afterAll(async () => {
    front?.stop();
    await vault?.stop();
  });
  beforeEach(() => {
    box = sandbox({ hasIdentity: false });
    box.write("plain.yaml", plain);
    front.clients.length = 0;
  });

  async function expectThereAndBack(key: string, env: Readonly<Record<string, string>>): Promise<void> {
    const all = { ...base, ...env };
    const sealed = await run("enc", box, ["--hc-vault-transit", key, "--fresh", "-o", "s.yaml", "plain.yaml"], {
      env: all,
    });
    expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
    expect(box.read("s.yaml")).toContain("enc: vault:v1:");
    const opened = await run("dec", box, ["--trust-endpoint", key, "s.yaml"], { env: all });
    expect(opened).toMatchObject({ status: 0, stdout: plain, stderr: "" });
  }

  async function refusal(key: string, env: Readonly<Record<string, string>>): Promise<Outcome> {
    const outcome = await run("enc", box, ["--hc-vault-transit", key, "plain.yaml"], { env: { ...base, ...env } });
    expect(outcome).toMatchObject({ status: 1, stdout: "" });
    expect(outcome.stderr).not.toContain(vault.token);
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
    return outcome;
  }

  const tlsUri = (host = `127.0.0.1:${front.port}`): string => `https://${host}/v1/transit/keys/e2e`;
  const asExample = { VAULT_CACERT: tlsFile("ca.pem"), VAULT_TLS_SERVER_NAME: "vault.example" };

  it("wraps the data key, and unwraps it; beside an age key too", async () => {
    await expectThereAndBack(uri, {});
    const flags = ["--hc-vault-transit", uri, "--age", RECIPIENT, "-o", "both.yaml", "plain.yaml"];
    expect((await run("enc", box, flags, { env: base })).status).toBe(0);
    const env = { ...base, VAULT_ADDR: vault.address };
    expect(await run("dec", box, ["both.yaml"], { env })).toMatchObject({ status: 0, stdout: plain, stderr: "" });
  });

  it("of many files", async () => {
    for (let i = 0; i < 30; i++) box.write(`many/${i}.yaml`, plain);
    const env = { ...base, VAULT_ADDR: vault.address };
    expect((await run("enc", box, ["-i", "many", "--hc-vault-transit", uri], { env })).status).toBe(0);
    const opened = await run("dec", box, ["-i", "many"], { env });
    expect(opened).toMatchObject({ status: 0, stderr: "dec: note: 30 files decrypted\n" });
    expect(box.read("many/29.yaml")).toBe(plain);
  });

  it("is not sent the token when only the file names the server; under the name sops it is", async () => {
    await expectThereAndBack(uri, {});
    const shut = await run("dec", box, ["s.yaml"], { env: base });
    expect(shut).toMatchObject({ status: 128, stdout: "" });
    expect(shut.stderr).toContain(`--trust-endpoint ${vault.address}`);
    box.write(".sops.yaml", `creation_rules:\n  - hc_vault_transit_uri: ${uri}\n`);
    expect(await run("dec", box, ["s.yaml"], { env: base })).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    box.write(".sops.yaml", "creation_rules: []\n");
    const { VAULT_TOKEN: _, ...tokenless } = base;
    expect((await run("dec", box, ["s.yaml"], { env: tokenless })).status).toBe(128);
    expect(await run("sops", box, ["-d", "s.yaml"], { env: base })).toMatchObject({ status: 0, stdout: plain });
    const none = { ...base, SOPS_HC_VAULT_ALLOWLIST: "none" };
    expect((await run("sops", box, ["-d", "s.yaml"], { env: none })).status).toBe(128);
  });

  it("behind TLS: authority from a file, from text, from a folder, or that of the system", async () => {
    const { VAULT_CACERT: file, VAULT_TLS_SERVER_NAME: name } = asExample;
    await expectThereAndBack(tlsUri(), asExample);
    const { readFileSync } = await import("node:fs");
    const pem = readFileSync(file, "utf8");
    await expectThereAndBack(tlsUri(), { VAULT_TLS_SERVER_NAME: name, VAULT_CACERT_BYTES: pem });
    box.write("ca/one.pem", pem);
    await expectThereAndBack(tlsUri(), { VAULT_TLS_SERVER_NAME: name, VAULT_CAPATH: box.path("ca") });
    await expectThereAndBack(tlsUri(), { VAULT_TLS_SERVER_NAME: name, SSL_CERT_FILE: file });
    await expectThereAndBack(tlsUri(), { VAULT_SKIP_VERIFY: "true" });
    expect(new Set(front.clients)).toEqual(new Set([""]));
  });

  it("behind TLS, with the client's own certificate", async () => {
    const env = { ...asExample, VAULT_CLIENT_CERT: tlsFile("client.pem"), VAULT_CLIENT_KEY: tlsFile("client.key") };
    await expectThereAndBack(tlsUri(), env);
    expect(front.clients).toEqual(["TEST ONLY client", "TEST ONLY client"]);
  });

  it("behind TLS that is not as it should be, is an error in words", async () => {
    const { VAULT_CACERT, VAULT_TLS_SERVER_NAME } = asExample;
    const unknown = await refusal(tlsUri(), { VAULT_TLS_SERVER_NAME });
    expect(unknown.stderr).toMatch(/unknown authority.*hint: .*VAULT_CACERT/s);
    expect((await refusal(tlsUri(), { VAULT_CACERT })).stderr).toMatch(/another name.*VAULT_TLS_SERVER_NAME/s);
    const plainServer = uri.replace("http:", "https:");
    expect((await refusal(plainServer, asExample)).stderr).toMatch(/does not speak TLS/);
    expect((await refusal(tlsUri().replace("https:", "http:"), {})).stderr).toMatch(/cannot (be reached|encrypt)/);
    const half = { ...asExample, VAULT_CLIENT_CERT: tlsFile("client.pem") };
    expect((await refusal(tlsUri(), half)).stderr).toContain("VAULT_CLIENT_KEY");
    box.write("cut.pem", "-----BEGIN CERTIFICATE-----\nMII\n");
    for (const name of ["VAULT_CACERT", "VAULT_CLIENT_CERT"]) {
      const cut = { ...asExample, VAULT_CLIENT_KEY: tlsFile("client.key"), VAULT_CLIENT_CERT: tlsFile("client.pem") };
      expect((await refusal(tlsUri(), { ...cut, [name]: box.path("cut.pem") })).stderr).toMatch(/VAULT_CACERT/);
      expect((await refusal(tlsUri(), { ...cut, [name]: box.path("plain.yaml") })).stderr).toContain("not in PEM form");
    }
    expect(front.clients).toEqual([]);
  });

  it("through a proxy: of Vault's variable, of the common one, with a password; and past it", async () => {
    const proxy = await startProxy(front.port);
    onTestFinished(() => proxy.stop());
    // No name server knows it, so only the proxy can have led there.
    const key = tlsUri("vault.example");
    const { VAULT_CACERT } = asExample;
    await expectThereAndBack(key, { VAULT_CACERT, VAULT_PROXY_ADDR: `http://${proxy.address}` });
    await expectThereAndBack(key, { VAULT_CACERT, HTTPS_PROXY: `http://user:p%20w@${proxy.address}` });
    expect(proxy.asked).toEqual(Array(4).fill("CONNECT vault.example:443"));
    expect(proxy.authorization).toBe(`Basic ${Buffer.from("user:p w").toString("base64")}`);

    proxy.asked.length = 0;
    const past = { VAULT_CACERT, HTTPS_PROXY: proxy.address, NO_PROXY: "other, .example" };
    expect((await refusal(key, past)).stderr).toMatch(/no such host|could not be looked up/);
    // This machine is never asked through the common ones.
    await expectThereAndBack(uri, { HTTP_PROXY: proxy.address, HTTPS_PROXY: proxy.address });
    expect(proxy.asked).toEqual([]);
  });

  it("through a proxy, without TLS", async () => {
    const proxy = await startProxy(Number(new URL(vault.address).port));
    onTestFinished(() => proxy.stop());
    await expectThereAndBack("http://vault.example/v1/transit/keys/e2e", { http_proxy: proxy.address });
    expect(proxy.asked).toEqual(
      ["encrypt", "decrypt"].map((verb) => `PUT http://vault.example/v1/transit/${verb}/e2e`),
    );
  });

  it("that is not there, or not ours, is an error with the reason and what to do", async () => {
    await expectThereAndBack(uri, {});
    const env: Readonly<Record<string, string>> = { ...base, VAULT_ADDR: vault.address };
    const denied = await run("dec", box, ["s.yaml"], { env: { ...env, VAULT_TOKEN: "hvs.wrong" } });
    expect(denied).toMatchObject({ status: 128, stdout: "" });
    expect(denied.stderr).toMatch(/permission denied.*VAULT_TOKEN/);
    expect(denied.stderr).not.toContain("hvs.wrong");
    expect((await refusal("http://127.0.0.1:9/v1/transit/keys/e2e", {})).stderr).toMatch(/connection refused/);
    expect((await refusal(uri.replace("transit", "none"), {})).stderr).toMatch(/path of the transit engine/);
    const { VAULT_TOKEN: _, ...tokenless } = env;
    expect((await run("dec", box, ["s.yaml"], { env: tokenless })).stderr).toMatch(/there is no token/);
  });

  it("waits no longer than it is told", async () => {
    const { createServer } = await import("node:net");
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void silent.close());
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    const late = await refusal(`http://127.0.0.1:${port}/v1/transit/keys/k`, { VAULT_CLIENT_TIMEOUT: "100ms" });
    expect(late.stderr).toMatch(/no answer in time.*VAULT_CLIENT_TIMEOUT/s);
  });
});
