import type { CST, Scalar as YamlScalar } from "yaml";
import { lineStart } from "./lines.ts";

/** Where lines, blocks and flow collections begin and end in the text. */

/** The closing bracket of a flow collection. */
export function closeOf(token: CST.FlowCollection): CST.SourceToken | undefined {
  return token.end.find((part) => part.type === "flow-map-end" || part.type === "flow-seq-end");
}

/** Column of an offset, from 0. */
export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

/**
 * Where a block scalar's own text ends: after its last line, without the line break. Blank lines that follow stay
 * outside, unless the value keeps them (`+`).
 */
export function blockEnd(token: CST.BlockScalar, node: YamlScalar.Parsed, text: string): number {
  const header = token.props.find((part) => part.type === "block-scalar-header");
  const end = node.range[1];
  if (header !== undefined && "source" in header && header.source.includes("+")) return withoutLineBreak(text, end);
  // Whitespace beyond the indentation is part of the value, so a line of it is not blank.
  const indentation = bodyIndentOf(text.slice(node.range[0], end), token.indent) ?? 0;
  let last = withoutLineBreak(text, end);
  for (let start = lineStart(text, last); start > node.range[0]; start = lineStart(text, last)) {
    if (!/^ *$/.test(text.slice(start, last)) || last - start > indentation) break;
    last = withoutLineBreak(text, start);
  }
  return last;
}

/** Column of a block scalar's text; `null` when it has none. */
export function bodyIndentOf(text: string, parentIndent: number): number | null {
  const indicator = /^[|>][-+]?(\d)/.exec(text)?.[1];
  if (indicator !== undefined) return Math.max(parentIndent, 0) + Number(indicator);
  return /\n( *)[^\s]/.exec(text)?.[1]?.length ?? /\n( *)\t/.exec(text)?.[1]?.length ?? null;
}

function withoutLineBreak(text: string, end: number): number {
  if (text.charAt(end - 1) !== "\n") return end;
  return text.charAt(end - 2) === "\r" ? end - 2 : end - 1;
}
