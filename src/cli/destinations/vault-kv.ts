import type { Destination } from "../../config.ts";
import { jsonOf } from "../../crypto/keys/answers.ts";
import { allowlistProblem } from "../../crypto/keys/hc-vault.ts";
import { type HttpAnswer, pause, send as realSend, type Send } from "../../crypto/keys/http.ts";
import { askVault, loadVaultClient, refusalOf, type VaultClient } from "../../crypto/keys/vault-client.ts";
import {
  isComment,
  itemOf,
  itemsOf,
  type List,
  type Mapping,
  mapping,
  type Node,
  type Scalar,
} from "../../document/document.ts";
import { KeyleafError, pathText } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import { formatOf } from "../../formats/registry.ts";
import type { Host } from "../../host.ts";
import type { Place } from "./destination.ts";

type Folder = Extract<Destination, { readonly kind: "vault" }>;

const DEFAULT_ADDRESS = "https://127.0.0.1:8200";

/**
 * A folder in a KV engine of Vault or OpenBao, version 1 or 2. Token, certificates, namespace and the like are those of the
 * `VAULT_*` variables, as for transit keys.
 * @param send - tests bring their own, and a clock that does not make them wait.
 * @throws `CONFIG_MALFORMED`, `PROVIDER_FAILED` for an address or a path that is none, or is not allowed.
 *
 * Source: SOPS publish/vault.go; Vault HTTP API, KV secrets engine, versions 1 and 2.
 */
export function vaultPlace(destination: Folder, host: Host, send: Send = realSend, wait = pause): Place {
  const { mount, version } = destination;
  const address = destination.address || host.env["VAULT_ADDR"] || host.env["BAO_ADDR"] || DEFAULT_ADDRESS;
  const problem = addressProblem(address) ?? allowlistProblem(address, host.env);
  if (problem !== null) throw new KeyleafError("PROVIDER_FAILED", problem);
  const folder = `${mount}${version === 2 ? "data/" : ""}${destination.path}`;
  if (`${folder}x`.split("/").some((step) => /^\.{0,2}$/.test(step))) {
    throw new KeyleafError("CONFIG_MALFORMED", `${JSON.stringify(folder)} is no plain path in Vault`);
  }
  let loaded: Promise<VaultClient> | null = null;
  const shown = (name: string): string => `${address.replace(/\/+$/, "")}/v1/${folder}${name}`;

  function client(): Promise<VaultClient> {
    loaded ??= loadVaultClient(host);
    return loaded;
  }

  async function ask(method: "GET" | "POST", name: string, body?: Uint8Array): Promise<HttpAnswer> {
    const path = `${folder}${name}`.split("/").map(encodeURIComponent).join("/");
    return askVault(
      await client(),
      { method, address, path, ...(body === undefined ? {} : { body }) },
      undefined,
      send,
      wait,
    );
  }

  /** Whether the very same values are there. */
  async function isThere(name: string, values: Uint8Array): Promise<boolean> {
    const answer = await ask("GET", name);
    try {
      if (answer.status === 404) return false;
      const found = answer.status === 200 ? await valuesIn(answer.body, version) : null;
      if (found !== null) return canonical(found, version) === canonical(await objectIn(values), version);
      host.tell?.(`what is at ${shown(name)} cannot be read (HTTP ${answer.status}), so it is written in any case`);
      return false;
    } finally {
      answer.body.fill(0);
    }
  }

  return {
    takes: "values",
    shown,
    ...(version === 1 ? {} : { losses: async (values) => [...roundedIn(await objectIn(values), [])] }),
    async write(name, values) {
      if (await isThere(name, values)) return false;
      const body =
        version === 1 ? Buffer.from(values) : Buffer.concat([Buffer.from('{"data":'), values, Buffer.from("}")]);
      try {
        const answer = await ask("POST", name, body);
        if (answer.status !== 200 && answer.status !== 204) throw refused(answer, shown(name), await client());
        return true;
      } finally {
        body.fill(0);
      }
    },
  };
}

function addressProblem(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    return "the address of the Vault is not an http or https address";
  return url.username !== "" || url.password !== "" || /[?#]/.test(address)
    ? "the address of the Vault holds more than scheme, host, port and path"
    : null;
}

/**
 * What a decrypted file becomes there: one JSON object of all its documents, of which later ones win. Numbers are written
 * as they stand in the file, and so are collections within lists, of which the reference makes something else.
 * @throws `OUTPUT_UNREPRESENTABLE` for what JSON cannot say; `INPUT_*`
 */
export async function valuesOf(plain: Uint8Array, id: FormatId): Promise<Uint8Array> {
  const { roots } = await (await formatOf(id)).parse(plain);
  const values = new Map<string, Node>();
  for (const { members } of roots) {
    for (const member of members) if (member.kind === "item") values.set(member.key, member.value);
  }
  const root = mapping(values);
  expectText(root);
  return (await formatOf("json")).print([root], {});
}

function expectText(node: Node): void {
  if (node.kind === "mapping") for (const { value } of itemsOf(node)) expectText(value);
  else if (node.kind === "list") for (const element of valuesOfList(node)) expectText(element);
  else if (typeof node.scalar.text !== "string") {
    throw new KeyleafError("OUTPUT_UNREPRESENTABLE", "a value is not UTF-8, which Vault could not keep as it is");
  }
}

async function objectIn(json: Uint8Array): Promise<Mapping> {
  const [root] = (await (await formatOf("json")).parse(json)).roots;
  return root ?? mapping([]);
}

/** The values in an answer of the engine; `null`: it holds none. Numbers are kept as texts. */
async function valuesIn(body: Uint8Array, version: 1 | 2): Promise<Node | null> {
  if (jsonOf(body) === undefined) return null;
  let node: Node | null = await objectIn(body);
  for (const key of version === 1 ? ["data"] : ["data", "data"]) {
    node = node?.kind === "mapping" ? (itemOf(node, key)?.value ?? null) : null;
  }
  return node;
}

/**
 * One text for equal values: keys in order, without comments. Version 2 gives numbers out as 64-bit floats, whatever went
 * in, so that more of them cannot be compared.
 *
 * Source: vault-plugin-secrets-kv, path_data.go, which has `encoding/json` read them without `UseNumber`; seen with OpenBao 2.7.2.
 */
function canonical(node: Node, version: 1 | 2): string {
  if (node.kind === "leaf") {
    const { type, text } = node.scalar;
    return JSON.stringify(version === 2 && isNumber(node.scalar) ? ["number", `${Number(text)}`] : [type, text]);
  }
  if (node.kind === "list")
    return `[${valuesOfList(node)
      .map((element) => canonical(element, version))
      .join()}]`;
  const texts = itemsOf(node).map(({ key, value }) => `${JSON.stringify(key)}:${canonical(value, version)}`);
  return `{${texts.sort().join()}}`;
}

function* roundedIn(node: Node, path: readonly string[]): Generator<string> {
  if (node.kind === "mapping") for (const { key, value } of itemsOf(node)) yield* roundedIn(value, [...path, key]);
  else if (node.kind === "list") for (const element of valuesOfList(node)) yield* roundedIn(element, path);
  else if (node.scalar.type === "int" && BigInt(`${node.scalar.text}`) !== BigInt(Number(node.scalar.text))) {
    yield `${pathText(path)} will lose digits: version 2 of the KV engine rounds numbers to 64-bit floats; make it text`;
  }
}

function isNumber({ type }: Scalar): boolean {
  return type === "int" || type === "float";
}

function valuesOfList({ elements }: List): Node[] {
  return elements.filter((element): element is Node => !isComment(element));
}

function refused({ status, body }: HttpAnswer, shown: string, client: VaultClient): KeyleafError {
  const reason = refusalOf(jsonOf(body), client);
  return new KeyleafError("PROVIDER_FAILED", `cannot write ${shown}: ${reason} (HTTP ${status})`, {
    hint: hintFor(status, client),
  });
}

function hintFor(status: number, client: VaultClient): string | undefined {
  if (status === 401 || status === 403) {
    return client.hasToken
      ? `the token of ${client.tokenSource} may have expired, or its policy has to allow create and update there`
      : "there is no token: set VAULT_TOKEN, or log in with vault login or bao login";
  }
  if (status === 404) return "check vault_kv_mount_name, vault_kv_version and VAULT_NAMESPACE";
  if (status === 429) return "too many requests: try again later";
  return status >= 500 ? "try again later, or ask who runs it" : undefined;
}
