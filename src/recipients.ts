import type { CreationRule, RawMapping, RawRecipient } from "./config.ts";
import { defaultIdentityFile, identitySources } from "./crypto/age/identity-sources.ts";
import type { KeyGroup, Recipient } from "./crypto/data-key.ts";
import { groupNode, keyOfEntry } from "./crypto/key-service/messages.ts";
import { age } from "./crypto/keys/age.ts";
import type { KeyProvider, RecipientOptions } from "./crypto/keys/provider.ts";
import { providerBy, providers } from "./crypto/keys/registry.ts";
import { leaf, mapping, type Node } from "./document/document.ts";
import type { KeyEntry, Metadata } from "./document/metadata.ts";
import { KeyleafError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { InspectedKey } from "./inspect.ts";

/** Where recipients of a new file can come from. */
export interface RecipientSources {
  /** Texts of key flags by flag name (`age`, `kms`, ...); `""` for a flag that was not given. */
  readonly flags: ReadonlyMap<string, string>;
  /** The creation rule that fits, if any. */
  readonly rule: CreationRule | null;
  /** Shared-config profile for AWS keys from flags; `""` for none. */
  readonly awsProfile: string;
  /** Encryption context for AWS keys from flags, and for those that stand flat in a rule, which has no place for one. */
  readonly encryptionContext: ReadonlyMap<string, string>;
}

/**
 * Who a new file is for: flags and environment variables, else the creation rule, else the user's own age identity.
 * @returns groups without repeated recipients, and what to tell the user.
 * @throws `KEY_NO_RECIPIENT`, `KEY_BAD_RECIPIENT`.
 *
 * Source: SOPS cmd/sops/main.go, `keyGroups`.
 */
export async function resolveKeyGroups(
  sources: RecipientSources,
  host: Host,
): Promise<{ keyGroups: KeyGroup[]; notices: string[] }> {
  const named = await fromFlags(sources, host);
  if (named.length > 0) return { keyGroups: [withoutRepeats(named)], notices: [] };
  if (sources.rule !== null) {
    const { rule, encryptionContext } = sources;
    return { keyGroups: await keyGroupsOfRule(rule, { encryptionContext }), notices: [] };
  }
  return ownIdentity(host);
}

/**
 * Who a creation rule says that files are for.
 * @param options - for what the rule names flat and cannot say of it
 * @returns at least one group, none of them empty, without repeated recipients
 * @throws `KEY_NO_RECIPIENT`, `KEY_BAD_RECIPIENT`
 */
export async function keyGroupsOfRule(rule: CreationRule, options: RecipientOptions = {}): Promise<KeyGroup[]> {
  const keyGroups: KeyGroup[] = [];
  for (const group of rule.keyGroups) {
    const recipients: Recipient[] = [];
    for (const raw of group) recipients.push(...(await recipientsOfRule(raw, options)));
    keyGroups.push(withoutRepeats(recipients));
  }
  const empty = keyGroups.findIndex((group) => group.length === 0);
  if (empty !== -1) {
    const which = keyGroups.length === 1 ? "names no recipients" : `has no recipients in key group ${empty + 1}`;
    throw new KeyleafError("KEY_NO_RECIPIENT", `the creation rule at line ${rule.line} ${which}`);
  }
  return keyGroups;
}

async function fromFlags({ flags, awsProfile, encryptionContext }: RecipientSources, host: Host): Promise<Recipient[]> {
  const options: RecipientOptions = { awsProfile, encryptionContext };
  return recipientsOfTexts(({ flag, env }) => flags.get(flag) || host.env[env] || "", options);
}

/**
 * Recipients of all types.
 * @param textOf - a comma-separated text for a type; `""`: none
 * @throws `KEY_BAD_RECIPIENT`
 */
export async function recipientsOfTexts(
  textOf: (names: KeyProvider["names"]) => string,
  options: RecipientOptions,
): Promise<Recipient[]> {
  const recipients: Recipient[] = [];
  for (const { names, load } of providers) {
    const text = textOf(names);
    if (text === "") continue;
    const provider = await load();
    for (const recipient of provider.fromText(text, options)) recipients.push({ provider, recipient });
  }
  return recipients;
}

/** The recipients that an entry of a rule names. @throws `KEY_BAD_RECIPIENT` */
export async function recipientsOfRule(raw: RawRecipient, options: RecipientOptions = {}): Promise<Recipient[]> {
  const provider = await providerBy(raw.place === "flat" ? "rule" : "group", raw.ruleKey).load();
  const recipients =
    raw.place === "flat" && typeof raw.value === "string"
      ? provider.fromText(raw.value, raw.awsProfile === "" ? options : { ...options, awsProfile: raw.awsProfile })
      : provider.fromGroup(nodeOf(raw.value));
  return recipients.map((recipient) => ({ provider, recipient }));
}

/** Who an encrypted file is for. @throws `KEY_BAD_RECIPIENT`, `PROVIDER_FAILED` for entries that cannot be read */
export async function keyGroupsOf({ keyGroups }: Pick<Metadata, "keyGroups">): Promise<KeyGroup[]> {
  return Promise.all(keyGroups.map((group) => Promise.all(group.map(recipientOf))));
}

async function recipientOf({ list, fields }: KeyEntry): Promise<Recipient> {
  const provider = await providerBy("metadata", list).load();
  const [recipient] = provider.fromGroup(groupNode(keyOfEntry(list, fields)));
  if (recipient === undefined) throw new KeyleafError("KEY_BAD_RECIPIENT", `an entry of ${list} names no recipient`);
  return { provider, recipient, isFromFile: true };
}

function nodeOf(value: string | RawMapping): Node {
  if (typeof value === "string") return leaf(value);
  return mapping(
    [...value].map(([key, inner]) => [
      key,
      typeof inner === "string" ? leaf(inner) : mapping([...inner].map(([k, v]) => [k, leaf(v)])),
    ]),
  );
}

/** Each recipient once. */
export function withoutRepeats(recipients: readonly Recipient[]): Recipient[] {
  const seen = new Set<string>();
  return recipients.filter(({ provider, recipient }) => {
    const identity = `${provider.id} ${provider.identity(recipient)}`;
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

/** A recipient as that of a file is shown. */
export function namedKey({ provider, recipient }: Recipient): InspectedKey {
  return { type: provider.names.metadata, recipient: provider.identity(recipient) };
}

/**
 * Whether a key of a file is for a recipient. What that leaves open, such as the version of a key, may be anything.
 * @param isExact - only where the identity strings are equal, as in the reference
 */
export function isFor(one: Recipient, key: InspectedKey, isExact = false): boolean {
  const { type, recipient } = namedKey(one);
  if (type !== key.type) return false;
  return recipient === key.recipient || (!isExact && one.provider.covers?.(recipient, key.recipient) === true);
}

async function ownIdentity(host: Host): Promise<{ keyGroups: KeyGroup[]; notices: string[] }> {
  const own = await ownRecipient(host);
  const text = own?.recipient ?? null;
  if (own === null || text === null) {
    const untold = own === null ? "" : `; ${own.source} takes a passphrase or a plugin to tell its own`;
    throw new KeyleafError(
      "KEY_NO_RECIPIENT",
      `no recipients: neither flags, environment, .sops.yaml nor an age identity name one${untold}`,
      { hint: own === null ? 'run "enc init"' : "name its recipient: --age or .sops.yaml" },
    );
  }
  const recipients = age.fromText(text, {}).map((recipient) => ({ provider: age, recipient }));
  return {
    keyGroups: [recipients],
    notices: [`no recipients configured: encrypting to your own key ${text} (${own.source})`],
  };
}

/**
 * Whether one of the age identities at hand opens what is encrypted for these groups.
 * @returns `null`: that cannot be told without a network, a program, or a question to the user.
 */
export async function opensHere(groups: readonly KeyGroup[], host: Host): Promise<boolean | null> {
  const recipients = groups.flat();
  const isSimple = groups.length === 1 && recipients.every(({ provider }) => provider.id === age.id);
  if (!isSimple || host.keyServices !== undefined || host.env["SOPS_AGE_KEY_CMD"] !== undefined) return null;
  const texts = new Set(recipients.map(({ provider, recipient }) => provider.identity(recipient)));
  if ([...texts].some((text) => !/^age1[a-z0-9]{58}$/.test(text))) return null;
  for (const load of await identitySources(host, "")) {
    const { identities, asking } = await load();
    if (asking.length > 0) return null;
    for (const identity of identities) if (texts.has((await identity.recipient?.()) ?? "")) return true;
  }
  return false;
}

/**
 * The recipient of the user's own age identity: the first at hand that tells it.
 *
 * A source that is there and gives nothing is a failure, even where a later one gives an identity: that would be another
 * one than the user named. An empty variable names none.
 *
 * @returns Recipient (`age1...`) and where its identity is kept; the recipient is `null` where it takes a passphrase or a
 *   plugin to tell it. `null`: there is no identity.
 * @throws `KEY_NO_RECIPIENT` with what is wrong with each such source.
 */
export async function ownRecipient(
  host: Host,
): Promise<{ readonly recipient: string | null; readonly source: string } | null> {
  let own: { recipient: string | null; source: string } | null = null;
  const broken: { name: string; problem: string }[] = [];
  for (const load of await identitySources(host, "")) {
    const { name, identities, asking, problems, isAbsent } = await load();
    const recipient = await identities.find((identity) => identity.recipient !== undefined)?.recipient?.();
    if (recipient !== undefined) {
      own = { recipient, source: name };
      break;
    }
    if (asking.length > 0) own ??= { recipient: null, source: name };
    else if (isAbsent !== true) broken.push({ name, problem: problems.join("; ") });
  }
  const [first] = broken;
  if (first === undefined) return own;
  const reasons = broken.map(({ name, problem }) => `${name}: ${problem}`);
  throw new KeyleafError("KEY_NO_RECIPIENT", `cannot encrypt to your own age identity: ${reasons.join("; ")}`, {
    hint:
      first.name === defaultIdentityFile(host)
        ? "put an age identity there, or move the file away"
        : "have the variable give an age identity, or unset it",
  });
}
