import type { Agent } from "node:https";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";

const agents = new WeakMap<Host, Map<string, Promise<Agent>>>();

/**
 * The agent that takes requests for an address through the proxy of the environment, which neither Node before 24 nor the
 * AWS SDK looks at. Plain HTTP never goes through one: it is for servers on this machine.
 * @returns `null`: it is asked directly.
 * @throws `PROVIDER_FAILED` for a proxy that is no URL.
 */
export async function proxyAgent(url: URL, host: Host): Promise<Agent | null> {
  const proxy = proxyFor(url, host.env);
  if (proxy === null) return null;
  const known = once(agents, host, () => new Map<string, Promise<Agent>>());
  return once(known, proxy.href, async () => {
    const { HttpsProxyAgent } = await import("https-proxy-agent");
    return new HttpsProxyAgent(proxy, { keepAlive: true });
  });
}

/**
 * `HTTPS_PROXY` without what `NO_PROXY` leaves out, both also in lower case: `*` is everything, `example.com` a host and
 * all below it, `.example.com` only those below, each also with a port. This machine is always left out.
 *
 * Source: Go's golang.org/x/net/http/httpproxy, without its ranges of addresses.
 */
export function proxyFor({ protocol, hostname, port }: URL, env: Host["env"]): URL | null {
  const text = env["HTTPS_PROXY"] || env["https_proxy"] || "";
  if (text === "" || protocol !== "https:") return null;
  if (hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname)) return null;
  for (const item of (env["NO_PROXY"] || env["no_proxy"] || "").split(",")) {
    const [, name = "", itemPort] = /^(.*?)(?::(\d+))?$/.exec(item.trim().toLowerCase()) ?? [];
    if (name === "*") return null;
    if (name === "" || (itemPort !== undefined && itemPort !== (port || "443"))) continue;
    const bare = name.replace(/^\*?\./, "");
    if (hostname.endsWith(`.${bare}`) || (hostname === bare && bare === name)) return null;
  }
  try {
    const proxy = new URL(text.includes("://") ? text : `http://${text}`);
    if (proxy.protocol === "http:" || proxy.protocol === "https:") return proxy;
  } catch {
    // It may hold a password, so nothing of it is shown.
  }
  throw new KeyleafError("PROVIDER_FAILED", "HTTPS_PROXY is not the URL of an HTTP proxy");
}
