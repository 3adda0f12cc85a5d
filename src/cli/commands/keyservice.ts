import { lstatSync, mkdirSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { type Asked, answer, Refusal } from "../../crypto/key-service/answer.ts";
import { grpcStatus } from "../../crypto/key-service/grpc.ts";
import { isLoopback } from "../../crypto/loopback.ts";
import { KeyleafError } from "../../errors.ts";
import { inTurn } from "../../in-turn.ts";
import { confirm } from "../confirm.ts";
import type { CliHost, Context, Flags } from "../context.ts";
import { createGrpcServer, type Handler } from "../grpc-server.ts";
import { cannotListen, listenAt, listenOn } from "../listen.ts";
import { userId } from "../owner.ts";
import { note, warn } from "../report.ts";
import { endingSignals } from "../signals.ts";
import { isSystemError } from "../system-error.ts";

/** Where to listen. */
type Place =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

const DEFAULT_TCP = "127.0.0.1:5000";
/** Characters of a question; a name can be a megabyte long. */
const MOST_QUESTION = 500;

/** `enc keyservice`: serves until it is told to stop. */
export async function run(_operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const isSops = context.program === "sops";
  const place = placeOf(flags, context);
  if (place.kind === "tcp") checkReach(place.host, flags.has("allow-remote"), context);
  const service = createGrpcServer(handlerFor(flags, context));
  const stopped = new Promise<void>((done) => {
    for (const signal of endingSignals) process.once(signal, () => done());
  });
  const { address, close } =
    place.kind === "unix" ? await listenAt(service, place.path) : await listenOn(service, place.host, place.port);
  // The reference says this at a level that is normally not shown.
  if (!isSops || flags.has("verbose"))
    note(context, `listening on ${address}; it is for --keyservice and SOPS_KEYSERVICE`);
  if (!isSops) await context.streams.stdout.write(`${address}\n`);
  await stopped;
  close();
}

function placeOf(flags: Flags, context: Context): Place {
  const network = flags.text("network") ?? (context.program === "sops" ? "tcp" : "unix");
  const address = flags.text("address");
  if (network === "unix") {
    if (context.host.platform === "win32") {
      throw new KeyleafError("USAGE", "there are no unix sockets on Windows", { hint: "use --network tcp" });
    }
    return {
      kind: "unix",
      path: address === undefined ? defaultPath(context.host) : resolve(context.host.cwd, address),
    };
  }
  if (network !== "tcp") throw new KeyleafError("USAGE", `--network is unix or tcp, not ${JSON.stringify(network)}`);
  // No host stands for all addresses of the machine, as in Go.
  const [, host, port] = /^(\[[\da-f:.]+\]|[^\s:/[\]]*):(\d{1,5})$/i.exec(address ?? DEFAULT_TCP) ?? [];
  if (host === undefined || Number(port) > 65535) {
    throw new KeyleafError("USAGE", `${JSON.stringify(address)} is not HOST:PORT`, {
      hint: `for example ${DEFAULT_TCP}; for a socket, --network unix`,
    });
  }
  return { kind: "tcp", host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

function checkReach(host: string, isAllowed: boolean, context: Context): void {
  if (isLoopback(host)) {
    warn(context, "tcp has neither TLS nor a way to say who asks: every user of this machine can use your keys");
    return;
  }
  if (!isAllowed) {
    throw new KeyleafError(
      "USAGE",
      "other machines could use your keys: there is neither TLS nor a way to say who asks",
      {
        hint: "use 127.0.0.1 and a tunnel, or say --allow-remote",
      },
    );
  }
  warn(
    context,
    "everybody who can reach this address can use your keys, and whoever is on the way reads the data keys",
  );
}

/** In the folder that the system keeps for what a user runs, or where there is none, in one of the same kind. */
function defaultPath({ env }: CliHost): string {
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  const folder = isAbsolute(runtime)
    ? join(runtime, "keyleaf")
    : join(isAbsolute(env["TMPDIR"] ?? "") ? (env["TMPDIR"] as string) : "/tmp", `keyleaf-${userId()}`);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isSystemError(error) || error.code !== "EEXIST") throw cannotListen(folder, error);
  }
  const stats = lstatSync(folder);
  // Where everybody can make folders, one of this name may be somebody else's.
  if (!stats.isDirectory() || stats.uid !== userId() || (stats.mode & 0o077) !== 0) {
    throw new KeyleafError("PROVIDER_FAILED", `${folder} is not a folder that only you can use`, {
      hint: "remove it, or name a socket with --address",
    });
  }
  return join(folder, "keys.sock");
}

function handlerFor(flags: Flags, context: Context): Handler {
  const permit = flags.has("prompt") ? confirmations(context.host) : async () => true;
  const log = flags.has("verbose") ? (text: string) => note(context, text) : () => {};
  return async (method, request, signal) => {
    let what = method.toLowerCase();
    const mayGo = async (asked: Asked): Promise<boolean> => {
      what = wordsOf(asked);
      return permit(asked, signal);
    };
    try {
      const result = await answer(method, request, context.host, mayGo, signal);
      log(`${what}: done`);
      return result;
    } catch (error) {
      log(`${what}: ${error instanceof Refusal ? error.message : "failed"}`);
      throw error;
    }
  };
}

function wordsOf({ method, key }: Asked): string {
  return `${method.toLowerCase()} a data key with ${key}`;
}

/** Asks before a key is used; the reference asks when it has been. One question at a time, whoever comes meanwhile. */
function confirmations(host: CliHost): (asked: Asked, signal: AbortSignal) => Promise<boolean> {
  const ask = async (asked: Asked, signal: AbortSignal): Promise<boolean> => {
    const question = `${wordsOf(asked).slice(0, MOST_QUESTION)}? (y/n) `;
    const isPermitted = await confirm(async () => (signal.aborted ? "no" : ((await host.ask?.(question)) ?? null)));
    if (isPermitted !== null) return isPermitted;
    throw new Refusal(grpcStatus.permissionDenied, "nobody answers at the terminal of the key service, or it has none");
  };
  const turn = inTurn();
  return (asked, signal) => turn(() => ask(asked, signal));
}
