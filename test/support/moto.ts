/** A moto server of the test's own: AWS KMS and STS on this machine, in memory. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";

/** Any pair will do: moto knows no users. TEST ONLY */
export const motoCredentials = { accessKeyId: "test-only", secretAccessKey: "test-only" };

export interface Moto {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** What makes a program, or a host, speak to this server. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Makes a symmetric KMS key in region us-east-1.
   * @param alias - name without `alias/` that will point to it.
   * @param role - ARN of a role to make it as; the key is then in that role's account.
   */
  createKey(options?: {
    readonly alias?: string;
    readonly role?: string;
  }): Promise<{ arn: string; aliasArn: string | null }>;
  stop(): Promise<void>;
}

/**
 * The server ends when its standard input does. So it goes however the test process goes, a kill included, and on
 * every platform. Port 0 lets the system choose, and the port is read from what the server prints.
 */
const serve = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
`;

/** @param motoServer - path of `moto_server`, see `motoServerProgram`; its Python lies beside it. */
export async function startMoto(motoServer: string): Promise<Moto> {
  const python = join(dirname(motoServer), process.platform === "win32" ? "python.exe" : "python");
  const child = spawn(python, ["-c", serve], { stdio: ["pipe", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));

  const endpoint = await new Promise<string>((resolve, reject) => {
    let printed = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      // Read on to the end: with a full pipe the server would stop.
      if (printed.length < 10_000) printed += text;
      const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(printed)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`moto ended before it served: ${printed}`)));
  });
  // The line is printed once the port is bound; this waits until it is served.
  const answer = await fetch(`${endpoint}/moto-api/data.json`);
  if (!answer.ok) throw new Error(`moto answers with ${answer.status}`);

  return {
    endpoint,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: motoCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: motoCredentials.secretAccessKey,
    },
    createKey: (options = {}) => createKey(endpoint, options),
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

async function createKey(
  endpoint: string,
  { alias, role }: { readonly alias?: string; readonly role?: string },
): Promise<{ arn: string; aliasArn: string | null }> {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const { CreateAliasCommand, CreateKeyCommand, KMSClient } = await import("@aws-sdk/client-kms");
  const credentials = role === undefined ? motoCredentials : await assumeRole(endpoint, role);
  const client = new KMSClient({ region: "us-east-1", endpoint, credentials });
  const arn = (await client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? "";
  if (alias === undefined) return { arn, aliasArn: null };
  const AliasName = `alias/${alias}`;
  await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: arn }));
  return { arn, aliasArn: arn.replace(/key\/.*$/, AliasName) };
}

/** Asked for by hand, so that tests of the provider's own way to assume a role do not rest on it. */
async function assumeRole(
  endpoint: string,
  role: string,
): Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken: string }> {
  const query = { Action: "AssumeRole", Version: "2011-06-15", RoleArn: role, RoleSessionName: "test" };
  // moto reads the service from the signature's scope and does not check the signature.
  const authorization =
    "AWS4-HMAC-SHA256 Credential=test-only/20250101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00";
  const answer = await fetch(endpoint, {
    method: "POST",
    body: new URLSearchParams(query),
    headers: { authorization },
  });
  const text = await answer.text();
  const field = (name: string): string => new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1] ?? "";
  return {
    accessKeyId: field("AccessKeyId"),
    secretAccessKey: field("SecretAccessKey"),
    sessionToken: field("SessionToken"),
  };
}
