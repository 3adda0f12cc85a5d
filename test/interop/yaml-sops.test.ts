import { tmpdir } from "node:os";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { KeyleafError } from "../../src/errors.ts";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { IDENTITY_A, RECIPIENT_A, sealed } from "../support/sealing.ts";
import { runs } from "../support/seed.ts";
import { runSops, type SopsRun } from "../support/sops.ts";
import { hasKnownGap, yamlLayouts } from "../support/yaml-layout.ts";

/** YAML of any layout, sealed here and by sops itself: sops must find the same in both. */

/** What one document led to. */
interface Outcome {
  readonly source: string;
  /** Error code; `null`: it was sealed. */
  readonly refusal: string | null;
  /** What sops finds in what was sealed here, and in what it sealed itself. */
  readonly here: Reading | null;
  readonly there: Reading | null;
}

interface Reading {
  readonly status: number | null;
  readonly values: string;
  /** It warns of a comment that it cannot open. */
  readonly isWarned: boolean;
}

/** The same documents on every run, whatever seed the properties have. */
const sample = fc.sample(
  yamlLayouts.filter((source) => !hasKnownGap(source, "beside sops")),
  { numRuns: runs(40), seed: 20_261_124 },
);

describePeer("yaml of any layout, and sops 3.11.0", "sops", sopsProgram(), (program) => {
  const outcomes: Outcome[] = [];

  beforeAll(async () => {
    const queue = [...sample];
    // Most of the time goes into starting sops.
    const worker = async (): Promise<void> => {
      for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
        outcomes.push(await tryDocument(program, source));
      }
    };
    await Promise.all([worker(), worker()]);
  }, 1_000_000);

  const accepted = (): Outcome[] => outcomes.filter(({ there }) => there !== null);
  const compared = (): Outcome[] => accepted().filter(({ here, there }) => here !== null && there?.status === 0);

  it("takes what sops takes", () => {
    expect(accepted().length).toBeGreaterThan(sample.length / 2);
    const refused = accepted().filter(({ refusal }) => refusal !== null && refusal !== "INPUT_NOTHING_TO_ENCRYPT");
    expect(refused.map(({ source, refusal }) => ({ source, refusal }))).toEqual([]);
  });

  it("is sealed so that sops finds the same values", () => {
    expect(compared().length).toBeGreaterThan(sample.length / 2);
    for (const { source, here, there } of compared()) {
      expect({ source, status: here?.status, values: here?.values }).toEqual({
        source,
        status: 0,
        values: there?.values,
      });
    }
  });

  it("has every comment at the path where sops looks for it", () => {
    const warned = compared().filter(({ here, there }) => here?.isWarned === true && there?.isWarned === false);
    expect(warned.map(({ source }) => source)).toEqual([]);
  });
});

async function tryDocument(program: string, source: string): Promise<Outcome> {
  const env = { SOPS_AGE_KEY: IDENTITY_A };
  const sops = (stdin: Uint8Array, ...args: string[]): Promise<SopsRun> =>
    runSops(program, { cwd: tmpdir(), env, stdin }, ...args, "--input-type", "yaml", "--filename-override", "file");
  const read = async (stdin: Uint8Array): Promise<Reading> => {
    const opened = await sops(stdin, "decrypt", "--output-type", "yaml");
    // JSON tells types apart, but has only the first document, and no infinities.
    const json = await sops(stdin, "decrypt", "--output-type", "json");
    const values = opened.stdout.toString().replace(/^\s*#.*\n/gm, "");
    const isWarned = opened.stderr.includes("possibly unencrypted comment");
    return { status: opened.status, values: `${json.stdout}${values}`, isWarned };
  };

  const bytes = Buffer.from(source);
  const { output, refusal } = await sealHere(bytes);
  const theirs = await sops(bytes, "encrypt", "--output-type", "yaml", "--age", RECIPIENT_A);
  const there = theirs.status === 0 ? await read(theirs.stdout) : null;
  const here = output !== null && there !== null ? await read(output) : null;
  return { source, refusal, here, there };
}

async function sealHere(source: Uint8Array): Promise<{ output: Uint8Array | null; refusal: string | null }> {
  try {
    const { output } = await sealed("yaml", source);
    return { output, refusal: null };
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    return { output: null, refusal: error.code };
  }
}
