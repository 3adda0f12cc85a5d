import { describe, expect, it } from "vitest";
import { answer, Refusal } from "../../../src/crypto/key-service/answer.ts";
import { grpcStatus } from "../../../src/crypto/key-service/grpc.ts";
import { decodeAnswer, encodeRequest, type ServiceKey } from "../../../src/crypto/key-service/messages.ts";
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
