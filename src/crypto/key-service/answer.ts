import { KeyleafError } from "../../errors.ts";
import type { Host, KeyServiceMethod } from "../../host.ts";
import type { KeyProvider } from "../keys/provider.ts";
import { providerBy } from "../keys/registry.ts";
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
    throw new Refusal(grpcStatus.unknown, error.message);
  } finally {
    request.fill(0);
    if (method === "Decrypt") result?.fill(0);
  }
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

async function wrap(
  provider: KeyProvider,
  key: ServiceKey,
  dataKey: Uint8Array,
  host: Host,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  // Other than with a file of one's own, whoever asks chose the address; unwrapping, the provider asks this itself.
  const address = key.texts.get("vault_address") ?? key.texts.get("vault_url");
  if (address !== undefined && (await host.isTrustedEndpoint?.(address)) !== true) {
    throw new Refusal(
      grpcStatus.permissionDenied,
      `${address} is not contacted: this key service was not told to trust it`,
    );
  }
  const [recipient, ...more] = provider.fromGroup(groupNode(key));
  if (recipient === undefined || more.length > 0) throw new Refusal(grpcStatus.unknown, "one key has to be named");
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
  throw new Refusal(grpcStatus.unknown, reasons.join("; ") || "not for any key at hand");
}
