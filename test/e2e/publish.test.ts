import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Moto, startMoto } from "../support/moto.ts";
import { baoProgram, describePeer, motoServerProgram } from "../support/peers.ts";
import { failure, makeStandInGoogle, type StandInGoogle } from "../support/stand-in-google.ts";
import { type StandInProxy, startStandInProxy } from "../support/stand-in-proxy.ts";
import { startVault, type Vault } from "../support/vault.ts";
import { type Outcome, RECIPIENT, run, type Sandbox, sandbox } from "./program.ts";

/** `enc publish` with the built programs as they are: what they need for it is inside. */

let box: Sandbox;
let sealed: string;

beforeEach(async () => {
  box = sandbox();
  box.write("plain.yaml", "a: canary\n");
  expect((await run("enc", box, ["--age", RECIPIENT, "-o", "s.yaml", "plain.yaml"])).status).toBe(0);
  sealed = box.read("s.yaml");
});

function publish(rule: string, env: Readonly<Record<string, string>>, ...flags: string[]): Promise<Outcome> {
  box.write(".sops.yaml", `destination_rules:\n  - ${rule}\n`);
  return run("enc", box, ["publish", "--yes", ...flags, "s.yaml"], { env });
}

describePeer("publishing to S3", "moto", motoServerProgram(), (server) => {
  let moto: Moto;

  beforeAll(async () => {
    moto = await startMoto(server);
  });
  afterAll(() => moto.stop());

  it("uploads the file; a profile may name who does it", async () => {
    await fetch(`${moto.endpoint}/bucket`, { method: "PUT" });
    const { status, stdout, stderr } = await publish("{s3_bucket: bucket}", { ...moto.env, AWS_REGION: "us-east-1" });
    expect([status, stdout]).toEqual([0, ""]);
    expect(stderr).toBe("enc: note: s.yaml -> s3://bucket/s.yaml\nenc: note: published s3://bucket/s.yaml\n");
    box.write(
      `${box.home}/.aws/credentials`,
      "[p]\naws_access_key_id = test-only\naws_secret_access_key = test-only\n",
      0o600,
    );
    box.write(`${box.home}/.aws/config`, `[profile p]\nregion = us-east-1\n`);
    const env = { AWS_ENDPOINT_URL_S3: moto.endpoint, AWS_PROFILE: "p" };
    expect((await publish("{s3_bucket: bucket, s3_prefix: p/}", env)).status).toBe(0);
    const list = await (await fetch(`${moto.endpoint}/bucket`)).text();
    expect(list).toContain(`<Key>p/s.yaml</Key>`);
    expect(list).toContain(`<Size>${sealed.length}</Size>`);
    const regionless = await publish("{s3_bucket: bucket}", { ...moto.env, AWS_EC2_METADATA_DISABLED: "true" });
    expect(regionless.status).toBe(1);
    expect(regionless.stderr).toContain("cannot write s3://bucket/s.yaml: no region is set");
  });
});

describePeer("publishing to Vault", "OpenBao", baoProgram(), (program) => {
  let vault: Vault;

  beforeAll(async () => {
    vault = await startVault(program);
  });
  afterAll(() => vault?.stop());

  it("writes the values, once", async () => {
    // A server for development has this engine from the start.
    const env = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.token };
    expect((await publish("{vault_path: app, omit_extensions: true}", env)).status).toBe(0);
    expect((await publish("{vault_path: app, omit_extensions: true}", env)).stderr).toContain("unchanged");
    const { answer } = await vault.api("GET", "secret/data/app/s");
    expect(answer).toMatchObject({ data: { data: { a: "canary" }, metadata: { version: 1 } } });
  });
});

describe("publishing to Google Cloud Storage (stand-in)", () => {
  let google: StandInGoogle;
  let proxy: StandInProxy;

  beforeAll(async () => {
    google = makeStandInGoogle();
    proxy = await startStandInProxy([google.standIn]);
  });
  afterAll(() => proxy.stop());
  beforeEach(() => {
    google.objects.clear();
    google.instead.length = 0;
  });

  function toBucket(
    env: Readonly<Record<string, string>>,
    rule = "{gcs_bucket: bucket, gcs_prefix: p q/}",
  ): Promise<Outcome> {
    return publish(rule, { ...proxy.env, ...env });
  }

  it.each([
    ["an access token", () => ({ GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken })],
    ["a key file, for a token of the scope that is needed", () => ({ GOOGLE_CREDENTIALS: google.keyFile })],
    ["what gcloud leaves", () => ({ GOOGLE_CREDENTIALS: google.userFile })],
  ])("uploads with %s", async (_, env) => {
    const { status, stderr } = await toBucket(env());
    expect([status, stderr]).toEqual([
      0,
      "enc: note: s.yaml -> gcs://bucket/p q/s.yaml\nenc: note: published gcs://bucket/p q/s.yaml\n",
    ]);
    expect(google.objects.get("p q/s.yaml")?.toString()).toBe(sealed);
    expect(proxy.refused).toEqual([]);
  });

  it("says what failed, and never that it was published then", async () => {
    const env = { GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken };
    const expectFails = async (said: string, ran: Promise<Outcome>): Promise<void> => {
      const { status, stderr } = await ran;
      expect(status).toBe(1);
      expect(stderr).toContain(said);
      expect(stderr).not.toMatch(/published|canary|test-only/);
    };
    await expectFails("no such bucket (HTTP 404)", toBucket(env, "{gcs_bucket: other}"));
    await expectFails("does not accept the credentials", toBucket({ GOOGLE_OAUTH_ACCESS_TOKEN: "wrong" }));
    google.instead.push(failure(403, "forbidden"));
    await expectFails("permission denied (HTTP 403)", toBucket(env));
    google.instead.push({ status: 200, body: "<html>" });
    await expectFails("the checksum that came back does not fit", toBucket(env));
    google.instead.push({ status: 502, body: "<html>" }, ...Array(4).fill({ status: 502, body: "" }));
    await expectFails("not one of Google Cloud Storage (HTTP 502)", toBucket(env));
  });
});
