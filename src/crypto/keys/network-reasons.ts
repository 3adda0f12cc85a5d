const NOT_TRUSTED = "the server's certificate is not trusted";

/** What to try where a failure on the way has its own remedy; `hint` otherwise. */
export function networkHint(reason: string, hint: string): string {
  return reason === NOT_TRUSTED ? "if its authority is your own, name the file of it in NODE_EXTRA_CA_CERTS" : hint;
}

/** What Node calls failures on the way to a server, in plain words. */
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
  ["EPROTO", "the endpoint does not speak TLS"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "the endpoint does not speak TLS"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another host"],
  ["CERT_HAS_EXPIRED", "the server's certificate has expired"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", NOT_TRUSTED],
  ["SELF_SIGNED_CERT_IN_CHAIN", NOT_TRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", NOT_TRUSTED],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", NOT_TRUSTED],
]);
