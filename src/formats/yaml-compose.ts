import { Composer, type CST, type ParsedNode, Parser } from "yaml";
import { KeyleafError, malformed } from "../errors.ts";
import { columnOf } from "./yaml-block.ts";

/** What runs the `yaml` package's parser: tokens for positions and comments, nodes for values. */

/** Levels that a file may nest. */
export const MAX_DEPTH = 500;

/** One document as `yaml` hands it over. */
export interface ComposedDocument {
  readonly token: CST.Document;
  readonly contents: ParsedNode | null;
  /** Comments between this document and the next. */
  readonly after: readonly CST.SourceToken[];
  readonly directives: Directives;
  /** Offset at which the text of the document ends: at its `...`, at the next `---`, or at the end of the file. */
  readonly end: number;
}

/** What stands in front of a document's `---`. */
export interface Directives {
  /** Where the version of a `%YAML` directive stands. */
  readonly version: { readonly start: number; readonly end: number } | null;
  /** The lines that give tags their handles. */
  readonly tags: string;
}

interface Pending {
  readonly token: CST.Document;
  readonly directives: Directives;
  readonly after: CST.SourceToken[];
  end: number;
}

interface Composed {
  readonly contents: unknown;
  readonly errors: readonly YamlError[];
}

interface YamlError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** How often a file is parsed again without comments that mislead; each time shows more of them. */
const MAX_PASSES = 300;

/**
 * Parses a file and reports the first thing that `yaml` finds wrong.
 * @returns the documents, the comments before the first, those that `yaml` was not shown, from the end of the text, and
 * where it lost one (it drops a comment in rare places), or `null`.
 * @throws `INPUT_MALFORMED` with line and column, `INPUT_EMPTY`, `INPUT_NO_DOCUMENT`, `INPUT_UNSUPPORTED` for too deep a nesting.
 */
export function composeYaml(text: string): {
  documents: ComposedDocument[];
  before: readonly CST.SourceToken[];
  hidden: CST.SourceToken[];
  lostAt: number | null;
} {
  const hidden: CST.SourceToken[] = [];
  // With a byte order mark in front, `yaml` takes the first line to be indented by one.
  let shown = text.replace(/^\ufeff/, "\n");
  for (let passes = 1; ; passes++) {
    const { errors, refusal, misleading, ...composed } = run(shown);
    if (misleading.length > 0 && passes < MAX_PASSES) {
      hidden.push(...misleading);
      shown = hide(misleading, shown);
      continue;
    }
    if (refusal !== null) throw refusal;
    const [error] = errors;
    if (error?.code === "RESOURCE_EXHAUSTION") throw tooDeep();
    if (error !== undefined) throw malformed(errorText(error), text, error.pos[0]);
    return { ...composed, hidden: hidden.toSorted((a, b) => b.offset - a.offset) };
  }
}

/**
 * Finds comments behind a dash or a colon of a block below which `yaml` takes a plain value, or a key, and what stands
 * before it for one. It does so where a comment is indented too little, and not only there; without them it reads well.
 * @param before - tokens in front of the collection
 * @param found - gets the comments
 * @returns `false` behind a comment that is indented too little: what comes after it is no more to be relied on.
 */
function findMisleading(
  token: CST.Token | null | undefined,
  before: readonly CST.SourceToken[],
  text: string,
  found: CST.SourceToken[],
): boolean {
  if (token?.type !== "block-map" && token?.type !== "block-seq") return true;
  const take = (value: CST.Token, tokens: readonly CST.SourceToken[]): boolean => {
    const indicator = tokens.findLastIndex(({ type }) => type === "seq-item-ind" || type === "map-value-ind");
    const comments = tokens.slice(indicator + 1).filter(({ type }) => type === "comment");
    found.push(...comments);
    return comments.every(({ offset }) => columnOf(text, offset) >= columnOf(text, value.offset));
  };
  // Behind an item that has a value a comment does no harm.
  let open: readonly CST.SourceToken[] | null = before;
  for (const item of token.items) {
    const tokens = token.type === "block-seq" ? item.start : (item.sep ?? []);
    if (isLong(item.key) && open !== null && !take(item.key, [...open, ...item.start])) return false;
    if (isLong(item.value) && !take(item.value, tokens)) return false;
    if (!findMisleading(item.value, tokens, text, found)) return false;
    open = item.value == null ? tokens : null;
  }
  return true;
}

function isLong(token: CST.Token | null | undefined): token is CST.FlowScalar {
  return token?.type === "scalar" && token.source.includes("\n");
}

/** The text with blanks in the place of comments. */
function hide(comments: readonly CST.SourceToken[], text: string): string {
  let hidden = "";
  let at = 0;
  for (const { offset, source } of comments.toSorted((a, b) => a.offset - b.offset)) {
    hidden += text.slice(at, offset) + " ".repeat(source.length);
    at = offset + source.length;
  }
  return hidden + text.slice(at);
}

function run(text: string): {
  documents: ComposedDocument[];
  before: readonly CST.SourceToken[];
  errors: YamlError[];
  /** What is valid but not for the reference. */
  refusal: KeyleafError | null;
  misleading: CST.SourceToken[];
  lostAt: number | null;
} {
  const composer = new Composer({
    schema: "failsafe",
    // Tags are read by the reference's rules; `yaml` would turn tagged values into numbers and byte arrays.
    resolveKnownTags: false,
    // Its check is quadratic; the tree has its own.
    uniqueKeys: false,
    keepSourceTokens: true,
    prettyErrors: false,
  });
  const pending: Pending[] = [];
  const before: CST.SourceToken[] = [];
  const composed: Composed[] = [];
  const directives: CST.Directive[] = [];
  const misleading: CST.SourceToken[] = [];
  // Only comments can mislead.
  let isReliable = text.includes("#");
  let refusal: KeyleafError | null = null;
  let covered = 0;
  let lostAt: number | null = null;
  try {
    for (const token of new Parser().parse(text)) {
      if (text.slice(covered, token.offset).includes("#")) lostAt ??= covered;
      covered = token.offset + lengthOf(token);
      if (token.type === "document" && isReliable) isReliable = findMisleading(token.value, [], text, misleading);
      if (token.type === "directive") directives.push(token);
      refusal ??= refusalOf(() => note(token, text, pending, before, directives));
      composed.push(...composer.next(token));
    }
    composed.push(...composer.end());
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
  const errors = [...composed, composer.streamInfo()].flatMap((part) => part.errors);
  if (pending.length === 0 && errors.length === 0 && refusal === null) {
    if (text.replace("\ufeff", "").trim() === "") throw new KeyleafError("INPUT_EMPTY", "the file is empty");
    // Which the reference refuses too.
    if (
      text
        .replace("\ufeff", "")
        .replace(/^[ \t]*#.*$/gm, "")
        .trim() === ""
    )
      throw new KeyleafError("INPUT_NO_DOCUMENT", "there is nothing but comments, and no document", {
        hint: "begin with a line ---",
      });
    throw malformed("the file ends before a document begins", text, text.length);
  }
  const documents = pending.map((document, i) => ({
    ...document,
    contents: (composed[i]?.contents ?? null) as ParsedNode | null,
  }));
  if (text.slice(covered).includes("#")) lostAt ??= covered;
  return { documents, before, errors, refusal, misleading, lostAt };
}

/** It counts only if nothing was misread. */
function refusalOf(check: () => void): KeyleafError | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof KeyleafError) return error;
    throw error;
  }
}

/** @throws `INPUT_MALFORMED` for what is valid, but not for the reference. */
function note(
  token: CST.Token,
  text: string,
  pending: Pending[],
  before: CST.SourceToken[],
  directives: CST.Directive[],
): void {
  const last = pending.at(-1);
  if (token.type === "comment") (last?.after ?? before).push(token);
  if (token.type === "space" && token.source.includes("\t"))
    throw malformed("a tab, which sops cannot read there", text, token.offset);
  if (token.type !== "document" && token.type !== "doc-end" && token.type !== "directive") return;
  if (last !== undefined) last.end = Math.min(last.end, token.offset);
  if (token.type === "document") {
    pending.push({ token, directives: directivesOf(directives.splice(0), text), after: [], end: text.length });
  } else if (token.type === "doc-end") {
    last?.after.push(...(token.end ?? []).filter((part) => part.type === "comment"));
  }
}

/** @throws `INPUT_MALFORMED` for directives that the reference refuses. */
function directivesOf(tokens: readonly CST.Directive[], text: string): Directives {
  let version: Directives["version"] = null;
  let tags = "";
  for (const { source, offset } of tokens) {
    const match = /^(%YAML[ \t]+)(\d+\.\d+)/.exec(source);
    if (/^%TAG[ \t]/.test(source)) tags += `${source}\n`;
    else if (match === null || version !== null) throw malformed("a directive that sops cannot read", text, offset);
    else version = { start: offset + (match[1] ?? "").length, end: offset + match[0].length };
  }
  return { version, tags };
}

/** Characters that a token and all within it stand for. */
function lengthOf(token: CST.Token | null | undefined): number {
  if (token == null) return 0;
  let length = 0;
  if ("source" in token) length += token.source.length;
  if ("props" in token) for (const part of token.props) length += lengthOf(part);
  if ("start" in token)
    for (const part of Array.isArray(token.start) ? token.start : [token.start]) length += part.source.length;
  if ("items" in token) {
    for (const item of token.items) {
      for (const part of item.start) length += part.source.length;
      for (const part of item.sep ?? []) length += part.source.length;
      length += lengthOf(item.key) + lengthOf(item.value);
    }
  }
  if (token.type === "document") length += lengthOf(token.value);
  if ("end" in token) for (const part of token.end ?? []) length += part.source.length;
  return length;
}

/** What a file gets that nests deeper than this program, or `yaml` itself, goes. */
export function tooDeep(): KeyleafError {
  return new KeyleafError("INPUT_UNSUPPORTED", `the file is nested deeper than ${MAX_DEPTH} levels`);
}

// Only these messages of `yaml` are fixed texts; others quote the source, which may be a secret.
const FIXED_MESSAGES: ReadonlySet<string> = new Set([
  "BAD_INDENT",
  "TAB_AS_INDENT",
  "MISSING_CHAR",
  "BLOCK_IN_FLOW",
  "BLOCK_AS_IMPLICIT_KEY",
  "MULTILINE_IMPLICIT_KEY",
  "KEY_OVER_1024_CHARS",
]);

function errorText(error: YamlError): string {
  if (!FIXED_MESSAGES.has(error.code)) return `not valid YAML (${error.code.toLowerCase().replaceAll("_", " ")})`;
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}
