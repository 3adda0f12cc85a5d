import type { Config } from "./config.ts";
import { type KeyAttempt, KeyleafError } from "./errors.ts";
import { recipientsOfRule } from "./recipients.ts";

/** Longer names are no names. */
const MOST_CHARACTERS = 80;

/**
 * What people call recipients: the comment beside one in a rule of `.sops.yaml`, or alone on the line above it. A line with
 * several recipients has no name for any of them. What an alias stands for has the name that it has there.
 *
 * @param config - what `parseConfig` made of `text`.
 * @returns gives the name of a key, by provider id and identity string; `null`: it has none.
 */
export async function recipientNames(
  text: string,
  config: Config,
): Promise<(key: Pick<KeyAttempt, "provider" | "recipient">) => string | null> {
  const lines = text.split(/\r?\n/);
  const raws = (config.creationRules ?? []).flatMap(({ keyGroups }) => keyGroups.flat());
  const valuesAt = new Map<number, Set<unknown>>();
  for (const { line, value } of raws) valuesAt.set(line, (valuesAt.get(line) ?? new Set()).add(value));
  const names = new Map<string, string>();
  for (const raw of raws) {
    const name = valuesAt.get(raw.line)?.size === 1 ? nameAt(lines, raw.line - 1) : "";
    if (name === "") continue;
    try {
      for (const { provider, recipient } of await recipientsOfRule(raw)) {
        const id = idOf(provider.id, provider.identity(recipient));
        if (!names.has(id)) names.set(id, name);
      }
    } catch (error) {
      // A recipient that cannot be read has no name either; nothing is encrypted here.
      if (!(error instanceof KeyleafError)) throw error;
    }
  }
  return ({ provider, recipient }) => names.get(idOf(provider, recipient)) ?? null;
}

function idOf(provider: string, identity: string): string {
  return JSON.stringify([provider, identity]);
}

/** No recipient has a blank and a hash in it, so that what follows them is a comment. */
function nameAt(lines: readonly string[], index: number): string {
  const beside = /\s#(.*)$/.exec(lines[index] ?? "")?.[1]?.trim() ?? "";
  const above = /^\s*#(.*)$/.exec(lines[index - 1] ?? "")?.[1]?.trim() ?? "";
  const name = beside || above;
  return name.length > MOST_CHARACTERS ? "" : name;
}
