/**
 * HashiCorp Vault and OpenBao: a key of a transit engine wraps the data key. The server's address stands in the file, so
 * it is asked of the host whether it may be sent the user's token.
 *
 * Source: SOPS hcvault/keysource.go; Vault api/client.go (v1.22.0).
 */
import { posix } from "node:path";
import { fieldOf, leaf, type Mapping, mapping } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { timestamp } from "../../timestamp.ts";
import { jsonOf, memberOf } from "./answers.ts";
import { decodeBase64, failing, textOf } from "./fields.ts";
import { type HttpAnswer, pause, send as realSend, type Send } from "./http.ts";
import { hcVaultNames } from "./names.ts";
import type { KeyProvider } from "./provider.ts";
import { expectTrusted } from "./trust.ts";
import { askVault, loadVaultClient, refusalOf, type VaultClient } from "./vault-client.ts";

/** One transit key as rules, flags and files name it. */
export interface VaultRecipient {
  /** `https://vault.example.com:8200`, in the spelling it was given in. */
  readonly address: string;
  /** Where the engine is mounted, without slashes at the ends: `transit`, `team/transit`. */
  readonly enginePath: string;
  readonly keyName: string;
}

const EXAMPLE = "https://vault.example.com:8200/v1/transit/keys/NAME";

/**
 * The provider on top of a network; tests bring their own, and a clock that does not make them wait.
 * @internal
 */
export function createHcVault(send: Send, wait: typeof pause): KeyProvider<VaultRecipient> {
  const clients = new WeakMap<Host, Promise<VaultClient>>();

  /** @returns the field `name` of what the engine answers: text. */
  async function ask(
    operation: "encrypt" | "decrypt",
    { address, enginePath, keyName }: VaultRecipient,
    input: Uint8Array,
    host: Host,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const client = await once(clients, host, loadVaultClient);
    const path = [...enginePath.split("/"), operation, keyName].map(encodeURIComponent).join("/");
    const request = { method: "PUT", address, path, body: input } as const;
    const answer = await askVault(client, request, signal, send, wait);
    try {
      return resultOf(answer, operation, client, address);
    } finally {
      answer.body.fill(0);
    }
  }

  return {
    ...hcVaultNames,

    fromText(text) {
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
        .map(parseUri);
    },

    fromGroup(value) {
      if (value.kind === "leaf" && value.scalar.type === "str" && typeof value.scalar.text === "string") {
        return [parseUri(value.scalar.text.trim())];
      }
      throw badRecipient("an element of hc_vault in a key group is not text");
    },

    identity: identityText,

    identityOf: (key) => identityText(recipientOf(key.fields)),

    entry: entryOf,

    checkServer,

    async wrap(dataKey, recipient, host, signal) {
      const problem = problemOf(recipient) ?? allowlistProblem(recipient.address, host.env);
      if (problem !== null) throw badRecipient(problem);
      const body = jsonBody("plaintext", Buffer.from(dataKey.buffer, dataKey.byteOffset, dataKey.length));
      try {
        const enc = await ask("encrypt", recipient, body, host, signal);
        return { provider: hcVaultNames.id, fields: entryOf(recipient, enc, host.now()) };
      } finally {
        body.fill(0);
      }
    },

    async unwrap(key, host, _, signal) {
      const recipient = recipientOf(key.fields);
      const { address } = recipient;
      const enc = textOf(fieldOf(key.fields, "enc"));
      if (enc === "") throw failed("enc of the wrapped key is missing or not text");
      const problem = problemOf(recipient) ?? allowlistProblem(address, host.env);
      if (problem !== null) throw failed(problem);
      await checkServer(recipient, host);
      const body = Buffer.from(JSON.stringify({ ciphertext: enc }));
      const plaintext = await ask("decrypt", recipient, body, host, signal);
      const dataKey = decodeBase64(plaintext);
      if (dataKey === null) throw failed(`the answer of ${address} is not base64`);
      return dataKey;
    },
  };
}

async function checkServer({ address }: VaultRecipient, host: Host): Promise<void> {
  // An agent is the user's own, and asks the server it was set up for.
  if (host.env["VAULT_AGENT_ADDR"]) return;
  const howTo = "name it in VAULT_ADDR, in a rule of .sops.yaml or with";
  await expectTrusted(address, host, { provider: hcVaultNames.id, howTo });
}

/** The provider on the network as it is. */
export const hcVault: KeyProvider<VaultRecipient> = createHcVault(realSend, pause);

/**
 * The parts of a key's URI, cut as the reference cuts it, Go's `url.Parse` included: what lies between
 * the version and the last two segments is the engine; the last but one is dropped, whatever it is. A query sticks to the
 * key's name and to the address. What could never work is refused here, not when it is used: other schemes, an empty
 * name, and a user name or password, which would stand in the file for all to read.
 * @throws `KEY_BAD_RECIPIENT`
 */
function parseUri(uri: string): VaultRecipient {
  const [, scheme = "", authority = "", path = "", query = "", fragment = ""] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(uri) ?? [];
  const shown = JSON.stringify(uri.replace(/\/\/[^/?#]*@/, "//...@"));
  if (!/^https?$/i.test(scheme) || !URL.canParse(uri)) {
    throw badRecipient(`${shown} is not an http or https address of a Vault key`);
  }
  const full = escapedPath(path, shown) + query;
  if (/\/[^/]+\/v\d+\/[^/]+\/[^/]+\/[^/]+/.test(full)) {
    throw badRecipient(`${shown} has a path in front of the version, which clients of Vault do not support`);
  }
  if (!/\/v\d+\/[^/]+\/[^/]+\/[^/]+/.test(full)) {
    throw badRecipient(`${shown} does not name a key of a transit engine`);
  }
  const segments = full.replace(/^\//, "").replace(/\/$/, "").split("/");
  const recipient = {
    address: `${scheme.toLowerCase()}://${authority}${query}${fragment}`,
    enginePath: posix.join(...segments.slice(1, -2)),
    keyName: segments.at(-1) ?? "",
  };
  const problem = problemOf(recipient);
  if (problem !== null) throw badRecipient(`${shown}: ${problem}`);
  return recipient;
}

/** A path as Go writes it: as it is, or escaped anew when it has characters that have to be. */
function escapedPath(path: string, shown: string): string {
  if (/^[\w.~$&+,/:;=@!'()*[\]%-]*$/.test(path) && !/%(?![0-9a-f]{2})/i.test(path)) return path || "/";
  try {
    return decodeURIComponent(path).split("/").map(encodeURIComponent).join("/");
  } catch {
    throw badRecipient(`${shown} has a % that does not begin an escape`);
  }
}

/**
 * What keeps a key from being used; `null`: nothing. In a file all parts may be anything: with `..` they would lead to
 * other paths of the server than those of a transit engine, to be written to with the user's token.
 */
function problemOf({ address, enginePath, keyName }: VaultRecipient): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    return "the address of the Vault is not an http or https address";
  if (url.username !== "" || url.password !== "") return "the address of the Vault holds a user name or password";
  // They would go in front of the request's own path: a file could have the token used for anything on a trusted server.
  if (url.pathname !== "/" || /[?#]/.test(address))
    return "the address of the Vault holds more than scheme, host and port";
  const isStray = (name: string): boolean => name === "" || name === "." || name === "..";
  if (enginePath.split("/").some(isStray)) return "the path of the transit engine is missing or not in its plain form";
  return isStray(keyName) || keyName.includes("/") ? "the name of the Vault key is missing or not a name" : null;
}

/**
 * The reference's own restriction, a list of prefixes, `all` or `none`.
 * @returns why the address is not allowed; `null`: it is.
 */
export function allowlistProblem(address: string, env: Host["env"]): string | null {
  const list = env["SOPS_HC_VAULT_ALLOWLIST"] ?? "";
  if (list === "" || list === "all") return null;
  const prefixes = list === "none" ? [] : list.split(",").map((item) => item.trim());
  if (prefixes.includes("")) return "SOPS_HC_VAULT_ALLOWLIST has an empty entry";
  const withSlash = (text: string): string => (text.endsWith("/") ? text : `${text}/`);
  // With the slash, so that `https://vault.example` does not stand for `https://vault.example.org`.
  const wanted = withSlash(address);
  return prefixes.some((prefix) => wanted.startsWith(withSlash(prefix)))
    ? null
    : `${new URL(address).origin} is not in SOPS_HC_VAULT_ALLOWLIST, so it was not contacted`;
}

function identityText({ address, enginePath, keyName }: VaultRecipient): string {
  return `${address}/v1/${enginePath}/keys/${keyName}`;
}

function entryOf({ address, enginePath, keyName }: VaultRecipient, enc: string, now: Date): Mapping {
  return mapping([
    ["created_at", leaf(timestamp(now))],
    ["enc", leaf(enc)],
    ["engine_path", leaf(enginePath)],
    ["key_name", leaf(keyName)],
    ["vault_address", leaf(address)],
  ]);
}

/** What an entry of a file names; what is missing or malformed is empty. */
function recipientOf(fields: Mapping): VaultRecipient {
  return {
    address: textOf(fieldOf(fields, "vault_address")),
    enginePath: textOf(fieldOf(fields, "engine_path")),
    keyName: textOf(fieldOf(fields, "key_name")),
  };
}

/** `{"name":"BASE64"}` in an array that can be overwritten. */
function jsonBody(name: string, secret: Buffer): Buffer {
  return Buffer.from(`{"${name}":"${secret.toString("base64")}"}`);
}

/** The text that the engine gives for an operation. */
function resultOf(
  { status, body }: HttpAnswer,
  operation: "encrypt" | "decrypt",
  client: VaultClient,
  address: string,
): string {
  const answer = jsonOf(body);
  const result = memberOf(answer, "data", operation === "encrypt" ? "ciphertext" : "plaintext");
  if (status === 200 && typeof result === "string" && result !== "") return result;

  const { origin } = new URL(client.agent ?? address);
  const reason = refusalOf(answer, client);
  throw failed(`${origin} cannot ${operation}: ${reason} (HTTP ${status})`, hintFor(status, reason, operation, client));
}

function hintFor(status: number, reason: string, operation: string, client: VaultClient): string | undefined {
  if (status === 401 || status === 403 || /missing client token/.test(reason)) {
    if (!client.hasToken) return "there is no token: set VAULT_TOKEN, or log in with vault login or bao login";
    const rights = `its policy has to allow update on ENGINE/${operation}/NAME`;
    return `the token of ${client.tokenSource} may have expired, or may not do this: ${rights}, in VAULT_NAMESPACE if there are namespaces`;
  }
  if (status === 404 || /key not found/.test(reason)) {
    return "check the path of the transit engine, the key's name and VAULT_NAMESPACE";
  }
  if (status === 429) return "too many requests: try again later";
  if (status === 503 || /sealed/.test(reason)) return "it is sealed or in maintenance: ask who runs it to unseal it";
  if (status >= 300 && status < 400) return "it redirects a second time, or VAULT_DISABLE_REDIRECTS is set";
  if (status >= 500) return "it has an error of its own: try again later, or ask who runs it";
  if (status === 400 && operation === "decrypt") {
    return "the wrapped key was made by another key, by a version of it that may no longer decrypt, or is damaged";
  }
  return reason === "the answer is not one of Vault" ? "check the address" : undefined;
}

function badRecipient(message: string, hint = `a key looks like ${EXAMPLE}`): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", message, { hint, details: { provider: hcVaultNames.id } });
}

const failed = failing(hcVaultNames.id);
