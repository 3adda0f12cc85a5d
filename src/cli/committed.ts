import { dirname, join, relative, sep } from "node:path";
import type { Conversation } from "../host.ts";
import { type InTurn, inTurn } from "../in-turn.ts";
import { once } from "../once.ts";
import type { CliHost } from "./context.ts";

/** What is committed of files: their content in the HEAD of the git repository that they are in. */
export class Committed {
  readonly #host: CliHost;
  readonly #tops = new Map<string, string | null>();
  readonly #repositories = new Map<string, Repository>();

  constructor(host: CliHost) {
    this.#host = host;
  }

  /** @param path - absolute. @returns `null`: nothing is committed, or git cannot tell. */
  async read(path: string): Promise<Uint8Array | null> {
    const top = this.#topOf(dirname(path));
    // A question is a line.
    if (top === null || path.includes("\n")) return null;
    const repository = once(this.#repositories, top, () => new Repository(top, this.#host));
    return repository.read(relative(top, path).split(sep).join("/"));
  }

  /** To be called in any case. */
  async close(): Promise<void> {
    for (const [, repository] of this.#repositories) await repository.close();
  }

  /** Without git, which is started for files in repositories only. */
  #topOf(folder: string): string | null {
    return once(this.#tops, folder, () => {
      try {
        if (this.#host.stat(join(folder, ".git")) !== null) return folder;
      } catch {
        return null;
      }
      const parent = dirname(folder);
      return parent === folder ? null : this.#topOf(parent);
    });
  }
}

/** One git for all files of a repository: each question is answered by a line, and the content that it speaks of. */
class Repository {
  readonly #git: Promise<Conversation | null>;
  readonly #inTurn: InTurn = inTurn();
  /** Said already, and not looked at. */
  #rest = Buffer.alloc(0);

  constructor(top: string, host: CliHost) {
    // Nothing is fetched for a clone that has not everything: where from, and by which program, is up to the repository.
    const env = { GIT_NO_LAZY_FETCH: "1", GIT_ALLOW_PROTOCOL: "none" };
    const starting = host.start?.(["git", "-C", top, "cat-file", "--batch"], env);
    this.#git = (starting ?? Promise.resolve(null)).catch(() => null);
  }

  read(name: string): Promise<Uint8Array | null> {
    return this.#inTurn(async () => {
      const git = await this.#git;
      git?.write(Buffer.from(`HEAD:${name}\n`));
      // `missing` is the answer where there is none.
      const answer = (await this.#line())?.toString() ?? "";
      const [, kind, length] = / ([a-z]+) (\d+)\n$/.exec(answer) ?? [];
      if (length === undefined) return null;
      const content = await this.#bytes(Number(length) + 1);
      return kind === "blob" ? (content?.subarray(0, -1) ?? null) : null;
    });
  }

  async #line(): Promise<Buffer | null> {
    while (!this.#rest.includes("\n")) {
      const more = await (await this.#git)?.read();
      if (more == null) return null;
      this.#rest = Buffer.concat([this.#rest, more]);
    }
    return this.#bytes(this.#rest.indexOf("\n") + 1);
  }

  /** @returns `null`: git has ended before. */
  async #bytes(count: number): Promise<Buffer | null> {
    const parts: Uint8Array[] = [this.#rest];
    for (let length = this.#rest.length; length < count; ) {
      const more = await (await this.#git)?.read();
      if (more == null) return null;
      parts.push(more);
      length += more.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(count);
    return all.subarray(0, count);
  }

  async close(): Promise<void> {
    await (await this.#git)?.end();
  }
}
