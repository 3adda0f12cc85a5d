import { posix } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { resolvePosix } from "../../src/cli/system-bun.ts";

it("a path is resolved as Node does it", () => {
  const part = fc.constantFrom("", ".", "..", "...", "a", "b c", ".env", "..d", "\\");
  const path = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join("/"));
  const folder = path.map((name) => posix.resolve("/", name));
  fc.assert(
    fc.property(folder, path, (from, to) => {
      expect(resolvePosix(from, to)).toBe(posix.resolve(from, to));
    }),
  );
});
