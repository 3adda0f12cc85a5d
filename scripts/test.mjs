/**
 * Runs the tests: builds what is tested if it is out of date, installs the programs that are tested against, runs vitest,
 * and ends with a line of its own that counts every test: `N passed, N failed`, and `, N skipped` where some were.
 *
 * usage: node scripts/test.mjs [PART OF A FILE NAME...]
 *
 * The exit status is not 0 when a test failed, or none ran. Where CI=true, a skipped test has failed.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { startVitest } from "vitest/node";
import { ensureBuilt, ensureStandalone, root } from "./built.mjs";

/** What counts until there is more to say, whatever it is that ends this process before. */
let result = { passed: 0, failed: 1, skipped: 0 };
process.on("exit", printResult);

process.chdir(root);
await ensureBuilt();
await ensureStandalone();
// What is missing is said there, and by each suite that is skipped for it, or fails.
spawnSync(process.execPath, [join("scripts", "peers.mjs")], { stdio: "inherit" });
result = await runTests(process.argv.slice(2));
process.exit();

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

function printResult() {
  const { passed, failed, skipped } = result;
  const isSkippedTooMuch = process.env.CI === "true" && skipped > 0;
  if (isSkippedTooMuch) process.stdout.write("skipped tests count as failed where CI=true\n");
  else if (passed + failed === 0) process.stdout.write("no test was found\n");
  process.exitCode = failed > 0 || passed === 0 || isSkippedTooMuch ? 1 : 0;
  process.stdout.write(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}\n`);
}
