import { KeyleafError } from "../../errors.ts";

/** What goes wrong on the way to a server, in plain words: for requests of our own, and for those of the clouds' libraries. */

/** Failures that another authority would help against. */
export const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "CERT_SIGNATURE_FAILURE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

const UNTRUSTED = "the server's certificate is not trusted by this machine: it is of an unknown authority";

/** Codes of Node and Bun. */
export const networkReasons: ReadonlyMap<string, string> = new Map([
  ["TimeoutError", "no answer in time"],
  ["ETIMEDOUT", "no answer in time"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection lost"],
  ["EPIPE", "connection lost"],
  ["ENOTFOUND", "no such host"],
  ["EAI_AGAIN", "the host name could not be looked up"],
  ["ERR_INVALID_URL", "the endpoint is not a URL"],
  ["ENETUNREACH", "network unreachable"],
  ["EHOSTUNREACH", "host unreachable"],
  ["ENOENT", "no such socket"],
  ["EACCES", "permission denied by the system"],
  ["CERT_HAS_EXPIRED", "the server's certificate has expired"],
  ["CERT_NOT_YET_VALID", "the server's certificate is not valid yet"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another name"],
  ...[...UNKNOWN_AUTHORITY].map((code) => [code, UNTRUSTED] as const),
  ["EPROTO", "the server does not speak TLS"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "the server does not speak TLS"],
  ["HPE_INVALID_CONSTANT", "the server does not speak HTTP"],
  ["ANSWER_TOO_LONG", "the answer is too long to be one of the service"],
]);

/** The code that the runtime has for an error; `""`: none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** A failure on the way, with the code by which it can be looked up. Nothing of the request is in it. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return "failed";
  if (error.name === "TimeoutError") return "no answer in time";
  const code = codeOf(error);
  if (code === "PROXY_REFUSED") return `the proxy does not connect to it (${error.message})`;
  if (/ABORT/.test(code) || error.name === "AbortError") return "given up";
  if (/^ERR_(OSSL|SSL|BORINGSSL)/.test(code)) return networkReasons.get(code) ?? `TLS failed (${code})`;
  const reason = networkReasons.get(code) ?? "failed";
  if (code === "") return reason;
  return `${reason} (${/^[\w.-]{1,64}$/.test(code) ? code : "unknown"})`;
}

/** What to try where a failure on the way has its own remedy; `hint` otherwise. */
export function networkHint(code: string, hint: string): string {
  const isUnknown = UNKNOWN_AUTHORITY.has(code);
  return isUnknown ? "if its authority is your own, name the file of it in NODE_EXTRA_CA_CERTS" : hint;
}

/**
 * What a provider throws when a request failed on the way. The error itself is not kept, for it may hold what was sent.
 * @param what - what was being done, as the message begins.
 */
export function networkFailure(error: unknown, what: string, provider: string, hint: string): KeyleafError {
  if (error instanceof KeyleafError) return error;
  return new KeyleafError("PROVIDER_FAILED", `${what}: ${networkReason(error)}`, {
    hint: networkHint(codeOf(error), hint),
    details: { provider },
  });
}
