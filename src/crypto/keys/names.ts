import type { KeyProvider } from "./provider.ts";

/** What of a provider is needed before it is loaded. */
export type ProviderNames = Pick<KeyProvider, "id" | "names" | "isLocal">;

export const awsKmsNames: ProviderNames = {
  id: "aws-kms",
  names: { metadata: "kms", rule: "kms", group: "kms", flag: "kms", env: "SOPS_KMS_ARN" },
  isLocal: false,
};

export const gcpKmsNames: ProviderNames = {
  id: "gcp-kms",
  names: { metadata: "gcp_kms", rule: "gcp_kms", group: "gcp_kms", flag: "gcp-kms", env: "SOPS_GCP_KMS_IDS" },
  isLocal: false,
};

export const huaweiKmsNames: ProviderNames = {
  id: "huawei-kms",
  names: { metadata: "hckms", rule: "hckms", group: "hckms", flag: "hckms", env: "SOPS_HUAWEICLOUD_KMS_IDS" },
  isLocal: false,
};

export const azureKeyvaultNames: ProviderNames = {
  id: "azure-keyvault",
  names: {
    metadata: "azure_kv",
    rule: "azure_keyvault",
    group: "azure_keyvault",
    flag: "azure-kv",
    env: "SOPS_AZURE_KEYVAULT_URLS",
  },
  isLocal: false,
};

export const hcVaultNames: ProviderNames = {
  id: "hc-vault",
  names: {
    metadata: "hc_vault",
    rule: "hc_vault_transit_uri",
    group: "hc_vault",
    flag: "hc-vault-transit",
    env: "SOPS_VAULT_URIS",
  },
  isLocal: false,
};

export const pgpNames: ProviderNames = {
  id: "pgp",
  names: { metadata: "pgp", rule: "pgp", group: "pgp", flag: "pgp", env: "SOPS_PGP_FP" },
  isLocal: true,
};
