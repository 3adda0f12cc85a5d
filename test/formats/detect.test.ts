import { describe, expect, it } from "vitest";
import { detectFormat } from "../../src/formats/detect.ts";
import { formatById, formats } from "../../src/formats/registry.ts";
import { sniffFormat } from "../../src/formats/sniff.ts";
import { corpusFile, corpusFiles, describeCorpus } from "../support/corpus.ts";
import { bytesOf, sealed } from "../support/sealing.ts";

const sniffed = (text: string | Uint8Array): Promise<string | null> => sniffFormat(bytesOf(text));

describe("the content of a plaintext", () => {
  it.each([
    ['{"a": 1}', "json"],
    ["\n [1, 2]\n", "json"],
    ["A=1\n# c\nexport B_2='x'\n\n", "dotenv"],
    ["A=\nB=x\r\n", "dotenv"],
    ["[s]\na = 1\n", "ini"],
    ["[s]\na = [1, 2]\n", "toml"],
    ["\ufeff{}", "json"],
    ["\ufeffa: b\n", "yaml"],
    ["[s]\na = one\n", "ini"],
    ["; c\nx = y\n[s] ; c\na: b\n", "ini"],
    ["# c\ntitle = 'x'\n[[l]]\na = 1\n", "toml"],
    ["a: 1\n", "yaml"],
    ["---\nlist:\n- a\n- b\n", "yaml"],
    ["# c\n'a b': 1\n", null],
    ["a.b/c:\n  - |\n    text\n", "yaml"],
    ["%YAML 1.2\n---\na: b\n", "yaml"],
  ])("%j shows %s", async (text, id) => {
    expect(await sniffed(text)).toBe(id);
  });

  it.each([
    "",
    "\n# only a comment\n",
    "hunter2",
    "c2VjcmV0Cg==\n",
    "QUJD=\n",
    "MFRGG===\n",
    "a=1\n",
    "the password is: swordfish\n",
    "Dear Bob: hello\nhow are you\n",
    "- a\n- b\n",
    "{not json}\n",
    "[section\na=1\n",
    "A=1\nplain text\n",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n",
    "machine example.org login a password b\n",
    "root:x:0:0:root:/root:/bin/bash\n",
    "a: 'unclosed\n",
    "#!/bin/sh\nA=1\necho $A\n",
  ])("%j shows none: taken for a format that it is not, its keys would stay readable", async (text) => {
    expect(await sniffed(text)).toBeNull();
  });

  it("that is no text shows none", async () => {
    expect(await sniffed(Uint8Array.from({ length: 256 }, (_, i) => i))).toBeNull();
  });
});

describe("the content of an encrypted file", () => {
  const samples: Readonly<Record<string, string>> = {
    yaml: "a: b\n",
    json: '{"a": "b"}',
    dotenv: "A=b\n",
    ini: "[s]\na = b\n",
    toml: 'a = "b"\n',
    binary: "\0",
  };

  it.each(formats.map(({ id }) => id))("tells %s, whatever the name", async (id) => {
    const { output } = await sealed(id, samples[id] ?? "");
    expect(await detectFormat(output, "secret")).toBe(id);
    expect(await detectFormat(Buffer.from(Buffer.from(output).toString().replaceAll("\n", "\r\n")), "secret")).toBe(id);
  });
});

describeCorpus(() => {
  it("is never taken for another format by its content", async () => {
    const counts = new Map<string, number>();
    const wrong: string[] = [];
    for (const { path, format, expected } of corpusFiles()) {
      if (formatById(format) === null || expected !== "valid") continue;
      const id = await sniffed(corpusFile(path));
      if (id === format) counts.set(format, (counts.get(format) ?? 0) + 1);
      // Some YAML is JSON, and an INI file may happen to be TOML.
      else if (id !== null && !["yaml json", "ini toml", "toml ini"].includes(`${format} ${id}`))
        wrong.push(`${path}: ${format}, taken for ${id}`);
    }
    process.stdout.write(`corpus, told by content: ${[...counts].map(([id, count]) => `${id} ${count}`).join(", ")}\n`);
    expect(wrong).toEqual([]);
  });
});
