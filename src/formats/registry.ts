import { KeyleafError } from "../errors.ts";
import { binary } from "./binary.ts";
import { dotenv } from "./dotenv.ts";
import type { Format, FormatId } from "./format.ts";
import { ini } from "./ini.ts";
import { json } from "./json.ts";
import { toml } from "./toml.ts";
import { yaml } from "./yaml.ts";

/** Every format. A new one is a file and a line here. */
export const formats: readonly Format[] = [yaml, json, toml, dotenv, ini, binary];

/** The format of that id, or `null`. */
export function formatById(id: string): Format | null {
  return formats.find((format) => format.id === id) ?? null;
}

/** The format of an id. @throws `USAGE` for a caller whom no compiler has told that there is no such format. */
export function formatOf(id: FormatId): Format {
  const format = formatById(id);
  if (format === null) throw new KeyleafError("USAGE", `there is no format ${JSON.stringify(id)}`);
  return format;
}

/**
 * The format that a file's name tells; `binary` when it tells none. Wider than the reference, whose rule is the last
 * extension: also `.env.local` and `.env.production`, and `secrets.yaml.enc`.
 */
export function formatForFileName(name: string): Format {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  if (/^\.env\.[\w-]+$/.test(base) && !formats.some((format) => hasExtension(format, base))) return dotenv;
  const bare = base.replace(/\.(enc|sops|encrypted)$/, "");
  return formats.find((format) => hasExtension(format, bare)) ?? binary;
}

function hasExtension(format: Format, base: string): boolean {
  return format.extensions.some((extension) => base.endsWith(extension));
}
