import { providers } from "../crypto/keys/registry.ts";
import type { TreePath } from "../document/document.ts";
import { formats } from "../formats/registry.ts";
import { isFlag } from "./command-line.ts";
import { type Command, decryptCommand, encryptCommand } from "./commands/command.ts";
import { everyFlag, manualOf } from "./commands/manual.ts";
import { commands } from "./commands/registry.ts";
import type { Context } from "./context.ts";
import type { Flag } from "./flags.ts";
import { keyPaths, upperPaths } from "./key-paths.ts";
import { flagNamed } from "./scan-words.ts";
import { bracketPath, dottedPath } from "./tree-path.ts";

/**
 * What can stand at one place of a command line: for completion in shells. All of it comes from the rows of the commands
 * and flags; what stands for a value there (`FILE`, `FORMAT`, `PATH`) says what its candidates are.
 */

/** The shells that there are scripts for. */
export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

export interface Candidate {
  /** The whole word, as the program would get it. */
  readonly text: string;
  /** A line for people; perhaps empty. */
  readonly about: string;
}

export interface Completions {
  readonly candidates: readonly Candidate[];
  /** Whether names of files fit too, which shells know best: as the whole word, or behind its `=`. */
  readonly files: "none" | "word" | "value";
}

/** Paths of a file that are shown at once. */
const MOST_PATHS = 200;
/** Files above are not read for it. */
const MOST_BYTES = 4 * 1024 * 1024;

/** What values are called that have few candidates. Types of keys can be listed with commas. */
const VALUES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["FORMAT", formats.map(({ id }) => id)],
  ["NETWORK", ["unix", "tcp"]],
  ["SHELL", shells],
  ["TYPES", providers.map(({ names }) => names.metadata)],
]);

/**
 * @param words - all words of the line behind the program's name, without their quotes. The one that is being typed ends
 * at the cursor, and may be empty.
 * @param at - its place, from 0.
 */
export async function completionsFor(words: readonly string[], at: number, context: Context): Promise<Completions> {
  const typed = words[at] ?? "";
  const before = readWords(words.slice(0, at));
  const { command, rest } = commandOf(before.operands, context);
  const file = [...rest, ...readWords(words.slice(at + 1)).operands][0] ?? null;
  const one = (candidates: readonly Candidate[], files: Completions["files"] = "none"): Completions => ({
    candidates: candidates.filter(({ text }) => text.startsWith(typed) && isPlain(text)),
    files,
  });
  if (before.awaiting !== null) {
    return before.awaiting.value === "FILE"
      ? one([], "word")
      : one(await valuesOf(before.awaiting, typed, file, context));
  }
  if (!before.isEnded && isFlag(typed)) {
    const equals = typed.indexOf("=");
    if (equals === -1) return one(flagsOf(command ?? encryptCommand));
    const flag = flagNamed(typed, everyFlag);
    if (flag?.value === "FILE") return one([], "value");
    const start = typed.slice(0, equals + 1);
    const values = flag === null ? [] : await valuesOf(flag, typed.slice(equals + 1), file, context);
    return one(values.map(({ text, about }) => ({ text: start + text, about })));
  }
  if (command === null) return one(nextWords(before.operands), before.operands.length === 0 ? "word" : "none");
  const shape = command.operands.split(" ");
  const kind =
    (shape[rest.length] ?? (shape.at(-1)?.includes("...") ? shape.at(-1) : ""))?.replace(/[[\].]/g, "") ?? "";
  return kind === "FILE" ? one([], "word") : one(await valuesOf({ name: "", value: kind }, typed, file, context));
}

/** What words in front of a place, or behind it, are. */
interface Read {
  readonly operands: string[];
  /** The flag whose value comes next. */
  readonly awaiting: Flag | null;
  /** Behind `--`, where there are no flags. */
  readonly isEnded: boolean;
}

function readWords(words: readonly string[]): Read {
  const operands: string[] = [];
  let awaiting: Flag | null = null;
  for (const [index, word] of words.entries()) {
    if (awaiting !== null) awaiting = null;
    else if (word === "--") return { operands: [...operands, ...words.slice(index + 1)], awaiting, isEnded: true };
    else if (!isFlag(word)) operands.push(word);
    else {
      const flag = flagNamed(word, everyFlag);
      if (flag?.value !== undefined && !word.includes("=")) awaiting = flag;
    }
  }
  return { operands, awaiting, isEnded: false };
}

/** The command, and the operands that are left for it. `null`: the next word may be one, or the rest of one. */
function commandOf(
  operands: readonly string[],
  { program }: Context,
): { readonly command: Command | null; readonly rest: readonly string[] } {
  if (program === "dec") return { command: decryptCommand, rest: operands };
  const named = commands.find(({ name }) => name.split(" ").every((word, i) => word === operands[i]));
  if (named !== undefined) return { command: named, rest: operands.slice(named.name.split(" ").length) };
  const isOpen = operands.length === 0 || nextWords(operands).length > 0;
  return isOpen ? { command: null, rest: [] } : { command: encryptCommand, rest: operands };
}

/** The words that names of commands go on with behind these; behind `help`, those that they begin with. */
function nextWords(operands: readonly string[]): Candidate[] {
  const [first, ...more] = operands;
  if (first === "help") {
    const page = more.length === 0 ? [{ text: "man", about: "print the manual page" }] : [];
    return [...nextWords(more).filter(({ text }) => text !== "help"), ...page];
  }
  const found = new Map<string, string>();
  for (const command of commands) {
    const name = command.name.split(" ");
    const next = name[operands.length];
    if (next === undefined || !operands.every((word, i) => word === name[i])) continue;
    const isWhole = name.length === operands.length + 1;
    found.set(next, isWhole ? manualOf(command).summary : `enc ${next} COMMAND`);
  }
  if (operands.length === 0) found.set("help", "show what a command does");
  return [...found].map(([text, about]) => ({ text, about }));
}

function flagsOf(command: Command): Candidate[] {
  const named = manualOf(command).flags.flatMap(({ name, alias, help, isOnByDefault }) => {
    // It is on unless this is said.
    const text = isOnByDefault === true ? `--${name}=false` : `--${name}`;
    return [text, ...(alias === undefined ? [] : [`--${alias}`])].map((word) => ({ text: word, about: help }));
  });
  const ofAll = [{ text: "--help", about: "show this help" }];
  if (command === encryptCommand) ofAll.push({ text: "--version", about: "print the version" });
  return [...named, ...ofAll];
}

async function valuesOf(
  { name, value = "", isOnByDefault }: Pick<Flag, "name" | "value" | "isOnByDefault">,
  typed: string,
  file: string | null,
  context: Context,
): Promise<Candidate[]> {
  const plain = (texts: readonly string[]): Candidate[] => texts.map((text) => ({ text, about: "" }));
  if (isOnByDefault === true) return plain(["true", "false"]);
  if (value === "PATH") return plain(await pathsOf(file, typed, name === "extract", context));
  const listed = value === "TYPES" ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  return plain((VALUES.get(value) ?? []).map((text) => listed + text));
}

/** The places in a file, spelled as the user has begun to, or has to. */
async function pathsOf(file: string | null, typed: string, isBracketed: boolean, { host }: Context): Promise<string[]> {
  if (file === null || file === "-") return [];
  // What shells expand, and hand over as it was typed.
  const { resolve } = await import("node:path");
  const path = resolve(host.cwd, file.startsWith("~/") && host.home !== null ? host.home + file.slice(1) : file);
  const found = host.stat(path);
  if (found === null || found.kind !== "file" || found.bytes > MOST_BYTES) return [];
  const source = await host.readFile(path);
  if (source === null) return [];
  const spell: (path: TreePath) => string | null = isBracketed || typed.startsWith("[") ? bracketPath : dottedPath;
  const spelled = new Map<TreePath, string>();
  for (const place of await keyPaths(source, path)) {
    const text = spell(place);
    if (text?.startsWith(typed) === true) spelled.set(place, text);
  }
  return upperPaths([...spelled.keys()], MOST_PATHS).map((place) => spelled.get(place) ?? "");
}

/** Shells take candidates line by line. */
function isPlain(text: string): boolean {
  return !/[\u0000-\u001f\u007f]/.test(text);
}
