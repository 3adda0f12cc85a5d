/** What readline's completion in bash works on: a line with its quotes, of which it replaces the end. */

export interface BashLine {
  /** Words without their quotes, the program's name in front of them. What is behind the cursor in its word is left out. */
  readonly words: readonly string[];
  /** Which of them is being typed. */
  readonly at: number;
  /** What is put in the place of the word: {@link inserted}. */
  readonly kept: string;
  /** The quote that is open at the cursor; `""`: none. */
  readonly quote: "" | "'" | '"';
}

/**
 * Takes a line apart as bash does, without expanding anything.
 *
 * @param line - `COMP_LINE`: the command, up to the end of what has been typed.
 * @param point - the cursor's place in it, in characters.
 * @param breaks - `COMP_WORDBREAKS`: readline replaces what follows the last of these that is not quoted, or a quote that
 * is still open; `kept` is the part of the word before, without its quotes.
 */
export function parseBashLine(line: string, point: number, breaks: string): BashLine {
  const chars = [...line];
  const { words: finished, last, kept, quote } = scan(chars.slice(0, point), breaks);
  const behind = chars.slice(point);
  const rest = scan(behind, breaks, quote);
  const later = rest.last === null ? rest.words : [...rest.words, rest.last];
  // What follows at once is the rest of the word that is being typed.
  if (quote !== "" || /^[^ \t\n]/.test(behind.join(""))) later.shift();
  // Variables that are set for the command stand in front of it.
  const first = Math.max(
    0,
    finished.findIndex((word) => !/^\w+=/.test(word)),
  );
  return { words: [...finished.slice(first), last ?? "", ...later], at: finished.length - first, kept, quote };
}

interface Scanned {
  readonly words: string[];
  /** What is not ended by a blank; `null`: nothing is. */
  readonly last: string | null;
  readonly kept: string;
  readonly quote: BashLine["quote"];
}

function scan(chars: readonly string[], breaks: string, open: BashLine["quote"] = ""): Scanned {
  const words: string[] = [];
  let word: string | null = null;
  let kept = "";
  let keptBeforeQuote = "";
  let quote = open;
  const close = (): void => {
    quote = "";
    kept = keptBeforeQuote;
  };
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string;
    if (quote === "'") {
      if (char === "'") close();
      else word = (word ?? "") + char;
    } else if (char === "\\" && (quote === "" || /["\\$`]/.test(chars[i + 1] ?? ""))) {
      word = (word ?? "") + (chars[++i] ?? "");
    } else if (char === quote) close();
    else if (quote === '"') word = (word ?? "") + char;
    else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
      keptBeforeQuote = kept;
      kept = word;
    } else if (/[ \t\n]/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
      kept = "";
    } else {
      word = (word ?? "") + char;
      if (breaks.includes(char)) kept = word;
    }
  }
  return { words, last: word, kept, quote };
}

/** What readline has to put there for a candidate that begins with `kept`, quoted for where it stands. */
export function inserted(candidate: string, { kept, quote }: Pick<BashLine, "kept" | "quote">): string {
  const text = candidate.slice(kept.length);
  if (quote === "'") return text.replaceAll("'", "'\\''");
  if (quote === '"') return text.replace(/["\\$`]/g, "\\$&");
  return text.replace(/[^\p{L}\p{N}_./:=@%+,-]/gu, "\\$&");
}
