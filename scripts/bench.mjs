/**
 * Times the built programs against `node -e 0` and against the real sops, interleaved in one run: medians, ratios and peak
 * memory. Prints a Markdown table and writes bench/results.json.
 *
 * usage: npm run bench [-- --quick]      (--quick leaves out 100,000 values)
 *
 * Peak memory needs GNU time. Without sops its columns are empty; scripts/peers.mjs says why it is missing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { dec, enc, ensureBuilt, root } from "./built.mjs";

await ensureBuilt();
spawnSync(process.execPath, [join(root, "scripts", "peers.mjs")], { stdio: "inherit" });

const isQuick = process.argv.includes("--quick");
const folder = mkdtempSync(join(tmpdir(), "keyleaf-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const gnuTime = existsSync("/usr/bin/time") ? "/usr/bin/time" : null;
const sops = sopsProgram();
const node = process.execPath;
const env = {
  ...process.env,
  HOME: folder,
  XDG_CONFIG_HOME: join(folder, "config"),
  SOPS_AGE_KEY_FILE: join(folder, "key.txt"),
};
const recipient = run([node, enc, "keygen", "-o", "key.txt"]).stdout.toString().trim();

const rows = [];
smallFiles();
for (const count of isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000]) {
  for (const format of ["yaml", "json", "dotenv"]) bigFile(format, count);
}
manyFiles(isQuick ? 100 : 1_000);
report();

/** A file of ten values: what a deploy and a diff wait for. */
function smallFiles() {
  write("small.yaml", yamlText(10));
  write("small.enc.yaml", run([node, enc, "encrypt", "--age", recipient, "small.yaml"]).stdout);
  const empty = ["node -e 0", [node, "-e", "0"]];
  compare(
    "dec, 10 values",
    21,
    ["keyleaf", [node, dec, "small.enc.yaml"]],
    empty,
    sopsRow(["decrypt", "small.enc.yaml"]),
  );
  compare(
    "git textconv, 10 values",
    21,
    ["keyleaf", [node, enc, "git", "textconv", "small.enc.yaml"]],
    empty,
    sopsRow(["decrypt", "small.enc.yaml"]),
  );
}

function bigFile(format, count) {
  const extension = { yaml: "yaml", json: "json", dotenv: "env" }[format];
  const [plain, sealed] = [`${count}.${extension}`, `${count}.enc.${extension}`];
  write(plain, { yaml: yamlText, json: jsonText, dotenv: dotenvText }[format](count));
  write(sealed, run([node, enc, "encrypt", "--age", recipient, plain]).stdout);
  const runs = count > 10_000 ? 3 : 7;
  // The reference's JSON writer is quadratic: minutes at 100,000 values.
  const sopsRuns = format === "json" && count > 10_000 ? 1 : runs;
  const title = `${format}, ${count.toLocaleString("en")} values`;
  compare(
    `${title}, encrypt`,
    runs,
    ["keyleaf", [node, enc, "encrypt", "--age", recipient, plain]],
    null,
    sopsRow(["encrypt", "--age", recipient, plain]),
    sopsRuns,
  );
  compare(`${title}, decrypt`, runs, ["keyleaf", [node, dec, sealed]], null, sopsRow(["decrypt", sealed]), sopsRuns);
}

/** Many small files: one process here, one for each file there. */
function manyFiles(count) {
  const names = Array.from({ length: count }, (_, i) => `many/${i}.yaml`);
  const fill = () => {
    rmSync(join(folder, "many"), { recursive: true, force: true });
    mkdirSync(join(folder, "many"));
    for (const name of names) write(name, yamlText(10));
  };
  fill();
  const ours = time([node, enc, "encrypt", "-i", "--age", recipient, ...names]);
  let theirs = null;
  if (sops !== null) {
    fill();
    theirs = { ms: 0, kilobytes: 0 };
    for (const name of names) {
      const one = time([sops, "encrypt", "-i", "--age", recipient, name]);
      theirs = { ms: theirs.ms + one.ms, kilobytes: Math.max(theirs.kilobytes, one.kilobytes) };
    }
  }
  rows.push({ title: `enc -i, ${count.toLocaleString("en")} files of 10 values`, runs: 1, ours, base: null, theirs });
}

/** Runs the commands in turn, so that whatever else the machine does meets all of them. */
function compare(title, runs, ours, base, theirs, theirRuns = runs) {
  const samples = { ours: [], base: [], theirs: [] };
  for (const command of [ours, base]) if (command !== null) time(command[1]);
  for (let i = 0; i < runs; i++) {
    samples.ours.push(time(ours[1]));
    if (base !== null) samples.base.push(time(base[1]));
    if (theirs !== null && i < theirRuns) samples.theirs.push(time(theirs[1]));
  }
  rows.push({ title, runs, ours: median(samples.ours), base: median(samples.base), theirs: median(samples.theirs) });
  process.stderr.write(`${title}\n`);
}

function median(samples) {
  if (samples.length === 0) return null;
  const middle = (name) =>
    samples.map((sample) => sample[name]).toSorted((a, b) => a - b)[Math.floor(samples.length / 2)];
  return { ms: middle("ms"), kilobytes: middle("kilobytes") };
}

function time(command) {
  const timed = gnuTime === null ? command : [gnuTime, "-o", "memory", "-f", "%M", ...command];
  const before = process.hrtime.bigint();
  run(timed);
  const ms = Number(process.hrtime.bigint() - before) / 1e6;
  return { ms, kilobytes: gnuTime === null ? 0 : Number(readFileSync(join(folder, "memory"), "utf8").trim()) };
}

function run([program, ...args]) {
  const result = spawnSync(program, args, { cwd: folder, env, maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
  if (result.status !== 0) throw new Error(`${program} ${args.slice(0, 3).join(" ")}: ${result.stderr}`);
  return result;
}

function sopsRow(args) {
  return sops === null ? null : ["sops", [sops, ...args]];
}

/** The program itself, not the launcher around it, which takes time of its own. */
function sopsProgram() {
  const path = join(root, ".cache", "peers", "status.json");
  if (!existsSync(path)) return null;
  const program = JSON.parse(readFileSync(path, "utf8")).sops;
  return typeof program === "string" ? program : null;
}

function report() {
  const version = (program, ...args) =>
    program === null
      ? "missing"
      : run([program, ...args])
          .stdout.toString()
          .split("\n")[0];
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${version(sops, "--version", "--disable-version-check")}`;
  const ms = (sample) =>
    sample === null ? "-" : sample.ms >= 10_000 ? `${(sample.ms / 1000).toFixed(1)} s` : `${Math.round(sample.ms)} ms`;
  const mebibytes = (sample) =>
    sample === null || sample.kilobytes === 0 ? "-" : `${Math.round(sample.kilobytes / 1024)}`;
  const ratio = (a, b) => (b === null ? "-" : (a.ms / b.ms).toFixed(2));
  const lines = rows.map(({ title, ours, base, theirs }) =>
    [
      title,
      ms(ours),
      ms(base),
      ratio(ours, base),
      ms(theirs),
      ratio(ours, theirs),
      mebibytes(ours),
      mebibytes(theirs),
    ].join(" | "),
  );
  const head = "what | keyleaf | `node -e 0` | ratio | sops | ratio | keyleaf, peak MiB | sops, peak MiB";
  process.stdout.write(
    `${machine}\n\n| ${head} |\n|${"---|".repeat(8)}\n${lines.map((line) => `| ${line} |`).join("\n")}\n`,
  );
  mkdirSync(join(root, "bench"), { recursive: true });
  writeFileSync(join(root, "bench", "results.json"), `${JSON.stringify({ machine, rows }, null, 2)}\n`);
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
