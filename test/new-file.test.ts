import { describe, expect, test } from "vitest";
import { newFile } from "../src/new-file.ts";
import { fakeHost } from "./support/fake-host.ts";
import { failure, groupOf, hostA, hostAB, openedText, RECIPIENT_A, RECIPIENT_B, textOf } from "./support/sealing.ts";

const toA = { keyGroups: [groupOf(RECIPIENT_A)] };

test("encrypts for who was named, with a data key that was wrapped before", async () => {
  const file = await newFile(toA, hostA);
  const { output, verify, clear } = await file.encrypt(Buffer.from("a: 1\nb_unencrypted: 2\n"), { format: "yaml" });
  expect(await verify(output)).toBe(true);
  file.close();
  expect(clear).toEqual(["b_unencrypted"]);
  expect(await openedText("yaml", output)).toBe("a: 1\nb_unencrypted: 2\n");
});

test("says that nobody can be encrypted to before there is anything to encrypt", async () => {
  expect((await failure(() => newFile({ keyGroups: [[]] }, hostA))).code).toBe("KEY_NO_RECIPIENT");
});

test("wraps once, however often it encrypts", async () => {
  const file = await newFile(toA, hostA);
  const wrappedKeys: (string | undefined)[] = [];
  for (const text of ["a: 1\n", "a: 2\n"]) {
    const { output } = await file.encrypt(Buffer.from(text), { format: "yaml" });
    wrappedKeys.push(/-----BEGIN[\s\S]*?-----END/.exec(textOf(output))?.[0]);
  }
  file.close();
  expect(wrappedKeys[0]).toBeTruthy();
  expect(wrappedKeys[1]).toBe(wrappedKeys[0]);
});

test("splits the data key over groups", async () => {
  const keyGroups = [groupOf(RECIPIENT_A), groupOf(RECIPIENT_B)];
  const file = await newFile({ keyGroups }, hostAB);
  const { output, verify } = await file.encrypt(Buffer.from("a: 1\n"), { format: "yaml" });
  expect(await verify(output)).toBe(true);
  file.close();
  expect(textOf(output)).toContain("shamir_threshold: 2");
});

describe("what is refused", () => {
  test.each([
    ["a: [\n", "INPUT_MALFORMED"],
    ["{}\n", "INPUT_NOTHING_TO_ENCRYPT"],
    ["a: 1\nsops: {}\n", "INPUT_ALREADY_ENCRYPTED"],
  ])("%j, and another text may follow", async (text, code) => {
    const file = await newFile(toA, hostA);
    expect((await failure(() => file.encrypt(Buffer.from(text), { format: "yaml" }))).code).toBe(code);
    expect((await file.encrypt(Buffer.from("a: 1\n"), { format: "yaml" })).sealed).toBe(1);
    file.close();
  });

  test("anything once it is closed", async () => {
    const file = await newFile(toA, fakeHost());
    file.close();
    await expect(file.encrypt(Buffer.from("a: 1\n"), { format: "yaml" })).rejects.toThrow("closed");
    await expect(file.encryptApart(Buffer.from("a"))).rejects.toThrow("closed");
  });
});

test("encrypts anything apart, as a binary file for the same recipients", async () => {
  const file = await newFile(toA, hostA);
  const output = await file.encryptApart(Buffer.from("a: [\n"));
  file.close();
  expect(await openedText("binary", output)).toBe("a: [\n");
});
