import type { CST } from "yaml";
import { type Variant, WRAPPER_KEY } from "../document/document.ts";
import { closeOf } from "./yaml-block.ts";

/**
 * A document whose top is no mapping, which the reference refuses: in a sealed file it is the value of a key `data`. A
 * block list gets a line `data:` in front, everything else a flow mapping around it; an explicit `null` becomes `{}`.
 */
export interface Wrapping {
  readonly variants: readonly Variant[];
  /** Where the metadata block goes, and what stands in front of it; `null`: where it goes in a block mapping. */
  readonly wrap: { readonly at: number; readonly separator: string } | null;
}

const OPEN = `{${WRAPPER_KEY}: `;

const isNothing = (text: string): boolean => text === "";
const isNull = (text: string): boolean => /^(?:[&!]\S*(?:\s+|$))*(?:~|null|Null|NULL)?$/.test(text);

/** How the top-level node at `[start, end)` is wrapped. @param index - number of the document */
export function wrapping(
  shape: "list" | "null" | "other",
  { start, end }: { readonly start: number; readonly end: number },
  index: number,
  newline: string,
): Wrapping {
  if (shape === "list") {
    return { variants: [variant("open", index, start, start, `${WRAPPER_KEY}:${newline}`, isNothing)], wrap: null };
  }
  const close = variant("close", index, end, end, "}", isNothing);
  return shape === "null"
    ? { variants: [variant("open", index, start, end, "{", isNull), close], wrap: { at: end, separator: "" } }
    : { variants: [variant("open", index, start, start, OPEN, isNothing), close], wrap: { at: end, separator: ", " } };
}

/** The places of a mapping that could be such a wrapper. @param keys - its keys with their offsets, without `sops` */
export function wrapperVariants(
  token: CST.BlockMap | CST.FlowCollection,
  keys: readonly { readonly key: string; readonly offset: number }[],
  index: number,
  text: string,
): Variant[] {
  const [first, ...others] = keys;
  if (token.type === "block-map") {
    if (first === undefined || others.length > 0 || token.indent !== 0) return [];
    const open = /^data:\r?\n/.exec(text.slice(first.offset, first.offset + 7))?.[0];
    if (open === undefined) return [];
    return [variant("open", index, first.offset, first.offset + open.length, open, isNothing)];
  }
  const end = closeOf(token)?.offset;
  const start = token.offset;
  if (end === undefined) return [];
  const close = variant("close", index, end, end + 1, "}", isNothing);
  if (first === undefined) return [variant("open", index, start, start + 1, "{", isNull), close];
  if (others.length > 0 || !text.startsWith(OPEN, start)) return [];
  return [variant("open", index, start, start + OPEN.length, OPEN, isNothing), close];
}

function variant(
  what: string,
  index: number,
  start: number,
  end: number,
  sealed: string,
  isPlain: Variant["isPlain"],
): Variant {
  return { kind: `${what} ${index}`, start, end, sealed, isPlain };
}
