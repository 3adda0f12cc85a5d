import { KeyleafError } from "../errors.ts";

/**
 * Regular expressions as rules mean them: RE2 as Go has it. Loading `re2js` costs several milliseconds,
 * and almost every pattern in use is of the kind `^(password|token)$`, so patterns that JavaScript reads alike and
 * matches in linear time are given to `RegExp`. When in doubt, `re2js`.
 */

/**
 * @param source - a pattern in RE2 syntax.
 * @returns Whether the pattern is found anywhere in a text: unanchored, per code point, case matters unless the pattern
 *   says `(?i)`, `.` is anything but a line feed, `^` and `$` are the ends of the text. Takes time linear in the text's
 *   length, whatever the pattern.
 * @throws `CONFIG_MALFORMED` when it is not valid RE2 (lookaround and references to groups are not).
 */
export async function compilePattern(source: string): Promise<(text: string) => boolean> {
  const regexp = asRegExp(source);
  if (regexp !== null) return (text) => regexp.test(text);

  const { RE2JS, RE2JSException } = await import("re2js");
  try {
    const pattern = RE2JS.compile(source);
    return (text) => pattern.test(text);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const problem = error.message.replace(/^error parsing regexp: /, "");
    throw new KeyleafError("CONFIG_MALFORMED", `pattern ${JSON.stringify(source)} does not compile: ${problem}`, {
      hint: "patterns are in RE2 syntax, which has no lookaround and no references to groups",
      cause: error,
    });
  }
}

/** What may be escaped to stand for itself, in RE2: ASCII that is neither letter, digit nor control character. */
const PUNCTUATION = "[ -\\/:-@\\[-`\\{-~]";

/** One member of a character class: `\d`, a character, or a range. A bare `-` is for the ends of the class only. */
const CLASS_CHAR = `(?:[^\\\\\\[\\]\\-]|\\\\${PUNCTUATION})`;
const CLASS_MEMBER = `(?:\\\\[dDwW]|${CLASS_CHAR}(?:-${CLASS_CHAR})?)`;

/** The constructs that both read alike, apart from quantifiers. Stray `]`, `{` and `}` are literal in RE2 only. */
const TOKEN = new RegExp(
  [
    "(?<open>\\((?:\\?:|(?!\\?)))",
    "(?<close>\\))",
    "(?<bar>\\|)",
    "(?<edge>[\\^$])",
    "(?<dot>\\.)",
    "(?<set>\\\\[dDwW])",
    `\\\\(?<escaped>${PUNCTUATION})`,
    `(?<members>\\[(?:\\^|(?!\\^))(?:-${CLASS_MEMBER}*|${CLASS_MEMBER}+)-?\\])`,
    "(?<plain>[^\\\\^$.|?*+()\\[\\]\\{\\}])",
  ].join("|"),
  "uy",
);

/** RE2 allows no count above 1000, and reads counts with leading zeros as text. */
const QUANTIFIER = /(?:(?<sign>[*+?])|\{(?<least>0|[1-9]\d{0,2}|1000)(?<more>,(?<most>[1-9]\d{0,2}|1000)?)?\})\??/uy;

/** How often a backtracking matcher may try one place of the text before it gives up. */
const MAX_WAYS = 200;

/** RE2 has a limit of its own (1000), and so has JavaScript's stack. */
const MAX_NESTING = 100;

/**
 * What a backtracking matcher may have to do for a piece of a pattern. `ways`: how many ways there are through it,
 * loops aside. `loops`: how many repetitions of open length come after each other; each may multiply the time by the
 * length of the text.
 */
interface Cost {
  ways: number;
  loops: number;
}

/** An open group, or the whole pattern: the dearest of its finished alternatives, and the one being read. */
interface Level {
  readonly finished: Cost;
  readonly current: Cost;
}

/** The same pattern for JavaScript, or `null` when `re2js` has to read it. */
function asRegExp(source: string): RegExp | null {
  const translated = translate(source);
  if (translated === null) return null;
  try {
    return new RegExp(translated, "u");
  } catch {
    // For example a range the wrong way round: re2js says what is wrong with it.
    return null;
  }
}

function translate(source: string): string | null {
  // A search finds `.*x` where it finds `x`; without the loop it is linear.
  const pattern = source.replace(/^\.\*(?![*+?{])/, "");
  const levels: Level[] = [];
  let level = newLevel();
  let output = "";
  let at = 0;
  while (at < pattern.length) {
    const token = matchAt(TOKEN, pattern, at);
    if (token === null) return null;
    at += token[0].length;
    const { open, close, bar, edge, dot, set, escaped, members, plain } = token.groups ?? {};
    if (open !== undefined) {
      levels.push(level);
      if (levels.length > MAX_NESTING) return null;
      level = newLevel();
      output += "(?:";
      continue;
    }
    if (bar !== undefined) {
      finishAlternative(level);
      output += "|";
      continue;
    }
    if (edge !== undefined) {
      // RE2 takes a quantifier after these, JavaScript does not: the next round then finds no token.
      output += edge;
      continue;
    }

    let cost: Cost = { ways: 1, loops: 0 };
    if (close !== undefined) {
      const outer = levels.pop();
      if (outer === undefined) return null;
      finishAlternative(level);
      cost = level.finished;
      level = outer;
      output += ")";
    } else if (dot !== undefined) output += "[^\\n]";
    else if (escaped !== undefined) output += literal(escaped, false);
    else if (members !== undefined) {
      output += members.replace(/\\([^dDwW])/g, (_, char: string) => literal(char, true));
    } else output += set ?? plain ?? "";

    const quantifier = matchAt(QUANTIFIER, pattern, at);
    if (quantifier !== null) {
      at += quantifier[0].length;
      output += quantifier[0];
      const { sign, least = "1", more } = quantifier.groups ?? {};
      if (sign === "?") cost.ways++;
      else {
        // What is repeated is one character, so that repetitions never nest and never match the empty text.
        if (close !== undefined) return null;
        cost.ways *= Math.max(1, Number(least));
        // Nothing can fail after the last repetition, so it is never tried again.
        const isLast = at === pattern.length && levels.length === 0;
        if ((sign !== undefined || more !== undefined) && !isLast) cost.loops++;
      }
    }
    level.current.ways *= cost.ways;
    level.current.loops += cost.loops;
  }
  if (levels.length > 0) return null;
  // Tried at one place of the text only, so that one loop is still linear.
  const isAnchored = pattern.startsWith("^") && level.finished.ways === 0;
  finishAlternative(level);
  const { ways, loops } = level.finished;
  return ways <= MAX_WAYS && loops <= (isAnchored ? 1 : 0) ? output : null;
}

function newLevel(): Level {
  return { finished: { ways: 0, loops: 0 }, current: { ways: 1, loops: 0 } };
}

function finishAlternative({ finished, current }: Level): void {
  finished.ways += current.ways;
  finished.loops = Math.max(finished.loops, current.loops);
  current.ways = 1;
  current.loops = 0;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** With the `u` flag only the characters of the syntax may be escaped, and `-` in classes. */
function literal(char: string, isInClass: boolean): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(char) || (isInClass && char === "-") ? `\\${char}` : char;
}
