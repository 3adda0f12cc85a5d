import type { Edit, List, Mapping, Node, TreePath } from "../document/document.ts";
import { type Brackets, type EmptyLayout, insertion, memberIndent, removals } from "./brackets.ts";
import { type Changer, childOf, childrenOf } from "./change.ts";
import { keyText, type Layout, printJson } from "./json-print.ts";
import { type JsonSpans, type ScannedJson, scanJson } from "./json-scanner.ts";
import { indentAt, newlineOf } from "./lines.ts";

/** Changes of JSON text: what is new is laid out as what stands beside it. */
export const jsonChanger: Changer = {
  *ways(task, { source, isWrapped = false }) {
    const file = new JsonFile(source, isWrapped);
    if (task.kind === "append") yield file.appended(task.path, task.step, task.value);
    else if (task.kind === "replace") yield file.replaced(task.path, task.value);
    else yield* file.removed(task.path);
  },
};

class JsonFile {
  readonly #source: string;
  readonly #spans: JsonSpans = { values: new Map(), keys: new Map() };
  readonly #scanned: ScannedJson;
  /** The first step of paths is the key that the top level is wrapped in, which is not in the text. */
  readonly #isWrapped: boolean;
  readonly #layout: Layout;

  constructor(source: string, isWrapped: boolean) {
    this.#source = source;
    this.#isWrapped = isWrapped;
    this.#scanned = scanJson(source, this.#spans);
    this.#layout = layoutOf(source, this.#scanned);
  }

  appended(path: TreePath, step: string | number, value: Node): Edit[] {
    const container = this.#at(path) as Mapping | List;
    const brackets = this.#brackets(container);
    const print = (indent: string | null): string => {
      const text = this.#print(value, indent);
      return typeof step === "number" ? text : `${keyText(step, this.#layout)}${this.#colon(container)}${text}`;
    };
    return insertion(this.#source, brackets, print, this.#emptyLayout(brackets.open), this.#layout.blank);
  }

  replaced(path: TreePath, value: Node): Edit[] {
    const { start, end } = this.#span(this.#at(path));
    const parent = path.length > (this.#isWrapped ? 1 : 0) ? this.#at(path.slice(0, -1)) : null;
    const isInLines = parent === null || memberIndent(this.#source, this.#brackets(parent)) !== null;
    const indent = isInLines && this.#layout.newline !== "" ? indentAt(this.#source, start) : null;
    return [{ start, end, text: this.#print(value, indent) }];
  }

  removed(path: TreePath): Iterable<Edit[]> {
    // The top level itself.
    if (this.#isWrapped && path.length === 1) return [];
    const container = this.#at(path.slice(0, -1)) as Mapping | List;
    const node = this.#at(path);
    return removals(this.#source, this.#brackets(container), childrenOf(container).indexOf(node));
  }

  #at(path: TreePath): Node {
    let node: Node | undefined = this.#scanned.top;
    for (const step of this.#isWrapped ? path.slice(1) : path) {
      node = node === undefined ? undefined : childOf(node, step);
    }
    if (node === undefined) throw new Error("the path is of another file");
    return node;
  }

  #span(node: Node): { readonly start: number; readonly end: number } {
    const span = this.#spans.values.get(node);
    if (span === undefined) throw new Error("the value is of another file");
    return span;
  }

  #brackets(container: Node): Brackets {
    const { start, end } = this.#span(container);
    const members = childrenOf(container).map((value) => ({
      start: (this.#spans.keys.get(value) ?? this.#span(value)).start,
      end: this.#span(value).end,
    }));
    return { open: start + 1, close: end - 1, members };
  }

  /** @param indent - of the line it begins on; `null`: all of it on one line */
  #print(value: Node, indent: string | null): string {
    return indent === null
      ? printJson(value, { ...this.#layout, newline: "" })
      : printJson(value, this.#layout, indent);
  }

  /** What stands between key and value in an object, or in the file. */
  #colon(container: Mapping | List): string {
    const [value] = childrenOf(container).slice(-1);
    const key = value === undefined ? undefined : this.#spans.keys.get(value);
    const own = value === undefined || key === undefined ? "" : this.#source.slice(key.end, this.#span(value).start);
    return /^[\t ]*:[\t ]*$/.test(own) ? own : `:${this.#layout.blank}`;
  }

  #emptyLayout(open: number): EmptyLayout {
    const { newline, unit } = this.#layout;
    if (newline === "") return { kind: "inline", pad: "" };
    return { kind: "lines", newline, indent: indentAt(this.#source, open), unit };
  }
}

/** How a file is laid out: in lines, if its top level is or could be, with the indentation of the first that has one. */
function layoutOf(source: string, { start, end }: ScannedJson): Layout {
  const text = source.slice(start, end);
  if (!/[\r\n]/.test(text) && /\S\S\S/.test(text)) {
    const blank = /":\S/.test(text) && !/": /.test(text) ? "" : " ";
    return { newline: "", unit: "", blank, isExact: true };
  }
  const unit = /[\r\n]([\t ]+)\S/.exec(text)?.[1] ?? "";
  const outer = indentAt(source, start);
  const isDeeper = unit.startsWith(outer) && unit !== outer;
  return {
    newline: newlineOf(source),
    unit: isDeeper ? unit.slice(outer.length) : "  ",
    blank: " ",
    isExact: true,
  };
}
