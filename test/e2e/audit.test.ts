import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { type Postgres, postgresProgram, startPostgres } from "../support/postgres.ts";
import { commandOf, type Outcome, type ProgramName, RECIPIENT, runProgram, type Sandbox, sandbox } from "./program.ts";

/**
 * The audit as an administrator turns it on: by a file in /etc, which only the processes of this test see. Where nothing
 * can be mounted for them, test/cli/audit.test.ts has to do.
 */
const canMount = spawnSync("unshare", ["-rm", "mount", "--bind", "/etc", "/mnt"]).status === 0;

const pg = canMount ? postgresProgram() : null;
if (canMount) {
  describePeer("with /etc/sops/audit.yaml", "postgres", pg, (program) => {
    let server: Postgres;
    let box: Sandbox;
    let etc: string;

    beforeAll(async () => {
      server = await startPostgres(program);
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      box = sandbox();
      etc = join(box.home, "etc");
      mkdirSync(join(etc, "sops"), { recursive: true });
      // What looking up names and users takes.
      for (const name of ["passwd", "group", "hosts", "nsswitch.conf"])
        if (existsSync(join("/etc", name))) copyFileSync(join("/etc", name), join(etc, name));
      setUp(server.url("?sslmode=disable"));
      box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
      box.write("plain.yaml", "a: canary\n");
      expect(await called("enc", ["-o", "s.yaml", "plain.yaml"])).toMatchObject({ status: 0 });
      server.events();
    });

    function setUp(string: string): void {
      writeFileSync(join(etc, "sops/audit.yaml"), `backends: {postgres: [{connection_string: "${string}"}]}\n`);
    }

    function audited(command: readonly string[], stdin?: string, env = {}): Promise<Outcome> {
      const line = 'mount --bind "$0" /etc && exec "$@"';
      const options = { env, ...(stdin === undefined ? {} : { stdin }) };
      return runProgram("unshare", ["-rm", "sh", "-c", line, etc, ...command], box, options);
    }

    function called(name: ProgramName, args: readonly string[], stdin?: string, env = {}): Promise<Outcome> {
      return audited([...commandOf(name, box), ...args], stdin, env);
    }

    /** What has been taken down, without the folder of the test. */
    function events(): string[] {
      return server.events().map((event) => event.replace(` root ${box.work}/`, " "));
    }

    const EDITOR = `sh -c 'echo "b: c" >>"$0"'`;

    it.each<[string, ProgramName, string[], string[], string?]>([
      ["enc to standard output", "enc", ["plain.yaml"], ["encrypt plain.yaml"]],
      ["enc in place", "enc", ["-i", "plain.yaml"], ["encrypt plain.yaml"]],
      ["enc over an earlier file", "enc", ["-o", "s.yaml", "--fresh", "plain.yaml"], ["encrypt plain.yaml"]],
      ["enc of standard input", "enc", ["--filename-override", "x.yaml"], ["encrypt x.yaml"], "a: b\n"],
      ["enc of what has no name", "enc", ["--input-type", "yaml"], ["encrypt root /dev/stdin"], "a: b\n"],
      ["dec", "dec", ["s.yaml"], ["decrypt s.yaml"]],
      ["get", "enc", ["get", "s.yaml", "a"], ["decrypt s.yaml"]],
      ["set", "enc", ["set", "s.yaml", "a", '"x"'], ["decrypt s.yaml", "encrypt s.yaml"]],
      ["set without a change", "enc", ["set", "s.yaml", "a", '"canary"'], ["decrypt s.yaml"]],
      ["unset", "enc", ["unset", "s.yaml", "a"], ["decrypt s.yaml", "encrypt s.yaml"]],
      ["edit", "enc", ["edit", "s.yaml"], ["decrypt s.yaml", "encrypt s.yaml"]],
      ["edit of a new file", "enc", ["edit", "new.yaml"], ["encrypt new.yaml"]],
      ["rotate", "enc", ["rotate", "s.yaml"], ["rotate s.yaml", "decrypt s.yaml", "encrypt s.yaml"]],
      ["exec", "enc", ["exec", "-f", "s.yaml", "--", "true"], ["decrypt s.yaml"]],
      ["exec-env", "enc", ["exec-env", "s.yaml", "true"], ["decrypt s.yaml"]],
      ["exec-file", "enc", ["exec-file", "s.yaml", "cat {}"], ["decrypt s.yaml"]],
      ["git textconv", "enc", ["git", "textconv", "s.yaml"], ["decrypt s.yaml"]],
      ["updatekeys", "enc", ["updatekeys", "--yes", "s.yaml"], []],
      ["filestatus", "enc", ["filestatus", "s.yaml"], []],
      ["recipients list", "enc", ["recipients", "list", "s.yaml"], []],
      ["sops decrypt", "sops", ["decrypt", "s.yaml"], ["decrypt s.yaml"]],
    ])("%s", async (_, name, args, expected, stdin) => {
      expect(await called(name, args, stdin, { EDITOR })).toMatchObject({ status: 0 });
      expect(events()).toEqual(expected);
    });

    it("encrypting over an earlier file opens that, and encrypts where something has changed", async () => {
      expect(await called("enc", ["-o", "s.yaml", "plain.yaml"])).toMatchObject({ status: 0 });
      expect(events()).toEqual(["decrypt s.yaml"]);
      box.write("plain.yaml", "a: changed\n");
      expect(await called("enc", ["-o", "s.yaml", "plain.yaml"])).toMatchObject({ status: 0 });
      expect(events()).toEqual(["decrypt s.yaml", "encrypt s.yaml"]);
    });

    it("each of many files has its own event", async () => {
      for (let i = 0; i < 20; i++) box.write(`many/${i}.yaml`, "a: b\n");
      expect(await called("enc", ["-i", "many"])).toMatchObject({ status: 0 });
      const names = [...Array(20).keys()].map((i) => `encrypt many/${i}.yaml`);
      expect(events().sort()).toEqual(names.sort());
    });

    it("publishing takes down what is opened, and what is encrypted anew", async () => {
      box.write(
        ".sops.yaml",
        `destination_rules:\n  - s3_bucket: none\n    recreation_rule:\n      age: ${RECIPIENT}\n`,
      );
      const { stderr } = await called("enc", ["publish", "--yes", "s.yaml"], undefined, {
        AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9",
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "test-only",
        AWS_SECRET_ACCESS_KEY: "test-only",
      });
      expect(stderr).toContain("s3://none/s.yaml");
      expect(events()).toEqual(["decrypt s.yaml", "encrypt s.yaml"]);
    });

    it("where the database is down, nothing is shown, run or written", async () => {
      setUp("postgres://sops:canary-password@127.0.0.1:9/postgres");
      const before = [box.list(), box.read("s.yaml"), box.read("plain.yaml")];
      box.write("ran.sh", "touch ran");
      const lines: [ProgramName, ...string[]][] = [
        ["dec", "s.yaml"],
        ["dec", "-i", "s.yaml"],
        ["enc", "plain.yaml"],
        ["enc", "-i", "plain.yaml"],
        ["enc", "-o", "s.yaml", "plain.yaml"],
        ["enc", "set", "s.yaml", "a", "1"],
        ["enc", "unset", "s.yaml", "a"],
        ["enc", "edit", "s.yaml"],
        ["enc", "edit", "new.yaml"],
        ["enc", "rotate", "s.yaml"],
        ["enc", "exec", "-f", "s.yaml", "--", "sh", "ran.sh"],
        ["enc", "exec-env", "s.yaml", "sh ran.sh"],
        ["enc", "exec-file", "s.yaml", "sh ran.sh"],
        ["sops", "decrypt", "s.yaml"],
        ["sops", "-e", "plain.yaml"],
      ];
      for (const [name, ...args] of lines) {
        const { status, stdout, stderr } = await called(name, args, undefined, { EDITOR });
        const what = [name, ...args].join(" ");
        expect([what, status, stdout]).toEqual([what, 1, ""]);
        expect(stderr).toContain("the audit failed: connection refused");
        expect(stderr).toContain("/etc/sops/audit.yaml asks for it");
        expect(stderr).not.toContain("canary");
      }
      const shown = await called("enc", ["git", "textconv", "s.yaml"]);
      expect(shown.stdout).toMatch(/^# keyleaf: shown encrypted: the audit failed\na: ENC\[/);
      box.write("ran.sh", "");
      expect([box.list(), box.read("s.yaml"), box.read("plain.yaml")]).toEqual([
        [...(before[0] as string[]), "ran.sh"].sort(),
        ...before.slice(1),
      ]);
      expect(readdirSync(box.temporary)).toEqual([]);
      // What opens nothing is not kept from being done.
      expect(await called("sops", ["--version"])).toMatchObject({ status: 0 });
      expect(await called("enc", ["filestatus", "s.yaml"])).toMatchObject({ status: 0 });
    });

    describePeer("as sops", "sops", sopsProgram(), (sops) => {
      it.each<[string, string[]]>([
        ["decrypt", ["decrypt", "s.yaml"]],
        ["decrypt with --extract", ["-d", "--extract", '["a"]', "s.yaml"]],
        ["encrypt", ["encrypt", "plain.yaml"]],
        ["encrypt in place", ["-e", "-i", "plain.yaml"]],
        ["rotate", ["rotate", "-i", "s.yaml"]],
        ["set", ["set", "s.yaml", '["a"]', '"x"']],
        ["unset", ["unset", "s.yaml", '["a"]']],
        ["edit", ["edit", "s.yaml"]],
        ["edit of a new file", ["new.yaml"]],
        ["exec-env", ["exec-env", "s.yaml", "true"]],
        ["exec-file", ["exec-file", "s.yaml", "true"]],
        ["updatekeys", ["updatekeys", "--yes", "s.yaml"]],
        ["filestatus", ["filestatus", "s.yaml"]],
        ["groups add", ["groups", "add", "--file", "s.yaml", "--age", RECIPIENT]],
      ])("%s takes down the same", async (_, args) => {
        const [plain, sealed] = [box.read("plain.yaml"), box.read("s.yaml")];
        const reference = await audited([sops, ...args], undefined, { EDITOR, SOPS_DISABLE_VERSION_CHECK: "true" });
        const expected = events();
        box.write("plain.yaml", plain);
        box.write("s.yaml", sealed);
        if (box.list().includes("new.yaml")) spawnSync("rm", [box.path("new.yaml")]);
        const own = await called("sops", args, undefined, { EDITOR });
        expect([own.status, events()]).toEqual([reference.status, expected]);
      });
    });
  });
} else {
  describe.todo("with /etc/sops/audit.yaml: nothing can be mounted here");
}
