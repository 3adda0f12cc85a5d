import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import type { NetConnectOpts } from "node:net";
import { KeyleafError } from "../../errors.ts";
import type { KeyService, KeyServiceMethod } from "../../host.ts";
import { codeOf } from "../keys/network-reasons.ts";
import { isLoopback } from "../loopback.ts";
import { Body, CONTENT_TYPE, decodeStatusText, frame, grpcStatus, MOST_BYTES, SERVICE } from "./grpc.ts";

/** How long is waited, in milliseconds. */
export interface Patience {
  /** For a server that speaks HTTP/2. */
  readonly connecting: number;
  /** For an answer, which may take a person to say yes to. */
  readonly answering: number;
}

const PATIENCE: Patience = { connecting: 10_000, answering: 120_000 };
/** Milliseconds for which a service that gave no sign is not waited for again: a file can have many keys, a run many files. */
const SILENCE = 60_000;
/** Characters of a server's text that are passed on. */
const MOST_TEXT = 500;

/** Where a key service listens. */
interface Place {
  readonly connection: NetConnectOpts;
  /** The `:authority` of requests. */
  readonly authority: string;
  /** It is reached over a network of other machines. */
  readonly isRemote: boolean;
}

/**
 * A key service by its address: `unix:///abs/path`, `tcp://HOST:PORT` (`tcp4`, `tcp6` for one kind of address). There is a
 * connection for every call, made when it is called, so that a service that is not there costs only those who need it.
 * @param patience - default: 10 seconds for a connection, two minutes for an answer
 * @throws `USAGE` for an address that is none
 */
export function keyServiceAt(address: string, patience: Patience = PATIENCE): KeyService {
  const place = placeOf(address);
  let silentUntil = 0;
  const onSilence = (): void => {
    silentUntil = performance.now() + SILENCE;
  };
  return {
    address,
    async call(method, request, signal) {
      if (performance.now() < silentUntil) throw failed(address, "no sign of it a moment ago");
      return call(address, place, { method, request, signal, patience, onSilence });
    },
  };
}

/** Whether calls to this address leave the machine, which they do unprotected. @throws `USAGE` */
export function isRemoteAddress(address: string): boolean {
  return placeOf(address).isRemote;
}

function placeOf(address: string): Place {
  const path = /^unix:(?:\/\/)?(\/(?!\/)[^?#]+)$/s.exec(address)?.[1];
  if (path !== undefined) {
    return { connection: { path: decodeStatusText(path) }, authority: "localhost", isRemote: false };
  }
  const [, family = "", host = "", digits = ""] =
    /^tcp([46]?):\/\/(\[[\da-f:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/i.exec(address) ?? [];
  const port = Number(digits);
  if (host === "" || port === 0 || port > 65535) {
    throw new KeyleafError("USAGE", `${JSON.stringify(address)} is not the address of a key service`, {
      hint: "addresses are tcp://HOST:PORT and unix:///PATH",
    });
  }
  const name = host.replace(/^\[|\]$/g, "");
  return {
    connection: { host: name, port, ...(family === "" ? {} : { family: Number(family) }) },
    authority: `${host}:${port}`,
    isRemote: !isLoopback(name),
  };
}

function failed(address: string, reason: string): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", `key service ${address}: ${reason}`);
}

interface Call {
  readonly method: KeyServiceMethod;
  readonly request: Uint8Array;
  readonly signal: AbortSignal | undefined;
  readonly patience: Patience;
  /** Called when there is no sign of a server in time. */
  readonly onSilence: () => void;
}

async function call(
  address: string,
  place: Place,
  { method, request, signal, patience, onSilence }: Call,
): Promise<Uint8Array> {
  const fail = (reason: string): KeyleafError => failed(address, reason);
  const [{ connect }, net] = await Promise.all([import("node:http2"), import("node:net")]);
  const framed = frame(request);
  let session: ClientHttp2Session | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      const tooLate = (what: string, milliseconds: number): void =>
        reject(fail(`no ${what} within ${milliseconds / 1000} seconds`));
      stop = () => reject(fail("given up, it took too long"));
      if (signal?.aborted === true) return stop();
      signal?.addEventListener("abort", stop);

      let isSpeaking = false;
      const lost = (error?: unknown): void => reject(fail(connectionReason(error, isSpeaking)));
      timer = setTimeout(() => {
        onSilence();
        tooLate("sign of a key service", patience.connecting);
      }, patience.connecting);
      const socket = net.connect(place.connection);
      socket.on("error", lost);
      session = connect(`http://${place.authority}`, { createConnection: () => socket });
      session.on("error", lost);
      session.on("close", () => lost());
      // Once: who repeats them must not be given more time.
      session.once("remoteSettings", () => {
        isSpeaking = true;
        clearTimeout(timer);
        timer = setTimeout(() => tooLate("answer", patience.answering), patience.answering);
      });

      const stream = session.request({
        ":method": "POST",
        ":path": `/${SERVICE}/${method}`,
        "content-type": CONTENT_TYPE,
        te: "trailers",
      });
      const body = new Body();
      let head: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      stream.on("response", (headers) => {
        head = headers;
      });
      stream.on("trailers", (headers) => {
        trailers = headers;
      });
      stream.on("data", (chunk: Uint8Array) => {
        if (!body.add(chunk)) reject(fail(`its answer is longer than ${MOST_BYTES} bytes`));
      });
      stream.on("end", () => {
        const message = body.message();
        if (head[":status"] === undefined) return lost();
        const reason = failureOf(head, trailers);
        if (reason !== null) reject(fail(reason));
        else if (message === null) reject(fail("its answer is not one of gRPC"));
        else resolve(message);
      });
      stream.on("error", lost);
      stream.on("close", () => lost());
      stream.end(framed);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    (session as ClientHttp2Session | null)?.destroy();
    framed.fill(0);
  }
}

/** Why an answer is none; `null`: it is one. */
function failureOf(head: IncomingHttpHeaders, trailers: IncomingHttpHeaders): string | null {
  if (Number(head[":status"]) !== 200) return `it answers with HTTP status ${head[":status"]}: that is no key service`;
  if (head["content-type"]?.startsWith(CONTENT_TYPE) !== true) return "it does not speak gRPC: that is no key service";
  // Where there is no message, all is in the first header fields.
  const { "grpc-status": status, "grpc-message": field } = trailers["grpc-status"] === undefined ? head : trailers;
  if (status === `${grpcStatus.ok}`) return null;
  const text = decodeStatusText(String(field ?? ""))
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MOST_TEXT);
  const words = statusWords.get(Number(status)) ?? `it fails with status ${status ?? "none"}`;
  return [words, text].filter((part) => part !== "").join(": ");
}

/** What a status means; the text of a failure with a key says it all. */
const statusWords: ReadonlyMap<number, string> = new Map([
  [grpcStatus.unknown, ""],
  [grpcStatus.notFound, "it has no such type of key"],
  [grpcStatus.permissionDenied, "it does not permit this"],
  [grpcStatus.resourceExhausted, "it is overloaded, or the request is too long"],
  [grpcStatus.unimplemented, "it does not have this call: that is no key service"],
  [14, "it is not available"],
  [16, "it wants to know who asks, which this protocol has no place for"],
]);

/** Codes of the system. */
const connectionReasons: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused: it is not running there"],
  ["ENOENT", "there is no such socket: it is not running"],
  ["EACCES", "this user may not open its socket"],
  ["EPERM", "this user may not open its socket"],
  ["ENOTFOUND", "there is no such host"],
  ["EAI_AGAIN", "the host name could not be looked up"],
  ["ETIMEDOUT", "no connection in time"],
  ["EHOSTUNREACH", "host unreachable"],
  ["ENETUNREACH", "network unreachable"],
]);

/** @param isSpeaking - whether it has shown itself to speak HTTP/2 */
function connectionReason(error: unknown, isSpeaking: boolean): string {
  const code = codeOf(error);
  const known = connectionReasons.get(code);
  if (known !== undefined) return known;
  return isSpeaking
    ? "the connection was lost before there was an answer"
    : "it does not speak gRPC: that is no key service";
}
