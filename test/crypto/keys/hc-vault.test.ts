import { describe, expect, test } from "vitest";
import { createHcVault, hcVault } from "../../../src/crypto/keys/hc-vault.ts";
import { type HttpAnswer, pause, type Send } from "../../../src/crypto/keys/http.ts";
import { fieldOf, leaf, mapping, type Node } from "../../../src/document/document.ts";
import { KeyleafError } from "../../../src/errors.ts";
import type { Host } from "../../../src/host.ts";
import { type FakeHostOptions, fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, failure } from "../../support/sealing.ts";
import { jsonAnswer, standInTransit } from "../../support/stand-in-transit.ts";

const uri = "https://vault.example.com:8200/v1/transit/keys/app";
const address = "https://vault.example.com:8200";
const token = "test-only-token";
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at + 1);
const noReason = (): void => {};
const noWait = async (): Promise<void> => {};

function hostWith(options: FakeHostOptions = {}, trusted: readonly string[] = [address]): Host {
  const host = fakeHost({ env: { VAULT_TOKEN: token }, ...options });
  return { ...host, isTrustedEndpoint: async (url) => trusted.includes(url) };
}

/** A server that has one answer after the other, the last one again and again; `Error`s are thrown. */
function answering(...answers: (HttpAnswer | Error)[]) {
  const asked: { url: string; headers: Readonly<Record<string, string>> }[] = [];
  const waits: number[] = [];
  const send: Send = async ({ url, headers }) => {
    asked.push({ url: url.href, headers });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    // As if it came anew: what was used is overwritten.
    return { ...answer, body: Uint8Array.from(answer.body) };
  };
  const provider = createHcVault(send, async (ms) => void waits.push(ms));
  return { provider, asked, waits };
}

const ciphertext = jsonAnswer(200, { data: { ciphertext: "vault:v1:abc" } });
const to = (text = uri) => {
  const [recipient] = hcVault.fromText(text, {});
  if (recipient === undefined) throw new Error("no recipient");
  return recipient;
};
const entry = (changes: Record<string, string | Node> = {}) => {
  const fields = { enc: "vault:v1:abc", engine_path: "transit", key_name: "app", vault_address: address, ...changes };
  return {
    provider: "hc-vault",
    fields: mapping(
      Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? leaf(value) : value] as const),
    ),
  };
};
const coded = (code: string): Error => Object.assign(new Error(`internal words with ${token}`), { code });

describe("URIs", () => {
  // The same URIs given to sops 3.11.0.
  test.each([
    [uri, address, "transit", "app"],
    ["https://vault.me.com/v1/super42/bestmarket/keys/slig", "https://vault.me.com", "super42/bestmarket", "slig"],
    ["https://h/v1/transit/foo/k", "https://h", "transit", "k"],
    ["HTTPS://Vault.Example/v12/transit/keys/k/", "https://Vault.Example", "transit", "k"],
    ["http://[::1]:8200/v1/transit/keys/a.b-c_d", "http://[::1]:8200", "transit", "a.b-c_d"],
    ["https://h/v1/transit/keys/a%20b", "https://h", "transit", "a%20b"],
    ["https://h/v1/transit/keys/a b", "https://h", "transit", "a%20b"],
    ["https://h/v1/a/./b/keys/k", "https://h", "a/b", "k"],
  ])("%s", (text, expectedAddress, enginePath, keyName) => {
    expect(hcVault.fromText(text, {})).toEqual([{ address: expectedAddress, enginePath, keyName }]);
  });

  test.each([
    "https://h/v1/transit/keys/k?x=1#f",
    "https://h/v1/keys/k",
    "https://h/ns/v1/transit/keys/k",
    "https://h/v1/a/v2/b/keys/k",
    "h/v1/transit/keys/k",
    "localhost:8200/v1/transit/keys/k",
    "ftp://h/v1/transit/keys/k",
    "https://h/transit/keys/k",
    "https://h:port/v1/transit/keys/k",
    "https://h/v1/transit/keys/%zz",
    "https://h/v1/transit/keys/..",
    "https://h/v1/../../sys/keys/k",
    "https://h/v1/transit/keys/k//",
  ])("refuses %s", async (text) => {
    expect((await failure(() => hcVault.fromText(text, {}))).code).toBe("KEY_BAD_RECIPIENT");
  });

  test("refuses a password, and does not show it", async () => {
    const error = await failure(() => hcVault.fromText("https://me:canary@h/v1/transit/keys/k", {}));
    expect(error.code).toBe("KEY_BAD_RECIPIENT");
    expectDiscreet(error, "canary");
  });
});

describe("what goes to the server", () => {
  test("is what the reference's client sends", async () => {
    const { send, asked } = standInTransit(token);
    const provider = createHcVault(send, noWait);
    const host = hostWith({ env: { VAULT_TOKEN: token, VAULT_NAMESPACE: "team/a", VAULT_HEADERS: '{"X-Team":"b"}' } });
    const wrapped = await provider.wrap(dataKey, to("https://vault.example.com:8200/v1/t/2/keys/app"), host);
    expect(await provider.unwrap(wrapped, host, noReason)).toEqual(dataKey);
    expect(asked.map(({ request }) => [request.method, request.url.href])).toEqual([
      ["PUT", `${address}/v1/t/2/encrypt/app`],
      ["PUT", `${address}/v1/t/2/decrypt/app`],
    ]);
    for (const { request } of asked) {
      expect(request.headers).toMatchObject({
        "x-vault-token": token,
        "x-vault-request": "true",
        "x-vault-namespace": "team/a",
        "x-team": "b",
      });
    }
    expect(asked[0]?.body).toBe(JSON.stringify({ plaintext: Buffer.from(dataKey).toString("base64") }));
    // What held the data key is overwritten.
    expect(asked[0]?.request.body?.every((byte) => byte === 0)).toBe(true);
  });

  test("is stored verbatim, with the parts of the address", async () => {
    const { provider } = answering(ciphertext);
    const { fields } = await provider.wrap(dataKey, to(), hostWith());
    expect(fields.members.map((member) => (member.kind === "item" ? member.key : ""))).toEqual([
      "created_at",
      "enc",
      "engine_path",
      "key_name",
      "vault_address",
    ]);
    expect(fieldOf(fields, "enc")).toEqual(leaf("vault:v1:abc"));
    expect(fieldOf(fields, "created_at")).toEqual(leaf("2025-01-02T03:04:05Z"));
    expect(provider.identityOf({ provider: "hc-vault", fields })).toBe(uri);
  });

  test("cannot lead out of the engine", async () => {
    const { provider, asked } = answering(jsonAnswer(200, { data: { plaintext: "" } }));
    await failure(() => provider.unwrap(entry({ key_name: "a?b#c d" }), hostWith(), noReason));
    expect(asked.map(({ url }) => url)).toEqual([`${address}/v1/transit/decrypt/a%3Fb%23c%20d`]);
    for (const changes of [
      { key_name: ".." },
      { key_name: "." },
      { key_name: "../../sys/seal" },
      { engine_path: "../sys/seal" },
      { engine_path: "transit/.." },
      { engine_path: "/transit" },
      { engine_path: "" },
      { vault_address: "https://vault.example.com:8200@evil.example" },
      { vault_address: "https://vault.example.com:8200/v1/secret/data" },
      { vault_address: "https://vault.example.com:8200?x" },
      { vault_address: "https://vault.example.com:8200/#x" },
      { vault_address: "file:///etc/passwd" },
      { vault_address: "" },
      { vault_address: leaf({ type: "null", text: "" }) },
    ]) {
      const host: Host = { ...hostWith(), isTrustedEndpoint: async () => true };
      expect((await failure(() => provider.unwrap(entry(changes), host, noReason))).code).toBe("PROVIDER_FAILED");
    }
    expect(asked).toHaveLength(1);
  });

  test("goes to the user's agent, where there is one", async () => {
    const { send, asked } = standInTransit(token);
    const provider = createHcVault(send, noWait);
    const wrapped = await provider.wrap(dataKey, to(), hostWith());
    for (const [agent, href, socketPath] of [
      ["http://127.0.0.1:8100", "http://127.0.0.1:8100/v1/transit/decrypt/app", undefined],
      ["unix:///run/agent.sock", "http://localhost/v1/transit/decrypt/app", "/run/agent.sock"],
    ] as const) {
      // Nobody has named the address of the file, and nobody asks it.
      const host = hostWith({ env: { VAULT_TOKEN: token, VAULT_AGENT_ADDR: agent } }, []);
      expect(await provider.unwrap(wrapped, host, noReason)).toEqual(dataKey);
      const { request, way } = asked.at(-1) ?? expect.fail("not asked");
      expect([request.url.href, way.socketPath]).toEqual([href, socketPath]);
    }
  });
});

describe("the token", () => {
  test.each<[string, FakeHostOptions, string | undefined]>([
    ["of the variable", { env: { VAULT_TOKEN: "a" }, files: { "/home/tester/.vault-token": "b" } }, "a"],
    ["of the file, trimmed", { env: {}, files: { "/home/tester/.vault-token": "b\n" } }, "b"],
    [
      "of the file, where the variable is empty",
      { env: { VAULT_TOKEN: "" }, files: { "/home/tester/.vault-token": "b" } },
      "b",
    ],
    ["is not needed", { env: {} }, undefined],
    ["is not needed without a home", { env: {}, home: null }, undefined],
  ])("%s", async (_, options, expected) => {
    const { provider, asked } = answering(ciphertext);
    await provider.wrap(dataKey, to(), hostWith(options));
    expect(asked[0]?.headers["x-vault-token"]).toBe(expected);
  });

  test("is read once for many keys", async () => {
    const { provider } = answering(ciphertext);
    const host = fakeHost({ files: { "/home/tester/.vault-token": "b" } });
    await Promise.all([1, 2, 3].map(() => provider.wrap(dataKey, to(), host)));
    expect(host.reads).toEqual(["/home/tester/.vault-token"]);
  });

  test("that cannot be read or sent is an error that does not show it", async () => {
    const { provider, asked } = answering(ciphertext);
    const unreadable = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    for (const options of [
      { env: {}, files: { "/home/tester/.vault-token": unreadable } },
      { env: { VAULT_TOKEN: "canary\nline" } },
    ]) {
      const error = await failure(() => provider.wrap(dataKey, to(), hostWith(options)));
      expect(error.code).toBe("PROVIDER_FAILED");
      expectDiscreet(error, "canary");
    }
    expect(asked).toEqual([]);
  });
});

describe("an address of a file", () => {
  test("is not contacted unless the host trusts it", async () => {
    const { provider, asked } = answering(jsonAnswer(200, { data: { plaintext: "" } }));
    const { isTrustedEndpoint: _, ...unknowing } = hostWith();
    for (const host of [hostWith({}, []), unknowing]) {
      const error = await failure(() => provider.unwrap(entry(), host, noReason));
      expect(error.code).toBe("PROVIDER_FAILED");
      expect(error.message).toContain(address);
      expect(error.hint).toContain(`--trust-endpoint ${address}`);
    }
    expect(asked).toEqual([]);
  });

  test("is not contacted either where the host cannot tell; why it cannot is a part of the reason", async () => {
    const { provider, asked } = answering(jsonAnswer(200, { data: { plaintext: "" } }));
    const isTrustedEndpoint = (): Promise<boolean> =>
      Promise.reject(new KeyleafError("CONFIG_MALFORMED", "x is broken", { hint: "mend it" }));
    const error = await failure(() => provider.unwrap(entry(), { ...hostWith(), isTrustedEndpoint }, noReason));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toMatch(/^https:\/\/vault\.example\.com:8200 .* not contacted; x is broken \(mend it\)$/);
    expect(error.hint).toContain(`--trust-endpoint ${address}`);
    const bug = (): Promise<boolean> => Promise.reject(new TypeError("bug"));
    await expect(provider.unwrap(entry(), { ...hostWith(), isTrustedEndpoint: bug }, noReason)).rejects.toThrow(
      TypeError,
    );
    expect(asked).toEqual([]);
  });

  test("is asked of the host as it stands there", async () => {
    const urls: string[] = [];
    const { provider } = answering(jsonAnswer(200, {}));
    const host: Host = { ...hostWith(), isTrustedEndpoint: async (url) => urls.push(url) > 0 };
    await failure(() => provider.unwrap(entry(), host, noReason));
    expect(urls).toEqual([address]);
  });

  test.each([
    ["", true],
    ["all", true],
    ["none", false],
    [address, true],
    [`${address}/`, true],
    ["https://vault.example.com", false],
    ["https://vault.example.com:82", false],
    [` https://other , ${address} `, true],
    [`${address},`, false],
  ])("SOPS_HC_VAULT_ALLOWLIST %j", async (list, isAllowed) => {
    const { provider, asked } = answering(ciphertext);
    const host = hostWith({ env: { VAULT_TOKEN: token, SOPS_HC_VAULT_ALLOWLIST: list } });
    await provider.wrap(dataKey, to(), host).catch((error: { code?: string }) => {
      expect(error.code).toBe("KEY_BAD_RECIPIENT");
    });
    await failure(() => provider.unwrap(entry(), host, noReason));
    expect(asked).toHaveLength(isAllowed ? 2 : 0);
  });
});

describe("failures", () => {
  test.each<[status: number, errors: string[], hint: RegExp]>([
    [403, ["permission denied"], /VAULT_TOKEN may have expired/],
    [400, ["cipher: message authentication failed"], /another key/],
    [400, ["encryption key not found"], /key's name/],
    [404, [], /path of the transit engine/],
    [429, ["too many"], /later/],
    [500, ["internal error"], /later/],
    [503, ["Vault is sealed"], /unseal/],
    [302, [], /redirect/],
  ])("HTTP %i %j has the server's words and what to do", async (status, errors, hint) => {
    const { provider } = answering(jsonAnswer(status, { errors }, { location: `${address}/v1/x` }));
    const error = await failure(() => provider.unwrap(entry(), hostWith(), noReason));
    expect(error.code).toBe("PROVIDER_FAILED");
    expect(error.message).toContain(`HTTP ${status}`);
    expect(error.message).toContain(errors[0] ?? "no reason given");
    expect(error.hint).toMatch(hint);
    expectDiscreet(error, token);
  });

  test("without a token, that is said", async () => {
    const { provider } = answering(jsonAnswer(403, { errors: ["permission denied"] }));
    expect((await failure(() => provider.wrap(dataKey, to(), hostWith({ env: {} })))).hint).toMatch(/no token/);
  });

  test("long texts are cut, and the token is taken out", async () => {
    const { provider } = answering(jsonAnswer(400, { errors: [`you said ${token} ${"x".repeat(1000)}`] }));
    const error = await failure(() => provider.wrap(dataKey, to(), hostWith()));
    expect(error.message.length).toBeLessThan(450);
    expectDiscreet(error, token);
  });

  test.each<[string, HttpAnswer]>([
    ["no JSON", { status: 200, headers: {}, body: Buffer.from("<html>") }],
    ["nothing", { status: 204, headers: {}, body: Buffer.from("") }],
    ["no data", jsonAnswer(200, { data: null })],
    ["a list", jsonAnswer(200, [])],
    ["a number", jsonAnswer(200, { data: { plaintext: 5, ciphertext: 5 } })],
    ["an empty text", jsonAnswer(200, { data: { plaintext: "", ciphertext: "" } })],
    ["no base64", jsonAnswer(200, { data: { plaintext: "%%%" } })],
  ])("an answer that is %s", async (_, answer) => {
    const { provider } = answering(answer);
    expect((await failure(() => provider.unwrap(entry(), hostWith(), noReason))).code).toBe("PROVIDER_FAILED");
  });

  test.each<[code: string, words: RegExp, hint: RegExp]>([
    ["ECONNREFUSED", /connection refused/, /network/],
    ["ENOTFOUND", /no such host/, /network/],
    ["CERT_HAS_EXPIRED", /expired/, /VAULT_CACERT/],
    ["SELF_SIGNED_CERT_IN_CHAIN", /unknown authority/, /VAULT_CACERT/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", /another name/, /VAULT_TLS_SERVER_NAME/],
    ["EPROTO", /TLS/, /plain http/],
  ])("%s is said in words", async (code, words, hint) => {
    const { provider } = answering(coded(code));
    const error = await failure(() => provider.unwrap(entry(), hostWith(), noReason));
    expect(error.message).toMatch(words);
    expect(error.hint).toMatch(hint);
    expectDiscreet(error, token, "internal words");
  });

  test("a variable that cannot be read", async () => {
    for (const [name, value] of Object.entries({
      VAULT_SKIP_VERIFY: "maybe",
      VAULT_MAX_RETRIES: "-1",
      VAULT_CLIENT_TIMEOUT: "soon",
      VAULT_CACERT: "/none.pem",
      VAULT_CAPATH: "/none",
      VAULT_CLIENT_CERT: "/only.pem",
      VAULT_HEADERS: '{"X-Vault-Token":"x"}',
      VAULT_AGENT_ADDR: "127.0.0.1:8100",
      VAULT_PROXY_ADDR: "socks5://h",
    })) {
      const { provider, asked } = answering(ciphertext);
      const host: Host = hostWith({ env: { VAULT_TOKEN: token, [name]: value } });
      const error = await failure(() => provider.wrap(dataKey, to(), host));
      expect(`${error.message} ${error.hint}`).toContain(name);
      expect(asked).toEqual([]);
    }
  });
});

describe("tries", () => {
  test("three, with more and more time between", async () => {
    for (const answer of [jsonAnswer(500, {}), jsonAnswer(503, {}), jsonAnswer(429, {}), coded("ECONNRESET")]) {
      const { provider, asked, waits } = answering(answer);
      await failure(() => provider.wrap(dataKey, to(), hostWith()));
      expect(asked).toHaveLength(3);
      expect(waits).toHaveLength(2);
      const [first = 0, second = 0] = waits;
      expect(first >= 1000 && first <= 1500 && second >= 2000 && second <= 3000).toBe(true);
    }
  });

  test("one that succeeds is enough", async () => {
    const { provider, asked } = answering(coded("ECONNREFUSED"), jsonAnswer(500, {}), ciphertext);
    await provider.wrap(dataKey, to(), hostWith());
    expect(asked).toHaveLength(3);
  });

  test("none more for what would be the same", async () => {
    for (const answer of [jsonAnswer(400, {}), jsonAnswer(403, {}), jsonAnswer(501, {}), coded("CERT_HAS_EXPIRED")]) {
      const { provider, asked } = answering(answer);
      await failure(() => provider.wrap(dataKey, to(), hostWith()));
      expect(asked).toHaveLength(1);
    }
  });

  test("as many as VAULT_MAX_RETRIES says, after as long as the server says", async () => {
    const { provider, asked, waits } = answering(jsonAnswer(429, {}, { "retry-after": "7" }));
    await failure(() => provider.wrap(dataKey, to(), hostWith({ env: { VAULT_MAX_RETRIES: "1" } })));
    expect([asked.length, waits]).toEqual([2, [7000]]);
  });

  test("end with VAULT_CLIENT_TIMEOUT, and with the caller's signal", async () => {
    const never: Send = (_, __, signal) =>
      new Promise((___, reject) => {
        if (signal.aborted) reject(signal.reason);
        else signal.addEventListener("abort", () => reject(signal.reason));
      });
    const provider = createHcVault(never, pause);
    const late = await failure(() => provider.wrap(dataKey, to(), hostWith({ env: { VAULT_CLIENT_TIMEOUT: "20ms" } })));
    expect(late.message).toMatch(/no answer in time/);
    const controller = new AbortController();
    const waiting = provider.unwrap(entry(), hostWith(), noReason, controller.signal);
    controller.abort();
    expect((await failure(() => waiting)).message).toMatch(/given up/);
  });

  test("also while it waits for the next one", async () => {
    const { asked } = answering();
    const busy: Send = async ({ url, headers }) => {
      asked.push({ url: url.href, headers });
      return jsonAnswer(503, {});
    };
    const host = hostWith({ env: { VAULT_CLIENT_TIMEOUT: "30ms" } });
    const error = await failure(() => createHcVault(busy, pause).wrap(dataKey, to(), host));
    expect(error.message).toMatch(/no answer in time/);
    expect(asked).toHaveLength(1);
  });
});

test("an authority that only the system knows is found, by several at a time", async () => {
  const { send } = standInTransit(token);
  const tried: boolean[] = [];
  const picky: Send = async (request, way, signal) => {
    const knows = Buffer.from(way.tls?.ca?.[0] ?? []).toString() === "of the system";
    tried.push(knows);
    if (!knows) throw coded("UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
    return send(request, way, signal);
  };
  const provider = createHcVault(picky, noWait);
  for (const [env, files] of [
    [{ SSL_CERT_FILE: "/ca" }, { "/ca": "of the system" }],
    [{}, { "/etc/pki/tls/certs/ca-bundle.crt": "of the system" }],
  ] as [Record<string, string>, Record<string, string>][]) {
    tried.length = 0;
    const host = hostWith({ env: { VAULT_TOKEN: token, ...env }, files });
    await Promise.all([1, 2, 3].map(() => provider.wrap(dataKey, to(), host)));
    await provider.wrap(dataKey, to(), host);
    expect(tried.filter((knows) => !knows)).toHaveLength(3);
    expect(tried.filter((knows) => knows)).toHaveLength(4);
  }
  // It is not looked for where the user has named one.
  const named = hostWith({
    env: { VAULT_TOKEN: token, VAULT_CACERT_BYTES: "x", SSL_CERT_FILE: "/ca" },
    files: { "/ca": "of the system" },
  });
  await expect(provider.wrap(dataKey, to(), named)).rejects.toThrow(/unknown authority/);
});

describe("redirects", () => {
  const redirect = (location: string, status = 307): HttpAnswer => jsonAnswer(status, {}, { location });

  test("one is followed, as the reference's client does", async () => {
    for (const status of [301, 302, 307]) {
      const { provider, asked } = answering(redirect("https://active:8200/v1/transit/encrypt/app", status), ciphertext);
      await provider.wrap(dataKey, to(), hostWith());
      expect(asked.map(({ url }) => new URL(url).host)).toEqual(["vault.example.com:8200", "active:8200"]);
    }
  });

  test.each([
    ["to plain http", "http://active:8200/v1/x"],
    ["to no address", "unix:///run/x"],
    ["to nowhere", ""],
    ["with a user name", "https://a@active/v1/x"],
  ])("none %s", async (_, location) => {
    const { provider, asked } = answering(redirect(location), ciphertext);
    const result = await failure(() => provider.wrap(dataKey, to(), hostWith()));
    expect(result.code).toBe("PROVIDER_FAILED");
    expect(asked.every(({ url }) => url.startsWith(address))).toBe(true);
  });

  test("none more than one, and none with VAULT_DISABLE_REDIRECTS", async () => {
    const { provider, asked } = answering(redirect("https://b/v1/x"), redirect("https://c/v1/x"), ciphertext);
    await failure(() => provider.wrap(dataKey, to(), hostWith()));
    expect(asked).toHaveLength(2);
    const other = answering(redirect("https://b/v1/x"), ciphertext);
    await failure(() => other.provider.wrap(dataKey, to(), hostWith({ env: { VAULT_DISABLE_REDIRECTS: "true" } })));
    expect(other.asked).toHaveLength(1);
  });
});
