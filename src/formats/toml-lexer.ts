import { boolScalar, floatScalar, intScalar, isDate } from "../crypto/scalar-bytes.ts";
import { type Comment, type Leaf, type Scalar, str } from "../document/document.ts";
import { type KeyleafError, located, malformed } from "../errors.ts";

/**
 * TOML text word by word: blanks, line ends, comments, keys and single values. Sees no table.
 *
 * Source: TOML 1.0.0.
 */

/** How a value is written; `bare` is everything without quotes. */
export type Style = "basic" | "literal" | "multi-basic" | "multi-literal" | "bare";

/** Style of a comment's place. */
export const COMMENT = "comment";

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const APOSTROPHE = 0x27;
const DOT = 0x2e;
const BACKSLASH = 0x5c;

// What a line may hold, less the characters that mean something there. DEL is a control character too.
const COMMENT_TEXT = /#[^\x00-\x08\x0a-\x1f\x7f]*/y;
const BASIC_TEXT = /[^"\\\x00-\x08\x0a-\x1f\x7f]*/y;
const LITERAL_TEXT = /[^'\x00-\x08\x0a-\x1f\x7f]*/y;
// A backslash at the end of a line takes all white space up to the next character with it.
const ESCAPED_LINE_END = /\\[\t ]*\r?\n(?:[\t ]|\r?\n)*/y;
const BARE_KEY = /[\w-]+/y;
// A date and a time may have a blank between them.
const BARE_VALUE = /\d{4}-\d\d-\d\d \d\d[\w+.:-]*|[\w+.:-]+/y;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["t", "\t"],
  ["n", "\n"],
  ["f", "\f"],
  ["r", "\r"],
  ['"', '"'],
  ["\\", "\\"],
]);

/** Reads words from `at` on, and moves `at` behind them. Every method throws `INPUT_MALFORMED` where the text is no TOML. */
export class Lexer {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    this.source = source;
  }

  get isAtEnd(): boolean {
    return this.at === this.source.length;
  }

  /** The next UTF-16 unit; NaN at the end. */
  get code(): number {
    return this.source.charCodeAt(this.at);
  }

  takes(code: number): boolean {
    if (this.code !== code) return false;
    this.at++;
    return true;
  }

  skipBlank(): void {
    while (this.code === SPACE || this.code === TAB) this.at++;
  }

  /** A line break, if one comes next. */
  takesLineBreak(): boolean {
    if (this.code === RETURN && this.source.charCodeAt(this.at + 1) === LINE_FEED) this.at++;
    return this.takes(LINE_FEED);
  }

  /** The end of a line, or of the file. */
  endLine(): void {
    if (!this.takesLineBreak() && !this.isAtEnd) throw this.expected("the end of the line");
  }

  /** A comment up to the end of its line; `null`: none comes next. */
  comment(isInline: boolean): Comment | null {
    if (this.code !== HASH) return null;
    const start = this.at;
    const text = this.#take(COMMENT_TEXT).slice(1);
    if (!/^(?:\r?\n|$)/.test(this.source.slice(this.at, this.at + 2)))
      throw malformed("a control character in a comment", this.source, this.at);
    const at = { start, end: this.at, style: COMMENT, indent: 0, itemStart: -1 };
    return { kind: "comment", scalar: { type: "comment", text }, inline: isInline, at };
  }

  /** The parts of a key, and the blanks behind it. */
  key(): string[] {
    const parts: string[] = [];
    do {
      this.skipBlank();
      parts.push(this.#keyPart());
      this.skipBlank();
    } while (this.takes(DOT));
    return parts;
  }

  /** A value that is no array and no inline table. */
  value(): Leaf {
    const start = this.at;
    const [scalar, style] = this.#scalar();
    return { kind: "leaf", scalar, at: { start, end: this.at, style, indent: 0, itemStart: -1 } };
  }

  /** Says what should stand here, never what does: it may be part of a secret. */
  expected(what: string, hint?: string): KeyleafError {
    if (this.isAtEnd) return malformed(`the file ends where ${what} should follow`, this.source, this.at);
    if (this.code === RETURN) return malformed("a carriage return that ends no line", this.source, this.at);
    return malformed(`expected ${what}`, this.source, this.at, hint);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.source)?.[0] ?? "";
    this.at += text.length;
    return text;
  }

  #keyPart(): string {
    if (this.code === QUOTE) return this.#basic();
    if (this.code === APOSTROPHE) return this.#literal();
    const part = this.#take(BARE_KEY);
    if (part === "") throw this.expected("a key", "other characters than A-Z a-z 0-9 _ - need quotes");
    return part;
  }

  #scalar(): [Scalar, Style] {
    if (this.source.startsWith('"""', this.at)) return [str(this.#multiBasic()), "multi-basic"];
    if (this.source.startsWith("'''", this.at)) return [str(this.#multiLiteral()), "multi-literal"];
    if (this.code === QUOTE) return [str(this.#basic()), "basic"];
    if (this.code === APOSTROPHE) return [str(this.#literal()), "literal"];
    const start = this.at;
    const text = this.#take(BARE_VALUE);
    const scalar = text === "" ? null : this.#bare(text, start);
    if (scalar !== null) return [scalar, "bare"];
    this.at = start;
    throw this.expected("a value", "strings are in quotes");
  }

  #bare(text: string, start: number): Scalar | null {
    if (text === "true" || text === "false") return boolScalar(text === "true");
    if (INTEGER.test(text)) {
      const scalar = integerScalar(text);
      if (scalar === null) throw malformed("an integer does not fit 64 bits", this.source, start, "put it in quotes");
      return scalar;
    }
    const value = floatOf(text);
    if (value === null) return dateScalar(text);
    if (!Number.isFinite(value) && !/inf|nan/.test(text))
      throw located("INPUT_UNSUPPORTED", "a number is out of range", this.source, start, "put it in quotes");
    if (Math.abs(value) === Infinity) return { type: "float", text: value > 0 ? "inf" : "-inf" };
    return floatScalar(value);
  }

  /** From its opening quote to behind the closing one. */
  #basic(): string {
    let text = "";
    this.at++;
    for (;;) {
      text += this.#take(BASIC_TEXT);
      if (this.takes(QUOTE)) return text;
      if (this.code !== BACKSLASH) throw this.#badInString();
      text += this.#escape();
    }
  }

  #literal(): string {
    this.at++;
    const text = this.#take(LITERAL_TEXT);
    if (this.takes(APOSTROPHE)) return text;
    throw this.#badInString();
  }

  /** Line breaks of any kind are read as line feeds, as rops does. */
  #multiBasic(): string {
    let text = "";
    this.at += 3;
    this.takesLineBreak();
    for (;;) {
      text += this.#take(BASIC_TEXT);
      if (this.takesLineBreak()) text += "\n";
      else if (this.code === BACKSLASH) text += this.#take(ESCAPED_LINE_END) === "" ? this.#escape() : "";
      else if (this.code !== QUOTE) throw this.#badInString();
      else {
        const quotes = this.#closingQuotes(QUOTE);
        text += quotes.text;
        if (quotes.isClosed) return text;
      }
    }
  }

  #multiLiteral(): string {
    let text = "";
    this.at += 3;
    this.takesLineBreak();
    for (;;) {
      text += this.#take(LITERAL_TEXT);
      if (this.takesLineBreak()) text += "\n";
      else if (this.code !== APOSTROPHE) throw this.#badInString();
      else {
        const quotes = this.#closingQuotes(APOSTROPHE);
        text += quotes.text;
        if (quotes.isClosed) return text;
      }
    }
  }

  /** Quotes in a string over several lines: one or two are text, three close it, up to two in front of those are text. */
  #closingQuotes(code: number): { text: string; isClosed: boolean } {
    const start = this.at;
    while (this.at < start + 5 && this.code === code) this.at++;
    const count = this.at - start;
    const isClosed = count >= 3;
    return { text: this.source.slice(start, this.at - (isClosed ? 3 : 0)), isClosed };
  }

  /** From its backslash on. */
  #escape(): string {
    const letter = this.source.charAt(this.at + 1);
    const plain = ESCAPES.get(letter);
    if (plain !== undefined) {
      this.at += 2;
      return plain;
    }
    const length = letter === "u" ? 4 : letter === "U" ? 8 : 0;
    const digits = this.source.slice(this.at + 2, this.at + 2 + length);
    const value = Number.parseInt(digits, 16);
    const isCharacter = value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
    if (length === 0 || !/^[\dA-Fa-f]+$/.test(digits) || digits.length < length || !isCharacter)
      throw malformed("an escape that TOML does not have", this.source, this.at);
    this.at += 2 + length;
    return String.fromCodePoint(value);
  }

  #badInString(): KeyleafError {
    if (this.isAtEnd) return malformed("the file ends inside a string", this.source, this.at);
    if (this.code === LINE_FEED || this.source.startsWith("\r\n", this.at))
      return malformed("the string is not closed on its line", this.source, this.at);
    return malformed("a control character in a string", this.source, this.at, "write it as an escape");
  }
}

const DECIMAL = "[+-]?(?:0|[1-9](?:_?\\d)*)";
const INTEGER = new RegExp(`^(?:${DECIMAL}|0x[\\dA-Fa-f](?:_?[\\dA-Fa-f])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*)$`);
const FLOAT = new RegExp(`^${DECIMAL}(?:\\.\\d(?:_?\\d)*)?(?:[eE][+-]?\\d(?:_?\\d)*)?$`);

/** `null` when it does not fit int64. */
function integerScalar(text: string): Scalar | null {
  const digits = text.replaceAll("_", "").replace("+", "");
  if (/^-?[1-9]\d{0,17}$/.test(digits)) return { type: "int", text: digits };
  // Making a number of very many decimal digits takes long.
  return /^0[xob]/.test(digits) || digits.length <= 20 ? intScalar(BigInt(digits)) : null;
}

/** `null` when the text is no float. */
function floatOf(text: string): number | null {
  if (/^[+-]?nan$/.test(text)) return Number.NaN;
  if (/^[+-]?inf$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return FLOAT.test(text) ? Number(text.replaceAll("_", "")) : null;
}

/** Whether a text is an offset date-time, or another date or time, as TOML writes them bare. */
export function isDateText(text: string): boolean {
  return dateScalar(text) !== null;
}

/**
 * Dates and times are strings, spelled as rops does, since that is what its digest covers: `T` and `Z` in upper case,
 * fractions of up to nine digits without zeros at the end.
 */
function dateScalar(text: string): Scalar | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](.+))?$/.exec(text);
  if (match === null) {
    const time = timeText(text);
    return time === null || /[Z+-]/.test(time) ? null : str(time);
  }
  const [, year, month, day, clock] = match;
  const time = clock === undefined ? "" : timeText(clock);
  if (time === null || !isDate(Number(year), Number(month), Number(day))) return null;
  return str(`${year}-${month}-${day}${time === "" ? "" : "T"}${time}`);
}

function timeText(text: string): string | null {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))?$/.exec(text);
  if (match === null) return null;
  const [, hour = "", minute = "", second = "", digits = "", zulu = "", sign = "", zoneHour = "", zoneMinute = ""] =
    match;
  // A second 60 is a leap second.
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60;
  if (!isTime || Number(zoneHour) > 23 || Number(zoneMinute) > 59) return null;
  const fraction = digits.slice(0, 9).replace(/0+$/, "");
  const offset = sign === "" ? zulu.toUpperCase() : `${sign}${zoneHour}:${zoneMinute}`;
  const zone = offset === "-00:00" ? "+00:00" : offset;
  return `${hour}:${minute}:${second}${fraction === "" ? "" : "."}${fraction}${zone}`;
}
