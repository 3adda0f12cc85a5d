// What a run gave, as Markdown: times of starting, of large files and of many files, and peak memory.
import { PROGRAMS } from "./names.mjs";

/**
 * `base`: what the npm build is held against besides sops. Starting Node is most of what it takes over a small file, and no
 * program on Node can be faster than that.
 */
const TABLES = [
  { id: "start", head: "small file", base: "node" },
  { id: "size", head: "one file", base: null },
  { id: "many", head: "many files", base: null },
];

/** @param results - see run.mjs. @returns the tables that have rows; a program that was in none of the rows has no column. */
export function timeTables(results) {
  return TABLES.map(({ id, head, base }) => {
    const rows = results.rows.filter(({ table }) => table === id);
    if (rows.length === 0) return null;
    const columns = presentIn(rows).flatMap((program) => timeColumns(program, base, rows));
    return aligned(head, columns, rows);
  }).filter((table) => table !== null);
}

/** @returns `null` when it was not measured. */
export function memoryTable({ rows }) {
  const measured = rows.filter(({ samples }) => Object.values(samples).some(({ kilobytes }) => kilobytes > 0));
  const columns = presentIn(measured)
    .filter(({ id }) => id !== "node")
    .map(({ id, name }) => ({ head: name, cell: ({ samples }) => mebibytes(samples[id]) }));
  return measured.length === 0 ? null : aligned("peak memory, MiB", columns, measured);
}

/** Which machine, versions and day the figures are from. */
export function origin({ machine, versions, date }) {
  return `${machine}; ${versions}; ${date}`;
}

/** Where Keyleaf takes more time than sops, one sentence for each build. */
export function slowerThanSops({ rows }) {
  return PROGRAMS.filter(({ isOurs }) => isOurs).flatMap(({ id, name }) => {
    const compared = rows.filter(({ samples }) => samples[id]?.ms > 0 && samples.sops?.ms > 0);
    if (compared.length === 0) return [];
    const slower = compared.filter(({ samples }) => samples[id].ms > samples.sops.ms).map(({ title }) => title);
    if (slower.length === 0) return [`${name} takes less time than sops in every row.`];
    if (slower.length === compared.length) return [`${name} takes more time than sops in every row.`];
    if (slower.length > compared.length / 2) {
      const faster = compared.filter(({ title }) => !slower.includes(title)).map(({ title }) => title);
      return [`${name} takes less time than sops in: ${faster.join("; ")}.`];
    }
    return [`${name} takes more time than sops in: ${slower.join("; ")}.`];
  });
}

function timeColumns({ id, name, isOurs }, base, rows) {
  const columns = [{ head: name, cell: ({ samples }) => duration(samples[id]) }];
  const against = (to, toName) => {
    if (!rows.some(({ samples }) => samples[to] !== undefined)) return;
    columns.push({ head: `/ ${toName}`, cell: ({ samples }) => ratio(samples[id], samples[to]) });
  };
  if (isOurs && id === "npm" && base === "node") against("node", "`node`");
  if (isOurs) against("sops", "sops");
  return columns;
}

function presentIn(rows) {
  return PROGRAMS.filter(({ id }) => rows.some(({ samples }) => samples[id] !== undefined));
}

/** @returns a Markdown table whose columns are as wide as their widest cell. */
function aligned(head, columns, rows) {
  return alignedCells([
    [head, ...columns.map((column) => column.head)],
    ...rows.map((row) => [row.title, ...columns.map(({ cell }) => cell(row))]),
  ]);
}

/** The same of `lines` of cells, the first of which is the head. The first column is text, the others are numbers. */
export function alignedCells(lines) {
  const widths = lines[0].map((_, column) => Math.max(3, ...lines.map((cells) => cells[column].length)));
  const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  const [top, ...rest] = lines.map((cells) => cells.map(pad));
  return [top, rule, ...rest].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** A time as it is read: 9.8 ms, 528 ms, 64.9 s. */
export function duration(sample) {
  if (sample === undefined) return "-";
  if (sample.failure !== undefined) return "failed";
  const { ms, isStopped } = sample;
  const text = ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${ms < 20 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return isStopped ? `more than ${text}` : text;
}

/** Two digits that count: 0.036, 0.58, 1.4, 12. */
export function ratio(a, b) {
  const value = a?.ms / b?.ms;
  if (!Number.isFinite(value) || a.isStopped) return "-";
  return `${b.isStopped ? "less than " : ""}${value < 100 ? value.toPrecision(2) : Math.round(value)}`;
}

function mebibytes(sample) {
  return sample?.kilobytes > 0 ? `${Math.round(sample.kilobytes / 1024)}` : "-";
}
