import { KeyleafError, reasonOf } from "../../errors.ts";
import type { Host } from "../../host.ts";

/** Where the name of a server comes from. */
export interface Naming {
  /** What the server stands in. Default: the file. */
  readonly source?: "file" | "request";
  /** Provider id. */
  readonly provider: string;
  /** How users name servers of this provider, up to `--trust-endpoint`. Default: in no other way. */
  readonly howTo?: string;
}

/**
 * Holds a server that others have named to what the user has named: it would be sent the user's token.
 * @param url - as it stands there: http or https, without a user name
 * @throws `PROVIDER_FAILED` where it may not be contacted, or nobody can tell: which server it is, also as
 *   `details.endpoint`, and how to name it.
 */
export async function expectTrusted(
  url: string,
  host: Host,
  { source = "file", provider, howTo = "name it with" }: Naming,
): Promise<void> {
  let doubt = "";
  try {
    if ((await host.isTrustedEndpoint?.(url)) === true) return;
  } catch (error) {
    if (!(error instanceof KeyleafError)) throw error;
    doubt = `; ${reasonOf(error)}`;
  }
  const { origin } = new URL(url);
  throw new KeyleafError("PROVIDER_FAILED", `${origin} stands only in the ${source}, so it was not contacted${doubt}`, {
    hint: `if it is yours, ${howTo} --trust-endpoint ${origin}`,
    details: { provider, endpoint: origin },
  });
}
