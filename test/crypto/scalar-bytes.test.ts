import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boolScalar,
  floatBytes,
  floatScalar,
  floatValue,
  intScalar,
  isDate,
  isRfc3339,
  jsonText,
  NULL,
  plainText,
  scalarFromBytes,
  textOrBytes,
  yamlText,
} from "../../src/crypto/scalar-bytes.ts";
import type { Scalar } from "../../src/document/document.ts";

const from = (text: string, type: string): Scalar | null => scalarFromBytes(Buffer.from(text), type);

describe("floats", () => {
  test.each([
    [1, "1"],
    [0.5, "0.5"],
    [123456789.125, "123456789.125"],
    [1e21, "1000000000000000000000"],
    [1e-7, "0.0000001"],
    [-0, "-0"],
    [0, "0"],
    [5e-324, `0.${"0".repeat(323)}5`],
    [1.7976931348623157e308, `17976931348623157${"0".repeat(292)}`],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
    [1.5e21, "1500000000000000000000"],
    [-1.25e-9, "-0.00000000125"],
    [123456789012345680000, "123456789012345680000"],
  ])("%f is spelled %s", (value, text) => {
    expect(floatBytes(value)).toBe(text);
    expect(floatScalar(value)).toEqual({ type: "float", text });
  });

  test("come back from their spelling, which never has an exponent", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const text = floatBytes(value);
        expect(text).toMatch(/^(-?\d+(\.\d*[1-9])?|NaN|[+-]Inf)$/);
        expect(floatValue(text)).toBe(value);
        expect(from(text, "float")).toEqual(floatScalar(value));
      }),
    );
  });

  test.each([
    ["0.0001", "0.0001", "0.0001", "0.0001"],
    ["0.00001", "1e-05", "0.00001", "1E-05"],
    ["0.0000001", "1e-07", "1e-7", "1E-07"],
    ["999999.5", "999999.5", "999999.5", "999999.5"],
    ["1000000", "1e+06", "1000000", "1E+06"],
    ["1234567.5", "1.2345675e+06", "1234567.5", "1.2345675E+06"],
    ["200000", "200000", "200000", "200000.0"],
    ["-20000000000", "-2e+10", "-20000000000", "-2E+10"],
    ["1", "1", "1", "1.0"],
    ["0", "0", "0", "0.0"],
    ["-0", "-0", "-0", "-0.0"],
    ["1000000000000000000000", "1e+21", "1e+21", "1E+21"],
  ])("%s is printed %s in YAML, %s in JSON, %s in dotenv", (text, yaml, json, plain) => {
    const scalar: Scalar = { type: "float", text };
    expect([yamlText(scalar), jsonText(scalar), plainText(scalar)]).toEqual([yaml, json, plain]);
  });

  test("that are no numbers have names in YAML and none in JSON", () => {
    expect(["NaN", "+Inf", "-Inf"].map((text) => yamlText({ type: "float", text }))).toEqual([".nan", ".inf", "-.inf"]);
    for (const text of ["NaN", "+Inf", "-Inf"]) expect(jsonText({ type: "float", text })).toBeNull();
  });
});

describe("integers", () => {
  test("hold 64 bits signed, digit for digit", () => {
    expect(intScalar(9223372036854775807n)?.text).toBe("9223372036854775807");
    expect(intScalar(-9223372036854775808n)?.text).toBe("-9223372036854775808");
    expect(intScalar(9223372036854775808n)).toBeNull();
    expect(intScalar(-9223372036854775809n)).toBeNull();
    expect(intScalar(9007199254740993n)).toEqual({ type: "int", text: "9007199254740993" });
  });

  test.each([
    ["5432", "5432"],
    ["-5", "-5"],
    ["+5", "5"],
    ["007", "7"],
    ["-0", "0"],
    ["9223372036854775807", "9223372036854775807"],
  ])("%s opens as %s", (text, canonical) => {
    expect(from(text, "int")).toEqual({ type: "int", text: canonical });
  });

  test.each(["", " 5", "5 ", "1_000", "0x1F", "1.0", "1e3", "--5", "abc", "9223372036854775808"])(
    "%j does not open",
    (text) => {
      expect(from(text, "int")).toBeNull();
    },
  );
});

describe("other types", () => {
  test.each(["1", "t", "T", "TRUE", "true", "True"])("%s opens as true", (text) => {
    expect(from(text, "bool")).toEqual({ type: "bool", text: "True" });
  });

  test.each(["0", "f", "F", "FALSE", "false", "False"])("%s opens as false", (text) => {
    expect(from(text, "bool")).toEqual({ type: "bool", text: "False" });
  });

  test.each(["", "yes", "tRUE", "2", "True "])("%j is no boolean", (text) => {
    expect(from(text, "bool")).toBeNull();
  });

  test.each(["1e3", ".5", "5.", "+1.5", "-1E-3"])("the float %s opens", (text) => {
    expect(from(text, "float")).toEqual(floatScalar(Number(text)));
  });

  test.each(["inf", "+Inf", "INF", "infinity", "-inf", "nan", "NaN"])("%s opens as a float", (text) => {
    expect(from(text, "float")?.text).toMatch(/^([+-]Inf|-?inf|NaN)$/);
  });

  test.each(["", "1e400", "abc", "1,5", "0x1p-2 ", "1.5.2", " 1"])("%j is no float", (text) => {
    expect(from(text, "float")).toBeNull();
  });

  test.each([
    "2001-12-14T21:59:43.1-05:00",
    "2024-02-29T12:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
  ])("%s is a time", (text) => {
    expect(from(text, "time")).toEqual({ type: "time", text });
    expect(isRfc3339(text)).toBe(true);
  });

  test.each([
    "2001-12-14",
    "2001-12-14t21:59:43Z",
    "2001-12-14T21:59:43z",
    "2001-12-14T21:59:43",
    "2001-12-14 21:59:43Z",
    "2023-02-29T12:00:00Z",
    "2001-13-01T00:00:00Z",
    "2001-12-14T24:00:00Z",
    "2001-12-14T23:59:60Z",
    "2001-12-14T21:59:43.Z",
    "2001-12-14T21:59:43+05",
    "2001-12-14T21:59:43+05:60",
    "",
  ])("%s is none", (text) => {
    expect(from(text, "time")).toBeNull();
    expect(isRfc3339(text)).toBe(false);
  });

  test("strings and comments are what the bytes say, and bytes where those are not UTF-8", () => {
    expect(from("True", "str")).toEqual({ type: "str", text: "True" });
    expect(from(" note", "comment")).toEqual({ type: "comment", text: " note" });
    expect(from("old", "bytes")).toEqual({ type: "str", text: "old" });
    expect(scalarFromBytes(Uint8Array.of(0x68, 0xff), "str")).toEqual({ type: "str", text: Uint8Array.of(0x68, 0xff) });
    expect(textOrBytes(Buffer.from("\ufeffx"))).toBe("\ufeffx");
    expect(textOrBytes(Uint8Array.of(0xed, 0xa0, 0x80))).toBeInstanceOf(Uint8Array);
  });

  test.each(["", "string", "null", "Str", "list", "__proto__", "constructor"])("the type %j is unknown", (type) => {
    expect(from("x", type)).toBeNull();
  });

  test("booleans, null and times are printed as each format has them", () => {
    expect([yamlText(boolScalar(true)), jsonText(boolScalar(false)), plainText(boolScalar(true))]).toEqual([
      "true",
      "false",
      "true",
    ]);
    expect([yamlText(NULL), jsonText(NULL), plainText(NULL)]).toEqual(["null", "null", "<nil>"]);
    const time: Scalar = { type: "time", text: "2001-12-14T21:59:43.1-05:00" };
    expect([yamlText(time), plainText(time)]).toEqual([time.text, "2001-12-14T21:59:43-05:00"]);
  });
});

test("days exist as in the Gregorian calendar", () => {
  expect([isDate(2000, 2, 29), isDate(1900, 2, 29), isDate(2023, 2, 29), isDate(0, 2, 29)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect([isDate(2001, 0, 1), isDate(2001, 13, 1), isDate(2001, 4, 31), isDate(1, 1, 0)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
