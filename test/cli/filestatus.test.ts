import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { IDENTITY, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

describe("enc filestatus", () => {
  it("tells what a file is, without a key", async () => {
    const cwd = temporaryFolder();
    const write = (name: string, text: string): void => writeFileSync(join(cwd, name), text);
    const status = async (...argv: string[]): Promise<unknown> => {
      const { stdout, stderr, status } = await runWith({ cwd }, "filestatus", ...argv);
      return status === 0 ? (JSON.parse(stdout) as unknown) : [status, stderr];
    };
    for (const [name, text] of [
      ["f.yaml", "a: b\n"],
      ["f.env", "A=b\n"],
      ["f.toml", 'a = "b"\n'],
      ["f.txt", "text"],
    ] as const) {
      write(name, text);
      expect(await status(name)).toEqual({ encrypted: false });
      const env = { SOPS_AGE_KEY: IDENTITY, SOPS_AGE_RECIPIENTS: RECIPIENT };
      write(`s-${name}`, (await runWith({ cwd, env }, name)).stdout);
      expect(await status(`s-${name}`)).toEqual({ encrypted: true });
      write("unnamed", (await runWith({ cwd, env }, name)).stdout);
      expect(await status("unnamed")).toEqual({ encrypted: true });
    }
    write("broken.yaml", "a: [");
    expect(await status("broken.yaml")).toEqual([1, expect.stringContaining("broken.yaml: line 1")]);
    expect(await status("nosuch.yaml")).toEqual([1, expect.stringContaining("no such file")]);
    expect((await runWith({ cwd }, "filestatus")).status).toBe(100);
    write("damaged.json", '{"a": "b", "sops": {"mac": "x"}}');
    expect(await status("damaged.json")).toEqual([1, expect.stringContaining("sops metadata")]);
  });
});
