import { run as serve } from "../commands/keyservice.ts";
import type { Context } from "../context.ts";
import type { Given } from "./given.ts";

/** `sops keyservice` (sops-cli 21). */
export async function run(operands: readonly string[], given: Given, context: Context): Promise<void> {
  await serve(operands, given, context);
}
