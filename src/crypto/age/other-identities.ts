import type { Host } from "../../host.ts";
import { decodeBech32 } from "./bech32.ts";
import { type AgeIdentity, type Identities, nothing } from "./identity.ts";

/** Identities of the kinds that most have not; what they take is loaded when a file may need it. */

/** Kind of the stanzas of post-quantum recipients. */
export const HYBRID_KIND = "mlkem768x25519";
const HYBRID_PREFIX = "AGE-SECRET-KEY-PQ-";

/**
 * @param word - An identity that is none of X25519.
 * @returns The identity in one of the lists, or what is wrong with it.
 */
export function readOther(word: string, host: Host): Identities {
  const decoded = decodeBech32(word);
  if ("problem" in decoded) return nothing(decoded.problem);
  const plugin = /^AGE-PLUGIN-([A-Z0-9+._-]+)-$/.exec(decoded.prefix)?.[1];
  if (plugin !== undefined)
    return { identities: [], asking: [ofPlugin(plugin.toLowerCase(), word, host)], problems: [] };
  if (decoded.prefix !== HYBRID_PREFIX) return nothing("another kind of key");
  if (decoded.bytes.length !== 32) return nothing("wrong length");
  return { identities: [postQuantum(decoded.bytes)], asking: [], problems: [] };
}

function postQuantum(seed: Uint8Array): AgeIdentity {
  let loaded: Promise<Required<AgeIdentity>> | null = null;
  const load = (): Promise<Required<AgeIdentity>> => {
    loaded ??= import("./hybrid.ts").then(({ HybridIdentity }) => new HybridIdentity(seed));
    return loaded;
  };
  return {
    async unwrapFileKey(stanzas) {
      return stanzas.some(({ args }) => args[0] === HYBRID_KIND) ? (await load()).unwrapFileKey(stanzas) : null;
    },
    recipient: async () => (await load()).recipient(),
  };
}

function ofPlugin(name: string, text: string, host: Host): AgeIdentity {
  return {
    unwrapFileKey: async (stanzas) => (await import("./plugin.ts")).unwrapWithPlugin(name, text, stanzas, host),
  };
}
