import type { System } from "./system.ts";

/** What Bun has without its `node:fs` and `node:path`. */
export const bun: System = {
  async readFile(path) {
    // What is not absolute might be taken for an address.
    if (path.startsWith("/")) {
      // Pipes and devices are infinite; what is not there is empty.
      const { size } = Bun.file(path);
      try {
        // Asked anew: no more than the size that was told would be read, of a file that another one has replaced since.
        if (size > 0 && size <= SMALL_BYTES) return await Bun.file(path).bytes();
      } catch {
        // Then `node:fs` says what is wrong, in its own words.
      }
    }
    return bun.fs().readFileSync(path);
  },
  async writeOutput(data) {
    await Bun.write(Bun.stdout, data);
  },
  resolve: (folder, path) =>
    process.platform === "win32" ? builtin("node:path").resolve(folder, path) : resolvePosix(folder, path),
  isMissing: (path) => Bun.file(path).size === 0,
  fs: () => builtin("node:fs"),
};

/** The part of Bun's own interface that is used. */
declare const Bun: {
  file(path: string): { readonly size: number; bytes(): Promise<Uint8Array> };
  write(to: unknown, data: Uint8Array): Promise<number>;
  readonly stdout: unknown;
};

const SMALL_BYTES = 1024 * 1024;

const builtin = process.getBuiltinModule;

/** As `posix.resolve` of `node:path`. */
export function resolvePosix(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
