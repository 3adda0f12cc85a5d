import { describe, expect, test } from "vitest";
import { type HttpAnswer, pause, type Send } from "../../../src/crypto/keys/http.ts";
import { signed } from "../../../src/crypto/keys/huawei-client.ts";
import { createHuaweiKms, huaweiKms } from "../../../src/crypto/keys/huawei-kms.ts";
import { fieldOf, leaf, mapping } from "../../../src/document/document.ts";
import type { Host } from "../../../src/host.ts";
import { type FakeHostOptions, fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, failure } from "../../support/sealing.ts";
import { HUAWEI_USER, KEY_ID, type StandInHuaweiOptions, standInHuawei } from "../../support/stand-in-huawei.ts";

const now = new Date("2025-01-02T03:04:05.678Z");
const keyId = `tr-west-1:${KEY_ID}`;
const kms = "https://kms.tr-west-1.myhuaweicloud.com";
const encrypting = `POST ${kms}/v1.0/${HUAWEI_USER.projectId}/kms/encrypt-data`;
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at + 1);
const noReason = (): void => {};
const { accessKey, secretKey, projectId } = HUAWEI_USER;
const user = {
  HUAWEICLOUD_SDK_AK: accessKey,
  HUAWEICLOUD_SDK_SK: secretKey,
  HUAWEICLOUD_SDK_PROJECT_ID: projectId,
};
const profilePath = "/home/tester/.huaweicloud/credentials";

function hostWith(options: FakeHostOptions = {}): Host {
  return fakeHost({ env: user, now, ...options });
}

/** The provider with nothing but the stand-in behind it, and how long it waited. */
function provided(options: StandInHuaweiOptions = {}) {
  const huawei = standInHuawei({ now: () => now, ...options });
  const waits: number[] = [];
  return { provider: createHuaweiKms(huawei.send, async (ms) => void waits.push(ms)), huawei, waits };
}

const to = (text = keyId) => {
  const [recipient] = huaweiKms.fromText(text, {});
  if (recipient === undefined) throw new Error("no recipient");
  return recipient;
};
const entry = (fields: Record<string, string> = { enc: "abc", key_id: keyId }) => ({
  provider: "huawei-kms",
  fields: mapping(Object.entries(fields).map(([name, value]) => [name, leaf(value)] as const)),
});
const jsonAnswer = (status: number, body: unknown): HttpAnswer => ({
  status,
  headers: {},
  body: Buffer.from(JSON.stringify(body)),
});

test("keys are named as the reference names them", async () => {
  expect(huaweiKms.fromText(` ${keyId} , af-south-1 : b:c `, {})).toEqual([{ keyId }, { keyId: "af-south-1 : b:c" }]);
  for (const bad of ["tr-west-1", ":x", "tr-west-1:", " : "]) {
    expect((await failure(() => huaweiKms.fromText(bad, {}))).code).toBe("KEY_BAD_RECIPIENT");
  }
  const group = mapping([["key_id", leaf(keyId)]]);
  expect(huaweiKms.fromGroup(group)).toEqual([{ keyId }]);
});

test("what is written into the file", async () => {
  const { provider, huawei } = provided();
  const { fields } = await provider.wrap(dataKey, to(), hostWith());
  expect(fields.members.map((member) => (member.kind === "item" ? member.key : ""))).toEqual([
    "created_at",
    "enc",
    "key_id",
  ]);
  expect(fieldOf(fields, "created_at")).toEqual(leaf("2025-01-02T03:04:05Z"));
  expect(huawei.asked).toEqual([encrypting]);
});

test("what goes to the service, which is overwritten afterwards", async () => {
  const bodies: { before: string; body: Uint8Array }[] = [];
  const { huawei } = provided();
  const send: Send = (request, way, signal) => {
    const { body = new Uint8Array() } = request;
    bodies.push({ before: Buffer.from(body).toString(), body });
    return huawei.send(request, way, signal);
  };
  const provider = createHuaweiKms(send, async () => {});
  const key = await provider.wrap(dataKey, to(), hostWith());
  await provider.unwrap(key, hostWith(), noReason);
  expect(bodies.map(({ before }) => JSON.parse(before))).toEqual([
    {
      key_id: KEY_ID,
      encryption_algorithm: "SYMMETRIC_DEFAULT",
      plain_text: Buffer.from(dataKey).toString("base64"),
    },
    { key_id: KEY_ID, encryption_algorithm: "SYMMETRIC_DEFAULT", cipher_text: expect.any(String) },
  ]);
  expect(bodies.every(({ body }) => body.every((byte) => byte === 0))).toBe(true);
});

test("a signature covers method, path, query, headers and body", () => {
  const url = new URL("https://iam.tr-west-1.myhuaweicloud.com/v3/projects?b=2 (&a=1");
  const sign = (changes: Partial<Parameters<typeof signed>[0]> = {}) =>
    signed(
      { method: "GET", url, headers: { "x-project-id": "p" }, ...changes },
      { accessKey, secretKey, securityToken: "token" },
      now,
    ).headers;
  const headers = sign();
  expect(headers).toMatchObject({ "x-sdk-date": "20250102T030405Z", "x-security-token": "token", host: url.host });
  expect(headers["authorization"]).toMatch(
    /^SDK-HMAC-SHA256 Access=TESTONLYACCESSKEY, SignedHeaders=content-type;host;x-project-id;x-sdk-date;x-security-token, Signature=[0-9a-f]{64}$/,
  );
  const signatures = [
    headers,
    sign({ method: "PUT" }),
    sign({ url: new URL("/v3/other?b=2 (&a=1", url) }),
    sign({ url: new URL("?b=2&a=1", url) }),
    sign({ headers: { "x-project-id": "q" } }),
    sign({ body: Uint8Array.of(1) }),
  ].map((some) => some["authorization"]);
  expect(new Set(signatures).size).toBe(signatures.length);
});

describe("credentials", () => {
  test.each<[string, FakeHostOptions, StandInHuaweiOptions]>([
    ["of the variables", { files: { [profilePath]: "[basic]\nak = x\nsk = y\n" } }, {}],
    ["of the variables, temporary", { env: { ...user, HUAWEICLOUD_SDK_SECURITY_TOKEN: "t" } }, { securityToken: "t" }],
    [
      "of the profile",
      {
        env: {},
        files: {
          [profilePath]: `; note\n[global]\nak=x\n\n[basic]\n# note\nak = ${accessKey}\r\nsk: "${secretKey}"\nproject_id=${projectId}\n`,
        },
      },
      {},
    ],
    [
      "of another file, temporary",
      {
        env: { HUAWEICLOUD_SDK_CREDENTIALS_FILE: "/else", HUAWEICLOUD_SDK_PROJECT_ID: projectId },
        files: { "/else": `[basic]\nak=${accessKey}\nsk=${secretKey}\nsecurity_token = t\n` },
      },
      { securityToken: "t" },
    ],
    ["of the instance", { env: { HUAWEICLOUD_SDK_PROJECT_ID: projectId } }, { isInstance: true, securityToken: "t" }],
  ])("%s", async (_, options, behind) => {
    const { provider } = provided(behind);
    const host = hostWith(options);
    expect(await provider.unwrap(await provider.wrap(dataKey, to(), host), host, noReason)).toEqual(dataKey);
  });

  test("of the instance are asked for once, without a proxy, and again before they end", async () => {
    let time = now;
    const { huawei } = provided({ isInstance: true, securityToken: "t", now: () => time });
    const ways: unknown[] = [];
    const provider = createHuaweiKms(
      (request, way, signal) => {
        if (request.url.hostname === "169.254.169.254") ways.push(way);
        return huawei.send(request, way, signal);
      },
      async () => {},
    );
    const env = { HUAWEICLOUD_SDK_PROJECT_ID: projectId, HTTP_PROXY: "http://proxy" };
    const host: Host = { ...hostWith({ env }), now: () => time };
    await Promise.all([1, 2, 3].map(() => provider.wrap(dataKey, to(), host)));
    expect(ways).toEqual([{}, {}]);
    time = new Date(now.getTime() + 3_550_000);
    await Promise.all([1, 2, 3].map(() => provider.wrap(dataKey, to(), host)));
    expect(ways).toHaveLength(4);
  });

  test("that are nowhere: every place is named", async () => {
    const { provider } = provided();
    const error = await failure(() => provider.wrap(dataKey, to(), hostWith({ env: {} })));
    expect(error.code).toBe("PROVIDER_FAILED");
    for (const place of ["HUAWEICLOUD_SDK_AK", profilePath, "metadata"]) expect(error.message).toContain(place);
    expect(error.hint).toContain("HUAWEICLOUD_SDK_SK");
  });

  test.each<[string, FakeHostOptions]>([
    ["half of them", { env: { HUAWEICLOUD_SDK_AK: "canary" } }],
    ["a profile without them", { env: {}, files: { [profilePath]: "[basic]\nak = canary\n" } }],
    [
      "a profile that cannot be read",
      { env: {}, files: { [profilePath]: Object.assign(new Error(), { code: "EACCES" }) } },
    ],
    ["line breaks in them", { env: { ...user, HUAWEICLOUD_SDK_AK: "canary\n" } }],
    ["an identity provider", { env: { HUAWEICLOUD_SDK_IDP_ID: "canary" } }],
  ])("that do not do: %s", async (_, options) => {
    const { provider, huawei } = provided();
    const error = await failure(() => provider.wrap(dataKey, to(), hostWith(options)));
    expect(error.code).toBe("PROVIDER_FAILED");
    expectDiscreet(error, "canary");
    expect(huawei.asked.filter((line) => line.includes("/kms/"))).toEqual([]);
  });
});

describe("the project", () => {
  const { HUAWEICLOUD_SDK_PROJECT_ID: _, ...nameless } = user;

  test("is that of the region, asked for once", async () => {
    const { provider, huawei } = provided();
    const host = hostWith({ env: nameless });
    await Promise.all([1, 2, 3].map(() => provider.wrap(dataKey, to(), host)));
    const iam = "GET https://iam.tr-west-1.myhuaweicloud.com/v3/projects?name=tr-west-1";
    expect(huawei.asked).toEqual([iam, encrypting, encrypting, encrypting]);
  });

  test("is asked for where the environment says", async () => {
    const { provider, huawei } = provided();
    await provider.wrap(dataKey, to(), hostWith({ env: { ...nameless, HUAWEICLOUD_SDK_IAM_ENDPOINT: "iam.example" } }));
    expect(huawei.asked[0]).toBe("GET https://iam.example/v3/projects?name=tr-west-1");
  });

  test.each([[[]], [["a", "b"]]])("has to be told for %j", async (projects) => {
    const { provider } = provided({ projects });
    const error = await failure(() => provider.wrap(dataKey, to(), hostWith({ env: nameless })));
    expect(error.hint).toContain("HUAWEICLOUD_SDK_PROJECT_ID");
  });
});

describe("regions", () => {
  test("lead to HuaweiCloud's own servers, or to that of the environment", async () => {
    const { provider, huawei } = provided();
    await provider.wrap(dataKey, to(`eu-west-101:${KEY_ID}`), hostWith());
    const variable = { HUAWEICLOUD_SDK_REGION_KMS_XX_NEW_1: "https://kms.example/,https://b.example" };
    await provider.wrap(dataKey, to(`xx-new-1:${KEY_ID}`), hostWith({ env: { ...user, ...variable } }));
    expect(huawei.asked).toEqual([
      `POST https://kms.eu-west-101.myhuaweicloud.eu/v1.0/${projectId}/kms/encrypt-data`,
      `POST https://kms.example/v1.0/${projectId}/kms/encrypt-data`,
    ]);
  });

  test("that are not known are not contacted, whatever they look like", async () => {
    const { provider, huawei } = provided();
    for (const region of ["xx-new-1", "evil.example/", "evil.example#", "tr-west-1@evil.example"]) {
      const error = await failure(() =>
        provider.unwrap(entry({ enc: "a", key_id: `${region}:x` }), hostWith(), noReason),
      );
      expect(error.code).toBe("KEY_BAD_RECIPIENT");
    }
    const env = { ...user, HUAWEICLOUD_SDK_REGION_KMS_XX_NEW_1: "kms.example" };
    expect((await failure(() => provider.wrap(dataKey, to("xx-new-1:x"), hostWith({ env })))).code).toBe(
      "PROVIDER_FAILED",
    );
    expect(huawei.asked).toEqual([]);
  });
});

describe("failures", () => {
  test.each<[string, StandInHuaweiOptions, FakeHostOptions, RegExp, RegExp]>([
    ["a key that is not there", { keys: {} }, {}, /Invalid key ID\. \(KMS\.0205\)/, /region/],
    ["a disabled key", { keys: { [KEY_ID]: "disabled" } }, {}, /disabled/, /enable the key/],
    ["a deleted key", { keys: { [KEY_ID]: "deleted" } }, {}, /deletion/, /cancel the deletion/],
    ["a wrong secret key", {}, { env: { ...user, HUAWEICLOUD_SDK_SK: "canary" } }, /verify aksk/, /HUAWEICLOUD_SDK_SK/],
    [
      "an unknown access key",
      {},
      { env: { ...user, HUAWEICLOUD_SDK_AK: "nobody" } },
      /AK not exist/,
      /HUAWEICLOUD_SDK_AK/,
    ],
    ["a wrong clock", { now: () => new Date("2025-01-02T04:04:05Z") }, {}, /expired/, /clock/],
    ["no rights in the project", { projects: ["another"] }, {}, /No permission/, /kms:cmk:encryptData/],
  ])("%s", async (_, behind, options, words, hint) => {
    const { provider } = provided(behind);
    const error = await failure(() => provider.wrap(dataKey, to(), hostWith(options)));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(words);
    expect(error.hint).toMatch(hint);
    expectDiscreet(error, secretKey, "canary");
  });

  test("a damaged wrapped key, or one of another key", async () => {
    const { provider } = provided({ keys: { [KEY_ID]: "enabled", b: "enabled" } });
    const key = await provider.wrap(dataKey, to("tr-west-1:b"), hostWith());
    const enc = fieldOf(key.fields, "enc");
    const text = enc?.kind === "leaf" ? String(enc.scalar.text) : "";
    const error = await failure(() => provider.unwrap(entry({ enc: text, key_id: keyId }), hostWith(), noReason));
    expect(error.hint).toMatch(/another key/);
  });

  test.each<[string, HttpAnswer, RegExp]>([
    ["no JSON", { status: 502, headers: {}, body: Buffer.from("<html>") }, /not one of HuaweiCloud/],
    ["no result", jsonAnswer(200, { key_id: "x" }), /without a result/],
    ["a list", jsonAnswer(200, []), /without a result/],
    ["no base64", jsonAnswer(200, { plain_text: "%" }), /not base64/],
    ["nothing said", jsonAnswer(400, {}), /no reason given/],
    ["a long story", jsonAnswer(400, { error: { error_msg: "x".repeat(1000) } }), /x{300}\.\.\. \(HTTP 400\)/],
  ])("an answer with %s", async (_, answer, words) => {
    const send: Send = async () => ({ ...answer, body: Uint8Array.from(answer.body) });
    const provider = createHuaweiKms(send, async () => {});
    expect((await failure(() => provider.unwrap(entry(), hostWith(), noReason))).message).toMatch(words);
  });

  test("nobody there is tried three times; the caller's signal ends it", async () => {
    let tries = 0;
    const send: Send = async () => {
      tries++;
      throw Object.assign(new Error(`words with ${secretKey}`), { code: "ECONNREFUSED" });
    };
    const error = await failure(() => createHuaweiKms(send, async () => {}).wrap(dataKey, to(), hostWith()));
    expect([error.code, tries]).toEqual(["PROVIDER_FAILED", 3]);
    expect(error.message).toContain("connection refused");
    expectDiscreet(error, secretKey);

    const controller = new AbortController();
    const waiting = createHuaweiKms(send, pause).wrap(dataKey, to(), hostWith(), controller.signal);
    setTimeout(() => controller.abort(), 5);
    expect((await failure(() => waiting)).message).toContain("given up");
  });
});
