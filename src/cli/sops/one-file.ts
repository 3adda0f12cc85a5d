import { resolve } from "node:path";
import { KeyleafError } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import type { Context } from "../context.ts";
import { aboutFile } from "../inputs.ts";
import { readExisting } from "../read-file.ts";
import { warn } from "../report.ts";
import { isVerified } from "../verification.ts";
import { type FileWrite, writeFiles } from "../write-file.ts";
import { keyChanges } from "./flags.ts";
import type { Given } from "./given.ts";

/** The one file that a command of the reference is about, and where its result goes. */

export interface OneFile {
  /** As the user wrote it, for messages. */
  readonly name: string;
  /** Absolute; `null`: standard input. */
  readonly path: string | null;
  /** The name it goes by, absolute: `--filename-override`, else `path`. */
  readonly knownAs: string | null;
}

/** The ends of names that tell a format, as a case-sensitive test; all others are binary. */
const endings: readonly (readonly [ending: string, format: FormatId])[] = [
  [".yaml", "yaml"],
  [".yml", "yaml"],
  [".json", "json"],
  [".env", "dotenv"],
  [".ini", "ini"],
];

/** Names of types; TOML is none to the reference. */
const typeNames: readonly FormatId[] = ["yaml", "json", "dotenv", "ini", "binary"];

/** The format that a name tells. */
export function formatOfName(name: string | null): FormatId {
  return endings.find(([ending]) => name?.endsWith(ending))?.[1] ?? "binary";
}

/** The format that a flag names, else the one that the file's name tells. A type that is none is passed over, with a warning. */
export function formatFor(
  flag: "input-type" | "output-type",
  knownAs: string | null,
  given: Given,
  context: Context,
): FormatId {
  const word = given.text(flag);
  const named = typeNames.find((name) => name === word);
  if (named !== undefined || word === undefined) return named ?? formatOfName(knownAs);
  const format = formatOfName(knownAs);
  warn(context, `--${flag} ${word} is no format and is passed over: taken as ${format} by the file's name`);
  return format;
}

/** What an encrypted file of a format is read as: a binary one is JSON, and may be any. */
export function sealedFormat(format: FormatId): FormatId {
  return format === "binary" ? "json" : format;
}

/** Operands beyond the first have no effect, which is said. */
export function warnOfMore(operands: readonly string[], context: Context): void {
  const more = operands.slice(1);
  if (more.length === 0) return;
  warn(context, "More than one positional argument provided. Only the first one will be used!");
  const flag = more.find((word) => word.startsWith("-"));
  if (flag !== undefined) warn(context, `${flag} looks like a flag, and is none of this command`);
}

/**
 * What the operands and flags say about input and output, checked in the reference's order.
 * @param needsName - whether standard input needs `--filename-override`
 * @throws `USAGE_CONFLICT`, `INPUT_MISSING`
 */
export function checkFile(operands: readonly string[], given: Given, context: Context, needsName: boolean): void {
  const [name] = operands;
  if (name === undefined) {
    if (given.has("in-place")) throw conflict("cannot use --in-place when reading from stdin");
    if (needsName && given.text("filename-override") === undefined) {
      throw conflict("must specify --filename-override when reading from stdin");
    }
  }
  if (given.has("in-place") && given.text("output") !== undefined) {
    throw conflict("cannot operate on both --output and --in-place");
  }
  warnOfMore(operands, context);
  if (name !== undefined) checkExists(name, context);
}

/** Whether flags of `rotate` add or remove keys. */
export function changesKeys(given: Given): boolean {
  return keyChanges.some(({ name }) => given.has(name));
}

/** @throws `INPUT_MISSING` */
export function checkExists(name: string, { host }: Context): void {
  if (name !== "" && host.stat(resolve(host.cwd, name)) !== null) return;
  throw new KeyleafError("INPUT_MISSING", `cannot operate on non-existent file ${JSON.stringify(name)}`);
}

function conflict(message: string): KeyleafError {
  return new KeyleafError("USAGE_CONFLICT", message);
}

/** The file that operands and flags are about. */
export function oneFile(operands: readonly string[], given: Given, { host, files }: Context): OneFile {
  const [name] = operands;
  const override = given.text("filename-override");
  const path = name === undefined ? null : resolve(host.cwd, name);
  const knownAs = override === undefined ? path : resolve(host.cwd, override);
  files.add(knownAs);
  return { name: name ?? "standard input", path: path === "/dev/stdin" ? null : path, knownAs };
}

/** @throws `INPUT_UNREADABLE`, `INPUT_MISSING` */
export async function readOne({ name, path }: OneFile, { host, streams }: Context): Promise<Uint8Array> {
  if (path === null) return streams.stdin.read();
  return readExisting(path, name, host);
}

/** What a command makes of a file. */
export interface Result extends Pick<FileWrite, "content" | "isSecret"> {
  /** See `EncryptResult`. */
  readonly isRearranged?: boolean;
  /** See {@link FileWrite}; what goes to standard output is not always looked at. */
  readonly verify?: (written: Uint8Array) => Promise<void>;
}

/**
 * Sends a result where the flags say: over the file, to another one, or to standard output.
 * @param source - what the file held
 */
export async function deliver(
  result: Result,
  { path }: OneFile,
  source: Uint8Array,
  given: Given,
  context: Context,
): Promise<void> {
  const output = given.text("output");
  if (given.has("in-place") && path !== null) await writeFiles([{ ...result, path, before: source }]);
  else if (output !== undefined) await writeFiles([{ ...result, path: resolve(context.host.cwd, output) }]);
  else {
    if (isVerified(source, { isRearranged: false, ...result })) await result.verify?.(result.content);
    await context.streams.stdout.write(result.content);
  }
}

/** Runs what may fail because of a file; its errors name it. */
export async function naming<T>({ name }: OneFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw aboutFile(error, name);
  }
}
