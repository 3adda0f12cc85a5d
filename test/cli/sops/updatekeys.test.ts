import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import type { CliHost, Context, Flags } from "../../../src/cli/context.ts";
import { nodeHost } from "../../../src/cli/node-host.ts";
import { run } from "../../../src/cli/sops/updatekeys.ts";
import { KeyleafError } from "../../../src/errors.ts";
import { describePeer, sopsProgram } from "../../support/peers.ts";
import { alice, bob, runSops } from "../../support/sops.ts";
import { temporaryFolder } from "../fake.ts";

/** `updatekeys` under the name sops, side by side with sops 3.11.0. TEST ONLY: all keys. */

describePeer("updatekeys as sops 3.11.0 has it", "sops", sopsProgram(), (sopsPath) => {
  let cwd: string;
  const env = { SOPS_AGE_KEY: `${alice.identity}\n${bob.identity}` };
  const rule = (text: string): void => writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - ${text}\n`);
  const read = (name: string): string => readFileSync(join(cwd, name), "utf8");
  const groups = (...recipients: string[]): string =>
    `key_groups: [${recipients.map((recipient) => `{age: [${recipient}]}`).join(", ")}]`;

  const sops = (stdin: string, ...argv: string[]) =>
    runSops(sopsPath, { cwd, env, stdin: Buffer.from(stdin) }, ...argv);

  async function here(
    stdin: string,
    files: readonly string[],
    names: readonly string[] = [],
  ): Promise<{ code: string | null; stdout: string; stderr: string }> {
    const host: CliHost = { ...(await nodeHost()), env, home: cwd, cwd };
    const out: Buffer[] = [];
    const err: string[] = [];
    const printed = (): { stdout: string; stderr: string } => {
      return { stdout: Buffer.concat(out).toString(), stderr: err.join("") };
    };
    const context: Context = {
      program: "sops",
      host,
      files: new Set(),
      streams: {
        stdin: { isPiped: true, read: async () => Buffer.from(stdin) },
        stdout: { write: async (data) => void out.push(Buffer.from(data as string)) },
        stderr: { isTerminal: false, columns: 80, write: (text) => void err.push(text) },
      },
    };
    const flags: Flags = { has: (name) => names.includes(name), text: () => undefined };
    try {
      await run(files, flags, context);
      return { code: null, ...printed() };
    } catch (error) {
      if (!(error instanceof KeyleafError)) throw error;
      return { code: error.code, ...printed() };
    }
  }

  beforeEach(async () => {
    cwd = temporaryFolder();
    writeFileSync(join(cwd, "plain.yaml"), "a: b\n");
    rule(groups(alice.recipient, bob.recipient));
    const sealed = await sops("", "encrypt", "plain.yaml");
    for (const name of ["here.yaml", "there.yaml"]) writeFileSync(join(cwd, name), sealed.stdout);
  });

  const withoutTimes = (text: string): string => text.replace(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/g, "TIME");

  it.each<[string, () => string]>([
    ["fewer groups", () => `age: ${bob.recipient}`],
    ["more groups", () => groups(alice.recipient, bob.recipient, alice.recipient)],
    ["a threshold, which is not looked at", () => `${groups(bob.recipient, alice.recipient)}\n    shamir_threshold: 3`],
    ["nothing", () => groups(alice.recipient, bob.recipient)],
  ])("%s", async (_, text) => {
    rule(text());
    for (const answer of ["n\n", "y\n"]) {
      const [ours, theirs] = [await here(answer, ["here.yaml"]), await sops(answer, "updatekeys", "there.yaml")];
      expect([ours.code, theirs.status]).toEqual([null, 0]);
      expect(ours.stdout).toBe(theirs.stdout.toString());
      expect(withoutTimes(ours.stderr)).toBe(withoutTimes(theirs.stderr).replaceAll("there.yaml", "here.yaml"));
      const opened = await sops("", "decrypt", "here.yaml");
      expect(opened.stdout.toString()).toBe("a: b\n");
    }
    // Of one group the reference leaves a threshold of 1, which means nothing.
    const recipients = (name: string): string[] => read(name).match(/recipient: .*|shamir_threshold: [2-9]/g) ?? [];
    expect(recipients("here.yaml").toSorted()).toEqual(recipients("there.yaml").toSorted());
  });

  it("goes on with other files, and counts those that fail", async () => {
    rule(`age: ${alice.recipient}`);
    const { code, stderr } = await here("", ["none.yaml", "plain.yaml", "here.yaml"], ["yes"]);
    expect(code).toBe("USAGE");
    expect(stderr).toMatch(/none.yaml: no such file[\s\S]*not encrypted[\s\S]*here.yaml synced with new keys/);
    expect(read("here.yaml")).not.toContain("key_groups");
  });

  it("without an answer does nothing", async () => {
    rule(`age: ${alice.recipient}`);
    const before = read("here.yaml");
    expect((await here("", ["here.yaml"])).code).toBe("USAGE");
    expect((await here("what now\n", ["here.yaml"])).code).toBe("USAGE");
    expect((await here("", [])).code).toBe("USAGE_NO_FILE");
    expect(read("here.yaml")).toBe(before);
  });
});
