import type { Program } from "./context.ts";

/**
 * The program that a path calls for, by the letters its name begins with: `dec`, `sops` and, for every other name, `enc`.
 * What follows is passed over, so that files that were downloaded work under the names they came with: `dec.exe`,
 * `sops-v3.13.2.linux.amd64`.
 */
export function programNamed(path: string): Program {
  const name = path.split(/[/\\]/).at(-1) ?? "";
  const [letters = ""] = name.toLowerCase().split(/[^a-z]/, 1);
  return letters === "dec" || letters === "sops" ? letters : "enc";
}
