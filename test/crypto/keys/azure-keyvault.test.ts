import { beforeEach, describe, expect, test } from "vitest";
import { type Challenge, createAzureKeyvault } from "../../../src/crypto/keys/azure-keyvault.ts";
import type { RestRequest } from "../../../src/crypto/keys/rest.ts";
import { fieldOf, leaf, mapping, type Node } from "../../../src/document/document.ts";
import { KeyleafError } from "../../../src/errors.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, failure } from "../../support/sealing.ts";
import { makeStandInAzure, vaultFailure } from "../../support/stand-in-azure.ts";
import type { Answer } from "../../support/stand-in-proxy.ts";
import { restTo } from "../../support/stand-in-rest.ts";

/** Azure Key Vault; a stand-in that does real cryptography takes the place of Azure. */

const vaultUrl = "https://team.vault.azure.net";
const azure = makeStandInAzure();
const first = azure.createKey("team", "config");
const { url, version } = azure.createKey("team", "config");
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at);
const requests: RestRequest[] = [];
const challenges: Challenge[] = [];
const noReason = (): void => {};

const serve = restTo(azure.standIn);
const provider = createAzureKeyvault(
  (request, ...rest) => {
    requests.push(request);
    return serve(request, ...rest);
  },
  async () => async (challenge) => {
    challenges.push(challenge);
    return azure.tokenFor(challenge.scope);
  },
);
/** Each a run of its own: what is known of a vault is known of one host. */
const freshHost = (trusted: readonly string[] = [vaultUrl]) => fakeHost({ trusted });
const recipientOf = (text: string) => provider.fromText(text, {})[0] ?? expect.fail("no recipient");
const wrap = (text = `${url}/${version}`) => provider.wrap(dataKey, recipientOf(text), freshHost());

beforeEach(() => {
  for (const list of [requests, challenges, azure.calls, azure.instead]) list.length = 0;
  azure.resource = "https://vault.azure.net";
});

test("writes the fields in alphabetical order, as the reference does", async () => {
  const { fields } = await wrap();
  expect(fields.members.map((member) => member.kind === "item" && [member.key, fieldOf(fields, member.key)])).toEqual([
    ["created_at", leaf("2025-01-02T03:04:05Z")],
    ["enc", expect.anything()],
    ["name", leaf("config")],
    ["vault_url", leaf(vaultUrl)],
    ["version", leaf(version)],
  ]);
  const enc = fieldOf(fields, "enc");
  expect(enc?.kind === "leaf" && enc.scalar.text).toMatch(/^[\w-]{342}$/);
});

test("asks the vault how to sign in before it is shown anything, then once with a token", async () => {
  await wrap();
  const operation = `${url}/${version}/encrypt?api-version=7.4`;
  expect(requests.map(({ method, url: { href }, headers, body }) => [method, href, headers, body])).toEqual([
    ["POST", operation, undefined, undefined],
    [
      "POST",
      operation,
      { authorization: expect.stringMatching(/^Bearer test-only-/) },
      { alg: "RSA-OAEP-256", value: Buffer.from(dataKey).toString("base64url") },
    ],
  ]);
  expect(challenges).toEqual([
    { scope: "https://vault.azure.net/.default", tenantId: "11111111-2222-3333-4444-555555555555" },
  ]);
});

test("asks a vault only once in a run", async () => {
  const host = freshHost();
  const key = await provider.wrap(dataKey, recipientOf(url), host);
  expect(await provider.unwrap(key, host, noReason)).toEqual(dataKey);
  expect(azure.calls).toEqual(["get", "encrypt", "decrypt"]);
  expect(requests.filter(({ headers }) => headers === undefined)).toHaveLength(1);
});

test("looks up the current version of a key once in a run", async () => {
  const host = freshHost();
  const keys = await Promise.all([1, 2, 3].map(() => provider.wrap(dataKey, recipientOf(url), host)));
  for (const key of keys) expect(fieldOf(key.fields, "version")).toEqual(leaf(version));
  expect(azure.calls.filter((call) => call === "get")).toHaveLength(1);
  expect(requests.filter(({ headers }) => headers === undefined)).toHaveLength(1);
});

test("hands the signal on to the request with the key, and to none that others may wait for", async () => {
  const signals: unknown[] = [];
  const noting = createAzureKeyvault(
    (request, host, signal) => {
      signals.push([request.method, request.headers !== undefined, signal]);
      return serve(request, host, signal);
    },
    async () =>
      async ({ scope }) =>
        azure.tokenFor(scope),
  );
  const { signal } = new AbortController();
  await noting.wrap(dataKey, recipientOf(url), freshHost(), signal);
  expect(signals).toEqual([
    ["GET", false, undefined],
    ["GET", true, undefined],
    ["POST", true, signal],
  ]);
});

test("looks up the current version where there is none, and writes it down", async () => {
  for (const text of [url, `${url}/`]) {
    const key = await wrap(text);
    expect(fieldOf(key.fields, "version")).toEqual(leaf(version));
    expect(provider.identityOf(key)).toBe(`${url}/${version}`);
  }
  expect(azure.calls).toEqual(["get", "encrypt", "get", "encrypt"]);
});

test("an older version opens what it wrapped", async () => {
  const key = await wrap(`${first.url}/${first.version}`);
  expect(await provider.unwrap(key, freshHost(), noReason)).toEqual(dataKey);
});

describe("a vault that only the file names", () => {
  test.each<[string, string]>([
    ["anywhere", "https://vault.evil.test"],
    ["in Azure, where everybody can have one", "https://evil.vault.azure.net"],
    ["in another cloud of Azure", "https://evil.vault.usgovcloudapi.net"],
    ["in a managed HSM", "https://evil.managedhsm.azure.net"],
  ])("is not contacted: %s", async (_, named) => {
    const { fields } = await wrap();
    requests.length = 0;
    challenges.length = 0;
    const moved = mapping([
      ["vault_url", leaf(named)],
      ...["enc", "name", "version"].map((name) => [name, fieldOf(fields, name) ?? leaf("")] as const),
    ]);
    const error = await failure(() => provider.unwrap({ provider: "x", fields: moved }, freshHost(), noReason));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.hint).toContain(".sops.yaml");
    expect([requests, challenges]).toEqual([[], []]);
  });

  test("is not contacted where nobody says that it may be", async () => {
    const { isTrustedEndpoint: _, ...host } = freshHost();
    const key = await wrap();
    requests.length = 0;
    expect((await failure(() => provider.unwrap(key, host, noReason))).message).toContain("stands only in the file");
    expect(requests).toEqual([]);
  });

  test("is not contacted either where the host cannot tell; why it cannot is a part of the reason", async () => {
    const key = await wrap();
    requests.length = 0;
    const isTrustedEndpoint = (): Promise<boolean> =>
      Promise.reject(new KeyleafError("CONFIG_MALFORMED", "x is broken"));
    const error = await failure(() => provider.unwrap(key, { ...freshHost(), isTrustedEndpoint }, noReason));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(/^https:\/\/team\.vault\.azure\.net .* not contacted; x is broken$/);
    expect(error.hint).toMatch(/SOPS_AZURE_KEYVAULT_URLS .*--trust-endpoint https:\/\/team\.vault\.azure\.net$/);
    expect(requests).toEqual([]);
  });
});

test.each([
  "https://vault.azure.com",
  "https://management.azure.com",
  "http://vault.azure.net",
  "https://ault.azure.net",
  "https://team.vault.azure.net",
  "https://evil.test#.vault.azure.net",
  "vault",
  "",
])("a vault that asks for a token for %j gets none", async (resource) => {
  azure.resource = resource;
  const error = await failure(() => wrap());
  expect(error.code).toBe("PROVIDER_FAILED");
  expect(challenges).toEqual([]);
});

test("a server that does not ask for a token is no vault", async () => {
  const odd = createAzureKeyvault(
    async () => ({ status: 200, headers: {}, body: { value: "AAAA" } }),
    async () => () => expect.fail("asked for a token"),
  );
  expect((await failure(() => odd.wrap(dataKey, recipientOf(url), freshHost()))).message).toContain("not one of Azure");
});

describe("a recipient", () => {
  test("as the reference takes it", () => {
    expect(provider.fromText(` ${url} ,${url}/${version},`, {})).toEqual([
      { vaultUrl, name: "config", version: "" },
      { vaultUrl, name: "config", version },
    ]);
  });

  test("of a key group keeps its URL as it is written", async () => {
    const texts = (pairs: Record<string, string>): Node =>
      mapping(Object.entries(pairs).map(([key, value]) => [key, leaf(value)] as const));
    const [recipient = expect.fail("none")] = provider.fromGroup(texts({ vaultUrl: `${vaultUrl}/`, key: "config" }));
    const key = await provider.wrap(dataKey, recipient, freshHost());
    expect(fieldOf(key.fields, "vault_url")).toEqual(leaf(`${vaultUrl}/`));
    expect(await provider.unwrap(key, freshHost([`${vaultUrl}/`]), noReason)).toEqual(dataKey);
    for (const wrong of [
      { vaultUrl },
      { key: "config" },
      { vaultUrl, key: "a/b" },
      { vaultUrl, key: "config", version: "../x" },
      { vaultUrl: "http://team.vault.azure.net", key: "config" },
    ]) {
      expect((await failure(() => provider.fromGroup(texts(wrong as Record<string, string>)))).code).toBe(
        "KEY_BAD_RECIPIENT",
      );
    }
  });

  test.each([
    "http://team.vault.azure.net/keys/config",
    "https://team.vault.azure.net/secrets/config",
    "https://team.vault.azure.net/keys/",
    "https://team.vault.azure.net/keys/a/b/c",
    "https://team.vault.azure.net/x/keys/a",
    "https://user@team.vault.azure.net/keys/a",
    "https://evil.test?team.vault.azure.net/keys/a",
    "https://evil.test#/keys/a",
    "https://evil.test\\team.vault.azure.net/keys/a",
    "https://team.vault.azure.net/keys/a?x",
    "https://team.vault.azure.net/keys/..",
    "https:///keys/a",
  ])("that is none is refused: %s", async (text) => {
    expect((await failure(() => provider.fromText(text, {}))).code).toBe("KEY_BAD_RECIPIENT");
  });
});

test.each<[string, Answer, RegExp, RegExp]>([
  ["no permission by role", vaultFailure(403, "Forbidden", "ForbiddenByRbac"), /permission denied/, /"encrypt"/],
  ["no permission by policy", vaultFailure(403, "Forbidden", "AccessDenied"), /permission denied/, /"encrypt"/],
  ["disabled", vaultFailure(403, "Forbidden", "KeyDisabled"), /the key is disabled/, /enable/],
  ["the firewall", vaultFailure(403, "Forbidden", "ForbiddenByFirewall"), /firewall/, /network/],
  ["no such key", vaultFailure(404, "KeyNotFound"), /no such key/, /URL/],
  ["throttled", vaultFailure(429, "Throttled"), /throttled/, /wait/],
  ["throttled by something before it", { status: 429, body: "canary" }, /throttled/, /wait/],
  ["a token that is no good", vaultFailure(401, "Unauthorized"), /does not accept the token/, /tenant/],
  ["an elliptic key", vaultFailure(400, "BadParameter"), /not an RSA key/, /undefined/],
  ["down", vaultFailure(503, "ServiceUnavailable"), /not available/, /later/],
  ["new to us", vaultFailure(409, "Conflict"), /failed \(Conflict\)/, /undefined/],
  ["not Azure", { status: 200, body: { value: "canary!" } }, /not one of Azure/, /undefined/],
  ["not JSON", { status: 502, body: "canary" }, /not one of Azure \(status 502\)/, /proxy/],
])("an answer that says no is explained: %s", async (_, answer, message, hint) => {
  azure.instead.push(answer);
  const error = await failure(() => wrap());
  expect(error.code).toBe("PROVIDER_FAILED");
  expect(error.message).toMatch(message);
  expect(`${error.hint}`).toMatch(hint);
  expectDiscreet(error, "canary");
});

test("a wrapped key of another version is explained", async () => {
  const { fields } = await wrap();
  const moved = mapping(
    fields.members.flatMap((member) =>
      member.kind === "item"
        ? [[member.key, member.key === "version" ? leaf(first.version) : member.value] as const]
        : [],
    ),
  );
  const error = await failure(() => provider.unwrap({ provider: "x", fields: moved }, freshHost(), noReason));
  expect(error.message).toMatch(/not made with this key, or is damaged/);
});
