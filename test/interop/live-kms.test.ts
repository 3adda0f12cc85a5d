import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { bothWays, SOURCE, SOURCES } from "../support/both-ways.ts";
import { type Moto, startMoto } from "../support/moto.ts";
import { describePeer, motoServerProgram, sopsProgram } from "../support/peers.ts";
import { alice } from "../support/sops.ts";

/** AWS KMS keys in files that go to sops and come from there; moto stands in for AWS. */

/** A server that hands everything on to another one, and notes what is asked of it. */
async function countCalls(endpoint: string) {
  const calls: string[] = [];
  let [open, most] = [0, 0];
  const server = createServer(async (request, response) => {
    calls.push(`${request.headers["x-amz-target"]}`);
    most = Math.max(most, ++open);
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const answer = await fetch(`${endpoint}${request.url}`, {
      method: "POST",
      headers: headers as Record<string, string>,
      body: Buffer.concat(body),
    });
    open--;
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    get mostAtATime() {
      return most;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describePeer("sops 3.11.0 and this program with AWS KMS by moto", "sops", sopsProgram(), (sopsPath) => {
  describePeer("keys", "moto", motoServerProgram(), (motoPath) => {
    let moto: Moto;
    let arn: string;
    let other: string;
    let aliasArn: string;
    const { write, read, sops, enc, seal, expectOpens, expectStaysShut, expectOpensAs } = bothWays(
      sopsPath,
      () => moto.env,
    );

    beforeAll(async () => {
      moto = await startMoto(motoPath);
      ({ arn } = await moto.createKey());
      const second = await moto.createKey({ alias: "config" });
      other = second.arn;
      aliasArn = second.aliasArn ?? "";
    }, 60_000);

    afterAll(() => moto?.stop());

    const asAlice = { SOPS_AGE_KEY: alice.identity };
    /** Neither instance metadata nor files of the user's are asked. */
    const noCredentials = { AWS_EC2_METADATA_DISABLED: "true", AWS_SHARED_CREDENTIALS_FILE: "/dev/null" };

    it.each(SOURCES)("one key, .%s", (extension, text) => expectOpensAs(extension, text, ["--kms", arn]));

    it("an alias", async () => {
      for (const sealed of await seal(["--kms", aliasArn])) {
        expect(read(sealed)).toContain(aliasArn);
        await expectOpens(sealed, moto.env);
      }
    });

    it("a role", async () => {
      const role = "arn:aws:iam::210987654321:role/config";
      const { arn: theirs } = await moto.createKey({ role });
      for (const sealed of await seal(["--kms", `${theirs}+${role}`])) await expectOpens(sealed, moto.env);
    });

    it("an encryption context, which is bound to the key", async () => {
      const flags = ["--kms", arn, "--encryption-context", "env:prod,app:billing"];
      for (const sealed of await seal(flags)) {
        await expectOpens(sealed, moto.env);
        write(sealed, read(sealed).replace(/(env: "?)prod/, "$1test"));
        await expectStaysShut(sealed, moto.env);
      }
    });

    it("from the same rule", async () => {
      write(
        ".sops.yaml",
        `creation_rules:\n  - key_groups:\n      - kms:\n          - arn: ${arn}\n            context: {env: prod}\n`,
      );
      for (const sealed of await seal([])) {
        expect(read(sealed)).toMatch(/context:\n +env: prod/);
        await expectOpens(sealed, moto.env);
      }
    });

    it("two keys, one of which is gone", async () => {
      const gone = arn.replace(/key\/.*/, "key/00000000-0000-4000-8000-000000000000");
      for (const sealed of await seal(["--kms", `${arn},${other}`])) {
        // What is gone is tried first, and the other one helps.
        write(sealed, read(sealed).replace(arn, gone));
        await expectOpens(sealed, moto.env);
      }
    });

    it("beside an age key: either opens", async () => {
      for (const sealed of await seal(["--kms", arn, "--age", alice.recipient])) {
        await expectOpens(sealed, moto.env);
        await expectOpens(sealed, { ...asAlice, ...noCredentials });
        await expectStaysShut(sealed, noCredentials);
      }
    });

    it.each([
      ["rotate", "-i", "--keep-unlisted"],
      ["updatekeys", "-y"],
    ])("of many files are unwrapped once: %s", async (...argv) => {
      const [name = ""] = await seal(["--kms", arn]);
      for (let i = 0; i < 20; i++) write(`copies/${i}.yaml`, read(name));
      write(".sops.yaml", `creation_rules:\n  - kms: ${arn}\n    age: ${alice.recipient}\n`);
      const counter = await countCalls(moto.endpoint);
      onTestFinished(() => counter.stop());
      const ran = await enc({ ...moto.env, AWS_ENDPOINT_URL: counter.endpoint }, ...argv, "copies");
      expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining("20 files")]);
      // Of a file that keeps its data key nothing is wrapped again.
      const wrapped = argv.includes("rotate") ? 20 : 0;
      expect(counter.calls.filter((call) => call === "TrentService.Decrypt")).toHaveLength(1);
      expect(counter.calls.filter((call) => call === "TrentService.Encrypt")).toHaveLength(wrapped);
    });

    it("of many files are fetched once for each wrapped key, several at a time", async () => {
      const counter = await countCalls(moto.endpoint);
      onTestFinished(() => counter.stop());
      const env = { ...moto.env, AWS_ENDPOINT_URL: counter.endpoint };
      for (let i = 0; i < 20; i++) write(`many${i}.yaml`, SOURCE);
      expect((await enc(env, "-i", "many*.yaml", "--kms", arn)).status).toBe(0);
      expect(counter.calls).toEqual(Array(20).fill("TrentService.Encrypt"));
      expect(counter.mostAtATime).toBeGreaterThan(1);
      expect(counter.mostAtATime).toBeLessThanOrEqual(8);

      // Every file ten times over, as copies of one template have one data key.
      for (let i = 0; i < 200; i++) write(`copy${i}.yaml`, read(`many${i % 20}.yaml`));
      counter.calls.length = 0;
      expect(await enc(env, "decrypt", "-i", "*.yaml")).toMatchObject({
        status: 0,
        stderr: "enc: note: 220 files decrypted\n",
      });
      expect(counter.calls).toEqual(Array(20).fill("TrentService.Decrypt"));
      expect(read("copy199.yaml")).toBe(SOURCE);
    });

    it("of a thousand files with five wrapped keys are fetched with five calls", async () => {
      for (let i = 0; i < 5; i++) write(`many${i}.yaml`, SOURCE);
      expect((await enc(moto.env, "-i", "many*.yaml", "--kms", arn)).status).toBe(0);
      for (let i = 5; i < 1000; i++) write(`many${i}.yaml`, read(`many${i % 5}.yaml`));
      const counter = await countCalls(moto.endpoint);
      onTestFinished(() => counter.stop());
      const env = { ...moto.env, AWS_ENDPOINT_URL: counter.endpoint };
      expect(await enc(env, "decrypt", "-i", "many*.yaml")).toMatchObject({
        status: 0,
        stderr: "enc: note: 1,000 files decrypted\n",
      });
      expect(counter.calls).toEqual(Array(5).fill("TrentService.Decrypt"));
      for (const i of [0, 500, 999]) expect(read(`many${i}.yaml`)).toBe(SOURCE);
    });

    it("with the context that sops before 3.3.0 wrote down, and another one that it used", async () => {
      // What it used: the value of one for all.
      const context = ["--encryption-context", "app:prod,env:prod"];
      for (const sealed of await seal(["--kms", arn, ...context])) {
        write(sealed, read(sealed).replace(/(app: "?)prod/, "$1billing"));
        await expectStaysShut(sealed, moto.env);
        const version = /^ +version: "?([\d.]+)/m.exec(read(sealed))?.[1] ?? "";
        write(sealed, read(sealed).replace(version, "3.2.0"));
        const here = await enc(moto.env, "decrypt", sealed);
        expect([here.status, here.stderr]).toEqual([0, ""]);
        // It asks on standard output before it opens such a file, so what it gives is looked for behind that.
        const there = await sops(moto.env, "decrypt", sealed);
        expect(there.status).toBe(0);
        expect(there.stdout.toString()).toContain("c_unencrypted: d");
      }
    });

    it("rotated by sops", async () => {
      const [here = ""] = await seal(["--kms", arn]);
      const flags = ["--add-kms", other, "--rm-kms", arn];
      expect(await sops(moto.env, "rotate", "-i", ...flags, here)).toMatchObject({ status: 0, stderr: "" });
      expect(read(here)).not.toContain(arn);
      await expectOpens(here, moto.env);
    });
  });
});
