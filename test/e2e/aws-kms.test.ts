import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Moto, motoCredentials, startMoto } from "../support/moto.ts";
import { describePeer, motoServerProgram } from "../support/peers.ts";
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
});
