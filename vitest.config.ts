import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
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
  },
});
