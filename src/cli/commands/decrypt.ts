import type { Config } from "../../config.ts";
import { type DecryptOptions, decrypt } from "../../decrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import type { FormatId } from "../../formats/format.ts";
import type { Context, Flags } from "../context.ts";
import type { ConfigFinder } from "../find-config.ts";
import { aboutFile, destinationOf, formatFlag, type Input, readInputs } from "../inputs.ts";
import { warn } from "../report.ts";

/** `enc decrypt`. Modules that only some calls need are loaded by those: this is the command that everything waits for. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const destination = destinationOf(operands, flags, context);
  const extract = await extractOf(flags);
  if (extract !== null && destination.kind === "in-place") {
    throw new KeyleafError("USAGE_CONFLICT", "one value cannot take the place of the whole file", {
      hint: "leave out --in-place, or use --output",
    });
  }
  const given = { input: formatFlag(flags, "input-type"), output: formatFlag(flags, "output-type") };
  const inputs = await readInputs(operands, flags, context, () => null);
  // Made when something is printed anew, once for all files.
  const finder: { configs?: ConfigFinder } = {};
  const results: { input: Input; output: Uint8Array; notices: readonly string[] }[] = [];
  for (const input of inputs) {
    try {
      const format = given.input ?? (await detectFormat(input.source, input.knownAs ?? ""));
      const outputFormat = given.output ?? format;
      const isPrintedAnew = extract !== null || outputFormat !== format;
      const options: DecryptOptions = {
        format,
        outputFormat,
        ignoreMac: flags.has("ignore-mac"),
        ...(extract === null ? {} : { extract }),
        ...(await printing(isPrintedAnew, input, outputFormat, flags, context, finder)),
      };
      results.push({ input, ...(await decrypt(input.source, options, context.host)) });
    } catch (error) {
      throw aboutFile(error, input.name);
    }
  }
  for (const { input, notices } of results) {
    for (const notice of notices) warn(context, inputs.length > 1 ? `${input.name}: ${notice}` : notice);
  }
  if (destination.kind === "stdout") {
    for (const { output } of results) context.streams.stdout.write(output);
    return;
  }
  const { writeFiles } = await import("../write-file.ts");
  await writeFiles(
    results.map(({ input, output }) => ({
      path: destination.kind === "file" ? destination.path : (input.path ?? ""),
      content: output,
      isSecret: true,
      ...(destination.kind === "in-place" ? { before: input.source } : {}),
    })),
  );
}

async function extractOf(flags: Flags): Promise<readonly (string | number)[] | null> {
  const [short, long] = [flags.text("get"), flags.text("extract")];
  if (short !== undefined && long !== undefined) {
    throw new KeyleafError("USAGE_CONFLICT", "--get and --extract are two spellings of one thing");
  }
  if (short === undefined && long === undefined) return null;
  const { parseBracketPath, parseDottedPath } = await import("../tree-path.ts");
  return short === undefined ? parseBracketPath(long ?? "") : parseDottedPath(short);
}

/** Decrypting needs no configuration; its indentation is used where something is printed anew, if it can be had. */
async function printing(
  isPrintedAnew: boolean,
  input: Input,
  format: FormatId,
  flags: Flags,
  context: Context,
  finder: { configs?: ConfigFinder },
): Promise<Pick<DecryptOptions, "print">> {
  const isNamed = flags.text("config") !== undefined;
  if (!isPrintedAnew && !isNamed) return {};
  const { ConfigFinder: Finder, printOptions } = await import("../find-config.ts");
  finder.configs ??= new Finder(flags, context);
  let config: Config | null = null;
  try {
    config = (await finder.configs.find(input.knownAs))?.config ?? null;
  } catch (error) {
    if (isNamed || !(error instanceof KeyleafError)) throw error;
  }
  return { print: printOptions(format, flags, config) };
}
