// The measurement of record: bench/results.json, and what is drawn and written from it and from nothing else.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chart } from "./chart.mjs";
import { memoryTable, origin, slowerThanSops, timeTables } from "./tables.mjs";

const BEGIN = "<!-- bench: the lines up to the end mark are written by `npm run bench` -->";
const END = "<!-- bench: end -->";

/** Writes `results.json` and `chart.svg` into `folder`. */
export function writeRecord(folder, results) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
  const svg = chart(results);
  if (svg !== null) writeFileSync(join(folder, "chart.svg"), svg);
}

/** Replaces the figures in the README of `root` by those of a run. */
export function writeReadme(root, results) {
  const path = join(root, "README.md");
  writeFileSync(path, withBlock(readFileSync(path, "utf8"), results));
}

/** @returns `readme` with the block between its marks made anew. @throws when there are no marks. */
export function withBlock(readme, results) {
  const [start, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md has no lines ${BEGIN} and ${END}`);
  return `${readme.slice(0, start)}${BEGIN}\n\n${block(results)}\n\n${readme.slice(end)}`;
}

function block(results) {
  const memory = memoryTable(results);
  return [
    "![Time that Keyleaf takes, relative to sops](bench/chart.svg)",
    `Measured on ${origin(results)}. Columns that begin with / are ratios.`,
    ...timeTables(results),
    ...slowerThanSops(results),
    ...(memory === null ? [] : [`<details>\n<summary>Peak memory</summary>\n\n${memory}\n\n</details>`]),
  ].join("\n\n");
}
