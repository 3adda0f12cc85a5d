/**
 * A stand-in for HuaweiCloud, since its KMS cannot be installed: the KMS, the projects of IAM, and the metadata of an
 * instance. It checks each signature on its own, from what arrives, and its keys are real AES-256-GCM keys. That it takes
 * what HuaweiCloud's own SDK signs is tried with sops.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpAnswer, Send } from "../../src/crypto/keys/http.ts";

/** TEST ONLY */
export const HUAWEI_USER = {
  accessKey: "TESTONLYACCESSKEY",
  secretKey: "test-only-secret-key",
  projectId: "0a1b2c",
} as const;

export interface StandInHuaweiOptions {
  /** By ID; default: one that is enabled. */
  readonly keys?: Readonly<Record<string, "enabled" | "disabled" | "deleted">>;
  /** Temporary credentials have to be used. */
  readonly securityToken?: string;
  /** The IDs of the user's projects in any region. */
  readonly projects?: readonly string[];
  /** The metadata of the instance has the credentials. */
  readonly isInstance?: boolean;
  /** For the dates of signatures, and for the end of temporary credentials. Default: now. */
  readonly now?: () => Date;
}

export const KEY_ID = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";

interface Arrived {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface StandInHuawei {
  /** Methods and addresses that were asked for, in order. */
  readonly asked: string[];
  /** A network on which it is all there is. */
  readonly send: Send;
  /** Serves it on this machine. @returns its address and how to stop it */
  serve(): Promise<{ readonly address: string; stop(): void }>;
}

export function standInHuawei(options: StandInHuaweiOptions = {}): StandInHuawei {
  const { keys = { [KEY_ID]: "enabled" }, projects = [HUAWEI_USER.projectId], now = () => new Date() } = options;
  const asked: string[] = [];

  function answer(request: Arrived): HttpAnswer {
    const [path = "", query = ""] = request.path.split("?");
    if (path === "/meta-data/latest/api/token") return json(options.isInstance === true ? 200 : 404, "metadata-token");
    if (path === "/openstack/latest/securitykey") return metadata(request);
    const problem = signatureProblem(request, options.securityToken, now());
    if (problem !== null) return json(401, { error_msg: problem, error_code: "APIG.0301" });
    if (path === "/v3/projects" && query.startsWith("name="))
      return json(200, { projects: projects.map((id) => ({ id })) });
    const [, project, operation] = /^\/v1\.0\/([^/]+)\/kms\/(encrypt|decrypt)-data$/.exec(path) ?? [];
    if (operation === undefined || request.method !== "POST")
      return refused(404, "APIG.0101", "The API does not exist");
    if (!projects.includes(project ?? "") || request.headers["x-project-id"] !== project) {
      return refused(403, "KMS.0303", "No permission.");
    }
    return kms(operation, JSON.parse(request.body.toString()) as Record<string, string>);
  }

  function metadata({ headers }: Arrived): HttpAnswer {
    if (options.isInstance !== true || headers["x-metadata-token"] !== "metadata-token") return json(401, "{}");
    const { accessKey: access, secretKey: secret } = HUAWEI_USER;
    const expires_at = new Date(now().getTime() + 3_600_000).toISOString();
    return json(200, { credential: { access, secret, securitytoken: options.securityToken ?? "", expires_at } });
  }

  function kms(operation: string, body: Record<string, string>): HttpAnswer {
    const { key_id: id = "", encryption_algorithm, plain_text = "", cipher_text = "" } = body;
    const state = keys[id];
    if (state === undefined) return refused(400, "KMS.0205", "Invalid key ID.");
    if (state === "disabled") return refused(400, "KMS.0209", "The key has been disabled.");
    if (state === "deleted")
      return refused(400, "KMS.0210", "The key is in Scheduled deletion state and cannot be used.");
    if (encryption_algorithm !== "SYMMETRIC_DEFAULT") return refused(400, "KMS.0202", "Invalid JSON format.");
    const key = createHash("sha256").update(`TEST ONLY ${id}`).digest();
    if (operation === "encrypt") {
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      const sealed = Buffer.concat([iv, cipher.update(plain_text), cipher.final(), cipher.getAuthTag()]);
      return json(200, { key_id: id, cipher_text: sealed.toString("base64") });
    }
    const sealed = Buffer.from(cipher_text, "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(sealed.subarray(-16));
      const opened = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
      return json(200, { key_id: id, plain_text: opened.toString() });
    } catch {
      return refused(400, "KMS.0418", "Invalid ciphertext.");
    }
  }

  return {
    asked,
    send: async ({ method, url, headers, body = new Uint8Array() }) => {
      asked.push(`${method} ${url.href}`);
      return answer({ method, path: `${url.pathname}${url.search}`, headers, body: Buffer.from(body) });
    },
    async serve() {
      const server = createServer(async (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        const { status, body } = answer(await arrived(request));
        response.writeHead(status, { "content-type": "application/json" }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return {
        address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        stop() {
          server.closeAllConnections();
          server.close();
        },
      };
    },
  };
}

async function arrived(request: IncomingMessage): Promise<Arrived> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, `${value}`]));
  return { method: request.method ?? "", path: request.url ?? "", headers, body: Buffer.concat(chunks) };
}

/** What is wrong with a signature; `null`: nothing. Source: HuaweiCloud, "AK/SK signing and authentication". */
function signatureProblem(
  { method, path, headers, body }: Arrived,
  token: string | undefined,
  now: Date,
): string | null {
  const [, access, names = "", signature = ""] =
    /^SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers["authorization"] ?? "",
    ) ?? [];
  if (access !== HUAWEI_USER.accessKey) return "Incorrect IAM authentication information: AK not exist";
  const date = headers["x-sdk-date"] ?? "";
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const age = now.getTime() - Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (!(Math.abs(age) < 15 * 60_000)) return "Incorrect IAM authentication information: signature expired";
  if (token !== undefined && headers["x-security-token"] !== token)
    return "Incorrect IAM authentication information: token";
  const mustBeSigned = ["x-sdk-date", ...(headers["x-security-token"] === undefined ? [] : ["x-security-token"])];
  if (!mustBeSigned.every((name) => names.split(";").includes(name)))
    return "Incorrect IAM authentication information: headers";
  const [uri = "", query = ""] = path.split("?");
  const canonical =
    `${method}\n${uri.endsWith("/") ? uri : `${uri}/`}\n${query.split("&").sort().join("&")}\n` +
    `${names
      .split(";")
      .map((name) => `${name}:${headers[name]}\n`)
      .join("")}\n${names}\n${createHash("sha256").update(body).digest("hex")}`;
  const toSign = `SDK-HMAC-SHA256\n${date}\n${createHash("sha256").update(canonical).digest("hex")}`;
  const right = createHmac("sha256", HUAWEI_USER.secretKey).update(toSign).digest();
  return timingSafeEqual(right, Buffer.from(signature, "hex"))
    ? null
    : "Incorrect IAM authentication information: verify aksk signature fail";
}

function json(status: number, body: unknown): HttpAnswer {
  return { status, headers: {}, body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)) };
}

function refused(status: number, error_code: string, error_msg: string): HttpAnswer {
  return json(status, { error: { error_code, error_msg } });
}
