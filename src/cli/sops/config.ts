import { type CreationRule, matchRule } from "../../config.ts";
import { compilePattern } from "../../document/pattern.ts";
import type { Context, Flags } from "../context.ts";
import { ConfigFinder, type FoundConfig, matchedPath } from "../find-config.ts";

/** `.sops.yaml` as the reference has it (SOPS config/config.go). */

/**
 * The configuration that is named, else the nearest from the working directory upward.
 * @throws `CONFIG_UNREADABLE`, `CONFIG_MALFORMED`
 */
export function findSopsConfig(flags: Flags, context: Context): Promise<FoundConfig | null> {
  return new ConfigFinder(flags, context).find(null);
}

/**
 * The rule for a file; `null` where there is no configuration, or one without rules.
 * @throws `CONFIG_NO_RULE`
 */
export async function sopsRule(found: FoundConfig | null, knownAs: string): Promise<CreationRule | null> {
  if (found === null || found.config.creationRules === null) return null;
  return matchRule(found.config, matchedPath(found.path, knownAs), compilePattern);
}
