import { expect, test } from "vitest";
import { crc32c } from "../../src/crypto/crc32c.ts";

/** RFC 3720, B.4, and the usual check value. */
test.each<[string, Uint8Array, number]>([
  ["nothing", new Uint8Array(), 0],
  ["digits", Buffer.from("123456789"), 0xe3069283],
  ["zeros", new Uint8Array(32), 0x8a9136aa],
  ["ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["ascending", Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  ["descending", Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
])("CRC-32C of %s", (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});
