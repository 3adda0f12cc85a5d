import { relative } from "node:path";
import type { Context } from "./context.ts";
import { readFileOr } from "./read-file.ts";
import { printable } from "./report.ts";
import { type FileWrite, writeFiles } from "./write-file.ts";

/** A change to a text file that holds no secret, made for the user and shown to them. */
export interface TextChange {
  /** Absolute. */
  readonly path: string;
  /** `null`: there is no such file. */
  readonly before: string | null;
  readonly after: string;
}

/**
 * The change that adds lines at the end of a text file, below a comment, leaving out those that are there.
 * @returns `null` when none is missing.
 */
export async function addLines(
  path: string,
  comment: string,
  lines: readonly string[],
  context: Context,
): Promise<TextChange | null> {
  const before = await readText(path, context);
  const present = new Set((before ?? "").split("\n").map((line) => line.trim()));
  const missing = lines.filter((line) => !present.has(line));
  if (missing.length === 0) return null;
  return { path, before, after: appended(before ?? "", [comment, ...missing]) };
}

/** Text with a block of lines at its end, in the line ends that are used there and set off by an empty line. */
export function appended(text: string, lines: readonly string[]): string {
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" ? "" : text.endsWith("\n") ? lineEnd : lineEnd + lineEnd;
  return text + gap + lines.map((line) => line + lineEnd).join("");
}

/** A text file's content, `null` when there is none. */
export async function readText(path: string, { host }: Context): Promise<string | null> {
  const bytes = await readFileOr("INPUT_UNREADABLE", path, path, host);
  return bytes === null ? null : Buffer.from(bytes).toString();
}

/** Makes all changes or none, and shows them on standard error as a unified diff. */
export async function applyChanges(changes: readonly TextChange[], context: Context): Promise<void> {
  await writeFiles(
    changes.map(({ path, before, after }): FileWrite => {
      const content = Buffer.from(after);
      return {
        path,
        content,
        isSecret: false,
        ...(before === null ? { isNew: true } : { before: Buffer.from(before) }),
      };
    }),
  );
  if (changes.length === 0) return;
  const { createTwoFilesPatch } = await import("diff");
  for (const { path, before, after } of changes) {
    const name = relative(context.host.cwd, path);
    const patch = createTwoFilesPatch(
      before === null ? "/dev/null" : name,
      name,
      before ?? "",
      after,
      undefined,
      undefined,
      {
        context: 2,
      },
    );
    const lines = patch.trimEnd().split("\n");
    const start = lines.findIndex((line) => line.startsWith("--- "));
    for (const line of lines.slice(start)) context.streams.stderr.write(`${printable(line.trimEnd())}\n`);
  }
}
