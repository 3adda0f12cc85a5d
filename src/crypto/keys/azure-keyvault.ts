/**
 * Azure Key Vault: an RSA key of a vault wraps the data key with RSA-OAEP-256. The requests are our own, three of them and
 * small; credentials come from @azure/identity, which knows every way to sign in to Azure and is loaded when a key is used.
 *
 * Whoever wrote a file chose the vault in it, and a token for one vault is good for all others of its owner. So a vault
 * that only the file names is not contacted, not even one below the names of Azure, where everybody can have one.
 *
 * Source: SOPS azkv/keysource.go; Key Vault REST reference 7.4: Encrypt, Decrypt, Get Key;
 * "Authentication, requests and responses" for the challenge.
 */
import { fieldOf, leaf, type Mapping, mapping } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { timestamp } from "../../timestamp.ts";
import { textIn } from "./answers.ts";
import { type AzureAccess, loadAzureAccess } from "./azure-access.ts";
import { decodeBase64Url, failing, textOf } from "./fields.ts";
import { azureKeyvaultNames } from "./names.ts";
import { networkFailure } from "./network-reasons.ts";
import type { KeyProvider } from "./provider.ts";
import { type RestAnswer, type RestRequest, type SendRest, sendRest } from "./rest.ts";
import { expectTrusted } from "./trust.ts";

/** One key of a vault as rules, flags and files name it. */
export interface AzureKeyvaultRecipient {
  /** `https://NAME.vault.azure.net` */
  readonly vaultUrl: string;
  readonly name: string;
  /** `""`: the current one, which is looked up when the key is used, and stands in the file then. */
  readonly version: string;
}

const API_VERSION = "7.4";
const ALGORITHM = "RSA-OAEP-256";

/** What is done, as messages begin. */
const doing = {
  encrypt: "cannot encrypt with Azure Key Vault",
  decrypt: "cannot decrypt with Azure Key Vault",
  get: "cannot look up the key in Azure Key Vault",
} as const;
type Verb = keyof typeof doing;

/**
 * What a run finds out once. Several callers may wait for one of these, so none of them can stop it by its signal.
 */
class Known {
  /** The credentials, as one element. */
  readonly access = new Map<"access", Promise<AzureAccess>>();
  /** What each vault says about where its tokens come from, by its origin. */
  readonly challenges = new Map<string, Promise<Challenge>>();
  /** Current versions, by the URL of the key. */
  readonly versions = new Map<string, Promise<string>>();
}

async function checkServer({ vaultUrl }: AzureKeyvaultRecipient, host: Host): Promise<void> {
  const howTo = "name it in a rule of .sops.yaml, in SOPS_AZURE_KEYVAULT_URLS or with";
  await expectTrusted(vaultUrl, host, { provider: azureKeyvaultNames.id, howTo });
}

/**
 * The provider on top of a way to send requests and to get credentials; tests bring their own.
 * @internal
 */
export function createAzureKeyvault(
  send: SendRest,
  loadAccess: (host: Host) => Promise<AzureAccess>,
): KeyProvider<AzureKeyvaultRecipient> {
  const knownOf = new WeakMap<Host, Known>();

  async function call(verb: Verb, request: RestRequest, host: Host, signal?: AbortSignal): Promise<unknown> {
    const sent = async (what: RestRequest, stop?: AbortSignal): Promise<RestAnswer> => {
      try {
        return await send(what, host, stop);
      } catch (error) {
        const hint = "check the vault's URL, the network and HTTPS_PROXY";
        throw networkFailure(error, doing[verb], azureKeyvaultNames.id, hint);
      }
    };
    const known = once(knownOf, host, () => new Known());
    // Before anything is asked: it may be that a package is missing.
    const access = await once(known.access, "access", () => loadAccess(host));
    // The first request is without a token and without the key, and is there to be refused.
    const challenge = await once(known.challenges, request.url.origin, async () => {
      const { method, url } = request;
      return challengeOf(await sent({ method, url }), url);
    });
    const token = await access(challenge);
    const answer = await sent({ ...request, headers: { authorization: `Bearer ${token}` } }, signal);
    if (answer.status === 200) return answer.body;
    throw refused(verb, answer);
  }

  /** The recipient with a version, which is the current one where it has none. */
  async function withVersion(recipient: AzureKeyvaultRecipient, host: Host): Promise<AzureKeyvaultRecipient> {
    if (recipient.version !== "") return recipient;
    const url = urlOf(recipient, "");
    const { versions } = once(knownOf, host, () => new Known());
    const version = await once(versions, url.href, async () => {
      const kid = textIn(await call("get", { method: "GET", url }, host), "key", "kid");
      const current = /^https:\/\/[^/]+\/keys\/[^/]+\/([0-9A-Za-z]+)$/.exec(kid)?.[1];
      if (current === undefined) throw failed(`${doing.get}: ${NOT_AZURE}`);
      return current;
    });
    return { ...recipient, version };
  }

  async function apply(
    verb: "encrypt" | "decrypt",
    recipient: AzureKeyvaultRecipient,
    input: Uint8Array,
    host: Host,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const value = Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("base64url");
    const request = { method: "POST", url: urlOf(recipient, verb), body: { alg: ALGORITHM, value } } as const;
    const bytes = decodeBase64Url(textIn(await call(verb, request, host, signal), "value"));
    if (bytes === null) throw failed(`${doing[verb]}: ${NOT_AZURE}`);
    return bytes;
  }

  return {
    ...azureKeyvaultNames,

    fromText(text) {
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
        .map(recipientOfText);
    },

    fromGroup(node) {
      if (node.kind !== "mapping") throw badRecipient("an element of azure_keyvault in a key group is not a mapping");
      const [vaultUrl = "", name = "", version = ""] = ["vaulturl", "key", "version"].map((field) => {
        const value = fieldOf(node, field);
        return value?.kind === "leaf" && value.scalar.type === "str" ? textOf(value) : "";
      });
      if (!isVaultUrl(vaultUrl)) throw badRecipient("an azure_keyvault key in a key group has no vaultUrl that is one");
      if (!isName(name)) throw badRecipient("an azure_keyvault key in a key group has no key, or a malformed one");
      if (version !== "" && !isName(version)) throw badRecipient("the version of an azure_keyvault key is malformed");
      return [{ vaultUrl, name, version }];
    },

    identity: identityText,

    identityOf: ({ fields }) => {
      const recipient = recipientOf(fields);
      return Object.values(recipient).every((text) => text === "") ? "" : identityText(recipient);
    },

    // Without a version the current one is looked up, which then stands in the file.
    covers: (identity, inFile) => identity.endsWith("/") && inFile.startsWith(identity),

    entry: entryOf,

    checkServer,

    async wrap(dataKey, recipient, host, signal) {
      const exact = await withVersion(recipient, host);
      const ciphertext = await apply("encrypt", exact, dataKey, host, signal);
      return {
        provider: azureKeyvaultNames.id,
        fields: entryOf(exact, Buffer.from(ciphertext).toString("base64url"), host.now()),
      };
    },

    async unwrap({ fields }, host, _why, signal) {
      const recipient = recipientOf(fields);
      if (!isVaultUrl(recipient.vaultUrl)) throw failed("vault_url of the wrapped key is not the URL of a vault");
      if (!isName(recipient.name)) throw failed("name of the wrapped key is missing or malformed");
      if (recipient.version !== "" && !isName(recipient.version)) {
        throw failed("version of the wrapped key is malformed");
      }
      const ciphertext = decodeBase64Url(textOf(fieldOf(fields, "enc")));
      if (ciphertext === null) throw failed("enc of the wrapped key is missing or not base64url");
      await checkServer(recipient, host);
      return apply("decrypt", await withVersion(recipient, host), ciphertext, host, signal);
    },
  };
}

/** Azure Key Vault over the network. */
export const azureKeyvault: KeyProvider<AzureKeyvaultRecipient> = createAzureKeyvault(sendRest, loadAzureAccess);

function recipientOfText(text: string): AzureKeyvaultRecipient {
  const [, vaultUrl = "", name = "", rest = ""] = /^(https:\/\/[^/]+)\/keys\/([^/]+)(\/[^/]*)?$/.exec(text) ?? [];
  const version = rest.slice(1);
  if (!isVaultUrl(vaultUrl) || !isName(name) || (version !== "" && !isName(version))) {
    throw badRecipient(`${JSON.stringify(text)} is not the URL of a key in Azure Key Vault`);
  }
  return { vaultUrl, name, version };
}

function entryOf({ vaultUrl, name, version }: AzureKeyvaultRecipient, enc: string, now: Date): Mapping {
  return mapping([
    ["created_at", leaf(timestamp(now))],
    ["enc", leaf(enc)],
    ["name", leaf(name)],
    ["vault_url", leaf(vaultUrl)],
    ["version", leaf(version)],
  ]);
}

/** What an entry of a file names; what is missing or malformed is empty. */
function recipientOf(fields: Mapping): AzureKeyvaultRecipient {
  const [vaultUrl = "", name = "", version = ""] = ["vault_url", "name", "version"].map((field) =>
    textOf(fieldOf(fields, field)),
  );
  return { vaultUrl, name, version };
}

function identityText({ vaultUrl, name, version }: AzureKeyvaultRecipient): string {
  return `${vaultUrl}/keys/${name}/${version}`;
}

/** Nothing but a host, and perhaps a port and slashes at the end, which key groups may have. */
function isVaultUrl(text: string): boolean {
  if (!/^https:\/\/[^/?#@\s\\]+\/*$/.test(text)) return false;
  try {
    return new URL(text).hostname !== "";
  } catch {
    return false;
  }
}

/** Azure's names have letters, digits and hyphens. The reference takes any text; here it has to stay where it is in a URL. */
function isName(text: string): boolean {
  return /^[0-9A-Za-z-]+$/.test(text);
}

function urlOf({ vaultUrl, name, version }: AzureKeyvaultRecipient, operation: string): URL {
  const parts = [name, version, operation].filter((part) => part !== "");
  return new URL(`${vaultUrl.replace(/\/+$/, "")}/keys/${parts.join("/")}?api-version=${API_VERSION}`);
}

/** Where tokens for a vault come from, and what they are for. */
export interface Challenge {
  /** `https://vault.azure.net/.default` */
  readonly scope: string;
  /** Of Microsoft Entra; `""`: the vault does not say. */
  readonly tenantId: string;
}

/**
 * Reads `WWW-Authenticate: Bearer authorization="https://login.../TENANT", resource="https://vault.azure.net"`. What a token
 * is for has to be the domain that the vault is in, so that a vault cannot ask for one that opens something else.
 */
function challengeOf({ status, headers }: RestAnswer, vault: URL): Challenge {
  const text = `${headers["www-authenticate"] ?? ""}`;
  const parameter = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "";
  if (status !== 401 || !/^Bearer /i.test(text)) {
    throw failed(`the vault does not say how to sign in: ${NOT_AZURE} (status ${status})`, "check the vault's URL");
  }
  const scope =
    parameter("resource") === "" ? parameter("scope") : `${parameter("resource").replace(/\/$/, "")}/.default`;
  const { protocol, hostname } = parsed(scope) ?? { protocol: "", hostname: "" };
  if (protocol !== "https:" || hostname === "" || !vault.hostname.endsWith(`.${hostname}`)) {
    throw failed("the vault asks for a token that is not for vaults of its domain", "check the vault's URL");
  }
  const [, tenantId = ""] = parsed(parameter("authorization"))?.pathname.split("/") ?? [];
  return { scope, tenantId };
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

const NOT_AZURE = "the answer is not one of Azure";

/** Inner and outer error codes of Key Vault in plain words, and what to try next; the first that is known counts. */
const reasons: ReadonlyMap<string, readonly [reason: string, hint?: string]> = new Map([
  ["KeyDisabled", ["the key is disabled", "enable it in the vault, or use another key"]],
  ["KeyNotYetValid", ["the key is not valid yet", "use another key, or change its dates in the vault"]],
  ["KeyExpired", ["the key has expired", "use another key, or change its dates in the vault"]],
  ["ForbiddenByFirewall", ["the vault's firewall does not let this machine in", "check the vault's network settings"]],
  ["ForbiddenByConnection", ["the vault is open to its private network only", "check the vault's network settings"]],
  ["KeyNotFound", ["no such key, or no such version of it", "check the key's URL"]],
  ["VaultNotFound", ["no such vault", "check the vault's URL"]],
  ["Throttled", ["throttled: too many requests", "wait a little, and try again"]],
  ["TooManyRequests", ["throttled: too many requests", "wait a little, and try again"]],
  ["Unauthorized", ["the vault does not accept the token", "sign in to the tenant of the vault"]],
  ["InternalServerError", ["failure inside Azure Key Vault", "try again later"]],
  ["ServiceUnavailable", ["Azure Key Vault is not available at the moment", "try again later"]],
]);

/** The text that was answered is left out: it may repeat what was sent. */
function refused(verb: Verb, { status, body }: RestAnswer): KeyleafError {
  const what = doing[verb];
  const codes = [textIn(body, "error", "innererror", "code"), textIn(body, "error", "code")].filter((code) =>
    /^\w{1,64}$/.test(code),
  );
  const [first] = codes;
  if (first === undefined) {
    if (status === 429) return failed(`${what}: throttled: too many requests`, "wait a little, and try again");
    return failed(`${what}: ${NOT_AZURE} (status ${status})`, "check the vault's URL and the proxy");
  }
  const known = codes.map((code) => [code, reasons.get(code)] as const).find(([, reason]) => reason !== undefined);
  if (known !== undefined) return failed(`${what}: ${known[1]?.[0]} (${known[0]})`, known[1]?.[1]);
  if (status === 403) {
    return failed(
      `${what}: permission denied (${first})`,
      `the Azure identity in use needs the permission "${verb}" for keys of the vault, for example by the role Key Vault Crypto User`,
    );
  }
  if (status === 400) {
    const reason =
      verb === "decrypt"
        ? "the wrapped key was not made with this key, or is damaged"
        : "the key is not an RSA key for it";
    return failed(`${what}: ${reason} (${first})`);
  }
  return failed(`${what}: failed (${first})`);
}

function badRecipient(message: string): KeyleafError {
  const hint = "it looks like https://VAULT.vault.azure.net/keys/NAME, and may end in /VERSION";
  return new KeyleafError("KEY_BAD_RECIPIENT", message, { hint, details: { provider: azureKeyvaultNames.id } });
}

const failed = failing(azureKeyvaultNames.id);
