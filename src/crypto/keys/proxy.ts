import type { Agent } from "node:https";
import { BlockList, isIP } from "node:net";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { isLoopback } from "../loopback.ts";

const agents = new WeakMap<Host, Map<string, Promise<Agent>>>();

/**
 * The agent that takes requests of the AWS SDK for an address through the proxy of the environment, at which neither the
 * SDK nor Node before 24 looks. Plain HTTP never goes through one there: it is for servers on this machine.
 * @returns `null`: it is asked directly.
 * @throws `PROVIDER_FAILED` for a proxy that is no URL.
 */
export async function proxyAgent(url: URL, host: Host): Promise<Agent | null> {
  const proxy = url.protocol === "https:" ? proxyOf(host.env, url) : null;
  if (proxy === null) return null;
  const known = once(agents, host, () => new Map<string, Promise<Agent>>());
  return once(known, proxy.href, async () => {
    const { HttpsProxyAgent } = await import("https-proxy-agent");
    return new HttpsProxyAgent(proxy, { keepAlive: true });
  });
}

/**
 * The proxy that the environment names for an address, as Go reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or
 * lower case: this machine is never asked through one. `null`: none.
 * @throws `PROVIDER_FAILED` when it is none that can be used.
 *
 * Source: golang.org/x/net/http/httpproxy.
 */
export function proxyOf(env: Host["env"], url: URL): URL | null {
  const isTls = url.protocol === "https:";
  const text = isTls ? env["HTTPS_PROXY"] || env["https_proxy"] : env["HTTP_PROXY"] || env["http_proxy"];
  if (!text) return null;
  // In a CGI program this variable is what a caller sent as a header.
  if (!isTls && env["REQUEST_METHOD"]) return null;
  const name = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isLoopback(name)) return null;
  const port = url.port || (isTls ? "443" : "80");
  const exceptions = (env["NO_PROXY"] || env["no_proxy"] || "").split(",").map((item) => item.trim().toLowerCase());
  return exceptions.some((item) => isExcepted(item, name, port)) ? null : proxyAt(text);
}

/**
 * @param text - `http://host:port` or `host:port`. It is not shown, since a password may be in it.
 * @throws `PROVIDER_FAILED`
 */
export function proxyAt(text: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(full) ? new URL(full) : null;
  if (proxy !== null && /^https?:$/.test(proxy.protocol)) return proxy;
  throw new KeyleafError("PROVIDER_FAILED", "the proxy that the environment names is not an http or https address", {
    hint: "check HTTP_PROXY, HTTPS_PROXY and, for Vault, VAULT_PROXY_ADDR",
  });
}

function isExcepted(item: string, name: string, port: string): boolean {
  if (item === "*") return true;
  const [, host = "", itsPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(item) === 6 ? `[${item}]` : item) ?? [];
  const bare = host.replace(/^\[|\]$/g, "");
  if (bare === "" || (itsPort !== undefined && itsPort !== port)) return false;
  const family = isIP(name);
  if (family !== 0) {
    const [network = "", bits] = bare.split("/");
    if (isIP(network) !== family) return false;
    if (bits === undefined) return network === name;
    if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
    const list = new BlockList();
    const type = family === 4 ? "ipv4" : "ipv6";
    list.addSubnet(network, Number(bits), type);
    return list.check(name, type);
  }
  // `.example.com` and `*.example.com` stand for what is below, `example.com` also for itself.
  const domain = bare.replace(/^\*?\./, "");
  return name.endsWith(`.${domain}`) || (domain === bare && name === domain);
}
