import { expect, test } from "vitest";
import { nearest } from "../src/nearest.ts";

const keys = [
  "path_regex",
  "age",
  "pgp",
  "kms",
  "gcp_kms",
  "hc_vault_transit_uri",
  "encrypted_regex",
  "encrypted_suffix",
];

test.each([
  ["path_regexp", "path_regex"],
  ["pathRegex", "path_regex"],
  ["path-regex", "path_regex"],
  ["PATH_REGEX", "path_regex"],
  ["apth_regex", "path_regex"],
  ["aeg", "age"],
  ["gcp-kms", "gcp_kms"],
  ["encrypted_regx", "encrypted_regex"],
  ["encryptd_sufix", "encrypted_suffix"],
  ["hc_vault", "hc_vault_transit_uri"],
  ["age_recipients", "age"],
])("%s is nearest to %s", (word, expected) => {
  expect(nearest(word, keys)).toBe(expected);
});

test.each(["", "x", "sealed", "a".repeat(65), "constructor"])("nothing is near %j", (word) => {
  expect(nearest(word, keys)).toBe(null);
});

test("the first of equals, and the closer one whatever the order", () => {
  expect(nearest("bat", ["cat", "hat"])).toBe("cat");
  expect(nearest("secrets", ["secret-store", "secretes", "secret"])).toBe("secretes");
  expect(nearest("decrypt", [])).toBe(null);
});

test("a swap of neighbours is one step, at short words too", () => {
  expect(nearest("gap", ["gpa"])).toBe("gpa");
  expect(nearest("gap", ["pag"])).toBe(null);
});
