import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generateIdentity } from "../../src/crypto/age/x25519.ts";
import { age } from "../../src/crypto/keys/age.ts";
import { decrypt } from "../../src/decrypt.ts";
import type { Entry } from "../../src/document/document.ts";
import { walk } from "../../src/document/walk.ts";
import { encrypt } from "../../src/encrypt.ts";
import { fakeHost } from "../support/fake-host.ts";
import { parsedYaml } from "../support/parsing.ts";

const source = readFileSync(join(import.meta.dirname, "../../fixtures/formats/yaml/comments-everywhere.yaml"));

it("seals a comment in every place where YAML can have one, and puts it back", async () => {
  const { identity, recipient } = await generateIdentity(fakeHost());
  const host = fakeHost({ env: { SOPS_AGE_KEY: identity } });
  const keyGroups = [age.fromText(recipient, {}).map((known) => ({ provider: age, recipient: known }))];
  const { output } = await encrypt(source, { format: "yaml", keyGroups }, host);
  const comments = source.toString().match(/# c\d+/g) ?? [];
  expect(comments.length).toBe(45);
  for (const comment of comments) expect(Buffer.from(output).toString()).not.toMatch(new RegExp(`${comment}\\b`));
  const opened = await decrypt(output, { format: "yaml" }, host);
  expect(opened.notices).toEqual([]);
  expect(Buffer.from(opened.output).toString()).toBe(source.toString());
});

/** Layouts, and the path under which sops seals and opens the comment: that of its container. */
const layouts: readonly [source: string, path: string][] = [
  ["# c\na: 1\n", ""],
  ["a: 1 # c\n", ""],
  ["a: # c\n  b: 1\n", ""],
  ["a:\n  # c\n  b: 1\n", "a:"],
  ["a:\n  b: 1\n  # c\nd: 1\n", "a:"],
  ["a:\n  b: 1\n# c\nd: 1\n", ""],
  ["a:\n  b: 1\n\n# c\nd: 1\n", ""],
  ["a:\n  b: 1\n# c\n\nd: 1\n", ""],
  ["a:\n  b:\n    e: 1\n  # c\nd: 1\n", "a:b:"],
  ["a:\n  b:\n    e: 1\n  # c\n\nd: 1\n", "a:"],
  ["a:\n  b:\n    e: 1\n\n  # c\nd: 1\n", "a:b:"],
  ["a:\n- b\n# c\n- d\n", "a:"],
  ["a:\n- b\n# c\nd: 1\n", ""],
  ["a:\n- b\n# c\n\nd: 1\n", "a:"],
  ["a:\n  - b\n  # c\nd: 1\n", "a:"],
  ["a:\n  - b\n# c\nd: 1\n", ""],
  ["a:\n  - b # c\n", "a:"],
  ["a:\n  - # c\n    b: 1\n", "a:"],
  ["a:\n  - b: 1\n    # c\n  - d: 1\n", "a:"],
  ["a: {b: 1} # c\n", "a:"],
  ["a: [1] # c\n", "a:"],
  ["a: {b: 1,\n  # c\n  d: 1}\n", "a:"],
  ["a: {b: 1,\n  # c\n}\n", "a:"],
  ["a: [1,\n  # c\n]\n", "a:"],
  ["a: |\n  b\n# c\nd: 1\n", ""],
  ["a: | # c\n  b\nd: 1\n", ""],
  ["a:\n# c\n  b\nd: 1\n", ""],
  ["a: &x # c\n  b: 1\n", "a:"],
  ["? a\n# c\n: b: 1\n", "a:"],
  ["? a # c\n: b\n", ""],
  ["a:\n - x\n - # c\nb: 1\n", ""],
  ["a:\n - x\n -\n # c\nb: 1\n", ""],
  ["a:\n  - b:\n    # c\nd: 1\n", "a:"],
  ["a:\n  b:\n # c\nd: 1\n", "a:"],
  ["a:\r\n- b\r\n# c\r\nd: 1\r\n", "a:"],
  ["a:\r\n  b:\r\n    e: 1\r\n  # c\r\nd: 1\r\n", "a:"],
  ["a:\n  b: 1\n  # c\n---\nd: 1\n", "a:"],
];

it.each(layouts)("%j: the comment is at %j", (source, expected) => {
  const paths: string[] = [];
  const entry = (found: Entry, path: string): number => (found.kind === "comment" ? paths.push(path) : 0);
  walk(parsedYaml(source).roots, { selection: { byComment: false, sealsHits: false, hits: () => false } }, { entry });
  expect(paths).toEqual([expected]);
});
