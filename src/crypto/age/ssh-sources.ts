import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { askPassphrase } from "./ask-passphrase.ts";
import { ageFailed } from "./failure.ts";
import { type AgeIdentity, type Identities, nothing } from "./identity.ts";
import { fromCommand, fromFile, sshKeyFiles, type UnreadSource } from "./identity-sources.ts";
import { namesKey, SshIdentity } from "./ssh.ts";
import { type LockedSshKey, parseSshPrivateKey } from "./ssh-private-key.ts";
import { parseSshLine, type SshPublicKey, sshBlob } from "./ssh-public-key.ts";

/** A larger file holds something else. */
const MOST_BYTES = 1024 * 1024;

/**
 * The ssh keys that the reference looks at: those in files, see {@link sshKeyFiles}, then that of a command.
 * @param recipient - Of the wrapped key; told to the command.
 */
export function sshSources(host: Host, recipient: string): UnreadSource[] {
  const { SOPS_AGE_SSH_PRIVATE_KEY_CMD: command } = host.env;
  const sources = sshKeyFiles(host).map(({ name, path }) => source(name, name, () => readFile(host, name, path)));
  if (command !== undefined) {
    const name = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
    const read = () => fromCommand(host, command, recipient, (bytes) => readKey(bytes, name, null, host));
    sources.push(source(name, `${name} ${recipient}`, read));
  }
  return sources;
}

function source(name: string, keptAs: string, read: () => Promise<Identities>): UnreadSource {
  return { name, keptAs, read };
}

function readFile(host: Host, name: string, path: string): Promise<Identities> {
  return fromFile(host, path, (bytes) => readKey(bytes, name, path, host));
}

/** @param path - Where its public half is, with `.pub` behind; `null`: nowhere. */
async function readKey(bytes: Uint8Array, name: string, path: string | null, host: Host): Promise<Identities> {
  if (bytes.length > MOST_BYTES) return nothing("is larger than 1 MiB");
  const key = parseSshPrivateKey(bytes);
  if ("problem" in key) return nothing(key.problem);
  if ("secret" in key) return { identities: [new SshIdentity(key)], asking: [], problems: [] };
  const publicKey = key.publicKey ?? (path === null ? null : await readPublicKey(host, `${path}.pub`));
  if (publicKey === null) {
    const where = path === null ? "as OpenSSH writes them" : `or in ${path}.pub`;
    return nothing(`needs a passphrase, and which key it is would have to be in the file ${where}`);
  }
  return { identities: [], asking: [locked(key, publicKey, name, host)], problems: [] };
}

async function readPublicKey(host: Host, path: string): Promise<SshPublicKey | null> {
  try {
    const bytes = await host.readFile(path);
    if (bytes === null || bytes.length > MOST_BYTES) return null;
    const key = parseSshLine(Buffer.from(bytes).toString());
    return "problem" in key ? null : key;
  } catch {
    return null;
  }
}

/** Unlocked keys, by host and public key: a passphrase is asked for once, whichever source the key came from. */
const unlocked = new WeakMap<Host, Map<string, Promise<AgeIdentity>>>();

/** Asks for the passphrase only where a stanza names the key. */
function locked(key: LockedSshKey, publicKey: SshPublicKey, name: string, host: Host): AgeIdentity {
  return {
    async unwrapFileKey(stanzas) {
      if (!namesKey(stanzas, publicKey)) return null;
      const keys = once(unlocked, host, () => new Map<string, Promise<AgeIdentity>>());
      const identity = await once(keys, textOf(publicKey), () => unlock(key, publicKey, name, host));
      return identity.unwrapFileKey(stanzas);
    },
  };
}

async function unlock(key: LockedSshKey, publicKey: SshPublicKey, name: string, host: Host): Promise<AgeIdentity> {
  const passphrase = await askPassphrase(`passphrase of the ssh key ${name}: `, host);
  const opened = await key.unlock(passphrase);
  if (opened === null) throw ageFailed("wrong passphrase");
  if ("problem" in opened) throw ageFailed(opened.problem);
  if (textOf(opened.publicKey) !== textOf(publicKey)) throw ageFailed("it is not the key that its .pub file says");
  return new SshIdentity(opened);
}

function textOf(key: SshPublicKey): string {
  return Buffer.from(sshBlob(key)).toString("base64");
}
