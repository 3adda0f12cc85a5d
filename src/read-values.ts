import { type OpenAsOptions, openAs } from "./decrypt.ts";
import type { Mapping } from "./document/document.ts";
import type { Host } from "./host.ts";

export interface ReadValues {
  /** One mapping for each document of the file, with all values opened; comments are still in it. */
  readonly documents: readonly Mapping[];
  /** What the user should know, without any value. */
  readonly notices: readonly string[];
}

/**
 * The values of an encrypted file, for a program rather than as text. Every tag and the MAC are checked before anything
 * is returned.
 * @throws as `decrypt` does, but for what is about its output.
 */
export async function readValues(source: Uint8Array, options: OpenAsOptions, host: Host): Promise<ReadValues> {
  const { doc, notices } = await openAs(source, options, host, true);
  return { documents: doc.roots, notices };
}
