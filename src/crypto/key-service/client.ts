import type { KeyListName } from "../../document/metadata.ts";
import { KeyleafError, reasonOf } from "../../errors.ts";
import type { KeyService, KeyServices } from "../../host.ts";
import type { KeyProvider, WrappedKey } from "../keys/provider.ts";
import { decodeAnswer, encOf, encodeRequest, fromUtf8, isWhole, keyOfEntry } from "./messages.ts";

/**
 * A provider with key services behind it: it is asked first, unless that is switched off, then each of them in their
 * order, until one can. Every failure is a reason among others.
 * @param list - the key list that the provider is for
 */
export function throughKeyServices(
  provider: KeyProvider,
  list: KeyListName,
  { isLocalOn, services }: KeyServices,
): KeyProvider {
  // Who may be asked for a passphrase is a local key's affair.
  const { unwrapAsking, ...rest } = provider;
  return {
    ...rest,
    ...(isLocalOn && unwrapAsking !== undefined ? { unwrapAsking } : {}),

    async wrap(dataKey, recipient, host, signal) {
      const failures: KeyleafError[] = [];
      if (isLocalOn) {
        const wrapped = await attempt(() => provider.wrap(dataKey, recipient, host, signal), failures);
        if (wrapped !== null) return wrapped;
      }
      for (const service of services) {
        const wrapped = await attempt(
          () => wrapBy(service, { provider, list, dataKey, recipient, now: host.now() }, signal),
          failures,
        );
        if (wrapped !== null) return wrapped;
      }
      const [first = nobody(), ...more] = failures;
      if (more.length === 0) throw first;
      throw new KeyleafError("PROVIDER_FAILED", failures.map(reasonOf).join("; "));
    },

    async unwrap(key, host, why, signal) {
      if (!isLocalOn && services.length === 0) throw nobody();
      if (isLocalOn) {
        const reasons: string[] = [];
        const failures: KeyleafError[] = [];
        const local = () => provider.unwrap(key, host, (reason) => reasons.push(reason), signal);
        const dataKey = await attempt(local, failures);
        if (dataKey !== null) return dataKey;
        const all = [...reasons, ...failures.map(reasonOf)];
        for (const reason of all.length === 0 ? ["not for any key at hand"] : all) why(reason);
      }
      for (const service of services) {
        const failures: KeyleafError[] = [];
        const dataKey = await attempt(() => unwrapBy(service, key, list, signal), failures);
        if (dataKey !== null) return dataKey;
        for (const failure of failures) why(reasonOf(failure));
      }
      return null;
    },
  };
}

interface Wrapping {
  readonly provider: KeyProvider;
  readonly list: KeyListName;
  readonly dataKey: Uint8Array;
  readonly recipient: unknown;
  readonly now: Date;
}

async function wrapBy(
  service: KeyService,
  { provider, list, dataKey, recipient, now }: Wrapping,
  signal: AbortSignal | undefined,
): Promise<WrappedKey> {
  const key = keyOfEntry(list, provider.entry(recipient, "", now));
  if (!isWhole(key)) {
    throw new KeyleafError("KEY_BAD_RECIPIENT", "a key service has to be told every part of the key's name", {
      hint: list === "azure_kv" ? "give the key's version too: https://VAULT/keys/NAME/VERSION" : "check its spelling",
    });
  }
  const request = encodeRequest(key, dataKey);
  try {
    const enc = fromUtf8(contentOf(await service.call("Encrypt", request, signal), service));
    if (enc === null || enc === "") throw notAnAnswer(service);
    return { provider: provider.id, fields: provider.entry(recipient, enc, now) };
  } finally {
    request.fill(0);
  }
}

async function unwrapBy(
  service: KeyService,
  { fields }: WrappedKey,
  list: KeyListName,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const request = encodeRequest(keyOfEntry(list, fields), encOf(fields));
  const answer = await service.call("Decrypt", request, signal);
  try {
    return contentOf(answer, service);
  } finally {
    answer.fill(0);
  }
}

function contentOf(answer: Uint8Array, service: KeyService): Uint8Array {
  const content = decodeAnswer(answer);
  if (content === null) throw notAnAnswer(service);
  return content;
}

/** `null`: it failed, or there is nothing; what failed is among `failures`. */
async function attempt<T>(call: () => Promise<T | null>, failures: KeyleafError[]): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    failures.push(error);
    return null;
  }
}

function nobody(): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", "the local key service is switched off, and no other is named", {
    hint: "name one with --keyservice, or leave out --enable-local-keyservice=false (SOPS_ENABLE_LOCAL_KEYSERVICE)",
  });
}

function notAnAnswer({ address }: KeyService): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", `key service ${address}: what it answers is not what a key service does`);
}
