import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boolScalar, intScalar, NULL } from "../../src/crypto/scalar-bytes.ts";
import { leaf, list, type Mapping, mapping, type Node } from "../../src/document/document.ts";
import { flattenMetadata, unflattenMetadata } from "../../src/formats/flatten.ts";

const malformed = expect.objectContaining({ code: "INPUT_METADATA" });

describe("flattenMetadata", () => {
  it("joins mapping and list steps, in the order of nesting", () => {
    const block = mapping([
      [
        "age",
        list([
          mapping([
            ["enc", leaf("a\nb")],
            ["recipient", leaf("age1x")],
          ]),
          mapping([["recipient", leaf("")]]),
        ]),
      ],
      ["key_groups", list([mapping([["pgp", list([mapping([["fp", leaf("F")]])])]])])],
      ["kms", list([mapping([["context", mapping([["env", leaf("prod")]])]])])],
      ["mac_only_encrypted", leaf(boolScalar(true))],
      ["shamir_threshold", leaf(intScalar(2n) ?? NULL)],
      ["version", leaf("3.13.2")],
    ]);
    expect(flattenMetadata(block)).toEqual([
      ["age__list_0__map_enc", "a\nb"],
      ["age__list_0__map_recipient", "age1x"],
      ["age__list_1__map_recipient", ""],
      ["key_groups__list_0__map_pgp__list_0__map_fp", "F"],
      ["kms__list_0__map_context__map_env", "prod"],
      ["mac_only_encrypted", "true"],
      ["shamir_threshold", "2"],
      ["version", "3.13.2"],
    ]);
  });

  it("leaves out nulls and empty containers", () => {
    const block = mapping([
      ["age", list([])],
      ["context", mapping([])],
      ["role", leaf(NULL)],
    ]);
    expect(flattenMetadata(block)).toEqual([]);
  });
});

describe("unflattenMetadata", () => {
  it("does not look at the order of names", () => {
    const items = [
      ["age__list_1__map_enc", "b"],
      ["mac", "m"],
      ["age__list_0__map_enc", "a"],
    ] as const;
    expect(flattenMetadata(unflattenMetadata(items))).toEqual([
      ["age__list_0__map_enc", "a"],
      ["age__list_1__map_enc", "b"],
      ["mac", "m"],
    ]);
  });

  it("takes a position that is no number for 0", () => {
    expect(flattenMetadata(unflattenMetadata([["age__list_x", "a"]]))).toEqual([["age__list_0", "a"]]);
  });

  it.each([
    ["the same name twice", ["mac", "mac"]],
    ["a list with a gap", ["age__list_1__map_enc"]],
    ["a negative position", ["age__list_-1"]],
    ["a huge position", ["age__list_99999999999999999999"]],
    ["list and mapping", ["age__list_0__map_enc", "age__map_enc"]],
    ["value, then mapping", ["age", "age__map_enc"]],
    ["mapping, then value", ["age__map_enc", "age"]],
    ["one position twice", ["age__list_0", "age__list_00"]],
  ])("refuses %s", (_, names) => {
    expect(() => unflattenMetadata(names.map((name) => [name, "x"] as const))).toThrow(malformed);
  });

  it("knows no special names", () => {
    const items = [
      ["__proto__", "x"],
      ["constructor__map_toString", "y"],
    ] as const;
    expect(flattenMetadata(unflattenMetadata(items))).toEqual(items);
  });

  it("undoes flattening", () => {
    const key = fc.stringMatching(/^[a-z_.]{1,6}$/).filter((text) => !/__(map|list)_|_$|^_/.test(text));
    const { node } = fc.letrec<{ node: Node }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 3 },
        fc.string().map((text) => leaf(text)),
        fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((nodes) => list(nodes)),
        fc
          .uniqueArray(fc.tuple(key, tie("node")), { minLength: 1, maxLength: 3, selector: ([name]) => name })
          .map(mapping),
      ),
    }));
    const block = fc.uniqueArray(fc.tuple(key, node), { maxLength: 4, selector: ([name]) => name }).map(mapping);
    fc.assert(
      fc.property(block, (value: Mapping) => {
        expect(unflattenMetadata(flattenMetadata(value))).toEqual(value);
      }),
    );
  });
});
