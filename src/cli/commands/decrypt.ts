import type { Config } from "../../config.ts";
import { UnwrappedKeys } from "../../crypto/data-key.ts";
import { type DecryptOptions, decrypt } from "../../decrypt.ts";
import type { TreePath } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import type { Context, Flags } from "../context.ts";
import type { ConfigFinder } from "../find-config.ts";
import type { ListedFile } from "../find-files.ts";
import {
  aboutFile,
  auditedAs,
  destinationOf,
  encryptedFormat,
  formatFlag,
  type Input,
  leftAsPlain,
  mayBeEncrypted,
  readInput,
  recoveryFlags,
} from "../inputs.ts";
import type { Say } from "../remarks.ts";
import { warn } from "../report.ts";
import type { Left, Rewriting } from "../rewrite-files.ts";

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
  readonly #extract: TreePath | null;
  readonly #unwrapped: UnwrappedKeys | undefined;
  readonly #given: { readonly input: FormatId | null; readonly output: FormatId | null };
  /** Made when something is printed anew, once for all files. */
  #configs: ConfigFinder | null = null;

  constructor(flags: Flags, context: Context, extract: TreePath | null, unwrapped?: UnwrappedKeys) {
    this.#flags = flags;
    this.#context = context;
    this.#extract = extract;
    this.#unwrapped = unwrapped;
    this.#given = { input: formatFlag(flags, "input-type"), output: formatFlag(flags, "output-type") };
  }

  covers(file: ListedFile, bytes: number): Promise<boolean> {
    return mayBeEncrypted(file, bytes, this.#context);
  }

  async check(input: Input): Promise<void> {
    const { inspect } = await import("../../inspect.ts");
    await inspect(input.source, { format: await encryptedFormat(input, this.#given.input) });
  }

  /** @param transfer - nobody else needs the content of the input. */
  async rewrite(input: Input, say: Say, transfer = false): Promise<{ output: Uint8Array; isSecret: true }> {
    const format = await encryptedFormat(input, this.#given.input);
    const outputFormat = this.#given.output ?? format;
    const isPrintedAnew = this.#extract !== null || outputFormat !== format;
    const options: DecryptOptions = {
      format,
      outputFormat,
      file: auditedAs(input),
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

  leaves(error: KeyleafError, input: Input): Left | null {
    return leftAsPlain(error, input);
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

async function extractOf(flags: Flags): Promise<TreePath | null> {
  const [short, long] = [flags.text("get"), flags.text("extract")];
  if (short !== undefined && long !== undefined) {
    throw new KeyleafError("USAGE_CONFLICT", "--get and --extract are two spellings of one thing");
  }
  if (short === undefined && long === undefined) return null;
  const { parseBracketPath, parseDottedPath } = await import("../tree-path.ts");
  return short === undefined ? parseBracketPath(long ?? "") : parseDottedPath(short);
}
