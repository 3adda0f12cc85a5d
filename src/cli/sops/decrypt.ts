import { decrypt } from "../../decrypt.ts";
import { KeyleafError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { printOptions } from "../find-config.ts";
import { auditedAs } from "../inputs.ts";
import { warn } from "../report.ts";
import { parseBracketPath } from "../tree-path.ts";
import { findSopsConfig } from "./config.ts";
import type { Given } from "./given.ts";
import { checkFile, deliver, formatFor, naming, oneFile, readOne, sealedFormat } from "./one-file.ts";
import { orderOf } from "./order.ts";

/** `sops decrypt [FILE]` and `sops -d FILE`. */
export async function run(operands: readonly string[], given: Given, context: Context): Promise<void> {
  checkFile(operands, given, context, false);
  const file = oneFile(operands, given, context);
  const named = formatFor("input-type", file.knownAs, given, context);
  const outputFormat = formatFor("output-type", file.knownAs, given, context);
  const extract = parseBracketPath(given.text("extract") ?? "");
  if (extract.length > 0 && given.has("in-place")) {
    throw new KeyleafError("USAGE_CONFLICT", "one value cannot take the place of the whole file", {
      hint: "leave out --in-place, or use --output",
    });
  }
  await naming(file, async () => {
    const found = await findSopsConfig(given, context);
    const source = await readOne(file, context);
    const order = orderOf(given, context);
    const { output, notices } = await decrypt(
      source,
      {
        format: sealedFormat(named),
        outputFormat,
        file: auditedAs(file),
        ignoreMac: given.has("ignore-mac"),
        extract,
        countsComments: true,
        // Files that sops wrote come out as sops prints them; in others the text stays.
        layout: named !== outputFormat || given.number("indent") !== undefined ? "reference" : "found",
        print: printOptions(outputFormat, given, found?.config ?? null),
        recovery: order === null ? {} : { order },
      },
      context.host,
    );
    for (const notice of notices) warn(context, notice);
    await deliver({ content: output, isSecret: true }, file, source, given, context);
  });
}
