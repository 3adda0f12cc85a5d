import { type BigIntStats, lstatSync, readlinkSync, realpathSync, type Stats, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname, isAbsolute, join } from "node:path";
import { KeyleafError } from "../errors.ts";
import type { GrpcServer } from "./grpc-server.ts";
import { canOthersReplaceIn, isTrusted, userId } from "./owner.ts";
import { isSystemError, systemReason } from "./system-error.ts";

/** Where a key service listens, and what becomes of the place when it ends. */

export interface Listening {
  /** As clients name it: `unix:///PATH`, `tcp://HOST:PORT`. */
  readonly address: string;
  /** Ends the service with all connections. A socket of its own is gone then; what took its place is left. */
  close(): void;
}

/** Bytes of a socket's path: Linux has room for 107, macOS for 103. */
const MOST_PATH = 103;

/**
 * Listens on a socket that only this user can open, and nobody else can replace. One that nobody listens at is taken over.
 * @param path - absolute
 * @throws `USAGE` for a path that is too long, `PROVIDER_FAILED`
 */
export async function listenAt(service: GrpcServer, path: string): Promise<Listening> {
  if (Buffer.byteLength(path) > MOST_PATH) {
    throw new KeyleafError("USAGE", `the path of a socket has ${MOST_PATH} bytes at most: ${path}`);
  }
  try {
    checkWay(dirname(path));
    await removeStale(path);
  } catch (error) {
    throw cannotListen(path, error);
  }
  // The socket is never there with another mode: what is made by this process gets no more than this.
  const before = process.umask(0o177);
  try {
    await listening(service, { path }, path);
  } finally {
    process.umask(before);
  }
  const own = lstatSync(path, { bigint: true });
  if ((own.mode & 0o077n) !== 0n) {
    service.close();
    throw new KeyleafError("PROVIDER_FAILED", `the socket could not be made yours alone: ${path}`);
  }
  return {
    address: `unix://${path}`,
    close: () => service.close({ keepsPath: !isThere(own, path) }),
  };
}

/** @param host - a name or an address without brackets; `""` for all addresses of the machine */
export async function listenOn(service: GrpcServer, host: string, port: number): Promise<Listening> {
  await listening(service, host === "" ? { port } : { host, port }, `${host}:${port}`);
  const bound = service.server.address();
  const chosen = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: `tcp://${host.includes(":") ? `[${host}]` : host || "0.0.0.0"}:${chosen}`,
    close: () => service.close(),
  };
}

/** Whether a path stands for this very file, whose number is not given to another one while it is open. */
function isThere({ dev, ino }: BigIntStats, path: string): boolean {
  try {
    const found = lstatSync(path, { bigint: true });
    return found.dev === dev && found.ino === ino;
  } catch {
    return false;
  }
}

/** What the system says, in words; other errors as they are. */
export function cannotListen(name: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const reason = error.code === "EADDRINUSE" ? "the address is in use" : systemReason(error);
  return new KeyleafError("PROVIDER_FAILED", `cannot listen at ${name}: ${reason}`, { cause: error });
}

/**
 * Whoever can write a folder on the way, or turn a link on it elsewhere, can put a socket of theirs in the place of this
 * one, and is then sent data keys.
 * @param folder - absolute
 */
function checkWay(folder: string): void {
  // Says what is missing or goes in circles.
  realpathSync(folder);
  let at = "/";
  checkFolder(at, lstatSync(at));
  for (const rest = namesIn(folder); rest.length > 0; ) {
    const next = join(at, rest.shift() ?? "");
    const stats = lstatSync(next);
    if (!stats.isSymbolicLink()) {
      checkFolder(next, stats);
      at = next;
      continue;
    }
    // In a sticky folder its owner can turn it elsewhere.
    if (!isTrusted(stats)) throw changeable(at);
    const target = readlinkSync(next);
    if (isAbsolute(target)) at = "/";
    rest.unshift(...namesIn(target));
  }
}

function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function checkFolder(folder: string, stats: Stats): void {
  if (canOthersReplaceIn(stats)) throw changeable(folder);
}

function changeable(folder: string): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", `others can change what is in ${folder}, and so replace the socket`, {
    hint: "put it where only you can write, in every folder on the way",
  });
}

/** A socket that nobody listens at is left over from a process that was killed. */
async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new KeyleafError("PROVIDER_FAILED", `${path} is there, and is not a socket`);
  if (await answers(path)) {
    throw new KeyleafError("PROVIDER_FAILED", `another program listens at ${path}`, {
      hint: "stop it, or name another socket with --address",
    });
  }
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "ENOENT") return;
    const owner = stats.uid === userId() ? "" : ", and belongs to another user";
    throw new KeyleafError(
      "PROVIDER_FAILED",
      `nobody listens at ${path}, but that socket cannot be removed${owner}: ${systemReason(error)}`,
      { hint: "name another socket with --address", cause: error },
    );
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.on("connect", () => {
      socket.destroy();
      done(true);
    });
    // Refused: nobody is there. Not permitted: somebody else's, who may be.
    socket.on("error", (error) => done(!isSystemError(error) || error.code !== "ECONNREFUSED"));
  });
}

function listening({ server }: GrpcServer, options: object, name: string): Promise<void> {
  return new Promise((done, fail) => {
    const failed = (error: unknown): void => fail(cannotListen(name, error));
    server.once("error", failed);
    server.listen(options, () => {
      server.off("error", failed);
      done();
    });
  });
}
