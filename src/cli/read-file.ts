import { type ErrorCode, KeyleafError } from "../errors.ts";
import type { CliHost } from "./context.ts";
import { isSystemError, systemReason } from "./system-error.ts";

/**
 * Content of a file, `null` when there is none.
 * @param name - how messages call it
 * @throws `code`, with what the system says in words
 */
export async function readFileOr(
  code: ErrorCode,
  path: string,
  name: string,
  host: CliHost,
): Promise<Uint8Array | null> {
  try {
    return await host.readFile(path);
  } catch (error) {
    throw unreadable(code, name, error);
  }
}

/** What the system gives, or says in words. @param name - how messages call the file or folder */
export function attemptReading<T>(code: ErrorCode, name: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw unreadable(code, name, error);
  }
}

function unreadable(code: ErrorCode, name: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new KeyleafError(code, `cannot read it: ${systemReason(error)}`, { details: { file: name }, cause: error });
}
