import { KeyleafError } from "../errors.ts";
import type { Context } from "./context.ts";
import { counted, filesText } from "./remarks.ts";
import { line, note, printable } from "./report.ts";

/** How failures look. Loaded when there is one. */

/** Several files of a run failed, or one of many. Nothing was written. */
export class FilesFailed extends Error {
  override readonly name = "FilesFailed";
  /** At least one, in the order of the files. */
  readonly errors: readonly KeyleafError[];
  readonly total: number;
  /** Of some files nothing is known: more may fail. */
  readonly hasRest: boolean;

  constructor(errors: readonly KeyleafError[], total: number, hasRest: boolean) {
    super("files failed");
    this.errors = errors;
    this.total = total;
    this.hasRest = hasRest;
  }
}

/** What failed, each key that was tried with its reason, and what to try next. */
export function reportError(context: Context, error: unknown): void {
  if (error instanceof FilesFailed) reportFailures(context, error);
  else if (error instanceof KeyleafError) reportFailure(context, error, error.hint);
  else reportBug(context, error);
}

function reportFailures(context: Context, { errors, total, hasRest }: FilesFailed): void {
  // What is to be tried next is mostly the same for all.
  for (const [index, error] of errors.entries()) {
    reportFailure(context, error, error.hint === errors[index + 1]?.hint ? undefined : error.hint);
  }
  const failed = `${counted(errors.length)} of ${filesText(total)} failed`;
  note(context, `nothing was written: ${failed}${hasRest ? ", and the rest was not looked at" : ""}`);
}

function reportFailure(context: Context, error: KeyleafError, hint: string | undefined): void {
  line(context, "error", messageWithFile(error));
  for (const { provider, recipient, reason, group, name } of error.details.attempts ?? []) {
    const key = `${group === undefined ? "" : `group ${group}: `}${provider} ${recipient}`;
    context.streams.stderr.write(`  ${printable(`${key}${name === undefined ? "" : ` (${name})`}: ${reason}`)}\n`);
  }
  if (hint !== undefined) line(context, "hint", hint);
}

/** The message behind the file that it is about; some messages begin with it. */
export function messageWithFile({ message, details: { file } }: KeyleafError): string {
  return file === undefined || message.startsWith(file) ? message : `${file}: ${message}`;
}

/** A bug's message may quote what it was working on, so only its kind and its place are shown. */
function reportBug(context: Context, error: unknown): void {
  line(context, "error", `internal error (${error instanceof Error ? error.name : typeof error}); please report it`);
  const frames = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  for (const frame of frames.filter((text) => /^\s+at /.test(text)).slice(0, 5)) {
    context.streams.stderr.write(`  ${printable(frame.trim())}\n`);
  }
}
