import { basename, extname, relative, resolve, sep } from "node:path";
import { type DestinationRule, matchDestination } from "../../config.ts";
import { UnwrappedKeys } from "../../crypto/data-key.ts";
import { decrypt } from "../../decrypt.ts";
import { compilePattern } from "../../document/pattern.ts";
import { encrypt } from "../../encrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import type { FormatId } from "../../formats/format.ts";
import { inspect } from "../../inspect.ts";
import { once } from "../../once.ts";
import { keyGroupsOfRule } from "../../recipients.ts";
import { confirm } from "../confirm.ts";
import type { Context, Flags } from "../context.ts";
import { type Place, placeOf } from "../destinations/destination.ts";
import { ConfigFinder, matchedPath } from "../find-config.ts";
import { filesBelow, type ListedFile } from "../find-files.ts";
import { aboutFile, holdsSealed, recoveryFlags } from "../inputs.ts";
import { attemptReading, readExisting } from "../read-file.ts";
import { filesText } from "../remarks.ts";
import { note, printable, warn } from "../report.ts";

/** One file, checked and ready to go. */
interface Planned {
  readonly file: ListedFile;
  readonly place: Place;
  /** What it is called there. */
  readonly name: string;
  readonly content: Uint8Array;
  /** Recipients that come (`+`) and go (`-`) when it is encrypted anew. */
  readonly changes: readonly string[];
}

/**
 * `enc publish`: everything is decrypted and checked, shown, and asked about before the first file goes anywhere.
 *
 * Source: SOPS cmd/sops/subcommand/publish/publish.go.
 */
export async function run([name = ""]: readonly string[], flags: Flags, context: Context): Promise<void> {
  const top = resolve(context.host.cwd, name);
  const planned = await new Publishing(top, flags, context).plan(filesIn(name, top, flags, context));
  const lines = planned.flatMap(({ file, place, name: there, changes }) => [
    `${printable(file.name)} -> ${printable(place.shown(there))}`,
    ...changes.map((change) => `  ${change}`),
  ]);
  if (flags.has("dry-run")) {
    await context.streams.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return;
  }
  for (const line of lines) note(context, line);
  if (!flags.has("yes")) await askFirst(planned.length, context);
  for (const { file, place, name: there, content } of planned) {
    try {
      const isWritten = await place.write(there, content);
      note(context, `${isWritten ? "published" : "unchanged, not written again:"} ${place.shown(there)}`);
    } catch (error) {
      throw aboutFile(error, file.name);
    }
  }
}

async function askFirst(count: number, { host }: Context): Promise<void> {
  const isWanted = await confirm(() => host.ask?.(`publish ${filesText(count)}? (y/n) `, true));
  if (isWanted === true) return;
  if (isWanted === false) throw new KeyleafError("USAGE", "nothing was published");
  throw new KeyleafError("USAGE", "nothing was published: there is no terminal to ask at", {
    hint: "--yes publishes without a question",
  });
}

/** The file, or with `--recursive` those of a folder but for its configuration. */
function filesIn(name: string, path: string, flags: Flags, { host }: Context): ListedFile[] {
  const kind = attemptReading("INPUT_UNREADABLE", name, () => host.stat(path)?.kind ?? null);
  if (kind === null) throw new KeyleafError("INPUT_MISSING", "no such file", { details: { file: name } });
  if (kind === "file") return [{ name, path, isNamed: true }];
  if (kind !== "folder")
    throw new KeyleafError("INPUT_UNREADABLE", "it is no regular file", { details: { file: name } });
  if (!flags.has("recursive")) {
    throw new KeyleafError("USAGE", `${name} is a folder`, { hint: "--recursive publishes the files in it" });
  }
  return [...filesBelow(name, path, host)].filter((file) => basename(file.path) !== ".sops.yaml");
}

/** Publishing with the flags of one command line: what files have in common is found out once. */
class Publishing {
  /** Absolute: names are what lies below it. */
  readonly #top: string;
  readonly #flags: Flags;
  readonly #context: Context;
  readonly #configs: ConfigFinder;
  readonly #unwrapped = new UnwrappedKeys();
  readonly #places = new Map<DestinationRule, Promise<Place>>();

  constructor(top: string, flags: Flags, context: Context) {
    this.#top = top;
    this.#flags = flags;
    this.#context = context;
    this.#configs = new ConfigFinder(flags, context);
  }

  /** @throws the first failure; nothing has been written then. */
  async plan(files: readonly ListedFile[]): Promise<Planned[]> {
    const planned = new Map<string, Planned>();
    try {
      for (const { path } of files) this.#context.files.add(path);
      for (const file of files) {
        const one = await this.#prepare(file, files).catch((error) => {
          throw aboutFile(error, file.name);
        });
        if (one === null) continue;
        const where = one.place.shown(one.name);
        const other = planned.get(where);
        if (other !== undefined) {
          throw new KeyleafError("USAGE", `${other.file.name} and ${file.name} would both become ${where}`);
        }
        planned.set(where, one);
      }
    } finally {
      await this.#unwrapped.forget();
    }
    if (planned.size === 0) throw new KeyleafError("INPUT_MISSING", "there is no encrypted file to publish");
    return [...planned.values()];
  }

  /** `null`: a file of a folder that is not encrypted, which is said. */
  async #prepare(file: ListedFile, { length }: readonly ListedFile[]): Promise<Planned | null> {
    const { host } = this.#context;
    const found = await this.#configs.find(file.path);
    if (found === null || found.config.destinationRules === null) {
      throw new KeyleafError(
        "CONFIG_NO_RULE",
        `${found?.path ?? ".sops.yaml"} ${found === null ? "is missing" : "has no destination_rules"}`,
        {
          hint: "destination_rules of .sops.yaml say where files are published to",
        },
      );
    }
    const source = await readExisting(file.path, file.name, host);
    if (!file.isNamed && !holdsSealed(source)) {
      warn(this.#context, `${file.name} is not encrypted, and is left out`);
      return null;
    }
    const rule = await matchDestination(found.config, matchedPath(found.path, file.path), compilePattern);
    const place = await once(this.#places, rule, () => placeOf(rule.destination, host));
    const format = await detectFormat(source, file.path);
    // Whether or not the plaintext is needed: what goes out has been checked.
    const { output: plain, notices } = await decrypt(
      source,
      { format, file: file.path, unwrapped: this.#unwrapped, recovery: await recoveryFlags(this.#flags) },
      host,
    );
    const remark = (text: string): void => warn(this.#context, length === 1 ? text : `${file.name}: ${text}`);
    for (const notice of notices) remark(notice);
    const name = this.#nameOf(file, rule);
    if (place.takes === "values") {
      const { valuesOf } = await import("../destinations/vault-kv.ts");
      const content = await valuesOf(plain, format);
      for (const loss of (await place.losses?.(content)) ?? []) remark(loss);
      return { file, place, name, content, changes: [] };
    }
    if (rule.recreation === null) return { file, place, name, content: source, changes: [] };
    const content = await this.#recreate(plain, format, file.path, rule.recreation);
    return { file, place, name, content, changes: await changesBetween(source, content, format) };
  }

  /** Encrypts as the rule says, all of it. */
  async #recreate(
    plain: Uint8Array,
    format: FormatId,
    file: string,
    rule: NonNullable<DestinationRule["recreation"]>,
  ): Promise<Uint8Array> {
    const { shamirThreshold, selection, macOnlyEncrypted } = rule;
    const { output, verify } = await encrypt(
      plain,
      {
        format,
        file,
        keyGroups: await keyGroupsOfRule(rule),
        shamirThreshold,
        macOnlyEncrypted,
        recovery: await recoveryFlags(this.#flags),
        ...(selection === null ? {} : { selection }),
      },
      this.#context.host,
    );
    await verify(output);
    return output;
  }

  #nameOf({ path, isNamed }: ListedFile, { omitExtensions }: DestinationRule): string {
    const name = isNamed ? basename(path) : relative(this.#top, path).split(sep).join("/");
    const extension = omitExtensions || this.#flags.has("omit-extensions") ? extname(name) : "";
    return name.slice(0, name.length - extension.length);
  }
}

/** Recipients that the second has and the first has not (`+`), and the other way round (`-`). */
async function changesBetween(before: Uint8Array, after: Uint8Array, format: FormatId): Promise<string[]> {
  const [old, made] = [await recipientsIn(before, format), await recipientsIn(after, format)];
  return [
    ...made.filter((text) => !old.includes(text)).map((text) => `+ ${printable(text)}`),
    ...old.filter((text) => !made.includes(text)).map((text) => `- ${printable(text)}`),
  ];
}

async function recipientsIn(source: Uint8Array, format: FormatId): Promise<string[]> {
  const { keyGroups } = await inspect(source, { format });
  const prefix = (group: number): string => (keyGroups.length > 1 ? `group ${group + 1}: ` : "");
  return keyGroups.flatMap((group, i) => group.map(({ type, recipient }) => `${prefix(i)}${type} ${recipient}`));
}
