import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { createGrpcServer } from "../../src/cli/grpc-server.ts";
import { nodeHost } from "../../src/cli/node-host.ts";
import { answer } from "../../src/crypto/key-service/answer.ts";
import { runWith, temporaryFolder } from "../cli/fake.ts";
import { type Moto, startMoto } from "../support/moto.ts";
import { describePeer, motoServerProgram, sopsProgram } from "../support/peers.ts";
import { runSops } from "../support/sops.ts";

/**
 * AWS KMS keys through key services, with the reference on the other side: only the service knows the credentials, so that
 * a file opens only if ARN, context and the rest of the key came through. moto stands in for AWS.
 */

const PLAIN = "a: b\n";
const REMOTE = "--enable-local-keyservice=false";

describePeer("AWS KMS by moto through a key service, with sops 3.11.0", "sops", sopsProgram(), (sopsPath) => {
  describePeer("keys", "moto", motoServerProgram(), (motoPath) => {
    let moto: Moto;
    let flags: readonly string[];
    let cwd: string;

    beforeAll(async () => {
      moto = await startMoto(motoPath);
      const { arn } = await moto.createKey();
      flags = ["--kms", arn, "--encryption-context", "app:web,stage:täst"];
    }, 60_000);
    afterAll(() => moto.stop());
    beforeEach(() => {
      cwd = temporaryFolder();
      writeFileSync(join(cwd, "plain.yaml"), PLAIN);
    });

    it("its client asks our service", async () => {
      const host = { ...(await nodeHost()), env: moto.env };
      const service = createGrpcServer((method, request, signal) =>
        answer(method, request, host, async () => true, signal),
      );
      const path = join(cwd, "s.sock");
      await new Promise<void>((done) => service.server.listen(path, done));
      onTestFinished(() => service.close());
      const words = [REMOTE, "--keyservice", `unix://${path}`];
      const sealed = await runSops(sopsPath, { cwd }, "encrypt", ...words, ...flags, "plain.yaml");
      expect(sealed).toMatchObject({ status: 0, stderr: "" });
      writeFileSync(join(cwd, "s.yaml"), sealed.stdout);
      const opened = await runSops(sopsPath, { cwd }, "decrypt", ...words, "s.yaml");
      expect([opened.status, opened.stdout.toString()]).toEqual([0, PLAIN]);
      // With another context the same key opens nothing.
      writeFileSync(join(cwd, "t.yaml"), sealed.stdout.toString().replace("app: web", "app: wob"));
      const other = await runSops(sopsPath, { cwd }, "decrypt", ...words, "t.yaml");
      expect(other.status).toBe(128);
    });

    it("our client asks its service", async () => {
      // The reference cannot be told to choose a port; a socket needs none.
      const path = join(cwd, "r.sock");
      const child = spawn(sopsPath, ["keyservice", "--net", "unix", "--addr", path], {
        env: { HOME: cwd, SOPS_DISABLE_VERSION_CHECK: "true", ...moto.env },
        stdio: "ignore",
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      while (!existsSync(path)) await new Promise((later) => setTimeout(later, 20));
      const words = [REMOTE, "--keyservice", `unix://${path}`];
      const sealed = await runWith({ cwd }, ...words, ...flags, "-o", "s.yaml", "plain.yaml");
      expect(sealed).toMatchObject({ status: 0, stderr: "" });
      expect(await runWith({ cwd }, "decrypt", ...words, "s.yaml")).toMatchObject({ status: 0, stdout: PLAIN });
      // And without the service, as its own.
      const own = await runSops(sopsPath, { cwd, env: moto.env }, "decrypt", "s.yaml");
      expect([own.status, own.stdout.toString()]).toEqual([0, PLAIN]);
      const text = readFileSync(join(cwd, "s.yaml"), "utf8");
      writeFileSync(join(cwd, "t.yaml"), text.replace("app: web", "app: wob"));
      expect(await runWith({ cwd }, "decrypt", ...words, "t.yaml")).toMatchObject({ status: 128, stdout: "" });
    });
  });
});
