import { expect, test } from "vitest";
import { proxyAgent, proxyFor } from "../../../src/crypto/keys/proxy.ts";
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
  expect(proxyFor(new URL(url), env)?.href ?? null).toBe(expected);
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
