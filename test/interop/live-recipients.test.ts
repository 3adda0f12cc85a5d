import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bothWays, SOURCES } from "../support/both-ways.ts";
import { type Moto, startMoto } from "../support/moto.ts";
import { describePeer, motoServerProgram, sopsProgram } from "../support/peers.ts";
import { alice, bob } from "../support/sops.ts";

/** Files whose recipients were changed go to sops 3.11.0 and come from there. TEST ONLY: all keys. */

type Env = Readonly<Record<string, string>>;
const asAlice: Env = { SOPS_AGE_KEY: alice.identity };
const asBob: Env = { SOPS_AGE_KEY: bob.identity };
const asBoth: Env = { SOPS_AGE_KEY: `${alice.identity}\n${bob.identity}` };

const typeOf = (extension: string): string[] => (extension === "txt" ? ["--input-type", "binary"] : []);

describePeer("recipients and sops 3.11.0", "sops", sopsProgram(), (sopsPath) => {
  const { write, read, sops, enc, seal, expectOpens, expectStaysShut } = bothWays(sopsPath, () => asAlice);
  const rule = (text: string): void => write(".sops.yaml", `creation_rules:\n  - ${text}\n`);
  const groups = (...recipients: string[]): string =>
    `key_groups: [${recipients.map((recipient) => `{age: [${recipient}]}`).join(", ")}]`;

  /** Gives sealed files of each type under the names `here.*` and `there.*`, for alice. */
  async function sealed(extension: string, text: string): Promise<string[]> {
    write(`sample.${extension}`, text);
    rule(`age: ${alice.recipient}`);
    return seal([], `sample.${extension}`);
  }

  /** What sops makes of a file, and what this program does. */
  async function plaintexts(name: string, extension: string, env: Env): Promise<[string, string]> {
    const type = extension === "txt" ? ["--input-type", "binary", "--output-type", "binary"] : [];
    const there = await sops(env, "decrypt", ...type, name);
    const here = await enc(env, "decrypt", name);
    expect([there.status, there.stderr, here.status, here.stderr]).toEqual([0, "", 0, ""]);
    return [there.stdout.toString(), here.stdout];
  }

  describe.each(SOURCES)(".%s", (extension, text) => {
    it("rotated here, opens in both as before", async () => {
      for (const name of await sealed(extension, text)) {
        const before = await plaintexts(name, extension, asAlice);
        const add = ["--add-age", bob.recipient];
        expect(await enc(asAlice, "rotate", "-i", ...add, name)).toMatchObject({ status: 0, stderr: "" });
        expect(await plaintexts(name, extension, asBob)).toEqual(before);
        const flags = ["--rm-age", alice.recipient, "--keep-unlisted"];
        expect(await enc(asBob, "rotate", "-i", ...flags, name)).toMatchObject({ status: 0, stderr: "" });
        expect(await plaintexts(name, extension, asBob)).toEqual(before);
        await expectStaysShut(name, asAlice);
      }
    });

    it("rotated there, opens here", async () => {
      for (const name of await sealed(extension, text)) {
        const [before] = await plaintexts(name, extension, asAlice);
        const types = extension === "txt" ? ["--input-type", "binary", "--output-type", "binary"] : [];
        const { status } = await sops(asAlice, "rotate", "-i", ...types, "--add-age", bob.recipient, name);
        expect(status).toBe(0);
        expect((await plaintexts(name, extension, asBob))[0]).toBe(before);
        expect((await enc(asBob, "recipients", "list", name)).stdout).toContain(bob.recipient);
      }
    });

    it("updated here, opens in both as before, and sops finds it up to date", async () => {
      for (const name of await sealed(extension, text)) {
        const before = await plaintexts(name, extension, asAlice);
        for (const [next, env] of [
          [`age: ${alice.recipient},${bob.recipient}`, asBob],
          [`${groups(alice.recipient, bob.recipient, alice.recipient)}\n    shamir_threshold: 2`, asAlice],
          [groups(alice.recipient, bob.recipient), asBoth],
          [`age: ${bob.recipient}`, asBob],
        ] as const) {
          rule(next);
          expect((await enc(asBoth, "updatekeys", "-y", name)).status).toBe(0);
          expect(await plaintexts(name, extension, env)).toEqual(before);
          const there = await sops({}, "updatekeys", ...typeOf(extension), "--yes", name);
          expect([there.status, there.stderr]).toEqual([0, expect.stringContaining("already up to date")]);
        }
      }
    });

    it("updated there, opens here, and is up to date here", async () => {
      for (const name of await sealed(extension, text)) {
        const before = await plaintexts(name, extension, asAlice);
        for (const [next, env] of [
          [`age: ${alice.recipient},${bob.recipient}`, asBob],
          [groups(alice.recipient, bob.recipient), asBoth],
          [`age: ${bob.recipient}`, asBob],
        ] as const) {
          rule(next);
          const { status } = await sops(asBoth, "updatekeys", ...typeOf(extension), "--yes", name);
          expect(status).toBe(0);
          // What sops has printed anew has lost its spellings, but not its values.
          expect((await plaintexts(name, extension, env))[0]).toBe(before[0]);
          const ran = await enc({}, "updatekeys", name);
          expect([ran.status, ran.stdout, ran.stderr]).toEqual([0, "", expect.stringContaining("in line")]);
        }
      }
    });
  });

  it("groups added and deleted by either", async () => {
    rule(`age: ${alice.recipient},${bob.recipient}`);
    for (const name of await seal(["--age", alice.recipient])) {
      const two = await sops(asAlice, "groups", "add", "-i", "--file", name, "--age", bob.recipient);
      expect(two.status).toBe(0);
      await expectOpens(name, asBoth);
      await expectStaysShut(name, asAlice);
      const flags = ["--age", alice.recipient, "--shamir-secret-sharing-threshold", "2"];
      expect((await enc(asBoth, "groups", "add", "-i", "--file", name, ...flags)).status).toBe(0);
      await expectOpens(name, asAlice);
      expect((await enc(asAlice, "groups", "delete", "0", "-i", "--file", name)).status).toBe(0);
      await expectOpens(name, asBoth);
      await expectStaysShut(name, asBob);
      const one = ["--shamir-secret-sharing-threshold", "1"];
      expect((await enc(asBoth, "groups", "delete", "0", "-i", "--file", name, ...one)).status).toBe(0);
      await expectOpens(name, asAlice);
      await expectStaysShut(name, asBob);
      expect((await sops(asAlice, "rotate", "-i", name)).status).toBe(0);
      await expectOpens(name, asAlice);
    }
  });

  it("exit as those of sops", async () => {
    rule(`age: ${alice.recipient},${bob.recipient}`);
    write("bad.yaml", "a: [\n");
    const [, file = ""] = await seal(["--age", alice.recipient]);
    const lines: readonly (readonly string[])[] = [
      ["rotate"],
      ["rotate", "none.yaml"],
      ["rotate", "--add-age", bob.recipient, "none.yaml"],
      ["rotate", "--rm-age", bob.recipient, "none.yaml"],
      ["rotate", "sample.yaml"],
      ["rotate", "bad.yaml"],
      ["rotate", "-i", "--output", "x", file],
      ["rotate", file],
      ["rotate", "--rm-age", alice.recipient, file],
      ["updatekeys"],
      ["updatekeys", "--yes", "none.yaml"],
      ["updatekeys", "--yes", "sample.yaml"],
      ["updatekeys", "--yes", "bad.yaml"],
      ["updatekeys", "--yes", file],
      ["groups", "add", "--file", "none.yaml", "--age", bob.recipient],
      ["groups", "add", "--file", "bad.yaml", "--age", bob.recipient],
      ["groups", "add", "--file", file, "--age", bob.recipient],
      ["groups", "delete", "--file", file],
      ["groups", "delete", "0", "--file", "none.yaml"],
    ];
    for (const line of lines) {
      // Nobody has a key.
      const [here, there] = [await enc({}, ...line), await sops({}, ...line)];
      const isOwn = line.includes("--rm-age") && line.at(-1) === file;
      expect([line, here.status]).toEqual([line, isOwn ? 1 : there.status]);
    }
    expect(read(file)).toContain(alice.recipient);
  });
});

describePeer("KMS keys and sops 3.11.0", "sops", sopsProgram(), (sopsPath) => {
  describePeer("by moto", "moto", motoServerProgram(), (motoPath) => {
    let moto: Moto;
    let arn: string;
    const { write, read, enc, seal, expectOpens, expectStaysShut } = bothWays(sopsPath, () => moto.env);
    const CONTEXT = ["--encryption-context", "env:prod,app:billing"];

    beforeAll(async () => {
      moto = await startMoto(motoPath);
      ({ arn } = await moto.createKey());
    }, 60_000);
    afterAll(() => moto?.stop());

    it("are added and removed with their context", async () => {
      for (const name of await seal(["--age", alice.recipient])) {
        const env = { ...asAlice, ...moto.env };
        expect((await enc(env, "rotate", "-i", "--add-kms", arn, ...CONTEXT, name)).status).toBe(0);
        expect(read(name)).toMatch(/context:\n +app: billing\n +env: prod/);
        await expectOpens(name, moto.env);
        // Rotated, they keep it.
        expect((await enc(moto.env, "rotate", "-i", name)).status).toBe(0);
        await expectOpens(name, moto.env);
        const before = read(name);
        const without = await enc(env, "rotate", "-i", "--rm-kms", arn, name);
        expect([without.status, without.stderr]).toEqual([
          1,
          expect.stringContaining(`have to be those of the file: ${arn}|app:billing,env:prod`),
        ]);
        expect(read(name)).toBe(before);
        expect((await enc(env, "rotate", "-i", "--rm-kms", arn, ...CONTEXT, name)).status).toBe(0);
        await expectStaysShut(name, moto.env);
        await expectOpens(name, asAlice);
      }
    });

    it("of flat rules get a context by flag", async () => {
      for (const name of await seal(["--kms", arn, ...CONTEXT])) {
        write(".sops.yaml", `creation_rules:\n  - kms: ${arn}\n`);
        const before = read(name);
        const drops = await enc(moto.env, "updatekeys", "--dry-run", name);
        expect(drops.stdout).toBe(`${name}\n+++ kms ${arn}\n--- kms ${arn}|app:billing,env:prod\n`);
        const keeps = await enc(moto.env, "updatekeys", "-y", ...CONTEXT, name);
        expect([keeps.status, keeps.stdout]).toEqual([0, ""]);
        expect(read(name)).toBe(before);
        // It is the key that the rule names, whatever its context.
        expect(await enc(moto.env, "rotate", "-i", name)).toMatchObject({ status: 0, stderr: "" });
        expect(read(name)).toMatch(/context:\n +app: billing\n +env: prod/);
        await expectOpens(name, moto.env);
      }
    });

    it("beside others keep their entry, without a call", async () => {
      for (const name of await seal(["--kms", arn, "--age", alice.recipient])) {
        write(".sops.yaml", `creation_rules:\n  - kms: ${arn}\n    age: ${alice.recipient},${bob.recipient}\n`);
        // Nobody is at that address, and nobody needs to be.
        const env = { ...asAlice, ...moto.env, AWS_ENDPOINT_URL: "http://127.0.0.1:9" };
        expect((await enc(env, "updatekeys", "-y", name)).status).toBe(0);
        await expectOpens(name, moto.env);
        await expectOpens(name, asBob);
      }
    });
  });
});
