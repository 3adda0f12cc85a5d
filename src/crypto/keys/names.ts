import type { KeyProvider } from "./provider.ts";

/** Names of providers that are needed before those are loaded. */

export const kmsNames: KeyProvider["names"] = {
  metadata: "kms",
  rule: "kms",
  group: "kms",
  flag: "kms",
  env: "SOPS_KMS_ARN",
};
