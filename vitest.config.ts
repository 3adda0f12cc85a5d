import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

const endToEnd = "test/e2e/**/*.test.ts";
/** What is about the npm package alone, and about the executable alone. */
const ofPackage = ["test/e2e/package.test.ts", "test/e2e/hot-path.test.ts"];
const ofStandalone = "test/e2e/standalone.test.ts";

export default defineConfig({
  test: {
    setupFiles: ["test/support/seed.ts"],
    // Processes, since some tests change the umask, which threads share. Without isolation a worker loads src once, not
    // once for each file: with 50 small files the difference is a factor of five.
    pool: "forks",
    isolate: false,
    // By default one core stays free, which on two is half of them.
    maxWorkers: availableParallelism(),
    // Slow machines and cold caches; a test that hangs is stopped all the same.
    testTimeout: 60_000,
    hookTimeout: 180_000,
    projects: [
      {
        extends: true,
        test: { name: "npm", include: ["test/**/*.test.ts"], exclude: [...configDefaults.exclude, ofStandalone] },
      },
      {
        // The end-to-end tests once more, against the standalone executable.
        extends: true,
        test: {
          name: "standalone",
          include: [endToEnd],
          exclude: [...configDefaults.exclude, ...ofPackage],
          env: { KEYLEAF_TEST_BUILD: "standalone" },
        },
      },
    ],
  },
});
