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
