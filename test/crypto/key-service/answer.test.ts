import { describe, expect, it } from "vitest";
import { answer, Refusal } from "../../../src/crypto/key-service/answer.ts";
import { grpcStatus } from "../../../src/crypto/key-service/grpc.ts";
import { decodeAnswer, encodeRequest, type ServiceKey } from "../../../src/crypto/key-service/messages.ts";
import { KeyleafError } from "../../../src/errors.ts";
import type { Host, KeyServiceMethod } from "../../../src/host.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { hostA, IDENTITY_A, RECIPIENT_A, RECIPIENT_B } from "../../support/sealing.ts";

const dataKey = Uint8Array.from({ length: 33 }, (_, i) => 200 - i);
const key: ServiceKey = { list: "age", texts: new Map([["recipient", RECIPIENT_A]]), context: new Map() };
const yes = async (): Promise<boolean> => true;

async function wrapped(): Promise<Uint8Array> {
  return decodeAnswer(await answer("Encrypt", encodeRequest(key, dataKey), fakeHost(), yes)) ?? new Uint8Array();
}

async function refusal(
  method: KeyServiceMethod,
  request: Uint8Array,
  host: Host = hostA,
  mayGo: () => Promise<boolean> = yes,
): Promise<Refusal> {
  try {
    await answer(method, request, host, mayGo);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  return expect.fail("it was granted");
}

it("wraps, and unwraps what was wrapped; shares of a data key too", async () => {
  const enc = await wrapped();
  expect(Buffer.from(enc).toString()).toMatch(
    /^-----BEGIN AGE ENCRYPTED FILE-----\n.*-----END AGE ENCRYPTED FILE-----\n$/s,
  );
  expect(decodeAnswer(await answer("Decrypt", encodeRequest(key, enc), hostA, yes))).toEqual(dataKey);
});

it("overwrites the request, however it ends", async () => {
  const good = encodeRequest(key, dataKey);
  await answer("Encrypt", good, hostA, yes);
  const bad = encodeRequest(key, dataKey);
  await refusal("Encrypt", bad, hostA, async () => false);
  for (const request of [good, bad]) expect(request.every((byte) => byte === 0)).toBe(true);
});

describe("refuses with a status", () => {
  it.each<[string, number, Uint8Array]>([
    ["what is no request", grpcStatus.invalidArgument, Uint8Array.of(0xff)],
    ["a request without a key", grpcStatus.notFound, Buffer.from("1201ff", "hex")],
    ["a type of key that there is not", grpcStatus.notFound, Buffer.from("0a0442020a001201ff", "hex")],
    ["bytes that are no text", grpcStatus.unknown, encodeRequest(key, Uint8Array.of(0xff))],
    ["text that is no wrapped key", grpcStatus.unknown, encodeRequest(key, Buffer.from("x"))],
  ])("%s", async (_, status, request) => {
    expect((await refusal("Decrypt", request)).status).toBe(status);
  });

  it("a key that is for others, without a word about those that are here", async () => {
    const enc = await wrapped();
    const { status, message } = await refusal("Decrypt", encodeRequest(key, enc), fakeHost());
    expect([status, message === ""]).toEqual([grpcStatus.unknown, false]);
    expect(message).not.toContain(IDENTITY_A);
  });

  it.each([
    ["nobody", ""],
    ["what is no recipient", "nonsense"],
    ["two at once", `${RECIPIENT_A},${RECIPIENT_B}`],
  ])("to wrap for %s", async (_, recipient) => {
    const request = encodeRequest({ ...key, texts: new Map([["recipient", recipient]]) }, dataKey);
    expect((await refusal("Encrypt", request)).status).toBe(grpcStatus.unknown);
  });
});

describe("a server that the request names", () => {
  const address = "https://vault.example.com:8200";
  const ofVault = (server = address): ServiceKey => ({
    list: "hc_vault",
    texts: new Map([
      ["vault_address", server],
      ["engine_path", "transit"],
      ["key_name", "k"],
    ]),
    context: new Map(),
  });
  const ofAzure: ServiceKey = {
    list: "azure_kv",
    texts: new Map([
      ["vault_url", "https://team.vault.azure.net"],
      ["name", "k"],
      ["version", "1"],
    ]),
    context: new Map(),
  };

  it.each<[KeyServiceMethod, string, ServiceKey]>([
    ["Encrypt", address, ofVault()],
    ["Decrypt", address, ofVault()],
    ["Encrypt", "https://team.vault.azure.net", ofAzure],
    ["Decrypt", "https://team.vault.azure.net", ofAzure],
  ])("is not contacted to %s, %s, unless the line of enc keyservice names it, which is said", async (...row) => {
    const [method, server, named] = row;
    const content = method === "Encrypt" ? dataKey : Buffer.from("AAAA");
    const { status, message } = await refusal(method, encodeRequest(named, content));
    expect(status).toBe(grpcStatus.permissionDenied);
    expect(message).toMatch(/^https:\S+ .* not contacted \(.*\)$/);
    expect(message).toContain(`enc keyservice with --trust-endpoint ${server})`);
    // As if its configuration were broken.
    const isTrustedEndpoint = (): Promise<boolean> =>
      Promise.reject(new KeyleafError("CONFIG_MALFORMED", "x is broken"));
    const broken = await refusal(method, encodeRequest(named, content), { ...hostA, isTrustedEndpoint });
    expect(broken.message).toMatch(/^https:\S+ .* not contacted; x is broken \(.*enc keyservice with --trust-endpoint/);
  });

  it("is the one that would be contacted", async () => {
    const asked: string[] = [];
    const host: Host = { ...hostA, isTrustedEndpoint: async (url) => asked.push(url) < 0 };
    await refusal("Encrypt", encodeRequest(ofVault(` ${address}`), dataKey), host);
    await refusal("Encrypt", encodeRequest(ofVault("https:/"), dataKey), host);
    expect(asked).toEqual([address]);
  });
});

it("says with a failure what helps", async () => {
  const pgp: ServiceKey = { list: "pgp", texts: new Map([["fp", "A".repeat(40)]]), context: new Map() };
  const { status, message } = await refusal("Encrypt", encodeRequest(pgp, dataKey), fakeHost());
  expect([status, message]).toEqual([grpcStatus.unknown, expect.stringMatching(/gpg .*\(.*SOPS_GPG_EXEC.*\)$/)]);
});

describe("whoever is asked", () => {
  it("is asked before anything is done, and told what for", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "/keys" } });
    const asked: unknown[] = [];
    const { status } = await refusal("Decrypt", encodeRequest(key, await wrapped()), host, (async (what: unknown) => {
      asked.push(what);
      return false;
    }) as () => Promise<boolean>);
    expect(status).toBe(grpcStatus.permissionDenied);
    expect(asked).toEqual([{ method: "Decrypt", key: `age ${RECIPIENT_A}` }]);
    expect(host.reads).toEqual([]);
  });

  it("says yes in vain when the client has gone meanwhile", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "/keys" } });
    const gone = new AbortController();
    const enc = await wrapped();
    const leave = async (): Promise<boolean> => {
      gone.abort();
      return true;
    };
    const late = answer("Decrypt", encodeRequest(key, enc), host, leave, gone.signal);
    await expect(late).rejects.toThrow(/abort/);
    expect(host.reads).toEqual([]);
  });
});
