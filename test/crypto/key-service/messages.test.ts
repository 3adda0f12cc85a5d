import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  decodeAnswer,
  decodeRequest,
  encOf,
  encodeAnswer,
  encodeRequest,
  groupNode,
  isWhole,
  keyOfEntry,
  wrappedFields,
} from "../../../src/crypto/key-service/messages.ts";
import { awsKms } from "../../../src/crypto/keys/aws-kms.ts";
import { providerBy } from "../../../src/crypto/keys/registry.ts";
import { leaf, list, mapping, type Node } from "../../../src/document/document.ts";
import { type KeyListName, keyLists } from "../../../src/document/metadata.ts";
import { failure } from "../../support/sealing.ts";

const content = Uint8Array.of(0xff, 0, 0x7a);
const now = new Date("2025-01-02T03:04:05.678Z");

/** A tree in few words: texts and objects for leaves and mappings. */
type Tree = string | { readonly [key: string]: Tree };
function nodeOf(tree: Tree): Node {
  return typeof tree === "string"
    ? leaf(tree)
    : mapping(Object.entries(tree).map(([key, value]) => [key, nodeOf(value)]));
}
function treeOf(node: Node): Tree {
  if (node.kind === "leaf") return String(node.scalar.text);
  if (node.kind === "list") return "(list)";
  return Object.fromEntries(
    node.members.flatMap((item) => (item.kind === "item" ? [[item.key, treeOf(item.value)]] : [])),
  );
}
function fieldsOf(tree: Record<string, Tree>): ReturnType<typeof mapping> {
  return mapping(Object.entries(tree).map(([key, value]) => [key, nodeOf(value)]));
}

interface Row {
  readonly list: KeyListName;
  /** The entry in a file. */
  readonly entry: Record<string, Tree>;
  /** The bytes of the request, made with Google's protobuf for Python (7.36) from the definitions of the reference. */
  readonly request: string;
  /** In the provider's own type. */
  readonly recipient: unknown;
  /** The key in a key group. */
  readonly group: Tree;
}

const created_at = "2025-01-02T03:04:05Z";
const rows: readonly Row[] = [
  {
    list: "kms",
    entry: { arn: "a:1", aws_profile: "p", context: { x: "1" }, created_at, enc: "E", role: "r:2" },
    request: "0a170a150a03613a311203723a321a060a01781201312201701203ff007a",
    recipient: { arn: "a:1", role: "r:2", profile: "p", context: new Map([["x", "1"]]) },
    group: { arn: "a:1", role: "r:2", aws_profile: "p", context: { x: "1" } },
  },
  {
    list: "kms",
    entry: { arn: "a:1", aws_profile: "", created_at, enc: "E" },
    request: "0a070a050a03613a311203ff007a",
    recipient: { arn: "a:1", role: "", profile: "", context: new Map() },
    group: { arn: "a:1" },
  },
  {
    list: "pgp",
    entry: { created_at, enc: "E", fp: "AB!" },
    request: "0a0712050a034142211203ff007a",
    recipient: { fingerprint: "AB!" },
    group: "AB!",
  },
  {
    list: "gcp_kms",
    entry: { created_at, enc: "E", resource_id: "g/1" },
    request: "0a071a050a03672f311203ff007a",
    recipient: { resourceId: "g/1" },
    group: { resource_id: "g/1" },
  },
  {
    list: "azure_kv",
    entry: { created_at, enc: "E", name: "n", vault_url: "https://v", version: "1" },
    request: "0a1322110a0968747470733a2f2f7612016e1a01311203ff007a",
    recipient: { vaultUrl: "https://v", name: "n", version: "1" },
    group: { vaultUrl: "https://v", key: "n", version: "1" },
  },
  {
    list: "hc_vault",
    entry: { created_at, enc: "E", engine_path: "e/f", key_name: "k", vault_address: "https://h" },
    request: "0a152a130a0968747470733a2f2f681203652f661a016b1203ff007a",
    recipient: { address: "https://h", enginePath: "e/f", keyName: "k" },
    group: "https://h/v1/e/f/keys/k",
  },
  {
    list: "age",
    entry: { enc: "E", recipient: "age1ü" },
    request: "0a0a32080a0661676531c3bc1203ff007a",
    recipient: { text: "age1ü", publicKey: null },
    group: "age1ü",
  },
  {
    list: "hckms",
    entry: { created_at, enc: "E", key_id: "r:1" },
    request: "0a073a050a03723a311203ff007a",
    recipient: { keyId: "r:1" },
    group: { key_id: "r:1" },
  },
];

test("every key list of the format has a row here", () => {
  expect(new Set(rows.map((row) => row.list))).toEqual(new Set(keyLists));
});

describe.each(rows)("$list $request", ({ list: name, entry, request, recipient, group }) => {
  const key = keyOfEntry(name, fieldsOf(entry));

  it("is the request that others make of it", () => {
    expect(Buffer.from(encodeRequest(key, content)).toString("hex")).toBe(request);
  });

  it("is read from the request that others make", () => {
    const decoded = decodeRequest(Buffer.from(request, "hex"));
    expect(Buffer.from(decoded?.content ?? [])).toEqual(Buffer.from(content));
    expect(decoded?.key).not.toBeNull();
    if (decoded?.key == null) return;
    expect(treeOf(groupNode(decoded.key))).toEqual(group);
    const { created_at: _, ...named } = entry;
    const given = Object.fromEntries(Object.entries(named).filter(([, text]) => text !== ""));
    expect(treeOf(wrappedFields(decoded.key, "E"))).toEqual(given);
  });

  it("is the entry that is written, field by field in its order", async () => {
    const made = (await providerBy("metadata", name).load()).entry(recipient, "E", now);
    expect(treeOf(made)).toEqual(entry);
    expect(Object.keys(treeOf(made))).toEqual(Object.keys(entry));
  });

  it("is whole, and is not where a part is missing that it cannot be without", () => {
    expect(isWhole(key)).toBe(true);
    for (const part of key.texts.keys()) {
      const rest = new Map([...key.texts].filter(([one]) => one !== part));
      expect(isWhole({ ...key, texts: rest })).toBe(part === "role" || part === "aws_profile");
    }
  });
});

describe("a context", () => {
  it("of any texts comes through, in the order of its bytes", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), (pairs) => {
        const context = new Map(Object.entries(pairs));
        const key = keyOfEntry("kms", awsKms.entry({ arn: "a", role: "", profile: "", context }, "E", now));
        const decoded = decodeRequest(encodeRequest(key, content));
        expect(decoded?.key?.context).toEqual(context);
      }),
    );
    const context = new Map([
      ["b", "1"],
      ["a", "2"],
      ["B", "3"],
    ]);
    const made = treeOf(awsKms.entry({ arn: "a", role: "", profile: "", context }, "E", now));
    expect(typeof made === "string" ? [] : Object.keys(made["context"] ?? {})).toEqual(["B", "a", "b"]);
  });

  it("has no nulls, as the reference calls AWS", () => {
    const entry = mapping([
      ["arn", leaf("a")],
      [
        "context",
        mapping([
          ["x", leaf({ type: "null", text: "" })],
          ["y", leaf("1")],
        ]),
      ],
    ]);
    expect(keyOfEntry("kms", entry).context).toEqual(new Map([["y", "1"]]));
  });
});

describe("what cannot be said to a key service is refused", () => {
  it.each<[string, KeyListName, [string, Node][]]>([
    ["a list", "age", [["recipient", list([leaf("x")])]]],
    ["bytes", "pgp", [["fp", leaf({ type: "str", text: Uint8Array.of(0xff) })]]],
    ["a context that is a text", "kms", [["context", leaf("x")]]],
    ["a context of mappings", "kms", [["context", mapping([["a", mapping([])]])]]],
  ])("%s", async (_, name, fields) => {
    expect((await failure(() => keyOfEntry(name, mapping(fields)))).code).toBe("PROVIDER_FAILED");
  });

  it("an entry without enc", async () => {
    expect((await failure(() => encOf(mapping([])))).code).toBe("PROVIDER_FAILED");
    expect(Buffer.from(encOf(mapping([["enc", leaf("ü")]]))).toString()).toBe("ü");
  });
});

describe("a request", () => {
  it.each([
    ["without a key", "1201ff"],
    ["with an empty key", "0a001201ff"],
    ["for a type that is not known", "0a044202 0a001201ff".replace(" ", "")],
  ])("%s has none", (_, hex) => {
    expect(decodeRequest(Buffer.from(hex, "hex"))).toMatchObject({ key: null });
  });

  it.each([
    ["cut off", "0a0732"],
    ["whose key is cut off", "0a0332050a"],
    ["whose text is not UTF-8", "0a0532030a01ff"],
    ["whose context is cut off", "0a060a041a020a05"],
  ])("%s is none", (_, hex) => {
    expect(decodeRequest(Buffer.from(hex, "hex"))).toBeNull();
  });

  it("is read or refused, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        const { key = null } = decodeRequest(any) ?? {};
        if (key !== null) expect(keyLists).toContain(key.list);
      }),
      { numRuns: 2000 },
    );
  });
});

it("an answer comes back as a copy, and nothing else does", () => {
  const answer = encodeAnswer(content);
  const decoded = decodeAnswer(answer);
  answer.fill(0);
  expect(decoded).toEqual(content);
  expect(decodeAnswer(new Uint8Array())).toEqual(new Uint8Array());
  expect(decodeAnswer(Uint8Array.of(0x0a, 9))).toBeNull();
});
