import type { KeyGroup, Recipient } from "../crypto/data-key.ts";
import type { Metadata } from "../document/metadata.ts";
import { KeyleafError } from "../errors.ts";
import { type InspectedKey, inspectKey } from "../inspect.ts";
import { isFor, keyGroupsOfRule, namedKey, opensHere, recipientsOfTexts } from "../recipients.ts";
import type { Context, Flags } from "./context.ts";
import { ConfigFinder, ruleOrNull } from "./find-config.ts";
import type { Input } from "./inputs.ts";
import type { Say } from "./remarks.ts";
import { warn } from "./report.ts";

/**
 * Who a file is for stands in the file, where nothing authenticates it: whoever can change the file can put themselves
 * there, and would be given the next data key. So that is held against what the user's own configuration says.
 */
export class KeyPolicy {
  readonly #flags: Flags;
  readonly #context: Context;
  readonly #configs: ConfigFinder;

  constructor(flags: Flags, context: Context) {
    this.#flags = flags;
    this.#context = context;
    this.#configs = new ConfigFinder(flags, context);
  }

  /**
   * @param groups - recipients that the file is to have
   * @param named - those that the command line names
   * @throws `KEY_UNLISTED` for recipients that neither the command line, the environment nor the rule for the file names,
   *   where there is a rule
   */
  async check(groups: readonly KeyGroup[], named: readonly Recipient[], input: Input, say: Say): Promise<void> {
    if (this.#flags.has("keep-unlisted") || this.#context.program === "sops") return;
    const keys = groups.flat().map(namedKey);
    const listed = await this.#listed(input.knownAs);
    if (listed === null) {
      say("note", `no rule says who may read it, so all do that the file names: ${namesOf(keys)}`);
      return;
    }
    const unlisted = listed.lacks(keys, named);
    if (unlisted.length === 0) return;
    const one = unlisted.length === 1;
    throw new KeyleafError("KEY_UNLISTED", `${listed.rule} does not name ${namesOf(unlisted)}, who the file is for`, {
      hint:
        `"enc updatekeys" takes ${one ? "that recipient" : "those recipients"} away; ` +
        "if they may read on, name them in the rule, or give --keep-unlisted",
    });
  }

  /**
   * Warns of recipients of a file, which they open already, that its rule does not name.
   * A configuration that cannot be read is none: nothing here depends on it.
   */
  async warnOfUnlisted({ keyGroups }: Metadata, name: string, knownAs: string | null): Promise<void> {
    if (this.#context.program === "sops") return;
    const listed = await this.#listed(knownAs).catch((error: unknown) => {
      if (error instanceof KeyleafError) return null;
      throw error;
    });
    const unlisted = listed?.lacks(await Promise.all(keyGroups.flat().map(inspectKey)), []) ?? [];
    if (unlisted.length === 0) return;
    warn(this.#context, `${name} is for ${namesOf(unlisted)} too, which ${listed?.rule} does not name`);
  }

  /** Who may read a file, as far as its rule and the environment say; `null`: no rule says anything. */
  async #listed(knownAs: string | null): Promise<Listed | null> {
    const found = await this.#configs.find(knownAs);
    const rule = found === null ? null : await ruleOrNull(found, knownAs);
    const hasRule = rule?.keyGroups.some((group) => group.length > 0) === true;
    if (rule === null || found === null || !hasRule) return null;
    const { env } = this.#context.host;
    const listed = [
      ...(await keyGroupsOfRule(rule)).flat(),
      ...(await recipientsOfTexts((names) => env[names.env] ?? "", {})),
    ];
    return {
      rule: `the rule at line ${rule.line} of ${found.path}`,
      lacks: (keys, named) =>
        keys.filter((key) => ![...listed, ...named].some((one) => isFor(one, key) || isSameArn(namedKey(one), key))),
    };
  }
}

interface Listed {
  readonly rule: string;
  /** Those of the keys that neither this has, nor the command line names. */
  lacks(keys: readonly InspectedKey[], named: readonly Recipient[]): InspectedKey[];
}

/** Says so when no key at hand opens what is going to be encrypted to them, where that can be told without asking anybody. */
export async function sayIfLocked(groups: readonly KeyGroup[], { program, host }: Context, say: Say): Promise<void> {
  if (program !== "sops" && (await opensHere(groups, host)) === false)
    say("warning", "no key at hand is for any of the recipients: what is encrypted cannot be decrypted here");
}

/** An AWS key is the same whatever the role and the context that it is used with. */
export function isSameArn(one: InspectedKey, other: InspectedKey): boolean {
  const [arn, another] = [one, other].map(({ recipient }) => recipient.split(/[+|]/, 1)[0]);
  return one.type === "kms" && other.type === "kms" && arn === another;
}

/** Each recipient once. */
export function namesOf(keys: readonly InspectedKey[]): string {
  return [...new Set(keys.map(({ recipient }) => recipient))].join(", ");
}
