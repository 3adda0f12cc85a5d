import type { Edit, Leaf, List, Mapping, Node, TreePath } from "../document/document.ts";
import { unrepresentable } from "../errors.ts";
import { type Brackets, insertion, removals } from "./brackets.ts";
import { type Changer, childOf, childrenOf, type Task } from "./change.ts";
import { commentsAbove, indentAt, lineInsertion, lineRemoval, lineStart, newlineOf, nextLine } from "./lines.ts";
import { removalOf } from "./toml.ts";
import type { Style } from "./toml-lexer.ts";
import { inlineText, keyText, nodeText, tableText, valueText } from "./toml-print.ts";
import { type Span, scanToml, type TomlSection, type TomlSpans } from "./toml-scan.ts";

/** Columns up to which an array stands on one line. */
const WIDTH = 100;

/**
 * Changes of TOML text. A value goes to the end of its table, below its header or in its braces, and a table under a header
 * of its own behind the tables that are in the same one.
 */
export const tomlChanger: Changer = {
  *ways(task, { source }) {
    const file = new TomlFile(source);
    if (task.kind === "append") yield* file.appended(task);
    else if (task.kind === "replace") yield* file.replaced(task.path, task.value);
    else yield* file.removed(task.path, task.takesCommentsAbove);
  },
};

class TomlFile {
  readonly #source: string;
  readonly #newline: string;
  readonly #root: Mapping;
  readonly #spans: TomlSpans = { pairs: new Map(), brackets: new Map(), sections: [] };

  constructor(source: string) {
    this.#source = source;
    this.#newline = newlineOf(source);
    this.#root = scanToml(source, this.#spans).root;
  }

  *appended({ path, step, value }: Extract<Task, { kind: "append" }>): Iterable<Edit[]> {
    const container = this.#at(path) as Mapping | List;
    const keys = keysOf(path);
    const brackets = this.#brackets(container);
    if (brackets !== null) {
      const print = (): string =>
        typeof step === "number" ? inlineText(value, keys) : this.#pair([step], value, keys, true);
      const pad = container.kind === "mapping" ? " " : "";
      yield insertion(this.#source, brackets, print, { kind: "inline", pad }, " ");
    } else if (container.kind === "list") {
      if (value.kind !== "mapping") throw unrepresentable(keys, "an array of tables holds tables only");
      const header = `[[${keyText(keys)}]]\n`;
      yield [this.#newTable(container, header + bodyText(value, keys))];
    } else yield* this.#newEntry(container, keys, String(step), value);
  }

  *#newEntry(table: Mapping, keys: readonly string[], key: string, value: Node): Iterable<Edit[]> {
    const own = [...keys, key];
    const section = this.#sectionOf(table);
    const last = this.#linesOutsideHeaders(table).at(-1);
    if (section === null && last !== undefined) {
      // A table that stands there in dotted keys only.
      const outer = this.#spans.sections.findLast(({ start }) => start <= last.start) as TomlSection;
      yield [this.#newLine(this.#pair(own.slice(outer.keys.length), value, own, false), last)];
      return;
    }
    if (value.kind === "mapping") yield [this.#newTable(table, tableText(own, value))];
    else if (section !== null) yield [this.#newPair(section, this.#pair([key], value, own, false))];
    else {
      // A table that only longer headers name: it gets its own in front of them.
      const [first] = this.#sectionsIn(table);
      if (first === undefined) return;
      const text = `[${keyText(keys)}]\n${this.#pair([key], value, own, false)}\n\n`;
      yield [{ start: first.start, end: first.start, text: this.#withNewlines(text) }];
    }
  }

  /** In the line below the last one of its table. */
  #newPair(section: TomlSection, pair: string): Edit {
    const { sections } = this.#spans;
    const last = this.#lines(section.table).findLast(({ start }) => start >= section.start && start < section.end);
    if (last !== undefined) return this.#newLine(pair, last);
    const isFirst = section === sections[0];
    const at = isFirst && sections.length === 1 ? this.#source.length : section.end;
    // Before the first header a blank line sets it off.
    const text = isFirst && sections.length > 1 ? `${pair}\n\n` : `${pair}\n`;
    return this.#insertLines(at, text);
  }

  #newLine(pair: string, last: Span): Edit {
    return this.#insertLines(nextLine(this.#source, last.end), `${indentAt(this.#source, last.start)}${pair}\n`);
  }

  /** Behind all that is in a table, or in an array of tables, and the comments that go on below it; with a blank line above. */
  #newTable(container: Mapping | List, text: string): Edit {
    const end = this.#sectionsIn(container).at(-1)?.end ?? this.#source.length;
    const [comments = ""] = /^(?:[\t ]*#[^\n]*(?:\n|$))*/.exec(this.#source.slice(end)) ?? [];
    const isOfNext = /^[\t ]*\[/.test(this.#source.slice(end + comments.length));
    const at = isOfNext ? end : end + comments.length;
    const before = this.#source.slice(0, at);
    const isAtBlank = /(?:^|\n)\r?\n$|^\ufeff?$/.test(before);
    const isLast = this.#source.slice(at).trim() === "";
    const edit = this.#insertLines(at, `${isAtBlank ? "" : "\n"}${text}`);
    const isApart = isLast || /^\r?\n/.test(this.#source.slice(at));
    return isApart ? edit : { ...edit, text: edit.text + this.#newline };
  }

  *replaced(path: TreePath, value: Node): Iterable<Edit[]> {
    const old = this.#at(path);
    const keys = keysOf(path);
    const span = this.#spans.brackets.get(old) ?? old.at;
    if (span !== null) {
      const { start, end } = span;
      if (old.kind === "leaf" && value.kind === "leaf")
        yield [{ start, end, text: this.#withNewlines(valueText(value.scalar, styleOf(old), keys)) }];
      const isFree = this.#brackets(this.#at(path.slice(0, -1))) === null;
      const text = isFree ? this.#value(value, keys, start - lineStart(this.#source, start)) : inlineText(value, keys);
      yield [{ start, end, text: this.#withNewlines(text) }];
      return;
    }
    const [section, ...others] = this.#sectionsIn(old);
    if (section === undefined || value.kind !== "mapping" || old.kind === "list") return;
    const text = this.#withNewlines(tableText(keys, value));
    const removed = others.map((other) => removalOf(other, this.#source));
    yield [{ start: section.start, end: section.end, text }, ...removed];
  }

  *removed(path: TreePath, takesComments: boolean): Iterable<Edit[]> {
    const container = this.#at(path.slice(0, -1)) as Mapping | List;
    const node = this.#at(path);
    const brackets = this.#brackets(container);
    if (brackets !== null) {
      yield* removals(this.#source, brackets, childrenOf(container).indexOf(node));
      return;
    }
    const sections = this.#sectionsIn(node);
    const lines = this.#linesOutsideHeaders(node);
    const from = (start: number): number => (takesComments ? commentsAbove(this.#source, start, /^#/) : start);
    const edits: Edit[] = [
      ...lines.map(({ start, end }) =>
        lineRemoval(this.#source, from(lineStart(this.#source, start)), nextLine(this.#source, end)),
      ),
      ...sections.map(({ start, end }) => removalOf({ start: from(start), end }, this.#source)),
    ];
    yield edits;

    // Of a container that is named nowhere else something has to stay.
    const [first, ...others] = edits;
    if (first === undefined) return;
    const keys = keysOf(path.slice(0, -1));
    if (container.kind === "list") {
      const table = this.#at(path.slice(0, -2)) as Mapping;
      const section = this.#sectionOf(table);
      if (section !== null) yield [this.#newPair(section, `${keyText(keys.slice(-1))} = []`), ...edits];
    } else {
      const { start } = lines[0] ?? first;
      const outer = this.#spans.sections.findLast((section) => section.start <= start) as TomlSection;
      const isLine = lines.length > 0;
      const line = isLine
        ? `${indentAt(this.#source, start)}${keyText(keys.slice(outer.keys.length))} = {}`
        : `[${keyText(keys)}]`;
      const removed = this.#source.slice(first.start, first.end);
      const isLast = !removed.endsWith("\n");
      const before = isLast ? (/^\r?\n/.exec(removed)?.[0] ?? "") : "";
      yield [{ ...first, text: before + line + (isLast ? "" : this.#newline) }, ...others];
    }
  }

  #at(path: TreePath): Node {
    let node: Node | undefined = this.#root;
    for (const step of path) node = node === undefined ? undefined : childOf(node, step);
    if (node === undefined) throw new Error("the path is of another file");
    return node;
  }

  /** The members of an array or an inline table; `null` for what has no brackets. */
  #brackets(container: Node): Brackets | null {
    const span = this.#spans.brackets.get(container);
    if (span === undefined) return null;
    const members = childrenOf(container).map((node) => {
      const place = this.#spans.pairs.get(node) ?? this.#spans.brackets.get(node) ?? node.at ?? this.#dotted(node);
      return { start: place.start, end: place.end };
    });
    return { open: span.start + 1, close: span.end - 1, members };
  }

  /** A table that dotted keys make within braces. */
  #dotted(node: Node): Span {
    const lines = this.#lines(node);
    return { start: (lines[0] as Span).start, end: (lines.at(-1) as Span).end };
  }

  #sectionOf(table: Node): TomlSection | null {
    return this.#spans.sections.find((section) => section.table === table) ?? null;
  }

  /** Headers of a table and of all tables in it, in the order of the text. */
  #sectionsIn(node: Node): TomlSection[] {
    const inside = new Set<Node>();
    const visit = (inner: Node): void => {
      inside.add(inner);
      if (!this.#spans.brackets.has(inner)) for (const child of childrenOf(inner)) visit(child);
    };
    visit(node);
    return this.#spans.sections.filter(({ table }) => inside.has(table));
  }

  /** Every `key = value` of a value or a table, but not what is in the brackets of one. */
  #lines(node: Node): Span[] {
    const pair = this.#spans.pairs.get(node);
    if (pair !== undefined) return [pair];
    const lines = this.#spans.brackets.has(node) ? [] : childrenOf(node).flatMap((child) => this.#lines(child));
    return lines.toSorted((a, b) => a.start - b.start);
  }

  /** Those that stand below no header of the table itself, or of one in it. */
  #linesOutsideHeaders(node: Node): Span[] {
    const sections = this.#sectionsIn(node);
    return this.#lines(node).filter(({ start }) => !sections.some((own) => own.start <= start && start < own.end));
  }

  #pair(keys: readonly string[], value: Node, path: readonly string[], isInline: boolean): string {
    const head = `${keyText(keys)} = `;
    return head + (isInline ? inlineText(value, path) : this.#value(value, path, head.length));
  }

  /** On one line, unless it is too long for that or is text of several lines. @param column - where it begins */
  #value(value: Node, path: readonly string[], column: number): string {
    const line = value.kind === "leaf" ? "" : inlineText(value, path);
    return line !== "" && column + line.length <= WIDTH ? line : nodeText(value, path);
  }

  /** @param lines - each with its line break */
  #insertLines(at: number, lines: string): Edit {
    return lineInsertion(this.#source, at, this.#withNewlines(lines));
  }

  #withNewlines(text: string): string {
    return text.replaceAll("\n", this.#newline);
  }
}

/** The entries of a table, without a header for it. */
function bodyText(table: Mapping, keys: readonly string[]): string {
  const text = tableText(keys, table);
  return text.startsWith(`[${keyText(keys)}]\n`) ? text.slice(text.indexOf("\n") + 1) : text;
}

function styleOf({ at }: Leaf): Style {
  return (at?.style ?? "basic") as Style;
}

function keysOf(path: TreePath): string[] {
  return path.filter((step): step is string => typeof step === "string");
}
