import { dirname, join, resolve } from "node:path";
import { type Config, type CreationRule, matchRule, parseConfig } from "../../config.ts";
import { compilePattern } from "../../document/pattern.ts";
import { KeyleafError } from "../../errors.ts";
import type { FormatId, PrintOptions } from "../../formats/format.ts";
import type { Context } from "../context.ts";
import { configuredIndent, type FoundConfig, matchedPath } from "../find-config.ts";
import { readFileOr } from "../read-file.ts";
import { warn } from "../report.ts";
import type { Given } from "./given.ts";

/** `.sops.yaml` as the reference finds and reads it: from the working directory upward, with keys that nobody knows (sops-cli 10). */

const NAME = ".sops.yaml";
const MOST_LEVELS = 100;

/**
 * The configuration that is named, else the nearest. The file that is worked on plays no role.
 * @throws `CONFIG_UNREADABLE`, `CONFIG_MALFORMED`
 */
export async function findSopsConfig(given: Given, context: Context): Promise<FoundConfig | null> {
  const { cwd } = context.host;
  const named = given.text("config");
  if (named !== undefined) {
    const found = await read(resolve(cwd, named), context);
    if (found === null) throw new KeyleafError("CONFIG_UNREADABLE", `configuration ${named} does not exist`);
    return found;
  }
  let ignored: string | null = null;
  let folder = cwd;
  let found: FoundConfig | null = null;
  for (let level = 0; level < MOST_LEVELS && found === null; level++) {
    found = await read(join(folder, NAME), context);
    const other = join(folder, ".sops.yml");
    if (found === null && ignored === null && context.host.stat(other) !== null) ignored = other;
    if (dirname(folder) === folder) break;
    folder = dirname(folder);
  }
  if (ignored !== null) {
    const instead = found === null ? "" : `; ${found.path} is used`;
    warn(context, `ignoring ${ignored}, because it is called .sops.yml: the name must be ${NAME}${instead}`);
  }
  return found;
}

async function read(path: string, { host }: Context): Promise<FoundConfig | null> {
  const bytes = await readFileOr("CONFIG_UNREADABLE", path, path, host);
  return bytes === null ? null : { path, config: parseConfig(Buffer.from(bytes).toString(), path, "pass over") };
}

/**
 * The rule for a file; `null` where there is no configuration, or one without rules.
 * @throws `CONFIG_NO_RULE`
 */
export async function ruleFor(found: FoundConfig | null, knownAs: string): Promise<CreationRule | null> {
  if (found === null || found.config.creationRules === null) return null;
  return matchRule(found.config, matchedPath(found.path, knownAs), compilePattern);
}

/** How results are printed: by `--indent`, else as the configuration says. */
export function printingFor(format: FormatId, given: Given, config: Config | null): PrintOptions {
  const indent = given.number("indent") ?? configuredIndent(format, config);
  return indent === undefined ? {} : { indent };
}
