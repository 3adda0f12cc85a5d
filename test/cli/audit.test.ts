import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { audit } from "../../src/cli/audit.ts";
import { KeyleafError } from "../../src/errors.ts";
import { describePeer } from "../support/peers.ts";
import { PASSWORD, type Postgres, postgresProgram, startPostgres } from "../support/postgres.ts";
import { makeTestCa } from "../support/test-ca.ts";
import { temporaryFolder } from "./fake.ts";

describePeer("the audit, in a real database", "postgres", postgresProgram(), (program) => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres(program);
  });
  afterAll(() => server.stop());
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
    server.events();
  });
  afterEach(() => vi.unstubAllEnvs());

  /** Settings with these connection strings. */
  function settings(...strings: readonly string[]): string {
    const path = join(folder, "audit.yaml");
    const backends = { postgres: strings.map((connection_string) => ({ connection_string })) };
    writeFileSync(path, JSON.stringify({ backends }));
    return path;
  }

  /** What keeps an event from being taken down. */
  async function refusal(path: string): Promise<KeyleafError> {
    const error: unknown = await audit("decrypt", "/f", path).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof KeyleafError)) throw new Error(`not refused: ${error}`);
    expect(error.code).toBe("AUDIT_FAILED");
    expect(JSON.stringify(error) + error.message + error.hint + error.stack).not.toMatch(/test only|p%40ss/);
    return error;
  }

  const account = userInfo().username;

  it("an event goes into every database, whatever is in it", async () => {
    const path = settings(server.url("?sslmode=disable"), server.url("?sslmode=require&application_name=x"));
    await audit("encrypt", "/a'); DROP TABLE audit_event; --\\é", path);
    const event = `encrypt ${account} /a'); DROP TABLE audit_event; --\\é`;
    expect(server.events()).toEqual([event, event]);
    await audit("rotate", null, path);
    expect(server.events()).toEqual([`rotate ${account} /dev/stdin`, `rotate ${account} /dev/stdin`]);
  });

  it.each([
    ["an empty file", ""],
    ["no backends", "backends:\n"],
    ["none in the list", "backends: {postgres: []}\n"],
  ])("nothing is taken down with %s", async (_, text) => {
    const path = join(folder, "audit.yaml");
    writeFileSync(path, text);
    await audit("decrypt", "/f", path);
    await audit("decrypt", "/f", join(folder, "missing.yaml"));
  });

  it("connections are encrypted unless the string says otherwise", async () => {
    const encrypted = () =>
      server.query("SELECT ssl FROM pg_stat_ssl NATURAL JOIN pg_stat_activity WHERE usename = 'sops'");
    await audit("decrypt", "/f", settings(server.url()));
    expect(encrypted()).toContain("t");
    await vi.waitFor(() => expect(encrypted()).toBe(""), { timeout: 10_000 });
    await audit("decrypt", "/f", settings(server.url("?sslmode=disable")));
    expect(encrypted()).toContain("f");
  });

  it("connections are closed when nothing more happens, and made anew", async () => {
    const path = settings(server.url());
    const count = () => Number(server.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sops'"));
    await audit("decrypt", "/1", path);
    await audit("decrypt", "/2", path);
    await vi.waitFor(() => expect(count()).toBe(0), { timeout: 10_000 });
    await audit("decrypt", "/3", path);
    expect(server.events().map((event) => event.at(-1))).toEqual(["1", "2", "3"]);
  });

  it("certificates are checked as sslmode says", async () => {
    const other = join(folder, "other.pem");
    writeFileSync(other, makeTestCa().certificate);
    const works = async (query: string, host?: string) => audit("decrypt", "/f", settings(server.url(query, host)));
    const fails = async (query: string, host?: string) => (await refusal(settings(server.url(query, host)))).message;
    const fresh = (): void => {
      folder = temporaryFolder();
    };
    await works(`?sslmode=verify-full&sslrootcert=${server.authority}`, "localhost");
    fresh();
    // The certificate is for the name.
    expect(await fails(`?sslmode=verify-full&sslrootcert=${server.authority}`)).toContain("is for another name");
    fresh();
    await works(`?sslmode=verify-ca&sslrootcert=${server.authority}`);
    for (const mode of ["verify-full", "verify-ca", "require"]) {
      fresh();
      expect(await fails(`?sslmode=${mode}&sslrootcert=${other}`, "localhost")).toContain("unknown authority");
    }
    fresh();
    expect(await fails("?sslmode=verify-full", "localhost")).toContain("unknown authority");
    fresh();
    expect(await fails("?sslmode=verify-full&sslrootcert=/nowhere/ca.pem")).toContain(
      "cannot read /nowhere/ca.pem: no such file",
    );
  });

  it("a string may be made of pairs, and name a socket", async () => {
    const quoted = PASSWORD.replace(/['\\]/g, "\\$&");
    const path = settings(`host=${server.socket} port=${server.port} user=sops password='${quoted}' dbname=postgres`);
    await audit("decrypt", "/f", path);
    expect(server.events()).toEqual([`decrypt ${account} /f`]);
  });

  it("nothing comes from the user's environment", async () => {
    const user = { PGHOST: "nowhere.invalid", PGPORT: "1", PGUSER: "admin", PGDATABASE: "none", PGPASSWORD: "x" };
    const more = { PGOPTIONS: "-c default_transaction_read_only=on", PGSSLMODE: "disable", PGPASSFILE: "/dev/null" };
    for (const [name, value] of Object.entries({ ...user, ...more })) vi.stubEnv(name, value);
    await audit("decrypt", "/f", settings(server.url()));
    expect(server.events()).toHaveLength(1);
    folder = temporaryFolder();
    const withoutPassword = settings(`postgres://sops@127.0.0.1:${server.port}/postgres`);
    vi.stubEnv("PGPASSWORD", PASSWORD);
    expect((await refusal(withoutPassword)).message).toContain("the audit failed");
  });

  it("what the database does not take keeps everything from being done", async () => {
    const path = settings(server.url());
    server.query("REVOKE INSERT ON audit_event FROM sops");
    try {
      expect((await refusal(path)).message).toBe("the audit failed: permission denied for table audit_event");
    } finally {
      server.query("GRANT INSERT ON audit_event TO sops");
    }
  });

  it("a connection that is lost is an error of the next event", async () => {
    const path = settings(server.url());
    await audit("decrypt", "/f", path);
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sops'");
    expect((await refusal(path)).message).toMatch(/^the audit failed: /);
  });

  it("a wrong password, a database that is not there, and nobody there are errors", async () => {
    const wrong = `postgres://sops:wrong@127.0.0.1:${server.port}/postgres`;
    expect((await refusal(settings(wrong))).message).toContain('password authentication failed for user "sops"');
    folder = temporaryFolder();
    expect((await refusal(settings(server.url().replace(/postgres$/, "other")))).message).toContain('"other"');
    folder = temporaryFolder();
    const nobody = await refusal(settings(server.url().replace(`:${server.port}`, ":1")));
    expect(nobody.message).toBe("the audit failed: connection refused (ECONNREFUSED)");
    expect(nobody.hint).toContain("audit.yaml asks for it");
  });

  it("settings that cannot be read are an error", async () => {
    const path = join(folder, "audit.yaml");
    mkdirSync(path);
    expect((await refusal(path)).message).toContain("it is a directory");
  });
});
