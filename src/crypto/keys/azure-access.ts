/**
 * Access tokens for Azure: environment, workload identity, managed identity, then what is signed in on this machine, in the
 * order of the reference's Azure SDK, each of them up to @azure/identity, which looks at the environment of the process.
 *
 * Source: SOPS azkv/keysource.go; azidentity 1.12, DefaultAzureCredential.
 */
import type { ChainedTokenCredential, TokenCredential } from "@azure/identity";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { inTime } from "../time-limit.ts";
import { memberOf, textIn } from "./answers.ts";
import type { Challenge } from "./azure-keyvault.ts";
import { failing } from "./fields.ts";
import { azureKeyvaultNames } from "./names.ts";
import { networkFailure, networkReasons } from "./network-reasons.ts";
import { optionalPackage } from "./optional-package.ts";

/** An access token that is good for some minutes at least. @throws `PROVIDER_FAILED` */
export type AzureAccess = (challenge: Challenge) => Promise<string>;

/** Before it ends a token counts as old. */
const SAFETY_MS = 2 * 60_000;
/** The command line tools of Azure, which are asked last, take seconds. */
const TOKEN_TIMEOUT_MS = 30_000;

/** Tokens are kept, for some credentials start a program for each. */
export async function loadAzureAccess({ env }: Host): Promise<AzureAccess> {
  const identity = await optionalPackage(
    "@azure/identity@4.13",
    "Azure Key Vault",
    azureKeyvaultNames.id,
    () => import("@azure/identity"),
  );
  const credential = credentialOf(identity, env);
  const tokens = new Map<string, Promise<{ token: string; expiresOnTimestamp: number }>>();
  return async ({ scope, tenantId }) => {
    const id = JSON.stringify([scope, tenantId]);
    const ask = async () => {
      try {
        const asking = credential.getToken(scope, tenantId === "" ? {} : { tenantId });
        return await inTime(asking, TOKEN_TIMEOUT_MS, () => failed("no Azure access token in time", NETWORK_HINT));
      } catch (error) {
        throw explained(error);
      }
    };
    const kept = await once(tokens, id, ask);
    if (kept.expiresOnTimestamp - Date.now() > SAFETY_MS) return kept.token;
    tokens.delete(id);
    return (await once(tokens, id, ask)).token;
  };
}

/**
 * Not the library's own chain unless the user asks for it by `AZURE_TOKEN_CREDENTIALS`: it ends in PowerShell, which is
 * slow, and which Windows would take from the working directory.
 */
function credentialOf(identity: typeof import("@azure/identity"), env: Host["env"]): ChainedTokenCredential {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  if (isSet("AZURE_TOKEN_CREDENTIALS")) {
    try {
      return new identity.DefaultAzureCredential();
    } catch {
      throw failed(
        "AZURE_TOKEN_CREDENTIALS names no kind of credentials",
        "it may be prod, dev, or one of their names",
      );
    }
  }
  const clientId = env["AZURE_CLIENT_ID"] || "";
  // Of two kinds the constructor tells whether they fit here.
  const made = [
    () => new identity.EnvironmentCredential(),
    () => new identity.WorkloadIdentityCredential(),
    () => new identity.ManagedIdentityCredential({ ...(clientId === "" ? {} : { clientId }), ...PROBING }),
    () => new identity.AzureCliCredential(),
    () => new identity.AzureDeveloperCliCredential(),
  ].flatMap((make): TokenCredential[] => {
    try {
      return [make()];
    } catch {
      return [];
    }
  });
  return new identity.ChainedTokenCredential(...made);
}

/** As in the library's own chain: on a machine outside of Azure the address of the metadata is silent, and given up soon. */
const PROBING = { sendProbeRequest: true };

const NETWORK_HINT = "check the network, HTTPS_PROXY and AZURE_AUTHORITY_HOST";
const SIGN_IN_HINT = 'run "az login", or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET';

/** Error numbers of Microsoft Entra in plain words. */
const reasons: ReadonlyMap<string, string> = new Map([
  ["AADSTS7000215", "the client secret is wrong"],
  ["AADSTS7000222", "the client secret has expired"],
  ["AADSTS700016", "there is no such application in the tenant"],
  ["AADSTS700027", "the client certificate is not known"],
  ["AADSTS90002", "there is no such tenant"],
  ["AADSTS700082", "the sign-in has expired"],
]);

/** What the library throws, without its text, which is a page of advice and may quote what was sent. */
function explained(error: unknown): KeyleafError {
  if (error instanceof KeyleafError) return error;
  const name = error instanceof Error ? error.name : "";
  if (name === "AggregateAuthenticationError" || name === "CredentialUnavailableError") {
    return failed("no usable Azure credentials were found", SIGN_IN_HINT);
  }
  const code = textIn(error, "code");
  if (networkReasons.has(code)) {
    return networkFailure(error, "no Azure access token", azureKeyvaultNames.id, NETWORK_HINT);
  }
  const response = memberOf(error, "errorResponse");
  const number = /\bAADSTS\d+\b/.exec(textIn(response, "errorDescription") || textIn(error, "message"))?.[0];
  const kind = /^\w{1,64}$/.exec(textIn(response, "error"))?.[0];
  const shown = number ?? kind ?? (/^\w{1,64}$/.test(name) ? name : "unknown");
  return failed(
    `no Azure access token: ${reasons.get(shown) ?? "the credentials are not accepted"} (${shown})`,
    SIGN_IN_HINT,
  );
}

const failed = failing(azureKeyvaultNames.id);
