import { resolve } from "node:path";
import { KeyleafError } from "../../errors.ts";
import { planKeys } from "../../key-plan.ts";
import { keyGroupsOfRule } from "../../recipients.ts";
import { rewrap } from "../../rewrap.ts";
import { confirm } from "../confirm.ts";
import type { Context, Flags } from "../context.ts";
import { type FoundConfig, ruleFor } from "../find-config.ts";
import { aboutFile, encryptedFormat, formatFlag, type Input } from "../inputs.ts";
import { sopsPlanText } from "../plan-text.ts";
import { readExisting } from "../read-file.ts";
import { printable } from "../report.ts";
import { reportError } from "../report-error.ts";
import { writeFiles } from "../write-file.ts";
import { findSopsConfig } from "./config.ts";

/**
 * `updatekeys` as the reference has it: file after file, each with its own plan and question, and the others go on where
 * one fails. Of its traps are left: the threshold of the rule is not looked at, and the plan compares identity strings.
 * The MAC is checked here all the same.
 *
 * Source: SOPS cmd/sops/subcommand/updatekeys/updatekeys.go; sops 3.11.0, by running it.
 */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const found = await findSopsConfig(flags, context);
  if (found === null) throw new KeyleafError("CONFIG_MISSING", "config file not found");
  if (operands.length === 0) throw new KeyleafError("USAGE_NO_FILE", "no file specified");
  const answers = new Answers(context);
  let failed = 0;
  for (const name of operands) {
    try {
      await updateOne(name, found, flags, context, answers);
    } catch (error) {
      if (operands.length === 1 || !(error instanceof KeyleafError)) throw error;
      reportError(context, error);
      failed++;
    }
  }
  if (failed > 0) throw new KeyleafError("USAGE", `failed to update ${failed} of ${operands.length} files`);
}

async function updateOne(
  name: string,
  found: FoundConfig,
  flags: Flags,
  context: Context,
  answers: Answers,
): Promise<void> {
  const { host, streams } = context;
  const path = resolve(host.cwd, name);
  const source = await readExisting(path, name, host);
  context.files.add(path);
  const input: Input = { name, path, knownAs: path, source, isNamed: true };
  const log = (text: string): void => streams.stderr.write(`${logTime(host.now())} ${printable(text)}\n`);
  log(`Syncing keys for file ${path}`);
  try {
    const format = await encryptedFormat(input, formatFlag(flags, "input-type"));
    const keyGroups = await keyGroupsOfRule(await ruleFor(found, path));
    const plan = await planKeys(source, { format, keyGroups, shamirThreshold: "kept", isExact: true });
    if (!plan.isChanged) {
      log(`File ${path} already up to date`);
      return;
    }
    await streams.stdout.write(sopsPlanText(plan));
    if (!flags.has("yes") && !(await answers.next())) {
      log(`File ${path} left unchanged`);
      return;
    }
    const options = { format, keyGroups, shamirThreshold: plan.threshold.after };
    const { output } = await rewrap(source, options, host);
    await writeFiles([{ path, content: output, isSecret: false, before: source }]);
    log(`File ${path} synced with new keys`);
  } catch (error) {
    throw aboutFile(error, name);
  }
}

/** `2026/11/27 12:34:16`, local time. */
function logTime(now: Date): string {
  const two = (number: number): string => `${number}`.padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("/");
  return `${day} ${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(":")}`;
}

/** Answers to questions, from standard input, or at the terminal where that is what standard input is. */
class Answers {
  readonly #context: Context;
  #lines: string[] | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  /** @throws `USAGE` where there is no answer that can be one */
  async next(): Promise<boolean> {
    const isWanted = await confirm(async () => {
      const answer = await this.#answer();
      // An empty one is not a no in the reference.
      return answer !== null && /^\S+$/.test(answer) ? answer : null;
    });
    if (isWanted === null) throw new KeyleafError("USAGE", "unexpected newline");
    return isWanted;
  }

  async #answer(): Promise<string | null> {
    const { host, streams } = this.#context;
    if (!streams.stdin.isPiped && host.ask !== undefined) return host.ask("Is this okay? (y/n):", true);
    await streams.stdout.write("Is this okay? (y/n):");
    this.#lines ??= Buffer.from(await streams.stdin.read())
      .toString()
      .split("\n");
    return this.#lines.shift() ?? null;
  }
}
