import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Sample {
  ms?: number;
  kilobytes?: number;
  isStopped?: boolean;
  failure?: string;
}
interface Results {
  date: string;
  machine: string;
  versions: string;
  rows: { title: string; table: string; format?: string; count?: number; samples: Record<string, Sample> }[];
}
interface Verdict {
  what: string;
  value: number | null;
  verdict: string;
}

const root = new URL("../../", import.meta.url);
/** The scripts have no types of their own. */
const script = (name: string) => import(new URL(`scripts/bench/${name}.mjs`, root).href);

const { median, quantile, spread, isChanged } = (await script("statistics")) as {
  median: (numbers: number[]) => number;
  quantile: (numbers: number[], part: number) => number;
  spread: (ratios: number[]) => [number, number];
  isChanged: (ratios: number[]) => boolean;
};
const { verdicts } = (await script("limits")) as { verdicts: (results: Results) => Verdict[] };
const { chart } = (await script("chart")) as { chart: (results: Results) => string | null };
const { withBlock } = (await script("readme")) as { withBlock: (readme: string, results: Results) => string };
const { duration, ratio, slowerThanSops } = (await script("tables")) as {
  duration: (sample?: Sample) => string;
  ratio: (a?: Sample, b?: Sample) => string;
  slowerThanSops: (results: Results) => string[];
};

const read = (name: string) => readFileSync(new URL(name, root), "utf8");
const run = (title: string, samples: Record<string, Sample>, versions = "Node 20.20.2"): Results => {
  const [format, count] = [title.split(",")[0] ?? "", Number(/ ([\d,]+) values/.exec(title)?.[1]?.replaceAll(",", ""))];
  const table = count === 10 ? "start" : "size";
  return { date: "2026-01-02", machine: "a machine", versions, rows: [{ title, table, format, count, samples }] };
};

describe("statistics", () => {
  it("finds the middle, and what lies between two", () => {
    expect(median([9, 1, 4])).toBe(4);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
    expect(median([])).toBeNaN();
  });

  it("takes ranks for the spread that miss the median once in a hundred at most", () => {
    const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
    // Tables of the sign test: of 8 none can be left out at either end, of 15 two, of 31 seven.
    expect([8, 11, 15, 31].map((n) => spread(count(n)))).toEqual([
      [1, 8],
      [1, 11],
      [3, 13],
      [8, 24],
    ]);
  });

  it("calls a change what the spread does not reach", () => {
    expect(isChanged([0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97])).toBe(true);
    expect(isChanged([0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 1.01])).toBe(false);
    expect(isChanged([1.1, 1.2, 1.1, 1.2, 1.1, 1.2, 1.1, 1.2])).toBe(true);
  });
});

describe("verdicts", () => {
  const title = "`dec`, 10 values";
  const of = (results: Results) => Object.fromEntries(verdicts(results).map(({ what, verdict }) => [what, verdict]));

  it("says ok up to the limit, and OVER beyond", () => {
    const samples = { standalone: { ms: 75 }, npm: { ms: 151 }, node: { ms: 100 }, sops: { ms: 100 } };
    expect(of(run(title, samples))).toEqual({
      [`${title}: standalone / sops`]: "ok",
      [`${title}: npm / node`]: "OVER",
    });
  });

  it("judges what failed as over, and what was not measured not at all", () => {
    const samples = { standalone: { failure: "status 1" }, npm: { ms: 150 } };
    expect(of(run(title, samples))).toEqual({
      [`${title}: standalone / sops`]: "OVER: it failed",
      [`${title}: npm / node`]: "not measured",
    });
  });

  it("judges the npm build on Node 20 only", () => {
    const samples = { npm: { ms: 100 }, node: { ms: 100 } };
    expect(of(run(title, samples, "Node 22.1.0"))[`${title}: npm / node`]).toContain("not judged");
  });

  it("holds a million values against a hundred thousand of the same run", () => {
    const results = run("yaml, 1,000,000 values, decrypt", { npm: { ms: 1_200 } });
    results.rows.push(...run("yaml, 100,000 values, decrypt", { npm: { ms: 100, kilobytes: 5 } }).rows);
    const growth = verdicts(results).find(({ what }) => what.startsWith("yaml, 1,000,000") && what.includes("npm"));
    expect(growth).toMatchObject({ value: 12, verdict: "OVER" });
  });
});

describe("figures", () => {
  it("are written with the digits that count", () => {
    expect([{ ms: 9.84 }, { ms: 528.4 }, { ms: 64_900 }, undefined].map(duration)).toEqual([
      "9.8 ms",
      "528 ms",
      "64.9 s",
      "-",
    ]);
    expect(duration({ ms: 600_000, isStopped: true })).toBe("more than 600.0 s");
    expect(ratio({ ms: 36 }, { ms: 1000 })).toBe("0.036");
    expect(ratio({ ms: 36 }, { ms: 1000, isStopped: true })).toBe("less than 0.036");
    expect(ratio({ ms: 1 }, undefined)).toBe("-");
  });

  it("say where sops is faster", () => {
    const title = "json, 1,000 values, encrypt";
    expect(slowerThanSops(run(title, { npm: { ms: 1 }, sops: { ms: 2 } }))).toEqual([
      "Keyleaf on Node takes less time than sops in every row.",
    ]);
    expect(slowerThanSops(run(title, { npm: { ms: 2 }, sops: { ms: 1 } }))).toEqual([
      "Keyleaf on Node takes more time than sops in every row.",
    ]);
  });
});

describe("the chart", () => {
  it("has a bar and its figure for each program that can be held against sops", () => {
    const samples = { standalone: { ms: 5 }, npm: { ms: 70 }, node: { ms: 60 }, sops: { ms: 10 } };
    const svg = chart(run("`dec`, 10 values", samples)) ?? "";
    expect(svg.match(/class="(standalone|npm|rops)" x="[\d.]+" y="[\d.]+" width="[\d.]+" height="13"/g)).toHaveLength(
      2,
    );
    expect(svg).toContain(">0.50</text>");
    expect(svg).toContain(">7.0</text>");
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain("a machine; Node 20.20.2; 2026-01-02");
  });

  it("is not drawn without sops", () => {
    expect(chart(run("`dec`, 10 values", { npm: { ms: 70 } }))).toBeNull();
  });
});

describe("the record", () => {
  const results = JSON.parse(read("bench/results.json")) as Results;

  it("is what README.md says", () => {
    expect(withBlock(read("README.md"), results)).toBe(read("README.md"));
  });

  it("is what bench/chart.svg shows", () => {
    expect(chart(results)).toBe(read("bench/chart.svg"));
  });

  it("needs marks in README.md", () => {
    expect(() => withBlock("no marks", results)).toThrow();
  });
});
