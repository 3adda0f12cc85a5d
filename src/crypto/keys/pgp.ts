/**
 * PGP: the `gpg` program does the work, with its own keyring and its own agent. The data key goes to it on its standard
 * input, never as an argument or in a file.
 *
 * Source: SOPS pgp/keysource.go.
 */
import { fieldOf, leaf, mapping, type Node } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { type InTurn, inTurn } from "../../in-turn.ts";
import { once } from "../../once.ts";
import { timestamp } from "../../timestamp.ts";
import { failing, textOf } from "./fields.ts";
import { pgpNames } from "./names.ts";
import type { KeyProvider } from "./provider.ts";

/** One PGP key as rules, flags and files name it. */
export interface PgpRecipient {
  /** As given, without blanks: a fingerprint, which `!` at the end narrows to this very subkey. Checked when it is used. */
  readonly fingerprint: string;
}

/** What gpg is asked to decrypt. */
const turns = new WeakMap<Host, InTurn>();

/** PGP through the `gpg` program. */
export const pgp: KeyProvider<PgpRecipient> = {
  ...pgpNames,

  fromText: recipientsOf,

  fromGroup(value: Node): PgpRecipient[] {
    if (value.kind === "leaf" && value.scalar.type === "str" && typeof value.scalar.text === "string") {
      return recipientsOf(value.scalar.text);
    }
    throw badRecipient("a PGP key in a key group is not text");
  },

  identity: ({ fingerprint }) => fingerprint,

  identityOf: (key) => withoutBlanks(textOf(fieldOf(key.fields, "fp"))),

  covers: (identity, inFile) => hexOf(identity) === hexOf(inFile),

  entry: ({ fingerprint }, enc, now) =>
    mapping([
      ["created_at", leaf(timestamp(now))],
      ["enc", leaf(enc)],
      ["fp", leaf(fingerprint)],
    ]),

  async wrap(dataKey, { fingerprint }, host) {
    // A name or a mail address would mean whatever key has come with it into the keyring. gpg takes neither for
    // --trusted-key, nor eight digits, so the reference has no such recipients.
    if (!/^(0x)?([\da-f]{16}|[\da-f]{40}|[\da-f]{64})!?$/i.test(fingerprint)) {
      throw badRecipient(`${JSON.stringify(fingerprint)} is not the fingerprint of a PGP key`);
    }
    const last16 = /.{16}!?$/.exec(fingerprint)?.[0] ?? "";
    const to = ["-r", fingerprint, "--trusted-key", last16];
    const args = ["--no-default-recipient", "--yes", "--encrypt", "-a", ...to, "--no-encrypt-to"];
    const message = Buffer.from(await runGpg("encrypt", args, dataKey, host))
      .toString()
      .replaceAll("\r\n", "\n");
    return {
      provider: "pgp",
      fields: pgp.entry({ fingerprint }, message.trim(), host.now()),
    };
  },

  async unwrap(key, host) {
    const message = textOf(fieldOf(key.fields, "enc"));
    if (message === "") throw failed("enc of the wrapped key is missing or not text");
    // Several at once would ask for one passphrase several times; the agent remembers it for the next.
    const printed = await once(turns, host, inTurn)(() => runGpg("decrypt", ["-d"], Buffer.from(message), host));
    const dataKey = Uint8Array.from(printed);
    printed.fill(0);
    return dataKey;
  },
};

/** A fingerprint in one spelling. */
function hexOf(fingerprint: string): string {
  return fingerprint.toUpperCase().replace(/^0X/, "");
}

function recipientsOf(text: string): PgpRecipient[] {
  const fingerprints = text.split(",").map(withoutBlanks);
  return fingerprints.filter((part) => part !== "").map((fingerprint) => ({ fingerprint }));
}

function withoutBlanks(text: string): string {
  return text.replace(/\s/g, "");
}

/** @returns what gpg printed, at least one byte. */
async function runGpg(
  verb: "encrypt" | "decrypt",
  args: readonly string[],
  stdin: Uint8Array,
  host: Host,
): Promise<Uint8Array> {
  const program = host.env["SOPS_GPG_EXEC"] || "gpg";
  const {
    status,
    stdout,
    stderr = "",
  } = await attempt(program, async () => host.run([program, ...args], await terminalEnv(host), stdin));
  if (status === 0 && stdout.length > 0) return stdout;
  stdout.fill(0);
  const reason = reasonIn(stderr) || (status === 0 ? "it printed nothing" : `it ended with status ${status}`);
  throw failed(`gpg cannot ${verb}: ${reason}`, hints.find(([sign]) => sign.test(reason))?.[1]);
}

async function attempt<T>(program: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw failed(
      error.message,
      program === "gpg"
        ? "install GnuPG (the package gnupg of most systems), or set SOPS_GPG_EXEC to its absolute path"
        : "SOPS_GPG_EXEC takes the absolute path of gpg, or its name on PATH, and no arguments",
    );
  }
}

/** Where a passphrase can be typed. gpg looks at its standard input for that, which the message comes through. */
async function terminalEnv(host: Host): Promise<Readonly<Record<string, string>>> {
  if (host.env["GPG_TTY"]) return {};
  const path = (await host.terminal?.()) ?? null;
  return path === null ? {} : { GPG_TTY: path };
}

/** gpg says first what went wrong with a key, and last what that led to. */
const TELLING = /(?:public key decryption failed|skipped|no valid OpenPGP data)/;

/** The line of gpg's messages that tells the reason, `""` when there is none. They name keys and people, no secrets. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split(/\r?\n/)
    .map((line) => line.replace(/^\S*gpg\S*: /, "").trim())
    .filter((line) => line !== "");
  return (lines.findLast((line) => TELLING.test(line)) ?? lines.at(-1) ?? "").slice(0, 200).replace(/\.$/, "");
}

/** What helps. gpg speaks the user's language, so there is not always a hint. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/No secret key/, "import the secret key, or set GNUPGHOME to the folder of the keyring that has it"],
  [/No public key|Not found/, "gpg --list-keys shows the keys at hand; gpg --import adds one"],
  [/Unusable public key|expired|revoked/i, "the key is expired, revoked or not for encryption: see gpg --list-keys"],
  [
    /Inappropriate ioctl|No pinentry|No such file|Screen or window/,
    "gpg has no terminal to ask on: export GPG_TTY=$(tty)",
  ],
  [/Bad passphrase/, "the passphrase was wrong"],
  [/cancelled/i, "no passphrase was given"],
  [/agent|IPC|Timeout/i, "gpg-agent does not answer: gpgconf --kill gpg-agent starts it anew"],
];

function badRecipient(message: string): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", message, {
    hint: "a fingerprint has 40 hexadecimal digits; gpg --list-keys shows it",
    details: { provider: "pgp" },
  });
}

const failed = failing(pgpNames.id);
