import { dirname, join, relative, resolve, sep } from "node:path";
import { type Config, type CreationRule, matchRule, parseConfig } from "../config.ts";
import { compilePattern } from "../document/pattern.ts";
import { KeyleafError } from "../errors.ts";
import type { FormatId, PrintOptions } from "../formats/format.ts";
import { once } from "../once.ts";
import type { Context, Flags } from "./context.ts";
import { numberFlag } from "./inputs.ts";
import { attemptReading, readFileOr } from "./read-file.ts";
import { warn } from "./report.ts";

/** `.sops.yaml` of a file: where it is looked for, and what of it commands use besides its rules. */

export interface FoundConfig {
  readonly config: Config;
  /** Absolute. */
  readonly path: string;
}

const NAME = ".sops.yaml";
const MOST_LEVELS = 100;

/** Finds and reads configurations, each one once. */
export class ConfigFinder {
  readonly #context: Context;
  readonly #explicit: string | null;
  readonly #read = new Map<string, Promise<FoundConfig | null>>();
  readonly #byFolder = new Map<string | null, Promise<FoundConfig | null>>();
  readonly #looked = new Map<string, Promise<void>>();
  #hasWarned = false;

  constructor(flags: Flags, context: Context) {
    this.#context = context;
    const named = flags.text("config") ?? (context.host.env["SOPS_CONFIG"] || undefined);
    this.#explicit = named === undefined ? null : resolve(context.host.cwd, named);
  }

  /**
   * The configuration for a file: the named one, else the nearest from the file's folder upward, else from the working
   * directory upward. Under the name sops the file's folder plays no role, and keys that nobody knows do not matter.
   * @param path - absolute; `null` for standard input.
   * @throws `CONFIG_UNREADABLE`, `CONFIG_MALFORMED`
   */
  find(path: string | null): Promise<FoundConfig | null> {
    return once(this.#byFolder, path === null ? null : dirname(path), (folder) => this.#search(folder));
  }

  async #search(start: string | null): Promise<FoundConfig | null> {
    if (this.#explicit !== null) {
      const found = await this.#load(this.#explicit);
      if (found === null) throw new KeyleafError("CONFIG_UNREADABLE", `configuration ${this.#explicit} does not exist`);
      return found;
    }
    const { cwd } = this.#context.host;
    const isByFile = start !== null && this.#context.program !== "sops";
    const folders = new Set([...(isByFile ? upward(start) : []), ...upward(cwd)]);
    for (const folder of folders) {
      this.#checkKind(join(folder, NAME));
      const found = await this.#load(join(folder, NAME));
      if (found !== null) return found;
      await once(this.#looked, folder, () => this.#warnOfYml(folder));
    }
    return null;
  }

  /** Who can make a pipe of that name in a folder above could make everybody wait there. */
  #checkKind(path: string): void {
    if (attemptReading("CONFIG_UNREADABLE", path, () => this.#context.host.stat(path)?.kind) !== "other") return;
    throw new KeyleafError("CONFIG_UNREADABLE", `${path} is no regular file`);
  }

  #load(path: string): Promise<FoundConfig | null> {
    return once(this.#read, path, async () => {
      const bytes = await readConfig(path, this.#context);
      const unknownKeys = this.#context.program === "sops" ? "pass over" : "refuse";
      return bytes === null ? null : { path, config: parseConfig(textOf(bytes, path), path, unknownKeys) };
    });
  }

  /** The reference has never read that name, but people use it. */
  async #warnOfYml(folder: string): Promise<void> {
    const path = join(folder, ".sops.yml");
    if (this.#hasWarned || this.#context.host.stat(path)?.kind !== "file") return;
    this.#hasWarned = true;
    warn(this.#context, `${path} is ignored: the name must be ${NAME}`);
  }
}

async function readConfig(path: string, { host }: Context): Promise<Uint8Array | null> {
  return readFileOr("CONFIG_UNREADABLE", path, path, host);
}

function upward(folder: string): string[] {
  const folders = [folder];
  for (let at = folder; dirname(at) !== at && folders.length < MOST_LEVELS; at = dirname(at)) folders.push(dirname(at));
  return folders;
}

/**
 * The text that rules are matched against: the path within the configuration's folder, or the absolute path of a file
 * outside of it. Links are not followed. Source: SOPS config/config.go.
 */
export function matchedPath(configPath: string, filePath: string): string {
  const inside = relative(dirname(configPath), filePath);
  return inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || resolve(inside) === inside
    ? filePath
    : inside;
}

/** @param path - absolute; `null` for standard input. @throws `CONFIG_NO_RULE` */
export function ruleFor(found: FoundConfig, path: string | null): Promise<CreationRule> {
  return matchRule(found.config, path === null ? "" : matchedPath(found.path, path), compilePattern);
}

/** The same; `null`: none fits. */
export async function ruleOrNull(found: FoundConfig, path: string | null): Promise<CreationRule | null> {
  try {
    return await ruleFor(found, path);
  } catch (error) {
    if (error instanceof KeyleafError && error.code === "CONFIG_NO_RULE") return null;
    throw error;
  }
}

/** How a result is printed anew: by `--indent`, else as `stores` of the configuration says. */
export function printOptions(format: FormatId, flags: Flags, config: Config | null): PrintOptions {
  const indent = numberFlag(flags, "indent") ?? configuredIndent(format, config);
  return indent === undefined ? {} : { indent };
}

function configuredIndent(format: FormatId, config: Config | null): number | "tab" | undefined {
  const { stores } = config ?? {};
  if (format === "yaml") return stores?.yaml?.indent;
  if (format === "json") return stores?.json?.indent;
  return format === "binary" ? stores?.jsonBinary?.indent : undefined;
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new KeyleafError("CONFIG_MALFORMED", `${path}: it is not UTF-8 text`, {
      details: { file: path },
      cause: error,
    });
  }
}
