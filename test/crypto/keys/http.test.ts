import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { networkReason, proxyOf, send } from "../../../src/crypto/keys/http.ts";
import { failure } from "../../support/sealing.ts";

/** Certificates and proxies are tried with the built programs, see test/e2e/hc-vault.test.ts. */

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

describe("one request", () => {
  const never = new AbortController().signal;

  async function served(answer: Parameters<typeof createServer>[1]): Promise<URL> {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path?query`);
  }

  test("is sent as it is, and answered", async () => {
    const url = await served((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        const { method, url: path, headers } = request;
        response.writeHead(418, { "x-a": "b" }).end(JSON.stringify([method, path, headers["x-c"], body]));
      });
    });
    const request = { method: "PUT", url, headers: { "x-c": "d" }, body: Buffer.from("é") } as const;
    const { status, headers, body } = await send(request, {}, never);
    expect([status, headers["x-a"]]).toEqual([418, "b"]);
    expect(JSON.parse(Buffer.from(body).toString())).toEqual(["PUT", "/path?query", "d", "é"]);
  });

  test("an answer without an end is cut off", async () => {
    const url = await served((_, response) => {
      const more = (): void => {
        if (response.destroyed) return;
        response.write("x".repeat(100_000));
        setImmediate(more);
      };
      more();
    });
    const error = await send({ method: "GET", url, headers: {} }, {}, never).catch((thrown: unknown) => thrown);
    expect(networkReason(error)).toMatch(/too long/);
  });

  test("a connection that ends in the middle is an error", async () => {
    const url = await served((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => response.destroy(), 10);
    });
    const error = await send({ method: "GET", url, headers: {} }, {}, never).catch((thrown: unknown) => thrown);
    expect(networkReason(error)).toMatch(/connection lost/);
  });

  test("ends with its signal", async () => {
    const url = await served(() => {});
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    const sending = send({ method: "GET", url, headers: {} }, {}, controller.signal);
    expect(networkReason(await sending.catch((thrown: unknown) => thrown))).toBe("given up");
    const late = send({ method: "GET", url, headers: {} }, {}, AbortSignal.timeout(10));
    expect(await late.catch((thrown: unknown) => thrown)).toBeInstanceOf(Error);
  });
});
