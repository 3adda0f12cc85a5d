import { neededOf } from "../../crypto/wrap-data-key.ts";
import { KeyleafError } from "../../errors.ts";
import { type Inspection, inspect } from "../../inspect.ts";
import type { Context, Flags } from "../context.ts";
import { ConfigFinder } from "../find-config.ts";
import { type ListedFile, listFiles } from "../find-files.ts";
import { aboutFile, checkFiles, encryptedFormat, formatFlag, leftAsPlain, mayBeEncrypted } from "../inputs.ts";
import { type NameOf, RecipientNames } from "../name-keys.ts";
import { Progress } from "../progress.ts";
import { attemptReading, readExisting } from "../read-file.ts";
import { printable } from "../report.ts";

/** `enc recipients list`: who can read files, as the files themselves say; nothing of it is authenticated. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  checkFiles(operands, flags);
  const progress = new Progress(context);
  try {
    const listed = await listFiles(operands, flags, context, () => null);
    const listing = new Listing(flags, progress.context);
    const files: FileKeys[] = [];
    for (const [index, file] of listed.entries()) {
      progress.at("reading", index, listed.length, file.name);
      const keys = await listing.of(file);
      if (keys !== null) files.push(keys);
    }
    progress.clear();
    if (files.length === 0) throw new KeyleafError("USAGE_NO_FILE", "there is no encrypted file among them");
    await context.streams.stdout.write(flags.has("json") ? jsonOf(files) : textOf(files));
  } finally {
    progress.end();
  }
}

/** Who can read one file. */
interface FileKeys extends Pick<Inspection, "keyGroups" | "shamirThreshold"> {
  readonly file: string;
  readonly nameOf: NameOf;
}

class Listing {
  readonly #flags: Flags;
  readonly #context: Context;
  readonly #configs: ConfigFinder;
  readonly #names: RecipientNames;

  constructor(flags: Flags, context: Context) {
    this.#flags = flags;
    this.#context = context;
    this.#configs = new ConfigFinder(flags, context);
    this.#names = new RecipientNames(context.host);
  }

  /** `null`: a file of a folder that is not encrypted. */
  async of(file: ListedFile): Promise<FileKeys | null> {
    const { host } = this.#context;
    const { name, path, isNamed } = file;
    const bytes = attemptReading("INPUT_UNREADABLE", name, () => host.stat(path)?.bytes ?? 0);
    if (!isNamed && !(await mayBeEncrypted(file, bytes, this.#context))) return null;
    const source = await readExisting(path, name, host, "no such file any more");
    const input = { name, path, knownAs: path, source, isNamed };
    try {
      const format = await encryptedFormat(input, formatFlag(this.#flags, "input-type"));
      const { keyGroups, shamirThreshold } = await inspect(source, { format });
      return { file: name, keyGroups, shamirThreshold, nameOf: await this.#nameOf(path) };
    } catch (error) {
      const left = !isNamed && error instanceof KeyleafError ? leftAsPlain(error, input) : null;
      if (left === null) throw aboutFile(error, name);
      return null;
    }
  }

  /** Names are an addition: without a configuration, or with one that cannot be read, there are none. */
  async #nameOf(path: string): Promise<NameOf> {
    try {
      const found = await this.#configs.find(path);
      return found === null ? () => null : await this.#names.of(found);
    } catch (error) {
      if (!(error instanceof KeyleafError) || this.#flags.text("config") !== undefined) throw error;
      return () => null;
    }
  }
}

/** Files that the same recipients can read stand together, above those. */
function textOf(files: readonly FileKeys[]): string {
  const [only] = files;
  if (only !== undefined && files.length === 1)
    return linesOf(only)
      .map((line) => `${line}\n`)
      .join("");
  const blocks = new Map<string, string[]>();
  for (const file of files) {
    const lines = linesOf(file)
      .map((line) => `  ${line}\n`)
      .join("");
    blocks.set(lines, [...(blocks.get(lines) ?? []), file.file]);
  }
  return [...blocks]
    .map(([lines, names]) => `${names.map((name) => `${printable(name)}\n`).join("")}${lines}`)
    .join("\n");
}

/** `age age1... (alice)`; where there are several groups with the number of it, and with what `groups delete` calls it. */
function linesOf({ keyGroups, shamirThreshold, nameOf }: FileKeys): string[] {
  const needed = neededOf(keyGroups.length, shamirThreshold);
  const head = needed === 0 ? [] : [`${needed} of ${keyGroups.length} groups are needed`];
  const lines = keyGroups.flatMap((group, index) =>
    group.map((key) => {
      const name = nameOf(key);
      const place = keyGroups.length > 1 ? `group ${index + 1} (index ${index}): ` : "";
      return printable(`${place}${key.type} ${key.recipient}${name === null ? "" : ` (${name})`}`);
    }),
  );
  return [...head, ...lines];
}

function jsonOf(files: readonly FileKeys[]): string {
  const list = files.map(({ file, keyGroups, shamirThreshold, nameOf }) => ({
    file,
    shamirThreshold: neededOf(keyGroups.length, shamirThreshold) || null,
    keyGroups: keyGroups.map((group) => group.map((key) => ({ ...key, name: nameOf(key) }))),
  }));
  return `${JSON.stringify(list, null, 2)}\n`;
}
