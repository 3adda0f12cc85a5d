import { resolve } from "node:path";
import { UnwrappedKeys } from "../../crypto/data-key.ts";
import { variableText } from "../../crypto/scalar-bytes.ts";
import { KeyleafError, pathText, withDetails } from "../../errors.ts";
import { type ReadValues, readValues } from "../../read-values.ts";
import { type ChildProgram, endAs, runToEnd, withSignals } from "../child.ts";
import type { Context, Flags } from "../context.ts";
import { checkRisk, inherited, leavesOf, Patterns, variablesOf, withVariables } from "../environment.ts";
import { aboutFile, auditedAs, encryptedFormat, formatFlag, readInput, recoveryFlags } from "../inputs.ts";
import { findProgram, hasProgramFile, notFoundHint } from "../programs.ts";
import { type Redaction, redactor, SHORTEST, textsOf } from "../redact.ts";
import { warn } from "../report.ts";

/** `enc exec -- CMD`: runs a program with the values of files in its environment. */
export async function run(line: readonly string[], flags: Flags, context: Context): Promise<number> {
  const { host } = context;
  // Before any key is asked for.
  const [name, path] = programOnLine(line, context);
  const only = patternsFlag(flags, "only");
  const allowed = patternsFlag(flags, "allow") ?? new Patterns("");
  const naming = { isFlat: flags.has("flatten"), only, prefix: flags.text("prefix") ?? "" };
  const files = await readFiles(flags, context);
  const variables = files.flatMap(({ file, documents }) => {
    try {
      const ofFile = variablesOf(documents[0] ?? { kind: "mapping", members: [], at: null }, naming);
      for (const [variable] of ofFile) checkRisk(variable, allowed, host.platform);
      return ofFile;
    } catch (error) {
      throw error instanceof KeyleafError ? withDetails(error, { file }) : error;
    }
  });
  const [unused] = only?.unused() ?? [];
  if (unused !== undefined)
    throw new KeyleafError("USAGE", `--only ${unused}: there is no such value in the files`, {
      hint: flags.has("flatten") ? undefined : "what is in lists and mappings has a name with --flatten only",
    });
  const program: ChildProgram = {
    path,
    argv: [name, ...line.slice(1)],
    env: withVariables(inherited(host.env, flags.has("pristine"), allowed), variables),
  };
  const redaction = flags.has("redact") ? redactionOf(files, context) : null;
  return endAs(await withSignals(host.platform, (relay) => runToEnd(program, relay, redaction)));
}

/** @returns what it is called by, and its absolute path. @throws `USAGE`, `PROGRAM_NOT_FOUND`, `PROGRAM_CANNOT_RUN` */
function programOnLine([name]: readonly string[], { host }: Context): readonly [string, string] {
  if (name === undefined || name === "") throw new KeyleafError("USAGE", "there is no program behind --");
  // A path is one from the working directory, as everywhere; a mere name is never looked for there.
  const wanted =
    /[/\\]/.test(name) && (host.platform === "win32" || name.includes("/")) ? resolve(host.cwd, name) : name;
  const path = findProgram(wanted, host.env, host.platform);
  if (path !== null) return [name, path];
  if (hasProgramFile(wanted, host.env, host.platform))
    throw new KeyleafError("PROGRAM_CANNOT_RUN", `cannot run ${name}: it is not an executable file`);
  throw new KeyleafError("PROGRAM_NOT_FOUND", `program not found: ${name}`, { hint: notFoundHint(wanted) });
}

function patternsFlag(flags: Flags, name: string): Patterns | null {
  const text = flags.text(name);
  return text === undefined ? null : new Patterns(text);
}

interface ReadFile extends ReadValues {
  readonly file: string;
}

/** The values of all files, in their order. */
async function readFiles(flags: Flags, context: Context): Promise<ReadFile[]> {
  const names = flags.text("file")?.split("\0") ?? [];
  if (names.length === 0)
    throw new KeyleafError("USAGE_NO_FILE", "no file given", { hint: "name one with -f, in front of the --" });
  const files: ReadFile[] = [];
  const unwrapped = new UnwrappedKeys();
  try {
    for (const name of names) {
      const input = await readInput([name], flags, context, () => null);
      try {
        const format = await encryptedFormat(input, formatFlag(flags, "input-type"));
        const recovery = await recoveryFlags(flags);
        const options = { format, file: auditedAs(input), unwrapped, transfer: true, recovery };
        const read = await readValues(input.source, options, context.host);
        for (const notice of read.notices) warn(context, `${input.name}: ${notice}`);
        if (read.documents.length > 1)
          warn(context, `${input.name}: only the first of ${read.documents.length} documents is used`);
        files.push({ ...read, file: input.name });
      } catch (error) {
        throw aboutFile(error, input.name);
      }
    }
  } finally {
    await unwrapped.forget();
  }
  return files;
}

/** Names in a warning. */
const MOST_NAMES = 5;

/** Takes every value of the files out of what the program prints, and says of which texts that is not done. */
function redactionOf(files: readonly ReadFile[], context: Context): () => Redaction {
  const texts: string[] = [];
  const short: string[] = [];
  for (const { path, node } of files.flatMap(({ documents }) => documents.flatMap((root) => leavesOf(root, [])))) {
    const { scalar } = node;
    const text = scalar.type === "str" ? scalar.text : variableText(scalar);
    if (typeof text !== "string") continue;
    texts.push(text);
    if (scalar.type === "str" && text !== "" && textsOf([text]).length === 0) short.push(pathText(path));
  }
  if (short.length > 0) {
    const more = short.length > MOST_NAMES ? ` and ${short.length - MOST_NAMES} more` : "";
    const names = short.slice(0, MOST_NAMES).join(", ");
    warn(context, `--redact leaves texts of fewer than ${SHORTEST} characters as they are: ${names}${more}`);
  }
  return redactor(textsOf(texts));
}
