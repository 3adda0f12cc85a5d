import type { UnwrappedKeys } from "../crypto/data-key.ts";
import { DEFAULT_SELECTION } from "../document/selection.ts";
import type { EncryptOptions } from "../encrypt.ts";
import { KeyleafError } from "../errors.ts";
import { detectFormat } from "../formats/detect.ts";
import type { FormatId } from "../formats/format.ts";
import { inspect } from "../inspect.ts";
import { planKeys } from "../key-plan.ts";
import { openFile, type Update } from "../open-file.ts";
import { namedKey } from "../recipients.ts";
import type { CliHost } from "./context.ts";
import { holdsSealed } from "./inputs.ts";
import { isSameArn, namesOf } from "./key-policy.ts";
import { attemptReading, readFileOr } from "./read-file.ts";
import type { Say } from "./remarks.ts";

/** Encrypting a plaintext over its earlier encrypted version, which keeps all that did not change. */

/** An encrypted file that a result is to take the place of. */
export interface EarlierFile {
  /** As the user wrote it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly source: Uint8Array;
}

/** The encrypted file at a path; `null`: there is none. */
export async function earlierFile(name: string, path: string, host: CliHost): Promise<EarlierFile | null> {
  if (attemptReading("OUTPUT_WRITE_FAILED", name, () => host.stat(path))?.kind !== "file") return null;
  const source = await readFileOr("INPUT_UNREADABLE", path, name, host);
  return source !== null && holdsSealed(source) ? { name, path, source } : null;
}

/** What the file is to be like. */
export interface Wanted extends Pick<EncryptOptions, "format" | "outputFormat" | "recovery"> {
  /** As far as flags, environment and configuration say; `null`: they do not say who can read it. */
  readonly options: EncryptOptions | null;
  /** Flags say it, so that the file's own recipients and rule do not count. */
  readonly isByFlags: boolean;
}

/**
 * @returns `null`: the file has to be made anew.
 * @throws what is wrong with the earlier file
 */
export async function encryptOver(
  plaintext: Uint8Array,
  { name, path, source }: EarlierFile,
  { format, outputFormat, recovery = {}, options, isByFlags }: Wanted,
  say: Say,
  host: CliHost,
): Promise<Update | null> {
  if (format !== outputFormat || (await detectFormat(source, path)) !== format) return null;
  try {
    const difference = options === null ? null : await differenceOf(options, source);
    if (difference !== null && isByFlags) {
      say("note", `${name} is made anew: the flags name ${difference.what}`);
      return null;
    }
    if (difference !== null) checkHarmless(difference, name, say);
    else if (options === null) say("note", await readersOf(source, format));
    const open = await openFile(source, { format, recovery, file: path }, host);
    try {
      return await open.update(plaintext);
    } finally {
      open.close();
    }
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    if (error.code === "INPUT_NOT_ENCRYPTED") return null;
    if (error.code === "KEY_UNAVAILABLE") {
      say("note", `${name} is made anew: no key at hand opens it`);
      return null;
    }
    if (!/^(INTEGRITY_|INPUT_METADATA)/.test(error.code)) throw error;
    throw new KeyleafError(error.code, error.message, {
      hint: `restore ${name} from version control, or make it anew with --fresh`,
      details: { ...error.details, file: name },
      cause: error,
    });
  }
}

/**
 * Encrypts a plaintext as what is committed of the file was encrypted, if that has just what a new file would get.
 * @returns `null`: the file has to be made anew.
 * @throws `AUDIT_FAILED`
 */
export async function encryptLikeCommitted(
  plaintext: Uint8Array,
  path: string,
  committed: Uint8Array,
  options: EncryptOptions,
  unwrapped: UnwrappedKeys,
  host: CliHost,
): Promise<Update | null> {
  const { format, outputFormat = format, recovery = {} } = options;
  if (outputFormat !== format || !holdsSealed(committed)) return null;
  try {
    if ((await differenceOf(options, committed)) !== null) return null;
    const open = await openFile(committed, { format, recovery, unwrapped, file: path }, host);
    try {
      return await open.update(plaintext);
    } finally {
      open.close();
    }
  } catch (error) {
    if (!(error instanceof KeyleafError) || error.code === "AUDIT_FAILED") throw error;
    return null;
  }
}

/** What a new file would have else than the earlier one. */
interface Difference {
  /** In words. */
  readonly what: string;
  /** Recipients of the earlier one that the new one would not have. */
  readonly unlisted: readonly string[];
  /** The earlier one is for fewer, and otherwise the same. */
  readonly isHarmless: boolean;
}

/** `null`: nothing. */
async function differenceOf(options: EncryptOptions, source: Uint8Array): Promise<Difference | null> {
  const { format, keyGroups, shamirThreshold = 0 } = options;
  const { groups, isChanged, threshold } = await planKeys(source, { format, keyGroups, shamirThreshold });
  const keys = groups.flat().filter(({ change }) => change !== "none");
  const wanted = keyGroups.flat().map(namedKey);
  const removed = keys.filter(
    ({ change, ...key }) => change === "removed" && !wanted.some((one) => isSameArn(one, key)),
  );
  const differs = (what: string): Difference => ({
    what,
    unlisted: [...new Set(removed.map(({ recipient }) => recipient))],
    isHarmless: false,
  });
  if (removed.length > 0) return differs("other recipients");
  const earlier = await inspect(source, { format });
  if (earlier.keyGroups.length !== keyGroups.length || threshold.before !== threshold.after)
    return differs("other groups, or another threshold");
  if (format !== "binary") {
    const { rule, pattern } = options.selection ?? DEFAULT_SELECTION;
    if (rule !== earlier.selection?.rule || pattern !== earlier.selection.pattern)
      return differs("another selection rule");
    if ((options.macOnlyEncrypted === true) !== earlier.macOnlyEncrypted) return differs("another mac_only_encrypted");
  }
  return isChanged ? { ...differs("other recipients"), isHarmless: true } : null;
}

/**
 * Who reads a file, and what stays clear in it, stands in the file, and whoever can change it can have put that there. So a
 * plaintext goes into it only where the configuration says nothing else.
 * @throws `CONFIG_MISMATCH`
 */
function checkHarmless({ what, unlisted, isHarmless }: Difference, name: string, say: Say): void {
  if (isHarmless) {
    say("warning", `${name} is for fewer recipients than the configuration names, and stays so; --fresh goes by that`);
    return;
  }
  const who = unlisted.length === 0 ? "" : `: ${name} is for ${unlisted.join(", ")} too`;
  throw new KeyleafError("CONFIG_MISMATCH", `the configuration names ${what} than ${name} has${who}`, {
    hint:
      "--fresh makes it anew, by the configuration" +
      (unlisted.length === 0 ? "" : '; "enc updatekeys" brings its recipients in line'),
    details: { file: name },
  });
}

/** Where nothing says who may read the file. */
async function readersOf(source: Uint8Array, format: FormatId): Promise<string> {
  const { keyGroups } = await inspect(source, { format });
  return `no rule says who may read it, so all do that the file names: ${namesOf(keyGroups.flat())}`;
}
