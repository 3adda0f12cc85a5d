import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import type { Stanza } from "./age-file.ts";
import { absent, type Identities, nothing } from "./identity.ts";
import { readIdentities } from "./identity-text.ts";

/**
 * Where age identities come from: the reference's variables and its default file. A source that cannot be read, or holds
 * something unknown, says so and does not keep the others from being tried.
 */

/** What one source gave. */
export interface IdentitySource extends Identities {
  /** For messages: the variable, or the file. */
  readonly name: string;
}

/** One more source: its name, what it is kept as, and how to read it. */
export interface UnreadSource {
  readonly name: string;
  readonly keptAs: string;
  read(): Promise<Identities>;
}

/** Identities read so far, by host and source: nothing is read, and no command run, twice in a process. */
const read = new WeakMap<Host, Map<string, Promise<IdentitySource>>>();

/**
 * The sources that are set, and the default file, as functions that read them: cheap ones first, so that a command is
 * only run when no key at hand fits. Results are kept for the host; those of commands for host and recipient.
 *
 * @param recipient - Of the wrapped key; told to commands.
 * @param stanzas - Of the wrapped key: ssh keys are looked at only where one is for an ssh key.
 *
 * Source: SOPS age/keysource.go, `loadIdentities`.
 */
export async function identitySources(
  host: Host,
  recipient: string,
  stanzas: readonly Stanza[] = [],
): Promise<(() => Promise<IdentitySource>)[]> {
  const { SOPS_AGE_KEY: text, SOPS_AGE_KEY_FILE: file, SOPS_AGE_KEY_CMD: command } = host.env;
  const sources: (() => Promise<IdentitySource>)[] = [];
  const readHere = once(read, host, () => new Map<string, Promise<IdentitySource>>());
  function add(name: string, load: () => Promise<Identities>, keptAs = name): void {
    sources.push(() => once(readHere, keptAs, async () => ({ name, ...(await load()) })));
  }
  const defaultFile = defaultIdentityFile(host);
  function addFile(name: string, path: string): void {
    const missing = path === "" || path === defaultFile ? absent : nothing;
    add(name, () => fromFile(host, path, (bytes) => readIdentities(bytes, name, host), missing));
  }

  if (text !== undefined) {
    const name = "SOPS_AGE_KEY";
    const read = async () => readIdentities(Buffer.from(text), name, host, true);
    add(name, text === "" ? async () => absent("is empty") : read);
  }
  if (file !== undefined) addFile(`SOPS_AGE_KEY_FILE (${file})`, file);
  if (text === undefined && file === undefined && command === undefined) {
    add("SOPS_AGE_KEY, SOPS_AGE_KEY_FILE and SOPS_AGE_KEY_CMD", async () => absent("not set"));
  }
  if (defaultFile === null) add("default identity file", async () => absent("no home directory"));
  else if (defaultFile !== file) addFile(defaultFile, defaultFile);
  if (stanzas.some(({ args }) => args[0]?.startsWith("ssh-"))) {
    const { sshSources } = await import("./ssh-sources.ts");
    for (const { name, keptAs, read } of sshSources(host, recipient)) add(name, read, keptAs);
  } else {
    for (const name of ["SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"]) {
      const problem = "not looked at, since this key is not for an ssh key";
      if (host.env[name] !== undefined) add(name, async () => absent(problem), `${name}, not looked at`);
    }
  }
  if (command !== undefined) {
    const name = "SOPS_AGE_KEY_CMD";
    const readOutput = (bytes: Uint8Array) => readIdentities(bytes, name, host);
    add(name, () => fromCommand(host, command, recipient, readOutput), `${name} ${recipient}`);
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

/**
 * The ssh keys that are looked at: the file that a variable names, which may be an empty name, then the two usual ones.
 * @returns What messages call them, and their paths, each once. Whether the files exist is not looked at.
 *
 * Source: SOPS age/ssh_parse.go and age/keysource.go.
 */
export function sshKeyFiles(host: Pick<Host, "env" | "home">): { readonly name: string; readonly path: string }[] {
  const { SOPS_AGE_SSH_PRIVATE_KEY_FILE: file } = host.env;
  const usual = host.home === null ? [] : ["id_ed25519", "id_rsa"].map((name) => `${host.home}/.ssh/${name}`);
  return [
    ...(file === undefined ? [] : [{ name: `SOPS_AGE_SSH_PRIVATE_KEY_FILE (${file})`, path: file }]),
    ...usual.filter((path) => path !== file).map((path) => ({ name: path, path })),
  ];
}

/** What `read` makes of a file, and `missing` of there being none. */
export async function fromFile(
  host: Host,
  path: string,
  read: (bytes: Uint8Array) => Identities | Promise<Identities>,
  missing: (problem: string) => Identities = nothing,
): Promise<Identities> {
  let bytes: Uint8Array | null;
  try {
    bytes = await host.readFile(path);
  } catch (error) {
    return nothing(messageOf(error));
  }
  return bytes === null ? missing("no such file") : read(bytes);
}

/** What `read` makes of what a command prints, which is told the recipient. */
export async function fromCommand(
  host: Host,
  commandLine: string,
  recipient: string,
  read: (bytes: Uint8Array) => Identities | Promise<Identities>,
): Promise<Identities> {
  const { splitCommand } = await import("../../shell-words.ts");
  const command = splitCommand(commandLine);
  if (command === null) return nothing("unclosed quote or backslash at the end");
  if (command.length === 0) return absent("is empty");
  let output: Awaited<ReturnType<Host["run"]>>;
  try {
    output = await host.run(command, { SOPS_AGE_RECIPIENT: recipient });
  } catch (error) {
    return nothing(messageOf(error));
  }
  return output.status === 0 ? read(output.stdout) : nothing(`the command ended with status ${output.status}`);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What a system says is `CODE: words, call 'path'`.
  return /^E[A-Z0-9]+: ([a-z][^,]*), /.exec(error.message)?.[1] ?? error.message;
}
