/**
 * Random YAML with random layout: what people and other programs write, and no printer would. A document is a function of
 * a list of choices, of which 0 is always the plainest, so that fast-check shrinks a failing document to a small one.
 * Every value and comment that has to be sealed holds a token; keys, tags, anchors and what stays clear hold none.
 */
import fc from "fast-check";

/** Tokens of values that have to be sealed. No base64 looks like one. */
export const VALUE_TOKEN = /zq_\d+_x/g;

/** Tokens of comments that have to be sealed, where no key leaves anything clear. */
export const COMMENT_TOKEN = /zc_\d+_x/g;

/** A layout that fails today, and is kept out of the tests until it does not. */
interface KnownGap {
  readonly layout: RegExp;
  readonly why: string;
  /** Whether it fails without sops, or only in what sops makes of it. */
  readonly kind: "alone" | "beside sops";
}

const knownGaps: readonly KnownGap[] = [
  {
    layout: /!\S*[ \t]*(?:#.*)?\r?\n[ \t]*#|!\S*[ \t]+#/,
    why: "a comment behind a tag (docs/interchange.md, limits)",
    kind: "beside sops",
  },
  {
    layout: /[|>](?:\d|[-+]\d)/,
    why: "blanks at the end of a block with an indicator (docs/interchange.md, limits)",
    kind: "beside sops",
  },
  { layout: /\*(?:a\d+|dup)/, why: "an alias of a collection in which only comments are sealed", kind: "beside sops" },
  { layout: /^\ufeff +\S/, why: "a byte order mark before an indented key", kind: "beside sops" },
  { layout: /#.*\r?\n---/, why: "a comment as the last value of a document", kind: "beside sops" },
];

/** Whether a document has a layout that is known to fail, by itself or beside sops. */
export function hasKnownGap(source: string, kind: KnownGap["kind"]): boolean {
  return knownGaps.some((gap) => (gap.kind === "alone" || gap.kind === kind) && gap.layout.test(source));
}

/** Documents of up to a few dozen lines. Some are not valid YAML: the caller filters what the format refuses. */
export const yamlLayouts: fc.Arbitrary<string> = fc
  .array(fc.nat({ max: 9999 }), { minLength: 50, maxLength: 400, size: "max" })
  .map((choices) => new Layout(choices).file());

const NUMBERS = [
  ...["7", "0x1F", "0o17", "017", "1_000", "1e3", ".5", "-0", "-0.0", ".inf", "-.INF", ".NaN", "1.50", "08", "0b11"],
  ...["+12", "9223372036854775807", "123456789012345678901234", "1:30", "5.", "1__0", "0x_1", "1e400", "-.5", "+.5e1"],
];
const WORDS = [
  ...["true", "False", "yes", "No", "on", "OFF", "y", "n", "~", "null", "NULL", "=", "<<", "2001-12-14", "0o8", "-a"],
  ...[
    "2001-12-14T21:59:43.10-05:00",
    "2001-12-14 1:2:3",
    "2001-13-45",
    "a:b",
    "a#b",
    "?a",
    "a?b",
    ":a",
    "::",
    "-",
    "--",
  ],
];
/** Text between tokens in scalars of any style. */
const TEXTS = ["", " ", "a", "é", "\u{1f511}", "a b", "  ", "#", "\t", ":", "-", "'", "%", "@", "ENC[", "a: b", " #"];
const ESCAPES = [
  "\\n",
  "\\t",
  "\\x41",
  "\\u00e9",
  "\\U0001F511",
  "\\\\",
  '\\"',
  "\\ ",
  "\\0",
  "\\e",
  "\\_",
  "\\/",
  "\\N",
];
const ODD_KEYS = ["y", "no", "on", "é", "a b", "a#b", "a:b", "-k", "?k", "k'", "true1", "0x", "~k", "=", "k\u{1f511}"];
const QUOTED_KEYS = ["true", "", "1", "null", "a: b", "# c", "{", "-", "y", "\u{1f511}"];
const TAGS = ["!!str", "!custom", "!", "!<tag:example.org,2000:x>", "!!binary", "!!int", "!!float", "!!bool", "!e!x"];

type Scope = "sealed" | "clear";

class Layout {
  readonly #choices: readonly number[];
  readonly #anchors: { readonly name: string; readonly kind: "scalar" | "mapping" | "list"; readonly scope: Scope }[] =
    [];
  #next = 0;
  #names = 0;
  #text = "";
  #scope: Scope = "sealed";
  #depth = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  file(): string {
    const isCrlf = this.#once(12);
    const mark = this.#once(20) ? "\ufeff" : "";
    const isCut = this.#once(8);
    this.#document(true);
    while (this.#once(8)) this.#document(false);
    if (isCut) this.#text = this.#text.replace(/\n+$/, "");
    return mark + (isCrlf ? this.#text.replaceAll("\n", "\r\n") : this.#text);
  }

  /** One choice out of `count`; 0 when the choices have run out. */
  #pick(count: number): number {
    const choice = this.#choices[this.#next++] ?? 0;
    return choice % count;
  }

  #of<T>(list: readonly T[]): T {
    return list[this.#pick(list.length)] as T;
  }

  /** Yes, once in so many times. */
  #once(times: number): boolean {
    return this.#pick(times) === times - 1;
  }

  #token(): string {
    return `${this.#scope === "sealed" ? "zq" : "cq"}_${++this.#names}_x`;
  }

  #document(isFirst: boolean): void {
    const hasDirective = this.#once(12);
    if (!isFirst && (hasDirective || this.#pick(6) === 5)) {
      this.#text += "...\n";
      this.#noise(0);
    }
    this.#anchors.length = 0;
    if (isFirst) this.#noise(0);
    if (hasDirective) this.#text += this.#of(["%YAML 1.1\n", "%TAG !e! tag:example.org,2000:\n"]);
    if (hasDirective || !isFirst || this.#once(10)) {
      this.#text += `---${this.#pick(6) === 5 ? this.#inline() : ""}\n`;
    }
    this.#noise(0);
    if (this.#once(25)) {
      this.#text += `${this.#flow(0, 1, true)}${this.#inline()}\n`;
      this.#noise(0);
      return;
    }
    this.#mapping(this.#pick(20) === 19 ? 1 + this.#pick(3) : 0, false);
  }

  /** Blank lines and comment lines around a column. */
  #noise(column: number): void {
    while (this.#pick(5) >= 3) {
      if (this.#pick(2) === 0) {
        this.#text += this.#of(["", "", "  ", "     "]).concat("\n");
      } else this.#commentLine(column);
    }
  }

  #commentLine(column: number): void {
    const shift = this.#once(3) ? this.#of([-column, -1, -2, 1, 2, 3, -3, 4, 7]) : 0;
    this.#text += `${" ".repeat(Math.max(0, column + shift))}#${this.#comment()}\n`;
  }

  #comment(): string {
    return `${this.#of([" ", "", "#", "\t", "  "])}zc_${++this.#names}_x${this.#of(["", " ", " # b", ": c", " - é"])}`;
  }

  /** What may stand after a value on its line. */
  #inline(): string {
    const choice = this.#pick(6);
    if (choice === 4) return `${this.#of([" ", "   ", "\t"])}#${this.#comment()}`;
    return choice === 5 ? this.#of([" ", "  ", "\t"]) : "";
  }

  /** @param isStarted - the line is begun already, up to the column. */
  #mapping(column: number, isStarted: boolean): void {
    const count = 1 + this.#pick(this.#depth === 0 ? 7 : 4);
    for (let i = 0; i < count; i++) {
      if (i > 0 || !isStarted) this.#text += " ".repeat(column);
      this.#entry(column);
      this.#noise(column);
    }
  }

  #entry(column: number): void {
    const scope = this.#scope;
    const merged = this.#anchors.filter(({ kind, scope: of }) => kind === "mapping" && of === scope);
    if (merged.length > 0 && this.#once(6)) {
      const { name } = this.#of(merged);
      this.#text += `<<: ${this.#pick(3) === 2 ? `[*${name}, *${this.#of(merged).name}]` : `*${name}`}${this.#inline()}\n`;
      return;
    }
    const isClear = this.#once(10);
    if (isClear) this.#scope = "clear";
    if (this.#once(15)) {
      this.#text += `?${this.#of([" ", "  "])}${this.#key(isClear)}${this.#inline()}\n`;
      if (this.#pick(8) === 7) {
        this.#scope = scope;
        return;
      }
      if (this.#pick(5) === 4) this.#noise(column);
      this.#text += `${" ".repeat(column)}:`;
    } else this.#text += `${this.#key(isClear)}${this.#pick(12) === 11 ? " " : ""}:`;
    this.#value(column, true);
    this.#scope = scope;
  }

  #key(isClear: boolean): string {
    const suffix = isClear ? "_unencrypted" : "";
    const name = `k${++this.#names}`;
    if (!this.#once(5)) return name + suffix;
    switch (this.#pick(4)) {
      case 0:
        return `'${name}${suffix}'`;
      case 1:
        return `"\\x41${name}${suffix}"`;
      case 2:
        return `"${this.#of(QUOTED_KEYS)}${suffix}"`;
      default:
        return this.#of(ODD_KEYS) + suffix;
    }
  }

  /** What stands after a key's colon or a list's dash, the line break included. */
  #value(column: number, isAfterKey: boolean): void {
    if (this.#depth > 4) {
      this.#text += ` ${this.#scalar()}\n`;
      return;
    }
    this.#depth++;
    const properties = this.#pick(7) === 6 ? this.#properties() : "";
    switch (this.#pick(12)) {
      case 3:
        this.#blockMapping(column, properties, isAfterKey);
        break;
      case 4:
      case 5:
        this.#blockList(column, properties, isAfterKey);
        break;
      case 6:
        this.#text += `${this.#gap()}${properties}${this.#flow(column, 0, this.#pick(3) > 0)}${this.#inline()}\n`;
        break;
      case 7:
        this.#block(column, properties);
        break;
      case 8:
        this.#severalLines(column, properties);
        break;
      case 9:
        this.#alias(properties);
        break;
      case 10:
        this.#ownLine(column, properties);
        break;
      case 11:
        this.#text += `${properties === "" ? "" : ` ${properties.trimEnd()}`}${this.#inline()}\n`;
        break;
      default:
        this.#text += `${this.#gap()}${properties}${this.#scalar()}${this.#inline()}\n`;
    }
    this.#depth--;
  }

  #gap(): string {
    return this.#of([" ", " ", " ", "  ", "     "]);
  }

  #properties(): string {
    return this.#once(3) ? `${this.#of(TAGS)} ` : "";
  }

  /** An anchor to put before a value; what it names can be repeated from then on. */
  #anchor(kind: "scalar" | "mapping" | "list"): { readonly text: string; define(): void } {
    if (!this.#once(6)) return { text: "", define: () => {} };
    const name = this.#pick(8) === 7 ? "dup" : `a${++this.#names}`;
    const scope = this.#scope;
    return {
      text: `&${name} `,
      define: () => {
        const old = this.#anchors.findIndex((anchor) => anchor.name === name);
        if (old !== -1) this.#anchors.splice(old, 1);
        this.#anchors.push({ name, kind, scope });
      },
    };
  }

  #alias(properties: string): void {
    const fitting = this.#anchors.filter(({ scope }) => scope === this.#scope);
    if (fitting.length === 0) this.#text += ` ${properties}${this.#scalar()}${this.#inline()}\n`;
    else this.#text += ` *${this.#of(fitting).name}${this.#inline()}\n`;
  }

  #blockMapping(column: number, properties: string, isAfterKey: boolean): void {
    const { text, define } = this.#anchor("mapping");
    const tag = properties.startsWith("!custom") ? "!custom " : "";
    if (!isAfterKey && text === "" && tag === "" && this.#pick(3) > 0) {
      const gap = 1 + this.#pick(4);
      this.#text += " ".repeat(gap);
      this.#mapping(column + 1 + gap, true);
      return;
    }
    const inner = this.#head(column, `${text}${tag}`, 1);
    this.#mapping(inner, false);
    define();
  }

  /** Ends the line of a key or a dash before a block collection. @returns the column of the collection. */
  #head(column: number, properties: string, least: number): number {
    this.#text += `${properties === "" ? "" : ` ${properties.trimEnd()}`}${this.#inline()}\n`;
    const inner = column + Math.max(least, this.#of([2, 2, 2, 4, 1, 3, 5, 9, 0]));
    this.#noise(inner);
    return inner;
  }

  #blockList(column: number, properties: string, isAfterKey: boolean): void {
    const { text, define } = this.#anchor("list");
    const tag = properties.startsWith("!custom") ? "!custom " : "";
    let inner: number;
    let isStarted = false;
    if (!isAfterKey && text === "" && tag === "" && this.#pick(3) > 0) {
      const gap = 1 + this.#pick(4);
      this.#text += " ".repeat(gap);
      inner = column + 1 + gap;
      isStarted = true;
    } else inner = this.#head(column, `${text}${tag}`, isAfterKey ? 0 : 1);
    const count = 1 + this.#pick(3);
    for (let i = 0; i < count; i++) {
      if (!isStarted || i > 0) this.#text += " ".repeat(inner);
      this.#text += "-";
      this.#value(inner, false);
      this.#noise(inner);
    }
    define();
  }

  /** A value on a line of its own, under its key or dash. */
  #ownLine(column: number, properties: string): void {
    const inner = this.#head(column, properties, 1);
    const pad = " ".repeat(inner);
    this.#text += `${pad}${this.#pick(4) === 3 ? this.#flow(inner, 0, true) : this.#scalar()}`;
    this.#text += `${this.#inline()}\n`;
  }

  /** A scalar on one line, outside flow collections. */
  #scalar(): string {
    const { text, define } = this.#anchor("scalar");
    const scalar = text + this.#bareScalar(false);
    define();
    return scalar;
  }

  #bareScalar(inFlow: boolean): string {
    switch (this.#pick(8)) {
      case 2:
        return this.#single("");
      case 3:
        return this.#double("");
      case 4:
        return `${this.#token()}${this.#of([" a", "-b", ":c", "#d", " 'e'", "  f", '"', "é\u{1f511}", "%"])}`;
      case 5:
        return this.#of(NUMBERS);
      case 6:
        return inFlow ? this.#token() : this.#of(WORDS);
      case 7:
        return this.#of(["''", '""', "' '", '"\\n"', '" "']);
      default:
        return this.#token();
    }
  }

  #single(lineBreak: string): string {
    const parts = Array.from({ length: 1 + this.#pick(3) }, () => {
      const text = this.#of(TEXTS);
      return `${text === "'" ? "''" : text}${this.#token()}${lineBreak === "" ? "" : this.#break(lineBreak)}`;
    });
    return `'${parts.join("")}'`;
  }

  #double(lineBreak: string): string {
    const parts = Array.from({ length: 1 + this.#pick(3) }, () => {
      const text = this.#pick(2) === 0 ? this.#of(TEXTS) : this.#of(ESCAPES);
      const join = lineBreak === "" ? "" : `${this.#pick(4) === 3 ? "\\" : ""}${this.#break(lineBreak)}`;
      return `${text}${this.#token()}${join}`;
    });
    return `"${parts.join("")}"`;
  }

  #break(lineBreak: string): string {
    const blanks = this.#of(["", "", " ", "\t", "\n", "\n  \n"]);
    return blanks + lineBreak;
  }

  #severalLines(column: number, properties: string): void {
    const { text, define } = this.#anchor("scalar");
    const lineBreak = `\n${" ".repeat(column + this.#of([2, 1, 4, 7]))}`;
    let scalar: string;
    switch (this.#pick(3)) {
      case 0: {
        const lines = Array.from({ length: 1 + this.#pick(3) }, () => `${this.#break(lineBreak)}${this.#token()}`);
        scalar = `${this.#token()}${lines.join("")}`;
        break;
      }
      case 1:
        scalar = this.#single(lineBreak);
        break;
      default:
        scalar = this.#double(lineBreak);
    }
    this.#text += `${this.#gap()}${properties}${text}${scalar}${this.#inline()}\n`;
    define();
  }

  #block(column: number, properties: string): void {
    const { text, define } = this.#anchor("scalar");
    const step = this.#of([2, 4, 1, 3, 8, 9]);
    const isIndicated = this.#once(4);
    const chomping = this.#of(["", "-", "+"]);
    const indicator = isIndicated ? this.#of([`${step}${chomping}`, `${chomping}${step}`]) : chomping;
    const comment = this.#once(6) ? ` #${this.#comment()}` : "";
    this.#text += ` ${text}${properties}${this.#of(["|", ">"])}${indicator}${comment}\n`;
    const pad = " ".repeat(column + step);
    const count = this.#pick(5) + (this.#pick(6) === 5 ? 0 : 1);
    for (let i = 0; i < count; i++) {
      const isFirst = i === 0 && !isIndicated;
      const lead = isFirst ? "" : this.#of(["", "", "", " ", "   ", "#", "- ", "\t"]);
      if (!isFirst && this.#pick(5) === 4) {
        this.#text += this.#of(["\n", "\n\n", `${pad}\n`, " \n", `${pad}  \n`]);
      }
      this.#text += `${pad}${lead}${this.#token()}${this.#of(["", "", " ", " # b", ": c", "\t"])}\n`;
    }
    if (this.#pick(4) === 3) this.#text += this.#of(["\n", "\n\n", " \n"]);
    define();
  }

  /** A flow collection, on one line or several. @param kind - 0: any, 1: a mapping. */
  #flow(column: number, kind: 0 | 1, isOneLine: boolean): string {
    if (this.#depth > 5) return "[]";
    this.#depth++;
    const isMapping = kind === 1 || this.#pick(2) === 0;
    const { text: anchor, define } = this.#anchor(isMapping ? "mapping" : "list");
    const count = this.#pick(4);
    const space = (): string => {
      if (isOneLine) return this.#of(["", "", " ", "  "]);
      const pad = " ".repeat(column + 1 + this.#pick(4));
      const comment = this.#once(4) ? ` #${this.#comment()}` : "";
      return comment === "" && this.#pick(2) === 0 ? " " : `${comment}\n${this.#pick(6) === 5 ? "\n" : ""}${pad}`;
    };
    let text = isMapping ? "{" : "[";
    for (let i = 0; i < count; i++) {
      text += space();
      if (isMapping || this.#pick(8) === 7) text += this.#flowPair(column, isOneLine, space);
      else text += this.#flowNode(column, isOneLine);
      text += space();
      if (i < count - 1 || this.#pick(4) === 3) text += ",";
    }
    text += space() + (isMapping ? "}" : "]");
    define();
    this.#depth--;
    return anchor + text;
  }

  #flowPair(column: number, isOneLine: boolean, space: () => string): string {
    const key = this.#pick(4) === 3 ? `"k${++this.#names}"` : `k${++this.#names}`;
    switch (this.#pick(8)) {
      case 4:
        return `${key}:${space()} ${this.#flowNode(column, isOneLine)}`;
      case 5:
        return `"${key.replaceAll('"', "")}":${this.#flowNode(column, isOneLine)}`;
      case 6:
        return `? ${key} : ${this.#flowNode(column, isOneLine)}`;
      case 7:
        return key;
      default:
        return `${key}: ${this.#flowNode(column, isOneLine)}`;
    }
  }

  #flowNode(column: number, isOneLine: boolean): string {
    const fitting = this.#anchors.filter(({ scope }) => scope === this.#scope);
    switch (this.#pick(8)) {
      case 4:
        return this.#flow(column, 0, isOneLine);
      case 5:
        return fitting.length === 0 ? this.#token() : `*${this.#of(fitting).name} `;
      case 6: {
        const lineBreak = `\n${" ".repeat(column + 2)}`;
        if (isOneLine) return this.#token();
        return this.#of([
          () => `${this.#token()}${lineBreak}b`,
          () => this.#single(lineBreak),
          () => this.#double(lineBreak),
        ])();
      }
      case 7:
        return `${this.#properties()}${this.#token()}`;
      default: {
        const { text, define } = this.#anchor("scalar");
        const scalar = text + this.#bareScalar(true);
        define();
        return scalar;
      }
    }
  }
}
