import type { KeyListName } from "../../document/metadata.ts";
import { KeyleafError, reasonOf } from "../../errors.ts";
import type { Host, KeyServiceMethod } from "../../host.ts";
import type { KeyProvider } from "../keys/provider.ts";
import { providerBy } from "../keys/registry.ts";
import { expectTrusted } from "../keys/trust.ts";
import { grpcStatus } from "./grpc.ts";
import { decodeRequest, encOf, encodeAnswer, fromUtf8, groupNode, type ServiceKey, wrappedFields } from "./messages.ts";

/** A request that is not granted, with the status and the text that the client gets. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a request asks for, in words for a person. */
export interface Asked {
  readonly method: KeyServiceMethod;
  /** `age age1...`: the key's type and its identity string. */
  readonly key: string;
}

/**
 * Answers one request with the keys of this machine. Other key services are not asked.
 * @param mayGo - is asked before anything is done with a key; `false` refuses
 * @param request - is overwritten
 * @returns the encoded answer
 * @throws {@link Refusal}
 */
export async function answer(
  method: KeyServiceMethod,
  request: Uint8Array,
  host: Host,
  mayGo: (asked: Asked) => Promise<boolean>,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  let result: Uint8Array | null = null;
  try {
    const decoded = decodeRequest(request);
    if (decoded === null) throw new Refusal(grpcStatus.invalidArgument, "this is not a request for a key service");
    const { key, content } = decoded;
    if (key === null) throw new Refusal(grpcStatus.notFound, "the request names no key, or one of an unknown type");
    const provider = await providerBy("metadata", key.list).load();
    const name = `${provider.id} ${provider.identityOf({ provider: provider.id, fields: wrappedFields(key, "") })}`;
    if (!(await mayGo({ method, key: name }))) throw new Refusal(grpcStatus.permissionDenied, "refused by its user");
    // Whoever asked may have gone while the question was open.
    signal?.throwIfAborted();
    result = await answerWith(provider, method, { key, content }, host, signal);
    return encodeAnswer(result);
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw refusalOf(error);
  } finally {
    request.fill(0);
    if (method === "Decrypt") result?.fill(0);
  }
}

/** With the hint, which else nobody would see: this side shows nothing, and the other side only what it is sent. */
function refusalOf({ message, hint, details: { endpoint } }: KeyleafError): Refusal {
  if (endpoint === undefined) return new Refusal(grpcStatus.unknown, reasonOf({ message, hint }));
  // Whoever asked has a --trust-endpoint too, but that is not the one that counts.
  const ownHint = `if it is yours, start enc keyservice with --trust-endpoint ${endpoint}`;
  return new Refusal(grpcStatus.permissionDenied, reasonOf({ message, hint: ownHint }));
}

/** What the answer holds: the text of `enc`, or the data key. @throws {@link Refusal}, `KEY_BAD_RECIPIENT`, `PROVIDER_FAILED` */
export function answerWith(
  provider: KeyProvider,
  method: KeyServiceMethod,
  { key, content }: { readonly key: ServiceKey; readonly content: Uint8Array },
  host: Host,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return (method === "Encrypt" ? wrap : unwrap)(provider, key, content, host, signal);
}

/** Types whose keys are named by an address, of which their identity strings are made. */
const withAddress: ReadonlySet<KeyListName> = new Set(["hc_vault", "azure_kv"]);

async function wrap(
  provider: KeyProvider,
  key: ServiceKey,
  dataKey: Uint8Array,
  host: Host,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const [recipient, ...more] = provider.fromGroup(groupNode(key));
  if (recipient === undefined || more.length > 0) throw new Refusal(grpcStatus.unknown, "one key has to be named");
  // Other than with a file of one's own, whoever asks chose the address; unwrapping, the provider asks this itself.
  if (withAddress.has(key.list)) {
    const { origin } = new URL(provider.identity(recipient));
    await expectTrusted(origin, host, { source: "request", provider: provider.id });
  }
  const { fields } = await provider.wrap(dataKey, recipient, host, signal);
  return encOf(fields);
}

async function unwrap(
  provider: KeyProvider,
  key: ServiceKey,
  content: Uint8Array,
  host: Host,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const enc = fromUtf8(content);
  if (enc === null) throw new Refusal(grpcStatus.unknown, "the wrapped key is not a text");
  const reasons: string[] = [];
  const fields = wrappedFields(key, enc);
  const why = (reason: string) => reasons.push(reason);
  const dataKey = await provider.unwrap({ provider: provider.id, fields }, host, why, signal);
  if (dataKey !== null) return dataKey;
  if (provider.unwrapAsking !== undefined)
    reasons.push("what asks for a passphrase or the like is not used for others");
  throw new Refusal(grpcStatus.unknown, reasons.join("; ") || "not for any key at hand");
}
