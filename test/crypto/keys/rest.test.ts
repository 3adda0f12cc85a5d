import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { HttpAnswer, Send } from "../../../src/crypto/keys/http.ts";
import { networkFailure } from "../../../src/crypto/keys/network-reasons.ts";
import { type RestRequest, restOver, sendRest } from "../../../src/crypto/keys/rest.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { expectDiscreet } from "../../support/sealing.ts";

const host = fakeHost();

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a?b=c`);
}

describe("a request", () => {
  test("goes out as JSON with its headers, and the answer is read, whatever its status", async () => {
    let seen: unknown;
    const url = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method, url: path, headers } = request;
      seen = [method, path, headers["content-type"], headers.authorization, Buffer.concat(chunks).toString()];
      response.writeHead(418, { "X-Kind": "tea" }).end('{"a": ["ä"]}');
    });
    const request: RestRequest = { method: "POST", url, headers: { authorization: "Bearer t" }, body: { k: "ü" } };
    const answer = await sendRest(request, host);
    expect(seen).toEqual(["POST", "/a?b=c", "application/json", "Bearer t", '{"k":"ü"}']);
    expect([answer.status, answer.headers["x-kind"], answer.body]).toEqual([418, "tea", { a: ["ä"] }]);
  });

  test("follows no redirect", async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect((await sendRest({ method: "GET", url, headers: { authorization: "Bearer t" } }, host)).status).toBe(302);
    expect(asked).toBe(1);
  });

  test("whose answer is not JSON has none", async () => {
    const url = await serve((_, response) => response.end("<html>"));
    expect((await sendRest({ method: "GET", url }, host)).body).toBeUndefined();
  });

  test("whose answer is cut off, or has no end, fails", async () => {
    const cut = await serve((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
    });
    await expect(sendRest({ method: "GET", url: cut }, host)).rejects.toMatchObject({ code: "ECONNRESET" });
    const endless = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    await expect(sendRest({ method: "GET", url: endless }, host)).rejects.toThrow("too long");
  });

  test("that nobody answers, or not to the end, fails in time", async () => {
    for (const listener of [() => {}, (_, response) => void response.write("{")] satisfies RequestListener[]) {
      const url = await serve(listener);
      await expect(restOver(50)({ method: "GET", url }, host)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    }
  });

  test("is given up when it is stopped", async () => {
    const stop = new AbortController();
    const url = await serve(() => stop.abort());
    await expect(sendRest({ method: "GET", url }, host, stop.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("trying again", () => {
  const url = new URL("https://kms.test/");
  const answerOf = (status: number, headers: HttpAnswer["headers"] = {}): HttpAnswer => ({
    status,
    headers,
    body: new Uint8Array(),
  });
  const lost = (code: string): Error => Object.assign(new Error("canary"), { code });

  /** Gives one outcome after the other, the last for ever; notes the pauses between. */
  function sender(...outcomes: readonly (HttpAnswer | Error)[]) {
    const pauses: number[] = [];
    let tries = 0;
    const send: Send = async () => {
      const outcome = outcomes[Math.min(tries++, outcomes.length - 1)];
      if (outcome instanceof Error || outcome === undefined) throw outcome;
      return outcome;
    };
    const retrying = restOver(undefined, send, async (ms) => {
      pauses.push(ms);
    });
    return { ask: () => retrying({ method: "GET", url }, host), pauses, tries: () => tries };
  }

  test.each([429, 500, 502, 503, 504])(
    "helps against status %i, five times at most, after growing pauses",
    async (status) => {
      const passing = sender(answerOf(status), answerOf(status), answerOf(200));
      expect((await passing.ask()).status).toBe(200);
      expect(passing.pauses).toHaveLength(2);
      const lasting = sender(answerOf(status));
      expect((await lasting.ask()).status).toBe(status);
      expect(lasting.tries()).toBe(5);
      for (const [at, ms] of lasting.pauses.entries()) {
        expect(ms).toBeGreaterThanOrEqual(125 * 2 ** at);
        expect(ms).toBeLessThanOrEqual(250 * 2 ** at);
      }
    },
  );

  test("waits as long as the service asks for, within reason", async () => {
    const asking = sender(
      answerOf(429, { "retry-after": "2" }),
      answerOf(429, { "retry-after": "3600" }),
      answerOf(429, { "retry-after": "Thu, 26 Nov 2026 18:00:00 GMT" }),
      answerOf(200),
    );
    await asking.ask();
    expect(asking.pauses.slice(0, 2)).toEqual([2000, 10_000]);
    expect(asking.pauses[2]).toBeLessThanOrEqual(1000);
  });

  test.each([200, 400, 401, 403, 404])("is of no use with status %i", async (status) => {
    const { ask, tries } = sender(answerOf(status));
    expect((await ask()).status).toBe(status);
    expect(tries()).toBe(1);
  });

  test("helps against connections that get lost, three times at most", async () => {
    expect((await sender(lost("ECONNRESET"), answerOf(200)).ask()).status).toBe(200);
    const gone = sender(lost("ECONNREFUSED"));
    await expect(gone.ask()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(gone.tries()).toBe(3);
    for (const code of ["ENOTFOUND", "ETIMEDOUT", "CERT_HAS_EXPIRED"]) {
      const { ask, tries } = sender(lost(code));
      await expect(ask()).rejects.toMatchObject({ code });
      expect(tries()).toBe(1);
    }
  });

  test("ends when it is stopped, also while it waits", async () => {
    const stop = new AbortController();
    const retrying = restOver(undefined, async () => answerOf(429, { "retry-after": "9" }));
    const asking = retrying({ method: "GET", url }, host, stop.signal);
    setTimeout(() => stop.abort(), 10);
    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
  });
});

test.each([
  [Object.assign(new Error("canary"), { code: "ENOTFOUND" }), /no such host \(ENOTFOUND\)/],
  [Object.assign(new Error("canary"), { code: "canary canary" }), /failed \(unknown\)/],
  [Object.assign(new Error("canary"), { name: "AbortError" }), /given up/],
  ["canary", /failed/],
])("a failure on the way says why, and nothing of what was sent: %s", (thrown, message) => {
  const error = networkFailure(thrown, "cannot ask", "x", "check the network");
  expect(error.code).toBe("PROVIDER_FAILED");
  expect(error.message).toMatch(message);
  expect(error.cause).toBeUndefined();
  expectDiscreet(error, "canary");
});
