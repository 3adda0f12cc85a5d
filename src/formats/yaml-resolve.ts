import { boolScalar, floatScalar, intScalar, isDate, NULL } from "../crypto/scalar-bytes.ts";
import { type Scalar, str } from "../document/document.ts";

/**
 * What a plain scalar is, as go-yaml v3 reads it: a mixture of YAML 1.1 and 1.2. Types and bytes of clear values are in
 * the MAC, so this table decides whether the reference accepts a file.
 *
 * Source: go-yaml resolve.go.
 */
const WORDS: ReadonlyMap<string, Scalar> = wordsOf([
  [NULL, ["", "~", "null", "Null", "NULL"]],
  [boolScalar(true), ["true", "True", "TRUE"]],
  [boolScalar(false), ["false", "False", "FALSE"]],
  [floatScalar(Number.NaN), [".nan", ".NaN", ".NAN"]],
  [floatScalar(Infinity), [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"]],
  [floatScalar(-Infinity), ["-.inf", "-.Inf", "-.INF"]],
]);

function wordsOf(spellings: readonly (readonly [Scalar, readonly string[]])[]): Map<string, Scalar> {
  const words = new Map<string, Scalar>();
  for (const [scalar, texts] of spellings) for (const text of texts) words.set(text, scalar);
  return words;
}

const UINT64_MAX = 2n ** 64n - 1n;
const DOT_FLOAT = /^\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/** @returns the value, or `null` for an integer that needs 64 bits unsigned, which the format cannot hold. */
export function resolvePlain(text: string): Scalar | null {
  const first = text.charCodeAt(0);
  const isNumberLike = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46;
  // No word is longer: most values are, and looking them up takes a hash of the whole text.
  if (!isNumberLike) return (text.length > 5 ? undefined : WORDS.get(text)) ?? str(text);
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  // After a leading dot only a float may follow, with underscores as Go has them: between digits.
  if (first === 46) return DOT_FLOAT.test(text) ? (finite(Number(text.replaceAll("_", ""))) ?? str(text)) : str(text);
  const time = parseTimestamp(text);
  if (time !== null) return time;
  const digits = text.replaceAll("_", "");
  // Versions and addresses have dots, and no integer has.
  const integer = digits.includes(".") ? null : parseInteger(digits);
  if (integer !== null) return intScalar(integer) ?? (integer > 0n && integer <= UINT64_MAX ? null : bigFloat(digits));
  if (FLOAT.test(digits)) return finite(Number(digits)) ?? str(text);
  return str(text);
}

function finite(value: number): Scalar | null {
  return Number.isFinite(value) ? floatScalar(value) : null;
}

/** Integers beyond 64 bits are floats, but only when written in decimal. */
function bigFloat(digits: string): Scalar {
  return (FLOAT.test(digits) ? finite(Number(digits)) : null) ?? str(digits);
}

/** Go's `ParseInt(s, 0, 64)` without the range check, and forms such as `0b-1` and `0o+7` that go-yaml lets through. */
function parseInteger(text: string): bigint | null {
  const match = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0([bB])([01]+)|0([oO]?)([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (match === null) {
    const [, binary, octal] = /^0(?:b([-+][01]+)|o([-+][0-7]+))$/.exec(text) ?? [];
    const signed = binary ?? octal;
    if (signed === undefined) return null;
    const value = BigInt(`0${binary === undefined ? "o" : "b"}${signed.slice(1)}`);
    return signed.startsWith("-") ? -value : value;
  }
  const [, sign, hex, , binary, , octal, decimal] = match;
  let value: bigint;
  if (hex !== undefined) value = BigInt(`0x${hex}`);
  else if (binary !== undefined) value = BigInt(`0b${binary}`);
  else if (octal !== undefined) value = BigInt(`0o${octal}`);
  else value = BigInt(decimal as string);
  return sign === "-" ? -value : value;
}

const DATE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:([Tt])|( +))(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)?)?$/;

/** A timestamp in RFC 3339 with the shortest fraction, at most nanoseconds; `null` when the text is none. */
export function parseTimestamp(text: string): Scalar | null {
  // Nearly all numbers need no pattern to be told from a date.
  const match = text.charAt(4) === "-" ? DATE.exec(text) : null;
  if (match === null) return null;
  const [
    ,
    year = "",
    month = "",
    day = "",
    t,
    space,
    hour = "0",
    minute = "0",
    second = "0",
    fraction = "",
    zone = "",
  ] = match;
  // With a T the zone must be there; after a blank it must not.
  if ((t !== undefined && zone === "") || (space !== undefined && zone !== "")) return null;
  if (!isDate(Number(year), Number(month), Number(day))) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const two = (part: string): string => part.padStart(2, "0");
  const shortest = fraction.slice(0, 9).replace(/0+$/, "");
  const offset = zoneText(zone);
  if (offset === null) return null;
  const date = `${year}-${two(month)}-${two(day)}`;
  return {
    type: "time",
    text: `${date}T${two(hour)}:${two(minute)}:${two(second)}${shortest === "" ? "" : `.${shortest}`}${offset}`,
  };
}

/** `Z` for no offset; `null` beyond what Go takes, whose bounds are 24 hours and 60 minutes. */
function zoneText(zone: string): string | null {
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (hours > 24 || minutes > 60) return null;
  const total = hours * 60 + minutes;
  if (total === 0) return "Z";
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${zone.charAt(0)}${two(Math.floor(total / 60))}:${two(total % 60)}`;
}

const CORE = "tag:yaml.org,2002:";

/**
 * A scalar with an explicit tag. A tag that is not a core one makes it a string.
 * @param isQuoted - quoted or a block: a string unless the tag says otherwise.
 * @returns `null` when the text is not of the type that the tag names.
 */
export function resolveTagged(tag: string, text: string, isQuoted: boolean): Scalar | null {
  const name = tag.startsWith(CORE) ? tag.slice(CORE.length) : tag;
  switch (name) {
    case "str":
      return str(text);
    case "binary":
      return fromBase64(text);
    case "null":
      return resolvePlain(text)?.type === "null" ? NULL : null;
    case "timestamp":
      return parseTimestamp(text);
    case "bool":
    case "int": {
      const scalar = resolvePlain(text);
      return scalar?.type === name ? scalar : null;
    }
    case "float": {
      const scalar = resolvePlain(text);
      if (scalar?.type === "int") return floatScalar(Number(scalar.text));
      return scalar?.type === "float" ? scalar : null;
    }
    case "!":
      return isQuoted ? str(text) : resolvePlain(text);
    default:
      return str(text);
  }
}

function fromBase64(text: string): Scalar | null {
  const compact = text.replace(/[\r\n]/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 !== 0) return null;
  const bytes = Buffer.from(compact, "base64");
  const decoded = bytes.toString("utf8");
  return Buffer.from(decoded).equals(bytes) ? str(decoded) : { type: "str", text: bytes };
}
