/**
 * The KMS of HuaweiCloud over REST, as its SDK speaks to it: credentials of the user, requests signed with them, and the
 * project that a region stands for.
 *
 * Source: huaweicloud-sdk-go-v3 core/auth (v0.1.187); HuaweiCloud, "AK/SK signing and authentication".
 */
import { createHash, createHmac } from "node:crypto";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { jsonOf, memberOf, quoted, textIn } from "./answers.ts";
import { failing } from "./fields.ts";
import {
  type HttpAnswer,
  type HttpRequest,
  type HttpWay,
  type Patience,
  type pause,
  type Send,
  sendPatiently,
} from "./http.ts";
import { huaweiKmsNames } from "./names.ts";
import { codeOf } from "./network-reasons.ts";
import { proxyOf } from "./proxy.ts";

/** An answer that says no. */
export class HuaweiRefusal extends Error {
  override readonly name = "HuaweiRefusal";
  readonly status: number;
  /** `KMS.0205`; `""`: none. */
  readonly code: string;
  /** The service's words, cut; `""`: none. */
  readonly said: string;

  constructor(status: number, code: string, said: string) {
    super("refused");
    this.status = status;
    this.code = code;
    this.said = said;
  }
}

interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of temporary credentials; `""`: none. */
  readonly securityToken: string;
  /** `""`: to be asked for. */
  readonly projectId: string;
  /** `""`: the region's. */
  readonly iamEndpoint: string;
  /** Milliseconds since 1970; `null`: they do not expire while a program runs. */
  readonly expiresAt: number | null;
}

/** Regions that have a KMS, those of sops 3.11.0. */
const REGIONS = new Set(
  (
    "ae-ad-1 af-north-1 af-south-1 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 cn-east-2 cn-east-3 " +
    "cn-east-4 cn-east-5 cn-north-1 cn-north-11 cn-north-12 cn-north-2 cn-north-4 cn-north-9 cn-south-1 cn-south-2 cn-south-4 " +
    "cn-southwest-2 cn-southwest-3 eu-west-101 la-north-2 la-south-2 me-east-1 my-kualalumpur-1 na-mexico-1 ru-moscow-1 " +
    "sa-brazil-1 tr-west-1"
  ).split(" "),
);

/** Milliseconds for one operation with all its tries, and for one request to the metadata of the instance. */
const OPERATION_MS = 60_000;
const METADATA_MS = 3_000;
const PATIENCE: Patience = {
  busyRetries: 2,
  networkRetries: 2,
  pauseMs: (tries) => (1000 + Math.random() * 500) * tries,
  longestMs: OPERATION_MS,
};
const METADATA = "http://169.254.169.254";

/** Speaks to all regions as one user. */
export class HuaweiClient {
  readonly #host: Host;
  readonly #send: Send;
  readonly #wait: typeof pause;
  readonly #way: HttpWay;
  readonly #projects = new Map<string, Promise<string>>();
  #credentials: Promise<Credentials> | null = null;

  constructor(host: Host, send: Send, wait: typeof pause) {
    this.#host = host;
    this.#send = send;
    this.#wait = wait;
    this.#way = { proxyFor: (url) => proxyOf(host.env, url) };
  }

  /**
   * One operation of the KMS.
   * @param body - JSON; overwritten by the caller.
   * @throws {@link HuaweiRefusal}, `KEY_BAD_RECIPIENT` for a region that is not known, `PROVIDER_FAILED` for credentials,
   * and what the network throws.
   */
  async kms(
    region: string,
    operation: string,
    body: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, unknown>>> {
    const limit = AbortSignal.timeout(OPERATION_MS);
    const until = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    const endpoint = endpointOf(region, this.#host.env);
    const credentials = await this.#current();
    const project =
      credentials.projectId || (await once(this.#projects, region, () => this.#projectOf(region, credentials)));
    const url = new URL(`/v1.0/${encodeURIComponent(project)}/kms/${operation}`, endpoint);
    return this.#call({ method: "POST", url, headers: { "x-project-id": project }, body }, credentials, until);
  }

  /** Those that are good for another minute. */
  async #current(): Promise<Credentials> {
    const known = this.#credentials;
    if (known !== null) {
      const { expiresAt } = await known;
      if (expiresAt === null || expiresAt - this.#host.now().getTime() >= 60_000) return known;
    }
    // Of several that find them expired, the first asks.
    if (this.#credentials === known) this.#credentials = credentialsOf(this.#host, this.#send);
    return this.#credentials as Promise<Credentials>;
  }

  /** The project of the region, by its name. Others may wait for it, so no caller's signal ends it. */
  async #projectOf(region: string, credentials: Credentials): Promise<string> {
    const { HUAWEICLOUD_SDK_IAM_ENDPOINT: named } = this.#host.env;
    const endpoint = withScheme(named || credentials.iamEndpoint) || serviceHost("iam", region);
    const url = new URL(`/v3/projects?name=${encodeURIComponent(region)}`, endpoint);
    const { projects } = await this.#call(
      { method: "GET", url, headers: {} },
      credentials,
      AbortSignal.timeout(OPERATION_MS),
    );
    const ids = (Array.isArray(projects) ? projects : []).map((project: unknown) => memberOf(project, "id"));
    const [id, ...others] = ids.filter((known) => typeof known === "string" && known !== "");
    if (typeof id === "string" && others.length === 0) return id;
    throw failed(
      `HuaweiCloud knows ${id === undefined ? "no project" : "several projects"} of this user in ${region}`,
      "set HUAWEICLOUD_SDK_PROJECT_ID",
    );
  }

  async #call(
    request: HttpRequest,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const attempt = (): Promise<HttpAnswer> =>
      this.#send(signed(request, credentials, this.#host.now()), this.#way, signal);
    const { status, body } = await sendPatiently(attempt, PATIENCE, this.#wait, signal);
    const answer = recordOf(body);
    body.fill(0);
    if (status === 200 && answer !== null) return answer;
    throw refusal(status, answer);
  }
}

/** @throws `KEY_BAD_RECIPIENT` */
function endpointOf(region: string, env: Host["env"]): string {
  const variable = `HUAWEICLOUD_SDK_REGION_KMS_${region.toUpperCase().replaceAll("-", "_")}`;
  const named = (env[variable] ?? "").split(",")[0]?.trim() ?? "";
  if (named !== "") {
    if (/^https?:\/\//i.test(named) && URL.canParse(named)) return named;
    throw failed(`${variable} is not an http or https address`);
  }
  if (REGIONS.has(region)) return serviceHost("kms", region);
  throw new KeyleafError("KEY_BAD_RECIPIENT", `HuaweiCloud has no KMS in a region ${JSON.stringify(region)}`, {
    hint: `if it is a new one, set ${/^[\w-]+$/.test(region) ? variable : "HUAWEICLOUD_SDK_REGION_KMS_REGION"} to its address`,
    details: { provider: huaweiKmsNames.id },
  });
}

function serviceHost(service: "kms" | "iam", region: string): string {
  return `https://${service}.${region}.myhuaweicloud.${region.startsWith("eu-") ? "eu" : "com"}`;
}

function withScheme(endpoint: string): string {
  return endpoint === "" || /^https?:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
}

/**
 * The request with its signature (`SDK-HMAC-SHA256`): over the method, the path with a slash at the end, the query, the
 * headers by name, and the hash of the body. All headers but those that the network adds are signed.
 */
export function signed(request: HttpRequest, credentials: SigningKey, now: Date): HttpRequest {
  const { method, url, body = new Uint8Array() } = request;
  const date = `${now.toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const headers: Record<string, string> = {
    ...request.headers,
    "content-type": "application/json;charset=UTF-8",
    host: url.host,
    "x-sdk-date": date,
    ...(credentials.securityToken === "" ? {} : { "x-security-token": credentials.securityToken }),
  };
  const names = Object.keys(headers).sort();
  const path = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`;
  const query = [...url.searchParams].sort().map((pair) => pair.map(escaped).join("="));
  const canonical = [
    method,
    path,
    query.join("&"),
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    names.join(";"),
    hashed(body),
  ];
  const toSign = [ALGORITHM, date, hashed(canonical.join("\n"))].join("\n");
  const signature = createHmac("sha256", credentials.secretKey).update(toSign).digest("hex");
  const authorization = `${ALGORITHM} Access=${credentials.accessKey}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...request, headers: { ...headers, authorization } };
}

export type SigningKey = Pick<Credentials, "accessKey" | "secretKey" | "securityToken">;

const ALGORITHM = "SDK-HMAC-SHA256";

function hashed(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The variables, else the profile in a file, else what the cloud's own machine is given. */
async function credentialsOf(host: Host, send: Send): Promise<Credentials> {
  const reasons: string[] = [];
  for (const source of [fromVariables, fromProfile, fromMetadata]) {
    const found = await source(host, send);
    if (typeof found !== "string") return found;
    reasons.push(found);
  }
  throw failed(
    `no HuaweiCloud credentials were found: ${reasons.join("; ")}`,
    "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write them to ~/.huaweicloud/credentials",
  );
}

type Source = (host: Host, send: Send) => Promise<Credentials | string>;

const fromVariables: Source = async ({ env }) => {
  const [accessKey = "", secretKey = ""] = [env["HUAWEICLOUD_SDK_AK"], env["HUAWEICLOUD_SDK_SK"]];
  if (accessKey === "" || secretKey === "") {
    if (accessKey !== secretKey) return "only one of HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK is set";
    if (env["HUAWEICLOUD_SDK_IDP_ID"]) return "HUAWEICLOUD_SDK_IDP_ID (an identity provider) is not supported";
    return "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set";
  }
  const securityToken = env["HUAWEICLOUD_SDK_SECURITY_TOKEN"] ?? "";
  const projectId = env["HUAWEICLOUD_SDK_PROJECT_ID"] ?? "";
  return checked(
    { accessKey, secretKey, securityToken, projectId, iamEndpoint: "", expiresAt: null },
    "HUAWEICLOUD_SDK_*",
  );
};

/** The section `basic` of an INI file. */
const fromProfile: Source = async ({ env, home, readFile }) => {
  const path = env["HUAWEICLOUD_SDK_CREDENTIALS_FILE"] || (home === null ? null : `${home}/.huaweicloud/credentials`);
  if (path === null) return "there is no home directory with a .huaweicloud/credentials";
  let bytes: Uint8Array | null;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return `${path} cannot be read (${codeOf(error) || "failed"})`;
  }
  if (bytes === null) return `${path} does not exist`;
  const values = sectionOf(Buffer.from(bytes).toString(), "basic");
  const value = (name: string): string => values.get(name) ?? "";
  if (value("ak") === "" || value("sk") === "") return `${path} has no ak and sk in a section [basic]`;
  return checked(
    {
      accessKey: value("ak"),
      secretKey: value("sk"),
      securityToken: value("security_token"),
      projectId: value("project_id") || (env["HUAWEICLOUD_SDK_PROJECT_ID"] ?? ""),
      iamEndpoint: value("iam_endpoint"),
      expiresAt: null,
    },
    path,
  );
};

function sectionOf(text: string, wanted: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[([^\]]*)\]/.exec(line)?.[1];
    if (header !== undefined) section = header.trim();
    const [, key, value = ""] = /^\s*([^#;=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (header === undefined && key !== undefined && section === wanted) {
      values.set(key, /^(["'])(.*)\1$/.exec(value)?.[2] ?? value);
    }
  }
  return values;
}

/** Asked without a proxy: it is a server of this machine's own. */
const fromMetadata: Source = async ({ env }, send) => {
  const ask = (method: "GET" | "PUT", path: string, headers: Record<string, string>): Promise<HttpAnswer> =>
    send({ method, url: new URL(path, METADATA), headers }, {}, AbortSignal.timeout(METADATA_MS));
  try {
    const token = await ask("PUT", "/meta-data/latest/api/token", { "x-metadata-token-ttl-seconds": "21600" });
    const withToken = token.status === 200 ? { "x-metadata-token": Buffer.from(token.body).toString().trim() } : {};
    const { status, body } = await ask("GET", "/openstack/latest/securitykey", withToken);
    const answer = jsonOf(body);
    body.fill(0);
    const value = (name: string): string => textIn(answer, "credential", name);
    if (status !== 200 || value("access") === "" || value("secret") === "") {
      return `the metadata of the instance has none (HTTP ${status})`;
    }
    const expires = Date.parse(value("expires_at"));
    return checked(
      {
        accessKey: value("access"),
        secretKey: value("secret"),
        securityToken: value("securitytoken"),
        projectId: env["HUAWEICLOUD_SDK_PROJECT_ID"] ?? "",
        iamEndpoint: "",
        expiresAt: Number.isNaN(expires) ? null : expires,
      },
      "the metadata of the instance",
    );
  } catch (error) {
    if (error instanceof KeyleafError) throw error;
    return "the metadata of an instance does not answer";
  }
};

/** What goes into headers has to fit into them. */
function checked(credentials: Credentials, source: string): Credentials {
  const { accessKey, securityToken, projectId } = credentials;
  if ([accessKey, securityToken, projectId].every((text) => /^[\x21-\x7e]*$/.test(text))) return credentials;
  throw failed(`the credentials of ${source} have characters that cannot be sent`);
}

function refusal(status: number, answer: Readonly<Record<string, unknown>> | null): HuaweiRefusal {
  const detail = memberOf(answer, "error") ?? answer;
  const text = (...names: string[]): string =>
    quoted(names.map((name) => textIn(detail, name)).find((value) => value) ?? "");
  const said = answer === null ? "the answer is not one of HuaweiCloud" : text("error_msg", "message");
  const code = text("error_code", "code");
  return new HuaweiRefusal(status, /^[\w.-]{1,40}$/.test(code) ? code : "", said);
}

function recordOf(body: Uint8Array): Readonly<Record<string, unknown>> | null {
  const value = jsonOf(body);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}

const failed = failing(huaweiKmsNames.id);
