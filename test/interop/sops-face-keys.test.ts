import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeGnupg, type Gnupg, startGnupg } from "../support/gnupg.ts";
import { type Moto, startMoto } from "../support/moto.ts";
import { baoProgram, describePeer, motoServerProgram, sopsProgram } from "../support/peers.ts";
import { startVault, type Vault } from "../support/vault.ts";
import { Comparison } from "./sops-face/compare.ts";
import { type Keys, keyCases } from "./sops-face/key-cases.ts";

/** As sops-face.test.ts, with keys of gpg, of AWS KMS (by moto) and of a transit engine (by OpenBao). */
const executable = resolve(import.meta.dirname, "../../dist/standalone/enc");

describePeer("sops 3.11.0, and this program under its name", "sops", sopsProgram(), (theirs) => {
  describePeer("with keys of AWS KMS", "moto", motoServerProgram(), (motoProgram) => {
    describePeer("and Vault", "OpenBao", baoProgram(), (bao) => {
      describeGnupg("and PGP", () => {
        let folder = "";
        let servers: readonly [Gnupg, Moto, Vault] | null = null;
        let keys: Keys;
        let comparison: Comparison;

        beforeAll(async () => {
          folder = mkdtempSync(join(tmpdir(), "keyleaf-face-"));
          const ours = join(folder, "sops");
          symlinkSync(executable, ours);
          const [gnupg, moto, vault] = await Promise.all([startGnupg(), startMoto(motoProgram), startVault(bao)]);
          servers = [gnupg, moto, vault];
          keys = {
            pgp: [await gnupg.makeKey("one"), await gnupg.makeKey("two")],
            kms: [(await moto.createKey()).arn, (await moto.createKey()).arn],
            vault: [await vault.createKey("one"), await vault.createKey("two")],
          };
          const { GNUPGHOME } = gnupg.env;
          const env = { ...moto.env, GNUPGHOME, VAULT_TOKEN: vault.token, SOPS_DISABLE_VERSION_CHECK: "true" };
          comparison = new Comparison(theirs, ours, { ...env, PATH: "/usr/bin:/bin" });
        }, 60_000);
        afterAll(async () => {
          for (const server of servers ?? []) await server.stop();
          rmSync(folder, { recursive: true, force: true });
        });

        describe.concurrent("are the same:", () => {
          it.each(keyCases)("$name", async ({ name, make }) => {
            const { differences, stderr } = await comparison.differences({ name, ...make(keys) });
            expect(differences, stderr).toEqual([]);
          });
        });
      });
    });
  });
});
