import { KeyleafError } from "../../errors.ts";
import { isEncrypted } from "../../inspect.ts";
import type { Context } from "../context.ts";
import type { Given } from "./given.ts";
import { formatFor, naming, oneFile, readOne, sealedFormat } from "./one-file.ts";

/** `sops filestatus FILE`: one line of JSON, without any key. */
export async function run(operands: readonly string[], given: Given, context: Context): Promise<void> {
  if (operands.length === 0) throw new KeyleafError("USAGE_NO_FILE", "no file specified");
  const file = oneFile(operands, given, context);
  const format = formatFor("input-type", file.knownAs, given, context);
  const encrypted = await naming(file, async () => {
    const source = await readOne(file, context);
    try {
      return await isEncrypted(source, { format: sealedFormat(format) });
    } catch (error) {
      // Only what is JSON can be an encrypted binary file; the reference fails on all others.
      const isOther = error instanceof KeyleafError && /^INPUT_(MALFORMED|UNSUPPORTED)$/.test(error.code);
      if (format === "binary" && isOther) return false;
      throw error;
    }
  });
  await context.streams.stdout.write(`${JSON.stringify({ encrypted })}\n`);
}
