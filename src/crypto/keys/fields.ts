import { itemsOf, type Node } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";

/** What several providers have in common: how the fields of entries are read and written, and how they fail. */

/** Makes the errors of a provider. @param provider - its id. */
export function failing(provider: string): (message: string, hint?: string) => KeyleafError {
  return (message, hint) => new KeyleafError("PROVIDER_FAILED", message, { hint, details: { provider } });
}

/** A scalar field of an entry; `""` when it is absent, not a scalar or not UTF-8. */
export function textOf(node: Node | null): string {
  return node?.kind === "leaf" && typeof node.scalar.text === "string" ? node.scalar.text : "";
}

export function isNull(node: Node): boolean {
  return node.kind === "leaf" && node.scalar.type === "null";
}

/**
 * The encryption context of an entry. Null values are left out, as the reference does when it calls AWS.
 * @returns `null`: not a mapping of texts.
 */
export function contextOf(node: Node | null): Map<string, string> | null {
  const context = new Map<string, string>();
  if (node === null || isNull(node)) return context;
  if (node.kind !== "mapping") return null;
  for (const { key, value } of itemsOf(node)) {
    if (isNull(value)) continue;
    if (value.kind !== "leaf" || typeof value.scalar.text !== "string") return null;
    context.set(key, value.scalar.text);
  }
  return context;
}

/** By the bytes of the keys, as Go sorts. */
export function sorted(context: ReadonlyMap<string, string>): [string, string][] {
  return [...context].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Standard base64 with padding; line breaks are passed over, as Go does. `null`: empty, or something else. */
export function decodeBase64(text: string): Uint8Array | null {
  return decode(text, "base64");
}

/** Base64url without padding, as Azure has it; otherwise as {@link decodeBase64}. */
export function decodeBase64Url(text: string): Uint8Array | null {
  return decode(text, "base64url");
}

function decode(text: string, encoding: "base64" | "base64url"): Uint8Array | null {
  const bare = text.replace(/[\r\n]/g, "");
  const bytes = Buffer.from(bare, encoding);
  const isExact = bytes.length > 0 && bytes.toString(encoding) === bare;
  // A buffer of its own: this one may lie in a pool, where nobody would overwrite it.
  const decoded = isExact ? new Uint8Array(bytes) : null;
  bytes.fill(0);
  return decoded;
}
