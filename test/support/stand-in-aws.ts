/** Puts moto behind the real names of AWS KMS and STS, for `startStandInProxy`, and other answers in its place. */
import type { Answer, StandIn } from "./stand-in-proxy.ts";

export interface StandInAws {
  readonly standIn: StandIn;
  /** `Encrypt`, `Decrypt`, `AssumeRole` and the like, as they came in, those in `instead` included. */
  readonly calls: string[];
  /** Answers that are given instead of asking moto for the next. */
  readonly instead: Answer[];
}

/** @param endpoint - of moto */
export function makeStandInAws(endpoint: string): StandInAws {
  const calls: string[] = [];
  const instead: Answer[] = [];
  return {
    calls,
    instead,
    async standIn({ host, method, path, headers, body }) {
      if (!/^(kms|sts)\.[a-z0-9-]+\.amazonaws\.com$/.test(host)) return null;
      if (method === "CONNECT") return {};
      const target = `${headers["x-amz-target"] ?? new URLSearchParams(body.toString()).get("Action")}`;
      calls.push(target.replace("TrentService.", ""));
      const other = instead.shift();
      if (other !== undefined) return other;
      const { host: _, connection: __, "content-length": ___, ...kept } = headers;
      const answer = await fetch(endpoint + path, {
        method,
        headers: kept as Record<string, string>,
        body: new Uint8Array(body),
      });
      return {
        status: answer.status,
        headers: { "content-type": answer.headers.get("content-type") ?? "" },
        body: new Uint8Array(await answer.arrayBuffer()),
      };
    },
  };
}

/** An error as KMS has it, with a text that must not be passed on. */
export function kmsFailure(type: string, status = 400): Answer {
  return { status, body: JSON.stringify({ __type: type, message: "canary" }) };
}
