import { KeyleafError } from "../errors.ts";
import { binary } from "./binary.ts";
import { dotenv } from "./dotenv.ts";
import type { Format } from "./format.ts";
import { ini } from "./ini.ts";
import { json } from "./json.ts";
import { formatForFileName } from "./registry.ts";
import { toml } from "./toml.ts";
import { yaml } from "./yaml.ts";

/** What format a file is in, told by its content. */

/**
 * The format of an encrypted file: by name, and where the name tells none, by the marks that the `sops` block leaves.
 */
export function detectFormat(source: Uint8Array, name: string): Format {
  const named = formatForFileName(name);
  if (named !== binary) return named;
  const text = textOf(source);
  if (/^\s*\{/.test(text))
    return binary.parse(source).metadata === null && /"mac"\s*:\s*"ENC\[/.test(text) ? json : binary;
  if (/^sops:\r?$/m.test(text) && /^[\t ]+mac: ENC\[/m.test(text)) return yaml;
  if (/^sops_mac=ENC\[/m.test(text)) return dotenv;
  if (/^\[sops\]\r?$/m.test(text) && /^mac = "ENC\[/m.test(text)) return toml;
  if (/^\[sops\]\r?$/m.test(text) && /^mac\s*= *ENC\[/m.test(text)) return ini;
  return binary;
}

/**
 * The format that a plaintext's content tells; `null` when it tells none. Where a file was taken for one that it is not,
 * the key names of that format would stay readable, so each has to show marks that other text hardly has by chance.
 */
export function sniffFormat(source: Uint8Array): Format | null {
  const text = textOf(source);
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*([#;].*)?$/.test(line));
  const [first = ""] = lines;
  if (/^\s*[{[]/.test(text) && parses(json, source)) return json;
  // A lone value in base64 looks like a variable, but for its capitals and for what is behind the `=`.
  if (lines.length > 0 && lines.every((line) => /^(export )?[A-Z_][A-Z0-9_]*=/.test(line))) {
    return lines.some((line) => /^[^=]*=+[^=]/.test(line)) && parses(dotenv, source) ? dotenv : null;
  }
  if (lines.some((line) => /^\[\[?[^\][]+\]\]?\s*([#;].*)?$/.test(line))) {
    const hasEntries = lines.some((line) => /^[^[]+[=:]/.test(line));
    // What is both is INI, which sops reads, unless it has what only TOML means something by.
    const isToml = lines.some((line) => /^\s*\[\[|=\s*["'[{]/.test(line));
    const candidates = isToml ? [toml, ini] : [ini, toml];
    return hasEntries ? (candidates.find((format) => parses(format, source)) ?? null) : null;
  }
  if (!/^(---(\s|$)|%YAML |["']?[\w./-]+["']?:(\s|$))/.test(first)) return null;
  const isEntry = (line: string): boolean => /^(["']?[\w./-]+["']?:(\s|$)|\s|- |---|\.\.\.|%|[\]}])/.test(line);
  return lines.every(isEntry) && parses(yaml, source) ? yaml : null;
}

function parses(format: Format, source: Uint8Array): boolean {
  try {
    return format.parse(source).isWrapped !== true || format === json;
  } catch (error) {
    if (error instanceof KeyleafError) return false;
    throw error;
  }
}

function textOf(source: Uint8Array): string {
  const text = Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString("latin1");
  return text.replace(/^\xef\xbb\xbf/, "");
}
