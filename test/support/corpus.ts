import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** A thousand public configuration files, which lie beside the repository, with a manifest of their formats. */

const corpus = resolve(import.meta.dirname, "../../../shared/corpus");
const isThere = existsSync(corpus);
const missing = `the corpus is missing: it is expected in ${relative(process.cwd(), corpus)}`;

/** Tests with files of the corpus: skipped where it is missing, which is said; in CI that is a failure. */
export function describeCorpus(suite: () => void): void {
  if (!isThere) process.stdout.write(`skipped, ${missing}\n`);
  if (!isThere && process.env["CI"] === "true") it(missing, () => expect.fail(missing));
  describe(isThere ? "the corpus" : `skipped, ${missing}`, { skip: !isThere }, suite);
}

export interface CorpusFile {
  readonly path: string;
  readonly format: string;
  /** `valid` where readers of the format take it. */
  readonly expected: string;
  readonly bytes: number;
}

/** What the manifest names; nothing where the corpus is missing. */
export function corpusFiles(): CorpusFile[] {
  if (!isThere) return [];
  const [, ...rows] = readFileSync(join(corpus, "manifest.tsv"), "utf8").trimEnd().split("\n");
  return rows.map((row) => {
    const [path = "", format = "", expected = "", bytes = ""] = row.split("\t");
    return { path, format, expected, bytes: Number(bytes) };
  });
}

/** @param path - as in the manifest */
export function corpusFile(path: string): Buffer {
  return readFileSync(join(corpus, path));
}
