import type { Host } from "../../host.ts";
import type { Stanza } from "./age-file.ts";

/**
 * Seals a file key (16 bytes) for a recipient other than an X25519 one. What that takes is loaded as it is needed.
 *
 * @param text - As `age.fromText` let it through.
 * @throws `KEY_BAD_RECIPIENT`, `PROVIDER_FAILED` (plugins)
 */
export async function wrapForOther(fileKey: Uint8Array, text: string, host: Host): Promise<readonly Stanza[]> {
  if (text.startsWith("ssh-")) return [await (await import("./ssh.ts")).wrapForSsh(fileKey, text, host)];
  if (text.startsWith("age1pq1")) return [await (await import("./hybrid.ts")).wrapForHybrid(fileKey, text, host)];
  const name = text.slice("age1".length, text.lastIndexOf("1"));
  return (await import("./plugin.ts")).wrapWithPlugin(name, text, fileKey, host);
}
