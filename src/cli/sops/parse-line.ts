import { KeyleafError } from "../../errors.ts";
import { goBoolean } from "../../go-boolean.ts";
import type { SopsFlag } from "./flags.ts";

/** Command lines as the reference reads them, which is as Go's `flag` does. */

export interface ParsedLine {
  /** By the flag's name: its values in the order of the line. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
}

/**
 * Flags in front of the first word that is none, as for the line without a command.
 * @throws `USAGE`
 */
export function parseInFront(rows: readonly SopsFlag[], words: readonly string[]): ParsedLine {
  const flags = new GivenFlags(rows);
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") return { given: flags.values, operands: words.slice(at + 1) };
    if (!isFlagWord(word)) break;
    at += flags.take(word, words[at + 1]);
  }
  return { given: flags.values, operands: words.slice(at) };
}

/**
 * Flags anywhere in front of `--`, as for commands. Behind the first operand, words that look like flags and are not known
 * are operands too, so that a value may begin with a dash.
 *
 * The reference moves flags to the front together with the word behind them, without asking whether that is a value, so
 * that those behind `-i FILE` get lost.
 * @throws `USAGE`
 */
export function parseAnywhere(rows: readonly SopsFlag[], words: readonly string[]): ParsedLine {
  const flags = new GivenFlags(rows);
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") {
      operands.push(...words.slice(operands.length === 0 ? at + 1 : at));
      break;
    }
    if (isFlagWord(word) && (operands.length === 0 || flags.knows(word))) at += flags.take(word, words[at + 1]);
    else operands.push(word);
  }
  return { given: flags.values, operands };
}

function isFlagWord(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

class GivenFlags {
  readonly values = new Map<string, string[]>();
  readonly #rows: readonly SopsFlag[];
  /** The spelling in which a flag has been given. */
  readonly #spellings = new Map<string, string>();

  constructor(rows: readonly SopsFlag[]) {
    this.#rows = rows;
  }

  knows(word: string): boolean {
    return this.#find(spellingOf(word)) !== undefined;
  }

  /** Takes one flag. @returns how many words more than its own it took */
  take(word: string, next: string | undefined): 0 | 1 {
    const spelling = spellingOf(word);
    const row = this.#find(spelling);
    if (row === undefined) throw new KeyleafError("USAGE", `flag provided but not defined: -${spelling}`);
    const before = this.#spellings.get(row.name) ?? spelling;
    if (before !== spelling) {
      throw new KeyleafError("USAGE", `Cannot use two forms of the same flag: ${spelling} ${before}`);
    }
    this.#spellings.set(row.name, spelling);
    const equals = word.indexOf("=");
    const inWord = equals === -1 ? undefined : word.slice(equals + 1);
    if (row.type === "switch") {
      const isOn = goBoolean(inWord ?? "true");
      if (isOn === null)
        throw new KeyleafError("USAGE", `invalid boolean value ${JSON.stringify(inWord)} for -${spelling}`);
      this.#add(row, String(isOn));
      return 0;
    }
    const value = inWord ?? next;
    if (value === undefined) throw new KeyleafError("USAGE", `flag needs an argument: -${spelling}`);
    if (row.type === "number" && !isWholeNumber(value)) {
      throw new KeyleafError("USAGE", `invalid value ${JSON.stringify(value)} for flag -${spelling}`);
    }
    this.#add(row, value);
    return inWord === undefined ? 1 : 0;
  }

  #find(spelling: string): SopsFlag | undefined {
    return this.#rows.find(({ name, alias }) => name === spelling || alias === spelling);
  }

  #add({ name }: SopsFlag, value: string): void {
    this.values.set(name, [...(this.values.get(name) ?? []), value]);
  }
}

function spellingOf(word: string): string {
  return word.replace(/^--?/, "").replace(/=.*/s, "");
}

/** Decimal; that Go takes other bases as well, nobody uses. */
function isWholeNumber(text: string): boolean {
  return /^[-+]?(0|[1-9]\d{0,8})$/.test(text);
}
