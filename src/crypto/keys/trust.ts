import { KeyleafError, reasonOf } from "../../errors.ts";
import type { Host } from "../../host.ts";

/**
 * Holds a server that stands in a file to what the user has named: whoever wrote the file chose it, and it would be sent
 * the user's token.
 * @param url - as it stands in the file: http or https, without a user name
 * @param places - where users name servers of this provider, besides `--trust-endpoint`
 * @throws `PROVIDER_FAILED` where it may not be contacted, or nobody can tell: which server it is, and how to name it.
 */
export async function expectTrusted(url: string, host: Host, provider: string, places: string): Promise<void> {
  let doubt = "";
  try {
    if ((await host.isTrustedEndpoint?.(url)) === true) return;
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    doubt = `; ${reasonOf(error)}`;
  }
  const { origin } = new URL(url);
  throw new KeyleafError("PROVIDER_FAILED", `${origin} stands only in the file, so it was not contacted${doubt}`, {
    hint: `if it is yours, name it ${places} or with --trust-endpoint ${origin}`,
    details: { provider },
  });
}
