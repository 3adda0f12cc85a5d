import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { commandOf, type Outcome, RECIPIENT, run, type Sandbox, sandbox } from "./program.ts";

/** The calls that other programs make of sops, word for word (docs/integrations.md). */

const YAML = "password: hunter2\nport: 5432\n";
let box: Sandbox;

const sops = (...argv: string[]): Promise<Outcome> => run("sops", box, argv);
const withInput = (stdin: string, ...argv: string[]): Promise<Outcome> => run("sops", box, argv, { stdin });

async function good(outcome: Promise<Outcome>): Promise<string> {
  const { status, stdout, stderr } = await outcome;
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

/** Runs a script of a shell, in which `sops` is the program. */
function script(text: string, env: Readonly<Record<string, string>> = {}): string {
  const words = commandOf("sops", box)
    .map((word) => `'${word}'`)
    .join(" ");
  box.write("bin/sops", `#!/bin/sh\nexec ${words} "$@"\n`);
  const enc = commandOf("enc", box)
    .map((word) => `'${word}'`)
    .join(" ");
  box.write("bin/enc", `#!/bin/sh\nexec ${enc} "$@"\n`);
  for (const name of ["sops", "enc"]) chmodSync(box.path(`bin/${name}`), 0o755);
  const path = `${box.path("bin")}:${box.env["PATH"]}`;
  return execFileSync("sh", ["-c", text], {
    cwd: box.work,
    env: { ...box.env, ...env, PATH: path },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

beforeEach(async () => {
  box = sandbox();
  box.write(".sops.yaml", `creation_rules:\n  - age: ${RECIPIENT}\n`);
  box.write("plain.yaml", YAML);
  box.write("s.yaml", await good(sops("-e", "plain.yaml")));
});

describe("helm-secrets", () => {
  const types = ["--input-type", "yaml", "--output-type", "yaml"];

  it("decrypts to standard output, to a file, and in place", async () => {
    expect(await good(sops("--decrypt", ...types, "s.yaml"))).toBe(YAML);
    expect(await good(sops("--decrypt", ...types, "--output", "out", "s.yaml"))).toBe("");
    expect(box.read("out")).toBe(YAML);
    await good(sops("--decrypt", ...types, "--in-place", "s.yaml"));
    expect(box.read("s.yaml")).toBe(YAML);
  });

  it("encrypts, and knows what is encrypted by its text", async () => {
    await good(sops("--encrypt", ...types, "--in-place", "plain.yaml"));
    expect(script("grep -q 'mac.*,type:str]' plain.yaml && grep -qx 'sops:' plain.yaml && echo encrypted")).toBe(
      "encrypted\n",
    );
    box.write("f.txt", "text");
    const binary = ["--input-type", "binary", "--output-type", "binary"];
    await good(sops("--encrypt", ...binary, "--output", "f.enc", "f.txt"));
    expect(box.read("f.enc")).toContain('"data": "ENC');
    expect(await good(sops("--decrypt", ...binary, "f.enc"))).toBe("text");
  });

  it("pipes JSON through", async () => {
    box.write("p.json", '{"a": "b"}');
    const sealed = await good(sops("--encrypt", "p.json"));
    const json = ["--input-type", "json", "--output-type", "json"];
    expect(JSON.parse(await good(withInput(sealed, "--decrypt", ...json, "/dev/stdin")))).toEqual({ a: "b" });
  });

  it("edits", () => {
    script("sops --input-type yaml --output-type yaml s.yaml", { EDITOR: "sed -i s/hunter2/hunter3/" });
    expect(script("sops -d s.yaml")).toBe(YAML.replace("hunter2", "hunter3"));
  });
});

describe("community.sops of Ansible", () => {
  it("looks for the version", async () => {
    const line = await good(sops("--version", "--disable-version-check"));
    const [, version = ""] = /^sops ([0-9.]+)(?: .*)?$/.exec(line.split("\n")[0] ?? "") ?? [];
    const [major = 0, minor = 0] = version.split(".").map(Number);
    // From 3.9 on it calls the commands rather than the flags.
    expect([major, minor >= 9]).toEqual([3, true]);
  });

  it("decrypts, a part too, from a file and from standard input", async () => {
    const types = ["--input-type", "yaml", "--output-type", "yaml"];
    expect(await good(sops("decrypt", ...types, "s.yaml"))).toBe(YAML);
    const config = ["--config", ".sops.yaml"];
    expect(await good(sops(...config, "decrypt", "--extract", '["password"]', "s.yaml"))).toBe("hunter2");
    expect(await good(withInput(box.read("s.yaml"), "decrypt", ...types, "/dev/stdin"))).toBe(YAML);
    expect((await sops("decrypt", "--enable-local-keyservice=false", "s.yaml")).status).toBe(128);
  });

  it("encrypts standard input, for a file to come", async () => {
    const flags = [
      "--age",
      RECIPIENT,
      "--encrypted-regex",
      "^password$",
      "--input-type",
      "yaml",
      "--output-type",
      "yaml",
    ];
    const sealed = await good(withInput(YAML, "encrypt", ...flags, "--filename-override", "new.yaml", "/dev/stdin"));
    expect(sealed).toMatch(/^password: ENC\[.*\nport: 5432\n/);
    const suffix = ["--unencrypted-suffix", "_clear", "--shamir-secret-sharing-threshold", "1"];
    expect(
      await good(withInput("a_clear: b\nc: d\n", "encrypt", ...suffix, "--filename-override", "x.yaml", "/dev/stdin")),
    ).toMatch(/^a_clear: b\nc: ENC\[/);
  });

  it("asks what a file is, and knows failures by their status", async () => {
    expect(await good(sops("filestatus", "s.yaml"))).toBe('{"encrypted":true}\n');
    expect(await good(sops("filestatus", "plain.yaml"))).toBe('{"encrypted":false}\n');
    expect((await sops("decrypt", "nosuch.yaml")).status).toBe(100);
    expect((await sops("encrypt", "s.yaml")).status).toBe(203);
    expect((await sops("decrypt", "--extract", "x", "s.yaml")).status).toBe(91);
    box.write("cut.yaml", box.read("s.yaml").replace(/^port.*\n/m, ""));
    expect(await sops("decrypt", "cut.yaml")).toMatchObject({ status: 51, stdout: "" });
  });

  it("uses the older flags with an older version", async () => {
    expect(await good(sops("--decrypt", "s.yaml"))).toBe(YAML);
    expect(await good(sops("--encrypt", "plain.yaml"))).toContain("password: ENC[");
  });
});

describe("the VS Code extension", () => {
  const flags = ["--ignore-mac", "--config", "/dev/null", "--output-type", "yaml", "--input-type", "yaml"];

  it("decrypts a copy under any name, and takes empty output for a failure", async () => {
    box.write("copy", box.read("s.yaml"));
    expect((await sops(...flags, "--decrypt", "copy")).stdout).toBe(YAML);
    box.write("copy", "a: b\n");
    expect((await sops(...flags, "--decrypt", "copy")).stdout).toBe("");
  });

  it("saves by an editor that copies what it has decrypted before", () => {
    box.write("copy", box.read("s.yaml"));
    box.write("decrypted", YAML.replace("hunter2", "hunter3"));
    box.write("editor.sh", '#!/bin/sh\ncat "$VSCODE_SOPS_DECRYPTED_FILE_PATH" > "$1"\n', 0o755);
    const env = { EDITOR: box.path("editor.sh"), VSCODE_SOPS_DECRYPTED_FILE_PATH: box.path("decrypted") };
    script(`sops ${flags.slice(1).join(" ")} copy`, env);
    expect(script(`sops ${flags.slice(1).join(" ")} --decrypt copy`)).toBe(YAML.replace("hunter2", "hunter3"));
  });

  it("encrypts a new file by a configuration of its own; the last one counts", async () => {
    box.write("new", YAML);
    box.write("own-config", `creation_rules:\n  - age: ${RECIPIENT}\n`);
    const types = ["--output-type", "yaml", "--input-type", "yaml"];
    const argv = ["--config", "/dev/null", "--config", "own-config", ...types, "--encrypt", "new"];
    expect(await good(sops(...argv))).toContain("password: ENC[");
  });
});

describe("environments", () => {
  it("mise decrypts standard input", async () => {
    box.write("p.json", '{"A": "b"}');
    const sealed = await good(sops("-e", "p.json"));
    expect(
      JSON.parse(await good(withInput(sealed, "decrypt", "--input-type", "json", "--output-type", "json"))),
    ).toEqual({
      A: "b",
    });
  });

  it("direnv evaluates variables", async () => {
    box.write("p.env", "A=b c\nB=2\n");
    box.write("s.env", await good(sops("-e", "p.env")));
    expect(await good(sops("-d", "--output-type", "dotenv", "s.env"))).toBe("A=b c\nB=2\n");
    expect(script("sops exec-env s.env 'echo \"$A $B\"'")).toBe("b c 2\n");
  });

  it("terraform and chezmoi take JSON, or one value", async () => {
    expect(JSON.parse(await good(sops("-d", "--output-type", "json", "s.yaml")))).toEqual({
      password: "hunter2",
      port: 5432,
    });
    expect(await good(sops("-d", "--extract", '["password"]', "s.yaml"))).toBe("hunter2");
  });
});

describe("git, scripts and hooks", () => {
  it("git shows changes of what is inside, with enc as the driver or with sops", () => {
    script("git init -q . && git config user.name t && git config user.email t@example.com");
    box.write(".gitattributes", "s.yaml diff=sopsdiffer\n");
    script("git config diff.sopsdiffer.textconv 'sops decrypt' && git add . && git commit -qm a");
    script(`sops set s.yaml '["password"]' '"hunter3"'`);
    expect(script("git diff s.yaml")).toContain("-password: hunter2\n+password: hunter3\n");
    script("git config diff.sopsdiffer.textconv 'enc git textconv'");
    expect(script("git diff s.yaml")).toContain("-password: hunter2\n+password: hunter3\n");
  });

  it("filters give the name that standard input goes by", async () => {
    const sealed = await good(withInput(YAML, "--encrypt", "--filename-override", "s.yaml", "/dev/stdin"));
    expect(await good(withInput(sealed, "--decrypt", "--filename-override", "s.yaml", "/dev/stdin"))).toBe(YAML);
  });

  it("scripts: filestatus, xargs updatekeys, --rotate, --set, find", () => {
    expect(script("sops filestatus s.yaml | grep -o 'true'")).toBe("true\n");
    expect(() => script("echo s.yaml | xargs -n1 sops updatekeys -y")).not.toThrow();
    script("sops -r -i s.yaml");
    script(`sops -i --set '["port"] 5433' s.yaml`);
    expect(script("find . -name s.yaml -exec sops -d {} +")).toBe(YAML.replace("5432", "5433"));
  });

  it("hooks look for the shape of encrypted values", () => {
    const file = parse(box.read("s.yaml")) as Record<string, unknown>;
    for (const [key, value] of Object.entries(file))
      if (key !== "sops") expect(value).toMatch(/^ENC\[AES256_GCM,data:/);
  });

  it("the hook of .pre-commit-hooks.yaml names what is not encrypted", () => {
    const root = resolve(import.meta.dirname, "../..");
    const hooks = parse(readFileSync(join(root, ".pre-commit-hooks.yaml"), "utf8")) as {
      id: string;
      entry: string;
      files: string;
    }[];
    expect(hooks.map(({ id }) => id)).toEqual(["encrypted"]);
    const [{ entry, files } = { entry: "", files: "" }] = hooks;
    expect(["a.enc.yaml", "b/c.sops.json", "x.enc"].every((name) => new RegExp(files).test(name))).toBe(true);
    expect(["a.yaml", "encoded.txt"].some((name) => new RegExp(files).test(name))).toBe(false);
    const hook = join(root, entry);
    expect(script(`'${hook}' s.yaml && echo good`)).toBe("good\n");
    expect(script(`'${hook}' s.yaml plain.yaml 2>&1 || echo bad`)).toBe("plain.yaml is not encrypted\nbad\n");
    expect(script(`'${hook}' nosuch.yaml 2>/dev/null || echo bad`)).toBe("bad\n");
  });
});
