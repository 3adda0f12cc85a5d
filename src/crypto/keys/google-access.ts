/**
 * Credentials for Google, in the reference's order. The parsing of key files, the exchange for access tokens, gcloud and the
 * metadata server are up to google-auth-library; nothing of it is loaded for a token that is there already.
 *
 * Source: SOPS gcpkms/keysource.go.
 */
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { inTime } from "../time-limit.ts";
import { memberOf, textIn } from "./answers.ts";
import { failing } from "./fields.ts";
import { gcpKmsNames } from "./names.ts";
import { codeOf, networkFailure, networkReasons } from "./network-reasons.ts";
import { optionalPackage } from "./optional-package.ts";

/** Headers that a request to an address needs. Tokens are renewed before they end. @throws `PROVIDER_FAILED` */
export type GoogleAccess = (url: URL) => Promise<Readonly<Record<string, string>>>;

/** What credentials are for. */
export interface GoogleUse {
  /** In messages: `GCP KMS`. */
  readonly what: string;
  readonly scopes: readonly string[];
}

/** What the reference's client asks for. */
const KMS: GoogleUse = {
  what: "GCP KMS",
  scopes: ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/cloudkms"],
};

/** Until then there has to be a token; a metadata server that does not answer takes 3 s or so. */
const TOKEN_TIMEOUT_MS = 30_000;

/**
 * Finds the credentials: `GOOGLE_CREDENTIALS` (a file, or JSON), `GOOGLE_OAUTH_ACCESS_TOKEN`, else Application Default
 * Credentials, for which the library looks at the environment of the process, gcloud's file and the metadata server.
 * @param projectId - of the key. Without one the library would look for it, and run gcloud to that end.
 */
export async function loadGoogleAccess(projectId: string, host: Host, use = KMS): Promise<GoogleAccess> {
  const given = host.env["GOOGLE_CREDENTIALS"] || "";
  const token = host.env["GOOGLE_OAUTH_ACCESS_TOKEN"] || "";
  if (given === "" && token !== "") {
    if (!/^[\x21-\x7e]+$/.test(token)) throw failed("GOOGLE_OAUTH_ACCESS_TOKEN is not an access token");
    return async () => ({ authorization: `Bearer ${token}` });
  }
  const credentials = given === "" ? undefined : await readCredentials(given, host);
  const { GoogleAuth } = await optionalPackage(
    "google-auth-library@10",
    `${use.what} with these credentials`,
    gcpKmsNames.id,
    () => import("google-auth-library"),
  );
  const universeDomain = host.env["SOPS_GCP_KMS_UNIVERSE_DOMAIN"] || "";
  const auth = new GoogleAuth({
    scopes: [...use.scopes],
    projectId,
    ...(credentials === undefined ? {} : { credentials }),
    ...(universeDomain === "" ? {} : { clientOptions: { universeDomain } }),
  });
  return async (url) => {
    try {
      const asking = auth.getClient().then((client) => client.getRequestHeaders(url.href));
      return Object.fromEntries(await inTime(asking, TOKEN_TIMEOUT_MS, late));
    } catch (error) {
      throw explained(error, given !== "");
    }
  };
}

/** A path of a file that is there, else JSON. */
async function readCredentials(text: string, host: Host): Promise<object> {
  let json = text;
  if (!text.trimStart().startsWith("{")) {
    let bytes: Uint8Array | null;
    try {
      bytes = await host.readFile(text);
    } catch (error) {
      throw failed(`the file that GOOGLE_CREDENTIALS names cannot be read (${codeOf(error) || "failed"})`);
    }
    if (bytes === null) throw failed("GOOGLE_CREDENTIALS is neither a file that is there nor JSON");
    json = new TextDecoder().decode(bytes);
  }
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch {
    // What the parser says quotes the text.
  }
  throw failed(
    "GOOGLE_CREDENTIALS holds no credentials: it is not a JSON object",
    "give the key file of a service account",
  );
}

const late = (): KeyleafError => failed("no Google access token in time", NETWORK_HINT);
const NETWORK_HINT = "check the network and HTTPS_PROXY";
const SIGN_IN_HINT =
  'run "gcloud auth application-default login", or set GOOGLE_CREDENTIALS or GOOGLE_APPLICATION_CREDENTIALS to a key file';

/** What the library throws, without its text, which may quote what was sent. */
function explained(error: unknown, isGiven: boolean): KeyleafError {
  if (error instanceof KeyleafError) return error;
  const code = nameOf(memberOf(error, "code"));
  if (networkReasons.has(code)) {
    return networkFailure(error, "no Google access token", gcpKmsNames.id, NETWORK_HINT);
  }
  const hint = isGiven ? "check GOOGLE_CREDENTIALS" : SIGN_IN_HINT;
  if (error instanceof Error && error.message.startsWith("Could not load the default credentials")) {
    return failed("no Google credentials were found", hint);
  }
  // `invalid_grant` and the like of OAuth; a name of google.rpc.Code from others.
  const answered = memberOf(error, "response", "data", "error");
  const name = nameOf(answered) || textIn(answered, "status");
  const status = memberOf(error, "response", "status");
  if (name !== "") return failed(`no Google access token: the credentials are not accepted (${name})`, hint);
  if (typeof status === "number")
    return failed(`no Google access token: the answer is not one of Google (status ${status})`, hint);
  return failed(`the Google credentials cannot be used (${code || "not the form of a key file"})`, hint);
}

function nameOf(value: unknown): string {
  return typeof value === "string" && /^[\w.-]{1,64}$/.test(value) ? value : "";
}

const failed = failing(gcpKmsNames.id);
