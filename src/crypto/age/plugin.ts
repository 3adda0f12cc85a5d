import { KeyleafError } from "../../errors.ts";
import type { Conversation, Host } from "../../host.ts";
import { BODY_COLUMNS, parseStanza, type Stanza } from "./age-file.ts";
import { decodeBase64 } from "./base64.ts";
import { ageFailed } from "./failure.ts";
import { FILE_KEY_BYTES } from "./file-key.ts";
import { stanzaText } from "./seal-age-file.ts";

/**
 * Plugins of age: programs called `age-plugin-NAME` that wrap and unwrap file keys, and may have things asked and said
 * meanwhile. Stanzas go in and out; first all that is to be done, then the plugin leads.
 *
 * Source: C2SP age-plugin.md; age plugin/client.go.
 */

/** More than this without an end is no stanza. */
const MOST_BYTES = 1024 * 1024;
const MOST_ANSWERS = 10_000;
/** After this it is said what is waited for: mostly a key that wants to be touched. */
const PATIENCE_MS = 5000;

/**
 * Has a plugin unwrap a file key.
 * @param name - Of the plugin: letters, digits and `+-._`.
 * @param identity - `AGE-PLUGIN-NAME-1...`
 * @returns `null`: none of the stanzas is for this identity.
 * @throws `PROVIDER_FAILED` with what the plugin says, or when it is missing or breaks the protocol.
 */
export async function unwrapWithPlugin(
  name: string,
  identity: string,
  stanzas: readonly Stanza[],
  host: Host,
): Promise<Uint8Array | null> {
  const given = stanzas.map(({ args, body }) => ({ args: ["recipient-stanza", "0", ...args], body }));
  let fileKey: Uint8Array | null = null;
  await converse(name, "identity-v1", [command("add-identity", identity), grease(host), ...given], host, (stanza) => {
    const [kind, index, ...more] = stanza.args;
    if (kind !== "file-key") return false;
    if (index !== "0" || more.length > 0 || stanza.body.length !== FILE_KEY_BYTES || fileKey !== null) {
      throw broken(name, "gave a file key that was not asked for");
    }
    fileKey = stanza.body;
    return true;
  });
  return fileKey;
}

/**
 * Has a plugin wrap a file key.
 * @param name - Of the plugin: letters, digits and `+-._`.
 * @param recipient - `age1name1...`
 * @returns at least one stanza
 * @throws `PROVIDER_FAILED`, as above.
 */
export async function wrapWithPlugin(
  name: string,
  recipient: string,
  fileKey: Uint8Array,
  host: Host,
): Promise<Stanza[]> {
  const stanzas: Stanza[] = [];
  const given = [
    command("add-recipient", recipient),
    grease(host),
    { args: ["wrap-file-key"], body: fileKey },
    command("extension-labels"),
  ];
  await converse(name, "recipient-v1", given, host, ({ args, body }) => {
    const [kind, index, ...inner] = args;
    // Labels say which recipients go together in one file; here each has a file of its own.
    if (kind === "labels") return true;
    if (kind !== "recipient-stanza") return false;
    if (index !== "0" || inner.length === 0) throw broken(name, "gave a stanza that was not asked for");
    stanzas.push({ args: inner, body });
    return true;
  });
  if (stanzas.length === 0) throw broken(name, "gave no stanza");
  return stanzas;
}

/**
 * @param take - For what is the plugin's result: whether it was one.
 */
async function converse(
  name: string,
  machine: "identity-v1" | "recipient-v1",
  given: readonly Stanza[],
  host: Host,
  take: (stanza: Stanza) => boolean,
): Promise<void> {
  const plugin = await start(name, machine, host);
  const read = stanzaReader(name, plugin);
  const answer = (...args: string[]): void => plugin.write(Buffer.from(stanzaText(command(...args))));
  try {
    plugin.write(Buffer.from([...given, command("done")].map(stanzaText).join("")));
    for (let count = 0; count < MOST_ANSWERS; count++) {
      const stanza = await patiently(read(), name, host);
      const [kind] = stanza.args;
      if (kind === "done") return;
      if (kind === "error") {
        answer("ok");
        throw ageFailed(`age-plugin-${name}: ${stanza.body.length === 0 ? "failed" : Buffer.from(stanza.body)}`);
      }
      if (take(stanza)) answer("ok");
      else plugin.write(Buffer.from(stanzaText(await respond(name, stanza, host))));
    }
    throw broken(name, "does not come to an end");
  } finally {
    await plugin.end();
  }
}

async function start(name: string, machine: string, host: Host): Promise<Conversation> {
  const program = `age-plugin-${name}`;
  if (host.start === undefined) throw ageFailed(`${program} cannot be run here`);
  try {
    return await host.start([program, `--age-plugin=${machine}`], {});
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw ageFailed(error.message, `install ${program} in an absolute directory of PATH`, error);
  }
}

/** The answer to what a plugin wants of the person. */
async function respond(name: string, { args, body }: Stanza, host: Host): Promise<Stanza> {
  const [kind, ...rest] = args;
  const message = `age-plugin-${name}: ${Buffer.from(body)}`;
  switch (kind) {
    case "msg":
      if (host.tell === undefined) return command("fail");
      host.tell(message);
      return command("ok");
    case "request-secret":
    case "request-public": {
      const given = (await host.ask?.(`${message}: `, kind === "request-public")) ?? null;
      return given === null ? command("fail") : { args: ["ok"], body: Buffer.from(given) };
    }
    case "confirm": {
      const [yes, no] = rest.map((text) => decodeBase64(text, false));
      if (!yes || no === null || rest.length > 2) throw broken(name, "asked something in the wrong form");
      const choice =
        no === undefined ? `[enter: ${Buffer.from(yes)}]` : `[y: ${Buffer.from(yes)}, n: ${Buffer.from(no)}]`;
      for (;;) {
        const given = await host.ask?.(`${message} ${choice} `, true);
        if (given === null || given === undefined) return command("fail");
        if (no === undefined || /^y(es)?$/i.test(given)) return command("ok", "yes");
        if (/^no?$/i.test(given)) return command("ok", "no");
      }
    }
    default:
      return command("unsupported");
  }
}

/** Waits; when it takes long, says so once. */
async function patiently(stanza: Promise<Stanza>, name: string, host: Host): Promise<Stanza> {
  const timer = setTimeout(() => host.tell?.(`waiting for age-plugin-${name}`), PATIENCE_MS);
  try {
    return await stanza;
  } finally {
    clearTimeout(timer);
  }
}

/** Gives one stanza after the other of what a plugin says. */
function stanzaReader(name: string, plugin: Conversation): () => Promise<Stanza> {
  let held = Buffer.alloc(0);
  return async () => {
    for (;;) {
      const end = stanzaEnd(held);
      if (end !== -1) {
        const lines = held.toString("latin1", 0, end).split("\n");
        held = held.subarray(end);
        return parsed(name, lines);
      }
      if (held.length > MOST_BYTES) throw broken(name, "does not speak the protocol of plugins");
      const more = await plugin.read();
      if (more === null) throw broken(name, "ended before it was done");
      held = Buffer.concat([held, more]);
    }
  };
}

/** Where the first stanza ends: after its first line comes a body whose last line is a short one. -1: not there yet. */
function stanzaEnd(bytes: Buffer): number {
  let start = bytes.indexOf("\n") + 1;
  while (start > 0) {
    const end = bytes.indexOf("\n", start);
    if (end === -1) return -1;
    if (end - start < BODY_COLUMNS) return end + 1;
    start = end + 1;
  }
  return -1;
}

function parsed(name: string, [first = "", ...lines]: readonly string[]): Stanza {
  try {
    return parseStanza(first, () => lines.shift() ?? "");
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    throw broken(name, "does not speak the protocol of plugins");
  }
}

/** Something that a plugin does not know and has to pass over, so that all of them stay able to. */
function grease(host: Pick<Host, "fillRandom">): Stanza {
  const random = new Uint8Array(12);
  host.fillRandom(random);
  return { args: [`grease-${Buffer.from(random.subarray(0, 4)).toString("hex")}`], body: random.subarray(4) };
}

function command(...args: string[]): Stanza {
  return { args, body: new Uint8Array() };
}

function broken(name: string, what: string): KeyleafError {
  return ageFailed(`age-plugin-${name} ${what}`);
}
