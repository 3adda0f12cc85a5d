import { type KeyGroup, type Recipient, UnwrappedKeys } from "../../crypto/data-key.ts";
import { checkThreshold } from "../../crypto/key-groups.ts";
import { metadataOf } from "../../decrypt.ts";
import { KeyleafError } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import { formatOf } from "../../formats/registry.ts";
import { isFor, keyGroupsOf, namedKey, recipientsOfTexts, withoutRepeats } from "../../recipients.ts";
import { regroup } from "../../regroup.ts";
import { rotate } from "../../rotate.ts";
import type { Context, Flags } from "../context.ts";
import { recipientOptions } from "../encryption-context.ts";
import type { ListedFile } from "../find-files.ts";
import { changeFlags } from "../flags.ts";
import {
  aboutFile,
  auditedAs,
  destinationOf,
  encryptedFormat,
  formatFlag,
  type Input,
  leftAsPlain,
  mayBeEncrypted,
  numberFlag,
  readInput,
  recoveryFlags,
} from "../inputs.ts";
import { isSameArn, KeyPolicy, sayIfLocked } from "../key-policy.ts";
import { Remarks, type Say, sayAll } from "../remarks.ts";
import { type Left, type Rewriting, type Rewritten, rewriteFiles } from "../rewrite-files.ts";
import { writeFiles } from "../write-file.ts";

/** `enc rotate`: a new data key, for the same recipients or others. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  if (operands.length === 0 && !flags.has("all")) {
    throw new KeyleafError("USAGE_NO_FILE", "no file given", { hint: "see enc rotate --help" });
  }
  const changes = await changesOf(flags);
  const destination = destinationOf(operands, flags, context);
  const unwrapped = new UnwrappedKeys();
  try {
    if (destination.kind === "in-place") {
      const rewriting = (inside: Context): Rotation => new Rotation(flags, inside, changes, unwrapped);
      await rewriteFiles(operands, flags, context, rewriting, () => null);
      return;
    }
    const input = await readInput(operands, flags, context, () => null);
    const remarks = new Remarks();
    const rotation = new Rotation(flags, context, changes, unwrapped);
    const { output } = await rotation.rewrite(input, remarks.say).catch((error) => {
      throw aboutFile(error, input.name);
    });
    if (destination.kind === "stdout") await context.streams.stdout.write(output);
    else await writeFiles([{ path: destination.path, content: output, isSecret: false }]);
    sayAll(context, remarks.all);
  } catch (error) {
    throw hasChanges(changes) ? withoutFile(error) : error;
  } finally {
    await unwrapped.forget();
  }
}

/** Who flags say is to be able to read from now on, and who not any more. */
interface Changes {
  readonly add: readonly Recipient[];
  readonly remove: readonly Recipient[];
}

async function changesOf(flags: Flags): Promise<Changes> {
  const options = recipientOptions(flags);
  const recipients = async (change: "add" | "rm"): Promise<Recipient[]> => {
    const nameOf = new Map(changeFlags.filter((flag) => flag.change === change).map(({ of, name }) => [of, name]));
    return withoutRepeats(await recipientsOfTexts(({ flag }) => flags.text(nameOf.get(flag) ?? "") ?? "", options));
  };
  const changes = { add: await recipients("add"), remove: await recipients("rm") };
  const both = changes.add.find((one) => changes.remove.some((other) => isFor(other, namedKey(one))));
  if (both === undefined) return changes;
  throw new KeyleafError("USAGE_CONFLICT", `${namedKey(both).recipient} is to be added and removed`);
}

function hasChanges({ add, remove }: Changes): boolean {
  return add.length + remove.length > 0;
}

/** Who adds or removes a key of a file that is not there has named another file than was meant: a status of its own. */
function withoutFile(error: unknown): unknown {
  if (!(error instanceof KeyleafError) || error.code !== "INPUT_MISSING") return error;
  const { details, message } = error;
  return new KeyleafError("INPUT_MISSING_FOR_KEYS", `${message}, so that there are no recipients to change`, {
    hint: error.hint,
    details,
    cause: error,
  });
}

/** Rotating with the flags of one command line. */
class Rotation implements Rewriting {
  readonly words = { verb: "rotate", doing: "rotating", done: "rotated" };
  readonly hint = "folders, patterns and --all stand for the files in them that are encrypted";

  readonly #flags: Flags;
  readonly #context: Context;
  readonly #changes: Changes;
  readonly #unwrapped: UnwrappedKeys;
  readonly #policy: KeyPolicy;
  readonly #format: FormatId | null;
  readonly #threshold: number;

  constructor(flags: Flags, context: Context, changes: Changes, unwrapped: UnwrappedKeys) {
    this.#flags = flags;
    this.#context = context;
    this.#changes = changes;
    this.#unwrapped = unwrapped;
    this.#policy = new KeyPolicy(flags, context);
    this.#format = formatFlag(flags, "input-type");
    this.#threshold = numberFlag(flags, "shamir-secret-sharing-threshold") ?? 0;
  }

  covers(file: ListedFile, bytes: number): Promise<boolean> {
    return mayBeEncrypted(file, bytes, this.#context);
  }

  async check(input: Input): Promise<void> {
    const { parse } = await formatOf(await encryptedFormat(input, this.#format));
    await this.#regroup(await keyGroupsOf(metadataOf(await parse(input.source))), input, () => {});
  }

  async rewrite(input: Input, say: Say): Promise<Rewritten> {
    const { output, notices } = await rotate(
      input.source,
      {
        format: await encryptedFormat(input, this.#format),
        file: auditedAs(input),
        ignoreMac: this.#flags.has("ignore-mac"),
        unwrapped: this.#unwrapped,
        recovery: await recoveryFlags(this.#flags),
        regroup: (groups) => this.#regroup(groups, input, say),
        ...(this.#threshold === 0 ? {} : { shamirThreshold: this.#threshold }),
      },
      this.#context.host,
    );
    for (const notice of notices) say("warning", notice);
    return { output, isSecret: false };
  }

  leaves(error: KeyleafError, input: Input): Left | null {
    if (error.code === "KEY_NOT_THERE") return { as: "unmeant", warning: `stays as it is: ${error.message}` };
    return leftAsPlain(error, input);
  }

  async #regroup(groups: readonly KeyGroup[], input: Input, say: Say): Promise<readonly KeyGroup[]> {
    const { remove, add } = this.#changes;
    const changed = regroup(groups, this.#changes);
    // Of many files, those that the user did not name may lack some of the keys, but not all.
    const isWrong = input.isNamed
      ? changed.absent.length > 0
      : remove.length > 0 && changed.absent.length === remove.length;
    if (isWrong && this.#context.program !== "sops") throw notThere(changed.absent, groups);
    if (this.#threshold !== 0) checkThreshold(changed.groups.length, this.#threshold);
    for (const one of changed.present) say("note", `${namedKey(one).recipient} is among its recipients already`);
    await this.#policy.check(changed.groups, add, input, say);
    if (remove.length > 0) await sayIfLocked(changed.groups, this.#context, say);
    return changed.groups;
  }
}

/** A key that is to be removed and is not there is mostly a misspelt one, which then could still open the file. */
function notThere(absent: readonly Recipient[], groups: readonly KeyGroup[]): KeyleafError {
  const wanted = absent.map(namedKey);
  const names = wanted.map(({ recipient }) => recipient);
  const are = names.length === 1 ? "is" : "are";
  const near = groups
    .flat()
    .map(namedKey)
    .filter((key) => wanted.some((one) => isSameArn(one, key)))
    .map(({ recipient }) => recipient);
  return new KeyleafError("KEY_NOT_THERE", `${names.join(", ")} ${are} not among its recipients`, {
    hint:
      near.length > 0
        ? `role, --encryption-context and --aws-profile have to be those of the file: ${near.join(", ")}`
        : '"enc recipients list" shows them',
  });
}
