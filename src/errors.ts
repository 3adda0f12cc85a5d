/** Every way a call can fail that is not a bug. The prefix says whose fault it is; the table in `cli/exit-status.ts` gives the exit status. */
export type ErrorCode =
  // Wrong use of a function or a command.
  | "USAGE"
  | "USAGE_CONFLICT"
  | "USAGE_NO_FILE"
  | "USAGE_BAD_PATH"
  | "USAGE_BAD_VALUE"
  | "USAGE_BAD_CONTEXT"
  | "USAGE_DUPLICATE"
  // The file that was given.
  | "INPUT_MISSING"
  | "INPUT_MISSING_FOR_KEYS"
  | "INPUT_UNREADABLE"
  | "INPUT_MALFORMED"
  | "INPUT_EMPTY"
  | "INPUT_NO_DOCUMENT"
  | "INPUT_UNSUPPORTED"
  | "INPUT_UNSUPPORTED_VALUE"
  | "INPUT_ALREADY_ENCRYPTED"
  | "INPUT_NOT_ENCRYPTED"
  | "INPUT_METADATA"
  | "INPUT_NOTHING_TO_ENCRYPT"
  | "INPUT_PATH_NOT_FOUND"
  | "INPUT_PATH_MISMATCH"
  // Recipients and identities.
  | "KEY_NO_RECIPIENT"
  | "KEY_BAD_RECIPIENT"
  | "KEY_BAD_THRESHOLD"
  | "KEY_NOT_THERE"
  | "KEY_UNLISTED"
  | "KEY_WRAP_FAILED"
  | "KEY_UNAVAILABLE"
  // What was sealed is not what is there.
  | "INTEGRITY_TAG"
  | "INTEGRITY_MAC"
  // `.sops.yaml`.
  | "CONFIG_MISSING"
  | "CONFIG_UNREADABLE"
  | "CONFIG_MALFORMED"
  | "CONFIG_NO_RULE"
  | "CONFIG_MISMATCH"
  // Programs, networks and credentials.
  | "PROVIDER_FAILED"
  | "AUDIT_FAILED"
  // The program that the user wants to run.
  | "PROGRAM_NOT_FOUND"
  | "PROGRAM_CANNOT_RUN"
  | "PROVIDER_EDITOR_FAILED"
  // The result.
  | "OUTPUT_UNCHANGED"
  | "OUTPUT_UNREPRESENTABLE"
  | "OUTPUT_CHANGED_MEANWHILE"
  | "OUTPUT_VERIFY_FAILED"
  | "OUTPUT_WRITE_FAILED";

/** Where and what, as data. Never holds a value of a file, a key or a passphrase. */
export interface ErrorDetails {
  /** The file as the caller named it. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1, in UTF-16 units. */
  readonly column?: number;
  /** Keys from the top of the document. */
  readonly path?: readonly string[];
  /** Provider id, such as `age`. */
  readonly provider?: string;
  /** Scheme, host and port of a server that was not contacted, since only others have named it. */
  readonly endpoint?: string;
  /** One entry for each key that was tried: its identity string and why it did not help. */
  readonly attempts?: readonly KeyAttempt[];
}

/** One recipient that was tried for the data key. */
export interface KeyAttempt {
  readonly provider: string;
  /** The recipient's identity string, for example an age recipient or a KMS ARN. */
  readonly recipient: string;
  readonly reason: string;
  /** Number of its key group, from 1; absent where there is one group. */
  readonly group?: number;
  /** What people call it in `.sops.yaml`; absent where nothing is there. */
  readonly name?: string;
}

/**
 * The one error class. `message` says what failed and where, in lower case; `hint` what to try next.
 * Callers branch on `code`; message text may change freely. Anything else that is thrown is a bug.
 */
export class KeyleafError extends Error {
  override readonly name = "KeyleafError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly hint?: string | undefined; readonly details?: ErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** The error with more details, or others in the place of those it has. The one given is the cause of the new one. */
export function withDetails(error: KeyleafError, more: ErrorDetails): KeyleafError {
  return new KeyleafError(error.code, error.message, {
    hint: error.hint,
    details: { ...error.details, ...more },
    cause: error,
  });
}

/** What failed, with the hint in brackets: for failures that stand among others, for each of which something else helps. */
export function reasonOf({ message, hint }: Pick<KeyleafError, "message" | "hint">): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

/** A failure at an offset (UTF-16 units, from 0) of `source`, with line and column in message and details. */
export function located(code: ErrorCode, what: string, source: string, offset: number, hint?: string): KeyleafError {
  const { line, column } = lineAndColumn(source, offset);
  return new KeyleafError(code, `line ${line}, column ${column}: ${what}`, {
    hint,
    details: { line, column },
  });
}

/** A parse failure at an offset. */
export function malformed(what: string, source: string, offset: number, hint?: string): KeyleafError {
  return located("INPUT_MALFORMED", what, source, offset, hint);
}

/** Line and column of an offset, both from 1. */
export function lineAndColumn(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset);
  const lastBreak = before.lastIndexOf("\n");
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: offset - lastBreak };
}

/** Line numbers of offsets that mostly grow, without counting from the start each time. */
export function lineCounter(source: string): (offset: number) => number {
  let line = 1;
  let counted = 0;
  return (offset) => {
    if (offset < counted) {
      line = 1;
      counted = 0;
    }
    for (let at = source.indexOf("\n", counted); at !== -1 && at < offset; at = source.indexOf("\n", at + 1)) line++;
    counted = offset;
    return line;
  };
}

/** The error for a tree that a format cannot hold, at a path. */
export function unrepresentable(path: readonly string[], why: string): KeyleafError {
  return new KeyleafError("OUTPUT_UNREPRESENTABLE", `${pathText(path)}: ${why}`, { details: { path: [...path] } });
}

/** A path as messages show it: `db.hosts`, quoted where a key is not a plain word. */
export function pathText(path: readonly string[]): string {
  if (path.length === 0) return "(top)";
  const steps = path.map((key) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key)));
  const most = MOST_STEPS / 2;
  if (steps.length > MOST_STEPS) steps.splice(most, steps.length - MOST_STEPS, "(...)");
  return steps.join(".");
}

/** Steps of a path that are shown: files may have a thousand levels. */
const MOST_STEPS = 20;
