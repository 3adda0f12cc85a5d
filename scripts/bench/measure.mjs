/**
 * Runs one command and says how long it took and, when asked, how much memory it needed at its peak or how many
 * instructions it executed.
 *
 * Standard output is /dev/null for every program: then none waits for a reader, and what a disk takes to write is not
 * counted. Standard error is a file, which is shown when the command fails. The time includes the start of the process,
 * about a millisecond, for every program alike. GNU time would add almost another, so it runs only where memory is asked for.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { env, folder } from "./workspace.mjs";

/** A command that takes longer is stopped: the JSON writer of sops is quadratic. */
const LONGEST_MS = 600_000;

/** From here on GNU time adds nothing that can be seen, and a run that it watches counts as a measurement too. */
export const LONG_MS = 1_000;

/** GNU time, or `null`: the `time` of BSD and of shells has no -f. */
export const gnuTime =
  spawnSync("/usr/bin/time", ["-f", "%M", process.execPath, "-e", "0"]).status === 0 ? "/usr/bin/time" : null;

/**
 * @param command - `steps`: lines of words, run one after the other; `stdin`: a file, or nothing.
 * @param withMemory - asks for the peak; of several steps it is the first one's.
 * @returns `ms` of all steps, `kilobytes` (`null`: not known), `isStopped`, `failure` (`null`: none).
 */
export async function measure({ steps, stdin }, withMemory) {
  const total = { ms: 0, kilobytes: null, isStopped: false, failure: null };
  for (const [index, words] of steps.entries()) {
    const isWatched = withMemory && index === 0 && gnuTime !== null;
    const sample = await runStep(isWatched ? [gnuTime, "-o", "memory", "-f", "%M", ...words] : words, stdin, isWatched);
    total.ms += sample.ms;
    if (sample.isStopped || sample.failure !== null) return { ...total, ...sample, ms: total.ms };
    if (isWatched) total.kilobytes = Number(readFileSync(join(folder, "memory"), "utf8").trim());
  }
  return total;
}

/**
 * How instructions can be counted on this machine, best first.
 * @param mayBeSlow - allows valgrind, which takes fifty times as long.
 * @returns `name`, and `count(command)`: the instructions of its first step, or `null`; or `null`, where nothing counts.
 */
export function instructionCounter(mayBeSlow) {
  const perf = ["perf", "stat", "-x", ",", "-e", "instructions:u", "-o", "counted", "--"];
  const valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
  const counters = [{ name: "perf", prefix: perf, pattern: /^(\d+),[^,]*,instructions/m }];
  if (mayBeSlow)
    counters.push({
      name: "valgrind",
      prefix: [...valgrind, "--log-file=counted"],
      pattern: /I\s+refs:\s+([\d,]+)/,
    });
  for (const { name, prefix, pattern } of counters) {
    const read = () => Number(pattern.exec(readFileSync(join(folder, "counted"), "utf8"))?.[1]?.replaceAll(",", ""));
    // Virtual machines often have perf, and nothing that it could count.
    const [program, ...args] = [...prefix, process.execPath, "-e", "0"];
    if (spawnSync(program, args, { cwd: folder }).status !== 0 || !(read() > 0)) continue;
    const count = async ({ steps: [words], stdin }) => {
      const { isStopped, failure } = await runStep([...prefix, ...words], stdin, true);
      return isStopped || failure !== null ? null : read();
    };
    return { name, count };
  }
  return null;
}

/** @param isWrapped - the words start a program that starts the one that is meant: both are stopped. */
async function runStep(words, stdin, isWrapped) {
  const files = [openSync(stdin === undefined ? "/dev/null" : join(folder, stdin), "r")];
  files.push(openSync("/dev/null", "w"), openSync(join(folder, "stderr"), "w"));
  const before = process.hrtime.bigint();
  const child = spawn(words[0], words.slice(1), { cwd: folder, env, stdio: files, detached: isWrapped });
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    if (child.pid !== undefined) process.kill(isWrapped ? -child.pid : child.pid, "SIGKILL");
  };
  const timer = setTimeout(stop, LONGEST_MS);
  // Before what it works on is removed.
  process.prependListener("exit", stop);
  const end = await ending(child);
  const ms = Number(process.hrtime.bigint() - before) / 1e6;
  process.off("exit", stop);
  clearTimeout(timer);
  for (const file of files) closeSync(file);
  return { ms, isStopped, failure: end === null || isStopped ? null : whatWasSaid(end) };
}

/** @returns `null` when all is well, or in a few words what is not. */
function ending(child) {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (status, signal) => resolve(status === 0 ? null : (signal ?? `status ${status}`)));
  });
}

function whatWasSaid(end) {
  const lines = readFileSync(join(folder, "stderr"), "utf8").trim().split("\n");
  // V8 says in its first line that memory has run out, and prints a long trace after that.
  const line = lines.find((text) => /error|fatal/i.test(text)) ?? lines.at(-1) ?? "";
  return `${end}: ${line.trim().slice(0, 200)}`;
}
