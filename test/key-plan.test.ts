import { describe, expect, test } from "vitest";
import type { KeyGroup } from "../src/crypto/data-key.ts";
import { type KeyPlan, type KeyPlanOptions, planKeys } from "../src/key-plan.ts";
import { namedKey, recipientsOfTexts } from "../src/recipients.ts";
import { regroup } from "../src/regroup.ts";
import { failure, groupOf, RECIPIENT_A, RECIPIENT_B, sealed } from "./support/sealing.ts";

const A = RECIPIENT_A;
const B = RECIPIENT_B;
/** TEST ONLY: an ssh key. */
const SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfyPcuCS6bGJ7vjZY1D7CqhnwqDvRqVJ6OaJqVmMIFs";

/** Recipients of other types, which nobody here encrypts to. */
async function others(flag: string, text: string): Promise<KeyGroup> {
  return recipientsOfTexts((names) => (names.flag === flag ? text : ""), {});
}

/** The plan for a file of these groups: `+B` for what is added, `-B` for what is removed. */
async function planned(before: KeyGroup[], after: KeyGroup[], threshold = 0): Promise<[KeyPlan, string[][]]> {
  const { output } = await sealed("yaml", "a: 1\n", { keyGroups: before });
  const plan = await planKeys(output, { format: "yaml", keyGroups: after, shamirThreshold: threshold });
  const names = new Map([
    [A, "A"],
    [B, "B"],
  ]);
  const signs = { none: "", added: "+", removed: "-" };
  const texts = plan.groups.map((keys) =>
    keys.map(({ change, recipient }) => `${signs[change]}${names.get(recipient) ?? recipient}`),
  );
  return [plan, texts];
}

describe("a plan", () => {
  test.each<[string, KeyGroup[], KeyGroup[], string[][], boolean]>([
    ["of the same recipients in another order", [groupOf(A, B)], [groupOf(B, A)], [["A", "B"]], false],
    ["adds", [groupOf(A)], [groupOf(A, B)], [["A", "+B"]], true],
    ["removes", [groupOf(A, B)], [groupOf(B)], [["B", "-A"]], true],
    ["exchanges", [groupOf(A)], [groupOf(B)], [["+B", "-A"]], true],
    ["adds a group", [groupOf(A)], [groupOf(A), groupOf(B)], [["A"], ["+B"]], true],
    ["removes a group", [groupOf(A), groupOf(B)], [groupOf(A)], [["A"], ["-B"]], true],
    [
      "goes by position",
      [groupOf(A), groupOf(B)],
      [groupOf(B), groupOf(A)],
      [
        ["+B", "-A"],
        ["+A", "-B"],
      ],
      true,
    ],
    ["sees a group more of the same", [groupOf(A), groupOf(A)], [groupOf(A)], [["A"], ["-A"]], true],
  ])("%s", async (_, before, after, expected, isChanged) => {
    const [plan, texts] = await planned(before, after);
    expect(texts).toEqual(expected);
    expect(plan.isChanged).toBe(isChanged);
  });

  const three = [groupOf(A), groupOf(B), groupOf(A, B)];
  test.each<[string, number, number | "kept", number, number, boolean]>([
    ["that is the same", 2, 2, 2, 2, false],
    ["that is another", 2, 3, 2, 3, true],
    ["that the rule leaves open", 2, 0, 2, 3, true],
    ["that is kept", 2, "kept", 2, 2, false],
  ])("with a threshold %s", async (_, inFile, shamirThreshold, before, after, isChanged) => {
    const { output } = await sealed("yaml", "a: 1\n", { keyGroups: three, shamirThreshold: inFile });
    const plan = await planKeys(output, { format: "yaml", keyGroups: three, shamirThreshold });
    expect(plan).toMatchObject({ threshold: { before, after }, isChanged });
  });

  test("with a threshold that is kept, and more than there will be groups", async () => {
    const { output } = await sealed("yaml", "a: 1\n", { keyGroups: three, shamirThreshold: 3 });
    const two = { format: "yaml", keyGroups: three.slice(0, 2), shamirThreshold: "kept" } as const;
    expect((await planKeys(output, two)).threshold).toEqual({ before: 3, after: 2 });
  });

  test.each([1, 4])("with a threshold of %s for three groups is none", async (shamirThreshold) => {
    const { output } = await sealed("yaml", "a: 1\n");
    const options: KeyPlanOptions = { format: "yaml", keyGroups: three, shamirThreshold };
    expect((await failure(() => planKeys(output, options))).code).toBe("KEY_BAD_THRESHOLD");
  });
});

describe("a recipient is found under another spelling", () => {
  const entries = (lines: string): Uint8Array =>
    Buffer.from(`a: b\nsops:\n${lines}  lastmodified: "2025-01-02T03:04:05Z"\n  mac: none\n  version: 3.13.2\n`);
  const plan = (lines: string, group: KeyGroup, isExact: boolean): Promise<KeyPlan> =>
    planKeys(entries(lines), { format: "yaml", keyGroups: [group], shamirThreshold: 0, isExact });

  test.each<[string, string, string, string]>([
    ["an ssh key with another comment", "age", `${SSH} new@host`, `  age: [{recipient: "${SSH} old@host", enc: x}]\n`],
    ["an ssh key without one", "age", SSH, `  age: [{recipient: "${SSH} old@host", enc: x}]\n`],
    ["a fingerprint in small letters", "pgp", "abcd".repeat(10), `  pgp: [{fp: ${"ABCD".repeat(10)}, enc: x}]\n`],
    [
      "a key of Azure without a version",
      "azure-kv",
      "https://v.vault.azure.net/keys/k",
      '  azure_kv: [{vault_url: "https://v.vault.azure.net", name: k, version: abc, enc: x}]\n',
    ],
  ])("%s", async (_, flag, text, lines) => {
    const group = await others(flag, text);
    expect((await plan(lines, group, false)).isChanged).toBe(false);
    // The reference compares the texts.
    expect((await plan(lines, group, true)).isChanged).toBe(true);
  });

  test.each<[string, string, string, string]>([
    ["another ssh key", "age", SSH, `  age: [{recipient: "${SSH.replace("Jfy", "Jfz")} old@host", enc: x}]\n`],
    ["a subkey", "pgp", "ABCD".repeat(10), `  pgp: [{fp: ${"ABCD".repeat(10)}!, enc: x}]\n`],
    [
      "a key of Azure whose name begins so",
      "azure-kv",
      "https://v.vault.azure.net/keys/k",
      '  azure_kv: [{vault_url: "https://v.vault.azure.net", name: kk, version: abc, enc: x}]\n',
    ],
    ["a context", "kms", "arn:aws:kms:r:1:key/k", "  kms: [{arn: 'arn:aws:kms:r:1:key/k', context: {a: b}, enc: x}]\n"],
  ])("but not %s", async (_, flag, text, lines) => {
    expect((await plan(lines, await others(flag, text), false)).isChanged).toBe(true);
  });
});

describe("regrouping", () => {
  const texts = (groups: readonly KeyGroup[]): string[][] =>
    groups.map((group) => group.map((one) => (namedKey(one).recipient === A ? "A" : "B")));

  test("adds to the first group, each once, and removes from all", () => {
    const groups = [groupOf(A), groupOf(A, B)];
    const added = regroup(groups, { add: groupOf(A, B), remove: [] });
    expect(texts(added.groups)).toEqual([
      ["A", "B"],
      ["A", "B"],
    ]);
    expect(texts([added.present])).toEqual([["A"]]);
    const removed = regroup(added.groups, { add: [], remove: groupOf(A) });
    expect(texts(removed.groups)).toEqual([["B"], ["B"]]);
    expect(removed.absent).toEqual([]);
  });

  test("says who is not there", () => {
    const { groups, absent } = regroup([groupOf(A)], { add: [], remove: groupOf(B) });
    expect([texts(groups), texts([absent])]).toEqual([[["A"]], [["B"]]]);
  });

  test.each([[[groupOf(A)]], [[groupOf(B), groupOf(A)]]])("leaves no group empty", async (groups) => {
    const { code } = await failure(() => regroup(groups, { add: [], remove: groupOf(A) }));
    expect(code).toBe("KEY_NO_RECIPIENT");
  });

  test("exchanges the only recipient", () => {
    expect(texts(regroup([groupOf(A)], { add: groupOf(B), remove: groupOf(A) }).groups)).toEqual([["B"]]);
  });
});
