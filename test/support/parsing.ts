import type { Document } from "../../src/document/document.ts";
import { decodeUtf8 } from "../../src/formats/decode.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { formatOf } from "../../src/formats/registry.ts";
import type { YamlDocument } from "../../src/formats/yaml-document.ts";
import { parseYaml } from "../../src/formats/yaml-parse.ts";
import { scanYaml } from "../../src/formats/yaml-scan.ts";
import { bytesOf } from "./sealing.ts";

/** A file as its format sees it. */
export async function parsed(format: FormatId, source: string | Uint8Array): Promise<Document> {
  return (await formatOf(format)).parse(bytesOf(source));
}

/** A YAML file, by the scanner where that is sure, without waiting for the parser to be loaded. */
export function parsedYaml(source: string | Uint8Array): YamlDocument {
  const text = decodeUtf8(bytesOf(source));
  return scanYaml(text) ?? parseYaml(text);
}
