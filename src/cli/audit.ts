import { readFileSync, statSync } from "node:fs";
import type { Client } from "pg";
import { networkReason } from "../crypto/keys/network-reasons.ts";
import { optionalPackage } from "../crypto/keys/optional-package.ts";
import { KeyleafError } from "../errors.ts";
import type { AuditAction } from "../host.ts";
import { once } from "../once.ts";
import { type Database, parseAuditSettings, type Tls } from "./audit-settings.ts";
import { isSystemError, systemReason } from "./system-error.ts";
import { accountName } from "./user.ts";

/** Taking down who has done what with which file, in PostgreSQL (`audit/schema.sql` of sops has the table). */

/** What an administrator wants taken down. The place is fixed, so that no user can turn it off. */
const AUDIT_FILE = "/etc/sops/audit.yaml";

/** The name of what comes in through standard input. */
const STANDARD_INPUT = "/dev/stdin";

const INSERT = "INSERT INTO audit_event (action, username, file) VALUES ($1, $2, $3)";

const QUERY_MS = 30_000;

/** After that the connections are closed: a program that `exec` has started may run for days. */
const IDLE_MS = 1000;

/** The connections of one file of settings. */
class Connections {
  readonly clients: Promise<readonly Client[]>;
  readonly account = accountName();
  /** Events that are being taken down. */
  pending = 0;
  /** Runs from the last of them on. */
  idle: NodeJS.Timeout | undefined;

  constructor(settingsPath: string) {
    this.clients = connectAll(settingsPath, this.account);
  }
}

const connected = new Map<string, Connections>();

/**
 * Takes down one event in every database that the settings name.
 * @param file - absolute path; `null`: standard input
 * @throws `AUDIT_FAILED` for settings that cannot be read or understood, and where one database does not take it down.
 */
export async function audit(action: AuditAction, file: string | null, settingsPath = AUDIT_FILE): Promise<void> {
  const connections = once(connected, settingsPath, () => new Connections(settingsPath));
  connections.pending++;
  try {
    for (const client of await connections.clients)
      await client.query(INSERT, [action, connections.account, file ?? STANDARD_INPUT]);
  } catch (error) {
    throw failed(error, settingsPath);
  } finally {
    connections.pending--;
  }
  clearTimeout(connections.idle);
  connections.idle = setTimeout(() => {
    if (connections.pending > 0) return;
    connected.delete(settingsPath);
    void connections.clients.then((clients) => Promise.allSettled(clients.map((client) => client.end())));
  }, IDLE_MS).unref();
}

async function connectAll(settingsPath: string, account: string): Promise<readonly Client[]> {
  if (statSync(settingsPath, { throwIfNoEntry: false }) === undefined) return [];
  const databases = parseAuditSettings(read(settingsPath).toString(), settingsPath, account);
  if (databases.length === 0) return [];
  const { Client } = await optionalPackage("pg@8", `the audit of ${settingsPath}`, "audit", () => import("pg"));
  return Promise.all(databases.map((database) => connect(new Client(settingsOf(database)))));
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UnreadableFile(`cannot read ${path}: ${systemReason(error)}`);
  }
}

class UnreadableFile extends Error {}

async function connect(client: Client): Promise<Client> {
  // A connection that is lost between two events is an error of the next one.
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Nothing is left out: what is not given would be taken from the user's environment. */
function settingsOf({ host, port, user, password, database, tls, connectSeconds, options }: Database) {
  return {
    host,
    port,
    user,
    database,
    // As a function, or else a password that is empty would be looked for in the user's files.
    password: () => password,
    ssl: tls.mode === "disable" ? false : tlsOptions(tls),
    options: options || " ",
    client_encoding: "UTF8",
    application_name: "keyleaf",
    connectionTimeoutMillis: connectSeconds * 1000,
    query_timeout: QUERY_MS,
  };
}

function tlsOptions({ mode, authorities, certificate, key }: Tls): object {
  return {
    // With authorities, `require` is as good as `verify-ca`, as in all clients of PostgreSQL.
    rejectUnauthorized: mode !== "require" || authorities !== "",
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(authorities === "" ? {} : { ca: read(authorities) }),
    ...(certificate === "" ? {} : { cert: read(certificate) }),
    ...(key === "" ? {} : { key: read(key) }),
  };
}

function failed(error: unknown, settingsPath: string): KeyleafError {
  if (error instanceof KeyleafError) return new KeyleafError("AUDIT_FAILED", error.message, { hint: error.hint });
  return new KeyleafError("AUDIT_FAILED", `the audit failed: ${reasonOf(error)}`, {
    hint: `nothing is encrypted or decrypted without it: ${settingsPath} asks for it`,
  });
}

/** No values: the databases' details of an error would have the event in them, and the library's the password. */
function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return inner instanceof UnreadableFile || isDatabaseError(inner) ? inner.message : networkReason(inner);
}

/** What the server says has a severity, and a code of five characters. */
function isDatabaseError(error: unknown): error is Error {
  return error instanceof Error && "severity" in error && error.severity !== undefined;
}
