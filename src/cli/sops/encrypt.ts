import type { CreationRule } from "../../config.ts";
import { providers } from "../../crypto/keys/registry.ts";
import { type SelectionRule, selectionKinds } from "../../document/selection.ts";
import { type EncryptOptions, encrypt } from "../../encrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { resolveKeyGroups } from "../../recipients.ts";
import type { Context } from "../context.ts";
import { recipientOptions } from "../encryption-context.ts";
import { printOptions } from "../find-config.ts";
import { auditedAs } from "../inputs.ts";
import { warn } from "../report.ts";
import { verification } from "../verification.ts";
import { findSopsConfig, sopsRule } from "./config.ts";
import type { Given } from "./given.ts";
import { checkFile, deliver, formatFor, naming, type OneFile, oneFile, readOne, sealedFormat } from "./one-file.ts";

/** `sops encrypt [FILE]` and `sops -e FILE`. */
export async function run(operands: readonly string[], given: Given, context: Context): Promise<void> {
  checkFile(operands, given, context, true);
  const file = oneFile(operands, given, context);
  await naming(file, async () => {
    const options = await newFileOptions(file, given, context);
    const source = await readOne(file, context);
    const { output, notices, isRearranged, verify } = await encrypt(source, options, context.host);
    for (const notice of notices) warn(context, notice);
    const result = { content: output, isSecret: false, isRearranged, verify: verification(verify, options) };
    await deliver(result, file, source, given, context);
  });
}

/**
 * How a new file is encrypted, by flags, environment and creation rule, as the reference has it: where there is a
 * configuration with rules, one of them has to match, and a flag may not select in another way than the rule.
 * @throws `USAGE_CONFLICT`, `USAGE_BAD_CONTEXT`, `CONFIG_*`, `KEY_NO_RECIPIENT`, `KEY_BAD_RECIPIENT`
 */
export async function newFileOptions(file: OneFile, given: Given, context: Context): Promise<EncryptOptions> {
  const format = formatFor("input-type", file.knownAs, given, context);
  const wanted = formatFor("output-type", file.knownAs, given, context);
  // What is no binary file is printed as JSON then.
  const outputFormat = format === "binary" ? wanted : sealedFormat(wanted);
  const found = await findSopsConfig(given, context);
  const rule = await sopsRule(found, file.knownAs ?? "");
  const selection = selectionFor(given, rule);
  const macOnlyEncrypted = given.has("mac-only-encrypted") || rule?.macOnlyEncrypted === true;
  if (format === "binary") warnOfBinary(selection, macOnlyEncrypted, context);
  const options = recipientOptions(given);
  if (rule === null && !providers.some(({ names }) => given.text(names.flag) !== undefined)) throw noKeys();
  const { keyGroups } = await resolveKeyGroups(
    {
      flags: new Map(providers.map(({ names }) => [names.flag, given.text(names.flag) ?? ""])),
      rule,
      ...options,
    },
    context.host,
  );
  return {
    format,
    outputFormat,
    file: auditedAs(file),
    keyGroups,
    shamirThreshold: given.number("shamir-secret-sharing-threshold") || (rule?.shamirThreshold ?? 0),
    ...(selection === null ? {} : { selection }),
    macOnlyEncrypted,
    print: printOptions(wanted, given, found?.config ?? null),
  };
}

function noKeys(): KeyleafError {
  return new KeyleafError(
    "KEY_NO_RECIPIENT",
    "config file not found, or has no creation rules, and no keys provided through command line options",
  );
}

/** Each of the six settings comes from its flag, else from the rule. @throws `USAGE_CONFLICT` when that makes several */
function selectionFor(given: Given, rule: CreationRule | null): SelectionRule | null {
  const selections = selectionKinds.flatMap((kind): SelectionRule[] => {
    const configured = rule?.selection?.rule === kind ? rule.selection.pattern : undefined;
    const pattern = given.text(kind.replaceAll("_", "-")) ?? configured;
    return pattern === undefined ? [] : [{ rule: kind, pattern }];
  });
  const [only = null, ...more] = selections;
  if (more.length === 0) return only;
  throw new KeyleafError(
    "USAGE_CONFLICT",
    `cannot use more than one of ${selectionKinds.join(", ")} in the same file, and here are ${selections.map((one) => one.rule).join(" and ")}`,
  );
}

function warnOfBinary(selection: SelectionRule | null, macOnlyEncrypted: boolean, context: Context): void {
  const settings = [
    ...(selection === null ? [] : [selection.rule]),
    ...(macOnlyEncrypted ? ["mac_only_encrypted"] : []),
  ];
  for (const name of settings) warn(context, `${name} is passed over: a binary file is encrypted as a whole`);
}
