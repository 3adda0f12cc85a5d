import { join } from "node:path";
import { parseConfig } from "../../config.ts";
import { KeyleafError } from "../../errors.ts";
import { ownRecipient } from "../../recipients.ts";
import type { Context, Flags } from "../context.ts";
import { attributesChange, configureDriver, gitRoot } from "../git.ts";
import { newIdentity, writeDefaultIdentity } from "../identity-file.ts";
import { note } from "../report.ts";
import { addLines, appended, applyChanges, readText, type TextChange } from "../text-change.ts";

/**
 * Where plaintext usually is. What is encrypted under such a name, with `.enc` before or after the extension, is let
 * through again; templates hold no secrets. Files that git tracks already are not affected by any of this.
 */
const IGNORED = [
  ".env",
  ".env.*",
  "!.env.example",
  "!.env.sample",
  "!.env.template",
  "secrets.yaml",
  "secrets.yml",
  "secrets.json",
  "!*.enc",
  "!*.enc.*",
  // What a run that was killed may leave behind.
  ".keyleaf-*.tmp",
];

/** `enc init`: everything that is missing for encrypting and committing files here; what is there stays as it is. */
export async function run(_operands: readonly string[], _flags: Flags, context: Context): Promise<void> {
  const { host } = context;
  const done: string[] = [];
  const own = await ownRecipient(host);
  let recipient = own?.recipient ?? null;
  if (own === null) {
    const made = await newIdentity(host);
    recipient = made.recipient;
    done.push(`made an age identity: ${await writeDefaultIdentity(made.text, host)} (keep it secret, and keep a copy)`);
  }
  const root = await gitRoot(context);
  const folder = root ?? host.cwd;
  const changes = [
    await rulesChange(join(folder, ".sops.yaml"), recipient, own?.source ?? "", context),
    await addLines(join(folder, ".gitignore"), "# plaintext of encrypted files (enc init)", IGNORED, context),
    root === null ? null : await attributesChange(root, context),
  ].filter((change) => change !== null);
  for (const { path, before } of changes) done.push(`${before === null ? "made" : "changed"} ${path}`);
  for (const line of done) note(context, line);
  await applyChanges(changes, context);
  const setting = root === null ? null : await configureDriver(root, context);
  if (setting !== null) note(context, `set ${setting} in the repository's git configuration`);
  if (done.length === 0 && setting === null) note(context, "nothing to do: everything is in place");
  else note(context, `files are encrypted ${recipient === null ? "as .sops.yaml says" : `to ${recipient}`}`);
}

/** A rule for every file below, unless there are rules. Other settings of an existing file stay. */
async function rulesChange(
  path: string,
  recipient: string | null,
  source: string,
  context: Context,
): Promise<TextChange | null> {
  const before = await readText(path, context);
  // A broken file is an error here: it would be one for every command that follows.
  if (before !== null && parseConfig(before, path).creationRules !== null) return null;
  if (recipient === null) {
    throw new KeyleafError(
      "KEY_NO_RECIPIENT",
      `${source} does not tell its recipient: it takes a passphrase or a plugin`,
      {
        hint: `write it into ${path}: creation_rules with age: RECIPIENT`,
      },
    );
  }
  if (before !== null && /^creation_rules\s*:/m.test(before)) {
    note(context, `${path} has an empty creation_rules: add a rule with age: ${recipient}`);
    return null;
  }
  const rule = ["# Who can decrypt the files below this folder.", "creation_rules:", `  - age: ${recipient}`];
  return { path, before, after: appended(before ?? "", rule) };
}
