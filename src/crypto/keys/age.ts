import { fieldOf, leaf, mapping, type Node } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import { type AgeFile, openPayload, parseAgeFile, sealAgeFile } from "../age/age-file.ts";
import { encodeArmor, toBinary } from "../age/armor.ts";
import { identitySources } from "../age/identity-sources.ts";
import { parseRecipient, wrapFileKey } from "../age/x25519.ts";
import type { KeyProvider, WrappedKey } from "./provider.ts";

/** An X25519 recipient. */
export interface AgeRecipient {
  /** `age1...`, trimmed. */
  readonly text: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * Data keys wrapped as armored age files, each for exactly one X25519 recipient. The recipient in the entry plays no role
 * when unwrapping: every identity at hand is tried.
 *
 * Source: SOPS age/keysource.go; C2SP age.md.
 */
export const age: KeyProvider<AgeRecipient> = {
  id: "age",
  names: { metadata: "age", rule: "age", group: "age", flag: "age", env: "SOPS_AGE_RECIPIENTS" },
  isLocal: true,

  fromText: recipientsOf,

  fromGroup(value: Node): AgeRecipient[] {
    if (value.kind === "leaf" && value.scalar.type === "str" && typeof value.scalar.text === "string") {
      return recipientsOf(value.scalar.text);
    }
    throw badRecipient("an age recipient in a key group is not text");
  },

  identity: (recipient) => recipient.text,

  identityOf: (key) =>
    Buffer.from(textOf(key, "recipient") ?? "")
      .toString()
      .trim(),

  async wrap(dataKey, recipient, host) {
    const stanza = (fileKey: Uint8Array) => wrapFileKey(fileKey, recipient.publicKey, host);
    const file = await sealAgeFile(dataKey, async (fileKey) => [await stanza(fileKey)], host);
    return {
      provider: "age",
      fields: mapping([
        ["enc", leaf(encodeArmor(file))],
        ["recipient", leaf(recipient.text)],
      ]),
    };
  },

  async unwrap(key, host, why) {
    const enc = textOf(key, "enc");
    if (enc === null) {
      throw new KeyleafError("PROVIDER_FAILED", "the age entry has no text `enc`", { details: { provider: "age" } });
    }
    const file = parseAgeFile(toBinary(Buffer.from(enc)));
    const reasons: string[] = [];
    for (const load of identitySources(host, age.identityOf(key))) {
      const { name, identities, problems } = await load();
      for (const identity of identities) {
        const fileKey = await identity.unwrapFileKey(file.stanzas);
        if (fileKey !== null) return openPayload(file, fileKey);
      }
      for (const problem of problems) reasons.push(`${name}: ${problem}`);
      if (identities.length > 0) reasons.push(`${name}: none of its identities (${identities.length}) is for this key`);
    }
    const kinds = unsupportedStanzas(file);
    if (kinds !== null) why(kinds);
    for (const reason of reasons) why(reason);
    return null;
  },
};

function recipientsOf(text: string): AgeRecipient[] {
  const parts = text.split(",").map((part) => part.trim());
  // The reference drops empty items in rules, so a comma at the end of a folded text does no harm.
  return parts.filter((part) => part !== "").map(recipientOfText);
}

function recipientOfText(text: string): AgeRecipient {
  if (text.startsWith("ssh-")) throw unsupported("ssh keys");
  if (text.startsWith("age1pq1")) throw unsupported("post-quantum recipients (age1pq1)");
  const plugin = /^age1([a-z0-9+._-]+)1[a-z0-9]+$/.exec(text);
  if (plugin?.[1] !== undefined) throw unsupported(`recipients of age-plugin-${plugin[1]}`);
  if (text.startsWith("AGE-SECRET-KEY-") || text.startsWith("AGE-PLUGIN-")) {
    throw badRecipient("an age identity (the secret side) stands where a recipient should be", "give its age1... text");
  }
  if (!text.startsWith("age1")) throw badRecipient("an age recipient does not start with age1");
  const publicKey = parseRecipient(text);
  if ("problem" in publicKey) throw badRecipient(`age recipient ${text}: ${publicKey.problem}`);
  return { text, publicKey };
}

/** Says that the wrapped key needs another kind of identity than there can be here; `null` when it does not. */
function unsupportedStanzas(file: AgeFile): string | null {
  const kinds = new Set(file.stanzas.map(({ args }) => args[0] ?? ""));
  if (kinds.has("X25519")) return null;
  return `wrapped for a kind of recipient that is not supported (${[...kinds].join(", ")})`;
}

/** A scalar field of an entry, `null` when it is absent or not a scalar. */
function textOf(key: WrappedKey, name: string): string | Uint8Array | null {
  const value = fieldOf(key.fields, name);
  return value?.kind === "leaf" && value.scalar.type !== "null" ? value.scalar.text : null;
}

function badRecipient(message: string, hint?: string): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", message, {
    details: { provider: "age" },
    ...(hint === undefined ? {} : { hint }),
  });
}

function unsupported(what: string): KeyleafError {
  return new KeyleafError("PROVIDER_UNSUPPORTED", `age: ${what} are not supported`, { details: { provider: "age" } });
}
