import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeBech32 } from "../src/crypto/age/bech32.ts";
import { age } from "../src/crypto/keys/age.ts";
import { IDENTITY, RECIPIENT, runWith, temporaryFolder } from "./cli/fake.ts";

/** docs/incidents.md, and the incidents that no other test is about. */

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/incidents.md"), "utf8");

describe("docs/incidents.md", () => {
  const rows = page.split("\n").filter((line) => /^\| (?!what happened|-)/.test(line));
  const named = rows.map((row) => /`(test\/[\w./-]+)`: "(.*?)" +\|$/.exec(row)?.slice(1) ?? [row]);

  it("has a test in each row", () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(named.filter(({ length }) => length !== 2)).toEqual([]);
  });

  it.each(named)("%s has the test %s", (path = "", title = "") => {
    expect(existsSync(join(root, path))).toBe(true);
    const text = readFileSync(join(root, path), "utf8");
    const written = title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    expect(text).toMatch(new RegExp(`\\b(it|test|describe)\\b[^;]{0,400}?\\(\\s*"${written}"`));
  });
});

it("a binary file is encrypted whatever the rule selects", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "f.bin"), "canary");
  for (const rule of [
    "encrypted_regex: ^x$",
    "encrypted_suffix: _x",
    "unencrypted_regex: .",
    "unencrypted_suffix: a",
  ]) {
    writeFileSync(join(cwd, ".sops.yaml"), `creation_rules:\n  - age: ${RECIPIENT}\n    ${rule}\n`);
    const { status, stdout } = await runWith({ cwd }, "f.bin");
    expect([rule, status]).toEqual([rule, 0]);
    expect(stdout).not.toContain("canary");
    expect(stdout).not.toContain(Buffer.from("canary").toString("base64"));
    writeFileSync(join(cwd, "f.bin.enc"), stdout);
    const opened = await runWith(
      { cwd, program: "dec", env: { SOPS_AGE_KEY: IDENTITY } },
      "--type",
      "binary",
      "f.bin.enc",
    );
    expect(opened.stdout).toBe("canary");
  }
});

it.each(["../x", "/tmp/keyleaf-x", "a/b", "..", "."])("exec-file takes no name that is elsewhere: %s", async (name) => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "f.yaml"), "a: canary\n");
  const env = { SOPS_AGE_KEY: IDENTITY };
  expect((await runWith({ cwd, env }, "--age", RECIPIENT, "f.yaml", "-o", "e.yaml")).status).toBe(0);
  for (const program of ["enc", "sops"] as const) {
    const { status, stderr } = await runWith(
      { cwd, env, program },
      "exec-file",
      "--no-fifo",
      "--filename",
      name,
      "e.yaml",
      "touch ran",
    );
    expect(status).toBe(1);
    expect(stderr).toContain("--filename takes a name without folders");
    expect(existsSync(join(cwd, "ran"))).toBe(false);
  }
});

it.each(["../evil", "a/b", "/bin/x", "$(x)", "a&b"])("no plugin is called %j", (name) => {
  const text = encodeBech32(`age1${name}`, Buffer.alloc(20));
  expect(() => age.fromText(text, {})).toThrow(expect.objectContaining({ code: "KEY_BAD_RECIPIENT" }));
});

const COMMANDS = ["$(touch ran)", "`touch ran`", `\${HOME}`, "$HOME", "%PATH%", "a; touch ran", "!!python/object"];

it.each(COMMANDS)("values are handed on as they are: %s", async (value) => {
  const cwd = temporaryFolder();
  const env = { SOPS_AGE_KEY: IDENTITY };
  writeFileSync(join(cwd, "f.env"), `VALUE=${value}\nOTHER=$VALUE\n`);
  expect((await runWith({ cwd, env }, "--age", RECIPIENT, "f.env", "-o", "e.env")).status).toBe(0);
  expect((await runWith({ cwd, env, program: "dec" }, "e.env")).stdout).toBe(`VALUE=${value}\nOTHER=$VALUE\n`);
  const json = await runWith({ cwd, env, program: "dec" }, "--as", "json", "e.env");
  expect(JSON.parse(json.stdout)).toEqual({ VALUE: value, OTHER: "$VALUE" });
  const script = `printf '%s\\n' "$VALUE" "$OTHER" >'${join(cwd, "out")}'`;
  for (const line of [
    ["exec", "-f", "e.env", "--", "sh", "-c", script],
    ["exec-env", "e.env", script],
  ]) {
    expect((await runWith({ cwd, env }, ...line)).status).toBe(0);
    expect(readFileSync(join(cwd, "out"), "utf8")).toBe(`${value}\n$VALUE\n`);
  }
  expect(existsSync(join(cwd, "ran"))).toBe(false);
});
