import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { send } from "../../../src/crypto/keys/http.ts";
import { networkReason } from "../../../src/crypto/keys/network-reasons.ts";

/** Certificates and proxies are tried with the built programs, see test/e2e/hc-vault.test.ts. */

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
