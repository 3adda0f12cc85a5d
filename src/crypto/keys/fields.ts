import type { Node } from "../../document/document.ts";

/** What entries of several providers have in common: how their fields are read and written. */

/** A scalar field of an entry; `""` when it is absent, not a scalar or not UTF-8. */
export function textOf(node: Node | null): string {
  return node?.kind === "leaf" && typeof node.scalar.text === "string" ? node.scalar.text : "";
}

/** When a key was wrapped, in whole seconds: RFC 3339, UTC. */
export function createdAt(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
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
