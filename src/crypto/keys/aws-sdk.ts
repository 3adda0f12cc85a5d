/** What clients of the AWS SDK have in common: where they find their settings, and what their failures mean. */
import type { Host } from "../../host.ts";
import { codeOf, networkHint, networkReasons } from "./network-reasons.ts";
import { proxyAgent } from "./proxy.ts";

type Service = "KMS" | "STS" | "S3";

/** An unreachable network is reported after three tries of at most this long. */
const CONNECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * Settings of a client. Credentials are left to the SDK's default chain where the environment holds none.
 * @param region - `null`: the one that the environment or the configuration names.
 * @param profile - of the AWS shared configuration; `""`: the default one.
 */
export async function awsSettings(service: Service, region: string | null, profile: string, host: Host) {
  // Otherwise the SDK prints a warning about its future on older Node releases. It looks at nothing but this variable.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const { env } = host;
  const endpoint = endpointFrom(env, service);
  const named = region ?? (env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || null);
  // What goes for the address of the service goes for that of the credentials as well.
  const address = endpoint.endpoint ?? `https://${service.toLowerCase()}.${named ?? "us-east-1"}.amazonaws.com`;
  const agent = await proxyAgent(new URL(address), host);
  const chosen = profile || env["AWS_PROFILE"];
  const common = {
    ...(named === null ? {} : { region: named }),
    requestHandler: {
      ...(agent === null ? {} : { httpsAgent: agent }),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
    // The SDK's own remarks go to the console otherwise.
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    ...(chosen ? { profile: chosen } : {}),
  };
  return { common, endpoint, credentials: credentialsFrom(env, profile) };
}

/** The SDK looks for endpoints in the environment of the process, which need not be the host's. */
export function endpointFrom(env: Host["env"], service: Service): { endpoint?: string } {
  if (env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] === "true") return {};
  const endpoint = env[`AWS_ENDPOINT_URL_${service}`] || env["AWS_ENDPOINT_URL"];
  return endpoint ? { endpoint } : {};
}

/** Keys in the environment; they yield to the key's own profile and win over `AWS_PROFILE`, as in the reference's SDK. */
function credentialsFrom(env: Host["env"], profile: string) {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  if (profile !== "" || !accessKeyId || !secretAccessKey) return {};
  const sessionToken = env["AWS_SESSION_TOKEN"];
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } };
}

/** What the SDK and all services call their failures (error names of AWS, codes of Node) in plain words. */
export const awsReasons: ReadonlyMap<string, string> = new Map([
  ["AccessDeniedException", "access denied"],
  ["AccessDenied", "access denied"],
  ["ThrottlingException", "throttled: too many requests"],
  ["TooManyRequestsException", "throttled: too many requests"],
  ["Throttling", "throttled: too many requests"],
  ["LimitExceededException", "throttled: too many requests"],
  ["CredentialsProviderError", "no usable AWS credentials were found"],
  ["TokenProviderError", "the AWS sign-in has expired"],
  ["ExpiredTokenException", "the AWS credentials have expired"],
  ["ExpiredToken", "the AWS credentials have expired"],
  ["UnrecognizedClientException", "AWS does not know these credentials"],
  ["InvalidClientTokenId", "AWS does not know these credentials"],
  ["InvalidAccessKeyId", "AWS does not know these credentials"],
  ["InvalidSignatureException", "AWS refused the signature: wrong secret key, or a wrong clock"],
  ["SignatureDoesNotMatch", "AWS refused the signature: wrong secret key, or a wrong clock"],
  ["SyntaxError", "the answer is not one of AWS"],
  ["AbortError", "given up"],
  ...networkReasons,
]);

/** Failures that other credentials would help against. */
const credentialReasons = /credentials|sign-in|signature/;

/** @param reasons - of the service, {@link awsReasons} among them. */
export function explainAws(error: unknown, reasons: ReadonlyMap<string, string>): { name: string; reason: string } {
  if (!(error instanceof Error)) return { name: "unknown", reason: "failed" };
  const known = [codeOf(error), error.name].find((candidate) => reasons.has(candidate));
  if (known !== undefined) return { name: known, reason: reasons.get(known) ?? "" };
  // The name comes from whoever answered, so only what looks like a name is shown.
  return { name: /^[\w.-]{1,64}$/.test(error.name) ? error.name : "unknown", reason: "failed" };
}

/** What to try next where the service has nothing of its own to say. @param profile - `""`: none is named. */
export function awsHint(name: string, reason: string, profile: string): string | undefined {
  if (credentialReasons.test(reason)) {
    if (profile !== "")
      return `check the profile ${JSON.stringify(profile)} in the AWS configuration, or sign in again`;
    return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with AWS_PROFILE, or sign in with aws sso login";
  }
  // What does not answer as AWS is perhaps somebody on the way.
  if (!networkReasons.has(name) && name !== "SyntaxError") return undefined;
  return networkHint(name, "check the network, HTTPS_PROXY and AWS_ENDPOINT_URL");
}
