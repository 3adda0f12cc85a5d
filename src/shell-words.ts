/**
 * Splits a command as a POSIX shell would into words, without expanding anything: blanks separate, `'...'` is literal,
 * `"..."` and bare text take `\` as "the next character as it is", `#` at the start of a word hides the rest of its line.
 *
 * @returns The words; `null` when a quote is not closed or a backslash ends the text.
 *
 * Source: the reference uses google/shlex, whose `\` inside `"..."` always goes away.
 */
export function splitCommand(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "\\" && quote !== "'") {
      at++;
      if (at === text.length) return null;
      word = (word ?? "") + text.charAt(at);
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/[ \t\r\n]/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "#" && word === null) {
      const lineEnd = text.indexOf("\n", at);
      at = lineEnd === -1 ? text.length : lineEnd;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== "") return null;
  if (word !== null) words.push(word);
  return words;
}
