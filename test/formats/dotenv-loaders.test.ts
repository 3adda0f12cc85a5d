import { parseEnv } from "node:util";
import { parse } from "dotenv";
import { describe, expect, it } from "vitest";
import { KeyleafError } from "../../src/errors.ts";
import { corpusFile, corpusFiles, describeCorpus } from "../support/corpus.ts";
import { openedText, sealedText } from "../support/sealing.ts";

/**
 * What programs that load `.env` files see in encrypted ones: every variable under its name, in its place, with an
 * envelope for its value. Nobody's loader trips over a sealed file, and none shows a value.
 */

type Loader = (text: string) => NodeJS.Dict<string>;

const loaders: readonly (readonly [name: string, load: Loader])[] = [
  ["dotenv", parse],
  ["Node", parseEnv],
];

const files: readonly (readonly [what: string, source: string])[] = [
  ["plain values", "HOST=localhost\nPORT=5432\nEMPTY=\nURL=postgres://user:pass@host/db?x=y\n"],
  ["comments and blank lines", "# database\n\nHOST=a\n#PORT=1\n##\n#\nUSER=b\n"],
  ["export", "export A=1\nexport   B=2\nexport C='3'\n  export D=4\n"],
  ["blanks around the equals sign", "A = 1\nB= 2\nC =3\n  D  =  4  \nE\t=\t5\n"],
  ["double quotes", 'A="x"\nB="  x  "\nC=""\nD="a \\"b\\" c"\nE="it\'s"\nF="a\\nb"\n'],
  ["single quotes", "A='x'\nB='  x  '\nC=''\nD='a \"b\" c'\nE='a\\nb'\n"],
  ["backquotes", "A=`x`\nB=`a \"b\" 'c'`\nC=``\n"],
  ["comments behind values", "A=x # c\nB=\"x\" # c\nC='x' # it's\nD=`x` #c\nE=x#c\nF= # c\n"],
  ["number signs in quotes", 'A="x # y"\nB=\'#x\'\nC=`x#`\nD="#" # c\n'],
  ["equals signs in values", "A==\nB=a=b\nC=dGVzdA==\nD='x=y'\n"],
  ["double quotes over several lines", 'A="one\ntwo\n\nfour"\nB=x\n'],
  ["a key over several lines", 'KEY="-----BEGIN KEY-----\nMIIB/+==\n-----END KEY-----\n"\nB=x\n'],
  ["single quotes over several lines", 'A=\'{\n  "a": 1,\n  "b": "c"\n}\'\nB=x\n'],
  ["backquotes over several lines", 'A=`one\ntwo "it\'s"`\nB=x\n'],
  ["several lines that look like variables and comments", 'A="one\nB=two\n# three\nexport C=four" # c\nD=x\n'],
  ["Windows line ends", "A=1\r\nB=\"x y\"\r\n# c\r\n\r\nC='z' # c\r\nD=\r\n"],
  ["Windows line ends in quotes", 'A="one\r\ntwo"\r\nB=x\r\n'],
  ["keys that are there twice", "A=1\nB=2\nA=3\n"],
  ["no line break at the end", "A=1\nB=2"],
  ["other names", "a=1\nA.B=2\n_C=3\nD1=4\nsops=5\nSOPS_AGE_KEY=6\n"],
  ["names that are not ASCII, and values", "A=\u00fcber\nB=\ud83d\udd11\nC='\u6f22\u5b57'\n"],
  ["quotes within values", 'A={"a": "b"}\nB=it\'s\nC=a\'b\'c\nD=5\' 6"\n'],
  ["dollars and backslashes", "A=$B\nC=$(D)\nE=C:\\dir\\new\nF='$(x)'\nG=\"\\\\n\"\n"],
];

describe.each(loaders)("%s", (_name, load) => {
  it.each(files)("finds the same names in the sealed file: %s", async (_what, source) => {
    const sealed = load(await sealedText("dotenv", source));
    expect(ownNames(sealed)).toEqual(ownNames(load(source)));
    expect(shown(sealed)).toEqual([]);
  });
});

it.each(files)("the file comes back, so that all loaders read what they read before: %s", async (_what, source) => {
  expect(await openedText("dotenv", await sealedText("dotenv", source))).toBe(source);
});

it("a key that stays clear is read as before", async () => {
  const source = "A=1\nMODE_unencrypted='a b' # c\nB=2\n";
  const sealed = await sealedText("dotenv", source);
  for (const [, load] of loaders) expect(load(sealed)["MODE_unencrypted"]).toBe("a b");
});

it("Node takes an indented comment for part of the next name, but in the sealed file it is not indented", async () => {
  const source = "A=1\n  # indented\n   \nB=2\n";
  expect(ownNames(parse(source))).toEqual(["A", "B"]);
  for (const [, load] of loaders) expect(ownNames(load(await sealedText("dotenv", source)))).toEqual(["A", "B"]);
});

/** What loaders see that sops does not, so that a sealed file has other names in it. */
const seenByLoadersOnly: readonly (readonly [what: string, source: string, plain: string[], sealed: string[]])[] = [
  ["a carriage return alone ends a line", "A=1\rB=2\n", ["A", "B"], ["A"]],
];

it.each(seenByLoadersOnly)("loaders differ from sops: %s", async (_what, source, plain, sealed) => {
  expect(ownNames(parse(source))).toEqual(plain);
  expect(ownNames(parse(await sealedText("dotenv", source)))).toEqual(sealed);
});

describeCorpus(() => {
  it("loads sealed under the names that dotenv finds in the plain files", async () => {
    let loaded = 0;
    for (const { path, format } of corpusFiles()) {
      if (format !== "dotenv") continue;
      const source = corpusFile(path).toString();
      const sealed = await sealedOrNull(source);
      if (sealed === null) continue;
      loaded++;
      const names = ownNames(parse(source));
      expect([path, ownNames(parse(sealed))]).toEqual([path, names]);
      expect([path, ownNames(parseEnv(sealed)).toSorted()]).toEqual([path, names.toSorted()]);
      for (const [, load] of loaders) expect([path, shown(load(sealed))]).toEqual([path, []]);
    }
    expect(loaded).toBeGreaterThan(50);
  });
});

/** Names in their order (Node sorts them), without blanks and byte order mark (Node keeps some), and those of the metadata. */
function ownNames(variables: NodeJS.Dict<string>): string[] {
  const names = Object.keys(variables).map((name) => name.trim());
  return names.filter((name) => !name.startsWith("sops_"));
}

/** Names whose values are neither sealed nor empty. */
function shown(variables: NodeJS.Dict<string>): string[] {
  const isShown = (value = ""): boolean => !/^(ENC\[AES256_GCM,[^\]]*\])?$/.test(value);
  return Object.keys(variables).filter((name) => !name.startsWith("sops_") && isShown(variables[name]));
}

async function sealedOrNull(source: string): Promise<string | null> {
  try {
    return await sealedText("dotenv", source);
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}
