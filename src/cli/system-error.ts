import { getSystemErrorMap } from "node:util";

/** An error of the operating system, such as `ENOENT`. */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "errno" in error && "code" in error && typeof error.code === "string";
}

/** The system's words for an error, without the call and the path: `permission denied`. */
export function systemReason(error: SystemError): string {
  if (error.code === "EISDIR") return "it is a directory";
  return getSystemErrorMap().get(error.errno)?.[1] ?? error.code;
}
