import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { defaultIdentityFile } from "../crypto/age/identity-sources.ts";
import { generateIdentity } from "../crypto/age/x25519.ts";
import { KeyleafError } from "../errors.ts";
import { timestamp } from "../timestamp.ts";
import type { CliHost } from "./context.ts";
import { isSystemError, systemReason } from "./system-error.ts";
import { writeFiles } from "./write-file.ts";

/** The user's own age identity: making one, and finding out which there is. */

/** A fresh identity as the text of an identity file, as age-keygen writes it. */
export async function newIdentity(host: CliHost): Promise<{ readonly text: string; readonly recipient: string }> {
  const { identity, recipient } = await generateIdentity(host);
  const created = timestamp(host.now());
  return { text: `# created: ${created}\n# public key: ${recipient}\n${identity}\n`, recipient };
}

/**
 * Writes an identity where sops looks for it, for the user's eyes only.
 * @returns its path
 * @throws `OUTPUT_WRITE_FAILED`, also when there is a file already.
 */
export async function writeDefaultIdentity(text: string, host: CliHost): Promise<string> {
  const path = defaultIdentityFile(host);
  if (path === null) {
    throw new KeyleafError("OUTPUT_WRITE_FAILED", "there is no home directory to keep an identity in", {
      hint: "set HOME, or name a file: enc keygen -o FILE",
    });
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new KeyleafError("OUTPUT_WRITE_FAILED", `cannot make ${dirname(path)}: ${systemReason(error)}`, {
      cause: error,
    });
  }
  await writeFiles([{ path, content: Buffer.from(text), isSecret: true, isNew: true }]);
  return path;
}
