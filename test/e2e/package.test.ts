import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  IDENTITY,
  type Outcome,
  RECIPIENT,
  type RunOptions,
  runProgram,
  type Sandbox,
  sandbox,
  sandboxIn,
} from "./program.ts";

/** The package as a user gets it: packed, installed into an empty folder, and used from there. */

const root = resolve(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

/** What `npm pack --json` says of a tarball. */
interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

let top: string;
/** Where the package is installed. */
let installed: Sandbox;
let packed: Packed["files"];

beforeAll(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), "keyleaf-package-")));
  installed = sandboxIn(top);
  // Whoever installs it has a registry and a cache of their own; the programs are then run without any of that.
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync("npm", args, { cwd, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  // Scripts would build anew, while other tests use what is built.
  const packing = npm(["pack", "--ignore-scripts", "--json", "--pack-destination", top], root);
  const [result] = JSON.parse(packing) as [Packed];
  packed = result.files;
  installed.write("package.json", '{"name": "user", "private": true, "type": "module"}\n');
  npm(
    ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", join(top, result.filename)],
    installed.work,
  );
});

afterAll(() => rmSync(top, { recursive: true, force: true }));

/** Runs what lies on the PATH of somebody who has installed the package. */
function user(box: Sandbox, program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const bin = join(installed.work, "node_modules", ".bin");
  const PATH = [bin, join(process.execPath, ".."), box.env["PATH"]].join(delimiter);
  return runProgram(join(bin, program), args, box, { ...options, env: { PATH, ...options.env } });
}

describe("the tarball", () => {
  it("holds the programs, the library and its types, and nothing else", () => {
    const paths = packed.map(({ path }) => path);
    expect(paths).toContain("dist/cli/enc.cjs");
    expect(paths).toContain("dist/cli/dec.cjs");
    expect(paths).toContain("dist/lib/index.js");
    expect(paths).toContain("dist/lib/index.d.ts");
    expect(paths).toContain("dist/man/enc.1");
    const expected =
      /^(dist\/(cli|lib)\/.*\.(cjs|js|d\.ts)|docs\/[a-z-]+\.md|dist\/man\/(enc|dec)\.1|package\.json|[A-Z]+(\.md)?)$/;
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
    const programs = packed.filter(({ path }) => /^dist\/cli\/(enc|dec)\.cjs$/.test(path));
    for (const { mode } of programs) expect(mode & 0o111).toBe(0o111);
  });

  it("names no folder of the machine it was made on", () => {
    const found = packed.filter(({ path }) => readFileSync(join(root, path), "utf8").includes(root));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it("brings no scripts that run on installation, nor do the packages that it needs", () => {
    const lock = JSON.parse(installed.read("package-lock.json")) as {
      readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
    };
    expect(Object.keys(lock.packages)).toEqual(expect.arrayContaining(["node_modules/keyleaf", "node_modules/yaml"]));
    expect(Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
    const text = installed.read("node_modules/keyleaf/package.json");
    const { scripts } = JSON.parse(text) as { readonly scripts: Readonly<Record<string, string>> };
    for (const name of ["preinstall", "install", "postinstall"]) expect(scripts[name]).toBeUndefined();
  });
});

describe("the programs", () => {
  it("say their version, and nothing else", async () => {
    const box = sandbox({ hasIdentity: false });
    for (const name of ["enc", "dec"]) {
      expect(await user(box, name, ["--version"])).toMatchObject({
        status: 0,
        stdout: `${name} ${version}\n`,
        stderr: "",
      });
    }
    expect(readdirSync(box.home)).toEqual([]);
  });

  it("take somebody from nothing to an encrypted file and back", async () => {
    const box = sandbox({ hasIdentity: false });
    const plain = "# mine\na: {b: [1, 0x1F]}\n";
    box.write("secrets.yaml", plain);
    const none = await user(box, "enc", ["secrets.yaml"]);
    expect(none).toMatchObject({ status: 1, stdout: "" });
    expect(none.stderr).toContain("enc init");

    expect((await user(box, "enc", ["init"])).status).toBe(0);
    const files = box.list();
    expect(statSync(join(box.home, ".config/sops/age/keys.txt")).mode & 0o777).toBe(0o600);
    const again = await user(box, "enc", ["init"]);
    expect(again.stderr).toContain("nothing to do");
    expect(box.list()).toEqual(files);

    const sealed = await user(box, "enc", ["secrets.yaml"]);
    expect(sealed).toMatchObject({ status: 0, stderr: "" });
    expect(sealed.stdout).toContain("ENC[AES256_GCM");
    box.write("secrets.enc.yaml", sealed.stdout);
    expect(await user(box, "dec", ["secrets.enc.yaml"])).toMatchObject({ status: 0, stdout: plain, stderr: "" });
    expect(await user(box, "dec", [], { stdin: sealed.stdout })).toMatchObject({ status: 0, stdout: plain });
    expect((await user(box, "dec", ["--get", "a.b[1]", "secrets.enc.yaml"])).stdout).toBe("31\n");
    expect((await user(box, "dec", ["--as", "json", "secrets.enc.yaml"])).stdout).toContain('"b"');
    expect((await user(box, "enc", ["-i", "secrets.yaml"])).status).toBe(0);
    expect((await user(box, "dec", ["-i", "secrets.yaml"])).status).toBe(0);
    expect(box.read("secrets.yaml")).toBe(plain);

    const env = { HOME: join(box.work, "nobody") };
    expect(await user(box, "dec", ["secrets.enc.yaml"], { env })).toMatchObject({ status: 128, stdout: "" });
  });

  it("have everything with them that they load when it is needed", async () => {
    const box = sandbox();
    box.write("plain.yaml", "a: b\n");
    // The AWS SDK is loaded, and finds nobody at that address.
    const env = {
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      AWS_ACCESS_KEY_ID: "test-only",
      AWS_SECRET_ACCESS_KEY: "test-only",
      AWS_MAX_ATTEMPTS: "1",
    };
    const arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000";
    const kms = await user(box, "enc", ["--kms", arn, "plain.yaml"], { env });
    expect(kms.status).toBe(1);
    expect(kms.stderr).toContain("ECONNREFUSED");
    expect(kms.stderr).not.toContain("Warning");
    const byPattern = await user(box, "enc", ["--age", RECIPIENT, "--encrypted-regex", "^a$", "plain.yaml"]);
    expect(byPattern.stdout).toContain("encrypted_regex");
  });

  it("say which package to install where a key needs one, and find it then", async () => {
    const box = sandbox({ hasIdentity: false });
    const id = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
    const vault = "https://team.vault.azure.net";
    const fields = `created_at: "2025-01-02T03:04:05Z", enc: AAAA`;
    box.write("plain.yaml", "a: b\n");
    box.write(
      "sealed.yaml",
      `a: b\nsops:\n  gcp_kms: [{${fields}, resource_id: ${id}}]\n` +
        `  azure_kv: [{${fields}, name: k, vault_url: "${vault}", version: "0"}]\n` +
        `  lastmodified: "2025-01-02T03:04:05Z"\n  mac: none\n  version: 3.13.2\n`,
    );
    const peers = { "google-auth-library": "google-auth-library@10", "@azure/identity": "@azure/identity@4.13" };
    // Nobody is at that address, so what has everything fails all the same.
    const env = {
      GOOGLE_CREDENTIALS: '{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}',
      SOPS_AZURE_KEYVAULT_URLS: `${vault}/keys/k`,
      HTTPS_PROXY: "http://127.0.0.1:9",
    };
    const opening = await user(box, "dec", ["sealed.yaml"], { env });
    expect(opening).toMatchObject({ status: 128, stdout: "" });
    for (const spec of Object.values(peers)) expect(opening.stderr).toContain(`run "npm install ${spec}"`);
    const wrapping = await user(box, "enc", ["plain.yaml"], { env });
    expect(wrapping).toMatchObject({ status: 1, stdout: "" });
    expect(wrapping.stderr).toContain("needs the package @azure/identity, which is not installed");
    // A token that is there already needs no package.
    const withToken = { ...env, GOOGLE_CREDENTIALS: "", GOOGLE_OAUTH_ACCESS_TOKEN: "t" };
    const reached = await user(box, "dec", ["sealed.yaml"], { env: withToken });
    expect(reached.stderr).toMatch(/gcp-kms .*: connection refused/);

    for (const name of Object.keys(peers)) {
      const link = join(installed.work, "node_modules", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, "node_modules", name), link);
    }
    const { status, stderr } = await user(box, "dec", ["sealed.yaml"], { env });
    expect(status).toBe(128);
    expect(stderr).not.toContain("npm install");
    expect(stderr.match(/connection refused/g)).toHaveLength(2);
  });
});

const script = `
import { age, decrypt, encrypt, formatForFileName, inspect, KeyleafError, openFile, rewrap, rotate } from "keyleaf";
import { randomFillSync } from "node:crypto";

const host = {
  env: { SOPS_AGE_KEY: ${JSON.stringify(IDENTITY)} }, // TEST ONLY
  platform: process.platform,
  home: null,
  hostname: async () => "user",
  readFile: async () => null,
  run: () => Promise.reject(new Error("no programs here")),
  fillRandom: (bytes) => void randomFillSync(bytes),
  now: () => new Date(),
};
const source = new TextEncoder().encode("a: {b: 1}\\n");
const keyGroups = [age.fromText(${JSON.stringify(RECIPIENT)}, {}).map((recipient) => ({ provider: age, recipient }))];
const { id: format } = formatForFileName("x.yaml");
const { output, sealed } = await encrypt(source, { format, keyGroups }, host);
const opened = await decrypt(output, { format }, host);
const { entries } = await inspect(output, { format });
const text = (bytes) => new TextDecoder().decode(bytes);
const rotated = await rotate(output, { format }, host);
const rewrapped = await rewrap(rotated.output, { format, keyGroups: [...keyGroups, ...keyGroups], shamirThreshold: 2 }, host);
const file = await openFile(rewrapped.output, { format }, host);
const update = await file.update(new TextEncoder().encode("a: {b: 2}\\n"));
file.close();
const changed = await decrypt(update.output, { format }, host);
const failure = await decrypt(source, { format }, host).catch((error) => error);
console.log(JSON.stringify({
  sealed,
  opened: new TextDecoder().decode(opened.output),
  isRotated: text(rotated.output) !== text(output),
  groups: file.metadata.keyGroups.length,
  changed: text(changed.output),
  paths: entries.map(({ path }) => path.join(".")),
  isError: failure instanceof KeyleafError,
  code: failure.code,
}));
`;

const typed = `
import {
  age,
  decrypt,
  encrypt,
  type ErrorCode,
  type FormatId,
  type Host,
  type KeyGroup,
  KeyleafError,
  type OpenFile,
  openFile,
  rewrap,
  rotate,
  type RotateResult,
  type Update,
} from "keyleaf";

export async function roundTrip(source: Uint8Array, recipients: string, host: Host): Promise<Uint8Array> {
  const format: FormatId = "yaml";
  const keyGroups = [age.fromText(recipients, {}).map((recipient) => ({ provider: age, recipient }))];
  const { output, sealed, clear } = await encrypt(source, { format, keyGroups, macOnlyEncrypted: true }, host);
  const count: number = sealed + clear.length;
  if (count === 0) throw new Error("nothing");
  const { output: opened } = await decrypt(output, { format, extract: ["a", 0] }, host);
  return opened;
}

export async function change(source: Uint8Array, keyGroups: readonly KeyGroup[], host: Host): Promise<Uint8Array> {
  const format: FormatId = "json";
  const rotated: RotateResult = await rotate(source, { format, regroup: (groups) => groups, ignoreMac: false }, host);
  const { output } = await rewrap(rotated.output, { format, keyGroups, shamirThreshold: 0 }, host);
  const file: OpenFile = await openFile(output, { format }, host);
  try {
    const update: Update = await file.update(file.plaintext);
    return update.isUnchanged ? output : update.output;
  } finally {
    file.close();
  }
}

export function codeOf(error: unknown): ErrorCode | null {
  return error instanceof KeyleafError ? error.code : null;
}

// @ts-expect-error: there is no such format.
export const wrong: FormatId = "toml5";
`;

describe("the library", () => {
  it("encrypts and decrypts in a module of Node", async () => {
    installed.write("use.mjs", script);
    const { status, stdout, stderr } = await runProgram(process.execPath, ["use.mjs"], installed);
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({
      sealed: 1,
      opened: "a: {b: 1}\n",
      isRotated: true,
      groups: 2,
      changed: "a: {b: 2}\n",
      paths: ["a.b"],
      isError: true,
      code: "INPUT_NOT_ENCRYPTED",
    });
  });

  it("has types that hold at the strictest, without those of Node", async () => {
    installed.write("use.ts", typed);
    installed.write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          module: "nodenext",
          target: "es2023",
          lib: ["es2023"],
          types: [],
          noEmit: true,
          skipLibCheck: false,
        },
        files: ["use.ts"],
      }),
    );
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { status, stdout } = await runProgram(process.execPath, [compiler, "-p", "."], installed);
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("shows nothing but its entry", async () => {
    const args = ["-e", 'import("keyleaf/dist/lib/encrypt.js").catch((error) => console.log(error.code))'];
    const { stdout } = await runProgram(process.execPath, args, installed);
    expect(stdout).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
  });
});
