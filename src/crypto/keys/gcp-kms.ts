/**
 * GCP KMS: a key of Cloud KMS wraps the data key. Always by its REST interface; the reference can also speak gRPC, which
 * gives the same ciphertexts. Credentials come from google-auth-library, loaded when a key is used.
 *
 * Source: SOPS gcpkms/keysource.go; Cloud KMS REST reference, v1
 * projects.locations.keyRings.cryptoKeys, encrypt and decrypt.
 */
import { fieldOf, leaf, type Mapping, mapping } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { timestamp } from "../../timestamp.ts";
import { crc32c } from "../crc32c.ts";
import { isLoopback } from "../loopback.ts";
import { memberOf, textIn } from "./answers.ts";
import { decodeBase64, failing, textOf } from "./fields.ts";
import { type GoogleAccess, loadGoogleAccess } from "./google-access.ts";
import { gcpKmsNames } from "./names.ts";
import { networkFailure } from "./network-reasons.ts";
import type { KeyProvider } from "./provider.ts";
import { type RestAnswer, type SendRest, sendRest } from "./rest.ts";

/** One key of Cloud KMS as rules, flags and files name it. */
export interface GcpKmsRecipient {
  /** `projects/P/locations/L/keyRings/R/cryptoKeys/K`, without blanks: its form is checked when the key is used. */
  readonly resourceId: string;
}

/**
 * The provider on top of a way to send requests and to get credentials; tests bring their own.
 * @internal
 */
export function createGcpKms(
  send: SendRest,
  loadAccess: (projectId: string, host: Host) => Promise<GoogleAccess>,
): KeyProvider<GcpKmsRecipient> {
  const accessOf = new WeakMap<Host, Promise<GoogleAccess>>();

  async function call(
    verb: "encrypt" | "decrypt",
    resourceId: string,
    input: Uint8Array,
    host: Host,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const url = urlOf(resourceId, verb, host.env);
    // The first key's project stands for all: it is only to keep the library from looking for one.
    const access = await once(accessOf, host, () => loadAccess(resourceId.split("/")[1] ?? "", host));
    const headers = await access(url);
    const field = verb === "encrypt" ? "plaintext" : "ciphertext";
    const body = {
      [field]: Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("base64"),
      [`${field}Crc32c`]: `${crc32c(input)}`,
    };
    let answer: RestAnswer;
    try {
      answer = await send({ method: "POST", url, headers, body }, host, signal);
    } catch (error) {
      const hint = "check the network, HTTPS_PROXY and SOPS_GCP_KMS_ENDPOINT";
      throw networkFailure(error, `GCP KMS cannot ${verb}`, gcpKmsNames.id, hint);
    }
    if (answer.status === 200) return answer.body;
    throw refused(verb, answer);
  }

  return {
    ...gcpKmsNames,

    fromText(text) {
      const items = text.replace(/\s/g, "").split(",");
      return items.filter((item) => item !== "").map((resourceId) => ({ resourceId }));
    },

    fromGroup(node) {
      if (node.kind !== "mapping") throw badRecipient("an element of gcp_kms in a key group is not a mapping");
      const value = fieldOf(node, "resource_id");
      const resourceId = value?.kind === "leaf" && value.scalar.type === "str" ? textOf(value).replace(/\s/g, "") : "";
      if (resourceId === "") throw badRecipient("a gcp_kms key in a key group has no resource_id");
      return [{ resourceId }];
    },

    identity: ({ resourceId }) => resourceId,

    identityOf: ({ fields }) => textOf(fieldOf(fields, "resource_id")),

    entry: entryOf,

    async wrap(dataKey, { resourceId }, host, signal) {
      if (!isResourceId(resourceId)) {
        throw badRecipient(`${JSON.stringify(resourceId)} is not the name of a Cloud KMS key`);
      }
      const answer = await call("encrypt", resourceId, dataKey, host, signal);
      // A false one is left out of the answer: then the checksum did not reach Cloud KMS, and the key perhaps not either.
      if (memberOf(answer, "verifiedPlaintextCrc32c") !== true) throw damaged("encrypt");
      const ciphertext = checked(answer, "ciphertext", "encrypt");
      return {
        provider: gcpKmsNames.id,
        fields: entryOf({ resourceId }, Buffer.from(ciphertext).toString("base64"), host.now()),
      };
    },

    async unwrap({ fields }, host, _why, signal) {
      const resourceId = textOf(fieldOf(fields, "resource_id")).replace(/ /g, "");
      if (!isResourceId(resourceId)) throw failed("resource_id of the wrapped key is not the name of a Cloud KMS key");
      const ciphertext = decodeBase64(textOf(fieldOf(fields, "enc")));
      if (ciphertext === null) throw failed("enc of the wrapped key is missing or not base64");
      return checked(await call("decrypt", resourceId, ciphertext, host, signal), "plaintext", "decrypt");
    },
  };
}

function entryOf({ resourceId }: GcpKmsRecipient, enc: string, now: Date): Mapping {
  return mapping([
    ["created_at", leaf(timestamp(now))],
    ["enc", leaf(enc)],
    ["resource_id", leaf(resourceId)],
  ]);
}

/** GCP KMS over the network. */
export const gcpKms: KeyProvider<GcpKmsRecipient> = createGcpKms(sendRest, loadGoogleAccess);

/** The reference takes any text between the slashes; here it becomes part of a URL, and has to stay where it is. */
function isResourceId(text: string): boolean {
  const parts = /^projects\/([^/]+)\/locations\/([^/]+)\/keyRings\/([^/]+)\/cryptoKeys\/([^/]+)$/.exec(text)?.slice(1);
  return parts?.every((part) => part !== "." && part !== "..") === true;
}

/**
 * Where a key is asked: `SOPS_GCP_KMS_ENDPOINT` (HOST:PORT, or a URL), else `cloudkms` in the domain of
 * `SOPS_GCP_KMS_UNIVERSE_DOMAIN`, else of Google.
 */
function urlOf(resourceId: string, verb: string, env: Host["env"]): URL {
  const path = resourceId
    .split("/")
    // A project of a domain has a colon, which may stay.
    .map((part) => encodeURIComponent(part).replaceAll("%3A", ":"))
    .join("/");
  const endpoint = env["SOPS_GCP_KMS_ENDPOINT"] || "";
  const domain = env["SOPS_GCP_KMS_UNIVERSE_DOMAIN"] || "googleapis.com";
  const base =
    endpoint === "" ? `https://cloudkms.${domain}` : endpoint.includes("://") ? endpoint : `https://${endpoint}`;
  let url: URL;
  try {
    const { origin, pathname } = new URL(base);
    url = new URL(`${origin}${pathname.replace(/\/+$/, "")}/v1/${path}:${verb}`);
  } catch {
    const name = endpoint === "" ? "SOPS_GCP_KMS_UNIVERSE_DOMAIN" : "SOPS_GCP_KMS_ENDPOINT";
    throw failed(`${name} does not name a host`, "it looks like HOST:PORT or https://HOST");
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw failed(
      "SOPS_GCP_KMS_ENDPOINT is no https URL",
      "without TLS the access token could be read on the way; http is for this machine only",
    );
  }
  return url;
}

/** Bytes of an answer, compared with the checksum beside them. */
function checked(answer: unknown, field: "plaintext" | "ciphertext", verb: "encrypt" | "decrypt"): Uint8Array {
  const bytes = decodeBase64(textIn(answer, field));
  if (bytes === null) throw failed(`GCP KMS cannot ${verb}: the answer is not one of Cloud KMS`, ENDPOINT_HINT);
  // 64-bit numbers are texts in JSON.
  if (textIn(answer, `${field}Crc32c`) !== `${crc32c(bytes)}`) throw damaged(verb);
  return bytes;
}

const ENDPOINT_HINT = "check SOPS_GCP_KMS_ENDPOINT and the proxy";

function damaged(verb: string): KeyleafError {
  return failed(`GCP KMS cannot ${verb}: a checksum does not fit, so something was changed on the way`, "try again");
}

/** Statuses of google.rpc.Code in plain words, and what to try next. */
const reasons: ReadonlyMap<string, readonly [reason: string, hint?: string]> = new Map([
  ["NOT_FOUND", ["no such key", "check the resource ID"]],
  ["FAILED_PRECONDITION", ["the key version is disabled or destroyed", "enable it in Cloud KMS, or use another key"]],
  ["RESOURCE_EXHAUSTED", ["throttled: too many requests", "wait a little, or raise the quota of the project"]],
  ["UNAVAILABLE", ["Cloud KMS is not available at the moment", "try again later"]],
  ["INTERNAL", ["failure inside Cloud KMS", "try again later"]],
  ["UNKNOWN", ["failure inside Cloud KMS", "try again later"]],
  ["DEADLINE_EXCEEDED", ["no answer in time", "try again later"]],
  ["UNAUTHENTICATED", ["Google does not accept the credentials", "get a new access token, or sign in again"]],
]);

/** The text that was answered is left out: it may repeat what was sent. */
function refused(verb: "encrypt" | "decrypt", { status, body }: RestAnswer): KeyleafError {
  const name = textIn(body, "error", "status");
  const what = `GCP KMS cannot ${verb}`;
  if (!/^[A-Z_]{1,40}$/.test(name)) {
    return failed(`${what}: the answer is not one of Cloud KMS (status ${status})`, ENDPOINT_HINT);
  }
  if (name === "PERMISSION_DENIED") {
    const details = memberOf(body, "error", "details");
    const isOff = Array.isArray(details) && details.some((one) => textIn(one, "reason") === "SERVICE_DISABLED");
    if (isOff)
      return failed(`${what}: Cloud KMS is not enabled in the project (${name})`, "enable cloudkms.googleapis.com");
    const permission = `cloudkms.cryptoKeyVersions.useTo${verb === "encrypt" ? "Encrypt" : "Decrypt"}`;
    return failed(
      `${what}: permission denied (${name})`,
      `the Google credentials in use need ${permission} on the key`,
    );
  }
  if (name === "INVALID_ARGUMENT") {
    const isKey = verb === "decrypt";
    const reason = isKey
      ? "the wrapped key was not made with this key, or is damaged"
      : "the key is not for encryption";
    return failed(`${what}: ${reason} (${name})`);
  }
  const [reason, hint] = reasons.get(name) ?? ["failed"];
  return failed(`${what}: ${reason} (${name})`, hint);
}

function badRecipient(message: string): KeyleafError {
  const hint = "it looks like projects/PROJECT/locations/PLACE/keyRings/RING/cryptoKeys/KEY";
  return new KeyleafError("KEY_BAD_RECIPIENT", message, { hint, details: { provider: gcpKmsNames.id } });
}

const failed = failing(gcpKmsNames.id);
