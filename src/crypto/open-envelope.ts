import { open } from "./cipher.ts";
import { type Decoders, type OpenEnvelope, parseEncryptedValue } from "./encrypted-value.ts";
import { Scratch } from "./scratch.ts";

/** Opens envelopes one after the other, as they are asked for. @param dataKey - 32 bytes; kept until the last one. */
export function openingWith(dataKey: Uint8Array): OpenEnvelope {
  const [data, iv, tag] = [new Scratch(), new Scratch(), new Scratch()];
  const decode: Decoders = {
    data: (text) => data.base64(text),
    iv: (text) => iv.base64(text),
    tag: (text) => tag.base64(text),
  };
  return (text, aad) => {
    const envelope = parseEncryptedValue(text, decode);
    const bytes = envelope === null ? null : open(envelope, dataKey, aad);
    return envelope === null || bytes === null ? null : { bytes, type: envelope.type };
  };
}
