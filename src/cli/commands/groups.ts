import type { KeyGroup } from "../../crypto/data-key.ts";
import { checkThreshold } from "../../crypto/key-groups.ts";
import { neededOf } from "../../crypto/wrap-data-key.ts";
import { metadataOf } from "../../decrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { formatOf } from "../../formats/registry.ts";
import { keyGroupsOf, namedKey, recipientsOfTexts, withoutRepeats } from "../../recipients.ts";
import { rewrap } from "../../rewrap.ts";
import type { CommandModule, Context, Flags } from "../context.ts";
import { recipientOptions } from "../encryption-context.ts";
import {
  aboutFile,
  destinationOf,
  encryptedFormat,
  formatFlag,
  type Input,
  numberFlag,
  readInput,
  recoveryFlags,
} from "../inputs.ts";
import { KeyPolicy, sayIfLocked } from "../key-policy.ts";
import { Remarks, type Say, sayAll, unlessUnsaid } from "../remarks.ts";
import { writeFiles } from "../write-file.ts";

/** `enc groups add` and `enc groups delete`: the data key of a file is split anew over other groups. */

/** `enc groups add`. */
export const add: CommandModule = {
  async run(_operands, flags, context) {
    const named = await recipientsOfTexts(({ flag }) => flags.text(flag) ?? "", recipientOptions(flags));
    const group = withoutRepeats(named);
    if (group.length === 0) {
      throw new KeyleafError("KEY_NO_RECIPIENT", "the new group would have no recipients", {
        hint: "name them: --age, --pgp, --kms, ...",
      });
    }
    await changeGroups(flags, context, (groups) => ({ groups: [...groups, group], added: group, removed: [] }));
  },
};

/** `enc groups delete`. */
export const remove: CommandModule = {
  async run([index = ""], flags, context) {
    if (!/^\d{1,3}$/.test(index)) {
      throw new KeyleafError("USAGE", index === "" ? "no group given" : `${index} is not the number of a group`, {
        hint: "give its number, counted from 0: enc groups delete 1 --file FILE deletes the second",
      });
    }
    await changeGroups(flags, context, (groups) => without(groups, Number(index)));
  },
};

function without(groups: readonly KeyGroup[], place: number): Change {
  const removed = groups[place];
  if (removed === undefined) {
    const last = groups.length - 1;
    const there = last === 0 ? "there is only group 0" : `there are groups 0 to ${last}`;
    throw new KeyleafError("KEY_NOT_THERE", `no key group ${place}: ${there}`, {
      hint: "groups are counted from 0 here",
    });
  }
  if (groups.length === 1) {
    throw new KeyleafError("KEY_NO_RECIPIENT", "it is the only key group: nobody could open the file any more");
  }
  return { groups: groups.filter((_, i) => i !== place), added: [], removed };
}

/** The groups that a file is to have, and how they differ from those that it has. */
interface Change {
  readonly groups: readonly KeyGroup[];
  readonly added: KeyGroup;
  readonly removed: KeyGroup;
}

async function changeGroups(
  flags: Flags,
  context: Context,
  change: (groups: readonly KeyGroup[]) => Change,
): Promise<void> {
  const file = flags.text("file") ?? "";
  if (file === "") throw new KeyleafError("USAGE_NO_FILE", "no file given", { hint: "name it: --file FILE" });
  const destination = destinationOf([file], flags, context);
  const input = await readInput([file], flags, context, () => null);
  const remarks = new Remarks();
  let output: Uint8Array;
  try {
    output = await rewrapped(input, flags, context, change, remarks.say);
  } catch (error) {
    throw aboutFile(error, input.name);
  }
  if (destination.kind === "stdout") await context.streams.stdout.write(output);
  else {
    // Another file is not the one that was read.
    const target = destination.kind === "file" ? destination : { path: pathOf(input), before: input.source };
    await writeFiles([{ ...target, content: output, isSecret: false }]);
  }
  sayAll(context, unlessUnsaid(remarks.all, context));
}

async function rewrapped(
  input: Input,
  flags: Flags,
  context: Context,
  change: (groups: readonly KeyGroup[]) => Change,
  say: Say,
): Promise<Uint8Array> {
  const format = await encryptedFormat(input, formatFlag(flags, "input-type"));
  const metadata = metadataOf(await (await formatOf(format)).parse(input.source));
  const { groups, added, removed } = change(await keyGroupsOf(metadata));
  const threshold = numberFlag(flags, "shamir-secret-sharing-threshold") || metadata.shamirThreshold;
  checkThreshold(groups.length, threshold);
  await new KeyPolicy(flags, context).check(groups, added, input, say);
  if (removed.length > 0) await sayIfLocked(groups, context, say);
  const { output, notices } = await rewrap(
    input.source,
    {
      format,
      keyGroups: groups,
      shamirThreshold: threshold,
      ignoreMac: flags.has("ignore-mac"),
      recovery: await recoveryFlags(flags),
    },
    context.host,
  );
  for (const notice of notices) say("warning", notice);
  say("note", `${neededText(groups.length, threshold)}`);
  if (removed.length > 0) {
    const who = removed.map((one) => namedKey(one).recipient).join(", ");
    say("note", `deleted: ${who}, who may have kept the data key: enc rotate -i ${input.name} makes a new one`);
  }
  return output;
}

function neededText(groups: number, threshold: number): string {
  const needed = neededOf(groups, threshold);
  if (needed === 0) return "any recipient opens it now";
  return `${needed} of ${groups} key groups open it now`;
}

function pathOf({ path }: Input): string {
  if (path !== null) return path;
  throw new Error("standard input is never written in place");
}
