import { age } from "./age.ts";
import { awsKmsNames, hcVaultNames, huaweiKmsNames, type ProviderNames, pgpNames } from "./names.ts";
import type { KeyProvider } from "./provider.ts";

/** What is known of a provider before it is loaded. */
export interface KnownProvider extends ProviderNames {
  readonly load: () => Promise<KeyProvider>;
}

/** Every key provider, but for age loaded when it is used. A new one is a file and a line here. */
export const providers: readonly KnownProvider[] = [
  { id: age.id, names: age.names, isLocal: age.isLocal, load: async () => age },
  { ...awsKmsNames, load: async () => (await import("./aws-kms.ts")).awsKms },
  { ...pgpNames, load: async () => (await import("./pgp.ts")).pgp },
  { ...hcVaultNames, load: async () => (await import("./hc-vault.ts")).hcVault },
  { ...huaweiKmsNames, load: async () => (await import("./huawei-kms.ts")).huaweiKms },
];

/** Key types of the format that have no provider yet, under all their names, so that meeting one can be said clearly. */
export const missingProviders = [
  { metadata: "gcp_kms", rule: "gcp_kms", group: "gcp_kms", flag: "gcp-kms", env: "SOPS_GCP_KMS_IDS", name: "GCP KMS" },
  {
    metadata: "azure_kv",
    rule: "azure_keyvault",
    group: "azure_keyvault",
    flag: "azure-kv",
    env: "SOPS_AZURE_KEYVAULT_URLS",
    name: "Azure Key Vault",
  },
] as const;

/** Every key type the file format has, by the name of its list in the metadata, as people call it. */
export const knownKeyTypes: ReadonlyMap<string, string> = new Map<string, string>([
  ["age", "age"],
  ["kms", "AWS KMS"],
  ["pgp", "PGP"],
  ["hc_vault", "HashiCorp Vault"],
  ["hckms", "HuaweiCloud KMS"],
  ...missingProviders.map(({ metadata, name }) => [metadata, name] as const),
]);

/** The provider of a list in the metadata, or `null`. */
export function providerByMetadata(name: string): KnownProvider | null {
  return providers.find((provider) => provider.names.metadata === name) ?? null;
}
