import { join, relative, resolve } from "node:path";
import { KeyleafError } from "../errors.ts";
import type { CliHost, Context, Flags } from "./context.ts";
import { trackedFiles } from "./git.ts";
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
  for (const name of operands) {
    const path = resolve(host.cwd, name);
    const kind = attemptReading("INPUT_UNREADABLE", name, () => host.stat(path)?.kind ?? null);
    if (kind === "folder") for (const file of filesBelow(name, path, host)) add(file);
    else if (kind !== null) add({ name, path, isNamed: true });
    else for (const file of await matching(name, host, hintFor)) add(file);
  }
  return [...files.values()];
}

/** All files below a folder. */
function* filesBelow(name: string, path: string, host: CliHost): Generator<ListedFile> {
  const entries = attemptReading("INPUT_UNREADABLE", name, () => host.list(path));
  // By the units of the names, as git sorts, and not by a locale.
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const inside = join(name, entry.name);
    if (entry.kind === "file") yield { name: inside, path: join(path, entry.name), isNamed: false };
    else if (entry.kind === "folder" && !LEFT_OUT.has(entry.name))
      yield* filesBelow(inside, join(path, entry.name), host);
  }
}

/** Shells hand over a pattern as it is where it is quoted, or matches nothing, and some never expand any. */
async function matching(
  name: string,
  host: CliHost,
  hintFor: (name: string) => string | null,
): Promise<readonly ListedFile[]> {
  const missing = (message: string, hint: string | null): KeyleafError =>
    new KeyleafError("INPUT_MISSING", message, { details: { file: name }, ...(hint === null ? {} : { hint }) });
  if (!/[*?[{(]/.test(name)) throw missing("no such file", hintFor(name));

  const { default: picomatch } = await import("picomatch");
  const { base, glob } = picomatch.scan(name, { nonegate: true, unescape: true });
  const isMatch = picomatch(glob, { nonegate: true });
  // Whatever is below a folder that matches, matches, as if a shell had expanded the pattern.
  const isBelowMatch = (inside: string): boolean => {
    const steps = inside.split(/[/\\]/);
    return steps.some((_, i) => isMatch(steps.slice(0, i + 1).join("/")));
  };
  const start = resolve(host.cwd, base);
  if (glob === "" || host.stat(start)?.kind !== "folder") throw missing("no file matches", null);
  const found = [...filesBelow(base === "" ? "." : base, start, host)].filter(({ path }) =>
    isBelowMatch(relative(start, path)),
  );
  if (found.length === 0) throw missing("no file matches", null);
  return found;
}

/** What git tracks and is there. */
async function tracked(context: Context): Promise<ListedFile[]> {
  const { host } = context;
  const files = (await trackedFiles(context)).map((path) => ({ name: relative(host.cwd, path), path, isNamed: false }));
  return files.filter(({ name, path }) =>
    attemptReading("INPUT_UNREADABLE", name, () => host.stat(path)?.kind === "file"),
  );
}
