import { resolve } from "node:path";
import type { TreePath } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import { stepsText } from "../../formats/change.ts";
import { decodeUtf8 } from "../../formats/decode.ts";
import { type NewValue, parseValue, set } from "../../set.ts";
import { changeFile, rulesOf } from "../change-file.ts";
import type { Context, Flags } from "../context.ts";
import { generateText } from "../generate-text.ts";
import { readExisting } from "../read-file.ts";
import { note, warn } from "../report.ts";

/** `enc set`: the value comes from the command line, standard input or a file, or is made here; it is never printed. */
export async function run(
  [name = "", pathText = "", given]: readonly string[],
  flags: Flags,
  context: Context,
): Promise<void> {
  const path = rulesOf(context).parsePath(pathText);
  const { value, made } = await newValue(given, flags, context);
  await setValue(name, path, value, flags, context);
  if (made !== null) note(context, made);
}

/**
 * Sets a value at a path of a file, by the rules of the program's name.
 * @param value - its JSON has been read by nobody yet.
 * @throws `USAGE_BAD_VALUE`; as `changeFile` and `set` do.
 */
export async function setValue(
  name: string,
  path: TreePath,
  value: NewValue,
  flags: Flags,
  context: Context,
): Promise<void> {
  const { takesLists, replacesValues } = rulesOf(context);
  // Before a key is asked for.
  if (parseValue(value).kind === "list" && !takesLists)
    throw new KeyleafError("USAGE_BAD_VALUE", "a list cannot be set as a whole");
  const { isClear } = await changeFile(name, path, flags, context, (source, at, options) =>
    set(source, at, value, { ...options, replacesValues }, context.host),
  );
  if (isClear) warn(context, `${stepsText(path)} can be read in ${name}: the file's rule leaves it clear`);
}

/** What is set, and what there is to say of it once it is in the file. */
interface Asked {
  readonly value: NewValue;
  readonly made: string | null;
}

/** @throws `USAGE_NO_FILE` when there is no value, `USAGE_CONFLICT` when there are several, `USAGE_BAD_VALUE` */
async function newValue(given: string | undefined, flags: Flags, context: Context): Promise<Asked> {
  const [file, generate] = [flags.text("value-file"), flags.text("generate")];
  const fromInput = flags.has("value-stdin");
  const ways = [
    ...(given === undefined ? [] : ["VALUE"]),
    ...(fromInput ? ["--value-stdin"] : []),
    ...(file === undefined ? [] : ["--value-file"]),
    ...(generate === undefined ? [] : ["--generate"]),
  ];
  if (ways.length > 1) throw new KeyleafError("USAGE_CONFLICT", `${ways.join(" and ")} exclude each other`);
  if (generate !== undefined) {
    const { text, description } = generateText(generate, (bytes) => context.host.fillRandom(bytes));
    return { value: { text }, made: description };
  }
  if (given?.includes("\ufffd") === true) {
    // What is not UTF-8 arrives like that.
    throw new KeyleafError("USAGE_BAD_VALUE", "the value is not UTF-8 text, or holds the character U+FFFD", {
      hint: "give it by --value-stdin or --value-file",
    });
  }
  const text = given ?? (await readText(file, fromInput, context));
  if (!flags.has("string")) return { value: { json: text }, made: null };
  if (given !== undefined || !text.endsWith("\n")) return { value: { text }, made: null };
  // What prints a value for a person ends the line, which is not meant: `pass db | enc set --string --value-stdin ...`
  const line = /^([^\r\n]*)\r?\n$/.exec(text)?.[1];
  const isLine = fromInput && line !== undefined && context.program !== "sops";
  return isLine
    ? { value: { text: line }, made: "the line end behind the value is left off; --value-file keeps it" }
    : { value: { text }, made: "the value ends with a line break, which is part of it" };
}

async function readText(file: string | undefined, fromInput: boolean, { host, streams }: Context): Promise<string> {
  if (file === undefined && !fromInput)
    throw new KeyleafError("USAGE_NO_FILE", "VALUE is missing", {
      hint: "give it as JSON, or by --value-stdin, --value-file or --generate; see enc set --help",
    });
  const bytes =
    file === undefined ? await streams.stdin.read() : await readExisting(resolve(host.cwd, file), file, host);
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw new KeyleafError("USAGE_BAD_VALUE", "the value is not UTF-8 text", { cause: error });
  }
}
