/** A PostgreSQL server of the test's own, with the table of the audit: on this machine, gone after it. TEST ONLY */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { systemProgram } from "./peers.ts";
import { makeTestCa } from "./test-ca.ts";

/** TEST ONLY: it protects nothing. */
export const PASSWORD = "test only: p@ss/w'o\\rd";

export interface Postgres {
  readonly port: number;
  /** Path of the authority that the server's certificate is of, which is for the name `localhost`. */
  readonly authority: string;
  /** Folder of its socket. */
  readonly socket: string;
  /** A connection string of the role that may write the audit, and nothing else. */
  url(query?: string, host?: string): string;
  /** What has been taken down since the last time: `action username file`. */
  events(): string[];
  /** Everything that a statement gives, as the administrator. */
  query(statement: string): string;
  stop(): Promise<void>;
}

/** Where Debian puts the server, which is not on PATH. */
const DEBIAN = "/usr/lib/postgresql";

/** Path of the server's program; `null` when it is not installed. */
export function postgresProgram(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  const found = versions.map((version) => join(DEBIAN, version, "bin/postgres")).find((path) => existsSync(path));
  return found ?? systemProgram("postgres");
}

/** As the documentation of sops has it. */
const SCHEMA = `
CREATE TABLE audit_event (
  id SERIAL PRIMARY KEY, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP, action TEXT, username TEXT, file TEXT
);
CREATE ROLE sops WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN
  PASSWORD '${PASSWORD.replaceAll("'", "''")}';
GRANT INSERT ON audit_event TO sops;
GRANT USAGE ON audit_event_id_seq TO sops;
`;

/** @param program - see {@link postgresProgram} */
export async function startPostgres(program: string): Promise<Postgres> {
  // Paths of sockets are short, so not in a folder of a folder.
  const top = mkdtempSync("/tmp/keyleaf-pg-");
  // It does not run as root.
  const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const own = (path: string): void => {
    if (owner.uid !== undefined) chownSync(path, owner.uid, owner.gid);
  };
  own(top);
  const data = join(top, "data");
  const call = (name: string, args: readonly string[], input = ""): string => {
    const { status, stdout, stderr, error } = spawnSync(join(program, "..", name), args, {
      ...owner,
      input,
      encoding: "utf8",
      cwd: top,
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
    });
    if (status !== 0) throw new Error(`${name}: ${error ?? stderr}`);
    return stdout;
  };
  call("initdb", ["-D", data, "-U", "admin", "-A", "trust", "--no-sync"]);
  const authority = makeTestCa();
  const put = (path: string, content: string, mode = 0o644): void => {
    writeFileSync(path, content, { mode });
    own(path);
  };
  const { key, cert } = authority.issue("localhost");
  put(join(data, "server.key"), key, 0o600);
  put(join(data, "server.crt"), cert);
  put(join(top, "ca.pem"), authority.certificate);
  put(
    join(data, "pg_hba.conf"),
    "local all admin trust\nlocal all sops scram-sha-256\nhost all sops all scram-sha-256\n",
  );
  mkdirSync(join(top, "s"));
  own(join(top, "s"));
  const port = await freePort();
  const options = [
    ["listen_addresses", "127.0.0.1"],
    ["unix_socket_directories", join(top, "s")],
    ["ssl", "on"],
    ["fsync", "off"],
    ["shared_buffers", "16MB"],
  ];
  // A shell in between waits for the end of its standard input, which comes however this process goes.
  const untilInputEnds = '"$@" </dev/null & server=$!; cat >/dev/null; kill -INT $server; wait $server';
  const args = ["-D", data, "-p", String(port), ...options.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const child = spawn("sh", ["-c", untilInputEnds, "sh", program, ...args], {
    ...owner,
    stdio: ["pipe", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
  });
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end();
    await ended;
    rmSync(top, { recursive: true, force: true });
  };
  const query = (statement: string): string =>
    call("psql", ["-h", join(top, "s"), "-p", String(port), "-U", "admin", "-d", "postgres", "-qAtF "], statement);
  try {
    await serving(child);
    query(SCHEMA);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    authority: join(top, "ca.pem"),
    socket: join(top, "s"),
    url: (queryPart = "", host = "127.0.0.1") =>
      `postgres://sops:${encodeURIComponent(PASSWORD)}@${host}:${port}/postgres${queryPart}`,
    events: () =>
      query("WITH gone AS (DELETE FROM audit_event RETURNING *) SELECT action, username, file FROM gone ORDER BY id")
        .split("\n")
        .filter((line) => line !== ""),
    query,
    stop,
  };
}

function serving(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (printed.length < 20_000) printed += text;
      if (/ready to accept connections/.test(printed)) resolve();
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`PostgreSQL does not start: ${printed}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
