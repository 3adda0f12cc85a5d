import { KeyleafError } from "../errors.ts";
import { ClosedPipe, type Context } from "./context.ts";
import { BUG_STATUS, CLOSED_PIPE_STATUS, exitStatus } from "./exit-status.ts";
import { FilesFailed, reportError } from "./report-error.ts";

/**
 * Reports what ended a run.
 * @param command - the command's name; `null` before one is known
 * @returns the exit status
 */
export function statusAfter(
  thrown: unknown,
  command: string | null,
  context: Context,
  report: (context: Context, error: unknown) => void = reportError,
): number {
  if (thrown instanceof ClosedPipe) return CLOSED_PIPE_STATUS;
  const error = isTooLarge(thrown)
    ? new KeyleafError("INPUT_UNSUPPORTED", "a file is too large to be held in memory as a whole", { cause: thrown })
    : thrown;
  report(context, error);
  const first = error instanceof FilesFailed ? error.errors[0] : error;
  return first instanceof KeyleafError ? exitStatus(first.code, command) : BUG_STATUS;
}

/** What the runtimes throw where a text or a file is longer than they can hold: half a gigabyte of text on Node. */
function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof KeyleafError) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    ["ERR_STRING_TOO_LONG", "ERR_FS_FILE_TOO_LARGE", "ERR_BUFFER_TOO_LARGE"].includes(code) ||
    /^(Invalid string length|Invalid (typed )?array (buffer )?length|Array buffer allocation failed|Out of memory)/i.test(
      error.message,
    )
  );
}
