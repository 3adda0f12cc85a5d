/**
 * Random dotenv, INI and JSON text whose layout nobody would print: odd blanks and line ends, half-open quotes, markers
 * in the wrong place, control characters. What a format refuses is for the caller to filter.
 */
import fc from "fast-check";

const lineBreak = fc.oneof(
  { weight: 6, arbitrary: fc.constant("\n") },
  { weight: 2, arbitrary: fc.constant("\r\n") },
  { weight: 1, arbitrary: fc.constantFrom("\n\n", "\r", "\r\r\n", "\n\r\n") },
);
const mark = fc.oneof({ weight: 8, arbitrary: fc.constant("") }, fc.constantFrom("\ufeff", "\ufeff\ufeff", "\ufeff "));

/** Lines with an end each, mixed in half of the files; the last one may have none. */
function fileOf(line: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
  const mixed = fc.array(fc.tuple(line, lineBreak), { maxLength }).map((lines) => lines.flat());
  const uniform = fc
    .tuple(fc.array(line, { maxLength }), fc.constantFrom("\n", "\n", "\r\n"))
    .map(([lines, end]) => lines.flatMap((text) => [text, end]));
  return fc
    .tuple(mark, fc.oneof(uniform, mixed), fc.boolean())
    .map(([start, parts, isWhole]) => start + (isWhole ? parts : parts.slice(0, -1)).join(""));
}

function soup(maxLength: number, ...atoms: readonly string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...atoms), { maxLength }).map((parts) => parts.join(""));
}

const CONTROLS = ["\0", "\x01", "\b", "\v", "\f", "\x1b", "\x1f", "\x7f", "\u0085", "\u009f"];
const BLANKS = [" ", "  ", "\t", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u3000", "\u200b", "\ufeff"];
const LETTERS = ["a", "b", "n", "0", "1.50", "é", "e\u0301", "\u{1f511}", "漢", "\u202e", "\ufffd", "\u{10ffff}"];
const QUOTES = ["'", '"', "`", '"""', "\\'", '\\"', "\\`", "''", '""', "``"];
const MARKS = [
  "#",
  ";",
  " #",
  " ;",
  "=",
  " = ",
  ":",
  "[",
  "]",
  "\\",
  "\\n",
  "\\\\n",
  "\\\\",
  "$x",
  "{x}",
  "%(a)s",
  ",",
];

const anything = soup(7, ...LETTERS, ...LETTERS, ...QUOTES, ...MARKS, ...BLANKS, ...CONTROLS);
const blank = fc.oneof({ weight: 3, arbitrary: fc.constant("") }, soup(2, " ", " ", "\t", "\u00a0", "\v"));
/** Text over several lines, some of which look like something else. */
const lines = fc
  .array(
    fc.tuple(fc.oneof(anything, fc.constantFrom("", "# c", "; c", "C=d", "[s]", "x \\", "-----END-----")), lineBreak),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((parts) => parts.flat().join(""));

function quoted(text: fc.Arbitrary<string>, ...quotes: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...quotes), text).map(([quote, inner]) => `${quote}${inner}${quote}`);
}

const trailing = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  fc.constantFrom(" ", "\t", " # c", "# c", " ; c", " #", ";", ' # "', " # '", " x", " \\", "\\"),
);

const envKey = fc
  .tuple(
    fc.constantFrom("", "", "", "export ", "export\t", " ", "\t", "  export  "),
    fc.constantFrom(
      "A",
      "B",
      "C_unencrypted",
      "d.e",
      "F-G",
      "1",
      "",
      "ü",
      "sops",
      "SOPS_X",
      "export",
      "a b",
      '"q"',
      "A\\n",
    ),
    fc.constantFrom("", "", "", " ", "\t", "  "),
  )
  .map((parts) => parts.join(""));
const envValue = fc.oneof(
  anything,
  quoted(anything, '"', "'", "`"),
  quoted(lines, '"', "'", "`"),
  fc.constantFrom("", "''", '""', "postgres://u:p@h/d?x=y#z", '{"a": "b"}', "'\\''", '"\\n"', '"\\\\"'),
);
const envLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(envKey, fc.constant("="), blank, envValue, trailing).map((parts) => parts.join("")),
  },
  { weight: 1, arbitrary: fc.tuple(blank, fc.constant("#"), anything).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.constantFrom("", " ", "\t", "\v", "#", "##", "  # c", "#!/bin/sh", "# A=b", "\u00a0") },
);
const dotenv = fc.oneof(
  { weight: 4, arbitrary: fileOf(envLine, 7) },
  {
    weight: 1,
    arbitrary: soup(16, "A=", "B=", "=", "#", "\n", "\n", "\r\n", "\r", '"', "'", "`", "\\", "x", " ", "\\n"),
  },
);

const iniKey = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "c d",
    "u_unencrypted",
    "-",
    "ü",
    "a.b",
    "é\u00a0x",
    "sops",
    "a[0]",
    "x;y",
    "x#y",
    "a]",
    "'q'",
  ),
  quoted(fc.constantFrom("q=r", "s:t", "a", " sp ", "x`y", "# c", "[s]", "-"), "`", '"', '"""'),
);
const iniValue = fc.oneof(
  anything,
  quoted(anything, '"', "'", "`", '"""'),
  quoted(lines, "`", '"""'),
  fc.tuple(anything, anything).map(([first, second]) => `${first} \\\n  ${second}`),
  fc.constantFrom("", '"x ; y"', "'a' 'b'", '""', "``", '"""', '""""""', "\\", "a\\ ", "# only", "x # ] `"),
);
const iniLine = fc.oneof(
  {
    weight: 7,
    arbitrary: fc
      .tuple(blank, iniKey, fc.constantFrom("=", " = ", ":", ": ", "\t=\t", " =", "=  "), iniValue, trailing)
      .map((parts) => parts.join("")),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        blank,
        fc.constantFrom(
          "[s]",
          "[t]",
          "[s]",
          "[DEFAULT]",
          "[default]",
          "[ x ]",
          "[a.b]",
          "[x_unencrypted]",
          "[a]b]",
          "[ü]",
          "[SOPS]",
        ),
        trailing,
      )
      .map((parts) => parts.join("")),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(blank, fc.constantFrom("#", ";", "##", ";;", "; #", "# ;"), anything)
      .map((parts) => parts.join("")),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "  ", "\t", "\v", ";", "#", ";;; ", "\u0085", "\u2028") },
);
const ini = fc.oneof(
  { weight: 4, arbitrary: fileOf(iniLine, 9) },
  {
    weight: 1,
    arbitrary: soup(
      20,
      ...[
        "a=",
        "b = ",
        "k:",
        "[s]",
        "[t]",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "; c",
        "#",
        ";",
        "`",
        '"""',
        '"',
        "'",
        "\\\n",
      ],
      ...["\\", "x", "y", " ", "\t", "-=", "]", "\u00a0", "\u0085"],
    ),
  },
);

const gap = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.constant(" ") },
  soup(3, " ", "\t", "\n", "\r", "\r\n", "\n    "),
);
const escaped = soup(
  6,
  ...LETTERS,
  ...BLANKS,
  ...[
    "\\n",
    "\\t",
    "\\r",
    "\\b",
    "\\f",
    "\\/",
    "/",
    '\\"',
    "\\\\",
    "\\u0041",
    "\\u00E9",
    "\\u00e9",
    "\\u0000",
    "\\u001f",
  ],
  ...[
    "\\ud83d\\udd11",
    "\\uD83D",
    "\\udd11",
    "\\udd11\\ud83d",
    "\\ufffd",
    "\\ufeff",
    "\\u2028",
    "<",
    ">",
    "&",
    "\\u003c",
  ],
  ...["\x7f", "\u0085", "ENC[", "]", "'", "#", "\ufffd"],
);
const jsonText = escaped.map((text) => `"${text}"`);
const digits = soup(4, "0", "1", "9", "00", "17", "9007199254740993", "99999999999999999999").filter(
  (text) => text !== "",
);
const jsonNumber = fc.oneof(
  fc.constantFrom(
    "0",
    "-0",
    "1.0",
    "1.50",
    "1e3",
    "1E+3",
    "1e-7",
    "-0.0",
    "-0e0",
    "0e5",
    "5e-324",
    "1e22",
    "1e21",
    "2e-324",
  ),
  fc.constantFrom("9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e400"),
  fc
    .tuple(
      fc.constantFrom("", "-"),
      digits.map((text) => text.replace(/^0+(?=.)/, "")),
      fc.oneof(
        fc.constant(""),
        digits.map((text) => `.${text}`),
      ),
      fc.constantFrom("", "", "", "e0", "E5", "e+07", "e-10", "E-3"),
    )
    .map((parts) => parts.join("")),
);
const { object, value } = fc.letrec<{ object: string; value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    { weight: 3, arbitrary: jsonText },
    { weight: 2, arbitrary: jsonNumber },
    { weight: 1, arbitrary: fc.constantFrom("true", "false", "null", '""', "{}", "[]", "{ }", "[\n]") },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.array(fc.tuple(gap, tie("value"), gap), { minLength: 1, maxLength: 4 }))
        .map(([elements]) => `[${elements.map((parts) => parts.join("")).join(",")}]`),
    },
    { weight: 1, arbitrary: tie("object") },
  ),
  object: fc
    .tuple(
      fc.array(
        fc.tuple(
          gap,
          fc.oneof(
            jsonText,
            fc.constantFrom('"a"', '"a"', '"b"', '"b_unencrypted"', '"__proto__"', '"1"', '""', '"\\u0061"', '"a:b"'),
          ),
          gap,
          fc.constant(":"),
          gap,
          tie("value"),
          gap,
        ),
        { maxLength: 5 },
      ),
      gap,
    )
    .map(([members, inside]) => `{${members.map((parts) => parts.join("")).join(",") || inside}}`),
}));
// A file need not be an object, though for sops it has to be one.
const json = fc
  .tuple(
    fc.oneof({ weight: 6, arbitrary: fc.constant("") }, fc.constant("\ufeff")),
    gap,
    fc.oneof({ weight: 5, arbitrary: object }, { weight: 1, arbitrary: value }),
    gap,
  )
  .map((parts) => parts.join(""));

/** Text by format. */
export const randomLayouts = { dotenv, ini, json } as const;
