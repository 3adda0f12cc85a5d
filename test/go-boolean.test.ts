import { expect, test } from "vitest";
import { goBoolean } from "../src/go-boolean.ts";

test.each([
  [true, ["1", "t", "T", "TRUE", "true", "True"]],
  [false, ["0", "f", "F", "FALSE", "false", "False"]],
  [null, ["", " ", "tRUE", "yes", "on", "2", "01", "true\n", " true", "truefalse", "null"]],
] as const)("%s", (value, texts) => {
  for (const text of texts) expect([text, goBoolean(text)]).toEqual([text, value]);
});
