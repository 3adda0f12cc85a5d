import { age } from "./age.ts";
import { awsKmsNames, azureKeyvaultNames, gcpKmsNames, type ProviderNames } from "./names.ts";
import type { KeyProvider } from "./provider.ts";

/** What is known of a provider before it is loaded. */
export interface KnownProvider extends ProviderNames {
  readonly load: () => Promise<KeyProvider>;
}

/** Every key provider, but for age loaded when it is used. A new one is a file and a line here. */
export const providers: readonly KnownProvider[] = [
  { id: age.id, names: age.names, isLocal: age.isLocal, load: async () => age },
  { ...awsKmsNames, load: async () => (await import("./aws-kms.ts")).awsKms },
  { ...gcpKmsNames, load: async () => (await import("./gcp-kms.ts")).gcpKms },
  { ...azureKeyvaultNames, load: async () => (await import("./azure-keyvault.ts")).azureKeyvault },
];

/** Key types of the format that have no provider yet, under all their names, so that meeting one can be said clearly. */
export const missingProviders = [
  {
    metadata: "hckms",
    rule: "hckms",
    group: "hckms",
    flag: "hckms",
    env: "SOPS_HUAWEICLOUD_KMS_IDS",
    name: "HuaweiCloud KMS",
  },
  {
    metadata: "hc_vault",
    rule: "hc_vault_transit_uri",
    group: "hc_vault",
    flag: "hc-vault-transit",
    env: "SOPS_VAULT_URIS",
    name: "HashiCorp Vault",
  },
  { metadata: "pgp", rule: "pgp", group: "pgp", flag: "pgp", env: "SOPS_PGP_FP", name: "PGP" },
] as const;

/** Every key type the file format has, by the name of its list in the metadata, as people call it. */
export const knownKeyTypes: ReadonlyMap<string, string> = new Map<string, string>([
  ["age", "age"],
  ["kms", "AWS KMS"],
  ["gcp_kms", "GCP KMS"],
  ["azure_kv", "Azure Key Vault"],
  ...missingProviders.map(({ metadata, name }) => [metadata, name] as const),
]);

/** The provider of a list in the metadata, or `null`. */
export function providerByMetadata(name: string): KnownProvider | null {
  return providers.find((provider) => provider.names.metadata === name) ?? null;
}
