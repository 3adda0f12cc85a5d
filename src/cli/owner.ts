import type { Stats } from "node:fs";

/** Whose files and folders are, on systems where they belong to somebody. */

/** -1 where there are no user ids. */
export function userId(): number {
  return process.getuid?.() ?? -1;
}

/** Root can do everything as it is. */
export function isTrusted({ uid }: Stats): boolean {
  return uid === userId() || uid === 0;
}

/**
 * Whether others can put something else in the place of what this user has in a folder. In a sticky one they can make
 * files, but not remove or rename those of this user.
 */
export function canOthersReplaceIn(folder: Stats): boolean {
  const isSticky = (folder.mode & 0o1000) !== 0;
  return !isTrusted(folder) || !(isSticky || (folder.mode & 0o022) === 0);
}
