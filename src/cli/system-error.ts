/** An error of the operating system, such as `ENOENT`. */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "errno" in error && "code" in error && typeof error.code === "string";
}

/** Of errors that come from starting a program too: their messages have no words. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file or directory"],
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["ENOEXEC", "exec format error"],
  ["E2BIG", "argument list too long"],
  ["EAGAIN", "resource temporarily unavailable"],
]);

/** The system's words for an error, without the call and the path: `permission denied`. */
export function systemReason(error: SystemError): string {
  if (error.code === "EISDIR") return "it is a directory";
  // The message is `CODE: words, call 'path'`. The table in node:util would cost a millisecond to load at every start.
  return WORDS.get(error.code) ?? /^[A-Z0-9]+: ([a-z][^,:]*)/.exec(error.message)?.[1] ?? error.code;
}
