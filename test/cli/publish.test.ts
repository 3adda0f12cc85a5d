import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Moto, startMoto } from "../support/moto.ts";
import { baoProgram, describePeer, motoServerProgram } from "../support/peers.ts";
import { startVault, type Vault } from "../support/vault.ts";
import { IDENTITY, type Ran, RECIPIENT, runWith, type Setting, temporaryFolder } from "./fake.ts";

/** TEST ONLY. */
const OTHER = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";

let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
});

function write(name: string, text: string): void {
  mkdirSync(dirname(join(cwd, name)), { recursive: true });
  writeFileSync(join(cwd, name), text);
}

/** Writes it encrypted, and gives what is in the file then. */
async function seal(name: string, plain: string, ...flags: string[]): Promise<string> {
  write("plain", plain);
  const env = { SOPS_AGE_RECIPIENTS: RECIPIENT };
  const { status, stdout } = await runWith({ cwd, env }, ...flags, "--filename-override", name, "plain");
  expect(status).toBe(0);
  write(name, stdout);
  return stdout;
}

function dec(text: string, name: string): Promise<Ran> {
  const env = { SOPS_AGE_KEY: IDENTITY };
  return runWith({ cwd, env, stdin: text, program: "dec" }, "--filename-override", name, "-");
}

describePeer("enc publish to S3", "moto", motoServerProgram(), (server) => {
  let moto: Moto;
  let bucket: string;
  let buckets = 0;

  beforeAll(async () => {
    moto = await startMoto(server);
  });
  afterAll(() => moto.stop());
  beforeEach(async () => {
    bucket = `bucket-${buckets++}`;
    expect((await s3("PUT", bucket)).status).toBe(200);
  });

  async function s3(method: string, path: string): Promise<{ status: number; text: string }> {
    // moto wants to know who asks, and takes any signature.
    const authorization =
      "AWS4-HMAC-SHA256 Credential=test-only/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";
    const response = await fetch(`${moto.endpoint}/${path}`, { method, headers: { authorization } });
    return { status: response.status, text: await response.text() };
  }

  /** Names in the bucket. */
  async function objects(): Promise<string[]> {
    return [...(await s3("GET", bucket)).text.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = ""]) => key);
  }

  function publish(argv: readonly string[], setting: Omit<Setting, "cwd"> = {}): Promise<Ran> {
    const env = { SOPS_AGE_KEY: IDENTITY, AWS_REGION: "us-east-1", ...moto.env, ...setting.env };
    return runWith({ cwd, ...setting, env }, "publish", ...argv);
  }

  function rules(...lines: string[]): void {
    write(".sops.yaml", `destination_rules:\n${lines.map((line) => `  - ${line}\n`).join("")}`);
  }

  it("shows what goes where, asks, and uploads the file as it is", async () => {
    rules(`{s3_bucket: ${bucket}, s3_prefix: conf-}`);
    const sealed = await seal("s.enc.yaml", "a: canary\n");
    const questions: string[] = [];
    const host = {
      ask: async (question: string) => {
        questions.push(question);
        expect(await objects()).toEqual([]);
        return ["what", "Yes"][questions.length - 1] ?? null;
      },
    };
    const { status, stdout, stderr } = await publish(["s.enc.yaml"], { host });
    expect([status, stdout]).toEqual([0, ""]);
    expect(questions).toEqual(Array(2).fill("publish 1 file? (y/n) "));
    expect(stderr).toBe(
      `enc: note: s.enc.yaml -> s3://${bucket}/conf-s.enc.yaml\n` +
        `enc: note: published s3://${bucket}/conf-s.enc.yaml\n`,
    );
    expect((await s3("GET", `${bucket}/conf-s.enc.yaml`)).text).toBe(sealed);
  });

  it("publishes nothing without an answer, or with no", async () => {
    rules(`{s3_bucket: ${bucket}}`);
    await seal("s.yaml", "a: b\n");
    const unasked = await publish(["s.yaml"]);
    expect(unasked.status).toBe(1);
    expect(unasked.stderr).toContain("--yes publishes without a question");
    for (const answer of ["n", ""]) {
      const refused = await publish(["s.yaml"], { host: { ask: async () => answer } });
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain("nothing was published\n");
    }
    const dry = await publish(["--dry-run", "s.yaml"]);
    expect(dry).toEqual({ status: 0, stdout: `s.yaml -> s3://${bucket}/s.yaml\n`, stderr: "" });
    expect(await objects()).toEqual([]);
  });

  it("takes folders, at any depth, by paths below the configuration", async () => {
    rules(
      `{path_regex: ^prod/, s3_bucket: ${bucket}, s3_prefix: p/}`,
      `{path_regex: \\.json$, s3_bucket: ${bucket}, omit_extensions: true}`,
    );
    await seal("prod/a.yaml", "a: b\n");
    await seal("prod/deep/.env", "A=b\n");
    await seal("test/x.enc.json", '{"a": "b"}\n');
    write("prod/README", "nothing secret\n");
    write("prod/.sops.yaml.bak", "a: b\n");
    // From within the folder names and rules are the same.
    const inside = await publish(["--recursive", "--yes", "."], { host: { cwd: join(cwd, "prod") } });
    expect(inside.status).toBe(0);
    expect(inside.stderr).toContain("README is not encrypted, and is left out");
    expect(await objects()).toEqual(["p/a.yaml", "p/deep/.env"]);
    expect((await publish(["--yes", "test/x.enc.json"])).status).toBe(0);
    expect((await publish(["--yes", "--recursive", "--omit-extensions", "prod/a.yaml"])).status).toBe(0);
    expect(await objects()).toEqual(["p/a", "p/a.yaml", "p/deep/.env", "x.enc"]);
  });

  it("publishes nothing when one file cannot be published", async () => {
    rules(`{path_regex: ^f/, s3_bucket: ${bucket}, omit_extensions: true}`);
    await seal("f/a.yaml", "a: b\n");
    const json = await seal("f/z.json", '{"a": "b"}\n');
    const attempt = async (status: number, said: string, ...argv: string[]): Promise<void> => {
      const ran = await publish(["--yes", ...argv]);
      expect([ran.status, ran.stdout]).toEqual([status, ""]);
      expect(ran.stderr).toContain(said);
      expect(await objects()).toEqual([]);
    };
    await attempt(1, "--recursive publishes the files in it", "f");
    await attempt(1, "no such file", "none.yaml");
    await attempt(2, "it is no regular file", "/dev/null");
    // The MAC is checked where the file would go as it is, too.
    write("f/z.json", json.replace('"a"', '"b"'));
    await attempt(25, "f/z.json", "--recursive", "f");
    await seal("f/z.json", '{"a": "b", "n_unencrypted": 1}\n');
    write("f/z.json", readFileSync(join(cwd, "f/z.json"), "utf8").replace('ed": 1', 'ed": 2'));
    await attempt(51, "f/z.json", "--recursive", "f");
    write("f/z.json", json);
    await seal("f/a.json", '{"a": "b"}\n');
    await attempt(1, "f/a.json and f/a.yaml would both become", "--recursive", "f");
    await seal("g.yaml", "a: b\n");
    await attempt(1, "no destination rule matches g.yaml", "g.yaml");
    write("f/plain.yaml", "a: b\n");
    await attempt(1, "not encrypted", "f/plain.yaml");
    rules("{s3_bucket: no-such-bucket}");
    await attempt(1, "no such bucket (NoSuchBucket)", "f/a.yaml");
    write(".sops.yaml", "creation_rules: []\n");
    await attempt(1, "has no destination_rules", "f/a.yaml");
    expect((await publish([])).status).toBe(100);
  });

  it("encrypts anew for others, with all that the rule says", async () => {
    write(
      ".sops.yaml",
      `destination_rules:\n  - s3_bucket: ${bucket}\n    recreation_rule:\n      age: ${RECIPIENT},${OTHER}\n` +
        "      encrypted_regex: ^secret$\n      mac_only_encrypted: true\n",
    );
    const plain = "# about\nopen: 1\nsecret: 0x1F # kept\n";
    await seal("s.yaml", plain);
    // Whatever new files would be encrypted to has no part in it.
    const { status, stderr } = await publish(["--yes", "s.yaml"], { env: { SOPS_AGE_RECIPIENTS: "age1nobody" } });
    expect([status, stderr]).toEqual([
      0,
      `enc: note: s.yaml -> s3://${bucket}/s.yaml\nenc: note:   + age ${OTHER}\nenc: note: published s3://${bucket}/s.yaml\n`,
    ]);
    const { text } = await s3("GET", `${bucket}/s.yaml`);
    expect(text).toMatch(/^# about\nopen: 1\nsecret: ENC\[/);
    expect(text).toContain("encrypted_regex: ^secret$");
    expect(text).toContain("mac_only_encrypted: true");
    expect((await dec(text, "s.yaml")).stdout).toBe(plain);
  });

  it("says what AWS says, in words, and no credentials", async () => {
    rules(`{s3_bucket: ${bucket}}`);
    await seal("s.yaml", "a: canary\n");
    const gone = await publish(["--yes", "s.yaml"], {
      env: { AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" },
    });
    expect(gone.status).toBe(1);
    expect(gone.stderr).toContain(`s.yaml: cannot write s3://${bucket}/s.yaml: connection refused (ECONNREFUSED)`);
    expect(gone.stderr).not.toMatch(/canary|test-only/);
  });
});

describePeer("enc publish to Vault", "OpenBao", baoProgram(), (program) => {
  let vault: Vault;
  let mounts = 0;
  let mount: string;

  beforeAll(async () => {
    vault = await startVault(program);
  });
  afterAll(() => vault?.stop());

  async function rule(version: 1 | 2, more = ""): Promise<void> {
    mount = `kv${mounts++}`;
    const made = await vault.api("POST", `sys/mounts/${mount}`, { type: "kv", options: { version: `${version}` } });
    expect(made.status).toBeLessThan(300);
    // Version 2 makes itself ready first.
    for (let tries = 0; tries < 100; tries++) {
      if ((await vault.api("POST", `${mount}/${version === 2 ? "data/" : ""}ready`, { data: {} })).status < 300) break;
      await new Promise((done) => setTimeout(done, 50));
    }
    write(
      ".sops.yaml",
      `destination_rules:\n  - {vault_path: app, vault_address: "${vault.address}", vault_kv_mount_name: ${mount}, vault_kv_version: ${version}${more}}\n`,
    );
  }

  function publish(name: string, env: Readonly<Record<string, string>> = { VAULT_TOKEN: vault.token }): Promise<Ran> {
    return runWith({ cwd, env: { SOPS_AGE_KEY: IDENTITY, ...env } }, "publish", "--yes", name);
  }

  /** The answer as it came, digits included. */
  async function raw(path: string): Promise<string> {
    const response = await fetch(`${vault.address}/v1/${path}`, { headers: { "x-vault-token": vault.token } });
    return response.text();
  }

  const plain =
    "list:\n  - name: a # in a list\n    deep: [1, {b: c}]\n# above\nbig: 9007199254740993\nfloat: 1.5\nyes: true\nnone: null\nday: 2024-01-02\n---\nbig: 9223372036854775807\n";
  const expected = {
    list: [{ name: "a", deep: [1, { b: "c" }] }],
    float: 1.5,
    yes: true,
    none: null,
  };

  it("writes all documents as one map, numbers and lists as they are", async () => {
    await rule(1);
    await seal("s.yaml", plain);
    expect(await publish("s.yaml")).toMatchObject({ status: 0, stdout: "" });
    const exact = await raw(`${mount}/app/s.yaml`);
    expect(JSON.parse(exact)).toMatchObject({ data: expected });
    expect(exact).toContain('"big":9223372036854775807');
    await rule(2);
    const { status, stderr } = await publish("s.yaml");
    expect([status, stderr]).toEqual([
      0,
      "enc: warning: big will lose digits: version 2 of the KV engine rounds numbers to 64-bit floats; make it text\n" +
        `enc: note: s.yaml -> ${vault.address}/v1/${mount}/data/app/s.yaml\n` +
        `enc: note: published ${vault.address}/v1/${mount}/data/app/s.yaml\n`,
    ]);
    const text = await raw(`${mount}/data/app/s.yaml`);
    expect(JSON.parse(text)).toMatchObject({ data: { data: expected, metadata: { version: 1 } } });
  });

  it("does not write the same again, and does write what differs", async () => {
    await rule(2, ", omit_extensions: true");
    await seal("s.yaml", plain);
    expect((await publish("s.yaml")).status).toBe(0);
    await seal("s.yaml", plain, "--encrypted-regex", "^big$");
    expect((await publish("s.yaml")).stderr).toContain(
      `unchanged, not written again: ${vault.address}/v1/${mount}/data/app/s\n`,
    );
    expect(await raw(`${mount}/data/app/s`)).toContain('"version":1');
    await seal("s.yaml", plain.replace("1.5", "1.25"));
    expect((await publish("s.yaml")).stderr).toContain("published");
    expect(await raw(`${mount}/data/app/s`)).toContain('"version":2');
    // Version 1 keeps every digit.
    await rule(1);
    await publish("s.yaml");
    expect((await publish("s.yaml")).stderr).toContain("unchanged");
    await seal("s.yaml", plain.replace("775807", "775806"));
    expect((await publish("s.yaml")).stderr).toContain("published");
    expect(await raw(`${mount}/app/s.yaml`)).toContain('"big":9223372036854775806');
  });

  it("writes to version 1, other formats, and names with odd characters", async () => {
    await rule(1);
    await seal("a b?#.env", "A=1\nB=x y\n");
    expect((await publish("a b?#.env")).status).toBe(0);
    expect(JSON.parse(await raw(`${mount}/app/a%20b%3F%23.env`))).toMatchObject({ data: { A: "1", B: "x y" } });
    expect((await publish("a b?#.env")).stderr).toContain("unchanged");
    await seal("whole", "\u0001text");
    expect((await publish("whole")).status).toBe(0);
    expect(JSON.parse(await raw(`${mount}/app/whole`))).toMatchObject({ data: { data: "\u0001text" } });
  });

  it("finds the token where vault login leaves it, and says when there is none", async () => {
    await rule(2);
    await seal("s.yaml", "a: canary\n");
    const without = await publish("s.yaml", {});
    expect(without.status).toBe(1);
    expect(without.stderr).toContain("vault login");
    expect(without.stderr).not.toContain("canary");
    write("home/.vault-token", `${vault.token}\n`);
    expect((await publish("s.yaml", {})).status).toBe(0);
  });

  it("writes where it may not read, and says so", async () => {
    await rule(2);
    const policy = `path "${mount}/data/app/*" { capabilities = ["create", "update"] }`;
    await vault.api("PUT", `sys/policies/acl/${mount}`, { policy });
    const { answer } = await vault.api("POST", "auth/token/create", { policies: [mount] });
    const { client_token: token } = (answer as { auth: { client_token: string } }).auth;
    await seal("s.yaml", "a: b\n");
    const { status, stderr } = await publish("s.yaml", { VAULT_TOKEN: token });
    expect(status).toBe(0);
    expect(stderr).toContain("cannot be read (HTTP 403), so it is written in any case");
    expect(await raw(`${mount}/data/app/s.yaml`)).toContain('"a":"b"');
  });

  it("goes nowhere but where the rule and the allowlist say", async () => {
    await rule(2);
    await seal("s.yaml", "a: b\n");
    const env = { VAULT_TOKEN: vault.token, SOPS_HC_VAULT_ALLOWLIST: "none" };
    expect((await publish("s.yaml", env)).stderr).toContain("is not in SOPS_HC_VAULT_ALLOWLIST");
    write(".sops.yaml", "destination_rules:\n  - {vault_path: a/../../sys}\n");
    expect((await publish("s.yaml")).stderr).toContain("no plain path");
    write(".sops.yaml", "destination_rules:\n  - {vault_path: a, vault_address: 'https://a@b'}\n");
    expect((await publish("s.yaml")).stderr).toContain("more than scheme, host, port and path");
    write(".sops.yaml", `destination_rules:\n  - {vault_path: a, vault_kv_mount_name: nowhere}\n`);
    const { status, stderr } = await publish("s.yaml", { VAULT_TOKEN: vault.token, VAULT_ADDR: vault.address });
    expect(status).toBe(1);
    expect(stderr).toContain("check vault_kv_mount_name");
  });
});

describe("values for Vault", () => {
  it("have to be text", async () => {
    write(".sops.yaml", "destination_rules:\n  - {vault_path: a}\n");
    writeFileSync(join(cwd, "plain"), Buffer.from([0xff, 0xfe, 0x00]));
    const env = { SOPS_AGE_RECIPIENTS: RECIPIENT, SOPS_AGE_KEY: IDENTITY };
    const { stdout } = await runWith({ cwd, env }, "--type", "binary", "plain");
    write("s.bin", stdout);
    const { status, stderr } = await runWith({ cwd, env }, "publish", "--yes", "s.bin");
    expect(status).toBe(4);
    expect(stderr).toContain("not UTF-8");
  });
});
