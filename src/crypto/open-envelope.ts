import { open } from "./cipher.ts";
import { type OpenEnvelope, parseEncryptedValue } from "./encrypted-value.ts";

/** Opens envelopes one after the other, as they are asked for. @param dataKey - 32 bytes; kept until the last one. */
export function openingWith(dataKey: Uint8Array): OpenEnvelope {
  return (text, aad) => {
    const envelope = parseEncryptedValue(text);
    const bytes = envelope === null ? null : open(envelope, dataKey, aad);
    return envelope === null || bytes === null ? null : { bytes, type: envelope.type };
  };
}
