import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type AwsKmsRecipient, awsKms } from "../../src/crypto/keys/aws-kms.ts";
import { itemOf, leaf, mapping } from "../../src/document/document.ts";
import type { Host } from "../../src/host.ts";
import { type Moto, startMoto } from "../support/moto.ts";
import { describePeer, motoServerProgram } from "../support/peers.ts";

const dataKey = new Uint8Array(32).map((_, at) => at);
const noReason = (): void => {};

function hostWith(env: Host["env"]): Host {
  return {
    env,
    platform: "linux",
    home: null,
    hostname: async () => "build-01",
    readFile: async () => null,
    run: () => Promise.reject(new Error("no programs here")),
    fillRandom: () => {},
    now: () => new Date("2025-01-02T03:04:05.678Z"),
  };
}

function to(arn: string, options: Partial<AwsKmsRecipient> = {}): AwsKmsRecipient {
  return { arn, role: "", profile: "", context: new Map(), ...options };
}

describePeer("AWS KMS by moto", "moto", motoServerProgram(), (program) => {
  let moto: Moto;
  let host: Host;
  let arn: string;

  beforeAll(async () => {
    moto = await startMoto(program);
    host = hostWith(moto.env);
    ({ arn } = await moto.createKey());
  }, 60_000);

  afterAll(() => moto?.stop());

  test("unwraps what it wrapped", async () => {
    const wrapped = await awsKms.wrap(dataKey, to(arn), host);
    expect(await awsKms.unwrap(wrapped, host, noReason)).toEqual(dataKey);
  });

  test("binds the wrapped key to the encryption context", async () => {
    const context = new Map([
      ["env", "prod"],
      ["app", "a:b,c"],
    ]);
    const wrapped = await awsKms.wrap(dataKey, to(arn, { context }), host);
    expect(await awsKms.unwrap(wrapped, host, noReason)).toEqual(dataKey);

    const enc = itemOf(wrapped.fields, "enc")?.value ?? leaf("");
    for (const other of [[], [["env", leaf("prod")]] as const]) {
      const moved = mapping([
        ["arn", leaf(arn)],
        ["context", mapping(other)],
        ["enc", enc],
      ]);
      const opening = awsKms.unwrap({ provider: "aws-kms", fields: moved }, host, noReason);
      await expect(opening).rejects.toMatchObject({ code: "PROVIDER_FAILED" });
      await expect(opening).rejects.toThrow(/InvalidCiphertextException/);
    }
  });

  test("takes the ARN of an alias", async () => {
    const { aliasArn } = await moto.createKey({ alias: "config" });
    const wrapped = await awsKms.wrap(dataKey, to(aliasArn ?? ""), host);
    expect(itemOf(wrapped.fields, "arn")?.value).toEqual(leaf(aliasArn ?? ""));
    expect(await awsKms.unwrap(wrapped, host, noReason)).toEqual(dataKey);
  });

  test("says that a key is not there", async () => {
    const wrapping = awsKms.wrap(dataKey, to(arn.replace(/key\/.*/, "key/00000000-0000-4000-8000-000000000000")), host);
    await expect(wrapping).rejects.toMatchObject({ code: "PROVIDER_FAILED" });
    await expect(wrapping).rejects.toThrow(/NotFoundException/);
  });

  test("assumes a role first", async () => {
    // A role of another account: its key can be used with the role's credentials only.
    const role = "arn:aws:iam::210987654321:role/config";
    const { arn: theirs } = await moto.createKey({ role });
    expect(theirs).toContain(":210987654321:");

    const wrapped = await awsKms.wrap(dataKey, to(theirs, { role }), host);
    expect(await awsKms.unwrap(wrapped, host, noReason)).toEqual(dataKey);
    await expect(awsKms.wrap(dataKey, to(theirs), host)).rejects.toMatchObject({ code: "PROVIDER_FAILED" });

    // One session served both calls, under the name that the reference gives it.
    const seen = await (await fetch(`${moto.endpoint}/moto-api/data.json`)).text();
    expect(seen.match(/"session_name": ?"[^"]*"/g)?.filter((name) => name.includes("sops@build01"))).toHaveLength(1);
  });

  test("takes the key's own profile before keys in the environment", async () => {
    const home = mkdtempSync(join(tmpdir(), "keyleaf-aws-"));
    const credentials = join(home, "credentials");
    // TEST ONLY
    writeFileSync(credentials, "[team]\naws_access_key_id = test-only\naws_secret_access_key = test-only\n");
    // The SDK asks the environment of the process for its files.
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", credentials);
    vi.stubEnv("AWS_CONFIG_FILE", join(home, "none"));
    try {
      const wrapped = await awsKms.wrap(dataKey, to(arn, { profile: "team" }), host);
      expect(await awsKms.unwrap(wrapped, host, noReason)).toEqual(dataKey);
      const wrapping = awsKms.wrap(dataKey, to(arn, { profile: "unknown" }), host);
      await expect(wrapping).rejects.toMatchObject({ code: "PROVIDER_FAILED" });
      await expect(wrapping).rejects.toThrow(/CredentialsProviderError/);
    } finally {
      vi.unstubAllEnvs();
      rmSync(home, { recursive: true });
    }
  });

  test("says that the role could not be assumed", async () => {
    const away = hostWith({
      ...moto.env,
      AWS_ENDPOINT_URL_KMS: moto.endpoint,
      AWS_ENDPOINT_URL: await closedEndpoint(),
    });
    const wrapping = awsKms.wrap(dataKey, to(arn, { role: "arn:aws:iam::210987654321:role/config" }), away);
    await expect(wrapping).rejects.toMatchObject({ code: "PROVIDER_FAILED" });
    await expect(wrapping).rejects.toThrow(/AWS STS .*ECONNREFUSED/);
  });

  test("says that nothing answers", async () => {
    const away = hostWith({ ...moto.env, AWS_ENDPOINT_URL: await closedEndpoint() });
    const wrapping = awsKms.wrap(dataKey, to(arn), away);
    await expect(wrapping).rejects.toMatchObject({ code: "PROVIDER_FAILED" });
    await expect(wrapping).rejects.toThrow(/ECONNREFUSED/);
  });
});

/** An address of this machine where nothing listens. */
async function closedEndpoint(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
