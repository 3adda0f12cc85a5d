import { dirname, join, resolve } from "node:path";
import type { RawRecipient } from "../config.ts";
import { providers } from "../crypto/keys/registry.ts";
import { KeyleafError } from "../errors.ts";
import type { Context, Flags } from "./context.ts";
import { ConfigFinder } from "./find-config.ts";
import { keyFlags } from "./flags.ts";

/**
 * Whether the user has named a server: by a key flag or variable for new files, or by any rule of the configuration that
 * goes with the files of the command line or with the working directory. Scheme, host and port have to be the same.
 * @param url - as an encrypted file has it.
 */
export async function isNamedByUser(
  url: string,
  operands: readonly string[],
  flags: Flags,
  context: Context,
): Promise<boolean> {
  const wanted = originOf(url);
  if (wanted === null) return false;
  const names = (text: string): boolean => text.split(",").some((item) => originOf(item.trim()) === wanted);
  const { env } = context.host;
  const texts = [...keyFlags.map(({ name }) => flags.text(name)), ...providers.map(({ names }) => env[names.env])];
  if (texts.some((text) => text !== undefined && names(text))) return true;
  return (await rawRecipients(operands, flags, context)).some(({ value }) =>
    typeof value === "string"
      ? names(value)
      : [...value.values()].some((text) => typeof text === "string" && names(text)),
  );
}

async function rawRecipients(
  operands: readonly string[],
  flags: Flags,
  context: Context,
): Promise<readonly RawRecipient[]> {
  const { cwd } = context.host;
  const configs = new ConfigFinder(flags, context);
  const override = flags.text("filename-override");
  const paths = [...operands, ...(override === undefined ? [] : [override])].map((name) => resolve(cwd, name));
  // An operand may be a folder, and a configuration lie in it.
  const places = new Set(paths.flatMap((path) => [dirname(path), path]).map((folder) => join(folder, "file")));
  const recipients: RawRecipient[] = [];
  for (const place of [null, ...places]) {
    try {
      const found = await configs.find(place);
      recipients.push(...(found?.config.creationRules ?? []).flatMap(({ keyGroups }) => keyGroups.flat()));
    } catch (error) {
      // Decrypting needs no configuration, so one that is broken names nobody.
      if (!(error instanceof KeyleafError)) throw error;
    }
  }
  return recipients;
}

/** `null`: not the URL of a server. */
function originOf(text: string): string | null {
  try {
    const { protocol, origin } = new URL(text);
    return protocol === "https:" || protocol === "http:" ? origin : null;
  } catch {
    return null;
  }
}
