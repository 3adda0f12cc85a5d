import type { Config } from "../../config.ts";
import { UnwrappedKeys } from "../../crypto/data-key.ts";
import { type DecryptOptions, decrypt } from "../../decrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import type { FormatId } from "../../formats/format.ts";
import { formatForFileName } from "../../formats/registry.ts";
import type { Context, Flags } from "../context.ts";
import type { ConfigFinder } from "../find-config.ts";
import type { ListedFile } from "../find-files.ts";
import { aboutFile, destinationOf, formatFlag, holdsSealed, type Input, readInput, recoveryFlags } from "../inputs.ts";
import { readFileOr } from "../read-file.ts";
import type { Say } from "../remarks.ts";
import { warn } from "../report.ts";
import type { Left, Rewriting } from "../rewrite-files.ts";

/** Bytes that a text can have at most. */
const MOST_BYTES = 0x1fffffe8;

/** `enc decrypt`. Modules that only some calls need are loaded by those: this is the command that everything waits for. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const destination = destinationOf(operands, flags, context);
  const extract = await extractOf(flags);
  if (destination.kind === "in-place") {
    if (extract !== null) {
      throw new KeyleafError("USAGE_CONFLICT", "one value cannot take the place of the whole file", {
        hint: "leave out --in-place, or use --output",
      });
    }
    await inPlace(operands, flags, context);
    return;
  }
  const decryption = new Decryption(flags, context, extract);
  const input = await readInput(operands, flags, context, () => null);
  let output: Uint8Array;
  try {
    ({ output } = await decryption.rewrite(input, (_, notice) => warn(context, notice), true));
  } catch (error) {
    throw aboutFile(error, input.name);
  }
  if (destination.kind === "stdout") await context.streams.stdout.write(output);
  else {
    const { writeFiles } = await import("../write-file.ts");
    await writeFiles([{ path: destination.path, content: output, isSecret: true }]);
  }
}

async function inPlace(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const { rewriteFiles } = await import("../rewrite-files.ts");
  const unwrapped = new UnwrappedKeys();
  try {
    await rewriteFiles(
      operands,
      flags,
      context,
      (inside) => new Decryption(flags, inside, null, unwrapped),
      () => null,
    );
  } finally {
    await unwrapped.forget();
  }
}

/** Decrypting with the flags of one command line. */
export class Decryption implements Rewriting {
  readonly words = { verb: "decrypt", doing: "decrypting", done: "decrypted" };
  readonly hint = "folders, patterns and --all stand for the files in them that are encrypted";

  readonly #flags: Flags;
  readonly #context: Context;
  readonly #extract: readonly (string | number)[] | null;
  readonly #unwrapped: UnwrappedKeys | undefined;
  readonly #given: { readonly input: FormatId | null; readonly output: FormatId | null };
  /** Made when something is printed anew, once for all files. */
  #configs: ConfigFinder | null = null;

  constructor(flags: Flags, context: Context, extract: readonly (string | number)[] | null, unwrapped?: UnwrappedKeys) {
    this.#flags = flags;
    this.#context = context;
    this.#extract = extract;
    this.#unwrapped = unwrapped;
    this.#given = { input: formatFlag(flags, "input-type"), output: formatFlag(flags, "output-type") };
  }

  /** A first look, which most files of a folder full of other things do not get past. */
  async covers({ name, path }: ListedFile, bytes: number): Promise<boolean> {
    // What is longer than a text can be has not been encrypted field by field.
    if (bytes > MOST_BYTES) return false;
    const source = await readFileOr("INPUT_UNREADABLE", path, name, this.#context.host);
    return source !== null && holdsSealed(source);
  }

  async check(input: Input): Promise<void> {
    const { inspect } = await import("../../inspect.ts");
    await inspect(input.source, { format: await this.#format(input) });
  }

  /** @param transfer - nobody else needs the content of the input. */
  async rewrite(input: Input, say: Say, transfer = false): Promise<{ output: Uint8Array; isSecret: true }> {
    const format = await this.#format(input);
    const outputFormat = this.#given.output ?? format;
    const isPrintedAnew = this.#extract !== null || outputFormat !== format;
    const options: DecryptOptions = {
      format,
      outputFormat,
      transfer,
      ignoreMac: this.#flags.has("ignore-mac"),
      ...(this.#extract === null ? {} : { extract: this.#extract }),
      ...(this.#unwrapped === undefined ? {} : { unwrapped: this.#unwrapped }),
      recovery: await recoveryFlags(this.#flags),
      ...(await this.#printing(isPrintedAnew, input, outputFormat)),
    };
    const { output, notices } = await decrypt(input.source, options, this.#context.host);
    for (const notice of notices) say("warning", notice);
    return { output, isSecret: true };
  }

  leaves({ code, message }: KeyleafError, { path }: Input): Left | null {
    if (code === "INPUT_NOT_ENCRYPTED") return { as: "unmeant" };
    // Text about encrypted files quotes them; a file with a telling name should be whole.
    const isTold = path === null || formatForFileName(path).id !== "binary";
    return code.startsWith("INPUT_") && !isTold
      ? { as: "unmeant", warning: `stays as it is: it holds encrypted values, but ${message}` }
      : null;
  }

  async #format({ source, knownAs }: Input): Promise<FormatId> {
    return this.#given.input ?? (await detectFormat(source, knownAs ?? ""));
  }

  /** Decrypting needs no configuration; its indentation is used where something is printed anew, if it can be had. */
  async #printing(
    isPrintedAnew: boolean,
    { knownAs }: Input,
    format: FormatId,
  ): Promise<Pick<DecryptOptions, "print">> {
    const flags = this.#flags;
    const isNamed = flags.text("config") !== undefined;
    if (!isPrintedAnew && !isNamed) return {};
    const { ConfigFinder: Finder, printOptions } = await import("../find-config.ts");
    this.#configs ??= new Finder(flags, this.#context);
    let config: Config | null = null;
    try {
      config = (await this.#configs.find(knownAs))?.config ?? null;
    } catch (error) {
      if (isNamed || !(error instanceof KeyleafError)) throw error;
    }
    return { print: printOptions(format, flags, config) };
  }
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
