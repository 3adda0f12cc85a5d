import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Moto, motoCredentials, startMoto } from "../support/moto.ts";
import { describePeer, motoServerProgram } from "../support/peers.ts";
import { kmsFailure, makeStandInAws, type StandInAws } from "../support/stand-in-aws.ts";
import { type StandInProxy, startStandInProxy } from "../support/stand-in-proxy.ts";
import { RECIPIENT, run, type Sandbox, sandbox } from "./program.ts";

/** AWS KMS with the built programs as they are, with nothing installed beside them: moto stands in for AWS. */

describePeer("a KMS key", "moto", motoServerProgram(), (server) => {
  const plain = "a: b # note\nc: [1, 0x1F]\n";
  let moto: Moto;
  let box: Sandbox;

  beforeAll(async () => {
    moto = await startMoto(server);
  });
  afterAll(() => moto.stop());

  async function expectThereAndBack(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    box = sandbox({ hasIdentity: false });
    box.write("plain.yaml", plain);
    const sealed = await run("enc", box, [...flags, "-o", "s.yaml", "plain.yaml"], { env });
    expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
    expect(box.read("s.yaml")).toContain("arn:aws:kms:us-east-1:");
    expect(await run("dec", box, ["s.yaml"], { env })).toMatchObject({ status: 0, stdout: plain, stderr: "" });
  }

  it("wraps the data key, and unwraps it", async () => {
    const { arn, aliasArn } = await moto.createKey({ alias: "e2e" });
    for (const key of [arn, aliasArn ?? ""]) await expectThereAndBack(["--kms", key], moto.env);
  });

  it("with a context, in a role, and beside an age key", async () => {
    const role = "arn:aws:iam::210987654321:role/e2e";
    const { arn } = await moto.createKey({ role });
    await expectThereAndBack(
      ["--kms", `${arn}+${role}`, "--encryption-context", "env:test", "--age", RECIPIENT],
      moto.env,
    );
    expect(box.read("s.yaml")).toContain(`role: ${role}`);
  });

  it("with credentials from the user's AWS files, by name of a profile, and from a program", async () => {
    const { arn } = await moto.createKey();
    const home = sandbox({ hasIdentity: false });
    const { accessKeyId, secretAccessKey } = motoCredentials;
    const pair = { Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey };
    home.write("print", `#!/bin/sh\necho '${JSON.stringify(pair)}'\n`, 0o755);
    home.write(
      "config",
      `[profile files]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n` +
        `[profile program]\ncredential_process = ${home.path("print")}\n`,
    );
    for (const profile of ["files", "program"]) {
      const env = {
        AWS_ENDPOINT_URL: moto.endpoint,
        AWS_CONFIG_FILE: home.path("config"),
        AWS_SHARED_CREDENTIALS_FILE: join(home.home, "none"),
      };
      await expectThereAndBack(["--kms", arn, "--aws-profile", profile], env);
      await expectThereAndBack(["--kms", arn], { ...env, AWS_PROFILE: profile });
    }
  });

  it("that is not there is an error with the reason", async () => {
    box = sandbox({ hasIdentity: false });
    box.write("plain.yaml", plain);
    const arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000";
    const missing = await run("enc", box, ["--kms", arn, "plain.yaml"], { env: moto.env });
    expect(missing).toMatchObject({ status: 1, stdout: "" });
    expect(missing.stderr).toContain("no such key or alias");
    const env = { ...moto.env, AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" };
    const refused = await run("enc", box, ["--kms", arn, "plain.yaml"], { env });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("connection refused");
    expect(missing.stderr + refused.stderr).not.toContain("Warning");
  });

  describe("behind a proxy, under the names of AWS", () => {
    let aws: StandInAws;
    let proxy: StandInProxy;
    let arn: string;
    /** Neither an endpoint nor, as moto has to be asked for in vain otherwise, the metadata of a machine. */
    let env: Readonly<Record<string, string>>;

    beforeAll(async () => {
      aws = makeStandInAws(moto.endpoint);
      proxy = await startStandInProxy([aws.standIn]);
      const { AWS_ENDPOINT_URL: _, ...credentials } = moto.env;
      env = { ...proxy.env, ...credentials, AWS_EC2_METADATA_DISABLED: "true" };
      ({ arn } = await moto.createKey());
    });
    afterAll(() => proxy.stop());

    beforeEach(() => {
      for (const list of [aws.calls, aws.instead, proxy.refused]) list.length = 0;
    });

    async function seal(): Promise<void> {
      box = sandbox({ hasIdentity: false });
      box.write("plain.yaml", plain);
      expect(await run("enc", box, ["--kms", arn, "-o", "s.yaml", "plain.yaml"], { env })).toMatchObject({ status: 0 });
      aws.calls.length = 0;
    }

    async function expectShut(said: RegExp, more: Readonly<Record<string, string>> = {}): Promise<void> {
      const { status, stdout, stderr } = await run("dec", box, ["s.yaml"], { env: { ...env, ...more } });
      expect([status, stdout]).toEqual([128, ""]);
      expect(stderr).toMatch(said);
      expect(stderr).not.toMatch(/canary|test-only|\bat .*\(|internal error|Warning/);
    }

    it("is reached through it, for roles as well", async () => {
      await expectThereAndBack(["--kms", arn], env);
      const role = "arn:aws:iam::210987654321:role/proxy";
      const { arn: theirs } = await moto.createKey({ role });
      await expectThereAndBack(["--kms", `${theirs}+${role}`], env);
      expect(aws.calls).toEqual(["Encrypt", "Decrypt", "AssumeRole", "Encrypt", "AssumeRole", "Decrypt"]);
      // A role of the user's own configuration, which the SDK assumes itself.
      const config = `[profile base]\naws_access_key_id = test-only\naws_secret_access_key = test-only\n`;
      box.write("config", `${config}[profile in-role]\nrole_arn = ${role}\nsource_profile = base\n`);
      const profiles = { ...proxy.env, AWS_CONFIG_FILE: box.path("config"), AWS_SHARED_CREDENTIALS_FILE: "/dev/null" };
      await expectThereAndBack(["--kms", theirs, "--aws-profile", "in-role"], profiles);
      expect(aws.calls.filter((call) => call === "AssumeRole")).toHaveLength(4);
      expect(proxy.refused).toEqual([]);
    });

    it("is asked again when it is busy, and not for ever", async () => {
      await seal();
      aws.instead.push(kmsFailure("ThrottlingException"), kmsFailure("ThrottlingException"));
      expect(await run("dec", box, ["s.yaml"], { env })).toMatchObject({ status: 0, stdout: plain, stderr: "" });
      expect(aws.calls).toEqual(["Decrypt", "Decrypt", "Decrypt"]);

      aws.calls.length = 0;
      aws.instead.push(...Array(9).fill(kmsFailure("ThrottlingException")));
      await expectShut(/throttled: too many requests \(ThrottlingException\) \(wait/);
      expect(aws.calls).toHaveLength(3);
      aws.calls.length = 0;
      await expectShut(/throttled/, { AWS_MAX_ATTEMPTS: "4" });
      expect(aws.calls).toHaveLength(4);
    });

    it("says what is wrong, and what to do", async () => {
      await seal();
      for (const [type, said] of [
        ["DisabledException", /the key is disabled .* \(enable it/],
        ["KMSInvalidStateException", /the key is disabled or about to be deleted .* \(enable it/],
        ["AccessDeniedException", /access denied .* need kms:Decrypt/],
        ["NotFoundException", /no such key or alias .* \(check the ARN/],
        ["ExpiredTokenException", /the AWS credentials have expired .*AWS_ACCESS_KEY_ID/],
        ["UnrecognizedClientException", /AWS does not know these credentials/],
        ["InvalidCiphertextException", /not made with this KMS key and encryption context, or is damaged/],
      ] as const) {
        aws.instead.push(kmsFailure(type));
        await expectShut(said);
      }
      await expectShut(/no usable AWS credentials were found .*AWS_PROFILE/, { AWS_ACCESS_KEY_ID: "" });
      const unknown = { AWS_ACCESS_KEY_ID: "", AWS_PROFILE: "unknown" };
      await expectShut(/no usable AWS credentials were found .*check the profile "unknown"/, unknown);
      await expectShut(/connection refused .*HTTPS_PROXY/, { HTTPS_PROXY: "http://127.0.0.1:9" });
      await expectShut(/certificate is not trusted .*NODE_EXTRA_CA_CERTS/, {
        NODE_EXTRA_CA_CERTS: "",
        SSL_CERT_FILE: "",
      });
    });
  });
});
