import { Session } from "node:inspector/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Redaction, redactor, textsOf } from "../../src/cli/redact.ts";
import { runs } from "../support/seed.ts";

/** All that goes in, in one piece. */
function redacted(values: readonly string[], output: string): string {
  const stream = redactor(textsOf(values))();
  return Buffer.concat([stream.push(Buffer.from(output)), stream.end()]).toString();
}

/** The same cut at these places. */
function inPieces(stream: Redaction, output: Uint8Array, cuts: readonly number[]): Buffer {
  const places = [0, ...cuts.map((cut) => cut % (output.length + 1)).sort((a, b) => a - b), output.length];
  const pieces = places.slice(1).map((end, i) => stream.push(output.subarray(places[i], end)));
  return Buffer.concat([...pieces, stream.end()]);
}

/** A byte as one way of reading gives it, and where it stands. */
interface Read {
  readonly byte: number;
  readonly start: number;
  readonly end: number;
}

/** What the redactor does, done slowly: the whole output is decoded in each way, and every text is looked for in each. */
function slowly(texts: readonly string[], output: Buffer): Buffer {
  const isCovered = new Array<boolean>(output.length).fill(false);
  for (const way of waysOfReading(output)) {
    const bytes = Buffer.from(way.map(({ byte }) => byte));
    for (const text of texts.map((one) => Buffer.from(one))) {
      for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) {
        isCovered.fill(true, way[at]?.start, way[at + text.length - 1]?.end);
      }
    }
  }
  const shown = isCovered.map((is, at) => (is ? (isCovered[at - 1] === true ? "" : "***") : latin1(output, at)));
  return Buffer.from(shown.join(""), "latin1");
}

function latin1(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, at + 1);
}

function waysOfReading(output: Buffer): Read[][] {
  const text = output.toString("latin1");
  const percent = /%([\da-f]{2})/gi;
  const json = /\\(?:u(d[89ab][\da-f]{2})\\u(d[c-f][\da-f]{2})|u((?!d[89a-f])[\da-f]{4})|(["\\/bfnrt]))/gi;
  const hex = (digits: string | undefined): number => Number.parseInt(digits ?? "", 16);
  const escaped = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
  return [
    decoded(text, /(?!)/g, () => []),
    decoded(text, percent, ([, digits]) => [hex(digits)]),
    decoded(text, /%([\da-f]{2})|\+/gi, ([found, digits]) => [found === "+" ? 32 : hex(digits)]),
    // Letters of escapes are small ones.
    decoded(text, json, ([found, high, low, unit, letter]) => {
      if (letter !== undefined) {
        const meant = escaped[letter as keyof typeof escaped];
        return meant === undefined ? null : [meant.charCodeAt(0)];
      }
      if (/\\U/.test(found)) return null;
      const units = high === undefined ? [hex(unit)] : [hex(high), hex(low)];
      return [...Buffer.from(String.fromCharCode(...units))];
    }),
    ...[0, 1, 2, 3].flatMap((offset) => base64Runs(text).map((run) => base64Bytes(run.slice(offset)))),
  ];
}

function decoded(text: string, escapes: RegExp, meaning: (found: RegExpExecArray) => number[] | null): Read[] {
  const read: Read[] = [];
  for (let at = 0; at < text.length; ) {
    const sticky = new RegExp(escapes.source, `${escapes.flags.replace("g", "")}y`);
    sticky.lastIndex = at;
    const found = sticky.exec(text);
    const bytes = found === null ? null : meaning(found);
    const end = found === null || bytes === null ? at + 1 : at + found[0].length;
    for (const byte of bytes ?? [text.charCodeAt(at)]) read.push({ byte, start: at, end });
    at = end;
  }
  return read;
}

function base64Runs(text: string): { letter: string; at: number }[][] {
  const runs = [...text.matchAll(/[\w+/\-\r\n]+/g)];
  return runs.map(({ 0: run, index }) =>
    [...run].map((letter, i) => ({ letter, at: index + i })).filter(({ letter }) => !/\s/.test(letter)),
  );
}

function base64Bytes(run: readonly { letter: string; at: number }[]): Read[] {
  const bytes = Buffer.from(run.map(({ letter }) => letter).join(""), "base64");
  return [...bytes].map((byte, i) => {
    const first = Math.floor(i / 3) * 4 + (i % 3);
    const own = i % 3 === 0 ? first : first + 1;
    return { byte, start: run[own]?.at ?? -1, end: (run[first + 1]?.at ?? -1) + 1 };
  });
}

/** Few different characters, so that values are in each other, and in what surrounds them, by chance. */
const letters = fc.constantFrom(...'aab% +/\\"\nuñ😀');
const value = fc.string({ unit: letters, minLength: 1, maxLength: 10 }).map((text) => `ab${text}ab${text}`);
const values = fc.array(value, { minLength: 1, maxLength: 4 });

/** The ways in which programs print a value. */
const forms: readonly ((value: string) => string)[] = [
  (text) => text,
  (text) => JSON.stringify(text),
  (text) => JSON.stringify(text).replaceAll("/", "\\/"),
  (text) => JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  (text) => JSON.stringify(text).replace(/[<>&]/g, (unit) => `\\u00${unit.charCodeAt(0).toString(16).toUpperCase()}`),
  encodeURIComponent,
  encodeURI,
  (text) => encodeURIComponent(text).toLowerCase(),
  (text) => new URLSearchParams({ a: text }).toString(),
  (text) => Buffer.from(text).toString("base64"),
  (text) => Buffer.from(text).toString("base64url"),
  (text) => Buffer.from(`{"a":"${text}"}`).toString("base64"),
  (text) => Buffer.from(`user:${text}\n`).toString("base64"),
  (text) => Buffer.from(`x${text}yy`).toString("base64url"),
  (text) =>
    (
      Buffer.from(`longer than a line ${text} and more`)
        .toString("base64")
        .match(/.{1,16}/g) ?? []
    ).join("\n"),
];

const noise = fc.oneof(
  fc.string({ unit: letters, maxLength: 12 }),
  fc.string({ maxLength: 12 }),
  fc.constantFrom("\\u00", "\\ud83d", "\\ude00", "%", "%4", "%e", "=", "YWJ", "\r\n", "\\", "\\\\"),
);

/** What a program prints, where values and parts of them stand in every form. */
function outputOf(all: readonly string[]): fc.Arbitrary<Buffer> {
  const whole = fc.constantFrom(...all);
  const part = fc.tuple(whole, fc.nat(20), fc.nat(20)).map(([text, from, to]) => text.slice(from, -to || undefined));
  const shown = fc.tuple(fc.constantFrom(...forms), whole).map(([form, text]) => form(text));
  const partShown = fc
    .tuple(fc.constantFrom(...forms), part)
    .map(([form, text]) => form(text.replace(/[\ud800-\udfff]/g, "")));
  return fc.array(fc.oneof(noise, shown, partShown), { maxLength: 8 }).map((pieces) => Buffer.from(pieces.join("")));
}

const cases = values.chain((all) =>
  fc.record({ all: fc.constant(all), output: outputOf(all), cuts: fc.array(fc.nat(400), { maxLength: 12 }) }),
);

describe("a redaction", () => {
  it("does what a slow search does, wherever the output is cut", () => {
    fc.assert(
      fc.property(cases, ({ all, output, cuts }) => {
        const texts = textsOf(all);
        const expected = slowly(texts, output).toString("latin1");
        expect(inPieces(redactor(texts)(), output, cuts).toString("latin1")).toBe(expected);
      }),
      { numRuns: runs(1500) },
    );
  });

  it("does the same byte by byte", () => {
    fc.assert(
      fc.property(cases, ({ all, output }) => {
        const make = redactor(textsOf(all));
        const cuts = [...output.keys()];
        expect(inPieces(make(), output, cuts)).toEqual(inPieces(make(), output, []));
      }),
      { numRuns: runs(500) },
    );
  });

  it("leaves no value in any form", () => {
    const anything = fc.string({ unit: "binary", minLength: 6, maxLength: 40 }).filter((text) => text.trim() === text);
    fc.assert(
      fc.property(anything, fc.constantFrom(...forms), fc.constantFrom(...forms), (text, form, other) => {
        const shown = redacted([text], `[${form(text)}] (${other(text)})`);
        expect(shown).not.toContain(text);
        const base64 = Buffer.from(text).toString("base64").slice(0, -3);
        for (const part of [encodeURIComponent(text), JSON.stringify(text).slice(1, -1), base64]) {
          expect(shown).not.toContain(part);
        }
      }),
      { numRuns: runs(1000) },
    );
  });

  it("leaves everything else as it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(200)), (output, cuts) => {
        const make = redactor(["not in there by chance"]);
        expect(inPieces(make(), output, cuts)).toEqual(Buffer.from(output));
        expect(inPieces(redactor([])(), output, cuts)).toEqual(Buffer.from(output));
      }),
    );
  });

  it.each<[output: string, shown: string]>([
    ["password hunter22!", "password ***!"],
    ["hunter22hunter22", "***"],
    ["hunter2 hunter", "hunter2 hunter"],
    ["https://app:hunter22@db/?a=%68unter22", "https://app:***@db/?a=***"],
    [`Authorization: Basic ${Buffer.from("app:hunter22").toString("base64")}`, "Authorization: Basic YXBwOm***"],
    [`QUJD/${Buffer.from("hunter22").toString("base64")}`, "QUJD/***="],
  ])("%j", (output, shown) => expect(redacted(["hunter22"], output)).toBe(shown));

  it("takes the lines of a value one by one, and nothing that is short", () => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADAN\r\n  abc\n-----END KEY-----\n";
    expect(textsOf([key, "short", "true", " padded \n"])).toEqual([
      key.trim(),
      "-----BEGIN KEY-----",
      "MIIEvQIBADAN",
      "-----END KEY-----",
      "padded",
    ]);
    expect(redacted([key], "| MIIEvQIBADAN\n| abc\n")).toBe("| ***\n| abc\n");
    expect(redacted([key], `a${key}b`)).toBe("a***\nb");
  });
});

describe("what is held back", () => {
  const secret = "s3cret-value";

  /** What has come out of the stream after each of the pieces. */
  function seen(...pieces: string[]): string[] {
    const stream = redactor([secret])();
    return pieces.map((piece) => Buffer.from(stream.push(Buffer.from(piece))).toString());
  }

  it("is nothing but what a value may have begun with", () => {
    expect(seen("Password: ")).toEqual(["Password: "]);
    expect(seen("continue? [y/N] ", "> ")).toEqual(["continue? [y/N] ", "> "]);
    expect(seen("as", "3", "x")).toEqual(["a", "", "s3x"]);
    expect(seen("a%", "20b")).toEqual(["a", "%20b"]);
    expect(seen("s3cret-valu", "e!")).toEqual(["", "***!"]);
  });

  it("comes out as soon as a value is there as a whole", () => {
    expect(seen("a s3cret-value")).toEqual(["a ***"]);
    expect(seen("a s3cret-value", "s3cret-value b")).toEqual(["a ***", " b"]);
  });

  it("comes out in the end", () => {
    const stream = redactor([secret])();
    expect(String(stream.push(Buffer.from("s3cret")))).toBe("");
    expect(String(stream.end())).toBe("s3cret");
  });
});

describe("the work that it takes", () => {
  /** How often the pieces of the redactor's code run, for an output of a value's beginnings, byte by byte where `step` is 1. */
  async function steps(value: string, output: Buffer, step: number): Promise<number> {
    const session = new Session();
    session.connect();
    try {
      await session.post("Profiler.enable");
      await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
      const stream = redactor([value])();
      for (let at = 0; at < output.length; at += step) stream.push(output.subarray(at, at + step));
      stream.end();
      const { result } = await session.post("Profiler.takePreciseCoverage");
      const functions = result.filter(({ url }) => url.endsWith("src/cli/redact.ts")).flatMap((file) => file.functions);
      return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
    } finally {
      await session.post("Profiler.stopPreciseCoverage");
      session.disconnect();
    }
  }

  it.each([1, 65_536])("grows with the output and not with its square, %i bytes at a time", async (step) => {
    const value = `${"a".repeat(5000)}b`;
    const output = (bytes: number): Buffer => Buffer.alloc(bytes, "a");
    const [short, long] = [await steps(value, output(20_000), step), await steps(value, output(200_000), step)];
    expect(short).toBeGreaterThan(20_000);
    // Ten times as much; the square would be a hundred times.
    expect(long / short).toBeLessThan(15);
  });
});
