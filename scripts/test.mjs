/**
 * Runs the tests: builds what is tested if it is out of date, installs the programs that are tested against, runs vitest,
 * and ends with a line of its own that counts every test: `N passed, N failed`, and `, N skipped` where some were.
 *
 * usage: node scripts/test.mjs [PART OF A FILE NAME...]
 *
 * The exit status is not 0 when a test failed, or none ran. Where CI=true, a skipped test has failed.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startVitest } from "vitest/node";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

if (!isBuilt() && !runScript("build.mjs")) finish({ passed: 0, failed: 1, skipped: 0 });
// What is missing is said there, and by each suite that is skipped for it, or fails.
runScript("peers.mjs");
finish(await runTests(process.argv.slice(2)));

/** Whether everything that is built is newer than everything it is built from: `npm ci` builds as well. */
function isBuilt() {
  const built = ["dist/cli/enc.cjs", "dist/cli/dec.cjs", "dist/lib/index.js", "dist/lib/index.d.ts"];
  const sources = readdirSync("src", { recursive: true }).map((name) => join("src", name));
  sources.push("package.json", "tsconfig.json", "scripts/build.mjs");
  const times = built.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.min(...times) > Math.max(...sources.map((path) => statSync(path).mtimeMs));
}

/** @returns whether it ended well. */
function runScript(name) {
  const { status } = spawnSync(process.execPath, [join("scripts", name)], { stdio: "inherit" });
  return status === 0;
}

async function runTests(filters) {
  const vitest = await startVitest("test", filters, { watch: false });
  const modules = vitest.state.getTestModules();
  const results = modules.flatMap((module) => [...module.children.allTests()]).map((test) => test.result().state);
  const count = (state) => results.filter((result) => result === state).length;
  // Files that cannot be loaded, hooks that fail, and errors that no test waited for.
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const broken = suites.filter((suite) => suite.errors().length > 0).length;
  const stray = vitest.state.getUnhandledErrors().length;
  await vitest.close();
  // A test that was never reached, for example since its file's hook failed, has not passed.
  return {
    passed: count("passed"),
    failed: count("failed") + count("pending") + broken + stray,
    skipped: count("skipped"),
  };
}

function finish({ passed, failed, skipped }) {
  const isFailure = failed > 0 || passed === 0 || (process.env.CI === "true" && skipped > 0);
  if (failed === 0 && isFailure) {
    process.stdout.write(skipped > 0 ? "skipped tests count as failed where CI=true\n" : "no test was found\n");
  }
  process.stdout.write(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}\n`);
  process.exit(isFailure ? 1 : 0);
}
