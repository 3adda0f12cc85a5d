import { describe, expect, test } from "vitest";
import { splitCommand } from "../src/shell-words.ts";

describe("splitCommand", () => {
  // The first three were tried with sops 3.11.0 and gave the same words.
  test.each<[string, string[] | null]>([
    [
      `./e.sh "a\\b" 'c\\d' e\\ f g#h "x\\"y" a"b c"d "" #com ment`,
      ["./e.sh", "ab", "c\\d", "e f", "g#h", 'x"y', "ab cd", ""],
    ],
    ["./e.sh a # c\nb", ["./e.sh", "a", "b"]],
    ["./e.sh a\nb", ["./e.sh", "a", "b"]],
    ["", []],
    [" \t\r\n", []],
    ["# only a comment", []],
    ["a $HOME `b` *", ["a", "$HOME", "`b`", "*"]],
    ["a'b'\"c\"d", ["abcd"]],
    ["''", [""]],
    ["a 'open", null],
    ['a "open', null],
    ["a\\", null],
    ['a "b\\', null],
  ])("%j", (text, words) => {
    expect(splitCommand(text)).toEqual(words);
  });
});
