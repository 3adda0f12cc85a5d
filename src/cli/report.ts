import { KeyleafError } from "../errors.ts";
import type { Context } from "./context.ts";

/** How messages look: one line each, `enc: error: what failed`, as age has them. Everything goes to standard error. */

type Style = "error" | "warning" | "hint" | "note";
/** Codes of terminals for red, yellow and cyan. */
const colours = { error: 31, warning: 33, hint: 36, note: 36 } as const;

/** Something the user should know. */
export function note(context: Context, text: string): void {
  line(context, "note", text);
}

/** Something that may be wrong. */
export function warn(context: Context, text: string): void {
  line(context, "warning", text);
}

/**
 * Says something about one file.
 * @param shared - what can be said of several files at once; the same as `text` unless given
 */
export type Say = (style: "note" | "warning", text: string, shared?: string) => void;

export interface Remark {
  readonly style: "note" | "warning";
  readonly text: string;
  readonly shared: string | undefined;
  /** The file; `null` where there is one only. */
  readonly name: string | null;
}

/** Lines about one of many files; where there are more, those are put together that say the same. */
const MOST_REMARKS = 10;

/** Says everything there is to say about files: of one all of it, of many in few lines. */
export function sayAll(context: Context, remarks: readonly Remark[]): void {
  const isShort = remarks.length <= MOST_REMARKS || remarks.every(({ name }) => name === null);
  if (isShort) {
    for (const { style, name, text } of remarks) line(context, style, name === null ? text : `${name}: ${text}`);
    return;
  }
  const groups = new Map<string, Remark[]>();
  for (const remark of remarks) {
    const id = `${remark.style} ${remark.shared ?? remark.text}`;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [remark]);
    else group.push(remark);
  }
  const all = [...groups.values()];
  for (const group of all.slice(0, MOST_REMARKS)) sayOfGroup(context, group);
  const others = filesOf(all.slice(MOST_REMARKS).flat());
  if (others > 0) line(context, "note", `and the like about ${filesText(others, "more file")}`);
}

function sayOfGroup(context: Context, group: readonly Remark[]): void {
  const [first] = group;
  if (first === undefined) return;
  const { style, name, text, shared = text } = first;
  const others = filesOf(group) - 1;
  if (others === 0) line(context, style, `${name}: ${text}`);
  else line(context, style, `${name} and ${filesText(others, "more file")}: ${shared}`);
}

function filesOf(remarks: readonly Remark[]): number {
  return new Set(remarks.map(({ name }) => name)).size;
}

/** `1,000 files`, `1 file` */
export function filesText(count: number, what = "file"): string {
  return `${counted(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** A number as people read it: `1,000`. */
export function counted(count: number): string {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
}

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

function line(context: Context, style: Style, text: string): void {
  const { stderr } = context.streams;
  const { NO_COLOR: noColor = "", TERM: term } = context.host.env;
  const isColoured = stderr.isTerminal && noColor === "" && term !== "dumb";
  const label = isColoured ? `\x1b[${colours[style]}m${style}:\x1b[39m` : `${style}:`;
  stderr.write(`${context.program}: ${label} ${printable(text)}\n`);
}

/**
 * Names of files and keys come from outside: what would move the cursor or start a line is shown as an escape. An age
 * identity that stands where a name should be (`SOPS_AGE_KEY_FILE`, `--kms`) is not repeated. Post-quantum recipients, of
 * 2,000 characters each, are named by how they begin.
 */
export function printable(text: string): string {
  return text
    .replace(/(AGE-SECRET-KEY-(?:PQ-)?1)[0-9A-Z]+/gi, "$1...")
    .replace(/(age1pq1[a-z0-9]{16})[a-z0-9]{100,}/g, "$1...")
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
      return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
}
