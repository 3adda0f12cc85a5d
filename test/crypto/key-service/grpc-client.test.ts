import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  Body,
  decodeStatusText,
  encodeStatusText,
  frame,
  MOST_BYTES,
  unframe,
} from "../../../src/crypto/key-service/grpc.ts";
import { isRemoteAddress, keyServiceAt, type Patience } from "../../../src/crypto/key-service/grpc-client.ts";
import { temporaryFolder } from "../../cli/fake.ts";
import { failure } from "../../support/sealing.ts";

const patience: Patience = { connecting: 500, answering: 500 };
const request = Uint8Array.of(1, 2, 3);
const GRPC = { ":status": 200, "content-type": "application/grpc" };

/** Where a server listens, which is closed after the test with all that is connected to it. */
async function listening(
  server: Server | Http2Server,
  options: object = { port: 0, host: "127.0.0.1" },
): Promise<string> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((done) => server.listen(options, done));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address() as AddressInfo | string;
  return typeof address === "string" ? `unix://${address}` : `tcp://127.0.0.1:${address.port}`;
}

/** A server that does with every call what is given. */
function answering(
  answer: (stream: ServerHttp2Stream, body: Uint8Array, path: string) => void,
  options?: object,
): Promise<string> {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const chunks: Uint8Array[] = [];
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.on("end", () => answer(stream, Buffer.concat(chunks), String(headers[":path"])));
  });
  return listening(server, options);
}

function respond(stream: ServerHttp2Stream, body: Uint8Array, trailers: Record<string, string>): void {
  stream.respond(GRPC, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}

/** Why a call fails. */
async function reasonOf(address: string, signal?: AbortSignal, limits = patience): Promise<string> {
  const error = await failure(() => keyServiceAt(address, limits).call("Decrypt", request, signal));
  expect(error.code).toBe("PROVIDER_FAILED");
  expect(error.message.startsWith(`key service ${address}: `)).toBe(true);
  return error.message.slice(`key service ${address}: `.length);
}

describe("a call", () => {
  it.each([
    ["tcp", undefined],
    ["a socket", "unix"],
  ])("over %s sends one message and gives back one", async (_, kind) => {
    const options = kind === undefined ? undefined : { path: join(temporaryFolder(), "a b%") };
    const paths: string[] = [];
    const address = await answering((stream, body, path) => {
      paths.push(path);
      respond(stream, frame(Uint8Array.from(unframe(body) ?? []).reverse()), { "grpc-status": "0" });
    }, options);
    const service = keyServiceAt(address.replace("%", "%25"), patience);
    expect(await service.call("Encrypt", request)).toEqual(Uint8Array.of(3, 2, 1));
    expect(await service.call("Decrypt", request)).toEqual(Uint8Array.of(3, 2, 1));
    expect(paths).toEqual(["/KeyService/Encrypt", "/KeyService/Decrypt"]);
    expect(request).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("gets an answer that is as long as one may be, in parts", async () => {
    const long = new Uint8Array(MOST_BYTES).fill(7);
    const address = await answering((stream) => respond(stream, frame(long), { "grpc-status": "0" }));
    const answer = await keyServiceAt(address, { ...patience, answering: 10_000 }).call("Decrypt", request);
    expect(Buffer.compare(answer, long)).toBe(0);
  });

  it("can be one of many at a time", async () => {
    const address = await answering((stream, body) => respond(stream, body, { "grpc-status": "0" }));
    const service = keyServiceAt(address, { connecting: 20_000, answering: 20_000 });
    const requests = Array.from({ length: 50 }, (_, i) => Uint8Array.of(i, i));
    expect(await Promise.all(requests.map((one) => service.call("Decrypt", one)))).toEqual(requests);
  });
});

describe("a call fails, and says why, where", () => {
  it.each<[string, (stream: ServerHttp2Stream) => void, RegExp]>([
    [
      "a status has a text",
      (s) => respond(s, new Uint8Array(), { "grpc-status": "2", "grpc-message": "n%C3%B6 %" }),
      /^n%C3%B6 %$/,
    ],
    [
      "the text is encoded",
      (s) => respond(s, new Uint8Array(), { "grpc-status": "2", "grpc-message": "n%C3%B6%0Aq" }),
      /^nö q$/,
    ],
    [
      "the text is long",
      (s) => respond(s, new Uint8Array(), { "grpc-status": "2", "grpc-message": "x".repeat(5000) }),
      /^x{500}$/,
    ],
    ["all is in the head", (s) => s.respond({ ...GRPC, "grpc-status": "7" }, { endStream: true }), /does not permit/],
    [
      "the type of key is not known",
      (s) => s.respond({ ...GRPC, "grpc-status": "5" }, { endStream: true }),
      /no such type of key/,
    ],
    [
      "the call is not known",
      (s) => s.respond({ ...GRPC, "grpc-status": "12" }, { endStream: true }),
      /no key service/,
    ],
    ["the status is another", (s) => s.respond({ ...GRPC, "grpc-status": "99" }, { endStream: true }), /status 99/],
    ["there is no status", (s) => respond(s, frame(request), {}), /status none/],
    ["HTTP says no", (s) => s.respond({ ":status": 404 }, { endStream: true }), /HTTP status 404/],
    [
      "a page comes back",
      (s) => s.respond({ ":status": 200, "content-type": "text/html" }, { endStream: true }),
      /does not speak gRPC/,
    ],
    [
      "the message is cut off",
      (s) => respond(s, frame(request).subarray(0, 6), { "grpc-status": "0" }),
      /not one of gRPC/,
    ],
    ["there is no message", (s) => respond(s, new Uint8Array(), { "grpc-status": "0" }), /not one of gRPC/],
    [
      "the message is compressed",
      (s) => respond(s, Uint8Array.of(1, 0, 0, 0, 1, 9), { "grpc-status": "0" }),
      /not one of gRPC/,
    ],
    [
      "the answer is too long",
      (s) => respond(s, frame(new Uint8Array(MOST_BYTES + 1)), { "grpc-status": "0" }),
      /longer than/,
    ],
    ["the call is broken off", (s) => s.close(8), /connection was lost/],
    ["the connection is", (s) => s.session?.destroy(), /connection was lost/],
    ["there is no answer", () => {}, /no answer within 0\.5 seconds/],
  ])("%s", async (_, answer, reason) => {
    const limits = { connecting: 20_000, answering: 500 };
    expect(await reasonOf(await answering((stream) => answer(stream)), undefined, limits)).toMatch(reason);
  });

  it("nobody listens", async () => {
    const server = createTcpServer();
    const address = await listening(server);
    await new Promise((done) => server.close(done));
    expect(await reasonOf(address)).toMatch(/connection refused/);
    expect(await reasonOf(`unix://${join(temporaryFolder(), "none")}`)).toMatch(/no such socket/);
  });

  it("what listens says nothing; then it is not waited for again", async () => {
    const service = keyServiceAt(await listening(createTcpServer(() => {})), { connecting: 50, answering: 50 });
    const reasons = [];
    for (const _ of [1, 2]) reasons.push((await failure(() => service.call("Decrypt", request))).message);
    expect(reasons[0]).toMatch(/no sign of a key service within 0\.05 seconds/);
    expect(reasons[1]).toMatch(/a moment ago/);
  });

  it("what listens closes, or speaks something else", async () => {
    expect(await reasonOf(await listening(createTcpServer((socket) => socket.destroy())))).toMatch(
      /not speak gRPC|lost/,
    );
    const page = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await reasonOf(await listening(page))).toMatch(/does not speak gRPC/);
  });

  it("a server keeps announcing itself instead of answering", async () => {
    const server = createServer();
    const timers: NodeJS.Timeout[] = [];
    server.on("session", (session: ServerHttp2Session) => {
      session.on("error", () => {});
      timers.push(
        setInterval(() => session.destroyed || session.settings({ maxConcurrentStreams: timers.length + 9 }), 20),
      );
    });
    server.on("stream", (stream) => stream.on("error", () => {}));
    onTestFinished(() => timers.forEach(clearInterval));
    expect(await reasonOf(await listening(server))).toMatch(/no answer within/);
  });

  it("the caller gives up, before it or in the middle", async () => {
    const address = await answering(() => {});
    const limits = { connecting: 20_000, answering: 20_000 };
    expect(await reasonOf(address, AbortSignal.abort(), limits)).toMatch(/given up/);
    expect(await reasonOf(address, AbortSignal.timeout(100), limits)).toMatch(/given up/);
  });
});

describe("addresses", () => {
  it.each([
    ["unix:///run/keys.sock", false],
    ["unix:/run/keys.sock", false],
    ["tcp://127.0.0.1:5000", false],
    ["tcp://127.1.2.3:5000", false],
    ["tcp://localhost:5000", false],
    ["tcp6://[::1]:5000", false],
    ["tcp://keys.example.com:5000", true],
    ["tcp4://10.0.0.1:1", true],
    ["tcp://[fe80::1]:65535", true],
  ])("%s; goes over the network: %s", (address, isRemote) => {
    expect(keyServiceAt(address).address).toBe(address);
    expect(isRemoteAddress(address)).toBe(isRemote);
  });

  it.each([
    "",
    "nonsense",
    "unix://",
    "unix://relative",
    "unix:///a?b",
    "tcp://",
    "tcp://host",
    "tcp://host:",
    "tcp://host:0",
    "tcp://host:65536",
    "tcp://host:port",
    "tcp://user@host:1",
    "tcp://host:1/path",
    "tcp://::1:5000",
    "http://host:1",
    "host:5000",
    "tcp5://host:1",
  ])("%j is none", async (address) => {
    expect((await failure(() => keyServiceAt(address))).code).toBe("USAGE");
  });
});

describe("texts of statuses", () => {
  it.each(["", "plain text", "100 %", "nö\n\u0007", "日本 🔑"])("%j comes back, and is ASCII on the way", (text) => {
    const field = encodeStatusText(text);
    expect(field).toMatch(/^[ -~]*$/);
    expect(decodeStatusText(field)).toBe(text);
  });
});

it("a body stops to grow when it is too long, and what was in it is overwritten", () => {
  const body = new Body();
  const chunk = Uint8Array.from(frame(request));
  expect(body.add(chunk)).toBe(true);
  expect(body.message()).toEqual(request);
  expect(chunk.every((byte) => byte === 0)).toBe(true);
  const long = new Body();
  expect(long.add(new Uint8Array(MOST_BYTES))).toBe(true);
  expect(long.add(new Uint8Array(6))).toBe(false);
});
