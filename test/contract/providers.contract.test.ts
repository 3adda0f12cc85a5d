import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DATA_KEY_BYTES } from "../../src/crypto/data-key.ts";
import { answerWith } from "../../src/crypto/key-service/answer.ts";
import { throughKeyServices } from "../../src/crypto/key-service/client.ts";
import { decodeRequest, encodeAnswer } from "../../src/crypto/key-service/messages.ts";
import { age } from "../../src/crypto/keys/age.ts";
import { createAwsKms } from "../../src/crypto/keys/aws-kms.ts";
import { createAzureKeyvault } from "../../src/crypto/keys/azure-keyvault.ts";
import { createGcpKms } from "../../src/crypto/keys/gcp-kms.ts";
import { loadGoogleAccess } from "../../src/crypto/keys/google-access.ts";
import { createHcVault } from "../../src/crypto/keys/hc-vault.ts";
import { createHuaweiKms } from "../../src/crypto/keys/huawei-kms.ts";
import { pgp } from "../../src/crypto/keys/pgp.ts";
import type { KeyProvider, WrappedKey } from "../../src/crypto/keys/provider.ts";
import { providerBy, providers } from "../../src/crypto/keys/registry.ts";
import { itemOf, leaf, list, mapping, type Node } from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { keyLists, parseMetadata } from "../../src/document/metadata.ts";
import { metadataBlock } from "../../src/document/metadata-block.ts";
import { DEFAULT_SELECTION } from "../../src/document/selection.ts";
import { KeyleafError } from "../../src/errors.ts";
import { formatOf, formats } from "../../src/formats/registry.ts";
import type { Host, KeyService } from "../../src/host.ts";
import { fakeGpg } from "../support/fake-gpg.ts";
import { fakeHost } from "../support/fake-host.ts";
import { expectDiscreet, failure, IDENTITY_A, IDENTITY_B, RECIPIENT_A, RECIPIENT_B } from "../support/sealing.ts";
import { makeStandInAzure } from "../support/stand-in-azure.ts";
import { makeStandInGoogle } from "../support/stand-in-google.ts";
import { HUAWEI_USER, KEY_ID, standInHuawei } from "../support/stand-in-huawei.ts";
import { restTo } from "../support/stand-in-rest.ts";
import { standInTransit } from "../support/stand-in-transit.ts";

/** What every key provider has to do, whatever it is. A new one needs an entry here. */

interface Setting {
  /** The registered provider, or the same with a stand-in for what lies behind the network. */
  readonly provider: KeyProvider;
  /** Two recipients as a flag or rule names them. */
  readonly texts: readonly [string, string];
  /** The first of them as an element of a key group. */
  readonly group: Node;
  /** Can unwrap what is wrapped for the first. */
  readonly host: Host;
  /** Cannot. */
  readonly otherHost: Host;
}

const arns = [
  "arn:aws:kms:eu-central-1:000000000000:key/a1",
  "arn:aws-cn:kms:cn-north-1:000000000000:alias/b",
] as const;

/** A KMS that seals by turning bytes around and adding a check sum, for whoever may use it. */
function fakeKms(): KeyProvider {
  const mayUse = (host: Host): boolean => host.env["AWS_ACCESS_KEY_ID"] === "test-only";
  const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => (all * 31 + byte) & 0xff, 7);
  return createAwsKms(async (_, host) => ({
    async encrypt(_arn, plaintext) {
      return Uint8Array.of(...plaintext.map((byte) => byte ^ 0xa5), sum(plaintext));
    },
    async decrypt(_arn, ciphertext) {
      if (!mayUse(host)) throw Object.assign(new Error("not authorized"), { name: "AccessDeniedException" });
      const plaintext = Uint8Array.from(ciphertext.subarray(0, -1), (byte) => byte ^ 0xa5);
      if (sum(plaintext) === ciphertext.at(-1)) return plaintext;
      throw Object.assign(new Error("bad ciphertext"), { name: "InvalidCiphertextException" });
    },
  })) as KeyProvider;
}

const fingerprints = ["0123456789ABCDEF0123456789ABCDEF01234567", "89ABCDEF0123456789ABCDEF0123456789ABCDEF"] as const;
const vaultUris = [
  "https://vault.example.com:8200/v1/transit/keys/a",
  "http://127.0.0.1/v1/team/transit/keys/b-2",
] as const;

const huaweiKeys = [`tr-west-1:${KEY_ID}`, `eu-west-101:${KEY_ID}`] as const;
const huaweiEnv = {
  HUAWEICLOUD_SDK_AK: HUAWEI_USER.accessKey,
  HUAWEICLOUD_SDK_SK: HUAWEI_USER.secretKey,
  HUAWEICLOUD_SDK_PROJECT_ID: HUAWEI_USER.projectId,
};

/** A host that trusts whatever a file names. */
function trusting(env: Readonly<Record<string, string>>): Host {
  return { ...fakeHost({ env }), isTrustedEndpoint: async () => true };
}
/** Google and Azure by stand-ins that do real cryptography. */
const google = makeStandInGoogle();
const googleKeys = [google.createKey("a"), google.createKey("b")] as const;
const azure = makeStandInAzure();
const azureKeys = ["a", "b"]
  .map((name) => azure.createKey("team", name))
  .map(({ url, version }) => `${url}/${version}`);
const [azureKey = "", otherAzureKey = ""] = azureKeys;

const settings: ReadonlyMap<string, Setting> = new Map([
  [
    "age",
    {
      provider: age as KeyProvider,
      texts: [RECIPIENT_A, RECIPIENT_B],
      group: leaf(RECIPIENT_A),
      host: fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_A } }),
      otherHost: fakeHost({ env: { SOPS_AGE_KEY: IDENTITY_B } }),
    },
  ],
  [
    "aws-kms",
    {
      provider: fakeKms(),
      texts: arns,
      group: mapping([["arn", leaf(arns[0])]]),
      host: fakeHost({ env: { AWS_ACCESS_KEY_ID: "test-only" } }),
      otherHost: fakeHost(),
    },
  ],
  [
    "pgp",
    {
      provider: pgp as KeyProvider,
      texts: fingerprints,
      group: leaf(fingerprints[0]),
      host: fakeHost({ programs: { gpg: fakeGpg(fingerprints[0]) } }),
      otherHost: fakeHost({ programs: { gpg: fakeGpg(fingerprints[1]) } }),
    },
  ],
  [
    "hc-vault",
    {
      provider: createHcVault(standInTransit("test-only").send, async () => {}) as KeyProvider,
      texts: vaultUris,
      group: leaf(vaultUris[0]),
      host: trusting({ VAULT_TOKEN: "test-only" }),
      otherHost: trusting({ VAULT_TOKEN: "another" }),
    },
  ],
  [
    "huawei-kms",
    {
      provider: createHuaweiKms(
        standInHuawei({ now: () => new Date("2025-01-02T03:04:05Z") }).send,
        async () => {},
      ) as KeyProvider,
      texts: huaweiKeys,
      group: mapping([["key_id", leaf(huaweiKeys[0])]]),
      host: fakeHost({ env: huaweiEnv }),
      otherHost: fakeHost({ env: { ...huaweiEnv, HUAWEICLOUD_SDK_SK: "another" } }),
    },
  ],
  [
    "gcp-kms",
    {
      provider: createGcpKms(restTo(google.standIn), loadGoogleAccess) as KeyProvider,
      texts: googleKeys,
      group: mapping([["resource_id", leaf(googleKeys[0])]]),
      host: fakeHost({ env: { GOOGLE_OAUTH_ACCESS_TOKEN: google.accessToken } }),
      otherHost: fakeHost({ env: { GOOGLE_OAUTH_ACCESS_TOKEN: "another" } }),
    },
  ],
  [
    "azure-keyvault",
    {
      provider: createAzureKeyvault(
        restTo(azure.standIn),
        async () =>
          async ({ scope }) =>
            azure.tokenFor(scope),
      ) as KeyProvider,
      texts: [azureKey, otherAzureKey],
      group: mapping([
        ["vaultUrl", leaf("https://team.vault.azure.net")],
        ["key", leaf("a")],
        ["version", leaf(azureKey.split("/").at(-1) ?? "")],
      ]),
      host: fakeHost({ trusted: ["https://team.vault.azure.net"] }),
      otherHost: fakeHost(),
    },
  ],
]);

const dataKey = Uint8Array.from({ length: DATA_KEY_BYTES }, (_, i) => (i * 37 + 11) & 0xff);

describe("the registry", () => {
  test("has every provider once under each of its names", () => {
    const kinds = ["metadata", "rule", "group", "flag", "env"] as const;
    for (const kind of kinds) {
      const names = providers.map((provider) => provider.names[kind]);
      expect(new Set(names).size).toBe(names.length);
    }
    expect(new Set(providers.map(({ id }) => id)).size).toBe(providers.length);
  });

  test("knows every list of keys by its name, and finds providers by it", () => {
    expect(providers.map(({ names }) => names.metadata).toSorted()).toEqual([...keyLists].toSorted());
    for (const provider of providers) expect(providerBy("metadata", provider.names.metadata)).toBe(provider);
  });
});

const loaded = await Promise.all(providers.map(async (known) => [known.id, known, await known.load()] as const));

describe.each(loaded)("%s", (id, registered, itself) => {
  const setting = settings.get(id);
  if (setting === undefined) {
    test("has an entry in this suite", () => expect.fail(`add ${id} to the settings of this suite`));
    return;
  }
  const { provider, texts, group, host, otherHost } = setting;
  const recipient = (text: string): unknown => provider.fromText(text, {})[0];
  const wrapped = (text = texts[0]): Promise<WrappedKey> => provider.wrap(dataKey, recipient(text), host);

  async function unwrap(key: WrappedKey, as: Host): Promise<{ dataKey: Uint8Array | null; reasons: string[] }> {
    const reasons: string[] = [];
    try {
      return { dataKey: await provider.unwrap(key, as, (reason) => reasons.push(reason)), reasons };
    } catch (error) {
      if (!(error instanceof KeyleafError)) throw error;
      expectDiscreet(error, IDENTITY_A, IDENTITY_B, Buffer.from(dataKey).toString("hex"));
      return { dataKey: null, reasons: [...reasons, error.message] };
    }
  }

  test("is what is registered", () => {
    for (const one of [provider, itself]) {
      expect([one.id, one.names, one.isLocal]).toEqual([registered.id, registered.names, registered.isLocal]);
    }
  });

  test("reads recipients from a text: blanks, line breaks and empty items do no harm", () => {
    const names = (text: string): string[] => provider.fromText(text, {}).map((one) => provider.identity(one));
    expect(names(texts.join(","))).toEqual([...texts]);
    expect(names(` ${texts.join(" ,\n ")},`)).toEqual([...texts]);
    expect(names("")).toEqual([]);
    expect(names(" , ,")).toEqual([]);
  });

  test("reads recipients from a key group", () => {
    expect(provider.fromGroup(group).map((one) => provider.identity(one))).toEqual([texts[0]]);
  });

  test.each<[string, Node]>([
    ["a list", list([leaf("x")])],
    ["a number", leaf({ type: "int", text: "5" })],
    ["null", leaf({ type: "null", text: "" })],
    ["bytes", leaf({ type: "str", text: Uint8Array.of(0xff) })],
    ["an empty mapping", mapping([])],
    ["a mapping of other things", mapping([["constructor", leaf("x")]])],
  ])("refuses in a key group: %s", async (_, node) => {
    expect((await failure(() => provider.fromGroup(node))).code).toBe("KEY_BAD_RECIPIENT");
  });

  test("refuses a recipient that is none, when it is read or when it is used", async () => {
    for (const text of ["nonsense", "constructor", "age1", "arn:aws:kms:::"]) {
      const error = await failure(() =>
        Promise.all(provider.fromText(text, {}).map((one) => provider.wrap(dataKey, one, host))),
      );
      expect(error.code).toBe("KEY_BAD_RECIPIENT");
    }
  });

  test("wraps, and gives the same key back; names the entry as it names the recipient", async () => {
    const before = Uint8Array.from(dataKey);
    const key = await wrapped();
    expect(key.provider).toBe(id);
    expect(provider.identityOf(key)).toBe(provider.identity(recipient(texts[0])));
    expect((await unwrap(key, host)).dataKey).toEqual(dataKey);
    expect(dataKey).toEqual(before);
  });

  test("does not show the data key in the entry", async () => {
    const { fields } = await wrapped();
    for (const member of fields.members) {
      const text = member.kind === "item" && member.value.kind === "leaf" ? String(member.value.scalar.text) : "";
      for (const encoding of ["hex", "base64", "latin1"] as const)
        expect(text).not.toContain(Buffer.from(dataKey).toString(encoding));
    }
  });

  test.each(formats.map((format) => format.id))("has entries that survive a %s file", async (formatId) => {
    const format = await formatOf(formatId);
    const key = await wrapped();
    const entry = { list: keyLists.find((name) => name === provider.names.metadata) ?? "age", fields: key.fields };
    const block = metadataBlock({
      keyGroups: [[entry, entry]],
      shamirThreshold: 0,
      lastModified: "2025-01-02T03:04:05Z",
      mac: "m",
      selection: DEFAULT_SELECTION,
      macOnlyEncrypted: false,
      spelling: null,
    });
    const source = {
      yaml: "a: b\n",
      json: '{"a":"b"}',
      dotenv: "A=b\n",
      ini: "[a]\nb=c\n",
      toml: 'a = "b"\n',
      binary: "",
    }[formatId];
    const doc = await format.parse(Buffer.from(source));
    const { metadata } = await format.parse(applyEdits(doc.source, format.metadataEdits(doc, block)));
    const entries = metadata === null ? [] : parseMetadata(metadata).keyGroups.flat();
    expect(entries).toHaveLength(2);
    for (const { fields } of entries) {
      expect(provider.identityOf({ provider: id, fields })).toBe(texts[0]);
      expect((await unwrap({ provider: id, fields }, host)).dataKey).toEqual(dataKey);
    }
  });

  test("is wrapped and unwrapped by a key service as by itself, with the same entry", async () => {
    const list = keyLists.find((name) => name === provider.names.metadata) ?? "age";
    const remote: KeyService = {
      address: "unix:///contract",
      async call(method, request) {
        const { key = null, content = new Uint8Array() } = decodeRequest(request) ?? {};
        if (key === null) return expect.fail("the request names no key");
        return encodeAnswer(Uint8Array.from(await answerWith(provider, method, { key, content }, host)));
      },
    };
    const far = throughKeyServices(provider, list, { isLocalOn: false, services: [remote] });
    const shape = ({ fields }: WrappedKey): unknown[] =>
      fields.members.map((item) =>
        item.kind !== "item" ? null : [item.key, item.key === "enc" || item.key === "created_at" ? "" : item.value],
      );
    for (const text of texts) {
      const [here, there] = [await wrapped(text), await far.wrap(dataKey, recipient(text), host)];
      expect(shape(there)).toEqual(shape(here));
      expect(provider.identityOf(there)).toBe(provider.identity(recipient(text)));
    }
    const there = await far.wrap(dataKey, recipient(texts[0]), host);
    expect((await unwrap(there, host)).dataKey).toEqual(dataKey);
    expect(await far.unwrap(await wrapped(), otherHost, () => {})).toEqual(dataKey);
  });

  test("does not unwrap without the right identity, and says why", async () => {
    const { dataKey: nothing, reasons } = await unwrap(await wrapped(), otherHost);
    expect(nothing).toBeNull();
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(reason).not.toBe("");
  });

  test("never gives another key for a damaged entry", async () => {
    const key = await wrapped();
    const enc = itemOf(key.fields, "enc");
    const text = enc?.value.kind === "leaf" ? String(enc.value.scalar.text) : "";
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom(..."Az0+/= \n-"), async (at, character) => {
        const damaged = text.slice(0, at) + character + text.slice(at + 1);
        const fields = mapping(
          key.fields.members.flatMap((member) =>
            member.kind === "item" ? [[member.key, member.key === "enc" ? leaf(damaged) : member.value] as const] : [],
          ),
        );
        const { dataKey: result } = await unwrap({ provider: id, fields }, host);
        // White space at the ends and the like may change without harm.
        if (result !== null) expect(result).toEqual(dataKey);
      }),
      { numRuns: 100 },
    );
  });

  const named = (value: Node, ...names: readonly string[]): [string, Node][] => names.map((name) => [name, value]);
  const fieldNames = ["enc", "arn", "recipient", "fp", "resource_id", "vault_url", "name", "version"];

  test.each<[string, [string, Node][]]>([
    ["nothing", []],
    ["empty fields", named(leaf(""), ...fieldNames)],
    ["nulls", named(leaf({ type: "null", text: "" }), ...fieldNames)],
    ["lists", named(list([leaf("x")]), ...fieldNames, "context")],
    ["mappings", named(mapping([["a", leaf("x")]]), ...fieldNames, "context")],
    ["bytes", named(leaf({ type: "str", text: Uint8Array.of(0xff) }), ...fieldNames)],
  ])("bears an entry with %s", async (_, fields) => {
    const key = { provider: id, fields: mapping(fields) };
    expect(typeof provider.identityOf(key)).toBe("string");
    const { dataKey: nothing, reasons } = await unwrap(key, host);
    expect(nothing).toBeNull();
    expect(reasons.length).toBeGreaterThan(0);
  });
});
