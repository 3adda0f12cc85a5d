/**
 * A stand-in for Azure: the token endpoint of Microsoft Entra for a client secret, and vaults with RSA keys, as far as their
 * REST references say it. Keys are real; requests that Azure would not take are refused.
 */
import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { once } from "../../src/once.ts";
import type { Answer, Asked, StandIn } from "./stand-in-proxy.ts";

export interface StandInAzure {
  readonly standIn: StandIn;
  /** What signs in a program: an application that may use all keys. TEST ONLY */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a key or a new version of one, and gives its URL without and with the version. */
  createKey(vault: string, name: string): { readonly url: string; readonly version: string };
  /** An access token for a scope. TEST ONLY */
  tokenFor(scope: string): string;
  /** `get`, `encrypt` and `decrypt` that came with a token, those in `instead` included. */
  readonly calls: string[];
  /** Answers that are given instead of doing the next calls. */
  readonly instead: Answer[];
  /** What the next vaults say tokens are for; absent: what they are for. */
  resource: string;
}

const AUTHORITY = "login.microsoftonline.com";
const TENANT = "11111111-2222-3333-4444-555555555555";
const CLIENT = "66666666-7777-8888-9999-000000000000";
const SECRET = "test-only-client-secret";
const RESOURCE = "https://vault.azure.net";

export function makeStandInAzure(): StandInAzure {
  /** By `vault/name`: key pairs by version, the newest last. */
  const keys = new Map<string, Map<string, { publicKey: KeyObject; privateKey: KeyObject }>>();
  /** What each token is for. */
  const tokens = new Map<string, string>();
  const calls: string[] = [];
  const instead: Answer[] = [];
  const azure: StandInAzure = {
    standIn: (asked) => {
      const vault = /^([a-z0-9-]+)\.vault\.azure\.net$/.exec(asked.host)?.[1];
      if (asked.host !== AUTHORITY && vault === undefined) return null;
      if (asked.method === "CONNECT") return {};
      return vault === undefined ? authority(asked) : vaultAnswer(vault, asked);
    },
    env: { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: SECRET },
    createKey(vault, name) {
      const versions = once(keys, `${vault}/${name}`, () => new Map());
      const version = randomBytes(16).toString("hex");
      versions.set(version, generateKeyPairSync("rsa", { modulusLength: 2048 }));
      return { url: `https://${vault}.vault.azure.net/keys/${name}`, version };
    },
    tokenFor,
    calls,
    instead,
    resource: RESOURCE,
  };
  return azure;

  function authority({ method, path, body }: Asked): Answer {
    const { pathname } = new URL(path, `https://${AUTHORITY}`);
    const base = `https://${AUTHORITY}/${TENANT}`;
    if (pathname === "/common/discovery/instance") {
      const aliases = [AUTHORITY, "login.windows.net", "login.microsoft.com", "sts.windows.net"];
      const [preferred_network, preferred_cache] = aliases;
      const tenant_discovery_endpoint = `${base}/v2.0/.well-known/openid-configuration`;
      const metadata = [{ preferred_network, preferred_cache, aliases }];
      return { body: { tenant_discovery_endpoint, "api-version": "1.1", metadata } };
    }
    if (pathname === `/${TENANT}/v2.0/.well-known/openid-configuration`) {
      return {
        body: {
          token_endpoint: `${base}/oauth2/v2.0/token`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          issuer: `${base}/v2.0`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
        },
      };
    }
    if (method !== "POST" || pathname !== `/${TENANT}/oauth2/v2.0/token`) {
      return oauthFailure("invalid_tenant", 90002);
    }
    const form = new URLSearchParams(body.toString());
    if (form.get("client_id") !== CLIENT) return oauthFailure("unauthorized_client", 700016);
    if (form.get("client_secret") !== SECRET) return oauthFailure("invalid_client", 7000215);
    const scopes = (form.get("scope") ?? "").split(" ");
    const scope = scopes.find((one) => one.startsWith("https://"));
    if (form.get("grant_type") !== "client_credentials" || scope === undefined) {
      return oauthFailure("invalid_request", 900144);
    }
    return { body: { token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599, access_token: tokenFor(scope) } };
  }

  function tokenFor(scope: string): string {
    const token = `test-only-${randomBytes(8).toString("hex")}`;
    tokens.set(token, scope);
    return token;
  }

  function vaultAnswer(vault: string, { method, path, headers, body }: Asked): Answer {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
    if (token === undefined || tokens.get(token) !== `${RESOURCE}/.default`) {
      const challenge = `Bearer authorization="https://${AUTHORITY}/${TENANT}", resource="${azure.resource}"`;
      return { ...vaultFailure(401, "Unauthorized"), headers: { "www-authenticate": challenge } };
    }
    const { pathname, searchParams } = new URL(path, RESOURCE);
    const [, part, name = "", version = "", operation = "", ...more] = pathname.split("/");
    const isGet = method === "GET" && operation === "";
    calls.push(isGet ? "get" : operation);
    const other = instead.shift();
    if (other !== undefined) return other;
    if (!/^(7\.\d|\d{4}-\d\d-\d\d)$/.test(searchParams.get("api-version") ?? ""))
      return vaultFailure(400, "BadParameter");
    const versions = keys.get(`${vault}/${name}`) ?? new Map();
    const exact = version === "" ? ([...versions.keys()].at(-1) ?? "") : version;
    const pair = versions.get(exact);
    if (part !== "keys" || more.length > 0 || pair === undefined) return vaultFailure(404, "KeyNotFound");
    const kid = `https://${vault}.vault.azure.net/keys/${name}/${exact}`;
    if (isGet) {
      const key_ops = ["encrypt", "decrypt"];
      return {
        body: { key: { ...pair.publicKey.export({ format: "jwk" }), kid, key_ops }, attributes: { enabled: true } },
      };
    }
    const input = inputOf(headers["content-type"], body);
    if (method !== "POST" || input === null) return vaultFailure(400, "BadParameter");
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    let output: Buffer;
    try {
      if (operation === "encrypt") output = publicEncrypt({ key: pair.publicKey, ...padding }, input);
      else if (operation === "decrypt") output = privateDecrypt({ key: pair.privateKey, ...padding }, input);
      else return vaultFailure(404, "NotFound");
    } catch {
      return vaultFailure(400, "BadParameter");
    }
    return { body: { kid, value: output.toString("base64url") } };
  }
}

/** An error as vaults have it, with a text that must not be passed on. */
export function vaultFailure(status: number, code: string, inner?: string): Answer {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return { status, body: { error: { code, message: "canary", ...innererror } } };
}

function oauthFailure(error: string, number: number): Answer {
  return {
    status: 400,
    body: { error, error_description: `AADSTS${number}: canary.`, error_codes: [number], correlation_id: "0" },
  };
}

/** `{alg: "RSA-OAEP-256", value}`, the value in base64url without padding. `null`: something else. */
function inputOf(contentType: string | undefined, body: Buffer): Buffer | null {
  if (!/^application\/json\b/.test(contentType ?? "")) return null;
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { alg, value, ...others } = json;
  if (alg !== "RSA-OAEP-256" || typeof value !== "string" || Object.keys(others).length > 0) return null;
  const bytes = Buffer.from(value, "base64url");
  return bytes.toString("base64url") === value ? bytes : null;
}
