import { KeyleafError } from "../errors.ts";
import { textOf } from "./detect.ts";
import type { FormatId } from "./format.ts";
import { formatOf } from "./registry.ts";

/** What format a plaintext is in, told by its content. */

/**
 * The format that a plaintext's content tells; `null` when it tells none. Where a file was taken for one that it is not,
 * the key names of that format would stay readable, so each has to show marks that other text hardly has by chance.
 */
export async function sniffFormat(source: Uint8Array): Promise<FormatId | null> {
  const text = textOf(source);
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*([#;].*)?$/.test(line));
  const [first = ""] = lines;
  if (/^\s*[{[]/.test(text) && (await parses("json", source))) return "json";
  // A lone value in base64 looks like a variable, but for its capitals and for what is behind the `=`.
  if (lines.length > 0 && lines.every((line) => /^(export )?[A-Z_][A-Z0-9_]*=/.test(line))) {
    return lines.some((line) => /^[^=]*=+[^=]/.test(line)) && (await parses("dotenv", source)) ? "dotenv" : null;
  }
  if (lines.some((line) => /^\[\[?[^\][]+\]\]?\s*([#;].*)?$/.test(line))) {
    const hasEntries = lines.some((line) => /^[^[]+[=:]/.test(line));
    // What is both is INI, which sops reads, unless it has what only TOML means something by.
    const isToml = lines.some((line) => /^\s*\[\[|=\s*["'[{]/.test(line));
    if (!hasEntries) return null;
    for (const id of isToml ? (["toml", "ini"] as const) : (["ini", "toml"] as const))
      if (await parses(id, source)) return id;
    return null;
  }
  if (!/^(---(\s|$)|%YAML |["']?[\w./-]+["']?:(\s|$))/.test(first)) return null;
  const isEntry = (line: string): boolean => /^(["']?[\w./-]+["']?:(\s|$)|\s|- |---|\.\.\.|%|[\]}])/.test(line);
  return lines.every(isEntry) && (await parses("yaml", source)) ? "yaml" : null;
}

async function parses(id: FormatId, source: Uint8Array): Promise<boolean> {
  const format = await formatOf(id);
  try {
    return (await format.parse(source)).isWrapped !== true || id === "json";
  } catch (error) {
    if (error instanceof KeyleafError) return false;
    throw error;
  }
}
