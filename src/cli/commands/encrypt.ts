import { basename, resolve } from "node:path";
import type { CreationRule } from "../../config.ts";
import { defaultIdentityFile, sshKeyFiles } from "../../crypto/age/identity-sources.ts";
import { type KeyGroup, UnwrappedKeys } from "../../crypto/data-key.ts";
import { providers } from "../../crypto/keys/registry.ts";
import { compileSelection, type SelectionRule } from "../../document/selection.ts";
import { type EncryptOptions, type EncryptResult, encrypt, type NewFileKeys } from "../../encrypt.ts";
import { KeyleafError } from "../../errors.ts";
import type { FormatId } from "../../formats/format.ts";
import { formatForFileName } from "../../formats/registry.ts";
import { sniffFormat } from "../../formats/sniff.ts";
import { inspect } from "../../inspect.ts";
import { nearest } from "../../nearest.ts";
import { type NewFile, newFile } from "../../new-file.ts";
import { once } from "../../once.ts";
import type { Update } from "../../open-file.ts";
import { resolveKeyGroups } from "../../recipients.ts";
import type { Committed } from "../committed.ts";
import { type CliHost, type Context, type Flags, withHost } from "../context.ts";
import type { Wanted } from "../encrypt-over.ts";
import { recipientOptions } from "../encryption-context.ts";
import { ConfigFinder, type FoundConfig, printOptions, ruleFor, ruleOrNull } from "../find-config.ts";
import type { ListedFile } from "../find-files.ts";
import { keyFlags, selectionFlags } from "../flags.ts";
import {
  aboutFile,
  auditedAs,
  type Destination,
  destinationOf,
  formatFlag,
  holdsSealed,
  type Input,
  numberFlag,
  readInput,
  recoveryFlags,
} from "../inputs.ts";
import { sayIfLocked } from "../key-policy.ts";
import { Remarks, type Say, sayAll } from "../remarks.ts";
import { note, warn } from "../report.ts";
import type { Left, Rewriting } from "../rewrite-files.ts";
import { isVerified, verification } from "../verification.ts";
import { writeFiles } from "../write-file.ts";
import { commands } from "./registry.ts";

/** Paths that a notice names before it only counts. */
const MOST_NAMED = 10;

/** `enc encrypt`: everything is computed before anything is written. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const destination = destinationOf(operands, flags, context);
  if (destination.kind === "in-place") {
    const { rewriteFiles } = await import("../rewrite-files.ts");
    const { Committed } = await import("../committed.ts");
    const [committed, unwrapped] = [new Committed(context.host), new UnwrappedKeys()];
    try {
      const kept = flags.has("fresh") ? null : { committed, unwrapped };
      await rewriteFiles(operands, flags, context, (inside) => new Encryption(flags, inside, kept), didYouMean);
    } finally {
      await committed.close();
      await unwrapped.forget();
    }
    return;
  }
  const input = await readInput(operands, flags, context, didYouMean);
  const remarks = new Remarks();
  try {
    await encryptOne(input, destination, new Encryption(flags, context), remarks.say, context);
  } catch (error) {
    throw aboutFile(error, input.name);
  }
  sayAll(context, remarks.all);
}

async function encryptOne(
  input: Input,
  destination: Exclude<Destination, { kind: "in-place" }>,
  encryption: Encryption,
  say: Say,
  context: Context,
): Promise<void> {
  if (destination.kind === "file" && (await encryptedOver(input, destination, encryption, say, context))) return;
  const encrypted = await encryption.rewrite(input, say);
  const { output, isSecret, verify } = encrypted;
  if (destination.kind === "file") {
    await writeFiles([{ path: destination.path, content: output, isSecret, verify }]);
    return;
  }
  if (isVerified(input.source, encrypted)) await verify(output);
  await context.streams.stdout.write(output);
}

/** Whether there was an earlier encrypted version, and the input has taken its place. */
async function encryptedOver(
  input: Input,
  { name, path }: Extract<Destination, { kind: "file" }>,
  encryption: Encryption,
  say: Say,
  { host }: Context,
): Promise<boolean> {
  if (encryption.isFresh) return false;
  const { earlierFile, encryptOver } = await import("../encrypt-over.ts");
  const earlier = await earlierFile(name, path, host);
  if (earlier === null) return false;
  const update = await encryptOver(input.source, earlier, await encryption.wanted(input, say), say, host);
  if (update === null) return false;
  if (update.isUnchanged) say("note", `nothing has changed: ${name} stays as it is`);
  else {
    await writeFiles([{ path, content: update.output, isSecret: false, before: earlier.source }]);
    sayClear(update.sealed, update.clear, say);
  }
  return true;
}

/** A word that is no file may be a misspelt command. */
function didYouMean(name: string): string | null {
  const command = nearest(
    name,
    commands.map((known) => known.name),
  );
  return command === null ? null : `if a command was meant: enc ${command}`;
}

/** Of earlier versions. */
interface Kept {
  readonly committed: Committed;
  /** What has been unwrapped of them. */
  readonly unwrapped: UnwrappedKeys;
}

/** Encrypting with the flags of one command line: what files have in common is found out once. */
export class Encryption implements Rewriting {
  readonly words = { verb: "encrypt", doing: "encrypting", done: "encrypted" };
  readonly hint =
    "folders and patterns stand for the files that a rule with path_regex in .sops.yaml names, where there is none for " +
    "YAML, JSON, .env, INI and TOML files by name; --all for the former only";

  readonly #flags: Flags;
  readonly #context: Context;
  readonly #kept: Kept | null;
  readonly #configs: ConfigFinder;
  readonly #keyGroups = new Map<CreationRule | null, Promise<readonly KeyGroup[]>>();
  readonly #selection: SelectionRule | null;
  /** There is no other copy of what is encrypted: in place, or typed into an editor. */
  #isOnlyCopy: boolean;

  /** @param kept - of files in place, what is committed of them; `null` where that does not count. */
  constructor(flags: Flags, context: Context, kept: Kept | null = null) {
    this.#flags = flags;
    this.#isOnlyCopy = flags.has("in-place");
    this.#context = context;
    this.#kept = kept;
    this.#configs = new ConfigFinder(flags, context);
    this.#selection = selectionOf(flags);
  }

  /**
   * A rule with `path_regex` says which files are secret. One without, or none at all, only says who can read, so that a
   * folder then stands for the files whose names tell a format that is encrypted value by value, and `--all` for none:
   * what git tracks is mostly no secret, and `package.json` has such a name as well.
   */
  async covers({ path }: ListedFile): Promise<boolean> {
    if (isNeverMeant(path, this.#context.host)) return false;
    const found = await this.#configs.find(path);
    if (found !== null && found.config.creationRules !== null) {
      const rule = await ruleOrNull(found, path);
      if (rule === null) return false;
      if (rule.pathRegex !== null) return true;
    }
    return !this.#flags.has("all") && formatForFileName(path).id !== "binary";
  }

  async check(input: Input): Promise<void> {
    const format = await this.#format(input, () => {});
    await this.#recipients(await this.#rule(input.knownAs, await this.#configs.find(input.knownAs)));
    try {
      await inspect(input.source, { format });
    } catch (error) {
      if (error instanceof KeyleafError && error.code === "INPUT_NOT_ENCRYPTED") return;
      throw error instanceof KeyleafError && error.code === "INPUT_METADATA" ? alreadyEncrypted() : error;
    }
    throw alreadyEncrypted();
  }

  async rewrite(input: Input, say: Say): Promise<Encrypted> {
    const options = await this.#options(input, say);
    if (this.#flags.has("in-place") && input.path !== null && isIdentityFile(input.path, this.#context.host)) {
      throw new KeyleafError("INPUT_UNSUPPORTED", "it holds your age identity, which nothing could then decrypt");
    }
    const update = await this.#likeCommitted(input, options);
    if (update === null) return encrypted(await encrypt(input.source, options, this.#context.host), options, say);
    sayClear(update.sealed, update.clear, say);
    // It has been verified.
    return { output: update.output, isSecret: false, isRearranged: false, verify: async () => {} };
  }

  /** What did not change since the last commit keeps its ciphertext. `null`: nothing can be kept. */
  async #likeCommitted({ path, source }: Input, options: EncryptOptions): Promise<Update | null> {
    if (this.#kept === null || path === null) return null;
    const committed = await this.#kept.committed.read(path);
    if (committed === null) return null;
    const { encryptLikeCommitted } = await import("../encrypt-over.ts");
    return encryptLikeCommitted(source, path, committed, options, this.#kept.unwrapped, unattended(this.#context));
  }

  /**
   * Wraps the data key of a file that is not there yet.
   * @param knownAs - absolute, as `path`
   * @throws what {@link rewriteNew} would throw later, as far as that can be told without a content
   */
  async newFile(path: string, knownAs: string): Promise<NewFile> {
    this.#isOnlyCopy = true;
    const rule = await this.#rule(knownAs, await this.#configs.find(knownAs));
    const selection = this.#selection ?? rule?.selection ?? null;
    if (selection !== null) await compileSelection(selection, "refuse");
    return newFile({ ...(await this.#keys(rule)), file: path }, this.#context.host);
  }

  /** As {@link rewrite}, with the data key of the file. */
  async rewriteNew(file: NewFile, input: Input, say: Say): Promise<Encrypted> {
    const options = await this.#options(input, say);
    return encrypted(await file.encrypt(input.source, options), options, say);
  }

  /** Nothing of an earlier version is to be kept. */
  get isFresh(): boolean {
    return this.#flags.has("fresh");
  }

  /** What the file is to be like, for one that takes the place of an earlier version. */
  async wanted(input: Input, say: Say): Promise<Wanted> {
    const flags = this.#flags;
    const found = await this.#configs.find(input.knownAs);
    const isNamed =
      namesRecipients(flags, this.#context.host.env) ||
      (found !== null && found.config.creationRules !== null && (await ruleOrNull(found, input.knownAs)) !== null);
    const options = isNamed ? await this.#options(input, say) : null;
    const format = options?.format ?? (await this.#format(input, say));
    return {
      format,
      outputFormat: options?.outputFormat ?? formatFlag(flags, "output-type") ?? format,
      recovery: await recoveryFlags(flags),
      options,
      isByFlags:
        [...keyFlags, ...selectionFlags].some(({ name }) => (flags.text(name) ?? "") !== "") ||
        flags.has("mac-only-encrypted") ||
        flags.has("shamir-secret-sharing-threshold"),
    };
  }

  leaves({ code, message }: KeyleafError, { source }: Input): Left | null {
    // A plain file may use the reserved name, and would stay clear.
    if (code === "INPUT_ALREADY_ENCRYPTED") return holdsSealed(source) ? { as: "done" } : null;
    const isIdle = ["INPUT_NOTHING_TO_ENCRYPT", "INPUT_EMPTY", "INPUT_NO_DOCUMENT"].includes(code);
    return isIdle ? { as: "clear", warning: `stays as it is: ${message}` } : null;
  }

  async #options(input: Input, say: Say): Promise<EncryptOptions> {
    const flags = this.#flags;
    const format = await this.#format(input, say);
    const outputFormat = formatFlag(flags, "output-type") ?? format;
    const found = await this.#configs.find(input.knownAs);
    const rule = await this.#rule(input.knownAs, found);
    const selection = this.#selection ?? rule?.selection ?? null;
    if (format === "binary") sayOfSelection(flags, say);
    return {
      format,
      outputFormat,
      file: auditedAs(input),
      ...(await this.#keys(rule)),
      ...(selection === null ? {} : { selection }),
      macOnlyEncrypted: flags.has("mac-only-encrypted") || rule?.macOnlyEncrypted === true,
      print: printOptions(outputFormat, flags, found?.config ?? null),
    };
  }

  async #keys(rule: CreationRule | null): Promise<NewFileKeys> {
    const flags = this.#flags;
    return {
      keyGroups: await this.#recipients(rule),
      shamirThreshold: this.#threshold(rule),
      recovery: await recoveryFlags(flags),
    };
  }

  #threshold(rule: CreationRule | null): number {
    return numberFlag(this.#flags, "shamir-secret-sharing-threshold") || (rule?.shamirThreshold ?? 0);
  }

  #recipients(rule: CreationRule | null): Promise<readonly KeyGroup[]> {
    return once(this.#keyGroups, rule, () => this.#resolveRecipients(rule));
  }

  async #resolveRecipients(rule: CreationRule | null): Promise<readonly KeyGroup[]> {
    const flags = this.#flags;
    const { keyGroups, notices } = await resolveKeyGroups(
      {
        flags: new Map(keyFlags.map(({ name }) => [name, flags.text(name) ?? ""])),
        rule,
        ...recipientOptions(flags),
      },
      this.#context.host,
    );
    for (const notice of notices) note(this.#context, notice);
    if (keyGroups.length === 1 && this.#threshold(rule) > 1 && this.#context.program !== "sops") {
      const text = `a threshold of ${this.#threshold(rule)} has no effect: there is one group, and any recipient in it opens the file`;
      warn(this.#context, text);
    }
    if (this.#isOnlyCopy) await sayIfLocked(keyGroups, this.#context, (_, text) => warn(this.#context, text));
    return keyGroups;
  }

  /** By flag, by name, and where neither tells, by content; that is said. */
  async #format({ knownAs, source }: Input, say: Say): Promise<FormatId> {
    const given = formatFlag(this.#flags, "input-type");
    if (given !== null) return given;
    const named = knownAs === null ? null : formatForFileName(knownAs).id;
    if (named !== null && named !== "binary") return named;
    const sniffed = await sniffFormat(source);
    if (sniffed === null && named === null) {
      throw new KeyleafError("USAGE_CONFLICT", "neither name nor content of standard input tells its format", {
        hint: "give --filename-override NAME or --type FORMAT",
      });
    }
    say("note", `taken as ${sniffed === null ? "binary" : `${sniffed} by its content`}; --type decides`);
    return sniffed ?? "binary";
  }

  /**
   * The creation rule for the input. None is needed where flags or the environment say who the recipients are; the
   * reference insists on one whenever there is a configuration.
   */
  async #rule(knownAs: string | null, found: FoundConfig | null): Promise<CreationRule | null> {
    if (found === null || found.config.creationRules === null) return null;
    return namesRecipients(this.#flags, this.#context.host.env) ? ruleOrNull(found, knownAs) : ruleFor(found, knownAs);
  }
}

/** For keys that nobody has to do anything for: a small diff is not worth a passphrase, or touching a token. */
function unattended(context: Context): CliHost {
  const refuse = async (): Promise<never> => {
    throw new KeyleafError("PROVIDER_FAILED", "no program is started for a key");
  };
  return withHost(context, { ask: async () => null, run: refuse, start: refuse }).host;
}

/** What is to be written. */
export interface Encrypted {
  readonly output: Uint8Array;
  readonly isSecret: false;
  /** See `EncryptResult`. */
  readonly isRearranged: boolean;
  /** @throws `OUTPUT_VERIFY_FAILED` */
  readonly verify: (written: Uint8Array) => Promise<void>;
}

/** Says what there is to say of a result. */
function encrypted(
  { output, sealed, clear, notices, isRearranged, verify }: EncryptResult,
  options: EncryptOptions,
  say: Say,
): Encrypted {
  for (const notice of notices) say("note", notice);
  sayClear(sealed, clear, say);
  return {
    output,
    isSecret: false,
    isRearranged,
    verify: verification(verify, options),
  };
}

/** What a directory holds beside secrets: how encryption and git are set up, our own leftovers, and the key to it all. */
function isNeverMeant(path: string, host: CliHost): boolean {
  if (/^(\.sops\.ya?ml|\.git.*|\.keyleaf-.*\.tmp)$/.test(basename(path))) return true;
  return isIdentityFile(path, host);
}

function isIdentityFile(path: string, host: CliHost): boolean {
  const named = [host.env["SOPS_AGE_KEY_FILE"] ?? "", ...sshKeyFiles(host).map((file) => file.path)];
  const files = named.filter((name) => name !== "").map((name) => resolve(host.cwd, name));
  return [defaultIdentityFile(host), ...files].includes(path);
}

function alreadyEncrypted(): KeyleafError {
  return new KeyleafError("INPUT_ALREADY_ENCRYPTED", "the file already has sops metadata");
}

function namesRecipients(flags: Flags, env: Context["host"]["env"]): boolean {
  const isSet = (text: string | undefined): boolean => text !== undefined && text !== "";
  return providers.some(({ names }) => isSet(flags.text(names.flag)) || isSet(env[names.env]));
}

/** The selection rule that flags give; it takes the place of the configuration's, whatever kind that is. */
function selectionOf(flags: Flags): SelectionRule | null {
  const given = givenSelections(flags);
  if (given.length > 1) {
    throw new KeyleafError(
      "USAGE_CONFLICT",
      `only one of ${given.map(({ name }) => `--${name}`).join(", ")} can be given`,
    );
  }
  const [only] = given;
  return only === undefined ? null : { rule: only.kind, pattern: flags.text(only.name) ?? "" };
}

function givenSelections(flags: Flags): typeof selectionFlags {
  return selectionFlags.filter(({ name }) => (flags.text(name) ?? "") !== "");
}

function sayOfSelection(flags: Flags, say: Say): void {
  const given = givenSelections(flags).map(({ name }) => name);
  if (flags.has("mac-only-encrypted")) given.push("mac-only-encrypted");
  for (const name of given) say("warning", `--${name} has no effect: a binary file is encrypted as a whole`);
}

/** Says what stays clear, if anything does. Many files of one kind have that in common. */
export function sayClear(sealed: number, clear: readonly string[], say: Say): void {
  if (clear.length === 0) return;
  // The elements of a list have one path.
  const paths = [...new Set(clear)];
  const named = paths.slice(0, MOST_NAMED).join(", ");
  const more = paths.length > MOST_NAMED ? ` and ${paths.length - MOST_NAMED} more` : "";
  const left = `${clear.length} left clear: ${named}${more}`;
  say("note", `${sealed} encrypted, ${left}`, left);
}
