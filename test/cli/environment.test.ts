import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkRisk,
  inherited,
  type Naming,
  Patterns,
  referenceVariables,
  variablesOf,
  withVariables,
} from "../../src/cli/environment.ts";
import type { Mapping } from "../../src/document/document.ts";
import { KeyleafError } from "../../src/errors.ts";
import { formatOf } from "../../src/formats/registry.ts";

const SECRET = "s3cret-canary";
const plain: Naming = { isFlat: false, only: null, prefix: "" };

async function document(yaml: string): Promise<Mapping> {
  const format = await formatOf("yaml");
  const { roots } = await format.parse(Buffer.from(yaml));
  return roots[0] ?? expect.fail("no document");
}

async function names(yaml: string, naming: Partial<Naming> = {}): Promise<Record<string, string | null>> {
  return Object.fromEntries(variablesOf(await document(yaml), { ...plain, ...naming }));
}

async function failure(yaml: string, naming: Partial<Naming> = {}): Promise<KeyleafError> {
  try {
    await names(yaml, naming);
  } catch (error) {
    if (error instanceof KeyleafError) return error;
    throw error;
  }
  return expect.fail("it did not fail");
}

describe("the variables of a file", () => {
  it("have the text of the values, as it is sealed", async () => {
    const yaml = `s: " a\\nb "\ne: ''\ni: 0x1F\nbig: 9223372036854775807\nf: 1.50\nk: 1e6\nt: true\nn: null\nd: 2020-01-02T03:04:05.5Z\n`;
    expect(await names(yaml)).toEqual({
      s: " a\nb ",
      e: "",
      i: "31",
      big: "9223372036854775807",
      f: "1.5",
      k: "1000000",
      t: "true",
      n: null,
      d: "2020-01-02T03:04:05.5Z",
    });
  });

  it("as the reference has them, but that null is empty", async () => {
    const yaml = "s: a\ni: 0x1F\nf: 1.0\nk: 1e6\nt: true\nn: null\nd: 2020-01-02T03:04:05.5Z\n";
    const expected = { s: "a", i: "31", f: "1.0", k: "1E+06", t: "true", n: "", d: "2020-01-02T03:04:05Z" };
    expect(Object.fromEntries(referenceVariables(await document(yaml)))).toEqual(expected);
    const nested = await document(`a: {b: ${SECRET}}\n`);
    expect(() => referenceVariables(nested)).toThrow(expect.objectContaining({ code: "OUTPUT_UNREPRESENTABLE" }));
  });

  it("are made flat when that is asked for, without comments", async () => {
    const yaml = "# c\ndb:\n  hosts:\n    # c\n    - a\n    - {b: 1}\n  none: []\n  user: u # c\n";
    expect(await names(yaml, { isFlat: true })).toEqual({ db_hosts_0: "a", db_hosts_1_b: "1", db_user: "u" });
    const { code, message, hint, details } = await failure(`db: {password: ${SECRET}}\n`);
    expect(code).toBe("OUTPUT_UNREPRESENTABLE");
    expect(message).toMatch(/^db: .*--flatten/);
    expect(message + hint + JSON.stringify(details)).not.toContain(SECRET);
  });

  it("never have one name twice", async () => {
    const { code, message } = await failure(`a_b: ${SECRET}\na: {b: x}\n`, { isFlat: true });
    expect(code).toBe("OUTPUT_UNREPRESENTABLE");
    expect(message).toContain("a.b: a_b would be the name of a_b too");
    expect(message).not.toContain(SECRET);
    expect(await names("a_b: 1\na: {b: 2}\n", { isFlat: true, only: new Patterns("x") })).toEqual({});
  });

  it("can be chosen, also instead of those that could not be one, and have a prefix", async () => {
    const yaml = "DB_HOST: h\nDB_USER: u\nOTHER: o\nnested: {a: b}\n";
    expect(await names(yaml, { only: new Patterns("DB_*, OTHER"), prefix: "X_" })).toEqual({
      X_DB_HOST: "h",
      X_DB_USER: "u",
      X_OTHER: "o",
    });
    const only = new Patterns("DB.HOST,O*R,D*_*R,NOPE");
    expect(Object.keys(await names(yaml, { only }))).toEqual(["DB_USER", "OTHER"]);
    expect(only.unused()).toEqual(["DB.HOST", "NOPE"]);
  });

  it.each([
    ["an equals sign in the name", `"a=b": ${SECRET}`],
    ["no name", `"": ${SECRET}`],
    ["a NUL in the name", `"a\\0b": ${SECRET}`],
    ["a NUL in the value", `a: "${SECRET}\\0"`],
  ])("cannot have %s", async (_what, yaml) => {
    const { code, message } = await failure(yaml);
    expect(code).toBe("OUTPUT_UNREPRESENTABLE");
    expect(message).not.toContain(SECRET);
  });

  it("cannot hold bytes that are not UTF-8", () => {
    const scalar = { type: "str", text: Uint8Array.of(0xff) } as const;
    const item = { kind: "item", key: "a", value: { kind: "leaf", scalar, at: null } } as const;
    const map: Mapping = { kind: "mapping", members: [item], at: null };
    for (const variables of [() => variablesOf(map, plain), () => referenceVariables(map)])
      expect(variables).toThrow(expect.objectContaining({ code: "OUTPUT_UNREPRESENTABLE" }));
  });
});

describe("variables that make programs run other code", () => {
  const nothing = new Patterns("");
  const risky = ["PATH", "LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "ENV", "IFS", "NODE_OPTIONS"];

  const more = ["PYTHONPATH", "BASH_FUNC_ls%%", "GIT_SSH_COMMAND", "GIT_PAGER", "EDITOR", "HOME", "MAKEFLAGS"];

  it.each([...risky, ...more, "npm_config_script_shell", "NPM_CONFIG_NODE_OPTIONS"])(
    "%s is refused unless it is allowed",
    (name) => {
      expect(() => checkRisk(name, nothing, "linux")).toThrow(expect.objectContaining({ code: "USAGE" }));
      expect(() => checkRisk(name, new Patterns(`x,${name}`), "linux")).not.toThrow();
    },
  );

  it("other names are not", () => {
    const names = ["path", "env", "DB_PATH", "ENVIRONMENT", "NODE_ENV", "XLD_A", "GIT_TOKEN", "npm_config__authToken"];
    for (const name of names) expect(() => checkRisk(name, nothing, "linux")).not.toThrow();
    expect(() => checkRisk("Path", nothing, "win32")).toThrow();
  });
});

describe("what is handed on", () => {
  const env = {
    PATH: "/bin",
    LC_ALL: "C",
    AWS_PROFILE: "p",
    SOPS_AGE_KEY: "k",
    SOPS_AGE_KEY_FILE: "f",
    SOPS_PGP_FP: "x",
  };
  const nothing = new Patterns("");

  it("is everything but the identities, or the little that is no secret", () => {
    expect(inherited(env, false, nothing)).toEqual({ PATH: "/bin", LC_ALL: "C", AWS_PROFILE: "p", SOPS_PGP_FP: "x" });
    expect(inherited(env, true, nothing)).toEqual({ PATH: "/bin", LC_ALL: "C" });
    expect(inherited(env, true, new Patterns("AWS_*,SOPS_AGE_KEY"))).toEqual({
      PATH: "/bin",
      LC_ALL: "C",
      AWS_PROFILE: "p",
      SOPS_AGE_KEY: "k",
    });
  });

  it("has the variables of the files on top, of which the last one counts", () => {
    const variables = [
      ["A", "1"],
      ["B", "2"],
      ["A", "3"],
      ["PATH", null],
      ["__proto__", "p"],
    ] as const;
    const result = withVariables({ PATH: "/bin", A: "0" }, variables);
    expect(Object.entries(result)).toEqual([
      ["A", "3"],
      ["B", "2"],
      ["__proto__", "p"],
    ]);
  });
});

describe("patterns", () => {
  it("match as a slow search does", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab*.\\"), maxLength: 6 });
    const matches = (pattern: string, name: string): boolean => {
      if (pattern === "") return name === "";
      const [first = "", rest] = [pattern[0], pattern.slice(1)];
      if (first !== "*") return name.startsWith(first) && matches(rest, name.slice(1));
      return [...name, ""].some((_, from) => matches(rest, name.slice(from)));
    };
    fc.assert(
      fc.property(
        text.filter((pattern) => pattern !== ""),
        text,
        (pattern, name) => {
          expect(new Patterns(pattern).has(name)).toBe(matches(pattern, name));
        },
      ),
    );
  });
});
