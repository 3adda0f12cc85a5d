import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { openPayload, parseAgeFile, type Stanza } from "./age-file.ts";
import { toBinary } from "./armor.ts";
import { askPassphrase } from "./ask-passphrase.ts";
import { ageFailed } from "./failure.ts";
import type { AgeIdentity } from "./identity.ts";
import { parseIdentities } from "./identity-text.ts";
import { lockOf, openLock } from "./passphrase.ts";

/** Identity files that are age files with a passphrase. */

/** What came of each, by host and content: a passphrase is asked for once, whichever source the file came from. */
const opened = new WeakMap<Host, Map<string, Promise<readonly AgeIdentity[]>>>();

/** An identity file with a passphrase, as an identity: all of those in it. */
export class LockedFile implements AgeIdentity {
  readonly #file: Uint8Array;
  readonly #name: string;
  readonly #host: Host;

  /**
   * @param file - An age file, with armor or without; kept.
   * @param name - What the user knows it as.
   */
  constructor(file: Uint8Array, name: string, host: Host) {
    this.#file = file;
    this.#name = name;
    this.#host = host;
  }

  /**
   * Asks for the passphrase, unless none of its identities can be for one of the stanzas.
   * @throws `PROVIDER_FAILED` when there is nobody to ask, the passphrase is wrong, or the file is damaged.
   */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<Uint8Array | null> {
    // It can hold everything but ssh keys and passphrases.
    if (stanzas.every(({ args }) => /^(ssh-|scrypt$)/.test(args[0] ?? ""))) return null;
    const files = once(opened, this.#host, () => new Map<string, Promise<readonly AgeIdentity[]>>());
    const content = Buffer.from(this.#file).toString("latin1");
    for (const identity of await once(files, content, () => open(this.#file, this.#name, this.#host))) {
      const fileKey = await identity.unwrapFileKey(stanzas);
      if (fileKey !== null) return fileKey;
    }
    return null;
  }
}

async function open(file: Uint8Array, name: string, host: Host): Promise<readonly AgeIdentity[]> {
  const parsed = parseAgeFile(toBinary(file));
  const lock = lockOf(parsed.stanzas);
  if (lock === null) throw ageFailed("the identity file is encrypted to a key: only a passphrase can be asked for");
  const passphrase = await askPassphrase(`passphrase of the age identities in ${name}: `, host);
  const fileKey = await openLock(lock, passphrase);
  if (fileKey === null) throw ageFailed("wrong passphrase");
  const payload = await openPayload(parsed, fileKey);
  const { identities, asking, problems } = await parseIdentities(Buffer.from(payload).toString(), host);
  payload.fill(0);
  if (problems.length > 0) throw ageFailed(problems.join("; "));
  return [...identities, ...asking];
}
