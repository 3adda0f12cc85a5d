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

/**
 * Content of a file that has to be there.
 * @param missing - what is said where it is not
 * @param hintFor - what to try then
 * @throws `INPUT_MISSING`, `INPUT_UNREADABLE`
 */
export async function readExisting(
  path: string,
  name: string,
  host: CliHost,
  missing = "no such file",
  hintFor: (name: string) => string | null = () => null,
): Promise<Uint8Array> {
  const content = await readFileOr("INPUT_UNREADABLE", path, name, host);
  if (content !== null) return content;
  throw new KeyleafError("INPUT_MISSING", missing, { hint: hintFor(name) ?? undefined, details: { file: name } });
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
