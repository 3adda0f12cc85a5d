import { describe, expect, test } from "vitest";
import { proxyAgent, proxyOf } from "../../../src/crypto/keys/proxy.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet, failure } from "../../support/sealing.ts";

const address = "https://kms.eu-central-1.amazonaws.com/";
const proxy = "http://user:canary@proxy.test:3128/";

test.each<[string, string, Record<string, string>, string | null]>([
  ["nothing is set", address, {}, null],
  ["the proxy is empty", address, { HTTPS_PROXY: "" }, null],
  ["there is a proxy", address, { HTTPS_PROXY: proxy }, proxy],
  ["it is in lower case", address, { https_proxy: proxy }, proxy],
  ["upper case comes first", address, { HTTPS_PROXY: proxy, https_proxy: "http://other.test" }, proxy],
  ["it has no scheme", address, { HTTPS_PROXY: "proxy.test:3128" }, "http://proxy.test:3128/"],
  ["it is one for plain HTTP", address, { HTTP_PROXY: proxy }, null],
  ["the address is plain HTTP", "http://kms.test/", { HTTPS_PROXY: proxy }, null],
  ["the address is on this machine", "https://localhost:8443/", { HTTPS_PROXY: proxy }, null],
  ["or that by number", "https://127.0.0.1/", { HTTPS_PROXY: proxy }, null],
  ["or by number of version 6", "https://[::1]/", { HTTPS_PROXY: proxy }, null],
  ["all are left out", address, { HTTPS_PROXY: proxy, NO_PROXY: "*" }, null],
  ["the domain is left out", address, { HTTPS_PROXY: proxy, NO_PROXY: "x.test, amazonaws.com" }, null],
  ["in lower case", address, { HTTPS_PROXY: proxy, no_proxy: "AmazonAWS.com" }, null],
  ["all below the domain", address, { HTTPS_PROXY: proxy, NO_PROXY: ".amazonaws.com" }, null],
  ["all below, with a star", address, { HTTPS_PROXY: proxy, NO_PROXY: "*.amazonaws.com" }, null],
  ["but not the domain itself", "https://amazonaws.com/", { HTTPS_PROXY: proxy, NO_PROXY: ".amazonaws.com" }, proxy],
  ["a part of a name is none", address, { HTTPS_PROXY: proxy, NO_PROXY: "naws.com" }, proxy],
  ["another port", address, { HTTPS_PROXY: proxy, NO_PROXY: "amazonaws.com:8443" }, proxy],
  ["the port", address, { HTTPS_PROXY: proxy, NO_PROXY: "amazonaws.com:443" }, null],
  ["empty items", address, { HTTPS_PROXY: proxy, NO_PROXY: ",, ," }, proxy],
])("the proxy where %s", (_, url, env, expected) => {
  expect(proxyOf(env, new URL(url))?.href ?? null).toBe(expected);
});

test.each(["socks5://canary@proxy.test", "http://", "canary canary", "file:///canary"])(
  "a proxy that is none is refused, and not shown: %s",
  async (text) => {
    const host = fakeHost({ env: { HTTPS_PROXY: text } });
    const error = await failure(() => proxyAgent(new URL(address), host));
    expect(error.code).toBe("PROVIDER_FAILED");
    expectDiscreet(error, "canary");
  },
);

test("one agent for a proxy, so that connections are used again", async () => {
  const host = fakeHost({ env: { HTTPS_PROXY: proxy } });
  const agent = await proxyAgent(new URL(address), host);
  expect(agent).not.toBeNull();
  expect(await proxyAgent(new URL("https://cloudkms.googleapis.com"), host)).toBe(agent);
});

describe("the proxy of the environment", () => {
  const proxy = "http://proxy.example:3128";
  const of = (url: string, env: Record<string, string>): string | null => proxyOf(env, new URL(url))?.origin ?? null;

  // Source: golang.org/x/net/http/httpproxy.
  test.each<[url: string, env: Record<string, string>, expected: string | null]>([
    ["https://vault.example", { HTTPS_PROXY: proxy }, proxy],
    ["https://vault.example", { https_proxy: proxy }, proxy],
    ["https://vault.example", { HTTPS_PROXY: proxy, https_proxy: "http://other" }, proxy],
    ["https://vault.example", { HTTPS_PROXY: "proxy.example:3128" }, proxy],
    ["https://vault.example", { HTTP_PROXY: proxy }, null],
    ["https://vault.example", {}, null],
    ["https://vault.example", { HTTPS_PROXY: "" }, null],
    ["http://vault.example", { HTTP_PROXY: proxy }, proxy],
    ["http://vault.example", { HTTPS_PROXY: proxy }, null],
    ["http://vault.example", { HTTP_PROXY: proxy, REQUEST_METHOD: "GET" }, null],
    ["https://localhost:8200", { HTTPS_PROXY: proxy }, null],
    ["https://127.9.9.9", { HTTPS_PROXY: proxy }, null],
    ["https://[::1]:8200", { HTTPS_PROXY: proxy }, null],
    ["https://127.example", { HTTPS_PROXY: proxy }, proxy],
  ])("%s %j", (url, env, expected) => expect(of(url, env)).toBe(expected));

  test.each<[url: string, exceptions: string, isExcepted: boolean]>([
    ["https://vault.example", "*", true],
    ["https://vault.example", "vault.example", true],
    ["https://vault.example", " VAULT.example ,x", true],
    ["https://vault.example", "example", true],
    ["https://vault.example", ".example", true],
    ["https://vault.example", "*.example", true],
    ["https://example", ".example", false],
    ["https://vault.example", "ault.example", false],
    ["https://vault.example", "vault", false],
    ["https://vault.example", "vault.example:443", true],
    ["https://vault.example", "vault.example:8200", false],
    ["https://vault.example:8200", "vault.example:8200", true],
    ["https://10.1.2.3", "10.0.0.0/8", true],
    ["https://11.1.2.3", "10.0.0.0/8", false],
    ["https://10.1.2.3", "10.1.2.3", true],
    ["https://10.1.2.3", "10.1.2.3:8200", false],
    ["https://10.1.2.3", "10.0.0.0/99", false],
    ["https://[fd00::1]", "fd00::/8", true],
    ["https://[fd00::1]", "fd00::1", true],
    ["https://[fd00::1]:8200", "[fd00::1]:8200", true],
    ["https://[fd00::1]", "10.0.0.0/8", false],
    ["https://vault.example", "", false],
  ])("%s with NO_PROXY %j", (url, exceptions, isExcepted) => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      expect(of(url, { HTTPS_PROXY: proxy, [name]: exceptions })).toBe(isExcepted ? null : proxy);
    }
  });

  test("that cannot be used is an error without its text", async () => {
    for (const bad of ["socks5://canary:canary@h", "http://", "http://canary:x:y"]) {
      const error = await failure(() => of("https://vault.example", { HTTPS_PROXY: bad }));
      expect(error.code).toBe("PROVIDER_FAILED");
      expect(`${error.message}${error.hint}`).not.toContain("canary");
    }
  });
});
