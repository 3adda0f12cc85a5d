import type { Scalar, ScalarType } from "../document/document.ts";
import { goBoolean } from "../go-boolean.ts";

/**
 * The spelling of values: the one place where number, boolean and time text lives. What stands in `Scalar.text` is what
 * is sealed and digested; the `...Text` functions give what the reference's emitters print.
 */

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** An `int`, or `null` when the number does not fit 64 bits signed. */
export function intScalar(value: bigint): Scalar | null {
  return value < INT64_MIN || value > INT64_MAX ? null : { type: "int", text: value.toString() };
}

export function boolScalar(value: boolean): Scalar {
  return { type: "bool", text: value ? "True" : "False" };
}

export const NULL: Scalar = { type: "null", text: "" };

export function floatScalar(value: number): Scalar {
  return { type: "float", text: floatBytes(value) };
}

/** Go `strconv.FormatFloat(v, 'f', -1, 64)`: shortest digits that round-trip, never an exponent, no trailing `.0`. */
export function floatBytes(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  if (Object.is(value, -0)) return "-0";
  return withoutExponent(String(value));
}

function withoutExponent(text: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = "", first = "", rest = "", exponentText] = match;
  const digits = first + rest;
  const point = 1 + Number(exponentText);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, "0")}`;
}

/** The float64 that canonical float text stands for. */
export function floatValue(text: string): number {
  // rops spells them in small letters.
  if (text === "+Inf" || text === "inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf" || text === "-inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** Go's shortest `%g`: exponent form below 1e-4 and from 1e6 on, exponent signed and at least two digits. */
function shortestFloat(value: number): string {
  const plain = floatBytes(value);
  if (value === 0) return plain;
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return plain;
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Value text of a non-string scalar in YAML, as go-yaml prints it. */
export function yamlText(scalar: Scalar): string {
  const text = scalar.text as string;
  switch (scalar.type) {
    case "bool":
      return text === "True" ? "true" : "false";
    case "null":
      return "null";
    case "float": {
      const value = floatValue(text);
      if (Number.isNaN(value)) return ".nan";
      if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
      return shortestFloat(value);
    }
    default:
      return text;
  }
}

/** Value text of a non-string scalar in JSON; `null` for what JSON cannot say (NaN, infinities). Times are strings there. */
export function jsonText(scalar: Scalar): string | null {
  const text = scalar.text as string;
  switch (scalar.type) {
    case "bool":
      return text === "True" ? "true" : "false";
    case "null":
      return "null";
    case "float": {
      const value = floatValue(text);
      if (!Number.isFinite(value)) return null;
      return Object.is(value, -0) ? "-0" : String(value);
    }
    default:
      return text;
  }
}

/** Value text of a non-string scalar in dotenv and INI. */
export function plainText(scalar: Scalar): string {
  const text = scalar.text as string;
  switch (scalar.type) {
    case "bool":
      return text === "True" ? "true" : "false";
    case "null":
      return "<nil>";
    case "time":
      return text.replace(/\.\d+/, "");
    case "float": {
      const printed = shortestFloat(floatValue(text)).replace("e", "E");
      return /[.E]|Inf|NaN/.test(printed) ? printed : `${printed}.0`;
    }
    default:
      return text;
  }
}

/** Value text of a non-string scalar in a variable: as it is sealed, but that a boolean is `true` or `false`. For null `""`. */
export function variableText(scalar: Scalar): string {
  return scalar.type === "bool" ? plainText(scalar) : (scalar.text as string);
}

const TYPES: ReadonlySet<string> = new Set([
  "str",
  "int",
  "float",
  "bool",
  "time",
  "bytes",
  "comment",
] satisfies ScalarType[]);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The value that opened bytes and a type tag stand for, in canonical spelling.
 * @returns `null` when the tag is unknown or the text is not of that type.
 */
export function scalarFromBytes(bytes: Uint8Array, type: string): Scalar | null {
  if (!TYPES.has(type)) return null;
  if (type === "str" || type === "comment" || type === "bytes") {
    return { type: type === "bytes" ? "str" : type, text: textOrBytes(bytes) };
  }
  const text = Buffer.from(bytes).toString("latin1");
  switch (type) {
    case "int":
      return /^[+-]?\d+$/.test(text) ? intScalar(BigInt(text.replace(/^\+/, ""))) : null;
    case "float":
      return parseGoFloat(text);
    case "bool": {
      const value = goBoolean(text);
      return value === null ? null : boolScalar(value);
    }
    default:
      return isRfc3339(text) ? { type: "time", text } : null;
  }
}

/** Text if the bytes are valid UTF-8, else the bytes. */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes;
  }
}

function parseGoFloat(text: string): Scalar | null {
  // As rops has it, also in its digest.
  if (text === "inf" || text === "-inf") return { type: "float", text };
  if (/^[+-]?inf(inity)?$/i.test(text)) return floatScalar(text.startsWith("-") ? -Infinity : Infinity);
  if (/^nan$/i.test(text)) return floatScalar(Number.NaN);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? floatScalar(value) : null;
}

/** RFC 3339 with upper-case `T`, as the reference demands it of `time` values and of `lastmodified`. */
export function isRfc3339(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))$/.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second, zoneHour = 0, zoneMinute = 0] = match.slice(1).map(Number) as number[];
  return (
    isDate(year as number, month as number, day as number) &&
    (hour as number) < 24 &&
    (minute as number) < 60 &&
    (second as number) < 60 &&
    (Number.isNaN(zoneHour) || zoneHour <= 24) &&
    (Number.isNaN(zoneMinute) || zoneMinute < 60)
  );
}

/** Whether such a day exists in the Gregorian calendar. */
export function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
