import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { decodeMessage, encodeMessage, type Field, lastField } from "../../../src/crypto/key-service/protobuf.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const plain = (fields: readonly Field[] | null): unknown =>
  fields?.map(([number, content]) => [number, Buffer.from(content).toString("hex")]) ?? null;

test("what is encoded comes back", () => {
  const field = fc.tuple(fc.integer({ min: 1, max: 31 }), fc.uint8Array({ maxLength: 300 }));
  fc.assert(
    fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
      expect(plain(decodeMessage(encodeMessage(fields)))).toEqual(plain(fields));
    }),
  );
});

describe("a message", () => {
  it.each<[string, string, unknown]>([
    ["nothing", "", []],
    ["an empty field", "0a 00", [[1, ""]]],
    ["a length of two bytes", `0a c801 ${"61".repeat(200)}`, [[1, "61".repeat(200)]]],
    ["a field number of two bytes", "8201 01 61", [[16, "61"]]],
    [
      "fields of other kinds, which are passed over",
      "08 96ffff01 11 0102030405060708 1d 01020304 12 01 61",
      [[2, "61"]],
    ],
  ])("with %s", (_, hex, fields) => {
    expect(plain(decodeMessage(bytes(hex)))).toEqual(fields);
  });

  it.each([
    ["a field that is cut off", "0a 02 61"],
    ["a length that is cut off", "0a"],
    ["a length without an end", "0a ffffffffffffffffffffff"],
    ["a length past the end of memory", "0a ffffffff7f 61"],
    ["a number without an end", "ffffffffffffffffffffff"],
    ["the number 0", "02 01 61"],
    ["a group, which nobody writes any more", "0b 0c"],
    ["a kind that there is not", "0e 00"],
    ["eight bytes that are cut off", "09 00"],
  ])("is none with %s", (_, hex) => {
    expect(decodeMessage(bytes(hex))).toBeNull();
  });

  it("is read or refused, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        const fields = decodeMessage(any);
        for (const [number, content] of fields ?? []) {
          expect(number).toBeGreaterThan(0);
          expect(content.length).toBeLessThanOrEqual(any.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("means the last of several fields of one number", () => {
    const fields = decodeMessage(bytes("0a 01 61 0a 01 62 12 01 63")) ?? [];
    expect(Buffer.from(lastField(fields, 1) ?? []).toString()).toBe("b");
    expect(lastField(fields, 3)).toBeNull();
  });
});
