import type { Config } from "../config.ts";
import { azureKeyvaultNames, hcVaultNames } from "../crypto/keys/names.ts";
import { KeyleafError } from "../errors.ts";
import type { Context, Flags } from "./context.ts";
import { ConfigFinder } from "./find-config.ts";
import { messageWithFile } from "./report-error.ts";

/**
 * Which addresses that stand in files may be contacted: who can change a file could otherwise have the user's token sent
 * anywhere. Trusted is what the user has named: with `--trust-endpoint`, in the environment, or in a creation rule of the
 * `.sops.yaml` that is found for a file of the run. Loaded when a key asks, since most files have no addresses in them.
 */
export class TrustedEndpoints {
  readonly #flagged: readonly string[];
  readonly #context: Context;
  readonly #configs: ConfigFinder;

  /** @throws `USAGE` for a bad `--trust-endpoint`. */
  constructor(flags: Flags, context: Context) {
    this.#flagged = flagged(flags);
    this.#context = context;
    this.#configs = new ConfigFinder(flags, context);
  }

  /** @throws `CONFIG_*` where a configuration that might name the address cannot be read. */
  async has(url: string): Promise<boolean> {
    const { program, host, files } = this.#context;
    // The reference contacts whatever a file names, but for what SOPS_HC_VAULT_ALLOWLIST says, which the provider knows.
    if (program === "sops") return true;
    const wanted = originOf(url);
    if (wanted === null) return false;
    if (this.#flagged.includes(wanted) || fromEnvironment(host.env).includes(wanted)) return true;
    for (const file of files.size === 0 ? [null] : files) {
      const found = await this.#configs.find(file).catch(unreadable);
      if (found !== null && fromRules(found.config).includes(wanted)) return true;
    }
    return false;
  }
}

/** As a part of the reason for a key: which file it is about, and why that matters, is not clear there. */
function unreadable(error: unknown): never {
  if (!(error instanceof KeyleafError)) throw error;
  throw new KeyleafError(error.code, `the configuration could not be read: ${messageWithFile(error)}`, {
    hint: error.hint,
    details: error.details,
    cause: error,
  });
}

/** Names of the providers whose recipients are addresses. */
const named = [hcVaultNames, azureKeyvaultNames].map(({ names }) => names);

/** Variables by which users name servers: an address, or addresses of keys with commas between. */
const VARIABLES = ["VAULT_ADDR", "BAO_ADDR", "SOPS_HC_VAULT_ALLOWLIST", ...named.map(({ env }) => env)];

const RULE_KEYS: ReadonlySet<string> = new Set(named.flatMap(({ rule, group }) => [rule, group]));

/**
 * Scheme, host and port, in one spelling: lower case, without the port that the scheme has anyway. `null`: no address of
 * a server, or one with a user name, behind which another host may hide.
 */
function originOf(text: string): string | null {
  const trimmed = text.trim();
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) return null;
  const { origin, username, password } = new URL(trimmed);
  // A blank pair of them, as in `https://@host`, is not in the parsed address any more.
  return username !== "" || password !== "" || /^https?:\/\/[^/?#]*@/i.test(trimmed) ? null : origin;
}

function flagged(flags: Flags): string[] {
  return (flags.text("trust-endpoint") ?? "").split(",").flatMap((text) => {
    if (text.trim() === "") return [];
    const origin = originOf(text);
    if (origin !== null) return [origin];
    throw new KeyleafError("USAGE", "--trust-endpoint takes an http or https address without a user name", {
      hint: "for example --trust-endpoint https://vault.example.com:8200",
    });
  });
}

function fromEnvironment(env: Context["host"]["env"]): (string | null)[] {
  return VARIABLES.flatMap((name) => (env[name] ?? "").split(",").map(originOf));
}

function fromRules({ creationRules }: Config): (string | null)[] {
  const recipients = (creationRules ?? []).flatMap(({ keyGroups }) => keyGroups.flat());
  return recipients
    .filter(({ ruleKey }) => RULE_KEYS.has(ruleKey))
    .flatMap(({ value }) => (typeof value === "string" ? [value] : [...value.values()]))
    .map((text) => (typeof text === "string" ? originOf(text) : null));
}
