/**
 * A stand-in for Google: the token endpoint, the metadata server of a machine, Cloud KMS and uploads to Cloud Storage, as
 * far as their REST references say it. Keys are real AES-256-GCM keys, signatures of service accounts are checked, and requests that Google
 * would not take are refused.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  verify,
} from "node:crypto";
import { crc32c } from "../../src/crypto/crc32c.ts";
import type { Answer, Asked, StandIn } from "./stand-in-proxy.ts";

export interface StandInGoogle {
  readonly standIn: StandIn;
  /** Key file of a service account that may use all keys. TEST ONLY */
  readonly keyFile: string;
  /** What gcloud leaves of a person who has signed in, and who may use all keys. TEST ONLY */
  readonly userFile: string;
  /** An access token that may use all keys. TEST ONLY */
  readonly accessToken: string;
  /** Makes a key, and gives its resource ID. */
  createKey(name: string): string;
  /** Objects of the bucket `bucket`, by name. */
  readonly objects: Map<string, Buffer>;
  /** `encrypt`, `decrypt` and `upload`, as they came in, those in `instead` included. */
  readonly calls: string[];
  /** Answers that are given instead of doing the next calls. */
  readonly instead: Answer[];
}

const TOKEN_URI = "https://oauth2.googleapis.com/token";
const EMAIL = "config@test-only.iam.gserviceaccount.com";
const USER = { client_id: "test-only.apps", client_secret: "test-only-secret", refresh_token: "test-only-refresh" };

export function makeStandInGoogle(): StandInGoogle {
  const account = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const publicKey = createPublicKey(account.privateKey);
  const keys = new Map<string, Buffer>();
  const tokens = new Set(["test-only-access-token"]);
  const objects = new Map<string, Buffer>();
  /** Tokens of service accounts and users, with what they are for. */
  const scopes = new Map<string, string>();
  const calls: string[] = [];
  const instead: Answer[] = [];

  const mayUse = (token: string): boolean => tokens.has(token) || isOwnToken(token, publicKey);

  function kms(asked: Asked): Answer {
    const { pathname } = new URL(asked.path, "https://cloudkms.googleapis.com");
    const [, resourceId = "", verb = ""] = /^\/v1\/(.*):(encrypt|decrypt)$/.exec(decodeURIComponent(pathname)) ?? [];
    if (asked.method !== "POST" || verb === "") return failure(404, "NOT_FOUND");
    calls.push(verb);
    const other = instead.shift();
    if (other !== undefined) return other;
    const token = /^Bearer (.+)$/.exec(asked.headers.authorization ?? "")?.[1] ?? "";
    if (!mayUse(token)) return failure(401, "UNAUTHENTICATED");
    const key = keys.get(resourceId);
    if (key === undefined) return failure(404, "NOT_FOUND");
    const isEncrypt = verb === "encrypt";
    const input = inputOf(asked, isEncrypt ? "plaintext" : "ciphertext");
    if (input === null) return failure(400, "INVALID_ARGUMENT");
    const output = isEncrypt ? seal(input.bytes, key) : open(input.bytes, key);
    if (output === null) return failure(400, "INVALID_ARGUMENT");
    const name = isEncrypt ? "ciphertext" : "plaintext";
    return {
      body: {
        ...(isEncrypt ? { name: `${resourceId}/cryptoKeyVersions/1` } : { usedPrimary: true }),
        [name]: output.toString("base64"),
        [`${name}Crc32c`]: `${crc32c(output)}`,
        // False values are not sent.
        ...(isEncrypt && input.isVerified ? { verifiedPlaintextCrc32c: true } : {}),
        protectionLevel: "SOFTWARE",
      },
    };
  }

  /** "Upload an object" of the JSON API, as a simple upload. */
  function storage({ method, path, headers, body }: Asked): Answer {
    const { pathname, searchParams } = new URL(path, "https://storage.googleapis.com");
    const [, bucket = ""] = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(pathname) ?? [];
    const name = searchParams.get("name") ?? "";
    if (method !== "POST" || bucket === "" || searchParams.get("uploadType") !== "media")
      return failure(404, "notFound");
    calls.push("upload");
    const other = instead.shift();
    if (other !== undefined) return other;
    const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    if (!mayUse(bearer)) return failure(401, "authError");
    const scope = scopes.get(bearer);
    if (scope !== undefined && !scope.includes("devstorage.read_write")) return failure(403, "insufficientPermissions");
    if (decodeURIComponent(bucket) !== "bucket") return failure(404, "notFound");
    if (name === "" || headers["content-length"] !== `${body.length}`) return failure(400, "invalid");
    objects.set(name, Buffer.from(body));
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32c(body));
    return { body: { kind: "storage#object", name, bucket, size: `${body.length}`, crc32c: sum.toString("base64") } };
  }

  function token(asked: Asked): Answer {
    const form = new URLSearchParams(asked.body.toString());
    if (form.get("grant_type") === "refresh_token") {
      const isUser = Object.entries(USER).every(([name, value]) => form.get(name) === value);
      return isUser ? freshToken() : { status: 400, body: { error: "invalid_grant", error_description: "canary" } };
    }
    const claims = claimsOf(form.get("assertion") ?? "", publicKey);
    const isFor = claims !== null && claims["iss"] === EMAIL && claims["aud"] === TOKEN_URI;
    if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer" || !isFor) {
      return { status: 400, body: { error: "invalid_grant", error_description: "canary" } };
    }
    if (!/googleapis\.com\/auth\/(cloudkms|devstorage\.read_write)( |$)/.test(`${claims["scope"]}`)) {
      return { status: 400, body: { error: "invalid_scope" } };
    }
    return freshToken(`${claims["scope"]}`);
  }

  function freshToken(scope?: string): Answer {
    const access_token = `test-only-${randomBytes(8).toString("hex")}`;
    tokens.add(access_token);
    if (scope !== undefined) scopes.set(access_token, scope);
    return { body: { access_token, expires_in: 3599, token_type: "Bearer" } };
  }

  function metadata({ path, headers }: Asked): Answer {
    const flavour = { "metadata-flavor": "Google" };
    if (headers["metadata-flavor"] !== "Google") return { status: 403 };
    const { pathname } = new URL(path, "http://metadata.google.internal");
    if (pathname.endsWith("/instance")) return { headers: flavour, body: "" };
    if (pathname.endsWith("/instance/service-accounts/default/token")) return { headers: flavour, ...freshToken() };
    if (pathname.endsWith("/universe/universe-domain")) return { headers: flavour, body: "googleapis.com" };
    return { status: 404, headers: flavour };
  }

  return {
    standIn: (asked) => {
      if (asked.host === "127.0.0.1" && asked.path.startsWith("/computeMetadata/v1/")) return metadata(asked);
      const isToken = asked.host === "oauth2.googleapis.com";
      const isStorage = asked.host === "storage.googleapis.com";
      if (!isToken && !isStorage && asked.host !== "cloudkms.googleapis.com") return null;
      if (asked.method === "CONNECT") return {};
      if (isStorage) return storage(asked);
      return isToken ? token(asked) : kms(asked);
    },
    keyFile: JSON.stringify({
      type: "service_account",
      project_id: "test-only",
      private_key_id: "test-only",
      private_key: account.privateKey.export({ type: "pkcs8", format: "pem" }),
      client_email: EMAIL,
      client_id: "0",
      token_uri: TOKEN_URI,
    }),
    userFile: JSON.stringify({ type: "authorized_user", ...USER }),
    accessToken: "test-only-access-token",
    createKey(name) {
      const resourceId = `projects/test-only/locations/global/keyRings/ring/cryptoKeys/${name}`;
      keys.set(resourceId, randomBytes(32));
      return resourceId;
    },
    objects,
    calls,
    instead,
  };
}

/** An error as all of Google's services have it, with a text that must not be passed on. */
export function failure(code: number, status: string, details: readonly object[] = []): Answer {
  return { status: code, body: { error: { code, message: "canary", status, details } } };
}

/** The one field that is asked for, in standard base64, and whether its checksum came with it and fits. `null`: malformed. */
function inputOf({ headers, body }: Asked, field: string): { bytes: Buffer; isVerified: boolean } | null {
  if (!/^application\/json\b/.test(headers["content-type"] ?? "")) return null;
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { name: _, [field]: value, [`${field}Crc32c`]: sum, ...others } = json;
  if (typeof value !== "string" || Object.keys(others).length > 0) return null;
  const bytes = Buffer.from(value, "base64");
  if (bytes.toString("base64") !== value || bytes.length === 0) return null;
  if (sum !== undefined && sum !== `${crc32c(bytes)}`) return null;
  return { bytes, isVerified: sum !== undefined };
}

/** A token that a service account has signed itself (RFC 7523): Google takes it in place of one that it has made. */
function isOwnToken(token: string, key: KeyObject): boolean {
  const claims = claimsOf(token, key);
  return claims !== null && claims["iss"] === EMAIL && claims["sub"] === EMAIL;
}

function claimsOf(token: string, key: KeyObject): Record<string, unknown> | null {
  const [header = "", claims = "", signature = ""] = token.split(".");
  if (!verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url"))) return null;
  const parsed = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, unknown>;
  const [from, until, now] = [Number(parsed["iat"]), Number(parsed["exp"]), Date.now() / 1000];
  return from < now + 60 && now < until && until - from <= 3700 ? parsed : null;
}

function seal(plaintext: Buffer, key: Buffer): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: 16 });
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function open(ciphertext: Buffer, key: Buffer): Buffer | null {
  if (ciphertext.length < 29) return null;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, ciphertext.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(ciphertext.subarray(12, 28));
    return Buffer.concat([decipher.update(ciphertext.subarray(28)), decipher.final()]);
  } catch {
    return null;
  }
}
