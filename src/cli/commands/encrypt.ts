import { type CreationRule, matchRule } from "../../config.ts";
import { missingProviders, providers } from "../../crypto/keys/registry.ts";
import { compilePattern } from "../../document/pattern.ts";
import type { SelectionRule } from "../../document/selection.ts";
import { type EncryptOptions, type EncryptResult, encrypt } from "../../encrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { sniffFormat } from "../../formats/detect.ts";
import type { FormatId } from "../../formats/format.ts";
import { formatForFileName } from "../../formats/registry.ts";
import { nearest } from "../../nearest.ts";
import { resolveKeyGroups } from "../../recipients.ts";
import type { Context, Flags } from "../context.ts";
import { ConfigFinder, type FoundConfig, matchedPath, printOptions } from "../find-config.ts";
import { keyFlags, selectionFlags } from "../flags.ts";
import { aboutFile, destinationOf, formatFlag, type Input, numberFlag, readInputs } from "../inputs.ts";
import { note, warn } from "../report.ts";
import { type FileWrite, writeFiles } from "../write-file.ts";
import { commands } from "./registry.ts";

/** Bytes up to which a result is decrypted and compared before it goes to standard output; files always are. */
const MOST_VERIFIED = 256 * 1024;

/** Paths that a notice names before it only counts. */
const MOST_NAMED = 10;

/** `enc encrypt`: everything is computed before anything is written. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const destination = destinationOf(operands, flags, context);
  const inputs = await readInputs(operands, flags, context, didYouMean);
  const configs = new ConfigFinder(flags, context);
  const writes: FileWrite[] = [];
  const reports: (() => void)[] = [];
  // Of many files, most have the same to say about their recipients.
  const said = new Set<string>();
  for (const input of inputs) {
    try {
      const options = await optionsFor(input, configs, flags, context, said);
      const result = await encrypt(input.source, options, context.host);
      reports.push(() => report(input, result, inputs.length > 1, context));
      const verify = async (written: Uint8Array): Promise<void> => {
        if ((await result.verify(written)) || options.outputFormat !== options.format) return;
        warn(context, `${input.name}: decrypting will give the same values, but not the very same text`);
      };
      if (destination.kind === "stdout") {
        // Another format was verified when it was made.
        const isDue = options.outputFormat === options.format && input.source.length <= MOST_VERIFIED;
        if (isDue) await verify(result.output);
        context.streams.stdout.write(result.output);
      } else {
        writes.push({
          path: destination.kind === "file" ? destination.path : (input.path ?? ""),
          content: result.output,
          isSecret: false,
          ...(destination.kind === "in-place" ? { before: input.source } : {}),
          verify,
        });
      }
    } catch (error) {
      throw aboutFile(error, input.name);
    }
  }
  await writeFiles(writes);
  for (const show of reports) show();
}

/** A word that is no file may be a misspelt command. */
function didYouMean(name: string): string | null {
  const command = nearest(
    name,
    commands.map((known) => known.name),
  );
  return command === null ? null : `if a command was meant: enc ${command}`;
}

async function optionsFor(
  input: Input,
  configs: ConfigFinder,
  flags: Flags,
  context: Context,
  said: Set<string>,
): Promise<EncryptOptions> {
  const format = await inputFormat(input, flags, context);
  const outputFormat = formatFlag(flags, "output-type") ?? format;
  const found = await configs.find(input.knownAs);
  const rule = await ruleFor(input, found, flags, context);
  const selection = selectionOf(flags) ?? rule?.selection ?? null;
  const isMacOnlyEncrypted = flags.has("mac-only-encrypted") || rule?.macOnlyEncrypted === true;
  if (format === "binary") warnOfSelection(flags, context);
  const { keyGroups, notices } = await resolveKeyGroups(
    {
      flags: new Map(keyFlags.map(({ name }) => [name, flags.text(name) ?? ""])),
      rule,
      awsProfile: flags.text("aws-profile") ?? "",
      encryptionContext: encryptionContext(flags),
    },
    context.host,
  );
  for (const notice of notices) if (!said.has(notice)) note(context, notice);
  for (const notice of notices) said.add(notice);
  return {
    format,
    outputFormat,
    keyGroups,
    shamirThreshold: numberFlag(flags, "shamir-secret-sharing-threshold") || (rule?.shamirThreshold ?? 0),
    ...(selection === null ? {} : { selection }),
    macOnlyEncrypted: isMacOnlyEncrypted,
    print: printOptions(outputFormat, flags, found?.config ?? null),
  };
}

/** By flag, by name, and where neither tells, by content; that is said. */
async function inputFormat(input: Input, flags: Flags, context: Context): Promise<FormatId> {
  const given = formatFlag(flags, "input-type");
  if (given !== null) return given;
  const named = input.knownAs === null ? null : formatForFileName(input.knownAs).id;
  if (named !== null && named !== "binary") return named;
  const sniffed = await sniffFormat(input.source);
  if (sniffed === null && named === null) {
    throw new KeyleafError("USAGE_CONFLICT", "neither name nor content of standard input tells its format", {
      hint: "give --filename-override NAME or --type FORMAT",
    });
  }
  note(
    context,
    `${input.name} is taken as ${sniffed === null ? "binary" : `${sniffed} by its content`}; --type decides`,
  );
  return sniffed ?? "binary";
}

/**
 * The creation rule for the input. None is needed where flags or the environment say who the recipients are; the
 * reference insists on one whenever there is a configuration.
 */
async function ruleFor(
  input: Input,
  found: FoundConfig | null,
  flags: Flags,
  { host }: Context,
): Promise<CreationRule | null> {
  if (found === null || found.config.creationRules === null) return null;
  const path = input.knownAs === null ? "" : matchedPath(found.path, input.knownAs);
  try {
    return await matchRule(found.config, path, compilePattern);
  } catch (error) {
    if (error instanceof KeyleafError && error.code === "CONFIG_NO_RULE" && namesRecipients(flags, host.env))
      return null;
    throw error;
  }
}

function namesRecipients(flags: Flags, env: Context["host"]["env"]): boolean {
  const isSet = (text: string | undefined): boolean => text !== undefined && text !== "";
  const variables = [...providers.map(({ names }) => names.env), ...missingProviders.map((type) => type.env)];
  return keyFlags.some(({ name }) => isSet(flags.text(name))) || variables.some((name) => isSet(env[name]));
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

function warnOfSelection(flags: Flags, context: Context): void {
  const given = givenSelections(flags).map(({ name }) => name);
  if (flags.has("mac-only-encrypted")) given.push("mac-only-encrypted");
  for (const name of given) warn(context, `--${name} has no effect: a binary file is encrypted as a whole`);
}

/**
 * `name:value,name2:value2`.
 * @throws `USAGE_BAD_CONTEXT`
 */
function encryptionContext(flags: Flags): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const text = flags.text("encryption-context") ?? "";
  for (const part of text === "" ? [] : text.split(",")) {
    const [name = "", value, ...more] = part.split(":");
    if (name.trim() === "" || value === undefined || more.length > 0) {
      throw new KeyleafError(
        "USAGE_BAD_CONTEXT",
        "bad --encryption-context: each part must be name:value, with one colon",
      );
    }
    pairs.set(name, value);
  }
  return pairs;
}

/** Says what stays clear, if anything does. */
function report(input: Input, { sealed, clear, notices }: EncryptResult, isOneOfMany: boolean, context: Context): void {
  const prefix = isOneOfMany ? `${input.name}: ` : "";
  for (const notice of notices) note(context, `${prefix}${notice}`);
  if (clear.length === 0) return;
  // The elements of a list have one path.
  const paths = [...new Set(clear)];
  const named = paths.slice(0, MOST_NAMED).join(", ");
  const more = paths.length > MOST_NAMED ? ` and ${paths.length - MOST_NAMED} more` : "";
  note(context, `${prefix}${sealed} encrypted, ${clear.length} left clear: ${named}${more}`);
}
