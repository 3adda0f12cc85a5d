import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { networkHint, networkReasons } from "./network-reasons.ts";
import { proxyAgent } from "./proxy.ts";

/** Small JSON requests to a key service. Not by `fetch`: it takes 30 ms longer to start, and knows no proxy before Node 24. */

export interface RestRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; absent: nothing is. */
  readonly body?: Readonly<Record<string, string>>;
}

/** What was answered, whatever the status. */
export interface RestAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `null`: not JSON. */
  readonly body: unknown;
}

/** @throws what Node throws, or an `AbortError`. */
export type SendRest = (request: RestRequest, host: Host, signal?: AbortSignal) => Promise<RestAnswer>;

/** An answer has to be complete by then. */
const REQUEST_TIMEOUT_MS = 15_000;
/** Longer answers are none of a key service. */
const MOST_BYTES = 1024 * 1024;

/** One request, over TLS with the certificates that the runtime trusts. Redirects are answers like others. */
export const sendRest: SendRest = sendWithin(REQUEST_TIMEOUT_MS);

/** @param timeoutMs - until the whole answer is there; tests bring their own. */
export function sendWithin(timeoutMs: number): SendRest {
  return async (request, host, signal) => {
    const { url, method, body } = request;
    const { request: open } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
    const agent = await proxyAgent(url, host);
    const sent = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = {
      accept: "application/json",
      ...(sent === null ? {} : { "content-type": "application/json" }),
      // Also of an empty body, so that nobody waits for one.
      ...(method === "POST" ? { "content-length": sent?.length ?? 0 } : {}),
      ...request.headers,
    };
    const timeLimit = AbortSignal.timeout(timeoutMs);
    try {
      return await new Promise((resolve, reject) => {
        const stop = signal === undefined ? timeLimit : AbortSignal.any([signal, timeLimit]);
        const asking = open(url, { method, headers, signal: stop, ...(agent === null ? {} : { agent }) });
        asking.on("error", reject);
        asking.on("response", (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on("error", reject);
          response.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > MOST_BYTES) asking.destroy(new Error("the answer is too long"));
            else chunks.push(chunk);
          });
          response.on("close", () => {
            if (!response.complete) reject(Object.assign(new Error("cut off"), { code: "ECONNRESET" }));
          });
          response.on("end", () => {
            const { statusCode: status = 0, headers } = response;
            resolve({ status, headers, body: jsonOf(Buffer.concat(chunks)) });
          });
        });
        asking.end(sent ?? undefined);
      });
    } catch (error) {
      if (!timeLimit.aborted) throw error;
      throw Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
    } finally {
      // It holds a key, or its ciphertext.
      sent?.fill(0);
    }
  };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}

/** Tries of a request that a service turns away because it is busy, and of one that does not get through. */
const MOST_TRIES = 5;
const MOST_NETWORK_TRIES = 3;
const FIRST_PAUSE_MS = 250;
/** What `Retry-After` may ask for. */
const LONGEST_PAUSE_MS = 10_000;

const BUSY = new Set([429, 500, 502, 503, 504]);
/** Not silence, which has taken long enough the first time. */
const PASSING = new Set(["ECONNRESET", "EPIPE", "EAI_AGAIN", "ECONNREFUSED"]);

/** Waits; ends early with an `AbortError`. */
export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>;

const realPause: Pause = async (ms, signal) => {
  const { setTimeout: wait } = await import("node:timers/promises");
  await wait(ms, undefined, signal === undefined ? {} : { signal });
};

/**
 * Sends again after growing pauses what the service is too busy for, or what got lost on the way. Encrypting and
 * decrypting a key change nothing at the service, so that twice does no harm. The last answer counts, whatever it is.
 * @param pause - tests bring their own.
 */
export function withRetries(send: SendRest, pause: Pause = realPause): SendRest {
  return async (request, host, signal) => {
    for (let tries = 1; ; tries++) {
      const backoffMs = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
      let pauseMs: number;
      try {
        const answer = await send(request, host, signal);
        if (!BUSY.has(answer.status) || tries === MOST_TRIES) return answer;
        const asked = Number(answer.headers["retry-after"] ?? 0) * 1000;
        // A date instead of seconds is not worth reading.
        pauseMs = asked > 0 ? Math.min(asked, LONGEST_PAUSE_MS) : backoffMs;
      } catch (error) {
        if (tries >= MOST_NETWORK_TRIES || signal?.aborted === true || !PASSING.has(codeOf(error))) throw error;
        pauseMs = backoffMs;
      }
      await pause(pauseMs, signal);
    }
  };
}

/**
 * What a provider throws when a request to `service` failed on the way: what was wrong in plain words, and the name that
 * the runtime has for it. The error itself is not kept, for it may hold what was sent.
 */
export function networkFailure(error: unknown, what: string, provider: string, hint: string): KeyleafError {
  if (error instanceof KeyleafError) return error;
  const name = codeOf(error);
  const reason = networkReasons.get(name) ?? (name === "AbortError" ? "given up" : "failed");
  const shown = /^[\w.-]{1,64}$/.test(name) ? name : "unknown";
  return new KeyleafError("PROVIDER_FAILED", `${what}: ${reason} (${shown})`, {
    hint: networkHint(reason, hint),
    details: { provider },
  });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if (error.name === "AbortError") return error.name;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

/** A member of an answer, by its path; `undefined` where there is none. */
export function memberOf(body: unknown, ...path: readonly string[]): unknown {
  let at = body;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

/** The same where it is a text; `""` where it is not. */
export function textIn(body: unknown, ...path: readonly string[]): string {
  const value = memberOf(body, ...path);
  return typeof value === "string" ? value : "";
}
