import { expect, it } from "vitest";
import { Room } from "../../src/cli/room.ts";

it("work is done as far as there is room for it, and what is too large is done alone", async () => {
  const room = new Room(10);
  const needs = [4, 4, 4, 30, 1, 10, 0];
  let used = 0;
  const seen: number[] = [];
  const all = needs.map((need) =>
    room.during(need, async () => {
      expect(used === 0 || used + need <= 10).toBe(true);
      used += need;
      seen.push(need);
      await new Promise((resume) => setImmediate(resume));
      used -= need;
      if (need === 30) throw new Error("too large");
      return need;
    }),
  );
  const results = await Promise.allSettled(all);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(seen.toSorted()).toEqual(needs.toSorted());
  expect(used).toBe(0);
});
