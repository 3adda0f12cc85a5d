import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AwsKmsRecipient,
  awsKms,
  createAwsKms,
  type KmsClient,
  type KmsClientSettings,
} from "../../../src/crypto/keys/aws-kms.ts";
import { leaf, list, mapping, type Node } from "../../../src/document/document.ts";
import type { KeyleafError } from "../../../src/errors.ts";
import type { Host } from "../../../src/host.ts";
import { failure } from "../../support/sealing.ts";

const arn = "arn:aws:kms:eu-central-1:123456789012:key/0a1b";
const role = "arn:aws:iam::123456789012:role/config";
const dataKey = new Uint8Array(32).map((_, at) => at + 1);

function testHost(hostname = "build-01.example"): Host {
  return {
    env: {},
    platform: "linux",
    home: null,
    hostname: async () => hostname,
    readFile: async () => null,
    run: () => Promise.reject(new Error("no programs here")),
    fillRandom: () => {},
    now: () => new Date("2025-01-02T03:04:05.678Z"),
  };
}

function to(options: Partial<AwsKmsRecipient> = {}): AwsKmsRecipient {
  return { arn, role: "", profile: "", context: new Map(), ...options };
}

const texts = (pairs: Record<string, string>): Node =>
  mapping(Object.entries(pairs).map(([key, value]) => [key, leaf(value)] as const));
const nothing = leaf({ type: "null", text: "" });
const wrappedKey = (fields: readonly (readonly [string, Node])[]) => ({ provider: "aws-kms", fields: mapping(fields) });
const noReason = (): void => {};

/** A KMS that turns every byte around, and remembers what it was asked. */
function fakeKms(override: Partial<KmsClient> = {}) {
  const settings: KmsClientSettings[] = [];
  const calls: { verb: string; arn: string; context: Record<string, string> }[] = [];
  const turn = (verb: string) => async (keyArn: string, bytes: Uint8Array, context: ReadonlyMap<string, string>) => {
    calls.push({ verb, arn: keyArn, context: Object.fromEntries(context) });
    return Uint8Array.from(bytes, (byte) => byte ^ 0xff);
  };
  const provider = createAwsKms(async (asked) => {
    settings.push(asked);
    return { encrypt: turn("encrypt"), decrypt: turn("decrypt"), ...override };
  });
  return { provider, settings, calls };
}

/** A KMS whose every call fails. */
function failingKms(error: unknown) {
  return fakeKms({ encrypt: () => Promise.reject(error), decrypt: () => Promise.reject(error) }).provider;
}

function awsError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

async function thrownBy(call: () => unknown): Promise<KeyleafError> {
  try {
    await call();
  } catch (error) {
    return error as KeyleafError;
  }
  return expect.fail("nothing was thrown");
}

test.each([
  [arn, [{ arn, role: "" }]],
  [
    ` ${arn} , ${arn}+${role},\n`,
    [
      { arn, role: "" },
      { arn, role },
    ],
  ],
  [`${arn} + ${role}`, [{ arn, role }]],
  [`${arn}+${role}+arn:x`, [{ arn, role: `${role}+arn:x` }]],
  [`+${role}`, [{ arn: `+${role}`, role: "" }]],
  ["", []],
])("recipients of the text %j", (text, expected) => {
  expect(awsKms.fromText(text, {})).toEqual(expected.map((one) => to(one)));
});

test("profile and context of the options go to every recipient of a text", () => {
  const context = new Map([["a", "b"]]);
  const recipients = awsKms.fromText(`${arn},${arn}+${role}`, { awsProfile: "team", encryptionContext: context });
  expect(recipients).toEqual([to({ profile: "team", context }), to({ role, profile: "team", context })]);
});

test("recipients of a key group", () => {
  expect(awsKms.fromGroup(texts({ arn }))).toEqual([to()]);
  expect(awsKms.fromGroup(texts({ arn: `${arn}+${role}` }))).toEqual([to({ arn: `${arn}+${role}` })]);
  const full = mapping([
    ["arn", leaf(arn)],
    ["role", leaf(role)],
    ["context", texts({ env: "prod" })],
    ["aws_profile", leaf("team")],
  ]);
  expect(awsKms.fromGroup(full)).toEqual([to({ role, profile: "team", context: new Map([["env", "prod"]]) })]);
  const empty = mapping([
    ["arn", leaf(arn)],
    ["role", nothing],
    ["context", nothing],
  ]);
  expect(awsKms.fromGroup(empty)).toEqual([to()]);
});

test.each<[string, Node]>([
  ["a bare text", leaf(arn)],
  ["a list", list([leaf(arn)])],
  ["no arn", texts({ role })],
  ["an empty arn", texts({ arn: "" })],
  ["an unknown field", texts({ arn, contxt: "a" })],
  ["an arn that is a list", mapping([["arn", list([leaf(arn)])]])],
  ["a context that is a text", texts({ arn, context: "env:prod" })],
  ["a context with a number", group(leaf({ type: "int", text: "5" }))],
  ["a context with a null", group(nothing)],
  ["a context with a mapping", group(texts({ a: "b" }))],
])("refuses in a key group: %s", async (_, node) => {
  expect((await thrownBy(() => awsKms.fromGroup(node))).code).toBe("KEY_BAD_RECIPIENT");
});

function group(value: Node): Node {
  return mapping([
    ["arn", leaf(arn)],
    ["context", mapping([["env", value]])],
  ]);
}

const context = new Map([
  ["zeta", "z"],
  ["alpha", "a"],
]);
test.each<[string, Partial<AwsKmsRecipient>]>([
  [arn, {}],
  [`${arn}+${role}`, { role }],
  [`${arn}|alpha:a,zeta:z`, { context }],
  [`${arn}||team`, { profile: "team" }],
  [`${arn}+${role}|alpha:a,zeta:z|team`, { role, context, profile: "team" }],
])("identity %s, of a recipient and of what is wrapped for it", async (expected, options) => {
  const { provider } = fakeKms();
  expect(provider.identity(to(options))).toBe(expected);
  expect(provider.identityOf(await provider.wrap(dataKey, to(options), testHost()))).toBe(expected);
});

test("the identity of a malformed wrapped key names what is there", () => {
  expect(awsKms.identityOf(wrappedKey([]))).toBe("");
  expect(awsKms.identityOf(wrappedKey([["context", leaf("env:prod")]]))).toBe("");
  expect(
    awsKms.identityOf(
      wrappedKey([
        ["Arn", leaf(arn)],
        ["role", list([])],
      ]),
    ),
  ).toBe(arn);
});

test("writes the fields in alphabetical order, as the reference does", async () => {
  const { provider } = fakeKms();
  const enc = Buffer.from(dataKey.map((byte) => byte ^ 0xff)).toString("base64");
  expect(await provider.wrap(dataKey, to(), testHost())).toEqual(
    wrappedKey([
      ["arn", leaf(arn)],
      ["aws_profile", leaf("")],
      ["created_at", leaf("2025-01-02T03:04:05Z")],
      ["enc", leaf(enc)],
    ]),
  );
  expect(await provider.wrap(dataKey, to({ role, context, profile: "team" }), testHost())).toEqual(
    wrappedKey([
      ["arn", leaf(arn)],
      ["aws_profile", leaf("team")],
      ["context", texts({ alpha: "a", zeta: "z" })],
      ["created_at", leaf("2025-01-02T03:04:05Z")],
      ["enc", leaf(enc)],
      ["role", leaf(role)],
    ]),
  );
});

test("asks KMS in the key's region, for the role and profile of the key", async () => {
  const { provider, settings, calls } = fakeKms();
  await provider.wrap(dataKey, to({ role, profile: "team", context }), testHost());
  expect(settings).toEqual([{ region: "eu-central-1", profile: "team", role, sessionName: "sops@build01.example" }]);
  expect(calls).toEqual([{ verb: "encrypt", arn, context: { alpha: "a", zeta: "z" } }]);
});

test("the session name fits AWS", async () => {
  const { provider, settings } = fakeKms();
  await provider.wrap(dataKey, to({ role }), testHost(`ä b/${"x".repeat(100)}`));
  expect(settings[0]?.sessionName).toBe(`sops@b${"x".repeat(58)}`);
});

test("one client for a region, profile and role, as long as the host is the same", async () => {
  const { provider, settings } = fakeKms();
  const host = testHost();
  await provider.wrap(dataKey, to(), host);
  await provider.wrap(dataKey, to({ arn: arn.replace("0a1b", "2c3d"), context }), host);
  await provider.unwrap(await provider.wrap(dataKey, to(), host), host, noReason);
  expect(settings).toHaveLength(1);
  await provider.wrap(dataKey, to({ profile: "team" }), host);
  await provider.wrap(dataKey, to({ role }), host);
  await provider.wrap(dataKey, to({ arn: arn.replace("eu-central-1", "us-gov-west-1") }), host);
  expect(settings).toHaveLength(4);
  await provider.wrap(dataKey, to(), testHost());
  expect(settings).toHaveLength(5);
});

test("unwraps what it wrapped, for every context (property)", async () => {
  const { provider, calls } = fakeKms();
  const host = testHost();
  const contexts = fc.dictionary(fc.string({ minLength: 1 }), fc.string());
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), contexts, async (key, pairs) => {
      const wrapped = await provider.wrap(key, to({ context: new Map(Object.entries(pairs)) }), host);
      expect(await provider.unwrap(wrapped, host, noReason)).toEqual(key);
      expect(Object.entries(calls.at(-1)?.context ?? {}).sort()).toEqual(Object.entries(pairs).sort());
    }),
  );
});

test("reads field names in any case, passes over line breaks in enc and nulls in the context", async () => {
  const { provider, calls } = fakeKms();
  const key = wrappedKey([
    ["ARN", leaf(arn)],
    [
      "Context",
      mapping([
        ["a", leaf("b")],
        ["gone", nothing],
      ]),
    ],
    ["Enc", leaf("/v38\n+/r5\r\n")],
  ]);
  expect(await provider.unwrap(key, testHost(), noReason)).toEqual(new Uint8Array([1, 2, 3, 4, 5, 6]));
  expect(calls).toEqual([{ verb: "decrypt", arn, context: { a: "b" } }]);
});

const enc = leaf("/v38+/r5");
test.each<[string, [string, Node][]]>([
  ["no fields", []],
  ["no arn", [["enc", enc]]],
  [
    "an arn that is a list",
    [
      ["arn", list([])],
      ["enc", enc],
    ],
  ],
  [
    "an arn of something else",
    [
      ["arn", leaf(role)],
      ["enc", enc],
    ],
  ],
  ["no enc", [["arn", leaf(arn)]]],
  [
    "an empty enc",
    [
      ["arn", leaf(arn)],
      ["enc", leaf("")],
    ],
  ],
  [
    "an enc that is not base64",
    [
      ["arn", leaf(arn)],
      ["enc", leaf("/v38+/r*")],
    ],
  ],
  [
    "an enc without its padding",
    [
      ["arn", leaf(arn)],
      ["enc", leaf("/v38+w")],
    ],
  ],
  [
    "an enc that is not UTF-8",
    [
      ["arn", leaf(arn)],
      ["enc", leaf({ type: "str", text: new Uint8Array([0xff]) })],
    ],
  ],
  [
    "a context of version 2.0",
    [
      ["arn", leaf(arn)],
      ["context", leaf("a:b")],
      ["enc", enc],
    ],
  ],
  [
    "a context in a context",
    [
      ["arn", leaf(arn)],
      ["context", mapping([["a", mapping([])]])],
      ["enc", enc],
    ],
  ],
])("a wrapped key with %s fails without a call", async (_, fields) => {
  const { provider, settings } = fakeKms();
  const error = await thrownBy(() => provider.unwrap(wrappedKey(fields), testHost(), noReason));
  expect(error.code).toBe("PROVIDER_FAILED");
  expect(settings).toEqual([]);
});

test.each([
  "",
  "0a1b",
  role,
  "arn:aws:kms::123456789012:key/0a1b",
  "arn:aws:kms:eu-central-1:123456789012:grant/0a1b",
  "arn:aws:kms:eu-central-1:123456789012:key/",
  "arn:aws:kms:x@evil.example/:123456789012:key/0a1b",
  ` ${arn}`,
])("is not the ARN of a key: %j", async (text) => {
  const { provider, settings } = fakeKms();
  const error = await thrownBy(() => provider.wrap(dataKey, to({ arn: text }), testHost()));
  expect(error.code).toBe("KEY_BAD_RECIPIENT");
  expect(settings).toEqual([]);
});

test.each([
  ["arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1", "us-gov-west-1"],
  ["arn:aws-cn:kms:cn-north-1:123456789012:alias/a/b", "cn-north-1"],
])("%s is in region %s", async (text, region) => {
  const { provider, settings } = fakeKms();
  await provider.wrap(dataKey, to({ arn: text }), testHost());
  expect(settings[0]?.region).toBe(region);
});

test.each([
  awsError("AccessDeniedException", "canary"),
  awsError("InvalidSignatureException", "x-amz-security-token: canary"),
  awsError("ThrottlingException", "canary"),
  awsError("canary canary", "canary"),
  Object.assign(new Error("canary"), { code: "ECONNREFUSED" }),
  "canary",
])("a failed call says why, and nothing of what AWS answered: %s", async (thrown) => {
  const provider = failingKms(thrown);
  const key = wrappedKey([
    ["arn", leaf(arn)],
    ["enc", enc],
  ]);
  for (const call of [
    () => provider.wrap(dataKey, to(), testHost()),
    () => provider.unwrap(key, testHost(), noReason),
  ]) {
    const error = await thrownBy(call);
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.details.provider).toBe("aws-kms");
    expect(error.cause).toBeUndefined();
    expect(`${error.message} ${error.hint}`).not.toMatch(/canary|\/v38/);
  }
});

test("an SDK that cannot be loaded is a failure of the provider", async () => {
  const provider = createAwsKms(() => Promise.reject(new Error("no such module")));
  expect((await thrownBy(() => provider.wrap(dataKey, to(), testHost()))).code).toBe("PROVIDER_FAILED");
});

test("hands the signal on to the request", async () => {
  const seen: unknown[] = [];
  const note = async (...[, input, , signal]: Parameters<KmsClient["encrypt"]>) => {
    seen.push(signal);
    return input;
  };
  const { provider } = fakeKms({ encrypt: note, decrypt: note });
  const { signal } = new AbortController();
  const key = await provider.wrap(dataKey, to(), testHost(), signal);
  await provider.unwrap(key, testHost(), noReason, signal);
  expect(seen).toEqual([signal, signal]);
});

test("a request of the SDK ends with its signal", async () => {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const env = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: "test-only",
      AWS_SECRET_ACCESS_KEY: "test-only",
    };
    const controller = new AbortController();
    const host = { ...testHost(), env };
    const failing = failure(() => awsKms.wrap(dataKey, to(), host, controller.signal));
    const [connection] = (await once(server, "connection")) as [Socket];
    const closed = once(connection.on("error", () => {}).resume(), "close");
    controller.abort();
    expect((await failing).code).toBe("PROVIDER_FAILED");
    await closed;
  } finally {
    server.close();
  }
});

describe("a key of sops before 3.3.0", () => {
  const written = new Map([
    ["a", "1"],
    ["b", "2"],
    ["c", "2"],
  ]);
  const all = (value: string) => ({ a: value, b: value, c: value });
  const asWritten = { a: "1", b: "2", c: "2" };

  /** A KMS that wants one context; others fail with the error of that name. */
  function strictKms(wanted: Record<string, string>, otherwise = "InvalidCiphertextException") {
    const tried: Record<string, string>[] = [];
    const { provider } = fakeKms({
      async decrypt(_arn, ciphertext, given) {
        tried.push(Object.fromEntries(given));
        if (JSON.stringify(tried.at(-1)) !== JSON.stringify(wanted)) throw awsError(otherwise, "canary");
        return ciphertext;
      },
    });
    const fields = [
      ["arn", leaf(arn)],
      ["context", texts(Object.fromEntries(written))],
      ["enc", leaf("/v38+/r5")],
    ] as const;
    const unwrap = (more: { hasOldContext?: true }) =>
      provider.unwrap({ ...wrappedKey(fields), ...more }, testHost(), noReason);
    return { unwrap, tried };
  }

  test.each(["InvalidCiphertextException", "AccessDeniedException"])(
    "opens with one value for all, after its own context has met %s",
    async (name) => {
      const { unwrap, tried } = strictKms(all("2"), name);
      expect(await unwrap({ hasOldContext: true })).toHaveLength(6);
      expect(tried).toEqual([asWritten, all("1"), all("2")]);
    },
  );

  test("opens with its own context first", async () => {
    const { unwrap, tried } = strictKms(asWritten);
    await unwrap({ hasOldContext: true });
    expect(tried).toEqual([asWritten]);
  });

  test("fails when none of them fits, and at once for another reason", async () => {
    const none = strictKms(all("3"));
    expect((await thrownBy(() => none.unwrap({ hasOldContext: true }))).message).toContain("InvalidCiphertext");
    expect(none.tried).toHaveLength(3);
    const disabled = strictKms(all("2"), "DisabledException");
    expect((await thrownBy(() => disabled.unwrap({ hasOldContext: true }))).message).toContain("disabled");
    expect(disabled.tried).toHaveLength(1);
  });

  test("is the only kind for which others than the file's context are tried", async () => {
    const { unwrap, tried } = strictKms(all("2"));
    expect((await thrownBy(() => unwrap({}))).code).toBe("PROVIDER_FAILED");
    expect(tried).toEqual([asWritten]);
  });
});
