import type { Host } from "../../host.ts";
import { type AgeIdentity, type Identities, nothing } from "./identity.ts";
import { parseIdentity, X25519Identity } from "./x25519.ts";

/** A larger file holds something else. The reference has the same limit. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Identities of a file: one a line, empty lines and lines that begin with `#` left out; or an age file with a passphrase
 * that holds such lines.
 *
 * @param bytes - Kept where they are encrypted.
 * @param name - Of the source, for questions.
 * @param isWordwise - Whether a line may hold several identities with blanks around them (only in `SOPS_AGE_KEY`).
 */
export async function readIdentities(
  bytes: Uint8Array,
  name: string,
  host: Host,
  isWordwise = false,
): Promise<Identities> {
  if (bytes.length > MOST_BYTES) return nothing("is larger than 16 MiB");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  if (text.startsWith("age-encryption") || text.startsWith("-----BEGIN AGE")) {
    const { LockedFile } = await import("./locked-file.ts");
    return { identities: [], asking: [new LockedFile(bytes, name, host)], problems: [] };
  }
  return parseIdentities(text, host, isWordwise);
}

/** @see {@link readIdentities} */
export async function parseIdentities(text: string, host: Host, isWordwise = false): Promise<Identities> {
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return nothing("an ssh private key, which is looked for in SOPS_AGE_SSH_PRIVATE_KEY_FILE");
  }
  const identities: AgeIdentity[] = [];
  const asking: AgeIdentity[] = [];
  for (const [index, line] of text.replaceAll("\r\n", "\n").split("\n").entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const words = isWordwise ? line.split(/\s+/).filter((word) => word !== "") : [line];
    for (const word of words) {
      const read = await readWord(word, host);
      // As in the reference, one bad line spoils its source: it may have been cut or overwritten.
      for (const problem of read.problems) return nothing(`line ${index + 1} is not an age identity (${problem})`);
      identities.push(...read.identities);
      asking.push(...read.asking);
    }
  }
  const isEmpty = identities.length === 0 && asking.length === 0;
  return { identities, asking, problems: isEmpty ? ["holds no identity"] : [] };
}

async function readWord(word: string, host: Host): Promise<Identities> {
  if (word.startsWith("AGE-SECRET-KEY-PQ-") || word.startsWith("AGE-PLUGIN-"))
    return (await import("./other-identities.ts")).readOther(word, host);
  const identity = parseIdentity(word);
  if (!(identity instanceof X25519Identity)) return nothing(identity.problem);
  return { identities: [identity], asking: [], problems: [] };
}
