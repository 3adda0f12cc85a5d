/** An OpenBao server of the test's own, with a transit engine: in memory, on this machine. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** TEST ONLY */
const ROOT_TOKEN = "test-only-root";

export interface Vault {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  readonly token: string;
  /** Enables a transit engine; there is one at `transit`. */
  mount(path: string): Promise<void>;
  /** Makes a key, and gives its URI. @param engine - `transit` unless given */
  createKey(name: string, engine?: string): Promise<string>;
  /** One request to the server's own interface, with the root token. @returns status and parsed answer */
  api(method: string, path: string, body?: unknown): Promise<{ status: number; answer: unknown }>;
  stop(): Promise<void>;
}

/** @param bao - path of the program, see `baoProgram` */
export async function startVault(bao: string): Promise<Vault> {
  // Somebody else may take the port before the server does.
  for (let tries = 3; ; tries--) {
    try {
      return await startOn(await freePort(), bao);
    } catch (error) {
      if (tries === 1) throw error;
    }
  }
}

/**
 * The server has no way of its own to end with this process: a shell in between waits for the end of its standard
 * input, which comes however this process goes, a kill included.
 */
const UNTIL_INPUT_ENDS =
  '"$@" </dev/null & server=$!; cat >/dev/null; kill -9 $server 2>/dev/null; wait $server 2>/dev/null';

async function startOn(port: number, bao: string): Promise<Vault> {
  const home = mkdtempSync(join(tmpdir(), "keyleaf-vault-"));
  const args = ["server", "-dev", `-dev-root-token-id=${ROOT_TOKEN}`, `-dev-listen-address=127.0.0.1:${port}`];
  const child = spawn("sh", ["-c", UNTIL_INPUT_ENDS, "sh", bao, ...args, "-dev-no-store-token"], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { HOME: home, PATH: process.env["PATH"] },
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  async function stop(): Promise<void> {
    child.stdin.end();
    await ended;
    rmSync(home, { recursive: true, force: true });
  }

  try {
    await new Promise<void>((resolve, reject) => {
      let printed = "";
      const look = (text: string): void => {
        // Read on to the end: with a full pipe the server would stop.
        if (printed.length < 20_000) printed += text;
        if (/server started!/.test(printed)) resolve();
        if (/^Error/m.test(printed)) reject(new Error(`OpenBao does not start: ${printed}`));
      };
      child.stdout.setEncoding("utf8").on("data", look);
      child.stderr.setEncoding("utf8").on("data", look);
      child.once("error", reject);
      child.once("close", () => reject(new Error(`OpenBao ended before it served: ${printed}`)));
    });
  } catch (error) {
    await stop();
    throw error;
  }

  const address = `http://127.0.0.1:${port}`;
  const api: Vault["api"] = async (method, path, body) => {
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: { "x-vault-token": ROOT_TOKEN },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, answer: text === "" ? null : JSON.parse(text) };
  };
  const expectDone = async (done: ReturnType<Vault["api"]>): Promise<void> => {
    const { status, answer } = await done;
    if (status >= 300) throw new Error(`OpenBao answers ${status}: ${JSON.stringify(answer)}`);
  };
  const mount: Vault["mount"] = (path) => expectDone(api("POST", `sys/mounts/${path}`, { type: "transit" }));
  await mount("transit");
  return {
    address,
    token: ROOT_TOKEN,
    api,
    mount,
    async createKey(name, engine = "transit") {
      await expectDone(api("POST", `${engine}/keys/${encodeURIComponent(name)}`));
      return `${address}/v1/${engine}/keys/${name}`;
    },
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
