import { CST, type Scalar as YamlScalar } from "yaml";
import type { Place, Scalar } from "../document/document.ts";
import { located, malformed } from "../errors.ts";
import { lineStart } from "./lines.ts";
import { blockEnd, bodyIndentOf } from "./yaml-block.ts";
import { resolvePlain, resolveTagged } from "./yaml-resolve.ts";

/** Surroundings of a value; see {@link Place}. */
export interface Where {
  readonly indent: number;
  readonly itemStart: number;
  readonly inFlow: boolean;
  /** A list there has its dashes in the column of the mapping that holds it. */
  readonly isUnindented: boolean;
}

const STYLES: ReadonlyMap<string, string> = new Map([
  ["PLAIN", "plain"],
  ["QUOTE_SINGLE", "single"],
  ["QUOTE_DOUBLE", "double"],
  ["BLOCK_LITERAL", "literal"],
  ["BLOCK_FOLDED", "folded"],
]);

/** What the scalars of a file hold, and where they stand: as go-yaml reads them, where `yaml` does not. */
export class Scalars {
  readonly #text: string;
  readonly #hasEscapedBreaks: boolean;

  constructor(text: string) {
    this.#text = text;
    this.#hasEscapedBreaks = /\\\r?\n[ \t]*\r?\n/.test(text);
  }

  /** @throws `INPUT_UNSUPPORTED_VALUE`, and `INPUT_MALFORMED` for a tag that does not fit, at that offset. */
  valueOf(node: YamlScalar, offset: number): Scalar {
    const isQuoted = node.type !== "PLAIN";
    const text = this.#valueText(node);
    // With the u flag a surrogate matches only where it has no partner: an escape that stands for no character.
    if (isQuoted && /\p{Surrogate}/u.test(text))
      throw malformed("an escape of half a character, which sops cannot read", this.#text, offset);
    if (node.tag === undefined) {
      if (isQuoted) return { type: "str", text };
      const scalar = resolvePlain(text);
      if (scalar !== null) return scalar;
      throw located(
        "INPUT_UNSUPPORTED_VALUE",
        "an integer beyond 64 bits cannot be encrypted",
        this.#text,
        offset,
        "put it in quotes",
      );
    }
    const scalar = resolveTagged(node.tag, text, isQuoted);
    if (scalar === null) throw malformed("the value is not of the type that its tag names", this.#text, offset);
    return scalar;
  }

  /**
   * @param props - tokens before the value: its tag and anchor are among them.
   * @throws `INPUT_MALFORMED` where readers differ about the text, or sops cannot read it.
   */
  placeOf(
    node: YamlScalar.Parsed,
    scalar: Scalar,
    token: CST.Token | null | undefined,
    props: readonly CST.SourceToken[],
    where: Where,
  ): Place {
    // Tag and anchor belong to the value's text: an envelope must not carry `!!int`, and an anchor may stand behind that.
    const isProperty = (part: CST.SourceToken): boolean => part.type === "tag" || part.type === "anchor";
    const first = props.findIndex(isProperty);
    const last = props.findLast(isProperty);
    const isCommented =
      last !== undefined &&
      (props.some((part, i) => i > first && part.type === "comment") ||
        this.#text.slice(last.offset + last.source.length, node.range[0]).includes("#"));
    const tag = props.find((part) => part.type === "tag");
    const isTyped =
      node.tag?.startsWith("tag:yaml.org,2002:") === true || resolvePlain(node.source)?.type !== scalar.type;
    if (isCommented && tag !== undefined && node.source !== "" && isTyped)
      throw malformed(
        "a comment stands between a tag and the value that it gives another type",
        this.#text,
        tag.offset,
      );
    const start = isCommented ? node.range[0] : (props[first]?.offset ?? node.range[0]);
    const inFlow = where.inFlow ? "-flow" : "";
    const style = STYLES.get(node.type ?? "PLAIN") ?? "plain";
    const end = token?.type === "block-scalar" ? blockEnd(token, node, this.#text) : node.range[1];
    if (token?.type === "block-scalar") this.#checkBlock(token, node, end, where);
    return { start, end, style: `${style}${inFlow}`, indent: where.indent, itemStart: where.itemStart };
  }

  /** Behind a block with an indentation indicator, `yaml` drops a line of blanks that belongs to the value. */
  #checkBlock(token: CST.BlockScalar, node: YamlScalar.Parsed, end: number, { indent }: Where): void {
    const rest = this.#text.slice(end, node.range[1]).indexOf("\t");
    if (rest !== -1) throw malformed("a tab, which sops cannot read there", this.#text, end + rest);
    const own = this.#text.slice(node.range[0], node.range[1]);
    const indicator = /^[|>][-+]?(\d)/.exec(own)?.[1];
    if (indicator === undefined) return;
    const after = /^(?: *\r?\n)* *(?=\r?\n|$)/.exec(this.#text.slice(node.range[1]))?.[0] ?? "";
    const blanks = own.slice(own.trimEnd().length);
    const width = Math.max(indent, 0) + Number(indicator);
    if (`${blanks}\n${after}`.split("\n").some((line) => line.replace("\r", "").length > width)) {
      throw malformed(
        "readers differ about blanks at the end of a block with an indentation indicator",
        this.#text,
        token.offset,
      );
    }
  }

  /** Text of a scalar, before its type is told. Where the file ends inside a block, go-yaml adds no line break; `yaml` does. */
  #valueText(node: YamlScalar): string {
    const text = node.type === "QUOTE_DOUBLE" ? this.#doubleQuotedText(node) : (node.source ?? "");
    const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
    const isCut = isBlock && node.range?.[1] === this.#text.length && this.#endsInContent(node.range[0]);
    return isCut && text.endsWith("\n") ? text.slice(0, -1) : text;
  }

  /** Whether the last line of a block scalar, and of the file, has no line break but something of the value. */
  #endsInContent(start: number): boolean {
    const line = this.#text.slice(lineStart(this.#text, this.#text.length));
    if (line.trim() !== "") return true;
    const text = this.#text.slice(start);
    const indentation = bodyIndentOf(text, 0);
    // Blanks beyond the indentation are part of the value; a lone line of them is nothing.
    return indentation === null ? text.indexOf("\n") === text.lastIndexOf("\n") : line.length > indentation;
  }

  /** Behind an escaped line break, `yaml` loses the blank lines. */
  #doubleQuotedText(node: YamlScalar): string {
    const [start = 0, end = 0] = node.range ?? [];
    const text = node.source ?? "";
    if (!this.#hasEscapedBreaks) return text;
    const source = this.#text.slice(start, end);
    const escaped = source.replace(
      /(?<!\\)((?:\\\\)*)\\(?:\r?\n)((?:[ \t]*\r?\n)+)[ \t]*/g,
      (_, before: string, blank: string) => {
        return `${before}${"\\n".repeat(blank.split("\n").length - 1)}`;
      },
    );
    if (escaped === source) return text;
    return CST.resolveAsScalar({ type: "double-quoted-scalar", offset: 0, indent: 0, source: escaped }).value;
  }
}
