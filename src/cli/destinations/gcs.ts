import type { Destination } from "../../config.ts";
import { crc32c } from "../../crypto/crc32c.ts";
import { memberOf, textIn } from "../../crypto/keys/answers.ts";
import { type GoogleAccess, type GoogleUse, loadGoogleAccess } from "../../crypto/keys/google-access.ts";
import { networkFailure } from "../../crypto/keys/network-reasons.ts";
import { type RestAnswer, restOver, type SendRest } from "../../crypto/keys/rest.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import type { Place } from "./destination.ts";

type Bucket = Extract<Destination, { readonly bucket: string }>;

const USE: GoogleUse = {
  what: "Google Cloud Storage",
  scopes: ["https://www.googleapis.com/auth/devstorage.read_write"],
};

/** An upload has to be complete by then. */
const UPLOAD_TIMEOUT_MS = 120_000;

/**
 * A bucket of Google Cloud Storage, by its JSON interface. Credentials are found as for keys of GCP KMS.
 * @param send - tests bring their own.
 *
 * Source: Cloud Storage JSON API, "Upload an object", simple upload; STORAGE_EMULATOR_HOST of Google's clients.
 */
export function gcsPlace({ bucket, prefix }: Bucket, host: Host, send: SendRest = restOver(UPLOAD_TIMEOUT_MS)): Place {
  let loaded: Promise<GoogleAccess> | null = null;
  const shown = (name: string): string => `gcs://${bucket}/${prefix}${name}`;
  return {
    takes: "file",
    shown,
    async write(name, content) {
      const what = `cannot write ${shown(name)}`;
      const emulator = host.env["STORAGE_EMULATOR_HOST"] || null;
      const url = urlOf(bucket, prefix + name, emulator);
      const headers = { "content-type": "application/octet-stream" };
      // No project is asked for anything; without one, the library would look for it, and run gcloud to that end.
      loaded ??= emulator === null ? loadGoogleAccess("none", host, USE) : Promise.resolve(async () => ({}));
      const access = await (await loaded)(url);
      let answer: RestAnswer;
      try {
        answer = await send({ method: "POST", url, headers: { ...headers, ...access }, body: content }, host);
      } catch (error) {
        throw networkFailure(error, what, "gcs", "check the network, HTTPS_PROXY and STORAGE_EMULATOR_HOST");
      }
      if (answer.status !== 200) throw refused(what, answer);
      if (textIn(answer.body, "crc32c") !== checksum(content)) {
        throw new KeyleafError("PROVIDER_FAILED", `${what}: the checksum that came back does not fit`, {
          hint: "try again",
        });
      }
      return true;
    },
  };
}

/** An emulator gets no token, so that it may be anywhere, and speak plain HTTP. */
function urlOf(bucket: string, name: string, emulator: string | null): URL {
  const base =
    emulator === null ? "https://storage.googleapis.com" : emulator.includes("://") ? emulator : `http://${emulator}`;
  if (!URL.canParse(base)) throw new KeyleafError("PROVIDER_FAILED", "STORAGE_EMULATOR_HOST does not name a host");
  const url = new URL(`/upload/storage/v1/b/${encodeURIComponent(bucket)}/o`, new URL(base).origin);
  url.search = new URLSearchParams({ uploadType: "media", name }).toString();
  return url;
}

/** As the service has it: big-endian, in base64. */
function checksum(content: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32c(content));
  return bytes.toString("base64");
}

/** What the service answers (HTTP statuses; the text may repeat what was sent). */
function refused(what: string, { status, body }: RestAnswer): KeyleafError {
  const [reason, hint] = reasons.get(status) ?? ["failed"];
  const isService = typeof memberOf(body, "error", "code") === "number";
  const told = isService ? reason : "the answer is not one of Google Cloud Storage";
  return new KeyleafError("PROVIDER_FAILED", `${what}: ${told} (HTTP ${status})`, {
    hint: isService ? hint : "check STORAGE_EMULATOR_HOST and the proxy",
  });
}

const reasons: ReadonlyMap<number, readonly [reason: string, hint?: string]> = new Map([
  [401, ["Google does not accept the credentials", "get a new access token, or sign in again"]],
  [
    403,
    ["permission denied", "the Google credentials in use need storage.objects.create (and .delete, to replace) there"],
  ],
  [404, ["no such bucket", "check gcs_bucket"]],
  [429, ["throttled: too many requests", "wait a little"]],
  [500, ["failure inside the service", "try again later"]],
  [503, ["the service is not available at the moment", "try again later"]],
]);
