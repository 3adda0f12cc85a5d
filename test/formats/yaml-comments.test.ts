import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generateIdentity } from "../../src/crypto/age/x25519.ts";
import { age } from "../../src/crypto/keys/age.ts";
import { decrypt } from "../../src/decrypt.ts";
import { encrypt } from "../../src/encrypt.ts";
import { fakeHost } from "../support/fake-host.ts";

const source = readFileSync(join(import.meta.dirname, "../../fixtures/formats/yaml/comments-everywhere.yaml"));

it("seals a comment in every place where YAML can have one, and puts it back", async () => {
  const { identity, recipient } = generateIdentity(fakeHost());
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
