import { KeyleafError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { type Shell, shells } from "../complete.ts";
import { bash, fish, powershell, zsh } from "../completion-scripts.ts";
import type { Context, Flags } from "../context.ts";

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };

/** `enc completion SHELL`. */
export async function run([word]: readonly string[], _flags: Flags, { streams }: Context): Promise<void> {
  const shell = shells.find((known) => known === word);
  if (shell === undefined) {
    const meant = word === undefined ? null : nearest(word, shells);
    throw new KeyleafError("USAGE", word === undefined ? "no shell given" : `there is no completion for ${word}`, {
      hint: meant === null ? `there are: ${shells.join(", ")}` : `did you mean ${meant}?`,
    });
  }
  await streams.stdout.write(scripts[shell]);
}
