import { expect, test } from "vitest";
import { inTurn } from "../src/in-turn.ts";

test("work begins when what was given before has ended, also when that failed", async () => {
  const turn = inTurn();
  const seen: string[] = [];
  const work = (name: string, fails = false) =>
    turn(async () => {
      seen.push(`${name} begins`);
      await new Promise((later) => setTimeout(later));
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(await work("d")).toBe("d");
});

test("work that throws at once fails as well, and holds up nothing", async () => {
  const turn = inTurn();
  const failing = turn(() => {
    throw new Error("at once");
  });
  await expect(failing).rejects.toThrow("at once");
  expect(await turn(async () => 1)).toBe(1);
});

test("queues know nothing of each other", async () => {
  void inTurn()(() => new Promise(() => {}));
  expect(await inTurn()(async () => 1)).toBe(1);
});
