import { keyLists } from "../../document/metadata.ts";
import type { Context } from "../context.ts";
import { warn } from "../report.ts";
import type { Given } from "./given.ts";

/** The decryption order that is given, without words that are no key types; `null`: none. */
export function orderOf(given: Given, context: Context): string | null {
  const text = given.text("decryption-order");
  if (text === undefined) return null;
  const isType = (word: string): boolean => keyLists.some((list) => list === word);
  const words = text.split(",");
  const unknown = words.filter((word) => !isType(word));
  if (unknown.length > 0) warn(context, `--decryption-order: ${unknown.join(", ")} is no key type and is passed over`);
  return words.filter(isType).join(",");
}
