import { generateHybridIdentity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { type CreationRule, parseConfig } from "../src/config.ts";
import { encodeBech32 } from "../src/crypto/age/bech32.ts";
import { defaultIdentityFile } from "../src/crypto/age/identity-sources.ts";
import type { KeyGroup } from "../src/crypto/data-key.ts";
import { awsKms } from "../src/crypto/keys/aws-kms.ts";
import type { KeyProvider } from "../src/crypto/keys/provider.ts";
import { opensHere, type RecipientSources, resolveKeyGroups } from "../src/recipients.ts";
import { type FakeHostOptions, fakeHost } from "./support/fake-host.ts";
import { failure, groupOf, IDENTITY_A, IDENTITY_B, RECIPIENT_A, RECIPIENT_B } from "./support/sealing.ts";

const ARN = "arn:aws:kms:eu-central-1:000000000000:key/a";
const ROLE = "arn:aws:iam::000000000000:role/r";

interface Given {
  readonly flags?: Readonly<Record<string, string>>;
  readonly rule?: CreationRule | null;
  readonly awsProfile?: string;
  readonly encryptionContext?: Readonly<Record<string, string>>;
}

function sources({ flags = {}, rule = null, awsProfile = "", encryptionContext = {} }: Given): RecipientSources {
  return {
    flags: new Map(Object.entries(flags)),
    rule,
    awsProfile,
    encryptionContext: new Map(Object.entries(encryptionContext)),
  };
}

/** The first rule of a configuration of these lines. */
function ruleOf(lines: string): CreationRule {
  const { creationRules } = parseConfig(`creation_rules:\n  - ${lines.replaceAll("\n", "\n    ")}\n`, ".sops.yaml");
  if (creationRules?.[0] === undefined) throw new Error("no rule");
  return creationRules[0];
}

const namesOf = (groups: readonly KeyGroup[]): string[][] =>
  groups.map((group) => group.map(({ provider, recipient }) => provider.identity(recipient)));

async function resolved(given: Given, env: Record<string, string> = {}): Promise<string[][]> {
  return namesOf((await resolveKeyGroups(sources(given), fakeHost({ env }))).keyGroups);
}

describe("flags and variables", () => {
  test("give one group, in the reference's order", async () => {
    expect(await resolved({ flags: { age: `${RECIPIENT_B},${RECIPIENT_A}`, kms: ARN } })).toEqual([
      [ARN, RECIPIENT_B, RECIPIENT_A],
    ]);
    expect(await resolved({}, { SOPS_AGE_RECIPIENTS: RECIPIENT_A, SOPS_KMS_ARN: ARN })).toEqual([[ARN, RECIPIENT_A]]);
  });

  test("a flag takes the place of its variable, not of others", async () => {
    const env = { SOPS_AGE_RECIPIENTS: RECIPIENT_A, SOPS_KMS_ARN: ARN };
    expect(await resolved({ flags: { age: RECIPIENT_B } }, env)).toEqual([[ARN, RECIPIENT_B]]);
    expect(await resolved({ flags: { age: "" } }, env)).toEqual([[ARN, RECIPIENT_A]]);
  });

  test("go before the rule", async () => {
    const rule = ruleOf(`age: ${RECIPIENT_A}`);
    expect(await resolved({ flags: { age: RECIPIENT_B }, rule })).toEqual([[RECIPIENT_B]]);
    expect(await resolved({ rule }, { SOPS_AGE_RECIPIENTS: RECIPIENT_B })).toEqual([[RECIPIENT_B]]);
  });

  test("name each recipient once", async () => {
    expect(await resolved({ flags: { age: `${RECIPIENT_A}, ${RECIPIENT_B},${RECIPIENT_A}` } })).toEqual([
      [RECIPIENT_A, RECIPIENT_B],
    ]);
    expect(await resolved({ flags: { kms: `${ARN},${ARN}+${ROLE},${ARN}` } })).toEqual([[ARN, `${ARN}+${ROLE}`]]);
  });

  test("profile and context go to AWS keys", async () => {
    const given = { flags: { kms: ARN, age: RECIPIENT_A }, awsProfile: "p", encryptionContext: { b: "2", a: "1" } };
    expect(await resolved(given)).toEqual([[`${ARN}|a:1,b:2|p`, RECIPIENT_A]]);
  });

  test("refuse what is no recipient", async () => {
    expect((await failure(() => resolved({ flags: { age: "nobody" } }))).code).toBe("KEY_BAD_RECIPIENT");
    const secret = await failure(() => resolved({ flags: { age: IDENTITY_A } }));
    expect(secret.code).toBe("KEY_BAD_RECIPIENT");
    expect(JSON.stringify([secret.message, secret.hint, secret.details])).not.toContain(IDENTITY_A);
  });
});

describe("a rule", () => {
  test("gives the recipients of its flat keys", async () => {
    const rule = ruleOf(`age: "${RECIPIENT_A}, ${RECIPIENT_B}"\nkms: ${ARN}+${ROLE}\naws_profile: p`);
    expect((await resolved({ rule })).map((group) => group.toSorted())).toEqual([
      [RECIPIENT_A, RECIPIENT_B, `${ARN}+${ROLE}||p`].toSorted(),
    ]);
  });

  test("gives its groups", async () => {
    const rule = ruleOf(`key_groups:
  - age: [${RECIPIENT_A}, ${RECIPIENT_A}]
    kms:
      - arn: ${ARN}
        role: ${ROLE}
        context: {env: prod}
        aws_profile: p
  - age: ["${RECIPIENT_B}"]`);
    expect((await resolved({ rule })).map((group) => group.toSorted())).toEqual([
      [RECIPIENT_A, `${ARN}+${ROLE}|env:prod|p`].toSorted(),
      [RECIPIENT_B],
    ]);
  });

  test("without recipients is refused, with its line", async () => {
    const error = await failure(() => resolved({ rule: ruleOf("path_regex: x") }));
    expect(error.code).toBe("KEY_NO_RECIPIENT");
    expect(error.message).toContain("line 2");
  });
});

describe("without any recipient", () => {
  test("the user's own identity is it, with a notice that names the public side only", async () => {
    const { keyGroups, notices } = await resolveKeyGroups(
      sources({}),
      fakeHost({ env: { SOPS_AGE_KEY: `${IDENTITY_B}\n${IDENTITY_A}` } }),
    );
    expect(namesOf(keyGroups)).toEqual([[RECIPIENT_B]]);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain(RECIPIENT_B);
    expect(notices.join()).not.toContain("AGE-SECRET-KEY");
  });

  test("the default file is looked at too", async () => {
    const host = fakeHost();
    const file = defaultIdentityFile(host) ?? "";
    const { keyGroups } = await resolveKeyGroups(
      sources({}),
      fakeHost({ files: { [file]: `# mine\n${IDENTITY_A}\n` } }),
    );
    expect(namesOf(keyGroups)).toEqual([[RECIPIENT_A]]);
  });

  test("a post-quantum identity is one as well; one of a plugin does not tell its recipient", async () => {
    const identity = await generateHybridIdentity();
    const plugin = encodeBech32("age-plugin-x-", new Uint8Array(4)).toUpperCase();
    const host = fakeHost({ env: { SOPS_AGE_KEY: `${plugin}\n${identity}` } });
    const { keyGroups } = await resolveKeyGroups(sources({}), host);
    expect(namesOf(keyGroups)).toEqual([[await identityToRecipient(identity)]]);
    const other = fakeHost({ env: { SOPS_AGE_KEY: plugin } });
    expect((await failure(() => resolveKeyGroups(sources({}), other))).code).toBe("KEY_NO_RECIPIENT");
  });

  const file = defaultIdentityFile(fakeHost()) ?? "";
  const broken = `# mine\nhunter2 ${IDENTITY_A}\n`;

  /** Each leads to nobody, not even to the identity in the default file or of the command: those are others than was said. */
  test.each<[string, FakeHostOptions, string[]]>([
    ["a missing file", { env: { SOPS_AGE_KEY_FILE: "gone" } }, ["SOPS_AGE_KEY_FILE (gone): no such file"]],
    [
      "an unreadable file",
      { env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: new Error("EACCES: permission denied") } },
      ["SOPS_AGE_KEY_FILE (k): EACCES"],
    ],
    [
      "a malformed file",
      { env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: broken } },
      ["SOPS_AGE_KEY_FILE (k): line 2 is not an age identity"],
    ],
    ["a malformed variable", { env: { SOPS_AGE_KEY: broken } }, ["SOPS_AGE_KEY: line 2 is not an age identity"]],
    [
      "several of them",
      { env: { SOPS_AGE_KEY: broken, SOPS_AGE_KEY_FILE: "gone" } },
      ["SOPS_AGE_KEY: line 2", "SOPS_AGE_KEY_FILE (gone): no such file"],
    ],
  ])("%s is said, and no other identity taken", async (_, options, reasons) => {
    for (const others of [{}, { [file]: IDENTITY_B }]) {
      const host = fakeHost({ ...options, files: { ...options.files, ...others } });
      const error = await failure(() => resolveKeyGroups(sources({}), host));
      expect(error.code).toBe("KEY_NO_RECIPIENT");
      for (const reason of reasons) expect(error.message).toContain(reason);
      expect(JSON.stringify([error.message, error.hint, error.details])).not.toMatch(/hunter2|AGE-SECRET-KEY/);
    }
  });

  test("so it is with the default file, before a command, and with a command", async () => {
    const env = { SOPS_AGE_KEY_CMD: "print" };
    const programs = { print: IDENTITY_B };
    const before = fakeHost({ env, programs, files: { [file]: broken } });
    const error = await failure(() => resolveKeyGroups(sources({}), before));
    expect([error.code, error.message]).toEqual(["KEY_NO_RECIPIENT", expect.stringContaining(`${file}: line 2`)]);
    const failing = fakeHost({ env, programs: { print: { status: 3, stdout: broken } } });
    expect((await failure(() => resolveKeyGroups(sources({}), failing))).message).toContain("SOPS_AGE_KEY_CMD: ");
    const { keyGroups } = await resolveKeyGroups(sources({}), fakeHost({ env, programs }));
    expect(namesOf(keyGroups)).toEqual([[RECIPIENT_B]]);
  });

  test("what is not reached does not matter, nor do empty variables", async () => {
    const taken = async (env: Record<string, string>): Promise<string[][]> =>
      namesOf((await resolveKeyGroups(sources({}), fakeHost({ env, files: { [file]: IDENTITY_B } }))).keyGroups);
    expect(await taken({ SOPS_AGE_KEY: IDENTITY_A, SOPS_AGE_KEY_FILE: "gone" })).toEqual([[RECIPIENT_A]]);
    expect(await taken({ SOPS_AGE_KEY_CMD: "nowhere" })).toEqual([[RECIPIENT_B]]);
    expect(await taken({ SOPS_AGE_KEY: "", SOPS_AGE_KEY_FILE: "" })).toEqual([[RECIPIENT_B]]);
    expect(await taken({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: "gone" })).toEqual([[RECIPIENT_B]]);
    const empty = fakeHost({ env: { SOPS_AGE_KEY: "", SOPS_AGE_KEY_CMD: "", SOPS_AGE_KEY_FILE: file } });
    expect((await failure(() => resolveKeyGroups(sources({}), empty))).hint).toContain("enc init");
  });

  test("an identity that does not tell its recipient is named", async () => {
    const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: "-----BEGIN AGE ENCRYPTED FILE-----\n" } });
    const error = await failure(() => resolveKeyGroups(sources({}), host));
    expect([error.code, error.message]).toEqual([
      "KEY_NO_RECIPIENT",
      expect.stringContaining("SOPS_AGE_KEY_FILE (k) takes a passphrase"),
    ]);
  });

  test("and without an identity, the error says what to do", async () => {
    const error = await failure(() => resolveKeyGroups(sources({}), fakeHost()));
    expect(error.code).toBe("KEY_NO_RECIPIENT");
    expect(error.hint).toContain("enc init");
  });
});

describe("whether a key at hand opens the result", () => {
  const opens = (groups: readonly KeyGroup[], env: Record<string, string>) => opensHere(groups, fakeHost({ env }));

  test("is told by the age identities there are", async () => {
    expect(await opens([groupOf(RECIPIENT_A, RECIPIENT_B)], { SOPS_AGE_KEY: IDENTITY_A })).toBe(true);
    expect(await opens([groupOf(RECIPIENT_B)], { SOPS_AGE_KEY: IDENTITY_A })).toBe(false);
    expect(await opens([groupOf(RECIPIENT_B)], {})).toBe(false);
  });

  test("cannot be told for other keys, of commands, and with groups", async () => {
    const kms = awsKms.fromText(ARN, {}).map((recipient) => ({ provider: awsKms as KeyProvider, recipient }));
    expect(await opens([[...groupOf(RECIPIENT_B), ...kms]], {})).toBe(null);
    expect(await opens([groupOf(RECIPIENT_B)], { SOPS_AGE_KEY_CMD: "false" })).toBe(null);
    expect(await opens([groupOf(RECIPIENT_B), groupOf(RECIPIENT_A)], {})).toBe(null);
  });
});
