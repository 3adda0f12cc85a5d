/**
 * An HTTPS proxy on this machine behind which every host name is a stand-in of the test's own: programs that are sent
 * there by HTTPS_PROXY speak TLS to what they take for the real names, with certificates of a test authority. Nothing
 * leaves the machine; names without a stand-in are refused, and noted.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { once } from "../../src/once.ts";
import { makeTestCa } from "./test-ca.ts";

/** What was asked, whole. */
export interface Asked {
  /** Without port, lower case. */
  readonly host: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Objects are sent as JSON; `hang`: nothing is ever sent; `cut`: the connection is closed instead. */
  readonly body?: object | string | Uint8Array;
  readonly instead?: "hang" | "cut";
}

/** A service. `null`: not its host. */
export type StandIn = (asked: Asked) => Answer | null | Promise<Answer | null>;

export interface StandInProxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** What makes a program use it and trust it: Node, Bun and Go. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that was asked, in order. */
  readonly asked: Asked[];
  /** Host names with port that were asked for and have no stand-in. */
  readonly refused: string[];
  stop(): void;
}

export async function startStandInProxy(standIns: readonly StandIn[]): Promise<StandInProxy> {
  const ca = makeTestCa();
  const folder = mkdtempSync(join(tmpdir(), "keyleaf-ca-"));
  const certificate = join(folder, "ca.pem");
  writeFileSync(certificate, ca.certificate);

  const contexts = new Map<string, SecureContext>();
  const asked: Asked[] = [];
  const refused: string[] = [];
  const sockets = new Set<Socket>();

  const server = createServer(async (request, response) => {
    const { hostname } = new URL(`https://${request.headers.host}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url: path = "", headers } = request;
    const one: Asked = { host: hostname, method, path, headers, body: Buffer.concat(chunks) };
    asked.push(one);
    const answer = (await firstAnswer(standIns, one)) ?? { status: 404, body: "no such service" };
    if (answer.instead === "hang") return;
    if (answer.instead === "cut") {
      request.socket.destroy();
      return;
    }
    const { body = "" } = answer;
    const isJson = typeof body === "object" && !(body instanceof Uint8Array);
    response.writeHead(answer.status ?? 200, {
      ...(isJson ? { "content-type": "application/json; charset=utf-8" } : {}),
      ...answer.headers,
    });
    response.end(isJson ? JSON.stringify(body) : body);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // The other side may be killed.
    socket.on("error", () => {});
  });
  server.on("connect", async (request: IncomingMessage, socket: Socket) => {
    const [host = "", port] = (request.url ?? "").split(":");
    const probe = { host, method: "CONNECT", path: "", headers: {}, body: Buffer.alloc(0) };
    if (port !== "443" || (await firstAnswer(standIns, probe)) === null) {
      refused.push(request.url ?? "");
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    const secureContext = once(contexts, host, () => createSecureContext(ca.issue(host)));
    server.emit("connection", new TLSSocket(socket, { isServer: true, secureContext }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    env: { HTTPS_PROXY: url, NODE_EXTRA_CA_CERTS: certificate, SSL_CERT_FILE: certificate },
    asked,
    refused,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(folder, { recursive: true });
    },
  };
}

async function firstAnswer(standIns: readonly StandIn[], asked: Asked): Promise<Answer | null> {
  for (const standIn of standIns) {
    const answer = await standIn(asked);
    if (answer !== null) return answer;
  }
  return null;
}
