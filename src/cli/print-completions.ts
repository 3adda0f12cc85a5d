import { KeyleafError } from "../errors.ts";
import { inserted, parseBashLine } from "./bash-line.ts";
import { type Completions, completionsFor } from "./complete.ts";
import type { Context } from "./context.ts";

/**
 * `enc __complete`: what the scripts of `enc completion` ask for. Lines `word:TEXT`, and `files:word` or `files:value`
 * where names of files fit too ({@link Completions}).
 *
 * - `bash LINE POINT BREAKS`: TEXT is as readline has to insert it.
 * - `lines AT WORD...`: TEXT and, behind a tab, what it is about.
 * - `json BASE64`: of `{"at": AT, "words": [WORD...]}`; the answer is JSON, in ASCII.
 *
 * @throws `USAGE`; what else fails leaves the user without candidates, since nobody reads it.
 */
export async function printCompletions(args: readonly string[], context: Context): Promise<void> {
  const { stdout } = context.streams;
  const [form, first = "", ...more] = args;
  if (form === "bash") {
    const [point = "", breaks = ""] = more;
    const line = parseBashLine(first, Number(point), breaks);
    const { candidates, files } = await completionsFor(line.words.slice(1), line.at - 1, context);
    const fitting = candidates.filter(({ text }) => text.startsWith(line.kept));
    await stdout.write(
      linesOf(
        fitting.map(({ text }) => inserted(text, line)),
        files,
      ),
    );
  } else if (form === "lines") {
    const { candidates, files } = await completionsFor(more, Number(first), context);
    await stdout.write(
      linesOf(
        candidates.map(({ text, about }) => `${text}\t${about}`),
        files,
      ),
    );
  } else if (form === "json") {
    const { at, words } = asked(first);
    const text = JSON.stringify(await completionsFor(words, at, context));
    await stdout.write(
      `${text.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`,
    );
  } else throw new KeyleafError("USAGE", "__complete is for the scripts of enc completion");
}

function linesOf(texts: readonly string[], files: Completions["files"]): string {
  return [...texts.map((text) => `word:${text}`), ...(files === "none" ? [] : [`files:${files}`])]
    .map((line) => `${line}\n`)
    .join("");
}

function asked(base64: string): { readonly at: number; readonly words: readonly string[] } {
  const parsed: unknown = JSON.parse(Buffer.from(base64, "base64").toString());
  const { at, words } = parsed as { readonly at?: unknown; readonly words?: unknown };
  if (typeof at === "number" && Array.isArray(words)) return { at, words: words.map(String) };
  throw new KeyleafError("USAGE", "__complete json takes {at, words}");
}
