/**
 * One HTTP request, for key providers that speak to a server without a library of its maker's. On `node:http` and
 * `node:https`, which Node and Bun have alike: other than with `fetch`, certificates and proxies can be named for a request.
 */
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest, type RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { Socket } from "node:net";
import { once } from "../../once.ts";
import { codeOf } from "./network-reasons.ts";

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

/** Sends one request; redirects and refusals are answers. Throws what the system says, which `networkReason` has in words. */
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

/** How long one goes on asking. */
export interface Patience {
  /** Tries after the first one, where the server is busy or fails, and where it is not reached. */
  readonly busyRetries: number;
  readonly networkRetries: number;
  /** Milliseconds before the next try, where the server does not ask for a time. @param tries - so far, from 1. */
  readonly pauseMs: (tries: number) => number;
  /** The longest time that the server may ask for. */
  readonly longestMs: number;
}

/**
 * Sends until there is an answer that another try would not change, or no try is left: too many requests, failures of the
 * server and of the network are tried again. Wrapping and unwrapping a key change nothing at the server, so that twice does
 * no harm.
 * @param attempt - sends the request once.
 * @throws what the last try threw, or the reason of the signal.
 */
export async function sendPatiently(
  attempt: () => Promise<HttpAnswer>,
  { busyRetries, networkRetries, pauseMs, longestMs }: Patience,
  wait: typeof pause,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  for (let tries = 1; ; tries++) {
    let answer: HttpAnswer | null = null;
    try {
      answer = await attempt();
      if (tries > busyRetries || !isBusy(answer.status)) return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (tries > networkRetries || !PASSING.has(codeOf(error))) throw error;
    }
    // A date instead of seconds is not worth reading.
    const asked = Number(answer?.headers["retry-after"] ?? 0) * 1000;
    answer?.body.fill(0);
    await wait(asked > 0 ? Math.min(asked, longestMs) : pauseMs(tries), signal);
  }
}

function isBusy(status: number): boolean {
  return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

/** Not silence, which has taken long enough the first time. */
const PASSING: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "EAI_AGAIN", "ECONNREFUSED"]);

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
