import { resolve } from "node:path";
import { KeyleafError } from "../errors.ts";
import { breather } from "./breathe.ts";
import type { Context, Flags } from "./context.ts";
import { type ListedFile, listFiles } from "./find-files.ts";
import { inParallel } from "./in-parallel.ts";
import { aboutFile, type Input } from "./inputs.ts";
import { Progress } from "./progress.ts";
import { attemptReading, readExisting } from "./read-file.ts";
import { counted, filesText, type Say, sayAll } from "./remarks.ts";
import { note, printable } from "./report.ts";
import { FilesFailed } from "./report-error.ts";
import { Room } from "./room.ts";
import { Staging } from "./write-file.ts";

/** What `--in-place` does: any number of files are worked on, and in the end all of them are changed or none. */

/** What a command does to files. */
export interface Rewriting {
  readonly words: { readonly verb: string; readonly doing: string; readonly done: string };
  /** What to say when there is nothing among what folders, patterns and `--all` stand for. */
  readonly hint: string;
  /** Whether a file of so many bytes is one to work on that is not named itself but in a folder, or the like. */
  covers(file: ListedFile, bytes: number): Promise<boolean>;
  /** What `rewrite` throws about the file, as far as that can be told without a key. */
  check(input: Input): Promise<void>;
  /** @param say - for what the user should know about the file once all are written */
  rewrite(input: Input, say: Say): Promise<Rewritten>;
  /** Whether the failure only means that there is nothing to do for a file that is not named itself; `null`: no. */
  leaves(error: KeyleafError, input: Input): Left | null;
  /** What is shown before anything is done. Absent: nothing, and without a question. */
  readonly planning?: Planning;
}

/** A command that says first what it would do. */
export interface Planning {
  /**
   * What is going to be done to a file, as lines for standard output; `null`: nothing, it is as the command would make it.
   * Asks no key.
   */
  plan(input: Input): Promise<string | null>;
  /** Whether it is to be done. Asked once, when all plans have been printed, for so many files that would be changed. */
  confirm(files: number): Promise<boolean>;
}

export interface Rewritten {
  readonly output: Uint8Array;
  /** Plaintext. */
  readonly isSecret: boolean;
  readonly verify?: (written: Uint8Array) => Promise<void>;
}

/** Why nothing is done for a file. */
export interface Left {
  /** It is as the command would make it; it stays clear; it was never meant. */
  readonly as: "done" | "clear" | "unmeant";
  readonly warning?: string;
}

/** Files that are worked on at a time, so that waiting for a key service is done for several at once. */
const AT_A_TIME = 8;

/** Bytes that are worked on at a time; a parsed file takes some fifty times as much memory. A larger one is worked on alone. */
const BYTES_AT_A_TIME = 1024 * 1024;

/** Files that fail before the run stops looking for more. */
const MOST_FAILURES = 10;

/** Codes whose errors are about how the command was called or set up, so that every file would have the same. */
const ABOUT_ALL_FILES = /^(USAGE|CONFIG|KEY|PROVIDER|AUDIT)/;

/** Codes whose errors say nothing about the other files of a run, also where they begin like those. */
const ABOUT_ONE_FILE =
  /^(INPUT|INTEGRITY)_|^(CONFIG_NO_RULE|KEY_UNAVAILABLE|OUTPUT_UNREPRESENTABLE|OUTPUT_VERIFY_FAILED)$/;

/**
 * Works on all files that operands and `--all` stand for. Each result is staged when it is made, so that no more than a
 * few are held in memory.
 * @param rewritingIn - what to do; all it prints goes through the context that it is given.
 * @param hintFor - what to say about a file that does not exist
 * @throws {@link FilesFailed}, or the failure of the only file; every file is as it was then.
 */
export async function rewriteFiles(
  operands: readonly string[],
  flags: Flags,
  context: Context,
  rewritingIn: (context: Context) => Rewriting,
  hintFor: (name: string) => string | null,
): Promise<void> {
  const progress = new Progress(context);
  let staging: Staging | null = null;
  try {
    const listed = await listFiles(operands, flags, context, hintFor);
    const [only] = listed;
    const isOne = listed.length === 1 && only?.isNamed === true;
    if (!isOne && flags.has("filename-override")) {
      throw new KeyleafError("USAGE_CONFLICT", "--filename-override is for one file");
    }
    staging = new Staging(isOne);
    await new Run(flags, progress, staging, rewritingIn(progress.context), isOne).all(listed);
  } finally {
    staging?.end();
    progress.end();
  }
}

type Outcome = { readonly file: ListedFile; readonly left: Left | null };

class Run {
  readonly #context: Context;
  readonly #progress: Progress;
  readonly #staging: Staging;
  readonly #rewriting: Rewriting;
  /** One file that is named: everything is about it. */
  readonly #isOne: boolean;
  readonly #isDry: boolean;
  readonly #override: string | null;
  readonly #outcomes: Outcome[] = [];
  readonly #failures: { readonly index: number; readonly error: KeyleafError }[] = [];
  readonly #remarks: { readonly index: number; readonly say: Parameters<Say>; readonly name: string }[] = [];
  readonly #room = new Room(BYTES_AT_A_TIME);
  #isStopped = false;
  /** There are files that nothing has been found out about since the run was stopped. */
  #hasRest = false;

  constructor(flags: Flags, progress: Progress, staging: Staging, rewriting: Rewriting, isOne: boolean) {
    this.#context = progress.context;
    this.#progress = progress;
    this.#staging = staging;
    this.#rewriting = rewriting;
    this.#isOne = isOne;
    this.#isDry = flags.has("dry-run");
    const override = flags.text("filename-override");
    this.#override = override === undefined ? null : resolve(this.#context.host.cwd, override);
  }

  async all(listed: readonly ListedFile[]): Promise<void> {
    const { words } = this.#rewriting;
    const files = await this.#covered(listed);
    // All before any, so that what is trusted does not depend on the order.
    for (const { path } of files) this.#context.files.add(this.#override ?? path);
    const isMeant = await this.#showPlans(files);
    if (!isMeant) {
      note(this.#context, "nothing was changed");
      return;
    }
    if (!this.#isDry || this.#rewriting.planning === undefined) {
      await this.#each(files, words.doing, (file, index) => this.#one(file, index, this.#working(file.path, index)));
      this.#throwFailures(files);
    }
    if (!this.#isDry) await this.#staging.commit();
    // The plan goes to standard output, which may be the same terminal.
    this.#progress.clear();
    if (this.#isDry && this.#rewriting.planning === undefined) await this.#listPlan();
    this.#say();
  }

  /** @returns whether it is to be carried out */
  async #showPlans(files: readonly ListedFile[]): Promise<boolean> {
    const { planning } = this.#rewriting;
    if (planning === undefined) return true;
    const plans = new Map<number, string>();
    await this.#each(files, "looking at", (file, index) =>
      this.#one(file, index, async (input) => {
        const plan = await planning.plan(input);
        if (plan === null) return { as: "done" };
        plans.set(index, plan);
        return null;
      }),
    );
    this.#throwFailures(files);
    this.#progress.clear();
    for (const [, plan] of [...plans].toSorted(([a], [b]) => a - b)) await this.#context.streams.stdout.write(plan);
    return this.#isDry || plans.size === 0 || planning.confirm(plans.size);
  }

  async #covered(listed: readonly ListedFile[]): Promise<ListedFile[]> {
    const isCovered: boolean[] = [];
    await this.#each(listed, "looking at", async (file, index) => {
      isCovered[index] = file.isNamed || (await this.#isCovered(file));
    });
    this.#throwFailures(listed);
    return listed.filter((_, index) => isCovered[index]);
  }

  async #isCovered(file: ListedFile): Promise<boolean> {
    const { host } = this.#context;
    const bytes = attemptReading("INPUT_UNREADABLE", file.name, () => host.stat(file.path)?.bytes ?? 0);
    return this.#room.during(bytes, () => this.#rewriting.covers(file, bytes));
  }

  /** Failures are kept, and the others go on as long as that makes sense. */
  async #each(
    files: readonly ListedFile[],
    doing: string,
    work: (file: ListedFile, index: number) => Promise<void>,
  ): Promise<void> {
    const breathe = breather();
    let done = 0;
    await inParallel(files, AT_A_TIME, async (file, index) => {
      await breathe();
      if (this.#isStopped) {
        this.#hasRest = true;
        return;
      }
      this.#progress.at(doing, done, files.length, file.name);
      try {
        await work(file, index);
      } catch (error) {
        if (!(error instanceof KeyleafError)) throw error;
        // Those that had begun already have the same to say.
        if (this.#isStopped) {
          this.#hasRest = true;
          return;
        }
        const isAboutOne = ABOUT_ONE_FILE.test(error.code);
        if (!isAboutOne && ABOUT_ALL_FILES.test(error.code) && this.#failures.length === 0) throw error;
        this.#failures.push({ index, error });
        this.#isStopped = this.#failures.length === MOST_FAILURES || !isAboutOne;
      }
      done++;
    });
  }

  #working(path: string, index: number): (input: Input) => Promise<null> {
    return async (input) => {
      const { name } = input;
      if (this.#isDry) await this.#rewriting.check(input);
      else await this.#rewrite(input, path, (...say) => this.#remarks.push({ index, say, name }));
      return null;
    };
  }

  /** @param work - gives why nothing is to be done for the file; `null`: something was */
  async #one(file: ListedFile, index: number, work: (input: Input) => Promise<Left | null>): Promise<void> {
    const { name, path, isNamed } = file;
    // That has been found out when it was planned.
    if (this.#outcomes[index]?.left) return;
    const source = await readExisting(path, name, this.#context.host, "no such file any more");
    const input: Input = { name, path, knownAs: this.#override ?? path, source, isNamed };
    let left: Left | null;
    try {
      left = await this.#room.during(source.length, () => work(input));
    } catch (error) {
      left = !isNamed && error instanceof KeyleafError ? this.#rewriting.leaves(error, input) : null;
      if (left === null) throw aboutFile(error, name);
      if (left.warning !== undefined) this.#remarks.push({ index, say: ["warning", left.warning], name });
    }
    this.#outcomes[index] = { file, left };
  }

  async #rewrite(input: Input, path: string, say: Say): Promise<void> {
    const { output, isSecret, verify } = await this.#rewriting.rewrite(input, say);
    // When one has failed, the others are only looked at.
    if (this.#failures.length > 0) return;
    const before = input.source;
    await this.#staging.add({ path, content: output, isSecret, before, ...(verify === undefined ? {} : { verify }) });
  }

  #throwFailures(files: readonly ListedFile[]): void {
    const errors = this.#failures.toSorted((a, b) => a.index - b.index).map(({ error }) => error);
    const [first] = errors;
    if (first === undefined) return;
    throw this.#isOne ? first : new FilesFailed(errors, files.length, this.#hasRest);
  }

  async #listPlan(): Promise<void> {
    const { verb } = this.#rewriting.words;
    const names = this.#outcomes.filter(({ left }) => left === null).map(({ file }) => file.name);
    for (const name of names) await this.#context.streams.stdout.write(`${verb} ${printable(name)}\n`);
  }

  #say(): void {
    const context = this.#context;
    const { done } = this.#rewriting.words;
    const remarks = this.#remarks.toSorted((a, b) => a.index - b.index);
    sayAll(
      context,
      remarks.map(({ say: [style, text, shared], name }) => ({ style, text, shared, name: this.#isOne ? null : name })),
    );
    const countOf = (as: Left["as"] | null): number =>
      this.#outcomes.filter(({ left }) => (left?.as ?? null) === as).length;
    const [rewritten, already, clear] = [countOf(null), countOf("done"), countOf("clear")];
    if (rewritten + already === 0) throw this.#nothing(clear);
    if (this.#isOne && !this.#isDry && rewritten > 0) return;
    if (rewritten === 0) {
      note(context, `nothing to do: ${filesText(already)} ${already === 1 ? "is" : "are"} ${done} already`);
      return;
    }
    const be = (count: number): string => (this.#isDry ? (count === 1 ? "is" : "are") : count === 1 ? "was" : "were");
    const parts = [`${filesText(rewritten)} ${this.#isDry ? `would be ${done}` : done}`];
    if (already > 0) parts.push(`${counted(already)} already ${be(already)}`);
    if (clear > 0) parts.push(`${counted(clear)} ${this.#isDry ? "would stay" : "stayed"} clear`);
    note(context, `${parts.join(", ")}${this.#isDry ? "; nothing was written" : ""}`);
  }

  #nothing(clear: number): KeyleafError {
    const { verb, done } = this.#rewriting.words;
    if (clear > 0)
      return new KeyleafError("INPUT_NOTHING_TO_ENCRYPT", `nothing ${this.#isDry ? "would be" : "was"} ${done}`);
    return new KeyleafError("USAGE_NO_FILE", `there is no file to ${verb}`, { hint: this.#rewriting.hint });
  }
}
