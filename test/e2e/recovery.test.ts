import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { IDENTITY, type Outcome, outcomeOf, RECIPIENT, run, type Sandbox, sandbox, start } from "./program.ts";

/** How the built programs come by a data key when not every key answers. */

const plain = "a: b # note\nc: [1, 0x1F]\n";
const ARN = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000";

/** TEST ONLY. */
const OTHER = {
  identity: "AGE-SECRET-KEY-1SA9G4RCPRKWCJSAATRME7FEKHZPPVSN4NPWY7C02NJ5F5VK04C0QFYM2D5",
  recipient: "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg",
};

let box: Sandbox;

beforeEach(() => {
  box = sandbox();
  box.write("plain.yaml", plain);
});

const dec = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  run("dec", box, args, { env });

describe("a key service that accepts and never answers", () => {
  let server: Server;
  let connections = 0;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = createServer(() => connections++);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    env = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: "test-only",
      AWS_SECRET_ACCESS_KEY: "test-only",
    };
  });
  afterAll(() => server.close());

  /** A file for an AWS key and an age key. The AWS key is written in by hand: no service answers. */
  async function sealedForBoth(name: string): Promise<void> {
    expect(await run("enc", box, ["--age", RECIPIENT, "-o", name, "plain.yaml"])).toMatchObject({ status: 0 });
    const kms = `sops:\n    kms:\n        - arn: ${ARN}\n          created_at: "2026-01-01T00:00:00Z"\n          enc: AAAA\n`;
    box.write(name, box.read(name).replace("sops:\n", kms));
  }

  it("is not asked while a local key opens the file, and given up after its time", async () => {
    await sealedForBoth("s.yaml");
    const before = connections;
    expect(await dec(["s.yaml"], env)).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect(connections).toBe(before);
    const first = ["--decryption-order", "kms", "--key-timeout", "1"];
    expect(await dec([...first, "s.yaml"], env)).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect(connections).toBeGreaterThan(before);
  });

  it("leaves its reason in the report, and nothing else", async () => {
    await sealedForBoth("s.yaml");
    const alone = { ...env, SOPS_AGE_KEY: OTHER.identity, HOME: box.path("nowhere"), KEYLEAF_KEY_TIMEOUT: "1" };
    const failed = await dec(["-o", "out.yaml", "s.yaml"], alone);
    expect([failed.status, failed.stdout]).toEqual([128, ""]);
    const lines = failed.stderr.split("\n");
    expect(lines[0]).toBe("dec: error: s.yaml: no key at hand opens this file");
    expect(lines[1]).toContain(`  age ${RECIPIENT}: SOPS_AGE_KEY: none of its identities (1) is for this key`);
    expect(lines[2]).toContain(`  aws-kms ${ARN}: no answer within 1 s (check the network`);
    expect(box.list()).not.toContain("out.yaml");
  });

  it("is given up when wrapping too", async () => {
    const failed = await run("enc", box, ["--kms", ARN, "--key-timeout=1", "-o", "s.yaml", "plain.yaml"], { env });
    expect([failed.status, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toMatch(/cannot encrypt the data key to arn:\S+: no answer within 1 s\nenc: hint: /);
    expect(box.list()).toEqual(["plain.yaml"]);
  });

  it.each<[string, readonly string[]]>([
    ["one file", ["decrypt", "s.yaml"]],
    ["a file to be written", ["decrypt", "-o", "out.yaml", "s.yaml"]],
    ["files in place", ["decrypt", "-i", "s.yaml", "t.yaml"]],
  ])("does not hold up who interrupts %s", async (_, args) => {
    await sealedForBoth("s.yaml");
    await sealedForBoth("t.yaml");
    const before = [box.read("s.yaml"), box.list()];
    const seen = connections;
    const child = start("enc", box, ["--decryption-order", "kms", ...args], { env });
    const ended = outcomeOf(child);
    while (connections === seen) await new Promise((done) => setTimeout(done, 10));
    child.kill("SIGINT");
    const { status, stdout } = await ended;
    // A shell says 130 for both.
    expect([130, "SIGINT"]).toContain(status);
    expect(stdout).toBe("");
    expect([box.read("s.yaml"), box.list()]).toEqual(before);
  });

  it("is not asked for a group that is not needed", async () => {
    box.write(
      ".sops.yaml",
      `creation_rules: [{shamir_threshold: 2, key_groups: [{age: [${OTHER.recipient}]}, {age: [${RECIPIENT}]}, {age: [${RECIPIENT}]}]}]\n`,
    );
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
    const kms = `key_groups:\n        - kms:\n            - arn: ${ARN}\n              enc: AAAA\n              created_at: "2026-01-01T00:00:00Z"\n          age:`;
    const withKms = box.read("s.yaml").replace(/key_groups:\n {8}- age:/, kms);
    expect(withKms).toContain(ARN);
    box.write("s.yaml", withKms);
    const before = connections;
    expect(await dec(["s.yaml"], env)).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect(connections).toBe(before);
  });
});

describe("a report", () => {
  it("names keys as the configuration does", async () => {
    box.write(
      ".sops.yaml",
      `people:\n  - &other ${OTHER.recipient} # Otto (on call)\ncreation_rules:\n  - age:\n      # Rita\n      - ${RECIPIENT}\n      - *other\n`,
    );
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
    box.write(join(box.home, ".config/sops/age/keys.txt"), "");
    const failed = await dec(["s.yaml"]);
    expect(failed.status).toBe(128);
    expect(failed.stderr).toContain(`  age ${RECIPIENT} (Rita): `);
    expect(failed.stderr).toContain(`  age ${OTHER.recipient} (Otto (on call)): `);
    // One that cannot be read takes nothing away.
    box.write(".sops.yaml", "creation_rules: [\n");
    expect((await dec(["s.yaml"])).stderr).toContain(`  age ${RECIPIENT}: `);
  });

  it("tells the groups apart", async () => {
    box.write(
      ".sops.yaml",
      `creation_rules:\n  - key_groups:\n      - age: [${RECIPIENT}]\n      - age:\n          - ${OTHER.recipient} # Otto\n`,
    );
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
    const failed = await dec(["s.yaml"]);
    expect([failed.status, failed.stdout]).toEqual([128, ""]);
    expect(failed.stderr).toContain("split over 2 key groups, 2 of which are needed: 1 could be opened\n");
    expect(failed.stderr).toContain(`  group 2: age ${OTHER.recipient} (Otto): `);
    const opened = await dec(["s.yaml"], { SOPS_AGE_KEY: OTHER.identity });
    expect(opened).toMatchObject({ status: 0, stdout: plain, stderr: "" });
  });
});

describe("what is asked for wrongly", () => {
  it.each<[number, readonly string[], Record<string, string>, string]>([
    [1, ["--decryption-order", "age,gcp_kmss"], {}, "dec: hint: did you mean gcp_kms?"],
    [1, [], { SOPS_DECRYPTION_ORDER: "nothing" }, "dec: error: SOPS_DECRYPTION_ORDER:"],
    [112, ["--decryption-order=age,pgp,age"], {}, "age is there twice"],
    [112, [], { SOPS_DECRYPTION_ORDER: "age,age" }, "age is there twice"],
    [1, ["--key-timeout", "0"], {}, "--key-timeout takes whole seconds"],
    [1, ["--key-timeout", "soon"], {}, "--key-timeout takes whole seconds"],
  ])("ends with %i: %j %j", async (status, args, env, message) => {
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
    const failed = await dec([...args, "s.yaml"], env);
    expect([failed.status, failed.stdout]).toEqual([status, ""]);
    expect(failed.stderr).toContain(message);
  });

  it("is said by git's textconv, which shows the file all the same", async () => {
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
    const shown = await run("enc", box, ["git", "textconv", "s.yaml"], { env: { SOPS_DECRYPTION_ORDER: "x" } });
    expect(shown.status).toBe(0);
    expect(shown.stdout).toBe(
      `# keyleaf: shown encrypted: SOPS_DECRYPTION_ORDER or KEYLEAF_KEY_TIMEOUT is set wrongly\n${box.read("s.yaml")}`,
    );
  });

  it("is passed over where it does not matter: an identity of one's own opens the file in any order", async () => {
    expect((await run("enc", box, ["-o", "s.yaml", "plain.yaml"])).status).toBe(0);
    for (const order of ["pgp,kms,age", "azure_kv", ""]) {
      const env = { SOPS_DECRYPTION_ORDER: order, SOPS_AGE_KEY: IDENTITY };
      expect(await dec(["s.yaml"], env)).toMatchObject({ status: 0, stdout: plain, stderr: "" });
      const asSops = ["decrypt", `--decryption-order=${order || "pgp"}`, "s.yaml"];
      expect(await run("sops", box, asSops, { env })).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    }
  });
});
