/**
 * Times the built programs against `node -e 0` and against the real sops, interleaved in one run: medians, ratios and peak
 * memory. Prints a Markdown table and how it stands to the limits, and writes bench/results.json.
 *
 * usage: npm run bench [-- --quick]      (--quick: no 100,000 values, 100 files rather than 1,000)
 *
 * Peak memory needs GNU time. Without it, or without sops, those columns are empty and a line says why.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { dec, enc, ensureBuilt, root } from "./built.mjs";

await ensureBuilt();
spawnSync(process.execPath, [join(root, "scripts", "peers.mjs")], { stdio: ["ignore", 2, 2] });

const isQuick = process.argv.includes("--quick");
const folder = mkdtempSync(join(tmpdir(), "keyleaf-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
// The `time` of BSD and of shells has no -f.
const gnuTime =
  spawnSync("/usr/bin/time", ["-f", "%M", process.execPath, "-e", "0"]).status === 0 ? "/usr/bin/time" : null;
const { sops, whyNot } = sopsProgram();
const node = process.execPath;
/** A command that takes longer is stopped: the JSON writer of sops is quadratic. */
const LONGEST_MS = 600_000;
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SOPS_"))),
  HOME: folder,
  XDG_CONFIG_HOME: join(folder, "config"),
  SOPS_AGE_KEY_FILE: join(folder, "key.txt"),
};
const recipient = output(node, enc, "keygen", "-o", "key.txt").toString().trim();

const rows = [];
const start = await smallFiles();
for (const count of isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000]) {
  for (const format of ["yaml", "json", "dotenv"]) await bigFile(format, count);
}
await manyFiles(isQuick ? 100 : 1_000, isQuick ? 1 : 3);
report();

/** A file of ten values: what a deploy and a diff wait for. @returns the row of `dec`. */
async function smallFiles() {
  write("small.yaml", yamlText(10));
  write("small.enc.yaml", output(node, enc, "encrypt", "--age", recipient, "small.yaml"));
  const base = [node, "-e", "0"];
  const theirs = ["decrypt", "small.enc.yaml"];
  const runs = isQuick ? 11 : 41;
  const row = await compare("`dec`, 10 values", runs, { ours: [node, dec, "small.enc.yaml"], base, theirs });
  await compare("`enc git textconv`, 10 values", runs, {
    ours: [node, enc, "git", "textconv", "small.enc.yaml"],
    base,
    theirs,
  });
  return row;
}

async function bigFile(format, count) {
  const extension = { yaml: "yaml", json: "json", dotenv: "env" }[format];
  const [plain, sealed] = [`${count}.${extension}`, `${count}.enc.${extension}`];
  write(plain, { yaml: yamlText, json: jsonText, dotenv: dotenvText }[format](count));
  write(sealed, output(node, enc, "encrypt", "--age", recipient, plain));
  const runs = count > 10_000 ? 3 : 7;
  const title = `${format}, ${count.toLocaleString("en")} values`;
  const encrypt = ["encrypt", "--age", recipient, plain];
  await compare(`${title}, encrypt`, runs, { ours: [node, enc, ...encrypt], theirs: encrypt });
  await compare(`${title}, decrypt`, runs, { ours: [node, dec, sealed], theirs: ["decrypt", sealed] });
}

/** Many small files: one process here, one for each file there. */
async function manyFiles(count, runs) {
  const names = Array.from({ length: count }, (_, i) => `many/${i}.yaml`);
  const encrypt = ["encrypt", "-i", "--age", recipient];
  const samples = { ours: [], theirs: [] };
  for (let i = 0; i < runs; i++) {
    fill(names);
    samples.ours.push(await time([node, enc, ...encrypt, ...names]));
    if (sops === null) continue;
    fill(names);
    const each = [];
    for (const name of names) each.push(await time([sops, ...encrypt, name]));
    samples.theirs.push({
      ms: each.reduce((sum, { ms }) => sum + ms, 0),
      kilobytes: Math.max(...each.map(({ kilobytes }) => kilobytes)),
    });
  }
  addRow(`\`enc -i\`, ${count.toLocaleString("en")} files of 10 values`, runs, samples);
}

function fill(names) {
  rmSync(join(folder, "many"), { recursive: true, force: true });
  mkdirSync(join(folder, "many"));
  for (const name of names) write(name, yamlText(10));
}

/** Runs the commands in turn, so that whatever else the machine does meets all of them. `theirs` goes without program. */
async function compare(title, runs, { ours, base, theirs }) {
  const commands = new Map([["ours", ours]]);
  if (base !== undefined) commands.set("base", base);
  if (sops !== null) commands.set("theirs", [sops, ...theirs]);
  const samples = { ours: [], base: [], theirs: [] };
  for (let i = 0; i < runs; i++) {
    for (const [name, command] of commands) {
      const sample = await time(command);
      samples[name].push(sample);
      // What takes minutes is known well enough after one run.
      if (sample.ms > 60_000) commands.delete(name);
    }
  }
  return addRow(title, runs, samples);
}

function addRow(title, runs, { ours, base = [], theirs }) {
  const row = { title, runs, ours: median(ours), base: median(base), theirs: median(theirs) };
  rows.push(row);
  process.stderr.write(`${title}\n`);
  return row;
}

function median(samples) {
  if (samples.length === 0) return null;
  const middle = (name) =>
    samples.map((sample) => sample[name]).toSorted((a, b) => a - b)[Math.floor(samples.length / 2)];
  return { ms: middle("ms"), kilobytes: middle("kilobytes"), isStopped: samples.some(({ isStopped }) => isStopped) };
}

/** @returns kilobytes 0: not known. */
async function time(command) {
  const [program, ...args] = gnuTime === null ? command : [gnuTime, "-o", "memory", "-f", "%M", ...command];
  const before = process.hrtime.bigint();
  // In a process group of its own, so that `time` takes along what it has started when it is stopped.
  const child = spawn(program, args, {
    cwd: folder,
    env,
    stdio: ["ignore", "ignore", "pipe"],
    detached: gnuTime !== null,
  });
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    if (gnuTime === null) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(stop, LONGEST_MS);
  process.on("exit", stop);
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [status] = await once(child, "close");
  const ms = Number(process.hrtime.bigint() - before) / 1e6;
  process.off("exit", stop);
  clearTimeout(timer);
  if (status !== 0 && !isStopped) throw new Error(`${command.slice(0, 4).join(" ")}: ${stderr}`);
  const kilobytes = gnuTime === null || isStopped ? 0 : Number(readFileSync(join(folder, "memory"), "utf8").trim());
  return { ms, kilobytes, isStopped };
}

/** @returns what a program prints. */
function output(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${stderr}`);
  return stdout;
}

/** The program itself, not the launcher around it, which takes time of its own. */
function sopsProgram() {
  const path = join(root, ".cache", "peers", "status.json");
  const status = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
  if (typeof status.sops === "string") return { sops: status.sops, whyNot: null };
  return { sops: null, whyNot: status.missing ?? "it is not installed" };
}

function report() {
  const cpu = cpus();
  const machine = [
    `${cpu.length} x ${cpu[0]?.model ?? "unknown processor"}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${type()} ${arch()}`,
    `Node ${process.versions.node}`,
    ...(sops === null ? [] : [output(sops, "--version", "--disable-version-check").toString().split("\n")[0]]),
  ].join(", ");
  const head = "what | Keyleaf | `node -e 0` | ratio | sops | ratio | Keyleaf, peak MiB | sops, peak MiB";
  const lines = rows.map(({ title, ours, base, theirs }) => {
    const cells = [duration(ours), duration(base), ratio(ours, base), duration(theirs), ratio(ours, theirs)];
    return [title, ...cells, mebibytes(ours), mebibytes(theirs)].join(" | ");
  });
  const table = [head, `--- |${" --: |".repeat(6)} --:`, ...lines].map((line) => `| ${line} |`).join("\n");
  process.stdout.write(`${machine}\n\n${table}\n\n${[...limits(), ...missing()].join("\n")}\n`);
  mkdirSync(join(root, "bench"), { recursive: true });
  writeFileSync(join(root, "bench", "results.json"), `${JSON.stringify({ machine, rows }, null, 2)}\n`);
}

/** How the run stands to what is promised. */
function limits() {
  const verdict = (what, value, limit) =>
    `${what}: ${value.toFixed(2)} (at most ${limit}) ${value <= limit ? "ok" : "OVER"}`;
  const lines = [verdict("dec of 10 values / node -e 0", start.ours.ms / start.base.ms, 1.6)];
  for (const { title, ours, theirs } of rows) {
    if (!title.startsWith("yaml, 100,000") || theirs === null) continue;
    lines.push(verdict(`${title}, time / sops`, ours.ms / theirs.ms, 0.6));
    if (theirs.kilobytes > 0) lines.push(verdict(`${title}, memory / sops`, ours.kilobytes / theirs.kilobytes, 1));
  }
  return lines;
}

function missing() {
  const lines = [];
  if (sops === null) lines.push(`the sops columns are empty: ${whyNot}`);
  if (gnuTime === null) lines.push("the memory columns are empty: they need GNU time as /usr/bin/time");
  if (isQuick) lines.push("--quick: 100,000 values were left out");
  return lines;
}

function duration(sample) {
  if (sample === null) return "-";
  const text = sample.ms >= 10_000 ? `${(sample.ms / 1000).toFixed(1)} s` : `${Math.round(sample.ms)} ms`;
  return sample.isStopped ? `more than ${text}` : text;
}

function ratio(a, b) {
  if (b === null) return "-";
  return `${b.isStopped ? "less than " : ""}${(a.ms / b.ms).toPrecision(2)}`;
}

function mebibytes(sample) {
  return sample === null || sample.kilobytes === 0 ? "-" : `${Math.round(sample.kilobytes / 1024)}`;
}

function write(name, content) {
  writeFileSync(join(folder, name), content);
}

function value(i) {
  return ((i + 1) * 2654435761).toString(16).padStart(24, "0");
}

function yamlText(count) {
  let text = "";
  for (let i = 0; i < count; i++)
    text += `${i % 10 === 0 ? `service_${i / 10}:\n` : ""}    key_${i % 10}: value-${value(i)}\n`;
  return text;
}

function jsonText(count) {
  const services = {};
  for (let i = 0; i < count; i++) {
    services[`service_${Math.floor(i / 10)}`] ??= {};
    services[`service_${Math.floor(i / 10)}`][`key_${i % 10}`] = `value-${value(i)}`;
  }
  return `${JSON.stringify(services, null, 2)}\n`;
}

function dotenvText(count) {
  return Array.from({ length: count }, (_, i) => `KEY_${i}=value-${value(i)}\n`).join("");
}
