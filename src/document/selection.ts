import { KeyleafError } from "../errors.ts";

/** The six kinds of selection rules, under their names in files. A file has one. */
export const selectionKinds = [
  "unencrypted_suffix",
  "encrypted_suffix",
  "unencrypted_regex",
  "encrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
] as const;

export type SelectionKind = (typeof selectionKinds)[number];

/** Which values get sealed. */
export interface SelectionRule {
  readonly rule: SelectionKind;
  /** A suffix, or a regular expression as RE2 reads it. */
  readonly pattern: string;
}

export const DEFAULT_SELECTION: SelectionRule = { rule: "unencrypted_suffix", pattern: "_unencrypted" };

/** A rule made ready for the walk. */
export interface Selection {
  /** Looks at comments rather than at keys. */
  readonly byComment: boolean;
  /** What is hit is sealed (`encrypted_…`), or stays clear (`unencrypted_…`). */
  readonly sealsHits: boolean;
  /** Whether a key (or a comment's text) is hit. */
  readonly hits: (text: string) => boolean;
}

/** Seals everything. */
export const EVERYTHING: Selection = { byComment: false, sealsHits: false, hits: () => false };

/**
 * Makes a rule ready; `null` is the rule that seals everything.
 * @param invalidPattern - `refuse`: throw `CONFIG_MALFORMED`, for new files. `ignore`: never matches, as the reference
 * reads files that carry such a pattern.
 */
export async function compileSelection(
  rule: SelectionRule | null,
  invalidPattern: "refuse" | "ignore",
): Promise<Selection> {
  if (rule === null) return EVERYTHING;
  const byComment = rule.rule.endsWith("comment_regex");
  const sealsHits = rule.rule.startsWith("encrypted_");
  if (rule.rule.endsWith("suffix")) {
    return { byComment, sealsHits, hits: (text) => text.endsWith(rule.pattern) };
  }
  try {
    // Most files have a rule about suffixes.
    const { compilePattern } = await import("./pattern.ts");
    return { byComment, sealsHits, hits: remember(await compilePattern(rule.pattern)) };
  } catch (error) {
    if (invalidPattern === "refuse" || !(error instanceof KeyleafError)) throw error;
    return { byComment, sealsHits, hits: () => false };
  }
}

/** Keys repeat: a thousand records have the same ten. */
function remember(test: (text: string) => boolean): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    let result = known.get(text);
    if (result === undefined) {
      result = test(text);
      if (known.size < 10_000) known.set(text, result);
    }
    return result;
  };
}
