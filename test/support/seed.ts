import fc from "fast-check";

/** The same examples on every run, so that a change is what makes a test fail. FC_SEED=... tries others. */
const SEED = Number(process.env["FC_SEED"] ?? 20_261_124);
fc.configureGlobal({ seed: SEED });

/** How many examples a property tries: `usual` in the suite, FC_RUNS=... to search for longer. */
export function runs(usual: number): number {
  return Number(process.env["FC_RUNS"] ?? usual);
}

/** Says what a search went through, so that it can be done again. */
export function printSearch(what: string, count: number): void {
  process.stdout.write(`random ${what}: ${count} files, seed ${SEED}\n`);
}
