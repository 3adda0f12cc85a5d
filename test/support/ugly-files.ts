/**
 * Random files of every format, spelled as badly as people do. Values are full of long tokens (`canary` and 12 hex
 * digits) that tests look for afterwards; keys hold none. What a format refuses is for the caller to filter.
 */
import fc from "fast-check";
import type { FormatId } from "../../src/formats/format.ts";

/** Tokens that values are planted with. */
export const CANARY = /canary[0-9a-f]{12}/g;

const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 12, maxLength: 12 });
const canary = hex.map((digits) => `canary${digits}`);

/** Text of one line for values: tokens, blanks, and whatever a format may trip over. */
const odd = fc.constantFrom(
  ...[
    "",
    " ",
    "  ",
    "a",
    "'",
    '"',
    "`",
    "\\",
    "\\n",
    "#",
    " #",
    ";",
    "=",
    ":",
    ": ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "&",
    "*",
  ],
  ...["!", "|", ">", "%", "@", "-", "- ", "?", "~", "$x", "$(x)", "é", "\u{1f511}", "\u00a0", "\ufeff", "\u0301", "\t"],
  ...["\u2028", "\u0085", "\u200b", "<", "/", "ENC[", "0x1F", "1.50", "null"],
);
const words = fc
  .array(fc.oneof({ weight: 2, arbitrary: canary }, odd), { maxLength: 4 })
  .map((parts) => parts.join(""));

const lineBreak = fc.constantFrom("\n", "\n", "\r\n");
const bom = fc.constantFrom("", "", "", "\ufeff");

/** Lines as a file, with or without a line break at the end. */
function asFile(lines: fc.Arbitrary<readonly string[]>): fc.Arbitrary<string> {
  return fc
    .tuple(lines, lineBreak, bom, fc.boolean())
    .map(([all, ending, mark, isWhole]) => mark + all.join("\n").replaceAll("\n", ending) + (isWhole ? ending : ""));
}

/** What follows `key:` or `-` on its line, and the lines below. `column`: where the key or the dash stands. */
interface Written {
  readonly head: string;
  readonly lines: readonly string[];
}
type Writer = (column: number) => Written;

const pad = (column: number): string => " ".repeat(column);

const numbers = fc.constantFrom(
  ...["0", "-0", "1", "-17", "+12", "017", "0o17", "0x1F", "0b11", "1_000", "1.50", "5.", ".5", "1e3", "-0.0", "08"],
  ...[".inf", "-.INF", ".nan", "9223372036854775807", "-9223372036854775808", "123456789012345678901234", "1e400"],
);
const plainWords = fc.constantFrom(
  ...["true", "False", "yes", "off", "~", "null", "", "2001-12-14", "2001-12-14T21:59:43.10-05:00", "2001-12-14 1:2:3"],
  ...["1:30", "a b  c", "a#b", "a:b", "-a", "?a", "x'y", 'x"y', "http://x/?a=b#c", "C:\\dir", "<<", "=", "0o8"],
);
const plain = fc.oneof({ weight: 3, arbitrary: canary }, numbers, plainWords);

const single = words.map((text) => `'${text.replaceAll("'", "''").replaceAll("\u0085", "")}'`);
const double = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: canary },
      fc.constantFrom("\\x41", "\\u00e9", "\\U0001F511", "\\n", "\\t", '\\"', "\\\\", "\\/", "\\e", "\\0", "\\_", " "),
      odd.map((text) => text.replace(/["\\]/g, "")),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join("")}"`);
const tagged = fc.constantFrom("!!str 12", '!!int "12"', "!local x", "!!float 3", "!!binary aGVsbG8=", "! 5", "!!str");

const trailing = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  canary.map((text) => ` # ${text}`),
  fc.constantFrom(" ", "  #", " #x", "\t# tab"),
);

const oneLine: fc.Arbitrary<Writer> = fc
  .tuple(
    fc.constantFrom(" ", " ", "  ", "\t"),
    fc.oneof({ weight: 2, arbitrary: plain }, single, double, tagged),
    trailing,
  )
  .map(([gap, text, comment]) => () => ({ head: `${gap}${text}${comment}`, lines: [] }));

/** Plain and quoted scalars over several lines. */
const folded: fc.Arbitrary<Writer> = fc
  .tuple(
    fc.constantFrom("", "'", '"'),
    fc.array(fc.oneof(canary, fc.constantFrom("", "b c")), { minLength: 2, maxLength: 4 }),
  )
  .map(([quote, parts]) => (column) => {
    const lines = parts.map((part) => (part === "" ? "" : pad(column + 2) + part));
    const [first = "", ...others] = [`${quote}${parts[0] === "" ? "a" : (parts[0] ?? "")}`, ...lines.slice(1)];
    return { head: ` ${first}`, lines: [...others, `${pad(column + 2)}end${quote}`] };
  });

const blockLine = fc.oneof(
  { weight: 3, arbitrary: canary },
  fc.constantFrom("", "", " ", "  indented", "# no comment", "- x", "k: v", "a ", "\ttab", "---x", "é\u{1f511}"),
);
const blockScalar: fc.Arbitrary<Writer> = fc
  .record({
    style: fc.constantFrom("|", ">"),
    chomping: fc.constantFrom("", "-", "+"),
    indent: fc.constantFrom(1, 2, 4),
    isIndicated: fc.boolean(),
    comment: fc.constantFrom("", "", " # header"),
    lines: fc.array(blockLine, { maxLength: 5 }),
    after: fc.constantFrom(0, 0, 1, 2),
  })
  .map(({ style, chomping, indent, isIndicated, comment, lines, after }) => (column) => ({
    head: ` ${style}${isIndicated ? indent : ""}${chomping}${comment}`,
    lines: [
      ...lines.map((line) => (line === "" ? "" : pad(column + indent) + line)),
      ...Array.from({ length: after }, () => ""),
    ],
  }));

const between = fc.array(
  fc.oneof(
    fc.constantFrom("", "  "),
    fc.tuple(fc.constantFrom(0, 0, 0, 2, 7), canary).map(([shift, text]) => `\0${pad(shift)}# ${text}`),
    fc.constantFrom("\0#", "#at the edge"),
  ),
  { maxLength: 2 },
);
/** Comments that begin with NUL stand in the column of what follows. */
const placed = (lines: readonly string[], column: number): string[] =>
  lines.map((line) => line.replace("\0", pad(column)));

const keyManner = fc.constantFrom(
  ...[
    "plain",
    "plain",
    "plain",
    "plain",
    "clear",
    "single",
    "double",
    "unicode",
    "blank",
    "colon",
    "explicit",
    "number",
  ],
);
function keyOf(manner: string, index: number): string {
  switch (manner) {
    case "clear":
      return `k${index}_unencrypted`;
    case "single":
      return `'k ${index}'`;
    case "double":
      return `"k\\x41${index}"`;
    case "unicode":
      return `schlüssel${index}\u{1f511}`;
    case "blank":
      return `k${index} `;
    case "colon":
      return `a:b${index}`;
    case "explicit":
      return `? k${index}\n`;
    case "number":
      return `"${index}"`;
    default:
      return `k${index}`;
  }
}

/** A mapping in braces: keys with and without values, comments and commas in every place. Empty values are left out. */
function flowMapping(value: fc.Arbitrary<string>, key: string): fc.Arbitrary<string> {
  const shape = fc.constantFrom(
    "K: V",
    "K: V",
    "K : V",
    "K:  V",
    '"K":V',
    "'K': V",
    "? K : V",
    "K",
    "'K'",
    "? K",
    "K: ",
    "K:",
  );
  const comma = fc.constantFrom(", ", ",", " , ", ",\n     ", " # c\n     , ", ", # c\n     ");
  const end = fc.constantFrom("", "", " ", ",", ", ", " # c\n     ", ", # c\n     ");
  return fc
    .tuple(fc.array(fc.tuple(shape, value, comma), { maxLength: 3 }), fc.constantFrom("", " ", "\n     "), end)
    .map(([members, start, close]) => {
      const written = members.map(([form, text, separator], i) => {
        const member = form.replace("K", `${key}${i}`).replace("V", () => text);
        return i === members.length - 1 ? member : member + separator;
      });
      return `{${start}${written.join("")}${members.length === 0 ? "" : close}}`;
    });
}

const { block, flow } = fc.letrec<{ block: Writer; list: Writer; map: Writer; flow: string; value: Writer }>((tie) => ({
  flow: fc.oneof(
    { maxDepth: 2, depthSize: "small" },
    fc.oneof(single, double, canary, numbers, fc.constantFrom("", "true", "a b", "2001-12-14")),
    fc
      .tuple(
        fc.array(tie("flow"), { maxLength: 3 }),
        fc.constantFrom(", ", ",", ",\n     ", " ,  ", ", # c\n     "),
        fc.boolean(),
      )
      .map(([parts, comma, isTrailing]) => {
        const real = parts.filter((part) => part !== "");
        return `[${real.join(comma)}${isTrailing && real.length > 0 ? "," : ""}]`;
      }),
    flowMapping(tie("flow"), "f"),
  ),
  map: fc
    .array(fc.tuple(between, keyManner, tie("value")), { minLength: 1, maxLength: 4 })
    .map((entries) => (column) => ({
      head: "",
      lines: entries.flatMap(([before, manner, write], index) => {
        const { head, lines } = write(column);
        const key = keyOf(manner, index);
        const own = key.endsWith("\n")
          ? [pad(column) + key.slice(0, -1), `${pad(column)}:${head}`]
          : [`${pad(column)}${key}:${head}`];
        return [...placed(before, column), ...own, ...lines];
      }),
    })),
  list: fc.array(fc.tuple(between, tie("value")), { minLength: 1, maxLength: 3 }).map((items) => (column) => ({
    head: "",
    lines: items.flatMap(([before, write]) => {
      const { head, lines } = write(column);
      const [first = "", ...others] = lines;
      // `- k: v`: the first line of a mapping or list stands beside the dash.
      const isCompact = head === "" && first.startsWith(pad(column + 2)) && /^ *[-\w"'?]/.test(first);
      const own = isCompact
        ? [`${pad(column)}- ${first.slice(column + 2)}`, ...others]
        : [`${pad(column)}-${head}`, ...lines];
      return [...placed(before, column), ...own];
    }),
  })),
  block: fc.oneof(tie("map")),
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 4, arbitrary: oneLine },
    { weight: 2, arbitrary: blockScalar },
    { weight: 1, arbitrary: folded },
    {
      weight: 2,
      arbitrary: fc.tuple(tie("flow"), trailing).map(
        ([text, comment]): Writer =>
          (column) => {
            const [first = "", ...others] = `${text}${comment}`.split("\n");
            return { head: ` ${first}`, lines: others.map((line) => pad(column) + line) };
          },
      ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie("map"), fc.constantFrom(2, 2, 4), fc.constantFrom("", "", " # head", " !!map", " &m"))
        .map(
          ([write, step, head]): Writer =>
            (column) => ({ head, lines: write(column + step).lines }),
        ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(tie("list"), fc.constantFrom(2, 2, 4), fc.constantFrom("", "", " # head")).map(
        ([write, step, head]): Writer =>
          (column) => ({ head, lines: write(column + step).lines }),
      ),
    },
  ),
}));

/** A document with anchors before and aliases after the rest. */
const yamlDocument = fc
  .tuple(
    between,
    block,
    fc.option(fc.constantFrom("x", "'x y'", "{u: canary0123456789ab, v: [1, 0x1F]}", "[a, 'b']"), { nil: null }),
    fc.constantFrom("al: *a", "al: [*a , *a ]", "al:\n  - *a\n  - *a # again", "al: {x: *a }"),
    fc.boolean(),
    between,
  )
  .map(([before, write, anchored, alias, isMerged, after]) => [
    ...placed(before, 0),
    ...(anchored === null ? [] : [`an: &a ${anchored}`]),
    ...(isMerged
      ? ["base: &base", "  one: canary00112233aabb", "  two_unencrypted: 2", "derived:", "  <<: *base", "  three: x"]
      : []),
    ...write(0).lines,
    ...(anchored === null ? [] : [alias]),
    ...placed(after, 0),
  ]);

const flowDocument = fc
  .tuple(between, flowMapping(flow, "k"), trailing)
  .map(([before, text, comment]) => [...placed(before, 0), ...(text + comment).split("\n")]);

const yaml = asFile(
  fc
    .tuple(
      fc.constantFrom("", "", "---", "--- # c", "%YAML 1.1\n---"),
      fc.array(fc.oneof({ weight: 6, arbitrary: yamlDocument }, { weight: 1, arbitrary: flowDocument }), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.constantFrom("---", "---", "...\n---", "--- # next", "...\n# between\n---"),
      fc.constantFrom("", "", "", "..."),
    )
    .map(([start, documents, separator, end]) => [
      ...(start === "" ? [] : [start]),
      ...documents.flatMap((lines, i) => (i === 0 ? lines : [separator, ...lines])),
      ...(end === "" ? [] : [end]),
    ]),
);

const blank = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r\n"), maxLength: 2 });
const jsonString = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: canary },
      fc.constantFrom(
        "\\u0041",
        "\\/",
        "\\n",
        "\\u00e9",
        "\\ud83d\\udd11",
        "\\ud800",
        '\\"',
        "\\\\",
        "\\u2028",
        "\\u003c",
      ),
      odd.map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join("")}"`);
const jsonNumber = fc.constantFrom(
  ...[
    "0",
    "-0",
    "1",
    "-17",
    "1.0",
    "1.50",
    "1e3",
    "1E+3",
    "-0.0",
    "1e-7",
    "9223372036854775807",
    "1.7976931348623157e308",
  ],
  ...["9223372036854775808", "12345678901234567890123", "0.1e1", "5e-324", "100000000000000000000000.0"],
);
const { object } = fc.letrec<{ object: string; value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 2, arbitrary: jsonString },
    { weight: 1, arbitrary: fc.oneof(jsonNumber, fc.constantFrom("true", "false", "null", '""', "{}", "[]", "[ ]")) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(blank, tie("value"), blank), { maxLength: 4 })
        .map((parts) => `[${parts.map((part) => part.join("")).join(",")}]`),
    },
    { weight: 1, arbitrary: tie("object") },
  ),
  object: fc
    .array(
      fc.tuple(
        blank,
        fc.constantFrom("k", "k\\u0041", "", "__proto__", "1", "a_unencrypted", "a:b"),
        blank,
        tie("value"),
        blank,
      ),
      { maxLength: 4 },
    )
    .map((members) => `{${members.map(([a, key, b, value, c]) => `${a}"${key}"${b}:${b}${value}${c}`).join(",")}}`),
}));
const json = fc.tuple(bom, blank, object, blank).map((parts) => parts.join(""));

const envKey = fc.constantFrom("A", "B_unencrypted", "export C", "D ", "e.f", "", "ü", "A");
const envValue = fc.oneof(
  words,
  words.map((text) => `"${text.replaceAll('"', "")}"`),
  words.map((text) => `'${text.replaceAll("'", "")}' # note`),
  fc.tuple(canary, canary).map(([first, second]) => `"${first}\n${second}\n"`),
  fc.tuple(canary, canary).map(([first, second]) => `${first}\\n${second}`),
);
const dotenv = asFile(
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.tuple(envKey, envValue).map((pair) => pair.join("=")) },
      canary.map((text) => `# ${text}`),
      fc.constantFrom("", "   ", "#", "  # indented", "\t"),
    ),
    { maxLength: 8 },
  ),
);

const iniValue = fc.oneof(
  words,
  words.map((text) => `"${text}"`),
  words.map((text) => `'${text}' ; note`),
  fc.tuple(canary, canary).map(([first, second]) => `"""${first}\n${second}"""`),
  fc.tuple(canary, canary).map(([first, second]) => `\`${first} # ${second}\``),
  fc.tuple(canary, canary).map(([first, second]) => `${first} \\\n  ${second}`),
);
const ini = asFile(
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .tuple(
            fc.constantFrom("", "", "  "),
            fc.constantFrom("a", "b", "c d", "`q=r`", '"s:t"', "u_unencrypted", "ü", "a.b"),
            fc.constantFrom("=", " = ", ": ", " :"),
            iniValue,
          )
          .map((parts) => parts.join("")),
      },
      fc.constantFrom("[s]", "[t]", " [u.v] ; c", "[s]", "[DEFAULT]", "[x_unencrypted]", "[a b]"),
      canary.map((text) => `; ${text}`),
      canary.map((text) => `# ${text}`),
      fc.constantFrom("", "", "  ", ";", "#", "  ; indented", ";;; many"),
    ),
    { maxLength: 9 },
  ),
);

const tomlKey = fc.constantFrom("a", "b", '"c d"', "'e'", "f.g", "u_unencrypted", '"ü"', "f . h");
const tomlValue = fc.oneof(
  canary.map((text) => `"${text}"`),
  canary.map((text) => `'${text}'  # ${text}`),
  fc.tuple(canary, canary).map(([first, second]) => `"""${first}\n${second}\\\n   """`),
  fc.tuple(canary, canary).map(([first, second]) => `[ '${first}', # ${second}\n  {x = "${second}"}, ]`),
  fc.constantFrom("0x1F", "1_000", "1.50", "-inf", "true", "1979-05-27 07:32:00Z", "07:32:00", "[]", '""'),
);
const toml = asFile(
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.tuple(tomlKey, fc.constantFrom("=", " = ", "\t= "), tomlValue).map((all) => all.join("")),
      },
      fc.constantFrom("[s]", "[ t ] # c", "[[l]]", "[s.u]", "[u_unencrypted]", "", "  ", "#"),
      canary.map((text) => `# ${text}`),
    ),
    { maxLength: 8 },
  ),
);

const binary = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 64 }),
  fc.tuple(canary, words).map((parts) => parts.join("\n")),
  json,
);

/** Files by format: text, or bytes where any bytes will do. */
export const uglyFiles: Readonly<Record<FormatId, fc.Arbitrary<string | Uint8Array>>> = {
  yaml,
  json,
  dotenv,
  ini,
  toml,
  binary,
};
