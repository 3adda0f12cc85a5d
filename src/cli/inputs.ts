import type { Recovery } from "../crypto/data-key.ts";
import { KeyleafError, withDetails } from "../errors.ts";
import { detectFormat } from "../formats/detect.ts";
import type { FormatId } from "../formats/format.ts";
import { formatById, formatForFileName, formats } from "../formats/registry.ts";
import { nearest } from "../nearest.ts";
import type { Context, Flags } from "./context.ts";
import type { ListedFile } from "./find-files.ts";
import { readExisting, readFileOr } from "./read-file.ts";
import type { Left } from "./rewrite-files.ts";
import { system } from "./system.ts";

/** The files that a command was given, and how flags say that they are read. */

export interface Input {
  /** As the user wrote it, for messages. */
  readonly name: string;
  /** Absolute; `null` for standard input. */
  readonly path: string | null;
  /** Absolute path the input goes by, for format and rules: `--filename-override`, else `path`. */
  readonly knownAs: string | null;
  readonly source: Uint8Array;
  /** The user named this very file, rather than a folder it is in, or the like. */
  readonly isNamed: boolean;
}

/** The name of the file for the audit: its own, or what standard input goes by. */
export function auditedAs({ path, knownAs }: Pick<Input, "path" | "knownAs">): string | null {
  return path ?? knownAs;
}

const STANDARD_INPUT = new Set(["-", "/dev/stdin"]);
const STANDARD_OUTPUT = new Set(["-", "/dev/stdout"]);

/** Whether a name stands for standard input. */
export function isStandardInput(name: string): boolean {
  return STANDARD_INPUT.has(name);
}

/** Where results go. */
export type Destination =
  | { readonly kind: "stdout" }
  | { readonly kind: "in-place" }
  /** `name` is as the user wrote it; `path` is absolute. */
  | { readonly kind: "file"; readonly name: string; readonly path: string };

/**
 * Where the flags send the result.
 * @throws `USAGE_CONFLICT` when flags and operands do not go together.
 */
export function destinationOf(operands: readonly string[], flags: Flags, context: Context): Destination {
  const output = flags.text("output");
  const conflict = (message: string, hint?: string): KeyleafError =>
    new KeyleafError("USAGE_CONFLICT", message, { hint });
  if (output === "") throw new KeyleafError("USAGE", "the file name of --output is empty");
  if (flags.has("in-place")) {
    if (output !== undefined) throw conflict("--in-place and --output exclude each other");
    checkAll(operands, flags);
    if ((operands.length === 0 && !flags.has("all")) || operands.some((name) => STANDARD_INPUT.has(name))) {
      throw conflict("standard input cannot be written in place", "name a file, or leave out --in-place");
    }
    return { kind: "in-place" };
  }
  for (const name of ["all", "dry-run"]) if (flags.has(name)) throw conflict(`--${name} needs --in-place`);
  if (output === undefined || STANDARD_OUTPUT.has(output)) return { kind: "stdout" };
  return { kind: "file", name: output, path: system.resolve(context.host.cwd, output) };
}

/** @throws `USAGE_CONFLICT` for files beside `--all` */
function checkAll(operands: readonly string[], flags: Flags): void {
  if (!flags.has("all") || operands.length === 0) return;
  throw new KeyleafError("USAGE_CONFLICT", "--all takes no files", { hint: "leave out one of the two" });
}

/**
 * For a command that works on files and on nothing else.
 * @throws `USAGE_NO_FILE`, `USAGE_CONFLICT`
 */
export function checkFiles(operands: readonly string[], flags: Flags): void {
  checkAll(operands, flags);
  if (operands.length === 0 && !flags.has("all")) {
    throw new KeyleafError("USAGE_NO_FILE", "no file given", { hint: "name files or folders, or give --all" });
  }
  if (operands.some((name) => STANDARD_INPUT.has(name))) {
    throw new KeyleafError("USAGE_CONFLICT", "standard input is no file", { hint: "name a file" });
  }
}

/**
 * Reads what goes to standard output or to another file: one file, or standard input.
 * @param hintFor - what to say about a file that does not exist
 * @throws `USAGE_NO_FILE`, `INPUT_MISSING`, `INPUT_UNREADABLE`; `USAGE_CONFLICT` for several files, once it is clear that
 * all of them are files.
 */
export async function readInput(
  operands: readonly string[],
  flags: Flags,
  context: Context,
  hintFor: (name: string) => string | null,
): Promise<Input> {
  const { cwd } = context.host;
  const override = flags.text("filename-override");
  const overridden = override === undefined ? null : system.resolve(cwd, override);
  const [only = null] = operands;
  context.files.add(overridden ?? (only === null || STANDARD_INPUT.has(only) ? null : system.resolve(cwd, only)));
  if (only === null || (operands.length === 1 && STANDARD_INPUT.has(only))) {
    const source = await readStandardInput(only !== null || override !== undefined || flags.has("input-type"), context);
    return { name: "standard input", path: null, knownAs: overridden, source, isNamed: true };
  }
  const sources: Uint8Array[] = [];
  for (const name of operands)
    sources.push(await readExisting(system.resolve(cwd, name), name, context.host, "no such file", hintFor));
  const [source, ...others] = sources;
  if (source === undefined || others.length > 0) {
    throw new KeyleafError("USAGE_CONFLICT", "several files need --in-place", {
      hint: "one file at a time can go to standard output or --output",
    });
  }
  const path = system.resolve(cwd, only);
  return { name: only, path, knownAs: overridden ?? path, source, isNamed: true };
}

/** @param isMeant - standard input is certainly what the user wants read, even if it is empty or a terminal. */
async function readStandardInput(isMeant: boolean, { streams }: Context): Promise<Uint8Array> {
  const noFile = (): KeyleafError =>
    new KeyleafError("USAGE_NO_FILE", "no file given", { hint: "name a file, or - for standard input; see --help" });
  if (!isMeant && !streams.stdin.isPiped) throw noFile();
  const source = await streams.stdin.read();
  if (!isMeant && source.length === 0) throw noFile();
  return source;
}

/** Whether something is sealed in a file: in every encrypted one the MAC is. A file that is not encrypted may speak of it. */
export function holdsSealed({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  return Buffer.from(buffer, byteOffset, byteLength).includes("ENC[AES256_GCM,");
}

/** Bytes that a text can have at most. */
const MOST_BYTES = 0x1fffffe8;

/** Whether a file of a folder may be an encrypted one: a first look, which most files of a folder full of other things do not get past. */
export async function mayBeEncrypted({ name, path }: ListedFile, bytes: number, { host }: Context): Promise<boolean> {
  // What is longer than a text can be has not been encrypted field by field.
  if (bytes > MOST_BYTES) return false;
  const source = await readFileOr("INPUT_UNREADABLE", path, name, host);
  return source !== null && holdsSealed(source);
}

/** Whether a failure only means that a file of a folder is no encrypted one after all. */
export function leftAsPlain({ code, message }: KeyleafError, { path }: Input): Left | null {
  if (code === "INPUT_NOT_ENCRYPTED") return { as: "unmeant" };
  // Text about encrypted files quotes them; a file with a telling name should be whole.
  const isTold = path === null || formatForFileName(path).id !== "binary";
  return code.startsWith("INPUT_") && !isTold
    ? { as: "unmeant", warning: `stays as it is: it holds encrypted values, but ${message}` }
    : null;
}

/**
 * The format of an encrypted file: the given one, else by name and content.
 * @param given - by flag
 */
export async function encryptedFormat(
  { source, knownAs }: Pick<Input, "source" | "knownAs">,
  given: FormatId | null,
): Promise<FormatId> {
  return given ?? (await detectFormat(source, knownAs ?? ""));
}

/** The format that a flag names. @throws `USAGE` for an unknown one */
export function formatFlag(flags: Flags, name: "input-type" | "output-type"): FormatId | null {
  const word = flags.text(name);
  if (word === undefined) return null;
  const format = formatById(word);
  if (format !== null) return format.id;
  const known = formats.map(({ id }) => id);
  const meant = nearest(word, known);
  throw new KeyleafError("USAGE", `unknown format ${word}`, {
    hint: meant === null ? `there are: ${known.join(", ")}` : `did you mean ${meant}?`,
  });
}

/** A number that a flag gives: an integer from 0. @throws `USAGE` */
export function numberFlag(flags: Flags, name: string): number | null {
  const text = flags.text(name);
  if (text === undefined) return null;
  if (!/^\d{1,6}$/.test(text)) throw new KeyleafError("USAGE", `--${name} takes a whole number, not ${text}`);
  return Number(text);
}

/** What flags say about the keys that are asked. @throws `USAGE` */
export async function recoveryFlags(flags: Flags): Promise<Recovery> {
  const [order, seconds] = [flags.text("decryption-order"), flags.text("key-timeout")];
  const keySeconds =
    seconds === undefined
      ? undefined
      : (await import("../crypto/time-limit.ts")).parseSeconds(seconds, "--key-timeout");
  return { ...(order === undefined ? {} : { order }), ...(keySeconds === undefined ? {} : { keySeconds }) };
}

/** The error with the file's name added, where it is about the file and does not name it yet. */
export function aboutFile(error: unknown, name: string): unknown {
  if (!(error instanceof KeyleafError) || error.details.file !== undefined) return error;
  if (error.code.startsWith("USAGE") || error.code === "OUTPUT_WRITE_FAILED") return error;
  return withDetails(error, { file: name });
}
