import type { KeyProvider } from "./provider.ts";

/** What of a provider is needed before it is loaded. */
export type ProviderNames = Pick<KeyProvider, "id" | "names" | "isLocal">;

export const awsKmsNames: ProviderNames = {
  id: "aws-kms",
  names: { metadata: "kms", rule: "kms", group: "kms", flag: "kms", env: "SOPS_KMS_ARN" },
  isLocal: false,
};

export const pgpNames: ProviderNames = {
  id: "pgp",
  names: { metadata: "pgp", rule: "pgp", group: "pgp", flag: "pgp", env: "SOPS_PGP_FP" },
  isLocal: true,
};
