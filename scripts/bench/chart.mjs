/**
 * The chart of a run, as SVG text: time relative to sops, a bar for each build of Keyleaf (and for rops, where it was
 * measured). The scale is logarithmic and the bars begin at sops: to the left is less time, to the right more.
 */
import { PROGRAMS } from "./names.mjs";
import { origin, ratio } from "./tables.mjs";

/** In pixels. The plot lies between the titles of rows and the right margin, which holds figures of long bars. */
const WIDTH = 860;
const PLOT = { left: 215, right: 810 };
const BAR = { height: 13, step: 15 };
const ROW_GAP = 9;
const GROUP_HEAD = 30;
const TOP = 104;

const COLOURS = {
  standalone: { light: "#0b7285", dark: "#3bc9db" },
  npm: { light: "#e67700", dark: "#ffc078" },
  rops: { light: "#868e96", dark: "#909296" },
};

/** What the chart shows of the sizes: tables have the rest. */
const SIZES = [1_000, 100_000];

/**
 * @param results - see run.mjs.
 * @returns SVG that is legible on light and dark pages, or `null` when nothing was measured against sops.
 */
export function chart(results) {
  const groups = grouped(results.rows);
  if (groups.length === 0) return null;
  const shown = PROGRAMS.filter(({ id }) => id in COLOURS && groups.some(({ rows }) => rows.some(has(id))));
  const values = groups.flatMap(({ rows }) =>
    rows.flatMap((row) => shown.filter(({ id }) => has(id)(row)).map(({ id }) => relative(row, id))),
  );
  const scale = scaleFor(values);

  const parts = [];
  let y = TOP;
  for (const { head, rows } of groups) {
    parts.push(text(16, y + 19, head, "head"));
    y += GROUP_HEAD;
    for (const row of rows) {
      const present = shown.filter(({ id }) => has(id)(row));
      const height = present.length * BAR.step;
      parts.push(text(PLOT.left - 14, y + height / 2 + 4, row.label, "label", "end"));
      for (const [i, { id }] of present.entries()) parts.push(bar(row, id, y + i * BAR.step, scale));
      y += height + ROW_GAP;
    }
  }
  const bottom = y + 4;
  return svg(bottom + 66, [...heading(shown), ...axis(scale, bottom), ...parts, ...caption(results, bottom + 42)]);
}

/** @returns groups of rows that can be compared with sops, under heads of their own. */
function grouped(rows) {
  const comparable = rows.filter((row) => Object.keys(COLOURS).some((id) => has(id)(row)));
  const plain = (title) => title.replaceAll("`", "");
  const labelled = (table, label) =>
    comparable.filter((row) => row.table === table).map((row) => ({ ...row, label: label(row) }));
  const sizes = SIZES.map((count) => ({
    head: `One file of ${count.toLocaleString("en")} values`,
    rows: labelled("size", ({ format, verb }) => `${format}, ${verb}`).filter((row) => row.count === count),
  }));
  const many = labelled("many", ({ title }) => plain(title).split(",")[0]);
  return [
    { head: "One file of 10 values", rows: labelled("start", ({ title }) => plain(title).split(",")[0]) },
    ...sizes,
    {
      head: `${(many[0]?.count ?? 0).toLocaleString("en")} files of 10 values`,
      rows: many,
    },
  ].filter(({ rows }) => rows.length > 0);
}

function has(id) {
  return (row) => row.samples[id]?.ms > 0 && row.samples.sops?.ms > 0;
}

function relative(row, id) {
  return row.samples[id].ms / row.samples.sops.ms;
}

/** Around all values and sops itself, with room for a figure. @returns `at(value)`, in pixels, and the `ticks`. */
function scaleFor(values) {
  const high = Math.log10(Math.max(2, ...values));
  const least = Math.log10(Math.min(0.5, ...values));
  const low = least - (high - least) * 0.09;
  const at = (value) => PLOT.left + ((Math.log10(value) - low) / (high - low)) * (PLOT.right - PLOT.left);
  const ticks = [];
  for (let power = Math.floor(low); power <= high; power++) {
    ticks.push(...[1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  }
  return { at, ticks: ticks.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high) };
}

/** The figure stands at the end of the bar. */
function bar(row, id, y, { at }) {
  const value = relative(row, id);
  const [from, to] = [Math.min(at(value), at(1)), Math.max(at(value), at(1))];
  const figure = ratio(row.samples[id], row.samples.sops);
  const [x, anchor] = value < 1 ? [from - 5, "end"] : [to + 5, "start"];
  return `<rect class="${id}" x="${px(from)}" y="${px(y)}" width="${px(Math.max(to - from, 1))}" height="${BAR.height}" rx="2"/>
${text(x, y + BAR.height - 2.5, figure, "figure", anchor)}`;
}

function heading(shown) {
  const parts = [text(16, 32, "Time, relative to sops", "title")];
  let x = 16;
  for (const { id, name } of shown) {
    parts.push(
      `<rect class="${id}" x="${x}" y="48" width="12" height="12" rx="2"/>`,
      text(x + 18, 58.5, name, "label"),
    );
    x += 40 + name.length * 7;
  }
  return parts;
}

function axis({ at, ticks }, bottom) {
  const lines = ticks.flatMap((value) => {
    const x = px(at(value));
    const isSops = value === 1;
    const label = isSops ? "sops" : `${value}`;
    return [
      `<line class="${isSops ? "sops" : "grid"}" x1="${x}" y1="${TOP - 4}" x2="${x}" y2="${bottom}"/>`,
      text(at(value), TOP - 10, label, isSops ? "tick one" : "tick", "middle"),
      text(at(value), bottom + 14, label, isSops ? "tick one" : "tick", "middle"),
    ];
  });
  const sides = [
    text(at(1) - 30, TOP - 30, "\u2190 less time", "tick", "end"),
    text(at(1) + 30, TOP - 30, "more time \u2192", "tick"),
  ];
  return [...lines, ...sides];
}

function caption(results, y) {
  return [
    text(
      16,
      y,
      "Medians of one run in which all programs take turns; logarithmic scale. Many files: one run of Keyleaf, a process of sops for each.",
      "note",
    ),
    text(16, y + 15, origin(results), "note"),
  ];
}

function svg(height, parts) {
  const fills = (theme) => Object.entries(COLOURS).map(([id, colour]) => `.${id} { fill: ${colour[theme]} }`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="chart-title">
<title id="chart-title">Time that Keyleaf takes, relative to sops</title>
<style>
text { font: 12.5px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.head { font-weight: 600 }
.figure, .tick { font-size: 11px }
.tick, .note { fill: #59636e }
.note { font-size: 11px }
.one { fill: #1f2328; font-weight: 600 }
.page { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.sops { stroke: #1f2328; stroke-width: 1.5 }
${fills("light").join("\n")}
@media (prefers-color-scheme: dark) {
text, .one { fill: #e6edf3 }
.tick, .note { fill: #9198a1 }
.page { fill: #0d1117 }
.grid { stroke: #30363d }
.sops { stroke: #e6edf3 }
${fills("dark").join("\n")}
}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
${parts.join("\n")}
</svg>
`;
}

function text(x, y, content, style, anchor = "start") {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text class="${style}" x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escaped}</text>`;
}

function px(number) {
  return Number(number.toFixed(1));
}
