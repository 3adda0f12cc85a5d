/**
 * Measures Keyleaf, on Node and as a standalone executable, against sops (and rops, where it is on PATH), all in turn in
 * one run. Prints the machine, Markdown tables of medians, ratios and peak memory, and how the run stands to each limit.
 *
 * usage: npm run bench [-- [--quick] [--only WORDS]]
 *        npm run bench -- --compare REV [--instructions] [--quick] [--only WORDS]
 *        npm run bench -- --readme
 *
 *   --quick         few turns, nothing over 10,000 values, 100 files rather than 1,000
 *   --only WORDS    rows with these words in their title
 *   --compare REV   this checkout against a revision, in pairs and by instruction count; prints no times
 *   --instructions  with --compare: counts by valgrind where perf cannot, which is slow
 *   --readme        measures nothing: draws the chart and writes the README's figures again from bench/results.json
 *
 * A whole run with sops is the record: it writes bench/results.json, bench/chart.svg and the figures in README.md. Other
 * runs write into .cache/bench. Peak memory needs GNU time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, root } from "./built.mjs";

const options = {
  quick: { type: "boolean", default: false },
  only: { type: "string" },
  compare: { type: "string" },
  instructions: { type: "boolean", default: false },
  readme: { type: "boolean", default: false },
};
let flags = {};
try {
  flags = parseArgs({ options }).values;
  // Loaded when used: measuring makes a folder and starts programs.
  if (flags.readme) await again();
  else if (flags.compare !== undefined) await compareWith(flags.compare);
  else await measureAll();
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}

async function measureAll() {
  await ensureBuilt();
  const { findPrograms } = await import("./bench/programs.mjs");
  const { makeKey } = await import("./bench/workspace.mjs");
  const { rows } = await import("./bench/rows.mjs");
  const { run } = await import("./bench/run.mjs");
  const { found, missing } = findPrograms();
  const recipient = makeKey(found.get("npm"));
  const chosen = rows({ found, recipient, isQuick: flags.quick, words: flags.only });
  if (chosen.length === 0) throw new Error(`no row has ${flags.only} in its title`);
  const results = await run(chosen, found);
  await report(results, missing);
  await record(results, found.has("sops"));
}

async function report(results, missing) {
  const { memoryTable, origin, slowerThanSops, timeTables } = await import("./bench/tables.mjs");
  const { verdictLines } = await import("./bench/limits.mjs");
  const { gnuTime } = await import("./bench/measure.mjs");
  const failed = results.rows.flatMap(({ title, samples }) =>
    Object.entries(samples).flatMap(([id, { failure }]) =>
      failure === undefined ? [] : [`${title}: ${id} failed: ${failure}`],
    ),
  );
  const notes = [...missing, ...failed];
  if (gnuTime === null) notes.push("peak memory is left out: it needs GNU time as /usr/bin/time");
  const memory = memoryTable(results);
  const tables = [...timeTables(results), ...(memory === null ? [] : [memory])];
  const parts = [origin(results), ...tables, slowerThanSops(results).join("\n"), verdictLines(results).join("\n")];
  process.stdout.write(`${[...parts, notes.join("\n")].filter((part) => part !== "").join("\n\n")}\n`);
}

/** A part of a run must not pass for the whole. */
async function record(results, hasSops) {
  const { writeReadme, writeRecord } = await import("./bench/readme.mjs");
  const isWhole = !flags.quick && flags.only === undefined && hasSops;
  const folder = isWhole ? "bench" : join(".cache", "bench");
  writeRecord(join(root, folder), results);
  if (isWhole) writeReadme(root, results);
  process.stdout.write(`\nwritten: ${folder}/results.json, ${folder}/chart.svg${isWhole ? ", README.md" : ""}\n`);
}

async function again() {
  const { writeReadme, writeRecord } = await import("./bench/readme.mjs");
  const results = JSON.parse(readFileSync(join(root, "bench", "results.json"), "utf8"));
  writeRecord(join(root, "bench"), results);
  writeReadme(root, results);
}

async function compareWith(revision) {
  await ensureBuilt();
  const { compare } = await import("./bench/compare.mjs");
  const { quick: isQuick, only: words, instructions: mayBeSlow } = flags;
  process.stdout.write(`${await compare(revision, { isQuick, words, mayBeSlow })}\n`);
}
