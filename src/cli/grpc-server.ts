import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import { Refusal } from "../crypto/key-service/answer.ts";
import {
  Body,
  CONTENT_TYPE,
  encodeStatusText,
  frame,
  grpcStatus,
  MOST_BYTES,
  SERVICE,
} from "../crypto/key-service/grpc.ts";
import type { KeyServiceMethod } from "../host.ts";

/**
 * Answers a request.
 * @param signal - aborted when the client has gone
 * @returns an encoded message, which is overwritten once it is sent
 * @throws `Refusal`
 */
export type Handler = (method: KeyServiceMethod, request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/** A gRPC server that is not listening yet. */
export interface GrpcServer {
  readonly server: Http2Server;
  /**
   * Ends it with all connections, and what is being done for them.
   * @param keepsPath - Leaves what is at its path. Default: that is removed, whatever it is.
   */
  close(options?: { readonly keepsPath?: boolean }): void;
}

const methods: readonly KeyServiceMethod[] = ["Encrypt", "Decrypt"];

export function createGrpcServer(handler: Handler): GrpcServer {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  // Somebody speaks something else, or has gone: theirs ends, and nothing more.
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    const path = String(headers[":path"] ?? "");
    if (headers[":method"] !== "POST" || headers["content-type"]?.startsWith(CONTENT_TYPE) !== true) {
      stream.respond({ ":status": 415 }, { endStream: true });
      return;
    }
    const method = methods.find((name) => path === `/${SERVICE}/${name}`);
    if (method === undefined) refuse(stream, new Refusal(grpcStatus.unimplemented, "there is no such call"));
    else if ((headers["grpc-encoding"] ?? "identity") !== "identity")
      refuse(stream, new Refusal(grpcStatus.unimplemented, "messages are not compressed here"));
    else serve(stream, method, handler);
  });
  return {
    server,
    close: ({ keepsPath = false } = {}) => {
      // Not waited for: Bun may never say that all connections are closed once one was broken off in the middle. Both
      // runtimes remove the path of a socket when they close it; one that stays open ends with the process.
      if (keepsPath) server.unref();
      else server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

function serve(stream: ServerHttp2Stream, method: KeyServiceMethod, handler: Handler): void {
  const body = new Body();
  const gone = new AbortController();
  stream.on("close", () => gone.abort());
  stream.on("data", (chunk: Uint8Array) => {
    if (body.add(chunk)) return;
    refuse(stream, new Refusal(grpcStatus.resourceExhausted, `a request has ${MOST_BYTES} bytes at most`));
  });
  stream.on("end", async () => {
    const request = body.message();
    try {
      if (request === null) throw new Refusal(grpcStatus.internal, "this is not one message of gRPC");
      answer(stream, await handler(method, request, gone.signal));
    } catch (error) {
      // The text of a bug may quote what it was working on.
      refuse(
        stream,
        error instanceof Refusal ? error : new Refusal(grpcStatus.internal, "failure inside the key service"),
      );
    }
  });
}

function answer(stream: ServerHttp2Stream, message: Uint8Array): void {
  const framed = frame(message);
  message.fill(0);
  if (!isOpen(stream)) {
    framed.fill(0);
    return;
  }
  stream.respond({ ":status": 200, "content-type": CONTENT_TYPE }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": `${grpcStatus.ok}` }));
  stream.on("close", () => framed.fill(0));
  stream.end(framed);
}

function refuse(stream: ServerHttp2Stream, { status, message }: Refusal): void {
  if (!isOpen(stream)) return;
  stream.respond(
    {
      ":status": 200,
      "content-type": CONTENT_TYPE,
      "grpc-status": `${status}`,
      "grpc-message": encodeStatusText(message),
    },
    { endStream: true },
  );
}

function isOpen(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent;
}
