/** A TLS server in front of a plain one on this machine, as `vault.example`, and proxies that lead to it. */
import { readFileSync } from "node:fs";
import {
  createServer as createHttpServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { join } from "node:path";

const fixtures = join(import.meta.dirname, "../../fixtures/tls");

/** Path of a file in `fixtures/tls`. */
export const tlsFile = (name: string): string => join(fixtures, name);

export interface TlsFront {
  readonly port: number;
  /** The names of the clients' certificates, one for each request; `""`: none. */
  readonly clients: string[];
  stop(): void;
}

/** @param target - `http://127.0.0.1:PORT` */
export async function startTlsFront(target: string): Promise<TlsFront> {
  const clients: string[] = [];
  const server = createTlsServer(
    {
      key: readFileSync(tlsFile("server.key")),
      cert: readFileSync(tlsFile("server.pem")),
      ca: readFileSync(tlsFile("ca.pem")),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const { socket } = request;
      const name = "getPeerCertificate" in socket ? (socket as TlsSocket).getPeerCertificate()?.subject?.CN : "";
      clients.push(`${name ?? ""}`);
      handOn(request, response, target);
    },
  );
  const port = await listening(server);
  return { port, clients, stop: () => stopped(server) };
}

type TlsSocket = import("node:tls").TLSSocket;

export interface Proxy {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** What was asked of it: `CONNECT vault.example:443`, or the method and the whole address. */
  readonly asked: string[];
  /** The last `proxy-authorization`. */
  readonly authorization: string | undefined;
  stop(): void;
}

/** A proxy that knows all names to be this machine. @param port - of the server that all connections lead to */
export async function startProxy(port: number): Promise<Proxy> {
  const asked: string[] = [];
  let authorization: string | undefined;
  const server = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    authorization = request.headers["proxy-authorization"];
    handOn(request, response, `http://127.0.0.1:${port}`);
  });
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    authorization = request.headers["proxy-authorization"];
    const upstream = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client);
      client.pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  return {
    address: `127.0.0.1:${await listening(server)}`,
    asked,
    get authorization() {
      return authorization;
    },
    stop: () => stopped(server),
  };
}

function handOn(request: IncomingMessage, response: ServerResponse, target: string): void {
  const path = new URL(request.url ?? "/", target);
  const onward = forward(
    `${target}${path.pathname}${path.search}`,
    { method: request.method, headers: { ...request.headers, connection: "close" } },
    (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function stopped(server: ReturnType<typeof createHttpServer> | ReturnType<typeof createTlsServer>): void {
  server.closeAllConnections();
  server.close();
}
