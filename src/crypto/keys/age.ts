import { fieldOf, leaf, mapping, type Node } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import { type AgeFile, openPayload, parseAgeFile } from "../age/age-file.ts";
import { encodeArmor, toBinary } from "../age/armor.ts";
import { decodeBech32 } from "../age/bech32.ts";
import { ageFailed } from "../age/failure.ts";
import { identitySources } from "../age/identity-sources.ts";
import { HYBRID_PUBLIC_BYTES } from "../age/key-bytes.ts";
import { parseRecipient, wrapFileKey } from "../age/x25519.ts";
import type { KeyProvider, WrappedKey } from "./provider.ts";

/** A recipient of any kind. */
export interface AgeRecipient {
  /** `age1...`, or the line of an ssh key with its comment; trimmed. */
  readonly text: string;
  /** 32 bytes; `null` of all but X25519 recipients, whose text is read when it is used. */
  readonly publicKey: Uint8Array | null;
}

/**
 * Data keys wrapped as armored age files, each for exactly one recipient. The recipient in the entry plays no role when
 * unwrapping: every identity at hand is tried.
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

  // What follows an ssh key on its line is a comment.
  covers: (identity, inFile) => identity.startsWith("ssh-") && sshKeyOf(identity) === sshKeyOf(inFile),

  entry: ({ text }, enc) =>
    mapping([
      ["enc", leaf(enc)],
      ["recipient", leaf(text)],
    ]),

  async wrap(dataKey, recipient, host) {
    const { text, publicKey } = recipient;
    const { sealAgeFile } = await import("../age/seal-age-file.ts");
    const file = await sealAgeFile(
      dataKey,
      async (fileKey) => {
        if (publicKey !== null) return [await wrapFileKey(fileKey, publicKey, host)];
        return (await import("../age/other-recipients.ts")).wrapForOther(fileKey, text, host);
      },
      host,
    );
    return {
      provider: "age",
      fields: age.entry(recipient, encodeArmor(file), host.now()),
    };
  },

  async unwrap(key, host, why) {
    const file = fileOf(key);
    const reasons: string[] = [];
    for (const load of await identitySources(host, age.identityOf(key), file.stanzas)) {
      const { name, identities, problems } = await load();
      for (const identity of identities) {
        const fileKey = await identity.unwrapFileKey(file.stanzas);
        if (fileKey !== null) return openPayload(file, fileKey);
      }
      for (const problem of problems) reasons.push(`${name}: ${problem}`);
      if (identities.length > 0) reasons.push(`${name}: none of its identities (${identities.length}) is for this key`);
    }
    const kinds = new Set(file.stanzas.map(({ args }) => args[0] ?? ""));
    if (!kinds.has("X25519")) why(`wrapped for a recipient of kind ${[...kinds].join(", ")}`);
    for (const reason of reasons) why(reason);
    return null;
  },

  unwrapAsking: async (key, host, why) =>
    (await import("../age/unwrap-asking.ts")).unwrapAsking(fileOf(key), age.identityOf(key), host, why),
};

/** `ssh-ed25519 AAAA...` of a line that may go on. */
function sshKeyOf(line: string): string {
  return line.split(/[ \t]+/, 2).join(" ");
}

function fileOf(key: WrappedKey): AgeFile {
  const enc = textOf(key, "enc");
  if (enc === null) throw ageFailed("the age entry has no text `enc`");
  return parseAgeFile(toBinary(Buffer.from(enc)));
}

function recipientsOf(text: string): AgeRecipient[] {
  const parts = text.split(",").map((part) => part.trim());
  // The reference drops empty items in rules, so a comma at the end of a folded text does no harm.
  return parts.filter((part) => part !== "").map(recipientOfText);
}

function recipientOfText(text: string): AgeRecipient {
  if (text.startsWith("ssh-")) {
    if (/^ssh-(ed25519|rsa)[ \t]+[A-Za-z0-9+/]+=*([ \t]|$)/.test(text)) return { text, publicKey: null };
    throw badRecipient(
      "an ssh recipient is not the line of an Ed25519 or RSA key",
      "give the whole line of the .pub file",
    );
  }
  // A second 1 ends the name of what else it is.
  if (/^age1[a-z0-9+._-]+1/.test(text)) return otherRecipient(text);
  if (text.startsWith("AGE-SECRET-KEY-") || text.startsWith("AGE-PLUGIN-")) {
    throw badRecipient("an age identity (the secret side) stands where a recipient should be", "give its age1... text");
  }
  if (!text.startsWith("age1")) throw notARecipient();
  const publicKey = parseRecipient(text);
  if ("problem" in publicKey) throw badRecipient(`age recipient ${text}: ${publicKey.problem}`);
  return { text, publicKey };
}

/** A post-quantum recipient, or one of a plugin. */
function otherRecipient(text: string): AgeRecipient {
  const decoded = decodeBech32(text);
  if ("problem" in decoded) throw badRecipient(`age recipient ${text}: ${decoded.problem}`);
  if (!/^age1[a-z0-9+._-]+$/.test(decoded.prefix)) throw badRecipient("an age recipient names no plugin that can be");
  if (decoded.prefix === "age1pq" && decoded.bytes.length !== HYBRID_PUBLIC_BYTES) {
    throw badRecipient(`age recipient ${text.slice(0, 20)}...: wrong length`);
  }
  return { text, publicKey: null };
}

function notARecipient(): KeyleafError {
  return badRecipient(
    "an age recipient starts neither with age1 nor with ssh-",
    "commas separate recipients, so that the comment of an ssh key can have none",
  );
}

/** A scalar field of an entry, `null` when it is absent or not a scalar. */
function textOf(key: WrappedKey, name: string): string | Uint8Array | null {
  const value = fieldOf(key.fields, name);
  return value?.kind === "leaf" && value.scalar.type !== "null" ? value.scalar.text : null;
}

function badRecipient(message: string, hint?: string): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", message, {
    details: { provider: "age" },
    hint,
  });
}
