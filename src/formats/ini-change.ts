import {
  type Edit,
  itemsOf,
  type Leaf,
  leaf,
  type Mapping,
  mapping,
  type Node,
  type TreePath,
} from "../document/document.ts";
import { unrepresentable } from "../errors.ts";
import type { Changer } from "./change.ts";
import { valueText } from "./flatten.ts";
import { removalOf } from "./ini.ts";
import { headerText, keyText, valueAt } from "./ini-print.ts";
import { type KeyLine, METADATA_SECTION, readExactly, type Section, scan } from "./ini-scan.ts";
import { lineInsertion, lineRemoval, lineStart, newlineOf, nextLine } from "./lines.ts";

/** Changes of INI text. A new key goes to the end of its section, a new section to the end of the file. */
export const iniChanger: Changer = {
  accept,
  *ways(task, { source }) {
    const file = new IniFile(source);
    const [section = "", key] = task.path.map(String);
    if (task.kind === "append") {
      if (key !== undefined || !(task.value.kind === "leaf" || section === "")) throw tooDeep(task.path);
      if (section === "") yield [file.newSection(String(task.step), task.value)];
      else yield [file.newKey(section, String(task.step), task.value)];
    } else if (key === undefined) {
      if (task.kind === "replace") yield [file.replacedSection(section, task.value)];
      else yield [file.removedSection(section)];
    } else if (task.kind === "remove") yield [file.removedKey(section, key, task.takesCommentsAbove)];
    else yield* file.replacedValues(task.old as Leaf, task.value as Leaf, task.path);
  },
};

function accept(value: Node, path: TreePath): Node {
  const names = path.map(String);
  if (names[0] === METADATA_SECTION) throw unrepresentable(names, "the section sops is that of the metadata");
  if (path.length === 1 && value.kind === "mapping") {
    return mapping(itemsOf(value).map(({ key, value: inner }) => [key, accept(inner, [...path, key])] as const));
  }
  if (path.length === 1)
    throw unrepresentable(names, "the top level of an INI file holds sections only: name section and key");
  if (path.length > 2 || value.kind !== "leaf") throw tooDeep(path);
  if (value.scalar.type === "null") throw unrepresentable(names, "INI has no null");
  return leaf(String(Buffer.from(valueText(value.scalar, (text) => text))));
}

function tooDeep(path: TreePath): Error {
  return unrepresentable(path.map(String), "an INI section holds no lists and no mappings");
}

class IniFile {
  readonly #source: string;
  readonly #sections: readonly Section[];
  readonly #newline: string;

  constructor(source: string) {
    this.#source = source;
    this.#sections = scan(source);
    this.#newline = newlineOf(source);
  }

  newKey(section: string, key: string, value: Node): Edit {
    const found = this.#section(section);
    const text = this.#line(found, key, value, [section, key]);
    return lineInsertion(this.#source, found.end, text + this.#newline);
  }

  newSection(name: string, value: Node): Edit {
    const rows = this.#rows(this.#sections.at(-1), name, value as Mapping);
    const text = [headerText(name), ...rows].join(this.#newline);
    const end = this.#source.length;
    if (/^\ufeff?$/.test(this.#source)) return { start: end, end, text: text + this.#newline };
    const above = /\n\r?\n$/.test(this.#source) ? "" : this.#newline;
    return lineInsertion(this.#source, end, above + text + this.#newline);
  }

  replacedSection(name: string, value: Node): Edit {
    const section = this.#section(name);
    const isImplicit = section === this.#sections[0];
    const start = isImplicit ? section.start : Math.min(nextLine(this.#source, section.start), section.end);
    const rows = this.#rows(section, name, value as Mapping).map((row) => row + this.#newline);
    return { start, end: section.end, text: rows.join("") };
  }

  /** The header with all keys; comments above it stay. */
  removedSection(name: string): Edit {
    return removalOf(this.#section(name), this.#source);
  }

  removedKey(section: string, key: string, takesComments: boolean): Edit {
    const line = this.#section(section).keys.findLast(({ name }) => name === key) as KeyLine;
    const from = takesComments ? (line.above?.start ?? line.value.start) : line.value.start;
    return lineRemoval(this.#source, lineStart(this.#source, from), line.value.next);
  }

  *replacedValues(old: Leaf, value: Leaf, path: TreePath): Iterable<Edit[]> {
    const { at } = old;
    if (at === null) return;
    const { start, end } = at;
    const written = this.#source.slice(start, end);
    const quote = /^("""|`|"|').*\1$/s.exec(written)?.[1] ?? "";
    const kept = `${quote}${value.scalar.text}${quote}`;
    if (quote !== "" && readExactly(kept, "\n") === value.scalar.text) yield [{ start, end, text: kept }];
    // Behind a delimiter that nothing follows there is no blank yet.
    const gap = start === end && /[=:]$/.test(this.#source.slice(0, start)) && this.#isSpaced(start) ? " " : "";
    const text = valueAt(value.scalar, path.map(String));
    yield [{ start, end, text: gap === "" ? text : gap + String(text) }];
  }

  /** Of two that are called `DEFAULT`, one has no keys. */
  #section(name: string): Section {
    const named = this.#sections.filter((candidate) => candidate.name === name);
    const section = named.findLast(({ keys }) => keys.length > 0) ?? named.at(-1);
    if (section === undefined) throw new Error("the section is of another file");
    return section;
  }

  #isSpaced(at: number): boolean {
    return /[\t ][=:]$/.test(this.#source.slice(0, at));
  }

  #rows(like: Section | undefined, name: string, value: Mapping): string[] {
    return itemsOf(value).map((item) => this.#line(like, item.key, item.value, [name, item.key]));
  }

  /** `key = value` as the section writes it, or else the file: its indentation, its delimiter, and where that stands. */
  #line(section: Section | undefined, key: string, value: Node, path: string[]): string {
    const own = section?.keys ?? [];
    const keys = own.length > 0 ? own : this.#sections.flatMap((other) => other.keys);
    const heads = keys.flatMap(({ value: { start, text } }) => {
      const head = this.#source.slice(lineStart(this.#source, start), start);
      const match = /^([\t ]*)(.*?)([\t ]*)([=:])([\t ]*)$/.exec(head.replace("\ufeff", ""));
      if (match === null) return [];
      const [, indent = "", name = "", before = "", delimiter = "=", after = ""] = match;
      return [{ indent, name, before, delimiter, after: text === "" ? before : after }];
    });
    const last = heads.at(-1) ?? { indent: "", name: "", before: " ", delimiter: "=", after: " " };
    const written = keyText(key, path);
    const columns = new Set(heads.map(({ name, before }) => name.length + before.length));
    const isAligned = own.length > 0 && columns.size === 1 && new Set(heads.map(({ name }) => name.length)).size > 1;
    const [column = 0] = columns;
    const before = isAligned ? " ".repeat(Math.max(column - written.length, last.before === "" ? 0 : 1)) : last.before;
    const text = String(Buffer.from(valueAt((value as Leaf).scalar, path)));
    return `${last.indent}${written}${before}${last.delimiter}${last.after}${text}`;
  }
}
