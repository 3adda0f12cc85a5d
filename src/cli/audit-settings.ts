import { LineCounter, parseDocument } from "yaml";
import { KeyleafError } from "../errors.ts";

/** What `/etc/sops/audit.yaml` says, and how the Go library that the reference uses reads a connection string. No file is read here. */

/** A database that events go to. */
export interface Database {
  /** Name or address, or the absolute path of a socket's folder. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: Tls;
  readonly connectSeconds: number;
  /** Command line options of the server's process. */
  readonly options: string;
}

/** Paths of files where they are named; `""` otherwise. */
export interface Tls {
  /** As the value of `sslmode`. */
  readonly mode: "disable" | "require" | "verify-ca" | "verify-full";
  /** The authorities that the server's certificate may be of. */
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

const MODES: readonly Tls["mode"][] = ["disable", "require", "verify-ca", "verify-full"];

const DEFAULT_SECONDS = 10;

/**
 * @param fileName - for messages, in which nothing else of the file is
 * @param account - whose program this is
 * @throws `AUDIT_FAILED` for what is not understood, whole: an audit that somebody meant must not be passed over.
 */
export function parseAuditSettings(text: string, fileName: string, account: string): Database[] {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ""), { lineCounter: lines, logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) throw refused(`it is not YAML (line ${lines.linePos(error.pos[0]).line})`);
  const settings: unknown = document.toJS();
  return listOf(mappingOf(mappingOf(settings, "the file", ["backends"])["backends"], "backends", ["postgres"])).map(
    (backend, index) => {
      const { connection_string: string } = mappingOf(backend, "postgres", ["connection_string"]);
      const where = `connection_string ${index + 1}`;
      if (typeof string !== "string" || string === "") throw refused(`${where} is not a text`);
      return databaseOf(parametersOf(string, where), where, account);
    },
  );

  function mappingOf(value: unknown, what: string, known: readonly string[]): Record<string, unknown> {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) throw refused(`${what} is not a mapping`);
    const odd = Object.keys(value).find((key) => !known.includes(key));
    if (odd !== undefined) throw refused(`${what} has the unknown key ${JSON.stringify(odd)}`);
    return value as Record<string, unknown>;
  }

  function listOf({ postgres = [] }: Record<string, unknown>): unknown[] {
    if (postgres === null) return [];
    if (!Array.isArray(postgres)) throw refused("postgres is not a list");
    return postgres;
  }

  function refused(why: string): KeyleafError {
    return new KeyleafError("AUDIT_FAILED", `${fileName}: ${why}`, {
      hint: "it asks for an audit, so that nothing is encrypted or decrypted until it is mended",
      details: { file: fileName },
    });
  }

  /** By the names that they have in connection strings. */
  function parametersOf(string: string, where: string): Map<string, string> {
    const parameters = /^postgres(ql)?:\/\//.test(string) ? fromUrl(string) : fromPairs(string);
    if (parameters === null) throw refused(`${where} is malformed`);
    return parameters;
  }

  function databaseOf(given: Map<string, string>, where: string, account: string): Database {
    const taken = new Set<string>();
    const text = (name: string): string => {
      taken.add(name);
      return given.get(name) ?? "";
    };
    const number = (name: string, least: number, most: number): number | null => {
      const value = text(name);
      if (value === "") return null;
      const result = /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN;
      if (!(result >= least && result <= most)) throw refused(`${name} of ${where} is not a number of its kind`);
      return result;
    };
    // Of no effect on what is written.
    for (const name of ["application_name", "fallback_application_name"]) taken.add(name);
    const mode = MODES.find((one) => one === (text("sslmode") || "require"));
    if (mode === undefined) throw refused(`sslmode of ${where} is none of ${MODES.join(", ")}`);
    const user = text("user") || account;
    const host = text("host") || "localhost";
    const database: Database = {
      host,
      port: number("port", 1, 65_535) ?? 5432,
      user,
      password: text("password"),
      database: text("dbname") || user,
      tls: {
        // A socket is in this machine.
        mode: host.startsWith("/") ? "disable" : mode,
        authorities: text("sslrootcert"),
        certificate: text("sslcert"),
        key: text("sslkey"),
      },
      connectSeconds: number("connect_timeout", 0, 100_000) || DEFAULT_SECONDS,
      options: text("options"),
    };
    const odd = [...given.keys()].find((name) => !taken.has(name));
    if (odd !== undefined) throw refused(`${where} has the parameter ${JSON.stringify(odd)}, which is not supported`);
    return database;
  }
}

/** `null`: it is none. */
function fromUrl(text: string): Map<string, string> | null {
  try {
    const url = new URL(text);
    return new Map(
      [
        ...url.searchParams,
        ["user", decodeURIComponent(url.username)] as const,
        ["password", decodeURIComponent(url.password)] as const,
        ["host", decodeURIComponent(url.hostname).replace(/^\[|\]$/g, "")] as const,
        ["port", url.port] as const,
        ["dbname", decodeURIComponent(url.pathname.slice(1))] as const,
      ].filter(([, value]) => value !== ""),
    );
  } catch {
    return null;
  }
}

/** `key=value` with blanks between; a value in single quotes may have blanks, and a backslash takes what follows as it is. */
function fromPairs(text: string): Map<string, string> | null {
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/suy;
  const parameters = new Map<string, string>();
  const end = text.trimEnd().length;
  while (pair.lastIndex < end) {
    const found = pair.exec(text);
    if (found === null) return null;
    const [, name = "", quoted, plain = ""] = found;
    parameters.set(name, (quoted ?? plain).replace(/\\(.)/gsu, "$1"));
  }
  return parameters;
}
