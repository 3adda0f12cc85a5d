import type { SendRest } from "../../src/crypto/keys/rest.ts";
import type { StandIn } from "./stand-in-proxy.ts";

/** Requests to a stand-in without a network between. What it does not serve cannot be reached. */
export function restTo(standIn: StandIn): SendRest {
  return async ({ method, url, headers = {}, body }) => {
    const sent = Buffer.from(body === undefined ? "" : body instanceof Uint8Array ? body : JSON.stringify(body));
    const type = {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      "content-length": `${sent.length}`,
    };
    const path = `${url.pathname}${url.search}`;
    const answer = await standIn({ host: url.hostname, method, path, headers: { ...type, ...headers }, body: sent });
    if (answer === null) throw Object.assign(new Error("canary"), { code: "ENOTFOUND" });
    const { status = 200, body: answered = "" } = answer;
    const isJson = typeof answered === "object" && !(answered instanceof Uint8Array);
    return { status, headers: answer.headers ?? {}, body: isJson ? answered : null };
  };
}
