import type { TreePath } from "../document/document.ts";
import { KeyleafError } from "../errors.ts";

/** Where a value is, as users write it: two spellings of one thing. */

/** A path in either spelling. @throws `USAGE_BAD_PATH` */
export function parsePath(text: string): TreePath {
  return isBracketPath(text) ? parseBracketPath(text) : parseDottedPath(text);
}

/** Whether a path is in the reference's spelling. */
export function isBracketPath(text: string): boolean {
  return /^\[["']/.test(text);
}

/**
 * The reference's spelling: `["db"]['hosts'][0]`. Keys stand in either quotes and are literal, without escapes.
 * The empty text is the whole document.
 * @throws `USAGE_BAD_PATH`
 *
 * Source: SOPS cmd/sops/main.go, `parseTreePath`; brackets within a key and unclosed quotes, which the reference misreads, are read here.
 */
export function parseBracketPath(text: string): TreePath {
  const path: (string | number)[] = [];
  const step = /\[(?:"((?:[^"]|"(?!\]))*)"|'((?:[^']|'(?!\]))*)'|(\d+))\]/y;
  while (step.lastIndex < text.length) {
    const at = step.lastIndex;
    const match = step.exec(text);
    if (match === null) throw badPath(text, at, `["key"] or [0]`, `'["db"]["hosts"][0]'`);
    path.push(match[1] ?? match[2] ?? position(text, at, match[3] ?? ""));
  }
  return path;
}

/**
 * The short spelling: `db.hosts[0]`, with `db."a.b"` for keys that are not plain words (JSON escapes) and `db["a.b"]` as well.
 * @throws `USAGE_BAD_PATH`
 */
export function parseDottedPath(text: string): TreePath {
  const path: (string | number)[] = [];
  const step = /(\.)?(?:("(?:[^"\\]|\\.)*")|([^.[\]"]+))|\[(?:(\d+)|("(?:[^"\\]|\\.)*")|'([^']*)')\]/y;
  while (step.lastIndex < text.length) {
    const at = step.lastIndex;
    const match = step.exec(text);
    if (match === null || ((match[2] ?? match[3] ?? null) !== null && (match[1] === undefined) !== (at === 0))) {
      throw badPath(text, at, "a key, .key or [0]", "db.hosts[0]");
    }
    const [, , quoted = match[5], plain = match[6], index] = match;
    if (index !== undefined) path.push(position(text, at, index));
    else path.push(quoted === undefined ? (plain ?? "") : unquote(quoted, text, at));
  }
  if (path.length === 0) throw badPath(text, 0, "a key", "db.hosts[0]");
  return path;
}

/** The short spelling of a place: what {@link parseDottedPath} reads back. */
export function dottedPath(path: TreePath): string {
  const steps = path.map((step, i) => {
    if (typeof step === "number") return `[${step}]`;
    return (i === 0 ? "" : ".") + (/^[^.[\]"]+$/.test(step) ? step : JSON.stringify(step));
  });
  return steps.join("");
}

/** The reference's spelling: what {@link parseBracketPath} reads back. `null`: it has none for such a key. */
export function bracketPath(path: TreePath): string | null {
  let text = "";
  for (const step of path) {
    const quote = ['"', "'"].find((mark) => !`${step}`.includes(`${mark}]`));
    if (typeof step === "number") text += `[${step}]`;
    else if (quote === undefined) return null;
    else text += `[${quote}${step}${quote}]`;
  }
  return text;
}

function unquote(quoted: string, text: string, at: number): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw badPath(text, at, "a JSON string", `'db."a.b"'`);
  }
}

function position(text: string, at: number, digits: string): number {
  const index = Number(digits);
  if (!Number.isSafeInteger(index)) throw badPath(text, at, "a list position", "list[0]");
  return index;
}

function badPath(text: string, at: number, expected: string, example: string): KeyleafError {
  return new KeyleafError(
    "USAGE_BAD_PATH",
    `bad path ${JSON.stringify(text)}: expected ${expected} at character ${at + 1}`,
    {
      hint: `for example ${example}`,
    },
  );
}
