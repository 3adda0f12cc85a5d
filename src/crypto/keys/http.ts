/**
 * One HTTP request, for key providers that speak to a server without a library of its maker's. On `node:http` and
 * `node:https`, which Node and Bun have alike: other than with `fetch`, certificates and proxies can be named for a request.
 */
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest, type RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { BlockList, isIP, type Socket } from "node:net";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** http or https, without user name and password. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Read, not kept: to be overwritten by the caller if it is secret. */
  readonly body?: Uint8Array;
}

/** How a server is reached. Requests with one and the same object share its connections. */
export interface HttpWay {
  /** The proxy for an address; `null`: none. */
  readonly proxyFor?: (url: URL) => URL | null;
  /** A Unix socket that stands for every address. */
  readonly socketPath?: string;
  readonly tls?: TlsSettings;
}

/** What is not the default of the runtime. */
export interface TlsSettings {
  /** PEM, instead of the authorities that the runtime trusts. */
  readonly ca?: readonly Uint8Array[];
  /** PEM of the client's own certificate and its key. */
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  /** The name in the server's certificate. */
  readonly servername?: string;
  /** `false`: any certificate will do. */
  readonly rejectUnauthorized?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: IncomingMessage["headers"];
  /** To be overwritten by the caller if it is secret. */
  readonly body: Uint8Array;
}

/** Sends one request; redirects and refusals are answers. Throws what the system says, which {@link networkReason} has in words. */
export type Send = (request: HttpRequest, way: HttpWay, signal: AbortSignal) => Promise<HttpAnswer>;

/** No server that is spoken to here has this much to say. */
const MOST_BYTES = 1024 * 1024;

const agents = new WeakMap<HttpWay, { readonly plain: PlainAgent; readonly tls: TlsAgent }>();

/** {@link Send} over the network. */
export const send: Send = async (request, way, signal) => {
  const { url, method, headers, body } = request;
  const isTls = url.protocol === "https:";
  const options: RequestOptions & TlsSettings = {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-length": `${body.length}` }) },
    signal,
    ...(isTls ? { minVersion: "TLSv1.2", ...way.tls } : {}),
  };
  const proxy = way.socketPath === undefined ? (way.proxyFor?.(url) ?? null) : null;
  if (proxy === null) {
    const { plain, tls } = once(agents, way, () => ({
      plain: new PlainAgent({ keepAlive: true }),
      tls: new TlsAgent({ keepAlive: true }),
    }));
    const socketPath = way.socketPath === undefined ? {} : { socketPath: way.socketPath };
    return exchange(url, { ...options, ...socketPath, agent: isTls ? tls : plain }, body);
  }
  if (isTls) {
    // The types do not know it: what `tls.connect` takes is handed on.
    const through: RequestOptions & { socket: Socket } = {
      ...options,
      socket: await tunnel(url, proxy, signal),
      agent: false,
    };
    return exchange(url, through, body);
  }
  const forProxy = { ...options.headers, ...credentialsFor(proxy), host: url.host };
  return exchange(withoutCredentials(proxy), { ...options, headers: forProxy, path: url.href }, body);
};

function exchange(url: URL, options: RequestOptions, body: Uint8Array | undefined): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? tlsRequest : plainRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MOST_BYTES) request.destroy(Object.assign(new Error("too long"), { code: "ANSWER_TOO_LONG" }));
      });
      response.once("error", reject);
      response.once("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        for (const chunk of chunks) chunk.fill(0);
      });
    });
    request.once("error", reject);
    request.end(body);
  });
}

/** A connection to the server through the proxy, on which TLS is still to be spoken. */
function tunnel(url: URL, proxy: URL, signal: AbortSignal): Promise<Socket> {
  const target = `${url.hostname}:${url.port || "443"}`;
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === "https:" ? tlsRequest : plainRequest)(withoutCredentials(proxy), {
      method: "CONNECT",
      path: target,
      headers: { host: target, ...credentialsFor(proxy) },
      signal,
      agent: false,
    });
    const refuse = (status: number | undefined): void =>
      reject(Object.assign(new Error(`status ${status}`), { code: "PROXY_REFUSED", status }));
    request.once("connect", (response, socket) => {
      if (response.statusCode === 200) {
        resolve(socket as Socket);
        return;
      }
      socket.destroy();
      refuse(response.statusCode);
    });
    // Some proxies answer as if it were any other request.
    request.once("response", (response) => {
      response.destroy();
      refuse(response.statusCode);
    });
    request.once("error", reject);
    request.end();
  });
}

function credentialsFor(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

function withoutCredentials(proxy: URL): URL {
  return new URL(proxy.origin);
}

/**
 * The proxy that the environment names for an address, as Go reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or
 * lower case: this machine is never asked through one. `null`: none.
 * @throws `PROVIDER_FAILED` when it is none that can be used.
 *
 * Source: golang.org/x/net/http/httpproxy.
 */
export function proxyOf(env: Host["env"], url: URL): URL | null {
  const isTls = url.protocol === "https:";
  const text = isTls ? env["HTTPS_PROXY"] || env["https_proxy"] : env["HTTP_PROXY"] || env["http_proxy"];
  if (!text) return null;
  // In a CGI program this variable is what a caller sent as a header.
  if (!isTls && env["REQUEST_METHOD"]) return null;
  const name = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (name === "localhost" || isLoopback(name)) return null;
  const port = url.port || (isTls ? "443" : "80");
  const exceptions = (env["NO_PROXY"] || env["no_proxy"] || "").split(",").map((item) => item.trim().toLowerCase());
  return exceptions.some((item) => isExcepted(item, name, port)) ? null : proxyAt(text);
}

/**
 * @param text - `http://host:port` or `host:port`. It is not shown, since a password may be in it.
 * @throws `PROVIDER_FAILED`
 */
export function proxyAt(text: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(full) ? new URL(full) : null;
  if (proxy !== null && /^https?:$/.test(proxy.protocol)) return proxy;
  throw new KeyleafError("PROVIDER_FAILED", "the proxy that the environment names is not an http or https address", {
    hint: "check HTTP_PROXY, HTTPS_PROXY and, for Vault, VAULT_PROXY_ADDR",
  });
}

function isLoopback(name: string): boolean {
  return isIP(name) === 4 ? name.startsWith("127.") : name === "::1";
}

function isExcepted(item: string, name: string, port: string): boolean {
  if (item === "*") return true;
  const [, host = "", itsPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(item) === 6 ? `[${item}]` : item) ?? [];
  const bare = host.replace(/^\[|\]$/g, "");
  if (bare === "" || (itsPort !== undefined && itsPort !== port)) return false;
  const family = isIP(name);
  if (family !== 0) {
    const [network = "", bits] = bare.split("/");
    if (isIP(network) !== family) return false;
    if (bits === undefined) return network === name;
    if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
    const list = new BlockList();
    const type = family === 4 ? "ipv4" : "ipv6";
    list.addSubnet(network, Number(bits), type);
    return list.check(name, type);
  }
  // `.example.com` and `*.example.com` stand for what is below, `example.com` also for itself.
  const domain = bare.replace(/^\*?\./, "");
  return name.endsWith(`.${domain}`) || (domain === bare && name === domain);
}

/** Failures that another authority would help against. */
export const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Codes of Node and Bun in plain words. */
const reasons: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection lost"],
  ["EPIPE", "connection lost"],
  ["ETIMEDOUT", "no answer in time"],
  ["ENOTFOUND", "no such host"],
  ["EAI_AGAIN", "the host name could not be looked up"],
  ["ENETUNREACH", "network unreachable"],
  ["EHOSTUNREACH", "host unreachable"],
  ["ENOENT", "no such socket"],
  ["EACCES", "permission denied by the system"],
  ["CERT_HAS_EXPIRED", "the server's certificate has expired"],
  ["CERT_NOT_YET_VALID", "the server's certificate is not valid yet"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another name"],
  ...[...UNKNOWN_AUTHORITY].map((code) => [code, "the server's certificate is of an unknown authority"] as const),
  ["EPROTO", "the server does not speak TLS as it should"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "the server does not speak TLS"],
  ["HPE_INVALID_CONSTANT", "the server does not speak HTTP"],
  ["ANSWER_TOO_LONG", "the answer is too long to be one of the service"],
]);

/** A failure of {@link send} in words, with the code by which it can be looked up. Nothing of the request is in it. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return "failed";
  if (error.name === "TimeoutError") return "no answer in time";
  const code = codeOf(error);
  if (code === "PROXY_REFUSED") return `the proxy does not connect to it (${error.message})`;
  if (/ABORT/.test(code) || error.name === "AbortError") return "given up";
  if (/^ERR_(OSSL|SSL|BORINGSSL)/.test(code)) return reasons.get(code) ?? `TLS failed (${code})`;
  const reason = reasons.get(code) ?? "failed";
  return /^[\w.-]{1,64}$/.test(code) ? `${reason} (${code})` : reason;
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/**
 * Sends until there is an answer that another try would not change, or no try is left: too many requests, failures of the
 * server and of the network are tried again, after a second, two, and so on, or when the server says.
 * @param attempt - sends the request once.
 * @param retries - tries after the first.
 * @throws what the last try threw, or the reason of the signal.
 *
 * Source: Vault api/client.go, `DefaultRetryPolicy`; go-retryablehttp.
 */
export async function sendPatiently(
  attempt: () => Promise<HttpAnswer>,
  retries: number,
  wait: typeof pause,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  for (let tries = 1; ; tries++) {
    let answer: HttpAnswer | null = null;
    try {
      answer = await attempt();
      if (tries > retries || !isBusy(answer.status)) return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (tries > retries || !isPassing(error)) throw error;
    }
    const asked = answer?.headers["retry-after"] ?? "";
    answer?.body.fill(0);
    await wait(/^\d{1,4}$/.test(asked) ? Number(asked) * 1000 : (1000 + Math.random() * 500) * tries, signal);
  }
}

function isBusy(status: number): boolean {
  return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  if (error instanceof KeyleafError) return false;
  return !/CERT|TLS|SSL|ABORT|ENOENT|EPROTO|TOO_LONG|PROXY_REFUSED|ERR_INVALID/.test(code);
}

/** Resolves after so many milliseconds, or rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
