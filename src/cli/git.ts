import { join, resolve } from "node:path";
import { KeyleafError } from "../errors.ts";
import type { Context } from "./context.ts";
import { addLines, type TextChange } from "./text-change.ts";

/** What git is told so that it shows encrypted files decrypted. */

const ATTRIBUTES = ["*.enc diff=keyleaf", "*.enc.* diff=keyleaf"];
/** Decrypted text would be stored in the repository by `cachetextconv`, so that is never set. */
const SETTING = ["diff.keyleaf.textconv", "enc git textconv"] as const;

/** Top folder of the repository that the working directory is in; `null` outside of one, or without git. */
export async function gitRoot({ host }: Context): Promise<string | null> {
  try {
    const { status, stdout } = await host.run(["git", "-C", host.cwd, "rev-parse", "--show-toplevel"], {});
    return status === 0
      ? Buffer.from(stdout)
          .toString()
          .replace(/\r?\n$/, "") || null
      : null;
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/** The same for commands that need one. @throws `USAGE` */
export async function requiredGitRoot(context: Context): Promise<string> {
  const root = await gitRoot(context);
  if (root !== null) return root;
  throw new KeyleafError("USAGE", "this is no folder of a git repository, or git is not on PATH", {
    hint: "run git init first",
  });
}

/**
 * Absolute paths of the plain files that git tracks in a repository, whether they are there or not. Symbolic links and
 * other repositories within are left out.
 */
export async function trackedFiles(root: string, { host }: Context): Promise<string[]> {
  const { status, stdout } = await host.run(["git", "-C", root, "ls-files", "-z", "--stage"], {});
  if (status !== 0) throw new KeyleafError("INPUT_UNREADABLE", `git ls-files failed with status ${status}`);
  const rows = Buffer.from(stdout).toString().split("\0");
  // Of a merge that is not done yet, a file has several rows.
  const names = rows.flatMap((row) => /^100\d{3} [0-9a-f]+ \d\t(.+)$/s.exec(row)?.[1] ?? []);
  return [...new Set(names)].map((name) => resolve(root, name));
}

/** The change to `.gitattributes`, `null` when it is as it should be. */
export function attributesChange(root: string, context: Context): Promise<TextChange | null> {
  return addLines(
    join(root, ".gitattributes"),
    "# git diff shows encrypted files decrypted (enc git setup)",
    ATTRIBUTES,
    context,
  );
}

/**
 * Sets the diff driver in the repository's own configuration.
 * @returns the setting as text; `null` when it was there.
 * @throws `OUTPUT_WRITE_FAILED`
 */
export async function configureDriver(root: string, { host }: Context): Promise<string | null> {
  const config = ["git", "-C", root, "config", "--local"];
  const [name, value] = SETTING;
  const { stdout } = await host.run([...config, "--get", name], {});
  if (Buffer.from(stdout).toString().trimEnd() === value) return null;
  const { status } = await host.run([...config, name, value], {});
  if (status !== 0) throw new KeyleafError("OUTPUT_WRITE_FAILED", `git config ${name} failed with status ${status}`);
  return `${name} = ${value}`;
}
