import { afterAll, beforeAll, expect, it } from "vitest";
import { bothWays, SOURCE, SOURCES } from "../support/both-ways.ts";
import { baoProgram, describePeer, sopsProgram } from "../support/peers.ts";
import { alice } from "../support/sops.ts";
import { startVault, type Vault } from "../support/vault.ts";

/** Transit keys in files that go to sops and come from there, with a real OpenBao. */

describePeer("sops 3.11.0 and this program with transit keys of OpenBao", "sops", sopsProgram(), (sopsPath) => {
  describePeer("keys", "OpenBao", baoProgram(), (baoPath) => {
    let vault: Vault;
    let uri: string;
    let other: string;
    let env: Readonly<Record<string, string>>;
    const { write, read, sops, enc, seal, expectOpens, expectStaysShut, expectOpensAs } = bothWays(sopsPath, () => env);

    beforeAll(async () => {
      vault = await startVault(baoPath);
      uri = await vault.createKey("app");
      other = await vault.createKey("other");
      env = { VAULT_TOKEN: vault.token, VAULT_ADDR: vault.address, VAULT_MAX_RETRIES: "0" };
    });

    afterAll(() => vault?.stop());

    /** A token that may do what the policy says. */
    async function tokenWith(name: string, policy: string): Promise<string> {
      expect((await vault.api("PUT", `sys/policies/acl/${name}`, { policy })).status).toBeLessThan(300);
      const { answer } = await vault.api("POST", "auth/token/create", { policies: [name] });
      return (answer as { auth: { client_token: string } }).auth.client_token;
    }

    it.each(SOURCES)("one key, .%s", (extension, text) => expectOpensAs(extension, text, ["--hc-vault-transit", uri]));

    it.each([
      ["an engine of two names", "team/secrets", "k"],
      ["a name with other characters", "transit", "a.b-c_d"],
      ["an engine called keys", "keys", "encrypt"],
    ])("%s", async (_, engine, name) => {
      if (engine !== "transit") await vault.mount(engine);
      const key = await vault.createKey(name, engine);
      for (const sealed of await seal(["--hc-vault-transit", key])) {
        expect(read(sealed)).toContain(`engine_path: ${engine}\n`);
        await expectOpens(sealed, env);
      }
    });

    it("a URI whose last but one part is another word, with a slash at the end", async () => {
      for (const sealed of await seal(["--hc-vault-transit", `${uri.replace("/keys/", "/whatever/")}/`])) {
        expect(read(sealed)).toMatch(/key_name: app\n/);
        await expectOpens(sealed, env);
      }
    });

    it.each(["/v1/keys/k", "/ns/v1/transit/keys/k", "/v1/a/v2/b/keys/k", "/transit/keys/k"])(
      "neither takes %s",
      async (path) => {
        const flags = ["--hc-vault-transit", vault.address + path, "sample.yaml"];
        expect(await enc(env, "encrypt", ...flags)).toMatchObject({ status: 1, stdout: "" });
        const there = await sops(env, "encrypt", ...flags);
        expect([there.status, there.stdout.length]).toEqual([1, 0]);
      },
    );

    it.each([
      ["flat", () => `creation_rules:\n  - hc_vault_transit_uri: "${uri},${other}"\n`],
      ["as a list", () => `creation_rules:\n  - hc_vault_transit_uri: ["${uri}", "${other}"]\n`],
      ["in a key group", () => `creation_rules:\n  - key_groups:\n      - hc_vault: ["${uri}", "${other}"]\n`],
    ])("from the same rule, %s", async (_, config) => {
      write(".sops.yaml", config());
      for (const sealed of await seal([])) {
        expect(read(sealed).match(/key_name: \w+/g)).toEqual(["key_name: app", "key_name: other"]);
        // The rule names the server.
        const { VAULT_ADDR: _unnamed, ...others } = env;
        await expectOpens(sealed, others);
      }
    });

    it("from SOPS_VAULT_URIS", async () => {
      const { VAULT_ADDR: _unnamed, ...others } = env;
      const variables = { ...others, SOPS_VAULT_URIS: uri };
      for (const sealed of await seal([], "sample.yaml", variables)) await expectOpens(sealed, variables);
    });

    it("two keys, one of which is gone", async () => {
      for (const sealed of await seal(["--hc-vault-transit", `${uri},${other}`])) {
        // What is gone is tried first, and the other one helps.
        write(sealed, read(sealed).replace("key_name: app", "key_name: gone"));
        await expectOpens(sealed, env);
      }
    });

    it("beside an age key: either opens", async () => {
      for (const sealed of await seal(["--hc-vault-transit", uri, "--age", alice.recipient])) {
        await expectOpens(sealed, env);
        await expectOpens(sealed, { SOPS_AGE_KEY: alice.identity });
        await expectStaysShut(sealed, { VAULT_ADDR: vault.address, VAULT_MAX_RETRIES: "0" });
      }
    });

    it("the token of the home directory", async () => {
      const { VAULT_TOKEN: token = "", ...others } = env;
      // The two have different homes here.
      for (const home of ["", "home/"]) write(`${home}.vault-token`, `${token}\n`);
      for (const sealed of await seal(["--hc-vault-transit", uri], "sample.yaml", others)) {
        await expectOpens(sealed, others);
      }
    });

    it("rotated by sops", async () => {
      const [here = ""] = await seal(["--hc-vault-transit", uri]);
      const flags = ["--add-hc-vault-transit", other, "--rm-hc-vault-transit", uri];
      expect(await sops(env, "rotate", "-i", ...flags, here)).toMatchObject({ status: 0, stderr: "" });
      expect(read(here)).not.toContain("key_name: app");
      await expectOpens(here, env);
    });

    it("rotated in the server: old wrapped keys open, until the old version may not", async () => {
      const key = await vault.createKey("versions");
      const old = await seal(["--hc-vault-transit", key]);
      await vault.api("POST", "transit/keys/versions/rotate");
      for (const sealed of old) await expectOpens(sealed, env);
      write("next.yaml", SOURCE);
      const next = await seal(["--hc-vault-transit", key], "next.yaml");
      for (const sealed of next) expect(read(sealed)).toContain("enc: vault:v2:");
      await vault.api("POST", "transit/keys/versions/config", { min_decryption_version: 2 });
      for (const sealed of next) await expectOpens(sealed, env);
      for (const sealed of old) {
        expect((await expectStaysShut(sealed, env)).stderr).toContain("a version of it that may no longer decrypt");
      }
    });

    it("a token that may only decrypt, or only with other keys", async () => {
      const [here = "", there = ""] = await seal(["--hc-vault-transit", uri]);
      const reader = await tokenWith("reader", 'path "transit/decrypt/app" { capabilities = ["update"] }');
      for (const sealed of [here, there]) await expectOpens(sealed, { ...env, VAULT_TOKEN: reader });
      const denied = await enc({ ...env, VAULT_TOKEN: reader }, "--hc-vault-transit", uri, "sample.yaml");
      expect(denied).toMatchObject({ status: 1, stdout: "" });
      expect(denied.stderr).toContain("permission denied");
      expect(denied.stderr).not.toContain(reader);
      const stranger = await tokenWith("stranger", 'path "transit/decrypt/other" { capabilities = ["update"] }');
      const shut = await expectStaysShut(here, { ...env, VAULT_TOKEN: stranger });
      expect(shut.stderr).toContain("permission denied");
    });

    it("a wrapped key of another key, or a damaged one", async () => {
      for (const sealed of await seal(["--hc-vault-transit", uri])) {
        const text = read(sealed);
        write(sealed, text.replace("key_name: app", "key_name: other"));
        expect((await expectStaysShut(sealed, env)).stderr).toContain("made by another key");
        write(
          sealed,
          text.replace(/(enc: vault:v1:.{20})./, (_, start: string) => `${start}!`),
        );
        await expectStaysShut(sealed, env);
        write(sealed, text.replace("engine_path: transit", "engine_path: nowhere"));
        expect((await expectStaysShut(sealed, env)).stderr).toContain("check the path of the transit engine");
      }
    });

    it("in a namespace", async () => {
      expect((await vault.api("POST", "sys/namespaces/unit", {})).status).toBeLessThan(300);
      expect((await vault.api("POST", "unit/sys/mounts/transit", { type: "transit" })).status).toBeLessThan(300);
      expect((await vault.api("POST", "unit/transit/keys/ours")).status).toBeLessThan(300);
      const ours = `${vault.address}/v1/transit/keys/ours`;
      const inUnit = { ...env, VAULT_NAMESPACE: "unit" };
      for (const sealed of await seal(["--hc-vault-transit", ours], "sample.yaml", inUnit)) {
        await expectOpens(sealed, inUnit);
        await expectStaysShut(sealed, env);
      }
    });
  });
});
