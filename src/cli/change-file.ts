import { UnwrappedKeys } from "../crypto/data-key.ts";
import type { TreePath } from "../document/document.ts";
import { KeyleafError } from "../errors.ts";
import type { FormatId } from "../formats/format.ts";
import type { OpenOptions } from "../open-file.ts";
import type { ChangedFile } from "../set.ts";
import type { Context, Flags } from "./context.ts";
import {
  aboutFile,
  encryptedFormat,
  formatFlag,
  type Input,
  isStandardInput,
  readInput,
  recoveryFlags,
} from "./inputs.ts";
import { KeyPolicy } from "./key-policy.ts";
import { note, warn } from "./report.ts";
import { parseBracketPath, parsePath } from "./tree-path.ts";
import { writeFiles } from "./write-file.ts";

/** What the commands have in common that change one value of an encrypted file, over the file. */

/** How the reference does it, and how `enc` does. */
export interface ChangeRules {
  parsePath(text: string): TreePath;
  /** A value that the path leads through is replaced by a mapping or list. */
  readonly replacesValues: boolean;
  /** A list may be set as a whole. */
  readonly takesLists: boolean;
  /** Comments count where a path has the position of a list element. */
  readonly countsComments: boolean;
  /** It is no error that what is to be removed is not there, and that is said. */
  readonly isForgiving: boolean;
}

const ownRules: ChangeRules = {
  parsePath,
  replacesValues: false,
  takesLists: true,
  countsComments: false,
  isForgiving: true,
};

/** Source: SOPS cmd/sops/set.go and unset.go. */
const referenceRules: ChangeRules = {
  parsePath: parseBracketPath,
  replacesValues: true,
  takesLists: false,
  countsComments: true,
  isForgiving: false,
};

export function rulesOf({ program }: Context): ChangeRules {
  return program === "sops" ? referenceRules : ownRules;
}

type Change = (source: Uint8Array, at: TreePath, options: OpenOptions) => Promise<ChangedFile>;

/**
 * Changes one encrypted file. Nothing is written where nothing changes. Where the file has been changed by someone else
 * since it was read, the change is made in what is there now.
 * @param name - as the user wrote it
 * @param wanted - the path as the user wrote it, of which `change` gets what it means in the file
 * @returns what was done
 * @throws `USAGE_CONFLICT` for standard input; `INPUT_*`; as `change` and `writeFiles` do.
 */
export async function changeFile(
  name: string,
  wanted: TreePath,
  flags: Flags,
  context: Context,
  change: Change,
): Promise<ChangedFile> {
  if (isStandardInput(name)) {
    throw new KeyleafError("USAGE_CONFLICT", "standard input cannot be written in place", { hint: "name a file" });
  }
  const unwrapped = new UnwrappedKeys();
  try {
    for (let tries = 1; ; tries++) {
      const input = await readInput([name], flags, context, () => "what is not there yet is made by enc edit FILE");
      const changed = await changedFrom(input, wanted, unwrapped, flags, context, change).catch((error) => {
        throw aboutFile(withHint(error), name);
      });
      const { path, source } = input;
      if (path === null) throw new Error("a file has a path");
      try {
        if (!changed.isUnchanged)
          await writeFiles([{ path, content: changed.output, isSecret: false, before: source }]);
      } catch (error) {
        const isOthers = error instanceof KeyleafError && error.code === "OUTPUT_CHANGED_MEANWHILE";
        // One value is changed, whatever else is in the file: so it is in the one that is there now.
        if (isOthers && tries < MOST_TRIES && context.host.stat(path) !== null) continue;
        throw error;
      }
      for (const notice of changed.notices) warn(context, notice);
      await new KeyPolicy(flags, context).warnOfUnlisted(changed.metadata, name, input.knownAs);
      if (changed.isUnchanged && context.program !== "sops")
        note(context, `nothing has changed: ${name} stays as it is`);
      return changed;
    }
  } finally {
    await unwrapped.forget();
  }
}

/** Times that a change is made again since somebody else has written the file meanwhile. */
const MOST_TRIES = 20;

async function changedFrom(
  input: Input,
  wanted: TreePath,
  unwrapped: UnwrappedKeys,
  flags: Flags,
  context: Context,
  change: Change,
): Promise<ChangedFile> {
  const { source, path } = input;
  const format = await encryptedFormat(input, formatFlag(flags, "input-type"));
  const options: OpenOptions = {
    format,
    file: path,
    ignoreMac: flags.has("ignore-mac"),
    unwrapped,
    recovery: await recoveryFlags(flags),
  };
  const at = rulesOf(context).countsComments ? await withoutComments(source, format, wanted) : wanted;
  return change(source, at, options);
}

async function withoutComments(source: Uint8Array, id: FormatId, path: TreePath): Promise<TreePath> {
  if (!path.some((step) => typeof step === "number")) return path;
  const [{ formatOf }, counted] = await Promise.all([
    import("../formats/registry.ts"),
    import("./counted-comments.ts"),
  ]);
  const { roots } = await (await formatOf(id)).parse(source);
  return counted.withoutComments(roots[0], path);
}

/** Says what to do about a file that is not encrypted. */
export function withHint(error: unknown): unknown {
  if (!(error instanceof KeyleafError) || error.code !== "INPUT_NOT_ENCRYPTED") return error;
  return new KeyleafError(error.code, error.message, { hint: "encrypt it: enc -i FILE", cause: error });
}
