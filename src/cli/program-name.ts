import type { Program } from "./context.ts";

const OTHERS = ["dec", "sops"] as const;

/**
 * The program that a path calls for, by the letters its name begins with: `dec`, `sops` and, for every other name, `enc`.
 * What follows is passed over, so that files that were downloaded work under the names they came with: `dec.exe`,
 * `sops-v3.13.2.linux.amd64`.
 */
export function programNamed(path: string): Program {
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).toLowerCase();
  return OTHERS.find((other) => name.startsWith(other) && !isLetter(name.charAt(other.length))) ?? "enc";
}

/** Patterns are compiled when they are first used, which here would be at each start. */
function isLetter(character: string): boolean {
  return character >= "a" && character <= "z";
}
