import { type Entry, leaf, type Node, type Scalar, str, type TreePath } from "./document/document.ts";
import type { Metadata } from "./document/metadata.ts";
import { compileSelection } from "./document/selection.ts";
import { walk } from "./document/walk.ts";
import { KeyleafError, pathText } from "./errors.ts";
import { type Change, changeText, stepsText } from "./formats/change.ts";
import type { FormatId } from "./formats/format.ts";
import { scanJson } from "./formats/json-scanner.ts";
import { formatOf } from "./formats/registry.ts";
import type { Host } from "./host.ts";
import { type OpenFile, type OpenOptions, openFile } from "./open-file.ts";

/** A value to be set: JSON, or text as it is. */
export type NewValue = { readonly json: string } | { readonly text: string };

export interface SetOptions extends OpenOptions {
  /** A value on the way to the path gives way to a mapping or list, as in the reference. Else that is refused. */
  readonly replacesValues?: boolean;
}

/** An encrypted file with one value changed. */
export interface ChangedFile {
  /** Verified: it decrypts to the earlier plaintext with the change. The very bytes of the earlier file where nothing changed. */
  readonly output: Uint8Array;
  readonly isUnchanged: boolean;
  /** Some of what was set stays clear, by the file's selection rule. */
  readonly isClear: boolean;
  /** What the user should know, without any value. */
  readonly notices: readonly string[];
  /** Of the earlier file. */
  readonly metadata: Metadata;
}

/**
 * Sets one value of an encrypted file: what is there is replaced, missing levels are made, and a list position at or
 * beyond the length appends. Everything else keeps its text and its ciphertext, as `changeText` and `openFile` say.
 *
 * @param path - keys and list positions from the top of the first document.
 * @throws `USAGE_BAD_VALUE`; as `openFile` and `changeText` do; `OUTPUT_UNREPRESENTABLE` when a rule about comments would
 * leave another value clear that is sealed.
 */
export async function set(
  source: Uint8Array,
  path: TreePath,
  value: NewValue,
  options: SetOptions,
  host: Host,
): Promise<ChangedFile> {
  return change(source, path, { kind: "set", value: parseValue(value) }, options, host);
}

/**
 * Removes one value of an encrypted file, or all under a path. In a file with a rule about comments, the comment lines
 * right above go with it: what comes next would else be sealed, or not, by their words.
 *
 * @throws as {@link set} does; `INPUT_PATH_NOT_FOUND`.
 */
export async function unset(
  source: Uint8Array,
  path: TreePath,
  options: OpenOptions,
  host: Host,
): Promise<ChangedFile> {
  return change(source, path, { kind: "unset" }, options, host);
}

async function change(
  source: Uint8Array,
  path: TreePath,
  change: Change,
  options: SetOptions,
  host: Host,
): Promise<ChangedFile> {
  const open = await openFile(source, options, host);
  try {
    const byComment = open.metadata.selection?.rule.endsWith("comment_regex") === true;
    const changed = await changeText(open.plaintext, options.format, path, change, {
      replacesValues: options.replacesValues === true,
      takesCommentsAbove: byComment,
    });
    const { notices, metadata } = open;
    if (changed === open.plaintext) return { output: source, isUnchanged: true, isClear: false, notices, metadata };
    if (byComment) await checkStaysSealed(open, changed, path, options.format);
    const { output, isUnchanged, clear } = await open.update(changed);
    const target = pathText(path.filter((step) => typeof step === "string"));
    const isClear = change.kind === "set" && clear.some((one) => one === target || one.startsWith(`${target}.`));
    return { output, isUnchanged, isClear, notices, metadata };
  } finally {
    open.close();
  }
}

/**
 * The tree of a new value.
 * @throws `USAGE_BAD_VALUE` for what is not JSON, and for what would not come back as it is: integers beyond 64 bits, and
 * keys that are there twice. No message has any of the value.
 */
export function parseValue(value: NewValue): Node {
  if ("text" in value) return leaf(str(value.text));
  // In a list, so that an object of the name `sops` within is nothing special.
  const source = `[${value.json}]`;
  const { top } = scanned(source);
  const [node, ...others] = top.kind === "list" ? top.elements : [];
  if (node === undefined || node.kind === "comment" || others.length > 0) throw notJson();
  checkExact(node, source);
  return node;
}

function scanned(source: string): ReturnType<typeof scanJson> {
  try {
    return scanJson(source);
  } catch (error) {
    throw error instanceof KeyleafError ? notJson() : error;
  }
}

function notJson(): KeyleafError {
  return new KeyleafError("USAGE_BAD_VALUE", "the value is not JSON", {
    hint: `text stands in double quotes ('"like this"'); --string takes it as it is`,
  });
}

function checkExact(node: Node, source: string): void {
  if (node.kind === "mapping") {
    const seen = new Set<string>();
    for (const member of node.members) {
      if (member.kind === "comment") continue;
      if (seen.has(member.key)) throw new KeyleafError("USAGE_BAD_VALUE", "the value has a key twice");
      seen.add(member.key);
      checkWhole(member.key, source);
      checkExact(member.value, source);
    }
  } else if (node.kind === "list") {
    for (const element of node.elements) if (element.kind !== "comment") checkExact(element, source);
  } else if (node.scalar.type === "str") checkWhole(node.scalar.text, source);
  else if (node.scalar.type === "float" && node.at !== null) {
    const isWhole = /^-?\d+$/.test(source.slice(node.at.start, node.at.end));
    if (isWhole)
      throw new KeyleafError("USAGE_BAD_VALUE", "an integer beyond 64 bits would not come back as it is", {
        hint: "put it in quotes",
      });
  }
}

/** An escape can be half of a character, which is read as U+FFFD, since UTF-8 has none. */
function checkWhole(text: Scalar["text"], source: string): void {
  if (typeof text === "string" && text.includes("\ufffd") && !/\ufffd|\\ufffd/i.test(source))
    throw new KeyleafError("USAGE_BAD_VALUE", "the value has half of a character (a lone surrogate)");
}

/** Where comments say what is sealed, a value must not become clear since it comes to stand behind another comment. */
async function checkStaysSealed(
  { plaintext, metadata }: OpenFile,
  changed: Uint8Array,
  path: TreePath,
  format: FormatId,
): Promise<void> {
  const selection = await compileSelection(metadata.selection, "ignore");
  const own = path.map((step) => (typeof step === "string" ? `${step}:` : "")).join("");
  const clearIn = async (text: Uint8Array): Promise<Map<string, number>> => {
    const counts = new Map<string, number>();
    const { roots } = await (await formatOf(format)).parse(text);
    const entry = ({ scalar }: Entry, pathText: string, isSelected: boolean): void => {
      if (isSelected || pathText.startsWith(own)) return;
      const key = JSON.stringify([pathText, scalar.type, Buffer.from(scalar.text).toString("base64")]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    };
    walk(roots, { selection }, { entry });
    return counts;
  };
  const [before, after] = [await clearIn(plaintext), await clearIn(changed)];
  if ([...after].every(([key, count]) => count <= (before.get(key) ?? 0))) return;
  throw new KeyleafError("OUTPUT_UNREPRESENTABLE", `${stepsText(path)}: a comment would leave another value clear`, {
    hint: "change it by hand: enc edit",
  });
}
