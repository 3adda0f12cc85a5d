import { describe, expect, it } from "vitest";
import { DATA_KEY_BYTES, unwrapDataKey } from "../../../src/crypto/data-key.ts";
import { throughKeyServices } from "../../../src/crypto/key-service/client.ts";
import { encodeAnswer } from "../../../src/crypto/key-service/messages.ts";
import { azureKeyvault } from "../../../src/crypto/keys/azure-keyvault.ts";
import { hcVault } from "../../../src/crypto/keys/hc-vault.ts";
import { pgp } from "../../../src/crypto/keys/pgp.ts";
import type { KeyProvider } from "../../../src/crypto/keys/provider.ts";
import { wrapDataKey } from "../../../src/crypto/wrap-data-key.ts";
import { decrypt } from "../../../src/decrypt.ts";
import type { KeyEntry, KeyListName } from "../../../src/document/metadata.ts";
import { encrypt } from "../../../src/encrypt.ts";
import { KeyleafError } from "../../../src/errors.ts";
import type { Host, KeyService } from "../../../src/host.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { brokenService, serviceOf, serviceThat } from "../../support/key-service.ts";
import { expectDiscreet, failure, groupOf, hostA, hostB, IDENTITY_B, RECIPIENT_A } from "../../support/sealing.ts";

const dataKey = Uint8Array.from({ length: DATA_KEY_BYTES }, (_, i) => i * 7);
const noKeys = fakeHost();
const hinted = new KeyleafError("PROVIDER_FAILED", "it failed", { hint: "try again" });

function withServices(host: Host, services: readonly KeyService[], isLocalOn = true): Host {
  return { ...host, keyServices: { isLocalOn, services } };
}

function entries(): Promise<KeyEntry[][]> {
  return wrapDataKey(dataKey, [groupOf(RECIPIENT_A)], noKeys);
}

describe("unwrapping", () => {
  it("asks nobody else where a key at hand opens it", async () => {
    const other = serviceOf(hostA);
    expect(await unwrapDataKey(await entries(), withServices(hostA, [other]))).toEqual(dataKey);
    expect(other.calls).toEqual([]);
  });

  it("asks each service in order, until one can", async () => {
    const services = [brokenService(), serviceOf(hostB), serviceOf(hostA), serviceOf(hostA)];
    expect(await unwrapDataKey(await entries(), withServices(noKeys, services))).toEqual(dataKey);
    expect(services.map(({ calls }) => calls.length)).toEqual([1, 1, 1, 0]);
  });

  it("asks only services where the keys at hand are switched off", async () => {
    const other = serviceOf(hostA);
    expect(await unwrapDataKey(await entries(), withServices(hostA, [other], false))).toEqual(dataKey);
    expect(other.calls).toEqual(["Decrypt"]);
    const error = await failure(async () => unwrapDataKey(await entries(), withServices(hostA, [], false)));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.details.attempts?.[0]?.reason).toContain("switched off");
  });

  it("says of every attempt why it failed", async () => {
    const services = [brokenService("unix:///a"), serviceOf(hostB, "unix:///b")];
    const error = await failure(async () => unwrapDataKey(await entries(), withServices(noKeys, services)));
    expect(error.code).toBe("KEY_UNAVAILABLE");
    expect(error.details.attempts).toHaveLength(1);
    const { reason = "" } = error.details.attempts?.[0] ?? {};
    expect(reason).toMatch(/unix:\/\/\/a: broken; key service unix:\/\/\/b: /);
    expectDiscreet(error, IDENTITY_B);
  });

  it("says with each reason what helps, as without services", async () => {
    const fields = pgp.entry({ fingerprint: "A".repeat(40) }, "x", new Date(0));
    const reasonFor = async (host: Host): Promise<string> => {
      const error = await failure(() => unwrapDataKey([[{ list: "pgp", fields }]], host));
      return error.details.attempts?.[0]?.reason ?? "";
    };
    const alone = await reasonFor(noKeys);
    expect(alone).toMatch(/gpg .*\(.*SOPS_GPG_EXEC.*\)$/);
    const service = serviceThat("unix:///a", () => Promise.reject(hinted));
    expect(await reasonFor(withServices(noKeys, [service]))).toBe(`${alone}; it failed (try again)`);
  });

  it.each([
    ["no message", Uint8Array.of(0xff)],
    ["no data key", encodeAnswer(new Uint8Array(5))],
    ["nothing", new Uint8Array()],
  ])("refuses an answer that is %s", async (_, answer) => {
    const service = serviceThat("unix:///x", async () => Uint8Array.from(answer));
    const error = await failure(async () => unwrapDataKey(await entries(), withServices(noKeys, [service])));
    expect(error.code).toBe("KEY_UNAVAILABLE");
  });

  it("does not take a bug of ours for a failure of theirs", async () => {
    const service: KeyService = { address: "unix:///x", call: () => Promise.reject(new TypeError("bug")) };
    await expect(entries().then((all) => unwrapDataKey(all, withServices(noKeys, [service])))).rejects.toThrow(
      TypeError,
    );
  });
});

describe("wrapping", () => {
  it("is done by a service where it cannot be done here, with what the file says being the same", async () => {
    const other = serviceOf(noKeys);
    const groups = [groupOf(RECIPIENT_A)];
    const [[entry] = []] = await wrapDataKey(dataKey, groups, withServices(noKeys, [brokenService(), other], false));
    expect(other.calls).toEqual(["Encrypt"]);
    expect(
      entry === undefined ? [] : Object.values(entry.fields.members).map((item) => "key" in item && item.key),
    ).toEqual(["enc", "recipient"]);
    expect(await unwrapDataKey([entry === undefined ? [] : [entry]], hostA)).toEqual(dataKey);
  });

  it("asks nobody else where it can be done here", async () => {
    const other = serviceOf(noKeys);
    await wrapDataKey(dataKey, [groupOf(RECIPIENT_A)], withServices(noKeys, [other]));
    expect(other.calls).toEqual([]);
  });

  it("fails with the reasons of all", async () => {
    const services = [brokenService("unix:///a"), brokenService("unix:///b")];
    const wrap = (all: readonly KeyService[]) => () =>
      wrapDataKey(dataKey, [groupOf(RECIPIENT_A)], withServices(noKeys, all, false));
    const error = await failure(wrap(services));
    expect(error.code).toBe("KEY_WRAP_FAILED");
    expect(error.message).toMatch(/unix:\/\/\/a: broken; key service unix:\/\/\/b: broken/);
    const nobody = await failure(wrap([]));
    expect(nobody.code).toBe("KEY_WRAP_FAILED");
    expect(nobody.message).toContain("switched off");
    for (const answer of [encodeAnswer(new Uint8Array()), encodeAnswer(Uint8Array.of(0xff)), Uint8Array.of(0xff)]) {
      const odd = await failure(wrap([serviceThat("unix:///x", async () => answer)]));
      expect(odd.message).toContain("not what a key service does");
    }
  });

  it("fails with what helps against each reason", async () => {
    const service = serviceThat("unix:///a", () => Promise.reject(hinted));
    const wrap = () => wrapDataKey(dataKey, [groupOf(RECIPIENT_A)], withServices(noKeys, [service, service], false));
    expect((await failure(wrap)).message).toMatch(/it failed \(try again\); it failed \(try again\)$/);
  });

  it("overwrites what it sent", async () => {
    let sent = new Uint8Array();
    const service: KeyService = {
      address: "unix:///x",
      async call(_method, request) {
        sent = request as Uint8Array<ArrayBuffer>;
        expect(Buffer.from(request).includes(Buffer.from(dataKey))).toBe(true);
        return encodeAnswer(Buffer.from("wrapped"));
      },
    };
    await wrapDataKey(dataKey, [groupOf(RECIPIENT_A)], withServices(noKeys, [service], false));
    expect(sent.length).toBeGreaterThan(DATA_KEY_BYTES);
    expect(sent.every((byte) => byte === 0)).toBe(true);
  });
});

it.each([
  [azureKeyvault, "azure_kv", { vaultUrl: "https://v", name: "n", version: "" }],
  [hcVault, "hc_vault", { address: "https://h", enginePath: "", keyName: "k" }],
] as [KeyProvider, KeyListName, unknown][])(
  "is not asked about a key of which a part is missing",
  async (provider, list, recipient) => {
    const service = serviceThat("unix:///a", () => expect.fail("asked"));
    const far = throughKeyServices(provider, list, { isLocalOn: false, services: [service] });
    const error = await failure(() => far.wrap(new Uint8Array(32), recipient, noKeys));
    expect(error.code).toBe("KEY_BAD_RECIPIENT");
  },
);

it("a whole file is encrypted and decrypted through services alone", async () => {
  const host = withServices(noKeys, [serviceOf(hostA)], false);
  const source = Buffer.from("a: b\n");
  const { output } = await encrypt(source, { format: "yaml", keyGroups: [groupOf(RECIPIENT_A)] }, host);
  expect(Buffer.from((await decrypt(output, { format: "yaml" }, host)).output)).toEqual(source);
  expect(Buffer.from((await decrypt(output, { format: "yaml" }, hostA)).output)).toEqual(source);
});
