import { expect, test } from "vitest";
import type { HttpRequest, Send } from "../../../src/crypto/keys/http.ts";
import { loadVaultClient } from "../../../src/crypto/keys/vault-client.ts";
import type { Host } from "../../../src/host.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { failure } from "../../support/sealing.ts";
import { jsonAnswer } from "../../support/stand-in-transit.ts";

const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}`;
const request: HttpRequest = { method: "GET", url: new URL("https://vault.example.com:8200"), headers: {} };

/** A host as a class, whose methods need the object they belong to. */
class Machine implements Host {
  readonly platform = "linux";
  readonly home = "/home/tester";
  readonly env: Host["env"];
  readonly #host: Host;

  constructor(env: Host["env"], files: Readonly<Record<string, string>>) {
    this.env = env;
    this.#host = fakeHost({ files });
  }

  readFile(path: string): Promise<Uint8Array | null> {
    return this.#host.readFile(path);
  }

  list(path: string): { name: string; kind: string }[] {
    return path === `${this.home}/ca`
      ? [
          { name: "more", kind: "folder" },
          { name: "one.pem", kind: "file" },
        ]
      : [];
  }

  hostname(): Promise<string> {
    return this.#host.hostname();
  }

  run(...call: Parameters<Host["run"]>): ReturnType<Host["run"]> {
    return this.#host.run(...call);
  }

  fillRandom(bytes: Uint8Array): void {
    this.#host.fillRandom(bytes);
  }

  now(): Date {
    return this.#host.now();
  }
}

/** The authorities of each try. @param refusals - so many are ended by an authority that is not known. */
async function authoritiesFor(host: Host, refusals: number): Promise<string[][]> {
  const tries: string[][] = [];
  const send: Send = async (_request, { tls = {} }) => {
    tries.push((tls.ca ?? []).map((bytes) => Buffer.from(bytes).toString()));
    if (tries.length > refusals) return jsonAnswer(200, {});
    throw Object.assign(new Error(), { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" });
  };
  await (await loadVaultClient(host)).send(request, new AbortController().signal, send);
  return tries;
}

test("a host that is a class has its files and folders read", async () => {
  const files = {
    "/home/tester/.vault-token": "test-only-token\n",
    "/home/tester/ca/one.pem": pem("one"),
    "/system.pem": pem("system"),
  };
  const named = new Machine({ VAULT_CAPATH: "/home/tester/ca" }, files);
  expect((await loadVaultClient(named)).headers).toMatchObject({ "x-vault-token": "test-only-token" });
  expect(await authoritiesFor(named, 0)).toEqual([[pem("one")]]);
  expect(await authoritiesFor(new Machine({ SSL_CERT_FILE: "/system.pem" }, files), 1)).toEqual([[], [pem("system")]]);
});

test("a folder of authorities needs a host that can read folders", async () => {
  const error = await failure(() => loadVaultClient(fakeHost({ env: { VAULT_TOKEN: "x", VAULT_CAPATH: "/ca" } })));
  expect(error).toMatchObject({ code: "PROVIDER_FAILED", hint: expect.stringContaining("VAULT_CACERT") });
});
