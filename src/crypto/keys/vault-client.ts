/**
 * How Vault's own client would reach a server: the `VAULT_*` variables, read once for a host.
 *
 * Source: Vault api/client.go, `ReadEnvironment` and `NewClient`; SOPS hcvault/keysource.go for the token.
 */
import { KeyleafError } from "../../errors.ts";
import { goBoolean } from "../../go-boolean.ts";
import type { Host } from "../../host.ts";
import { memberOf, quoted } from "./answers.ts";
import { failing } from "./fields.ts";
import {
  type HttpAnswer,
  type HttpRequest,
  type HttpWay,
  type Patience,
  type pause,
  type Send,
  sendPatiently,
  type TlsSettings,
} from "./http.ts";
import { hcVaultNames } from "./names.ts";
import { codeOf, networkReason, UNKNOWN_AUTHORITY } from "./network-reasons.ts";
import { proxyAt, proxyOf } from "./proxy.ts";

export interface VaultClient {
  /** The local agent that is asked instead of any server; `null`: none. */
  readonly agent: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly hasToken: boolean;
  /** The variable or file the token is from. */
  readonly tokenSource: string;
  /** Milliseconds for one operation, with all its tries. */
  readonly timeoutMs: number;
  /** After a second, two, and so on. Source: `DefaultRetryPolicy`; go-retryablehttp. */
  readonly patience: Patience;
  readonly ignoresRedirects: boolean;
  /** Sends a request the way that the variables say. */
  send(request: HttpRequest, signal: AbortSignal, send: Send): Promise<HttpAnswer>;
  /** A text of the server's with the token taken out, should it be in it. */
  withoutToken(text: string): string;
}

/** @throws `PROVIDER_FAILED` for a variable that cannot be read. */
export async function loadVaultClient(host: Host): Promise<VaultClient> {
  const { env } = host;
  const { token, source } = await tokenOf(host);
  const agent = env["VAULT_AGENT_ADDR"] || null;
  const isSocket = agent?.startsWith("unix://") === true;
  if (agent !== null && !isSocket && !/^https?:\/\//i.test(agent)) {
    throw failed("VAULT_AGENT_ADDR is not an http, https or unix address");
  }
  const tls = await tlsSettings(host);
  const proxy = env["VAULT_PROXY_ADDR"] || env["VAULT_HTTP_PROXY"];
  const forAll = proxy ? proxyAt(proxy) : null;
  const proxyFor = (url: URL): URL | null => forAll ?? proxyOf(env, url);
  const way: HttpWay = { proxyFor, tls, ...(isSocket ? { socketPath: agent.slice("unix://".length) } : {}) };
  let withSystem: Promise<HttpWay | null> | null = null;

  return {
    agent: isSocket ? "http://localhost" : agent,
    headers: {
      ...extraHeaders(env),
      "content-type": "application/json",
      "x-vault-request": "true",
      ...(env["VAULT_NAMESPACE"] ? { "x-vault-namespace": header("VAULT_NAMESPACE", env["VAULT_NAMESPACE"]) } : {}),
      ...(token === "" ? {} : { "x-vault-token": token }),
    },
    hasToken: token !== "",
    tokenSource: source,
    timeoutMs: duration(env["VAULT_CLIENT_TIMEOUT"] ?? "") || 60_000,
    patience: patienceOf(number("VAULT_MAX_RETRIES", env["VAULT_MAX_RETRIES"]) ?? 2),
    ignoresRedirects: isOn("VAULT_DISABLE_REDIRECTS", env["VAULT_DISABLE_REDIRECTS"]),
    async send(request, signal, send) {
      const first = (await withSystem) ?? way;
      try {
        return await send(request, first, signal);
      } catch (error) {
        // The runtime has its own list of authorities; the reference uses that of the system, which may know more. Nothing
        // has been sent yet.
        if (tls.ca !== undefined || first !== way || !UNKNOWN_AUTHORITY.has(codeOf(error))) throw error;
        withSystem ??= systemAuthorities(host).then((ca) =>
          ca === null ? null : { ...way, tls: { ...tls, ca: [ca] } },
        );
        const second = await withSystem;
        if (second === null) throw error;
        return send(request, second, signal);
      }
    },
    withoutToken: (text) => (token === "" ? text : text.replaceAll(token, "...")),
  };
}

/** One request of Vault's interface. */
export interface VaultRequest {
  readonly method: HttpRequest["method"];
  /** Of the server, which an agent stands in for. */
  readonly address: string;
  /** Behind the version, escaped. */
  readonly path: string;
  /** JSON. */
  readonly body?: Uint8Array;
}

/**
 * Sends a request with the retries of the reference's client, and follows one redirect, as there.
 * @throws `PROVIDER_FAILED` where there is no answer.
 */
export async function askVault(
  client: VaultClient,
  { method, address, path, body }: VaultRequest,
  signal: AbortSignal | undefined,
  send: Send,
  wait: typeof pause,
): Promise<HttpAnswer> {
  const limit = AbortSignal.timeout(client.timeoutMs);
  const until = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  const sendTo = async (url: URL): Promise<HttpAnswer> => {
    const request = { method, url, headers: client.headers, ...(body === undefined ? {} : { body }) };
    try {
      return await sendPatiently(() => client.send(request, until, send), client.patience, wait, until);
    } catch (error) {
      throw error instanceof KeyleafError ? error : unreachable(error, url);
    }
  };
  const server = new URL(client.agent ?? address);
  const url = new URL(`${server.pathname.replace(/\/+$/, "")}/v1/${path}`, server.origin);
  const answer = await sendTo(url);
  const target = client.ignoresRedirects ? null : redirectOf(answer, url);
  return target === null ? answer : sendTo(target);
}

/** Why a server does not do what it is asked for, in its own words. @param body - parsed; `undefined`: not JSON. */
export function refusalOf(body: unknown, client: VaultClient): string {
  const said = memberOf(body, "errors");
  const errors = Array.isArray(said) ? said.filter((text) => typeof text === "string") : [];
  // The token before the cut, or half of it would stay.
  const shown = quoted(client.withoutToken(errors.join("; ")));
  if (shown !== "") return shown;
  return body === undefined || body === null ? "the answer is not one of Vault" : "no reason given";
}

/** Where the server sends the request to; `null`: nowhere. */
function redirectOf({ status, headers }: HttpAnswer, from: URL): URL | null {
  if (![301, 302, 307].includes(status)) return null;
  const { location = "" } = headers;
  const to = location !== "" && URL.canParse(location, from.href) ? new URL(location, from) : null;
  if (to === null || !/^https?:$/.test(to.protocol) || to.username !== "" || to.password !== "") {
    throw failed(`${from.origin} redirects to what is not an address`);
  }
  if (from.protocol === "https:" && to.protocol !== "https:") {
    throw failed(`${from.origin} redirects to ${to.origin}, where the token could be read on the way`);
  }
  return to;
}

function unreachable(error: unknown, { origin }: URL): KeyleafError {
  const reason = networkReason(error);
  const hint = /certificate/.test(reason)
    ? "name the authority of its certificate with VAULT_CACERT, or its name with VAULT_TLS_SERVER_NAME"
    : /speak TLS/.test(reason)
      ? "if it serves plain http, the address has to say http"
      : /TLS failed/.test(reason)
        ? "check VAULT_CACERT, VAULT_CLIENT_CERT and VAULT_CLIENT_KEY; the key has to be without a passphrase"
        : "check the address, the network and the proxy variables; VAULT_CLIENT_TIMEOUT is the time to wait";
  return failed(`${origin} cannot be reached: ${reason}`, hint);
}

function patienceOf(retries: number): Patience {
  const pauseMs = (tries: number): number => (1000 + Math.random() * 500) * tries;
  return { busyRetries: retries, networkRetries: retries, pauseMs, longestMs: 9_999_000 };
}

async function tokenOf(host: Host): Promise<{ token: string; source: string }> {
  const { env, home } = host;
  const named = env["VAULT_TOKEN"] ?? "";
  if (named !== "") return { token: header("VAULT_TOKEN", named), source: "VAULT_TOKEN" };
  const source = "~/.vault-token";
  if (home === null) return { token: "", source };
  const bytes = await readOr(source, () => host.readFile(`${home}/.vault-token`));
  return { token: bytes === null ? "" : header(source, Buffer.from(bytes).toString().trim()), source };
}

async function tlsSettings(host: Host): Promise<TlsSettings> {
  const { env } = host;
  const ca = await authorities(host);
  const [cert = "", key = ""] = [env["VAULT_CLIENT_CERT"], env["VAULT_CLIENT_KEY"]];
  if ((cert === "") !== (key === "")) throw failed("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY need each other");
  const servername = env["VAULT_TLS_SERVER_NAME"];
  return {
    ...(ca.length === 0 ? {} : { ca }),
    ...(cert === ""
      ? {}
      : {
          cert: await needed("VAULT_CLIENT_CERT", cert, host),
          key: await needed("VAULT_CLIENT_KEY", key, host),
        }),
    ...(servername ? { servername } : {}),
    ...(isOn("VAULT_SKIP_VERIFY", env["VAULT_SKIP_VERIFY"]) ? { rejectUnauthorized: false } : {}),
  };
}

/** The authorities that the variables name: a file, or PEM text, or the files of a folder. */
async function authorities(host: Host): Promise<Uint8Array[]> {
  const { VAULT_CACERT: file, VAULT_CACERT_BYTES: text, VAULT_CAPATH: folder } = host.env;
  if (file) return [await needed("VAULT_CACERT", file, host)];
  if (text) return [Buffer.from(text)];
  if (!folder) return [];
  const entries = await readOr(`VAULT_CAPATH (${folder})`, async () => host.list?.(folder) ?? null);
  if (entries === null) throw failed("VAULT_CAPATH cannot be read here", "name a file with VAULT_CACERT");
  const names = entries.filter(({ kind }) => kind !== "folder");
  const files = await Promise.all(names.map(({ name }) => needed("VAULT_CAPATH", `${folder}/${name}`, host)));
  if (files.length === 0) throw failed(`VAULT_CAPATH (${folder}) holds no certificates`);
  return files;
}

/** Where Linux systems keep theirs; on others the runtime's list has to do. */
const SYSTEM_AUTHORITIES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What Go takes: the file that `SSL_CERT_FILE` names, else the system's. `null`: there is none that can be read. */
async function systemAuthorities(host: Host): Promise<Uint8Array | null> {
  const { env, platform } = host;
  const named = env["SSL_CERT_FILE"];
  for (const path of named ? [named] : platform === "linux" ? SYSTEM_AUTHORITIES : []) {
    const bytes = await host.readFile(path).catch(() => null);
    if (bytes !== null) return bytes;
  }
  return null;
}

/** What a PEM file holds. */
async function needed(variable: string, path: string, host: Host): Promise<Uint8Array> {
  const bytes = await readOr(`${variable} (${path})`, () => host.readFile(path));
  if (bytes === null) throw failed(`${variable} (${path}): no such file`);
  // What the runtimes say of anything else helps nobody.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes("-----BEGIN ")) {
    throw failed(`${variable} (${path}) is not in PEM form`);
  }
  return bytes;
}

async function readOr<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === "") throw error;
    const reason = { EACCES: "permission denied", EISDIR: "it is a directory" }[codeOf(error)] ?? codeOf(error);
    throw failed(`cannot read ${name}: ${reason}`);
  }
}

/** `VAULT_HEADERS`: a JSON object of texts. Those of Vault itself cannot be set with it. */
function extraHeaders(env: Host["env"]): Record<string, string> {
  const text = env["VAULT_HEADERS"];
  if (!text) return {};
  let pairs: [string, unknown][];
  try {
    pairs = Object.entries(JSON.parse(text) as object);
  } catch {
    pairs = [["", null]];
  }
  const isUsable = ([name, value]: [string, unknown]): boolean =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/^x-vault-/i.test(name) && typeof value === "string";
  if (!pairs.every(isUsable)) throw failed("VAULT_HEADERS is not a JSON object of headers, or has one of Vault's own");
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), header("VAULT_HEADERS", String(value))]));
}

/** A value that can stand in a header. */
function header(name: string, value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  throw failed(`${name} has characters that cannot be sent`, "it may have been cut, or copied with more than it is");
}

function isOn(name: string, value: string | undefined): boolean {
  const isTrue = value ? goBoolean(value) : false;
  if (isTrue === null) throw failed(`${name} is neither true nor false`);
  return isTrue;
}

function number(name: string, value: string | undefined): number | null {
  if (!value) return null;
  if (!/^\d{1,3}$/.test(value)) throw failed(`${name} is not a small number`);
  return Number(value);
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Seconds, or a duration such as `1m30s`, in milliseconds; 0 where nothing is set. */
function duration(text: string): number {
  const trimmed = text.trim();
  if (/^\d*$/.test(trimmed)) return atMost(Number(trimmed) * 1000);
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(trimmed)) {
    throw failed("VAULT_CLIENT_TIMEOUT is not a time", "it looks like 30 or 1m30s");
  }
  const parts = trimmed.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g);
  return atMost([...parts].reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNITS.get(unit) ?? 0), 0));
}

/** What a timer can hold, some 24 days. */
function atMost(ms: number): number {
  return Math.min(Math.ceil(ms), 2 ** 31 - 1);
}

const failed = failing(hcVaultNames.id);
