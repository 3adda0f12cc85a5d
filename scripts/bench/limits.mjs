// What is promised, and how a run stands to it: medians of one run, against sops 3.11.0 unless something else is named.
import { FORMATS, sizeTitle } from "./names.mjs";

/** Starting Node costs more on some versions than others; the promises for it are about this one. */
const NODE = 20;

const LARGE = 100_000;

/**
 * One line each: in the row `title`, `of` may take at most `atMost` of what `to` takes. `aim`: where it should come to.
 * `measure`: `ms` or `kilobytes`. `than`: the row in which `to` is looked up, where that is another one.
 */
const LIMITS = [
  ...["`dec`, 10 values", "`enc git textconv`, 10 values"].flatMap((title) => [
    { title, of: "standalone", to: "sops", atMost: 0.75, aim: 0.5 },
    { title, of: "npm", to: "node", atMost: 1.5 },
  ]),
  ...sizes("yaml", "encrypt", { standalone: { atMost: 0.25, aim: 0.13 }, npm: { atMost: 0.5 } }),
  ...sizes("yaml", "decrypt", { standalone: { atMost: 0.25, aim: 0.13 }, npm: { atMost: 0.5 } }),
  ...sizes("json", "encrypt", { standalone: { atMost: 0.05, aim: 0.01 } }),
  ...sizes("json", "decrypt", { standalone: { atMost: 0.05, aim: 0.01 } }),
  ...sizes("dotenv", "encrypt", { standalone: { atMost: 1.2, aim: 0.8 } }),
  ...sizes("dotenv", "decrypt", { standalone: { atMost: 0.6, aim: 0.4 } }),
  ...everySize((title, of) => ({ title, of, to: "sops", measure: "kilobytes", atMost: 1 }), LARGE),
  ...everySize((title, of, verb, format) => {
    return { title, of, to: of, than: sizeTitle(format, LARGE, verb), atMost: 11 };
  }, 10 * LARGE),
  ...["enc", "dec"].flatMap((program) =>
    ["standalone", "npm"].map((of) => {
      return { title: `\`${program} -i\`, 1,000 files of 10 values`, of, to: "sops", atMost: 0.1, aim: 0.05 };
    }),
  ),
];

/**
 * @param results - what a run gave, see run.mjs.
 * @returns for each limit on a row of the run: `what` it is about, `value` (`null`: not measured), `atMost`, `aim`, and
 *   `verdict`: `ok`, `OVER`, or a reason why there is none.
 */
export function verdicts({ rows, versions }) {
  const row = new Map(rows.map((row) => [row.title, row]));
  return LIMITS.filter(({ title }) => row.has(title)).map(
    ({ title, of, to, than = title, measure = "ms", atMost, aim }) => {
      const what = `${title}${measure === "ms" ? "" : ", peak memory"}: ${of} / ${than === title ? to : than}`;
      const judged = judge(row.get(title).samples[of], row.get(than)?.samples[to], measure, atMost);
      if (of === "npm" && to !== "npm" && measure === "ms" && !versions.includes(`Node ${NODE}.`)) {
        judged.verdict = `not judged: not on Node ${NODE}`;
      }
      return { what, ...judged, atMost, aim };
    },
  );
}

/** One line of text for each of {@link verdicts}, and one for the limits on other rows. */
export function verdictLines(results) {
  const judged = verdicts(results);
  const lines = judged.map(({ what, value, atMost, aim, verdict }) => {
    const limit = `at most ${atMost}${aim === undefined ? "" : `, aim ${aim}`}`;
    return `${what} ${value === null ? "-" : value.toPrecision(3)} (${limit}) ${verdict}`;
  });
  const left = LIMITS.length - judged.length;
  return left === 0 ? lines : [...lines, `${left} more limits are about rows that this run left out`];
}

/** A peer that was stopped takes at least as long as it was let: then the ratio is an upper bound, and still judged. */
function judge(sample, other, measure, atMost) {
  if (sample?.failure !== undefined) return { value: null, verdict: "OVER: it failed" };
  if (sample?.isStopped) return { value: null, verdict: "OVER: it was stopped" };
  const value = sample?.[measure] / other?.[measure];
  if (!Number.isFinite(value)) return { value: null, verdict: "not measured" };
  return { value, verdict: value <= atMost ? "ok" : "OVER" };
}

function sizes(format, verb, limits) {
  const title = sizeTitle(format, LARGE, verb);
  return Object.entries(limits).map(([of, limit]) => ({ title, of, to: "sops", ...limit }));
}

function everySize(limit, count) {
  return FORMATS.flatMap((format) =>
    ["encrypt", "decrypt"].flatMap((verb) =>
      ["standalone", "npm"].map((of) => limit(sizeTitle(format, count, verb), of, verb, format)),
    ),
  );
}
