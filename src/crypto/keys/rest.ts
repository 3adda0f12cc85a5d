import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { jsonOf } from "./answers.ts";
import { type HttpAnswer, type HttpWay, type Patience, pause, send, sendPatiently } from "./http.ts";
import { proxyOf } from "./proxy.ts";

/** Requests to the clouds that are answered in JSON. */

export interface RestRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes as they are, with a content type among the headers; all else as JSON. Absent: nothing is sent. */
  readonly body?: Readonly<Record<string, string>> | Uint8Array;
}

/** What was answered, whatever the status. */
export interface RestAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: HttpAnswer["headers"];
  /** `undefined`: not JSON. */
  readonly body: unknown;
}

/** @throws what Node throws, or an `AbortError`. */
export type SendRest = (request: RestRequest, host: Host, signal?: AbortSignal) => Promise<RestAnswer>;

/** An answer has to be complete by then. */
const REQUEST_TIMEOUT_MS = 15_000;

const PATIENCE: Patience = {
  busyRetries: 4,
  networkRetries: 2,
  pauseMs: (tries) => 250 * 2 ** (tries - 1) * (0.5 + Math.random() / 2),
  longestMs: 10_000,
};

const ways = new WeakMap<Host, HttpWay>();

/** One request, over TLS with the certificates that the runtime trusts, and again after growing pauses if need be. */
export const sendRest: SendRest = restOver();

/** @param timeoutMs - until the whole answer is there; tests bring their own, as all of these. */
export function restOver(timeoutMs = REQUEST_TIMEOUT_MS, sendOne = send, wait = pause): SendRest {
  return async ({ method, url, headers, body }, host, signal) => {
    const way = once(ways, host, () => ({ proxyFor: (address: URL) => proxyOf(host.env, address) }));
    const sent = body === undefined ? null : Buffer.from(body instanceof Uint8Array ? body : JSON.stringify(body));
    const request = {
      method,
      url,
      headers: {
        accept: "application/json",
        ...(sent === null ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      // Also an empty one, so that nobody waits for it.
      ...(method === "POST" ? { body: sent ?? new Uint8Array() } : {}),
    };
    const attempt = async (): Promise<HttpAnswer> => {
      const limit = AbortSignal.timeout(timeoutMs);
      try {
        return await sendOne(request, way, signal === undefined ? limit : AbortSignal.any([signal, limit]));
      } catch (error) {
        if (!limit.aborted) throw error;
        throw Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
      }
    };
    try {
      const answer = await sendPatiently(attempt, PATIENCE, wait, signal ?? NEVER);
      const { status } = answer;
      const parsed = jsonOf(answer.body);
      answer.body.fill(0);
      return { status, headers: answer.headers, body: parsed };
    } finally {
      // It holds a key, or its ciphertext.
      sent?.fill(0);
    }
  };
}

const NEVER = new AbortController().signal;
