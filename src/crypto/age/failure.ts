import { KeyleafError } from "../../errors.ts";

/** The layer of an age file that did not hold, outermost first; the test vectors tell the same ones apart. */
export type AgePart = "armor" | "header" | "HMAC" | "payload";

/** An age file that cannot be opened whatever the identity is, or was opened by one and turned out damaged. */
export class AgeFailure extends KeyleafError {
  readonly part: AgePart;

  /** @param what - In lower case, without anything that stands in the file. */
  constructor(part: AgePart, what: string) {
    super("PROVIDER_FAILED", `age file: ${part}: ${what}`, { details: { provider: "age" } });
    this.part = part;
  }
}

/** `PROVIDER_FAILED` for all that keeps an identity or a recipient of age from being used. */
export function ageFailed(message: string, hint?: string, cause?: unknown): KeyleafError {
  return new KeyleafError("PROVIDER_FAILED", message, {
    details: { provider: "age" },
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}
