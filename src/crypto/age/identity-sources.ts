import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { splitCommand } from "./command-line.ts";
import { parseIdentity, type X25519Identity } from "./x25519.ts";

/**
 * Where age identities come from: the reference's variables and its default file. A source that cannot be read, or holds
 * something unknown, says so and does not keep the others from being tried.
 */

/** What one source gave. */
export interface IdentitySource {
  /** For messages: the variable, or the file. */
  readonly name: string;
  readonly identities: readonly X25519Identity[];
  /** Why it gave nothing, or less than it holds. Names lines and kinds, never what is in them. */
  readonly problems: readonly string[];
}

/** Identities read so far, by host and source: nothing is read, and no command run, twice in a process. */
const read = new WeakMap<Host, Map<string, Promise<IdentitySource>>>();

/**
 * The sources that are set, and the default file, as functions that read them: cheap ones first, so that a command is
 * only run when no key at hand fits. Results are kept for the host; those of `SOPS_AGE_KEY_CMD` for host and recipient.
 *
 * @param recipient - Of the wrapped key; told to the command.
 *
 * Source: SOPS age/keysource.go, `loadIdentities`.
 */
export function identitySources(host: Host, recipient: string): (() => Promise<IdentitySource>)[] {
  const { SOPS_AGE_KEY: text, SOPS_AGE_KEY_FILE: file, SOPS_AGE_KEY_CMD: command } = host.env;
  const sources: (() => Promise<IdentitySource>)[] = [];
  const readHere = once(read, host, () => new Map<string, Promise<IdentitySource>>());
  function add(name: string, load: () => Promise<Content>, keptAs = name): void {
    sources.push(() => once(readHere, keptAs, async () => ({ name, ...(await load()) })));
  }

  if (text !== undefined) add("SOPS_AGE_KEY", async () => parseIdentities(text, true));
  if (file !== undefined) add(`SOPS_AGE_KEY_FILE (${file})`, () => fromFile(host, file));
  for (const name of ["SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"]) {
    if (host.env[name] !== undefined) add(name, async () => failed("ssh identities are not supported"));
  }
  if (text === undefined && file === undefined && command === undefined) {
    add("SOPS_AGE_KEY, SOPS_AGE_KEY_FILE and SOPS_AGE_KEY_CMD", async () => failed("not set"));
  }
  const defaultFile = defaultIdentityFile(host);
  if (defaultFile === null) add("default identity file", async () => failed("no home directory"));
  else if (defaultFile !== file) add(defaultFile, () => fromFile(host, defaultFile));
  if (command !== undefined) {
    add("SOPS_AGE_KEY_CMD", () => fromCommand(host, command, recipient), `SOPS_AGE_KEY_CMD ${recipient}`);
  }
  return sources;
}

/**
 * The file identities are kept in when no variable names one: `sops/age/keys.txt` in the user's configuration directory.
 * @returns An absolute path; `null` when there is no such directory. Whether the file exists is not looked at.
 */
export function defaultIdentityFile(host: Pick<Host, "env" | "platform" | "home">): string | null {
  if (host.platform === "win32") {
    const name = Object.keys(host.env).find((key) => key.toUpperCase() === "APPDATA");
    const directory = name === undefined ? "" : (host.env[name] ?? "");
    return directory === "" ? null : `${directory}\\sops\\age\\keys.txt`;
  }
  const configured = host.env["XDG_CONFIG_HOME"] ?? "";
  // A relative one would mean a file in the working directory, which may belong to somebody else.
  if (configured !== "") return configured.startsWith("/") ? `${configured}/sops/age/keys.txt` : null;
  if (host.home === null) return null;
  const directory = host.platform === "darwin" ? "Library/Application Support" : ".config";
  return `${host.home}/${directory}/sops/age/keys.txt`;
}

type Content = Pick<IdentitySource, "identities" | "problems">;

async function fromFile(host: Host, path: string): Promise<Content> {
  try {
    const bytes = await host.readFile(path);
    return bytes === null ? failed("no such file") : parseIdentities(Buffer.from(bytes).toString(), false);
  } catch (error) {
    return failed(messageOf(error));
  }
}

async function fromCommand(host: Host, commandLine: string, recipient: string): Promise<Content> {
  const command = splitCommand(commandLine);
  if (command === null) return failed("unclosed quote or backslash at the end");
  if (command.length === 0) return failed("is empty");
  try {
    const { status, stdout } = await host.run(command, { SOPS_AGE_RECIPIENT: recipient });
    if (status !== 0) return failed(`the command ended with status ${status}`);
    return parseIdentities(Buffer.from(stdout).toString(), false);
  } catch (error) {
    return failed(messageOf(error));
  }
}

/** @param isWordwise - Whether a line may hold several identities with blanks around them (only in `SOPS_AGE_KEY`). */
function parseIdentities(text: string, isWordwise: boolean): Content {
  if (/^(age-encryption|-----BEGIN AGE)/.test(text)) {
    return failed("a passphrase-encrypted identity file, which is not supported");
  }
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return failed("an ssh private key, which is not supported");
  }
  const identities: X25519Identity[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const words = isWordwise ? line.split(/\s+/).filter((word) => word !== "") : [line];
    for (const word of words) {
      const unsupported = unsupportedKind(word);
      if (unsupported !== null) {
        problems.push(`line ${index + 1}: ${unsupported}, which is not supported`);
        continue;
      }
      const identity = parseIdentity(word);
      // As in the reference, one bad line spoils its source: it may have been cut or overwritten.
      if ("problem" in identity) return failed(`line ${index + 1} is not an age identity (${identity.problem})`);
      identities.push(identity);
    }
  }
  if (identities.length === 0 && problems.length === 0) problems.push("holds no identity");
  return { identities, problems };
}

function unsupportedKind(text: string): string | null {
  if (text.startsWith("AGE-SECRET-KEY-PQ-1")) return "a post-quantum identity (AGE-SECRET-KEY-PQ-1)";
  const plugin = /^AGE-PLUGIN-([A-Z0-9+._-]+)-1/.exec(text);
  return plugin?.[1] === undefined ? null : `an identity of age-plugin-${plugin[1].toLowerCase()}`;
}

function failed(problem: string): Content {
  return { identities: [], problems: [problem] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
