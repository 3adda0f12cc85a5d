import { age } from "./age.ts";
import {
  awsKmsNames,
  azureKeyvaultNames,
  gcpKmsNames,
  hcVaultNames,
  huaweiKmsNames,
  type ProviderNames,
  pgpNames,
} from "./names.ts";
import type { KeyProvider } from "./provider.ts";

/** What is known of a provider before it is loaded. */
export interface KnownProvider extends ProviderNames {
  readonly load: () => Promise<KeyProvider>;
}

/**
 * Every key provider, but for age loaded when it is used: one for each list of keys in the metadata. A new one is a file
 * and a line here. The order is that in which the reference takes keys from flags and the environment.
 */
export const providers: readonly KnownProvider[] = [
  { ...awsKmsNames, load: async () => (await import("./aws-kms.ts")).awsKms },
  { ...gcpKmsNames, load: async () => (await import("./gcp-kms.ts")).gcpKms },
  { ...huaweiKmsNames, load: async () => (await import("./huawei-kms.ts")).huaweiKms },
  { ...azureKeyvaultNames, load: async () => (await import("./azure-keyvault.ts")).azureKeyvault },
  { ...pgpNames, load: async () => (await import("./pgp.ts")).pgp },
  { ...hcVaultNames, load: async () => (await import("./hc-vault.ts")).hcVault },
  { id: age.id, names: age.names, isLocal: age.isLocal, load: async () => age },
];

/** The provider that goes by a name of that kind. */
export function providerBy(kind: keyof ProviderNames["names"], name: string): KnownProvider {
  const known = providers.find(({ names }) => names[kind] === name);
  if (known === undefined) throw new Error(`no key provider has the ${kind} name ${name}`);
  return known;
}
