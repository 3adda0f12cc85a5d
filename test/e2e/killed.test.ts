import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { decrypt } from "../../src/decrypt.ts";
import { fakeHost } from "../support/fake-host.ts";
import { bob } from "../support/sops.ts";
import { IDENTITY, outcomeOf, RECIPIENT, run, type Sandbox, sandbox, start } from "./program.ts";

/**
 * Every verb that writes a file, killed at random instants, without a chance to clean up: the file is the old one or the
 * new one, whole, with the mode it had, and no plaintext is anywhere else.
 */

/** Times that each verb is killed. Where starting takes ten times as long, it is for the same code. */
const TIMES = process.env["KEYLEAF_TEST_BUILD"] === "standalone" ? 200 : 20;

/** Stands in the plaintext of every file. */
const SECRET = "canary-5f1d";
const plaintext = `# c\na: one ${SECRET}\nb: {c: "two ${SECRET}", d: 3}\n`;
const changed = plaintext.replace("one", "another");
const host = fakeHost({ env: { SOPS_AGE_KEY: IDENTITY } });

interface Verb {
  readonly args: readonly string[];
  /** What is in `f.yaml` before. */
  readonly before: "plaintext" | "encrypted";
  /** The plaintext of what is in `f.yaml` in the end. */
  readonly after: string;
  /** The file is plaintext in the end, so that the user has asked for that in its folder. */
  readonly isOpening?: boolean;
}

const verbs: Readonly<Record<string, Verb>> = {
  "enc -i": { args: ["-i", "f.yaml"], before: "plaintext", after: plaintext },
  "dec -i": { args: ["decrypt", "-i", "f.yaml"], before: "encrypted", after: plaintext, isOpening: true },
  "enc set": {
    args: ["set", "f.yaml", "b.d", "4"],
    before: "encrypted",
    after: plaintext.replace("d: 3", "d: 4"),
  },
  "enc unset": { args: ["unset", "f.yaml", "a"], before: "encrypted", after: plaintext.replace(/^a:.*\n/m, "") },
  "enc rotate -i": { args: ["rotate", "-i", "f.yaml"], before: "encrypted", after: plaintext },
  "enc updatekeys": { args: ["updatekeys", "--yes", "f.yaml"], before: "encrypted", after: plaintext },
  "enc groups add -i": {
    args: ["groups", "add", "-i", "--file", "f.yaml", "--age", RECIPIENT],
    before: "encrypted",
    after: plaintext,
  },
  "enc -o": { args: ["-o", "f.yaml", "../home/changed.yaml"], before: "encrypted", after: changed },
};

describe.each(Object.entries(verbs))("%s", (_, { args, before, after, isOpening = false }) => {
  it(`killed ${TIMES} times leaves the old file or the new one`, async () => {
    const box = sandbox();
    // The file is for one of the two, so that there is something to update.
    box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT},${bob.recipient}\n`);
    box.write(join(box.home, "changed.yaml"), changed);
    box.write("p.yaml", plaintext);
    await run("enc", box, ["--age", RECIPIENT, "-o", "f.yaml", "p.yaml"]);
    const old = before === "plaintext" ? plaintext : box.read("f.yaml");
    const longest = await longestOf(() => box.write("f.yaml", old), args, box);

    const endings = { old: 0, new: 0 };
    for (let i = 0; i < TIMES; i++) {
      box.write("f.yaml", old, 0o640);
      const child = start("enc", box, args);
      const ended = outcomeOf(child);
      // The last one is let alone, so that what comes out in the end is there to be seen, however slow the machine is.
      if (i < TIMES - 1) {
        await wait(Math.random() * longest);
        child.kill("SIGKILL");
      }
      await ended;
      const found = box.read("f.yaml");
      if (found === old) endings.old++;
      else {
        expect(await plaintextOf(found)).toBe(after);
        endings.new++;
      }
      expect(statSync(box.path("f.yaml")).mode & 0o777).toBe(0o640);
      if (!isOpening) expect(filesWith(SECRET, box.work, box.temporary).filter((name) => !isKnown(name))).toEqual([]);
    }
    expect(endings.old).toBeGreaterThan(0);
    expect(endings.new).toBeGreaterThan(0);
  }, 300_000);

  function isKnown(name: string): boolean {
    return name === "p.yaml" || (before === "plaintext" && name === "f.yaml");
  }
});

/** Milliseconds of the longest of three runs, and a little more. */
async function longestOf(prepare: () => void, args: readonly string[], box: Sandbox): Promise<number> {
  let longest = 0;
  for (let i = 0; i < 3; i++) {
    prepare();
    const begin = performance.now();
    expect(await run("enc", box, args)).toMatchObject({ status: 0 });
    longest = Math.max(longest, performance.now() - begin);
  }
  return longest * 1.2;
}

async function plaintextOf(content: string): Promise<string> {
  if (!content.includes("ENC[")) return content;
  return Buffer.from((await decrypt(Buffer.from(content), { format: "yaml" }, host)).output).toString();
}

/** Names of all files in folders that hold a text. */
function filesWith(text: string, ...folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
      .map(({ name }) => name),
  );
}
