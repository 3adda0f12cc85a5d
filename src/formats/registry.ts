import { KeyleafError } from "../errors.ts";
import type { Changer } from "./change.ts";
import type { Format, FormatId } from "./format.ts";
import { yaml } from "./yaml.ts";

/** What is known of a format before it is loaded. */
export interface KnownFormat {
  readonly id: FormatId;
  /** Ends of file names, with the dot. */
  readonly extensions: readonly string[];
  readonly load: () => Promise<Format>;
  /** What changes single values of its text. */
  readonly loadChanger: () => Promise<Changer>;
}

const dotenv: KnownFormat = {
  id: "dotenv",
  extensions: [".env"],
  load: async () => (await import("./dotenv.ts")).dotenv,
  loadChanger: async () => (await import("./dotenv-change.ts")).dotenvChanger,
};
const binary: KnownFormat = {
  id: "binary",
  extensions: [],
  load: async () => (await import("./binary.ts")).binary,
  loadChanger: async () => (await import("./binary.ts")).binaryChanger,
};

/** Every format. A new one is a file and a line here. */
export const formats: readonly KnownFormat[] = [
  // The format of most files comes with the program; its parser, for what its scanner leaves alone, does not.
  {
    id: "yaml",
    extensions: [".yaml", ".yml"],
    load: async () => yaml,
    loadChanger: async () => (await import("./yaml-change.ts")).yamlChanger,
  },
  {
    id: "json",
    extensions: [".json"],
    load: async () => (await import("./json.ts")).json,
    loadChanger: async () => (await import("./json-change.ts")).jsonChanger,
  },
  {
    id: "toml",
    extensions: [".toml"],
    load: async () => (await import("./toml.ts")).toml,
    loadChanger: async () => (await import("./toml-change.ts")).tomlChanger,
  },
  dotenv,
  {
    id: "ini",
    extensions: [".ini"],
    load: async () => (await import("./ini.ts")).ini,
    loadChanger: async () => (await import("./ini-change.ts")).iniChanger,
  },
  binary,
];

/** The format of that id, or `null`. */
export function formatById(id: string): KnownFormat | null {
  return formats.find((format) => format.id === id) ?? null;
}

/** The format of an id. @throws `USAGE` for a caller whom no compiler has told that there is no such format. */
export async function formatOf(id: FormatId): Promise<Format> {
  const format = formatById(id);
  if (format === null) throw new KeyleafError("USAGE", `there is no format ${JSON.stringify(id)}`);
  return format.load();
}

/**
 * The format that a file's name tells; `binary` when it tells none. Wider than the reference, whose rule is the last
 * extension: also `.env.local` and `.env.production`, and `secrets.yaml.enc`.
 */
export function formatForFileName(name: string): KnownFormat {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const known = formatWithExtension(base);
  if (known !== null) return known;
  if (/^\.env\.[\w-]+$/.test(base)) return dotenv;
  return formatWithExtension(base.replace(/\.(enc|sops|encrypted)$/, "")) ?? binary;
}

function formatWithExtension(base: string): KnownFormat | null {
  return formats.find(({ extensions }) => extensions.some((extension) => base.endsWith(extension))) ?? null;
}
