import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decrypt } from "../../src/decrypt.ts";
import type { EncryptOptions, EncryptResult } from "../../src/encrypt.ts";
import { KeyleafError } from "../../src/errors.ts";
import { randomLayouts } from "../support/random-layouts.ts";
import { hostA, sealed, textOf } from "../support/sealing.ts";
import { printSearch, runs } from "../support/seed.ts";

type Options = Pick<EncryptOptions, "selection" | "macOnlyEncrypted">;

/** Mostly the default, which seals all but one key; the others leave values, and comments, clear. */
const options = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Options>({}) },
  fc.constantFrom<Options>(
    { selection: { rule: "encrypted_regex", pattern: "^[AabC]" }, macOnlyEncrypted: true },
    { selection: { rule: "unencrypted_regex", pattern: "^[Ab]$" } },
    { selection: { rule: "encrypted_comment_regex", pattern: "c" } },
    { selection: { rule: "unencrypted_comment_regex", pattern: "^ c$" } },
  ),
);

/** The sealed file, or `null` when the source is refused. Whatever is thrown but a refusal is a bug. */
async function sealedOrNull(
  format: keyof typeof randomLayouts,
  source: string,
  how: Options,
): Promise<EncryptResult | null> {
  try {
    return await sealed(format, source, how);
  } catch (error) {
    if (error instanceof KeyleafError && error.code.startsWith("INPUT_")) return null;
    throw error;
  }
}

describe.each(["dotenv", "ini", "json"] as const)("%s of any layout", (format) => {
  test("is refused, or comes back byte for byte", async () => {
    const numRuns = runs(300);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(randomLayouts[format], options, async (source, how) => {
        const result = await sealedOrNull(format, source, how);
        if (result === null) return;
        accepted++;
        const { output } = await decrypt(result.output, { format }, hostA);
        expect(textOf(output)).toBe(source);
      }),
      { numRuns },
    );
    printSearch(format, numRuns);
    expect(accepted).toBeGreaterThan(numRuns / 3);
  }, 1_000_000);
});
