/**
 * HuaweiCloud KMS: a key in one region wraps the data key. No endpoint stands in a file: the region leads to one of
 * HuaweiCloud's own, or to one that the user's environment names for it.
 *
 * Source: SOPS hckms/keysource.go; HuaweiCloud KMS API, `encrypt-data` and `decrypt-data`.
 */
import { fieldOf, itemsOf, leaf, type Mapping, mapping } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { timestamp } from "../../timestamp.ts";
import { decodeBase64, failing, textOf } from "./fields.ts";
import { pause, send as realSend, type Send } from "./http.ts";
import { HuaweiClient, HuaweiRefusal } from "./huawei-client.ts";
import { huaweiKmsNames } from "./names.ts";
import { networkReason } from "./network-reasons.ts";
import type { KeyProvider } from "./provider.ts";

/** One key as rules, flags and files name it. */
export interface HuaweiKmsRecipient {
  /** `REGION:UUID`, as given. */
  readonly keyId: string;
}

/**
 * The provider on top of a network; tests bring their own, and a clock that does not make them wait.
 * @internal
 */
export function createHuaweiKms(send: Send, wait: typeof pause): KeyProvider<HuaweiKmsRecipient> {
  const clients = new WeakMap<Host, HuaweiClient>();

  /** @returns the field `result` of the answer: text. */
  async function call(
    operation: "encrypt" | "decrypt",
    region: string,
    body: Buffer,
    host: Host,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const client = once(clients, host, () => new HuaweiClient(host, send, wait));
    try {
      const answer = await client.kms(region, `${operation}-data`, body, signal);
      const result = answer[operation === "encrypt" ? "cipher_text" : "plain_text"];
      if (typeof result === "string" && result !== "") return result;
    } catch (error) {
      if (error instanceof KeyleafError) throw error;
      throw explained(error, operation, region);
    } finally {
      body.fill(0);
    }
    throw failed(`the KMS of HuaweiCloud in ${region} answers without a result`);
  }

  return {
    ...huaweiKmsNames,

    fromText(text) {
      const items = text.split(",").map((item) => item.trim());
      return items.filter((item) => item !== "").map(recipient);
    },

    fromGroup(value) {
      if (value.kind !== "mapping") throw badRecipient("an element of hckms in a key group is not a mapping");
      const items = itemsOf(value);
      const unknown = items.find(({ key }) => key !== "key_id");
      if (unknown !== undefined) throw badRecipient(`${JSON.stringify(unknown.key)} is not a field of a hckms key`);
      return [recipient(textOf(fieldOf(value, "key_id")).trim())];
    },

    identity: ({ keyId }) => keyId,

    identityOf: (key) => textOf(fieldOf(key.fields, "key_id")),

    entry: entryOf,

    async wrap(dataKey, { keyId }, host, signal) {
      const { region, uuid } = parts(keyId) ?? unreadable(keyId);
      const plain = Buffer.from(dataKey.buffer, dataKey.byteOffset, dataKey.length).toString("base64");
      const enc = await call("encrypt", region, jsonBody(uuid, "plain_text", plain), host, signal);
      return {
        provider: huaweiKmsNames.id,
        fields: entryOf({ keyId }, enc, host.now()),
      };
    },

    async unwrap(key, host, _, signal) {
      const { region, uuid } = parts(textOf(fieldOf(key.fields, "key_id"))) ?? {};
      if (region === undefined || uuid === undefined) throw failed("key_id of the wrapped key is not REGION:UUID");
      const enc = textOf(fieldOf(key.fields, "enc"));
      if (enc === "") throw failed("enc of the wrapped key is missing or not text");
      const plain = await call("decrypt", region, jsonBody(uuid, "cipher_text", enc), host, signal);
      const dataKey = decodeBase64(plain);
      if (dataKey === null) throw failed("the answer of HuaweiCloud is not base64");
      return dataKey;
    },
  };
}

function entryOf({ keyId }: HuaweiKmsRecipient, enc: string, now: Date): Mapping {
  return mapping([
    ["created_at", leaf(timestamp(now))],
    ["enc", leaf(enc)],
    ["key_id", leaf(keyId)],
  ]);
}

/** The provider on the network as it is. */
export const huaweiKms: KeyProvider<HuaweiKmsRecipient> = createHuaweiKms(realSend, pause);

function recipient(keyId: string): HuaweiKmsRecipient {
  return parts(keyId) === null ? unreadable(keyId) : { keyId };
}

/** Cut at the first colon, each part trimmed and not empty; `null`: not of that form. */
function parts(keyId: string): { region: string; uuid: string } | null {
  const [, region = "", uuid = ""] = /^([^:]*):(.*)$/s.exec(keyId) ?? [];
  return region.trim() === "" || uuid.trim() === "" ? null : { region: region.trim(), uuid: uuid.trim() };
}

function unreadable(keyId: string): never {
  throw badRecipient(`${JSON.stringify(keyId)} is not a key of HuaweiCloud KMS`);
}

/** In an array that can be overwritten. */
function jsonBody(uuid: string, name: "plain_text" | "cipher_text", text: string): Buffer {
  return Buffer.from(JSON.stringify({ key_id: uuid, encryption_algorithm: "SYMMETRIC_DEFAULT", [name]: text }));
}

/** What to do about the codes of the service; others have their words only. Source: HuaweiCloud KMS API, error codes. */
const hints: ReadonlyMap<string, string> = new Map([
  ["KMS.0205", "check the key's ID and its region"],
  ["KMS.0209", "enable the key"],
  ["KMS.0210", "cancel the deletion of the key, and enable it"],
]);

function explained(error: unknown, operation: string, region: string): KeyleafError {
  const what = `the KMS of HuaweiCloud in ${region} cannot ${operation}`;
  if (!(error instanceof HuaweiRefusal)) {
    return failed(`${what}: ${networkReason(error)}`, "check the network and the proxy variables");
  }
  const { status, code, said } = error;
  const reason = [said === "" ? "no reason given" : said, code === "" ? "" : `(${code})`].join(" ").trim();
  return failed(`${what}: ${reason} (HTTP ${status})`, hints.get(code) ?? hintFor(status, operation));
}

function hintFor(status: number, operation: string): string | undefined {
  if (status === 401) return "check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or the profile, and the clock";
  if (status === 403)
    return `the user needs kms:cmk:${operation}Data in this project; check HUAWEICLOUD_SDK_PROJECT_ID`;
  if (status === 404) return "check the key's ID, its region and HUAWEICLOUD_SDK_PROJECT_ID";
  if (status === 429) return "too many requests: try again later";
  if (status >= 500) return "the service has an error of its own: try again later";
  return operation === "decrypt"
    ? "the wrapped key may have been made by another key, or be damaged"
    : "check the key's ID and its region";
}

function badRecipient(
  message: string,
  hint = "a key looks like REGION:UUID, for example tr-west-1:KEY-UUID",
): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", message, { hint, details: { provider: huaweiKmsNames.id } });
}

const failed = failing(huaweiKmsNames.id);
