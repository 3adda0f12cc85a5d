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

/** One line. */
export function line(context: Context, style: Style, text: string): void {
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
