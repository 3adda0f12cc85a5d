import { keyLists } from "../document/metadata.ts";
import { KeyleafError } from "../errors.ts";
import { nearest } from "../nearest.ts";

/**
 * Reads a decryption order: key types by the names of their lists in the metadata, `age,pgp,hc_vault`. Blanks and empty
 * items do no harm.
 * @param origin - where it was given, for messages.
 * @throws `USAGE` for an unknown type, `USAGE_DUPLICATE` for one that is there twice.
 *
 * Source: SOPS cmd/sops/main.go, `decryptionOrder`. The reference takes any word, and so a misspelt one without effect.
 */
export function parseDecryptionOrder(text: string, origin: string): string[] {
  const order: string[] = [];
  for (const item of text.split(",")) {
    const name = item.trim();
    if (name === "") continue;
    if (!keyLists.some((list) => list === name)) {
      const meant = nearest(name, keyLists);
      throw new KeyleafError("USAGE", `${origin}: ${JSON.stringify(name)} is no key type`, {
        hint: meant === null ? `there are: ${keyLists.join(", ")}` : `did you mean ${meant}?`,
      });
    }
    if (order.includes(name)) throw new KeyleafError("USAGE_DUPLICATE", `${origin}: ${name} is there twice`);
    order.push(name);
  }
  return order;
}
