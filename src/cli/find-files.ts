import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { KeyleafError } from "../errors.ts";
import { breather } from "./breathe.ts";
import type { CliHost, Context, Flags } from "./context.ts";
import { requiredGitRoot, trackedFiles } from "./git.ts";
import { attemptReading } from "./read-file.ts";

/** The files that a command over many files is about: those that are named, and those that folders, patterns and `--all` stand for. */

export interface ListedFile {
  /** As the user wrote it, or reached from there; for messages. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** The user named this very file: then it is an error if there is nothing to do for it. */
  readonly isNamed: boolean;
}

/** Never entered, unless the user names them or something in them. */
const LEFT_OUT = new Set([".git", "node_modules"]);
const isOrdinary = (path: string): boolean => !LEFT_OUT.has(basename(path));

/**
 * Lists each file once, in order: of folders all files in them, at any depth, by name. Links within folders are not
 * followed, neither to files nor to folders. What exists is meant as it is called, even if it looks like a pattern.
 * @param hintFor - what to say about a file that does not exist
 * @throws `INPUT_MISSING`, also for a pattern that nothing matches; `INPUT_UNREADABLE` for a folder; `USAGE` for `--all`
 * outside of a repository.
 */
export async function listFiles(
  operands: readonly string[],
  flags: Flags,
  context: Context,
  hintFor: (name: string) => string | null,
): Promise<ListedFile[]> {
  const files = new Map<string, ListedFile>();
  const add = (file: ListedFile): void => {
    if (file.isNamed || !files.has(file.path)) files.set(file.path, file);
  };
  if (flags.has("all")) for (const file of await tracked(context)) add(file);
  const { host } = context;
  const breathe = breather();
  for (const name of operands) {
    const path = resolve(host.cwd, name);
    const kind = attemptReading("INPUT_UNREADABLE", name, () => host.stat(path)?.kind ?? null);
    if (kind === "folder") {
      for (const file of filesBelow(name, path, host)) {
        add(file);
        await breathe();
      }
    } else if (kind === "other") {
      // Reading a pipe could wait for ever, and it cannot be written in place.
      throw new KeyleafError("INPUT_UNREADABLE", "it is no regular file", { details: { file: name } });
    } else if (kind !== null) add({ name, path, isNamed: true });
    else for (const file of await matching(name, context, hintFor)) add(file);
  }
  return [...files.values()];
}

/** All files below a folder, in those of its folders that are entered. Links are neither. */
export function* filesBelow(
  name: string,
  path: string,
  host: CliHost,
  isEntered: (path: string) => boolean = isOrdinary,
): Generator<ListedFile> {
  const entries = attemptReading("INPUT_UNREADABLE", name, () => host.list(path));
  // By the units of the names, as git sorts, and not by a locale.
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const [nameInside, pathInside] = [join(name, entry.name), join(path, entry.name)];
    if (entry.kind === "file") yield { name: nameInside, path: pathInside, isNamed: false };
    else if (entry.kind === "folder" && isEntered(pathInside))
      yield* filesBelow(nameInside, pathInside, host, isEntered);
  }
}

/** Shells hand over a pattern as it is where it is quoted, or matches nothing, and some never expand any. */
async function matching(
  name: string,
  { host }: Context,
  hintFor: (name: string) => string | null,
): Promise<readonly ListedFile[]> {
  const missing = (message: string, hint: string | null): KeyleafError =>
    new KeyleafError("INPUT_MISSING", message, { details: { file: name }, ...(hint === null ? {} : { hint }) });
  if (!/[*?[{(]/.test(name)) throw missing("no such file", hintFor(name));

  const { default: picomatch } = await import("picomatch");
  // As for a shell, a slash at the end means folders only, and two mean one.
  const isForFolders = name.endsWith("/");
  const plain = name.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
  const { base, glob } = picomatch.scan(plain, { nonegate: true, unescape: true });
  const start = resolve(host.cwd, base);
  const kind = attemptReading("INPUT_UNREADABLE", name, () => host.stat(start)?.kind);
  if (glob === "" || kind !== "folder") throw missing("no file matches", null);
  const matcher = (pattern: string): ((text: string) => boolean) => picomatch(pattern, { nonegate: true });
  const { isBelowMatch, mayHoldMatch } = stepwise(glob, matcher);
  const stepsTo = (path: string): string[] => relative(start, path).split(sep);
  const isEntered = (path: string): boolean => {
    const steps = stepsTo(path);
    return isOrdinary(path) && (mayHoldMatch(steps) || isBelowMatch(steps));
  };
  const found: ListedFile[] = [];
  const breathe = breather();
  for (const file of filesBelow(base === "" ? "." : base, start, host, isEntered)) {
    const steps = stepsTo(file.path);
    if (isBelowMatch(isForFolders ? steps.slice(0, -1) : steps)) found.push(file);
    await breathe();
  }
  if (found.length === 0) throw missing("no file matches", null);
  return found;
}

/** What a pattern says about a path of several steps. */
interface Stepwise {
  /** It matches, or is below a folder that does, as if a shell had expanded the pattern. */
  isBelowMatch(steps: readonly string[]): boolean;
  /** Something in the folder may match: `*.yaml` need not be looked for everywhere below. */
  mayHoldMatch(steps: readonly string[]): boolean;
}

function stepwise(glob: string, matcher: (pattern: string) => (text: string) => boolean): Stepwise {
  const isMatch = matcher(glob);
  // A slash in braces is no end of a step.
  const patterns = /[{(][^})]*\//.test(glob) ? ["**"] : glob.split("/");
  const matchers = patterns.map((pattern) => (pattern.includes("**") ? null : matcher(pattern)));
  return {
    isBelowMatch: (steps) => steps.some((_, i) => isMatch(steps.slice(0, i + 1).join("/"))),
    mayHoldMatch: (steps) => {
      const anywhere = matchers.indexOf(null);
      const compared = anywhere === -1 ? steps : steps.slice(0, anywhere);
      return (anywhere !== -1 || steps.length < matchers.length) && compared.every((step, i) => matchers[i]?.(step));
    },
  };
}

/**
 * What git tracks and is there as a file. The index says nothing about links: a file or a folder on its way may have been
 * replaced by one since. So the folders that hold tracked files are gone through as any other, whatever they are called.
 */
async function tracked(context: Context): Promise<ListedFile[]> {
  const { host } = context;
  const root = resolve(await requiredGitRoot(context));
  // Where names differ only in case or in how letters are composed, the folder may have another spelling than the index.
  const idOf = (path: string): string =>
    host.platform === "darwin" || host.platform === "win32" ? path.normalize("NFC").toLowerCase() : path;
  const ids = new Set<string>();
  const folders = new Set<string>();
  for (const path of await trackedFiles(root, context)) {
    ids.add(idOf(path));
    for (let at = dirname(path); at !== root && !folders.has(idOf(at)); at = dirname(at)) folders.add(idOf(at));
  }
  const found: ListedFile[] = [];
  const breathe = breather();
  for (const file of filesBelow(relative(host.cwd, root) || ".", root, host, (path) => folders.has(idOf(path)))) {
    if (ids.has(idOf(file.path))) found.push({ ...file, name: relative(host.cwd, file.path) });
    await breathe();
  }
  return found;
}
