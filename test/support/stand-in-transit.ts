/**
 * A stand-in for the transit engine of a Vault, without a network: for tests of what goes to a server and what becomes of
 * its answers. Each key of each engine is a real AES-256-GCM key.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { HttpAnswer, HttpRequest, HttpWay, Send } from "../../src/crypto/keys/http.ts";

export interface StandInTransit {
  readonly send: Send;
  /** What was asked, in order, with the bodies as they were then. */
  readonly asked: { readonly request: HttpRequest; readonly way: HttpWay; readonly body: string }[];
}

/** @param token - who may use it */
export function standInTransit(token: string): StandInTransit {
  const asked: StandInTransit["asked"] = [];
  const send: Send = async (request, way) => {
    const body = Buffer.from(request.body ?? []).toString();
    asked.push({ request, way, body });
    if (request.headers["x-vault-token"] !== token) return jsonAnswer(403, { errors: ["permission denied"] });
    const [, engine, operation, name] = /^\/v1\/(.+)\/(encrypt|decrypt)\/([^/]+)$/.exec(request.url.pathname) ?? [];
    if (engine === undefined || request.method !== "PUT") return jsonAnswer(404, { errors: [] });
    const key = createHash("sha256").update(`TEST ONLY ${engine} ${name}`).digest();
    const { plaintext, ciphertext } = JSON.parse(body) as { plaintext?: string; ciphertext?: string };
    if (operation === "encrypt") return jsonAnswer(200, { data: { ciphertext: sealed(key, plaintext ?? "") } });
    const opened = open(key, ciphertext ?? "");
    if (opened === null) return jsonAnswer(400, { errors: ["cipher: message authentication failed"] });
    return jsonAnswer(200, { data: { plaintext: opened } });
  };
  return { send, asked };
}

/** The same as a server on this machine, until the running test is over. @returns its address, `http://127.0.0.1:PORT` */
export async function serveStandInTransit({ send }: StandInTransit): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, headers, url } = request;
    const asked = {
      method: method as HttpRequest["method"],
      url: new URL(`http://${headers.host}${url}`),
      headers: headers as HttpRequest["headers"],
      body: Buffer.concat(chunks),
    };
    const { status, body } = await send(asked, {}, new AbortController().signal);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function jsonAnswer(status: number, body: unknown, headers: HttpAnswer["headers"] = {}): HttpAnswer {
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

function sealed(key: Buffer, plaintext: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const data = Buffer.concat([iv, cipher.update(Buffer.from(plaintext, "base64")), cipher.final()]);
  return `vault:v1:${Buffer.concat([data, cipher.getAuthTag()]).toString("base64")}`;
}

function open(key: Buffer, ciphertext: string): string | null {
  if (!ciphertext.startsWith("vault:v1:")) return null;
  const bytes = Buffer.from(ciphertext.slice("vault:v1:".length), "base64");
  if (bytes.length < 28) return null;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(-16));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("base64");
  } catch {
    return null;
  }
}
