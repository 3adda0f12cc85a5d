import { beforeEach, describe, expect, test } from "vitest";
import { crc32c } from "../../../src/crypto/crc32c.ts";
import { createGcpKms } from "../../../src/crypto/keys/gcp-kms.ts";
import { loadGoogleAccess } from "../../../src/crypto/keys/google-access.ts";
import type { RestRequest } from "../../../src/crypto/keys/rest.ts";
import { fieldOf, leaf, mapping, type Node } from "../../../src/document/document.ts";
import type { KeyleafError } from "../../../src/errors.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, failure } from "../../support/sealing.ts";
import { failure as answered, makeStandInGoogle } from "../../support/stand-in-google.ts";
import type { Answer } from "../../support/stand-in-proxy.ts";
import { restTo } from "../../support/stand-in-rest.ts";

/** GCP KMS; a stand-in that does real cryptography takes the place of Google. */

const google = makeStandInGoogle();
const resourceId = google.createKey("config");
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at);
const host = fakeHost({ env: { GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken } });
const requests: RestRequest[] = [];
const serve = restTo(google.standIn);
const provider = createGcpKms((request, ...rest) => {
  requests.push(request);
  return serve(request, ...rest);
}, loadGoogleAccess);
const noReason = (): void => {};
const wrap = (as = host) => provider.wrap(dataKey, { resourceId }, as);
const hostWith = (env: Record<string, string>) =>
  fakeHost({ env: { GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken, ...env } });

beforeEach(() => {
  requests.length = 0;
  google.instead.length = 0;
});

test("writes the fields in alphabetical order, as the reference does", async () => {
  const { fields } = await wrap();
  expect(fields.members.map((member) => member.kind === "item" && member.key)).toEqual([
    "created_at",
    "enc",
    "resource_id",
  ]);
  expect(fieldOf(fields, "created_at")).toEqual(leaf("2025-01-02T03:04:05Z"));
  expect(fieldOf(fields, "resource_id")).toEqual(leaf(resourceId));
});

test("asks Cloud KMS with checksums, and with nothing else than the key", async () => {
  const key = await wrap();
  await provider.unwrap(key, host, noReason);
  const plaintext = Buffer.from(dataKey).toString("base64");
  expect(requests.map(({ method, url, body }) => [method, url.href, body])).toEqual([
    ["POST", `https://cloudkms.googleapis.com/v1/${resourceId}:encrypt`, { plaintext, plaintextCrc32c: "1188919630" }],
    [
      "POST",
      `https://cloudkms.googleapis.com/v1/${resourceId}:decrypt`,
      { ciphertext: expect.any(String), ciphertextCrc32c: expect.stringMatching(/^\d+$/) },
    ],
  ]);
  expect(requests[0]?.headers).toEqual({ authorization: `Bearer ${google.accessToken}` });
});

test.each<[string, Record<string, string>, string]>([
  ["a host and port", { SOPS_GCP_KMS_ENDPOINT: "kms.test:8443" }, "https://kms.test:8443"],
  ["a URL", { SOPS_GCP_KMS_ENDPOINT: "https://kms.test/base/" }, "https://kms.test/base"],
  ["a server on this machine", { SOPS_GCP_KMS_ENDPOINT: "http://127.0.0.1:9010" }, "http://127.0.0.1:9010"],
  ["a universe", { SOPS_GCP_KMS_UNIVERSE_DOMAIN: "universe.test" }, "https://cloudkms.universe.test"],
  [
    "an endpoint before a universe",
    { SOPS_GCP_KMS_UNIVERSE_DOMAIN: "universe.test", SOPS_GCP_KMS_ENDPOINT: "kms.test" },
    "https://kms.test",
  ],
  ["gRPC, which there is not", { SOPS_GCP_KMS_CLIENT_TYPE: "grpc" }, "https://cloudkms.googleapis.com"],
])("the environment can name %s", async (_, env, base) => {
  await wrap(hostWith(env)).catch(() => {});
  expect(requests.map(({ url }) => url.href)).toEqual([`${base}/v1/${resourceId}:encrypt`]);
});

test.each([
  "http://kms.test",
  "http://127.kms.test",
  "http://127.0.0.1.kms.test:80",
  "ftp://kms.test",
  "https://",
  "a b",
])("the endpoint %j is refused before a token goes there", async (SOPS_GCP_KMS_ENDPOINT) => {
  const error = await failure(() => wrap(hostWith({ SOPS_GCP_KMS_ENDPOINT })));
  expect(error.code).toBe("PROVIDER_FAILED");
  expect(error.message).toContain("SOPS_GCP_KMS_ENDPOINT");
  expect(requests).toEqual([]);
});

describe("a name", () => {
  test("has no blanks", () => {
    expect(provider.fromText(` projects/p/locations/l /keyRings/r/cryptoKeys/k,`, {})).toEqual([
      { resourceId: "projects/p/locations/l/keyRings/r/cryptoKeys/k" },
    ]);
  });

  test.each([
    "",
    "projects/p",
    "projects/p/locations/l/keyRings/r/cryptoKeys/",
    "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
    "projects/p/locations/../keyRings/r/cryptoKeys/k",
    "x/projects/p/locations/l/keyRings/r/cryptoKeys/k",
  ])("of no key is refused: %j", async (text) => {
    expect((await failure(() => provider.wrap(dataKey, { resourceId: text }, host))).code).toBe("KEY_BAD_RECIPIENT");
    const fields = mapping([
      ["resource_id", leaf(text)],
      ["enc", leaf("AAAA")],
    ]);
    expect((await failure(() => provider.unwrap({ provider: "gcp-kms", fields }, host, noReason))).code).toBe(
      "PROVIDER_FAILED",
    );
    expect(requests).toEqual([]);
  });

  test("stays in its place in the URL, whatever is in it", async () => {
    const odd = "projects/example.com:p/locations/l/keyRings/r?x/cryptoKeys/k#:encrypt";
    await provider.wrap(dataKey, { resourceId: odd }, host).catch(() => {});
    const [request] = requests;
    expect([request?.url.search, request?.url.hash]).toEqual(["", ""]);
    expect(request?.url.pathname).toBe(
      "/v1/projects/example.com:p/locations/l/keyRings/r%3Fx/cryptoKeys/k%23:encrypt:encrypt",
    );
  });

  test.each<[string, Node]>([
    ["a text", leaf(resourceId)],
    ["no resource_id", mapping([["resource", leaf(resourceId)]])],
    ["a resource_id that is a number", mapping([["resource_id", leaf({ type: "int", text: "5" })]])],
  ])("in a key group is refused: %s", async (_, node) => {
    expect((await failure(() => provider.fromGroup(node))).code).toBe("KEY_BAD_RECIPIENT");
  });
});

describe("an answer", () => {
  const good = { ciphertext: "AAAA", ciphertextCrc32c: `${crc32c(new Uint8Array(3))}`, verifiedPlaintextCrc32c: true };

  async function wrapAnswered(answer: Answer): Promise<KeyleafError> {
    google.instead.push(answer);
    return failure(() => wrap());
  }

  test("that is good is taken, so that the others are refused for what they have", async () => {
    google.instead.push({ body: good });
    expect(fieldOf((await wrap()).fields, "enc")).toEqual(leaf("AAAA"));
  });

  test.each<[string, Answer]>([
    ["whose checksum is another one", { body: { ...good, ciphertextCrc32c: "1" } }],
    ["whose checksum is missing", { body: { ...good, ciphertextCrc32c: undefined } }],
    ["to a checksum that did not arrive", { body: { ...good, verifiedPlaintextCrc32c: undefined } }],
    ["whose ciphertext is missing", { body: { ...good, ciphertext: undefined } }],
    ["whose ciphertext is not base64", { body: { ...good, ciphertext: "canary!" } }],
    ["that is something else", { body: [] }],
    ["that is not JSON", { body: "<html>canary" }],
    ["of somebody else", { status: 502, body: "canary" }],
    ["without a status", { status: 500, body: { error: "canary" } }],
  ])("%s is refused", async (_, answer) => {
    const error = await wrapAnswered(answer);
    expect(error.code).toBe("PROVIDER_FAILED");
    expectDiscreet(error, "canary");
  });

  test("whose plaintext does not fit its checksum is refused", async () => {
    const key = await wrap();
    google.instead.push({ body: { plaintext: Buffer.from(dataKey).toString("base64"), plaintextCrc32c: "1" } });
    const error = await failure(() => provider.unwrap(key, host, noReason));
    expect(error.message).toContain("checksum");
  });

  test.each<[string, Answer, RegExp, RegExp]>([
    ["permission denied", answered(403, "PERMISSION_DENIED"), /permission denied/, /useToEncrypt/],
    [
      "the service is off",
      answered(403, "PERMISSION_DENIED", [{ reason: "SERVICE_DISABLED" }]),
      /not enabled/,
      /cloudkms\.googleapis\.com/,
    ],
    ["no such key", answered(404, "NOT_FOUND"), /no such key/, /resource ID/],
    ["disabled", answered(400, "FAILED_PRECONDITION"), /disabled or destroyed/, /enable/],
    ["throttled", answered(429, "RESOURCE_EXHAUSTED"), /throttled/, /wait/],
    ["not signed in", answered(401, "UNAUTHENTICATED"), /does not accept/, /access token/],
    ["down", answered(503, "UNAVAILABLE"), /not available/, /later/],
    ["broken", answered(500, "INTERNAL"), /failure inside/, /later/],
    ["for another purpose", answered(400, "INVALID_ARGUMENT"), /not for encryption/, /undefined/],
    ["new to us", answered(400, "OUT_OF_RANGE"), /failed \(OUT_OF_RANGE\)/, /undefined/],
  ])("that says no is explained: %s", async (_, answer, message, hint) => {
    const error = await wrapAnswered(answer);
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(message);
    expect(`${error.hint}`).toMatch(hint);
    expectDiscreet(error, "canary", google.accessToken);
  });

  test("to a key of another one is explained", async () => {
    const key = await wrap();
    const fields = mapping([
      ["enc", fieldOf(key.fields, "enc") ?? leaf("")],
      ["resource_id", leaf(google.createKey("other"))],
    ]);
    const error = await failure(() => provider.unwrap({ provider: "gcp-kms", fields }, host, noReason));
    expect(error.message).toMatch(/not made with this key, or is damaged/);
  });
});

describe("credentials", () => {
  const keyFile = { GOOGLE_CREDENTIALS: "/keys/sa.json" };

  test("are an access token of the environment, for which nothing is looked up", async () => {
    const quiet = fakeHost({ env: { GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken } });
    expect(await (await loadGoogleAccess("p", quiet))(new URL("https://x.test"))).toEqual({
      authorization: `Bearer ${google.accessToken}`,
    });
    expect([quiet.reads, quiet.runs]).toEqual([[], []]);
  });

  test("of GOOGLE_CREDENTIALS come first", async () => {
    const both = fakeHost({ env: { ...keyFile, GOOGLE_OAUTH_ACCESS_TOKEN: "t" }, files: { "/keys/sa.json": "{" } });
    expect((await failure(() => loadGoogleAccess("p", both))).message).toContain("GOOGLE_CREDENTIALS");
    expect(both.reads).toEqual(["/keys/sa.json"]);
  });

  test.each<[string, Record<string, string>, Record<string, string | Error>, RegExp]>([
    ["no file, and no JSON", keyFile, {}, /neither a file that is there nor JSON/],
    ["a file that cannot be read", keyFile, { "/keys/sa.json": systemError("EACCES") }, /cannot be read \(EACCES\)/],
    ["a file that is no JSON", keyFile, { "/keys/sa.json": "canary" }, /not a JSON object/],
    ["a file that holds something else", keyFile, { "/keys/sa.json": '"canary"' }, /not a JSON object/],
    ["JSON that is cut", { GOOGLE_CREDENTIALS: '{"private_key": "canary' }, {}, /not a JSON object/],
    ["a token with a line break", { GOOGLE_OAUTH_ACCESS_TOKEN: "canary\nx: y" }, {}, /not an access token/],
  ])("that are none are refused, and not shown: %s", async (_, env, files, message) => {
    const error = await failure(() => loadGoogleAccess("p", fakeHost({ env, files })));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(message);
    expectDiscreet(error, "canary");
  });

  test.each([
    ["something else", { type: "canary" }],
    ["a key file without a key", { type: "service_account", client_email: "canary@x.test" }],
    ["a key file with a broken key", { type: "service_account", client_email: "c@x.test", private_key: "canary" }],
  ])("in JSON that the library does not take are refused, and not shown: %s", async (_, json) => {
    const access = await loadGoogleAccess("p", fakeHost({ env: { GOOGLE_CREDENTIALS: JSON.stringify(json) } }));
    const error = await failure(() => access(new URL("https://cloudkms.googleapis.com")));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.hint).toContain("GOOGLE_CREDENTIALS");
    expectDiscreet(error, "canary");
  });
});

function systemError(code: string): Error {
  return Object.assign(new Error("canary"), { code });
}
