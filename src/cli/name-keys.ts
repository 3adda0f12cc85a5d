import { resolve } from "node:path";
import { providerBy } from "../crypto/keys/registry.ts";
import { KeyleafError, withDetails } from "../errors.ts";
import type { InspectedKey } from "../inspect.ts";
import { once } from "../once.ts";
import { recipientNames } from "../recipient-names.ts";
import { type CliHost, type Context, type Flags, withHost } from "./context.ts";
import { ConfigFinder, type FoundConfig } from "./find-config.ts";
import { readFileOr } from "./read-file.ts";
import { FilesFailed } from "./report-error.ts";

/** Names of keys, which people know better than fingerprints. Looked up only when there is a failure to report. */

/** The error with the names that the keys it reports have in the configuration of the file. */
export async function withKeyNames(error: unknown, flags: Flags, context: Context): Promise<unknown> {
  const quiet = { ...context, streams: { ...context.streams, stderr: { ...context.streams.stderr, write: () => {} } } };
  // The names are in comments, which the configuration that is found does not have; its text has just been read.
  const read = new Map<string, Promise<Uint8Array | null>>();
  const reading = withHost(quiet, { readFile: (path) => once(read, path, () => context.host.readFile(path)) });
  const configs = new ConfigFinder(flags, reading);
  if (error instanceof KeyleafError) return named(error, configs, reading);
  if (!(error instanceof FilesFailed)) return error;
  const errors: KeyleafError[] = [];
  for (const one of error.errors) errors.push(await named(one, configs, reading));
  return new FilesFailed(errors, error.total, error.hasRest);
}

/** Gives the name of a key of a file; `null`: it has none. */
export type NameOf = (key: InspectedKey) => string | null;

/** The names of keys in configurations, each of which is read once. */
export class RecipientNames {
  readonly #host: CliHost;
  readonly #names = new Map<string, Promise<NameOf>>();

  constructor(host: CliHost) {
    this.#host = host;
  }

  /** The names that are in a configuration. Where it cannot be read any more, there are none. */
  of(found: FoundConfig): Promise<NameOf> {
    return once(this.#names, found.path, async () => {
      const text = await readFileOr("CONFIG_UNREADABLE", found.path, found.path, this.#host);
      const nameOf = await recipientNames(Buffer.from(text ?? []).toString(), found.config);
      return ({ type, recipient }: InspectedKey) => nameOf({ provider: providerBy("metadata", type).id, recipient });
    });
  }
}

async function named(error: KeyleafError, configs: ConfigFinder, { host }: Context): Promise<KeyleafError> {
  const { attempts = [], file } = error.details;
  if (error.code !== "KEY_UNAVAILABLE" || attempts.length === 0) return error;
  try {
    const found = await configs.find(file === undefined ? null : resolve(host.cwd, file));
    const text = found === null ? null : await host.readFile(found.path);
    if (found === null || text === null) return error;
    const nameOf = await recipientNames(Buffer.from(text).toString(), found.config);
    const withNames = attempts.map((attempt) => {
      const name = nameOf(attempt);
      return name === null ? attempt : { ...attempt, name };
    });
    return withDetails(error, { attempts: withNames });
  } catch {
    // Decrypting needs no configuration: one that cannot be read takes nothing away from what there is to say.
    return error;
  }
}
