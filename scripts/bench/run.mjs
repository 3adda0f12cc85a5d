// One run: every row, all programs in turn, so that whatever else the machine does meets all of them.
import { arch, cpus, totalmem, type } from "node:os";
import { gnuTime, LONG_MS, measure } from "./measure.mjs";
import { median, quantile } from "./statistics.mjs";

/** How often the peak is taken where that would add to the time. These runs come first, and warm the caches. */
const MEMORY_TURNS = 3;

/** What takes longer is known well enough after one run. */
const ONCE_MS = 60_000;

/**
 * @param found - programs by id, for their versions.
 * @returns what bench/results.json holds.
 */
export async function run(rows, found) {
  const measured = [];
  for (const row of rows) {
    process.stderr.write(`${row.title}\n`);
    measured.push(await measureRow(row));
  }
  return { date: new Date().toISOString().slice(0, 10), machine: machine(), versions: versions(found), rows: measured };
}

async function measureRow({ title, table, format, count, verb, turns, prepare, reset, commands }) {
  prepare();
  const states = [...commands].map(([id, command]) => ({ id, command, ms: [], kilobytes: [] }));
  for (const state of states) Object.assign(state, { isLong: false, isDone: false, isStopped: false, failure: null });
  for (let turn = 0; states.some(({ isDone }) => !isDone); turn++) {
    // Back and forth, so that no program always follows the same one.
    for (const state of turn % 2 === 0 ? states : states.toReversed()) {
      if (state.isDone) continue;
      reset?.();
      await takeTurn(state, turns);
    }
  }
  return { title, table, format, count, verb, samples: Object.fromEntries(states.map(summary)) };
}

async function takeTurn(state, turns) {
  const withMemory = gnuTime !== null && (state.isLong || state.kilobytes.length < MEMORY_TURNS);
  const { ms, kilobytes, isStopped, failure } = await measure(state.command, withMemory);
  state.isLong = ms >= LONG_MS;
  if (!withMemory || state.isLong) state.ms.push(ms);
  if (kilobytes !== null) state.kilobytes.push(kilobytes);
  Object.assign(state, { isStopped, failure });
  state.isDone = isStopped || failure !== null || ms > ONCE_MS || state.ms.length >= turns;
}

/** Milliseconds to a hundredth, which is finer than anything that is compared. */
function summary({ id, ms, kilobytes, isStopped, failure }) {
  if (failure !== null) return [id, { failure }];
  const round = (number) => Math.round(number * 100) / 100;
  const times = { ms: round(median(ms)), lowerMs: round(quantile(ms, 0.25)), upperMs: round(quantile(ms, 0.75)) };
  const peak = kilobytes.length === 0 ? {} : { kilobytes: median(kilobytes) };
  return [id, { ...times, turns: ms.length, ...peak, ...(isStopped ? { isStopped } : {}) }];
}

function machine() {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [`${cpus().length} x ${first?.model.trim() ?? "unknown processor"}`, memory, `${type()} ${arch()}`].join(", ");
}

/** By program: `Node 20.1.2`, `sops 3.11.0`; for the standalone executable what it runs on, where that is known. */
function versions(found) {
  const named = [`Keyleaf ${found.get("npm").version}`, `Node ${found.get("node").version}`];
  const runtime = found.get("standalone")?.runtime;
  if (runtime !== undefined) named.push(`standalone on ${runtime}`);
  for (const id of ["sops", "rops"])
    if (found.has(id)) named.push(`${id} ${found.get(id).version ?? "of unknown version"}`);
  return named.join(", ");
}
