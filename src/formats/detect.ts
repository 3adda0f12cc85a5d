import type { FormatId } from "./format.ts";
import { formatForFileName, formatOf } from "./registry.ts";

/** What format an encrypted file is in. */

/**
 * The format of an encrypted file: by name, and where the name tells none, by the marks that the `sops` block leaves.
 */
export async function detectFormat(source: Uint8Array, name: string): Promise<FormatId> {
  const named = formatForFileName(name).id;
  if (named !== "binary") return named;
  const text = textOf(source);
  if (/^\s*\{/.test(text)) {
    const { metadata } = await (await formatOf("binary")).parse(source);
    return metadata === null && /"mac"\s*:\s*"ENC\[/.test(text) ? "json" : "binary";
  }
  if (/^sops:\r?$/m.test(text) && /^[\t ]+mac: ENC\[/m.test(text)) return "yaml";
  if (/^sops_mac=ENC\[/m.test(text)) return "dotenv";
  if (/^\[sops\]\r?$/m.test(text) && /^mac = "ENC\[/m.test(text)) return "toml";
  if (/^\[sops\]\r?$/m.test(text) && /^mac\s*= *ENC\[/m.test(text)) return "ini";
  return "binary";
}

/** One character for each byte, without the mark of UTF-8: marks of formats are ASCII. */
export function textOf(source: Uint8Array): string {
  const text = Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString("latin1");
  return text.replace(/^\xef\xbb\xbf/, "");
}
