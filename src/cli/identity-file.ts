import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { defaultIdentityFile, identitySources } from "../crypto/age/identity-sources.ts";
import { generateIdentity } from "../crypto/age/x25519.ts";
import { KeyleafError } from "../errors.ts";
import type { CliHost } from "./context.ts";
import { readFileOr } from "./read-file.ts";
import { isSystemError, systemReason } from "./system-error.ts";
import { writeFiles } from "./write-file.ts";

/** The user's own age identity: making one, and finding out which there is. */

/** A fresh identity as the text of an identity file, as age-keygen writes it. */
export async function newIdentity(host: CliHost): Promise<{ readonly text: string; readonly recipient: string }> {
  const { identity, recipient } = await generateIdentity(host);
  const created = `${host.now().toISOString().slice(0, 19)}Z`;
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

/**
 * The recipient of the first identity at hand, and where that is kept; `null` when there is none. The recipient is `null`
 * when the default file alone does not tell it: it takes a passphrase, or a plugin.
 * @throws `KEY_NO_RECIPIENT` when the default file is there and holds nothing that can be used.
 */
export async function ownRecipient(
  host: CliHost,
): Promise<{ readonly recipient: string | null; readonly source: string } | null> {
  const defaultFile = defaultIdentityFile(host);
  for (const load of await identitySources(host, "")) {
    const { name, identities, asking, problems } = await load();
    const recipient = await identities.find((identity) => identity.recipient !== undefined)?.recipient?.();
    if (recipient !== undefined) return { recipient, source: name };
    if (name === defaultFile && (await readFileOr("KEY_NO_RECIPIENT", name, name, host)) !== null) {
      if (asking.length > 0) return { recipient: null, source: name };
      throw new KeyleafError("KEY_NO_RECIPIENT", `${name}: ${problems.join("; ")}`, {
        hint: "put an age identity there, or move the file away",
      });
    }
  }
  return null;
}
