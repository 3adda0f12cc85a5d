import type { FormatId } from "../formats/format.ts";
import type { Program } from "./context.ts";

/** What an editor shows of a file that is not there yet. */

/** A line that is left out of what is written, with the empty one below it, where the editor begins. */
const notice = "New file, encrypted once you save it and leave the editor. This line is not written.";

const ownTexts: ReadonlyMap<FormatId, string> = new Map([
  ["yaml", `# ${notice}\n\n`],
  ["toml", `# ${notice}\n\n`],
  ["dotenv", `# ${notice}\n\n`],
  ["ini", `; ${notice}\n\n`],
  ["json", "{\n}\n"],
]);

/** The reference shows an example of each kind of value; which ones is up to each tool. */
const examples: ReadonlyMap<FormatId, string> = new Map([
  [
    "yaml",
    `hello: Change me, or delete all of this
# Comments are encrypted too
example_key: a value
example_list:
    - first
    - second
example_number: 1234.5
example_booleans:
    - true
    - false
`,
  ],
  [
    "json",
    `{
    "hello": "Change me, or delete all of this",
    "example_key": "a value",
    "example_list": [
        "first",
        "second"
    ],
    "example_number": 1234.5,
    "example_booleans": [
        true,
        false
    ]
}
`,
  ],
  ["ini", "[example]\n; Comments are encrypted too\nhello = Change me, or delete all of this\nexample_key = a value\n"],
  [
    "dotenv",
    '# Comments are encrypted too\nHELLO=Change me, or delete all of this\nEXAMPLE_KEY=value\nEXAMPLE_LINES="first\nsecond"\n',
  ],
  [
    "toml",
    '# Comments are encrypted too\nhello = "Change me, or delete all of this"\nexample_number = 1234.5\nexample_booleans = [true, false]\n',
  ],
  ["binary", "Change me: this file is encrypted as a whole.\n"],
]);

/**
 * @param format - `null`: nothing tells it yet
 * @returns the text, and the line to begin at, from 1; `null`: anywhere
 */
export function startText(format: FormatId | null, program: Program): { text: Uint8Array; line: number | null } {
  if (program === "sops") return { text: Buffer.from(examples.get(format ?? "binary") ?? ""), line: null };
  const text = Buffer.from((format === null ? null : ownTexts.get(format)) ?? "");
  return { text, line: text.includes(notice) ? 2 : null };
}

/** What the user has written: the text without the lines that are in it only to be read. */
export function withoutNotice(text: Uint8Array): Uint8Array {
  const [start = ""] = /^[^\n]*(\n(\r?\n)?)?/.exec(Buffer.from(text).toString("latin1")) ?? [];
  return start.includes(notice) ? text.subarray(start.length) : text;
}
