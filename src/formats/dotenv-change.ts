import { type Edit, itemOf, itemsOf, leaf, type Mapping, type Node } from "../document/document.ts";
import { unrepresentable } from "../errors.ts";
import type { Changer } from "./change.ts";
import { escapeNewlines, valueText } from "./flatten.ts";
import { commentsAbove, lineInsertion, lineRemoval, lineStart, newlineOf, nextLine } from "./lines.ts";

/**
 * Changes of dotenv text. A value is all that stands behind the `=`, as the reference has it, so it is written as it is,
 * without quotes. In a file whose lines end with CRLF the carriage return is the end of every value.
 */
export const dotenvChanger: Changer = {
  accept(value, path, { source, roots }) {
    const key = String(path[0]);
    if (path.length !== 1 || value.kind !== "leaf")
      throw unrepresentable([key], "a dotenv file holds no lists and no mappings");
    if (value.scalar.type === "null") throw unrepresentable([key], "dotenv has no null");
    const [root] = roots;
    if (root !== undefined && itemOf(root, key) === null) checkNewKey(root, key);
    const text = String(Buffer.from(valueText(value.scalar, (plain) => plain)));
    return leaf(newlineOf(source) === "\r\n" ? `${text}\r` : text);
  },
  *ways(task, { source }) {
    if (task.kind === "append") yield [appended(source, `${task.step}=${textOf(task.value)}`)];
    else if (task.old.at !== null) {
      const { start, end } = task.old.at;
      if (task.kind === "replace") yield [{ start, end, text: textOf(task.value) }];
      else {
        const line = lineStart(source, start);
        const from = task.takesCommentsAbove ? commentsAbove(source, line, /^#/) : line;
        yield [lineRemoval(source, from, nextLine(source, end))];
      }
    }
  },
};

function checkNewKey(root: Mapping, key: string): void {
  if (/^\s|\s$|[=\n]|^(?:#|sops_|$)/.test(key)) throw unrepresentable([key], "the key cannot stand in a dotenv file");
  // A shell reads it as the same one. Here what stands before the name is part of the key.
  const known = itemsOf(root).find((item) => item.key.replace(/^\s*export\s+/, "").trim() === key);
  if (known !== undefined) throw unrepresentable([key], `the file has it as ${JSON.stringify(known.key)}: name it so`);
}

function textOf(value: Node): string {
  return value.kind === "leaf" ? escapeNewlines(String(value.scalar.text)) : "";
}

function appended(source: string, line: string): Edit {
  const edit = lineInsertion(source, source.length, `${line}\n`);
  // A carriage return needs its line feed.
  return edit.text.endsWith("\r") ? { ...edit, text: `${edit.text}\n` } : edit;
}
