import { isEncrypted } from "../../inspect.ts";
import type { Context, Flags } from "../context.ts";
import { aboutFile, encryptedFormat, formatFlag, readInput } from "../inputs.ts";

/** `enc filestatus FILE`: whether a file is encrypted, as one line of JSON. Needs no key. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const input = await readInput(operands, flags, context, () => null);
  const { source, name } = input;
  try {
    const format = await encryptedFormat(input, formatFlag(flags, "input-type"));
    await context.streams.stdout.write(`${JSON.stringify({ encrypted: await isEncrypted(source, { format }) })}\n`);
  } catch (error) {
    throw aboutFile(error, name);
  }
}
