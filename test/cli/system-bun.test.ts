import { posix } from "node:path";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { bun, resolvePosix } from "../../src/cli/system-bun.ts";

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

it("a file that is replaced by a longer one, once its size is known, is read as a whole", async () => {
  let content = "old";
  /** As in Bun: whoever was told the size reads no more than that. */
  const file = () => {
    let told = Number.POSITIVE_INFINITY;
    return {
      get size() {
        told = content.length;
        content = "new and longer";
        return told;
      },
      bytes: async () => Buffer.from(content.slice(0, told)),
    };
  };
  vi.stubGlobal("Bun", { file });
  try {
    expect(Buffer.from(await bun.readFile("/f")).toString()).toBe("new and longer");
  } finally {
    vi.unstubAllGlobals();
  }
});
