import { Composer, type CST, type ParsedNode, Parser } from "yaml";
import { KeyleafError, malformed } from "../errors.ts";

/** The one file that runs the `yaml` package's parser: tokens for positions and comments, nodes for values. */

/** Levels that a file may nest. */
export const MAX_DEPTH = 500;

/** One document as `yaml` hands it over. */
export interface ComposedDocument {
  readonly token: CST.Document;
  readonly contents: ParsedNode | null;
  /** Comments between this document and the next. */
  readonly after: readonly CST.SourceToken[];
  /** Offset at which the text of the document ends: at its `...`, at the next `---`, or at the end of the file. */
  readonly end: number;
}

interface Pending {
  readonly token: CST.Document;
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

/**
 * Parses a file and reports the first thing that `yaml` finds wrong.
 * @returns the documents, the comments before the first, and where `yaml` lost text (it drops a comment in rare places), or
 * `null`.
 * @throws `INPUT_MALFORMED` with line and column, `INPUT_EMPTY`, `INPUT_UNSUPPORTED` for too deep a nesting.
 */
export function composeYaml(text: string): {
  documents: ComposedDocument[];
  before: readonly CST.SourceToken[];
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
  let covered = 0;
  let lostAt: number | null = null;
  try {
    for (const token of new Parser().parse(text)) {
      if (token.offset > covered) lostAt ??= covered;
      covered = token.offset + lengthOf(token);
      note(token, text, pending, before);
      composed.push(...composer.next(token));
    }
    composed.push(...composer.end());
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
  for (const { errors } of [...composed, composer.streamInfo()]) {
    const [error] = errors;
    if (error?.code === "RESOURCE_EXHAUSTION") throw tooDeep();
    if (error !== undefined) throw malformed(errorText(error), text, error.pos[0]);
  }
  if (pending.length === 0) {
    if (text.replace("\ufeff", "").trim() === "") throw new KeyleafError("INPUT_EMPTY", "the file is empty");
    throw new KeyleafError("INPUT_MALFORMED", "the file holds only comments and no document");
  }
  const documents = pending.map((document, i) => ({
    ...document,
    contents: (composed[i]?.contents ?? null) as ParsedNode | null,
  }));
  if (covered < text.length) lostAt ??= covered;
  return { documents, before, lostAt };
}

function note(token: CST.Token, text: string, pending: Pending[], before: CST.SourceToken[]): void {
  const last = pending.at(-1);
  if (token.type === "comment") (last?.after ?? before).push(token);
  if (token.type !== "document" && token.type !== "doc-end" && token.type !== "directive") return;
  if (last !== undefined) last.end = Math.min(last.end, token.offset);
  if (token.type === "document") pending.push({ token, after: [], end: text.length });
  else if (token.type === "doc-end") last?.after.push(...(token.end ?? []).filter((part) => part.type === "comment"));
  else if (/^%YAML[ \t]+(?!1\.1\b)\S/.test(token.source)) {
    throw malformed("sops reads no %YAML directive but 1.1", text, token.offset, "remove the line");
  }
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
