import { KeyleafError, reasonOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { type AgeFile, openPayload } from "./age-file.ts";
import { identitySources } from "./identity-sources.ts";

/**
 * Opens a file with one of the identities that may ask the person for something.
 *
 * @param recipient - Of the wrapped key; told to commands.
 * @returns The payload; `null` when none of them did it, and then `why` has got the reasons.
 */
export async function unwrapAsking(
  file: AgeFile,
  recipient: string,
  host: Host,
  why: (reason: string) => void,
): Promise<Uint8Array | null> {
  for (const load of await identitySources(host, recipient, file.stanzas)) {
    const { name, asking } = await load();
    for (const identity of asking) {
      let fileKey: Uint8Array | null;
      try {
        fileKey = await identity.unwrapFileKey(file.stanzas);
      } catch (error) {
        // What keeps one from being used does not keep the others from it.
        if (!(error instanceof KeyleafError)) throw error;
        why(`${name}: ${reasonOf(error)}`);
        continue;
      }
      if (fileKey !== null) return openPayload(file, fileKey);
      why(`${name}: not for this key`);
    }
  }
  return null;
}
