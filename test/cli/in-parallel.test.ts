import { describe, expect, it } from "vitest";
import { inParallel } from "../../src/cli/in-parallel.ts";

const numbers = Array.from({ length: 20 }, (_, i) => i);

/** Lets everything else that is waiting go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("inParallel", () => {
  it("works on every item once, on no more at a time than it may", async () => {
    let [running, most] = [0, 0];
    const seen: number[] = [];
    await inParallel(numbers, 3, async (item, index) => {
      expect(item).toBe(index);
      seen.push(item);
      most = Math.max(most, ++running);
      await turn();
      running--;
    });
    expect(seen).toEqual(numbers);
    expect([most, running]).toEqual([3, 0]);
  });

  it("begins nothing after a failure, and waits for what has begun", async () => {
    const ended: number[] = [];
    const run = inParallel(numbers, 3, async (item) => {
      await turn();
      if (item === 1) throw new Error("one");
      await turn();
      ended.push(item);
    });
    await expect(run).rejects.toThrow("one");
    expect(ended).toEqual([0, 2]);
  });

  it("has nothing to do", async () => {
    await inParallel([], 3, () => Promise.reject(new Error("no")));
  });
});
