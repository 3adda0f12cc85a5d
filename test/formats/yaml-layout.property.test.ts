import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decrypt } from "../../src/decrypt.ts";
import type { EncryptResult } from "../../src/encrypt.ts";
import { KeyleafError } from "../../src/errors.ts";
import { expectDiscreet, hostA, sealed, textOf } from "../support/sealing.ts";
import { printSearch, runs } from "../support/seed.ts";
import { COMMENT_TOKEN, hasKnownGap, VALUE_TOKEN, yamlLayouts } from "../support/yaml-layout.ts";

/** YAML of any layout, which no printer would write. */

const layouts = yamlLayouts.filter((source) => !hasKnownGap(source, "alone"));

/** The sealed file, or `null` when the source is refused. Whatever is thrown but a refusal is a bug. */
async function sealedOrNull(source: string): Promise<EncryptResult | null> {
  try {
    return await sealed("yaml", source);
  } catch (error) {
    if (!(error instanceof KeyleafError) || !error.code.startsWith("INPUT_")) throw error;
    expectDiscreet(error, ...tokensOf(source));
    return null;
  }
}

/** Tokens that must not be readable: with a key that stays clear, some comments do too. */
function tokensOf(source: string): string[] {
  const comments = source.includes("_unencrypted") ? [] : (source.match(COMMENT_TOKEN) ?? []);
  return [...(source.match(VALUE_TOKEN) ?? []), ...comments];
}

/** Runs a check on random files that can be encrypted. */
async function forLayouts(numRuns: number, check: (source: string, sealedText: string) => Promise<void> | void) {
  let accepted = 0;
  const run = async (source: string): Promise<void> => {
    const result = await sealedOrNull(source);
    if (result === null) return;
    accepted++;
    await check(source, textOf(result.output));
  };
  await fc.assert(fc.asyncProperty(layouts, run), { numRuns });
  printSearch("yaml", numRuns);
  // So that a generator that writes nothing valid does not pass for a parser without faults.
  expect(accepted).toBeGreaterThan(numRuns / 2);
}

describe("yaml of any layout", () => {
  test("is refused, or comes back byte for byte", async () => {
    await forLayouts(runs(300), async (source, text) => {
      const { output, notices } = await decrypt(Buffer.from(text), { format: "yaml" }, hostA);
      expect(textOf(output)).toBe(source);
      expect(notices).toEqual([]);
    });
  }, 1_000_000);

  test("leaves no value and no comment readable", async () => {
    await forLayouts(runs(300), (source, text) => {
      expect(tokensOf(source).filter((token) => text.includes(token))).toEqual([]);
    });
  }, 1_000_000);
});
