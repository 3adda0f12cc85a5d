import type { CreationRule } from "../../config.ts";
import { type KeyGroup, UnwrappedKeys } from "../../crypto/data-key.ts";
import { KeyleafError } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import { type KeyPlan, planKeys } from "../../key-plan.ts";
import { once } from "../../once.ts";
import { keyGroupsOfRule } from "../../recipients.ts";
import { rewrap } from "../../rewrap.ts";
import { confirm } from "../confirm.ts";
import type { Context, Flags } from "../context.ts";
import { recipientOptions } from "../encryption-context.ts";
import { ConfigFinder, type FoundConfig, ruleFor } from "../find-config.ts";
import type { ListedFile } from "../find-files.ts";
import {
  checkFiles,
  encryptedFormat,
  formatFlag,
  type Input,
  leftAsPlain,
  mayBeEncrypted,
  recoveryFlags,
} from "../inputs.ts";
import { sayIfLocked } from "../key-policy.ts";
import { type NameOf, RecipientNames } from "../name-keys.ts";
import { planText } from "../plan-text.ts";
import { filesText, type Say } from "../remarks.ts";
import { type Left, type Planning, type Rewriting, type Rewritten, rewriteFiles } from "../rewrite-files.ts";

/** `enc updatekeys`: the recipients of files are made those of their rules. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  checkFiles(operands, flags);
  const unwrapped = new UnwrappedKeys();
  try {
    const rewriting = (inside: Context): UpdatingKeys => new UpdatingKeys(flags, inside, unwrapped);
    await rewriteFiles(operands, flags, context, rewriting, () => null);
  } finally {
    await unwrapped.forget();
  }
}

/** What a file is to become, and what of that people are told. */
interface Planned {
  readonly plan: KeyPlan;
  readonly keyGroups: readonly KeyGroup[];
  readonly format: FormatId;
  readonly nameOf: NameOf;
}

class UpdatingKeys implements Rewriting {
  readonly words = { verb: "update", doing: "updating", done: "in line with .sops.yaml" };
  readonly hint = "folders, patterns and --all stand for the files in them that are encrypted";
  readonly planning: Planning;

  readonly #flags: Flags;
  readonly #context: Context;
  readonly #unwrapped: UnwrappedKeys;
  readonly #configs: ConfigFinder;
  readonly #names: RecipientNames;
  readonly #format: FormatId | null;
  readonly #keyGroups = new Map<CreationRule, Promise<readonly KeyGroup[]>>();
  /** What has been shown, by the name of the file. */
  readonly #shown = new Map<string, string>();

  constructor(flags: Flags, context: Context, unwrapped: UnwrappedKeys) {
    this.#flags = flags;
    this.#context = context;
    this.#unwrapped = unwrapped;
    this.#configs = new ConfigFinder(flags, context);
    this.#names = new RecipientNames(context.host);
    this.#format = formatFlag(flags, "input-type");
    this.planning = { plan: (input) => this.#show(input), confirm: (files) => this.#confirm(files) };
  }

  covers(file: ListedFile, bytes: number): Promise<boolean> {
    return mayBeEncrypted(file, bytes, this.#context);
  }

  async check(input: Input): Promise<void> {
    await this.#plan(input);
  }

  async rewrite(input: Input, say: Say): Promise<Rewritten> {
    const planned = await this.#plan(input);
    const { keyGroups, format, plan, nameOf } = planned;
    // What is done is what was shown.
    if (textOf(input, planned) !== this.#shown.get(input.name)) {
      throw new KeyleafError(
        "OUTPUT_CHANGED_MEANWHILE",
        "it has been changed by someone else since the plan was made",
        {
          hint: "nothing was written; run the command again",
        },
      );
    }
    const { output, notices } = await rewrap(
      input.source,
      {
        format,
        keyGroups,
        shamirThreshold: plan.threshold.after,
        ignoreMac: this.#flags.has("ignore-mac"),
        unwrapped: this.#unwrapped,
        recovery: await recoveryFlags(this.#flags),
      },
      this.#context.host,
    );
    for (const notice of notices) say("warning", notice);
    const removed = plan.groups.flat().filter(({ change }) => change === "removed");
    if (removed.length > 0) {
      await sayIfLocked(keyGroups, this.#context, say);
      const who = removed.map((key) => nameOf(key) ?? key.recipient).join(", ");
      const may = `${who} may have kept the data key, which stays the same`;
      say("note", `${may}: enc rotate -i ${input.name} makes a new one`, `${may}: enc rotate -i makes a new one`);
    }
    return { output, isSecret: false };
  }

  leaves(error: KeyleafError, input: Input): Left | null {
    if (error.code === "CONFIG_NO_RULE")
      return { as: "unmeant", warning: "stays as it is: no creation rule matches it" };
    return leftAsPlain(error, input);
  }

  async #show(input: Input): Promise<string | null> {
    const planned = await this.#plan(input);
    if (!planned.plan.isChanged) return null;
    const text = textOf(input, planned);
    this.#shown.set(input.name, text);
    return text;
  }

  async #plan(input: Input): Promise<Planned> {
    const format = await encryptedFormat(input, this.#format);
    const { found, rule } = await this.#rule(input);
    const keyGroups = await once(this.#keyGroups, rule, () =>
      keyGroupsOfRule(rule, { encryptionContext: recipientOptions(this.#flags).encryptionContext }),
    );
    const plan = await planKeys(input.source, { format, keyGroups, shamirThreshold: rule.shamirThreshold });
    return { plan, keyGroups, format, nameOf: await this.#names.of(found) };
  }

  /** Flags and the environment do not name anybody here: what is in `.sops.yaml` is what everybody has agreed on. */
  async #rule({ knownAs }: Input): Promise<{ found: FoundConfig; rule: CreationRule }> {
    const found = await this.#configs.find(knownAs);
    if (found === null || found.config.creationRules === null) {
      const what = found === null ? "there is no .sops.yaml" : `${found.path} has no creation_rules`;
      throw new KeyleafError("CONFIG_MISSING", `${what}, so that nothing says who is to read it`, {
        hint: found === null ? '"enc init" makes one; --config names another file' : "add the rule for it",
      });
    }
    return { found, rule: await ruleFor(found, knownAs) };
  }

  async #confirm(files: number): Promise<boolean> {
    if (this.#flags.has("yes")) return true;
    const question = `give the data key of ${filesText(files)} to those that the plan says? [y/n] `;
    const isWanted = await confirm(() => this.#context.host.ask?.(question, true));
    if (isWanted !== null) return isWanted;
    throw new KeyleafError("USAGE", "the plan needs a yes, and there is no terminal to ask at", {
      hint: "give --yes, or --dry-run to see the plan only",
    });
  }
}

function textOf({ name }: Input, { plan, nameOf }: Planned): string {
  return planText(name, plan, nameOf);
}
