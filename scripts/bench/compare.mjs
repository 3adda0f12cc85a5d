/**
 * What a change did: this checkout against a revision, which is built in a worktree of its own by its own scripts. The two
 * builds run in pairs, A B, B A, A B, ... so that what drifts on the machine meets both; only the ratio within each pair
 * counts. Where instructions can be counted, their ratio says the same with less noise.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "../built.mjs";
import { instructionCounter, measure } from "./measure.mjs";
import { PROGRAMS } from "./names.mjs";
import { buildStandalone, npm, npmProgram, standaloneProgram } from "./programs.mjs";
import { rows } from "./rows.mjs";
import { isChanged, median, spread } from "./statistics.mjs";
import { alignedCells } from "./tables.mjs";
import { folder, makeKey } from "./workspace.mjs";

/** Counting by valgrind takes fifty times as long as running. */
const LARGEST_FOR_VALGRIND = 10_000;

/** Counts differ by a few thousandths from run to run, and a build whose files lie elsewhere by as much. */
const INSTRUCTIONS_TOLERANCE = 0.01;

/** Enough for the little that differs between runs: hash seeds, and when the garbage collector comes. */
const COUNTS = 3;

const builds = PROGRAMS.filter(({ isOurs }) => isOurs);

/**
 * @param revision - anything that git takes for a commit.
 * @returns a Markdown table and what it says, without a time in it.
 */
export async function compare(revision, { isQuick, words, mayBeSlow }) {
  const { before, after, commit, notes } = await bothSides(revision);
  const recipient = makeKey(after.get("npm"));
  const rowsOf = (found) => rows({ found, recipient, isQuick, words }).filter(({ count = 0 }) => count <= 100_000);
  const [oldRows, newRows] = [rowsOf(before), rowsOf(after)];
  if (newRows.length === 0) throw new Error(`no row has ${words} in its title`);
  const counter = instructionCounter(mayBeSlow);
  if (counter === null) notes.push("instructions are not counted: perf cannot here; --instructions lets valgrind try");

  const compared = [];
  for (const [index, row] of newRows.entries()) {
    process.stderr.write(`${row.title}\n`);
    row.prepare();
    for (const { id, name } of builds) {
      const [older, newer] = [oldRows[index].commands.get(id), row.commands.get(id)];
      if (older === undefined || newer === undefined) continue;
      compared.push({ title: row.title, name, ...(await compareRow(row, older, newer, counter)) });
    }
  }
  return [`This checkout against ${commit}: new / old.`, table(compared), ...summary(compared), ...notes].join("\n\n");
}

/** @returns the programs of both sides by id, from folders alike, so that nothing but the build differs. */
async function bothSides(revision) {
  const commit = git("rev-parse", "--short", "--verify", `${revision}^{commit}`).trim();
  const tree = await checkOut(commit);
  await run(tree, ...npm("run", "build"));
  const notes = [];
  const sides = [
    { name: "old", checkout: tree, found: new Map() },
    { name: "new", checkout: root, found: new Map() },
  ];
  for (const { name, checkout, found } of sides) found.set("npm", npmProgram(copyOfBuild(checkout, name)));
  const why = sides.map(addStandalone).find((reason) => reason !== null);
  if (why !== undefined) {
    for (const { found } of sides) found.delete("standalone");
    notes.push(`the standalone executable is left out: ${why}`);
  }
  const [before, after] = sides.map(({ found }) => found);
  return { before, after, commit, notes };
}

/** A worktree that is removed however this process ends. Its dependencies are this checkout's where they are the same. */
async function checkOut(commit) {
  const tree = join(folder, "tree");
  // Before the folder around it is removed. Twice --force: also when git was stopped while it made the tree.
  process.prependListener("exit", () => {
    spawnSync("git", ["worktree", "remove", "--force", "--force", tree], { cwd: root });
    rmSync(tree, { recursive: true, force: true });
    spawnSync("git", ["worktree", "prune"], { cwd: root });
  });
  git("worktree", "add", "--quiet", "--detach", tree, commit);
  const lock = (checkout) => readFileSync(join(checkout, "package-lock.json"), "utf8");
  if (lock(tree) === lock(root)) symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  else await run(tree, ...npm("ci", "--ignore-scripts"));
  return tree;
}

/** What is measured stays as it is, whatever is built meanwhile. */
function copyOfBuild(checkout, name) {
  const copy = join(folder, name);
  cpSync(join(checkout, "dist", "cli"), join(copy, "dist", "cli"), { recursive: true });
  cpSync(join(checkout, "package.json"), join(copy, "package.json"));
  symlinkSync(join(checkout, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** @returns why it could not be built or started, or `null`. */
function addStandalone({ name, checkout, found }) {
  try {
    const copy = join(folder, name, "standalone");
    cpSync(buildStandalone(checkout), copy);
    found.set("standalone", standaloneProgram(copy, `${name}-standalone`));
    return null;
  } catch (error) {
    return `${name}: ${error.message}`;
  }
}

/** @returns `ratios` and `instructions` (`null`: not counted), each new / old; or `failure`. */
async function compareRow(row, older, newer, counter) {
  const ratios = [];
  // One pair more than counts, so that caches are warm for both.
  for (let pair = -1; pair < row.pairs; pair++) {
    const order = pair % 2 === 0 ? [older, newer] : [newer, older];
    const samples = new Map();
    for (const command of order) {
      row.reset?.();
      const { ms, failure, isStopped } = await measure(command, false);
      if (failure !== null || isStopped) {
        return { failure: `${command === older ? "old" : "new"}: ${failure ?? "takes too long"}` };
      }
      samples.set(command, ms);
    }
    if (pair >= 0) ratios.push(samples.get(newer) / samples.get(older));
  }
  return { ratios, instructions: await countRow(row, older, newer, counter) };
}

async function countRow(row, older, newer, counter) {
  if (counter === null || (counter.name === "valgrind" && row.count > LARGEST_FOR_VALGRIND)) return null;
  const counts = { older: [], newer: [] };
  for (let i = 0; i < COUNTS; i++) {
    for (const [side, command] of [
      ["older", older],
      ["newer", newer],
    ]) {
      row.reset?.();
      counts[side].push((await counter.count(command)) ?? Number.NaN);
    }
  }
  return median(counts.newer) / median(counts.older);
}

function table(compared) {
  const lines = compared.map(({ title, name, failure, ratios, instructions }) => {
    if (failure !== undefined) return [title, name, "failed", "-", "-", "-", "-"];
    const [low, high] = spread(ratios);
    const numbers = [ratios.length.toString(), fixed(median(ratios)), `${fixed(low)} to ${fixed(high)}`];
    return [title, name, ...numbers, fixed(instructions), verdict(ratios)];
  });
  return alignedCells([["what", "build", "pairs", "time", "spread", "instructions", "verdict"], ...lines]);
}

/** Which rows changed by more than the spread, and which could not be measured. */
function summary(compared) {
  const measured = compared.filter(({ failure }) => failure === undefined);
  const changed = measured.filter(({ ratios }) => isChanged(ratios));
  const line = ({ title, name, ratios }) => `- ${title}, ${name}: ${verdict(ratios)}, ${fixed(median(ratios))}`;
  const counted = measured.filter(
    ({ instructions }) => instructions !== null && Math.abs(instructions - 1) > INSTRUCTIONS_TOLERANCE,
  );
  const countLine = ({ title, name, instructions }) => `- ${title}, ${name}: ${fixed(instructions)}`;
  const failures = compared.filter(({ failure }) => failure !== undefined);
  return [
    changed.length === 0
      ? "No row changed by more than its spread."
      : `Changed by more than the spread:\n\n${changed.map(line).join("\n")}`,
    ...(counted.length === 0
      ? []
      : [`Instructions changed by more than ${INSTRUCTIONS_TOLERANCE}:\n\n${counted.map(countLine).join("\n")}`]),
    ...failures.map(({ title, name, failure }) => `${title}, ${name}: failed: ${failure}`),
  ];
}

function verdict(ratios) {
  if (!isChanged(ratios)) return "same";
  return median(ratios) < 1 ? "faster" : "slower";
}

function fixed(number) {
  return number === null || Number.isNaN(number) ? "-" : number.toFixed(3);
}

function git(...args) {
  const { status, stdout, stderr, error } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args[0]}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Waits for a program, in a process group of its own, which ends with this process: nothing writes into a removed tree. */
async function run(cwd, program, args) {
  const child = spawn(program, args, { cwd, stdio: ["ignore", 2, 2], detached: true });
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  // Before what it works on is removed.
  process.prependListener("exit", stop);
  const [status] = await once(child, "exit");
  process.off("exit", stop);
  if (status !== 0) throw new Error(`${[program, ...args].join(" ")} failed`);
}
