import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { IDENTITY, type Ran, RECIPIENT, runWith, temporaryFolder } from "./fake.ts";

let cwd: string;

beforeEach(() => {
  cwd = realpathSync(temporaryFolder());
});

/** Git without the configuration of whoever runs the tests. */
const gitEnv = { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", LC_ALL: "C" };

function git(...args: string[]): string {
  return execFileSync("git", ["-C", cwd, ...args], { env: gitEnv, stdio: ["ignore", "pipe", "pipe"] }).toString();
}

function enc(...argv: string[]): Promise<Ran> {
  return runWith({ cwd }, ...argv);
}

function read(name: string): string {
  return readFileSync(join(cwd, name), "utf8");
}

const keyFile = "home/.config/sops/age/keys.txt";

/** Everything in the folder but git's own, with modes. */
function snapshot(): Record<string, string> {
  const entries = readdirSync(cwd, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).filter((path) => !path.includes("/.git/"));
  return Object.fromEntries(paths.map((path) => [path, `${statSync(path).mode} ${readFileSync(path, "utf8")}`]));
}

describe("enc init", () => {
  it("sets up a repository from any of its folders, and then changes nothing", async () => {
    git("init", "-q");
    mkdirSync(join(cwd, "sub"));
    const first = await runWith({ cwd: join(cwd, "sub"), host: { home: join(cwd, "home") } }, "init");
    expect(first).toMatchObject({ status: 0, stdout: "" });
    const recipient = /public key: (age1\w+)/.exec(read(keyFile))?.[1] ?? "";
    expect(read(".sops.yaml")).toContain(`- age: ${recipient}\n`);
    expect(git("check-attr", "diff", "x/secrets.enc.yaml", ".env.enc", "plain.yaml")).toBe(
      "x/secrets.enc.yaml: diff: keyleaf\n.env.enc: diff: keyleaf\nplain.yaml: diff: unspecified\n",
    );
    expect(git("config", "--local", "diff.keyleaf.textconv")).toBe("enc git textconv\n");
    for (const said of [
      "keys.txt",
      ".sops.yaml",
      ".gitignore",
      ".gitattributes",
      "diff.keyleaf.textconv",
      `+  - age: ${recipient}`,
    ]) {
      expect(first.stderr).toContain(said);
    }
    expect(first.stderr).not.toContain("AGE-SECRET-KEY");

    const before = snapshot();
    const config = read(".git/config");
    const second = await enc("init");
    expect(second.status).toBe(0);
    expect(second.stderr).toContain("nothing to do");
    expect(snapshot()).toEqual(before);
    expect(read(".git/config")).toBe(config);
  });

  it("makes an identity that only its owner can read, in a folder of the owner's", async () => {
    await enc("init");
    expect(statSync(join(cwd, keyFile)).mode & 0o777).toBe(0o600);
    expect(statSync(join(cwd, "home/.config/sops/age")).mode & 0o777).toBe(0o700);
    expect(statSync(join(cwd, ".sops.yaml")).mode & 0o777 & 0o600).toBe(0o600);
  });

  it("hides plaintext from git, and neither encrypted files nor templates", async () => {
    git("init", "-q");
    await enc("init");
    const ignored = [".env", ".env.local", "a/.env.production", "secrets.yaml", "a/secrets.json"];
    const seen = [
      ".env.example",
      ".env.enc",
      ".env.production.enc",
      "secrets.enc.yaml",
      "secrets.yaml.enc",
      "app.env",
      "values.yaml",
    ];
    const listed = execFileSync("git", ["-C", cwd, "check-ignore", "--stdin", "-n", "-v"], {
      env: gitEnv,
      input: [...ignored, ...seen].join("\n"),
    });
    const verdicts = listed
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [rule = "", path = ""] = line.split("\t");
        return [path, !rule.startsWith("::") && !rule.includes(":!")];
      });
    expect(Object.fromEntries(verdicts)).toEqual(
      Object.fromEntries([...ignored.map((path) => [path, true]), ...seen.map((path) => [path, false])]),
    );
  });

  it("uses the identity that is there", async () => {
    await runWith({ cwd, env: { SOPS_AGE_KEY: IDENTITY } }, "init");
    expect(read(".sops.yaml")).toContain(RECIPIENT);
    expect(readdirSync(cwd).sort()).toEqual([".gitignore", ".sops.yaml"]);
  });

  it("leaves rules alone, and adds some to a file without", async () => {
    const rules = `creation_rules:\n  - age: ${RECIPIENT}\n`;
    writeFileSync(join(cwd, ".sops.yaml"), rules);
    writeFileSync(join(cwd, ".gitignore"), "dist\r\n.env\r\n");
    await enc("init");
    expect(read(".sops.yaml")).toBe(rules);
    expect(read(".gitignore")).toMatch(/^dist\r\n\.env\r\n\r\n# [^\n]*\r\n\.env\.\*\r\n/);
    writeFileSync(join(cwd, ".sops.yaml"), "stores:\n  json:\n    indent: 2");
    await runWith({ cwd, env: { SOPS_AGE_KEY: IDENTITY } }, "init");
    expect(read(".sops.yaml")).toContain(`stores:\n  json:\n    indent: 2\n\n# `);
    expect(read(".sops.yaml")).toContain(`creation_rules:\n  - age: ${RECIPIENT}\n`);
  });

  it("makes no second key beside one with a passphrase, whose recipient it has to be told", async () => {
    const locked = "-----BEGIN AGE ENCRYPTED FILE-----\n";
    mkdirSync(join(cwd, "home/.config/sops/age"), { recursive: true });
    writeFileSync(join(cwd, keyFile), locked);
    const refused = await enc("init");
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("takes a passphrase");
    expect(readdirSync(cwd)).toEqual(["home"]);
    writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - age: ${RECIPIENT}\n`);
    expect(await enc("init")).toMatchObject({ status: 0, stdout: "" });
    expect(read(keyFile)).toBe(locked);
  });

  it("makes no key beside one that a variable names, whether it can be read or not", async () => {
    writeFileSync(join(cwd, "locked"), "-----BEGIN AGE ENCRYPTED FILE-----\n");
    for (const [name, said] of [
      ["locked", "does not tell its recipient"],
      ["gone", "no such file"],
    ] as const) {
      const refused = await runWith({ cwd, env: { SOPS_AGE_KEY_FILE: join(cwd, name) } }, "init");
      expect(refused).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining(said) });
      expect(readdirSync(cwd)).toEqual(["locked"]);
    }
  });

  it("makes the default file where a variable names that", async () => {
    const { status } = await runWith({ cwd, env: { SOPS_AGE_KEY_FILE: join(cwd, keyFile) } }, "init");
    expect(status).toBe(0);
    expect(read(".sops.yaml")).toContain(/public key: (age1\w+)/.exec(read(keyFile))?.[1]);
  });

  it("does not touch an identity file that it cannot read", async () => {
    mkdirSync(join(cwd, "home/.config/sops/age"), { recursive: true });
    writeFileSync(join(cwd, keyFile), "not an identity\n");
    expect(await enc("init")).toMatchObject({ status: 1, stdout: "" });
    expect(read(keyFile)).toBe("not an identity\n");
    expect(readdirSync(cwd)).toEqual(["home"]);
  });

  it("makes what enc and dec then work with", async () => {
    await enc("init");
    writeFileSync(join(cwd, "secrets.yaml"), "a: b\n");
    expect(await enc("secrets.yaml", "-o", "secrets.enc.yaml")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect((await enc("decrypt", "secrets.enc.yaml")).stdout).toBe("a: b\n");
  });
});

describe("enc git setup", () => {
  it("is the git part alone", async () => {
    git("init", "-q");
    expect((await enc("git", "setup")).status).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual([".git", ".gitattributes"]);
    expect((await enc("git", "setup")).stderr).toContain("nothing to do");
  });

  it("needs a repository", async () => {
    expect(await enc("git", "setup")).toMatchObject({ status: 1, stdout: "" });
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe("enc keygen", () => {
  it("prints the recipient and keeps the identity to itself", async () => {
    const { status, stdout, stderr } = await enc("keygen");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^age1\w{58}\n$/);
    expect(read(keyFile)).toContain(`# public key: ${stdout}`);
    expect(stderr).not.toContain("AGE-SECRET-KEY");
  });

  it("never writes over a file", async () => {
    await enc("keygen");
    const before = read(keyFile);
    expect(await enc("keygen")).toMatchObject({ status: 3, stdout: "" });
    expect(read(keyFile)).toBe(before);
    writeFileSync(join(cwd, "mine"), "x");
    expect((await enc("keygen", "-o", "mine")).status).toBe(3);
    expect(read("mine")).toBe("x");
    expect((await enc("keygen", "-o", "new")).status).toBe(0);
    expect(statSync(join(cwd, "new")).mode & 0o777).toBe(0o600);
  });
});
