import { expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import { recipientNames } from "../src/recipient-names.ts";
import { RECIPIENT_A, RECIPIENT_B } from "./support/sealing.ts";

const ARN = "arn:aws:kms:eu-central-1:000000000000:key/a";
const PGP = "0123456789ABCDEF0123456789ABCDEF01234567";

/** Names of A, B, the AWS key and the PGP key in a configuration of these lines. */
async function namesIn(...lines: string[]): Promise<(string | null)[]> {
  const text = lines.join("\n");
  const nameOf = await recipientNames(text, parseConfig(text, ".sops.yaml"));
  const keys = [
    ["age", RECIPIENT_A],
    ["age", RECIPIENT_B],
    ["aws-kms", ARN],
    ["pgp", PGP],
  ] as const;
  return keys.map(([provider, recipient]) => nameOf({ provider, recipient }));
}

test("a name is the comment beside a recipient, or alone above it", async () => {
  expect(
    await namesIn(
      "creation_rules:",
      "  - age:",
      `      - ${RECIPIENT_A} # Ada`,
      "      # Ben, on call",
      `      - "${RECIPIENT_B}"`,
      `    kms: ${ARN}   #   production`,
      "    # Pia",
      `    pgp: ${PGP}`,
    ),
  ).toEqual(["Ada", "Ben, on call", "production", "Pia"]);
});

test("in key groups it is the same, for mappings on their first line, and for what is merged", async () => {
  expect(
    await namesIn(
      "shared: &shared",
      "  age:",
      `    - ${RECIPIENT_A} # Ada`,
      "creation_rules:",
      "  - key_groups:",
      "      - merge: [*shared]",
      `        age: [${RECIPIENT_B}] # Ben`,
      "        kms:",
      `          - arn: ${ARN} # production`,
      "            role: ''",
      "      - pgp:",
      "          # Pia",
      `          - ${PGP}`,
    ),
  ).toEqual(["Ada", "Ben", "production", "Pia"]);
});

test("an alias has the name of what it stands for", async () => {
  expect(
    await namesIn(
      "keys:",
      `  - &ada ${RECIPIENT_A} # Ada`,
      "creation_rules:",
      "  - age:",
      "      - *ada",
      `      - ${RECIPIENT_B}`,
    ),
  ).toEqual(["Ada", null, null, null]);
});

test("nobody has the name of several, of another line, or an endless one", async () => {
  expect(
    await namesIn(
      "creation_rules:",
      `  - age: ${RECIPIENT_A},${RECIPIENT_B} # both`,
      `  - kms: ${ARN} # ${"x".repeat(81)}`,
      "  # far away",
      "",
      `  - pgp: ${PGP}`,
    ),
  ).toEqual([null, null, null, null]);
});

test("the first rule that names a recipient counts; entries that cannot be read are passed over", async () => {
  expect(
    await namesIn(
      "creation_rules:",
      "  - age: nobody # Nobody",
      `  - age: ${RECIPIENT_A} # Ada`,
      `  - age: ${RECIPIENT_A} # Ada again`,
    ),
  ).toEqual(["Ada", null, null, null]);
});

test("a configuration without rules has no names", async () => {
  expect(await namesIn("stores: {}")).toEqual([null, null, null, null]);
});
