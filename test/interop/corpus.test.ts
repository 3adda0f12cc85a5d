import { tmpdir } from "node:os";
import { beforeAll, expect, it } from "vitest";
import { decrypt } from "../../src/decrypt.ts";
import { KeyleafError } from "../../src/errors.ts";
import { json } from "../../src/formats/json.ts";
import { formatById } from "../../src/formats/registry.ts";
import { corpusFile, corpusFiles, describeCorpus } from "../support/corpus.ts";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { hostA, IDENTITY_A, RECIPIENT_A, sealed, textOf } from "../support/sealing.ts";
import { runSops, type SopsRun } from "../support/sops.ts";

/**
 * A thousand public configuration files, real ones and ugly ones, each of which must come back byte for byte, and open in
 * sops with the values that sops itself finds in it.
 */

/** Files that sops takes and that are refused all the same. */
const knownRefusals: ReadonlyMap<string, string> = new Map([
  ["ini/testdata__UTF-16-LE-BOM.ini", "it is not UTF-8"],
  ["yaml-test-suite/26DV.yaml", "a value is repeated as a key, where it would stay clear"],
  ["yaml-test-suite/E76Z.yaml", "a value is repeated as a key, where it would stay clear"],
  ["yaml-test-suite/4ABK.yaml", "readers differ about a colon right before a comma"],
  ["yaml-test-suite/652Z.yaml", "readers differ about a key that begins with a question mark"],
  ["yaml-test-suite/Y2GN.yaml", "sops cannot read the anchor's name beside an encrypted value"],
]);

interface File {
  readonly path: string;
  readonly format: string;
  readonly isValid: boolean;
}

/** What became of one file. */
interface Outcome extends File {
  /** Error code; `null`: it was sealed, and opened again. */
  readonly refusal: string | null;
  /** A refusal says where in the file the fault is. */
  readonly isLocated: boolean;
  readonly isSame: boolean;
  /** sops takes the file as it is. */
  readonly sopsAccepts: boolean;
  /** What was sealed here opens in sops, with the same values as what it sealed itself; `null`: there is nothing to compare. */
  readonly sopsAgrees: boolean | null;
  /** What sops sealed opens here, with the values that sops finds in it; `null`: there is nothing to compare. */
  readonly agreesWithSops: boolean | null;
  /** What it complained of, if it does not agree. */
  readonly complaint: string;
  /** sops warns of a clear comment in what was sealed here, and in what it sealed itself. */
  readonly warning: { readonly here: boolean; readonly there: boolean };
}

function readManifest(): File[] {
  return corpusFiles()
    .map(({ path, format, expected }) => ({ path, format, isValid: expected === "valid" }))
    .filter(({ format }) => formatById(format) !== null);
}

describeCorpus(() => {
  describePeer("as sops 3.11.0 sees it", "sops", sopsProgram(), (program) => {
    let outcomes: Outcome[] = [];

    beforeAll(async () => {
      const queue = readManifest();
      // Most of the time goes into starting sops, thousands of times.
      const worker = async (): Promise<void> => {
        for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
          outcomes.push(await tryFile(program, file));
        }
      };
      await Promise.all([worker(), worker(), worker()]);
      outcomes = outcomes.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    }, 600_000);

    it.each(["json", "dotenv", "ini", "toml", "binary"])("%s files come back byte for byte", (format) => {
      const files = outcomes.filter((file) => file.format === format && file.isValid);
      const accepted = files.filter(({ refusal }) => refusal === null);
      const same = accepted.filter(({ isSame }) => isSame);
      print(`${format}: ${files.length} files, ${accepted.length} sealed, ${same.length} of them back byte for byte`);
      expect(pathsOf(accepted.filter(({ isSame }) => !isSame))).toEqual([]);
      expect(files.length).toBeGreaterThan(30);
      expect(pathsOf(files.filter(isRefusedHereOnly))).toEqual(knownOf(format));
    });

    it("yaml files come back byte for byte", () => {
      const files = outcomes.filter((file) => file.format === "yaml" && file.isValid);
      const expected = files.filter((file) => file.sopsAccepts && file.refusal !== "INPUT_NOTHING_TO_ENCRYPT");
      const accepted = files.filter(({ refusal }) => refusal === null);
      const same = expected.filter(({ isSame }) => isSame);
      print(
        `yaml: ${files.length} files, ${expected.length} that sops takes and that hold a value, ` +
          `${same.length} of those back byte for byte; ${accepted.length} sealed in all`,
      );
      expect(expected.length).toBeGreaterThan(500);
      expect(pathsOf(files.filter(isRefusedHereOnly))).toEqual(knownOf("yaml"));
      expect(pathsOf(accepted.filter(({ isSame }) => !isSame))).toEqual([]);
    });

    it("files that break the rules of their format are refused, with line and column", () => {
      const files = outcomes.filter(({ isValid }) => !isValid);
      const accepted = files.filter(({ refusal }) => refusal === null);
      print(
        `invalid: ${files.length} files, ${files.length - accepted.length} refused, ` +
          `${accepted.length} sealed, sops takes ${files.filter(({ sopsAccepts }) => sopsAccepts).length}`,
      );
      expect(pathsOf(accepted)).toEqual([]);
      expect(pathsOf(files.filter(({ isLocated }) => !isLocated))).toEqual([]);
    });

    it("sops opens what was sealed here, with the values that it finds itself", () => {
      const compared = outcomes.filter(({ sopsAgrees }) => sopsAgrees !== null);
      const agreed = compared.filter(({ sopsAgrees }) => sopsAgrees === true);
      const warned = compared.filter(({ warning }) => warning.here);
      print(
        `sops: opens ${agreed.length} of ${compared.length} files that it takes itself, with the same values; ` +
          `it warns of a comment in ${warned.length}, and in its own ${compared.filter(({ warning }) => warning.there).length}`,
      );
      expect(pathsOf(warned)).toEqual([]);
      const disagreed = compared.filter(({ sopsAgrees }) => sopsAgrees === false);
      expect(disagreed.map(({ path, complaint }) => `${path}: ${complaint}`)).toEqual([]);
      expect(compared.length).toBeGreaterThan(750);
    });

    it("what sops sealed opens here, with the values that sops finds in it", () => {
      const compared = outcomes.filter(({ agreesWithSops }) => agreesWithSops !== null);
      const agreed = compared.filter(({ agreesWithSops }) => agreesWithSops === true);
      print(`sealed by sops: ${compared.length} files, ${agreed.length} of them open here with the same values`);
      expect(pathsOf(compared.filter(({ agreesWithSops }) => agreesWithSops === false))).toEqual([]);
    });
  });
});

async function tryFile(program: string, file: File): Promise<Outcome> {
  const { path, format } = file;
  const source = corpusFile(path);
  const outputType = format === "binary" ? "binary" : "json";
  const env = { SOPS_AGE_KEY: IDENTITY_A };
  const sops = (stdin: Uint8Array, ...args: string[]): Promise<SopsRun> =>
    runSops(program, { cwd: tmpdir(), env, stdin }, ...args, "--input-type", format, "--filename-override", "file");
  const open = async (stdin: Uint8Array): Promise<SopsRun> => {
    const opened = await sops(stdin, "decrypt", "--output-type", outputType);
    if (format !== "yaml" || !/^---/m.test(source.toString())) return opened;
    // Only the first document of several becomes JSON. Where comments go is another matter.
    const { stdout } = await sops(stdin, "decrypt", "--output-type", "yaml");
    const values = stdout.toString().replace(/^\s*#.*\n/gm, "");
    return { ...opened, stdout: Buffer.concat([opened.stdout, Buffer.from(values)]) };
  };

  const { refusal, output, isSame, isLocated } = await sealAndOpen(format, source);
  if (format === "toml") {
    const sops = { sopsAccepts: false, sopsAgrees: null, agreesWithSops: null, complaint: "" };
    return { ...file, refusal, isSame, isLocated, ...sops, warning: { here: false, there: false } };
  }
  const theirs = await sops(source, "encrypt", "--output-type", format, "--age", RECIPIENT_A);
  const sopsAccepts = theirs.status === 0;
  const opened = output === null ? null : await open(output);
  let complaint = "";
  let agreesWithSops: boolean | null = null;
  let sopsAgrees: boolean | null = null;
  let warning = { here: false, there: false };
  if (sopsAccepts && opened !== null) {
    const expected = await open(theirs.stdout);
    // Where it cannot open what it sealed itself, there is nothing to compare.
    if (expected.status === 0) sopsAgrees = opened.stdout.equals(expected.stdout);
    else if (opened.status !== 0) sopsAgrees = false;
    warning = { here: hasCommentWarning(opened), there: hasCommentWarning(expected) };
    if (sopsAgrees === false) complaint = opened.stderr.trim().split("\n").at(-1) || "other values";
  }
  if (sopsAccepts) {
    const byThem = await sops(theirs.stdout, "decrypt", "--output-type", outputType);
    if (byThem.status === 0) {
      const here = await openHere(format, theirs.stdout);
      agreesWithSops = format === "binary" ? byThem.stdout.equals(here) : sameJson(byThem.stdout, here);
    }
  }
  return { ...file, refusal, isSame, isLocated, sopsAccepts, sopsAgrees, agreesWithSops, complaint, warning };
}

function hasCommentWarning({ stderr }: SopsRun): boolean {
  return stderr.includes("possibly unencrypted comment");
}

async function sealAndOpen(
  id: string,
  source: Uint8Array,
): Promise<{ refusal: string | null; output: Uint8Array | null; isSame: boolean; isLocated: boolean }> {
  const format = formatById(id)?.id ?? "binary";
  let output: Uint8Array;
  try {
    ({ output } = await sealed(format, source));
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    return {
      refusal: error.code,
      output: null,
      isSame: false,
      isLocated: /^line \d+, column \d+: /.test(error.message),
    };
  }
  const opened = await decrypt(output, { format }, hostA);
  return { refusal: null, output, isSame: Buffer.compare(opened.output, source) === 0, isLocated: false };
}

/** Apart from layout and escapes, which stay as they were where JSON stays JSON. */
function sameJson(...texts: [Uint8Array, Uint8Array]): boolean {
  const [a, b] = texts.map((text) => (text.length === 0 ? null : textOf(json.print(json.parse(text).roots, {}))));
  return a !== null && a === b;
}

/** What a file that sops sealed holds, as JSON; empty where it does not open. */
async function openHere(id: string, sealed: Uint8Array): Promise<Uint8Array> {
  const format = formatById(id)?.id ?? "binary";
  const outputFormat = format === "binary" ? "binary" : "json";
  try {
    return (await decrypt(sealed, { format, outputFormat }, hostA)).output;
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    return new Uint8Array();
  }
}

/** Files that hold nothing to seal do not count. */
function isRefusedHereOnly({ refusal, sopsAccepts }: Outcome): boolean {
  return sopsAccepts && refusal !== null && refusal !== "INPUT_NOTHING_TO_ENCRYPT";
}

function knownOf(format: string): string[] {
  return [...knownRefusals.keys()].filter((path) => path.endsWith(`.${format}`)).toSorted();
}

function pathsOf(files: readonly File[]): string[] {
  return files.map(({ path }) => path);
}

function print(line: string): void {
  process.stdout.write(`corpus, ${line}\n`);
}
